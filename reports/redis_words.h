// SPDX-License-Identifier: MIT
/*
 * What a Redis command does, from its text in a trace (tools/redis/redis_text.h): enough to tell
 * which two commands act on the same key. Whoever must be right asks the server
 * (tools/redis/redis_commands.h); a command that is not known here counts as one that writes its
 * first argument.
 */
#ifndef TREADLE_REPORTS_REDIS_WORDS_H
#define TREADLE_REPORTS_REDIS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct treadle_redis_words {
    uint64_t key; /* a hash of the first key; 0 = it has none */
    bool writes;
    bool queued;   /* inside MULTI: nothing happens yet */
    bool executes; /* EXEC */
} treadle_redis_words;

void treadle_redis_words_of(const char *text, size_t length, treadle_redis_words *words);

#endif
