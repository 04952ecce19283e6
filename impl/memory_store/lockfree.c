// SPDX-License-Identifier: MIT

/*
 * The variant that scales: no locks, in a table of providers that only grows.
 *
 * A provider has `rpm` slots, each one atomic word that holds the time of an admission. A request
 * is admitted by replacing, with one compare-and-swap, a time that has expired by its own; it is
 * refused when no slot holds such a time. So two successive times of a slot are at least a window
 * apart, any window contains at most one time of each slot, and no more than `rpm` requests are
 * ever admitted in any window, whatever the threads do and however long they are held up.
 *
 * Policies: those of `fixed`.
 *  - Boundary: a request of age exactly the window has expired. Ages are whole microseconds.
 *  - A refused request is not charged.
 *  - A request from the future (the clock was set back) counts until its own window has passed.
 *  - Reset is atomic for each provider, not across them.
 *
 * What is more, and less:
 *  - A call goes by the clock that it read, once. If it is held up after that, and calls with
 *    later readings overtake it, it meets their times in the slots in place of older ones that
 *    by its own reading would still count. (Under a lock, time and order are one.)
 *  - Before 1970 and after 2112 the answer is RATE_ERROR.
 *  - A provider takes 8 * rpm bytes at once.
 *
 * Reset: a provider has a generation; a time counts only if it carries the current one, so adding
 * one forgets everything at once. A call that began before the reset may still write a time of the
 * old generation, which never counts: that call comes before the reset. Words have room for 12
 * bits of generation only, so a reset also sweeps away what is left of earlier ones, `oldest`
 * included: for a word to count again, 4,096 resets would have to be under way at once, or a call
 * be held up through as many right before it writes `oldest`.
 *
 * How calls are ordered (linearization points). Within a generation a slot's time only grows, so a
 * slot that counts by some clock reading goes on counting by it. Hence a count that took time is
 * the exact number at some moment of it, if there was no reset, for which it looks afterwards. A
 * refused call has met times of its own generation only, all full at the end of its search. An
 * admission takes effect with its compare-and-swap. Where a reset came in between, both come right
 * before it, admissions first: the slots of those had been free until then.
 *
 * A full search costs `rpm` steps, but only once: `oldest` is the earliest time that it met, and
 * until that has expired, whoever comes is refused without a search.
 *
 * All accesses are sequentially consistent, `next` apart, which is only a hint where to search
 * first.
 */

#include "../name_table.h"
#include "../wall_clock.h"
#include "memory_store.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A word: 12 bits of generation, 52 of microseconds since 1970. Time 0 is no time: new memory, and
 * what a reset has swept. */
#define TIME_BITS 52
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

#define CACHE_LINE 64

struct provider {
    struct name_node node;
    char read_mostly[CACHE_LINE];
    _Atomic uint64_t generation;
    _Atomic uint64_t oldest; /* a word: the last full search met no earlier time */
    char written_often[CACHE_LINE];
    _Atomic size_t next;
    char slots_begin[CACHE_LINE];
    _Atomic uint64_t admitted[]; /* words; the name follows them */
};

struct memory_store {
    long long window_us;
    size_t limit;
    struct name_table providers;
};

/* What a call goes by. */
struct view {
    uint64_t generation;
    uint64_t now; /* a word */
};

static struct memory_store *lockfree_open(const struct rate_limits *limits, char *error,
                                          size_t error_size)
{
    if (!rate_limits_validate(limits, error, error_size)) {
        return NULL;
    }
    struct memory_store *store = malloc(sizeof *store);
    if (store == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    store->window_us = rate_limits_window_us(limits);
    store->limit = (size_t)limits->rpm;
    name_table_init(&store->providers);
    return store;
}

static void lockfree_close(struct memory_store *store)
{
    if (store == NULL) {
        return;
    }
    struct name_node *node = name_table_next(&store->providers, NULL);
    while (node != NULL) {
        struct name_node *next = name_table_next(&store->providers, node);
        free(node); /* the provider's first member */
        node = next;
    }
    free(store);
}

static struct provider *find(const struct memory_store *store, const char *name)
{
    return (struct provider *)name_table_find(&store->providers, name);
}

static struct provider *find_or_create(struct memory_store *store, const char *name)
{
    struct provider *provider = find(store, name);
    if (provider != NULL) {
        return provider;
    }
    size_t name_size = strlen(name) + 1;
    size_t slots_size = store->limit * sizeof provider->admitted[0];
    provider = calloc(1, sizeof *provider + slots_size + name_size);
    if (provider == NULL) {
        return NULL;
    }
    char *copy = (char *)provider + sizeof *provider + slots_size;
    memcpy(copy, name, name_size);
    provider->node.name = copy;
    struct name_node *inserted = name_table_insert(&store->providers, &provider->node);
    if (inserted != &provider->node) {
        free(provider);
    }
    return (struct provider *)inserted;
}

/* False when the clock is out of range. */
static bool look(const struct provider *provider, struct view *view)
{
    view->generation = atomic_load(&provider->generation);
    long long now_us = wall_clock_us();
    view->now = view->generation << TIME_BITS | ((uint64_t)now_us & TIME_MASK);
    return now_us > 0 && now_us <= (long long)TIME_MASK;
}

static bool is_of(const struct view *view, uint64_t word)
{
    return word >> TIME_BITS == view->now >> TIME_BITS;
}

/* Whether the time in `word` counts: it is of this generation and has not expired. */
static bool counts(const struct memory_store *store, const struct view *view, uint64_t word)
{
    int64_t age_us = (int64_t)(view->now & TIME_MASK) - (int64_t)(word & TIME_MASK);

    return is_of(view, word) && (word & TIME_MASK) != 0 && age_us < store->window_us;
}

/* Whether there has been no reset since. To be asked after reading a word of another generation:
 * it may be a later one. */
static bool is_current(const struct provider *provider, const struct view *view)
{
    return atomic_load(&provider->generation) == view->generation;
}

enum search {
    FREE_SLOT,
    NO_FREE_SLOT,
    RESET_MEANWHILE,
};

struct slot {
    size_t index;
    uint64_t word; /* what was in it */
};

static enum search find_free_slot(const struct memory_store *store, struct provider *provider,
                                  const struct view *view, struct slot *slot)
{
    uint64_t oldest = UINT64_MAX;
    size_t index = atomic_load_explicit(&provider->next, memory_order_relaxed);
    for (size_t n = 0; n < store->limit; n++) {
        uint64_t word = atomic_load(&provider->admitted[index]);
        if (!counts(store, view, word)) {
            *slot = (struct slot){.index = index, .word = word};
            return is_of(view, word) || is_current(provider, view) ? FREE_SLOT : RESET_MEANWHILE;
        }
        if (n == 0 && counts(store, view, atomic_load(&provider->oldest))) {
            return NO_FREE_SLOT; /* nor has there been one since that search */
        }
        oldest = word < oldest ? word : oldest; /* all of one generation */
        index = index + 1 < store->limit ? index + 1 : 0;
    }
    atomic_store(&provider->oldest, oldest);
    return NO_FREE_SLOT;
}

static bool claim(const struct memory_store *store, struct provider *provider,
                  const struct view *view, struct slot *slot)
{
    if (!atomic_compare_exchange_strong(&provider->admitted[slot->index], &slot->word, view->now)) {
        return false;
    }
    size_t next = slot->index + 1 < store->limit ? slot->index + 1 : 0;
    atomic_store_explicit(&provider->next, next, memory_order_relaxed);
    return true;
}

/* Each turn of the loop means that another call was admitted or reset the provider. */
static enum rate_decision lockfree_acquire(struct memory_store *store, const char *name)
{
    struct provider *provider = find_or_create(store, name);
    struct view view;
    struct slot slot;

    while (provider != NULL && look(provider, &view)) {
        enum search found = find_free_slot(store, provider, &view, &slot);
        if (found == NO_FREE_SLOT) {
            return RATE_REFUSED;
        }
        if (found == FREE_SLOT && claim(store, provider, &view, &slot)) {
            return RATE_ADMITTED;
        }
    }
    return RATE_ERROR;
}

static enum rate_decision lockfree_check(struct memory_store *store, const char *name)
{
    struct provider *provider = find(store, name);
    struct view view;
    struct slot slot;

    if (provider == NULL) {
        return RATE_ADMITTED;
    }
    while (look(provider, &view)) {
        enum search found = find_free_slot(store, provider, &view, &slot);
        if (found != RESET_MEANWHILE) {
            return found == FREE_SLOT ? RATE_ADMITTED : RATE_REFUSED;
        }
    }
    return RATE_ERROR;
}

static bool lockfree_count(struct memory_store *store, const char *name, long long *count)
{
    struct provider *provider = find(store, name);
    struct view view;

    if (provider == NULL) {
        *count = 0;
        return true;
    }
    while (look(provider, &view)) {
        long long found = 0;
        for (size_t i = 0; i < store->limit; i++) {
            found += counts(store, &view, atomic_load(&provider->admitted[i]));
        }
        if (is_current(provider, &view)) {
            *count = found;
            return true;
        }
    }
    return false;
}

/* False when there has been a reset since. */
static bool sweep_word(const struct provider *provider, const struct view *view,
                       _Atomic uint64_t *place)
{
    uint64_t word = atomic_load(place);
    if (!is_current(provider, view)) {
        return false;
    }
    if (!is_of(view, word)) {
        /* Fails when a call has written since: a time of this generation or, being late, one that
         * the next reset sweeps. */
        atomic_compare_exchange_strong(place, &word, view->now);
    }
    return true;
}

/* Sweeps what older generations left. A later reset takes over: it sweeps everything. */
static void sweep(const struct memory_store *store, struct provider *provider, uint64_t generation)
{
    const struct view view = {.generation = generation, .now = generation << TIME_BITS};
    bool current = sweep_word(provider, &view, &provider->oldest);

    for (size_t i = 0; current && i < store->limit; i++) {
        current = sweep_word(provider, &view, &provider->admitted[i]);
    }
}

static void forget(const struct memory_store *store, struct provider *provider)
{
    sweep(store, provider, atomic_fetch_add(&provider->generation, 1) + 1);
}

static bool lockfree_reset(struct memory_store *store, const char *name)
{
    if (name != NULL) {
        struct provider *provider = find(store, name);
        if (provider != NULL) {
            forget(store, provider);
        }
        return true;
    }
    struct name_node *node = NULL;
    while ((node = name_table_next(&store->providers, node)) != NULL) {
        forget(store, (struct provider *)node);
    }
    return true;
}

const struct memory_store_variant memory_store_lockfree = {
    .name = "lockfree",
    .open = lockfree_open,
    .close = lockfree_close,
    .acquire = lockfree_acquire,
    .check = lockfree_check,
    .add = NULL, /* check and charge are one step */
    .count = lockfree_count,
    .reset = lockfree_reset,
};
