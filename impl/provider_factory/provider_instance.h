// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_PROVIDER_INSTANCE_H
#define PROVIDER_FACTORY_PROVIDER_INSTANCE_H

/*
 * An instance that counts who refers to it: its registry, and everybody it is lent to. Whoever
 * drops the last reference destroys the object and then has the memory; `fixed` frees it,
 * `lockfree` waits until no reader can be looking at it any more.
 */

#include "provider_factory.h"

#include <ck_epoch.h>
#include <stdatomic.h>

struct provider_instance {
    struct provider lent; /* first: what callers hold */
    const struct provider_type *type;
    atomic_uint references;
    ck_epoch_entry_t retired; /* `lockfree` only */
};

/* Memory for an instance that is not built yet, with one reference; NULL when there is none. */
struct provider_instance *provider_instance_allocate(const struct provider_config *config,
                                                     const struct provider_type *type);

/* From what a caller holds. */
struct provider_instance *provider_instance_of(const struct provider *provider);

bool provider_instance_matches(const struct provider_instance *instance,
                               const struct provider_config *config);

/* One more reference, for whoever knows that there is one. */
void provider_instance_ref(struct provider_instance *instance);

/* One more, unless there is none left. */
bool provider_instance_try_ref(struct provider_instance *instance);

/* Drops one. True when it was the last: the object is nobody's now. */
bool provider_instance_unref(struct provider_instance *instance);

/* Destroys the object, with cancellation disabled. */
void provider_instance_destroy_object(struct provider_instance *instance, void *context);

#endif
