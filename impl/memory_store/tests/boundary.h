// SPDX-License-Identifier: MIT
#ifndef MEMORY_STORE_BOUNDARY_H
#define MEMORY_STORE_BOUNDARY_H

/*
 * Age exactly the window, for one variant. A test file includes this, then the variant's .c under
 * another name (so that it can be linked beside the library), and calls BOUNDARY_TEST: the
 * variant then goes by `fake_now`. One thread.
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

#include <criterion/criterion.h>

/* A dyadic fraction (0.125) keeps the doubles of the Python's arithmetic exact. */
#define BOUNDARY_TEST(variant)                                                                    \
    Test(memory_store_boundary, variant, .timeout = 60)                                           \
    {                                                                                             \
        char error[128] = "";                                                                     \
        struct rate_limits limits = {.rpm = 1, .window_s = 60};                                   \
        struct memory_store *store = variant.open(&limits, error, sizeof error);                  \
        long long count = -1;                                                                     \
        cr_assert_not_null(store, "%s", error);                                                   \
        fake_now = (struct timespec){.tv_sec = 1763892000, .tv_nsec = 125000000};                 \
        cr_assert_eq(variant.acquire(store, "p"), RATE_ADMITTED);                                 \
        fake_now = (struct timespec){.tv_sec = 1763892060, .tv_nsec = 124999000};                 \
        cr_assert_eq(variant.acquire(store, "p"), RATE_REFUSED);                                  \
        fake_now.tv_nsec = 125000000;                                                             \
        cr_assert(variant.count(store, "p", &count));                                             \
        cr_assert_eq(count, 0);                                                                   \
        cr_assert_eq(variant.acquire(store, "p"), RATE_ADMITTED);                                 \
        fake_now.tv_sec -= 3600; /* set back: the entry counts until its own window has passed */ \
        cr_assert_eq(variant.acquire(store, "p"), RATE_REFUSED);                                  \
        fake_now.tv_sec += 3660;                                                                  \
        cr_assert_eq(variant.acquire(store, "p"), RATE_ADMITTED);                                 \
        variant.close(store);                                                                     \
    }

#endif
