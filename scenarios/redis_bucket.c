// SPDX-License-Identifier: MIT
/* The token bucket on Redis. Clients share nothing but the server, so `await` shows everything:
 * what interleaves, and what happens when a connection, a script, a write or a clock fails. */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "impl/redis_bucket/redis_bucket.h"
#include "models/token_bucket_model.h"
#include "scenarios/registry.h"
#include "tools/redis/redis_seam.h"

enum { THREADS_MAX = 32 };

static const int64_t NS_PER_S = 1000000000;

static void sleep_s(double seconds)
{
    const struct timespec pause = {.tv_sec = (time_t)seconds,
                                   .tv_nsec = (long)(1e9 * (seconds - floor(seconds)))};
    nanosleep(&pause, NULL);
}

typedef struct fixture {
    const struct redis_bucket_variant *variant;
    const char *provider;
    struct token_bucket_limits limits;
    struct redis_bucket *clients[THREADS_MAX];
    enum rate_decision decisions[THREADS_MAX];
    uint32_t count;
} fixture;

static struct redis_bucket *open_client(fixture *state, uint32_t connection)
{
    char error[200];
    struct redis_bucket *client = state->variant->open(
        &state->limits, treadle_redis_connection(connection), error, sizeof error);
    if (client == NULL) {
        treadle_violation("setup", "the client cannot be opened: %s", error);
    }
    return client;
}

static fixture *open_clients(const treadle_run *run, double capacity, double rate_per_s)
{
    fixture *state = calloc(1, sizeof *state);
    state->variant = redis_bucket_find(run->variant);
    state->provider = treadle_redis_provider("openai");
    state->limits = (struct token_bucket_limits){.capacity = capacity, .rate_per_s = rate_per_s};
    state->count = (uint32_t)treadle_run_parameter(run, "threads");
    for (uint32_t i = 0; i < state->count; i++) {
        state->clients[i] = open_client(state, i);
    }
    return state;
}

static void close_clients(fixture *state)
{
    for (uint32_t i = 0; i < state->count; i++) {
        state->variant->close(state->clients[i]);
    }
}

static enum rate_decision shared_try(fixture *state, struct redis_bucket *client,
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
    fixture *state = context;
    state->decisions[index] = shared_try(state, state->clients[index], NULL);
}

static void check_shared_take(void *context)
{
    fixture *state = context;
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
    fixture *state = context;
    shared_take(state, index);
    sleep_s(301);
    state->decisions[1] = shared_try(state, state->clients[0], NULL);
}

static void check_expiry(void *context)
{
    fixture *state = context;
    close_clients(state);
    if (state->decisions[0] == RATE_ADMITTED && state->decisions[1] == RATE_ADMITTED) {
        treadle_violation("early-refill",
                          "two requests 301 s apart are admitted at one token an hour");
    }
}

/* The original has taken the only token, and another variant takes over. */
static void *setup_taken_over(const treadle_run *run)
{
    fixture *state = open_clients(run, 1, 1.0 / 3600);
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
    fixture *state = context;
    (void)index;
    shared_try(state, state->clients[0], NULL);
    sleep_s(301);
    state->decisions[1] = shared_try(state, state->clients[0], NULL);
}

/* The reply may get lost on the way; the client reconnects and asks again, with the same id. */
static void take_with_retry(void *context, uint32_t index)
{
    fixture *state = context;
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
    fixture *state = context;
    close_clients(state);
    if (state->decisions[0] == RATE_REFUSED) {
        treadle_violation("lost-token",
                          "the only token was taken for this request, which is refused on retry");
    }
}

static void check_ttl(void *context)
{
    fixture *state = context;
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

/* ---- cancelled, refused: half of what belongs together --------------------------------------- */

static void *take_as_victim(void *context)
{
    shared_take(context, 0);
    return NULL;
}

/* A request is cancelled at any moment. */
static void take_and_cancel(void *context, uint32_t index)
{
    static const struct timespec moment = {.tv_nsec = 1};
    pthread_t victim;
    (void)index;
    if (pthread_create(&victim, NULL, take_as_victim, context) == 0) {
        nanosleep(&moment, NULL); /* something that commands can come before and after */
        pthread_cancel(victim);
        pthread_join(victim, NULL);
    }
}

static void check_charged(void *context)
{
    fixture *state = context;
    redisReply *reply = treadle_redis_inspect("HGET bucket:%s tokens", state->provider);
    const bool taken = reply->type == REDIS_REPLY_STRING && strtod(reply->str, NULL) < 1;
    freeReplyObject(reply);
    close_clients(state);
    if (taken && state->decisions[0] != RATE_ADMITTED) {
        treadle_violation("charged-error", "the only token is taken, and the only request is %s",
                          rate_decision_name(state->decisions[0]));
    }
}

/* ---- scripts_lost ---------------------------------------------------------------------------- */

enum { SCRIPT_LOSSES = 6, ROUND_TRIPS_MAX = 8 };

static void take_and_bound_round_trips(void *context, uint32_t index)
{
    const uint64_t before = treadle_redis_round_trip_count();
    shared_take(context, index);
    const uint64_t count = treadle_redis_round_trip_count() - before;
    if (count > ROUND_TRIPS_MAX) {
        treadle_violation("unbounded-retry",
                          "one request took %" PRIu64 " round trips: it loads the script as often "
                          "as the server loses it",
                          count);
    }
}

/* ---- slow_clock ------------------------------------------------------------------------------ */

static void *setup_one_in_ten_seconds(const treadle_run *run)
{
    return open_clients(run, 1, 0.1);
}

/* ---- reconfigured ---------------------------------------------------------------------------- */

/* A deployment is given less, client by client: the first has been, the others have not. */
static void *setup_half_reconfigured(const treadle_run *run)
{
    fixture *state = open_clients(run, 2, 1.0 / 3600);
    state->variant->close(state->clients[0]);
    state->limits.capacity = 1;
    state->clients[0] = open_client(state, 0);
    return state;
}

static void check_reconfigured(void *context)
{
    fixture *state = context;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < state->count; i++) {
        sum += state->decisions[i] == RATE_ADMITTED;
    }
    close_clients(state);
    if (sum > 2) {
        treadle_violation("over-grant", "%u tokens were granted; the larger capacity is 2", sum);
    }
    if (sum == 0) {
        treadle_violation("lost-token", "nobody got a token; the smaller capacity is 1");
    }
}

/* ---- sequential ------------------------------------------------------------------------------ */

static void require_equal(const char *what, size_t step, double got, double expected)
{
    if (got != expected) {
        treadle_violation("wrong-answer", "%s in step %zu is %g, the model says %g", what, step,
                          got, expected);
    }
}

static void *setup_shared_sequential(const treadle_run *run)
{
    return open_clients(run, 3, 0.5);
}

static void shared_sequential(void *context, uint32_t index)
{
    static const double pauses_s[] = {0, 0, 0, 1, 1, 0.5, 1.5, 0, 0.25, 1, 20, 0, 0, 0, 2, 0};
    fixture *state = context;
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
static const treadle_parameter three[] = {
    {"threads", 3, 3, THREADS_MAX, "clients; the first has been given less"}, {0}};

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

static const treadle_expectation expect_cancelled[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "no-ttl", "cancelled between HSET and EXPIRE"),
    TREADLE_REDIS_ROW("proposed", HOLDS, NULL, "the script sets both"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the script sets both"),
    {0},
};

static const treadle_expectation expect_refused_write[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "charged-error", "the EXPIRE after the HSET is refused"),
    TREADLE_REDIS_ROW("proposed", HOLDS, NULL, "the script stops at its first write"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the script stops at its first write"),
    {0},
};

static const treadle_expectation expect_any_error[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "charged-error", "the EXPIRE after the HSET is refused"),
    TREADLE_REDIS_ROW("proposed", HOLDS, NULL, "a script runs or does not"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a script runs or does not"),
    {0},
};

static const treadle_expectation expect_scripts_lost[] = {
    TREADLE_REDIS_ROW("proposed", VIOLATED, "unbounded-retry",
                      "NOSCRIPT is answered by loading and starting over, without bound"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "gives up after the third NOSCRIPT, taking nothing"),
    {0},
};

static const treadle_expectation expect_slow_clock[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-grant",
                      "the slow clock sets the refill back, and the time since is paid twice"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "over-grant",
                      "the slow clock sets the refill back, and the time since is paid twice"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the time is the server's"),
    {0},
};

static const treadle_expectation expect_reconfigured[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-grant",
                      "HMGET HMGET HSET HSET: two read the same token"),
    TREADLE_REDIS_ROW("proposed", HOLDS, NULL,
                      "each request is held against its own capacity, in one step"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL,
                      "each request is held against its own capacity, in one step"),
    {0},
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

static const treadle_scenario shared_cancelled = {
    .name = "token_bucket/shared_cancelled",
    .summary = "on Redis: a request is cancelled at any moment; no key is left that never expires",
    .parameters = one,
    .expectations = expect_cancelled,
    .thread_prefix = "client",
    .setup = setup_one_an_hour,
    .thread = take_and_cancel,
    .check = check_ttl,
};

static const treadle_scenario shared_refused_write = {
    .name = "token_bucket/shared_refused_write",
    .summary =
        "on Redis: the server may refuse a write; a request that is not admitted takes no token",
    .parameters = one,
    .expectations = expect_refused_write,
    .thread_prefix = "client",
    .setup = setup_one_an_hour,
    .thread = shared_take,
    .check = check_charged,
    .faults = {.error_reply = 1},
};

static const treadle_scenario shared_any_error = {
    .name = "token_bucket/shared_any_error",
    .summary = "on Redis: the server may answer with any error, reads too; a request that is not "
               "admitted takes no token",
    .parameters = one,
    .expectations = expect_any_error,
    .thread_prefix = "client",
    .setup = setup_one_an_hour,
    .thread = shared_take,
    .check = check_charged,
    .faults = {.answered = 1},
};

static const treadle_scenario shared_scripts_lost = {
    .name = "token_bucket/shared_scripts_lost",
    .summary = "on Redis: the server may lose its scripts, again and again; a request takes at "
               "most 8 round trips",
    .parameters = one,
    .expectations = expect_scripts_lost,
    .thread_prefix = "client",
    .setup = setup_one_an_hour,
    .thread = take_and_bound_round_trips,
    .check = check_charged,
    .faults = {.scripts_flushed = SCRIPT_LOSSES},
};

static const treadle_scenario shared_slow_clock = {
    .name = "token_bucket/shared_slow_clock",
    .summary = "on Redis: one client's clock may be fast or slow by what a token takes; no token "
               "comes from nowhere",
    .parameters = two,
    .expectations = expect_slow_clock,
    .thread_prefix = "client",
    .setup = setup_one_in_ten_seconds,
    .thread = shared_take,
    .check = check_shared_take,
    .faults = {.wrong_clocks = 1},
    .clock_offsets_ns = {INT64_C(-10000000000), INT64_C(10000000000)},
};

static const treadle_scenario shared_reconfigured = {
    .name = "token_bucket/shared_reconfigured",
    .summary =
        "on Redis: the capacity is lowered client by client; no more tokens than the larger one",
    .parameters = three,
    .expectations = expect_reconfigured,
    .thread_prefix = "client",
    .setup = setup_half_reconfigured,
    .thread = shared_take,
    .check = check_reconfigured,
};

const treadle_scenario *const treadle_redis_bucket[] = {
    &shared_take_row,
    &shared_expiry,
    &shared_taken_over,
    &shared_retry,
    &shared_ttl,
    &shared_cancelled,
    &shared_refused_write,
    &shared_any_error,
    &shared_scripts_lost,
    &shared_slow_clock,
    &shared_reconfigured,
    &shared_sequential_row,
    NULL,
};
