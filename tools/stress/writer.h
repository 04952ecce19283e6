// SPDX-License-Identifier: MIT
/* How the results of plain stress are written: one writer a file, chosen by name. */
#ifndef TREADLE_STRESS_WRITER_H
#define TREADLE_STRESS_WRITER_H

#include <stdint.h>
#include <stdio.h>

#include "scenarios/scenario.h"

/* All text is borrowed, and only for the call. */
typedef struct treadle_stress_result {
    const treadle_run *run;
    uint64_t rounds;
    uint64_t broken;
    uint64_t first;       /* the round that broke first; 0 = none */
    const char *property; /* that it broke; "" = none */
    int64_t scale;        /* how many times as fast time was */
    double elapsed_s;
    uint64_t explorer; /* the execution in which the explorer found the same; 0 = not known */
} treadle_stress_result;

typedef struct treadle_stress_writer {
    const char *name;
    void (*begin)(FILE *out); /* optional, as is `end` */
    void (*result)(FILE *out, const treadle_stress_result *result);
    void (*left_out)(FILE *out, const treadle_run *run, const char *why);
    void (*end)(FILE *out);
} treadle_stress_writer;

extern const treadle_stress_writer treadle_stress_text;
extern const treadle_stress_writer treadle_stress_json;
extern const treadle_stress_writer treadle_stress_markdown;

/* text, json or markdown; NULL when there is no such format. */
const treadle_stress_writer *treadle_stress_writer_named(const char *name);

#endif
