// SPDX-License-Identifier: MIT
#include "tools/bench/strategies.h"

#include <stdio.h>

#include "tools/bench/known_bugs.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const treadle_way strategies[] = {
    {"random", "random"}, {"pct", "pct"}, {"mixed", "mixed"}, {"pos", "pos"}, {"surw", "surw"},
};
enum { RANDOM, PCT };

static const treadle_known_bug bugs[] = {
    {"ordering_chain", "length=3", 2},        {"ordering_chain", "length=4", 3},
    {"ordering_chain", "length=6", 5},        {"ordering_chain", "length=8", 7},
    {"ordering_chain", "length=12", 11},      {"ordering_chain", "length=16", 15},
    {"ordering_chain", "length=20", 19},      {"staged_check_then_act", "stages=1", 2},
    {"staged_check_then_act", "stages=2", 3}, {"staged_check_then_act", "stages=4", 5},
    {"staged_check_then_act", "stages=8", 9}, {"staged_check_then_act", "stages=12", 13},
};

/* pct is told the depth, as it is meant to be (it goes to 16), and mixed is not. */
static bool search(treadle_session *session, const treadle_known_bug *bug, uint32_t way,
                   uint64_t seed, uint64_t budget, uint64_t *first)
{
    treadle_explore_report report;
    treadle_explore_request request = {
        .seed = seed, .executions_max = budget, .pct_depth = way == PCT ? bug->depth : 0};
    snprintf(request.strategy, sizeof request.strategy, "%s", strategies[way].name);
    if (treadle_sandbox_explore(session->sandbox, &request, &report) != 0) {
        return false;
    }
    *first = report.outcome.kind == TREADLE_OUTCOME_VIOLATED ? report.executions : 0;
    return true;
}

bool treadle_bench_strategies(bool json, uint64_t scale)
{
    const treadle_hunt hunt = {.title = "",
                               .family = "known_depth",
                               .peer_is = "peer: a random walk, in this run",
                               .peer = RANDOM,
                               .bugs = bugs,
                               .bug_count = COUNT(bugs),
                               .ways = strategies,
                               .way_count = COUNT(strategies),
                               .search = search};
    return treadle_hunt_run(&hunt, json, scale);
}
