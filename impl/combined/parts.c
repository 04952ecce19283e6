// SPDX-License-Identifier: MIT
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void close_limits(const struct combined_parts *parts, struct parts_limits *limits)
{
    while (limits != NULL) {
        struct parts_limits *older = limits->older;
        parts->windows->close(limits->window);
        parts->buckets->close(limits->bucket);
        free(limits);
        limits = older;
    }
}

static struct parts_limits *open_limits(const struct combined_parts *parts,
                                        const struct combined_provider *provider, char *error,
                                        size_t error_size)
{
    struct parts_limits *limits = calloc(1, sizeof *limits);
    if (limits == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    limits->window = parts->windows->open(&provider->window, error, error_size);
    if (limits->window != NULL) {
        limits->bucket = parts->buckets->open(&provider->bucket, error, error_size);
    }
    if (limits->bucket == NULL) {
        close_limits(parts, limits);
        return NULL;
    }
    return limits;
}

void parts_close(struct combined *limiter)
{
    if (limiter == NULL) {
        return;
    }
    for (size_t i = 0; i < limiter->count; i++) {
        close_limits(limiter->parts, limiter->providers[i].limits);
        free(limiter->providers[i].name);
    }
    limiter->parts->semaphores->close(limiter->slots);
    free(limiter);
}

static bool add_provider(struct combined *limiter, const struct combined_provider *provider,
                         char *error, size_t error_size)
{
    struct parts_provider *added = &limiter->providers[limiter->count];

    added->limits = open_limits(limiter->parts, provider, error, error_size);
    if (added->limits == NULL) {
        return false;
    }
    added->name = strdup(provider->name);
    if (added->name == NULL) {
        close_limits(limiter->parts, added->limits);
        snprintf(error, error_size, "out of memory");
        return false;
    }
    limiter->count++;
    return true;
}

struct combined *parts_open(const struct combined_parts *parts,
                            const struct combined_options *options, char *error, size_t error_size)
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
        parts_close(limiter);
        return NULL;
    }
    return limiter;
}

struct parts_provider *parts_find(struct combined *limiter, const char *provider)
{
    for (size_t i = 0; i < limiter->count; i++) {
        if (strcmp(limiter->providers[i].name, provider) == 0) {
            return &limiter->providers[i];
        }
    }
    return NULL;
}

void parts_release(struct combined *limiter, struct combined_permit *permit,
                   enum combined_outcome outcome)
{
    (void)outcome;
    if (permit->provider != NULL) {
        permit->provider = NULL;
        limiter->parts->semaphores->release(limiter->slots);
    }
}

bool parts_reconfigure(struct combined *limiter, const struct combined_provider *provider,
                       char *error, size_t error_size)
{
    struct parts_provider *found = parts_find(limiter, provider->name);
    if (found == NULL) {
        snprintf(error, error_size, "no provider %s", provider->name);
        return false;
    }
    struct parts_limits *limits = open_limits(limiter->parts, provider, error, error_size);
    if (limits == NULL) {
        return false;
    }
    limits->older = found->limits;
    found->limits = limits;
    return true;
}

bool parts_inspect(struct combined *limiter, const char *provider, redisContext *redis,
                   struct combined_snapshot *snapshot)
{
    (void)redis;
    const struct combined_parts *parts = limiter->parts;
    struct parts_provider *found = parts_find(limiter, provider);
    if (found == NULL ||
        !parts->windows->count(found->limits->window, provider, &snapshot->window)) {
        return false;
    }
    snapshot->tokens = parts->buckets->available(found->limits->bucket);
    parts->semaphores->stats(limiter->slots, &snapshot->slots);
    return true;
}
