// SPDX-License-Identifier: MIT
#include "../name_table.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

struct entry {
    struct name_node node;
    char name[16];
};

enum { NAMES = 1000, THREADS = 4 };

static struct name_table table;
static struct entry entries[THREADS][NAMES];
static struct name_node *winners[THREADS][NAMES];

static void prepare(void)
{
    name_table_init(&table);
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < NAMES; i++) {
            snprintf(entries[t][i].name, sizeof entries[t][i].name, "name-%d", i);
            entries[t][i].node.name = entries[t][i].name;
        }
    }
}

TestSuite(name_table, .init = prepare, .timeout = 60);

static size_t size(void)
{
    size_t count = 0;
    for (struct name_node *node = NULL; (node = name_table_next(&table, node)) != NULL;) {
        count++;
    }
    return count;
}

Test(name_table, finds_what_was_inserted_and_nothing_else)
{
    cr_assert_eq(size(), 0);
    cr_assert_null(name_table_find(&table, "name-0"));
    for (int i = 0; i < NAMES; i++) {
        cr_assert_eq(name_table_insert(&table, &entries[0][i].node), &entries[0][i].node);
    }
    for (int i = 0; i < NAMES; i++) {
        cr_assert_eq(name_table_find(&table, entries[1][i].name), &entries[0][i].node);
    }
    cr_assert_null(name_table_find(&table, "name"));
    cr_assert_null(name_table_find(&table, ""));
    cr_assert_eq(size(), NAMES);
}

Test(name_table, keeps_the_first_of_a_name)
{
    name_table_insert(&table, &entries[0][7].node);
    cr_assert_eq(name_table_insert(&table, &entries[1][7].node), &entries[0][7].node);
    cr_assert_eq(size(), 1);
}

static void *insert_all(void *argument)
{
    int t = *(const int *)argument;
    for (int i = 0; i < NAMES; i++) {
        winners[t][i] = name_table_insert(&table, &entries[t][i].node);
    }
    return NULL;
}

Test(name_table, threads_agree_on_the_winner)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int t = 0; t < THREADS; t++) {
        numbers[t] = t;
        cr_assert_eq(pthread_create(&threads[t], NULL, insert_all, &numbers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
    }
    for (int t = 1; t < THREADS; t++) {
        for (int i = 0; i < NAMES; i++) {
            cr_assert_eq(winners[t][i], winners[0][i]);
        }
    }
    cr_assert_eq(size(), NAMES);
}

Test(name_table, the_hash_is_the_same_for_ever)
{
    /* Shares of keys are cut by it: another value would move keys. */
    cr_assert_eq(name_hash(""), UINT64_C(0xf52a15e9a9b5e89b));
    cr_assert_neq(name_hash("openai"), name_hash("anthropic"));
}
