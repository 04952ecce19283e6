// SPDX-License-Identifier: MIT

/* The switches of token bucket, semaphore, combined limiter, provider factory and metrics: under
 * real threads with an operator who never rests, and what one thread can see. */

#include "../combined_switch.h"
#include "../metrics_switch.h"
#include "../provider_factory_switch.h"
#include "../semaphore_switch.h"
#include "../token_bucket_switch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { THREADS = 4, ROUNDS = 2000 };

static const struct timespec AT_ONCE = {0};

static struct rollout_flag *flag;
static atomic_bool done;

static void open_flag(void)
{
    char error[128];
    flag = rollout_fixed.open(&(struct rollout_options){.name = "switch"}, error, sizeof error);
    cr_assert_not_null(flag);
}

static void close_flag(void)
{
    rollout_fixed.close(flag);
}

TestSuite(switches, .init = open_flag, .fini = close_flag, .timeout = 60);

static void *operate(void *context)
{
    (void)context;
    for (int share = 0; !done; share = ROLLOUT_SHARE_ALL - share) {
        rollout_fixed.set_share(flag, share);
        sched_yield();
    }
    return NULL;
}

/* Runs the function on all threads while the share goes up and down. */
static void in_flight(void *(*work)(void *), void *context)
{
    pthread_t operator;
    pthread_t threads[THREADS];
    done = false;
    pthread_create(&operator, NULL, operate, NULL);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, context);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    done = true;
    pthread_join(operator, NULL);
}

static struct timespec in_ms(long ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += ms * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

#define EVERY_VARIANT_IS_FOUND(kind)                                                 \
    do {                                                                             \
        cr_assert_eq(kind##_variants[0], &kind##_naive);                             \
        for (size_t i = 0; i < kind##_variants_count; i++) {                         \
            cr_assert_eq(kind##_find(kind##_variants[i]->name), kind##_variants[i]); \
            kind##_variants[i]->close(NULL);                                         \
        }                                                                            \
        cr_assert_null(kind##_find("no-such-variant"));                              \
    } while (0)

Test(switches, registries_find_every_variant)
{
    EVERY_VARIANT_IS_FOUND(combined_switch);
    EVERY_VARIANT_IS_FOUND(metrics_switch);
    EVERY_VARIANT_IS_FOUND(provider_factory_switch);
    EVERY_VARIANT_IS_FOUND(semaphore_switch);
    EVERY_VARIANT_IS_FOUND(token_bucket_switch);
}

/* ---- semaphore ------------------------------------------------------------------------------- */

struct slots {
    struct semaphore_switch *semaphore;
    atomic_int inside;
    atomic_int most;
};

static struct semaphore_switch *open_semaphore(long long max)
{
    char error[128] = "";
    const struct semaphore_switch_options arms = {
        .arms = {&semaphore_fixed, &semaphore_lockfree}, .flags = &rollout_fixed, .flag = flag};
    struct semaphore_switch *semaphore = semaphore_switch_fixed.open(
        &arms, &(struct semaphore_options){.max_concurrent = max}, error, sizeof error);
    cr_assert_not_null(semaphore, "%s", error);
    return semaphore;
}

static void *hold_slots(void *context)
{
    struct slots *slots = context;
    for (int i = 0; i < ROUNDS; i++) {
        struct semaphore_switch_slot slot;
        const struct timespec soon = in_ms(1);
        if (semaphore_switch_fixed.acquire(slots->semaphore, "openai", i % 8 == 0 ? &soon : NULL,
                                           &slot) != RATE_ADMITTED) {
            continue;
        }
        const int inside = atomic_fetch_add(&slots->inside, 1) + 1;
        if (inside > slots->most) {
            slots->most = inside;
        }
        sched_yield();
        atomic_fetch_sub(&slots->inside, 1);
        semaphore_switch_fixed.release(slots->semaphore, &slot);
    }
    return NULL;
}

Test(switches, semaphore_grants_no_more_than_its_slots)
{
    struct slots slots = {.semaphore = open_semaphore(2)};
    struct semaphore_stats stats;
    in_flight(hold_slots, &slots);
    semaphore_switch_fixed.stats(slots.semaphore, &stats);
    cr_expect_leq(slots.most, 2);
    cr_expect_eq(stats.active, 0);
    cr_expect_eq(stats.available, 2);
    semaphore_switch_fixed.close(slots.semaphore);
}

Test(switches, semaphore_is_resized_in_both_arms)
{
    struct semaphore_switch *semaphore = open_semaphore(1);
    struct semaphore_switch_slot slots[3];
    cr_expect_not(semaphore_switch_fixed.resize(semaphore, 0));
    cr_expect(semaphore_switch_fixed.resize(semaphore, 2));
    for (int i = 0; i < 2; i++) {
        rollout_fixed.set_share(flag, i * ROLLOUT_SHARE_ALL);
        cr_expect_eq(semaphore_switch_fixed.acquire(semaphore, "openai", &AT_ONCE, &slots[i]),
                     RATE_ADMITTED);
    }
    cr_expect_eq(semaphore_switch_fixed.acquire(semaphore, "openai", &AT_ONCE, &slots[2]),
                 RATE_REFUSED);
    struct semaphore_stats stats;
    semaphore_switch_fixed.stats(semaphore, &stats);
    cr_expect_eq(stats.active, 2);
    cr_expect_eq(stats.max_concurrent, 2);
    cr_expect_eq(stats.total_queued, 1);
    semaphore_switch_fixed.release(semaphore, &slots[0]);
    semaphore_switch_fixed.release(semaphore, &slots[1]);
    semaphore_switch_fixed.close(semaphore);
}

/* ---- token bucket ---------------------------------------------------------------------------- */

struct tokens {
    struct token_bucket_switch *bucket;
    atomic_llong granted;
};

static struct token_bucket_switch *open_bucket(const struct token_bucket_variant *original,
                                               const struct token_bucket_variant *replacement,
                                               double capacity, double rate_per_s)
{
    char error[128] = "";
    const struct token_bucket_switch_options arms = {
        .arms = {original, replacement}, .flags = &rollout_fixed, .flag = flag, .key = "openai"};
    const struct token_bucket_limits limits = {.capacity = capacity, .rate_per_s = rate_per_s};
    struct token_bucket_switch *bucket =
        token_bucket_switch_fixed.open(&arms, &limits, error, sizeof error);
    cr_assert_not_null(bucket, "%s", error);
    return bucket;
}

static void *take_tokens(void *context)
{
    struct tokens *tokens = context;
    for (int i = 0; i < ROUNDS; i++) {
        const enum rate_decision decision =
            i % 2 == 0 ? token_bucket_switch_fixed.try_acquire(tokens->bucket, NULL)
                       : token_bucket_switch_fixed.acquire(tokens->bucket, NULL);
        if (decision == RATE_ADMITTED && i % 5 == 0) {
            token_bucket_switch_fixed.give_back(tokens->bucket);
        } else {
            tokens->granted += decision == RATE_ADMITTED;
        }
    }
    return NULL;
}

Test(switches, bucket_grants_exactly_its_tokens)
{
    struct tokens tokens = {.bucket =
                                open_bucket(&token_bucket_fixed, &token_bucket_lockfree, 1000, 0)};
    in_flight(take_tokens, &tokens);
    cr_expect_eq(tokens.granted, 1000);
    token_bucket_switch_fixed.close(tokens.bucket);
}

Test(switches, bucket_moves_fractions_between_all_variants)
{
    for (size_t from = 0; from < token_bucket_variants_count; from++) {
        for (size_t to = 0; to < token_bucket_variants_count; to++) {
            struct token_bucket_switch *bucket =
                open_bucket(token_bucket_variants[from], token_bucket_variants[to], 3, 0.001);
            rollout_fixed.set_share(flag, 0);
            for (int i = 0; i < 3; i++) {
                cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_ADMITTED);
            }
            token_bucket_switch_fixed.give_back(bucket);
            rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
            cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_ADMITTED);
            cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_REFUSED);
            rollout_fixed.set_share(flag, 0);
            cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_REFUSED);
            cr_expect_float_eq(token_bucket_switch_fixed.available(bucket), 0, 0.01);
            token_bucket_switch_fixed.reset(bucket);
            cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_ADMITTED);
            cr_expect_float_eq(token_bucket_switch_fixed.available(bucket), 2, 0.01);
            token_bucket_switch_fixed.close(bucket);
        }
    }
}

Test(switches, bucket_loses_no_fraction_between_all_variants)
{
    for (size_t from = 0; from < token_bucket_variants_count; from++) {
        for (size_t to = 0; to < token_bucket_variants_count; to++) {
            struct token_bucket_switch *bucket =
                open_bucket(token_bucket_variants[from], token_bucket_variants[to], 2.5, 0);
            rollout_fixed.set_share(flag, 0);
            cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_ADMITTED);
            cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_ADMITTED);
            for (int moves = 0; moves < 4; moves++) {
                rollout_fixed.set_share(flag, moves % 2 == 0 ? ROLLOUT_SHARE_ALL : 0);
                cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_REFUSED);
                cr_expect_float_eq(token_bucket_switch_fixed.available(bucket), 0.5, 1e-6,
                                   "from %s to %s", token_bucket_variants[from]->name,
                                   token_bucket_variants[to]->name);
            }
            token_bucket_switch_fixed.close(bucket);
        }
    }
}

Test(switches, bucket_takes_limits_in_both_arms_or_in_neither)
{
    struct token_bucket_switch *bucket =
        open_bucket(&token_bucket_naive, &token_bucket_fixed, 3, 0);
    char error[128] = "";
    const struct token_bucket_limits nonsense = {.capacity = 0};
    const struct token_bucket_limits smaller = {.capacity = 2};
    cr_expect_not(token_bucket_switch_fixed.reconfigure(bucket, &nonsense, error, sizeof error));
    cr_expect_neq(error[0], '\0');
    cr_expect_float_eq(token_bucket_switch_fixed.available(bucket), 3, 1e-9);
    cr_expect(token_bucket_switch_fixed.reconfigure(bucket, &smaller, error, sizeof error));
    rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
    cr_expect_eq(token_bucket_switch_fixed.try_acquire(bucket, NULL), RATE_ADMITTED);
    cr_expect_float_eq(token_bucket_switch_fixed.available(bucket), 1, 1e-9);
    token_bucket_switch_fixed.close(bucket);
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void *record_requests(void *context)
{
    for (int i = 0; i < ROUNDS; i++) {
        metrics_switch_fixed.record(context, "openai", "planner", 0.5);
    }
    return NULL;
}

Test(switches, metrics_count_every_request_once)
{
    char error[128] = "";
    const struct metrics_switch_options arms = {
        .arms = {&metrics_fixed, &metrics_lockfree}, .flags = &rollout_fixed, .flag = flag};
    struct metrics_switch *metrics = metrics_switch_fixed.open(
        &arms, &(struct metrics_options){.queue_max = 64}, error, sizeof error);
    struct metrics_counts counts;
    struct metrics_reading reading;
    cr_assert_not_null(metrics, "%s", error);
    cr_assert(metrics_switch_fixed.start(metrics));
    in_flight(record_requests, metrics);
    metrics_switch_fixed.stop(metrics);
    metrics_switch_fixed.counts(metrics, &counts);
    metrics_switch_fixed.read(metrics, "openai", "planner", &reading);
    cr_expect_eq(counts.recorded, THREADS * ROUNDS);
    cr_expect_eq(counts.stored + counts.dropped, counts.recorded);
    cr_expect_eq(reading.successes, counts.stored);
    cr_expect_eq(reading.latencies, counts.stored);
    metrics_switch_fixed.close(metrics);
}

/* ---- provider factory ------------------------------------------------------------------------ */

static atomic_int alive;
static atomic_int most_alive;
static atomic_int attempts;

static void *construct(const struct provider_config *config, void *context, char *error,
                       size_t error_size)
{
    static char object;
    (void)config;
    (void)context;
    if (atomic_fetch_add(&attempts, 1) % 7 == 3) {
        snprintf(error, error_size, "no connection");
        return NULL;
    }
    const int now = atomic_fetch_add(&alive, 1) + 1;
    if (now > most_alive) {
        most_alive = now;
    }
    sched_yield();
    return &object;
}

static void destroy(void *object, void *context)
{
    (void)object;
    (void)context;
    atomic_fetch_sub(&alive, 1);
}

static const struct provider_type plain = {
    .name = "plain", .construct = construct, .destroy = destroy};

static void *use_provider(void *context)
{
    static const struct provider_config config = {
        .name = "openai", .type = "plain", .model = "v1", .enabled = true};
    struct provider_factory_switch *factory = context;
    for (int i = 0; i < ROUNDS; i++) {
        char error[128];
        struct provider_loan loan;
        if (provider_factory_switch_fixed.create(factory, &config, &loan, error, sizeof error) ==
            PROVIDER_OK) {
            struct provider_loan found;
            cr_expect(provider_factory_switch_fixed.get(factory, "openai", &found));
            provider_factory_switch_fixed.put(factory, &found);
        }
        provider_factory_switch_fixed.put(factory, &loan);
    }
    return NULL;
}

Test(switches, factory_has_one_instance)
{
    char error[128] = "";
    const struct provider_factory_switch_options arms = {
        .arms = {&provider_factory_fixed, &provider_factory_lockfree},
        .flags = &rollout_fixed,
        .flag = flag};
    const struct provider_factory_options types = {.types = &plain, .type_count = 1};
    for (int round = 0; round < 20; round++) {
        struct provider_factory_switch *factory =
            provider_factory_switch_fixed.open(&arms, &types, error, sizeof error);
        cr_assert_not_null(factory, "%s", error);
        in_flight(use_provider, factory);
        cr_expect_eq(provider_factory_switch_fixed.live(factory), 1);
        cr_expect(provider_factory_switch_fixed.remove(factory, "openai"));
        cr_expect_not(provider_factory_switch_fixed.remove(factory, "openai"));
        cr_expect_eq(alive, 0);
        provider_factory_switch_fixed.close(factory);
    }
    cr_expect_eq(most_alive, 1);
}

/* ---- combined -------------------------------------------------------------------------------- */

struct requests {
    struct combined_switch *limiter;
    atomic_int admitted;
    atomic_int inside;
    atomic_int most;
};

static struct combined_switch *open_combined(const struct combined_variant *replacement,
                                             long long rpm, long long max, char *error,
                                             size_t error_size)
{
    const struct combined_provider provider = {
        .name = "openai", .window = {.rpm = rpm, .window_s = 60}, .bucket = {.capacity = 5000}};
    const struct combined_options limits = {
        .providers = &provider, .providers_count = 1, .max_concurrent = max};
    const struct combined_switch_options arms = {
        .arms = {&combined_fixed, replacement}, .flags = &rollout_fixed, .flag = flag};
    return combined_switch_fixed.open(&arms, &limits, error, error_size);
}

static void *make_requests(void *context)
{
    struct requests *requests = context;
    const struct combined_request request = {.provider = "openai"};
    for (int i = 0; i < ROUNDS; i++) {
        struct combined_switch_permit permit = {0};
        const bool sent = i % 3 != 0;
        if (combined_switch_fixed.acquire(requests->limiter, &request, &permit) != RATE_ADMITTED) {
            continue;
        }
        const int inside = atomic_fetch_add(&requests->inside, 1) + 1;
        if (inside > requests->most) {
            requests->most = inside;
        }
        requests->admitted += sent;
        atomic_fetch_sub(&requests->inside, 1);
        combined_switch_fixed.release(requests->limiter, &permit,
                                      sent ? COMBINED_DONE : COMBINED_NOT_SENT);
    }
    return NULL;
}

static void expect_every_limit_kept(const struct combined_variant *replacement)
{
    char error[128] = "";
    struct requests requests = {.limiter = open_combined(replacement, 1000, 2, error, 128)};
    struct combined_snapshot snapshot;
    cr_assert_not_null(requests.limiter, "%s", error);
    in_flight(make_requests, &requests);
    cr_assert(combined_switch_fixed.inspect(requests.limiter, "openai", &snapshot));
    cr_expect_eq(requests.admitted, 1000);
    cr_expect_eq(snapshot.window, 1000);
    cr_expect_float_eq(snapshot.tokens, 4000, 1e-6);
    cr_expect_eq(snapshot.slots.active, 0);
    cr_expect_leq(requests.most, 2);
    combined_switch_fixed.close(requests.limiter);
}

Test(switches, combined_keeps_every_limit)
{
    expect_every_limit_kept(&combined_fixed);
    expect_every_limit_kept(&combined_lockfree);
}

static enum rate_decision refuse(struct combined *limiter, const struct combined_request *request,
                                 struct combined_permit *permit)
{
    (void)limiter;
    (void)request;
    (void)permit;
    return RATE_REFUSED;
}

Test(switches, combined_gives_back_what_the_replacement_refuses)
{
    char error[128] = "";
    struct combined_variant refusing = combined_fixed;
    refusing.acquire = refuse;
    struct combined_switch *limiter = open_combined(&refusing, 1, 1, error, sizeof error);
    const struct combined_request request = {.provider = "openai", .deadline = &AT_ONCE};
    struct combined_switch_permit permit = {0};
    cr_assert_not_null(limiter, "%s", error);
    rollout_fixed.set_share(flag, ROLLOUT_SHARE_ALL);
    cr_expect_eq(combined_switch_fixed.acquire(limiter, &request, &permit), RATE_REFUSED);
    rollout_fixed.set_share(flag, 0);
    cr_expect_eq(combined_switch_fixed.acquire(limiter, &request, &permit), RATE_ADMITTED);
    combined_switch_fixed.release(limiter, &permit, COMBINED_DONE);
    combined_switch_fixed.close(limiter);
}

Test(switches, combined_refuses_what_is_not_in_memory_and_what_makes_no_sense)
{
    char error[128] = "";
    cr_expect_null(open_combined(&combined_redis_fixed, 1, 1, error, sizeof error));
    cr_expect_str_eq(error, "fixed is no variant in memory");
    struct combined_switch *limiter = open_combined(&combined_naive, 1, 1, error, sizeof error);
    struct combined_provider limits = {
        .name = "openai", .window = {.rpm = 0, .window_s = 60}, .bucket = {.capacity = 1}};
    cr_expect_not(combined_switch_fixed.reconfigure(limiter, &limits, error, sizeof error));
    limits.window.rpm = 2;
    cr_expect(combined_switch_fixed.reconfigure(limiter, &limits, error, sizeof error));
    combined_switch_fixed.close(limiter);
}
