// SPDX-License-Identifier: MIT

/* What the variants of the provider factory do in one thread, and that `fixed` and `lockfree` keep
 * their promises under many. */

#include "../provider_factory.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

TestSuite(provider_factory, .timeout = 60);

/* ---- objects that remember what happened to them --------------------------------------------- */

#define OBJECTS_MAX 200000

struct object {
    atomic_int destroyed;
};

struct workshop {
    const struct provider_factory_variant *variant;
    struct provider_factory *factory;
    struct object *objects;
    atomic_size_t constructed;
    atomic_size_t destroyed;
    atomic_int failures_left;    /* of type "flaky" */
    atomic_int building;         /* constructors of type "gated" that have begun */
    sem_t gate;                  /* which they wait for */
    const struct provider *seen; /* what a constructor of type "curious" got */
};

static struct object *make(struct workshop *shop)
{
    const size_t number = atomic_fetch_add(&shop->constructed, 1);
    return number < OBJECTS_MAX ? &shop->objects[number] : NULL;
}

static void *construct(const struct provider_config *config, void *context, char *error,
                       size_t error_size)
{
    struct workshop *shop = context;
    (void)config;
    (void)error;
    (void)error_size;
    return make(shop);
}

static void *construct_broken(const struct provider_config *config, void *context, char *error,
                              size_t error_size)
{
    (void)context;
    snprintf(error, error_size, "no credentials for '%s'", config->name);
    return NULL;
}

static void *construct_flaky(const struct provider_config *config, void *context, char *error,
                             size_t error_size)
{
    struct workshop *shop = context;
    return atomic_fetch_sub(&shop->failures_left, 1) > 0
               ? construct_broken(config, context, error, error_size)
               : make(shop);
}

static void *construct_gated(const struct provider_config *config, void *context, char *error,
                             size_t error_size)
{
    struct workshop *shop = context;
    atomic_fetch_add(&shop->building, 1);
    while (sem_wait(&shop->gate) != 0) {
    }
    return construct_flaky(config, context, error, error_size);
}

static void *construct_curious(const struct provider_config *config, void *context, char *error,
                               size_t error_size)
{
    struct workshop *shop = context;
    const struct provider_config other = {"helper", "plain", "h", true};
    (void)config;
    if (shop->variant->create(shop->factory, &other, NULL, error, error_size) != PROVIDER_OK) {
        return NULL;
    }
    shop->seen = shop->variant->get(shop->factory, "helper");
    shop->variant->put(shop->factory, shop->seen);
    return make(shop);
}

static void destroy(void *object, void *context)
{
    struct workshop *shop = context;
    struct object *mine = object;
    cr_assert_eq(atomic_fetch_add(&mine->destroyed, 1), 0, "destroyed twice");
    atomic_fetch_add(&shop->destroyed, 1);
}

static const struct provider_type types[] = {
    {"plain", construct, destroy},           {"broken", construct_broken, destroy},
    {"flaky", construct_flaky, destroy},     {"gated", construct_gated, destroy},
    {"curious", construct_curious, destroy},
};

static struct workshop *open_workshop(const struct provider_factory_variant *variant)
{
    char error[128] = "";
    struct workshop *shop = calloc(1, sizeof *shop);
    shop->variant = variant;
    shop->objects = calloc(OBJECTS_MAX, sizeof *shop->objects);
    sem_init(&shop->gate, 0, 0);
    const struct provider_factory_options options = {types, sizeof types / sizeof types[0], shop};
    shop->factory = variant->open(&options, error, sizeof error);
    cr_assert_not_null(shop->factory, "%s: %s", variant->name, error);
    return shop;
}

/* Closes the factory, which must have destroyed all but `leaked` objects. */
static void close_workshop(struct workshop *shop, size_t leaked)
{
    shop->variant->close(shop->factory);
    cr_assert_eq(shop->destroyed + leaked, shop->constructed, "%s: %zu of %zu destroyed",
                 shop->variant->name, shop->destroyed, shop->constructed);
    sem_destroy(&shop->gate);
    free(shop->objects);
    free(shop);
}

static struct provider_config config_of(const char *name, const char *type, const char *model)
{
    return (struct provider_config){name, type, model, true};
}

static enum provider_result create(struct workshop *shop, const char *name, const char *type,
                                   const char *model, const struct provider **provider)
{
    char error[160] = "";
    const struct provider_config config = config_of(name, type, model);
    const enum provider_result result =
        shop->variant->create(shop->factory, &config, provider, error, sizeof error);
    cr_assert_eq(result == PROVIDER_OK, error[0] == '\0', "%s: %s with error '%s'",
                 shop->variant->name, provider_result_name(result), error);
    return result;
}

static bool registered(struct workshop *shop, const char *name)
{
    const struct provider *provider = shop->variant->get(shop->factory, name);
    shop->variant->put(shop->factory, provider);
    return provider != NULL;
}

static const struct provider_factory_variant *const solutions[] = {&provider_factory_fixed,
                                                                   &provider_factory_lockfree};
static const struct provider_factory_variant *const originals[] = {&provider_factory_naive,
                                                                   &provider_factory_proposed};

/* ---- one thread ------------------------------------------------------------------------------ */

Test(provider_factory, registry_finds_every_variant)
{
    cr_assert_eq(provider_factory_variants_count, 4);
    cr_assert_eq(provider_factory_variants[0], &provider_factory_naive);
    for (size_t i = 0; i < provider_factory_variants_count; i++) {
        const struct provider_factory_variant *variant = provider_factory_variants[i];
        cr_assert_eq(provider_factory_find(variant->name), variant);
        variant->close(NULL);
    }
    cr_assert_null(provider_factory_find("no-such-variant"));
}

Test(provider_factory, every_variant_creates_gets_and_removes)
{
    for (size_t i = 0; i < provider_factory_variants_count; i++) {
        struct workshop *shop = open_workshop(provider_factory_variants[i]);
        const struct provider *made;
        cr_assert_not(registered(shop, "openai"));
        cr_assert_eq(create(shop, "openai", "plain", "gpt", &made), PROVIDER_OK);
        cr_assert_str_eq(made->name, "openai");
        cr_assert_str_eq(made->type, "plain");
        cr_assert_str_eq(made->model, "gpt");
        cr_assert_eq(made->object, &shop->objects[0]);
        cr_assert_eq(shop->variant->live(shop->factory), 1);
        const struct provider *got = shop->variant->get(shop->factory, "openai");
        cr_assert_eq(got, made);
        cr_assert_not(registered(shop, "open"));
        shop->variant->put(shop->factory, got);
        shop->variant->put(shop->factory, made);
        cr_assert(shop->variant->remove(shop->factory, "openai"));
        cr_assert_not(shop->variant->remove(shop->factory, "openai"));
        cr_assert_not(registered(shop, "openai"));
        cr_assert_eq(shop->variant->live(shop->factory), 0);
        cr_assert_eq(create(shop, "openai", "plain", "gpt", NULL), PROVIDER_OK);
        cr_assert(registered(shop, "openai"));
        close_workshop(shop, 0);
    }
}

Test(provider_factory, every_variant_says_why_it_does_not_build)
{
    for (size_t i = 0; i < provider_factory_variants_count; i++) {
        struct workshop *shop = open_workshop(provider_factory_variants[i]);
        const struct provider_config disabled = {"a", "plain", "m", false};
        const struct provider *provider = (const struct provider *)shop;
        char error[160];
        cr_assert_eq(shop->variant->create(shop->factory, &disabled, &provider, error, 160),
                     PROVIDER_DISABLED);
        cr_assert_null(provider);
        cr_assert_str_eq(error, "provider 'a' is disabled");
        const struct provider_config unknown = config_of("a", "llama", "m");
        cr_assert_eq(shop->variant->create(shop->factory, &unknown, &provider, error, 160),
                     PROVIDER_UNKNOWN_TYPE);
        cr_assert_str_eq(error, "provider 'a' has the unknown type 'llama'");
        const struct provider_config broken = config_of("a", "broken", "m");
        cr_assert_eq(shop->variant->create(shop->factory, &broken, &provider, error, 160),
                     PROVIDER_FAILED);
        cr_assert_str_eq(error, "no credentials for 'a'");
        cr_assert_eq(shop->variant->snapshot(shop->factory, NULL, 0), 0);
        cr_assert_eq(shop->variant->live(shop->factory), 0);
        close_workshop(shop, 0);
    }
}

Test(provider_factory, every_variant_keeps_many_and_takes_snapshots)
{
    enum { MANY = 100 };
    for (size_t i = 0; i < provider_factory_variants_count; i++) {
        struct workshop *shop = open_workshop(provider_factory_variants[i]);
        const struct provider *providers[MANY];
        char name[16];
        for (int n = 0; n < MANY; n++) {
            snprintf(name, sizeof name, "provider-%d", n);
            cr_assert_eq(create(shop, name, "plain", "m", NULL), PROVIDER_OK);
        }
        for (int n = 0; n < MANY; n++) {
            snprintf(name, sizeof name, "provider-%d", n);
            cr_assert(registered(shop, name), "%s", name);
        }
        cr_assert_eq(shop->variant->snapshot(shop->factory, providers, 3), MANY);
        cr_assert_eq(shop->variant->snapshot(shop->factory, providers, MANY), MANY);
        for (int n = 0; n < MANY; n++) {
            for (int m = 0; m < n; m++) {
                cr_assert_str_neq(providers[n]->name, providers[m]->name);
            }
        }
        for (int n = 0; n < MANY; n++) {
            shop->variant->put(shop->factory, providers[n]);
        }
        close_workshop(shop, 0);
    }
}

Test(provider_factory, every_variant_rebuilds_what_is_listed_and_keeps_the_rest)
{
    for (size_t i = 0; i < provider_factory_variants_count; i++) {
        const bool leaks = i < 2; /* naive, proposed: what was replaced */
        struct workshop *shop = open_workshop(provider_factory_variants[i]);
        char error[160] = "";
        create(shop, "kept", "plain", "1", NULL);
        create(shop, "changed", "plain", "1", NULL);
        create(shop, "dropped", "plain", "1", NULL);
        const struct provider_config list[] = {
            config_of("changed", "plain", "2"),
            {"dropped", "plain", "2", false},
            config_of("added", "plain", "2"),
        };
        cr_assert_eq(shop->variant->rebuild(shop->factory, list, 3, error, sizeof error),
                     PROVIDER_OK, "%s", error);
        const struct provider *changed = shop->variant->get(shop->factory, "changed");
        cr_assert_str_eq(changed->model, "2");
        shop->variant->put(shop->factory, changed);
        cr_assert(registered(shop, "kept"));
        cr_assert(registered(shop, "added"));
        cr_assert_not(registered(shop, "dropped"));
        cr_assert_eq(shop->variant->live(shop->factory), leaks ? 5 : 3);
        close_workshop(shop, leaks ? 2 : 0);
    }
}

Test(provider_factory, originals_replace_on_a_second_create_and_lose_the_first)
{
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(originals[i]);
        const struct provider *first;
        const struct provider *second;
        create(shop, "a", "plain", "m", &first);
        create(shop, "a", "plain", "m", &second);
        cr_assert_neq(first->object, second->object);
        cr_assert_eq(shop->variant->live(shop->factory), 2);
        close_workshop(shop, 1);
    }
}

Test(provider_factory, solutions_create_once_and_refuse_a_conflict)
{
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(solutions[i]);
        const struct provider *first;
        const struct provider *second;
        create(shop, "a", "plain", "m", &first);
        cr_assert_eq(create(shop, "a", "plain", "m", &second), PROVIDER_OK);
        cr_assert_eq(first, second);
        shop->variant->put(shop->factory, first);
        shop->variant->put(shop->factory, second);
        shop->variant->put(shop->factory, NULL);
        cr_assert_eq(create(shop, "a", "plain", "other", &second), PROVIDER_CONFLICT);
        cr_assert_null(second);
        cr_assert_eq(create(shop, "a", "flaky", "m", &second), PROVIDER_CONFLICT);
        cr_assert_eq(shop->constructed, 1);
        close_workshop(shop, 0);
    }
}

Test(provider_factory, solutions_refuse_names_that_make_no_sense)
{
    char name[PROVIDER_NAME_LENGTH_MAX + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(solutions[i]);
        char error[160] = "";
        cr_assert_eq(create(shop, "", "plain", "m", NULL), PROVIDER_INVALID);
        cr_assert_eq(create(shop, name, "plain", "m", NULL), PROVIDER_INVALID);
        cr_assert_null(shop->variant->get(shop->factory, name));
        cr_assert_eq(create(shop, name + 1, "plain", "m", NULL), PROVIDER_OK);
        cr_assert(registered(shop, name + 1));
        const struct provider_config twice[] = {config_of("b", "plain", "1"),
                                                config_of("b", "plain", "2")};
        cr_assert_eq(shop->variant->rebuild(shop->factory, twice, 2, error, sizeof error),
                     PROVIDER_INVALID);
        cr_assert_str_eq(error, "provider 'b' is listed twice");
        cr_assert_eq(shop->constructed, 1);
        close_workshop(shop, 0);
    }
}

Test(provider_factory, solutions_rebuild_all_or_nothing)
{
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(solutions[i]);
        char error[160] = "";
        create(shop, "a", "plain", "1", NULL);
        create(shop, "b", "plain", "1", NULL);
        const struct provider_config list[] = {config_of("a", "plain", "2"),
                                               {"b", "plain", "2", false},
                                               config_of("c", "broken", "2")};
        cr_assert_eq(shop->variant->rebuild(shop->factory, list, 3, error, sizeof error),
                     PROVIDER_FAILED);
        cr_assert_str_eq(error, "no credentials for 'c'");
        const struct provider *a = shop->variant->get(shop->factory, "a");
        cr_assert_str_eq(a->model, "1");
        shop->variant->put(shop->factory, a);
        cr_assert(registered(shop, "b"));
        cr_assert_eq(shop->variant->live(shop->factory), 2);
        cr_assert_eq(create(shop, "c", "plain", "2", NULL), PROVIDER_OK, "no claim is left");
        close_workshop(shop, 0);
    }
}

Test(provider_factory, solutions_destroy_when_the_last_one_puts)
{
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(solutions[i]);
        char error[160] = "";
        const struct provider *lent[3];
        create(shop, "a", "plain", "1", &lent[0]);
        lent[1] = shop->variant->get(shop->factory, "a");
        cr_assert_eq(shop->variant->snapshot(shop->factory, &lent[2], 1), 1);
        const struct provider_config again = config_of("a", "plain", "2");
        cr_assert_eq(shop->variant->rebuild(shop->factory, &again, 1, error, sizeof error),
                     PROVIDER_OK);
        cr_assert(shop->variant->remove(shop->factory, "a"));
        cr_assert_eq(shop->destroyed, 1, "the second one: nobody has it");
        for (int n = 0; n < 3; n++) {
            cr_assert_eq(shop->variant->live(shop->factory), 1);
            cr_assert_str_eq(lent[n]->model, "1");
            shop->variant->put(shop->factory, lent[n]);
        }
        cr_assert_eq(shop->variant->live(shop->factory), 0);
        close_workshop(shop, 0);
    }
}

Test(provider_factory, every_variants_constructor_may_use_the_factory)
{
    for (size_t i = 0; i < provider_factory_variants_count; i++) {
        struct workshop *shop = open_workshop(provider_factory_variants[i]);
        cr_assert_eq(create(shop, "a", "curious", "m", NULL), PROVIDER_OK);
        cr_assert_not_null(shop->seen, "the lock is re-entrant, or not held");
        close_workshop(shop, 0);
    }
}

/* ---- many threads ---------------------------------------------------------------------------- */

#define THREADS 8

struct worker {
    struct workshop *shop;
    pthread_barrier_t *start;
    unsigned number;
    enum provider_result result;
    const struct provider *provider;
    char error[160];
};

static void run_workers(struct workshop *shop, struct worker *workers, void *(*work)(void *))
{
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.shop = shop, .start = &barrier, .number = i};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&barrier);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void wait_until_building(struct workshop *shop, int count)
{
    while (atomic_load(&shop->building) < count) {
        sleep_ms(1);
    }
}

static void *create_gated(void *argument)
{
    struct worker *worker = argument;
    struct workshop *shop = worker->shop;
    const struct provider_config config = config_of("a", "gated", "m");
    worker->result = shop->variant->create(shop->factory, &config, &worker->provider, worker->error,
                                           sizeof worker->error);
    return NULL;
}

/* All create one name; the first one's constructor ends when the others have had time to join. */
static void *create_gated_together(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(worker->start);
    if (worker->number == 0) {
        wait_until_building(worker->shop, 1);
        cr_assert_null(worker->shop->variant->get(worker->shop->factory, "a"));
        sleep_ms(200);
        sem_post(&worker->shop->gate);
    }
    return worker->number == 0 ? NULL : create_gated(worker);
}

Test(provider_factory, solutions_build_once_for_all_who_wait)
{
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(solutions[i]);
        struct worker workers[THREADS];
        run_workers(shop, workers, create_gated_together);
        for (int n = 1; n < THREADS; n++) {
            cr_assert_eq(workers[n].result, PROVIDER_OK, "%s", workers[n].error);
            cr_assert_eq(workers[n].provider, workers[1].provider);
            shop->variant->put(shop->factory, workers[n].provider);
        }
        cr_assert_eq(shop->constructed, 1);
        close_workshop(shop, 0);
    }
}

Test(provider_factory, solutions_tell_all_who_wait_of_a_failure_and_build_again)
{
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(solutions[i]);
        struct worker workers[THREADS];
        shop->failures_left = 1;
        run_workers(shop, workers, create_gated_together);
        for (int n = 1; n < THREADS; n++) {
            cr_assert_eq(workers[n].result, PROVIDER_FAILED, "%s", workers[n].error);
            cr_assert_null(workers[n].provider);
            cr_assert_str_eq(workers[n].error, "no credentials for 'a'");
        }
        cr_assert_eq(shop->building, 1);
        sem_post(&shop->gate);
        cr_assert_eq(create(shop, "a", "gated", "m", NULL), PROVIDER_OK);
        close_workshop(shop, 0);
    }
}

Test(provider_factory, solutions_hand_a_cancelled_construction_on)
{
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(solutions[i]);
        struct worker builder = {.shop = shop};
        struct worker waiter = {.shop = shop};
        struct worker quitter = {.shop = shop};
        pthread_t threads[3];
        pthread_create(&threads[0], NULL, create_gated, &builder);
        wait_until_building(shop, 1);
        pthread_create(&threads[1], NULL, create_gated, &waiter);
        pthread_create(&threads[2], NULL, create_gated, &quitter);
        sleep_ms(50);
        pthread_cancel(threads[2]);
        pthread_join(threads[2], NULL); /* while the constructor is still running */
        pthread_cancel(threads[0]);
        pthread_join(threads[0], NULL);
        wait_until_building(shop, 2);
        sem_post(&shop->gate);
        pthread_join(threads[1], NULL);
        cr_assert_eq(waiter.result, PROVIDER_OK, "%s", waiter.error);
        shop->variant->put(shop->factory, waiter.provider);
        cr_assert_eq(shop->constructed, 1);
        cr_assert_eq(shop->variant->live(shop->factory), 1);
        close_workshop(shop, 0);
    }
}

#define ROUNDS 500

static void use(struct workshop *shop, const struct provider *provider)
{
    if (provider != NULL) {
        const struct object *object = provider->object;
        cr_assert_eq(atomic_load(&object->destroyed), 0, "destroyed while it is lent");
        shop->variant->put(shop->factory, provider);
    }
}

/* Half of them read, half create, remove and rebuild the same four names. */
static void *read_or_write(void *argument)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    struct worker *worker = argument;
    struct workshop *shop = worker->shop;
    const struct provider *some[4];
    char error[160];

    pthread_barrier_wait(worker->start);
    for (unsigned n = 0; n < ROUNDS; n++) {
        const struct provider_config config = config_of(names[n % 4], "plain", "m");
        const struct provider_config two[] = {config, {names[(n + 1) % 4], "plain", "m", n % 2}};
        if (worker->number % 2 == 0) {
            use(shop, shop->variant->get(shop->factory, names[n % 4]));
            const size_t count = shop->variant->snapshot(shop->factory, some, 4);
            for (size_t i = 0; i < count; i++) {
                use(shop, some[i]);
            }
        } else if (n % 3 == 0) {
            const struct provider *made = NULL;
            cr_assert_eq(shop->variant->create(shop->factory, &config, &made, error, sizeof error),
                         PROVIDER_OK);
            use(shop, made);
        } else if (n % 3 == 1) {
            shop->variant->remove(shop->factory, names[(n + worker->number) % 4]);
        } else {
            cr_assert_eq(shop->variant->rebuild(shop->factory, two, 2, error, sizeof error),
                         PROVIDER_OK);
        }
    }
    return NULL;
}

Test(provider_factory, solutions_survive_readers_and_writers)
{
    for (size_t i = 0; i < 2; i++) {
        struct workshop *shop = open_workshop(solutions[i]);
        struct worker workers[THREADS];
        run_workers(shop, workers, read_or_write);
        cr_assert_eq(shop->variant->live(shop->factory),
                     shop->variant->snapshot(shop->factory, NULL, 0));
        close_workshop(shop, 0);
    }
}

/* Readers of a lockfree factory come and go: their records are used again. */
Test(provider_factory, lockfree_serves_many_short_threads)
{
    struct workshop *shop = open_workshop(&provider_factory_lockfree);
    struct worker workers[THREADS];
    create(shop, "a", "plain", "m", NULL);
    for (int n = 0; n < 10; n++) {
        run_workers(shop, workers, read_or_write);
    }
    close_workshop(shop, 0);
}
