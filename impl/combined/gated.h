// SPDX-License-Identifier: MIT
#ifndef COMBINED_GATED_H
#define COMBINED_GATED_H

/*
 * A combined limiter that is put together from a gate a provider and a semaphore: the pass first,
 * then the slot, and whoever does not get that gives the pass back. Internal to this folder:
 * `fixed` and `lockfree` differ in which parts they take.
 *
 * No cancellation point lies between taking something and the clean-up handler that gives it back.
 */

#include "combined.h"
#include "gate.h"

struct gated_parts {
    const struct gate_variant *gates;
    const struct semaphore_variant *semaphores;
};

struct combined *gated_open(const struct gated_parts *parts, const struct combined_options *options,
                            char *error, size_t error_size);
void gated_close(struct combined *limiter);
enum rate_decision gated_acquire(struct combined *limiter, const struct combined_request *request,
                                 struct combined_permit *permit);
void gated_release(struct combined *limiter, struct combined_permit *permit,
                   enum combined_outcome outcome);
bool gated_reconfigure(struct combined *limiter, const struct combined_provider *limits,
                       char *error, size_t error_size);
bool gated_inspect(struct combined *limiter, const char *name, redisContext *redis,
                   struct combined_snapshot *snapshot);

#endif
