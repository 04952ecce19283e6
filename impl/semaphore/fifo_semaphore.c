// SPDX-License-Identifier: MIT
#include "fifo_semaphore.h"

#include <stddef.h>

static void return_slot(void *owner, const struct slot_place *place)
{
    (void)place;
    fifo_semaphore_post(owner);
}

static const struct slot_line_owner calls = {.declined = return_slot};

bool fifo_semaphore_init(struct fifo_semaphore *semaphore, long long value)
{
    semaphore->value = value;
    return slot_line_init(&semaphore->line, &calls, semaphore);
}

void fifo_semaphore_destroy(struct fifo_semaphore *semaphore)
{
    slot_line_destroy(&semaphore->line);
}

bool fifo_semaphore_locked(struct fifo_semaphore *semaphore)
{
    pthread_mutex_lock(&semaphore->line.lock);
    const bool locked = semaphore->value <= 0;
    pthread_mutex_unlock(&semaphore->line.lock);
    return locked;
}

bool fifo_semaphore_wait(struct fifo_semaphore *semaphore, const struct timespec *deadline)
{
    struct slot_place place;

    pthread_mutex_lock(&semaphore->line.lock);
    const bool free_slot = semaphore->value > 0;
    const bool waits = !free_slot && !slot_deadline_passed(deadline);
    if (free_slot) {
        semaphore->value--;
    } else if (waits) {
        slot_line_join(&semaphore->line, &place);
    }
    pthread_mutex_unlock(&semaphore->line.lock);
    return waits ? slot_line_wait(&place, deadline) : free_slot;
}

void fifo_semaphore_post(struct fifo_semaphore *semaphore)
{
    fifo_semaphore_grow(semaphore, 1);
}

/* While somebody waits, value <= 0. */
void fifo_semaphore_grow(struct fifo_semaphore *semaphore, long long slots)
{
    struct slot_place *served;

    pthread_mutex_lock(&semaphore->line.lock);
    semaphore->value += slots;
    while (semaphore->value > 0 && (served = slot_line_serve(&semaphore->line)) != NULL) {
        semaphore->value--;
        slot_place_wake(served);
    }
    pthread_mutex_unlock(&semaphore->line.lock);
}
