// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: a name belongs to one arm for as long as it is there.
 *
 * Policies:
 *  - The flag is asked when a name is to be built and neither is registered nor being built. Until
 *    it is removed, its arm serves it, whatever the flag says: nobody builds it again elsewhere.
 *  - Who falls back first waits until all who are building the name in the replacement are done.
 *    If one of them has succeeded, that instance is everybody's, else the name goes to the
 *    original. Whoever comes meanwhile waits as well.
 *  - A name that was removed while it is lent may be built again before it is put, as in one
 *    factory, and then by the other arm.
 *  - A lookup looks into the name's arm, and takes no lock.
 *
 * Cancellation: a constructor may contain cancellation points, and waiting is one; a clean-up
 * handler leaves the name as if the caller had not come. Names are remembered until the end.
 */

#include "provider_factory_arms.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct name_node node;
    pthread_mutex_t lock;   /* guards what follows; the arm may be read without */
    pthread_cond_t changed; /* somebody has left */
    _Atomic(enum rollout_arm) arm;
    size_t inside;  /* callers that are in the arm's create */
    size_t leaving; /* callers whom the arm has failed */
    char name[];
};

static void free_entry(struct entry *entry)
{
    pthread_cond_destroy(&entry->changed);
    pthread_mutex_destroy(&entry->lock);
    free(entry);
}

static void fixed_close(struct provider_factory_switch *factory)
{
    struct name_node *node = factory != NULL ? name_table_next(&factory->names, NULL) : NULL;
    while (node != NULL) {
        struct name_node *next = name_table_next(&factory->names, node);
        free_entry((struct entry *)node);
        node = next;
    }
    provider_factory_arms_close(factory);
}

static struct entry *find(const struct provider_factory_switch *factory, const char *name)
{
    return (struct entry *)name_table_find(&factory->names, name);
}

static struct entry *find_or_create(struct provider_factory_switch *factory, const char *name)
{
    struct entry *entry = find(factory, name);
    if (entry != NULL) {
        return entry;
    }
    const size_t name_size = strlen(name) + 1;
    entry = calloc(1, sizeof *entry + name_size);
    if (entry == NULL) {
        return NULL;
    }
    pthread_mutex_init(&entry->lock, NULL); /* neither can fail: without attributes */
    pthread_cond_init(&entry->changed, NULL);
    atomic_init(&entry->arm, ROLLOUT_ORIGINAL);
    memcpy(entry->name, name, name_size);
    entry->node.name = entry->name;
    struct name_node *inserted = name_table_insert(&factory->names, &entry->node);
    if (inserted != &entry->node) {
        free_entry(entry);
    }
    return (struct entry *)inserted;
}

static void unlock(void *context)
{
    struct entry *entry = context;
    pthread_mutex_unlock(&entry->lock);
}

static bool registered(struct provider_factory_switch *factory, const struct entry *entry)
{
    struct provider_loan loan;
    if (!provider_factory_arms_get(factory, entry->arm, entry->name, &loan)) {
        return false;
    }
    provider_factory_arms_put(factory, &loan);
    return true;
}

/* Which arm the caller goes into: the name's, if it has one, else the one that he wants. */
static enum rollout_arm enter(struct provider_factory_switch *factory, struct entry *entry,
                              enum rollout_arm wanted)
{
    enum rollout_arm arm;

    pthread_mutex_lock(&entry->lock);
    pthread_cleanup_push(unlock, entry);
    while (entry->leaving > 0) {
        pthread_cond_wait(&entry->changed, &entry->lock);
    }
    if (entry->inside == 0 && entry->arm != wanted && !registered(factory, entry)) {
        entry->arm = wanted;
    }
    entry->inside++;
    arm = entry->arm;
    pthread_cleanup_pop(1);
    return arm;
}

/* With the lock, which it gives back. */
static void stop_leaving(void *context)
{
    struct entry *entry = context;
    entry->leaving--;
    pthread_cond_broadcast(&entry->changed);
    pthread_mutex_unlock(&entry->lock);
}

static void leave(void *context)
{
    struct entry *entry = context;
    pthread_mutex_lock(&entry->lock);
    entry->inside--;
    pthread_cond_broadcast(&entry->changed);
    pthread_mutex_unlock(&entry->lock);
}

/* From the replacement, which has failed the caller, to the original, unless another caller has
 * been luckier. The caller has left, and enters. */
static enum rollout_arm change_over(struct provider_factory_switch *factory, struct entry *entry)
{
    enum rollout_arm arm;

    pthread_mutex_lock(&entry->lock);
    entry->leaving++;
    pthread_cleanup_push(stop_leaving, entry);
    while (entry->inside > 0 && entry->arm == ROLLOUT_REPLACEMENT) {
        pthread_cond_wait(&entry->changed, &entry->lock);
    }
    if (entry->arm == ROLLOUT_REPLACEMENT && !registered(factory, entry)) {
        entry->arm = ROLLOUT_ORIGINAL;
    }
    entry->inside++;
    arm = entry->arm;
    pthread_cleanup_pop(1);
    return arm;
}

static enum provider_result build(struct provider_factory_switch *factory, struct entry *entry,
                                  enum rollout_arm arm, const struct provider_config *config,
                                  struct provider_loan *loan, char *error, size_t error_size)
{
    enum provider_result result;

    pthread_cleanup_push(leave, entry);
    result = provider_factory_arms_create(factory, arm, config, loan, error, error_size);
    pthread_cleanup_pop(1);
    return result;
}

static enum provider_result fixed_create(struct provider_factory_switch *factory,
                                         const struct provider_config *config,
                                         struct provider_loan *loan, char *error, size_t error_size)
{
    struct rollout_decision decision = provider_factory_arms_decide(factory, config->name);
    struct entry *entry = find_or_create(factory, config->name);

    *loan = (struct provider_loan){0};
    if (entry == NULL) {
        snprintf(error, error_size, "out of memory");
        return PROVIDER_NO_MEMORY;
    }
    enum rollout_arm arm = enter(factory, entry, decision.arm);
    enum provider_result result = build(factory, entry, arm, config, loan, error, error_size);
    if (provider_factory_arms_failed(result) && arm == ROLLOUT_REPLACEMENT) {
        factory->options.flags->note_error(factory->options.flag, &decision);
        arm = change_over(factory, entry);
        if (arm == ROLLOUT_ORIGINAL) {
            factory->options.flags->note_fall_back(factory->options.flag);
        }
        result = build(factory, entry, arm, config, loan, error, error_size);
    }
    return result;
}

static bool fixed_get(struct provider_factory_switch *factory, const char *name,
                      struct provider_loan *loan)
{
    const struct entry *entry = find(factory, name);

    *loan = (struct provider_loan){0};
    return entry != NULL && provider_factory_arms_get(factory, entry->arm, name, loan);
}

static bool fixed_remove(struct provider_factory_switch *factory, const char *name)
{
    const struct entry *entry = find(factory, name);

    return entry != NULL && provider_factory_arms_remove(factory, entry->arm, name);
}

const struct provider_factory_switch_variant provider_factory_switch_fixed = {
    .name = "fixed",
    .open = provider_factory_arms_open,
    .close = fixed_close,
    .create = fixed_create,
    .get = fixed_get,
    .put = provider_factory_arms_put,
    .remove = fixed_remove,
    .live = provider_factory_arms_live,
};
