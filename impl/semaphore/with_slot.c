// SPDX-License-Identifier: MIT
#include "with_slot.h"

#include <pthread.h>

struct held_slot {
    const struct semaphore_variant *variant;
    struct global_semaphore *semaphore;
};

static void release_held(void *argument)
{
    const struct held_slot *slot = argument;
    slot->variant->release(slot->semaphore);
}

enum rate_decision semaphore_with_slot(const struct semaphore_variant *variant,
                                       struct global_semaphore *semaphore,
                                       const struct timespec *deadline, semaphore_request *request,
                                       void *context, bool *succeeded)
{
    struct held_slot slot = {.variant = variant, .semaphore = semaphore};
    const enum rate_decision decision = variant->acquire(semaphore, deadline);
    if (decision != RATE_ADMITTED) {
        return decision;
    }
    /* Between getting the slot and this no cancellation point. */
    pthread_cleanup_push(release_held, &slot);
    *succeeded = request(context);
    pthread_cleanup_pop(1);
    return RATE_ADMITTED;
}
