// SPDX-License-Identifier: MIT
/*
 * A gate: which checks must hold for one team before it rolls out. A YAML file:
 *
 *     must-hold:
 *       - scenarios: sliding_window/check* # a glob, as for `treadle check`
 *         variant: fixed
 *         backend: redis                   # these two may be left out: all
 *         granularity: await
 *         at-least: holds                  # or no-violation-found
 *         unknown: fail                    # or allow
 *     allow:
 *       - scenarios: sliding_window/evicted
 *         variant: fixed
 *         reason: our server evicts nothing
 *
 * A check passes when its verdict is at least the wanted one; `unknown` fails unless it is allowed.
 * A rule that no check matches fails: what is not run does not hold. What is listed under `allow`
 * does not count, and its reason is shown.
 *
 * A gate is owned by whoever read it. Not thread-safe.
 */
#ifndef TREADLE_REPORTS_CONSISTENCY_GATE_H
#define TREADLE_REPORTS_CONSISTENCY_GATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct treadle_gate treadle_gate;

/* NULL with one line in `error`, "FILE:LINE: what is wrong; what would be right". */
treadle_gate *treadle_gate_read(const char *path, char *error, size_t error_size);
void treadle_gate_free(treadle_gate *gate);

/* "gate" of the schema, from the array of cells. A new reference; NULL when out of memory. */
json_t *treadle_gate_apply(const treadle_gate *gate, const json_t *cells);

typedef enum treadle_gate_status {
    TREADLE_GATE_PASSED,
    TREADLE_GATE_FAILED,
    TREADLE_GATE_UNKNOWN, /* nothing but unknown verdicts is in the way */
} treadle_gate_status;

treadle_gate_status treadle_gate_status_of(const json_t *applied);

#endif
