// SPDX-License-Identifier: MIT
/* Generated programs: a few threads that run a few instructions each, on few places. Plain data. */
#ifndef TREADLE_STRATEGIES_TESTS_PROGRAMS_H
#define TREADLE_STRATEGIES_TESTS_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/engine/outcome.h"
#include "tools/strategies/tests/instructions.h"

enum { PROGRAM_THREADS_MAX = 4, PROGRAM_LENGTH_MAX = 6, PROGRAM_TEXT_MAX = 1000 };

typedef struct instruction {
    opcode code;
    uint32_t place;
} instruction;

typedef struct program {
    uint32_t threads;
    bool another; /* starts a thread before them */
    uint32_t lengths[PROGRAM_THREADS_MAX];
    instruction code[PROGRAM_THREADS_MAX][PROGRAM_LENGTH_MAX];
} program;

/* The program of that number. */
void program_generate(program *self, uint64_t number);

/* The program that these bytes are: threads, then for each its length and its instructions. Any
 * bytes are one. */
void program_read(program *self, const uint8_t *bytes, size_t size);

/* For treadle_program.body, with the program as its argument. */
void program_run(void *self);

/* What the last execution left behind, with how it ended. */
uint64_t program_state(const program *self, const treadle_outcome *outcome);

/* Likewise, but for an exchange of the threads. */
uint64_t program_shape(const program *self, const treadle_outcome *outcome);

void program_describe(const program *self, char *text, size_t size);

#endif
