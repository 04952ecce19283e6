// SPDX-License-Identifier: MIT
#include "tools/explore/search.h"

#include <stdio.h>
#include <string.h>

#include "tools/explore/evidence.h"
#include "tools/strategies/strategies.h"

/* A stage's part of the budget, and where none is given what it takes at most. */
typedef struct stage {
    const char *strategy;
    uint64_t executions_max;
    uint64_t executions_max_redis;
    uint32_t percent;
} stage;

enum { BOUND_LIMIT = 3 }; /* 0, 1 and 2 preemptions */

static const stage automatic[TREADLE_SEARCH_STAGES_MAX] = {
    {"preemptions", 1000, 50, 5},      {"mixed", 1000, 100, 10},    {"dpor", 5000000, 20000, 65},
    {"preemptions", 200000, 2000, 10}, {"mixed", 20000, 1000, 100},
};

/* The limit of a strategy's own: it cannot follow this program, others can. */
static bool inapplicable(const treadle_explore_report *report)
{
    return report->outcome.kind == TREADLE_OUTCOME_CUT &&
           (strcmp(report->outcome.property, "dpor-limit") == 0 ||
            strcmp(report->outcome.property, "footprint-limit") == 0);
}

static bool decided(const treadle_search_stage *last)
{
    const treadle_explore_report *report = &last->report;
    return (report->complete && report->cut_short == 0) || report->interrupted ||
           (report->outcome.kind != TREADLE_OUTCOME_PASSED && !inapplicable(report));
}

/* Another stage came to the end of what this one would do. */
static bool superfluous(const treadle_search *done, const treadle_explore_request *next)
{
    const treadle_strategy *strategy = treadle_strategy_find(next->strategy);
    return strategy->bound != NULL && treadle_search_report(done).bound.bounds >= next->bound_limit;
}

/* What is left of a budget for a stage. False when nothing is. */
static bool take_part(treadle_explore_request *request, const treadle_search *done,
                      const treadle_explore_request *whole, const stage *of, bool live)
{
    const treadle_explore_report spent = treadle_search_report(done);
    const uint64_t usual = live ? of->executions_max_redis : of->executions_max;
    request->executions_max = whole->executions_max == 0 ? usual : 0;
    request->time_s_max = 0;
    if (whole->executions_max > 0 && whole->executions_max != TREADLE_SEARCH_UNLIMITED) {
        const uint64_t left = whole->executions_max - spent.executions;
        const uint64_t part = whole->executions_max / 100 * of->percent +
                              whole->executions_max % 100 * of->percent / 100;
        request->executions_max = part < left ? part : left;
        if (request->executions_max == 0) {
            return false;
        }
    }
    if (whole->time_s_max > 0) {
        const double left = whole->time_s_max - spent.elapsed_s;
        const double part = whole->time_s_max * of->percent / 100;
        request->time_s_max = part < left ? part : left;
        if (left <= 0) {
            return false;
        }
    }
    return true;
}

int treadle_search_run(treadle_sandbox *sandbox, const treadle_cell *cell,
                       const treadle_explore_request *request, treadle_search *out)
{
    out->count = 0;
    if (strcmp(request->strategy, TREADLE_SEARCH_AUTO) != 0) {
        out->count = 1;
        out->stages[0].request = *request;
        return treadle_sandbox_explore(sandbox, request, &out->stages[0].report);
    }
    const bool live = cell->backend != TREADLE_BACKEND_MEMORY;
    for (uint32_t i = 0; i < TREADLE_SEARCH_STAGES_MAX; i++) {
        treadle_explore_request part = *request;
        snprintf(part.strategy, sizeof part.strategy, "%s", automatic[i].strategy);
        part.seed = request->seed + i; /* no random stage repeats another */
        if (part.bound_limit == 0) {
            part.bound_limit = BOUND_LIMIT;
        }
        if (superfluous(out, &part) || !take_part(&part, out, request, &automatic[i], live)) {
            continue;
        }
        treadle_search_stage *now = &out->stages[out->count++];
        now->request = part;
        const int error = treadle_sandbox_explore(sandbox, &part, &now->report);
        if (error) {
            return error;
        }
        if (decided(now)) {
            break;
        }
    }
    return 0;
}

treadle_explore_report treadle_search_report(const treadle_search *search)
{
    treadle_explore_report all = {0};
    uint64_t executions = 0;
    uint64_t steps = 0;
    uint64_t redundant = 0;
    uint64_t spin_blocks = 0;
    double elapsed_s = 0;
    treadle_bound bound = {.bounds = 0};
    for (uint32_t i = 0; i < search->count; i++) {
        all = search->stages[i].report;
        bound = all.bound.bounds > bound.bounds ? all.bound : bound;
        executions += all.executions;
        steps += all.steps;
        redundant += all.redundant;
        spin_blocks += all.spin_blocks;
        elapsed_s += all.elapsed_s;
    }
    if (search->count > 1 && inapplicable(&all)) {
        all.outcome.kind = TREADLE_OUTCOME_PASSED;
    }
    all.bound = bound;
    all.executions = executions;
    all.steps = steps;
    all.redundant = redundant;
    all.spin_blocks = spin_blocks;
    all.elapsed_s = elapsed_s;
    return all;
}

/* ", at most 1 cut connection, at most 2 evicted keys": every fault that was allowed for. */
static int describe_faults(char *text, size_t size, const treadle_faults *faults)
{
    const struct {
        uint32_t budget;
        const char *one;
        const char *many;
    } kinds[] = {
        {faults->cut_before + faults->cut_after + faults->cut_inside, "cut connection",
         "cut connections"},
        {faults->scripts_flushed, "loss of the scripts", "losses of the scripts"},
        {faults->error_reply, "refused write", "refused writes"},
        {faults->evicted, "evicted key", "evicted keys"},
        {faults->answered, "flush answered with errors", "flushes answered with errors"},
        {faults->wrong_clocks, "wrong clock", "wrong clocks"},
    };
    int used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].budget > 0) {
            used += snprintf(text + used, size - (size_t)used, ", at most %u %s", kinds[i].budget,
                             kinds[i].budget == 1 ? kinds[i].one : kinds[i].many);
        }
    }
    return used;
}

/* Everything was seen. */
static void describe_whole(char *text, size_t size, const treadle_search_stage *last,
                           const treadle_cell *cell)
{
    const unsigned long long executions = last->report.executions;
    int used;
    if (treadle_strategy_find(last->request.strategy)->reduces) {
        used = snprintf(text, size, "all interleavings (%llu trace%s%s), sequentially consistent",
                        executions, executions == 1 ? "" : "s",
                        treadle_evidence_symmetry(&last->request));
    } else if (executions == 1) {
        used = snprintf(text, size, "the only interleaving");
    } else {
        used = snprintf(text, size, "all %llu interleavings, sequentially consistent", executions);
    }
    if (cell->backend != TREADLE_BACKEND_MEMORY) {
        const treadle_faults faults = treadle_scenario_find(cell->scenario)->faults;
        used += describe_faults(text + used, size - (size_t)used, &faults);
    }
    if (last->report.spin_blocks > 0) {
        snprintf(text + used, size - (size_t)used, ", threads that spin or poll wait for others");
    }
}

static bool again_later(const treadle_search *search, uint32_t number)
{
    const char *strategy = search->stages[number].request.strategy;
    for (uint32_t i = number + 1; i < search->count; i++) {
        if (strcmp(search->stages[i].request.strategy, strategy) == 0) {
            return true;
        }
    }
    return false;
}

/* What is known of the rest; of how large the space is, once. */
static void describe_part(char *text, size_t size, const treadle_search *search, uint32_t number)
{
    const treadle_search_stage *part = &search->stages[number];
    treadle_explore_report report = part->report;
    if (number + 1 < search->count) {
        report.estimate.paths = 0;
    }
    if (inapplicable(&report)) {
        snprintf(text, size, "%s", report.outcome.message);
    } else {
        treadle_evidence_describe(text, size, &part->request, &report);
    }
}

/* What was established, and then of each strategy the last stage. */
static void describe_parts(char *text, size_t size, const treadle_search *search)
{
    const treadle_bound bound = treadle_search_report(search).bound;
    const char *glue = "";
    size_t used = 0;
    if (bound.bounds > 0) {
        used = (size_t)treadle_evidence_bound(text, size, &bound);
        glue = "; beyond that ";
    }
    for (uint32_t i = 0; i < search->count; i++) {
        if (search->stages[i].report.bound.what[0] != '\0' || again_later(search, i)) {
            continue;
        }
        used += (size_t)snprintf(text + used, size - used, "%s", glue);
        if (used >= size) {
            return;
        }
        describe_part(text + used, size - used, search, i);
        used += strlen(text + used);
        glue = "; ";
    }
}

void treadle_search_describe(char *text, size_t size, const treadle_search *search,
                             const treadle_cell *cell)
{
    text[0] = '\0';
    if (search->count == 0) {
        return;
    }
    const treadle_search_stage *last = &search->stages[search->count - 1];
    if (last->report.complete && last->report.cut_short == 0) {
        describe_whole(text, size, last, cell);
        return;
    }
    if (search->count == 1) {
        treadle_evidence_describe(text, size, &last->request, &last->report);
    } else {
        describe_parts(text, size, search);
    }
}
