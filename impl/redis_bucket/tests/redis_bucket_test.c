// SPDX-License-Identifier: MIT

/* What each variant does when one client at a time talks to a real server. Interleavings and long
 * times are in the scenarios. */

#include "../../tests/redis_fixture.h"
#include "../redis_bucket.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
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

TestSuite(redis_bucket, .init = start, .fini = stop, .timeout = 60);

static struct redis_bucket *open_bucket(const struct redis_bucket_variant *variant, double capacity,
                                        double rate_per_s)
{
    char error[200] = "";
    const struct token_bucket_limits limits = {.capacity = capacity, .rate_per_s = rate_per_s};
    struct redis_bucket *bucket = variant->open(&limits, redis, error, sizeof error);
    cr_assert_not_null(bucket, "%s: %s", variant->name, error);
    return bucket;
}

static double ttl_ms(const char *key)
{
    return redis_fixture_number(observer, "PTTL %s", key);
}

#define TTL_NONE (-1.0)
#define TTL_NO_KEY (-2.0)

Test(redis_bucket, registry_finds_every_variant)
{
    cr_assert_eq(redis_bucket_variants_count, 3);
    cr_assert_eq(redis_bucket_variants[0], &redis_bucket_naive);
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        const struct redis_bucket_variant *variant = redis_bucket_variants[i];
        cr_assert_eq(redis_bucket_find(variant->name), variant);
        variant->close(NULL);
    }
    cr_assert_null(redis_bucket_find("no-such-variant"));
}

Test(redis_bucket, every_variant_starts_full_and_refuses_when_empty)
{
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        const struct redis_bucket_variant *variant = redis_bucket_variants[i];
        struct redis_bucket *bucket = open_bucket(variant, 3, 0.01);
        double retry_after_s = -1;
        double tokens = -1;
        for (int n = 0; n < 3; n++) {
            cr_assert(variant->available(bucket, "p", &tokens), "%s: %s", variant->name,
                      variant->last_error(bucket));
            cr_assert_eq(floor(tokens), 3 - n, "%s: %g", variant->name, tokens);
            cr_assert_eq(variant->try_acquire(bucket, "p", NULL, &retry_after_s), RATE_ADMITTED,
                         "%s: %s", variant->name, variant->last_error(bucket));
            cr_assert_eq(retry_after_s, -1, "%s: set although admitted", variant->name);
        }
        cr_assert_eq(variant->try_acquire(bucket, "p", NULL, &retry_after_s), RATE_REFUSED, "%s",
                     variant->name);
        cr_assert(retry_after_s > 50 && retry_after_s <= 100, "%s: %g", variant->name,
                  retry_after_s);
        cr_assert_str_empty(variant->last_error(bucket), "%s", variant->name);
        cr_assert_eq(variant->try_acquire(bucket, "another", NULL, NULL), RATE_ADMITTED, "%s",
                     variant->name);
        variant->close(bucket);
        redis_fixture_do(observer, "FLUSHALL");
    }
}

Test(redis_bucket, every_variant_refills_by_the_time_that_has_passed)
{
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        const struct redis_bucket_variant *variant = redis_bucket_variants[i];
        struct redis_bucket *bucket = open_bucket(variant, 10, 0.5);
        double tokens = -1;
        redis_fixture_do(observer, "HSET bucket:p tokens 1.25 last_refill %.6f",
                         redis_fixture_time(observer) - 4);
        cr_assert(variant->available(bucket, "p", &tokens));
        cr_assert_eq(floor(tokens), 3, "%s: %g", variant->name, tokens);
        for (int n = 0; n < 3; n++) {
            cr_assert_eq(variant->try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED, "%s",
                         variant->name);
        }
        cr_assert_eq(variant->try_acquire(bucket, "p", NULL, NULL), RATE_REFUSED, "%s",
                     variant->name);
        variant->close(bucket);
        redis_fixture_do(observer, "FLUSHALL");
    }
}

Test(redis_bucket, variants_share_one_key)
{
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        struct redis_bucket *bucket = open_bucket(redis_bucket_variants[i], 3, 0.001);
        cr_assert_eq(redis_bucket_variants[i]->try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
        redis_bucket_variants[i]->close(bucket);
    }
    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 3, 0.001);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_REFUSED);
    redis_bucket_fixed.close(bucket);
}

Test(redis_bucket, every_variant_reports_a_dead_connection_and_reconnecting_helps)
{
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        const struct redis_bucket_variant *variant = redis_bucket_variants[i];
        struct redis_bucket *bucket = open_bucket(variant, 100, 1);
        double tokens = -1;
        redis_fixture_do(observer, "CLIENT KILL TYPE normal SKIPME yes");
        cr_assert_eq(variant->try_acquire(bucket, "p", NULL, NULL), RATE_ERROR, "%s",
                     variant->name);
        cr_assert_str_not_empty(variant->last_error(bucket), "%s", variant->name);
        cr_assert_not(variant->available(bucket, "p", &tokens), "%s", variant->name);
        cr_assert_eq(tokens, -1, "%s", variant->name);
        cr_assert_eq(redisReconnect(redis), REDIS_OK);
        cr_assert_eq(variant->try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED, "%s: %s",
                     variant->name, variant->last_error(bucket));
        variant->close(bucket);
    }
}

Test(redis_bucket, every_variant_reports_a_key_of_another_type_and_stays_in_step)
{
    redis_fixture_do(observer, "SET bucket:p text");
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        const struct redis_bucket_variant *variant = redis_bucket_variants[i];
        struct redis_bucket *bucket = open_bucket(variant, 100, 1);
        cr_assert_eq(variant->try_acquire(bucket, "p", NULL, NULL), RATE_ERROR, "%s",
                     variant->name);
        cr_assert_not_null(strstr(variant->last_error(bucket), "WRONGTYPE"), "%s: %s",
                           variant->name, variant->last_error(bucket));
        cr_assert_eq(variant->try_acquire(bucket, "q", NULL, NULL), RATE_ADMITTED, "%s",
                     variant->name);
        variant->close(bucket);
    }
}

Test(redis_bucket, naive_and_proposed_expire_after_300_s_whatever_the_rate)
{
    const struct redis_bucket_variant *const variants[] = {&redis_bucket_naive,
                                                           &redis_bucket_proposed};
    for (size_t i = 0; i < 2; i++) {
        struct redis_bucket *bucket = open_bucket(variants[i], 1, 1.0 / 3600);
        cr_assert_eq(variants[i]->try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
        cr_assert(ttl_ms("bucket:p") > 290000 && ttl_ms("bucket:p") <= 300000);
        variants[i]->close(bucket);
        redis_fixture_do(observer, "FLUSHALL");
    }
}

/* ---- fixed ---- */

Test(redis_bucket, fixed_expires_when_the_bucket_is_full_again)
{
    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 2, 1.0 / 3600);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
    cr_assert(ttl_ms("bucket:p") > 3590e3 && ttl_ms("bucket:p") <= 3600.01e3);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
    cr_assert(ttl_ms("bucket:p") > 7190e3 && ttl_ms("bucket:p") <= 7200.01e3);
    redis_bucket_fixed.close(bucket);
}

Test(redis_bucket, fixed_never_expires_what_is_never_refilled)
{
    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 1, 0);
    double retry_after_s = 0;
    redis_fixture_do(observer, "HSET bucket:p tokens 1 last_refill 1");
    redis_fixture_do(observer, "EXPIRE bucket:p 300");
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
    cr_assert_eq(ttl_ms("bucket:p"), TTL_NONE);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, &retry_after_s), RATE_REFUSED);
    cr_assert(isinf(retry_after_s));
    redis_bucket_fixed.close(bucket);
}

Test(redis_bucket, fixed_writes_nothing_when_it_refuses_or_looks)
{
    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 1, 0.001);
    double tokens = -1;
    cr_assert(redis_bucket_fixed.available(bucket, "p", &tokens));
    cr_assert_eq(ttl_ms("bucket:p"), TTL_NO_KEY);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", "one", NULL), RATE_ADMITTED);
    const double written = redis_fixture_number(observer, "HGET bucket:p last_refill");
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", "two", NULL), RATE_REFUSED);
    cr_assert_eq(redis_fixture_number(observer, "HGET bucket:p last_refill"), written);
    cr_assert_eq(ttl_ms("bucket-request:1:p:two"), TTL_NO_KEY);
    redis_bucket_fixed.close(bucket);
}

/* Another variant has used the bucket before. */
Test(redis_bucket, fixed_prolongs_what_would_expire_before_it_is_full)
{
    static const double capacity = 1;
    for (int never_refilled = 0; never_refilled < 2; never_refilled++) {
        const double rate_per_s = never_refilled ? 0 : 1.0 / 3600;
        struct redis_bucket *before = open_bucket(&redis_bucket_proposed, capacity, rate_per_s);
        struct redis_bucket *after = open_bucket(&redis_bucket_fixed, capacity, rate_per_s);
        double tokens = -1;
        redis_fixture_do(observer, "FLUSHALL");
        cr_assert_eq(redis_bucket_proposed.try_acquire(before, "p", NULL, NULL), RATE_ADMITTED);
        cr_assert(redis_bucket_fixed.available(after, "p", &tokens));
        cr_assert_leq(ttl_ms("bucket:p"), 300000, "a look writes nothing");
        cr_assert_eq(redis_bucket_fixed.try_acquire(after, "p", NULL, NULL), RATE_REFUSED);
        if (never_refilled) {
            cr_assert_eq(ttl_ms("bucket:p"), TTL_NONE);
        } else {
            const double ttl = ttl_ms("bucket:p");
            cr_assert(ttl > 3590000 && ttl <= 3600001, "%g", ttl);
            redis_fixture_do(observer, "PERSIST bucket:p");
            cr_assert_eq(redis_bucket_fixed.try_acquire(after, "p", NULL, NULL), RATE_REFUSED);
            cr_assert_geq(ttl_ms("bucket:p"), 3590000, "what would never expire does, too");
        }
        redis_bucket_proposed.close(before);
        redis_bucket_fixed.close(after);
    }
}

Test(redis_bucket, fixed_admits_a_retry_without_another_token)
{
    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 2, 0);
    double tokens = -1;
    for (int n = 0; n < 5; n++) {
        cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", "same", NULL), RATE_ADMITTED);
    }
    cr_assert(redis_bucket_fixed.available(bucket, "p", &tokens));
    cr_assert_eq(tokens, 1);
    cr_assert(ttl_ms("bucket-request:1:p:same") > 50000);
    cr_assert_leq(ttl_ms("bucket-request:1:p:same"), 60000);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", "other", NULL), RATE_ADMITTED);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", "third", NULL), RATE_REFUSED);
    redis_bucket_fixed.close(bucket);
}

Test(redis_bucket, fixed_tells_requests_from_buckets_and_from_one_another_by_their_keys)
{
    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 1, 0);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "a", "b", NULL), RATE_ADMITTED);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "a:request:b", NULL, NULL), RATE_ADMITTED,
                 "%s", redis_bucket_fixed.last_error(bucket));
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "c", "d:request:e", NULL), RATE_ADMITTED);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "c:request:d", NULL, NULL), RATE_ADMITTED);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "c:request:d", "e", NULL), RATE_REFUSED,
                 "the bucket is empty, and this request took no token");
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "1:f", "g", NULL), RATE_ADMITTED);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "1", NULL, NULL), RATE_ADMITTED);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "1", "f:g", NULL), RATE_REFUSED);
    redis_bucket_fixed.close(bucket);
}

Test(redis_bucket, fixed_counts_no_time_twice_when_the_state_is_from_the_future)
{
    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 5, 1);
    redis_fixture_do(observer, "HSET bucket:p tokens 1 last_refill %.6f",
                     redis_fixture_time(observer) + 1000);
    const double future = redis_fixture_number(observer, "HGET bucket:p last_refill");
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
    cr_assert_float_eq(redis_fixture_number(observer, "HGET bucket:p last_refill"), future, 1e-5);
    cr_assert_gt(ttl_ms("bucket:p"), 1000e3, "it is full five seconds after that");
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_REFUSED);
    redis_bucket_fixed.close(bucket);
}

Test(redis_bucket, fixed_loads_a_forgotten_script_again)
{
    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 2, 0);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
    redis_fixture_do(observer, "SCRIPT FLUSH");
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ADMITTED);
    cr_assert_str_empty(redis_bucket_fixed.last_error(bucket));
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_REFUSED);
    redis_bucket_fixed.close(bucket);
}

Test(redis_bucket, fixed_refuses_nonsense)
{
    const struct token_bucket_limits nonsense[] = {{0, 1}, {1, -1}, {NAN, 1}, {1, 1e-12}};
    char error[200] = "";
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        error[0] = '\0';
        cr_assert_null(redis_bucket_fixed.open(&nonsense[i], redis, error, sizeof error));
        cr_assert_str_not_empty(error);
    }
    const struct token_bucket_limits good = {.capacity = 1, .rate_per_s = 1};
    cr_assert_null(redis_bucket_fixed.open(&good, NULL, error, sizeof error));
    cr_assert_str_eq(error, "no connection");

    struct redis_bucket *bucket = open_bucket(&redis_bucket_fixed, 1, 1);
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "", NULL, NULL), RATE_ERROR);
    cr_assert_str_eq(redis_bucket_fixed.last_error(bucket), "no provider named");
    redis_fixture_do(observer, "HSET bucket:p tokens many last_refill 1");
    cr_assert_eq(redis_bucket_fixed.try_acquire(bucket, "p", NULL, NULL), RATE_ERROR);
    cr_assert_not_null(strstr(redis_bucket_fixed.last_error(bucket), "something else"));
    redis_bucket_fixed.close(bucket);
}
