// SPDX-License-Identifier: MIT
/* The combined limiter: window, bucket, slot, request; and what is given back when one of them says
 * no. In memory first; on Redis each client is a process of its own, with its own slots. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "impl/combined/combined.h"
#include "models/combined_model.h"
#include "models/window_model.h"
#include "scenarios/registry.h"
#include "tools/checkers/linearizability.h"
#include "tools/redis/redis_seam.h"

enum { CLIENTS_MAX = 8, NS_PER_S = 1000000000 };

static const struct timespec NOT_AT_ALL = {.tv_sec = 0};

typedef struct fixture {
    const struct combined_variant *variant;
    struct combined *limiters[CLIENTS_MAX]; /* in memory the first serves everybody */
    struct combined_provider providers[2];
    int64_t slots;
    uint32_t count;
    int64_t excess;
    struct combined_permit permits[CLIENTS_MAX];
    enum rate_decision decisions[CLIENTS_MAX];
    double passed_s[CLIENTS_MAX];
    _Atomic int64_t out; /* permits that scenarios hold */
    _Atomic int64_t most_out;
    treadle_history history;
} fixture;

/* ---- set-up ---------------------------------------------------------------------------------- */

static void open_limiter(fixture *state, uint32_t client)
{
    const struct combined_options options = {
        .providers = state->providers, .providers_count = 2, .max_concurrent = state->slots};
    char error[200] = "";
    state->limiters[client] = state->variant->open(&options, error, sizeof error);
    if (state->limiters[client] == NULL) {
        treadle_violation("setup", "the limiter cannot be opened: %s", error);
    }
}

/* Two providers, each with `rpm` requests a minute and a bucket of `burst` that fills at that
 * rate, and `slots` for both. */
static fixture *open_limiters(const treadle_run *run, int64_t rpm, int64_t burst, int64_t slots)
{
    const bool redis = run->backend != TREADLE_BACKEND_MEMORY;
    static const char *const names[2] = {"openai", "anthropic"};
    fixture *state = calloc(1, sizeof *state);

    state->variant = combined_find(run->variant, redis ? COMBINED_REDIS : COMBINED_MEMORY);
    state->slots = slots;
    state->count = (uint32_t)treadle_run_parameter(run, "threads");
    for (size_t i = 0; i < 2; i++) {
        state->providers[i] = (struct combined_provider){
            .name = redis ? treadle_redis_provider(names[i]) : names[i],
            .window = {.rpm = rpm, .window_s = 60},
            .bucket = {.capacity = (double)burst, .rate_per_s = (double)rpm / 60},
        };
    }
    open_limiter(state, 0);
    for (uint32_t i = 1; redis && i < state->count; i++) {
        open_limiter(state, i);
    }
    return state;
}

static void close_limiters(fixture *state)
{
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        state->variant->close(state->limiters[i]);
    }
}

static bool on_redis(const fixture *state)
{
    return state->variant->backend == COMBINED_REDIS;
}

static struct combined *limiter_of(const fixture *state, uint32_t client)
{
    return state->limiters[on_redis(state) && client < state->count ? client : 0];
}

/* ---- what clients do ------------------------------------------------------------------------- */

/* The permit goes to the client's place, the decision too. */
static enum rate_decision acquire_until(fixture *state, uint32_t client, int provider,
                                        const struct timespec *deadline)
{
    const struct combined_request request = {
        .provider = state->providers[provider].name,
        .deadline = deadline,
        .redis = on_redis(state) ? treadle_redis_connection(client) : NULL,
    };
    enum rate_decision decision =
        state->variant->acquire(limiter_of(state, client), &request, &state->permits[client]);
    state->decisions[client] = decision;
    state->passed_s[client] = 1e-9 * (double)treadle_clock_seen_ns();
    treadle_note("%s: %s", state->providers[provider].name, rate_decision_name(decision));
    if (decision == RATE_ADMITTED) {
        treadle_raise_to(&state->most_out, ++state->out);
    }
    return decision;
}

static void release(fixture *state, uint32_t client, enum combined_outcome outcome)
{
    if (state->permits[client].provider != NULL) {
        state->out--;
        state->variant->release(limiter_of(state, client), &state->permits[client], outcome);
        treadle_note("released: %s", outcome == COMBINED_NOT_SENT ? "not sent"
                                     : outcome == COMBINED_FAILED ? "failed"
                                                                  : "done");
    }
}

static struct combined_snapshot look(fixture *state, int provider)
{
    struct combined_snapshot snapshot;
    if (!state->variant->inspect(limiter_of(state, 0), state->providers[provider].name,
                                 on_redis(state) ? treadle_redis_connection(0) : NULL, &snapshot)) {
        treadle_violation("error", "the limiter cannot be inspected");
    }
    return snapshot;
}

static void sleep_s(time_t seconds)
{
    const struct timespec pause = {.tv_sec = seconds};
    nanosleep(&pause, NULL);
}

/* What window, bucket and slots must hold at the end, when next to no time has passed. */
static void check_held(fixture *state, int provider, long long window, double tokens,
                       long long active)
{
    const struct combined_snapshot now = look(state, provider);
    const char *name = state->providers[provider].name;
    close_limiters(state);
    if (now.window != window) {
        treadle_violation("lost-room", "requests of %s made: %lld; its window holds %lld", name,
                          window, now.window);
    }
    if (now.tokens < tokens || now.tokens > tokens + 1e-6) {
        treadle_violation("lost-token", "the bucket of %s should hold %.3g tokens and holds %.3g",
                          name, tokens, now.tokens);
    }
    if (now.slots.active != active) {
        treadle_violation("lost-slot", "%lld slots should be out, %lld are", active,
                          now.slots.active);
    }
}

static void check_closed(void *context)
{
    close_limiters(context);
}

/* ---- toctou ---------------------------------------------------------------------------------- */

static void *setup_toctou(const treadle_run *run)
{
    fixture *state = open_limiters(run, treadle_run_parameter(run, "limit"),
                                   treadle_run_parameter(run, "burst"), CLIENTS_MAX);
    state->excess = treadle_run_parameter(run, "excess");
    return state;
}

static void acquire_and_keep(void *context, uint32_t index)
{
    acquire_until(context, index, 0, NULL);
}

static void check_windows(void *context)
{
    fixture *state = context;
    const struct rate_limits limits = state->providers[0].window;
    double times[CLIENTS_MAX];
    size_t admitted = 0;
    size_t worst = 0;
    for (uint32_t i = 0; i < state->count; i++) {
        if (state->decisions[i] == RATE_ERROR) {
            treadle_violation("error", "client %u got neither yes nor no", i + 1);
        }
        if (state->decisions[i] == RATE_ADMITTED) {
            times[admitted++] = state->passed_s[i];
        }
    }
    close_limiters(state);
    if (window_model_over_admitted(times, admitted, limits.rpm + state->excess, limits.window_s,
                                   &worst)) {
        treadle_violation("over-admission", "%zu passed in one window at limit %lld", worst,
                          limits.rpm);
    }
    if ((long long)admitted < limits.rpm && admitted < state->count) {
        treadle_violation("under-admission", "only %zu of %u passed at limit %lld", admitted,
                          state->count, limits.rpm);
    }
}

/* ---- bucket_refuses -------------------------------------------------------------------------- */

static void *setup_ten_a_minute(const treadle_run *run)
{
    return open_limiters(run, 10, 1, CLIENTS_MAX);
}

/* Ten at once, without waiting: the bucket lets one pass. The next token is there after 6 s. */
static void ask_ten_times(void *context, uint32_t index)
{
    fixture *state = context;
    for (int i = 0; i < 10; i++) {
        acquire_until(state, index, 0, &NOT_AT_ALL);
        release(state, index, COMBINED_DONE);
    }
    sleep_s(6);
    if (acquire_until(state, index, 0, &NOT_AT_ALL) != RATE_ADMITTED) {
        treadle_violation("starvation",
                          "1 of 10 requests passed, a token is there again after 6 s, and the "
                          "next request is refused");
    }
    release(state, index, COMBINED_DONE);
}

/* ---- slot_deadline, slot_cancelled: no slot in time ------------------------------------------ */

static void *setup_one_slot(const treadle_run *run)
{
    return open_limiters(run, 10, 4, 1);
}

/* Everybody wants the one slot, and nobody waits for it; who has it keeps it. */
static void acquire_at_once(void *context, uint32_t index)
{
    acquire_until(context, index, 0, &NOT_AT_ALL);
}

static void check_one_holds(void *context)
{
    check_held(context, 0, 1, 3, 1);
}

static void *acquire_in_vain(void *context)
{
    acquire_until(context, 1, 0, NULL);
    return NULL;
}

/* Holds what others wait for, and cancels one who does, at any moment. */
static void cancel_waiter(void *context, uint32_t index)
{
    fixture *state = context;
    pthread_t waiter;
    acquire_until(state, index, 0, NULL);
    if (pthread_create(&waiter, NULL, acquire_in_vain, state) != 0) {
        return;
    }
    const struct timespec moment = {.tv_nsec = 1}; /* the waiter gets as far as it may */
    nanosleep(&moment, NULL);
    pthread_cancel(waiter);
    pthread_join(waiter, NULL);
    treadle_note("the waiter has been cancelled");
}

/* ---- token_cancelled: no token yet ----------------------------------------------------------- */

static void *setup_one_token(const treadle_run *run)
{
    return open_limiters(run, 10, 1, 2);
}

/* A token is due after 6 s: a waiter may have got it before it was cancelled. */
static void check_token_cancelled(void *context)
{
    fixture *state = context;
    const long long made = state->decisions[1] == RATE_ADMITTED && state->out == 2 ? 2 : 1;
    const long long window = look(state, 0).window;
    const long long active = look(state, 0).slots.active;
    close_limiters(state);
    if (window != made) {
        treadle_violation("lost-room", "requests made: %lld; the window holds %lld", made, window);
    }
    if (active != made) {
        treadle_violation("lost-slot", "%lld slots should be out, %lld are", made, active);
    }
}

/* ---- not_sent, failed ------------------------------------------------------------------------ */

static void *setup_roomy(const treadle_run *run)
{
    return open_limiters(run, 10, 4, 4);
}

/* Gives a permit back unused, twice: the second time must do nothing. The first client makes its
 * request. */
static void give_back_twice(void *context, uint32_t index)
{
    fixture *state = context;
    acquire_until(state, index, 0, NULL);
    struct combined_permit *permit = &state->permits[index];
    release(state, index, index == 0 ? COMBINED_DONE : COMBINED_NOT_SENT);
    state->variant->release(limiter_of(state, index), permit, COMBINED_NOT_SENT);
}

static void check_one_made(void *context)
{
    check_held(context, 0, 1, 3, 0);
}

static enum combined_outcome fail(void *context)
{
    (void)context;
    treadle_note("the request fails");
    return COMBINED_FAILED;
}

static enum combined_outcome hang(void *context)
{
    (void)context;
    treadle_note("the request hangs");
    sleep_s(1000000);
    return COMBINED_DONE;
}

typedef struct run_context {
    fixture *state;
    uint32_t client;
    enum combined_outcome (*make_request)(void *context);
} run_context;

static void *run_request(void *context)
{
    const run_context *run = context;
    fixture *state = run->state;
    const struct combined_request request = {
        .provider = state->providers[0].name,
        .redis = on_redis(state) ? treadle_redis_connection(run->client) : NULL};
    state->decisions[run->client] = combined_run(state->variant, limiter_of(state, run->client),
                                                 &request, run->make_request, NULL);
    return NULL;
}

static void fail_request(void *context, uint32_t index)
{
    run_context run = {context, index, fail};
    run_request(&run);
}

static void cancel_request(void *context, uint32_t index)
{
    run_context run = {context, index, hang};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_request, &run) != 0) {
        return;
    }
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    treadle_note("the request has been cancelled");
}

static void check_all_failed(void *context)
{
    fixture *state = context;
    check_held(state, 0, state->count, 4 - (double)state->count, 0);
}

/* Cancelled before it had passed, or in its request: nothing or all is counted, no slot is out. */
static void check_none_out(void *context)
{
    fixture *state = context;
    const struct combined_snapshot now = look(state, 0);
    close_limiters(state);
    if (now.slots.active != 0) {
        treadle_violation("lost-slot", "nobody makes a request, %lld slots are out",
                          now.slots.active);
    }
}

/* ---- two_providers --------------------------------------------------------------------------- */

static void *setup_one_each(const treadle_run *run)
{
    return open_limiters(run, 1, 1, 1);
}

/* Client 1 asks the one provider, client 2 the other; there is one slot. */
static void acquire_own(void *context, uint32_t index)
{
    fixture *state = context;
    acquire_until(state, index, (int)(index % 2), NULL);
    release(state, index, COMBINED_DONE);
}

static void check_apart(void *context)
{
    fixture *state = context;
    const long long windows[2] = {look(state, 0).window, look(state, 1).window};
    close_limiters(state);
    for (int i = 0; i < 2; i++) {
        if (state->decisions[i] != RATE_ADMITTED || windows[i] != 1) {
            treadle_violation("disturbed", "the only request of %s is %s, its window holds %lld",
                              state->providers[i].name, rate_decision_name(state->decisions[i]),
                              windows[i]);
        }
    }
    if (state->most_out > 1) {
        treadle_violation("slot-bound", "%lld permits were out at once, there is 1 slot",
                          (long long)state->most_out);
    }
}

/* ---- reconfigure ----------------------------------------------------------------------------- */

/* Two have passed, and that is the limit. */
static void *setup_full(const treadle_run *run)
{
    fixture *state = open_limiters(run, 2, 2, CLIENTS_MAX);
    acquire_until(state, 0, 0, &NOT_AT_ALL);
    acquire_until(state, 1, 0, &NOT_AT_ALL);
    return state;
}

/* Client 1 halves the limit; everybody asks. */
static void reconfigure_and_acquire(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        struct combined_provider less = state->providers[0];
        char error[200] = "";
        less.window.rpm = 1;
        less.bucket.rate_per_s = 1.0 / 60;
        if (!state->variant->reconfigure(limiter_of(state, 0), &less, error, sizeof error)) {
            treadle_violation("error", "the limits cannot be changed: %s", error);
        }
        treadle_note("the limit is 1 now");
    }
    acquire_until(state, index, 0, &NOT_AT_ALL);
}

static void check_reconfigured(void *context)
{
    fixture *state = context;
    int64_t admitted = 2;
    for (uint32_t i = 0; i < state->count; i++) {
        admitted += state->decisions[i] == RATE_ADMITTED;
    }
    close_limiters(state);
    if (admitted > 2) {
        treadle_violation("over-admission",
                          "%lld passed in one window, where the limit was 2 and then 1",
                          (long long)admitted);
    }
}

/* ---- snapshot -------------------------------------------------------------------------------- */

static void *setup_snapshot(const treadle_run *run)
{
    return open_limiters(run, 1, 1, CLIENTS_MAX);
}

/* Client 1 looks while the others ask. What passes has a place in the window and a token. */
static void acquire_or_look(void *context, uint32_t index)
{
    fixture *state = context;
    struct combined_snapshot seen;
    if (index > 0) {
        acquire_until(state, index, 0, &NOT_AT_ALL);
        return;
    }
    if (!state->variant->inspect(limiter_of(state, 0), state->providers[0].name,
                                 on_redis(state) ? treadle_redis_connection(0) : NULL, &seen)) {
        treadle_violation("error", "there is no snapshot to be had");
    }
    treadle_note("window %lld, tokens %.3g", seen.window, seen.tokens);
    if (seen.window != 1 - (long long)seen.tokens) {
        treadle_violation("torn-snapshot", "%lld in the window and %.3g tokens in a bucket of 1",
                          seen.window, seen.tokens);
    }
}

/* ---- linearizable ---------------------------------------------------------------------------- */

enum { ACQUIRE, GIVE_BACK };
static const char *const functions[] = {"acquire", "give back"};

static const struct combined_model_limits one_a_minute = {.limit = 1,
                                                          .window_ns = INT64_C(60) * NS_PER_S,
                                                          .burst = 1,
                                                          .interval_ns = INT64_C(60) * NS_PER_S,
                                                          .slots = CLIENTS_MAX};

static void model_init(void *state, const void *config)
{
    combined_model_init(state, config);
}

/* No time passes here, so that every pass is at time 0. */
static bool model_step(void *state, const treadle_call *call)
{
    struct combined_model *model = state;
    if (call->function == GIVE_BACK) {
        if (combined_model_window(model, 0, 0) == 0) {
            return false;
        }
        combined_model_give_back(model, 0, 0, 0);
        return true;
    }
    return combined_model_acquire(model, 0, 0, 0, NULL) == (call->result == RATE_ADMITTED);
}

static void model_describe(const treadle_call *call, char *text, size_t size)
{
    snprintf(text, size, "%s -> %s", functions[call->function],
             call->function == ACQUIRE ? rate_decision_name((enum rate_decision)call->result)
                                       : "done");
}

static const treadle_model model_of_combined = {
    .name = "combined limiter",
    .state_size = sizeof(struct combined_model),
    .init = model_init,
    .step = model_step,
    .describe = model_describe,
};

static void *setup_linearizable(const treadle_run *run)
{
    fixture *state = open_limiters(run, 1, 1, CLIENTS_MAX);
    state->history.functions = functions;
    return state;
}

static void acquire_recorded(fixture *state, uint32_t index)
{
    const uint32_t call = treadle_invoke(&state->history, ACQUIRE, 0, 0);
    treadle_respond(&state->history, call, acquire_until(state, index, 0, &NOT_AT_ALL));
}

/* Client 1 gives its permit back and asks again; the others ask once. */
static void acquire_and_give_back(void *context, uint32_t index)
{
    fixture *state = context;
    acquire_recorded(state, index);
    if (index == 0 && state->decisions[index] == RATE_ADMITTED) {
        const uint32_t call = treadle_invoke(&state->history, GIVE_BACK, 0, 0);
        release(state, index, COMBINED_NOT_SENT);
        treadle_respond(&state->history, call, 0);
        acquire_recorded(state, index);
    }
}

static void check_linearizable(void *context)
{
    fixture *state = context;
    close_limiters(state);
    treadle_require_linearizable(&state->history, &model_of_combined, &one_a_minute);
}

/* ---- processes: on Redis --------------------------------------------------------------------- */

static void *setup_processes(const treadle_run *run)
{
    return open_limiters(run, 1, 2, CLIENTS_MAX);
}

/* ---- fast_clock ------------------------------------------------------------------------------ */

/* The one request of this minute is made; then the clock of this machine is set a minute ahead, the
 * server's is not. */
static void acquire_with_fast_clock(void *context, uint32_t index)
{
    fixture *state = context;
    acquire_until(state, index, 0, &NOT_AT_ALL);
    release(state, index, COMBINED_DONE);
    treadle_clock_offset(INT64_C(61) * NS_PER_S);
    if (acquire_until(state, index, 0, &NOT_AT_ALL) == RATE_ADMITTED) {
        treadle_violation("over-admission", "2 passed in one window at limit 1");
    }
}

/* ---- cut, lost_reply: a connection ends ------------------------------------------------------ */

/* The permit that the connection's end leaves is given back, if there is one. */
static void acquire_and_return(void *context, uint32_t index)
{
    acquire_until(context, index, 0, &NOT_AT_ALL);
    release(context, index, COMBINED_NOT_SENT);
}

/* The keys as they are; no fault strikes here. */
static void look_at_keys(const fixture *state, long long *window, double *tokens)
{
    const char *name = state->providers[0].name;
    redisReply *reply = treadle_redis_inspect("ZCARD window:%s", name);
    *window = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    freeReplyObject(reply);
    reply = treadle_redis_inspect("HGET bucket:%s tokens", name);
    *tokens = reply->type == REDIS_REPLY_STRING ? strtod(reply->str, NULL)
                                                : state->providers[0].bucket.capacity;
    freeReplyObject(reply);
}

static void check_both_or_neither(void *context)
{
    fixture *state = context;
    long long window;
    double tokens;
    look_at_keys(state, &window, &tokens);
    const double taken = state->providers[0].bucket.capacity - tokens;
    close_limiters(state);
    if ((double)window != taken) {
        treadle_violation("half-taken",
                          "the window holds %lld requests, the bucket has given %.3g tokens",
                          window, taken);
    }
}

enum { SCRIPT_LOSSES = 6, ROUND_TRIPS_MAX = 8 };

/* Twice, so that there are scripts to lose. */
static void acquire_and_bound_round_trips(void *context, uint32_t index)
{
    for (int i = 0; i < 2; i++) {
        const uint64_t before = treadle_redis_round_trip_count();
        acquire_until(context, index, 0, &NOT_AT_ALL);
        const uint64_t count = treadle_redis_round_trip_count() - before;
        if (count > ROUND_TRIPS_MAX) {
            treadle_violation("unbounded-retry", "one request took %llu round trips",
                              (unsigned long long)count);
        }
        release(context, index, COMBINED_DONE);
    }
}

/* The reply may get lost on the way; the client reconnects and asks again, with the same id. */
static void acquire_with_retry(void *context, uint32_t index)
{
    fixture *state = context;
    char id[32];
    snprintf(id, sizeof id, "request-%u", index + 1);
    struct combined_request request = {
        .provider = state->providers[0].name,
        .deadline = &NOT_AT_ALL,
        .redis = treadle_redis_connection(index),
        .id = id,
    };
    for (uint32_t attempt = 0; attempt < 2; attempt++) {
        state->decisions[index] =
            state->variant->acquire(limiter_of(state, index), &request, &state->permits[index]);
        treadle_note("acquire %s: %s", id, rate_decision_name(state->decisions[index]));
        if (state->decisions[index] != RATE_ERROR) {
            return;
        }
        request.redis = treadle_redis_connection(CLIENTS_MAX + index);
    }
}

static void check_charged_once(void *context)
{
    fixture *state = context;
    const double capacity = state->providers[0].bucket.capacity;
    long long window;
    double tokens;
    look_at_keys(state, &window, &tokens);
    close_limiters(state);
    if (window != 1 || tokens != capacity - 1) {
        treadle_violation("charged-twice",
                          "one request was made; the window holds %lld, the bucket has given %.3g "
                          "tokens",
                          window, capacity - tokens);
    }
}

/* ---- sequential ------------------------------------------------------------------------------ */

static void *setup_sequential(const treadle_run *run)
{
    return open_limiters(run, 3, 2, 2);
}

typedef struct ask {
    time_t pause_s;
    time_t patience_s;
    int provider;
    enum combined_outcome outcome;
} ask;

static const ask asks[] = {
    {0, 0, 0, COMBINED_DONE},    {0, 0, 0, COMBINED_FAILED},  {0, 0, 0, COMBINED_DONE},
    {0, 19, 0, COMBINED_DONE},   {0, 0, 1, COMBINED_DONE},    {10, 15, 0, COMBINED_DONE},
    {10, 0, 0, COMBINED_DONE},   {29, 0, 0, COMBINED_DONE},   {1, 0, 0, COMBINED_DONE},
    {0, 30, 0, COMBINED_FAILED}, {120, 0, 0, COMBINED_DONE},  {0, 0, 1, COMBINED_DONE},
    {0, 40, 0, COMBINED_DONE},   {0, 40, 0, COMBINED_FAILED}, {60, 0, 0, COMBINED_DONE},
};

static int64_t now_ns(struct timespec *now)
{
    clock_gettime(CLOCK_MONOTONIC, now);
    return (int64_t)now->tv_sec * NS_PER_S + now->tv_nsec;
}

static void follow_model(fixture *state, struct combined_model *model, const ask *next, size_t i)
{
    struct timespec deadline;
    sleep_s(next->pause_s);
    const int64_t start_ns = now_ns(&deadline);
    deadline.tv_sec += next->patience_s;
    int64_t passed_ns = start_ns;
    const bool expected =
        combined_model_acquire(model, next->provider, start_ns,
                               start_ns + (int64_t)next->patience_s * NS_PER_S, &passed_ns);
    const bool got = acquire_until(state, 0, next->provider, &deadline) == RATE_ADMITTED;
    if (got != expected) {
        treadle_violation("wrong-answer", "request %zu is %s, the model says %s", i + 1,
                          got ? "admitted" : "refused", expected ? "admitted" : "refused");
    }
    const int64_t end_ns = now_ns(&deadline);
    if (got && end_ns - passed_ns > NS_PER_S / 1000) {
        treadle_violation("late", "request %zu passes after %.3g s, the model says %.3g", i + 1,
                          1e-9 * (double)(end_ns - start_ns),
                          1e-9 * (double)(passed_ns - start_ns));
    }
    const long long window = look(state, next->provider).window;
    if (window != combined_model_window(model, next->provider, end_ns)) {
        treadle_violation("wrong-count", "after request %zu the window holds %lld, not %lld", i + 1,
                          window, (long long)combined_model_window(model, next->provider, end_ns));
    }
    release(state, 0, next->outcome);
    if (expected) {
        combined_model_release(model);
    }
}

static void sequential(void *context, uint32_t index)
{
    const struct combined_model_limits limits = {.limit = 3,
                                                 .window_ns = INT64_C(60) * NS_PER_S,
                                                 .burst = 2,
                                                 .interval_ns = INT64_C(20) * NS_PER_S,
                                                 .slots = 2};
    struct combined_model model;
    (void)index;
    combined_model_init(&model, &limits);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        follow_model(context, &model, &asks[i], i);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter toctou_parameters[] = {
    {"threads", 4, 1, CLIENTS_MAX, "clients"},
    {"limit", 3, 1, 1000, "requests admitted in one window"},
    {"burst", 2, 1, 1000, "tokens that the bucket holds"},
    {"excess", 0, 0, 1000, "how many beyond the limit are put up with"},
    {0},
};
static const treadle_parameter one[] = {{"threads", 1, 1, 1, "clients"}, {0}};
static const treadle_parameter two[] = {{"threads", 2, 2, CLIENTS_MAX, "clients"}, {0}};
static const treadle_parameter pair[] = {{"threads", 2, 2, 2, "clients"}, {0}};

static const treadle_expectation expect_toctou[] = {
    TREADLE_MEMORY_ROW(
        "naive", AWAIT, VIOLATED, "over-admission",
        "all who wait for a token have passed the check before (limit 5, burst 3: 7 pass)"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL,
                       "the window is charged before anybody waits"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "who waits has its room set aside"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "as at await"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL,
                       "a slot of the window is set aside in the swap that promises the token"),
    {0},
};
static const treadle_expectation expect_bucket_refuses[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "charges the window last"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "starvation",
                       "nine refused requests have used up the window"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "window and bucket are one decision"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL,
                       "window and bucket are one swap: what is refused has changed nothing"),
    TREADLE_REDIS_ROW("naive", HOLDS, NULL, "charges the window last"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "starvation",
                      "nine refused requests have used up the window"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one script decides over both"),
    {0},
};
static const treadle_expectation expect_slot_deadline[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-room",
                       "who gets no slot stays in the window"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-room",
                       "who gets no slot stays in the window"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "room and token are given back"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "room and token are given back in one swap, once"),
    {0},
};
static const treadle_expectation expect_slot_cancelled[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-room",
                       "a cancelled waiter stays in the window"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-room",
                       "a cancelled waiter stays in the window"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "the clean-up handler gives room and token back"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "the clean-up handler gives room and token back in one swap"),
    TREADLE_REDIS_ROW("naive", VIOLATED, "lost-room", "a cancelled waiter stays in the window"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "lost-room", "a cancelled waiter stays in the window"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the clean-up handler runs the script that undoes"),
    {0},
};
static const treadle_expectation expect_token_cancelled[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "charges the window after the wait"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-room",
                       "charged the window before the wait"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the clean-up handler gives the room back"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "the clean-up handler gives room and token back in one swap"),
    {0},
};
static const treadle_expectation expect_not_sent[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-room",
                       "an unused permit stays in the window"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "lost-room",
                       "an unused permit stays in the window"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "everything is given back, once"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "everything is given back, once"),
    TREADLE_REDIS_ROW("naive", VIOLATED, "lost-room", "an unused permit stays in the window"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "lost-room", "an unused permit stays in the window"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "everything is given back, once"),
    {0},
};
static const treadle_expectation expect_failed[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "`finally` was there already: no leak"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "`finally`"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "a request that was made counts, and its slot is free"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "a request that was made counts, and its slot is free"),
    {0},
};
static const treadle_expectation expect_two_providers[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "windows and buckets are apart"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "windows and buckets are apart"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "windows and buckets are apart, the slots one"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "windows and buckets are apart, the slots one"),
    {0},
};
static const treadle_expectation expect_reconfigure[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "over-admission", "the new window has forgotten"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "over-admission",
                       "the new window has forgotten"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the window keeps what it holds"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "the window keeps what it holds"),
    {0},
};
static const treadle_expectation expect_linearizable[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "linearizability",
                       "what is given back stays taken"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "linearizability",
                       "what is given back stays taken"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one critical section decides"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "one swap decides over both, and helpers complete it"),
    TREADLE_REDIS_ROW("naive", VIOLATED, "linearizability", "what is given back stays taken"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "linearizability", "what is given back stays taken"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one script decides, one undoes"),
    {0},
};
static const treadle_expectation expect_sequential[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one client"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "wrong-count",
                       "what the bucket refuses is charged"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one client"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one client"),
    TREADLE_REDIS_ROW("naive", VIOLATED, "wrong-answer",
                      "ZCOUNT counts an entry whose age is the window"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "wrong-count", "what the bucket refuses is charged"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one client"),
    {0},
};

static const treadle_expectation expect_processes[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-admission", "both look before either has added"),
    TREADLE_REDIS_ROW("proposed", HOLDS, NULL, "a script is one step"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a script is one step"),
    {0},
};
static const treadle_expectation expect_fast_clock[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-admission",
                      "the window is the client's idea of a minute"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "over-admission",
                      "a fast clock purges what still counts"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the server's clock"),
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "over-admission", "the wall clock can be set"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "over-admission", "the wall clock can be set"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "the monotonic clock"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "the monotonic clock"),
    {0},
};
static const treadle_expectation expect_cut[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "half-taken", "cut off between the bucket and the window"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "half-taken",
                      "cut off between the window and the bucket"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one script takes from both, one gives back to both"),
    {0},
};
static const treadle_expectation expect_lost_reply[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "charged-twice",
                      "the bucket does not know the request again"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "charged-twice",
                      "the bucket does not know the request again"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a retry with the same id is recognised"),
    {0},
};

static const treadle_expectation expect_snapshot[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends when there is a token"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "torn-snapshot",
                       "a token is taken, the window is charged later"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "nothing suspends when there is a token"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "torn-snapshot",
                       "the window is charged, a token is taken later"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one critical section shows both"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "the word has not moved while both were read"),
    TREADLE_REDIS_ROW("naive", VIOLATED, "torn-snapshot", "window and bucket are asked in turns"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "torn-snapshot",
                      "window and bucket are asked in turns"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one script shows both"),
    {0},
};
static const treadle_expectation expect_refused_write[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "half-taken", "the bucket took a token, the ZADD fails"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "half-taken",
                      "the window was charged, the bucket's script fails"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the script stops at its first write"),
    {0},
};
static const treadle_expectation expect_any_error[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "half-taken", "the bucket took a token, the ZADD fails"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "half-taken",
                      "the window was charged, the bucket's script fails"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one script takes, and one gives back"),
    {0},
};
static const treadle_expectation expect_scripts_lost[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "unbounded-retry",
                      "the bucket's script is loaded as often as it is lost"),
    TREADLE_REDIS_ROW("proposed", VIOLATED, "unbounded-retry",
                      "both scripts are loaded as often as they are lost"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "sends the text when the server does not know it"),
    {0},
};

static const treadle_scenario toctou = {
    .name = "combined/toctou",
    .summary = "clients wait for tokens; at most `limit` pass in one window",
    .parameters = toctou_parameters,
    .expectations = expect_toctou,
    .thread_prefix = "client",
    .setup = setup_toctou,
    .thread = acquire_and_keep,
    .check = check_windows,
    .moves_clock = true,
};
static const treadle_scenario bucket_refuses = {
    .name = "combined/bucket_refuses",
    .summary = "10 a minute, burst 1, ten at once: after 6 s there is a token, and room for it",
    .parameters = one,
    .expectations = expect_bucket_refuses,
    .thread_prefix = "client",
    .setup = setup_ten_a_minute,
    .thread = ask_ten_times,
    .check = check_closed,
    .moves_clock = true,
};
static const treadle_scenario slot_deadline = {
    .name = "combined/slot_deadline",
    .summary = "one slot, nobody waits for it; who does not get it leaves no trace",
    .parameters = two,
    .expectations = expect_slot_deadline,
    .thread_prefix = "client",
    .setup = setup_one_slot,
    .thread = acquire_at_once,
    .check = check_one_holds,
};
static const treadle_scenario slot_cancelled = {
    .name = "combined/slot_cancelled",
    .summary = "a client is cancelled before or while it waits for its slot; it leaves no trace",
    .parameters = one,
    .expectations = expect_slot_cancelled,
    .thread_prefix = "client",
    .setup = setup_one_slot,
    .thread = cancel_waiter,
    .check = check_one_holds,
    .moves_clock = true,
};
static const treadle_scenario token_cancelled = {
    .name = "combined/token_cancelled",
    .summary = "a client is cancelled before or while it waits for its token; it leaves no trace",
    .parameters = one,
    .expectations = expect_token_cancelled,
    .thread_prefix = "client",
    .setup = setup_one_token,
    .thread = cancel_waiter,
    .check = check_token_cancelled,
    .moves_clock = true,
};
static const treadle_scenario not_sent = {
    .name = "combined/not_sent",
    .summary = "a permit is given back unused, twice; room, token and slot come back once",
    .parameters = two,
    .expectations = expect_not_sent,
    .thread_prefix = "client",
    .setup = setup_roomy,
    .thread = give_back_twice,
    .check = check_one_made,
    .moves_clock = true,
};
static const treadle_scenario failed = {
    .name = "combined/failed",
    .summary = "requests are made and fail; they count, and their slots are free again",
    .parameters = two,
    .expectations = expect_failed,
    .thread_prefix = "client",
    .setup = setup_roomy,
    .thread = fail_request,
    .check = check_all_failed,
    .no_baseline = "the leak that the documents claim is not there: `finally` was used already",
};
static const treadle_scenario request_cancelled = {
    .name = "combined/request_cancelled",
    .summary = "a client is cancelled at any moment, its request included; no slot stays out",
    .parameters = one,
    .expectations = expect_failed,
    .thread_prefix = "client",
    .setup = setup_roomy,
    .thread = cancel_request,
    .check = check_none_out,
    .no_baseline = "the leak that the documents claim is not there: `finally` was used already",
    .moves_clock = true,
};
static const treadle_scenario two_providers = {
    .name = "combined/two_providers",
    .summary = "two providers share one slot; both are served, one after the other",
    .parameters = pair,
    .expectations = expect_two_providers,
    .thread_prefix = "client",
    .setup = setup_one_each,
    .thread = acquire_own,
    .check = check_apart,
    .no_baseline = "the originals keep providers apart too",
};
static const treadle_scenario reconfigure = {
    .name = "combined/reconfigure",
    .summary = "the limit is lowered from 2 to 1 in use; what has passed is remembered",
    .parameters = two,
    .expectations = expect_reconfigure,
    .thread_prefix = "client",
    .setup = setup_full,
    .thread = reconfigure_and_acquire,
    .check = check_reconfigured,
};
static const treadle_scenario linearizable = {
    .name = "combined/linearizable",
    .summary = "clients acquire and give back at once; some order explains every answer",
    .parameters = two,
    .expectations = expect_linearizable,
    .thread_prefix = "client",
    .setup = setup_linearizable,
    .thread = acquire_and_give_back,
    .check = check_linearizable,
};
static const treadle_scenario processes = {
    .name = "combined/processes",
    .summary = "clients on one server, each with its own slots; 1 passes in one window",
    .parameters = two,
    .expectations = expect_processes,
    .thread_prefix = "client",
    .setup = setup_processes,
    .thread = acquire_at_once,
    .check = check_windows,
};
static const treadle_scenario fast_clock = {
    .name = "combined/fast_clock",
    .summary = "a client's clock is set a minute ahead between two requests; 1 passes in a minute",
    .parameters = one,
    .expectations = expect_fast_clock,
    .thread_prefix = "client",
    .setup = setup_processes,
    .thread = acquire_with_fast_clock,
    .check = check_closed,
};
static const treadle_scenario cut = {
    .name = "combined/cut",
    .summary = "a connection ends or scripts are lost anywhere; window and bucket agree",
    .parameters = one,
    .expectations = expect_cut,
    .thread_prefix = "client",
    .setup = setup_roomy,
    .thread = acquire_and_return,
    .check = check_both_or_neither,
    .faults = {.cut_before = 1, .cut_after = 1, .scripts_flushed = 1},
};
static const treadle_scenario refused_write = {
    .name = "combined/refused_write",
    .summary = "the server may refuse a write; window and bucket agree",
    .parameters = one,
    .expectations = expect_refused_write,
    .thread_prefix = "client",
    .setup = setup_roomy,
    .thread = acquire_and_return,
    .check = check_both_or_neither,
    .faults = {.error_reply = 1},
};
static const treadle_scenario any_error = {
    .name = "combined/any_error",
    .summary = "the server may answer with any error, reads too; window and bucket agree",
    .parameters = one,
    .expectations = expect_any_error,
    .thread_prefix = "client",
    .setup = setup_roomy,
    .thread = acquire_and_return,
    .check = check_both_or_neither,
    .faults = {.answered = 1},
};
static const treadle_scenario scripts_lost = {
    .name = "combined/scripts_lost",
    .summary = "the server may lose its scripts, again and again; at most 8 round trips",
    .parameters = one,
    .expectations = expect_scripts_lost,
    .thread_prefix = "client",
    .setup = setup_roomy,
    .thread = acquire_and_bound_round_trips,
    .check = check_closed,
    .faults = {.scripts_flushed = SCRIPT_LOSSES},
};
static const treadle_scenario snapshot = {
    .name = "combined/snapshot",
    .summary = "one looks while others ask; window and bucket are those of one moment",
    .parameters = two,
    .expectations = expect_snapshot,
    .thread_prefix = "client",
    .setup = setup_snapshot,
    .thread = acquire_or_look,
    .check = check_closed,
    .moves_clock = true,
};
static const treadle_scenario lost_reply = {
    .name = "combined/lost_reply",
    .summary = "a reply gets lost; asking again with the same id charges nothing twice",
    .parameters = one,
    .expectations = expect_lost_reply,
    .thread_prefix = "client",
    .setup = setup_roomy,
    .thread = acquire_with_retry,
    .check = check_charged_once,
    .faults = {.cut_after = 1},
};
static const treadle_scenario sequential_row = {
    .name = "combined/sequential",
    .summary = "one client, many requests; answers, times and counts are the model's",
    .parameters = one,
    .expectations = expect_sequential,
    .thread_prefix = "client",
    .setup = setup_sequential,
    .thread = sequential,
    .check = check_closed,
    .moves_clock = true,
};

const treadle_scenario *const treadle_combined[] = {
    &toctou,
    &bucket_refuses,
    &slot_deadline,
    &slot_cancelled,
    &token_cancelled,
    &not_sent,
    &failed,
    &request_cancelled,
    &two_providers,
    &reconfigure,
    &processes,
    &fast_clock,
    &cut,
    &refused_write,
    &any_error,
    &scripts_lost,
    &snapshot,
    &lost_reply,
    &linearizable,
    &sequential_row,
    NULL,
};
