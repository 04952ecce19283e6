// SPDX-License-Identifier: MIT
/* A consistency report in a few lines, for a terminal. */
#ifndef TREADLE_REPORTS_CONSISTENCY_SUMMARY_H
#define TREADLE_REPORTS_CONSISTENCY_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

/* A line a component and variant, what the gate and the comparison came to, and where the page in
 * `directory` lies. */
void treadle_summary_print(const json_t *report, const char *directory, FILE *out);

#endif
