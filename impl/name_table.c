// SPDX-License-Identifier: MIT
#include "name_table.h"

#include <stddef.h>
#include <string.h>

uint64_t name_hash(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
    }
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
    return hash ^ hash >> 31;
}

void name_table_init(struct name_table *table)
{
    for (size_t i = 0; i < NAME_TABLE_BUCKETS; i++) {
        atomic_init(&table->buckets[i], NULL);
    }
}

static struct name_node *search(struct name_node *node, const struct name_node *end, uint64_t hash,
                                const char *name)
{
    while (node != end && (node->hash != hash || strcmp(node->name, name) != 0)) {
        node = node->next;
    }
    return node != end ? node : NULL;
}

struct name_node *name_table_find(const struct name_table *table, const char *name)
{
    uint64_t hash = name_hash(name);

    return search(atomic_load(&table->buckets[hash % NAME_TABLE_BUCKETS]), NULL, hash, name);
}

struct name_node *name_table_insert(struct name_table *table, struct name_node *node)
{
    node->hash = name_hash(node->name);
    _Atomic(struct name_node *) *bucket = &table->buckets[node->hash % NAME_TABLE_BUCKETS];
    struct name_node *searched = NULL; /* from here on the name is known not to be there */
    struct name_node *first = atomic_load(bucket);

    do {
        struct name_node *found = search(first, searched, node->hash, node->name);
        if (found != NULL) {
            return found;
        }
        searched = first;
        node->next = first;
    } while (!atomic_compare_exchange_strong(bucket, &first, node));
    return node;
}

struct name_node *name_table_next(const struct name_table *table, const struct name_node *node)
{
    size_t bucket = 0;

    if (node != NULL) {
        if (node->next != NULL) {
            return node->next;
        }
        bucket = node->hash % NAME_TABLE_BUCKETS + 1;
    }
    for (; bucket < NAME_TABLE_BUCKETS; bucket++) {
        struct name_node *first = atomic_load(&table->buckets[bucket]);
        if (first != NULL) {
            return first;
        }
    }
    return NULL;
}
