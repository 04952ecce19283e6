// SPDX-License-Identifier: MIT
/* The global semaphore: its bound, its statistics, and what becomes of a slot when a request
 * fails, gives up or is cancelled. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "impl/semaphore/semaphore.h"
#include "impl/semaphore/with_slot.h"
#include "models/semaphore_model.h"
#include "scenarios/registry.h"
#include "tools/checkers/linearizability.h"
#include "tools/checkers/serial.h"

enum { THREADS_MAX = 8 };

/* A deadline that has passed: take a slot if there is one, do not wait. */
static const struct timespec AT_ONCE = {0};

typedef struct fixture {
    const struct semaphore_variant *variant;
    struct global_semaphore *semaphore;
    int64_t threads;
    _Atomic int64_t inside;
    enum rate_decision decisions[THREADS_MAX];
    const char *failing_word;     /* lines with this word fail, */
    _Atomic int64_t log_failures; /* so many of them */
    sem_t queued;                 /* fifo: posted for each request that is logged as queued */
    int64_t order[2];
    int64_t served;
    treadle_history history;
} fixture;

/* ---- what the scenarios share ---------------------------------------------------------------- */

/* Fails for the first `log_failures` lines that have the failing word; posts for those that say
 * "queued". */
static bool log_line(void *context, const char *line)
{
    fixture *state = context;
    if (strstr(line, "queued") != NULL) {
        sem_post(&state->queued);
    }
    if (state->log_failures > 0 && strstr(line, state->failing_word) != NULL &&
        state->log_failures-- > 0) {
        treadle_note("the log fails");
        return false;
    }
    return true;
}

static fixture *open_semaphore(const treadle_run *run, long long max_concurrent, bool with_log)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    const struct semaphore_options options = {
        .max_concurrent = max_concurrent,
        .log = with_log ? log_line : NULL,
        .log_context = state,
    };
    state->variant = semaphore_find(run->variant);
    state->semaphore = state->variant->open(&options, error, sizeof error);
    state->threads = treadle_run_parameter(run, "threads");
    sem_init(&state->queued, 0, 0);
    if (state->semaphore == NULL) {
        treadle_violation("setup", "the semaphore cannot be opened: %s", error);
    }
    return state;
}

static void *setup_one(const treadle_run *run)
{
    return open_semaphore(run, 1, false);
}

static void *setup_two(const treadle_run *run)
{
    return open_semaphore(run, 2, false);
}

static enum rate_decision acquire(fixture *state, const struct timespec *deadline)
{
    const enum rate_decision decision = state->variant->acquire(state->semaphore, deadline);
    treadle_note("acquire: %s", rate_decision_name(decision));
    return decision;
}

static void release(fixture *state)
{
    treadle_note("release");
    state->variant->release(state->semaphore);
}

static struct semaphore_stats stats_of(fixture *state)
{
    struct semaphore_stats stats;
    state->variant->stats(state->semaphore, &stats);
    return stats;
}

/* One slot, and it is out. */
static void *setup_held(const treadle_run *run)
{
    fixture *state = open_semaphore(run, 1, false);
    acquire(state, NULL);
    return state;
}

static void close_semaphore(fixture *state)
{
    state->variant->close(state->semaphore);
    sem_destroy(&state->queued);
}

static void sleep_s(time_t seconds)
{
    const struct timespec pause = {.tv_sec = seconds};
    nanosleep(&pause, NULL);
}

/* How many slots can be had now. Takes them. */
static long long take_all(fixture *state, long long at_most)
{
    long long taken = 0;
    while (taken < at_most &&
           state->variant->acquire(state->semaphore, &AT_ONCE) == RATE_ADMITTED) {
        taken++;
    }
    return taken;
}

/* With `held` slots out and nobody under way: the statistics say so, and exactly the others can be
 * had. */
static void check_slots(fixture *state, long long held)
{
    const struct semaphore_stats stats = stats_of(state);
    const long long left = stats.max_concurrent - held;
    if (stats.active != held || stats.available != left) {
        treadle_violation("wrong-count",
                          "%lld of %lld slots are out, the statistics say %lld active and "
                          "%lld available",
                          held, stats.max_concurrent, stats.active, stats.available);
    }
    const long long taken = take_all(state, left + 1);
    close_semaphore(state);
    if (taken < left) {
        treadle_violation("leaked-slot", "%lld slots should be left, %lld can be had", left, taken);
    }
    if (taken > left) {
        treadle_violation("doubled-slot", "%lld slots should be left, more can be had", left);
    }
}

static void check_all_back(void *context)
{
    check_slots(context, 0);
}

/* ---- bound ----------------------------------------------------------------------------------- */

static void enter(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    if (acquire(state, NULL) != RATE_ADMITTED) {
        treadle_violation("refused", "a request that would have waited is not admitted");
    }
    const int64_t inside = ++state->inside;
    if (inside > 2) {
        treadle_violation("over-admission", "%lld requests run at once, the bound is 2",
                          (long long)inside);
    }
    sleep_s(1);
    state->inside--;
    release(state);
}

static void check_bound(void *context)
{
    close_semaphore(context);
}

/* ---- counters -------------------------------------------------------------------------------- */

static void come_and_go(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    acquire(state, NULL);
    release(state);
}

static void check_counters(void *context)
{
    fixture *state = context;
    const struct semaphore_stats stats = stats_of(state);
    if (stats.total_acquired != state->threads) {
        treadle_violation("wrong-count", "%lld slots were acquired, the statistics say %lld",
                          (long long)state->threads, stats.total_acquired);
    }
    check_slots(state, 0);
}

/* ---- queued_exact ---------------------------------------------------------------------------- */

static void try_and_go(void *context, uint32_t index)
{
    fixture *state = context;
    state->decisions[index] = acquire(state, &AT_ONCE);
    if (state->decisions[index] == RATE_ADMITTED) {
        release(state);
    }
}

static long long refused(const fixture *state)
{
    long long sum = 0;
    for (int64_t i = 0; i < state->threads; i++) {
        sum += state->decisions[i] == RATE_REFUSED;
    }
    return sum;
}

static void check_queued(void *context)
{
    fixture *state = context;
    const long long queued = stats_of(state).total_queued;
    close_semaphore(state);
    if (queued != refused(state)) {
        treadle_violation("wrong-queued",
                          "%lld requests found no slot, the statistics say that %lld were queued",
                          refused(state), queued);
    }
}

/* ---- failing_log ----------------------------------------------------------------------------- */

static void *setup_failing_log(const treadle_run *run)
{
    fixture *state = open_semaphore(run, 2, true);
    state->failing_word = "acquired";
    state->log_failures = 1;
    return state;
}

static void *setup_failing_queued(const treadle_run *run)
{
    fixture *state = open_semaphore(run, 1, true);
    acquire(state, NULL);
    state->failing_word = "queued";
    state->log_failures = 1;
    return state;
}

static void come_and_go_if_logged(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    if (acquire(state, NULL) == RATE_ADMITTED) {
        release(state);
    }
}

/* Thread 0 asks while the slot is out, and the log fails; thread 1 returns the slot. */
static void queue_if_logged(void *context, uint32_t index)
{
    if (index == 0) {
        come_and_go_if_logged(context, index);
    } else {
        release(context);
    }
}

/* ---- failed_request, cancelled_request ------------------------------------------------------- */

static bool fail(void *context)
{
    (void)context;
    sleep_s(1);
    treadle_note("the request fails");
    return false;
}

static void request_that_fails(void *context, uint32_t index)
{
    fixture *state = context;
    bool succeeded = true;
    state->decisions[index] =
        semaphore_with_slot(state->variant, state->semaphore, NULL, fail, NULL, &succeeded);
    if (succeeded) {
        treadle_violation("lost-failure", "a request that fails is said to have succeeded");
    }
}

static void *request_to_cancel(void *context)
{
    request_that_fails(context, 0);
    return NULL;
}

/* Thread 0 starts a request and cancels it at any moment; the others make one of their own. */
static void cancel_request(void *context, uint32_t index)
{
    fixture *state = context;
    pthread_t requester;
    if (index > 0) {
        come_and_go(state, index);
        return;
    }
    if (pthread_create(&requester, NULL, request_to_cancel, state) != 0) {
        return;
    }
    pthread_cancel(requester);
    pthread_join(requester, NULL);
}

/* ---- cancelled_waiter ------------------------------------------------------------------------ */

static void *wait_to_be_cancelled(void *context)
{
    come_and_go(context, 0);
    return NULL;
}

/* Thread 0 starts a request that has to wait and cancels it; thread 1 returns the slot. */
static void cancel_waiter(void *context, uint32_t index)
{
    fixture *state = context;
    pthread_t waiter;
    if (index > 0) {
        release(state);
        return;
    }
    if (pthread_create(&waiter, NULL, wait_to_be_cancelled, state) != 0) {
        return;
    }
    pthread_cancel(waiter);
    pthread_join(waiter, NULL);
}

/* ---- deadline -------------------------------------------------------------------------------- */

/* Thread 0 returns the slot after 1 s; thread i waits for at most i seconds. */
static void wait_with_deadline(void *context, uint32_t index)
{
    fixture *state = context;
    struct timespec deadline;
    struct timespec now;
    if (index == 0) {
        sleep_s(1);
        release(state);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += index;
    state->decisions[index] = acquire(state, &deadline);
    if (state->decisions[index] == RATE_ADMITTED) {
        release(state);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long early_ns =
        (long long)(deadline.tv_sec - now.tv_sec) * 1000000000 + deadline.tv_nsec - now.tv_nsec;
    if (early_ns > 0) {
        treadle_violation("early-refusal", "a request is refused %lld ns before its deadline",
                          early_ns);
    }
}

/* ---- snapshot -------------------------------------------------------------------------------- */

enum { CALL_TRY, CALL_RELEASE, CALL_STATS };
static const char *const functions[] = {"acquire-at-once()", "release()", "stats()"};

static int64_t packed(int64_t max_concurrent, int64_t active)
{
    return max_concurrent * 1000 + active;
}

static void model_init(void *state, const void *config)
{
    semaphore_model_init(state, *(const int64_t *)config);
}

static bool model_step(void *state, const treadle_call *call)
{
    struct semaphore_model *model = state;
    switch (call->function) {
    case CALL_TRY: return semaphore_model_try(model) == (call->result == RATE_ADMITTED);
    case CALL_RELEASE: return model->active > 0 && semaphore_model_release(model) == 0;
    default: return packed(model->max_concurrent, model->active) == call->result;
    }
}

static void model_describe(const treadle_call *call, char *text, size_t size)
{
    switch (call->function) {
    case CALL_TRY:
        snprintf(text, size, "%s -> %s", functions[CALL_TRY],
                 rate_decision_name((enum rate_decision)call->result));
        return;
    case CALL_RELEASE: snprintf(text, size, "%s", functions[CALL_RELEASE]); return;
    default:
        snprintf(text, size, "%s -> %lld of %lld active", functions[CALL_STATS],
                 (long long)(call->result % 1000), (long long)(call->result / 1000));
    }
}

static const treadle_model slots_model = {
    .name = "semaphore",
    .state_size = sizeof(struct semaphore_model),
    .init = model_init,
    .step = model_step,
    .describe = model_describe,
};

static void *setup_history(const treadle_run *run)
{
    fixture *state = open_semaphore(run, 1, false);
    state->history.functions = functions;
    return state;
}

static bool call_try(fixture *state)
{
    const uint32_t call = treadle_invoke(&state->history, CALL_TRY, 0, 0);
    const enum rate_decision decision = state->variant->acquire(state->semaphore, &AT_ONCE);
    treadle_respond(&state->history, call, decision);
    return decision == RATE_ADMITTED;
}

static void call_release(fixture *state)
{
    const uint32_t call = treadle_invoke(&state->history, CALL_RELEASE, 0, 0);
    state->variant->release(state->semaphore);
    treadle_respond(&state->history, call, 0);
}

static void call_stats(fixture *state)
{
    const uint32_t call = treadle_invoke(&state->history, CALL_STATS, 0, 0);
    const struct semaphore_stats stats = stats_of(state);
    treadle_respond(&state->history, call, packed(stats.max_concurrent, stats.active));
    if (stats.active + stats.available != stats.max_concurrent ||
        stats.at_capacity != (stats.available <= 0)) {
        treadle_violation("torn-snapshot", "%lld active + %lld available, of %lld%s", stats.active,
                          stats.available, stats.max_concurrent,
                          stats.at_capacity ? ", at capacity" : "");
    }
}

/* Thread 0 takes a slot and returns it; the others ask for the statistics, for a slot, and for the
 * statistics again. */
static void look(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        if (call_try(state)) {
            call_release(state);
        }
        return;
    }
    call_stats(state);
    call_try(state);
    call_stats(state);
}

static void check_history(void *context)
{
    fixture *state = context;
    const int64_t max_concurrent = 1;
    treadle_require_linearizable(&state->history, &slots_model, &max_concurrent);
    close_semaphore(state);
}

/* ---- serial: grow it while others ask -------------------------------------------------------- */

static void grow_or_try(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        state->variant->resize(state->semaphore, 2);
        treadle_note("resized to 2");
        return;
    }
    state->decisions[index] = acquire(state, &AT_ONCE);
}

static void check_serial(void *context)
{
    fixture *state = context;
    const struct semaphore_stats stats = stats_of(state);
    close_semaphore(state);
    treadle_outcome_text("thread 2 %s, thread 3 %s; active %lld, available %lld, acquired %lld, "
                         "queued %lld",
                         rate_decision_name(state->decisions[1]),
                         rate_decision_name(state->decisions[2]), stats.active, stats.available,
                         stats.total_acquired, stats.total_queued);
}

/* ---- resize, shrink -------------------------------------------------------------------------- */

/* Threads 0 and 1 make it 2 and 3 slots; thread 2 has to wait until one of them has. */
static void resize_twice(void *context, uint32_t index)
{
    fixture *state = context;
    if (index < 2) {
        state->variant->resize(state->semaphore, (long long)index + 2);
        treadle_note("resized to %u", index + 2);
        return;
    }
    acquire(state, NULL);
}

static void check_resized(void *context)
{
    check_slots(context, 2);
}

static void *setup_two_held(const treadle_run *run)
{
    fixture *state = open_semaphore(run, 2, false);
    acquire(state, NULL);
    acquire(state, NULL);
    return state;
}

/* Thread 0 takes a slot away while both are out, thread 1 returns them, thread 2 waits for one. */
static void shrink(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        state->variant->resize(state->semaphore, 1);
        treadle_note("resized to 1");
    } else if (index == 1) {
        release(state);
        release(state);
    } else {
        acquire(state, NULL);
    }
}

static void check_shrunk(void *context)
{
    check_slots(context, 1);
}

/* ---- fifo ------------------------------------------------------------------------------------ */

static void *setup_fifo(const treadle_run *run)
{
    fixture *state = open_semaphore(run, 1, true);
    acquire(state, NULL);
    return state;
}

static void take_turn(fixture *state, uint32_t index)
{
    acquire(state, NULL);
    state->order[state->served++] = index;
    release(state);
}

/* Thread 0 asks. Once the log says that it is queued, thread 1 returns the slot and asks again. */
static void queue_up(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 1) {
        sem_wait(&state->queued);
        release(state);
    }
    take_turn(state, index);
}

static void check_order(void *context)
{
    fixture *state = context;
    close_semaphore(state);
    if (state->order[0] != 0) {
        treadle_violation("overtaking",
                          "thread-1 was queued before thread-2 asked, and is served after it");
    }
}

/* ---- sequential: one thread against the model ------------------------------------------------ */

static void compare(fixture *state, const struct semaphore_model *model, int step)
{
    const struct semaphore_stats stats = stats_of(state);
    if (stats.max_concurrent != model->max_concurrent || stats.active != model->active ||
        stats.available != semaphore_model_available(model) ||
        stats.total_acquired != model->total_acquired ||
        stats.total_queued != model->total_queued ||
        stats.at_capacity != (semaphore_model_available(model) <= 0)) {
        treadle_violation("wrong-answer",
                          "after step %d: %lld/%lld active, %lld acquired, %lld queued; the model "
                          "says %lld/%lld, %lld, %lld",
                          step, stats.active, stats.max_concurrent, stats.total_acquired,
                          stats.total_queued, (long long)model->active,
                          (long long)model->max_concurrent, (long long)model->total_acquired,
                          (long long)model->total_queued);
    }
}

static void require_same(int step, bool got, bool expected)
{
    if (got != expected) {
        treadle_violation("wrong-answer", "step %d: %s, the model says %s", step,
                          got ? "yes" : "no", expected ? "yes" : "no");
    }
}

/* Nobody is there to return a slot, so who waits waits until the deadline. */
static bool wait_in_vain(fixture *state, struct semaphore_model *model)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += 5;
    const bool expected = semaphore_model_request(model, 1) == SEMAPHORE_MODEL_GRANTED;
    semaphore_model_give_up(model, 1);
    return (acquire(state, &deadline) == RATE_ADMITTED) == expected;
}

/* a: acquire at once, w: acquire and wait, r: release, 0 … 9: resize. */
static void sequential(void *context, uint32_t index)
{
    static const char steps[] = "aawrwaarr3aawaw1arawrwarr0w2aaaw1rr9aaaa4rrrr";
    fixture *state = context;
    struct semaphore_model model;
    uint64_t served[SEMAPHORE_MODEL_LINE_MAX];
    size_t count;
    (void)index;
    semaphore_model_init(&model, 2);
    for (int i = 0; steps[i] != '\0'; i++) {
        const long long size = steps[i] - '0';
        switch (steps[i]) {
        case 'a':
            require_same(i, acquire(state, &AT_ONCE) == RATE_ADMITTED, semaphore_model_try(&model));
            break;
        case 'w': require_same(i, wait_in_vain(state, &model), true); break;
        case 'r':
            if (model.active > 0) {
                semaphore_model_release(&model);
                release(state);
            }
            break;
        default:
            require_same(i, state->variant->resize(state->semaphore, size),
                         semaphore_model_resize(&model, size, served, &count));
        }
        compare(state, &model, i);
    }
}

static void check_closed(void *context)
{
    close_semaphore(context);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter one[] = {{"threads", 1, 1, 1, "threads"}, {0}};
static const treadle_parameter two[] = {{"threads", 2, 2, THREADS_MAX, "threads"}, {0}};
static const treadle_parameter three[] = {{"threads", 3, 3, THREADS_MAX, "threads"}, {0}};
static const treadle_parameter exactly_two[] = {{"threads", 2, 2, 2, "threads"}, {0}};
static const treadle_parameter exactly_three[] = {{"threads", 3, 3, 3, "threads"}, {0}};

static const treadle_expectation expect_bound[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "asyncio's semaphore is sound"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "sound under threads too"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "the same semaphore"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "the same semaphore"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "granted under the lock, below max_concurrent only"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL,
                       "one compare-and-swap takes a slot and counts it"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "one compare-and-swap takes a slot and counts it"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_counters[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "no await inside an update: the claim is false for asyncio"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "no lock or atomic inside an update"),
    TREADLE_MEMORY_ROW(
        "naive", MEMORY, VIOLATED, "wrong-count",
        "two threads read the same count, one update is lost: the claim is true for threads"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "updates are under a lock"),
    TREADLE_MEMORY_ROW("proposed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "slots and counters are one state under one lock"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL,
                       "slots and counters are one state under one lock"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "updates are atomic"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_queued[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "nothing suspends between `locked()` and the wait"),
    TREADLE_MEMORY_ROW(
        "naive", SYNC, VIOLATED, "wrong-queued",
        "`locked()` and the wait are two steps: counted but not waiting, or the reverse"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL,
                       "nothing suspends between `locked()` and the wait"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "wrong-queued",
                       "the lock is around the counter, not around `locked()` and the wait"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "counted where it is decided that there is no slot"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL,
                       "counted where it is decided that there is no slot"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "who finds no slot, and only who finds none, is counted"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_failing_log[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "the original's `finally` covers the log call"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "the original's `finally` covers the log call"),
    TREADLE_MEMORY_ROW(
        "proposed", AWAIT, VIOLATED, "wrong-count",
        "the count goes up before the `try`: when the log fails, it never comes down"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "a request whose log call fails returns what it took"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "a request whose log call fails returns what it took"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_failing_queued[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "the log line comes before the line of waiters"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL,
                       "the log line comes before the line of waiters"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "it leaves the line, or returns what it was handed"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "it leaves the line, or returns what it was handed"),
    {0},
};

static const treadle_expectation expect_failed_request[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "the claimed leak is not there: `finally` was already used"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL,
                       "the claimed leak is not there: `finally` was already used"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "wrong-count",
                       "a lost update of the counter, as when requests succeed; no slot leaks"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "`finally`, as before"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "`finally`, as before"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the slot is returned however the request ends"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "the slot is returned however the request ends"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_cancelled_request[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "cancellation passes through the `finally`"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "cancellation passes through the `finally`"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "wrong-count",
                       "a lost update of the counter; no slot leaks"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL,
                       "nothing awaits between the count and the `try`"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL,
                       "nothing awaits between the count and the `try`"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "no cancellation point between getting the slot and the clean-up"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "no cancellation point between getting the slot and the clean-up"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_cancelled_waiter[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL,
                       "a cancelled waiter that was served passes its slot on, as asyncio's does"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "the same semaphore"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "a cancelled waiter leaves the line, or returns what it was handed"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "a cancelled waiter leaves the line, or returns what it was handed"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_deadline[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL,
                       "who was served as its deadline passed takes the slot"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "the same semaphore"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "who was served as its deadline passed takes the slot"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "who was served as its deadline passed takes the slot"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_snapshot[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "nothing suspends between semaphore and counters"),
    TREADLE_MEMORY_ROW(
        "naive", SYNC, VIOLATED, "linearizability",
        "the count goes down before the slot is back: shown as free, it cannot be had"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL,
                       "nothing suspends between semaphore and counters"),
    TREADLE_MEMORY_ROW(
        "proposed", SYNC, VIOLATED, "linearizability",
        "counters and semaphore change one after the other: a slot shown as free cannot be had"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "slots and counters are one state"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "slots and their count are one word"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_serial[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "no step suspends"),
    TREADLE_MEMORY_ROW(
        "naive", SYNC, VIOLATED, "atomicity",
        "`locked()` and the wait are two steps: admitted at once, and yet counted as queued"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "no step suspends"),
    TREADLE_MEMORY_ROW(
        "proposed", SYNC, VIOLATED, "atomicity",
        "`locked()` and the wait are two steps: admitted at once, and yet counted as queued"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "each call is one critical section"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "each call is one critical section"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "a resize is one compare-and-swap"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_resize[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends while it is resized"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL,
                       "no lock or atomic between reading the old maximum and writing the new one"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "doubled-slot",
                       "both resizes read the same old maximum, and both add their difference"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "nothing suspends while it is resized"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL,
                       "the differences are taken under a lock, and add up"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "the maximum, and who is served because of it, change together"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL,
                       "the maximum, and who is served because of it, change together"),
    TREADLE_MEMORY_ROW(
        "lockfree", SYNC, HOLDS, NULL,
        "the maximum, and who is served because of it, change in one compare-and-swap"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_shrink[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends while it is resized"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "the semaphore may go below zero"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "wrong-count", "a lost update of the counter"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "nothing suspends while it is resized"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "the semaphore may go below zero"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "a slot that comes back is handed on only below the new maximum"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL,
                       "a slot that comes back is handed on only up to the new maximum"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "a slot that comes back is handed on only up to the new maximum"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_fifo[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "from the log line to the line of waiters nothing suspends"),
    TREADLE_MEMORY_ROW(
        "naive", SYNC, VIOLATED, "overtaking",
        "logged as queued before it is in the line: the releaser asks again and is first"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL,
                       "from the log line to the line of waiters nothing suspends"),
    TREADLE_MEMORY_ROW(
        "proposed", SYNC, VIOLATED, "overtaking",
        "logged as queued before it is in the line: the releaser asks again and is first"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "a slot that comes back is handed to the first in line"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "a slot that comes back is handed to the first in line"),
    TREADLE_MEMORY_ROW("lockfree", MEMORY, HOLDS, NULL, "as at sync"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one thread"),
    {0},
};

static const treadle_scenario bound_row = {
    .name = "semaphore/bound",
    .summary = "three requests, two slots; never more than two run at once",
    .parameters = three,
    .expectations = expect_bound,
    .setup = setup_two,
    .thread = enter,
    .check = check_bound,
    .symmetric = true,
    .moves_clock = true,
    .no_baseline = "asyncio's semaphore keeps its bound; what is wrong is beside it",
};

static const treadle_scenario counters_row = {
    .name = "semaphore/counters",
    .summary = "requests come and go; in the end none is active and all have been counted",
    .parameters = two,
    .expectations = expect_counters,
    .setup = setup_two,
    .thread = come_and_go,
    .check = check_counters,
    .symmetric = true,
};

static const treadle_scenario queued_row = {
    .name = "semaphore/queued_exact",
    .summary = "requests that do not wait, one slot; those that found none are those counted",
    .parameters = two,
    .expectations = expect_queued,
    .setup = setup_one,
    .thread = try_and_go,
    .check = check_queued,
    .symmetric = true,
};

static const treadle_scenario failing_log_row = {
    .name = "semaphore/failing_log",
    .summary = "one log call fails; in the end all slots are back and none is counted as active",
    .parameters = two,
    .expectations = expect_failing_log,
    .setup = setup_failing_log,
    .thread = come_and_go_if_logged,
    .check = check_all_back,
};

static const treadle_scenario failing_queued_row = {
    .name = "semaphore/failing_log_in_line",
    .summary = "the log fails for one that has to wait, while the slot comes back; it is not lost",
    .parameters = exactly_two,
    .expectations = expect_failing_queued,
    .setup = setup_failing_queued,
    .thread = queue_if_logged,
    .check = check_all_back,
    .no_baseline = "who logs before it waits has nothing to lose",
};

static const treadle_scenario failed_request_row = {
    .name = "semaphore/failed_request",
    .summary = "every request fails (the leak that the document claims); all slots come back",
    .parameters = two,
    .expectations = expect_failed_request,
    .setup = setup_two,
    .thread = request_that_fails,
    .check = check_all_back,
    .moves_clock = true,
};

static const treadle_scenario cancelled_request_row = {
    .name = "semaphore/cancelled_request",
    .summary = "a request is cancelled at any moment; its slot comes back exactly once",
    .parameters = two,
    .expectations = expect_cancelled_request,
    .setup = setup_two,
    .thread = cancel_request,
    .check = check_all_back,
    .moves_clock = true,
};

static const treadle_scenario cancelled_waiter_row = {
    .name = "semaphore/cancelled_waiter",
    .summary = "who waits is cancelled while the slot comes back; the slot is not lost",
    .parameters = exactly_two,
    .expectations = expect_cancelled_waiter,
    .setup = setup_held,
    .thread = cancel_waiter,
    .check = check_all_back,
    .no_baseline =
        "asyncio's semaphore loses no slot when a waiter is cancelled; what is wrong is beside it",
};

static const treadle_scenario deadline_row = {
    .name = "semaphore/deadline",
    .summary = "a slot comes back as a deadline passes; no refusal is early, no slot is lost",
    .parameters = two,
    .expectations = expect_deadline,
    .setup = setup_held,
    .thread = wait_with_deadline,
    .check = check_all_back,
    .moves_clock = true,
    .no_baseline =
        "asyncio's semaphore loses no slot when a wait times out; what is wrong is beside it",
};

static const treadle_scenario snapshot_row = {
    .name = "semaphore/snapshot",
    .summary = "statistics and answers together are explained by one order of the calls",
    .parameters = two,
    .expectations = expect_snapshot,
    .setup = setup_history,
    .thread = look,
    .check = check_history,
};

static const treadle_scenario serial_row = {
    .name = "semaphore/serial_resize",
    .summary = "it grows from one slot to two while two ask; the outcome is that of a serial order",
    .parameters = exactly_three,
    .expectations = expect_serial,
    .setup = setup_one,
    .thread = grow_or_try,
    .check = check_serial,
    .serial_outcomes = true,
};

static const treadle_scenario resize_row = {
    .name = "semaphore/resize",
    .summary =
        "two resizes at once while one waits; it is served, and the slots are as many as said",
    .parameters = exactly_three,
    .expectations = expect_resize,
    .setup = setup_held,
    .thread = resize_twice,
    .check = check_resized,
};

static const treadle_scenario shrink_row = {
    .name = "semaphore/shrink",
    .summary = "a slot is taken away while all are out and one waits; it gets the one that is left",
    .parameters = exactly_three,
    .expectations = expect_shrink,
    .setup = setup_two_held,
    .thread = shrink,
    .check = check_shrunk,
};

static const treadle_scenario fifo_row = {
    .name = "semaphore/fifo",
    .summary = "one is queued, the holder releases and asks again; the one in the queue goes first",
    .parameters = exactly_two,
    .expectations = expect_fifo,
    .setup = setup_fifo,
    .thread = queue_up,
    .check = check_order,
};

static const treadle_scenario sequential_row = {
    .name = "semaphore/sequential",
    .summary = "one thread; every answer and every statistic is the model's",
    .parameters = one,
    .expectations = expect_sequential,
    .setup = setup_two,
    .thread = sequential,
    .check = check_closed,
    .moves_clock = true,
    .no_baseline = "one thread: nothing interleaves",
};

const treadle_scenario *const treadle_semaphore[] = {
    &bound_row,
    &counters_row,
    &queued_row,
    &failing_log_row,
    &failing_queued_row,
    &failed_request_row,
    &cancelled_request_row,
    &cancelled_waiter_row,
    &deadline_row,
    &snapshot_row,
    &serial_row,
    &resize_row,
    &shrink_row,
    &fifo_row,
    &sequential_row,
    NULL,
};
