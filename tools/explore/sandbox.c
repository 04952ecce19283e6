// SPDX-License-Identifier: MIT
#include "tools/explore/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/checkers/races.h"
#include "tools/checkers/serial.h"
#include "tools/engine/asan.h"
#include "tools/engine/leaks.h"
#include "tools/explore/child.h"
#include "tools/explore/death.h"
#include "tools/explore/explorer.h"
#include "tools/explore/now.h"
#include "tools/explore/pulse.h"
#include "tools/explore/run.h"
#include "tools/strategies/strategies.h"

enum {
    ASK_EXPLORE = 'e',
    ASK_REPLAY = 'r',
    SERIAL_ORDERS_MAX = 100000,
    ESTIMATE_PATHS = 1000,
    ESTIMATE_PATHS_REDIS = 100,
};

struct treadle_sandbox {
    treadle_journal *journal;
    const treadle_redis_target *redis;
    treadle_child child;
};

/* ---- inside the process ---------------------------------------------------------------------- */

static uint64_t resident_kb(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%*u %llu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* How large a space is that was not exhausted, by random paths. They are executions like any other:
 * what they find is found. */
static void estimate_space(treadle_journal *journal, const treadle_program *program,
                           const treadle_execution_options *options)
{
    const treadle_strategy *strategy = &treadle_strategy_random;
    const treadle_strategy_options strategy_options = {.seed = journal->request.seed};
    void *self = strategy->create(&strategy_options);
    if (self == NULL) {
        return;
    }
    const uint64_t paths =
        journal->cell.backend == TREADLE_BACKEND_MEMORY ? ESTIMATE_PATHS : ESTIMATE_PATHS_REDIS;
    for (uint64_t i = 0; i < paths && journal->outcome.kind == TREADLE_OUTCOME_PASSED; i++) {
        strategy->begin(self, i);
        treadle_execute(program, options, strategy, self, &journal->outcome);
        strategy->end(self, &journal->outcome);
    }
    strategy->estimate(self, &journal->report.estimate);
    if (journal->outcome.kind != TREADLE_OUTCOME_PASSED) {
        atomic_fetch_add(&journal->executions, journal->report.estimate.paths);
    }
    strategy->destroy(self);
}

/* Whether a strategy that has ended has explored the whole space. */
static bool whole(const treadle_strategy *strategy, const void *self)
{
    treadle_bound bound = {.whole = strategy->exhaustive};
    if (strategy->bound != NULL) {
        strategy->bound(self, &bound);
    }
    return bound.whole;
}

/* What the search came to, beside what it found. */
static void gather_evidence(treadle_journal *journal, const treadle_program *program,
                            const treadle_execution_options *options,
                            const treadle_strategy *strategy, const void *self)
{
    treadle_explore_report *report = &journal->report;
    const uint64_t executions = atomic_load(&journal->executions);
    report->share = strategy->progress != NULL ? strategy->progress(self) : 0;
    report->learning = strategy->learning < executions ? strategy->learning : executions;
    if (strategy->guarantee != NULL) {
        strategy->guarantee(self, &report->guarantee);
    }
    if (strategy->bound != NULL && report->cut_short == 0) {
        strategy->bound(self, &report->bound);
    }
    if (strategy->estimate != NULL) {
        strategy->estimate(self, &report->estimate);
    } else if (strategy->exhaustive && strategy->bound == NULL && !report->complete &&
               !report->interrupted && executions > 0 && journal->races != TREADLE_RACES_ONLY &&
               journal->outcome.kind == TREADLE_OUTCOME_PASSED) {
        estimate_space(journal, program, options);
    }
}

static void do_explore(treadle_journal *journal, const treadle_program *program,
                       const treadle_execution_options *options)
{
    const treadle_explore_request *request = &journal->request;
    treadle_explore_report *report = &journal->report;
    const treadle_strategy *strategy = treadle_strategy_find(request->strategy);
    const treadle_strategy_options strategy_options = {.seed = request->seed,
                                                       .pct_depth = request->pct_depth,
                                                       .bound_limit = request->bound_limit,
                                                       .symmetric = request->symmetric};
    void *self = strategy->create(&strategy_options);
    if (self == NULL) {
        journal->outcome =
            (treadle_outcome){.kind = TREADLE_OUTCOME_ENVIRONMENT, .message = "out of memory"};
        return;
    }
    const uint64_t commands_before = treadle_redis_command_count();
    treadle_explorer explorer = {
        .journal = journal,
        .program = program,
        .options = options,
        .strategy = strategy,
        .strategy_options = &strategy_options,
        .self = self,
        /* A server of its own is what another would need. */
        .explorers = journal->cell.backend == TREADLE_BACKEND_REDIS ? 1 : request->explorers};
    treadle_explorer_run(&explorer);
    report->complete = explorer.complete && whole(strategy, self);
    report->interrupted = explorer.interrupted;
    report->redundant = explorer.tally.redundant;
    report->elsewhere = explorer.elsewhere;
    report->spin_blocks = explorer.tally.spin_blocks;
    report->cut_short = explorer.tally.cut_short;
    const double began = treadle_now_s();
    gather_evidence(journal, program, options, strategy, self);
    report->elapsed_s = explorer.elapsed_s + treadle_now_s() - began;
    journal->commands = treadle_redis_command_count() - commands_before;
    journal->resident_kb = resident_kb();
    strategy->destroy(self);
}

/* What is no end that the calls themselves come to. Who waits for another in vain is in no serial
 * order. */
static bool leaves_orders_out(const treadle_outcome *outcome)
{
    return outcome->kind == TREADLE_OUTCOME_ENVIRONMENT ||
           outcome->kind == TREADLE_OUTCOME_DIVERGED ||
           (outcome->kind == TREADLE_OUTCOME_CUT && strcmp(outcome->property, "not-serial") != 0);
}

/* The outcomes of every serial order. False, with a line, when they could not all be seen. */
static bool collect_serial(treadle_journal *journal, const treadle_program *program,
                           treadle_execution_options options, char *error, size_t error_size)
{
    const treadle_strategy *strategy = &treadle_strategy_serial;
    const treadle_strategy_options none = {0};
    void *self = strategy->create(&none);
    if (self == NULL) {
        snprintf(error, error_size, "out of memory");
        return false;
    }
    options.granularity = TREADLE_GRANULARITY_AWAIT;
    options.serial = true;
    options.observer = NULL;
    uint64_t orders = 0;
    treadle_serial_collect();
    while (orders < SERIAL_ORDERS_MAX && strategy->begin(self, orders)) {
        treadle_execute(program, &options, strategy, self, &journal->outcome);
        strategy->end(self, &journal->outcome);
        orders++;
        if (leaves_orders_out(&journal->outcome)) {
            snprintf(error, error_size, "a serial order of the calls cannot be seen: %.900s",
                     journal->outcome.message);
            strategy->destroy(self);
            return false;
        }
    }
    strategy->destroy(self);
    treadle_serial_compare();
    uint32_t outcomes;
    const bool all = treadle_serial_outcomes(&outcomes) && orders < SERIAL_ORDERS_MAX;
    if (!all || outcomes == 0) {
        snprintf(error, error_size,
                 all ? "no serial order of the calls comes to an end"
                     : "too many serial orders or outcomes to see them all");
        return false;
    }
    return true;
}

/* Compares a recorded execution with what a token says of it. */
typedef struct comparison {
    const treadle_journal *journal;
    uint32_t events;
} comparison;

static void compare(void *context, const treadle_event *event)
{
    comparison *self = context;
    const treadle_journal *journal = self->journal;
    const uint32_t stride = journal->check_stride;
    self->events++;
    if (stride == 0 || self->events % stride != 0 || self->events / stride > journal->check_count) {
        return;
    }
    if (journal->checks[self->events / stride - 1] != (uint8_t)event->hash) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "divergence",
                     stride == 1 ? "step %u of %s (%s) is not what was recorded"
                                 : "step %u of %s (%s), or one of the %u before, is not what was "
                                   "recorded",
                     event->step, journal->trace.thread_names[event->thread],
                     treadle_op_word((treadle_op_kind)event->kind), stride - 1);
    }
}

static void do_replay(treadle_journal *journal, const treadle_program *program,
                      treadle_execution_options options)
{
    const treadle_strategy *strategy =
        journal->replay_in_order ? &treadle_strategy_in_order : &treadle_strategy_replay;
    const treadle_strategy_options strategy_options = {.replay = journal->replay,
                                                       .replay_count = journal->replay_count,
                                                       .replay_strict = journal->replay_strict};
    void *self = strategy->create(&strategy_options);
    if (self == NULL) {
        journal->outcome =
            (treadle_outcome){.kind = TREADLE_OUTCOME_ENVIRONMENT, .message = "out of memory"};
        return;
    }
    comparison against = {.journal = journal};
    options.look_for_leaks = journal->leaks && treadle_leaks_seen();
    if (options.look_for_leaks) {
        options.observer = NULL;
    }
    if (journal->replay_record) {
        options.trace = &journal->trace;
        if (journal->replay_strict) {
            options.observe = compare;
            options.observe_context = &against;
        }
    }
    treadle_redis_tell_state(journal->replay_state);
    const uint32_t repeat = journal->repeat ? journal->repeat : 1;
    uint64_t first_hash = 0;
    for (journal->repeated = 0;; journal->repeated++) {
        const bool last = journal->repeated + 1 == repeat ||
                          atomic_load_explicit(&journal->stop, memory_order_relaxed);
        against.events = 0;
        options.record_callers = last;
        strategy->begin(self, journal->repeated);
        treadle_execute(program, &options, strategy, self, &journal->outcome);
        strategy->end(self, &journal->outcome);
        if (journal->repeated == 0) {
            first_hash = journal->outcome.trace_hash;
        } else if (journal->outcome.trace_hash != first_hash) {
            journal->outcome.kind = TREADLE_OUTCOME_DIVERGED;
            snprintf(journal->outcome.message, sizeof journal->outcome.message,
                     "repetition %llu gave another trace than the first",
                     (unsigned long long)journal->repeated + 1);
            break;
        }
        if (last) {
            journal->repeated++;
            break;
        }
    }
    strategy->destroy(self);
}

/* From now on executions are watched for data races, if they are to be. False when out of memory.
 */
static bool watch(const treadle_journal *journal, treadle_execution_options *options)
{
    static treadle_races *races; /* one a process */
    const treadle_race_mode mode = treadle_race_mode_for(journal->races, &journal->cell);
    if (mode == TREADLE_RACES_OFF) {
        return true;
    }
    races = races != NULL ? races : treadle_races_open();
    options->observer = &treadle_races_observer;
    options->observer_self = races;
    return races != NULL;
}

/* What a process needs to execute a cell. */
typedef struct bench {
    treadle_run run;
    treadle_program program;
    treadle_execution_options options;
    char error[TREADLE_MESSAGE_MAX]; /* "" when all is there */
} bench;

static void prepare(bench *self, treadle_journal *journal, const treadle_redis_target *redis)
{
    const treadle_scenario *scenario = treadle_scenario_find(journal->cell.scenario);
    *self = (bench){.run = {.scenario = scenario,
                            .variant = journal->cell.variant,
                            .backend = journal->cell.backend},
                    .program = {treadle_run_body, &self->run},
                    .options = treadle_run_options(&journal->cell, scenario)};
    memcpy(self->run.parameters, journal->cell.parameters, sizeof self->run.parameters);
    treadle_death_leave_in(journal);
    treadle_asan_print(journal->print_reports);
    if (treadle_engine_open(&journal->decisions) != 0) {
        snprintf(self->error, sizeof self->error, "cannot map the stacks and heap of the engine");
    } else if (!watch(journal, &self->options)) {
        snprintf(self->error, sizeof self->error, "out of memory");
    } else if (journal->cell.backend == TREADLE_BACKEND_REDIS) {
        if (redis == NULL) {
            snprintf(self->error, sizeof self->error, "no Redis server is at hand");
        } else if (treadle_redis_attach(redis, self->error, sizeof self->error) == 0) {
            treadle_redis_faults(scenario->faults);
        }
    }
    if (self->error[0] == '\0' && scenario->serial_outcomes) {
        collect_serial(journal, &self->program, self->options, self->error, sizeof self->error);
    }
}

static void fail_for_lack(treadle_journal *journal, const char *error)
{
    journal->outcome = (treadle_outcome){.kind = TREADLE_OUTCOME_ENVIRONMENT};
    snprintf(journal->outcome.property, sizeof journal->outcome.property, "environment");
    snprintf(journal->outcome.message, sizeof journal->outcome.message, "%s", error);
}

static void serve(void *context, int ask, int answer)
{
    const treadle_sandbox *sandbox = context;
    treadle_journal *journal = sandbox->journal;
    bench here;
    prepare(&here, journal, sandbox->redis);
    char question;
    while (treadle_child_question(ask, &question)) {
        if (here.error[0] != '\0') {
            fail_for_lack(journal, here.error);
        } else if (question == ASK_EXPLORE) {
            do_explore(journal, &here.program, &here.options);
        } else {
            do_replay(journal, &here.program, here.options);
        }
        if (!treadle_child_done(answer)) {
            break;
        }
    }
    treadle_redis_detach();
}

/* ---- outside --------------------------------------------------------------------------------- */

treadle_sandbox *treadle_sandbox_open(treadle_journal *journal, const treadle_redis_target *redis)
{
    treadle_sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (sandbox != NULL) {
        sandbox->journal = journal;
        sandbox->redis = redis;
    }
    return sandbox;
}

void treadle_sandbox_close(treadle_sandbox *sandbox)
{
    if (sandbox == NULL) {
        return;
    }
    if (sandbox->child.pid) {
        treadle_child_end(&sandbox->child);
    }
    free(sandbox);
}

/* Asks and waits. *died tells whether the process went away; journal->outcome says how. */
static int ask(treadle_sandbox *sandbox, char question, bool *died)
{
    *died = false;
    if (sandbox->child.pid == 0) {
        const int error = treadle_child_start(&sandbox->child, serve, sandbox, SIGKILL);
        if (error) {
            return error;
        }
    }
    sandbox->journal->outcome = (treadle_outcome){.kind = TREADLE_OUTCOME_NONE};
    treadle_child_put(&sandbox->child, question);
    treadle_pulse pulse = {0};
    while (!treadle_child_ready(&sandbox->child, TREADLE_PULSE_LOOK_MS)) {
        if (treadle_pulse_lost(&pulse, sandbox->journal, sandbox->child.pid)) {
            treadle_child_kill(&sandbox->child);
            treadle_death_silent(&sandbox->journal->outcome);
            *died = true;
            return 0;
        }
    }
    if (!treadle_child_answered(&sandbox->child)) {
        treadle_death_explain(&sandbox->journal->outcome, treadle_child_end(&sandbox->child));
        *died = true;
    }
    return 0;
}

int treadle_sandbox_explore(treadle_sandbox *sandbox, const treadle_explore_request *request,
                            treadle_explore_report *report)
{
    treadle_journal *journal = sandbox->journal;
    journal->request = *request;
    journal->leaks = false;
    journal->report = (treadle_explore_report){0};
    atomic_store(&journal->executions, 0);
    atomic_store(&journal->steps, 0);
    atomic_store(&journal->share, 0);
    atomic_store(&journal->seconds_left, -1);
    bool died;
    const int error = ask(sandbox, ASK_EXPLORE, &died);
    if (error) {
        return error;
    }
    *report = journal->report;
    report->executions = atomic_load(&journal->executions);
    report->steps = atomic_load(&journal->steps);
    report->outcome = journal->outcome;
    journal->leaks = journal->outcome.kind == TREADLE_OUTCOME_VIOLATED &&
                     strcmp(journal->outcome.property, TREADLE_PROPERTY_LEAK) == 0;
    report->died = died;
    if (died) {
        report->executions++; /* the one that did not come back */
    }
    if (report->outcome.kind == TREADLE_OUTCOME_NONE) {
        report->outcome.kind = TREADLE_OUTCOME_PASSED; /* not one execution was asked for */
    }
    return 0;
}

/* Steps that were checked one by one may still end too early, or differ between two checks. */
static void compare_ends(const treadle_schedule *recorded, treadle_journal *journal)
{
    treadle_outcome *outcome = &journal->outcome;
    const bool ran =
        outcome->kind != TREADLE_OUTCOME_DIVERGED && outcome->kind != TREADLE_OUTCOME_ENVIRONMENT;
    if (!ran || outcome->trace_hash == recorded->trace_hash) {
        return;
    }
    outcome->kind = TREADLE_OUTCOME_DIVERGED;
    snprintf(outcome->property, sizeof outcome->property, "divergence");
    snprintf(outcome->message, sizeof outcome->message,
             "%u events happen, %u were recorded, and not all of them are the same",
             journal->trace.event_count + journal->trace.dropped, recorded->event_count);
}

/* Puts a request into the journal. */
static void request_replay(treadle_journal *journal, const treadle_replay_request *request)
{
    memmove(journal->replay, request->decisions, request->count * sizeof journal->replay[0]);
    journal->replay_count = request->count;
    journal->replay_record = request->record;
    journal->replay_state = request->state;
    journal->replay_in_order = request->in_order;
    journal->replay_strict = request->against != NULL;
    journal->repeat = request->repeat;
    journal->check_stride = 0;
    journal->check_count = 0;
    if (request->against != NULL) {
        const treadle_schedule *against = request->against;
        journal->check_stride = against->check_stride;
        journal->check_count = against->check_count < TREADLE_TRACE_EVENTS_MAX
                                   ? against->check_count
                                   : TREADLE_TRACE_EVENTS_MAX;
        memcpy(journal->checks, against->checks, journal->check_count);
    }
}

static void take_outcome(treadle_journal *journal, const treadle_replay_request *request,
                         treadle_outcome *outcome)
{
    if (request->against != NULL) {
        compare_ends(request->against, journal);
    }
    *outcome = journal->outcome;
}

int treadle_sandbox_replay(treadle_sandbox *sandbox, const treadle_replay_request *request,
                           treadle_outcome *outcome)
{
    treadle_journal *journal = sandbox->journal;
    request_replay(journal, request);
    bool died;
    const int error = ask(sandbox, ASK_REPLAY, &died);
    if (error) {
        return error;
    }
    if (died && request->record) {
        /* The engine had no chance to put the trace's hash into the outcome. */
        journal->outcome.trace_hash = journal->trace.hash;
    }
    take_outcome(journal, request, outcome);
    return 0;
}

void treadle_sandbox_replay_here(treadle_sandbox *sandbox, const treadle_replay_request *request,
                                 treadle_outcome *outcome)
{
    treadle_journal *journal = sandbox->journal;
    request_replay(journal, request);
    journal->outcome = (treadle_outcome){.kind = TREADLE_OUTCOME_NONE};
    bench here;
    prepare(&here, journal, sandbox->redis);
    if (here.error[0] != '\0') {
        fail_for_lack(journal, here.error);
    } else {
        do_replay(journal, &here.program, here.options);
    }
    treadle_redis_detach();
    take_outcome(journal, request, outcome);
}
