// SPDX-License-Identifier: MIT
/* What may stand for the placeholder of an option or an argument: for completions. */
#ifndef TREADLE_CLI_WORDS_H
#define TREADLE_CLI_WORDS_H

#include <stddef.h>

enum { TREADLE_WORDS_MAX = 512 };

typedef struct treadle_words {
    const char *items[TREADLE_WORDS_MAX]; /* static strings */
    size_t count;
} treadle_words;

/* The words for `placeholder` ("BACKEND", "[GLOB]") of a command. None for what has no list, like a
 * number or a file. */
void treadle_words_for(const char *command, const char *placeholder, treadle_words *words);

/* Whether the placeholder stands for a file. */
int treadle_words_are_files(const char *placeholder);

#endif
