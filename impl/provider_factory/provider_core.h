// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_PROVIDER_CORE_H
#define PROVIDER_FACTORY_PROVIDER_CORE_H

/*
 * What `fixed` and `lockfree` share: everything that changes the registry. How the registry itself
 * is kept and read is the variant's own (struct provider_map_calls).
 *
 * Names are claimed before they are built. A claim is taken and settled under the lock and held
 * without it: that is the time in which the constructor runs. A name has at most one claim, hence
 * at most one construction; who wants a claimed name waits for the claim, not for the lock. A
 * rebuild takes its claims all at once, when all are free, so that two rebuilds cannot wait for
 * each other; it may have to wait long while others keep creating its names.
 *
 * The lock is held for a few instructions, and never while a constructor or a destructor runs. It
 * is taken before no other lock. No critical section contains a cancellation point other than the
 * wait for a claim, which cleans up.
 */

#include "provider_instance.h"

#include <pthread.h>

struct provider_change {
    const char *name;
    struct provider_instance *after;  /* NULL: the name is taken out */
    struct provider_instance *before; /* set by `apply`: what was there, or NULL */
};

struct provider_map_calls {
    /* The registered instance of that name, or NULL. The lock is held. */
    struct provider_instance *(*find)(void *owner, const char *name);

    /* Makes the changes, all at one moment. Moves the registry's reference in with `after` and out
     * with `before`. False, with nothing changed, when memory is out. The lock is held. */
    bool (*apply)(void *owner, struct provider_change *changes, size_t count);

    /* Frees the memory of an instance to which there is no reference. The lock is not held. */
    void (*retire)(void *owner, struct provider_instance *instance);
};

struct provider_claim;

struct provider_core {
    struct provider_factory_options options;
    const struct provider_map_calls *map;
    void *owner;
    pthread_mutex_t lock;
    pthread_cond_t settled; /* some claim was */
    struct provider_claim *claims;
    atomic_size_t live;
};

/* False when memory is out. */
bool provider_core_init(struct provider_core *core, const struct provider_factory_options *options,
                        const struct provider_map_calls *map, void *owner);
void provider_core_destroy(struct provider_core *core);

void provider_core_lock(struct provider_core *core);
void provider_core_unlock(struct provider_core *core);

/* As in the interface. */
enum provider_result provider_core_create(struct provider_core *core,
                                          const struct provider_config *config,
                                          const struct provider **provider, char *error,
                                          size_t error_size);
bool provider_core_remove(struct provider_core *core, const char *name);
enum provider_result provider_core_rebuild(struct provider_core *core,
                                           const struct provider_config *configs, size_t count,
                                           char *error, size_t error_size);
size_t provider_core_live(struct provider_core *core);

/* Drops a reference, the caller's or the registry's. The lock is not held. */
void provider_core_put(struct provider_core *core, struct provider_instance *instance);

#endif
