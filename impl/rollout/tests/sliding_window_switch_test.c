// SPDX-License-Identifier: MIT

/* Switching a sliding window between variants, on a real server. */

#include "../../tests/redis_fixture.h"
#include "../sliding_window_switch.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

/* ---- a replacement whose replies get lost ---------------------------------------------------- */

enum loss {
    NOTHING_LOST,
    REQUEST_LOST,
    REPLY_LOST,
};

static enum loss loss;

static enum rate_decision losing_acquire(struct sliding_window *window, const char *provider,
                                         const char *request_id)
{
    if (loss == REQUEST_LOST) {
        return RATE_ERROR;
    }
    const enum rate_decision answer = sliding_window_fixed.acquire(window, provider, request_id);
    return loss == REPLY_LOST ? RATE_ERROR : answer;
}

/* ---- what every test needs ------------------------------------------------------------------- */

static struct redis_fixture server;
static redisContext *connections[ROLLOUT_ARMS];
static redisContext *observer;
static struct sliding_window_variant losing;
static struct rollout_flag *flag;

static void start(void)
{
    char error[128] = "";
    const struct rollout_options options = {.name = "sliding_window", .errors_max = 3};

    signal(SIGPIPE, SIG_IGN);
    redis_fixture_start(&server);
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        connections[arm] = redis_fixture_connect(&server);
    }
    observer = redis_fixture_connect(&server);
    losing = sliding_window_fixed;
    losing.acquire = losing_acquire;
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

TestSuite(sliding_window_switch, .init = start, .fini = stop, .timeout = 60);

static struct sliding_window_switch *
open_switch(const struct sliding_window_switch_variant *variant,
            const struct sliding_window_variant *original, long long rpm)
{
    char error[128] = "";
    const struct sliding_window_switch_options options = {
        .arms = {original, &losing},
        .redis = {connections[ROLLOUT_ORIGINAL], connections[ROLLOUT_REPLACEMENT]},
        .flags = &rollout_fixed,
        .flag = flag};
    const struct rate_limits limits = {.rpm = rpm, .window_s = 60};
    struct sliding_window_switch *window = variant->open(&options, &limits, error, sizeof error);
    cr_assert_not_null(window, "%s", error);
    return window;
}

static double cardinality(void)
{
    return redis_fixture_number(observer, "ZCARD window:p");
}

Test(sliding_window_switch, registry_finds_every_variant)
{
    cr_assert_eq(sliding_window_switch_variants[0], &sliding_window_switch_naive);
    for (size_t i = 0; i < sliding_window_switch_variants_count; i++) {
        cr_assert_eq(sliding_window_switch_find(sliding_window_switch_variants[i]->name),
                     sliding_window_switch_variants[i]);
        sliding_window_switch_variants[i]->close(NULL);
    }
    cr_assert_null(sliding_window_switch_find("no-such-variant"));
}

Test(sliding_window_switch, both_arms_share_the_window)
{
    for (size_t i = 0; i < sliding_window_switch_variants_count; i++) {
        const struct sliding_window_switch_variant *variant = sliding_window_switch_variants[i];
        struct sliding_window_switch *window = open_switch(variant, &sliding_window_naive, 4);
        redis_fixture_do(observer, "FLUSHALL");
        for (int n = 0; n < 8; n++) {
            long long count = -1;
            rollout_fixed.set_share(flag, n % 2 * ROLLOUT_SHARE_ALL);
            cr_assert_eq(variant->check(window, "p"), n < 4 ? RATE_ADMITTED : RATE_REFUSED);
            cr_assert_eq(variant->acquire(window, "p", NULL), n < 4 ? RATE_ADMITTED : RATE_REFUSED);
            cr_assert(variant->count(window, "p", &count));
            cr_assert_eq(count, n < 4 ? n + 1 : 4);
        }
        variant->close(window);
    }
}

Test(sliding_window_switch, naive_charges_twice_when_a_reply_is_lost)
{
    struct sliding_window_switch *window =
        open_switch(&sliding_window_switch_naive, &sliding_window_naive, 5);
    rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
    loss = REPLY_LOST;
    cr_assert_eq(sliding_window_switch_naive.acquire(window, "p", "request-1"), RATE_ADMITTED);
    cr_assert_eq(cardinality(), 2);
    sliding_window_switch_naive.close(window);
}

Test(sliding_window_switch, fixed_charges_once_whatever_is_lost_and_whoever_falls_back)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        for (loss = NOTHING_LOST; loss <= REPLY_LOST; loss++) {
            struct sliding_window_switch *window =
                open_switch(&sliding_window_switch_fixed, sliding_window_variants[i], 1);
            redis_fixture_do(observer, "FLUSHALL");
            rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
            /* At the limit of one, so a second charge would be refused. */
            cr_assert_eq(sliding_window_switch_fixed.acquire(window, "p", NULL), RATE_ADMITTED,
                         "%s, loss %d", sliding_window_variants[i]->name, (int)loss);
            cr_assert_eq(cardinality(), 1);
            sliding_window_switch_fixed.close(window);
        }
    }
}

Test(sliding_window_switch, fixed_keeps_the_callers_id)
{
    struct sliding_window_switch *window =
        open_switch(&sliding_window_switch_fixed, &sliding_window_fixed, 5);
    rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
    for (loss = NOTHING_LOST; loss <= REPLY_LOST; loss++) {
        cr_assert_eq(sliding_window_switch_fixed.acquire(window, "p", "request-1"), RATE_ADMITTED);
    }
    cr_assert_eq(cardinality(), 1);
    sliding_window_switch_fixed.close(window);
}

Test(sliding_window_switch, fixed_does_not_take_an_expired_request_for_a_charge)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        struct sliding_window_switch *window =
            open_switch(&sliding_window_switch_fixed, sliding_window_variants[i], 1);
        rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
        loss = REQUEST_LOST;
        redis_fixture_do(observer, "FLUSHALL");
        redis_fixture_do(observer, "ZADD window:p %f request-1 %f other",
                         redis_fixture_time(observer) - 61, redis_fixture_time(observer));
        cr_assert_eq(sliding_window_switch_fixed.acquire(window, "p", "request-1"), RATE_REFUSED,
                     "%s: two in one window", sliding_window_variants[i]->name);
        redis_fixture_do(observer, "FLUSHALL");
        redis_fixture_do(observer, "ZADD window:p %f request-1", redis_fixture_time(observer) - 61);
        cr_assert_eq(sliding_window_switch_fixed.acquire(window, "p", "request-1"), RATE_ADMITTED);
        cr_assert_gt(redis_fixture_number(observer, "ZSCORE window:p request-1"),
                     redis_fixture_time(observer) - 60, "%s: charged",
                     sliding_window_variants[i]->name);
        sliding_window_switch_fixed.close(window);
    }
}

Test(sliding_window_switch, fixed_rolls_back_and_says_what_went_wrong)
{
    struct sliding_window_switch *window =
        open_switch(&sliding_window_switch_fixed, &sliding_window_fixed, 5);
    rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
    loss = REQUEST_LOST;
    cr_assert_eq(sliding_window_switch_fixed.acquire(window, "p", NULL), RATE_ADMITTED);
    cr_assert_str_eq(sliding_window_switch_fixed.last_error(window), "");
    redis_fixture_do(observer, "CLIENT KILL TYPE normal SKIPME yes");
    cr_assert_eq(sliding_window_switch_fixed.acquire(window, "p", NULL), RATE_ERROR);
    cr_assert_not_null(strstr(sliding_window_switch_fixed.last_error(window), "falling back: "));
    cr_assert_eq(sliding_window_switch_fixed.acquire(window, "p", NULL), RATE_ERROR);
    cr_assert_eq(rollout_fixed.state(flag).share, 0, "three errors");
    sliding_window_switch_fixed.close(window);
}

Test(sliding_window_switch, fixed_wants_two_connections_and_limits_that_make_sense)
{
    char error[128] = "";
    struct sliding_window_switch_options options = {
        .arms = {&sliding_window_fixed, &sliding_window_fixed},
        .redis = {connections[0], connections[0]},
        .flags = &rollout_fixed,
        .flag = flag};
    const struct rate_limits limits = {.rpm = 1, .window_s = 60};
    cr_assert_null(sliding_window_switch_fixed.open(&options, &limits, error, sizeof error));
    cr_assert_not_null(strstr(error, "connection"), "%s", error);
    const struct rate_limits nonsense = {.rpm = 1, .window_s = -1};
    options.arms[0] = options.arms[1] = &sliding_window_naive;
    options.redis[1] = connections[1];
    cr_assert_null(sliding_window_switch_fixed.open(&options, &nonsense, error, sizeof error));
    cr_assert_not_null(strstr(error, "window_s"), "%s", error);
}
