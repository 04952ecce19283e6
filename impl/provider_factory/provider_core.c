// SPDX-License-Identifier: MIT
#include "provider_core.h"

#include "provider_type.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 160 };

enum claim_state {
    CLAIM_HELD,    /* being built */
    CLAIM_SETTLED, /* built or given up: look again */
    CLAIM_FAILED,  /* not built, for the reason in `error` */
};

/* A name that somebody builds. Guarded by the lock. */
struct provider_claim {
    struct provider_claim *next;
    const struct provider_config *config; /* the holder's, as long as it is held */
    enum claim_state state;
    unsigned users; /* the holder and who waits; the last one frees it */
    enum provider_result result;
    char error[ERROR_SIZE];
};

/* One configuration on its way into the registry. */
struct item {
    const struct provider_config *config;
    const struct provider_type *type;   /* NULL: the name is taken out */
    struct provider_claim *claim;       /* NULL likewise */
    struct provider_instance *instance; /* NULL until it is built */
};

/* What one create or rebuild does. */
struct build {
    struct provider_core *core;
    struct item *items;
    struct provider_change *changes;
    size_t count;
    struct provider_instance *unbuilt; /* memory for the one whose constructor runs */
    const struct item *failed;         /* whose constructor did, if any */
};

bool provider_core_init(struct provider_core *core, const struct provider_factory_options *options,
                        const struct provider_map_calls *map, void *owner)
{
    core->options = *options;
    core->map = map;
    core->owner = owner;
    core->claims = NULL;
    atomic_init(&core->live, 0);
    if (pthread_mutex_init(&core->lock, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&core->settled, NULL) != 0) {
        pthread_mutex_destroy(&core->lock);
        return false;
    }
    return true;
}

void provider_core_destroy(struct provider_core *core)
{
    assert(core->claims == NULL); /* else somebody is building still */
    pthread_cond_destroy(&core->settled);
    pthread_mutex_destroy(&core->lock);
}

void provider_core_lock(struct provider_core *core)
{
    int failure = pthread_mutex_lock(&core->lock);
    assert(failure == 0); /* a plain mutex fails only when it is not one */
    (void)failure;
}

void provider_core_unlock(struct provider_core *core)
{
    int failure = pthread_mutex_unlock(&core->lock);
    assert(failure == 0);
    (void)failure;
}

static enum provider_result no_memory(char *error, size_t error_size)
{
    snprintf(error, error_size, "out of memory");
    return PROVIDER_NO_MEMORY;
}

/* ---- instances ------------------------------------------------------------------------------- */

static void destroy_object(struct provider_core *core, struct provider_instance *instance)
{
    provider_instance_destroy_object(instance, core->options.context);
    atomic_fetch_sub_explicit(&core->live, 1, memory_order_relaxed);
}

void provider_core_put(struct provider_core *core, struct provider_instance *instance)
{
    if (provider_instance_unref(instance)) {
        destroy_object(core, instance);
        core->map->retire(core->owner, instance);
    }
}

size_t provider_core_live(struct provider_core *core)
{
    return atomic_load_explicit(&core->live, memory_order_relaxed);
}

/* ---- claims: the lock is held ---------------------------------------------------------------- */

static struct provider_claim *create_claim(const struct provider_config *config)
{
    struct provider_claim *claim = calloc(1, sizeof *claim);
    if (claim != NULL) {
        claim->config = config;
        claim->users = 1;
    }
    return claim;
}

static struct provider_claim *find_claim(struct provider_core *core, const char *name)
{
    struct provider_claim *claim = core->claims;
    while (claim != NULL && strcmp(claim->config->name, name) != 0) {
        claim = claim->next;
    }
    return claim;
}

static void hold_claim(struct provider_core *core, struct provider_claim *claim)
{
    claim->next = core->claims;
    core->claims = claim;
}

static void leave_claim(struct provider_claim *claim)
{
    if (--claim->users == 0) {
        free(claim);
    }
}

static void settle_claim(struct provider_core *core, struct provider_claim *claim,
                         enum claim_state state)
{
    struct provider_claim **link = &core->claims;
    while (*link != claim) {
        link = &(*link)->next;
    }
    *link = claim->next;
    claim->config = NULL;
    claim->state = state;
    leave_claim(claim);
}

struct wait {
    struct provider_core *core;
    struct provider_claim *claim;
};

static void cancel_wait(void *context)
{
    struct wait *wait = context;
    leave_claim(wait->claim);
    provider_core_unlock(wait->core);
}

/* A cancellation point. On return the claim is the caller's to leave. */
static void wait_for_claim(struct provider_core *core, struct provider_claim *claim)
{
    struct wait wait = {core, claim};

    claim->users++;
    pthread_cleanup_push(cancel_wait, &wait);
    while (claim->state == CLAIM_HELD) {
        pthread_cond_wait(&core->settled, &core->lock);
    }
    pthread_cleanup_pop(0);
}

/* ---- building -------------------------------------------------------------------------------- */

/* Ends all claims. Only the item that failed (if any) fails those who wait for it; the others may
 * try for themselves. The lock is held. */
static void settle_all(struct build *build, enum provider_result result, const char *error)
{
    for (size_t i = 0; i < build->count; i++) {
        struct item *item = &build->items[i];
        if (item->claim == NULL) {
            continue;
        }
        if (item == build->failed) {
            item->claim->result = result;
            snprintf(item->claim->error, sizeof item->claim->error, "%s", error);
        }
        settle_claim(build->core, item->claim,
                     item == build->failed ? CLAIM_FAILED : CLAIM_SETTLED);
    }
    pthread_cond_broadcast(&build->core->settled);
}

/* Nobody has seen these instances. */
static void discard_instances(struct build *build)
{
    for (size_t i = 0; i < build->count; i++) {
        struct provider_instance *instance = build->items[i].instance;
        if (instance != NULL) {
            destroy_object(build->core, instance);
            free(instance);
        }
    }
    free(build->unbuilt);
}

static void give_up(struct build *build, enum provider_result result, const char *error)
{
    discard_instances(build);
    provider_core_lock(build->core);
    settle_all(build, result, error);
    provider_core_unlock(build->core);
}

static enum provider_result construct(struct build *build, struct item *item, char *error,
                                      size_t error_size)
{
    build->unbuilt = provider_instance_allocate(item->config, item->type);
    if (build->unbuilt == NULL) {
        return no_memory(error, error_size);
    }
    void *object =
        item->type->construct(item->config, build->core->options.context, error, error_size);
    if (object == NULL) {
        return PROVIDER_FAILED;
    }
    build->unbuilt->lent.object = object;
    item->instance = build->unbuilt;
    build->unbuilt = NULL;
    atomic_fetch_add_explicit(&build->core->live, 1, memory_order_relaxed);
    return PROVIDER_OK;
}

static enum provider_result construct_each(struct build *build, char *error, size_t error_size)
{
    for (size_t i = 0; i < build->count; i++) {
        struct item *item = &build->items[i];
        if (item->type == NULL) {
            continue;
        }
        const enum provider_result result = construct(build, item, error, error_size);
        if (result != PROVIDER_OK) {
            build->failed = item;
            return result;
        }
    }
    return PROVIDER_OK;
}

static void cancel_build(void *context)
{
    give_up(context, PROVIDER_OK, "");
}

/* Runs the constructors, without the lock. A cancellation point if they are. On failure everything
 * has been given up. */
static enum provider_result construct_all(struct build *build, char *error, size_t error_size)
{
    enum provider_result result;
    char text[ERROR_SIZE] = "";

    pthread_cleanup_push(cancel_build, build);
    result = construct_each(build, text, sizeof text);
    pthread_cleanup_pop(0);
    if (result != PROVIDER_OK) {
        give_up(build, result, text);
        snprintf(error, error_size, "%s", text);
    }
    return result;
}

/* Puts what was built into the registry. */
static enum provider_result install(struct build *build, char *error, size_t error_size)
{
    struct provider_core *core = build->core;

    for (size_t i = 0; i < build->count; i++) {
        build->changes[i] = (struct provider_change){
            .name = build->items[i].config->name,
            .after = build->items[i].instance,
        };
    }
    provider_core_lock(core);
    const bool applied = core->map->apply(core->owner, build->changes, build->count);
    if (applied) {
        settle_all(build, PROVIDER_OK, "");
    }
    provider_core_unlock(core);
    if (!applied) {
        const enum provider_result result = no_memory(error, error_size);
        give_up(build, result, "");
        return result;
    }
    for (size_t i = 0; i < build->count; i++) {
        if (build->changes[i].before != NULL) {
            provider_core_put(core, build->changes[i].before);
        }
    }
    return PROVIDER_OK;
}

/* ---- create ---------------------------------------------------------------------------------- */

static enum provider_result check(const struct provider_core *core,
                                  const struct provider_config *config,
                                  const struct provider_type **type, char *error, size_t error_size)
{
    const size_t length = strlen(config->name);
    if (length < 1 || length > PROVIDER_NAME_LENGTH_MAX) {
        snprintf(error, error_size, "a provider's name has from 1 to %d bytes, not %zu",
                 PROVIDER_NAME_LENGTH_MAX, length);
        return PROVIDER_INVALID;
    }
    return provider_type_for(&core->options, config, type, error, error_size);
}

static bool same_configuration(const struct provider_config *a, const struct provider_config *b)
{
    return strcmp(a->type, b->type) == 0 && strcmp(a->model, b->model) == 0;
}

static enum provider_result lend_registered(struct provider_instance *instance,
                                            const struct provider_config *config,
                                            const struct provider **provider, char *error,
                                            size_t error_size)
{
    if (!provider_instance_matches(instance, config)) {
        snprintf(error, error_size, "provider '%s' is registered as type '%s', model '%s'",
                 config->name, instance->lent.type, instance->lent.model);
        return PROVIDER_CONFLICT;
    }
    if (provider != NULL) {
        provider_instance_ref(instance);
        *provider = &instance->lent;
    }
    return PROVIDER_OK;
}

/* Waits for whoever builds the name. True when that failed for the same configuration: its failure
 * is ours. */
static bool share_failure(struct provider_core *core, struct provider_claim *claim,
                          const struct provider_config *config, enum provider_result *result,
                          char *error, size_t error_size)
{
    const bool same = same_configuration(claim->config, config);

    wait_for_claim(core, claim);
    const bool shared = same && claim->state == CLAIM_FAILED;
    if (shared) {
        *result = claim->result;
        snprintf(error, error_size, "%s", claim->error);
    }
    leave_claim(claim);
    return shared;
}

/* Either the result, or a claim with which the caller must build. The lock is held. */
static enum provider_result find_or_claim(struct provider_core *core,
                                          const struct provider_config *config,
                                          struct provider_claim **claim,
                                          const struct provider **provider, char *error,
                                          size_t error_size)
{
    for (;;) {
        struct provider_instance *instance = core->map->find(core->owner, config->name);
        if (instance != NULL) {
            return lend_registered(instance, config, provider, error, error_size);
        }
        struct provider_claim *other = find_claim(core, config->name);
        if (other == NULL) {
            break;
        }
        enum provider_result result;
        if (share_failure(core, other, config, &result, error, error_size)) {
            return result;
        }
    }
    *claim = create_claim(config);
    if (*claim == NULL) {
        return no_memory(error, error_size);
    }
    hold_claim(core, *claim);
    return PROVIDER_OK;
}

enum provider_result provider_core_create(struct provider_core *core,
                                          const struct provider_config *config,
                                          const struct provider **provider, char *error,
                                          size_t error_size)
{
    struct item item = {.config = config};
    struct provider_change change;
    struct build build = {.core = core, .items = &item, .changes = &change, .count = 1};

    if (provider != NULL) {
        *provider = NULL;
    }
    enum provider_result result = check(core, config, &item.type, error, error_size);
    if (result != PROVIDER_OK) {
        return result;
    }
    provider_core_lock(core);
    result = find_or_claim(core, config, &item.claim, provider, error, error_size);
    provider_core_unlock(core);
    if (item.claim == NULL) {
        return result;
    }
    result = construct_all(&build, error, error_size);
    if (result != PROVIDER_OK) {
        return result;
    }
    struct provider_instance *instance = item.instance;
    if (provider != NULL) {
        provider_instance_ref(instance);
    }
    result = install(&build, error, error_size);
    if (result == PROVIDER_OK && provider != NULL) {
        *provider = &instance->lent;
    }
    return result;
}

/* ---- remove ---------------------------------------------------------------------------------- */

bool provider_core_remove(struct provider_core *core, const char *name)
{
    struct provider_change change = {.name = name};

    provider_core_lock(core);
    const bool removed =
        core->map->find(core->owner, name) != NULL && core->map->apply(core->owner, &change, 1);
    provider_core_unlock(core);
    if (removed) {
        provider_core_put(core, change.before);
    }
    return removed;
}

/* ---- rebuild --------------------------------------------------------------------------------- */

static enum provider_result check_all(const struct provider_core *core,
                                      const struct provider_config *configs, size_t count,
                                      struct item *items, char *error, size_t error_size)
{
    for (size_t i = 0; i < count; i++) {
        items[i].config = &configs[i];
        const enum provider_result result =
            check(core, &configs[i], &items[i].type, error, error_size);
        if (result != PROVIDER_OK && result != PROVIDER_DISABLED) {
            return result;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(configs[j].name, configs[i].name) == 0) {
                snprintf(error, error_size, "provider '%s' is listed twice", configs[i].name);
                return PROVIDER_INVALID;
            }
        }
    }
    return PROVIDER_OK;
}

static void free_build(void *context)
{
    struct build *build = context;
    free(build->items);
    free(build->changes);
}

/* Makes a claim for each item that will be built. */
static bool create_claims(struct build *build)
{
    for (size_t i = 0; i < build->count; i++) {
        struct item *item = &build->items[i];
        item->claim = item->type != NULL ? create_claim(item->config) : NULL;
        if (item->type != NULL && item->claim == NULL) {
            return false;
        }
    }
    return true;
}

static void free_claims(void *context)
{
    struct build *build = context;
    for (size_t i = 0; i < build->count; i++) {
        free(build->items[i].claim);
    }
}

static struct provider_claim *other_claim(struct build *build)
{
    struct provider_claim *other = NULL;
    for (size_t i = 0; i < build->count && other == NULL; i++) {
        if (build->items[i].claim != NULL) {
            other = find_claim(build->core, build->items[i].config->name);
        }
    }
    return other;
}

/* Holds all claims at once, when nobody else holds one of them. A cancellation point. */
static void hold_all(struct build *build)
{
    struct provider_claim *other;

    provider_core_lock(build->core);
    pthread_cleanup_push(free_claims, build);
    while ((other = other_claim(build)) != NULL) {
        wait_for_claim(build->core, other);
        leave_claim(other);
    }
    pthread_cleanup_pop(0);
    for (size_t i = 0; i < build->count; i++) {
        if (build->items[i].claim != NULL) {
            hold_claim(build->core, build->items[i].claim);
        }
    }
    provider_core_unlock(build->core);
}

static enum provider_result run(struct build *build, const struct provider_config *configs,
                                char *error, size_t error_size)
{
    enum provider_result result =
        check_all(build->core, configs, build->count, build->items, error, error_size);
    if (result != PROVIDER_OK) {
        return result;
    }
    if (!create_claims(build)) {
        free_claims(build);
        return no_memory(error, error_size);
    }
    hold_all(build);
    result = construct_all(build, error, error_size);
    return result == PROVIDER_OK ? install(build, error, error_size) : result;
}

enum provider_result provider_core_rebuild(struct provider_core *core,
                                           const struct provider_config *configs, size_t count,
                                           char *error, size_t error_size)
{
    struct build build = {
        .core = core,
        .items = calloc(count + 1, sizeof(struct item)),
        .changes = calloc(count + 1, sizeof(struct provider_change)),
        .count = count,
    };
    enum provider_result result;

    pthread_cleanup_push(free_build, &build);
    if (build.items == NULL || build.changes == NULL) {
        result = no_memory(error, error_size);
    } else {
        result = run(&build, configs, error, error_size);
    }
    pthread_cleanup_pop(1);
    return result;
}
