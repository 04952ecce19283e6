// SPDX-License-Identifier: MIT

/* With the source in reach, also the proposal's flaws that need a lock held at the right moment. */

#include "boundary.h"

#define memory_store_proposed boundary_proposed
#include "../proposed.c"

#include <pthread.h>
#include <sched.h>

BOUNDARY_TEST(boundary_proposed)

static struct memory_store *open_store(void)
{
    char error[128] = "";
    struct rate_limits limits = {.rpm = 100, .window_s = 60};
    struct memory_store *store = boundary_proposed.open(&limits, error, sizeof error);
    cr_assert_not_null(store, "%s", error);
    return store;
}

static bool is_free(struct provider_lock *lock)
{
    int value = -1;
    cr_assert_eq(sem_getvalue(&lock->available, &value), 0);
    return value == 1;
}

static void *reset_everything(void *store)
{
    boundary_proposed.reset(store, NULL);
    return NULL;
}

/* Locks are taken newest first: "b", then "a", which the test holds. */
static pthread_t reset_stuck_at(struct memory_store *store, struct provider_lock *a,
                                struct provider_lock *b)
{
    pthread_t resetter;
    acquire_lock(a);
    cr_assert_eq(pthread_create(&resetter, NULL, reset_everything, store), 0);
    while (is_free(b)) {
        sched_yield();
    }
    return resetter;
}

Test(memory_store_proposed, reset_cancelled_part_way_keeps_the_locks_it_has, .timeout = 60)
{
    struct memory_store *store = open_store();
    struct provider_lock *a = lock_for(store, "a");
    struct provider_lock *b = lock_for(store, "b");
    pthread_t resetter = reset_stuck_at(store, a, b);
    void *result;

    pthread_cancel(resetter);
    pthread_join(resetter, &result);
    cr_assert_eq(result, PTHREAD_CANCELED);
    release_lock(a);
    cr_assert(is_free(a));
    cr_assert_not(is_free(b), "the next add to b hangs");
    boundary_proposed.close(store);
}

Test(memory_store_proposed, reset_of_all_replaces_locks_that_others_wait_for, .timeout = 60)
{
    struct memory_store *store = open_store();
    struct provider_lock *a = lock_for(store, "a");
    struct provider_lock *b = lock_for(store, "b");
    pthread_t resetter = reset_stuck_at(store, a, b);

    release_lock(a);
    pthread_join(resetter, NULL);
    cr_assert_neq(lock_for(store, "a"), a, "a waiter on the old lock excludes no newcomer");
    cr_assert(is_free(a));
    cr_assert(is_free(b));
    boundary_proposed.close(store);
}
