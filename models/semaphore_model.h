// SPDX-License-Identifier: MIT
#ifndef SEMAPHORE_MODEL_H
#define SEMAPHORE_MODEL_H

/*
 * What a semaphore with statistics is supposed to do, as a sequential program.
 *
 *  - A request gets a slot if fewer than max_concurrent are out; otherwise it counts as queued and
 *    joins the end of the line, or, if it does not want to wait, is refused.
 *  - A slot that comes back goes to the first in line at once.
 *  - Resizing takes no slot away; room that it makes goes to the line.
 *
 * So nobody waits while a slot is free. Requests that wait are told apart by ids of the caller's
 * choice, other than 0.
 *
 * A model is a plain value of bounded size and owns nothing; equal models are equal bytes.
 * Functions are pure but for their first argument.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEMAPHORE_MODEL_LINE_MAX 16

enum semaphore_model_answer {
    SEMAPHORE_MODEL_GRANTED,
    SEMAPHORE_MODEL_WAITS,
    SEMAPHORE_MODEL_FULL, /* it would wait, but the model has no room */
};

struct semaphore_model {
    int64_t max_concurrent;
    int64_t active;
    int64_t total_acquired;
    int64_t total_queued;
    uint64_t waiting;
    uint64_t line[SEMAPHORE_MODEL_LINE_MAX]; /* the first `waiting`; 0 beyond */
};

/* False when max_concurrent < 1. */
bool semaphore_model_init(struct semaphore_model *model, int64_t max_concurrent);

/* A request that waits if it has to. */
enum semaphore_model_answer semaphore_model_request(struct semaphore_model *model, uint64_t id);

/* A request that does not wait: whether it got a slot. */
bool semaphore_model_try(struct semaphore_model *model);

/* Returns a slot, and the id of the request that got it, 0 when there was none. At least one slot
 * must be out. */
uint64_t semaphore_model_release(struct semaphore_model *model);

/* Leaves the line. False when no such request waits. */
bool semaphore_model_give_up(struct semaphore_model *model, uint64_t id);

/* False, with nothing changed, when max_concurrent < 1. `served` (room for
 * SEMAPHORE_MODEL_LINE_MAX) receives the ids of those who got a slot, in order, *count how many. */
bool semaphore_model_resize(struct semaphore_model *model, int64_t max_concurrent, uint64_t *served,
                            size_t *count);

/* Slots left; below 0 after shrinking. */
int64_t semaphore_model_available(const struct semaphore_model *model);

#endif
