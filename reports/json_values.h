// SPDX-License-Identifier: MIT
/* JSON values that more than one writer needs. Each returns a new reference, NULL when out of
 * memory; the _new functions of jansson treat a NULL value as a failure to add it. */
#ifndef TREADLE_REPORTS_JSON_VALUES_H
#define TREADLE_REPORTS_JSON_VALUES_H

#include <jansson.h>

#include "tools/explore/cell.h"

/* null for NULL and ""; bytes that are not UTF-8 are replaced. */
json_t *treadle_json_text(const char *text);
json_t *treadle_json_bytes(const char *data, size_t length);

/* An integer where every reader keeps it exact (below 2^53), else a decimal string. */
json_t *treadle_json_number(uint64_t value);

/* 16 hexadecimal digits; null for 0, which means "was never recorded". */
json_t *treadle_json_hash(uint64_t hash);

/* Seconds, to the microsecond. */
json_t *treadle_json_seconds(double seconds);

/* {"threads": 2, …}; an array of the values when the scenario is not one of this program's. */
json_t *treadle_json_parameters(const treadle_cell *cell);

/* A result as `check --format json` writes it (json.c). */
json_t *treadle_json_result(const treadle_result *result);

/* One line. What must not reach a terminal (utf8.h) is escaped, so that no character is lost. 0, or
 * an errno value. */
int treadle_json_dump(const json_t *value, FILE *out);
/* Likewise, flushed. 0, or an errno value; `object` may be NULL (ENOMEM) and is released. */
int treadle_json_print(json_t *object, FILE *out);

#endif
