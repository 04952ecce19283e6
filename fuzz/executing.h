// SPDX-License-Identifier: MIT
/*
 * Executions in the fuzzer's own process, and what comes of those that break something.
 *
 * Every violation is counted; one of a new property is printed with its token. It is as expected
 * when the variant is one that nobody stands behind, or the row states it; else it is a crash of
 * the input, which libFuzzer keeps. A subject that takes the process along always is.
 *
 * One a process, opened at the first input: libFuzzer's signal handlers are there by then.
 */
#ifndef TREADLE_FUZZ_EXECUTING_H
#define TREADLE_FUZZ_EXECUTING_H

#include "fuzz/workload.h"
#include "tools/strategies/fuzz.h"

typedef struct treadle_fuzz_options {
    treadle_workloads workloads;
    bool no_feedback; /* code coverage alone */
    bool stop;        /* an expected violation is a crash, too */
} treadle_fuzz_options;

void treadle_fuzz_open(const treadle_fuzz_options *options);

/* Runs an input, with feedback. */
void treadle_fuzz_input(const uint8_t *data, size_t size);

/* Runs the workload of an input, going by `follow` where it is not NULL, and leaves what happened
 * in `log`, where that is not NULL. Nothing is looked for. Returns the decisions, valid until the
 * next execution. */
const treadle_decisions *treadle_fuzz_try(const uint8_t *data, size_t size,
                                          treadle_fuzz_log *follow, treadle_fuzz_log *log);

/* The decisions that the last execution asked for. */
uint32_t treadle_fuzz_length(void);

/* The input's token, to be freed; NULL when out of memory. *broken tells whether it breaks
 * something. */
char *treadle_fuzz_token(const uint8_t *data, size_t size, bool *broken);

#endif
