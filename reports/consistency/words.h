// SPDX-License-Identifier: MIT
/* Plain English for names: what a property says, what a variant is, what a component does. For
 * readers who have not seen the code. Constants only. */
#ifndef TREADLE_REPORTS_CONSISTENCY_WORDS_H
#define TREADLE_REPORTS_CONSISTENCY_WORDS_H

#include <stddef.h>

/* "over-admission": what must hold, in one sentence; NULL for a name that is not known. */
const char *treadle_property_words(const char *property);

/* "naive": what it is; NULL when not known. */
const char *treadle_variant_words(const char *variant);

/* "sliding_window": its title and what it is for, NULL when not known; and its place among the
 * components, those that are not known last. */
const char *treadle_component_title(const char *component);
const char *treadle_component_words(const char *component);
size_t treadle_component_rank(const char *component);

/* What they look in, each ending with a NULL name: word_tables.c. A program over other code has
 * tables of its own (tools/own). */
typedef struct treadle_word {
    const char *name;
    const char *meaning;
} treadle_word;

typedef struct treadle_component_word {
    const char *name;
    const char *title;
    const char *meaning;
} treadle_component_word;

extern const treadle_word treadle_property_table[];
extern const treadle_word treadle_variant_table[];
extern const treadle_component_word treadle_component_table[];

#endif
