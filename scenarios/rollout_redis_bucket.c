// SPDX-License-Identifier: MIT
/* Rolling out and back a token bucket in Redis: one key for both arms, so that nothing moves, and
 * replies that get lost while the arm changes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "impl/rollout/redis_bucket_switch.h"
#include "scenarios/registry.h"
#include "scenarios/rollout_fixture.h"
#include "tools/redis/redis_seam.h"

enum { THREADS_MAX = TREADLE_ROLLOUT_THREADS_MAX, CONNECTIONS_FOR_RETRIES = 2 * THREADS_MAX };

static const double ONE_AN_HOUR = 1.0 / 3600;

typedef struct fixture {
    const struct redis_bucket_switch_variant *variant;
    const struct rollout_variant *flags;
    const struct redis_bucket_variant *original;
    const char *provider;
    struct token_bucket_limits limits;
    struct rollout_flag *flag[THREADS_MAX]; /* each client's; the same one, if they share it */
    struct redis_bucket_switch *clients[THREADS_MAX];
    enum rate_decision decisions[THREADS_MAX];
    uint32_t count;
} fixture;

static struct redis_bucket_switch *open_client(const fixture *state, uint32_t client,
                                               uint32_t connection)
{
    char error[200];
    const struct redis_bucket_switch_options options = {
        .arms = {state->original, &redis_bucket_fixed},
        .redis = {treadle_redis_connection(connection), treadle_redis_connection(connection + 1)},
        .flags = state->flags,
        .flag = state->flag[client]};
    struct redis_bucket_switch *opened =
        state->variant->open(&options, &state->limits, error, sizeof error);
    if (opened == NULL) {
        treadle_violation("setup", "the client cannot be opened: %s", error);
    }
    /* cppcheck-suppress returnDanglingLifetime ; open() copies the options */
    return opened;
}

static fixture *prepare(const treadle_run *run, double capacity, double rate_per_s,
                        const struct redis_bucket_variant *original)
{
    fixture *state = calloc(1, sizeof *state);
    state->variant = redis_bucket_switch_find(run->variant);
    state->flags = &rollout_fixed;
    state->original = original;
    state->provider = treadle_redis_provider("openai");
    state->limits = (struct token_bucket_limits){.capacity = capacity, .rate_per_s = rate_per_s};
    state->count = (uint32_t)treadle_run_parameter(run, "threads");
    return state;
}

/* All under one flag. */
static fixture *open_clients(fixture *state, int share)
{
    struct rollout_flag *flag = treadle_rollout_flag(state->flags, share, 0);
    for (uint32_t i = 0; i < state->count; i++) {
        state->flag[i] = flag;
        state->decisions[i] = RATE_ERROR;
        state->clients[i] = open_client(state, i, 2 * i);
    }
    return state;
}

static void close_clients(fixture *state)
{
    for (uint32_t i = 0; i < state->count; i++) {
        state->variant->close(state->clients[i]);
        if (i == 0 || state->flag[i] != state->flag[0]) {
            state->flags->close(state->flag[i]);
        }
    }
}

static enum rate_decision ask(fixture *state, struct redis_bucket_switch *client, uint32_t index)
{
    char id[32];
    snprintf(id, sizeof id, "request-%u", index + 1);
    const enum rate_decision answer =
        state->variant->try_acquire(client, state->provider, id, NULL);
    treadle_note("try_acquire: %s", rate_decision_name(answer));
    return answer;
}

static void take(void *context, uint32_t index)
{
    fixture *state = context;
    state->decisions[index] = ask(state, state->clients[index], index);
}

/* What refills while a scenario runs is next to nothing. */
static int tokens_taken(const fixture *state)
{
    redisReply *reply = treadle_redis_inspect("HGET bucket:%s tokens", state->provider);
    const double left =
        reply->type == REDIS_REPLY_STRING ? strtod(reply->str, NULL) : state->limits.capacity;
    freeReplyObject(reply);
    return (int)lround(state->limits.capacity - left);
}

static int count_admitted(const fixture *state)
{
    int sum = 0;
    for (uint32_t i = 0; i < state->count; i++) {
        sum += state->decisions[i] == RATE_ADMITTED;
    }
    return sum;
}

/* ---- falling back ---------------------------------------------------------------------------- */

static void *setup_two_tokens(const treadle_run *run)
{
    return open_clients(prepare(run, 2, ONE_AN_HOUR, &redis_bucket_naive), ROLLOUT_SHARE_ALL);
}

static void *setup_last_token(const treadle_run *run)
{
    return open_clients(prepare(run, 1, ONE_AN_HOUR, &redis_bucket_proposed), ROLLOUT_SHARE_ALL);
}

static void check_charged_once(void *context)
{
    fixture *state = context;
    const int taken = tokens_taken(state);
    close_clients(state);
    if (taken > 1) {
        treadle_violation("double-charge", "one request is %s, and %d tokens are taken",
                          rate_decision_name(state->decisions[0]), taken);
    }
}

static void check_not_lost(void *context)
{
    fixture *state = context;
    const int taken = tokens_taken(state);
    close_clients(state);
    if (taken == 1 && state->decisions[0] == RATE_REFUSED) {
        treadle_violation("lost-token",
                          "the only token was taken for the only request, which is refused");
    }
}

/* ---- a second attempt after the roll-back ---------------------------------------------------- */

static bool original_failed;
static struct redis_bucket_variant watched_original;

static enum rate_decision watched_try_acquire(struct redis_bucket *bucket, const char *provider,
                                              const char *request_id, double *retry_after_s)
{
    const enum rate_decision answer =
        redis_bucket_proposed.try_acquire(bucket, provider, request_id, retry_after_s);
    original_failed |= answer == RATE_ERROR;
    return answer;
}

static void *setup_retry(const treadle_run *run)
{
    original_failed = false;
    watched_original = redis_bucket_proposed;
    watched_original.try_acquire = watched_try_acquire;
    return open_clients(prepare(run, 3, ONE_AN_HOUR, &watched_original), ROLLOUT_SHARE_ALL);
}

static void roll_back_or_retry(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_moment();
        treadle_rollout_share(state->flag[0], 0);
        return;
    }
    take(state, index);
    if (state->decisions[index] != RATE_ERROR) {
        return;
    }
    struct redis_bucket_switch *again =
        open_client(state, index, CONNECTIONS_FOR_RETRIES + 2 * index);
    state->decisions[index] = ask(state, again, index);
    state->variant->close(again);
}

/* What the original does to a request whose reply it loses is not the switch's. */
static void check_retry(void *context)
{
    fixture *state = context;
    const int requests = (int)state->count - 1;
    const int taken = tokens_taken(state);
    close_clients(state);
    if (taken > requests && !original_failed) {
        treadle_violation("double-charge", "%d tokens are taken by %d requests", taken, requests);
    }
}

/* ---- in mid-flight --------------------------------------------------------------------------- */

static void *setup_shared_key(const treadle_run *run)
{
    return open_clients(prepare(run, 1, ONE_AN_HOUR, &redis_bucket_proposed), 0);
}

static void switch_or_take(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_moment();
        treadle_rollout_share(state->flag[0], ROLLOUT_SHARE_ALL);
    } else {
        take(state, index);
    }
}

static void check_one_granted(void *context)
{
    fixture *state = context;
    const int sum = count_admitted(state);
    const int taken = tokens_taken(state);
    close_clients(state);
    if (sum > 1) {
        treadle_violation("minted-token", "%d clients took the only token", sum);
    }
    if (sum < 1 || taken != 1) {
        treadle_violation("lost-token", "%d clients got the only token, %d are taken", sum, taken);
    }
}

/* ---- a share of the keys --------------------------------------------------------------------- */

/* A provider that the replacement serves at that share. Where names get a prefix, which one that is
 * depends on it. */
static const char *replaced_provider(struct rollout_flag *flag)
{
    static const char *const names[] = {"openai",  "anthropic",  "mistral",   "cohere",
                                        "google",  "deepseek",   "fireworks", "together",
                                        "groq",    "perplexity", "replicate", "azure",
                                        "bedrock", "voyage",     "xai",       "ai21"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *provider = treadle_redis_provider(names[i]);
        if (rollout_fixed.decide(flag, provider).arm == ROLLOUT_REPLACEMENT) {
            return provider;
        }
    }
    treadle_violation("setup", "the replacement serves none of 16 providers at half of all keys");
}

/* Each client is a process with a flag of its own, all of one name and share. The naive switch is
 * tried with the flag that goes with it. */
static void *setup_half(const treadle_run *run)
{
    fixture *state = prepare(run, 1, 0.1, &redis_bucket_proposed);
    struct rollout_flag *places = treadle_rollout_flag(&rollout_fixed, ROLLOUT_SHARE_ALL / 2, 0);
    state->flags = rollout_find(run->variant);
    state->provider = replaced_provider(places);
    rollout_fixed.close(places);
    for (uint32_t i = 0; i < state->count; i++) {
        state->flag[i] = treadle_rollout_flag(state->flags, ROLLOUT_SHARE_ALL / 2, 0);
        state->clients[i] = open_client(state, i, 2 * i);
    }
    return state;
}

/* The last one's clock is slow by what a token takes. */
static void take_with_last_slow(void *context, uint32_t index)
{
    fixture *state = context;
    if (index + 1 == state->count) {
        treadle_clock_offset(INT64_C(-10000000000));
    }
    take(state, index);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_expectation expect_fall_back[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "double-charge", "the original takes another token"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "looks for the mark of its request first"),
    {0},
};

static const treadle_expectation expect_last_token[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "lost-token",
                      "is refused because of its own first attempt"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "finds the mark of its request: admitted"),
    {0},
};

static const treadle_expectation expect_retry[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "double-charge", "the original takes another token"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "whoever asks the original looks for the mark first"),
    {0},
};

static const treadle_expectation expect_shared_key[] = {
    TREADLE_REDIS_ROW("naive", HOLDS, NULL, "both arms use one key, and either is one step"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "both arms use one key, and either is one step"),
    {0},
};

static const treadle_expectation expect_share[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "minted-token",
                      "drawn by lot, the slow clock's request is the original's, which sets the "
                      "refill back"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL,
                      "a key has one arm in every process, here the one with the server's clock"),
    {0},
};

static const treadle_parameter two_clients[] = {
    {"threads", 2, 2, THREADS_MAX, "clients; the last one's clock is slow"}, {0}};

static const treadle_scenario falls_back = {
    .name = "rollout/redis_bucket_fall_back",
    .summary = "a request and a reply may get lost on either connection; one request, one token "
               "at most",
    .parameters = treadle_rollout_one,
    .expectations = expect_fall_back,
    .thread_prefix = "client",
    .setup = setup_two_tokens,
    .thread = take,
    .check = check_charged_once,
    .faults = {.cut_before = 1, .cut_after = 1},
};

static const treadle_scenario last_token = {
    .name = "rollout/redis_bucket_last_token",
    .summary = "as before with one token; who was charged is admitted",
    .parameters = treadle_rollout_one,
    .expectations = expect_last_token,
    .thread_prefix = "client",
    .setup = setup_last_token,
    .thread = take,
    .check = check_not_lost,
    .faults = {.cut_after = 1},
};

static const treadle_scenario retry = {
    .name = "rollout/redis_bucket_retry",
    .summary = "replies get lost, somebody rolls back, and the client tries again; one request, "
               "one token at most",
    .parameters = treadle_rollout_operator_and_client,
    .expectations = expect_retry,
    .setup = setup_retry,
    .thread = roll_back_or_retry,
    .check = check_retry,
    .moves_clock = true,
    .faults = {.cut_before = 1, .cut_after = 1},
};

static const treadle_scenario shared_key = {
    .name = "rollout/redis_bucket_in_flight",
    .summary = "clients ask for the only token while a replacement takes over that uses its key",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_shared_key,
    .setup = setup_shared_key,
    .thread = switch_or_take,
    .check = check_one_granted,
    .no_baseline = "both arms see what both have taken, so that no switch can go wrong",
    .moves_clock = true,
};

static const treadle_scenario share = {
    .name = "rollout/redis_bucket_share",
    .summary = "processes serve a key of the replacement's share, one has a slow clock; the key is "
               "the replacement's in all of them",
    .parameters = two_clients,
    .expectations = expect_share,
    .thread_prefix = "client",
    .setup = setup_half,
    .thread = take_with_last_slow,
    .check = check_one_granted,
    .random_values = 2,
};

const treadle_scenario *const treadle_rollout_redis_bucket[] = {
    &falls_back, &last_token, &retry, &shared_key, &share, NULL,
};
