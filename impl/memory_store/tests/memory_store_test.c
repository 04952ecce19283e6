// SPDX-License-Identifier: MIT

/* What the variants of the memory store do in one thread, and that `fixed` and `lockfree` keep
 * their limit under many. Expiry at the exact boundary is in boundary_*_test.c, with a clock that
 * can be set. */

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
    cr_assert_geq(memory_store_variants_count, 4);
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
    cr_assert_null(memory_store_lockfree.add);
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

/* ---- fixed and lockfree ---- */

static const struct memory_store_variant *const solutions[] = {&memory_store_fixed,
                                                               &memory_store_lockfree};
#define SOLUTIONS (sizeof solutions / sizeof solutions[0])

Test(memory_store, solutions_refuse_nonsense_configuration)
{
    const struct rate_limits nonsense[] = {{0, 60},  {-1, 60},      {1LL << 60, 60}, {1, 0},
                                           {1, -60}, {1, INFINITY}, {1, 1e18}};
    for (size_t s = 0; s < SOLUTIONS; s++) {
        for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
            char error[128] = "";
            cr_assert_null(solutions[s]->open(&nonsense[i], error, sizeof error));
            cr_assert_not_null(strstr(error, nonsense[i].rpm == 1 ? "window_s" : "rpm"), "%s",
                               error);
        }
    }
}

Test(memory_store, solutions_take_the_largest_limit)
{
    for (size_t s = 0; s < SOLUTIONS; s++) {
        struct memory_store *store = open_store(solutions[s], RATE_LIMITS_RPM_MAX, 60);
        for (int n = 0; n < 100; n++) {
            cr_assert_eq(solutions[s]->acquire(store, "p"), RATE_ADMITTED);
        }
        cr_assert_eq(count_of(solutions[s], store, "p"), 100);
        solutions[s]->close(store);
    }
}

Test(memory_store, solutions_forget_everything_however_often_they_are_reset)
{
    for (size_t s = 0; s < SOLUTIONS; s++) {
        struct memory_store *store = open_store(solutions[s], 3, 3600);
        for (int n = 0; n < 10000; n++) { /* more than 2^12 */
            for (int admitted = 0; admitted < 3; admitted++) {
                cr_assert_eq(solutions[s]->acquire(store, "p"), RATE_ADMITTED);
            }
            cr_assert_eq(solutions[s]->acquire(store, "p"), RATE_REFUSED);
            cr_assert(solutions[s]->reset(store, "p"));
        }
        solutions[s]->close(store);
    }
}

/* ---- under threads ---- */

#define THREADS 8
#define ATTEMPTS 2000
#define LIMIT 777

struct worker {
    const struct memory_store_variant *variant;
    struct memory_store *store;
    pthread_barrier_t *start;
    bool meddles;
    int admitted;
};

static void acquire_repeatedly(struct worker *worker)
{
    for (int n = 0; n < ATTEMPTS; n++) {
        worker->admitted += worker->variant->acquire(worker->store, "p") == RATE_ADMITTED;
    }
}

static void reset_and_create(struct worker *worker)
{
    for (int n = 0; n < ATTEMPTS; n++) {
        char provider[32];
        snprintf(provider, sizeof provider, "other-%d", n % 200);
        worker->variant->acquire(worker->store, provider);
        worker->variant->reset(worker->store, n % 3 == 0 ? NULL : provider);
    }
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(worker->start);
    if (worker->meddles) {
        reset_and_create(worker);
    } else {
        acquire_repeatedly(worker);
    }
    return NULL;
}

/* Returns how many requests were admitted to those who do not meddle. */
static int run_workers(const struct memory_store_variant *variant, struct memory_store *store,
                       bool meddle)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    int admitted = 0;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .variant = variant, .store = store, .start = &barrier, .meddles = meddle && i % 2 == 1};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        admitted += workers[i].admitted;
    }
    pthread_barrier_destroy(&barrier);
    return admitted;
}

Test(memory_store, solutions_admit_exactly_the_limit_to_eight_threads)
{
    for (size_t s = 0; s < SOLUTIONS; s++) {
        struct memory_store *store = open_store(solutions[s], LIMIT, 3600);
        cr_assert_eq(run_workers(solutions[s], store, false), LIMIT, "%s", solutions[s]->name);
        cr_assert_eq(count_of(solutions[s], store, "p"), LIMIT, "%s", solutions[s]->name);
        solutions[s]->close(store);
    }
}

Test(memory_store, solutions_survive_resets_and_new_providers_under_load)
{
    for (size_t s = 0; s < SOLUTIONS; s++) {
        struct memory_store *store = open_store(solutions[s], 5, 3600);
        run_workers(solutions[s], store, true);
        cr_assert_leq(count_of(solutions[s], store, "p"), 5);
        cr_assert(solutions[s]->reset(store, NULL));
        for (int n = 0; n < 5; n++) {
            cr_assert_eq(solutions[s]->acquire(store, "p"), RATE_ADMITTED, "nobody is stranded");
        }
        cr_assert_eq(solutions[s]->acquire(store, "p"), RATE_REFUSED);
        solutions[s]->close(store);
    }
}
