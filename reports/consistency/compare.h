// SPDX-License-Identifier: MIT
/* What became of each check since an older report. */
#ifndef TREADLE_REPORTS_CONSISTENCY_COMPARE_H
#define TREADLE_REPORTS_CONSISTENCY_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Reads report.json. NULL with one line in `error`, which names `path`. */
json_t *treadle_report_read(const char *path, char *error, size_t error_size);

/* "comparison" of the schema. Cells are the same when they have the same name and parameters. Those
 * of the old report that were not asked for now are left out, and so are those that either run was
 * interrupted before the end of. A new reference; NULL when out of memory. */
json_t *treadle_compare(const json_t *old, const json_t *now);

/* Whether a property that held no longer does: it breaks, less was established, or its check is
 * gone. */
bool treadle_comparison_regressed(const json_t *comparison);

#endif
