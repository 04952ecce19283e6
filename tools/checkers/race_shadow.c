// SPDX-License-Identifier: MIT
#include "tools/checkers/race_shadow.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "tools/checkers/races.h"

#include "tools/engine/engine.h"

enum {
    PAGES_MAX = 1 << (SHADOW_SLOT_BITS - 1), /* 128 MiB of the subject's memory */
    EXTRAS_MAX = 1 << 22,
};

static const size_t slots_bytes = sizeof(shadow_page) << SHADOW_SLOT_BITS;
static const size_t granules_bytes = (size_t)PAGES_MAX * SHADOW_PAGE_GRANULES * sizeof(granule);
static const size_t extras_bytes = (size_t)EXTRAS_MAX * sizeof(extra);

/* Address space; memory only where it is used. */
static void *reserve(size_t bytes)
{
    void *got = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return got == MAP_FAILED ? NULL : got;
}

int race_shadow_open(race_shadow *self)
{
    self->pages = reserve(slots_bytes);
    self->granules = reserve(granules_bytes);
    self->extras = reserve(extras_bytes);
    return self->pages && self->granules && self->extras ? 0 : ENOMEM;
}

void race_shadow_close(race_shadow *self)
{
    if (self->pages != NULL) {
        munmap(self->pages, slots_bytes);
    }
    if (self->granules != NULL) {
        munmap(self->granules, granules_bytes);
    }
    if (self->extras != NULL) {
        munmap(self->extras, extras_bytes);
    }
}

void race_shadow_start(race_shadow *self)
{
    self->extra_count = 1;
    self->extra_free = 0;
}

void race_shadow_clear(race_shadow *self)
{
    madvise(self->granules, granules_bytes, MADV_DONTNEED); /* reads as zero from now on */
}

granule *race_shadow_new_page(race_shadow *self, shadow_page *slot, uint64_t number)
{
    if (self->page_count == PAGES_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, TREADLE_PROPERTY_RACE_LIMIT,
                     "more than %d pages of memory are accessed", PAGES_MAX);
    }
    slot->granules = self->granules + (size_t)self->page_count++ * SHADOW_PAGE_GRANULES;
    slot->number = number;
    return slot->granules;
}

extra *race_shadow_extra(race_shadow *self, granule *at)
{
    uint32_t index = self->extra_free;
    if (index != 0) {
        self->extra_free = self->extras[index].next;
    } else {
        if (self->extra_count == EXTRAS_MAX) {
            treadle_stop(TREADLE_OUTCOME_CUT, TREADLE_PROPERTY_RACE_LIMIT,
                         "more than %d accesses may still race with others", EXTRAS_MAX);
        }
        index = self->extra_count++;
    }
    self->extras[index].next = at->more;
    at->more = index;
    return &self->extras[index];
}

void race_shadow_forget_extras(race_shadow *self, uint32_t list)
{
    while (list != 0) {
        const uint32_t next = self->extras[list].next;
        self->extras[list].next = self->extra_free;
        self->extra_free = list;
        list = next;
    }
}
