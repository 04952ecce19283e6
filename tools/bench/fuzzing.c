// SPDX-License-Identifier: MIT
#include "tools/bench/fuzzing.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/cli.h"
#include "tools/cli/session.h"

enum { SEEDS = 20, EXECUTIONS_MAX = 20000 };

typedef enum way { WALK, WITHOUT, WITH, WAYS } way;

static const char *const way_names[WAYS] = {"random", "no_feedback", "feedback"};

static const char program[] = TREADLE_SOURCE_DIR "/build/fuzz/targets/litmus-naive_fuzz";

static const struct {
    const char *scenario;
    const char *set;
    uint32_t depth;
} bugs[] = {
    {"ordering_chain", "length=4", 3},        {"ordering_chain", "length=8", 7},
    {"ordering_chain", "length=12", 11},      {"ordering_chain", "length=20", 19},
    {"staged_check_then_act", "stages=2", 3}, {"staged_check_then_act", "stages=4", 5},
    {"staged_check_then_act", "stages=8", 9}, {"staged_check_then_act", "stages=12", 13},
};

typedef struct searches {
    uint64_t executions; /* of all */
    uint32_t found;      /* how many of them found it */
} searches;

static void add(searches *self, uint64_t first, uint64_t budget)
{
    const bool found = first > 0 && first <= budget;
    self->found += found;
    self->executions += found ? first : budget;
}

static double mean(const searches *self)
{
    return (double)self->executions / SEEDS;
}

/* ---- searching ------------------------------------------------------------------------------- */

/* The execution that found the bug; 0 = none. False when the program could not be run. */
static bool fuzz(size_t bug, way how, uint64_t seed, uint64_t budget, uint64_t *first)
{
    char command[sizeof program + 300];
    /* To look up the symbols of the crash takes longer than to find it. */
    snprintf(command, sizeof command,
             "UBSAN_OPTIONS=symbolize=0 '%s' --scenario=%s --set=%s --granularity=sync --stop %s "
             "-seed=%" PRIu64 " -runs=%" PRIu64 " -verbosity=0 -exact_artifact_path=/dev/null 2>&1",
             program, bugs[bug].scenario, bugs[bug].set, how == WITH ? "" : "--no-feedback", seed,
             budget);
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

static bool search(treadle_session *session, size_t bug, uint64_t budget, searches got[WAYS])
{
    memset(got, 0, WAYS * sizeof got[0]);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (way how = WALK; how < WAYS; how++) {
            uint64_t first;
            const bool ran = how == WALK ? walk(session, seed, budget, &first)
                                         : fuzz(bug, how, seed, budget, &first);
            if (!ran) {
                return false;
            }
            add(&got[how], first, budget);
        }
    }
    return true;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_object(size_t bug, way how, uint64_t budget, const searches got[WAYS])
{
    char name[96];
    snprintf(name, sizeof name, "fuzzing/%s/%s/%s", bugs[bug].scenario, bugs[bug].set,
             way_names[how]);
    json_t *row =
        json_pack("{s:s, s:f, s:s, s:f, s:s, s:f, s:i, s:i, s:i, s:I}", "name", name, "value",
                  mean(&got[how]), "unit", "executions", "peer_or_limit", mean(&got[WITHOUT]),
                  "peer_or_limit_is", "peer: libFuzzer without interleaving feedback, in this run",
                  "ratio", mean(&got[WITHOUT]) / mean(&got[how]), "depth", (int)bugs[bug].depth,
                  "found", (int)got[how].found, "searches", SEEDS, "budget", (json_int_t)budget);
    json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(row);
}

static void print_row(size_t bug, const searches got[WAYS])
{
    printf("%-21s %-12s %5" PRIu32, bugs[bug].scenario, bugs[bug].set, bugs[bug].depth);
    for (way how = WALK; how < WAYS; how++) {
        char text[32] = "-";
        if (got[how].found == SEEDS) {
            snprintf(text, sizeof text, "%.1f", mean(&got[how]));
        } else if (got[how].found > 0) {
            snprintf(text, sizeof text, "> %.0f (%" PRIu32 ")", mean(&got[how]), got[how].found);
        }
        printf(" %14s", text);
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
    searches got[WAYS];
    const bool done = search(&session, bug, budget, got);
    treadle_session_close(&session);
    if (done && !json) {
        print_row(bug, got);
    }
    for (way how = WALK; done && json && how < WAYS; how++) {
        print_object(bug, how, budget, got);
    }
    fflush(stdout);
    return done;
}

bool treadle_bench_can_fuzz(const char **path)
{
    *path = program;
    return access(program, X_OK) == 0;
}

bool treadle_bench_fuzzing(bool json, uint64_t scale)
{
    const uint64_t budget = EXECUTIONS_MAX * scale / 100 > 0 ? EXECUTIONS_MAX * scale / 100 : 1;
    if (!json) {
        printf("\nlibFuzzer: mean executions to the first bug, %d seeds, at most %" PRIu64
               " each; > x (n): only n found it; -: none did\n%-34s %5s %14s %14s %14s\n",
               SEEDS, budget, "bug", "depth", "random walk", "no feedback", "feedback");
    }
    for (size_t bug = 0; bug < sizeof bugs / sizeof bugs[0]; bug++) {
        if (!compare(json, budget, bug)) {
            treadle_cli_error("bench: cannot fuzz litmus/%s", bugs[bug].scenario);
            return false;
        }
    }
    return true;
}
