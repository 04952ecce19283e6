// SPDX-License-Identifier: MIT
#include "tools/cli/exploring.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/suggest.h"
#include "tools/explore/search.h"
#include "tools/redis/redis_url.h"
#include "tools/strategies/strategies.h"

enum { LEFT_OUT_REASONS_MAX = 4 };

static error_t parse_budget(treadle_exploring *self, int key, const char *value)
{
    treadle_check_options *check = &self->jobs.check;
    uint64_t number = 0;
    switch (key) {
    case 'S': return treadle_cli_number(value, "--seed", 0, UINT64_MAX, &check->seed) ? 0 : EINVAL;
    case 'n':
        return treadle_cli_number(value, "--executions", 1, UINT64_MAX, &check->executions_max)
                   ? 0
                   : EINVAL;
    case 't': return treadle_cli_seconds(value, "--time", &check->time_s_max) ? 0 : EINVAL;
    case 'j':
        if (!treadle_cli_number(value, "--jobs", 1, 64, &number)) {
            return EINVAL;
        }
        self->jobs.jobs = (uint32_t)number;
        return 0;
    case TREADLE_KEY_DEPTH:
        if (!treadle_cli_number(value, "--pct-depth", 1, 16, &number)) {
            return EINVAL;
        }
        check->pct_depth = (uint32_t)number;
        return 0;
    case TREADLE_KEY_BOUND:
        if (!treadle_cli_number(value, "--bound", 0, 1000000, &number)) {
            return EINVAL;
        }
        check->bound_limit = (uint32_t)number + 1;
        return 0;
    case TREADLE_KEY_SYMMETRY:
        if (!treadle_symmetry_parse(value, &check->symmetry)) {
            treadle_cli_error("--symmetry is \"%s\"; it takes auto, on or off", value);
            return EINVAL;
        }
        return 0;
    case TREADLE_KEY_RACES:
        if (!treadle_race_mode_parse(value, &check->races)) {
            treadle_cli_error("--races is \"%s\"; it takes auto, on, off or only", value);
            return EINVAL;
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* "check" of "treadle check". */
static const char *command_name(const struct argp_state *state)
{
    const char *space = strrchr(state->name, ' ');
    return space != NULL ? space + 1 : state->name;
}

error_t treadle_exploring_parse(treadle_exploring *self, int key, char *value,
                                const struct argp_state *state)
{
    switch (key) {
    case 'V': self->selection.variant = value; return 0;
    case 'b': self->selection.backend = value; return 0;
    case 'g': self->selection.granularity = value; return 0;
    case 'p': self->selection.set = value; return 0;
    case 's': self->jobs.check.strategy = value; return 0;
    case TREADLE_KEY_REDIS: self->redis_url = value; return 0;
    case ARGP_KEY_ARG:
        if (self->selection.glob != NULL) {
            treadle_cli_error("%s takes one GLOB, but got \"%s\" and \"%s\"", command_name(state),
                              self->selection.glob, value);
            return EINVAL;
        }
        self->selection.glob = value;
        return 0;
    default: return parse_budget(self, key, value);
    }
}

static int check_strategy(const char *name)
{
    if (name == NULL || strcmp(name, TREADLE_SEARCH_AUTO) == 0 ||
        treadle_strategy_find(name) != NULL) {
        return TREADLE_EXIT_OK;
    }
    const char *names[16] = {TREADLE_SEARCH_AUTO};
    char list[200] = TREADLE_SEARCH_AUTO;
    size_t count = 1;
    for (; count < 16 && treadle_strategies[count - 1] != NULL; count++) {
        names[count] = treadle_strategies[count - 1]->name;
        const bool last = treadle_strategies[count] == NULL;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", last ? " and " : ", ", names[count]);
    }
    const char *near = treadle_suggest(name, names, count);
    treadle_cli_error("unknown strategy \"%s\"%s%s%s; there are %s", name,
                      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", list);
    return TREADLE_EXIT_USAGE;
}

/* A server that was given runs on its own time and is nobody's to disturb: leaves out what needs
 * one of ours, and says how many for each reason. */
static void leave_out_own_server_only(treadle_cell *cells, size_t *count)
{
    const char *reasons[LEFT_OUT_REASONS_MAX];
    size_t left_out[LEFT_OUT_REASONS_MAX];
    size_t reason_count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        const char *reason = NULL;
        if (cells[i].backend == TREADLE_BACKEND_REDIS) {
            reason = treadle_scenario_needs_own_server(treadle_scenario_find(cells[i].scenario));
        }
        if (reason == NULL) {
            cells[kept++] = cells[i];
            continue;
        }
        size_t known = 0;
        while (known < reason_count && strcmp(reasons[known], reason) != 0) {
            known++;
        }
        if (known == reason_count) {
            assert(known < LEFT_OUT_REASONS_MAX);
            reasons[reason_count] = reason;
            left_out[reason_count++] = 0;
        }
        left_out[known]++;
    }
    for (size_t i = 0; i < reason_count; i++) {
        fprintf(stderr, "treadle: %zu cell%s left out: the scenario %s\n", left_out[i],
                left_out[i] == 1 ? "" : "s", reasons[i]);
    }
    *count = kept;
}

int treadle_exploring_prepare(treadle_exploring *self, treadle_cell **cells, size_t *count)
{
    char error[TREADLE_MESSAGE_MAX];
    int status = check_strategy(self->jobs.check.strategy);
    if (!status && self->redis_url != NULL) {
        if (treadle_redis_url_parse(self->redis_url, &self->target, error, sizeof error) != 0) {
            treadle_cli_error("--redis: %s", error);
            return TREADLE_EXIT_USAGE;
        }
        self->jobs.redis = &self->target;
    }
    status = status ? status : treadle_cli_select(&self->selection, cells, count);
    if (!status && self->redis_url != NULL) {
        leave_out_own_server_only(*cells, count);
    }
    return status;
}

void treadle_exploring_release(treadle_exploring *self)
{
    treadle_redis_url_release(&self->target);
}
