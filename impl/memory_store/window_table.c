// SPDX-License-Identifier: MIT
#include "window_table.h"

#include <string.h>

/* How many appends a new list takes before it has to be copied again. */
#define APPEND_ROOM 4

struct timestamp_list {
    size_t length; /* never decreases, never exceeds the capacity */
    size_t capacity;
    double values[];
};

void window_table_init(struct window_table *table)
{
    table->first = NULL;
    store_arena_init(&table->arena);
}

void window_table_destroy(struct window_table *table)
{
    table->first = NULL;
    store_arena_empty(&table->arena);
}

struct window_entry *window_table_find(const struct window_table *table, const char *provider)
{
    struct window_entry *entry = table->first;
    while (entry != NULL && strcmp(entry->provider, provider) != 0) {
        entry = entry->next;
    }
    return entry;
}

struct window_entry *window_table_find_or_insert(struct window_table *table, const char *provider)
{
    struct window_entry *entry = window_table_find(table, provider);
    if (entry != NULL) {
        return entry;
    }
    size_t name_size = strlen(provider) + 1;
    entry = store_arena_alloc(&table->arena, sizeof *entry + name_size, NULL);
    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->provider, provider, name_size);
    /* At the front, so that of two entries that two threads made for one name the later is found,
     * as a dict would have it. */
    entry->next = table->first;
    table->first = entry;
    return entry;
}

void window_table_remove(struct window_table *table, const char *provider)
{
    struct window_entry **link = &table->first;
    struct window_entry *entry;

    while ((entry = *link) != NULL) {
        if (strcmp(entry->provider, provider) == 0) {
            *link = entry->next;
        } else {
            link = &entry->next;
        }
    }
}

void window_table_clear(struct window_table *table)
{
    table->first = NULL;
}

static struct timestamp_list *create_list(struct window_table *table, size_t capacity)
{
    struct timestamp_list *list =
        store_arena_alloc(&table->arena, sizeof *list + capacity * sizeof list->values[0], NULL);
    if (list != NULL) {
        list->capacity = capacity;
    }
    return list;
}

size_t window_entry_count(const struct window_entry *entry, double cutoff)
{
    const struct timestamp_list *list = entry->list;
    size_t length = list != NULL ? list->length : 0;
    size_t later = 0;

    for (size_t i = 0; i < length; i++) {
        later += list->values[i] > cutoff;
    }
    return later;
}

bool window_entry_filter(struct window_table *table, struct window_entry *entry, double cutoff)
{
    const struct timestamp_list *old = entry->list;
    size_t length = old != NULL ? old->length : 0;
    struct timestamp_list *kept = create_list(table, length + APPEND_ROOM);
    if (kept == NULL) {
        return false;
    }

    size_t kept_length = 0;
    for (size_t i = 0; i < length; i++) {
        if (old->values[i] > cutoff) {
            kept->values[kept_length++] = old->values[i];
        }
    }
    kept->length = kept_length;
    entry->list = kept;
    return true;
}

bool window_entry_append(struct window_table *table, struct window_entry *entry, double timestamp)
{
    struct timestamp_list *list = entry->list;
    size_t length = list != NULL ? list->length : 0;

    if (list == NULL || length == list->capacity) {
        struct timestamp_list *longer = create_list(table, 2 * length + APPEND_ROOM);
        if (longer == NULL) {
            return false;
        }
        if (length > 0) {
            memcpy(longer->values, list->values, length * sizeof list->values[0]);
        }
        entry->list = longer;
        list = longer;
    }
    list->values[length] = timestamp;
    list->length = length + 1;
    return true;
}
