// SPDX-License-Identifier: MIT
/*
 * Inputs: what a fuzzer's bytes stand for. The first TREADLE_WORKLOAD_BYTES choose the workload:
 * which of the target's scenarios, at which granularity, with which parameters; the rest are
 * decisions (tools/strategies/fuzz.h). Zeros choose what the scenario's row says.
 *
 * A target is one component's scenarios on one variant, in memory or on Redis. Left out are
 * scenarios that are expected to take the process along, and those that compare with serial
 * outcomes, which would have to be collected anew for each workload.
 */
#ifndef TREADLE_FUZZ_WORKLOAD_H
#define TREADLE_FUZZ_WORKLOAD_H

#include "tools/explore/cell.h"

#define TREADLE_WORKLOAD_BYTES (2 + TREADLE_PARAMETERS_MAX)
#define TREADLE_WORKLOADS_MAX 256

/* What of a workload is not the input's to choose. Zero leaves it everything. */
typedef struct treadle_workload_pins {
    const char *scenario; /* without its component; NULL = any */
    treadle_granularity granularity;
    const char *set; /* NAME=VALUE,…; NULL = no parameter */
} treadle_workload_pins;

typedef struct treadle_workloads {
    const char *variant;
    treadle_backend backend;
    treadle_workload_pins pins;
    size_t count;
    const treadle_scenario *scenarios[TREADLE_WORKLOADS_MAX];
    uint8_t granularities[TREADLE_WORKLOADS_MAX]; /* the finest of each one's rows */
} treadle_workloads;

/* The workloads of a target. False with one line in `error` when it has none, or a pin fits none.
 * The strings are borrowed. */
bool treadle_workloads_select(treadle_workloads *out, const char *component, const char *variant,
                              treadle_backend backend, const treadle_workload_pins *pins,
                              char *error, size_t error_size);

/* The cell that an input chooses, however short it is. Returns its scenario's place. */
size_t treadle_workload_read(const treadle_workloads *workloads, const uint8_t *data, size_t size,
                             treadle_cell *cell);

/* Prints "COMPONENT-VARIANT", on Redis "COMPONENT-VARIANT-redis", for every target there is. */
void treadle_workloads_list(void);

#endif
