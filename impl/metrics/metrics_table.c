// SPDX-License-Identifier: MIT
#include "metrics_table.h"

#include <string.h>

struct metrics_entry {
    struct metrics_entry *next;
    long long successes;
    long long latencies;
    double *kept_s; /* a ring of latencies_max */
    const char *agent;
    char provider[]; /* the agent's name follows */
};

void metrics_table_init(struct metrics_table *table, size_t latencies_max)
{
    table->first = NULL;
    table->latencies_max = latencies_max;
    store_arena_init(&table->arena);
}

void metrics_table_destroy(struct metrics_table *table)
{
    store_arena_empty(&table->arena);
    table->first = NULL;
}

static struct metrics_entry *find(const struct metrics_table *table, const char *provider,
                                  const char *agent)
{
    struct metrics_entry *entry = table->first;
    while (entry != NULL &&
           (strcmp(entry->provider, provider) != 0 || strcmp(entry->agent, agent) != 0)) {
        entry = entry->next;
    }
    return entry;
}

static struct metrics_entry *insert(struct metrics_table *table, const char *provider,
                                    const char *agent)
{
    const size_t provider_size = strlen(provider) + 1;
    const size_t agent_size = strlen(agent) + 1;
    struct metrics_entry *entry =
        store_arena_alloc(&table->arena, sizeof *entry + provider_size + agent_size, NULL);
    if (entry == NULL) {
        return NULL;
    }
    entry->kept_s =
        store_arena_alloc(&table->arena, table->latencies_max * sizeof *entry->kept_s, NULL);
    if (entry->kept_s == NULL) {
        return NULL;
    }
    memcpy(entry->provider, provider, provider_size);
    memcpy(entry->provider + provider_size, agent, agent_size);
    entry->agent = entry->provider + provider_size;
    entry->next = table->first;
    table->first = entry;
    return entry;
}

bool metrics_table_store(struct metrics_table *table, const char *provider, const char *agent,
                         double latency_s)
{
    struct metrics_entry *entry = find(table, provider, agent);
    if (entry == NULL) {
        entry = insert(table, provider, agent);
    }
    if (entry == NULL) {
        return false;
    }
    entry->successes++;
    entry->kept_s[(size_t)entry->latencies % table->latencies_max] = latency_s;
    entry->latencies++;
    return true;
}

void metrics_table_read(const struct metrics_table *table, const char *provider, const char *agent,
                        struct metrics_reading *reading)
{
    const struct metrics_entry *entry = find(table, provider, agent);
    *reading = (struct metrics_reading){0};
    if (entry == NULL) {
        return;
    }
    reading->successes = entry->successes;
    reading->latencies = entry->latencies;
    const size_t count = (size_t)reading->latencies;
    reading->kept = count < table->latencies_max ? count : table->latencies_max;
    if (count > 0) {
        reading->latest_s = entry->kept_s[(count - 1) % table->latencies_max];
    }
}
