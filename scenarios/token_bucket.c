// SPDX-License-Identifier: MIT
/* The token bucket in memory: the unlocked reader, waiters that are promised nothing, and use while
 * it is reset, reconfigured and cancelled. The one on Redis is in redis_bucket.c. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "impl/token_bucket/token_bucket.h"
#include "models/token_bucket_model.h"
#include "scenarios/registry.h"
#include "tools/checkers/linearizability.h"
#include "tools/checkers/serial.h"

enum { THREADS_MAX = 32 };

static const int64_t NS_PER_S = 1000000000;

enum function { TRY_ACQUIRE, GIVE_BACK, RESET, RECONFIGURE };
static const char *const functions[] = {"try_acquire()", "give_back()", "reset()", "reconfigure()"};

typedef struct fixture {
    const struct token_bucket_variant *variant;
    struct token_bucket *bucket;
    struct token_bucket_limits limits;
    int64_t threads;
    int64_t opened_ns;
    int64_t taken;  /* in set-up */
    int64_t filled; /* by resets, at most */
    enum rate_decision decisions[THREADS_MAX];
    int64_t granted[THREADS_MAX];
    treadle_history history;
} fixture;

static fixture *open_bucket(const treadle_run *run, double capacity, double rate_per_s)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    state->variant = token_bucket_find(run->variant);
    state->limits = (struct token_bucket_limits){.capacity = capacity, .rate_per_s = rate_per_s};
    state->bucket = state->variant->open(&state->limits, error, sizeof error);
    state->threads = treadle_run_parameter(run, "threads");
    state->opened_ns = treadle_clock_ns();
    state->history.functions = functions;
    if (state->bucket == NULL) {
        treadle_violation("setup", "the bucket cannot be opened: %s", error);
    }
    return state;
}

/* Takes all there is. */
static fixture *emptied(fixture *state)
{
    while (state->taken < (int64_t)state->limits.capacity) {
        state->variant->try_acquire(state->bucket, NULL);
        state->taken++;
    }
    return state;
}

static void close_bucket(fixture *state)
{
    state->variant->close(state->bucket);
}

static void sleep_s(double seconds)
{
    const struct timespec pause = {.tv_sec = (time_t)seconds,
                                   .tv_nsec = (long)(1e9 * (seconds - floor(seconds)))};
    nanosleep(&pause, NULL);
}

static double elapsed_s(const fixture *state)
{
    return (double)(treadle_clock_ns() - state->opened_ns) / 1e9;
}

static struct timespec in_s(double seconds)
{
    const int64_t ns = TREADLE_MONOTONIC_START_NS + treadle_clock_ns() + (int64_t)(seconds * 1e9);
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static bool try_acquire(fixture *state, uint32_t index)
{
    const bool got = state->variant->try_acquire(state->bucket, NULL) == RATE_ADMITTED;
    state->granted[index] += got;
    treadle_note("try_acquire: %s", got ? "admitted" : "refused");
    return got;
}

static void acquire(fixture *state, uint32_t index, const struct timespec *deadline)
{
    state->decisions[index] = state->variant->acquire(state->bucket, deadline);
    state->granted[index] += state->decisions[index] == RATE_ADMITTED;
    treadle_note("acquire: %s", rate_decision_name(state->decisions[index]));
}

static int64_t granted(const fixture *state)
{
    int64_t sum = state->taken;
    for (int64_t i = 0; i < state->threads; i++) {
        sum += state->granted[i];
    }
    return sum;
}

/* More tokens than there ever were? */
static void require_conservation(fixture *state)
{
    const double left = state->variant->available(state->bucket);
    const double most = state->limits.capacity + state->limits.rate_per_s * elapsed_s(state) +
                        (double)state->filled;
    const int64_t sum = granted(state);
    if ((double)sum + floor(left) > most) {
        treadle_violation("over-grant",
                          "%lld tokens granted and %g left after %g s; there were %g in all",
                          (long long)sum, left, elapsed_s(state), most);
    }
}

/* For a bucket that was never full again: is what is left what was not granted? */
static void require_nothing_lost(fixture *state)
{
    const double all = state->limits.capacity + state->limits.rate_per_s * elapsed_s(state);
    const double left = state->variant->available(state->bucket);
    const int64_t sum = granted(state);
    if ((double)sum + left < floor(all)) {
        treadle_violation("lost-token",
                          "%lld tokens granted and %g left after %g s; there were %g in all",
                          (long long)sum, left, elapsed_s(state), all);
    }
}

static void check_conservation(void *context)
{
    fixture *state = context;
    require_conservation(state);
    close_bucket(state);
}

static void check_balance(void *context)
{
    fixture *state = context;
    require_conservation(state);
    require_nothing_lost(state);
    close_bucket(state);
}

/* ---- reader, takers -------------------------------------------------------------------------- */

/* Empty, and a second has passed since anybody looked: the next to look refills. */
static void *setup_due(const treadle_run *run)
{
    fixture *state = emptied(open_bucket(run, 2, 1));
    sleep_s(1);
    return state;
}

static void take_or_read(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        try_acquire(state, index);
        return;
    }
    const double tokens = state->variant->available(state->bucket);
    treadle_note("available: %g", tokens);
}

static void take(void *context, uint32_t index)
{
    try_acquire(context, index);
}

/* ---- conservation ---------------------------------------------------------------------------- */

static void *setup_one_a_second(const treadle_run *run)
{
    return emptied(open_bucket(run, 1, 1));
}

/* Everybody waits for a token, then looks at what is left. */
static void wait_then_read(void *context, uint32_t index)
{
    fixture *state = context;
    acquire(state, index, NULL);
    state->variant->available(state->bucket);
}

/* ---- herd ------------------------------------------------------------------------------------ */

static void wait_for_one(void *context, uint32_t index)
{
    acquire(context, index, NULL);
}

static void check_herd(void *context)
{
    fixture *state = context;
    const unsigned long futile = state->variant->futile_wakeups(state->bucket);
    require_conservation(state);
    close_bucket(state);
    if (futile > 0) {
        treadle_violation("futile-wakeup",
                          "%lld waiters for as many tokens: wake-ups that found none: %lu",
                          (long long)state->threads, futile);
    }
}

/* ---- poller ---------------------------------------------------------------------------------- */

/* Thread 0 waits, for at most 2.5 s, for a token of which one comes every second. Thread 1 tries
 * once a second and does not wait. */
static void wait_or_poll(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        const struct timespec deadline = in_s(2.5);
        acquire(state, index, &deadline);
        return;
    }
    for (int i = 0; i < 3; i++) {
        sleep_s(1);
        try_acquire(state, index);
    }
}

/* Was it told to wait, waited, and was refused all the same? One whose deadline had become too
 * early when it asked is refused at once, which is as it should be. */
static bool refused_after_waiting(const fixture *state, uint32_t index)
{
    return state->decisions[index] != RATE_ADMITTED &&
           state->variant->futile_wakeups(state->bucket) > 0;
}

static void check_patient(void *context)
{
    fixture *state = context;
    const bool starved = refused_after_waiting(state, 0);
    close_bucket(state);
    if (starved) {
        treadle_violation("starvation",
                          "the waiter got none of the tokens of 2.5 s, the poller got %lld",
                          (long long)state->granted[1]);
    }
}

/* ---- late_waiters ---------------------------------------------------------------------------- */

/* Two wait for the two tokens of the next two seconds; a third lets time pass, so that they may
 * wake late. Nobody else takes any. */
static void wait_beside_a_sleeper(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 2) {
        sleep_s(2);
        return;
    }
    const struct timespec deadline = in_s(2.5);
    acquire(state, index, &deadline);
}

static void check_late(void *context)
{
    fixture *state = context;
    const bool lost = refused_after_waiting(state, 0) || refused_after_waiting(state, 1);
    close_bucket(state);
    if (lost) {
        treadle_violation("lost-token",
                          "of the tokens of two seconds one was granted and a waiter was refused: "
                          "the bucket overflowed while it was waiting");
    }
}

/* ---- deadline -------------------------------------------------------------------------------- */

static void *setup_empty(const treadle_run *run)
{
    return emptied(open_bucket(run, 10, 1));
}

/* Of those who wait at most 1.5 s one can be served; the rest could be told at once. */
static void wait_briefly(void *context, uint32_t index)
{
    fixture *state = context;
    const struct timespec deadline = in_s(1.5);
    acquire(state, index, &deadline);
}

static void check_deadline(void *context)
{
    fixture *state = context;
    const unsigned long futile = state->variant->futile_wakeups(state->bucket);
    require_conservation(state);
    require_nothing_lost(state);
    close_bucket(state);
    if (futile > 0) {
        treadle_violation("late-refusal",
                          "a waiter whose token could not come before its deadline was told so "
                          "only after it had waited");
    }
}

/* ---- waiter_cancelled ------------------------------------------------------------------------ */

static void *wait_as_victim(void *context)
{
    acquire(context, 0, NULL);
    return NULL;
}

/* Thread 0 starts a waiter and cancels it at any moment; thread 1 waits, too. */
static void cancel_or_wait(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 1) {
        acquire(state, index, NULL);
        return;
    }
    pthread_t victim;
    if (pthread_create(&victim, NULL, wait_as_victim, state) != 0) {
        return;
    }
    pthread_cancel(victim);
    pthread_join(victim, NULL);
    treadle_note("the waiter has been cancelled");
}

/* ---- reset_against_use, reconfigure_in_use --------------------------------------------------- */

static void *setup_one_taken(const treadle_run *run)
{
    fixture *state = open_bucket(run, 3, 0);
    state->taken += state->variant->try_acquire(state->bucket, NULL) == RATE_ADMITTED;
    return state;
}

static void called(fixture *state, enum function function, uint32_t index)
{
    static const struct token_bucket_limits smaller = {.capacity = 2, .rate_per_s = 0};
    const uint32_t call = treadle_invoke(&state->history, function, 0, 0);
    int64_t result = 1;
    switch (function) {
    case TRY_ACQUIRE: result = try_acquire(state, index); break;
    case GIVE_BACK: state->variant->give_back(state->bucket); break;
    case RESET: state->variant->reset(state->bucket); break;
    case RECONFIGURE: result = state->variant->reconfigure(state->bucket, &smaller, NULL, 0); break;
    }
    treadle_respond(&state->history, call, result);
}

static void reset_or_take(void *context, uint32_t index)
{
    called(context, index == 0 ? RESET : TRY_ACQUIRE, index);
}

static void reconfigure_or_take(void *context, uint32_t index)
{
    called(context, index == 0 ? RECONFIGURE : TRY_ACQUIRE, index);
}

static void check_outcome(void *context)
{
    fixture *state = context;
    const double left = state->variant->available(state->bucket);
    close_bucket(state);
    treadle_outcome_text("%lld granted, %g left", (long long)(granted(state) - state->taken), left);
}

/* ---- reset_with_waiter ----------------------------------------------------------------------- */

static void *setup_two_taken(const treadle_run *run)
{
    return emptied(open_bucket(run, 2, 1));
}

/* Thread 0 waits; the others fill the bucket, take all, and try once more when a second has
 * passed. */
static void wait_or_reset(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        acquire(state, index, NULL);
        return;
    }
    state->variant->reset(state->bucket);
    treadle_note("reset");
    try_acquire(state, index);
    try_acquire(state, index);
    sleep_s(1);
    try_acquire(state, index);
}

static void check_reset_with_waiter(void *context)
{
    fixture *state = context;
    state->filled = (state->threads - 1) * (int64_t)state->limits.capacity;
    require_conservation(state);
    close_bucket(state);
}

/* ---- give_back: linearizable ----------------------------------------------------------------- */

/* Both take and give back; thread 1 takes once more, a second later. */
static void take_and_give_back(void *context, uint32_t index)
{
    called(context, TRY_ACQUIRE, index);
    called(context, GIVE_BACK, index);
    if (index == 1) {
        sleep_s(1);
        called(context, TRY_ACQUIRE, index);
        called(context, TRY_ACQUIRE, index);
    }
}

static void *setup_one_in_two_seconds(const treadle_run *run)
{
    fixture *state = open_bucket(run, 2, 0.5);
    state->variant->try_acquire(state->bucket, NULL);
    return state;
}

static void model_init(void *model, const void *config)
{
    (void)config;
    token_bucket_model_init(model, 2, 1, 2 * NS_PER_S, 0);
    token_bucket_model_take(model, 0);
}

static bool model_step(void *model, const treadle_call *call)
{
    if (call->function == GIVE_BACK) {
        token_bucket_model_give_back(model, call->clock_ns);
        return true;
    }
    return token_bucket_model_take(model, call->clock_ns) == (call->result != 0);
}

static const treadle_model bucket_model = {
    .name = "token bucket",
    .state_size = sizeof(struct token_bucket_model),
    .init = model_init,
    .step = model_step,
};

static void check_linearizable(void *context)
{
    fixture *state = context;
    close_bucket(state);
    treadle_require_linearizable(&state->history, &bucket_model, NULL);
}

/* ---- sequential: one thread against the model ------------------------------------------------ */

static void *setup_sequential(const treadle_run *run)
{
    return open_bucket(run, 3, 0.5);
}

static void require_equal(const char *what, size_t step, double got, double expected)
{
    if (got != expected) {
        treadle_violation("wrong-answer", "%s in step %zu is %g, the model says %g", what, step,
                          got, expected);
    }
}

/* Ask, ask again, at some steps give back or change the bucket, always compare what is left. */
static void sequential(void *context, uint32_t index)
{
    static const double pauses_s[] = {0, 0, 0, 1, 1, 0.5, 1.5, 0, 0.25, 1, 20, 0, 0, 0, 2, 0};
    fixture *state = context;
    struct token_bucket_model model;
    (void)index;
    token_bucket_model_init(&model, 3, 1, 2 * NS_PER_S, treadle_clock_ns());
    for (size_t i = 0; i < sizeof pauses_s / sizeof pauses_s[0]; i++) {
        sleep_s(pauses_s[i]);
        const int64_t now = treadle_clock_ns();
        double wait_s = 0;
        const int64_t expected_wait = token_bucket_model_wait_ns(&model, now);
        const bool expected = token_bucket_model_take(&model, now);
        const bool got = state->variant->try_acquire(state->bucket, &wait_s) == RATE_ADMITTED;
        treadle_note("try_acquire: %s", got ? "admitted" : "refused");
        require_equal("the decision", i + 1, got, expected);
        require_equal("retry_after", i + 1, wait_s, (double)expected_wait / 1e9);
        if (i == 3) {
            state->variant->give_back(state->bucket);
            token_bucket_model_give_back(&model, now);
        }
        if (i == 8) {
            state->variant->reset(state->bucket);
            token_bucket_model_reset(&model, now);
        }
        if (i == 12) {
            const struct token_bucket_limits limits = {.capacity = 2, .rate_per_s = 1};
            state->variant->reconfigure(state->bucket, &limits, NULL, 0);
            token_bucket_model_reconfigure(&model, 2, 1, NS_PER_S, now);
        }
        require_equal("what is left", i + 1, floor(state->variant->available(state->bucket)),
                      (double)token_bucket_model_available(&model, now));
    }
}

static void check_closed(void *context)
{
    close_bucket(context);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter one[] = {{"threads", 1, 1, 1, "threads"}, {0}};
static const treadle_parameter two[] = {{"threads", 2, 2, THREADS_MAX, "threads"}, {0}};
static const treadle_parameter three[] = {{"threads", 3, 3, THREADS_MAX, "threads"}, {0}};

static const treadle_expectation expect_reader[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "nothing suspends in the reader: right on one asyncio loop"),
    TREADLE_MEMORY_ROW(
        "naive", SYNC, HOLDS, NULL,
        "between its clock reading and its last store the reader meets no lock or atomic"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "over-grant",
                       "the reader refills without the lock: once more for the same second"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "the reader holds the lock"),
    TREADLE_MEMORY_ROW("proposed", MEMORY, HOLDS, NULL, "the reader holds the lock"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the reader holds the lock and writes nothing"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL,
                       "the reader holds the lock and writes nothing"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "the reader writes nothing"),
    {0},
};

static const treadle_expectation expect_takers[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "request_delay does not suspend"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL,
                       "request_delay refills under its lock: the document says it does not"),
    TREADLE_MEMORY_ROW("naive", MEMORY, HOLDS, NULL,
                       "request_delay refills under its lock: the document says it does not"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "a clock value that has grown old only makes the bucket emptier"),
    {0},
};

static const treadle_expectation expect_conservation[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends in the reader"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "as for the reader"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "over-grant",
                       "the unlocked reader puts back a token that was taken, or refills twice"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one critical section each"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one critical section each"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "one critical section each"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one swap decides"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "one swap decides"),
    {0},
};

static const treadle_expectation expect_herd[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "futile-wakeup",
                       "all are told the same delay; it reserves nothing"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "futile-wakeup",
                       "all are told the same delay; it reserves nothing"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "each waiter is promised a token of its own and sleeps until it is due"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "each waiter is promised a token of its own and sleeps until it is due"),
    {0},
};

static const treadle_expectation expect_poller[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "starvation",
                       "whoever asks first after the refill gets what another sleeps for"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "starvation",
                       "whoever asks first after the refill gets what another sleeps for"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "what is promised is not there for the poller"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "what is promised is not there for the poller"),
    {0},
};

static const treadle_expectation expect_late[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-token",
                       "a token that nobody has fetched yet counts towards the capacity"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-token",
                       "a token that nobody has fetched yet counts towards the capacity"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a token that is promised has left the bucket"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "as at await"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL,
                       "a token that is promised has left the bucket"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as at await"),
    {0},
};

static const treadle_expectation expect_deadline[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "late-refusal",
                       "the delay does not count those who wait already"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "late-refusal",
                       "the delay does not count those who wait already"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "when a token is due is known on arrival"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "when a token is due is known on arrival"),
    {0},
};

static const treadle_expectation expect_cancelled[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL,
                       "who waits has nothing, and the lock is never held in a sleep"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL,
                       "who waits has nothing, and the lock is never held in a sleep"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "the clean-up handler passes the promise on and releases the lock"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL,
                       "the clean-up handler gives the promised token back"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "one swap decides"),
    {0},
};

static const treadle_expectation expect_reset[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends inside"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "no lock or atomic is met inside"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "atomicity",
                       "the taker writes back a count from before the reset"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("proposed", MEMORY, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "one swap: a taker that read the old word fails to swap"),
    {0},
};

static const treadle_expectation expect_reconfigure[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends inside"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "no lock or atomic is met inside"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "atomicity",
                       "the taker writes back a count from before the change"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("proposed", MEMORY, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "one swap: a taker that read the old word fails to swap"),
    {0},
};

static const treadle_expectation expect_reset_with_waiter[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "who waits has nothing"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "who waits has nothing"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the reset makes the promise anew"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "the reset voids the promise"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "one swap decides"),
    {0},
};

static const treadle_expectation expect_give_back[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends inside"),
    TREADLE_MEMORY_ROW("naive", SYNC, HOLDS, NULL, "no lock or atomic is met inside"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "linearizability",
                       "a token that is given back while another takes is lost, or taken twice"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one critical section"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one swap"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "one swap decides"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one thread"),
    {0},
};

static const treadle_scenario reader = {
    .name = "token_bucket/reader",
    .summary = "one takes while one reads what is left; no token comes from nowhere",
    .parameters = two,
    .expectations = expect_reader,
    .setup = setup_due,
    .thread = take_or_read,
    .check = check_conservation,
};

static const treadle_scenario takers = {
    .name = "token_bucket/takers",
    .summary = "threads take at once while the clock goes on; no token comes from nowhere",
    .parameters = two,
    .expectations = expect_takers,
    .setup = setup_due,
    .thread = take,
    .check = check_conservation,
    .no_baseline =
        "the document says that taking refills outside the lock; in the original it does not",
    .clock_jump_count = 1,
    .clock_jumps_ns = {1000000000},
};

static const treadle_scenario conservation = {
    .name = "token_bucket/conservation",
    .summary = "threads wait for tokens and read what is left; granted by t <= capacity + rate*t",
    .parameters = two,
    .expectations = expect_conservation,
    .setup = setup_one_a_second,
    .thread = wait_then_read,
    .check = check_conservation,
};

static const treadle_scenario herd = {
    .name = "token_bucket/herd",
    .summary = "threads wait for a token each; nobody wakes before there is one for it",
    .parameters = two,
    .expectations = expect_herd,
    .thread_prefix = "waiter",
    .setup = setup_one_a_second,
    .thread = wait_for_one,
    .check = check_herd,
};

static const treadle_scenario poller = {
    .name = "token_bucket/poller",
    .summary = "one waits 2.5 s for one of two tokens, one polls; the waiter gets one",
    .parameters = two,
    .expectations = expect_poller,
    .setup = setup_one_a_second,
    .thread = wait_or_poll,
    .check = check_patient,
};

static const treadle_scenario late_waiters = {
    .name = "token_bucket/late_waiters",
    .summary = "two wait and may wake late; no token is lost while they do",
    .parameters = three,
    .expectations = expect_late,
    .setup = setup_one_a_second,
    .thread = wait_beside_a_sleeper,
    .check = check_late,
};

static const treadle_scenario deadline_row = {
    .name = "token_bucket/deadline",
    .summary = "a wait that cannot end before its deadline is refused at once and takes nothing",
    .parameters = two,
    .expectations = expect_deadline,
    .thread_prefix = "waiter",
    .setup = setup_empty,
    .thread = wait_briefly,
    .check = check_deadline,
};

static const treadle_scenario waiter_cancelled = {
    .name = "token_bucket/waiter_cancelled",
    .summary = "a waiter is cancelled at any moment; its token is not lost, nobody hangs",
    .parameters = two,
    .expectations = expect_cancelled,
    .setup = setup_empty,
    .thread = cancel_or_wait,
    .check = check_balance,
    .no_baseline = "waiters of the original are promised nothing, so there is nothing to lose",
};

static const treadle_scenario reset_against_use = {
    .name = "token_bucket/reset_against_use",
    .summary = "a reset while another takes; the outcome is that of a serial order",
    .parameters = two,
    .expectations = expect_reset,
    .setup = setup_one_taken,
    .thread = reset_or_take,
    .check = check_outcome,
    .serial_outcomes = true,
};

static const treadle_scenario reconfigure_in_use = {
    .name = "token_bucket/reconfigure_in_use",
    .summary = "another capacity while one takes; the outcome is that of a serial order",
    .parameters = two,
    .expectations = expect_reconfigure,
    .setup = setup_one_taken,
    .thread = reconfigure_or_take,
    .check = check_outcome,
    .serial_outcomes = true,
};

static const treadle_scenario reset_with_waiter = {
    .name = "token_bucket/reset_with_waiter",
    .summary =
        "a reset while one waits; the reset's tokens are not granted on top of a promised one",
    .parameters = two,
    .expectations = expect_reset_with_waiter,
    .setup = setup_two_taken,
    .thread = wait_or_reset,
    .check = check_reset_with_waiter,
    .no_baseline = "waiters of the original are promised nothing, so nothing is granted twice",
};

static const treadle_scenario give_back_row = {
    .name = "token_bucket/give_back",
    .summary = "threads take and give back; every answer is a token bucket's in some order",
    .parameters = two,
    .expectations = expect_give_back,
    .setup = setup_one_in_two_seconds,
    .thread = take_and_give_back,
    .check = check_linearizable,
};

static const treadle_scenario sequential_row = {
    .name = "token_bucket/sequential",
    .summary = "one thread, many calls; every answer is the model's",
    .parameters = one,
    .expectations = expect_sequential,
    .setup = setup_sequential,
    .thread = sequential,
    .check = check_closed,
    .no_baseline = "one thread: nothing interleaves",
};

const treadle_scenario *const treadle_token_bucket[] = {
    &reader,
    &takers,
    &conservation,
    &herd,
    &poller,
    &late_waiters,
    &deadline_row,
    &waiter_cancelled,
    &reset_against_use,
    &reconfigure_in_use,
    &reset_with_waiter,
    &give_back_row,
    &sequential_row,
    NULL,
};
