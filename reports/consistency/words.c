// SPDX-License-Identifier: MIT
#include "reports/consistency/words.h"

#include <string.h>

static const char *meaning_of(const treadle_word *table, const char *name)
{
    while (table->name != NULL && strcmp(table->name, name) != 0) {
        table++;
    }
    return table->meaning;
}

const char *treadle_property_words(const char *property)
{
    return meaning_of(treadle_property_table, property);
}

const char *treadle_variant_words(const char *variant)
{
    return meaning_of(treadle_variant_table, variant);
}

size_t treadle_component_rank(const char *component)
{
    size_t rank = 0;
    while (treadle_component_table[rank].name != NULL &&
           strcmp(treadle_component_table[rank].name, component) != 0) {
        rank++;
    }
    return rank;
}

const char *treadle_component_title(const char *component)
{
    return treadle_component_table[treadle_component_rank(component)].title;
}

const char *treadle_component_words(const char *component)
{
    return treadle_component_table[treadle_component_rank(component)].meaning;
}
