// SPDX-License-Identifier: MIT
#include "boundary.h"

#define memory_store_lockfree boundary_lockfree
#include "../lockfree.c"

BOUNDARY_TEST(boundary_lockfree)

static void at(time_t second)
{
    fake_now = (struct timespec){.tv_sec = 1763892000 + second};
}

/* After 2^12 resets a word's generation is that of before. */
Test(memory_store_boundary, lockfree_forgets_when_it_was_full, .timeout = 60)
{
    char error[128] = "";
    const struct rate_limits limits = {.rpm = 2, .window_s = 60};
    struct memory_store *store = boundary_lockfree.open(&limits, error, sizeof error);
    cr_assert_not_null(store, "%s", error);
    at(0);
    cr_assert_eq(boundary_lockfree.acquire(store, "p"), RATE_ADMITTED);
    cr_assert_eq(boundary_lockfree.acquire(store, "p"), RATE_ADMITTED);
    cr_assert_eq(boundary_lockfree.acquire(store, "p"), RATE_REFUSED);
    for (int n = 0; n < 4096; n++) {
        cr_assert(boundary_lockfree.reset(store, "p"));
    }
    at(50);
    cr_assert_eq(boundary_lockfree.acquire(store, "p"), RATE_ADMITTED);
    at(-5); /* set back */
    cr_assert_eq(boundary_lockfree.acquire(store, "p"), RATE_ADMITTED);
    at(55);
    cr_assert_eq(boundary_lockfree.acquire(store, "p"), RATE_ADMITTED, "one has expired");
    boundary_lockfree.close(store);
}
