// SPDX-License-Identifier: MIT
/*
 * What the files of the tsan build share: the engine under the real ThreadSanitizer. README.md says
 * how the two are put together.
 *
 * ThreadSanitizer calls treadle_tsan_reported() from the middle of its own work, on the fiber whose
 * access races, with its locks held: the report is only copied there, and read when the access has
 * returned to the observer.
 */
#ifndef TREADLE_TSAN_TSAN_H
#define TREADLE_TSAN_TSAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TSAN_FRAMES_MAX = 16, TSAN_NAME_MAX = 32 };

/* One of the two accesses of a report. */
typedef struct treadle_tsan_access {
    uintptr_t address;
    uint32_t size;
    bool writes;
    bool atomic;
    char thread[TSAN_NAME_MAX];
    void *frames[TSAN_FRAMES_MAX]; /* innermost first, ends with NULL */
} treadle_tsan_access;

typedef struct treadle_tsan_report {
    bool made;
    treadle_tsan_access now;
    treadle_tsan_access earlier;
} treadle_tsan_report;

/* The first report since it was last cleared. */
extern treadle_tsan_report treadle_tsan_last;

/* ThreadSanitizer has a report, which is valid during the call. True when it is not to be printed.
 */
bool treadle_tsan_reported(void *report);

/* What one thread, which runs or has ended, did so far happens before all that another does from
 * now on. */
void treadle_tsan_edge(uint32_t from, uint32_t to);

/* Mutants of this build, by the environment variable TREADLE_TSAN_MUTANT, with which the suite
 * shows that it would notice: "synchronised-switches" makes every switch of fibers an edge, as
 * handing over between real threads is; "no-accesses" keeps accesses from ThreadSanitizer. */
bool treadle_tsan_mutant(const char *name);

#endif
