// SPDX-License-Identifier: MIT
/* The sections of the page, one a file, in the order in which they answer. Internal to
 * reports/consistency. */
#ifndef TREADLE_REPORTS_CONSISTENCY_PAGE_PARTS_H
#define TREADLE_REPORTS_CONSISTENCY_PAGE_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* page_answer.c: can we roll out, the gate, the comparison. */
void treadle_page_answer(const json_t *report, FILE *out);
/* page_matrix.c: every check. */
void treadle_page_matrix(const json_t *report, FILE *out);
/* page_claims.c: nothing where no claim is about what was checked. */
bool treadle_page_has_claims(const json_t *report);
void treadle_page_claims(const json_t *report, FILE *out);
/* page_counterexamples.c, page_run.c: one execution as lanes. */
void treadle_page_counterexamples(const json_t *report, FILE *out);
typedef struct treadle_page_run_options {
    const char *class; /* of the element */
    const char *label; /* for those who do not see it */
    const char *end;   /* what it came to */
    bool passes;
    long long common_steps; /* with the run that it is compared with; below 0 = with none */
} treadle_page_run_options;
void treadle_page_run(const json_t *run, const treadle_page_run_options *options, FILE *out);
/* page_detection.c */
void treadle_page_detection(const json_t *report, FILE *out);
/* page_reproduction.c */
void treadle_page_reproduction(const json_t *report, FILE *out);

/* ---- what they share (page.c) ---------------------------------------------------------------- */

/* A verdict as a coloured word with a sign before it. */
void treadle_page_verdict(const char *verdict, FILE *out);
/* A number, however large. */
void treadle_page_number(const json_t *object, const char *key, FILE *out);
/* Seconds for a person. */
void treadle_page_seconds(double seconds, FILE *out);

/* The member of an object: an integer, also one that is a decimal string; 0 when missing. */
long long treadle_number_of(const json_t *object, const char *key);
bool treadle_is(const json_t *object, const char *key);
bool treadle_same(const json_t *object, const char *key, const char *text);

#endif
