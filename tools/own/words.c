// SPDX-License-Identifier: MIT
/* Stands in for reports/consistency/words.c: what reports say of names that any project may have.
 */
#include "reports/consistency/words.h"

#include <string.h>

typedef struct word {
    const char *name;
    const char *meaning;
} word;

/* What the harness itself finds; each says what must hold. */
static const word properties[] = {
    {"atomicity", "What the calls return and leave behind together is what some serial order of "
                  "them would have given."},
    {"data-race", "Of two accesses to the same memory, one of them a write, one is ordered before "
                  "the other."},
    {"deadlock", "No threads wait for each other for ever."},
    {"double-free", "Memory is freed once."},
    {"heap-overflow", "What lies beyond a block of memory is not touched."},
    {"linearizability",
     "Every call takes effect at one moment between its beginning and its end: some order of the "
     "calls explains all that they returned."},
    {"livelock", "Threads that go on come to an end."},
    {"lock-leak", "Every lock is given back."},
    {"starvation", "Whoever waits is served in the end."},
    {"thread-leak", "Every thread is joined or detached."},
    {"use-after-free", "Memory is not used after it was freed."},
};

static const word variants[] = {
    {"naive", "known to break: it shows that the checks can fail"},
    {"proposed", "not to be rolled out: proposed, and on trial"},
    {"fixed", "the solution to roll out"},
    {"lockfree", "another solution to roll out, without locks"},
};

static const char *meaning_of(const word *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].name, name) == 0) {
            return words[i].meaning;
        }
    }
    return NULL;
}

const char *treadle_property_words(const char *property)
{
    return meaning_of(properties, sizeof properties / sizeof properties[0], property);
}

const char *treadle_variant_words(const char *variant)
{
    return meaning_of(variants, sizeof variants / sizeof variants[0], variant);
}

const char *treadle_component_title(const char *component)
{
    (void)component;
    return NULL;
}

const char *treadle_component_words(const char *component)
{
    (void)component;
    return NULL;
}

size_t treadle_component_rank(const char *component)
{
    (void)component;
    return 0;
}
