// SPDX-License-Identifier: MIT
#include "../metrics.h"

#include <criterion/criterion.h>
#include <pthread.h>

enum { THREADS = 4, THREADS_MANY = 8, REQUESTS = 20000 };

static struct metrics *open_started(const struct metrics_variant *variant,
                                    struct metrics_options options)
{
    char error[100];
    struct metrics *metrics = variant->open(&options, error, sizeof error);
    cr_assert_not_null(metrics, "%s", error);
    cr_assert(variant->start(metrics));
    return metrics;
}

/* The variants that we stand behind. */
static const struct metrics_variant *const solutions[] = {&metrics_fixed, &metrics_lockfree};

Test(metrics, finds_variants_by_name)
{
    for (size_t i = 0; i < metrics_variants_count; i++) {
        cr_assert_eq(metrics_find(metrics_variants[i]->name), metrics_variants[i]);
    }
    cr_assert_null(metrics_find("none"));
}

Test(metrics, stop_stores_what_was_recorded)
{
    for (size_t i = 0; i < 2; i++) {
        const struct metrics_variant *variant = solutions[i];
        struct metrics *metrics = open_started(variant, (struct metrics_options){0});
        for (int request = 1; request <= 3; request++) {
            cr_assert(variant->record(metrics, "openai", "planner", request));
        }
        variant->stop(metrics);
        struct metrics_reading reading;
        variant->read(metrics, "openai", "planner", &reading);
        cr_assert_eq(reading.successes, 3);
        cr_assert_eq(reading.latencies, 3);
        cr_assert_eq(reading.latest_s, 3);
        variant->read(metrics, "openai", "critic", &reading);
        cr_assert_eq(reading.successes, 0);
        variant->close(metrics);
    }
}

Test(metrics, drops_and_counts_what_is_malformed_too_much_or_too_late)
{
    for (size_t i = 0; i < 2; i++) {
        const struct metrics_variant *variant = solutions[i];
        char error[100];
        const struct metrics_options options = {.queue_max = 3};
        struct metrics *metrics = variant->open(&options, error, sizeof error);
        cr_assert_not(variant->record(metrics, NULL, "planner", 1));
        for (int request = 0; request < 3; request++) {
            cr_assert(variant->record(metrics, "openai", "planner", 1));
        }
        cr_assert_not(variant->record(metrics, "openai", "planner", 1), "the queue is full");
        cr_assert(variant->start(metrics));
        variant->stop(metrics);
        cr_assert_not(variant->record(metrics, "openai", "planner", 1), "it has been stopped");
        struct metrics_counts counts;
        variant->counts(metrics, &counts);
        cr_assert_eq(counts.recorded, 6);
        cr_assert_eq(counts.stored, 3);
        cr_assert_eq(counts.dropped, 3);
        cr_assert_eq(counts.pending, 0);
        variant->close(metrics);
    }
}

Test(metrics, keeps_the_last_latencies)
{
    for (size_t i = 0; i < 2; i++) {
        const struct metrics_variant *variant = solutions[i];
        struct metrics *metrics =
            open_started(variant, (struct metrics_options){.latencies_max = 4});
        for (int request = 1; request <= 10; request++) {
            variant->record(metrics, "openai", "planner", request);
        }
        variant->stop(metrics);
        struct metrics_reading reading;
        variant->read(metrics, "openai", "planner", &reading);
        cr_assert_eq(reading.successes, 10);
        cr_assert_eq(reading.kept, 4);
        cr_assert_eq(reading.latest_s, 10);
        variant->close(metrics);
    }
}

Test(metrics, what_was_never_stored_is_freed)
{
    for (size_t i = 0; i < metrics_variants_count; i++) {
        char error[100];
        const struct metrics_options options = {0};
        struct metrics *metrics = metrics_variants[i]->open(&options, error, sizeof error);
        metrics_variants[i]->record(metrics, "openai", "planner", 1);
        metrics_variants[i]->close(metrics);
        metrics_variants[i]->close(NULL);
    }
}

/* The proposal as it is: each of its faults that needs no second thread. */
Test(metrics, proposed_loses_at_the_end_and_mixes_names_up)
{
    struct metrics *metrics = open_started(&metrics_proposed, (struct metrics_options){0});
    metrics_proposed.record(metrics, "a_b", "c", 1);
    metrics_proposed.stop(metrics);
    struct metrics_counts counts;
    metrics_proposed.counts(metrics, &counts);
    cr_assert_eq(counts.recorded, 1);
    cr_assert_eq(counts.stored, 0);
    metrics_proposed.close(metrics);
}

typedef struct load {
    const struct metrics_variant *variant;
    struct metrics *metrics;
} load;

static void *record_many(void *argument)
{
    const load *self = argument;
    for (int i = 0; i < REQUESTS; i++) {
        self->variant->record(self->metrics, i % 2 ? "openai" : "anthropic", "planner", i);
    }
    return NULL;
}

Test(metrics, nothing_is_lost_under_load)
{
    for (size_t i = 0; i < 2; i++) {
        load self = {.variant = solutions[i]};
        self.metrics = open_started(self.variant, (struct metrics_options){.queue_max = 64});
        pthread_t threads[THREADS];
        for (int t = 0; t < THREADS; t++) {
            cr_assert_eq(pthread_create(&threads[t], NULL, record_many, &self), 0);
        }
        for (int t = 0; t < THREADS; t++) {
            pthread_join(threads[t], NULL);
        }
        self.variant->stop(self.metrics);
        struct metrics_counts counts;
        struct metrics_reading one;
        struct metrics_reading other;
        self.variant->counts(self.metrics, &counts);
        self.variant->read(self.metrics, "openai", "planner", &one);
        self.variant->read(self.metrics, "anthropic", "planner", &other);
        cr_assert_eq(counts.recorded, THREADS * REQUESTS);
        cr_assert_eq(counts.stored + counts.dropped, counts.recorded);
        cr_assert_eq(one.successes + other.successes, counts.stored);
        self.variant->close(self.metrics);
    }
}

/* More producers than cores, and room for all: whoever has the next slot may have no core, and the
 * others must not wait for it. */
Test(metrics, producers_do_not_wait_for_one_another, .timeout = 5)
{
    for (size_t i = 0; i < 2; i++) {
        const struct metrics_options options = {.queue_max = THREADS_MANY * REQUESTS};
        load self = {.variant = solutions[i], .metrics = open_started(solutions[i], options)};
        pthread_t threads[THREADS_MANY];
        for (int t = 0; t < THREADS_MANY; t++) {
            cr_assert_eq(pthread_create(&threads[t], NULL, record_many, &self), 0);
        }
        for (int t = 0; t < THREADS_MANY; t++) {
            pthread_join(threads[t], NULL);
        }
        self.variant->stop(self.metrics);
        struct metrics_counts counts;
        self.variant->counts(self.metrics, &counts);
        cr_assert_eq(counts.stored, THREADS_MANY * REQUESTS);
        cr_assert_eq(counts.dropped, 0);
        self.variant->close(self.metrics);
    }
}
