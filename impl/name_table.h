// SPDX-License-Identifier: MIT
#ifndef NAME_TABLE_H
#define NAME_TABLE_H

/*
 * A table from names to entries that only grows, for any number of threads without a lock.
 *
 * An entry begins with a `struct name_node` and is allocated by the user, who also frees it when
 * all threads are done: nothing is ever removed, which is what makes reading it trivial. The name
 * belongs to the entry and may not change. A name is in the table at most once: of several threads
 * that insert it, one wins and the others are told whose entry it is.
 *
 * A fixed number of buckets: meant for names that are few and known, such as providers. Finding is
 * wait-free, inserting lock-free.
 */

#include <stdatomic.h>
#include <stdint.h>

#define NAME_TABLE_BUCKETS 64

struct name_node {
    struct name_node *next; /* set before the node is published, then constant */
    uint64_t hash;
    const char *name;
};

struct name_table {
    _Atomic(struct name_node *) buckets[NAME_TABLE_BUCKETS];
};

/* FNV-1a (Fowler, Noll, Vo) with the finisher of splitmix64, so that every bit of the result
 * depends on every character. The same on every machine and in every process. */
uint64_t name_hash(const char *name);

void name_table_init(struct name_table *table);

/* NULL when it is not there. */
struct name_node *name_table_find(const struct name_table *table, const char *name);

/* Inserts `node`, whose name is set, unless the name is there already: returns the node that is in
 * the table, `node` or another's. */
struct name_node *name_table_insert(struct name_table *table, struct name_node *node);

/* All entries, in no order: start with NULL, ends with NULL. What is inserted meanwhile may be
 * left out. A node may be freed once its successor has been asked for. */
struct name_node *name_table_next(const struct name_table *table, const struct name_node *node);

#endif
