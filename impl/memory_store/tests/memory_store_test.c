// SPDX-License-Identifier: MIT

/* What the variants of the memory store do in one thread, and that `fixed` keeps its limit under
 * many. Expiry at the exact boundary is in boundary_*_test.c, with a clock that can be set. */

#include "../memory_store.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

TestSuite(memory_store, .timeout = 60);

static struct memory_store *open_store(const struct memory_store_variant *variant, long long rpm,
                                       double window_s)
{
    char error[128] = "";
    struct rate_limits limits = {.rpm = rpm, .window_s = window_s};
    struct memory_store *store = variant->open(&limits, error, sizeof error);
    cr_assert_not_null(store, "%s: %s", variant->name, error);
    return store;
}

static long long count_of(const struct memory_store_variant *variant, struct memory_store *store,
                          const char *provider)
{
    long long count = -1;
    cr_assert(variant->count(store, provider, &count), "%s", variant->name);
    return count;
}

Test(memory_store, registry_finds_every_variant)
{
    cr_assert_geq(memory_store_variants_count, 3);
    cr_assert_eq(memory_store_variants[0], &memory_store_naive);
    for (size_t i = 0; i < memory_store_variants_count; i++) {
        const struct memory_store_variant *variant = memory_store_variants[i];
        cr_assert_eq(memory_store_find(variant->name), variant);
        variant->close(NULL);
    }
    cr_assert_null(memory_store_find("no-such-variant"));
}

Test(memory_store, every_variant_admits_the_limit_and_refuses_the_next)
{
    for (size_t i = 0; i < memory_store_variants_count; i++) {
        const struct memory_store_variant *variant = memory_store_variants[i];
        struct memory_store *store = open_store(variant, 20, 60);
        for (int n = 0; n < 20; n++) {
            cr_assert_eq(count_of(variant, store, "p"), n, "%s", variant->name);
            cr_assert_eq(variant->check(store, "p"), RATE_ADMITTED, "%s", variant->name);
            cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED, "%s", variant->name);
        }
        cr_assert_eq(variant->check(store, "p"), RATE_REFUSED, "%s", variant->name);
        cr_assert_eq(variant->acquire(store, "p"), RATE_REFUSED, "%s", variant->name);
        cr_assert_eq(count_of(variant, store, "p"), 20, "%s", variant->name);
        cr_assert_eq(variant->acquire(store, "q"), RATE_ADMITTED, "%s", variant->name);
        variant->close(store);
    }
}

Test(memory_store, every_variant_resets_one_or_all)
{
    for (size_t i = 0; i < memory_store_variants_count; i++) {
        const struct memory_store_variant *variant = memory_store_variants[i];
        struct memory_store *store = open_store(variant, 1, 60);
        cr_assert(variant->reset(store, NULL), "%s", variant->name);
        cr_assert(variant->reset(store, "never used"), "%s", variant->name);
        cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED, "%s", variant->name);
        cr_assert_eq(variant->acquire(store, "q"), RATE_ADMITTED, "%s", variant->name);
        cr_assert(variant->reset(store, "p"), "%s", variant->name);
        cr_assert_eq(count_of(variant, store, "p"), 0, "%s", variant->name);
        cr_assert_eq(count_of(variant, store, "q"), 1, "%s", variant->name);
        cr_assert_eq(variant->acquire(store, "p"), RATE_ADMITTED, "%s", variant->name);
        cr_assert(variant->reset(store, NULL), "%s", variant->name);
        cr_assert_eq(count_of(variant, store, "p"), 0, "%s", variant->name);
        cr_assert_eq(count_of(variant, store, "q"), 0, "%s", variant->name);
        cr_assert_eq(variant->acquire(store, "q"), RATE_ADMITTED, "%s", variant->name);
        variant->close(store);
    }
}

Test(memory_store, every_variant_keeps_many_providers_apart)
{
    for (size_t i = 0; i < memory_store_variants_count; i++) {
        const struct memory_store_variant *variant = memory_store_variants[i];
        struct memory_store *store = open_store(variant, 2, 60);
        for (int round = 0; round < 3; round++) {
            for (int p = 0; p < 50; p++) {
                char provider[32];
                snprintf(provider, sizeof provider, "provider-%d", p);
                cr_assert_eq(variant->acquire(store, provider),
                             round < 2 ? RATE_ADMITTED : RATE_REFUSED, "%s", variant->name);
            }
        }
        variant->close(store);
    }
}

Test(memory_store, naive_and_proposed_charge_after_the_check_whatever_happened_between)
{
    const struct memory_store_variant *const variants[] = {&memory_store_naive,
                                                           &memory_store_proposed};
    for (size_t i = 0; i < 2; i++) {
        struct memory_store *store = open_store(variants[i], 1, 60);
        cr_assert_eq(variants[i]->check(store, "p"), RATE_ADMITTED);
        cr_assert_eq(variants[i]->check(store, "p"), RATE_ADMITTED);
        cr_assert_eq(variants[i]->add(store, "p"), RATE_ADMITTED);
        cr_assert_eq(variants[i]->add(store, "p"), RATE_ADMITTED);
        cr_assert_eq(count_of(variants[i], store, "p"), 2);
        variants[i]->close(store);
    }
    cr_assert_null(memory_store_fixed.add);
}

Test(memory_store, naive_and_proposed_take_any_configuration)
{
    const struct memory_store_variant *const variants[] = {&memory_store_naive,
                                                           &memory_store_proposed};
    for (size_t i = 0; i < 2; i++) {
        struct memory_store *store = open_store(variants[i], 1, -60);
        for (int n = 0; n < 5; n++) {
            cr_assert_eq(variants[i]->acquire(store, "p"), RATE_ADMITTED, "limits nothing");
        }
        variants[i]->close(store);
        store = open_store(variants[i], 0, 60);
        cr_assert_eq(variants[i]->acquire(store, "p"), RATE_REFUSED);
        variants[i]->close(store);
    }
}

Test(memory_store, fixed_refuses_nonsense_configuration)
{
    const struct rate_limits nonsense[] = {{0, 60},  {-1, 60},      {1LL << 60, 60}, {1, 0},
                                           {1, -60}, {1, INFINITY}, {1, 1e18}};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        char error[128] = "";
        cr_assert_null(memory_store_fixed.open(&nonsense[i], error, sizeof error));
        cr_assert_not_null(strstr(error, nonsense[i].rpm == 1 ? "window_s" : "rpm"), "%s", error);
    }
}

/* ---- fixed under threads ---- */

#define THREADS 8
#define ATTEMPTS 2000
#define LIMIT 777

struct worker {
    struct memory_store *store;
    pthread_barrier_t *start;
    int admitted;
};

static void *acquire_repeatedly(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(worker->start);
    for (int n = 0; n < ATTEMPTS; n++) {
        worker->admitted += memory_store_fixed.acquire(worker->store, "p") == RATE_ADMITTED;
    }
    return NULL;
}

Test(memory_store, fixed_admits_exactly_the_limit_to_eight_threads)
{
    struct memory_store *store = open_store(&memory_store_fixed, LIMIT, 3600);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    int admitted = 0;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.store = store, .start = &barrier};
        cr_assert_eq(pthread_create(&threads[i], NULL, acquire_repeatedly, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        admitted += workers[i].admitted;
    }
    pthread_barrier_destroy(&barrier);
    cr_assert_eq(admitted, LIMIT);
    cr_assert_eq(count_of(&memory_store_fixed, store, "p"), LIMIT);
    memory_store_fixed.close(store);
}

static void *reset_and_create(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(worker->start);
    for (int n = 0; n < ATTEMPTS; n++) {
        char provider[32];
        snprintf(provider, sizeof provider, "other-%d", n % 20);
        memory_store_fixed.acquire(worker->store, provider);
        memory_store_fixed.reset(worker->store, n % 3 == 0 ? NULL : provider);
    }
    return NULL;
}

Test(memory_store, fixed_survives_resets_and_new_providers_under_load)
{
    struct memory_store *store = open_store(&memory_store_fixed, 5, 3600);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.store = store, .start = &barrier};
        cr_assert_eq(pthread_create(&threads[i], NULL,
                                    i % 2 == 0 ? acquire_repeatedly : reset_and_create,
                                    &workers[i]),
                     0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&barrier);
    cr_assert_leq(count_of(&memory_store_fixed, store, "p"), 5);
    cr_assert(memory_store_fixed.reset(store, NULL));
    for (int n = 0; n < 5; n++) {
        cr_assert_eq(memory_store_fixed.acquire(store, "p"), RATE_ADMITTED, "nobody is stranded");
    }
    cr_assert_eq(memory_store_fixed.acquire(store, "p"), RATE_REFUSED);
    memory_store_fixed.close(store);
}
