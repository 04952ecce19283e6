// SPDX-License-Identifier: MIT

/* Switching a memory store between variants, in one thread and under many. */

#include "../memory_store_switch.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- a replacement that can be made to fail -------------------------------------------------- */

static atomic_bool acquire_fails;
static atomic_bool count_fails;

static enum rate_decision failing_acquire(struct memory_store *store, const char *provider)
{
    return acquire_fails ? RATE_ERROR : memory_store_lockfree.acquire(store, provider);
}

static bool failing_count(struct memory_store *store, const char *provider, long long *count)
{
    return !count_fails && memory_store_lockfree.count(store, provider, count);
}

static struct memory_store_variant failing;

/* ---- what every test needs ------------------------------------------------------------------- */

static struct rollout_flag *flag;
static struct memory_store_switch *store;
static const struct memory_store_switch_variant *variant;

static void prepare(void)
{
    failing = memory_store_lockfree;
    failing.acquire = failing_acquire;
    failing.count = failing_count;
}

TestSuite(memory_store_switch, .init = prepare, .timeout = 60);

static void open_switch(const struct memory_store_switch_variant *which, long long rpm,
                        double window_s, int errors_max)
{
    char error[128] = "";
    const struct rollout_options options = {.name = "memory_store", .errors_max = errors_max};
    flag = rollout_fixed.open(&options, error, sizeof error);
    cr_assert_not_null(flag, "%s", error);
    const struct memory_store_switch_options arms = {
        .arms = {&memory_store_fixed, &failing}, .flags = &rollout_fixed, .flag = flag};
    const struct rate_limits limits = {.rpm = rpm, .window_s = window_s};
    variant = which;
    store = which->open(&arms, &limits, error, sizeof error);
    cr_assert_not_null(store, "%s", error);
}

static void close_switch(void)
{
    variant->close(store);
    rollout_fixed.close(flag);
}

static void share(int parts)
{
    rollout_fixed.set_share(flag, parts);
}

static long long count(const char *provider)
{
    long long held = -1;
    cr_assert(variant->count(store, provider, &held));
    return held;
}

Test(memory_store_switch, registry_finds_every_variant)
{
    cr_assert_eq(memory_store_switch_variants[0], &memory_store_switch_naive);
    for (size_t i = 0; i < memory_store_switch_variants_count; i++) {
        cr_assert_eq(memory_store_switch_find(memory_store_switch_variants[i]->name),
                     memory_store_switch_variants[i]);
        memory_store_switch_variants[i]->close(NULL);
    }
    cr_assert_null(memory_store_switch_find("no-such-variant"));
}

Test(memory_store_switch, every_variant_keeps_the_limit_while_the_arm_stays)
{
    for (size_t i = 0; i < memory_store_switch_variants_count; i++) {
        for (int parts = 0; parts <= ROLLOUT_SHARE_ALL; parts += ROLLOUT_SHARE_ALL) {
            open_switch(memory_store_switch_variants[i], 3, 60, 0);
            share(parts);
            for (int n = 0; n < 3; n++) {
                cr_assert_eq(count("p"), n);
                cr_assert_eq(variant->check(store, "p"), RATE_ADMITTED);
                cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
            }
            cr_assert_eq(variant->check(store, "p"), RATE_REFUSED);
            cr_assert_eq(variant->acquire(store, "p"), RATE_REFUSED);
            cr_assert_eq(variant->acquire(store, "q"), RATE_ADMITTED);
            cr_assert(variant->reset(store, "p"));
            cr_assert_eq(count("p"), 0);
            cr_assert(variant->reset(store, NULL));
            cr_assert_eq(count("q"), 0);
            close_switch();
        }
    }
}

Test(memory_store_switch, naive_admits_twice_the_limit_and_the_others_do_not)
{
    for (size_t i = 0; i < memory_store_switch_variants_count; i++) {
        const bool naive = memory_store_switch_variants[i] == &memory_store_switch_naive;
        open_switch(memory_store_switch_variants[i], 2, 60, 0);
        int admitted = 0;
        for (int n = 0; n < 8; n++) {
            share(n % 2 * ROLLOUT_SHARE_ALL);
            admitted += variant->acquire(store, "p") == RATE_ADMITTED;
        }
        cr_assert_eq(admitted, naive ? 4 : 2, "%s: %d", variant->name, admitted);
        cr_assert_eq(count("p"), 2);
        close_switch();
    }
}

Test(memory_store_switch, fixed_uses_every_slot_in_a_hand_over_and_resets_both_arms)
{
    open_switch(&memory_store_switch_fixed, 4, 60, 0);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    share(ROLLOUT_SHARE_ALL);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    share(0);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    cr_assert_eq(count("p"), 3);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    cr_assert_eq(variant->check(store, "p"), RATE_REFUSED);
    cr_assert_eq(variant->acquire(store, "p"), RATE_REFUSED);
    cr_assert(variant->reset(store, "p"));
    share(ROLLOUT_SHARE_ALL);
    cr_assert_eq(count("p"), 0);
    for (int n = 0; n < 4; n++) {
        cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    }
    cr_assert_eq(variant->acquire(store, "p"), RATE_REFUSED);
    close_switch();
}

Test(memory_store_switch, fixed_ends_a_hand_over_when_the_other_arm_is_empty)
{
    open_switch(&memory_store_switch_fixed, 2, 0.02, 0);
    share(ROLLOUT_SHARE_ALL);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    share(0);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    count_fails = true; /* so the replacement is not asked any more */
    cr_assert_eq(count("p"), 1);
    close_switch();
}

Test(memory_store_switch, fixed_falls_back_and_counts_what_the_replacement_admitted)
{
    open_switch(&memory_store_switch_fixed, 3, 60, 0);
    struct rollout_counters counters;
    share(ROLLOUT_SHARE_ALL);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    acquire_fails = true;
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    cr_assert_eq(variant->acquire(store, "p"), RATE_REFUSED);
    cr_assert_eq(count("p"), 3);
    rollout_fixed.counters(flag, &counters);
    /* The last request never reached the replacement: in the hand-over the limit was seen first. */
    cr_assert_eq(counters.fall_backs, 1);
    cr_assert_eq(counters.errors, 1);
    close_switch();
}

Test(memory_store_switch, fixed_rolls_back_by_itself)
{
    open_switch(&memory_store_switch_fixed, 100, 60, 2);
    share(ROLLOUT_SHARE_ALL);
    acquire_fails = true;
    for (int n = 0; n < 5; n++) {
        cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    }
    struct rollout_counters counters;
    rollout_fixed.counters(flag, &counters);
    cr_assert_eq(counters.calls[ROLLOUT_REPLACEMENT], 2);
    cr_assert_eq(counters.fall_backs, 2);
    cr_assert_eq(counters.rollbacks, 1);
    cr_assert_eq(rollout_fixed.state(flag).share, 0);
    close_switch();
}

Test(memory_store_switch, fixed_fails_closed_for_a_window_when_an_arm_cannot_be_counted)
{
    open_switch(&memory_store_switch_fixed, 5, 0.05, 0);
    share(ROLLOUT_SHARE_ALL);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    acquire_fails = true;
    count_fails = true;
    cr_assert_eq(variant->acquire(store, "p"), RATE_ERROR);
    share(0);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ERROR);
    nanosleep(&(struct timespec){.tv_nsec = 60000000}, NULL);
    cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED);
    cr_assert_eq(count("p"), 1);
    close_switch();
}

Test(memory_store_switch, opening_fails_as_the_arms_do)
{
    char error[128] = "";
    const struct rate_limits nonsense = {.rpm = 0, .window_s = 60};
    for (size_t i = 0; i < memory_store_switch_variants_count; i++) {
        const struct memory_store_switch_options arms = {
            .arms = {&memory_store_fixed, &memory_store_lockfree}, .flags = &rollout_fixed};
        cr_assert_null(
            memory_store_switch_variants[i]->open(&arms, &nonsense, error, sizeof error));
        cr_assert_not_null(strstr(error, "rpm"), "%s", error);
    }
}

/* ---- under threads --------------------------------------------------------------------------- */

enum { THREADS = 6, ATTEMPTS = 3000, LIMIT = 700 };

static pthread_barrier_t barrier;

static void *acquire_repeatedly(void *argument)
{
    int *admitted = argument;
    pthread_barrier_wait(&barrier);
    for (int n = 0; n < ATTEMPTS; n++) {
        *admitted += variant->acquire(store, "p") == RATE_ADMITTED;
    }
    return NULL;
}

static void *switch_repeatedly(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&barrier);
    for (int n = 0; n < ATTEMPTS; n++) {
        share(n % 3 * ROLLOUT_SHARE_ALL / 2);
        acquire_fails = n % 5 == 0;
    }
    share(0);
    return NULL;
}

Test(memory_store_switch, fixed_admits_exactly_the_limit_while_it_is_switched_and_fails)
{
    pthread_t threads[THREADS + 1];
    int admitted[THREADS] = {0};
    int sum = 0;

    open_switch(&memory_store_switch_fixed, LIMIT, 3600, 0);
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, acquire_repeatedly, &admitted[i]), 0);
    }
    cr_assert_eq(pthread_create(&threads[THREADS], NULL, switch_repeatedly, NULL), 0);
    for (int i = 0; i <= THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        sum += admitted[i];
    }
    cr_assert_eq(sum, LIMIT);
    cr_assert_eq(count("p"), LIMIT);
    pthread_barrier_destroy(&barrier);
    close_switch();
}
