// SPDX-License-Identifier: MIT
/* The sliding window on Redis. Clients share nothing but the server, so `await` shows everything:
 * what interleaves is commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "impl/sliding_window/sliding_window.h"
#include "models/window_model.h"
#include "scenarios/registry.h"
#include "tools/redis/redis_seam.h"

enum { CLIENTS_MAX = 8 };

typedef struct fixture {
    const struct sliding_window_variant *variant;
    const char *provider;
    struct rate_limits limits;
    struct sliding_window *clients[CLIENTS_MAX];
    enum rate_decision decisions[CLIENTS_MAX];
    uint32_t count;
} fixture;

static struct sliding_window *open_client(fixture *state, uint32_t connection)
{
    char error[200];
    struct sliding_window *client = state->variant->open(
        &state->limits, treadle_redis_connection(connection), error, sizeof error);
    if (client == NULL) {
        treadle_violation("setup", "the client cannot be opened: %s", error);
    }
    return client;
}

static fixture *open_clients(const treadle_run *run, long long rpm, double window_s)
{
    fixture *state = calloc(1, sizeof *state);
    state->variant = sliding_window_find(run->variant);
    state->provider = treadle_redis_provider("openai");
    state->limits = (struct rate_limits){.rpm = rpm, .window_s = window_s};
    state->count = (uint32_t)treadle_run_parameter(run, "threads");
    return state;
}

static void *setup_limit(const treadle_run *run)
{
    fixture *state = open_clients(run, treadle_run_parameter(run, "limit"), 60);
    for (uint32_t i = 0; i < state->count; i++) {
        state->clients[i] = open_client(state, i);
    }
    return state;
}

static void *setup_one_a_minute(const treadle_run *run)
{
    fixture *state = open_clients(run, 1, 60);
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

static void sleep_s(time_t seconds)
{
    const struct timespec pause = {.tv_sec = seconds};
    nanosleep(&pause, NULL);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- check_then_add -------------------------------------------------------------------------- */

static void acquire(void *context, uint32_t index)
{
    fixture *state = context;
    state->decisions[index] = state->variant->acquire(state->clients[index], state->provider, NULL);
    treadle_note("acquire: %s", rate_decision_name(state->decisions[index]));
}

static void check_limit(void *context)
{
    fixture *state = context;
    long long sum = 0;
    for (uint32_t i = 0; i < state->count; i++) {
        sum += state->decisions[i] == RATE_ADMITTED;
        if (state->decisions[i] == RATE_ERROR) {
            treadle_violation("error", "client %u: %s", i + 1,
                              state->variant->last_error(state->clients[i]));
        }
    }
    close_clients(state);
    if (sum > state->limits.rpm) {
        treadle_violation("over-admission", "%lld admitted in one window at limit %lld", sum,
                          state->limits.rpm);
    }
    if (sum < state->limits.rpm && sum < state->count) {
        treadle_violation("under-admission", "only %lld of %u admitted at limit %lld", sum,
                          state->count, state->limits.rpm);
    }
}

/* ---- one client against the model ---------------------------------------------------------------
 */

static void against_model(fixture *state, const time_t *pauses_s, size_t count,
                          const char *property)
{
    struct window_model model;
    window_model_init(&model, state->limits.rpm, state->limits.window_s);
    for (size_t i = 0; i < count; i++) {
        sleep_s(pauses_s[i]);
        const bool expected = window_model_acquire(&model, now_s(), 0) == WINDOW_MODEL_ADMIT;
        const bool got =
            state->variant->acquire(state->clients[0], state->provider, NULL) == RATE_ADMITTED;
        treadle_note("request %zu: %s", i + 1, got ? "admitted" : "refused");
        if (got != expected) {
            treadle_violation(property, "request %zu is %s, the model says %s", i + 1,
                              got ? "admitted" : "refused", expected ? "admitted" : "refused");
        }
    }
}

static void sequential(void *context, uint32_t index)
{
    static const time_t pauses_s[] = {0, 10, 5, 50, 3, 8, 30, 31, 0, 120, 1, 1};
    (void)index;
    against_model(context, pauses_s, sizeof pauses_s / sizeof pauses_s[0], "wrong-answer");
}

/* A client that asks every 25 s at one request a minute: refused twice, then admitted again. */
static void ask_steadily(void *context, uint32_t index)
{
    static const time_t pauses_s[] = {0, 25, 25, 25, 25, 25, 25, 25};
    (void)index;
    against_model(context, pauses_s, sizeof pauses_s / sizeof pauses_s[0], "starvation");
}

static void boundary(void *context, uint32_t index)
{
    static const time_t pauses_s[] = {0, 60, 60};
    (void)index;
    against_model(context, pauses_s, sizeof pauses_s / sizeof pauses_s[0], "boundary");
}

static void check_closed(void *context)
{
    close_clients(context);
}

/* ---- no_ttl: a client that is cut off leaves nothing for ever
 * ------------------------------------ */

static void check_ttl(void *context)
{
    fixture *state = context;
    char key[256];
    snprintf(key, sizeof key, "window:%s", state->provider);
    redisReply *reply = treadle_redis_inspect("PTTL %s", key);
    const long long ttl_ms = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -3;
    freeReplyObject(reply);
    close_clients(state);
    if (ttl_ms == -1) {
        treadle_violation("no-ttl", "the key %s exists and never expires", key);
    }
}

/* ---- fractional_window
 * --------------------------------------------------------------------------- */

static void *setup_fractional(const treadle_run *run)
{
    fixture *state = open_clients(run, 10, 1.5);
    state->clients[0] = open_client(state, 0);
    return state;
}

static void check_fractional(void *context)
{
    fixture *state = context;
    char key[256];
    snprintf(key, sizeof key, "window:%s", state->provider);
    redisReply *reply = treadle_redis_inspect("ZCARD %s", key);
    const long long charged = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    freeReplyObject(reply);
    close_clients(state);
    if (state->decisions[0] != RATE_ADMITTED && charged != 0) {
        treadle_violation("charged-error",
                          "acquire with a window of 1.5 s: %s, but %lld slot is charged",
                          rate_decision_name(state->decisions[0]), charged);
    }
}

/* ---- retry_after_lost_reply
 * ----------------------------------------------------------------------- */

/* The reply may get lost on the way; the client reconnects and asks again, with the same id. */
static void acquire_with_retry(void *context, uint32_t index)
{
    fixture *state = context;
    char id[32];
    snprintf(id, sizeof id, "request-%u", index + 1);
    state->decisions[index] = state->variant->acquire(state->clients[index], state->provider, id);
    if (state->decisions[index] == RATE_ADMITTED) {
        return;
    }
    treadle_note("acquire: %s; asking again on a new connection",
                 rate_decision_name(state->decisions[index]));
    struct sliding_window *again = open_client(state, CLIENTS_MAX + index);
    state->decisions[index] = state->variant->acquire(again, state->provider, id);
    treadle_note("acquire again: %s", rate_decision_name(state->decisions[index]));
    state->variant->close(again);
}

static void check_retry(void *context)
{
    fixture *state = context;
    close_clients(state);
    if (state->decisions[0] == RATE_REFUSED) {
        treadle_violation("lost-slot",
                          "the only request of this minute was charged and is refused on retry");
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter limited[] = {
    {"threads", 2, 1, CLIENTS_MAX, "clients, each with its own connection"},
    {"limit", 1, 1, 1000, "requests admitted in one window"},
    {0},
};
static const treadle_parameter one[] = {{"threads", 1, 1, 1, "clients"}, {0}};

#define REDIS_ROW(variant, verdict, property, reason)                                         \
    {                                                                                         \
        variant, TREADLE_BACKEND_REDIS, TREADLE_GRANULARITY_AWAIT, TREADLE_VERDICT_##verdict, \
            property, reason                                                                  \
    }

static const treadle_expectation expect_check_then_add[] = {
    REDIS_ROW("naive", VIOLATED, "over-admission", "ZCOUNT ZCOUNT ZADD ZADD: both pass the check"),
    REDIS_ROW("proposed-lua", HOLDS, NULL, "a script is one step"),
    REDIS_ROW("proposed-pipeline", HOLDS, NULL, "MULTI/EXEC is one step"),
    REDIS_ROW("fixed", HOLDS, NULL, "a script is one step"),
    {0},
};

static const treadle_expectation expect_steady[] = {
    REDIS_ROW("naive", HOLDS, NULL, "refused requests are not charged"),
    REDIS_ROW("proposed-lua", HOLDS, NULL, "refused requests are not charged"),
    REDIS_ROW("proposed-pipeline", VIOLATED, "starvation",
              "a refused request is added all the same, and keeps the window full"),
    REDIS_ROW("fixed", HOLDS, NULL, "refused requests are not charged"),
    {0},
};

static const treadle_expectation expect_ttl[] = {
    REDIS_ROW("naive", VIOLATED, "no-ttl", "cut off between ZADD and EXPIRE"),
    REDIS_ROW("proposed-lua", HOLDS, NULL, "the script sets both"),
    REDIS_ROW("proposed-pipeline", HOLDS, NULL, "the transaction sets both"),
    REDIS_ROW("fixed", HOLDS, NULL, "the script sets both"),
    {0},
};

static const treadle_expectation expect_boundary[] = {
    REDIS_ROW("naive", VIOLATED, "boundary", "ZCOUNT counts the entry that ZREMRANGEBYSCORE drops"),
    REDIS_ROW("proposed-lua", HOLDS, NULL, "ZREMRANGEBYSCORE includes the boundary"),
    REDIS_ROW("proposed-pipeline", HOLDS, NULL, "ZREMRANGEBYSCORE includes the boundary"),
    REDIS_ROW("fixed", HOLDS, NULL, "age exactly the window has expired, as stated"),
    {0},
};

static const treadle_expectation expect_fractional[] = {
    REDIS_ROW("proposed-lua", VIOLATED, "charged-error", "EXPIRE 1.5 fails after the ZADD"),
    REDIS_ROW("fixed", HOLDS, NULL, "PEXPIRE in milliseconds"),
    {0},
};

static const treadle_expectation expect_retry[] = {
    REDIS_ROW("naive", VIOLATED, "lost-slot",
              "the retry finds its own first attempt in the window"),
    REDIS_ROW("proposed-lua", VIOLATED, "lost-slot", "a retry is another request"),
    REDIS_ROW("fixed", HOLDS, NULL, "a retry with the same id is recognised"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    REDIS_ROW("naive", HOLDS, NULL, "one client"),
    REDIS_ROW("proposed-lua", HOLDS, NULL, "one client"),
    REDIS_ROW("fixed", HOLDS, NULL, "one client"),
    {0},
};

static const treadle_scenario check_then_add = {
    .name = "sliding_window/check_then_add",
    .summary = "clients acquire at once; at most `limit` are admitted in one window",
    .parameters = limited,
    .expectations = expect_check_then_add,
    .thread_prefix = "client",
    .setup = setup_limit,
    .thread = acquire,
    .check = check_limit,
};

static const treadle_scenario refused_not_charged = {
    .name = "sliding_window/refused_not_charged",
    .summary = "a client that asks more often than allowed is still served at the allowed rate",
    .parameters = one,
    .expectations = expect_steady,
    .thread_prefix = "client",
    .setup = setup_one_a_minute,
    .thread = ask_steadily,
    .check = check_closed,
    .moves_clock = true,
};

static const treadle_scenario no_ttl = {
    .name = "sliding_window/no_ttl",
    .summary = "a client may be cut off before any flush; no key is left that never expires",
    .parameters = one,
    .expectations = expect_ttl,
    .thread_prefix = "client",
    .setup = setup_one_a_minute,
    .thread = acquire,
    .check = check_ttl,
    .faults = {.cut_before = 1},
};

static const treadle_scenario boundary_row = {
    .name = "sliding_window/boundary",
    .summary = "an entry whose age is exactly the window has expired",
    .parameters = one,
    .expectations = expect_boundary,
    .thread_prefix = "client",
    .setup = setup_one_a_minute,
    .thread = boundary,
    .check = check_closed,
    .moves_clock = true,
};

static const treadle_scenario fractional_window = {
    .name = "sliding_window/fractional_window",
    .summary = "a window of 1.5 s: a request that is not admitted is not charged",
    .parameters = one,
    .expectations = expect_fractional,
    .thread_prefix = "client",
    .setup = setup_fractional,
    .thread = acquire,
    .check = check_fractional,
};

static const treadle_scenario retry_after_lost_reply = {
    .name = "sliding_window/retry_after_lost_reply",
    .summary = "a reply may get lost; asking again with the same id does not use a second slot",
    .parameters = one,
    .expectations = expect_retry,
    .thread_prefix = "client",
    .setup = setup_one_a_minute,
    .thread = acquire_with_retry,
    .check = check_retry,
    .faults = {.cut_after = 1},
};

static void *setup_two_a_minute(const treadle_run *run)
{
    fixture *state = open_clients(run, 2, 60);
    state->clients[0] = open_client(state, 0);
    return state;
}

static const treadle_scenario sequential_row = {
    .name = "sliding_window/sequential",
    .summary = "one client, many requests; every answer is the model's",
    .parameters = one,
    .expectations = expect_sequential,
    .thread_prefix = "client",
    .setup = setup_two_a_minute,
    .thread = sequential,
    .check = check_closed,
    .moves_clock = true,
    .no_baseline = "one client: nothing interleaves",
};

const treadle_scenario *const treadle_sliding_window[] = {
    &check_then_add,    &refused_not_charged,    &no_ttl,         &boundary_row,
    &fractional_window, &retry_after_lost_reply, &sequential_row, NULL,
};
