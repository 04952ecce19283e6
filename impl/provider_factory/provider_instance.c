// SPDX-License-Identifier: MIT
#include "provider_instance.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct provider_instance *provider_instance_allocate(const struct provider_config *config,
                                                     const struct provider_type *type)
{
    const size_t name_size = strlen(config->name) + 1;
    const size_t model_size = strlen(config->model) + 1;
    struct provider_instance *instance = malloc(sizeof *instance + name_size + model_size);
    if (instance == NULL) {
        return NULL;
    }
    char *text = (char *)(instance + 1);
    instance->lent = (struct provider){
        .name = memcpy(text, config->name, name_size),
        .type = type->name,
        .model = memcpy(text + name_size, config->model, model_size),
    };
    instance->type = type;
    atomic_init(&instance->references, 1);
    return instance;
}

struct provider_instance *provider_instance_of(const struct provider *provider)
{
    /* The first member, and allocated as not const above. */
    return (struct provider_instance *)(uintptr_t)provider;
}

bool provider_instance_matches(const struct provider_instance *instance,
                               const struct provider_config *config)
{
    return strcmp(instance->lent.type, config->type) == 0 &&
           strcmp(instance->lent.model, config->model) == 0;
}

void provider_instance_ref(struct provider_instance *instance)
{
    const unsigned before =
        atomic_fetch_add_explicit(&instance->references, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}

bool provider_instance_try_ref(struct provider_instance *instance)
{
    unsigned references = atomic_load_explicit(&instance->references, memory_order_relaxed);

    while (references > 0) {
        if (atomic_compare_exchange_weak_explicit(&instance->references, &references,
                                                  references + 1, memory_order_acquire,
                                                  memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

bool provider_instance_unref(struct provider_instance *instance)
{
    /* Release: my use is before the destruction. Acquire: the destruction is after everybody's. */
    const unsigned before =
        atomic_fetch_sub_explicit(&instance->references, 1, memory_order_acq_rel);
    assert(before > 0); /* else somebody has put it twice */
    return before == 1;
}

void provider_instance_destroy_object(struct provider_instance *instance, void *context)
{
    int cancellation;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
    instance->type->destroy(instance->lent.object, context);
    pthread_setcancelstate(cancellation, NULL);
}
