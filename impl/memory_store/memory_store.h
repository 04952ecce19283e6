// SPDX-License-Identifier: MIT
#ifndef MEMORY_STORE_H
#define MEMORY_STORE_H

/*
 * The sliding window without Redis: for every provider a list of the times of its requests, in
 * this process.
 *
 * Ownership and threads:
 *  1. One store serves many threads; how well is what the variants differ in. `open` and `close`
 *     belong to one thread, before the first and after the last use by any other.
 *  2. A provider's entry is kept until the store is closed, so the number of distinct names should
 *     be bounded. `naive` and `proposed` moreover keep every list they ever made (see arena.h).
 *  3. Names passed in are copied where they are kept. A name is not NULL.
 *
 * Times are the wall clock's, read inside the call.
 */

#include "../rate_limit.h"

#include <stdbool.h>
#include <stddef.h>

struct memory_store;

struct memory_store_variant {
    const char *name;

    /* A new store, or NULL with one line in `error`: memory is out or, for `fixed` and `lockfree`,
     * the configuration makes no sense. The limits hold for every provider. */
    struct memory_store *(*open)(const struct rate_limits *limits, char *error, size_t error_size);

    /* Frees the store. NULL is allowed. */
    void (*close)(struct memory_store *store);

    /* Check and charge. RATE_ERROR when memory is out (or, in `lockfree`, the clock is before
     * 1970); nothing is charged then. */
    enum rate_decision (*acquire)(struct memory_store *store, const char *provider);

    /* Would `acquire` be admitted now? Charges nothing. */
    enum rate_decision (*check)(struct memory_store *store, const char *provider);

    /* Charge without asking: RATE_ADMITTED or RATE_ERROR. NULL in `fixed` and `lockfree`, where
     * check and charge are one step. */
    enum rate_decision (*add)(struct memory_store *store, const char *provider);

    /* How many requests the window holds now. False on error, `count` is then unchanged. */
    bool (*count)(struct memory_store *store, const char *provider, long long *count);

    /* Forgets one provider's requests or, with NULL, everybody's. False on error. */
    bool (*reset)(struct memory_store *store, const char *provider);
};

extern const struct memory_store_variant memory_store_naive;
extern const struct memory_store_variant memory_store_proposed;
extern const struct memory_store_variant memory_store_fixed;
extern const struct memory_store_variant memory_store_lockfree;

/* Every variant, `naive` first. */
extern const struct memory_store_variant *const memory_store_variants[];
extern const size_t memory_store_variants_count;

/* The variant of that name, or NULL. */
const struct memory_store_variant *memory_store_find(const char *name);

#endif
