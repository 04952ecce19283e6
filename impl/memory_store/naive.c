// SPDX-License-Identifier: MIT

/*
 * The original: no locks at all. On one asyncio loop that is correct, because nothing here awaits.
 * Under threads an append between another thread's filter and its rebind is lost, and check and
 * charge are two steps.
 *
 * A timestamp of age exactly the window has expired (`ts > cutoff`). Configuration is not checked.
 */

#include "../wall_clock.h"
#include "memory_store.h"
#include "window_table.h"

#include <stdio.h>
#include <stdlib.h>

struct memory_store {
    struct rate_limits limits;
    struct window_table windows;
};

static struct memory_store *naive_open(const struct rate_limits *limits, char *error,
                                       size_t error_size)
{
    struct memory_store *store = malloc(sizeof *store);
    if (store == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    store->limits = *limits;
    window_table_init(&store->windows);
    return store;
}

static void naive_close(struct memory_store *store)
{
    if (store != NULL) {
        window_table_destroy(&store->windows);
        free(store);
    }
}

static bool naive_count(struct memory_store *store, const char *provider, long long *count)
{
    const struct window_entry *entry = window_table_find(&store->windows, provider);
    double cutoff = wall_clock_s() - store->limits.window_s;

    *count = entry != NULL ? (long long)window_entry_count(entry, cutoff) : 0;
    return true;
}

static enum rate_decision naive_check(struct memory_store *store, const char *provider)
{
    long long count;
    if (!naive_count(store, provider, &count)) {
        return RATE_ERROR;
    }
    return count < store->limits.rpm ? RATE_ADMITTED : RATE_REFUSED;
}

static enum rate_decision naive_add(struct memory_store *store, const char *provider)
{
    double timestamp = wall_clock_s();
    struct window_entry *entry = window_table_find_or_insert(&store->windows, provider);

    bool added = entry != NULL &&
                 window_entry_filter(&store->windows, entry, timestamp - store->limits.window_s) &&
                 window_entry_append(&store->windows, entry, timestamp);
    return added ? RATE_ADMITTED : RATE_ERROR;
}

static enum rate_decision naive_acquire(struct memory_store *store, const char *provider)
{
    enum rate_decision decision = naive_check(store, provider);
    return decision == RATE_ADMITTED ? naive_add(store, provider) : decision;
}

static bool naive_reset(struct memory_store *store, const char *provider)
{
    if (provider != NULL) {
        window_table_remove(&store->windows, provider);
    } else {
        window_table_clear(&store->windows);
    }
    return true;
}

const struct memory_store_variant memory_store_naive = {
    .name = "naive",
    .open = naive_open,
    .close = naive_close,
    .acquire = naive_acquire,
    .check = naive_check,
    .add = naive_add,
    .count = naive_count,
    .reset = naive_reset,
};
