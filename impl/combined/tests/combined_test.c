// SPDX-License-Identifier: MIT

/* What the variants in memory do in one thread, how faithfully the faults of `naive` and `proposed`
 * are kept, and that `fixed` and `lockfree` keep their limits under many threads. */

#include "../combined.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

TestSuite(combined, .timeout = 60);

static const struct timespec long_ago = {.tv_sec = 0};

static struct combined_provider provider_of(const char *name, long long rpm, double burst)
{
    return (struct combined_provider){
        .name = name,
        .window = {.rpm = rpm, .window_s = 60},
        .bucket = {.capacity = burst, .rate_per_s = (double)rpm / 60},
    };
}

/* Two providers with the same limits, "a" and "b". */
static struct combined *open_limiter(const struct combined_variant *variant, long long rpm,
                                     double burst, long long slots)
{
    const struct combined_provider providers[] = {provider_of("a", rpm, burst),
                                                  provider_of("b", rpm, burst)};
    const struct combined_options options = {
        .providers = providers, .providers_count = 2, .max_concurrent = slots};
    char error[200] = "";
    struct combined *limiter = variant->open(&options, error, sizeof error);
    cr_assert_not_null(limiter, "%s: %s", variant->name, error);
    return limiter;
}

/* Without waiting. */
static enum rate_decision acquire(const struct combined_variant *variant, struct combined *limiter,
                                  const char *provider, struct combined_permit *permit)
{
    const struct combined_request request = {.provider = provider, .deadline = &long_ago};
    *permit = (struct combined_permit){0};
    return variant->acquire(limiter, &request, permit);
}

static struct combined_snapshot look(const struct combined_variant *variant,
                                     struct combined *limiter, const char *provider)
{
    struct combined_snapshot snapshot;
    cr_assert(variant->inspect(limiter, provider, NULL, &snapshot), "%s", variant->name);
    return snapshot;
}

static const struct combined_variant *const in_memory[] = {&combined_naive, &combined_proposed,
                                                           &combined_fixed, &combined_lockfree};
enum { IN_MEMORY = sizeof in_memory / sizeof in_memory[0], SOUND = 2 /* and above */ };

Test(combined, registry_finds_every_variant)
{
    cr_assert_eq(combined_variants[0], &combined_naive);
    for (size_t i = 0; i < combined_variants_count; i++) {
        const struct combined_variant *variant = combined_variants[i];
        cr_assert_eq(combined_find(variant->name, variant->backend), variant);
        variant->close(NULL);
    }
    cr_assert_null(combined_find("no-such-variant", COMBINED_MEMORY));
}

Test(combined, every_variant_admits_up_to_each_limit)
{
    for (size_t i = 0; i < IN_MEMORY; i++) {
        const struct combined_variant *variant = in_memory[i];
        struct combined_permit permits[4];

        struct combined *limiter = open_limiter(variant, 2, 9, 9);
        cr_assert_eq(acquire(variant, limiter, "a", &permits[0]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, "a", &permits[1]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, "a", &permits[2]), RATE_REFUSED, "the window");
        cr_assert_eq(acquire(variant, limiter, "b", &permits[3]), RATE_ADMITTED);
        cr_assert_eq(look(variant, limiter, "a").window, 2);
        cr_assert_eq(look(variant, limiter, "a").slots.active, 3);
        variant->close(limiter);

        limiter = open_limiter(variant, 9, 1, 9);
        cr_assert_eq(acquire(variant, limiter, "a", &permits[0]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, "a", &permits[1]), RATE_REFUSED, "the bucket");
        variant->close(limiter);

        limiter = open_limiter(variant, 9, 9, 1);
        cr_assert_eq(acquire(variant, limiter, "a", &permits[0]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, "b", &permits[1]), RATE_REFUSED, "the slots");
        variant->release(limiter, &permits[0], COMBINED_DONE);
        cr_assert_eq(acquire(variant, limiter, "b", &permits[1]), RATE_ADMITTED);
        variant->close(limiter);
    }
}

Test(combined, releasing_twice_or_what_was_refused_does_nothing)
{
    for (size_t i = 0; i < IN_MEMORY; i++) {
        const struct combined_variant *variant = in_memory[i];
        struct combined *limiter = open_limiter(variant, 9, 9, 2);
        struct combined_permit permits[3];
        cr_assert_eq(acquire(variant, limiter, "a", &permits[0]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, "a", &permits[1]), RATE_ADMITTED);
        cr_assert_eq(acquire(variant, limiter, "a", &permits[2]), RATE_REFUSED);
        variant->release(limiter, &permits[2], COMBINED_NOT_SENT);
        cr_assert_eq(look(variant, limiter, "a").slots.active, 2);
        for (int n = 0; n < 3; n++) {
            variant->release(limiter, &permits[0], COMBINED_NOT_SENT);
            cr_assert_eq(look(variant, limiter, "a").slots.active, 1, "%s", variant->name);
            cr_assert_eq(look(variant, limiter, "a").window, i >= SOUND ? 1 : 3, "%s",
                         variant->name);
        }
        variant->close(limiter);
    }
}

Test(combined, an_unknown_provider_is_an_error)
{
    for (size_t i = 0; i < IN_MEMORY; i++) {
        const struct combined_variant *variant = in_memory[i];
        struct combined *limiter = open_limiter(variant, 9, 9, 2);
        struct combined_permit permit;
        struct combined_snapshot snapshot;
        char error[100] = "";
        const struct combined_provider unknown = provider_of("c", 1, 1);
        cr_assert_eq(acquire(variant, limiter, "c", &permit), RATE_ERROR);
        variant->release(limiter, &permit, COMBINED_DONE);
        cr_assert_eq(look(variant, limiter, "a").slots.active, 0);
        cr_assert_not(variant->inspect(limiter, "c", NULL, &snapshot));
        cr_assert_not(variant->reconfigure(limiter, &unknown, error, sizeof error));
        cr_assert_str_eq(error, "no provider c");
        variant->close(limiter);
    }
}

Test(combined, proposed_spends_the_window_on_what_the_bucket_refuses_and_fixed_does_not)
{
    for (size_t i = 0; i < IN_MEMORY; i++) {
        const struct combined_variant *variant = in_memory[i];
        struct combined *limiter = open_limiter(variant, 10, 1, 99);
        struct combined_permit permit;
        int admitted = 0;
        for (int n = 0; n < 10; n++) {
            admitted += acquire(variant, limiter, "a", &permit) == RATE_ADMITTED;
        }
        cr_assert_eq(admitted, 1, "%s", variant->name);
        cr_assert_eq(look(variant, limiter, "a").window, variant == &combined_proposed ? 10 : 1,
                     "%s", variant->name);
        variant->close(limiter);
    }
}

static void expect_takes_nothing_when_there_is_no_slot(const struct combined_variant *variant)
{
    struct combined *limiter = open_limiter(variant, 9, 5, 1);
    struct combined_permit held;
    struct combined_permit permit;
    cr_assert_eq(acquire(variant, limiter, "b", &held), RATE_ADMITTED);
    for (int n = 0; n < 20; n++) {
        cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_REFUSED);
        cr_assert_eq(look(variant, limiter, "a").window, 0);
        cr_assert_eq(look(variant, limiter, "a").tokens, 5);
    }
    variant->close(limiter);
}

Test(combined, fixed_takes_nothing_when_there_is_no_slot)
{
    expect_takes_nothing_when_there_is_no_slot(&combined_fixed);
}

Test(combined, lockfree_takes_nothing_when_there_is_no_slot)
{
    expect_takes_nothing_when_there_is_no_slot(&combined_lockfree);
}

static void
expect_gives_back_what_was_not_sent_and_keeps_what_was(const struct combined_variant *variant)
{
    struct combined *limiter = open_limiter(variant, 2, 2, 1);
    struct combined_permit permit;
    for (int n = 0; n < 20; n++) {
        cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_ADMITTED);
        variant->release(limiter, &permit, COMBINED_NOT_SENT);
    }
    cr_assert_eq(look(variant, limiter, "a").tokens, 2);
    cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_ADMITTED);
    variant->release(limiter, &permit, COMBINED_FAILED);
    cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_ADMITTED);
    variant->release(limiter, &permit, COMBINED_DONE);
    cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_REFUSED);
    variant->close(limiter);
}

Test(combined, fixed_gives_back_what_was_not_sent_and_keeps_what_was)
{
    expect_gives_back_what_was_not_sent_and_keeps_what_was(&combined_fixed);
}

Test(combined, lockfree_gives_back_what_was_not_sent_and_keeps_what_was)
{
    expect_gives_back_what_was_not_sent_and_keeps_what_was(&combined_lockfree);
}

static void expect_remembers_across_a_reconfiguration(const struct combined_variant *variant)
{
    char error[200] = "";
    struct combined *limiter = open_limiter(variant, 4, 4, 9);
    struct combined_permit permit;
    const struct combined_provider less = provider_of("a", 2, 4);
    const struct combined_provider more = provider_of("a", 3, 4);
    const struct combined_provider nonsense = provider_of("a", 0, 4);

    cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_ADMITTED);
    cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_ADMITTED);
    cr_assert(variant->reconfigure(limiter, &less, error, sizeof error), "%s", error);
    cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_REFUSED);
    cr_assert_not(variant->reconfigure(limiter, &nonsense, error, sizeof error));
    cr_assert_str_eq(error, "rpm is 0, must be from 1 to 1000000");
    cr_assert(variant->reconfigure(limiter, &more, error, sizeof error), "%s", error);
    cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_ADMITTED);
    cr_assert_eq(acquire(variant, limiter, "a", &permit), RATE_REFUSED);
    variant->close(limiter);
}

Test(combined, fixed_remembers_across_a_reconfiguration)
{
    expect_remembers_across_a_reconfiguration(&combined_fixed);
}

Test(combined, lockfree_remembers_across_a_reconfiguration)
{
    expect_remembers_across_a_reconfiguration(&combined_lockfree);
}

static void expect_refuses_nonsense_configuration(const struct combined_variant *variant)
{
    const struct combined_provider nonsense[] = {
        provider_of("a", 0, 1),
        provider_of("a", 1, 0),
        {.name = "a", .window = {1, -1}, .bucket = {1, 1}},
        {.name = "a", .window = {1, 1}, .bucket = {1, -1}}};
    char error[200];
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        const struct combined_options options = {&nonsense[i], 1, 1};
        error[0] = '\0';
        cr_assert_null(variant->open(&options, error, sizeof error), "case %zu", i);
        cr_assert_neq(error[0], '\0');
    }
    const struct combined_provider twice[] = {provider_of("a", 1, 1), provider_of("a", 1, 1)};
    cr_assert_null(variant->open(&(struct combined_options){twice, 2, 1}, error, sizeof error));
    cr_assert_str_eq(error, "provider a is there twice");
    cr_assert_null(variant->open(&(struct combined_options){twice, 1, 0}, error, sizeof error));
}

Test(combined, fixed_refuses_nonsense_configuration)
{
    expect_refuses_nonsense_configuration(&combined_fixed);
}

Test(combined, lockfree_refuses_nonsense_configuration)
{
    expect_refuses_nonsense_configuration(&combined_lockfree);
}

/* ---- run ---- */

static enum combined_outcome answer(void *context)
{
    return *(enum combined_outcome *)context;
}

static enum combined_outcome be_cancelled(void *context)
{
    (void)context;
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return COMBINED_NOT_SENT;
}

static enum combined_outcome must_not_run(void *context)
{
    (void)context;
    cr_assert_fail("called without a permit");
    return COMBINED_DONE;
}

struct cancelled_run {
    const struct combined_variant *variant;
    struct combined *limiter;
};

static void *run_and_be_cancelled(void *context)
{
    const struct combined_request request = {.provider = "a", .deadline = &long_ago};
    const struct cancelled_run *run = context;
    combined_run(run->variant, run->limiter, &request, be_cancelled, NULL);
    return NULL;
}

static void expect_run_releases(const struct combined_variant *variant)
{
    struct combined *limiter = open_limiter(variant, 2, 2, 1);
    const struct combined_request request = {.provider = "a", .deadline = &long_ago};
    enum combined_outcome outcome = COMBINED_NOT_SENT;
    for (int n = 0; n < 5; n++) {
        cr_assert_eq(combined_run(variant, limiter, &request, answer, &outcome), RATE_ADMITTED);
    }
    outcome = COMBINED_FAILED;
    combined_run(variant, limiter, &request, answer, &outcome);
    cr_assert_eq(look(variant, limiter, "a").window, 1);

    struct cancelled_run run = {variant, limiter};
    pthread_t thread;
    void *result;
    cr_assert_eq(pthread_create(&thread, NULL, run_and_be_cancelled, &run), 0);
    pthread_join(thread, &result);
    cr_assert_eq(result, PTHREAD_CANCELED);
    cr_assert_eq(look(variant, limiter, "a").window, 2, "it may have been sent");
    cr_assert_eq(look(variant, limiter, "a").slots.active, 0);

    cr_assert_eq(combined_run(variant, limiter, &request, must_not_run, NULL), RATE_REFUSED);
    variant->close(limiter);
}

Test(combined, run_releases_with_the_outcome)
{
    expect_run_releases(&combined_fixed);
    expect_run_releases(&combined_lockfree);
}

/* ---- under threads ---- */

enum { THREADS = 8, ATTEMPTS = 400, LIMIT = 500, SLOTS = 3 };

struct crowd {
    const struct combined_variant *variant;
    struct combined *limiter;
    pthread_barrier_t start;
    atomic_int inside;
    atomic_int most_inside;
    atomic_int admitted;
    atomic_int not_sent;
};

/* A third of the requests is not sent after all. */
static enum combined_outcome pretend(void *context)
{
    struct crowd *crowd = context;
    const int inside = atomic_fetch_add(&crowd->inside, 1) + 1;
    int most = atomic_load(&crowd->most_inside);
    while (inside > most && !atomic_compare_exchange_weak(&crowd->most_inside, &most, inside)) {
    }
    atomic_fetch_sub(&crowd->inside, 1);
    if (atomic_fetch_add(&crowd->admitted, 1) % 3 == 0) {
        atomic_fetch_add(&crowd->not_sent, 1);
        return COMBINED_NOT_SENT;
    }
    return COMBINED_DONE;
}

static void *ask_repeatedly(void *context)
{
    struct crowd *crowd = context;
    const struct combined_request request = {.provider = "a", .deadline = NULL};
    pthread_barrier_wait(&crowd->start);
    for (int n = 0; n < ATTEMPTS; n++) {
        cr_assert_neq(combined_run(crowd->variant, crowd->limiter, &request, pretend, crowd),
                      RATE_ERROR);
    }
    return NULL;
}

static void expect_keeps_every_limit_with_eight_threads(const struct combined_variant *variant)
{
    struct crowd crowd = {.variant = variant,
                          .limiter = open_limiter(variant, LIMIT, LIMIT, SLOTS)};
    pthread_t threads[THREADS];
    pthread_barrier_init(&crowd.start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, ask_repeatedly, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&crowd.start);
    const struct combined_snapshot end = look(variant, crowd.limiter, "a");
    cr_assert_eq(atomic_load(&crowd.admitted) - atomic_load(&crowd.not_sent), LIMIT);
    cr_assert_eq(end.window, LIMIT);
    cr_assert_eq(end.slots.active, 0);
    cr_assert_leq(atomic_load(&crowd.most_inside), SLOTS);
    variant->close(crowd.limiter);
}

Test(combined, fixed_keeps_every_limit_with_eight_threads)
{
    expect_keeps_every_limit_with_eight_threads(&combined_fixed);
}

Test(combined, lockfree_keeps_every_limit_with_eight_threads)
{
    expect_keeps_every_limit_with_eight_threads(&combined_lockfree);
}

/* ---- waiting for a token ---- */

/* A bucket of one that gains a token every 20 ms: the second waits, and counts from when it had it.
 */
static void expect_waiting(const struct combined_variant *variant)
{
    const struct combined_provider provider = {
        .name = "a", .window = {.rpm = 3, .window_s = 60}, .bucket = {1, 50}};
    const struct combined_options options = {&provider, 1, 9};
    const struct combined_request request = {.provider = "a"};
    char error[200] = "";
    struct combined *limiter = variant->open(&options, error, sizeof error);
    struct combined_permit permits[4] = {{0}};

    cr_assert_not_null(limiter, "%s", error);
    for (int n = 0; n < 3; n++) {
        cr_assert_eq(variant->acquire(limiter, &request, &permits[n]), RATE_ADMITTED);
    }
    cr_assert_eq(variant->acquire(limiter, &request, &permits[3]), RATE_REFUSED, "the window");
    cr_assert_eq(look(variant, limiter, "a").window, 3);
    variant->release(limiter, &permits[1], COMBINED_NOT_SENT);
    cr_assert_eq(variant->acquire(limiter, &request, &permits[3]), RATE_ADMITTED, "in its place");
    variant->close(limiter);
}

Test(combined, a_token_is_waited_for)
{
    expect_waiting(&combined_fixed);
    expect_waiting(&combined_lockfree);
}

struct waiter {
    const struct combined_variant *variant;
    struct combined *limiter;
    enum rate_decision decision;
};

static void *wait_for_token(void *context)
{
    struct waiter *waiter = context;
    const struct combined_request request = {.provider = "a"};
    struct combined_permit permit = {0};
    waiter->decision = waiter->variant->acquire(waiter->limiter, &request, &permit);
    return NULL;
}

/* A token a minute. While one waits for it the window of two is full; the waiter is cancelled, and
 * its room and its future token are there again. */
static void expect_cancelled_waiter_leaves_no_trace(const struct combined_variant *variant)
{
    const struct combined_provider provider = {
        .name = "a", .window = {.rpm = 2, .window_s = 60}, .bucket = {1, 1.0 / 60}};
    const struct combined_provider faster = {
        .name = "a", .window = {.rpm = 2, .window_s = 60}, .bucket = {1, 1e6}};
    const struct combined_options options = {&provider, 1, 9};
    struct waiter waiter = {.variant = variant};
    struct combined_permit permit;
    char error[200] = "";
    pthread_t thread;

    waiter.limiter = variant->open(&options, error, sizeof error);
    cr_assert_eq(acquire(variant, waiter.limiter, "a", &permit), RATE_ADMITTED);
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_token, &waiter), 0);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    cr_assert_eq(look(variant, waiter.limiter, "a").window, 1);
    cr_assert(variant->reconfigure(waiter.limiter, &faster, error, sizeof error), "%s", error);
    const struct combined_request request = {.provider = "a"};
    cr_assert_eq(variant->acquire(waiter.limiter, &request, &permit), RATE_ADMITTED);
    variant->close(waiter.limiter);
}

Test(combined, a_cancelled_waiter_leaves_no_trace)
{
    expect_cancelled_waiter_leaves_no_trace(&combined_fixed);
    expect_cancelled_waiter_leaves_no_trace(&combined_lockfree);
}

/* More permits out than the first chunk of records or of slots has room for. */
Test(combined, lockfree_grows)
{
    enum { MANY = 1000 };
    static struct combined_permit permits[MANY];
    struct combined *limiter = open_limiter(&combined_lockfree, MANY, MANY, MANY);
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < MANY; n++) {
            cr_assert_eq(acquire(&combined_lockfree, limiter, "a", &permits[n]), RATE_ADMITTED);
        }
        struct combined_permit refused;
        cr_assert_eq(acquire(&combined_lockfree, limiter, "a", &refused), RATE_REFUSED);
        cr_assert_eq(look(&combined_lockfree, limiter, "a").window, MANY);
        for (int n = 0; n < MANY; n++) {
            combined_lockfree.release(limiter, &permits[n], COMBINED_NOT_SENT);
        }
        cr_assert_eq(look(&combined_lockfree, limiter, "a").window, 0);
        cr_assert_eq(look(&combined_lockfree, limiter, "a").tokens, MANY);
    }
    combined_lockfree.close(limiter);
}
