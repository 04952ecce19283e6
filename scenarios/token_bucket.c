// SPDX-License-Identifier: MIT
/* The token bucket. In memory: the unlocked reader, waiters that are promised nothing, and use
 * while it is reset, reconfigured and cancelled. On Redis (shared_…): clients share nothing but the
 * server, so `await` shows everything. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "impl/redis_bucket/redis_bucket.h"
#include "impl/token_bucket/token_bucket.h"
#include "models/token_bucket_model.h"
#include "scenarios/registry.h"
#include "tools/checkers/linearizability.h"
#include "tools/checkers/serial.h"
#include "tools/redis/redis_seam.h"

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

/* Thread 0 waits; thread 1 fills the bucket, takes all, and tries once more when a second has
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
    state->filled = (int64_t)state->limits.capacity;
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

/* ---- shared: on Redis ------------------------------------------------------------------------ */

typedef struct shared_fixture {
    const struct redis_bucket_variant *variant;
    const char *provider;
    struct token_bucket_limits limits;
    struct redis_bucket *clients[THREADS_MAX];
    enum rate_decision decisions[THREADS_MAX];
    uint32_t count;
} shared_fixture;

static struct redis_bucket *open_client(shared_fixture *state, uint32_t connection)
{
    char error[200];
    struct redis_bucket *client = state->variant->open(
        &state->limits, treadle_redis_connection(connection), error, sizeof error);
    if (client == NULL) {
        treadle_violation("setup", "the client cannot be opened: %s", error);
    }
    return client;
}

static shared_fixture *open_clients(const treadle_run *run, double capacity, double rate_per_s)
{
    shared_fixture *state = calloc(1, sizeof *state);
    state->variant = redis_bucket_find(run->variant);
    state->provider = treadle_redis_provider("openai");
    state->limits = (struct token_bucket_limits){.capacity = capacity, .rate_per_s = rate_per_s};
    state->count = (uint32_t)treadle_run_parameter(run, "threads");
    for (uint32_t i = 0; i < state->count; i++) {
        state->clients[i] = open_client(state, i);
    }
    return state;
}

static void close_clients(shared_fixture *state)
{
    for (uint32_t i = 0; i < state->count; i++) {
        state->variant->close(state->clients[i]);
    }
}

static enum rate_decision shared_try(shared_fixture *state, struct redis_bucket *client,
                                     const char *request_id)
{
    const enum rate_decision decision =
        state->variant->try_acquire(client, state->provider, request_id, NULL);
    treadle_note("try_acquire: %s", rate_decision_name(decision));
    return decision;
}

static void *setup_one_an_hour(const treadle_run *run)
{
    return open_clients(run, 1, 1.0 / 3600);
}

static void shared_take(void *context, uint32_t index)
{
    shared_fixture *state = context;
    state->decisions[index] = shared_try(state, state->clients[index], NULL);
}

static void check_shared_take(void *context)
{
    shared_fixture *state = context;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < state->count; i++) {
        sum += state->decisions[i] == RATE_ADMITTED;
        if (state->decisions[i] == RATE_ERROR) {
            treadle_violation("error", "client %u: %s", i + 1,
                              state->variant->last_error(state->clients[i]));
        }
    }
    close_clients(state);
    if (sum > 1) {
        treadle_violation("over-grant", "%u clients took the only token", sum);
    }
    if (sum == 0) {
        treadle_violation("lost-token", "nobody got the only token");
    }
}

/* A token an hour: takes it, and asks again after five minutes and a second. */
static void take_twice(void *context, uint32_t index)
{
    shared_fixture *state = context;
    shared_take(state, index);
    sleep_s(301);
    state->decisions[1] = shared_try(state, state->clients[0], NULL);
}

static void check_expiry(void *context)
{
    shared_fixture *state = context;
    close_clients(state);
    if (state->decisions[0] == RATE_ADMITTED && state->decisions[1] == RATE_ADMITTED) {
        treadle_violation("early-refill",
                          "two requests 301 s apart are admitted at one token an hour");
    }
}

/* The original has taken the only token, and another variant takes over. */
static void *setup_taken_over(const treadle_run *run)
{
    shared_fixture *state = open_clients(run, 1, 1.0 / 3600);
    char error[200];
    struct redis_bucket *original = redis_bucket_proposed.open(
        &state->limits, treadle_redis_connection(THREADS_MAX), error, sizeof error);
    state->decisions[0] = redis_bucket_proposed.try_acquire(original, state->provider, NULL, NULL);
    redis_bucket_proposed.close(original);
    return state;
}

/* Asks at once, and again when the time to live that the original has set is over. */
static void ask_after_take_over(void *context, uint32_t index)
{
    shared_fixture *state = context;
    (void)index;
    shared_try(state, state->clients[0], NULL);
    sleep_s(301);
    state->decisions[1] = shared_try(state, state->clients[0], NULL);
}

/* The reply may get lost on the way; the client reconnects and asks again, with the same id. */
static void take_with_retry(void *context, uint32_t index)
{
    shared_fixture *state = context;
    state->decisions[index] = shared_try(state, state->clients[index], "request-1");
    if (state->decisions[index] != RATE_ERROR) {
        return;
    }
    struct redis_bucket *again = open_client(state, THREADS_MAX + index);
    state->decisions[index] = shared_try(state, again, "request-1");
    state->variant->close(again);
}

static void check_retry(void *context)
{
    shared_fixture *state = context;
    close_clients(state);
    if (state->decisions[0] == RATE_REFUSED) {
        treadle_violation("lost-token",
                          "the only token was taken for this request, which is refused on retry");
    }
}

static void check_ttl(void *context)
{
    shared_fixture *state = context;
    char key[256];
    snprintf(key, sizeof key, "bucket:%s", state->provider);
    redisReply *reply = treadle_redis_inspect("PTTL %s", key);
    const long long ttl_ms = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -3;
    freeReplyObject(reply);
    close_clients(state);
    if (ttl_ms == -1) {
        treadle_violation("no-ttl", "the key %s exists and never expires", key);
    }
}

static void *setup_shared_sequential(const treadle_run *run)
{
    return open_clients(run, 3, 0.5);
}

static void shared_sequential(void *context, uint32_t index)
{
    static const double pauses_s[] = {0, 0, 0, 1, 1, 0.5, 1.5, 0, 0.25, 1, 20, 0, 0, 0, 2, 0};
    shared_fixture *state = context;
    struct token_bucket_model model;
    (void)index;
    token_bucket_model_init(&model, 3, 1, 2 * NS_PER_S, treadle_clock_ns());
    for (size_t i = 0; i < sizeof pauses_s / sizeof pauses_s[0]; i++) {
        sleep_s(pauses_s[i]);
        const int64_t now = treadle_clock_ns();
        const bool expected = token_bucket_model_take(&model, now);
        const bool got = shared_try(state, state->clients[0], NULL) == RATE_ADMITTED;
        require_equal("the decision", i + 1, got, expected);
        double left = -1;
        state->variant->available(state->clients[0], state->provider, &left);
        require_equal("what is left", i + 1, floor(left),
                      (double)token_bucket_model_available(&model, now));
    }
}

static void check_shared_closed(void *context)
{
    close_clients(context);
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
    TREADLE_MEMORY_ROW("lockfree", SYNC, NO_VIOLATION_FOUND, NULL,
                       "one swap decides; too many interleavings for dfs"),
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
    TREADLE_MEMORY_ROW(
        "lockfree", SYNC, NO_VIOLATION_FOUND, NULL,
        "what is promised is not there for the poller; too many interleavings for dfs"),
    {0},
};

static const treadle_expectation expect_late[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-token",
                       "a token that nobody has fetched yet counts towards the capacity"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-token",
                       "a token that nobody has fetched yet counts towards the capacity"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a token that is promised has left the bucket"),
    TREADLE_MEMORY_ROW("fixed", SYNC, NO_VIOLATION_FOUND, NULL,
                       "as at await; too many interleavings for dfs"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL,
                       "a token that is promised has left the bucket"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, NO_VIOLATION_FOUND, NULL,
                       "as at await; too many interleavings for dfs"),
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
    TREADLE_MEMORY_ROW("lockfree", SYNC, NO_VIOLATION_FOUND, NULL,
                       "one swap decides; too many interleavings for dfs"),
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
    TREADLE_MEMORY_ROW("lockfree", SYNC, NO_VIOLATION_FOUND, NULL,
                       "one swap decides; too many interleavings for dfs"),
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
    TREADLE_MEMORY_ROW("lockfree", SYNC, NO_VIOLATION_FOUND, NULL,
                       "one swap decides; too many interleavings for dfs"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one thread"),
    {0},
};

static const treadle_expectation expect_shared_take[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-grant",
                      "HMGET HMGET HSET HSET: both read the same token"),
    TREADLE_REDIS_ROW("proposed", HOLDS, NULL, "a script is one step"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a script is one step"),
    {0},
};

static const treadle_expectation expect_shared_expiry[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "early-refill",
                      "the state expires after 300 s, and no state is a full bucket"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "early-refill",
                      "the state expires after 300 s, and no state is a full bucket"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the state expires when the bucket is full again"),
    {0},
};

static const treadle_expectation expect_taken_over[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "early-refill", "sets 300 s again"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "early-refill", "sets 300 s again"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL,
                      "a refusal prolongs the life of what would expire before it is full"),
    {0},
};

static const treadle_expectation expect_shared_retry[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "lost-token", "another attempt is another request"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "lost-token", "another attempt is another request"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a retry with the same id is recognised"),
    {0},
};

static const treadle_expectation expect_shared_ttl[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "no-ttl", "cut off between HSET and EXPIRE"),
    TREADLE_REDIS_ROW("proposed", HOLDS, NULL, "the script sets both"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the script sets both"),
    {0},
};

static const treadle_expectation expect_shared_sequential[] = {
    TREADLE_REDIS_ROW("naive", HOLDS, NULL, "one client"),
    TREADLE_REDIS_ROW("proposed", HOLDS, NULL, "one client"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one client"),
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

static const treadle_scenario shared_take_row = {
    .name = "token_bucket/shared_take",
    .summary = "on Redis: clients ask at once for the only token; one gets it",
    .parameters = two,
    .expectations = expect_shared_take,
    .thread_prefix = "client",
    .setup = setup_one_an_hour,
    .thread = shared_take,
    .check = check_shared_take,
};

static const treadle_scenario shared_expiry = {
    .name = "token_bucket/shared_expiry",
    .summary = "on Redis: a token an hour, asked for after 301 s; it is not there yet",
    .parameters = one,
    .expectations = expect_shared_expiry,
    .thread_prefix = "client",
    .setup = setup_one_an_hour,
    .thread = take_twice,
    .check = check_expiry,
    .moves_clock = true,
};

static const treadle_scenario shared_taken_over = {
    .name = "token_bucket/shared_taken_over",
    .summary = "on Redis: the original took the token of the hour; it is not there after 301 s",
    .parameters = one,
    .expectations = expect_taken_over,
    .thread_prefix = "client",
    .setup = setup_taken_over,
    .thread = ask_after_take_over,
    .check = check_expiry,
    .moves_clock = true,
};

static const treadle_scenario shared_retry = {
    .name = "token_bucket/shared_retry",
    .summary =
        "on Redis: a reply may get lost; asking again with the same id takes no second token",
    .parameters = one,
    .expectations = expect_shared_retry,
    .thread_prefix = "client",
    .setup = setup_one_an_hour,
    .thread = take_with_retry,
    .check = check_retry,
    .faults = {.cut_after = 1},
};

static const treadle_scenario shared_ttl = {
    .name = "token_bucket/shared_ttl",
    .summary =
        "on Redis: a client may be cut off before any flush; no key is left that never expires",
    .parameters = one,
    .expectations = expect_shared_ttl,
    .thread_prefix = "client",
    .setup = setup_one_an_hour,
    .thread = shared_take,
    .check = check_ttl,
    .faults = {.cut_before = 1},
};

static const treadle_scenario shared_sequential_row = {
    .name = "token_bucket/shared_sequential",
    .summary = "on Redis: one client, many requests; every answer is the model's",
    .parameters = one,
    .expectations = expect_shared_sequential,
    .thread_prefix = "client",
    .setup = setup_shared_sequential,
    .thread = shared_sequential,
    .check = check_shared_closed,
    .no_baseline = "one client: nothing interleaves",
    .moves_clock = true,
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
    &shared_take_row,
    &shared_expiry,
    &shared_taken_over,
    &shared_retry,
    &shared_ttl,
    &shared_sequential_row,
    NULL,
};
