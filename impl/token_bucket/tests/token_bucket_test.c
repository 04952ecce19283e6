// SPDX-License-Identifier: MIT

/* What the variants of the token bucket do in one thread, and that `fixed` and `lockfree` keep what
 * they promise under many. Times that must be exact are in the scenarios, on a virtual clock. */

#include "../token_bucket.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

TestSuite(token_bucket, .timeout = 60);

static const struct token_bucket_variant *const solutions[] = {&token_bucket_fixed,
                                                               &token_bucket_lockfree};
enum { SOLUTIONS = sizeof solutions / sizeof solutions[0] };

static struct token_bucket *open_bucket(const struct token_bucket_variant *variant, double capacity,
                                        double rate_per_s)
{
    char error[200] = "";
    const struct token_bucket_limits limits = {.capacity = capacity, .rate_per_s = rate_per_s};
    struct token_bucket *bucket = variant->open(&limits, error, sizeof error);
    cr_assert_not_null(bucket, "%s: %s", variant->name, error);
    return bucket;
}

static struct timespec in_ms(long ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

static double since_s(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

Test(token_bucket, registry_finds_every_variant)
{
    cr_assert_eq(token_bucket_variants_count, 4);
    cr_assert_eq(token_bucket_variants[0], &token_bucket_naive);
    for (size_t i = 0; i < token_bucket_variants_count; i++) {
        const struct token_bucket_variant *variant = token_bucket_variants[i];
        cr_assert_eq(token_bucket_find(variant->name), variant);
        variant->close(NULL);
    }
    cr_assert_null(token_bucket_find("no-such-variant"));
}

Test(token_bucket, every_variant_starts_full_and_refuses_when_empty)
{
    for (size_t i = 0; i < token_bucket_variants_count; i++) {
        const struct token_bucket_variant *variant = token_bucket_variants[i];
        struct token_bucket *bucket = open_bucket(variant, 3, 0.01);
        double retry_after_s = -1;
        for (int n = 0; n < 3; n++) {
            cr_assert_eq(floor(variant->available(bucket)), 3 - n, "%s", variant->name);
            cr_assert_eq(variant->try_acquire(bucket, &retry_after_s), RATE_ADMITTED);
            cr_assert_eq(retry_after_s, -1, "%s: set although admitted", variant->name);
        }
        cr_assert_eq(variant->try_acquire(bucket, NULL), RATE_REFUSED, "%s", variant->name);
        cr_assert_eq(variant->try_acquire(bucket, &retry_after_s), RATE_REFUSED);
        cr_assert(retry_after_s > 50 && retry_after_s <= 100, "%s: %g", variant->name,
                  retry_after_s);
        variant->close(bucket);
    }
}

Test(token_bucket, every_variant_gives_back_up_to_the_capacity_and_resets)
{
    for (size_t i = 0; i < token_bucket_variants_count; i++) {
        const struct token_bucket_variant *variant = token_bucket_variants[i];
        struct token_bucket *bucket = open_bucket(variant, 2, 0);
        variant->give_back(bucket);
        cr_assert_eq(variant->available(bucket), 2, "%s: more than full", variant->name);
        cr_assert_eq(variant->try_acquire(bucket, NULL), RATE_ADMITTED);
        cr_assert_eq(variant->try_acquire(bucket, NULL), RATE_ADMITTED);
        variant->give_back(bucket);
        cr_assert_eq(variant->available(bucket), 1, "%s", variant->name);
        cr_assert_eq(variant->acquire(bucket, NULL), RATE_ADMITTED, "%s", variant->name);
        variant->reset(bucket);
        cr_assert_eq(variant->available(bucket), 2, "%s", variant->name);
        variant->close(bucket);
    }
}

Test(token_bucket, every_variant_refuses_for_ever_what_is_never_refilled)
{
    for (size_t i = 0; i < token_bucket_variants_count; i++) {
        const struct token_bucket_variant *variant = token_bucket_variants[i];
        struct token_bucket *bucket = open_bucket(variant, 1, 0);
        double retry_after_s = 0;
        cr_assert_eq(variant->acquire(bucket, NULL), RATE_ADMITTED, "%s", variant->name);
        cr_assert_eq(variant->acquire(bucket, NULL), RATE_REFUSED, "%s", variant->name);
        cr_assert_eq(variant->try_acquire(bucket, &retry_after_s), RATE_REFUSED);
        cr_assert(isinf(retry_after_s), "%s: %g", variant->name, retry_after_s);
        variant->close(bucket);
    }
}

Test(token_bucket, every_variant_waits_for_its_token_and_not_much_longer)
{
    for (size_t i = 0; i < token_bucket_variants_count; i++) {
        const struct token_bucket_variant *variant = token_bucket_variants[i];
        struct token_bucket *bucket = open_bucket(variant, 1, 20);
        struct timespec start;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int n = 0; n < 4; n++) {
            cr_assert_eq(variant->acquire(bucket, NULL), RATE_ADMITTED, "%s", variant->name);
        }
        const double waited_s = since_s(&start);
        cr_assert(waited_s >= 0.149 && waited_s < 5, "%s: %g", variant->name, waited_s);
        variant->close(bucket);
    }
}

Test(token_bucket, every_variant_refuses_a_deadline_that_comes_too_early_at_once)
{
    for (size_t i = 0; i < token_bucket_variants_count; i++) {
        const struct token_bucket_variant *variant = token_bucket_variants[i];
        struct token_bucket *bucket = open_bucket(variant, 1, 0.01);
        const struct timespec start = in_ms(0);
        const struct timespec soon = in_ms(5000);
        cr_assert_eq(variant->acquire(bucket, &start), RATE_ADMITTED, "%s: there is a token",
                     variant->name);
        cr_assert_eq(variant->acquire(bucket, &soon), RATE_REFUSED, "%s", variant->name);
        cr_assert_lt(since_s(&start), 4, "%s waited", variant->name);
        variant->close(bucket);
    }
}

Test(token_bucket, every_variant_drops_what_a_smaller_bucket_has_no_room_for)
{
    for (size_t i = 0; i < token_bucket_variants_count; i++) {
        const struct token_bucket_variant *variant = token_bucket_variants[i];
        struct token_bucket *bucket = open_bucket(variant, 10, 0);
        struct token_bucket_limits limits = {.capacity = 4, .rate_per_s = 0};
        char error[200] = "";
        cr_assert_eq(variant->try_acquire(bucket, NULL), RATE_ADMITTED);
        cr_assert(variant->reconfigure(bucket, &limits, error, sizeof error), "%s", error);
        cr_assert_eq(variant->available(bucket), 4, "%s", variant->name);
        cr_assert_eq(variant->try_acquire(bucket, NULL), RATE_ADMITTED);
        limits = (struct token_bucket_limits){.capacity = 100, .rate_per_s = 0.01};
        cr_assert(variant->reconfigure(bucket, &limits, error, sizeof error), "%s", error);
        cr_assert_eq(floor(variant->available(bucket)), 3, "%s: a larger bucket is no fuller",
                     variant->name);
        limits.rate_per_s = 0;
        cr_assert(variant->reconfigure(bucket, &limits, error, sizeof error), "%s", error);
        cr_assert_eq(floor(variant->available(bucket)), 3, "%s", variant->name);
        variant->close(bucket);
    }
}

Test(token_bucket, solutions_survive_many_reconfigurations)
{
    for (size_t i = 0; i < SOLUTIONS; i++) {
        struct token_bucket *bucket = open_bucket(solutions[i], 50, 0);
        char error[200];
        for (int n = 0; n < 40; n++) {
            const struct token_bucket_limits limits = {.capacity = 50 + n, .rate_per_s = 0};
            cr_assert_eq(solutions[i]->try_acquire(bucket, NULL), RATE_ADMITTED);
            cr_assert(solutions[i]->reconfigure(bucket, &limits, error, sizeof error));
        }
        cr_assert_eq(solutions[i]->available(bucket), 10, "%s", solutions[i]->name);
        solutions[i]->close(bucket);
    }
}

Test(token_bucket, solutions_refuse_nonsense_and_change_nothing)
{
    const struct {
        struct token_bucket_limits limits;
        const char *named;
    } nonsense[] = {
        {{0.5, 1}, "capacity"},   {{-1, 1}, "capacity"},      {{NAN, 1}, "capacity"},
        {{1e9, 1}, "capacity"},   {{1, -1}, "rate_per_s"},    {{1, NAN}, "rate_per_s"},
        {{1, 1e9}, "rate_per_s"}, {{1, 1e-12}, "rate_per_s"},
    };
    for (size_t i = 0; i < SOLUTIONS; i++) {
        struct token_bucket *bucket = open_bucket(solutions[i], 5, 0);
        for (size_t n = 0; n < sizeof nonsense / sizeof nonsense[0]; n++) {
            char error[200] = "";
            cr_assert_null(solutions[i]->open(&nonsense[n].limits, error, sizeof error));
            cr_assert_eq(strstr(error, nonsense[n].named), error, "%s", error);
            error[0] = '\0';
            cr_assert_not(
                solutions[i]->reconfigure(bucket, &nonsense[n].limits, error, sizeof error));
            cr_assert_eq(strstr(error, nonsense[n].named), error, "%s", error);
        }
        cr_assert_eq(solutions[i]->available(bucket), 5, "%s", solutions[i]->name);
        solutions[i]->close(bucket);
    }
}

/* ---- under threads ---- */

enum { THREADS = 8, ATTEMPTS = 2000, CAPACITY = 777 };

struct worker {
    const struct token_bucket_variant *variant;
    struct token_bucket *bucket;
    pthread_barrier_t *start;
    int taken;
};

static int run_workers(const struct token_bucket_variant *variant, struct token_bucket *bucket,
                       void *(*work)(void *))
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    int taken = 0;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.variant = variant, .bucket = bucket, .start = &barrier};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        taken += workers[i].taken;
    }
    pthread_barrier_destroy(&barrier);
    return taken;
}

static void *try_repeatedly(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(worker->start);
    for (int n = 0; n < ATTEMPTS; n++) {
        worker->taken += worker->variant->try_acquire(worker->bucket, NULL) == RATE_ADMITTED;
    }
    return NULL;
}

Test(token_bucket, solutions_hand_out_exactly_what_there_is_to_eight_threads)
{
    for (size_t i = 0; i < SOLUTIONS; i++) {
        struct token_bucket *bucket = open_bucket(solutions[i], CAPACITY, 0);
        cr_assert_eq(run_workers(solutions[i], bucket, try_repeatedly), CAPACITY, "%s",
                     solutions[i]->name);
        cr_assert_eq(solutions[i]->available(bucket), 0, "%s", solutions[i]->name);
        solutions[i]->close(bucket);
    }
}

static void *take_and_give_back(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(worker->start);
    for (int n = 0; n < ATTEMPTS; n++) {
        if (worker->variant->try_acquire(worker->bucket, NULL) == RATE_ADMITTED) {
            worker->variant->give_back(worker->bucket);
            worker->taken++;
        }
    }
    return NULL;
}

Test(token_bucket, solutions_get_back_what_eight_threads_took)
{
    for (size_t i = 0; i < SOLUTIONS; i++) {
        struct token_bucket *bucket = open_bucket(solutions[i], 3, 0);
        cr_assert_gt(run_workers(solutions[i], bucket, take_and_give_back), 0);
        cr_assert_eq(solutions[i]->available(bucket), 3, "%s", solutions[i]->name);
        solutions[i]->close(bucket);
    }
}

static void *wait_for_tokens(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(worker->start);
    for (int n = 0; n < 10; n++) {
        worker->taken += worker->variant->acquire(worker->bucket, NULL) == RATE_ADMITTED;
    }
    return NULL;
}

Test(token_bucket, solutions_serve_eight_waiters_at_the_rate_without_waking_for_nothing)
{
    for (size_t i = 0; i < SOLUTIONS; i++) {
        struct token_bucket *bucket = open_bucket(solutions[i], 10, 500);
        struct timespec start;
        clock_gettime(CLOCK_MONOTONIC, &start);
        cr_assert_eq(run_workers(solutions[i], bucket, wait_for_tokens), 80);
        const double took_s = since_s(&start);
        cr_assert(took_s > 0.139 && took_s < 10, "%s: %g s", solutions[i]->name, took_s);
        cr_assert_eq(solutions[i]->futile_wakeups(bucket), 0, "%s", solutions[i]->name);
        solutions[i]->close(bucket);
    }
}

static void *wait_one(void *argument)
{
    struct worker *worker = argument;
    worker->taken = worker->variant->acquire(worker->bucket, NULL) == RATE_ADMITTED;
    return NULL;
}

Test(token_bucket, a_cancelled_wait_takes_nothing)
{
    for (size_t i = 0; i < SOLUTIONS; i++) {
        struct token_bucket *bucket = open_bucket(solutions[i], 1, 0.01);
        struct worker worker = {.variant = solutions[i], .bucket = bucket};
        pthread_t waiter;
        double before_s = 0;
        double after_s = 0;
        cr_assert_eq(solutions[i]->try_acquire(bucket, NULL), RATE_ADMITTED);
        cr_assert_eq(solutions[i]->try_acquire(bucket, &before_s), RATE_REFUSED);
        cr_assert_eq(pthread_create(&waiter, NULL, wait_one, &worker), 0);
        do {
            solutions[i]->try_acquire(bucket, &after_s);
        } while (after_s < before_s + 50); /* until the waiter has its promise */
        pthread_cancel(waiter);
        pthread_join(waiter, NULL);
        solutions[i]->try_acquire(bucket, &after_s);
        cr_assert_leq(after_s, before_s, "%s: its token is still promised", solutions[i]->name);
        cr_assert_eq(worker.taken, 0);
        solutions[i]->close(bucket);
    }
}

Test(token_bucket, fixed_wakes_a_waiter_when_a_token_comes_back)
{
    void (*const tokens_from[])(struct token_bucket *) = {token_bucket_fixed.give_back,
                                                          token_bucket_fixed.reset};
    for (size_t i = 0; i < 2; i++) {
        struct token_bucket *bucket = open_bucket(&token_bucket_fixed, 1, 0.001);
        struct worker worker = {.variant = &token_bucket_fixed, .bucket = bucket};
        pthread_t waiter;
        double retry_after_s = 0;
        cr_assert_eq(token_bucket_fixed.try_acquire(bucket, NULL), RATE_ADMITTED);
        cr_assert_eq(pthread_create(&waiter, NULL, wait_one, &worker), 0);
        do {
            token_bucket_fixed.try_acquire(bucket, &retry_after_s);
        } while (retry_after_s < 1500);
        tokens_from[i](bucket);
        pthread_join(waiter, NULL);
        cr_assert_eq(worker.taken, 1);
        token_bucket_fixed.close(bucket);
    }
}
