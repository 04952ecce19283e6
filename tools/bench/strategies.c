// SPDX-License-Identifier: MIT
#include "tools/bench/strategies.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/cli/cli.h"
#include "tools/cli/session.h"

enum { SEEDS = 20, EXECUTIONS_MAX = 20000, STRATEGIES = 5 };

static const char *const strategies[STRATEGIES] = {"random", "pct", "mixed", "pos", "surw"};

/* Depths are known by construction; see the scenarios. */
static const struct {
    const char *scenario;
    const char *set;
    uint32_t depth;
} bugs[] = {
    {"ordering_chain", "length=3", 2},        {"ordering_chain", "length=4", 3},
    {"ordering_chain", "length=6", 5},        {"ordering_chain", "length=8", 7},
    {"ordering_chain", "length=12", 11},      {"ordering_chain", "length=16", 15},
    {"ordering_chain", "length=20", 19},      {"staged_check_then_act", "stages=1", 2},
    {"staged_check_then_act", "stages=2", 3}, {"staged_check_then_act", "stages=4", 5},
    {"staged_check_then_act", "stages=8", 9}, {"staged_check_then_act", "stages=12", 13},
};

typedef struct searches {
    uint64_t executions; /* of all */
    uint32_t found;      /* how many of them found it */
} searches;

static double mean(const searches *self)
{
    return (double)self->executions / SEEDS;
}

/* pct is told the depth, as it is meant to be (it goes to 16), and mixed is not. */
static bool search(treadle_session *session, const char *strategy, uint32_t depth, uint64_t budget,
                   searches *out)
{
    *out = (searches){0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        treadle_explore_report report;
        treadle_explore_request request = {.seed = seed, .executions_max = budget};
        snprintf(request.strategy, sizeof request.strategy, "%s", strategy);
        if (strategy == strategies[1]) {
            request.pct_depth = depth;
        }
        if (treadle_sandbox_explore(session->sandbox, &request, &report) != 0) {
            return false;
        }
        out->executions += report.executions;
        out->found += report.outcome.kind == TREADLE_OUTCOME_VIOLATED;
    }
    return true;
}

static void print_object(const char *bug, const char *set, const char *strategy, uint32_t depth,
                         uint64_t budget, const searches *got, const searches *walk)
{
    char name[96];
    snprintf(name, sizeof name, "known_depth/%s/%s/%s", bug, set, strategy);
    json_t *row = json_pack("{s:s, s:f, s:s, s:f, s:s, s:f, s:i, s:i, s:i, s:I}", "name", name,
                            "value", mean(got), "unit", "executions", "peer_or_limit", mean(walk),
                            "peer_or_limit_is", "peer: a random walk, in this run", "ratio",
                            mean(walk) / mean(got), "depth", (int)depth, "found", (int)got->found,
                            "searches", SEEDS, "budget", (json_int_t)budget);
    json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(row);
}

/* "12.3", or "> 19876 (2)" when only 2 of 20 found it, or "-" when none did. */
static void print_cell(const searches *got)
{
    char text[32];
    if (got->found == 0) {
        snprintf(text, sizeof text, "-");
    } else if (got->found < SEEDS) {
        snprintf(text, sizeof text, "> %.0f (%" PRIu32 ")", mean(got), got->found);
    } else {
        snprintf(text, sizeof text, "%.1f", mean(got));
    }
    printf(" %14s", text);
}

static void print_head(uint64_t budget)
{
    printf("\nmean executions to the first bug, %d seeds, at most %" PRIu64
           " each; > x (n): only n found it; -: none did\n%-34s %5s",
           SEEDS, budget, "bug", "depth");
    for (int s = 0; s < STRATEGIES; s++) {
        printf(" %14s", strategies[s]);
    }
    putchar('\n');
}

static bool compare(bool json, uint64_t budget, size_t bug)
{
    char scenario[64];
    snprintf(scenario, sizeof scenario, "litmus/%s", bugs[bug].scenario);
    const treadle_selection selection = {
        .glob = scenario, .variant = "naive", .granularity = "sync", .set = bugs[bug].set};
    treadle_cell *cells;
    size_t count;
    treadle_session session;
    if (treadle_cli_select(&selection, &cells, &count) != 0) {
        return false;
    }
    const bool opened = treadle_session_open(&session, &cells[0], NULL) == 0;
    free(cells);
    if (!opened) {
        return false;
    }
    if (!json) {
        printf("%-21s %-12s %5" PRIu32, bugs[bug].scenario, bugs[bug].set, bugs[bug].depth);
    }
    searches got[STRATEGIES];
    bool done = true;
    for (int s = 0; s < STRATEGIES && done; s++) {
        done = search(&session, strategies[s], bugs[bug].depth, budget, &got[s]);
        if (done && json) {
            print_object(bugs[bug].scenario, bugs[bug].set, strategies[s], bugs[bug].depth, budget,
                         &got[s], &got[0]);
        } else if (done) {
            print_cell(&got[s]);
        }
    }
    if (!json) {
        putchar('\n');
    }
    fflush(stdout);
    treadle_session_close(&session);
    return done;
}

bool treadle_bench_strategies(bool json, uint64_t scale)
{
    const uint64_t budget = EXECUTIONS_MAX * scale / 100;
    if (!json) {
        print_head(budget);
    }
    for (size_t bug = 0; bug < sizeof bugs / sizeof bugs[0]; bug++) {
        if (!compare(json, budget ? budget : 1, bug)) {
            treadle_cli_error("bench: cannot explore litmus/%s", bugs[bug].scenario);
            return false;
        }
    }
    return true;
}
