// SPDX-License-Identifier: MIT
/* What the C library's string functions read and write of the subject's memory, for observers and
 * footprints: none is a scheduling point, and what it reads is what it needs, up to the byte that
 * decides. */
#include <string.h>

#include "tools/engine/internal.h"

static inline void reads(const void *from, size_t size, const void *site)
{
    if (UNLIKELY(E.observing) && size) {
        treadle_observe_touch(from, size, TREADLE_TOUCH_READ, site);
    }
}

size_t SEAM(strlen)(const char *text)
{
    const size_t length = strlen(text);
    reads(text, length + 1, SITE());
    return length;
}

/* Both up to where they differ or end. */
static void compared(const char *one, const char *other, size_t max, const void *site)
{
    size_t size = 0;
    while (size < max && one[size] == other[size] && one[size] != '\0') {
        size++;
    }
    size += size < max;
    reads(one, size, site);
    reads(other, size, site);
}

int SEAM(strcmp)(const char *one, const char *other)
{
    if (UNLIKELY(E.observing)) {
        compared(one, other, SIZE_MAX, SITE());
    }
    return strcmp(one, other);
}

int SEAM(strncmp)(const char *one, const char *other, size_t max)
{
    if (UNLIKELY(E.observing)) {
        compared(one, other, max, SITE());
    }
    return strncmp(one, other, max);
}

int SEAM(memcmp)(const void *one, const void *other, size_t size)
{
    reads(one, size, SITE());
    reads(other, size, SITE());
    return memcmp(one, other, size);
}

char *SEAM(strcpy)(char *to, const char *from)
{
    const size_t size = strlen(from) + 1;
    reads(from, size, SITE());
    if (UNLIKELY(E.observing)) {
        treadle_observe_touch(to, size, TREADLE_TOUCH_WRITE, SITE());
    }
    return memcpy(to, from, size);
}
