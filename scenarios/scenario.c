// SPDX-License-Identifier: MIT
#include "scenarios/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdict_names[] = {
    [TREADLE_VERDICT_NONE] = "none",
    [TREADLE_VERDICT_HOLDS] = "holds",
    [TREADLE_VERDICT_NO_VIOLATION_FOUND] = "no-violation-found",
    [TREADLE_VERDICT_VIOLATED] = "violated",
    [TREADLE_VERDICT_UNKNOWN] = "unknown",
};

static const char *const backend_names[TREADLE_BACKEND_COUNT] = {
    [TREADLE_BACKEND_MEMORY] = "memory",
    [TREADLE_BACKEND_REDIS_MODEL] = "redis-model",
    [TREADLE_BACKEND_REDIS] = "redis",
};

const char *treadle_verdict_name(treadle_verdict verdict)
{
    return verdict_names[verdict];
}

const char *treadle_backend_name(treadle_backend backend)
{
    return backend_names[backend];
}

bool treadle_backend_parse(const char *name, treadle_backend *out)
{
    for (size_t i = 0; i < TREADLE_BACKEND_COUNT; i++) {
        if (strcmp(backend_names[i], name) == 0) {
            *out = (treadle_backend)i;
            return true;
        }
    }
    return false;
}

bool treadle_faults_any(const treadle_faults *faults)
{
    return memcmp(faults, &(treadle_faults){0}, sizeof *faults) != 0;
}

const char *treadle_scenario_needs_own_server(const treadle_scenario *scenario)
{
    const treadle_faults *faults = &scenario->faults;
    if (scenario->moves_clock) {
        return "moves the clock, which a server given by --redis does not follow";
    }
    if ((faults->scripts_flushed | faults->error_reply | faults->evicted | faults->answered) != 0) {
        return "strikes faults in the server, which one given by --redis is spared";
    }
    return NULL;
}

bool treadle_variant_is_solution(const char *variant)
{
    return strcmp(variant, "fixed") == 0 || strcmp(variant, "lockfree") == 0;
}

const treadle_expectation *treadle_scenario_baseline(const treadle_scenario *scenario,
                                                     treadle_backend backend)
{
    const treadle_expectation *found = NULL;
    for (const treadle_expectation *e = scenario->expectations; e->variant != NULL; e++) {
        if (e->backend != backend || e->verdict != TREADLE_VERDICT_VIOLATED ||
            treadle_variant_is_solution(e->variant)) {
            continue;
        }
        if (strcmp(e->variant, "naive") == 0) {
            return e;
        }
        found = found != NULL ? found : e;
    }
    return found;
}

int64_t treadle_run_parameter(const treadle_run *run, const char *name)
{
    const treadle_parameter *parameters = run->scenario->parameters;
    for (size_t i = 0; parameters[i].name != NULL; i++) {
        if (strcmp(parameters[i].name, name) == 0) {
            return run->parameters[i];
        }
    }
    fprintf(stderr, "treadle: %s has no parameter %s\n", run->scenario->name, name);
    abort();
}

const treadle_scenario *treadle_scenario_find(const char *name)
{
    for (size_t i = 0; i < treadle_scenario_count(); i++) {
        if (strcmp(treadle_scenarios()[i]->name, name) == 0) {
            return treadle_scenarios()[i];
        }
    }
    return NULL;
}

const treadle_expectation *treadle_scenario_expectation(const treadle_scenario *scenario,
                                                        const char *variant,
                                                        treadle_backend backend,
                                                        treadle_granularity granularity)
{
    const treadle_expectation *coarser = NULL;
    for (const treadle_expectation *e = scenario->expectations; e->variant != NULL; e++) {
        if (strcmp(e->variant, variant) != 0 || e->backend != backend) {
            continue;
        }
        if (e->granularity == granularity) {
            return e;
        }
        if (e->granularity < granularity && e->verdict == TREADLE_VERDICT_VIOLATED) {
            coarser = e;
        }
    }
    return coarser;
}
