// SPDX-License-Identifier: MIT
/*
 * How one execution ended. Plain data without pointers, so that it can lie in memory shared with
 * another process and survive the death of the one that wrote it.
 *
 * A message names places in the code as "@0x" and the address that a call there returns to, in the
 * process that ran it, and global variables as "&0x" and their address there. Whoever shows
 * messages resolves them (tools/cli/places.h).
 */
#ifndef TREADLE_ENGINE_OUTCOME_H
#define TREADLE_ENGINE_OUTCOME_H

#include <stdint.h>

#define TREADLE_PROPERTY_MAX 48
#define TREADLE_MESSAGE_MAX 1000

typedef enum treadle_outcome_kind {
    TREADLE_OUTCOME_NONE = 0,    /* no execution has ended yet (in shared memory: it died) */
    TREADLE_OUTCOME_PASSED,      /* ran to its end, every property held */
    TREADLE_OUTCOME_VIOLATED,    /* a property does not hold: deadlock, crash, invariant, … */
    TREADLE_OUTCOME_CUT,         /* step limit, memory limit: nothing is known of the rest */
    TREADLE_OUTCOME_DIVERGED,    /* a replay met a program that does something else */
    TREADLE_OUTCOME_ENVIRONMENT, /* the surroundings failed: the Redis server went away, … */
    TREADLE_OUTCOME_REDUNDANT,   /* given up: whatever follows is equivalent to what was explored */
} treadle_outcome_kind;

typedef struct treadle_outcome {
    treadle_outcome_kind kind;
    uint32_t steps;       /* operations that ran at scheduling points */
    uint32_t switches;    /* times that another thread than the last one ran */
    uint32_t preemptions; /* switches away from a thread that could go on */
    uint32_t spin_blocks; /* times that a spinning or polling thread was made to wait */
    uint64_t trace_hash;  /* of a recorded execution, else 0 */
    char property[TREADLE_PROPERTY_MAX]; /* "over-admission", "deadlock"; "" when it passed */
    char message[TREADLE_MESSAGE_MAX];   /* one line for a person */
} treadle_outcome;

#endif
