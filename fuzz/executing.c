// SPDX-License-Identifier: MIT
#include "fuzz/executing.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/feedback.h"
#include "tools/checkers/races.h"
#include "tools/explore/check.h"
#include "tools/explore/run.h"
#include "tools/explore/token.h"
#include "tools/redis/redis_seam.h"
#include "tools/strategies/strategies.h"

enum { KINDS_MAX = 256 };

typedef struct kind {
    const treadle_scenario *scenario;
    char property[TREADLE_PROPERTY_MAX];
} kind;

static struct {
    treadle_fuzz_options options;
    treadle_journal *journal; /* no file: the decisions, the trace and the cell of the input */
    void *strategy;
    treadle_races *races;
    struct sigaction libfuzzers; /* handler of SIGABRT */
    size_t workload;             /* of the input under way */
    bool racing;                 /* races are looked for */
    uint64_t executions;
    uint64_t violations;
    uint64_t cut;
    uint32_t kind_count;
    kind kinds[KINDS_MAX];
} fuzzer;

/* ---- ending ---------------------------------------------------------------------------------- */

static _Noreturn void give_up(const char *why)
{
    fprintf(stderr, "treadle: %s\n", why);
    exit(3);
}

/* libFuzzer keeps the input under way, and ends the process. */
static _Noreturn void crash_input(void)
{
    fflush(stderr);
    if (fuzzer.libfuzzers.sa_flags & SA_SIGINFO) {
        fuzzer.libfuzzers.sa_sigaction(SIGABRT, NULL, NULL);
    }
    _Exit(77);
}

static void print_cell(const treadle_cell *cell, const char *property)
{
    const treadle_scenario *scenario = treadle_scenario_find(cell->scenario);
    fprintf(stderr, "treadle: %s %s %s", cell->scenario, cell->variant,
            treadle_granularity_name(cell->granularity));
    for (uint32_t i = 0; i < cell->parameter_count; i++) {
        fprintf(stderr, "%s%s=%" PRId64, i == 0 ? " " : ",", scenario->parameters[i].name,
                cell->parameters[i]);
    }
    fprintf(stderr, ": %s\n", property);
}

static void on_crash(const char *property, const char *message)
{
    const treadle_cell *cell = &fuzzer.journal->cell;
    print_cell(cell, property);
    fprintf(stderr, "treadle: execution %" PRIu64 ": %s\n", fuzzer.executions, message);
    crash_input();
}

static void print_counts(void)
{
    fprintf(stderr,
            "treadle: %" PRIu64 " executions, %" PRIu64 " of them violated %" PRIu32
            " properties as expected, %" PRIu64 " were cut off at a limit\n",
            fuzzer.executions, fuzzer.violations, fuzzer.kind_count, fuzzer.cut);
}

/* ---- a server -------------------------------------------------------------------------------- */

/* Where decisions go that are not the engine's to make. The kernel ends it with this process. */
static void start_server(void)
{
    char error[TREADLE_MESSAGE_MAX];
    treadle_redis_server *server = treadle_redis_server_start(error, sizeof error);
    if (server == NULL) {
        give_up(error);
    }
    const treadle_redis_target target = {.socket_path = treadle_redis_server_socket(server),
                                         .own = true,
                                         .clock_path = treadle_redis_server_clock(server)};
    if (treadle_redis_attach(&target, error, sizeof error) != 0) {
        give_up(error);
    }
}

/* ---- executing ------------------------------------------------------------------------------- */

/* As `check` looks for them, but where any scenario of the target runs an original by design, none
 * is watched: with more threads than their rows have, the others meet its races, too. */
static bool races_are_findings(const treadle_workloads *workloads)
{
    bool all = true;
    for (size_t i = 0; i < workloads->count; i++) {
        treadle_cell cell = {0};
        treadle_workload_read(workloads, &(uint8_t){(uint8_t)i}, 1, &cell);
        all &= treadle_race_mode_for(TREADLE_RACES_AUTO, &cell) == TREADLE_RACES_ON;
    }
    return all;
}

void treadle_fuzz_open(const treadle_fuzz_options *options)
{
    fuzzer.options = *options;
    fuzzer.journal = calloc(1, sizeof *fuzzer.journal);
    fuzzer.strategy = treadle_strategy_fuzz.create(&(treadle_strategy_options){0});
    fuzzer.races = treadle_races_open();
    if (fuzzer.journal == NULL || fuzzer.strategy == NULL || fuzzer.races == NULL) {
        give_up("out of memory");
    }
    sigaction(SIGABRT, NULL, &fuzzer.libfuzzers);
    treadle_on_crash(on_crash);
    if (treadle_engine_open(&fuzzer.journal->decisions) != 0) {
        give_up("cannot map the stacks and heap of the engine");
    }
    if (options->workloads.backend == TREADLE_BACKEND_REDIS) {
        start_server();
    }
    fuzzer.racing = races_are_findings(&options->workloads);
    atexit(print_counts);
}

static const treadle_scenario *scenario_now(void)
{
    return fuzzer.options.workloads.scenarios[fuzzer.workload];
}

/* Runs the journal's cell. `options` has what is beyond the scenario's own. */
static void execute(const treadle_execution_options *options, const treadle_strategy *strategy,
                    void *self)
{
    const treadle_scenario *scenario = scenario_now();
    const treadle_cell *cell = &fuzzer.journal->cell;
    treadle_run run = {.scenario = scenario, .variant = cell->variant, .backend = cell->backend};
    memcpy(run.parameters, cell->parameters, sizeof run.parameters);
    const treadle_program program = {treadle_run_body, &run};
    treadle_execution_options all = treadle_run_options(cell, scenario);
    all.observer = options->observer;
    all.observer_self = options->observer_self;
    all.trace = options->trace;
    if (cell->backend == TREADLE_BACKEND_REDIS) {
        treadle_redis_faults(scenario->faults);
    }
    strategy->begin(self, fuzzer.executions++);
    treadle_execute(&program, &all, strategy, self, &fuzzer.journal->outcome);
    strategy->end(self, &fuzzer.journal->outcome);
    if (fuzzer.journal->outcome.kind == TREADLE_OUTCOME_ENVIRONMENT) {
        give_up(fuzzer.journal->outcome.message);
    }
}

/* Runs the decisions of the last execution once more, with a trace. */
static char *take_token(void)
{
    treadle_journal *journal = fuzzer.journal;
    memcpy(journal->replay, journal->decisions.values,
           journal->decisions.count * sizeof journal->replay[0]);
    const treadle_strategy_options options = {.replay = journal->replay,
                                              .replay_count = journal->decisions.count};
    void *replay = treadle_strategy_replay.create(&options);
    if (replay == NULL) {
        return NULL;
    }
    const bool race = strcmp(journal->outcome.property, TREADLE_PROPERTY_DATA_RACE) == 0;
    execute(&(treadle_execution_options){.trace = &journal->trace,
                                         .observer = race ? &treadle_races_observer : NULL,
                                         .observer_self = fuzzer.races},
            &treadle_strategy_replay, replay);
    treadle_strategy_replay.destroy(replay);
    treadle_schedule schedule;
    if (treadle_schedule_take(journal, &schedule) != 0) {
        return NULL;
    }
    char *token = treadle_token_encode(&schedule);
    treadle_schedule_free(&schedule);
    return token;
}

/* ---- findings -------------------------------------------------------------------------------- */

/* Whether the violation is of a property that this scenario has not broken before. */
static bool is_new(const treadle_scenario *scenario, const char *property)
{
    for (uint32_t i = 0; i < fuzzer.kind_count; i++) {
        if (fuzzer.kinds[i].scenario == scenario &&
            strcmp(fuzzer.kinds[i].property, property) == 0) {
            return false;
        }
    }
    if (fuzzer.kind_count < KINDS_MAX) {
        kind *added = &fuzzer.kinds[fuzzer.kind_count++];
        added->scenario = scenario;
        snprintf(added->property, sizeof added->property, "%s", property);
    }
    return true;
}

static bool as_expected(const treadle_cell *cell, const treadle_scenario *scenario,
                        const char *property)
{
    if (!treadle_variant_is_solution(cell->variant)) {
        return true;
    }
    const treadle_expectation *row =
        treadle_scenario_expectation(scenario, cell->variant, cell->backend, cell->granularity);
    return row != NULL && row->verdict == TREADLE_VERDICT_VIOLATED &&
           (row->property == NULL || strcmp(row->property, property) == 0);
}

static void found(void)
{
    const treadle_cell *cell = &fuzzer.journal->cell;
    const treadle_scenario *scenario = scenario_now();
    const treadle_outcome outcome = fuzzer.journal->outcome;
    const uint64_t number = fuzzer.executions;
    const bool expected = as_expected(cell, scenario, outcome.property);
    fuzzer.violations++;
    if (!is_new(scenario, outcome.property) && expected) {
        return;
    }
    char *token = take_token();
    print_cell(cell, outcome.property);
    fprintf(stderr, "treadle: execution %" PRIu64 ": %s\n", number,
            token != NULL ? token : "out of memory");
    free(token);
    if (!expected || fuzzer.options.stop) {
        crash_input();
    }
}

static const uint8_t *decisions_of(const uint8_t *data, size_t *size)
{
    if (*size <= TREADLE_WORKLOAD_BYTES) {
        *size = 0;
        return data;
    }
    *size -= TREADLE_WORKLOAD_BYTES;
    return data + TREADLE_WORKLOAD_BYTES;
}

static void prepare(const uint8_t *data, size_t size, treadle_fuzz_log *follow,
                    treadle_fuzz_log *log)
{
    fuzzer.workload =
        treadle_workload_read(&fuzzer.options.workloads, data, size, &fuzzer.journal->cell);
    const uint8_t *decisions = decisions_of(data, &size);
    treadle_fuzz_read(fuzzer.strategy, decisions, size);
    treadle_fuzz_follow(fuzzer.strategy, follow);
    treadle_fuzz_log_to(fuzzer.strategy, log);
}

void treadle_fuzz_input(const uint8_t *data, size_t size)
{
    prepare(data, size, NULL, NULL);
    treadle_feedback feedback = {.workload = (uint32_t)fuzzer.workload,
                                 .no_interleavings = fuzzer.options.no_feedback};
    const treadle_execution_options options = {.observer = &treadle_feedback_observer,
                                               .observer_self = &feedback};
    if (fuzzer.racing) {
        feedback.also = &treadle_races_observer;
        feedback.also_self = fuzzer.races;
    }
    execute(&options, &treadle_strategy_fuzz, fuzzer.strategy);
    fuzzer.cut += fuzzer.journal->outcome.kind == TREADLE_OUTCOME_CUT;
    if (fuzzer.journal->outcome.kind == TREADLE_OUTCOME_VIOLATED) {
        found();
    }
}

const treadle_decisions *treadle_fuzz_try(const uint8_t *data, size_t size,
                                          treadle_fuzz_log *follow, treadle_fuzz_log *log)
{
    prepare(data, size, follow, log);
    execute(&(treadle_execution_options){0}, &treadle_strategy_fuzz, fuzzer.strategy);
    return &fuzzer.journal->decisions;
}

uint32_t treadle_fuzz_length(void)
{
    return fuzzer.strategy != NULL ? treadle_fuzz_asked(fuzzer.strategy) : 0;
}

char *treadle_fuzz_token(const uint8_t *data, size_t size, bool *broken)
{
    prepare(data, size, NULL, NULL);
    const bool races = fuzzer.racing;
    execute(&(treadle_execution_options){.observer = races ? &treadle_races_observer : NULL,
                                         .observer_self = fuzzer.races},
            &treadle_strategy_fuzz, fuzzer.strategy);
    *broken = fuzzer.journal->outcome.kind == TREADLE_OUTCOME_VIOLATED;
    return take_token();
}
