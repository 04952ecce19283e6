// SPDX-License-Identifier: MIT
/* Rolling out and back a token bucket: tokens that are taken, promised and given back while the arm
 * changes. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "impl/rollout/token_bucket_switch.h"
#include "models/token_bucket_model.h"
#include "scenarios/registry.h"
#include "scenarios/rollout_fixture.h"

static const int64_t SECOND_NS = 1000000000;

typedef struct fixture {
    const struct token_bucket_switch_variant *variant;
    struct token_bucket_switch *bucket;
    struct rollout_flag *flag;
    int64_t capacity;
    int64_t opened_ns;
    _Atomic int64_t last_ns; /* the latest grant */
    int64_t granted_before;
    int64_t threads;
    bool granted[TREADLE_ROLLOUT_THREADS_MAX];
} fixture;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* One token a second, unless the rate is 0. */
static fixture *open_arms(const treadle_run *run, int64_t capacity, double rate_per_s,
                          const struct token_bucket_variant *replacement)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    const struct token_bucket_limits limits = {.capacity = (double)capacity,
                                               .rate_per_s = rate_per_s};
    state->variant = token_bucket_switch_find(run->variant);
    state->flag = treadle_rollout_flag(&rollout_fixed, 0, 0);
    const struct token_bucket_switch_options options = {.arms = {&token_bucket_fixed, replacement},
                                                        .flags = &rollout_fixed,
                                                        .flag = state->flag,
                                                        .key = "openai"};
    state->bucket = state->variant->open(&options, &limits, error, sizeof error);
    if (state->bucket == NULL) {
        treadle_violation("setup", "the bucket cannot be opened: %s", error);
    }
    state->capacity = capacity;
    state->opened_ns = now_ns();
    state->last_ns = state->opened_ns;
    state->threads = treadle_run_parameter(run, "threads");
    return state;
}

static void close_arms(fixture *state)
{
    state->variant->close(state->bucket);
    rollout_fixed.close(state->flag);
}

static void set_share(fixture *state, int share)
{
    treadle_rollout_share(state->flag, share);
}

static bool take(fixture *state)
{
    const bool taken = state->variant->try_acquire(state->bucket, NULL) == RATE_ADMITTED;
    treadle_note("take: %s", taken ? "a token" : "none");
    return taken;
}

static int64_t granted(const fixture *state)
{
    int64_t sum = state->granted_before;
    for (int64_t i = 0; i < state->threads; i++) {
        sum += state->granted[i];
    }
    return sum;
}

/* A bucket that is never refilled: as many tokens as it has room for, no more, no fewer. */
static void check_tokens(void *context)
{
    fixture *state = context;
    int64_t sum = granted(state);
    while (sum <= state->capacity && take(state)) {
        sum++;
    }
    close_arms(state);
    if (sum > state->capacity) {
        treadle_violation("minted-token", "%lld tokens were granted, there were %lld",
                          (long long)sum, (long long)state->capacity);
    }
    if (sum < state->capacity) {
        treadle_violation("lost-token", "only %lld tokens of %lld can be had", (long long)sum,
                          (long long)state->capacity);
    }
}

/* ---- the operator ---------------------------------------------------------------------------- */

static void *setup_two_tokens(const treadle_run *run)
{
    return open_arms(run, 2, 0, &token_bucket_lockfree);
}

static void switch_or_take(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        set_share(state, ROLLOUT_SHARE_ALL);
    } else {
        state->granted[index] = take(state);
    }
}

/* Both tokens have been taken, one from each arm, and one comes back. */
static void *setup_both_taken(const treadle_run *run)
{
    fixture *state = open_arms(run, 2, 0, &token_bucket_lockfree);
    state->granted_before += take(state);
    set_share(state, ROLLOUT_SHARE_ALL);
    state->granted_before += take(state);
    return state;
}

static void roll_back_or_give_back(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        set_share(state, 0);
        return;
    }
    state->variant->give_back(state->bucket);
    state->granted[index] = take(state);
}

static void check_given_back(void *context)
{
    fixture *state = context;
    state->granted_before -= state->threads - 1;
    check_tokens(state);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* The one token is taken; the next is there in a second. */
static void *setup_empty(const treadle_run *run)
{
    fixture *state = open_arms(run, 1, 1, &token_bucket_lockfree);
    state->granted_before += take(state);
    return state;
}

static void switch_or_wait(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_moment();
        set_share(state, ROLLOUT_SHARE_ALL);
        return;
    }
    state->granted[index] = state->variant->acquire(state->bucket, NULL) == RATE_ADMITTED;
    const int64_t now = now_ns();
    treadle_note("a token after %.3f s", 1e-9 * (double)(now - state->opened_ns));
    treadle_raise_to(&state->last_ns, now);
}

/* Never more by then than the bucket had and gained. The operator's moment is one nanosecond, and
 * what a move takes refills nothing: neither is what a token takes. */
static void check_pace(void *context)
{
    fixture *state = context;
    const int64_t sum = granted(state);
    const int64_t earliest_ns = (sum - state->capacity) * SECOND_NS;
    const int64_t took_ns = state->last_ns - state->opened_ns;
    close_arms(state);
    if (took_ns < earliest_ns) {
        treadle_violation("minted-token", "%lld tokens within %.3f s, at one a second from one",
                          (long long)sum, 1e-9 * (double)took_ns);
    }
    if (took_ns >= earliest_ns + SECOND_NS / 2) {
        treadle_violation("lost-token", "%lld tokens took %.3f s, at one a second from one",
                          (long long)sum, 1e-9 * (double)took_ns);
    }
}

/* ---- a replacement that fails ---------------------------------------------------------------- */

static atomic_bool failing;

static enum rate_decision take_once(struct token_bucket *bucket, double *retry_after_s)
{
    if (atomic_exchange(&failing, true)) {
        return RATE_ERROR;
    }
    return token_bucket_lockfree.try_acquire(bucket, retry_after_s);
}

static struct token_bucket_variant failing_variant;

/* A lockfree bucket of two that grants one token and then fails, also when tokens are to be moved
 * into it. (Full as it is opened, it takes no moving before that.) */
static void *setup_failing(const treadle_run *run)
{
    atomic_store(&failing, false);
    failing_variant = token_bucket_lockfree;
    failing_variant.name = "failing";
    failing_variant.try_acquire = take_once;
    fixture *state = open_arms(run, 2, 0, &failing_variant);
    set_share(state, ROLLOUT_SHARE_ALL);
    state->granted_before += take(state);
    return state;
}

static void take_all(void *context, uint32_t index)
{
    fixture *state = context;
    state->granted[index] = take(state);
}

/* ---- sequential ------------------------------------------------------------------------------ */

static void *setup_sequential(const treadle_run *run)
{
    return open_arms(run, 3, 1, &token_bucket_lockfree);
}

/* A pause, a change of arm or none, and every third time a token comes back. */
static void switch_and_take(void *context, uint32_t index)
{
    static const int64_t pauses_ms[] = {0, 0, 250, 0, 0, 400, 100, 3000, 0, 0, 0, 500, 499, 1, 0};
    fixture *state = context;
    struct token_bucket_model model;
    (void)index;
    token_bucket_model_init(&model, state->capacity, 1, SECOND_NS, now_ns());
    for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        const struct timespec pause = {.tv_sec = pauses_ms[i] / 1000,
                                       .tv_nsec = pauses_ms[i] % 1000 * 1000000};
        nanosleep(&pause, NULL);
        set_share(state, i % 2 == 0 ? ROLLOUT_SHARE_ALL : 0);
        if (i % 4 == 3) {
            token_bucket_model_give_back(&model, now_ns());
            state->variant->give_back(state->bucket);
        }
        const bool expected = token_bucket_model_take(&model, now_ns());
        const bool got = take(state);
        if (got && !expected) {
            treadle_violation("minted-token", "request %zu gets a token, the model has none",
                              i + 1);
        }
        if (!got && expected) {
            treadle_violation("lost-token", "request %zu gets no token, the model has one", i + 1);
        }
    }
}

static void check_closed(void *context)
{
    close_arms(context);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_expectation expect_in_flight[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "minted-token", "the other bucket is full"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "the tokens move with the key"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the tokens move with the key"),
    {0},
};

static const treadle_expectation expect_given_back[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "minted-token",
                       "each arm has what the other has granted"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a token goes back to where the tokens are"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a token goes back to where the tokens are"),
    {0},
};

static const treadle_expectation expect_waiting[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "minted-token",
                       "one waits in each arm, and the other bucket is full"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL,
                       "those who wait in the old arm are served before the tokens move"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "those who wait in the old arm are served before the tokens move"),
    {0},
};

static const treadle_expectation expect_failing[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "minted-token",
                       "the original has what the replacement has granted"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL,
                       "the original goes on with what the replacement has left"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "the original goes on with what the replacement has left"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "minted-token",
                       "both buckets start full, and both are refilled"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one thread; fractions of a token move, too"),
    {0},
};

static const treadle_scenario in_flight = {
    .name = "rollout/bucket_in_flight",
    .summary = "clients take tokens while the replacement takes over; as many as there were",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_in_flight,
    .setup = setup_two_tokens,
    .thread = switch_or_take,
    .check = check_tokens,
};

static const treadle_scenario given_back = {
    .name = "rollout/bucket_given_back",
    .summary = "a token comes back while the arm changes; it can be had again, once",
    .parameters = treadle_rollout_operator_and_client,
    .expectations = expect_given_back,
    .setup = setup_both_taken,
    .thread = roll_back_or_give_back,
    .check = check_given_back,
};

static const treadle_scenario waiting = {
    .name = "rollout/bucket_waiting",
    .summary = "clients wait for tokens while the arm changes; one token a second",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_waiting,
    .setup = setup_empty,
    .thread = switch_or_wait,
    .check = check_pace,
};

static const treadle_scenario falls_back = {
    .name = "rollout/bucket_fall_back",
    .summary = "the replacement grants a token and then fails; the original has one left",
    .parameters = treadle_rollout_two,
    .expectations = expect_failing,
    .setup = setup_failing,
    .thread = take_all,
    .check = check_tokens,
};

static const treadle_scenario sequential = {
    .name = "rollout/bucket_sequential",
    .summary = "one client, the arm changes before every request; every answer is the model's",
    .parameters = treadle_rollout_one,
    .expectations = expect_sequential,
    .setup = setup_sequential,
    .thread = switch_and_take,
    .check = check_closed,
};

const treadle_scenario *const treadle_rollout_token_bucket[] = {
    &in_flight, &given_back, &waiting, &falls_back, &sequential, NULL,
};
