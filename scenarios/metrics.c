// SPDX-License-Identifier: MIT
/* The metrics collector: lost and torn recordings, what batches do, and how it ends. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "impl/metrics/metrics.h"
#include "models/metrics_model.h"
#include "scenarios/registry.h"
#include "tools/checkers/linearizability.h"

enum { THREADS_MAX = 8 };

static const char *const PROVIDER = "openai";
static const char *const AGENT = "planner";

typedef struct fixture {
    const struct metrics_variant *variant;
    struct metrics *metrics;
    long long threads;
    treadle_history history;
} fixture;

static fixture *open_collector(const treadle_run *run, struct metrics_options options, bool started)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    state->variant = metrics_find(run->variant);
    state->metrics = state->variant->open(&options, error, sizeof error);
    state->threads = treadle_run_parameter(run, "threads");
    if (state->metrics == NULL) {
        treadle_violation("setup", "the collector cannot be opened: %s", error);
    }
    if (started && !state->variant->start(state->metrics)) {
        treadle_violation("setup", "the processor cannot be started");
    }
    return state;
}

/* Small numbers of messages, as the batch of the proposal would be 100. */
static void *setup_started(const treadle_run *run)
{
    return open_collector(
        run, (struct metrics_options){.queue_max = 7, .latencies_max = 4, .batch_max = 4}, true);
}

enum { QUEUE_MAX = 3 };

static void *setup_not_started(const treadle_run *run)
{
    return open_collector(
        run, (struct metrics_options){.queue_max = QUEUE_MAX, .latencies_max = 4, .batch_max = 4},
        false);
}

static void close_collector(fixture *state)
{
    state->variant->close(state->metrics);
}

static bool record(fixture *state, const char *provider, const char *agent, double latency_s)
{
    const bool accepted = state->variant->record(state->metrics, provider, agent, latency_s);
    treadle_note("record(%s, %s): %s", provider != NULL ? provider : "nothing", agent,
                 accepted ? "taken" : "dropped");
    return accepted;
}

static struct metrics_reading read_pair(fixture *state, const char *provider, const char *agent)
{
    struct metrics_reading reading;
    state->variant->read(state->metrics, provider, agent, &reading);
    return reading;
}

static void sleep_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Lets the processor store what it can, and ends it. `proposed` loses at its end what it has not
 * stored by then (that is a scenario of its own), so it is given the time first. */
static void settle(fixture *state)
{
    const bool drains = strcmp(state->variant->name, "proposed") != 0;
    struct metrics_counts counts;
    state->variant->counts(state->metrics, &counts);
    for (int i = 0; i < 10 && !drains && counts.stored < counts.recorded; i++) {
        sleep_ms(1000);
        state->variant->counts(state->metrics, &counts);
    }
    state->variant->stop(state->metrics);
}

static void require_stored(fixture *state, long long recorded)
{
    settle(state);
    const struct metrics_reading reading = read_pair(state, PROVIDER, AGENT);
    close_collector(state);
    if (reading.successes != recorded) {
        treadle_violation("lost-record", "%lld requests were recorded, %lld are counted", recorded,
                          reading.successes);
    }
}

/* What was recorded is stored or counted as dropped, once nothing is under way. */
static void require_conserved(const fixture *state)
{
    struct metrics_counts counts;
    state->variant->counts(state->metrics, &counts);
    if (counts.recorded != counts.stored + counts.dropped) {
        treadle_violation("lost-record",
                          "%lld requests were recorded, %lld stored and %lld dropped",
                          counts.recorded, counts.stored, counts.dropped);
    }
}

/* ---- concurrent_records: everything recorded is counted ----------------------------------------
 */

static void *setup_known(const treadle_run *run)
{
    fixture *state = setup_started(run);
    record(state, PROVIDER, AGENT, 0.5);
    return state;
}

static void record_one(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    record(state, PROVIDER, AGENT, 1);
}

static void check_all_counted(void *context)
{
    fixture *state = context;
    require_stored(state, state->threads + 1);
}

/* ---- first_record: threads bring in the same new names at once ---------------------------------
 */

static void check_first(void *context)
{
    fixture *state = context;
    require_stored(state, state->threads);
}

/* ---- whole_requests: a reader never sees half a request ----------------------------------------
 */

static void *setup_odd_batches(const treadle_run *run)
{
    return open_collector(run, (struct metrics_options){.queue_max = 7, .batch_max = 3}, true);
}

static void record_two_or_read(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        record(state, PROVIDER, AGENT, 1);
        record(state, PROVIDER, AGENT, 2);
        return;
    }
    sleep_ms(50);
    const struct metrics_reading reading = read_pair(state, PROVIDER, AGENT);
    treadle_note("read: %lld successes, %lld latencies", reading.successes, reading.latencies);
    if (reading.successes != reading.latencies) {
        treadle_violation("half-a-request", "a reader sees %lld successes and %lld latencies",
                          reading.successes, reading.latencies);
    }
}

static void check_stopped(void *context)
{
    fixture *state = context;
    state->variant->stop(state->metrics);
    close_collector(state);
}

/* ---- shutdown: what was taken before stop() is stored or counted as dropped --------------------
 */

static void record_three(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    for (int i = 0; i < 3; i++) {
        record(state, PROVIDER, AGENT, i);
    }
}

static void check_drained(void *context)
{
    fixture *state = context;
    state->variant->stop(state->metrics);
    require_conserved(state);
    close_collector(state);
}

/* ---- stop_in_use: one stops while another records twice
 * ----------------------------------------------
 */

static void stop_or_record(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        state->variant->stop(state->metrics);
        treadle_note("stopped");
    } else { /* twice: the first may wake the processor while the second is under way */
        record(state, PROVIDER, AGENT, 1);
        record(state, PROVIDER, AGENT, 2);
    }
}

static void check_conserved(void *context)
{
    fixture *state = context;
    require_conserved(state);
    close_collector(state);
}

/* ---- malformed: one bad recording harms no other -----------------------------------------------
 */

static void record_malformed(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    record(state, PROVIDER, AGENT, 1);
    record(state, NULL, AGENT, 1);
    record(state, PROVIDER, AGENT, 1);
}

static void check_malformed(void *context)
{
    require_stored(context, 2); /* the malformed one is not counted */
}

/* ---- open_batch: nothing is held back while more keeps coming ----------------------------------
 */

static void record_steadily(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        for (int i = 0; i < 2; i++) {
            record(state, PROVIDER, AGENT, 1);
            sleep_ms(50);
        }
        return;
    }
    sleep_ms(75);
    struct metrics_counts counts;
    state->variant->counts(state->metrics, &counts);
    if (counts.held_back > 0) {
        treadle_violation("held-back",
                          "the processor waits for more with %zu messages that nobody can see yet",
                          counts.held_back);
    }
}

static void *setup_large_batch(const treadle_run *run)
{
    return open_collector(run, (struct metrics_options){.queue_max = 7}, true);
}

/* ---- slow_consumer: the queue is bounded -------------------------------------------------------
 */

static void record_many(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    for (int i = 0; i < 10; i++) {
        record(state, PROVIDER, AGENT, 1);
    }
}

static void check_queue_bounded(void *context)
{
    fixture *state = context;
    struct metrics_counts counts;
    state->variant->counts(state->metrics, &counts);
    close_collector(state);
    if (counts.pending > QUEUE_MAX) {
        treadle_violation("unbounded-queue", "%zu requests wait in a queue for %d", counts.pending,
                          QUEUE_MAX);
    }
    if (counts.recorded != counts.stored + counts.dropped + (long long)counts.pending) {
        treadle_violation("lost-record", "10 requests: %lld stored, %zu pending, %lld dropped",
                          counts.stored, counts.pending, counts.dropped);
    }
}

/* ---- bounded_lists: what is kept of a pair does not grow with the requests ---------------------
 */

enum { LATENCIES_KEPT = 2, LATENCIES_RECORDED = 4 };

static void record_more_than_kept(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    for (int i = 1; i <= LATENCIES_RECORDED; i++) {
        record(state, PROVIDER, AGENT, i);
    }
}

static void *setup_few_kept(const treadle_run *run)
{
    const struct metrics_options options = {
        .queue_max = 7, .latencies_max = LATENCIES_KEPT, .batch_max = 2};
    return open_collector(run, options, true);
}

static void check_lists_bounded(void *context)
{
    fixture *state = context;
    settle(state);
    const struct metrics_reading reading = read_pair(state, PROVIDER, AGENT);
    close_collector(state);
    if (reading.kept > LATENCIES_KEPT) {
        treadle_violation("unbounded-list", "%zu numbers are kept where the last %d are wanted",
                          reading.kept, LATENCIES_KEPT);
    }
    if (reading.kept < LATENCIES_KEPT) {
        treadle_violation("lost-latency", "%zu latencies are kept, of the last %d", reading.kept,
                          LATENCIES_KEPT);
    }
    if (reading.latest_s != LATENCIES_RECORDED) {
        treadle_violation("wrong-latency", "the last latency is %.0f s, not %d s", reading.latest_s,
                          LATENCIES_RECORDED);
    }
}

/* ---- colliding_names ---------------------------------------------------------------------------
 */

static void record_alike(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    record(state, "a_b", "c", 1);
}

static void check_apart(void *context)
{
    fixture *state = context;
    settle(state);
    const struct metrics_reading other = read_pair(state, "a", "b_c");
    close_collector(state);
    if (other.successes != 0) {
        treadle_violation("collision", "(a_b, c) was recorded, and (a, b_c) has %lld successes",
                          other.successes);
    }
}

/* ---- producer_cancelled ------------------------------------------------------------------------
 */

static void *record_in_thread(void *context)
{
    record(context, PROVIDER, AGENT, 1);
    return NULL;
}

static void cancel_producer(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    pthread_t producer;
    if (pthread_create(&producer, NULL, record_in_thread, state) != 0) {
        return;
    }
    pthread_cancel(producer);
    pthread_join(producer, NULL);
    record(state, PROVIDER, AGENT, 1);
}

static void check_settled(void *context)
{
    fixture *state = context;
    settle(state);
    require_conserved(state);
    close_collector(state);
}

/* ---- record_before_start: what is recorded before the processor starts is stored by it ---------
 */

static void check_late_start(void *context)
{
    fixture *state = context;
    if (!state->variant->start(state->metrics)) {
        treadle_violation("setup", "the processor cannot be started");
    }
    require_stored(state, state->threads);
}

/* ---- history: what readers see could be a collector that stores one request after the other ----
 */

enum { CALL_RECORD, CALL_READ, CALL_READ_STORED };

static const char *const functions[] = {"record", "read", "read after stop"};

/* Storing is the processor's, so a read may lag behind. But it shows whole requests only, never
 * fewer than an earlier read, never more than were recorded; and after stop it shows all. */
typedef struct history_model {
    int64_t recorded;
    int64_t seen;
} history_model;

static int64_t pack(const struct metrics_reading *reading)
{
    return reading->successes * 1000 + reading->latencies;
}

static void history_init(void *state, const void *config)
{
    (void)config;
    *(history_model *)state = (history_model){0};
}

static bool history_step(void *state, const treadle_call *call)
{
    history_model *model = state;
    if (call->function == CALL_RECORD) {
        model->recorded++;
        return true;
    }
    const int64_t seen = call->result / 1000;
    const int64_t least = call->function == CALL_READ_STORED ? model->recorded : model->seen;
    if (call->result % 1000 != seen || seen < least || seen > model->recorded) {
        return false;
    }
    model->seen = seen;
    return true;
}

static void history_describe(const treadle_call *call, char *text, size_t size)
{
    if (call->function == CALL_RECORD) {
        snprintf(text, size, "record");
        return;
    }
    snprintf(text, size, "%s -> %lld successes, %lld latencies", functions[call->function],
             (long long)(call->result / 1000), (long long)(call->result % 1000));
}

static const treadle_model history_rules = {.name = "metrics",
                                            .state_size = sizeof(history_model),
                                            .init = history_init,
                                            .step = history_step,
                                            .describe = history_describe};

static void *setup_history(const treadle_run *run)
{
    fixture *state = setup_odd_batches(run);
    state->history.functions = functions;
    return state;
}

static void read_in_history(fixture *state, uint32_t function)
{
    const uint32_t call = treadle_invoke(&state->history, function, 0, 0);
    const struct metrics_reading reading = read_pair(state, PROVIDER, AGENT);
    treadle_respond(&state->history, call, pack(&reading));
}

static void record_or_read_twice(void *context, uint32_t index)
{
    fixture *state = context;
    for (int i = 0; i < 2; i++) {
        if (index == 1) {
            read_in_history(state, CALL_READ);
            continue;
        }
        const uint32_t call = treadle_invoke(&state->history, CALL_RECORD, 0, 0);
        record(state, PROVIDER, AGENT, i);
        treadle_respond(&state->history, call, 0);
    }
}

static void check_history(void *context)
{
    fixture *state = context;
    settle(state);
    read_in_history(state, CALL_READ_STORED);
    close_collector(state);
    treadle_require_linearizable(&state->history, &history_rules, NULL);
}

/* ---- snapshot_counts: recorded is never below what became of it --------------------------------
 */

static void record_or_count(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        record(state, PROVIDER, AGENT, 1);
        record(state, PROVIDER, AGENT, 2);
        return;
    }
    struct metrics_counts counts;
    state->variant->counts(state->metrics, &counts);
    if (counts.recorded < counts.stored + counts.dropped || counts.dropped < 0) {
        treadle_violation("impossible-counts", "%lld recorded, %lld stored, %lld dropped",
                          counts.recorded, counts.stored, counts.dropped);
    }
}

/* ---- sequential: one thread against the model --------------------------------------------------
 */

static const char *const names[][2] = {
    {"openai", "planner"}, {"openai", "critic"}, {"anthropic", "planner"}};

enum { SEQUENTIAL_RECORDS = 4, NAMES = sizeof names / sizeof names[0] };

static void sequential(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    for (int i = 0; i < SEQUENTIAL_RECORDS; i++) {
        record(state, names[i % NAMES][0], names[i % NAMES][1], i);
    }
}

static void check_model(void *context)
{
    fixture *state = context;
    struct metrics_model model = {0};
    for (int i = 0; i < SEQUENTIAL_RECORDS; i++) {
        metrics_model_record(&model, names[i % NAMES][0], names[i % NAMES][1], i);
    }
    settle(state);
    for (int i = 0; i < NAMES; i++) {
        const struct metrics_model_pair expected =
            metrics_model_read(&model, names[i][0], names[i][1]);
        const struct metrics_reading got = read_pair(state, names[i][0], names[i][1]);
        if (got.successes != expected.count || got.latest_s != expected.latest_s) {
            treadle_violation("wrong-answer",
                              "%s %s: %lld successes, the last took %.0f s; the model says %lld "
                              "and %.0f s",
                              names[i][0], names[i][1], got.successes, got.latest_s, expected.count,
                              expected.latest_s);
        }
    }
    close_collector(state);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter two[] = {{"threads", 2, 1, THREADS_MAX, "threads"}, {0}};
static const treadle_parameter pair[] = {{"threads", 2, 2, 2, "threads"}, {0}};
static const treadle_parameter one[] = {{"threads", 1, 1, 1, "threads"}, {0}};

static const treadle_expectation expect_concurrent_records[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends while it records"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "lost-record",
                       "two threads add to the same count, one addition is lost"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one processor stores"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one lock"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "the ring loses nothing"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_first_record[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends while it records"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "lost-record",
                       "two threads insert the pair of names, one insertion is lost"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one processor stores"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one lock"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one processor stores"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_whole_requests[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends while it records"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "half-a-request",
                       "success and latency are two updates"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "half-a-request",
                       "success and latency are two messages, and a batch may end between them"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "one message a request, stored under the readers' lock"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one message a request"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_shutdown[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "stores at once"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-record",
                       "stop cancels: the queue and the batch in hand are lost"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "stop drains"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "stop drains"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_stop_in_use[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "stores at once"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-record",
                       "what comes after stop waits for ever"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "after stop a request is dropped and counted"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "stop waits for those who are recording"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_malformed[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "a malformed one is refused by itself"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-record",
                       "a malformed message ends its batch, the rest is lost"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "refused where it is recorded"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "refused where it is recorded"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_open_batch[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "stores at once"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "held-back",
                       "a batch stays open while messages come within 0.1 s of each other"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL,
                       "what was taken is stored before the processor waits"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "as at await"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL,
                       "what was taken is stored before the processor waits"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_slow_consumer[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "has no queue"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "unbounded-queue", "the queue has no bound"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a full queue drops and counts"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "a full ring drops and counts"),
    {0},
};

static const treadle_expectation expect_bounded_lists[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "keeps a ring of the last ones"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "unbounded-list",
                       "the list of successes grows with every request"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a count, and a ring of the last latencies"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "a count, and a ring of the last latencies"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_colliding_names[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "names are kept apart"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "collision",
                       "the key joins the names with underscores"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "names are kept apart"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "names are kept apart"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_producer_cancelled[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "no cancellation point inside"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "no cancellation point inside"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "no cancellation point inside"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "no cancellation point inside"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_record_before_start[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends while it records"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "lost-record",
                       "two threads insert the pair of names, one insertion is lost"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "the queue waits for its processor"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the queue waits for its processor"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "the ring waits for its processor"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "each slot is won by one producer"),
    {0},
};

static const treadle_expectation expect_history[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends while it records"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "linearizability",
                       "success and latency are two updates"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "linearizability",
                       "success and latency are two messages, and a batch may end between them"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "one message a request, stored under the readers' lock"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one message a request"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_snapshot_counts[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends while it counts"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "impossible-counts",
                       "the counts are read one after the other"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "under both locks"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "under the lock"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "counted as recorded first"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one thread and the processor"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one thread and the processor"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one thread and the processor"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as fixed"),
    {0},
};

static const treadle_scenario concurrent_records_row = {
    .name = "metrics/concurrent_records",
    .summary = "threads record at once; all that was recorded is counted",
    .parameters = two,
    .expectations = expect_concurrent_records,
    .setup = setup_known,
    .thread = record_one,
    .check = check_all_counted,
    .symmetric = true,
};

static const treadle_scenario first_record_row = {
    .name = "metrics/first_record",
    .summary = "threads record a new pair of names at once; all that was recorded is counted",
    .parameters = two,
    .expectations = expect_first_record,
    .setup = setup_started,
    .thread = record_one,
    .check = check_first,
    .symmetric = true,
};

static const treadle_scenario whole_requests_row = {
    .name = "metrics/whole_requests",
    .summary = "one records, one reads; no reader sees half a request",
    .parameters = pair,
    .expectations = expect_whole_requests,
    .setup = setup_odd_batches,
    .thread = record_two_or_read,
    .check = check_stopped,
};

static const treadle_scenario shutdown_row = {
    .name = "metrics/shutdown",
    .summary = "three requests, then the end; all are stored or counted as dropped",
    .parameters = one,
    .expectations = expect_shutdown,
    .setup = setup_started,
    .thread = record_three,
    .check = check_drained,
};

static const treadle_scenario stop_in_use_row = {
    .name = "metrics/stop_in_use",
    .summary = "one ends the processor, one records twice; what is recorded is stored or counted "
               "as dropped",
    .parameters = pair,
    .expectations = expect_stop_in_use,
    .setup = setup_started,
    .thread = stop_or_record,
    .check = check_conserved,
};

static const treadle_scenario malformed_row = {
    .name = "metrics/malformed",
    .summary = "a malformed recording between two good ones; the good ones are counted",
    .parameters = one,
    .expectations = expect_malformed,
    .setup = setup_large_batch,
    .thread = record_malformed,
    .check = check_malformed,
};

static const treadle_scenario open_batch_row = {
    .name = "metrics/open_batch",
    .summary = "requests come every 50 ms; nothing is held back to wait for more",
    .parameters = pair,
    .expectations = expect_open_batch,
    .setup = setup_large_batch,
    .thread = record_steadily,
    .check = check_stopped,
};

static const treadle_scenario slow_consumer_row = {
    .name = "metrics/slow_consumer",
    .summary = "ten requests and a processor that does nothing; the queue keeps to its bound",
    .parameters = one,
    .expectations = expect_slow_consumer,
    .setup = setup_not_started,
    .thread = record_many,
    .check = check_queue_bounded,
};

static const treadle_scenario bounded_lists_row = {
    .name = "metrics/bounded_lists",
    .summary = "eight requests of one pair of names; what is kept of them keeps to its bound",
    .parameters = one,
    .expectations = expect_bounded_lists,
    .setup = setup_few_kept,
    .thread = record_more_than_kept,
    .check = check_lists_bounded,
};

static const treadle_scenario colliding_names_row = {
    .name = "metrics/colliding_names",
    .summary = "(a_b, c) is recorded; (a, b_c) has no successes",
    .parameters = one,
    .expectations = expect_colliding_names,
    .setup = setup_started,
    .thread = record_alike,
    .check = check_apart,
};

static const treadle_scenario producer_cancelled_row = {
    .name = "metrics/producer_cancelled",
    .summary = "a thread is cancelled while it records; nothing is lost and nobody hangs",
    .parameters = one,
    .expectations = expect_producer_cancelled,
    .setup = setup_started,
    .thread = cancel_producer,
    .check = check_settled,
    .no_baseline = "no variant has a cancellation point where it records",
};

static const treadle_scenario record_before_start_row = {
    .name = "metrics/record_before_start",
    .summary = "threads record while the processor has not started; it then stores all of it",
    .parameters = two,
    .expectations = expect_record_before_start,
    .setup = setup_not_started,
    .thread = record_one,
    .check = check_late_start,
    .symmetric = true,
};

static const treadle_scenario history_row = {
    .name = "metrics/history",
    .summary = "one records, one reads; reads show whole requests, never fewer than before",
    .parameters = pair,
    .expectations = expect_history,
    .setup = setup_history,
    .thread = record_or_read_twice,
    .check = check_history,
};

static const treadle_scenario snapshot_counts_row = {
    .name = "metrics/snapshot_counts",
    .summary = "one records, one reads the counts; what became of requests never exceeds them",
    .parameters = pair,
    .expectations = expect_snapshot_counts,
    .setup = setup_started,
    .thread = record_or_count,
    .check = check_stopped,
};

static const treadle_scenario sequential_row = {
    .name = "metrics/sequential",
    .summary = "one thread, many requests; every count is the model's",
    .parameters = one,
    .expectations = expect_sequential,
    .setup = setup_few_kept,
    .thread = sequential,
    .check = check_model,
    .no_baseline = "one thread records: nothing to interleave",
};

const treadle_scenario *const treadle_metrics[] = {
    &concurrent_records_row,  &first_record_row,    &whole_requests_row,     &shutdown_row,
    &stop_in_use_row,         &malformed_row,       &open_batch_row,         &slow_consumer_row,
    &bounded_lists_row,       &colliding_names_row, &producer_cancelled_row, &snapshot_counts_row,
    &record_before_start_row, &history_row,         &sequential_row,         NULL,
};
