// SPDX-License-Identifier: MIT
#include "tools/bench/fuzzing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/known_bugs.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const treadle_way ways[] = {
    {"random", "random walk"}, {"no_feedback", "no feedback"}, {"feedback", "feedback"}};
enum { WALK, WITHOUT, WITH };

static const char program[] = TREADLE_SOURCE_DIR "/build/fuzz/targets/litmus-naive_fuzz";

static const treadle_known_bug bugs[] = {
    {"ordering_chain", "length=4", 3},        {"ordering_chain", "length=8", 7},
    {"ordering_chain", "length=12", 11},      {"ordering_chain", "length=20", 19},
    {"staged_check_then_act", "stages=2", 3}, {"staged_check_then_act", "stages=4", 5},
    {"staged_check_then_act", "stages=8", 9}, {"staged_check_then_act", "stages=12", 13},
};

static bool fuzz(const treadle_known_bug *bug, uint32_t way, uint64_t seed, uint64_t budget,
                 uint64_t *first)
{
    char command[sizeof program + 300];
    /* To look up the symbols of the crash takes longer than to find it. */
    snprintf(command, sizeof command,
             "UBSAN_OPTIONS=symbolize=0 '%s' --scenario=%s --set=%s --granularity=sync --stop %s "
             "-seed=%" PRIu64 " -runs=%" PRIu64 " -verbosity=0 -exact_artifact_path=/dev/null 2>&1",
             program, bug->scenario, bug->set, way == WITH ? "" : "--no-feedback", seed, budget);
    FILE *output = popen(command, "re"); /* NOLINT(cert-env33-c): names of our own */
    if (output == NULL) {
        return false;
    }
    char line[4096];
    bool ran = false;
    *first = 0;
    while (fgets(line, sizeof line, output) != NULL) {
        ran |= strncmp(line, "treadle: ", 9) == 0;
        if (*first == 0 && strncmp(line, "treadle: execution ", 19) == 0) {
            *first = strtoull(line + 19, NULL, 10);
        }
    }
    pclose(output);
    return ran;
}

static bool walk(treadle_session *session, uint64_t seed, uint64_t budget, uint64_t *first)
{
    treadle_explore_report report;
    const treadle_explore_request request = {
        .strategy = "random", .seed = seed, .executions_max = budget};
    if (treadle_sandbox_explore(session->sandbox, &request, &report) != 0) {
        return false;
    }
    *first = report.outcome.kind == TREADLE_OUTCOME_VIOLATED ? report.executions : 0;
    return true;
}

static bool search(treadle_session *session, const treadle_known_bug *bug, uint32_t way,
                   uint64_t seed, uint64_t budget, uint64_t *first)
{
    return way == WALK ? walk(session, seed, budget, first) : fuzz(bug, way, seed, budget, first);
}

bool treadle_bench_can_fuzz(const char **path)
{
    *path = program;
    return access(program, X_OK) == 0;
}

bool treadle_bench_fuzzing(bool json, uint64_t scale)
{
    const treadle_hunt hunt = {.title = "libFuzzer: ",
                               .family = "fuzzing",
                               .peer_is =
                                   "peer: libFuzzer without interleaving feedback, in this run",
                               .peer = WITHOUT,
                               .bugs = bugs,
                               .bug_count = COUNT(bugs),
                               .ways = ways,
                               .way_count = COUNT(ways),
                               .search = search};
    return treadle_hunt_run(&hunt, json, scale);
}
