// SPDX-License-Identifier: MIT
/* Small ordinary programs, instrumented like any subject: each is racy or free of races by one rule
 * of C11, POSIX or Concurrency Kit. */
#ifndef TREADLE_CHECKERS_TESTS_RACES_SUBJECT_H
#define TREADLE_CHECKERS_TESTS_RACES_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct race_program {
    const char *name;
    uint32_t threads;
    bool racy;
    bool always; /* in every execution, however it goes */
    void (*run)(void *, uint32_t index);
} race_program;

extern const race_program race_programs[];
extern const size_t race_program_count;

/* What main does after the threads. */
void look_at_data(void);

#endif
