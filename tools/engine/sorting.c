// SPDX-License-Identifier: MIT
/* qsort(). Its comparisons are the subject's, and threads are switched within them: what the C
 * library keeps between them would be seen by nobody, and what it allocates would stay when an
 * execution ends there. So it is a sort of the engine's own: by binary insertion, in place, and
 * stable as glibc's. */
#include <stdlib.h>
#include <string.h>

#include "tools/engine/internal.h"

typedef int comparison(const void *, const void *);

typedef struct elements {
    char *first;
    size_t size;
    int (*compare)(const void *, const void *, void *);
    void *argument;
} elements;

/* Where it belongs among the first `count`: behind its equals. */
static char *place_of(const elements *self, const char *element, size_t count)
{
    size_t low = 0;
    while (low < count) {
        const size_t middle = low + (count - low) / 2;
        if (self->compare(element, self->first + middle * self->size, self->argument) < 0) {
            count = middle;
        } else {
            low = middle + 1;
        }
    }
    return self->first + low * self->size;
}

/* A piece at a time, the last one first. */
static void move(char *to, char *element, size_t size)
{
    char piece[64];
    char *end = element + size;
    for (size_t left = size; left > 0;) {
        const size_t now = left < sizeof piece ? left : sizeof piece;
        memcpy(piece, end - now, now);
        memmove(to + now, to, (size_t)(end - to) - now);
        memcpy(to, piece, now);
        left -= now;
    }
}

/* Any element may be read and written, whether or not its place changes: in each step that moves
 * one. */
static void sort(const elements *self, size_t count, const void *site)
{
    uint32_t touched = E.steps;
    if (count > 1) {
        treadle_library_writes(self->first, count * self->size, site);
    }
    for (size_t i = 1; i < count; i++) {
        char *element = self->first + i * self->size;
        char *belongs = place_of(self, element, i);
        if (belongs != element) {
            if (E.steps != touched) {
                touched = E.steps;
                treadle_library_writes(self->first, count * self->size, site);
            }
            move(belongs, element, self->size);
        }
    }
}

static int plainly(const void *one, const void *other, void *compare)
{
    return (*(comparison **)compare)(one, other);
}

void SEAM(qsort)(void *array, size_t count, size_t size, comparison *compare)
{
    if (treadle_inside()) {
        sort(&(elements){array, size, plainly, &compare}, count, SITE());
    } else {
        qsort(array, count, size, compare);
    }
}

void SEAM(qsort_r)(void *array, size_t count, size_t size,
                   int (*compare)(const void *, const void *, void *), void *argument)
{
    if (treadle_inside()) {
        sort(&(elements){array, size, compare, argument}, count, SITE());
    } else {
        qsort_r(array, count, size, compare, argument);
    }
}
