// SPDX-License-Identifier: MIT
/*
 * The consistency report as one page that needs nothing else: no network, and no script for what
 * matters. Made from the tree of report.json alone.
 */
#ifndef TREADLE_REPORTS_CONSISTENCY_PAGE_H
#define TREADLE_REPORTS_CONSISTENCY_PAGE_H

#include <jansson.h>
#include <stdio.h>

/* 0, or an errno value. */
int treadle_page_write(const json_t *report, FILE *out);

#endif
