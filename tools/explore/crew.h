// SPDX-License-Identifier: MIT
/*
 * What the processes share that explore one space together: parts of it on offer and on their way
 * back, what is left of the budget, and what each has done so far.
 *
 * The memory is anonymous and shared with whoever is forked after it was opened; each explorer
 * knows its own number, 0 … explorers − 1, and all state is in atomics and semaphores, so that an
 * explorer that dies takes nobody along. A part belongs to whoever brought it into its state: its
 * lender while it is OFFERED (anyone may take it) and when it is GIVEN_BACK, the one who took it in
 * between.
 */
#ifndef TREADLE_EXPLORE_CREW_H
#define TREADLE_EXPLORE_CREW_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREADLE_CREW_MAX 64u
#define TREADLE_CREW_PARTS 64u
#define TREADLE_PART_BYTES_MAX ((size_t)4 << 20)
#define TREADLE_NO_PART UINT32_MAX

/* What was done. */
typedef struct treadle_tally {
    uint64_t executions;
    uint64_t steps;
    uint64_t spin_blocks;
    uint64_t cut_short; /* see treadle_explore_report */
    uint64_t redundant;
} treadle_tally;

void treadle_tally_add(treadle_tally *sum, const treadle_tally *part);

typedef enum treadle_part_state {
    TREADLE_PART_FREE,
    TREADLE_PART_OFFERED,
    TREADLE_PART_TAKEN,
    TREADLE_PART_GIVEN_BACK,
    TREADLE_PART_ABANDONED, /* taken, and the lender does not need it */
} treadle_part_state;

typedef struct treadle_part {
    _Atomic uint32_t state;
    uint32_t lender;
    bool found_out; /* given back: the bytes are what was found; else it did not fit */
    size_t size;
    treadle_tally tally; /* given back */
    uint8_t bytes[TREADLE_PART_BYTES_MAX];
} treadle_part;

typedef struct treadle_crew_member {
    _Alignas(64) _Atomic uint64_t reserve; /* executions that it may take, of a limited budget */
    _Atomic uint64_t executions;           /* these two for whoever looks on */
    _Atomic uint64_t steps;
    treadle_tally tally; /* its own, for others when it has ended */
    atomic_bool idle;
    sem_t wake;
} treadle_crew_member;

typedef struct treadle_crew {
    uint32_t count;
    bool limited; /* in executions */
    atomic_bool over;
    _Atomic uint32_t found_by; /* 1 + who found something first; 0 = nobody */
    _Atomic uint32_t idle;
    _Atomic uint32_t offered;
    treadle_crew_member members[TREADLE_CREW_MAX];
    treadle_part parts[TREADLE_CREW_PARTS];
} treadle_crew;

/* 0 executions = no limit. NULL when there is no memory. */
treadle_crew *treadle_crew_open(uint32_t explorers, uint64_t executions_max);
void treadle_crew_close(treadle_crew *crew);

/* One execution of the budget; false when it is spent. */
bool treadle_crew_spend(treadle_crew *crew, uint32_t me);

/* Whether somebody is idle who finds nothing on offer. */
bool treadle_crew_hungry(const treadle_crew *crew);

/* Offers a part; TREADLE_NO_PART when there is no place for one. */
uint32_t treadle_crew_offer(treadle_crew *crew, uint32_t me, const void *bytes, size_t size);
/* Takes the part that is on offer; false when somebody else has. */
bool treadle_crew_take(treadle_crew *crew, uint32_t part);
/* Takes any; TREADLE_NO_PART when none is on offer. */
uint32_t treadle_crew_take_any(treadle_crew *crew);
/* Gives back what was taken; `bytes` NULL when it did not come out. */
void treadle_crew_give_back(treadle_crew *crew, uint32_t part, const void *bytes, size_t size,
                            const treadle_tally *tally);
/* The lender does not need it any more, whatever state it is in. */
void treadle_crew_abandon(treadle_crew *crew, uint32_t part);

/* Tells everyone to come to an end. `found`: for this one has found something; false when another
 * was first. */
bool treadle_crew_end(treadle_crew *crew, uint32_t me, bool found);

/* Idle from the first to the second; in between sleeps until something may have changed, or for so
 * long. */
void treadle_crew_idle_begin(treadle_crew *crew, uint32_t me);
void treadle_crew_idle_sleep(treadle_crew *crew, uint32_t me, uint32_t ms);
void treadle_crew_idle_end(treadle_crew *crew, uint32_t me);

/* One more execution. */
void treadle_crew_count(treadle_crew *crew, uint32_t me, const treadle_tally *one);
/* By all explorers together, so far. */
void treadle_crew_done(const treadle_crew *crew, uint64_t *executions, uint64_t *steps);

#endif
