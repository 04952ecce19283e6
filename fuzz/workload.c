// SPDX-License-Identifier: MIT
#include "fuzz/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/explore/check.h"

/* Larger workloads take longer, and show little that these do not. */
enum { BEYOND_FALLBACK = 1 };

/* ---- what there is --------------------------------------------------------------------------- */

static bool takes_process_along(const treadle_expectation *row)
{
    static const char *const properties[] = {"crash", "abort", "exit", "stack-overflow", "hang"};
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (row->property != NULL && strcmp(row->property, properties[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The finest granularity of the rows; NONE when the scenario is not for the variant there. */
static treadle_granularity finest_row(const treadle_scenario *scenario, const char *variant,
                                      treadle_backend backend)
{
    treadle_granularity finest = TREADLE_GRANULARITY_NONE;
    if (scenario->serial_outcomes) {
        return finest;
    }
    for (const treadle_expectation *row = scenario->expectations; row->variant != NULL; row++) {
        if (strcmp(row->variant, variant) != 0 || row->backend != backend) {
            continue;
        }
        if (takes_process_along(row)) {
            return TREADLE_GRANULARITY_NONE;
        }
        finest = row->granularity > finest ? row->granularity : finest;
    }
    return finest;
}

static bool of_component(const treadle_scenario *scenario, const char *component, size_t length)
{
    return strncmp(scenario->name, component, length) == 0 && scenario->name[length] == '/';
}

/* Whether an earlier row of an earlier scenario has named this target already. */
static bool named_before(size_t scenario, const treadle_expectation *row, size_t length)
{
    const treadle_scenario *const *all = treadle_scenarios();
    for (size_t i = 0; i <= scenario; i++) {
        if (!of_component(all[i], all[scenario]->name, length) ||
            finest_row(all[i], row->variant, row->backend) == TREADLE_GRANULARITY_NONE) {
            continue;
        }
        for (const treadle_expectation *other = all[i]->expectations;
             other->variant != NULL && other != row; other++) {
            if (other->backend == row->backend && strcmp(other->variant, row->variant) == 0) {
                return true;
            }
        }
    }
    return false;
}

void treadle_workloads_list(void)
{
    for (size_t i = 0; i < treadle_scenario_count(); i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        const size_t length = strcspn(scenario->name, "/");
        for (const treadle_expectation *row = scenario->expectations; row->variant != NULL; row++) {
            if (finest_row(scenario, row->variant, row->backend) != TREADLE_GRANULARITY_NONE &&
                !named_before(i, row, length)) {
                printf("%.*s-%s%s\n", (int)length, scenario->name, row->variant,
                       row->backend == TREADLE_BACKEND_REDIS ? "-redis" : "");
            }
        }
    }
}

bool treadle_workloads_select(treadle_workloads *out, const char *component, const char *variant,
                              treadle_backend backend, const treadle_workload_pins *pins,
                              char *error, size_t error_size)
{
    *out = (treadle_workloads){.variant = variant, .backend = backend, .pins = *pins};
    const size_t length = strlen(component);
    for (size_t i = 0; i < treadle_scenario_count(); i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        const treadle_granularity finest = finest_row(scenario, variant, backend);
        if (of_component(scenario, component, length) && finest != TREADLE_GRANULARITY_NONE &&
            (pins->scenario == NULL || strcmp(scenario->name + length + 1, pins->scenario) == 0) &&
            out->count < TREADLE_WORKLOADS_MAX) {
            out->granularities[out->count] = (uint8_t)finest;
            out->scenarios[out->count++] = scenario;
        }
    }
    if (out->count == 0) {
        snprintf(error, error_size,
                 "no scenario %s/%s on variant %s, backend %s that can be fuzzed; --targets lists "
                 "what there is",
                 component, pins->scenario != NULL ? pins->scenario : "*", variant,
                 treadle_backend_name(backend));
    }
    return out->count > 0;
}

/* ---- from an input --------------------------------------------------------------------------- */

/* The value of a parameter that is pinned, as NAME=VALUE in a list of them. */
static bool pinned(const char *set, const treadle_parameter *parameter, int64_t *value)
{
    const size_t length = strlen(parameter->name);
    for (const char *from = set; from != NULL && *from != '\0';) {
        if (strncmp(from, parameter->name, length) == 0 && from[length] == '=') {
            *value = strtoll(from + length + 1, NULL, 10);
            *value = *value < parameter->min ? parameter->min : *value;
            *value = *value > parameter->max ? parameter->max : *value;
            return true;
        }
        from += strcspn(from, ",");
        from += *from == ',';
    }
    return false;
}

static int64_t parameter_of(const treadle_parameter *parameter, const char *set, uint8_t byte)
{
    int64_t value;
    if (pinned(set, parameter, &value)) {
        return value;
    }
    const int64_t max = parameter->max < parameter->fallback + BEYOND_FALLBACK
                            ? parameter->max
                            : parameter->fallback + BEYOND_FALLBACK;
    const uint64_t range = (uint64_t)(max - parameter->min) + 1;
    return byte == 0 ? parameter->fallback : parameter->min + (int64_t)((byte - 1u) % range);
}

static treadle_granularity granularity_of(const treadle_workloads *self, size_t at, uint8_t byte)
{
    if (self->pins.granularity != TREADLE_GRANULARITY_NONE) {
        return self->pins.granularity;
    }
    return (treadle_granularity)(byte == 0 ? self->granularities[at]
                                           : TREADLE_GRANULARITY_AWAIT + (byte - 1) % 3);
}

/* A solution that runs an original by design is as fine as its rows say: what is between plain
 * accesses is the original's, and known to be torn. */
static bool runs_original(const treadle_cell *cell)
{
    return treadle_variant_is_solution(cell->variant) &&
           treadle_race_mode_for(TREADLE_RACES_AUTO, cell) != TREADLE_RACES_ON;
}

size_t treadle_workload_read(const treadle_workloads *workloads, const uint8_t *data, size_t size,
                             treadle_cell *cell)
{
    uint8_t head[TREADLE_WORKLOAD_BYTES] = {0};
    memcpy(head, data, size < sizeof head ? size : sizeof head);
    const size_t at = head[0] % workloads->count;
    const treadle_scenario *scenario = workloads->scenarios[at];
    *cell = (treadle_cell){.backend = workloads->backend,
                           .granularity = granularity_of(workloads, at, head[1])};
    snprintf(cell->scenario, sizeof cell->scenario, "%s", scenario->name);
    snprintf(cell->variant, sizeof cell->variant, "%s", workloads->variant);
    const treadle_parameter *parameter = scenario->parameters;
    for (; parameter->name != NULL; parameter++, cell->parameter_count++) {
        cell->parameters[cell->parameter_count] =
            parameter_of(parameter, workloads->pins.set, head[2 + cell->parameter_count]);
    }
    if (workloads->pins.granularity == TREADLE_GRANULARITY_NONE && runs_original(cell) &&
        cell->granularity > workloads->granularities[at]) {
        cell->granularity = workloads->granularities[at];
    }
    return at;
}
