// SPDX-License-Identifier: MIT
#ifndef COMBINED_PARTS_H
#define COMBINED_PARTS_H

/*
 * A combined limiter that is put together from a window store, a bucket a provider and a semaphore,
 * each with a lock of its own or none, as the documents have it. Internal to this folder: `naive`
 * and `proposed` differ in which parts they take and in the order of their use.
 *
 * The documents do not say how limits change in use. Here, as after a restart, a provider gets a
 * new window and a new bucket in place of the old ones; those live on until the limiter is closed,
 * for somebody may be using them.
 */

#include "../memory_store/memory_store.h"
#include "combined.h"

struct combined_parts {
    const struct memory_store_variant *windows;
    const struct token_bucket_variant *buckets;
    const struct semaphore_variant *semaphores;
};

/* A provider's window and bucket, and those that they took the place of. */
struct parts_limits {
    struct parts_limits *older;
    struct memory_store *window;
    struct token_bucket *bucket;
};

struct parts_provider {
    char *name;
    struct parts_limits *limits;
};

struct combined {
    const struct combined_parts *parts; /* constant */
    struct global_semaphore *slots;
    size_t count;
    struct parts_provider providers[];
};

struct combined *parts_open(const struct combined_parts *parts,
                            const struct combined_options *options, char *error, size_t error_size);
void parts_close(struct combined *limiter);

struct parts_provider *parts_find(struct combined *limiter, const char *provider);

/* What a context manager's `finally` does: the slot comes back, whatever the outcome; the window
 * and the bucket get nothing. */
void parts_release(struct combined *limiter, struct combined_permit *permit,
                   enum combined_outcome outcome);

bool parts_reconfigure(struct combined *limiter, const struct combined_provider *provider,
                       char *error, size_t error_size);
bool parts_inspect(struct combined *limiter, const char *provider, redisContext *redis,
                   struct combined_snapshot *snapshot);

#endif
