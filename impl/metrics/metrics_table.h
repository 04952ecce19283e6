// SPDX-License-Identifier: MIT
#ifndef METRICS_TABLE_H
#define METRICS_TABLE_H

/*
 * What is stored: for each (provider, agent), with the two names kept apart, a count and the last
 * latencies.
 *
 * Nothing here synchronises. Used by several threads at once it loses updates and entries, as it
 * should; but whatever is lost stays allocated until the table is emptied.
 */

#include "../memory_store/arena.h"
#include "metrics.h"

struct metrics_entry;

struct metrics_table {
    struct metrics_entry *first;
    size_t latencies_max;
    struct store_arena arena;
};

void metrics_table_init(struct metrics_table *table, size_t latencies_max);

/* Frees everything. No thread may be using it. */
void metrics_table_destroy(struct metrics_table *table);

/* Stores one request. False when memory is out. */
bool metrics_table_store(struct metrics_table *table, const char *provider, const char *agent,
                         double latency_s);

void metrics_table_read(const struct metrics_table *table, const char *provider, const char *agent,
                        struct metrics_reading *reading);

#endif
