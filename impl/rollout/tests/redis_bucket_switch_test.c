// SPDX-License-Identifier: MIT

/* Switching a token bucket between variants, on a real server. */

#include "../../tests/redis_fixture.h"
#include "../redis_bucket_switch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <string.h>

/* ---- a replacement whose replies get lost ---------------------------------------------------- */

enum loss {
    NOTHING_LOST,
    REQUEST_LOST,
    REPLY_LOST,
};

static enum loss loss;

static enum rate_decision losing_try_acquire(struct redis_bucket *bucket, const char *provider,
                                             const char *request_id, double *retry_after_s)
{
    if (loss == REQUEST_LOST) {
        return RATE_ERROR;
    }
    const enum rate_decision answer =
        redis_bucket_fixed.try_acquire(bucket, provider, request_id, retry_after_s);
    return loss == REPLY_LOST ? RATE_ERROR : answer;
}

/* ---- what every test needs ------------------------------------------------------------------- */

static struct redis_fixture server;
static redisContext *connections[ROLLOUT_ARMS];
static redisContext *observer;
static struct redis_bucket_variant losing;
static struct rollout_flag *flag;

static void start(void)
{
    char error[128] = "";
    const struct rollout_options options = {.name = "redis_bucket", .errors_max = 3};

    signal(SIGPIPE, SIG_IGN);
    redis_fixture_start(&server);
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        connections[arm] = redis_fixture_connect(&server);
    }
    observer = redis_fixture_connect(&server);
    losing = redis_bucket_fixed;
    losing.try_acquire = losing_try_acquire;
    flag = rollout_fixed.open(&options, error, sizeof error);
    cr_assert_not_null(flag, "%s", error);
}

static void stop(void)
{
    rollout_fixed.close(flag);
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        redisFree(connections[arm]);
    }
    redisFree(observer);
    redis_fixture_stop(&server);
}

TestSuite(redis_bucket_switch, .init = start, .fini = stop, .timeout = 60);

/* Full again after more than a day. */
static struct redis_bucket_switch *open_switch(const struct redis_bucket_switch_variant *variant,
                                               const struct redis_bucket_variant *original,
                                               double capacity)
{
    char error[128] = "";
    const struct redis_bucket_switch_options options = {
        .arms = {original, &losing},
        .redis = {connections[ROLLOUT_ORIGINAL], connections[ROLLOUT_REPLACEMENT]},
        .flags = &rollout_fixed,
        .flag = flag};
    const struct token_bucket_limits limits = {.capacity = capacity, .rate_per_s = 1e-5};
    struct redis_bucket_switch *bucket = variant->open(&options, &limits, error, sizeof error);
    cr_assert_not_null(bucket, "%s", error);
    return bucket;
}

static double tokens_left(void)
{
    return round(redis_fixture_number(observer, "HGET bucket:p tokens"));
}

Test(redis_bucket_switch, registry_finds_every_variant)
{
    cr_assert_eq(redis_bucket_switch_variants[0], &redis_bucket_switch_naive);
    for (size_t i = 0; i < redis_bucket_switch_variants_count; i++) {
        cr_assert_eq(redis_bucket_switch_find(redis_bucket_switch_variants[i]->name),
                     redis_bucket_switch_variants[i]);
        redis_bucket_switch_variants[i]->close(NULL);
    }
    cr_assert_null(redis_bucket_switch_find("no-such-variant"));
}

Test(redis_bucket_switch, both_arms_share_the_bucket)
{
    for (size_t i = 0; i < redis_bucket_switch_variants_count; i++) {
        const struct redis_bucket_switch_variant *variant = redis_bucket_switch_variants[i];
        struct redis_bucket_switch *bucket = open_switch(variant, &redis_bucket_naive, 4);
        redis_fixture_do(observer, "FLUSHALL");
        for (int n = 0; n < 8; n++) {
            double tokens = -1;
            double retry_after_s = 0;
            rollout_fixed.set_share(flag, n % 2 * ROLLOUT_SHARE_ALL);
            cr_assert_eq(variant->try_acquire(bucket, "p", NULL, &retry_after_s),
                         n < 4 ? RATE_ADMITTED : RATE_REFUSED);
            cr_assert(n < 4 || (retry_after_s > 99000 && retry_after_s < 100001));
            cr_assert(variant->available(bucket, "p", &tokens));
            cr_assert_eq(floor(tokens), n < 4 ? 3 - n : 0);
        }
        variant->close(bucket);
    }
}

Test(redis_bucket_switch, naive_charges_twice_when_a_reply_is_lost)
{
    struct redis_bucket_switch *bucket =
        open_switch(&redis_bucket_switch_naive, &redis_bucket_naive, 5);
    rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
    loss = REPLY_LOST;
    cr_assert_eq(redis_bucket_switch_naive.try_acquire(bucket, "p", "request-1", NULL),
                 RATE_ADMITTED);
    cr_assert_eq(tokens_left(), 3);
    redis_bucket_switch_naive.close(bucket);
}

Test(redis_bucket_switch, fixed_charges_once_whatever_is_lost_and_whoever_falls_back)
{
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        for (loss = NOTHING_LOST; loss <= REPLY_LOST; loss++) {
            struct redis_bucket_switch *bucket =
                open_switch(&redis_bucket_switch_fixed, redis_bucket_variants[i], 1);
            redis_fixture_do(observer, "FLUSHALL");
            rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
            /* The only token, so a second charge would be refused. */
            cr_assert_eq(redis_bucket_switch_fixed.try_acquire(bucket, "p", NULL, NULL),
                         RATE_ADMITTED, "%s, loss %d", redis_bucket_variants[i]->name, (int)loss);
            cr_assert_eq(tokens_left(), 0);
            redis_bucket_switch_fixed.close(bucket);
        }
    }
}

Test(redis_bucket_switch, fixed_knows_a_request_again_after_a_roll_back)
{
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        struct redis_bucket_switch *bucket =
            open_switch(&redis_bucket_switch_fixed, redis_bucket_variants[i], 5);
        redis_fixture_do(observer, "FLUSHALL");
        loss = NOTHING_LOST;
        rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
        cr_assert_eq(redis_bucket_switch_fixed.try_acquire(bucket, "p", "request-1", NULL),
                     RATE_ADMITTED);
        rollout_fixed.set_share(flag, 0);
        cr_assert_eq(redis_bucket_switch_fixed.try_acquire(bucket, "p", "request-1", NULL),
                     RATE_ADMITTED);
        cr_assert_eq(tokens_left(), 4, "%s", redis_bucket_variants[i]->name);
        cr_assert_eq(redis_bucket_switch_fixed.try_acquire(bucket, "p", "request-2", NULL),
                     RATE_ADMITTED);
        cr_assert_eq(tokens_left(), 3, "%s", redis_bucket_variants[i]->name);
        redis_bucket_switch_fixed.close(bucket);
    }
}

Test(redis_bucket_switch, fixed_rolls_back_and_says_what_went_wrong)
{
    struct redis_bucket_switch *bucket =
        open_switch(&redis_bucket_switch_fixed, &redis_bucket_fixed, 5);
    rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
    loss = REQUEST_LOST;
    cr_assert_eq(redis_bucket_switch_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
    cr_assert_str_eq(redis_bucket_switch_fixed.last_error(bucket), "");
    redis_fixture_do(observer, "CLIENT KILL TYPE normal SKIPME yes");
    for (int error = 2; error <= 3; error++) {
        cr_assert_eq(redis_bucket_switch_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ERROR);
        cr_assert_str_neq(redis_bucket_switch_fixed.last_error(bucket), "");
    }
    cr_assert_eq(rollout_fixed.state(flag).share, 0, "three errors");
    redis_bucket_switch_fixed.close(bucket);
}

Test(redis_bucket_switch, fixed_wants_two_connections)
{
    char error[128] = "";
    struct redis_bucket_switch_options options = {
        .arms = {&redis_bucket_fixed, &redis_bucket_fixed},
        .redis = {connections[0], connections[0]},
        .flags = &rollout_fixed,
        .flag = flag};
    const struct token_bucket_limits limits = {.capacity = 1, .rate_per_s = 1};
    cr_assert_null(redis_bucket_switch_fixed.open(&options, &limits, error, sizeof error));
    cr_assert_not_null(strstr(error, "connection"), "%s", error);
}
