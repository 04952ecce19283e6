// SPDX-License-Identifier: MIT
#include "tools/cli/places.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/symbols.h"

enum { RESOLVED_MAX = 4096 };

typedef struct text {
    char bytes[RESOLVED_MAX];
    size_t used;
} text;

static void add(text *self, const char *bytes, size_t length)
{
    const size_t room = sizeof self->bytes - 1 - self->used;
    const size_t kept = length < room ? length : room;
    memcpy(self->bytes + self->used, bytes, kept);
    self->used += kept;
}

/* "acquire impl/memory_store/naive.c:12" becomes "naive.c:12 (acquire)". */
static void add_place(text *self, const char *symbol)
{
    const char *space = strrchr(symbol, ' ');
    if (space == NULL) {
        add(self, symbol, strlen(symbol));
        return;
    }
    const char *slash = strrchr(space, '/');
    const char *file = slash != NULL ? slash + 1 : space + 1;
    add(self, file, strlen(file));
    add(self, " (", 2);
    add(self, symbol, (size_t)(space - symbol));
    add(self, ")", 1);
}

/* The address at "@0x…" or "&0x…", and where it ends; 0 when there is none. */
static uint64_t address_at(const char *at, const char **end)
{
    static const char mark[] = "0x";
    if ((*at != '@' && *at != '&') || strncmp(at + 1, mark, sizeof mark - 1) != 0) {
        return 0;
    }
    char *after;
    const uint64_t address = strtoull(at + sizeof mark, &after, 16);
    *end = after;
    return address;
}

void treadle_places_resolve(char *message, size_t size)
{
    text out = {.used = 0};
    const char *at = message;
    while (*at != '\0') {
        const char *end = at + 1;
        const uint64_t address = address_at(at, &end);
        const char *symbol = address == 0 ? ""
                             : *at == '@' ? treadle_symbolize(address)
                                          : treadle_symbolize_data(address);
        if (symbol[0] != '\0' && *at == '&') {
            add(&out, symbol, strlen(symbol));
        } else if (symbol[0] != '\0') {
            add_place(&out, symbol);
        } else {
            add(&out, at, (size_t)(end - at));
        }
        at = end;
    }
    out.bytes[out.used] = '\0';
    snprintf(message, size, "%s", out.bytes);
}
