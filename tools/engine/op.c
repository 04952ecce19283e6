// SPDX-License-Identifier: MIT
#include "tools/engine/op.h"

#include <stddef.h>
#include <string.h>

static const char *const granularity_names[] = {
    [TREADLE_GRANULARITY_NONE] = NULL,
    [TREADLE_GRANULARITY_AWAIT] = "await",
    [TREADLE_GRANULARITY_SYNC] = "sync",
    [TREADLE_GRANULARITY_MEMORY] = "memory",
};

static const char *const op_words[TREADLE_OP_COUNT] = {
#define X(name, granularity, word) [TREADLE_OP_##name] = word,
    TREADLE_OPS(X)
#undef X
};

const char *treadle_granularity_name(treadle_granularity granularity)
{
    return granularity_names[granularity];
}

treadle_granularity treadle_granularity_parse(const char *name)
{
    for (int g = TREADLE_GRANULARITY_AWAIT; g <= TREADLE_GRANULARITY_MEMORY; g++) {
        if (strcmp(granularity_names[g], name) == 0) {
            return (treadle_granularity)g;
        }
    }
    return TREADLE_GRANULARITY_NONE;
}

const char *treadle_op_word(treadle_op_kind kind)
{
    return (unsigned)kind < TREADLE_OP_COUNT ? op_words[kind] : "?";
}
