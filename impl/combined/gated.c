// SPDX-License-Identifier: MIT
#include "gated.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gated_provider {
    char *name;
    struct gate *gate;
};

struct combined {
    const struct gated_parts *parts; /* constant */
    struct global_semaphore *slots;
    size_t count;
    struct gated_provider providers[];
};

void gated_close(struct combined *limiter)
{
    if (limiter == NULL) {
        return;
    }
    for (size_t i = 0; i < limiter->count; i++) {
        limiter->parts->gates->close(limiter->providers[i].gate);
        free(limiter->providers[i].name);
    }
    limiter->parts->semaphores->close(limiter->slots);
    free(limiter);
}

static struct gated_provider *find_provider(struct combined *limiter, const char *name)
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
    struct gated_provider *provider = &limiter->providers[limiter->count];

    if (find_provider(limiter, limits->name) != NULL) {
        snprintf(error, error_size, "provider %s is there twice", limits->name);
        return false;
    }
    provider->gate =
        limiter->parts->gates->open(&limits->window, &limits->bucket, error, error_size);
    if (provider->gate == NULL) {
        return false;
    }
    provider->name = strdup(limits->name);
    if (provider->name == NULL) {
        limiter->parts->gates->close(provider->gate);
        snprintf(error, error_size, "out of memory");
        return false;
    }
    limiter->count++;
    return true;
}

struct combined *gated_open(const struct gated_parts *parts, const struct combined_options *options,
                            char *error, size_t error_size)
{
    const struct semaphore_options slots = {.max_concurrent = options->max_concurrent};
    struct combined *limiter =
        calloc(1, sizeof *limiter + options->providers_count * sizeof limiter->providers[0]);
    if (limiter == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    limiter->parts = parts;
    limiter->slots = parts->semaphores->open(&slots, error, error_size);
    bool opened = limiter->slots != NULL;
    for (size_t i = 0; opened && i < options->providers_count; i++) {
        opened = add_provider(limiter, &options->providers[i], error, error_size);
    }
    if (!opened) {
        gated_close(limiter);
        return NULL;
    }
    return limiter;
}

/* A permit on the way: its pass is given back unless it gets a slot. */
struct passage {
    const struct gate_variant *gates;
    struct combined_permit *permit;
};

static void give_back_pass(void *argument)
{
    const struct passage *passage = argument;
    struct combined_permit *permit = passage->permit;
    struct gated_provider *provider = permit->provider;
    passage->gates->give_back(provider->gate, &permit->pass);
    permit->provider = NULL;
}

enum rate_decision gated_acquire(struct combined *limiter, const struct combined_request *request,
                                 struct combined_permit *permit)
{
    const struct gated_parts *parts = limiter->parts;
    struct passage passage = {.gates = parts->gates, .permit = permit};
    struct gated_provider *provider = find_provider(limiter, request->provider);
    if (provider == NULL) {
        return RATE_ERROR;
    }
    enum rate_decision decision =
        parts->gates->pass(provider->gate, request->deadline, &permit->pass);
    if (decision != RATE_ADMITTED) {
        return decision;
    }
    permit->provider = provider;
    pthread_cleanup_push(give_back_pass, &passage);
    decision = parts->semaphores->acquire(limiter->slots, request->deadline);
    pthread_cleanup_pop(decision != RATE_ADMITTED);
    return decision;
}

void gated_release(struct combined *limiter, struct combined_permit *permit,
                   enum combined_outcome outcome)
{
    const struct gated_parts *parts = limiter->parts;
    struct gated_provider *provider = permit->provider;
    if (provider == NULL) {
        return;
    }
    if (outcome == COMBINED_NOT_SENT) {
        parts->gates->give_back(provider->gate, &permit->pass);
    } else {
        parts->gates->keep(provider->gate, &permit->pass);
    }
    permit->provider = NULL;
    parts->semaphores->release(limiter->slots);
}

bool gated_reconfigure(struct combined *limiter, const struct combined_provider *limits,
                       char *error, size_t error_size)
{
    struct gated_provider *provider = find_provider(limiter, limits->name);
    if (provider == NULL) {
        snprintf(error, error_size, "no provider %s", limits->name);
        return false;
    }
    return limiter->parts->gates->reconfigure(provider->gate, &limits->window, &limits->bucket,
                                              error, error_size);
}

bool gated_inspect(struct combined *limiter, const char *name, redisContext *redis,
                   struct combined_snapshot *snapshot)
{
    (void)redis;
    struct gated_provider *provider = find_provider(limiter, name);
    if (provider == NULL) {
        return false;
    }
    limiter->parts->gates->look(provider->gate, &snapshot->window, &snapshot->tokens);
    limiter->parts->semaphores->stats(limiter->slots, &snapshot->slots);
    return true;
}
