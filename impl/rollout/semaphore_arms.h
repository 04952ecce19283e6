// SPDX-License-Identifier: MIT
#ifndef SEMAPHORE_ARMS_H
#define SEMAPHORE_ARMS_H

/* The handle of every switch of the semaphore, and what does not differ between them. Internal to
 * this folder. */

#include "arm_line.h"
#include "semaphore_switch.h"

struct semaphore_switch {
    struct semaphore_switch_options options;
    struct global_semaphore *semaphores[ROLLOUT_ARMS];
    struct arm_line line; /* of `fixed` */
};

struct semaphore_switch *semaphore_arms_open(const struct semaphore_switch_options *options,
                                             const struct semaphore_options *slots, char *error,
                                             size_t error_size);
void semaphore_arms_close(struct semaphore_switch *semaphore);

struct rollout_decision semaphore_arms_decide(struct semaphore_switch *semaphore, const char *key);
enum rate_decision semaphore_arms_acquire(struct semaphore_switch *semaphore, enum rollout_arm arm,
                                          const struct timespec *deadline);
void semaphore_arms_release(struct semaphore_switch *semaphore, enum rollout_arm arm);

/* The sum of both, one read after the other, at a maximum that holds for both together. */
void semaphore_arms_stats(struct semaphore_switch *semaphore, struct semaphore_stats *stats);

/* Both, or neither. */
bool semaphore_arms_resize(struct semaphore_switch *semaphore, long long max_concurrent);

#endif
