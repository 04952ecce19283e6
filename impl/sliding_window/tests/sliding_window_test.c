// SPDX-License-Identifier: MIT

/* What each variant does when one client at a time talks to a real server: what all have in
 * common, what the proposed ones get wrong without any concurrency, what the fixed one promises.
 * The exact boundary of `naive` is in boundary_test.c. */

#include "../../request_id.h"
#include "../../tests/redis_fixture.h"
#include "../sliding_window.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct redis_fixture server;
static redisContext *redis;
static redisContext *observer; /* a second connection, to look and to meddle with */

static void start(void)
{
    signal(SIGPIPE, SIG_IGN); /* hiredis writes to connections that were cut */
    redis_fixture_start(&server);
    redis = redis_fixture_connect(&server);
    observer = redis_fixture_connect(&server);
}

static void stop(void)
{
    redisFree(redis);
    redisFree(observer);
    redis_fixture_stop(&server);
}

TestSuite(sliding_window, .init = start, .fini = stop, .timeout = 60);

static struct sliding_window *open_window(const struct sliding_window_variant *variant,
                                          long long rpm, double window_s)
{
    char error[128] = "";
    struct rate_limits limits = {.rpm = rpm, .window_s = window_s};
    struct sliding_window *window = variant->open(&limits, redis, error, sizeof error);
    cr_assert_not_null(window, "%s: %s", variant->name, error);
    return window;
}

static long long count_of(const struct sliding_window_variant *variant,
                          struct sliding_window *window, const char *provider)
{
    long long count = -1;
    cr_assert(variant->count(window, provider, &count), "%s: %s", variant->name,
              variant->last_error(window));
    return count;
}

static double cardinality(const char *provider)
{
    return redis_fixture_number(observer, "ZCARD window:%s", provider);
}

static double ttl_ms(const char *provider)
{
    return redis_fixture_number(observer, "PTTL window:%s", provider);
}

#define TTL_NONE (-1.0)
#define TTL_NO_KEY (-2.0)

static double calls_of(const char *command)
{
    char field[64];
    redisReply *reply = redisCommand(observer, "INFO commandstats");
    cr_assert_not_null(reply);
    snprintf(field, sizeof field, "cmdstat_%s:calls=", command);
    const char *found = strstr(reply->str, field);
    double calls = found != NULL ? strtod(found + strlen(field), NULL) : 0;
    freeReplyObject(reply);
    return calls;
}

/* ---- All variants ---- */

Test(sliding_window, registry_finds_every_variant)
{
    cr_assert_eq(sliding_window_variants_count, 5);
    cr_assert_eq(sliding_window_variants[0], &sliding_window_naive);
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        cr_assert_eq(sliding_window_find(variant->name), variant);
        variant->close(NULL);
    }
    cr_assert_eq(sliding_window_find("proposed-pipeline-literal"),
                 &sliding_window_proposed_literal);
    cr_assert_null(sliding_window_find("no-such-variant"));
    cr_assert_null(sliding_window_find(""));
}

Test(sliding_window, every_variant_admits_the_limit_and_refuses_the_next)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        struct sliding_window *window = open_window(variant, 3, 60);
        for (int n = 0; n < 3; n++) {
            cr_assert_eq(count_of(variant, window, variant->name), n, "%s", variant->name);
            cr_assert_eq(variant->check(window, variant->name), RATE_ADMITTED, "%s", variant->name);
            cr_assert_eq(variant->acquire(window, variant->name, NULL), RATE_ADMITTED, "%s: %s",
                         variant->name, variant->last_error(window));
        }
        cr_assert_eq(variant->check(window, variant->name), RATE_REFUSED, "%s", variant->name);
        cr_assert_eq(variant->acquire(window, variant->name, NULL), RATE_REFUSED, "%s",
                     variant->name);
        cr_assert_str_empty(variant->last_error(window), "%s", variant->name);
        cr_assert_eq(variant->acquire(window, "another provider", NULL), RATE_ADMITTED, "%s",
                     variant->name);
        variant->close(window);
        redis_fixture_do(observer, "FLUSHALL");
    }
}

Test(sliding_window, every_variant_admits_again_when_the_window_has_passed)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        struct sliding_window *window = open_window(variant, 1, 60);
        redis_fixture_do(observer, "ZADD window:p %.6f old", redis_fixture_time(observer) - 60.001);
        cr_assert_eq(count_of(variant, window, "p"), 0, "%s", variant->name);
        cr_assert_eq(variant->acquire(window, "p", NULL), RATE_ADMITTED, "%s", variant->name);
        cr_assert_eq(cardinality("p"), 1, "%s", variant->name);
        variant->close(window);
        redis_fixture_do(observer, "FLUSHALL");
    }
}

Test(sliding_window, every_variant_counts_an_entry_put_by_hand_just_inside_the_window)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        struct sliding_window *window = open_window(variant, 1, 60);
        redis_fixture_do(observer, "ZADD window:p %.6f old", redis_fixture_time(observer) - 50);
        cr_assert_eq(count_of(variant, window, "p"), 1, "%s", variant->name);
        cr_assert_eq(variant->acquire(window, "p", NULL), RATE_REFUSED, "%s", variant->name);
        variant->close(window);
        redis_fixture_do(observer, "FLUSHALL");
    }
}

Test(sliding_window, every_variant_sets_a_time_to_live)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        struct sliding_window *window = open_window(variant, 1, 60);
        cr_assert_eq(variant->acquire(window, "p", NULL), RATE_ADMITTED, "%s", variant->name);
        cr_assert_gt(ttl_ms("p"), 55000, "%s", variant->name);
        cr_assert_leq(ttl_ms("p"), 60000, "%s", variant->name);
        variant->close(window);
        redis_fixture_do(observer, "FLUSHALL");
    }
}

Test(sliding_window, a_key_lives_as_long_as_an_entry_from_the_future_counts)
{
    static const struct sliding_window_variant *const careful[] = {&sliding_window_watch,
                                                                   &sliding_window_fixed};
    for (size_t i = 0; i < sizeof careful / sizeof careful[0]; i++) {
        const struct sliding_window_variant *variant = careful[i];
        struct sliding_window *window = open_window(variant, 3, 60);
        redis_fixture_do(observer, "ZADD window:%s %f future", variant->name,
                         redis_fixture_time(observer) + 1000);
        redis_fixture_do(observer, "PEXPIRE window:%s 1060000", variant->name);
        cr_assert_eq(variant->acquire(window, variant->name, NULL), RATE_ADMITTED);
        const double future_ms = ttl_ms(variant->name);
        cr_assert(future_ms > 1050000 && future_ms <= 1060001, "%s: %g", variant->name, future_ms);
        redis_fixture_do(observer, "ZADD window:%s inf never", variant->name);
        cr_assert_eq(variant->acquire(window, variant->name, NULL), RATE_REFUSED);
        redis_fixture_do(observer, "ZREM window:%s future", variant->name);
        cr_assert_eq(variant->acquire(window, variant->name, NULL), RATE_ADMITTED, "%s: %s",
                     variant->name, variant->last_error(window));
        cr_assert(ttl_ms(variant->name) > 1060000, "%s", variant->name);
        variant->close(window);
    }
}

Test(sliding_window, variants_share_one_key)
{
    long long n = 0;
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        struct sliding_window *window = open_window(variant, 100, 60);
        cr_assert_eq(variant->acquire(window, "p", NULL), RATE_ADMITTED, "%s", variant->name);
        cr_assert_eq(count_of(variant, window, "p"), ++n, "%s", variant->name);
        variant->close(window);
    }
}

Test(sliding_window, a_dead_connection_is_an_error_and_reconnecting_helps)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        struct sliding_window *window = open_window(variant, 100, 60);
        cr_assert_eq(variant->acquire(window, "p", NULL), RATE_ADMITTED, "%s", variant->name);
        redis_fixture_do(observer, "CLIENT KILL TYPE normal SKIPME yes");

        long long count = -1;
        /* The pipeline swallows the failure: that is what the proposal wrote. */
        cr_assert_eq(variant->acquire(window, "p", NULL),
                     variant == &sliding_window_proposed_pipeline ? RATE_REFUSED : RATE_ERROR, "%s",
                     variant->name);
        cr_assert_str_not_empty(variant->last_error(window), "%s", variant->name);
        cr_assert_not(variant->count(window, "p", &count), "%s", variant->name);
        cr_assert_eq(count, -1, "%s", variant->name);
        cr_assert_eq(variant->check(window, "p"), RATE_ERROR, "%s", variant->name);

        cr_assert_eq(redisReconnect(redis), REDIS_OK);
        cr_assert_eq(variant->acquire(window, "p", NULL), RATE_ADMITTED, "%s", variant->name);
        cr_assert_str_empty(variant->last_error(window), "%s", variant->name);
        variant->close(window);
        redis_fixture_do(observer, "FLUSHALL");
    }
}

Test(sliding_window, a_key_of_another_type_is_an_error)
{
    redis_fixture_do(observer, "SET window:p text");
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        struct sliding_window *window = open_window(variant, 100, 60);
        cr_assert_eq(variant->acquire(window, "p", NULL),
                     variant == &sliding_window_proposed_pipeline ? RATE_REFUSED : RATE_ERROR, "%s",
                     variant->name);
        cr_assert_not_null(strstr(variant->last_error(window), "WRONGTYPE"), "%s: %s",
                           variant->name, variant->last_error(window));
        cr_assert_eq(variant->check(window, "p"), RATE_ERROR, "%s", variant->name);
        /* The connection is still in step with its replies. */
        cr_assert_eq(variant->acquire(window, "q", NULL), RATE_ADMITTED, "%s", variant->name);
        variant->close(window);
    }
}

Test(sliding_window, only_naive_has_a_separate_charge)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        const struct sliding_window_variant *variant = sliding_window_variants[i];
        cr_assert_eq(variant->add != NULL, variant == &sliding_window_naive, "%s", variant->name);
    }
}

/* ---- naive ---- */

Test(sliding_window, naive_charges_after_the_check_whatever_happened_between)
{
    const struct sliding_window_variant *naive = &sliding_window_naive;
    struct sliding_window *first = open_window(naive, 1, 60);
    struct sliding_window *second = open_window(naive, 1, 60);
    cr_assert_eq(naive->check(first, "p"), RATE_ADMITTED);
    cr_assert_eq(naive->check(second, "p"), RATE_ADMITTED);
    cr_assert_eq(naive->add(first, "p", NULL), RATE_ADMITTED);
    cr_assert_eq(naive->add(second, "p", NULL), RATE_ADMITTED);
    cr_assert_eq(cardinality("p"), 2);
    naive->close(first);
    naive->close(second);
}

Test(sliding_window, naive_charges_in_three_commands)
{
    const struct sliding_window_variant *naive = &sliding_window_naive;
    struct sliding_window *window = open_window(naive, 1, 60);
    cr_assert_eq(naive->acquire(window, "p", "id"), RATE_ADMITTED);
    cr_assert_eq(calls_of("zcount"), 1);
    cr_assert_eq(calls_of("zadd"), 1);
    cr_assert_eq(calls_of("zremrangebyscore"), 1);
    cr_assert_eq(calls_of("expire"), 1);
    cr_assert_eq(redis_fixture_number(observer, "ZREM window:p id"), 1);
    naive->close(window);
}

Test(sliding_window, naive_with_a_fractional_window_charges_and_reports_an_error)
{
    const struct sliding_window_variant *naive = &sliding_window_naive;
    struct sliding_window *window = open_window(naive, 2, 1.5);
    cr_assert_eq(naive->acquire(window, "p", NULL), RATE_ERROR);
    cr_assert_eq(cardinality("p"), 1);
    cr_assert_eq(ttl_ms("p"), TTL_NONE);
    naive->close(window);
}

/* ---- proposed-lua ---- */

Test(sliding_window, proposed_lua_loads_its_script_on_every_request)
{
    const struct sliding_window_variant *lua = &sliding_window_proposed_lua;
    struct sliding_window *window = open_window(lua, 100, 60);
    for (int n = 1; n <= 3; n++) {
        cr_assert_eq(lua->acquire(window, "p", NULL), RATE_ADMITTED);
        cr_assert_eq(calls_of("script|load"), n);
        cr_assert_eq(calls_of("evalsha"), n);
    }
    lua->close(window);
}

Test(sliding_window, proposed_lua_script_is_the_proposals_byte_for_byte)
{
    const struct sliding_window_variant *lua = &sliding_window_proposed_lua;
    struct sliding_window *window = open_window(lua, 100, 60);
    cr_assert_eq(lua->acquire(window, "p", NULL), RATE_ADMITTED);
    /* sha1sum of `lua_code` as the document has it */
    redisReply *reply =
        redisCommand(observer, "SCRIPT EXISTS %s", "7809003ce3e1598f0a9cc5c9f3bb05687fbb32c0");
    cr_assert_not_null(reply);
    cr_assert_eq(reply->elements, 1);
    cr_assert_eq(reply->element[0]->integer, 1);
    freeReplyObject(reply);
    lua->close(window);
}

Test(sliding_window, proposed_lua_with_a_fractional_window_charges_reports_an_error_sets_no_ttl)
{
    const struct sliding_window_variant *lua = &sliding_window_proposed_lua;
    struct sliding_window *window = open_window(lua, 2, 1.5);
    cr_assert_eq(lua->acquire(window, "p", NULL), RATE_ERROR);
    cr_assert_not_null(strstr(lua->last_error(window), "not an integer"), "%s",
                       lua->last_error(window));
    cr_assert_eq(cardinality("p"), 1);
    cr_assert_eq(ttl_ms("p"), TTL_NONE);
    cr_assert_eq(lua->acquire(window, "p", NULL), RATE_ERROR);
    cr_assert_eq(lua->acquire(window, "p", NULL), RATE_REFUSED);
    lua->close(window);
}

Test(sliding_window, proposed_lua_with_a_window_of_zero_or_less_limits_nothing)
{
    const struct sliding_window_variant *lua = &sliding_window_proposed_lua;
    const double windows[] = {0, -60};
    for (size_t i = 0; i < 2; i++) {
        struct sliding_window *window = open_window(lua, 1, windows[i]);
        for (int n = 0; n < 5; n++) {
            cr_assert_eq(lua->acquire(window, "p", NULL), RATE_ADMITTED);
            cr_assert_eq(ttl_ms("p"), TTL_NO_KEY);
        }
        lua->close(window);
    }
}

Test(sliding_window, proposed_lua_does_not_limit_ids_that_collide)
{
    const struct sliding_window_variant *lua = &sliding_window_proposed_lua;
    struct sliding_window *window = open_window(lua, 2, 60);
    double before = 0;
    for (int n = 0; n < 5; n++) {
        cr_assert_eq(lua->acquire(window, "p", "same"), RATE_ADMITTED);
        double score = redis_fixture_number(observer, "ZSCORE window:p same");
        cr_assert_gt(score, before, "a repetition moves the score");
        before = score;
    }
    cr_assert_eq(cardinality("p"), 1);
    lua->close(window);
}

Test(sliding_window, proposed_lua_is_blocked_by_an_entry_from_the_future)
{
    const struct sliding_window_variant *lua = &sliding_window_proposed_lua;
    struct sliding_window *window = open_window(lua, 1, 60);
    redis_fixture_do(observer, "ZADD window:p %.6f fast-clock",
                     redis_fixture_time(observer) + 3600);
    cr_assert_eq(lua->acquire(window, "p", NULL), RATE_REFUSED);
    lua->close(window);
}

Test(sliding_window, proposed_lua_recovers_from_a_script_flush)
{
    const struct sliding_window_variant *lua = &sliding_window_proposed_lua;
    struct sliding_window *window = open_window(lua, 100, 60);
    cr_assert_eq(lua->acquire(window, "p", NULL), RATE_ADMITTED);
    redis_fixture_do(observer, "SCRIPT FLUSH");
    cr_assert_eq(lua->acquire(window, "p", NULL), RATE_ADMITTED);
    lua->close(window);
}

/* ---- proposed-pipeline ---- */

Test(sliding_window, proposed_pipeline_charges_what_it_refuses)
{
    const struct sliding_window_variant *pipeline = &sliding_window_proposed_pipeline;
    struct sliding_window *window = open_window(pipeline, 1, 60);
    cr_assert_eq(pipeline->acquire(window, "p", NULL), RATE_ADMITTED);
    for (int n = 2; n <= 5; n++) {
        cr_assert_eq(pipeline->acquire(window, "p", NULL), RATE_REFUSED);
        cr_assert_eq(cardinality("p"), n);
    }
    pipeline->close(window);
}

Test(sliding_window, proposed_pipeline_answers_a_fractional_window_with_refused)
{
    const struct sliding_window_variant *pipeline = &sliding_window_proposed_pipeline;
    struct sliding_window *window = open_window(pipeline, 2, 1.5);
    cr_assert_eq(pipeline->acquire(window, "p", NULL), RATE_REFUSED);
    cr_assert_not_null(strstr(pipeline->last_error(window), "not an integer"));
    cr_assert_eq(cardinality("p"), 1);
    cr_assert_eq(ttl_ms("p"), TTL_NONE);
    pipeline->close(window);
}

Test(sliding_window, proposed_pipeline_is_one_transaction)
{
    const struct sliding_window_variant *pipeline = &sliding_window_proposed_pipeline;
    struct sliding_window *window = open_window(pipeline, 2, 60);
    cr_assert_eq(pipeline->acquire(window, "p", NULL), RATE_ADMITTED);
    cr_assert_eq(calls_of("multi"), 1);
    cr_assert_eq(calls_of("exec"), 1);
    cr_assert_eq(calls_of("zcard"), 1);
    pipeline->close(window);
}

Test(sliding_window, proposed_pipeline_to_the_letter_charges_everybody_and_admits_nobody)
{
    const struct sliding_window_variant *literal = &sliding_window_proposed_literal;
    struct sliding_window *window = open_window(literal, 100, 60);
    for (int n = 1; n <= 3; n++) {
        cr_assert_eq(literal->acquire(window, "p", NULL), RATE_REFUSED);
        cr_assert_eq(cardinality("p"), n);
    }
    cr_assert_not_null(strstr(literal->last_error(window), "rpm_limit"));
    literal->close(window);
}

/* ---- watch ---- */

Test(sliding_window, watch_retry_under_the_same_id_is_admitted_and_charged_once)
{
    const struct sliding_window_variant *watch = &sliding_window_watch;
    struct sliding_window *window = open_window(watch, 1, 60);
    cr_assert_eq(watch->acquire(window, "p", "request-1"), RATE_ADMITTED);
    double score = redis_fixture_number(observer, "ZSCORE window:p request-1");
    cr_assert_eq(watch->acquire(window, "p", "request-1"), RATE_ADMITTED);
    cr_assert_eq(cardinality("p"), 1);
    cr_assert_eq(redis_fixture_number(observer, "ZSCORE window:p request-1"), score);
    cr_assert_eq(watch->acquire(window, "p", "request-2"), RATE_REFUSED);
    cr_assert_eq(cardinality("p"), 1, "a refused request is not charged");
    watch->close(window);
}

Test(sliding_window, watch_charges_again_when_the_id_has_expired)
{
    const struct sliding_window_variant *watch = &sliding_window_watch;
    struct sliding_window *window = open_window(watch, 1, 60);
    redis_fixture_do(observer, "ZADD window:p %.6f request-1", redis_fixture_time(observer) - 61);
    cr_assert_eq(watch->acquire(window, "p", "request-1"), RATE_ADMITTED);
    cr_assert_gt(redis_fixture_number(observer, "ZSCORE window:p request-1"),
                 redis_fixture_time(observer) - 30);
    watch->close(window);
}

Test(sliding_window, watch_without_an_id_charges_every_time)
{
    const struct sliding_window_variant *watch = &sliding_window_watch;
    struct sliding_window *window = open_window(watch, 1000, 60);
    for (int n = 1; n <= 200; n++) {
        cr_assert_eq(watch->acquire(window, "p", n % 2 == 0 ? NULL : ""), RATE_ADMITTED);
        cr_assert_eq(cardinality("p"), n);
    }
    watch->close(window);
}

Test(sliding_window, watch_leaves_nothing_watched_when_it_refuses)
{
    const struct sliding_window_variant *watch = &sliding_window_watch;
    struct sliding_window *window = open_window(watch, 1, 60);
    cr_assert_eq(watch->acquire(window, "p", NULL), RATE_ADMITTED);
    cr_assert_eq(watch->acquire(window, "p", NULL), RATE_REFUSED);
    redis_fixture_do(observer, "ZADD window:p 1 old");
    freeReplyObject(redisCommand(redis, "MULTI"));
    redisReply *exec = redisCommand(redis, "EXEC");
    cr_assert_eq(exec->type, REDIS_REPLY_ARRAY, "nothing aborts a transaction of the caller's");
    freeReplyObject(exec);
    watch->close(window);
}

Test(sliding_window, watch_leaves_nothing_watched_when_it_fails)
{
    const struct sliding_window_variant *watch = &sliding_window_watch;
    struct sliding_window *window = open_window(watch, 1, 60);
    redis_fixture_do(redis, "SET window:p no-set");
    cr_assert_eq(watch->acquire(window, "p", NULL), RATE_ERROR);
    cr_assert_not_null(strstr(watch->last_error(window), "WRONGTYPE"));
    redis_fixture_do(observer, "DEL window:p");
    redis_fixture_do(redis, "MULTI");
    redisReply *exec = redisCommand(redis, "EXEC");
    cr_assert_eq(exec->type, REDIS_REPLY_ARRAY, "nothing aborts a transaction of the caller's");
    freeReplyObject(exec);
    watch->close(window);
}

Test(sliding_window, watch_refuses_nonsense_configuration)
{
    char error[128] = "";
    struct rate_limits limits = {.rpm = 1, .window_s = 0};
    cr_assert_null(sliding_window_watch.open(&limits, redis, error, sizeof error));
    cr_assert_not_null(strstr(error, "window_s"), "%s", error);
}

/* ---- fixed ---- */

static void fixed_refuses_to_open(long long rpm, double window_s, const char *word)
{
    char error[128] = "";
    struct rate_limits limits = {.rpm = rpm, .window_s = window_s};
    cr_assert_null(sliding_window_fixed.open(&limits, redis, error, sizeof error));
    cr_assert_not_null(strstr(error, word), "\"%s\" does not say %s", error, word);
}

Test(sliding_window, fixed_refuses_nonsense_configuration)
{
    fixed_refuses_to_open(0, 60, "rpm");
    fixed_refuses_to_open(-1, 60, "rpm");
    fixed_refuses_to_open(1LL << 60, 60, "rpm");
    fixed_refuses_to_open(1, 0, "window_s");
    fixed_refuses_to_open(1, -60, "window_s");
    fixed_refuses_to_open(1, NAN, "window_s");
    fixed_refuses_to_open(1, INFINITY, "window_s");
    fixed_refuses_to_open(1, 1e18, "window_s");

    char error[128] = "";
    struct rate_limits limits = {.rpm = 1, .window_s = 60};
    cr_assert_null(sliding_window_fixed.open(&limits, NULL, error, sizeof error));
    cr_assert_str_eq(error, "no connection");
}

Test(sliding_window, fixed_takes_a_fractional_window)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 2, 30.0005);
    cr_assert_eq(fixed->acquire(window, "p", NULL), RATE_ADMITTED);
    cr_assert_gt(ttl_ms("p"), 25000);
    cr_assert_leq(ttl_ms("p"), 30001);
    fixed->close(window);
}

Test(sliding_window, fixed_retry_under_the_same_id_is_admitted_and_charged_once)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 1, 60);
    cr_assert_eq(fixed->acquire(window, "p", "request-1"), RATE_ADMITTED);
    double score = redis_fixture_number(observer, "ZSCORE window:p request-1");
    for (int n = 0; n < 3; n++) {
        cr_assert_eq(fixed->acquire(window, "p", "request-1"), RATE_ADMITTED);
    }
    cr_assert_eq(cardinality("p"), 1);
    cr_assert_eq(redis_fixture_number(observer, "ZSCORE window:p request-1"), score);
    cr_assert_eq(fixed->acquire(window, "p", "request-2"), RATE_REFUSED);
    cr_assert_eq(cardinality("p"), 1, "a refused request is not charged");
    fixed->close(window);
}

Test(sliding_window, fixed_charges_again_when_the_id_has_expired)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 1, 60);
    redis_fixture_do(observer, "ZADD window:p %.6f request-1", redis_fixture_time(observer) - 61);
    cr_assert_eq(fixed->acquire(window, "p", "request-1"), RATE_ADMITTED);
    cr_assert_gt(redis_fixture_number(observer, "ZSCORE window:p request-1"),
                 redis_fixture_time(observer) - 30);
    fixed->close(window);
}

Test(sliding_window, fixed_without_an_id_charges_every_time)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 1000, 60);
    for (int n = 1; n <= 200; n++) {
        /* "" is no id either */
        cr_assert_eq(fixed->acquire(window, "p", n % 2 == 0 ? NULL : ""), RATE_ADMITTED);
        cr_assert_eq(cardinality("p"), n);
    }
    fixed->close(window);
}

Test(sliding_window, fixed_scores_are_decimal_seconds_of_the_server)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 1, 60);
    double before = redis_fixture_time(observer);
    cr_assert_eq(fixed->acquire(window, "p", "id"), RATE_ADMITTED);
    double after = redis_fixture_time(observer);
    double score = redis_fixture_number(observer, "ZSCORE window:p id");
    cr_assert_geq(score, before);
    cr_assert_leq(score, after);
    double microseconds = score * 1e6;
    cr_assert_lt(fabs(microseconds - round(microseconds)), 0.3);
    fixed->close(window);
}

Test(sliding_window, fixed_loads_its_script_once)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 100, 60);
    for (int n = 0; n < 5; n++) {
        cr_assert_eq(fixed->acquire(window, "p", NULL), RATE_ADMITTED);
    }
    cr_assert_eq(calls_of("script|load"), 1);
    cr_assert_eq(calls_of("evalsha"), 5);
    fixed->close(window);
}

Test(sliding_window, fixed_recovers_from_a_script_flush)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 100, 60);
    cr_assert_eq(fixed->acquire(window, "p", "a"), RATE_ADMITTED);
    redis_fixture_do(observer, "SCRIPT FLUSH");
    cr_assert_eq(fixed->acquire(window, "p", "b"), RATE_ADMITTED);
    cr_assert_str_empty(fixed->last_error(window));
    cr_assert_eq(cardinality("p"), 2);
    redis_fixture_do(observer, "SCRIPT FLUSH");
    cr_assert_eq(count_of(fixed, window, "p"), 2);
    fixed->close(window);
}

Test(sliding_window, fixed_gives_up_when_it_may_not_run_scripts)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 100, 60);
    redis_fixture_do(observer, "ACL SETUSER default -evalsha");
    cr_assert_eq(fixed->acquire(window, "p", NULL), RATE_ERROR);
    cr_assert_not_null(strstr(fixed->last_error(window), "NOPERM"));
    cr_assert_eq(cardinality("p"), 0);
    redis_fixture_do(observer, "ACL SETUSER default +evalsha");
    cr_assert_eq(fixed->acquire(window, "p", NULL), RATE_ADMITTED);
    fixed->close(window);
}

Test(sliding_window, fixed_does_not_trust_its_callers_key)
{
    const struct sliding_window_variant *fixed = &sliding_window_fixed;
    struct sliding_window *window = open_window(fixed, 1, 60);
    cr_assert_eq(fixed->acquire(window, NULL, NULL), RATE_ERROR);
    cr_assert_str_eq(fixed->last_error(window), "no provider named");
    cr_assert_eq(fixed->acquire(window, "", NULL), RATE_ERROR);
    cr_assert_eq(fixed->acquire(window, "name with spaces %s", "id with spaces %d"), RATE_ADMITTED);
    cr_assert_eq(cardinality("name with spaces %s"), 1);
    fixed->close(window);
}
