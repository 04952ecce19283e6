// SPDX-License-Identifier: MIT
/* Rolling out and back: flags that choose an arm for each key, and what becomes of live requests,
 * resets and errors when the arm changes in mid-flight. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "impl/rollout/memory_store_switch.h"
#include "impl/rollout/rollout.h"
#include "impl/rollout/sliding_window_switch.h"
#include "models/window_history.h"
#include "models/window_model.h"
#include "scenarios/registry.h"
#include "scenarios/rollout_fixture.h"
#include "tools/checkers/linearizability.h"
#include "tools/redis/redis_seam.h"

enum { THREADS_MAX = TREADLE_ROLLOUT_THREADS_MAX };

static const char *const PROVIDER = "openai";
static const double WINDOW_S = 60;

/* ---- the memory store ------------------------------------------------------------------------ */

/* The flag is the fixed one for all: what is tried here is the switch. */
typedef struct store_fixture {
    const struct memory_store_switch_variant *variant;
    struct memory_store_switch *store;
    struct rollout_flag *flag;
    long long limit;
    long long admitted_before; /* by setup */
    int64_t threads;
    enum rate_decision decisions[THREADS_MAX];
    treadle_history history;
} store_fixture;

static store_fixture *open_store(const treadle_run *run, long long limit,
                                 const struct memory_store_variant *original,
                                 const struct memory_store_variant *replacement)
{
    store_fixture *state = calloc(1, sizeof *state);
    char error[200];
    const struct rate_limits limits = {.rpm = limit, .window_s = WINDOW_S};
    state->variant = memory_store_switch_find(run->variant);
    state->flag = treadle_rollout_flag(&rollout_fixed, 0, 0);
    const struct memory_store_switch_options options = {
        .arms = {original, replacement}, .flags = &rollout_fixed, .flag = state->flag};
    state->store = state->variant->open(&options, &limits, error, sizeof error);
    if (state->store == NULL) {
        treadle_violation("setup", "the store cannot be opened: %s", error);
    }
    state->limit = limit;
    state->threads = treadle_run_parameter(run, "threads");
    for (size_t i = 0; i < THREADS_MAX; i++) {
        state->decisions[i] = RATE_ERROR; /* nobody has asked */
    }
    state->history.functions = window_history_functions;
    return state;
}

static void close_store(store_fixture *state)
{
    state->variant->close(state->store);
    rollout_fixed.close(state->flag);
}

static void set_share(store_fixture *state, int share)
{
    treadle_rollout_share(state->flag, share);
}

static void charge(store_fixture *state)
{
    if (state->variant->acquire(state->store, PROVIDER) != RATE_ADMITTED) {
        treadle_violation("setup", "a request below the limit is not admitted");
    }
    state->admitted_before++;
}

static void acquire(store_fixture *state, uint32_t index)
{
    state->decisions[index] = state->variant->acquire(state->store, PROVIDER);
    treadle_note("acquire: %s", rate_decision_name(state->decisions[index]));
}

static long long count_now(store_fixture *state)
{
    long long count = -1;
    state->variant->count(state->store, PROVIDER, &count);
    return count;
}

/* However many asked: as many as there are slots were admitted. */
static void check_admitted(store_fixture *state, long long sum, long long asked)
{
    const long long expected = asked < state->limit ? asked : state->limit;
    if (sum > state->limit) {
        treadle_violation("over-admission",
                          "%lld admitted in one window at limit %lld (%lld before the threads "
                          "started)",
                          sum, state->limit, state->admitted_before);
    }
    if (sum < expected) {
        treadle_violation("under-admission", "only %lld of %lld admitted at limit %lld", sum, asked,
                          state->limit);
    }
}

static long long admitted(const store_fixture *state)
{
    long long sum = state->admitted_before;
    for (int64_t i = 0; i < state->threads; i++) {
        sum += state->decisions[i] == RATE_ADMITTED;
    }
    return sum;
}

/* And as many are counted. */
static void check_slots(store_fixture *state, long long asked)
{
    const long long sum = admitted(state);
    const long long count = count_now(state);
    close_store(state);
    check_admitted(state, sum, asked);
    if (count != sum) {
        treadle_violation("lost-slot", "%lld were admitted, the window holds %lld", sum, count);
    }
}

/* Thread 0 is the operator, the others are clients. */

static void *setup_original(const treadle_run *run)
{
    return open_store(run, 1, &memory_store_fixed, &memory_store_lockfree);
}

static void switch_or_acquire(void *context, uint32_t index)
{
    store_fixture *state = context;
    if (index == 0) {
        set_share(state, ROLLOUT_SHARE_ALL);
    } else {
        acquire(state, index);
    }
}

static void check_limit(void *context)
{
    store_fixture *state = context;
    close_store(state);
    check_admitted(state, admitted(state), state->threads - 1);
}

/* One request is in each arm, one slot is left. */
static void *setup_hand_over(const treadle_run *run)
{
    store_fixture *state = open_store(run, 3, &memory_store_fixed, &memory_store_lockfree);
    charge(state);
    set_share(state, ROLLOUT_SHARE_ALL);
    charge(state);
    return state;
}

static void roll_back_or_acquire(void *context, uint32_t index)
{
    store_fixture *state = context;
    if (index == 0) {
        set_share(state, 0);
    } else {
        acquire(state, index);
    }
}

static void check_clients(void *context)
{
    store_fixture *state = context;
    check_slots(state, state->admitted_before + state->threads - 1);
}

/* ---- histories ------------------------------------------------------------------------------- */

static void invoke(store_fixture *state, enum window_history_function function)
{
    const uint32_t call = treadle_invoke(&state->history, function, 0, 0);
    int64_t result = 0;
    if (function == WINDOW_HISTORY_ACQUIRE) {
        result = state->variant->acquire(state->store, PROVIDER) == RATE_ADMITTED;
    } else if (function == WINDOW_HISTORY_COUNT) {
        result = count_now(state);
    } else {
        state->variant->reset(state->store, PROVIDER);
    }
    treadle_respond(&state->history, call, result);
}

static void change_share_or_use(void *context, uint32_t index)
{
    store_fixture *state = context;
    if (index == 0) {
        set_share(state, ROLLOUT_SHARE_ALL);
        set_share(state, 0);
        return;
    }
    invoke(state, WINDOW_HISTORY_ACQUIRE);
    invoke(state, WINDOW_HISTORY_COUNT);
}

static void *setup_both_hold(const treadle_run *run)
{
    store_fixture *state = open_store(run, 2, &memory_store_fixed, &memory_store_lockfree);
    invoke(state, WINDOW_HISTORY_ACQUIRE);
    set_share(state, ROLLOUT_SHARE_ALL);
    invoke(state, WINDOW_HISTORY_ACQUIRE);
    return state;
}

static void reset_or_use(void *context, uint32_t index)
{
    store_fixture *state = context;
    if (index == 0) {
        invoke(state, WINDOW_HISTORY_RESET);
        set_share(state, 0);
        invoke(state, WINDOW_HISTORY_COUNT);
        return;
    }
    invoke(state, WINDOW_HISTORY_ACQUIRE);
}

static void check_history(void *context)
{
    store_fixture *state = context;
    const struct window_history_config config = {.limit = state->limit, .window_s = WINDOW_S};
    close_store(state);
    treadle_require_linearizable(&state->history, &window_history_model, &config);
}

/* ---- a replacement that fails ---------------------------------------------------------------- */

/* A lockfree store whose every acquisition but the first is an error, and charges nothing. */
static atomic_bool failing;

static enum rate_decision acquire_once(struct memory_store *store, const char *provider)
{
    if (atomic_exchange(&failing, true)) {
        return RATE_ERROR;
    }
    return memory_store_lockfree.acquire(store, provider);
}

static struct memory_store_variant failing_variant;

static void *setup_failing(const treadle_run *run)
{
    atomic_store(&failing, false);
    failing_variant = memory_store_lockfree;
    failing_variant.name = "failing";
    failing_variant.acquire = acquire_once;
    store_fixture *state = open_store(run, 2, &memory_store_fixed, &failing_variant);
    set_share(state, ROLLOUT_SHARE_ALL);
    charge(state);
    return state;
}

static void acquire_all(void *context, uint32_t index)
{
    acquire(context, index);
}

static void check_fall_back(void *context)
{
    store_fixture *state = context;
    check_slots(state, state->admitted_before + state->threads);
}

/* ---- cancellation ---------------------------------------------------------------------------- */

static void *acquire_as_victim(void *context)
{
    acquire(context, 1);
    return NULL;
}

/* The original is `proposed`, which waits for its lock at a cancellation point. */
static void *setup_cancellable(const treadle_run *run)
{
    store_fixture *state = open_store(run, 3, &memory_store_proposed, &memory_store_fixed);
    set_share(state, ROLLOUT_SHARE_ALL);
    charge(state);
    set_share(state, 0); /* whoever asks now begins the hand-over */
    state->threads = 2;
    return state;
}

static void cancel_in_hand_over(void *context, uint32_t index)
{
    store_fixture *state = context;
    pthread_t victim;
    if (pthread_create(&victim, NULL, acquire_as_victim, state) != 0) {
        return;
    }
    pthread_cancel(victim);
    acquire(state, index);
    pthread_join(victim, NULL);
}

static void check_cancelled(void *context)
{
    store_fixture *state = context;
    /* The victim asked if it was told anything. */
    check_slots(state, state->admitted_before + 1 + (state->decisions[1] != RATE_ERROR));
}

/* ---- sequential ------------------------------------------------------------------------------ */

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *setup_sequential(const treadle_run *run)
{
    return open_store(run, 2, &memory_store_fixed, &memory_store_lockfree);
}

static void switch_and_ask(void *context, uint32_t index)
{
    static const time_t pauses_s[] = {0, 10, 5, 44, 3, 8, 30, 30, 0, 120, 1, 1};
    store_fixture *state = context;
    struct window_model model;
    (void)index;
    window_model_init(&model, state->limit, WINDOW_S);
    for (size_t i = 0; i < sizeof pauses_s / sizeof pauses_s[0]; i++) {
        const struct timespec pause = {.tv_sec = pauses_s[i]};
        nanosleep(&pause, NULL);
        set_share(state, i % 3 == 0 ? ROLLOUT_SHARE_ALL : 0);
        const double now = now_s();
        const bool expected = window_model_acquire(&model, now, 0) == WINDOW_MODEL_ADMIT;
        const bool got = state->variant->acquire(state->store, PROVIDER) == RATE_ADMITTED;
        treadle_note("request %zu: %s", i + 1, got ? "admitted" : "refused");
        if (got != expected) {
            treadle_violation("wrong-answer", "request %zu is %s, the model says %s", i + 1,
                              got ? "admitted" : "refused", expected ? "admitted" : "refused");
        }
        const long long held = count_now(state);
        if (held != (long long)window_model_count(&model, now)) {
            treadle_violation("wrong-count", "after request %zu the window holds %lld, not %zu",
                              i + 1, held, window_model_count(&model, now));
        }
    }
}

static void check_closed(void *context)
{
    close_store(context);
}

/* ---- flags ----------------------------------------------------------------------------------- */

typedef struct flag_fixture {
    const struct rollout_variant *variant;
    struct rollout_flag *flag;
    struct rollout_decision decided; /* before the threads start */
    int errors_max;
} flag_fixture;

static flag_fixture *open_flag_fixture(const treadle_run *run, int share, int errors_max)
{
    flag_fixture *state = calloc(1, sizeof *state);
    state->variant = rollout_find(run->variant);
    state->flag = treadle_rollout_flag(state->variant, share, errors_max);
    state->errors_max = errors_max;
    return state;
}

static void *setup_half(const treadle_run *run)
{
    return open_flag_fixture(run, ROLLOUT_SHARE_ALL / 2, 0);
}

static bool replaced(flag_fixture *state, const char *key)
{
    return state->variant->decide(state->flag, key).arm == ROLLOUT_REPLACEMENT;
}

/* Asks for a few keys at growing shares, twice each. */
static void ramp_up(void *context, uint32_t index)
{
    static const char *const keys[] = {"openai", "anthropic", "mistral", "cohere"};
    flag_fixture *state = context;
    (void)index;
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        bool before = false;
        for (int share = 0; share <= ROLLOUT_SHARE_ALL; share += ROLLOUT_SHARE_ALL / 4) {
            state->variant->set_share(state->flag, share);
            const bool now = replaced(state, keys[k]);
            if (now != replaced(state, keys[k])) {
                treadle_violation("unstable", "%s has two arms at a share of %d", keys[k], share);
            }
            if (before && !now) {
                treadle_violation("unstable", "%s goes back when the share grows to %d", keys[k],
                                  share);
            }
            before = now;
        }
    }
}

static void check_flag_closed(void *context)
{
    flag_fixture *state = context;
    state->variant->close(state->flag);
}

static void *setup_errors(const treadle_run *run)
{
    return open_flag_fixture(run, ROLLOUT_SHARE_ALL, (int)treadle_run_parameter(run, "threads"));
}

static void fail_once(void *context, uint32_t index)
{
    flag_fixture *state = context;
    (void)index;
    const struct rollout_decision decision = state->variant->decide(state->flag, PROVIDER);
    state->variant->note_error(state->flag, &decision);
}

static void check_rolled_back(void *context)
{
    flag_fixture *state = context;
    const struct rollout_state last = state->variant->state(state->flag);
    state->variant->close(state->flag);
    if (last.share != 0) {
        treadle_violation("no-rollback", "%d errors were noted, %d counted: the share is still %d",
                          state->errors_max, last.errors, last.share);
    }
}

static void *setup_tenth(const treadle_run *run)
{
    return open_flag_fixture(run, ROLLOUT_SHARE_ALL / 10, 0);
}

/* Thread 0 ramps up what has not been rolled back, thread 1 rolls back. */
static void ramp_or_roll_back(void *context, uint32_t index)
{
    flag_fixture *state = context;
    if (index != 0) {
        state->variant->set_share(state->flag, 0);
        treadle_note("rolled back");
        return;
    }
    const struct rollout_state seen = state->variant->state(state->flag);
    treadle_note("the ramp sees %d", seen.share);
    if (seen.share > 0) {
        const bool set = state->variant->ramp_share(state->flag, &seen, 2 * seen.share);
        treadle_note("the ramp %s %d", set ? "sets" : "may not set", 2 * seen.share);
    }
}

static void check_stays_back(void *context)
{
    flag_fixture *state = context;
    const struct rollout_state last = state->variant->state(state->flag);
    state->variant->close(state->flag);
    if (last.share != 0) {
        treadle_violation("rollback-undone", "rolled back, and yet the share is %d", last.share);
    }
}

/* The replacement is in use, one error is one too many, and one call is still under way. */
static void *setup_under_way(const treadle_run *run)
{
    flag_fixture *state = open_flag_fixture(run, ROLLOUT_SHARE_ALL, 1);
    state->decided = state->variant->decide(state->flag, PROVIDER);
    return state;
}

/* Thread 0 is that call, which fails; thread 1 puts a repaired replacement in its place. */
static void fail_late_or_replace(void *context, uint32_t index)
{
    flag_fixture *state = context;
    if (index == 0) {
        state->variant->note_error(state->flag, &state->decided);
        return;
    }
    state->variant->set_share(state->flag, 0);
    state->variant->set_share(state->flag, ROLLOUT_SHARE_ALL / 10);
}

static void check_not_rolled_back(void *context)
{
    flag_fixture *state = context;
    const struct rollout_state last = state->variant->state(state->flag);
    state->variant->close(state->flag);
    if (last.share == 0) {
        treadle_violation("false-rollback",
                          "an error from before the replacement was repaired rolled it back");
    }
}

/* ---- the sliding window on Redis ------------------------------------------------------------- */

typedef struct window_fixture {
    const struct sliding_window_switch_variant *variant;
    const char *provider;
    struct rollout_flag *flag;
    struct sliding_window_switch *clients[THREADS_MAX];
    enum rate_decision decisions[THREADS_MAX];
    uint32_t count;
    long long limit;
} window_fixture;

static window_fixture *open_clients(const treadle_run *run, long long limit, int share,
                                    const struct sliding_window_variant *original)
{
    window_fixture *state = calloc(1, sizeof *state);
    char error[200];
    const struct rate_limits limits = {.rpm = limit, .window_s = WINDOW_S};
    state->variant = sliding_window_switch_find(run->variant);
    state->provider = treadle_redis_provider(PROVIDER);
    state->flag = treadle_rollout_flag(&rollout_fixed, share, 0);
    state->count = (uint32_t)treadle_run_parameter(run, "threads");
    state->limit = limit;
    for (uint32_t i = 0; i < state->count; i++) {
        const struct sliding_window_switch_options options = {
            .arms = {original, &sliding_window_fixed},
            .redis = {treadle_redis_connection(2 * i), treadle_redis_connection(2 * i + 1)},
            .flags = &rollout_fixed,
            .flag = state->flag};
        state->decisions[i] = RATE_ERROR;
        state->clients[i] = state->variant->open(&options, &limits, error, sizeof error);
        if (state->clients[i] == NULL) {
            treadle_violation("setup", "the client cannot be opened: %s", error);
        }
    }
    return state;
}

static void close_clients(window_fixture *state)
{
    for (uint32_t i = 0; i < state->count; i++) {
        state->variant->close(state->clients[i]);
    }
    rollout_fixed.close(state->flag);
}

static void *setup_lossy(const treadle_run *run)
{
    return open_clients(run, 2, ROLLOUT_SHARE_ALL, &sliding_window_naive);
}

static void *setup_last_slot(const treadle_run *run)
{
    return open_clients(run, 1, ROLLOUT_SHARE_ALL, &sliding_window_naive);
}

static void acquire_in_redis(void *context, uint32_t index)
{
    window_fixture *state = context;
    char id[32];
    snprintf(id, sizeof id, "request-%u", index + 1);
    state->decisions[index] = state->variant->acquire(state->clients[index], state->provider, id);
    treadle_note("acquire: %s", rate_decision_name(state->decisions[index]));
}

static long long slots_charged(const window_fixture *state)
{
    redisReply *reply = treadle_redis_inspect("ZCARD window:%s", state->provider);
    const long long charged = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    freeReplyObject(reply);
    return charged;
}

static void check_charged_once(void *context)
{
    window_fixture *state = context;
    const long long charged = slots_charged(state);
    close_clients(state);
    if (charged > 1) {
        treadle_violation("double-charge", "one request is %s, %lld slots are charged",
                          rate_decision_name(state->decisions[0]), charged);
    }
}

static void check_not_lost(void *context)
{
    window_fixture *state = context;
    const long long charged = slots_charged(state);
    close_clients(state);
    if (charged == 1 && state->decisions[0] == RATE_REFUSED) {
        treadle_violation("lost-slot",
                          "the only request of this minute was charged and is refused");
    }
}

static void *setup_shared_keys(const treadle_run *run)
{
    return open_clients(run, 1, 0, &sliding_window_proposed_lua);
}

static void switch_or_acquire_in_redis(void *context, uint32_t index)
{
    window_fixture *state = context;
    if (index == 0) {
        /* Something that Redis commands can come before and after. */
        treadle_rollout_moment();
        rollout_fixed.set_share(state->flag, ROLLOUT_SHARE_ALL);
    } else {
        acquire_in_redis(context, index);
    }
}

static void check_shared_keys(void *context)
{
    window_fixture *state = context;
    const long long charged = slots_charged(state);
    long long sum = 0;
    for (uint32_t i = 1; i < state->count; i++) {
        sum += state->decisions[i] == RATE_ADMITTED;
    }
    close_clients(state);
    if (sum != state->limit || charged != sum) {
        treadle_violation("over-admission", "%lld admitted and %lld charged at limit %lld", sum,
                          charged, state->limit);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter pair[] = {{"threads", 2, 2, 2, "threads"}, {0}};

static const treadle_expectation expect_switch[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, VIOLATED, "over-admission", "the other store is empty"),
    TREADLE_ROW(MEMORY, "counting", AWAIT, HOLDS, NULL,
                "nothing suspends between counting and charging"),
    TREADLE_ROW(MEMORY, "counting", SYNC, VIOLATED, "over-admission",
                "both count a free slot, each charges it in its own arm"),
    TREADLE_ROW(MEMORY, "fixed", AWAIT, HOLDS, NULL, "a provider is handed over under its lock"),
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL, "a provider is handed over under its lock"),
    {0},
};

static const treadle_expectation expect_roll_back[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, VIOLATED, "over-admission",
                "each arm has room for what the other has admitted"),
    TREADLE_ROW(MEMORY, "counting", AWAIT, HOLDS, NULL,
                "nothing suspends between counting and charging"),
    TREADLE_ROW(MEMORY, "counting", SYNC, VIOLATED, "over-admission",
                "both count the one free slot, the arms by themselves have more"),
    TREADLE_ROW(MEMORY, "fixed", AWAIT, HOLDS, NULL,
                "in a hand-over one request at a time counts both arms"),
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL,
                "in a hand-over one request at a time counts both arms"),
    {0},
};

static const treadle_expectation expect_changes[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, HOLDS, NULL,
                "up and down again without an await in between: nobody sees it"),
    TREADLE_ROW(MEMORY, "naive", SYNC, VIOLATED, "linearizability",
                "each arm counts its own requests only"),
    TREADLE_ROW(MEMORY, "counting", AWAIT, HOLDS, NULL,
                "nothing suspends between counting and charging"),
    TREADLE_ROW(MEMORY, "counting", SYNC, VIOLATED, "linearizability",
                "both count a free slot, each charges it in its own arm"),
    TREADLE_ROW(MEMORY, "fixed", AWAIT, HOLDS, NULL, "every call sees both arms as one"),
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL, "every call sees both arms as one"),
    {0},
};

static const treadle_expectation expect_reset[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, VIOLATED, "linearizability",
                "the arm that is not in charge keeps its requests, and is in charge again"),
    TREADLE_ROW(MEMORY, "counting", AWAIT, HOLDS, NULL, "nothing suspends inside a call"),
    TREADLE_ROW(MEMORY, "counting", SYNC, VIOLATED, "linearizability",
                "admitted when one arm has been reset, forgotten when the other is"),
    TREADLE_ROW(MEMORY, "fixed", AWAIT, HOLDS, NULL,
                "a reset has the provider to itself, in both arms"),
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL,
                "a reset has the provider to itself, in both arms"),
    {0},
};

static const treadle_expectation expect_fall_back[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, VIOLATED, "over-admission",
                "the original knows nothing of what the replacement admitted"),
    TREADLE_ROW(MEMORY, "counting", AWAIT, HOLDS, NULL,
                "nothing suspends between counting and charging"),
    TREADLE_ROW(MEMORY, "counting", SYNC, VIOLATED, "over-admission",
                "both count the one free slot, the original by itself has two"),
    TREADLE_ROW(MEMORY, "fixed", AWAIT, HOLDS, NULL, "to fall back is to hand over"),
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL, "to fall back is to hand over"),
    {0},
};

static const treadle_expectation expect_cancelled[] = {
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL, "a clean-up handler gives the lock back"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, VIOLATED, "wrong-count", "each arm counts its own only"),
    TREADLE_ROW(MEMORY, "counting", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_ROW(MEMORY, "fixed", AWAIT, HOLDS, NULL, "one thread"),
    {0},
};

static const treadle_expectation expect_stable[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, VIOLATED, "unstable",
                "the arm is drawn by lot for each request"),
    TREADLE_ROW(MEMORY, "fixed", AWAIT, HOLDS, NULL, "a key has a place, the share is a mark"),
    {0},
};

static const treadle_expectation expect_automatic[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, HOLDS, NULL, "nothing suspends inside"),
    TREADLE_ROW(MEMORY, "naive", MEMORY, VIOLATED, "no-rollback", "one of two errors is lost"),
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL, "errors and share are one word"),
    {0},
};

static const treadle_expectation expect_ramp[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, HOLDS, NULL,
                "nothing suspends between looking and setting"),
    TREADLE_ROW(MEMORY, "naive", MEMORY, VIOLATED, "rollback-undone",
                "the ramp sets what it computed before the roll-back"),
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL,
                "a ramp goes on only from the setting that it saw"),
    {0},
};

static const treadle_expectation expect_late_error[] = {
    TREADLE_ROW(MEMORY, "naive", AWAIT, VIOLATED, "false-rollback",
                "an error counts whenever it arrives"),
    TREADLE_ROW(MEMORY, "fixed", SYNC, HOLDS, NULL,
                "an error counts against the setting it came from"),
    {0},
};

static const treadle_expectation expect_charged_once[] = {
    TREADLE_ROW(REDIS, "naive", AWAIT, VIOLATED, "double-charge", "falls back under a new id"),
    TREADLE_ROW(REDIS, "fixed", AWAIT, HOLDS, NULL, "looks for its id first, and keeps it"),
    {0},
};

static const treadle_expectation expect_last_slot[] = {
    TREADLE_ROW(REDIS, "naive", AWAIT, VIOLATED, "lost-slot",
                "is refused because of its own first attempt"),
    TREADLE_ROW(REDIS, "fixed", AWAIT, HOLDS, NULL, "finds its id in the window: admitted"),
    {0},
};

static const treadle_expectation expect_shared_keys[] = {
    TREADLE_ROW(REDIS, "naive", AWAIT, HOLDS, NULL, "both arms use one key"),
    TREADLE_ROW(REDIS, "fixed", AWAIT, HOLDS, NULL, "both arms use one key"),
    {0},
};

static const treadle_scenario switch_in_flight = {
    .name = "rollout/switch_in_flight",
    .summary = "clients acquire while the replacement takes over; the limit holds over both arms",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_switch,
    .setup = setup_original,
    .thread = switch_or_acquire,
    .check = check_limit,
};

static const treadle_scenario rollback_in_flight = {
    .name = "rollout/rollback_in_flight",
    .summary = "clients acquire while a hand-over is rolled back; no slot is lost or doubled",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_roll_back,
    .setup = setup_hand_over,
    .thread = roll_back_or_acquire,
    .check = check_clients,
};

static const treadle_scenario share_changes = {
    .name = "rollout/share_changes",
    .summary = "the share goes up and down in use; some order of the calls explains all answers",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_changes,
    .setup = setup_original,
    .thread = change_share_or_use,
    .check = check_history,
};

static const treadle_scenario reset_in_hand_over = {
    .name = "rollout/reset_in_hand_over",
    .summary = "a reset while both arms hold requests, then a roll-back; nothing comes back",
    .parameters = treadle_rollout_two,
    .expectations = expect_reset,
    .setup = setup_both_hold,
    .thread = reset_or_use,
    .check = check_history,
};

static const treadle_scenario fall_back = {
    .name = "rollout/fall_back",
    .summary = "the replacement admits one and then fails; the original has one slot left to give",
    .parameters = treadle_rollout_two,
    .expectations = expect_fall_back,
    .thread_prefix = "client",
    .setup = setup_failing,
    .thread = acquire_all,
    .check = check_fall_back,
};

static const treadle_scenario cancelled_in_hand_over = {
    .name = "rollout/cancelled_in_hand_over",
    .summary = "a request is cancelled in the middle of a hand-over; others go on",
    .parameters = treadle_rollout_one,
    .expectations = expect_cancelled,
    .thread_prefix = "client",
    .setup = setup_cancellable,
    .thread = cancel_in_hand_over,
    .check = check_cancelled,
    .no_baseline = "only the fixed switch holds a lock that could be left behind",
};

static const treadle_scenario sequential_row = {
    .name = "rollout/sequential",
    .summary = "one client, the share changes before every request; every answer is the model's",
    .parameters = treadle_rollout_one,
    .expectations = expect_sequential,
    .thread_prefix = "client",
    .setup = setup_sequential,
    .thread = switch_and_ask,
    .check = check_closed,
};

static const treadle_scenario stable_keys = {
    .name = "rollout/stable_keys",
    .summary = "the share grows; a key has one arm at each share and moves once at most",
    .parameters = treadle_rollout_one,
    .expectations = expect_stable,
    .setup = setup_half,
    .thread = ramp_up,
    .check = check_flag_closed,
    .random_values = 2,
};

static const treadle_scenario automatic_rollback = {
    .name = "rollout/automatic_rollback",
    .summary = "as many errors at once as are one too many; the share is 0 afterwards",
    .parameters = treadle_rollout_two,
    .expectations = expect_automatic,
    .setup = setup_errors,
    .thread = fail_once,
    .check = check_rolled_back,
};

static const treadle_scenario ramp_against_rollback = {
    .name = "rollout/ramp_against_rollback",
    .summary = "a ramp looks and goes on while somebody rolls back; rolled back it stays",
    .parameters = pair,
    .expectations = expect_ramp,
    .setup = setup_tenth,
    .thread = ramp_or_roll_back,
    .check = check_stays_back,
};

static const treadle_scenario late_error = {
    .name = "rollout/late_error",
    .summary = "a call fails after its replacement was replaced; the new one is not rolled back",
    .parameters = pair,
    .expectations = expect_late_error,
    .setup = setup_under_way,
    .thread = fail_late_or_replace,
    .check = check_not_rolled_back,
};

static const treadle_scenario fall_back_charges_once = {
    .name = "rollout/fall_back_charges_once",
    .summary =
        "a request and a reply may get lost on either connection; one request, one slot at most",
    .parameters = treadle_rollout_one,
    .expectations = expect_charged_once,
    .thread_prefix = "client",
    .setup = setup_lossy,
    .thread = acquire_in_redis,
    .check = check_charged_once,
    .faults = {.cut_before = 1, .cut_after = 1},
};

static const treadle_scenario fall_back_to_last_slot = {
    .name = "rollout/fall_back_to_last_slot",
    .summary = "as before at a limit of one; who was charged is admitted",
    .parameters = treadle_rollout_one,
    .expectations = expect_last_slot,
    .thread_prefix = "client",
    .setup = setup_last_slot,
    .thread = acquire_in_redis,
    .check = check_not_lost,
    .faults = {.cut_after = 1},
    .moves_clock = true,
};

static const treadle_scenario shared_keys = {
    .name = "rollout/shared_keys",
    .summary = "clients acquire while a replacement takes over that writes the same keys",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_shared_keys,
    .setup = setup_shared_keys,
    .thread = switch_or_acquire_in_redis,
    .check = check_shared_keys,
    .no_baseline = "both arms count each other's requests, so that no switch can go wrong",
    .moves_clock = true,
};

const treadle_scenario *const treadle_rollout[] = {
    &switch_in_flight,       &rollback_in_flight, &share_changes,
    &reset_in_hand_over,     &fall_back,          &cancelled_in_hand_over,
    &sequential_row,         &stable_keys,        &automatic_rollback,
    &ramp_against_rollback,  &late_error,         &fall_back_charges_once,
    &fall_back_to_last_slot, &shared_keys,        NULL,
};
