// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind, in memory: window and bucket are one decision in one critical
 * section (gate.h); then the slot, and whoever does not get it gives the pass back.
 *
 * Policies:
 *  - Boundary: a request of age exactly the window has expired. Ages are compared in whole
 *    nanoseconds of the monotonic clock, so that setting the wall clock changes nothing.
 *  - A full window refuses at once. An empty bucket makes wait, first come, first served; whoever
 *    could not have a token by the deadline is refused on arrival.
 *  - A request that waits for its slot has passed: its room and its token are taken, and given back
 *    when the deadline comes first, the semaphore fails or the wait is cancelled. Others may
 *    meanwhile be refused for want of them.
 *  - A request that was made counts, whether it went well or not. One that was not made is taken
 *    back as a whole.
 *  - Reconfiguration keeps what the window and the bucket hold. Whoever waits is told its new time;
 *    who then would come too late, or finds a window that was made too small, is refused.
 *
 * Locks: a gate's mutex and, under it, its bucket's; the semaphore's by itself. No cancellation
 * point lies between taking something and the clean-up handler that gives it back.
 */

#include "combined.h"
#include "gate.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct provider {
    char *name;
    struct gate gate;
};

struct combined {
    struct global_semaphore *slots;
    size_t count;
    struct provider providers[];
};

static void fixed_close(struct combined *limiter)
{
    if (limiter == NULL) {
        return;
    }
    for (size_t i = 0; i < limiter->count; i++) {
        gate_close(&limiter->providers[i].gate);
        free(limiter->providers[i].name);
    }
    semaphore_fixed.close(limiter->slots);
    free(limiter);
}

static struct provider *find_provider(struct combined *limiter, const char *name)
{
    for (size_t i = 0; i < limiter->count; i++) {
        if (strcmp(limiter->providers[i].name, name) == 0) {
            return &limiter->providers[i];
        }
    }
    return NULL;
}

static bool add_provider(struct combined *limiter, const struct combined_provider *limits,
                         char *error, size_t error_size)
{
    struct provider *provider = &limiter->providers[limiter->count];

    if (find_provider(limiter, limits->name) != NULL) {
        snprintf(error, error_size, "provider %s is there twice", limits->name);
        return false;
    }
    provider->name = strdup(limits->name);
    if (provider->name == NULL) {
        snprintf(error, error_size, "out of memory");
        return false;
    }
    if (!gate_open(&provider->gate, &limits->window, &limits->bucket, error, error_size)) {
        free(provider->name);
        return false;
    }
    limiter->count++;
    return true;
}

static struct combined *fixed_open(const struct combined_options *options, char *error,
                                   size_t error_size)
{
    const struct semaphore_options slots = {.max_concurrent = options->max_concurrent};
    struct combined *limiter =
        calloc(1, sizeof *limiter + options->providers_count * sizeof limiter->providers[0]);
    if (limiter == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    limiter->slots = semaphore_fixed.open(&slots, error, error_size);
    bool opened = limiter->slots != NULL;
    for (size_t i = 0; opened && i < options->providers_count; i++) {
        opened = add_provider(limiter, &options->providers[i], error, error_size);
    }
    if (!opened) {
        fixed_close(limiter);
        return NULL;
    }
    return limiter;
}

static void give_back_pass(void *argument)
{
    struct combined_permit *permit = argument;
    struct provider *provider = permit->provider;
    gate_give_back(&provider->gate, permit->passed_ns);
    permit->provider = NULL;
}

static enum rate_decision fixed_acquire(struct combined *limiter,
                                        const struct combined_request *request,
                                        struct combined_permit *permit)
{
    struct provider *provider = find_provider(limiter, request->provider);
    if (provider == NULL) {
        return RATE_ERROR;
    }
    enum rate_decision decision = gate_pass(&provider->gate, request->deadline, &permit->passed_ns);
    if (decision != RATE_ADMITTED) {
        return decision;
    }
    permit->provider = provider;
    pthread_cleanup_push(give_back_pass, permit);
    decision = semaphore_fixed.acquire(limiter->slots, request->deadline);
    pthread_cleanup_pop(decision != RATE_ADMITTED);
    return decision;
}

static void fixed_release(struct combined *limiter, struct combined_permit *permit,
                          enum combined_outcome outcome)
{
    if (permit->provider == NULL) {
        return;
    }
    if (outcome == COMBINED_NOT_SENT) {
        give_back_pass(permit);
    }
    permit->provider = NULL;
    semaphore_fixed.release(limiter->slots);
}

static bool fixed_reconfigure(struct combined *limiter, const struct combined_provider *limits,
                              char *error, size_t error_size)
{
    struct provider *provider = find_provider(limiter, limits->name);
    if (provider == NULL) {
        snprintf(error, error_size, "no provider %s", limits->name);
        return false;
    }
    return gate_reconfigure(&provider->gate, &limits->window, &limits->bucket, error, error_size);
}

static bool fixed_inspect(struct combined *limiter, const char *name, redisContext *redis,
                          struct combined_snapshot *snapshot)
{
    (void)redis;
    struct provider *provider = find_provider(limiter, name);
    if (provider == NULL) {
        return false;
    }
    gate_look(&provider->gate, &snapshot->window, &snapshot->tokens);
    semaphore_fixed.stats(limiter->slots, &snapshot->slots);
    return true;
}

const struct combined_variant combined_fixed = {
    .name = "fixed",
    .backend = COMBINED_MEMORY,
    .open = fixed_open,
    .close = fixed_close,
    .acquire = fixed_acquire,
    .release = fixed_release,
    .reconfigure = fixed_reconfigure,
    .inspect = fixed_inspect,
};
