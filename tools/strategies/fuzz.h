// SPDX-License-Identifier: MIT
/*
 * What a fuzzer has to do with the strategy `fuzz`: give it bytes, and ask what came of them.
 *
 * A byte is a decision, taken modulo its options; past the end every decision is the quiet 0. So
 * any bytes are a schedule, and those of an execution, as bytes, repeat it.
 *
 * What happened can be logged, and changed there, where it is plainer than in the bytes: the steps
 * of an execution are a sequence of threads, and another sequence can be followed as far as the
 * program lets it. The decisions that this comes to are the bytes of a new input.
 */
#ifndef TREADLE_STRATEGIES_FUZZ_H
#define TREADLE_STRATEGIES_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "tools/engine/pending.h"

#define TREADLE_FUZZ_STEPS_MAX 4096u

/* A step: who took it, and what ran. */
typedef struct treadle_fuzz_step {
    uint8_t thread;
    treadle_pending_op op;
} treadle_fuzz_step;

typedef struct treadle_fuzz_log {
    uint32_t count; /* at most TREADLE_FUZZ_STEPS_MAX; what follows is not logged */
    treadle_fuzz_step steps[TREADLE_FUZZ_STEPS_MAX];
} treadle_fuzz_log;

/* What the next executions read: borrowed until they are over. */
void treadle_fuzz_read(void *self, const uint8_t *bytes, size_t size);

/* From now on they fill a log; NULL: no longer. */
void treadle_fuzz_log_to(void *self, treadle_fuzz_log *log);

/* The next executions go by the threads of these steps in place of bytes: the first one left that
 * can go on does, and where none can, the current thread. Their own decisions within steps are read
 * from the bytes as before. NULL: no longer. Borrowed, and changed by an execution. */
void treadle_fuzz_follow(void *self, treadle_fuzz_log *steps);

/* The decisions that the last execution asked for. */
uint32_t treadle_fuzz_asked(const void *self);

#endif
