// SPDX-License-Identifier: MIT

/*
 * Readers never wait: neither for a constructor nor for each other nor for a writer. Writers take
 * the lock of provider_core.h, and the policies are those of `fixed`.
 *
 * The registry is one pointer to a hash table (Concurrency Kit's ck_ht) that never changes. A
 * writer copies the table with its changes and swaps the pointer: so a change of many names takes
 * effect at one moment, a lookup and a snapshot are those of the table that they found, and no
 * reader ever meets a table that is being filled. Copying is linear in the number of providers;
 * they are a handful, and change rarely.
 *
 * Reclamation (Fraser, "Practical lock-freedom", 2004; ck_epoch): a table that was replaced, and
 * the memory of an instance without references, are freed when all readers that may look at them
 * have left. A reader is inside for the length of a lookup only: what it takes out is kept by a
 * reference, which cannot be taken any more once the last one is gone. Then the instance has left
 * the registry, and the reader looks again.
 *
 * A thread's first use of a factory registers it as a reader (a record a thread, used again by
 * later threads, freed at close). If there is no memory for that, this one lookup takes the lock,
 * which keeps the reclaimer out as well. A factory takes one thread-specific key.
 */

#include "provider_core.h"

#include <ck_epoch.h>
#include <ck_ht.h>
#include <ck_md.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Constant once it is published. */
struct table {
    ck_ht_t by_name; /* name -> struct provider_instance */
    ck_epoch_entry_t retired;
};

struct provider_factory {
    ck_epoch_record_t writer; /* what is to be freed; guarded by the core's lock */
    _Atomic(struct table *) table;
    ck_epoch_t epoch;
    struct provider_core core;
    pthread_key_t reader; /* each thread's ck_epoch_record_t */
};

/* ---- tables ---------------------------------------------------------------------------------- */

static void *table_malloc(size_t size)
{
    return malloc(size);
}

static void table_free(void *memory, size_t size, bool deferred)
{
    (void)size;
    (void)deferred; /* tables do not grow, hence never replace what readers look at */
    free(memory);
}

/* Not const because ck_ht wants it so; nobody writes to it. */
static struct ck_malloc table_memory = {.malloc = table_malloc, .free = table_free};

/* FNV-1a (Fowler, Noll, Vo): names are short, and need not be aligned. */
static void hash_name(ck_ht_hash_t *hash, const void *name, size_t length, uint64_t seed)
{
    const unsigned char *bytes = name;
    uint64_t value = UINT64_C(14695981039346656037) ^ seed;

    for (size_t i = 0; i < length; i++) {
        value = (value ^ bytes[i]) * UINT64_C(1099511628211);
    }
    hash->value = value;
}

static void free_table(struct table *table)
{
    ck_ht_destroy(&table->by_name);
    free(table);
}

/* Empty, with room for `count`: ck_ht doubles when it is more than half full. */
static struct table *create_table(size_t count)
{
    struct table *table = malloc(sizeof *table);
    if (table == NULL || !ck_ht_init(&table->by_name, CK_HT_MODE_BYTESTRING, hash_name,
                                     &table_memory, 2 * (count + 1), 0)) {
        free(table);
        return NULL;
    }
    return table;
}

static bool set_key(struct table *table, const char *name, const void *value, ck_ht_hash_t *hash,
                    ck_ht_entry_t *entry)
{
    const size_t length = strlen(name);
    if (length > PROVIDER_NAME_LENGTH_MAX) {
        return false;
    }
    ck_ht_hash(hash, &table->by_name, name, (uint16_t)length);
    ck_ht_entry_set(entry, *hash, name, (uint16_t)length, value);
    return true;
}

static struct provider_instance *find_in(struct table *table, const char *name)
{
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;

    return set_key(table, name, NULL, &hash, &entry) &&
                   ck_ht_get_spmc(&table->by_name, hash, &entry)
               ? ck_ht_entry_value(&entry)
               : NULL;
}

static bool put_into(struct table *table, struct provider_instance *instance)
{
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;

    return set_key(table, instance->lent.name, instance, &hash, &entry) &&
           ck_ht_put_spmc(&table->by_name, hash, &entry);
}

static bool changed(const struct provider_change *changes, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(changes[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* `table` with the changes, which learn what they replace. */
static bool fill(struct table *fresh, struct table *table, struct provider_change *changes,
                 size_t count)
{
    ck_ht_iterator_t iterator = CK_HT_ITERATOR_INITIALIZER;
    ck_ht_entry_t *entry;

    while (ck_ht_next(&table->by_name, &iterator, &entry)) {
        struct provider_instance *instance = ck_ht_entry_value(entry);
        if (!changed(changes, count, instance->lent.name) && !put_into(fresh, instance)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        changes[i].before = find_in(table, changes[i].name);
        if (changes[i].after != NULL && !put_into(fresh, changes[i].after)) {
            return false;
        }
    }
    return true;
}

/* ---- reclamation: the lock is held ----------------------------------------------------------- */

static void reclaim_table(ck_epoch_entry_t *entry)
{
    free_table((struct table *)((char *)entry - offsetof(struct table, retired)));
}

static void reclaim_instance(ck_epoch_entry_t *entry)
{
    free((char *)entry - offsetof(struct provider_instance, retired));
}

/* ---- the writers' calls ---------------------------------------------------------------------- */

static struct provider_instance *find(void *owner, const char *name)
{
    struct provider_factory *factory = owner;
    return find_in(atomic_load_explicit(&factory->table, memory_order_relaxed), name);
}

static bool apply(void *owner, struct provider_change *changes, size_t count)
{
    struct provider_factory *factory = owner;
    struct table *table = atomic_load_explicit(&factory->table, memory_order_relaxed);
    struct table *fresh = create_table((size_t)ck_ht_count(&table->by_name) + count);

    if (fresh == NULL) {
        return false;
    }
    if (!fill(fresh, table, changes, count)) {
        free_table(fresh);
        return false;
    }
    /* Sequentially consistent: no reader that enters after ck_epoch_call() has read the epoch may
     * still find the old table, and a plain store could stay behind in the store buffer. */
    atomic_exchange(&factory->table, fresh);
    ck_epoch_call(&factory->writer, &table->retired, reclaim_table);
    ck_epoch_poll(&factory->writer);
    return true;
}

static void retire(void *owner, struct provider_instance *instance)
{
    struct provider_factory *factory = owner;

    provider_core_lock(&factory->core);
    ck_epoch_call(&factory->writer, &instance->retired, reclaim_instance);
    ck_epoch_poll(&factory->writer);
    provider_core_unlock(&factory->core);
}

static const struct provider_map_calls table_calls = {
    .find = find,
    .apply = apply,
    .retire = retire,
};

/* ---- readers --------------------------------------------------------------------------------- */

static void leave_for_others(void *record)
{
    ck_epoch_unregister(record);
}

/* The calling thread's record; NULL when memory is out. */
static ck_epoch_record_t *own_record(struct provider_factory *factory)
{
    ck_epoch_record_t *record = pthread_getspecific(factory->reader);
    if (record != NULL) {
        return record;
    }
    record = ck_epoch_recycle(&factory->epoch, NULL);
    if (record == NULL) {
        record = aligned_alloc(CK_MD_CACHELINE, sizeof *record);
        if (record == NULL) {
            return NULL;
        }
        ck_epoch_register(&factory->epoch, record, NULL);
    }
    if (pthread_setspecific(factory->reader, record) != 0) {
        ck_epoch_unregister(record);
        return NULL;
    }
    return record;
}

/* NULL: reading under the lock, which keeps the reclaimer out as well. */
static ck_epoch_record_t *begin_reading(struct provider_factory *factory)
{
    ck_epoch_record_t *record = own_record(factory);
    if (record != NULL) {
        ck_epoch_begin(record, NULL);
    } else {
        provider_core_lock(&factory->core);
    }
    return record;
}

static void end_reading(struct provider_factory *factory, ck_epoch_record_t *record)
{
    if (record != NULL) {
        ck_epoch_end(record, NULL);
    } else {
        provider_core_unlock(&factory->core);
    }
}

static const struct provider *lockfree_get(struct provider_factory *factory, const char *name)
{
    struct provider_instance *instance;
    ck_epoch_record_t *record = begin_reading(factory);

    do {
        instance = find_in(atomic_load_explicit(&factory->table, memory_order_acquire), name);
    } while (instance != NULL && !provider_instance_try_ref(instance));
    end_reading(factory, record);
    return instance != NULL ? &instance->lent : NULL;
}

static void lockfree_put(struct provider_factory *factory, const struct provider *provider)
{
    if (provider != NULL) {
        provider_core_put(&factory->core, provider_instance_of(provider));
    }
}

/* Lends what is in the table; how many, less than there are when it has been replaced. */
static size_t lend_all(struct table *table, const struct provider **providers)
{
    ck_ht_iterator_t iterator = CK_HT_ITERATOR_INITIALIZER;
    ck_ht_entry_t *entry;
    size_t lent = 0;

    while (ck_ht_next(&table->by_name, &iterator, &entry)) {
        struct provider_instance *instance = ck_ht_entry_value(entry);
        if (!provider_instance_try_ref(instance)) {
            break;
        }
        providers[lent++] = &instance->lent;
    }
    return lent;
}

static size_t lockfree_snapshot(struct provider_factory *factory, const struct provider **providers,
                                size_t capacity)
{
    for (;;) {
        ck_epoch_record_t *record = begin_reading(factory);
        struct table *table = atomic_load_explicit(&factory->table, memory_order_acquire);
        const size_t count = (size_t)ck_ht_count(&table->by_name);
        size_t lent = count <= capacity ? lend_all(table, providers) : 0;
        end_reading(factory, record);
        if (lent == count || count > capacity) {
            return count;
        }
        while (lent > 0) {
            lockfree_put(factory, providers[--lent]);
        }
    }
}

/* ---- the rest -------------------------------------------------------------------------------- */

static bool init(struct provider_factory *factory, const struct provider_factory_options *options)
{
    struct table *table = create_table(0);
    if (table == NULL) {
        return false;
    }
    if (pthread_key_create(&factory->reader, leave_for_others) != 0) {
        free_table(table);
        return false;
    }
    if (!provider_core_init(&factory->core, options, &table_calls, factory)) {
        pthread_key_delete(factory->reader);
        free_table(table);
        return false;
    }
    atomic_init(&factory->table, table);
    ck_epoch_init(&factory->epoch);
    ck_epoch_register(&factory->epoch, &factory->writer, NULL);
    return true;
}

static struct provider_factory *lockfree_open(const struct provider_factory_options *options,
                                              char *error, size_t error_size)
{
    /* The epoch's records lie on cache lines of their own. */
    struct provider_factory *factory = aligned_alloc(CK_MD_CACHELINE, sizeof *factory);
    if (factory == NULL || !init(factory, options)) {
        free(factory);
        snprintf(error, error_size, "out of memory, or of thread-specific keys");
        return NULL;
    }
    return factory;
}

static void put_registered(struct provider_factory *factory, struct table *table)
{
    ck_ht_iterator_t iterator = CK_HT_ITERATOR_INITIALIZER;
    ck_ht_entry_t *entry;

    while (ck_ht_next(&table->by_name, &iterator, &entry)) {
        provider_core_put(&factory->core, ck_ht_entry_value(entry));
    }
}

CK_STACK_CONTAINER(ck_epoch_record_t, record_next, record_of)

static void free_readers(struct provider_factory *factory)
{
    ck_stack_entry_t *link = CK_STACK_FIRST(&factory->epoch.records);

    while (link != NULL) {
        ck_epoch_record_t *record = record_of(link);
        link = CK_STACK_NEXT(link);
        if (record != &factory->writer) {
            free(record);
        }
    }
}

static void lockfree_close(struct provider_factory *factory)
{
    if (factory == NULL) {
        return;
    }
    struct table *table = atomic_load_explicit(&factory->table, memory_order_relaxed);
    pthread_key_delete(factory->reader); /* records are not returned from now on */
    put_registered(factory, table);
    ck_epoch_reclaim(&factory->writer);
    free_table(table);
    free_readers(factory);
    provider_core_destroy(&factory->core);
    free(factory);
}

static enum provider_result lockfree_create(struct provider_factory *factory,
                                            const struct provider_config *config,
                                            const struct provider **provider, char *error,
                                            size_t error_size)
{
    return provider_core_create(&factory->core, config, provider, error, error_size);
}

static bool lockfree_remove(struct provider_factory *factory, const char *name)
{
    return provider_core_remove(&factory->core, name);
}

static enum provider_result lockfree_rebuild(struct provider_factory *factory,
                                             const struct provider_config *configs, size_t count,
                                             char *error, size_t error_size)
{
    return provider_core_rebuild(&factory->core, configs, count, error, error_size);
}

static size_t lockfree_live(struct provider_factory *factory)
{
    return provider_core_live(&factory->core);
}

const struct provider_factory_variant provider_factory_lockfree = {
    .name = "lockfree",
    .open = lockfree_open,
    .close = lockfree_close,
    .create = lockfree_create,
    .get = lockfree_get,
    .put = lockfree_put,
    .remove = lockfree_remove,
    .rebuild = lockfree_rebuild,
    .snapshot = lockfree_snapshot,
    .live = lockfree_live,
};
