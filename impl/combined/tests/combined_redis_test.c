// SPDX-License-Identifier: MIT

/* The variants on Redis, against a server of the test's own. */

#include "../../tests/redis_fixture.h"
#include "../combined.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct redis_fixture server;
static redisContext *redis;

static void start(void)
{
    signal(SIGPIPE, SIG_IGN); /* hiredis 0.14 */
    redis_fixture_start(&server);
    redis = redis_fixture_connect(&server);
}

static void stop(void)
{
    redisFree(redis);
    redis_fixture_stop(&server);
}

TestSuite(combined_redis, .init = start, .fini = stop, .timeout = 60);

static const struct timespec long_ago = {.tv_sec = 0};

static const struct combined_variant *const on_redis[] = {
    &combined_redis_naive, &combined_redis_proposed, &combined_redis_fixed};
enum { ON_REDIS = sizeof on_redis / sizeof on_redis[0] };

static struct combined *open_limiter(const struct combined_variant *variant, long long rpm,
                                     double window_s, double burst, long long slots)
{
    const struct combined_provider provider = {
        .name = "p",
        .window = {.rpm = rpm, .window_s = window_s},
        .bucket = {.capacity = burst, .rate_per_s = (double)rpm / window_s},
    };
    const struct combined_options options = {&provider, 1, slots};
    char error[200] = "";
    struct combined *limiter = variant->open(&options, error, sizeof error);
    cr_assert_not_null(limiter, "%s: %s", variant->name, error);
    return limiter;
}

static enum rate_decision acquire(const struct combined_variant *variant, struct combined *limiter,
                                  const char *id, struct combined_permit *permit)
{
    const struct combined_request request = {
        .provider = "p", .deadline = &long_ago, .redis = redis, .id = id};
    *permit = (struct combined_permit){0};
    return variant->acquire(limiter, &request, permit);
}

static struct combined_snapshot look(const struct combined_variant *variant,
                                     struct combined *limiter)
{
    struct combined_snapshot snapshot;
    cr_assert(variant->inspect(limiter, "p", redis, &snapshot), "%s", variant->name);
    return snapshot;
}

/* Little has flowed into the bucket since. */
static void assert_tokens(const struct combined_variant *variant, struct combined *limiter,
                          double tokens)
{
    const double held = look(variant, limiter).tokens;
    cr_assert(held >= tokens && held < tokens + 0.5, "%s: %g, not %g", variant->name, held, tokens);
}

Test(combined_redis, every_variant_admits_up_to_each_limit)
{
    for (size_t i = 0; i < ON_REDIS; i++) {
        const struct combined_variant *variant = on_redis[i];
        struct combined_permit permits[3];

        redis_fixture_do(redis, "FLUSHALL");
        struct combined *limiter = open_limiter(variant, 2, 60, 9, 9);
        struct combined *other = open_limiter(variant, 2, 60, 9, 9);
        cr_assert_eq(acquire(variant, limiter, NULL, &permits[0]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, other, NULL, &permits[1]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, NULL, &permits[2]), RATE_REFUSED, "the window");
        cr_assert_eq(look(variant, other).window, 2, "is shared");
        cr_assert_eq(look(variant, other).slots.active, 1, "are not");
        assert_tokens(variant, limiter, 7);
        variant->close(other);
        variant->close(limiter);

        redis_fixture_do(redis, "FLUSHALL");
        limiter = open_limiter(variant, 9, 60, 1, 9);
        cr_assert_eq(acquire(variant, limiter, NULL, &permits[0]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, NULL, &permits[1]), RATE_REFUSED, "the bucket");
        cr_assert_eq(look(variant, limiter).window, variant == &combined_redis_proposed ? 2 : 1);
        variant->close(limiter);

        redis_fixture_do(redis, "FLUSHALL");
        limiter = open_limiter(variant, 9, 60, 9, 1);
        cr_assert_eq(acquire(variant, limiter, NULL, &permits[0]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, NULL, &permits[1]), RATE_REFUSED, "the slots");
        cr_assert_eq(look(variant, limiter).window, variant == &combined_redis_fixed ? 1 : 2);
        variant->release(limiter, &permits[0], COMBINED_DONE);
        cr_assert_eq(acquire(variant, limiter, NULL, &permits[1]), RATE_ADMITTED);
        variant->close(limiter);
    }
}

Test(combined_redis, every_variant_waits_for_a_token_until_the_deadline)
{
    for (size_t i = 0; i < ON_REDIS; i++) {
        const struct combined_variant *variant = on_redis[i];
        struct combined_permit permit = {0};
        struct timespec deadline;
        redis_fixture_do(redis, "FLUSHALL");
        struct combined *limiter = open_limiter(variant, 20, 1, 1, 9);
        const struct combined_request patient = {
            .provider = "p", .deadline = &deadline, .redis = redis};
        cr_assert_eq(acquire(variant, limiter, NULL, &permit), RATE_ADMITTED);
        clock_gettime(CLOCK_MONOTONIC, &deadline);
        deadline.tv_sec += 10;
        cr_assert_eq(variant->acquire(limiter, &patient, &permit), RATE_ADMITTED, "%s",
                     variant->name);
        const struct combined_request for_ever = {.provider = "p", .redis = redis};
        cr_assert_eq(variant->acquire(limiter, &for_ever, &permit), RATE_ADMITTED);
        variant->close(limiter);
    }
}

Test(combined_redis, fixed_sends_its_text_once)
{
    struct combined *limiter = open_limiter(&combined_redis_fixed, 100, 60, 100, 100);
    struct combined_permit permit;
    redis_fixture_do(redis, "CONFIG RESETSTAT");
    for (int n = 0; n < 10; n++) {
        cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ADMITTED);
        combined_redis_fixed.release(limiter, &permit, COMBINED_NOT_SENT);
    }
    redisReply *reply = redisCommand(redis, "INFO commandstats");
    cr_assert_not_null(reply);
    cr_assert_not_null(strstr(reply->str, "cmdstat_eval:calls=2,"),
                       "the SHA1s in redis_fixed.c are not those of its scripts: %s", reply->str);
    freeReplyObject(reply);
    redis_fixture_do(redis, "SCRIPT FLUSH");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ADMITTED);
    combined_redis_fixed.close(limiter);
}

Test(combined_redis, fixed_gives_everything_back_and_the_keys_say_nothing_then)
{
    struct combined *limiter = open_limiter(&combined_redis_fixed, 2, 60, 2, 1);
    struct combined_permit permit;
    for (int n = 0; n < 5; n++) {
        cr_assert_eq(acquire(&combined_redis_fixed, limiter, n % 2 == 0 ? "id" : NULL, &permit),
                     RATE_ADMITTED);
        combined_redis_fixed.release(limiter, &permit, COMBINED_NOT_SENT);
        combined_redis_fixed.release(limiter, &permit, COMBINED_NOT_SENT);
        cr_assert_eq(look(&combined_redis_fixed, limiter).window, 0);
        cr_assert_eq(look(&combined_redis_fixed, limiter).slots.active, 0);
    }
    cr_assert_eq(redis_fixture_number(redis, "EXISTS window:p"), 0);
    cr_assert_leq(redis_fixture_number(redis, "PTTL bucket:p"), 50);
    cr_assert_eq(look(&combined_redis_fixed, limiter).tokens, 2);
    combined_redis_fixed.close(limiter);
}

Test(combined_redis, fixed_knows_a_request_again_by_its_id)
{
    struct combined *limiter = open_limiter(&combined_redis_fixed, 2, 60, 2, 9);
    struct combined_permit first;
    struct combined_permit again;
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, "id", &first), RATE_ADMITTED);
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, "id", &again), RATE_ADMITTED);
    cr_assert_eq(look(&combined_redis_fixed, limiter).window, 1);
    assert_tokens(&combined_redis_fixed, limiter, 1);
    combined_redis_fixed.release(limiter, &first, COMBINED_NOT_SENT);
    combined_redis_fixed.release(limiter, &again, COMBINED_NOT_SENT);
    cr_assert_eq(look(&combined_redis_fixed, limiter).window, 0);
    cr_assert_eq(look(&combined_redis_fixed, limiter).tokens, 2, "a token once, not twice");
    combined_redis_fixed.close(limiter);
}

static void sleep_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

Test(combined_redis, fixed_returns_the_token_of_a_request_whose_window_has_passed)
{
    const struct combined_provider provider = {
        .name = "p", .window = {9, 0.05}, .bucket = {.capacity = 5}};
    const struct combined_options options = {&provider, 1, 9};
    const struct combined_variant *variant = &combined_redis_fixed;
    char error[200] = "";
    struct combined_permit late;
    struct combined_permit again;

    struct combined *limiter = variant->open(&options, error, sizeof error);
    cr_assert_not_null(limiter, "%s", error);
    cr_assert_eq(acquire(variant, limiter, NULL, &late), RATE_ADMITTED);
    sleep_ms(60);
    variant->release(limiter, &late, COMBINED_NOT_SENT);
    variant->release(limiter, &late, COMBINED_NOT_SENT);
    cr_assert_eq(look(variant, limiter).tokens, 5, "once, not twice");

    cr_assert_eq(acquire(variant, limiter, "id", &late), RATE_ADMITTED);
    sleep_ms(60);
    cr_assert_eq(acquire(variant, limiter, "id", &again), RATE_ADMITTED);
    variant->release(limiter, &late, COMBINED_NOT_SENT);
    cr_assert_eq(look(variant, limiter).tokens, 4, "the other one is still charged");
    variant->release(limiter, &again, COMBINED_NOT_SENT);
    cr_assert_eq(look(variant, limiter).tokens, 5);
    variant->close(limiter);
}

Test(combined_redis, a_slow_bucket_is_forgotten_by_the_original_and_not_by_fixed)
{
    for (size_t i = 0; i < ON_REDIS; i++) {
        const struct combined_variant *variant = on_redis[i];
        struct combined_permit permit;
        redis_fixture_do(redis, "FLUSHALL");
        struct combined *limiter = open_limiter(variant, 2, 7200, 1, 9); /* a token an hour */
        cr_assert_eq(acquire(variant, limiter, NULL, &permit), RATE_ADMITTED);
        const double ttl_s = redis_fixture_number(redis, "PTTL bucket:p") / 1000;
        if (variant == &combined_redis_fixed) {
            cr_assert(ttl_s > 3599 && ttl_s < 3601, "%g", ttl_s);
        } else {
            cr_assert_leq(ttl_s, 300, "%s", variant->name);
        }
        variant->close(limiter);
    }
}

Test(combined_redis, fixed_prolongs_a_bucket_of_the_original_when_it_refuses)
{
    for (int full_window = 0; full_window < 2; full_window++) {
        const long long rpm = full_window ? 1 : 2;
        const double window_s = full_window ? 3600 : 7200; /* a token an hour */
        struct combined_permit permit;
        redis_fixture_do(redis, "FLUSHALL");
        struct combined *original = open_limiter(&combined_redis_proposed, rpm, window_s, 1, 9);
        struct combined *limiter = open_limiter(&combined_redis_fixed, rpm, window_s, 1, 9);
        cr_assert_eq(acquire(&combined_redis_proposed, original, NULL, &permit), RATE_ADMITTED);
        cr_assert_leq(redis_fixture_number(redis, "PTTL bucket:p"), 300000);
        cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_REFUSED);
        const double ttl_ms = redis_fixture_number(redis, "PTTL bucket:p");
        cr_assert(ttl_ms > 3590000 && ttl_ms <= 3600001, "%g", ttl_ms);
        combined_redis_fixed.close(limiter);
        combined_redis_proposed.close(original);
    }
}

Test(combined_redis, fixed_prolongs_a_bucket_that_was_refilled_in_the_future)
{
    struct combined *limiter = open_limiter(&combined_redis_fixed, 9, 9, 5, 9); /* full in 5 s */
    struct combined_permit permit;
    const double now_s = redis_fixture_time(redis);
    redis_fixture_do(redis, "HSET bucket:p tokens 0 last_refill %f", now_s + 3600);
    redis_fixture_do(redis, "PEXPIRE bucket:p 60000");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_REFUSED);
    const double ttl_ms = redis_fixture_number(redis, "PTTL bucket:p");
    cr_assert(ttl_ms > 3590000 && ttl_ms <= 3605001, "%g", ttl_ms);
    combined_redis_fixed.close(limiter);
}

Test(combined_redis, fixed_keeps_a_window_for_as_long_as_a_request_from_the_future_counts)
{
    struct combined *limiter = open_limiter(&combined_redis_fixed, 9, 60, 9, 9);
    struct combined_permit permit;
    redis_fixture_do(redis, "ZADD window:p %f future", redis_fixture_time(redis) + 1000);
    redis_fixture_do(redis, "PEXPIRE window:p 1060000");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ADMITTED);
    const double ttl_ms = redis_fixture_number(redis, "PTTL window:p");
    cr_assert(ttl_ms > 1050000 && ttl_ms <= 1060001, "%g", ttl_ms);
    redis_fixture_do(redis, "ZADD window:p inf never");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ADMITTED);
    combined_redis_fixed.close(limiter);
}

Test(combined_redis, fixed_survives_what_it_finds)
{
    struct combined *limiter = open_limiter(&combined_redis_fixed, 5, 60, 5, 9);
    struct combined_permit permit;

    redis_fixture_do(redis, "SET bucket:p text");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ERROR);
    cr_assert_eq(redis_fixture_number(redis, "EXISTS window:p"), 0, "nothing is charged");
    redis_fixture_do(redis, "DEL bucket:p");
    redis_fixture_do(redis, "SET window:p text");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ERROR);
    cr_assert_eq(redis_fixture_number(redis, "EXISTS bucket:p"), 0, "nothing is charged");
    redis_fixture_do(redis, "DEL window:p");

    redis_fixture_do(redis, "HSET bucket:p tokens text last_refill text");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ERROR);
    cr_assert_eq(redis_fixture_number(redis, "EXISTS window:p"), 0, "nothing is charged");

    redis_fixture_do(redis, "HSET bucket:p tokens 1e6 last_refill 1");
    assert_tokens(&combined_redis_fixed, limiter, 5);
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ADMITTED);
    assert_tokens(&combined_redis_fixed, limiter, 4);
    redis_fixture_do(redis, "HSET bucket:p tokens 1 last_refill 8999999999");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_ADMITTED);
    assert_tokens(&combined_redis_fixed, limiter, 0);
    cr_assert_eq(redis_fixture_number(redis, "HGET bucket:p last_refill"), 8999999999,
                 "what was paid out in advance is not paid again");
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, NULL, &permit), RATE_REFUSED);
    combined_redis_fixed.close(limiter);
}

Test(combined_redis, without_a_connection_or_with_a_broken_one_nobody_is_admitted)
{
    char long_id[COMBINED_ID_SIZE + 1];
    memset(long_id, 'x', COMBINED_ID_SIZE);
    long_id[COMBINED_ID_SIZE] = '\0';
    for (size_t i = 0; i < ON_REDIS; i++) {
        const struct combined_variant *variant = on_redis[i];
        struct combined *limiter = open_limiter(variant, 5, 60, 5, 9);
        struct combined_permit permit = {0};
        const struct combined_request nowhere = {.provider = "p", .deadline = &long_ago};
        const struct combined_request unknown = {
            .provider = "q", .deadline = &long_ago, .redis = redis};
        cr_assert_eq(variant->acquire(limiter, &nowhere, &permit), RATE_ERROR);
        cr_assert_eq(variant->acquire(limiter, &unknown, &permit), RATE_ERROR);

        redisContext *broken = redis_fixture_connect(&server);
        redisReply *reply = redisCommand(broken, "QUIT");
        freeReplyObject(reply);
        const struct combined_request cut = {
            .provider = "p", .deadline = &long_ago, .redis = broken};
        cr_assert_eq(variant->acquire(limiter, &cut, &permit), RATE_ERROR, "%s", variant->name);
        redisFree(broken);
        variant->release(limiter, &permit, COMBINED_NOT_SENT);
        cr_assert_eq(look(variant, limiter).slots.active, 0);
        variant->close(limiter);
    }
    struct combined *limiter = open_limiter(&combined_redis_fixed, 5, 60, 5, 9);
    struct combined_permit permit;
    cr_assert_eq(acquire(&combined_redis_fixed, limiter, long_id, &permit), RATE_ERROR);
    combined_redis_fixed.close(limiter);
}

Test(combined_redis, changed_limits_hold_from_then_on)
{
    const struct combined_provider less = {
        .name = "p", .window = {2, 60}, .bucket = {.capacity = 9, .rate_per_s = 1}};
    const struct combined_provider nonsense = {
        .name = "p", .window = {2, 60}, .bucket = {.capacity = 0, .rate_per_s = 1}};
    char error[200] = "";
    for (size_t i = 0; i < ON_REDIS; i++) {
        const struct combined_variant *variant = on_redis[i];
        struct combined_permit permit;
        redis_fixture_do(redis, "FLUSHALL");
        struct combined *limiter = open_limiter(variant, 3, 60, 9, 9);
        cr_assert_eq(acquire(variant, limiter, NULL, &permit), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, NULL, &permit), RATE_ADMITTED);
        cr_assert(variant->reconfigure(limiter, &less, error, sizeof error));
        cr_assert_eq(acquire(variant, limiter, NULL, &permit), RATE_REFUSED, "%s", variant->name);
        cr_assert_eq(variant->reconfigure(limiter, &nonsense, error, sizeof error),
                     variant != &combined_redis_fixed);
        variant->close(limiter);
    }
    cr_assert_str_eq(error, "capacity is 0, must be from 1 to 1e+06 tokens");
}
