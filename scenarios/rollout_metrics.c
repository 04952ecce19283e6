// SPDX-License-Identifier: MIT
/* Rolling out and back a metrics collector: what is read, counted and stored when requests are
 * recorded in two places. */
#include <stdlib.h>

#include "impl/rollout/metrics_switch.h"
#include "scenarios/registry.h"
#include "scenarios/rollout_fixture.h"

static const char *const PROVIDER = "openai";
static const char *const AGENT = "planner";

typedef struct fixture {
    const struct metrics_switch_variant *variant;
    struct metrics_switch *metrics;
    struct rollout_flag *flag;
    long long threads;
    long long stored_before; /* by setup */
} fixture;

static fixture *open_arms(const treadle_run *run, const struct metrics_variant *original,
                          const struct metrics_variant *replacement, size_t queue_max, int share)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    const struct metrics_options sizes = {.queue_max = queue_max, .latencies_max = 4};
    state->variant = metrics_switch_find(run->variant);
    state->flag = treadle_rollout_flag(&rollout_fixed, share, 0);
    const struct metrics_switch_options options = {
        .arms = {original, replacement}, .flags = &rollout_fixed, .flag = state->flag};
    state->metrics = state->variant->open(&options, &sizes, error, sizeof error);
    if (state->metrics == NULL) {
        treadle_violation("setup", "the collector cannot be opened: %s", error);
    }
    state->threads = treadle_run_parameter(run, "threads");
    return state;
}

static void close_arms(fixture *state)
{
    state->variant->close(state->metrics);
    rollout_fixed.close(state->flag);
}

static void record(fixture *state, const char *provider)
{
    const bool taken = state->variant->record(state->metrics, provider, AGENT, 0.5);
    treadle_note("record: %s", taken ? "taken" : "dropped");
}

static struct metrics_reading read_all(fixture *state)
{
    struct metrics_reading reading;
    state->variant->read(state->metrics, PROVIDER, AGENT, &reading);
    treadle_note("read: %lld", reading.successes);
    return reading;
}

/* One request is a success and a latency. */
static void require_whole(const struct metrics_reading *reading)
{
    if (reading->successes != reading->latencies) {
        treadle_violation("half-a-request", "%lld successes, %lld latencies", reading->successes,
                          reading->latencies);
    }
}

static void require_read(fixture *state, long long expected)
{
    const struct metrics_reading reading = read_all(state);
    require_whole(&reading);
    if (reading.successes < expected) {
        treadle_violation("lost-record", "%lld requests were recorded, %lld are counted", expected,
                          reading.successes);
    }
    if (reading.successes > expected) {
        treadle_violation("doubled-record", "%lld requests were recorded, %lld are counted",
                          expected, reading.successes);
    }
}

static void require_counts(fixture *state, long long recorded, long long dropped)
{
    struct metrics_counts counts;
    state->variant->counts(state->metrics, &counts);
    if (counts.recorded > recorded) {
        treadle_violation("doubled-record", "%lld requests were recorded, %lld are counted",
                          recorded, counts.recorded);
    }
    if (counts.recorded < recorded || counts.dropped != dropped ||
        counts.stored + counts.dropped != counts.recorded) {
        treadle_violation("lost-record",
                          "%lld were recorded: %lld counted, %lld stored, %lld "
                          "dropped",
                          recorded, counts.recorded, counts.stored, counts.dropped);
    }
}

/* ---- the operator ---------------------------------------------------------------------------- */

static void *setup_started(const treadle_run *run)
{
    fixture *state = open_arms(run, &metrics_fixed, &metrics_lockfree, 8, 0);
    if (!state->variant->start(state->metrics)) {
        treadle_violation("setup", "the processors cannot be started");
    }
    return state;
}

static void switch_or_record(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    } else {
        record(state, PROVIDER);
    }
}

static void check_stored(void *context)
{
    fixture *state = context;
    state->variant->stop(state->metrics);
    require_read(state, state->threads - 1);
    require_counts(state, state->threads - 1, 0);
    close_arms(state);
}

/* Variants that store at once, in one thread each: only one thread records. */
static void *setup_both_hold(const treadle_run *run)
{
    fixture *state = open_arms(run, &metrics_naive, &metrics_naive, 8, 0);
    record(state, PROVIDER);
    return state;
}

/* What a reader has seen stays: numbers only grow, wherever the arm goes. */
static void switch_or_read(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
        record(state, PROVIDER);
        treadle_rollout_share(state->flag, 0);
        return;
    }
    long long seen = 0;
    for (int i = 0; i < 3; i++) {
        const struct metrics_reading reading = read_all(state);
        require_whole(&reading);
        if (reading.successes < seen) {
            treadle_violation("lost-record", "%lld requests were counted, now %lld", seen,
                              reading.successes);
        }
        seen = reading.successes;
    }
}

static void check_both(void *context)
{
    fixture *state = context;
    require_read(state, 2);
    close_arms(state);
}

/* ---- a replacement that drops ---------------------------------------------------------------- */

static bool drop(struct metrics *metrics, const char *provider, const char *agent, double latency_s)
{
    (void)provider;
    (void)agent;
    return metrics_fixed.record(metrics, NULL, NULL, latency_s);
}

static struct metrics_variant dropping_variant;

/* It drops, and counts as dropped, whatever it is given. */
static void *setup_dropping(const treadle_run *run)
{
    dropping_variant = metrics_fixed;
    dropping_variant.name = "dropping";
    dropping_variant.record = drop;
    fixture *state = open_arms(run, &metrics_fixed, &dropping_variant, 8, ROLLOUT_SHARE_ALL);
    if (!state->variant->start(state->metrics)) {
        treadle_violation("setup", "the processors cannot be started");
    }
    return state;
}

/* The last one's is malformed. */
static void record_all(void *context, uint32_t index)
{
    fixture *state = context;
    record(state, PROVIDER);
    if (index == 0) {
        record(state, NULL);
    }
}

static void check_once(void *context)
{
    fixture *state = context;
    struct rollout_counters counters;
    state->variant->stop(state->metrics);
    treadle_rollout_share(state->flag, 0);
    require_read(state, state->threads);
    require_counts(state, state->threads + 1, 1);
    rollout_fixed.counters(state->flag, &counters);
    if (counters.fall_backs != (uint64_t)state->threads) {
        treadle_violation("lost-record", "%lld requests fell back, %llu are counted",
                          state->threads, (unsigned long long)counters.fall_backs);
    }
    close_arms(state);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_expectation expect_in_flight[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-record",
                       "a reader sees the arm in charge only"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a reader asks both arms"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a reader asks both arms"),
    {0},
};

static const treadle_expectation expect_reader[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-record",
                       "rolled back, what the replacement recorded is gone"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a reader asks both arms"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a reader asks both arms"),
    {0},
};

static const treadle_expectation expect_dropped[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "doubled-record",
                       "dropped by one arm and stored by the other is recorded twice"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "what both were given is taken off once"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "what both were given is taken off once"),
    {0},
};

static const treadle_scenario in_flight = {
    .name = "rollout/metrics_in_flight",
    .summary = "requests are recorded while the replacement takes over; each is counted, once",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_in_flight,
    .setup = setup_started,
    .thread = switch_or_record,
    .check = check_stored,
};

static const treadle_scenario reader = {
    .name = "rollout/metrics_reader",
    .summary = "a reader looks on while the share goes up and down; its numbers only grow",
    .parameters = treadle_rollout_operator_and_client,
    .expectations = expect_reader,
    .setup = setup_both_hold,
    .thread = switch_or_read,
    .check = check_both,
};

static const treadle_scenario dropped = {
    .name = "rollout/metrics_fall_back",
    .summary = "the replacement drops everything; the original stores it, and it counts once",
    .parameters = treadle_rollout_two,
    .expectations = expect_dropped,
    .setup = setup_dropping,
    .thread = record_all,
    .check = check_once,
};

const treadle_scenario *const treadle_rollout_metrics[] = {&in_flight, &reader, &dropped, NULL};
