// SPDX-License-Identifier: MIT

/*
 * The proposal: a lock for every provider, got or made without a lock, and add and count each
 * under it (`MemoryWindowStore`).
 *
 * Kept as written:
 *  - check and charge are two critical sections, so callers between them are all admitted;
 *  - `lock_for` is a get-or-create without synchronisation: two threads may get two locks;
 *  - reset of everything empties the table of locks while others wait for those locks: they go on
 *    under the old lock, newcomers under a new one;
 *  - a reset of everything that is cancelled while it collects the locks keeps those it has, for
 *    ever: the `try` that would release them starts only after the last one.
 *
 * asyncio.Lock is a binary semaphore here: it has no owner, and acquiring it is a cancellation
 * point. Locks cleared from the table are freed when the store is closed, for waiters hold them
 * still. Where Python would raise KeyError, the caller gets RATE_ERROR.
 */

#include "../wall_clock.h"
#include "memory_store.h"
#include "window_table.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct provider_lock {
    struct provider_lock *next;
    sem_t available;
    char provider[];
};

struct memory_store {
    struct rate_limits limits;
    struct window_table windows;
    struct provider_lock *locks; /* newest first; allocated in the table's arena */
};

static struct memory_store *proposed_open(const struct rate_limits *limits, char *error,
                                          size_t error_size)
{
    struct memory_store *store = malloc(sizeof *store);
    if (store == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    store->limits = *limits;
    window_table_init(&store->windows);
    store->locks = NULL;
    return store;
}

static void proposed_close(struct memory_store *store)
{
    if (store != NULL) {
        window_table_destroy(&store->windows);
        free(store);
    }
}

static void dispose_lock(void *memory)
{
    struct provider_lock *lock = memory;
    sem_destroy(&lock->available);
}

static struct provider_lock *create_lock(struct memory_store *store, const char *provider)
{
    size_t name_size = strlen(provider) + 1;
    struct provider_lock *lock =
        store_arena_alloc(&store->windows.arena, sizeof *lock + name_size, dispose_lock);
    if (lock != NULL) {
        sem_init(&lock->available, 0, 1); /* cannot fail: private, and 1 is in range */
        memcpy(lock->provider, provider, name_size);
    }
    return lock;
}

static struct provider_lock *find_lock(const struct memory_store *store, const char *provider)
{
    struct provider_lock *lock = store->locks;
    while (lock != NULL && strcmp(lock->provider, provider) != 0) {
        lock = lock->next;
    }
    return lock;
}

/* NULL when memory is out, or when a reset has emptied the table just now. */
static struct provider_lock *lock_for(struct memory_store *store, const char *provider)
{
    if (find_lock(store, provider) == NULL) {
        struct provider_lock *lock = create_lock(store, provider);
        if (lock == NULL) {
            return NULL;
        }
        lock->next = store->locks;
        store->locks = lock;
    }
    return find_lock(store, provider);
}

static void acquire_lock(struct provider_lock *lock)
{
    while (sem_wait(&lock->available) != 0 && errno == EINTR) {
    }
}

static void release_lock(struct provider_lock *lock)
{
    sem_post(&lock->available);
}

static bool proposed_count(struct memory_store *store, const char *provider, long long *count)
{
    struct provider_lock *lock = lock_for(store, provider);
    if (lock == NULL) {
        return false;
    }
    acquire_lock(lock);
    const struct window_entry *entry = window_table_find(&store->windows, provider);
    long long found = 0;
    if (entry != NULL) {
        double cutoff = wall_clock_s() - store->limits.window_s;
        found = (long long)window_entry_count(entry, cutoff);
    }
    release_lock(lock);
    *count = found;
    return true;
}

static enum rate_decision proposed_check(struct memory_store *store, const char *provider)
{
    long long count;
    if (!proposed_count(store, provider, &count)) {
        return RATE_ERROR;
    }
    return count < store->limits.rpm ? RATE_ADMITTED : RATE_REFUSED;
}

static enum rate_decision proposed_add(struct memory_store *store, const char *provider)
{
    /* The caller's argument in Python, hence read before the lock is taken. */
    double timestamp = wall_clock_s();
    struct provider_lock *lock = lock_for(store, provider);
    if (lock == NULL) {
        return RATE_ERROR;
    }
    acquire_lock(lock);
    struct window_entry *entry = window_table_find_or_insert(&store->windows, provider);
    bool added = entry != NULL &&
                 window_entry_filter(&store->windows, entry, timestamp - store->limits.window_s) &&
                 window_entry_append(&store->windows, entry, timestamp);
    release_lock(lock);
    return added ? RATE_ADMITTED : RATE_ERROR;
}

static enum rate_decision proposed_acquire(struct memory_store *store, const char *provider)
{
    enum rate_decision decision = proposed_check(store, provider);
    return decision == RATE_ADMITTED ? proposed_add(store, provider) : decision;
}

static bool reset_one(struct memory_store *store, const char *provider)
{
    struct provider_lock *lock = lock_for(store, provider);
    if (lock == NULL) {
        return false;
    }
    acquire_lock(lock);
    window_table_remove(&store->windows, provider);
    release_lock(lock);
    return true;
}

/* The values of the dict of locks: of several locks for one name, the one that is found. */
static bool list_locks(struct memory_store *store, struct provider_lock ***locks, size_t *count)
{
    size_t capacity = 0;
    struct provider_lock *first = store->locks;
    for (const struct provider_lock *lock = first; lock != NULL; lock = lock->next) {
        capacity++;
    }
    /* In the arena: a cancelled reset does not come back to free it. */
    *locks =
        store_arena_alloc(&store->windows.arena, capacity * sizeof(struct provider_lock *), NULL);
    if (*locks == NULL) {
        return false;
    }
    *count = 0;
    for (struct provider_lock *lock = first; lock != NULL; lock = lock->next) {
        if (find_lock(store, lock->provider) == lock) {
            (*locks)[(*count)++] = lock;
        }
    }
    return true;
}

static bool reset_all(struct memory_store *store)
{
    struct provider_lock **locks;
    size_t count;
    if (!list_locks(store, &locks, &count)) {
        return false;
    }
    /* asyncio.gather queues for all locks at once, and lets others run before any is got, be it
     * free; here it is one after the other. Cancelled in between, both keep the locks that they
     * have got. */
    for (size_t i = 0; i < count; i++) {
        nanosleep(&(struct timespec){0}, NULL);
        acquire_lock(locks[i]);
    }
    window_table_clear(&store->windows);
    store->locks = NULL;
    for (size_t i = 0; i < count; i++) {
        release_lock(locks[i]);
    }
    return true;
}

static bool proposed_reset(struct memory_store *store, const char *provider)
{
    return provider != NULL ? reset_one(store, provider) : reset_all(store);
}

const struct memory_store_variant memory_store_proposed = {
    .name = "proposed",
    .open = proposed_open,
    .close = proposed_close,
    .acquire = proposed_acquire,
    .check = proposed_check,
    .add = proposed_add,
    .count = proposed_count,
    .reset = proposed_reset,
};
