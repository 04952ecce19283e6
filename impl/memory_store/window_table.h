// SPDX-License-Identifier: MIT
#ifndef MEMORY_STORE_WINDOW_TABLE_H
#define MEMORY_STORE_WINDOW_TABLE_H

/*
 * The Python's `stores: Dict[str, List[float]]`, for the variants that follow it: a list of
 * timestamps for every provider, filtered into a *new* list that is then bound in the old one's
 * place.
 *
 * Nothing here synchronises. Used by several threads at once it loses updates, as it should; but
 * whatever is lost stays allocated (see arena.h), and every function reads a pointer or a length
 * once and works on that copy, so that it does not crash. One thing is worse than in Python: there
 * the interpreter's lock keeps each single dict or list operation whole, here an insertion or an
 * append can itself be lost.
 */

#include "arena.h"

#include <stdbool.h>
#include <stddef.h>

struct timestamp_list;

struct window_entry {
    struct window_entry *next;
    struct timestamp_list *list; /* NULL is the empty list */
    char provider[];
};

struct window_table {
    struct window_entry *first;
    struct store_arena arena;
};

void window_table_init(struct window_table *table);

/* Frees everything that was ever in the table. No thread may be using it. */
void window_table_destroy(struct window_table *table);

struct window_entry *window_table_find(const struct window_table *table, const char *provider);

/* NULL when memory is out. */
struct window_entry *window_table_find_or_insert(struct window_table *table, const char *provider);

void window_table_remove(struct window_table *table, const char *provider);
void window_table_clear(struct window_table *table);

/* How many timestamps are later than `cutoff`. */
size_t window_entry_count(const struct window_entry *entry, double cutoff);

/* Keeps what is later than `cutoff`. False, with the list unchanged, when memory is out. */
bool window_entry_filter(struct window_table *table, struct window_entry *entry, double cutoff);

/* Appends to the list bound at the time. False when memory is out. */
bool window_entry_append(struct window_table *table, struct window_entry *entry, double timestamp);

#endif
