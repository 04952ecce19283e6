// SPDX-License-Identifier: MIT

/*
 * Age exactly the window, for the variants that go by the client's clock. The variants'
 * files are compiled in here once more, under other names, with a clock that the test sets.
 */

#include <time.h>

static struct timespec fake_now;

static int fake_clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = fake_now;
    return 0;
}

#define clock_gettime fake_clock_gettime
#define sliding_window_naive boundary_naive
#define sliding_window_proposed_lua boundary_proposed_lua
#include "../naive.c"
#include "../proposed_lua.c"
#undef clock_gettime

#include "../../tests/redis_fixture.h"

#include <criterion/criterion.h>

static struct redis_fixture server;
static redisContext *redis;

static void start(void)
{
    redis_fixture_start(&server);
    redis = redis_fixture_connect(&server);
}

static void stop(void)
{
    redisFree(redis);
    redis_fixture_stop(&server);
}

TestSuite(sliding_window_boundary, .init = start, .fini = stop, .timeout = 60);

static struct sliding_window *open_window(const struct sliding_window_variant *variant)
{
    char error[128] = "";
    struct rate_limits limits = {.rpm = 1, .window_s = 60};
    struct sliding_window *window = variant->open(&limits, redis, error, sizeof error);
    cr_assert_not_null(window, "%s", error);
    return window;
}

Test(sliding_window_boundary, naive_still_counts_at_exactly_the_window)
{
    struct sliding_window *window = open_window(&boundary_naive);
    redis_fixture_do(redis, "ZADD window:p 1763892000.123457 old");
    fake_now = (struct timespec){.tv_sec = 1763892060, .tv_nsec = 123457000};
    cr_assert_eq(boundary_naive.acquire(window, "p", "new"), RATE_REFUSED);
    fake_now.tv_nsec = 123458000;
    cr_assert_eq(boundary_naive.acquire(window, "p", "new"), RATE_ADMITTED);
    boundary_naive.close(window);
}

Test(sliding_window_boundary, naives_charge_removes_what_its_check_still_counts)
{
    struct sliding_window *window = open_window(&boundary_naive);
    redis_fixture_do(redis, "ZADD window:p 1763892000.123457 old");
    fake_now = (struct timespec){.tv_sec = 1763892060, .tv_nsec = 123457000};
    cr_assert_eq(boundary_naive.add(window, "p", "new"), RATE_ADMITTED);
    cr_assert_eq(redis_fixture_number(redis, "ZCARD window:p"), 1);
    cr_assert_eq(redis_fixture_number(redis, "ZSCORE window:p new"), 1763892060.123457);
    boundary_naive.close(window);
}

Test(sliding_window_boundary, proposed_lua_has_expired_it_at_exactly_the_window)
{
    struct sliding_window *window = open_window(&boundary_proposed_lua);
    redis_fixture_do(redis, "ZADD window:p 1763892000.123457 old");
    fake_now = (struct timespec){.tv_sec = 1763892060, .tv_nsec = 123456000};
    cr_assert_eq(boundary_proposed_lua.acquire(window, "p", "new"), RATE_REFUSED);
    fake_now.tv_nsec = 123457000;
    cr_assert_eq(boundary_proposed_lua.acquire(window, "p", "new"), RATE_ADMITTED);
    boundary_proposed_lua.close(window);
}

Test(sliding_window_boundary, proposed_lua_with_a_fast_clock_purges_live_entries)
{
    struct sliding_window *window = open_window(&boundary_proposed_lua);
    fake_now = (struct timespec){.tv_sec = 1763892000};
    cr_assert_eq(boundary_proposed_lua.acquire(window, "p", "honest"), RATE_ADMITTED);
    fake_now.tv_sec += 61; /* another client's clock, at the same moment */
    cr_assert_eq(boundary_proposed_lua.acquire(window, "p", "fast"), RATE_ADMITTED);
    cr_assert_eq(redis_fixture_number(redis, "ZCARD window:p"), 1);
    fake_now.tv_sec -= 61;
    cr_assert_eq(boundary_proposed_lua.acquire(window, "p", "blocked"), RATE_REFUSED);
    boundary_proposed_lua.close(window);
}
