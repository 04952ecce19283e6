// SPDX-License-Identifier: MIT
/*
 * The shadow of the memory that an execution touches: for each byte the accesses that a later one
 * may race with.
 *
 * Eight bytes have a granule: a list of records, each of one thread's access of one kind to some of
 * the eight bytes. An access replaces the records that it subsumes: what happens before it and
 * conflicts with nothing that it does not conflict with itself. So after a plain write there is
 * just that one, as in FastTrack, and after reads at most one more for each thread that read; but
 * bytes are told apart, whatever the sizes of accesses.
 *
 * What a former execution left is told by its epochs (race_clocks.h) and overwritten when it is
 * met: nothing is cleared between executions. Pages of granules are made when their memory is first
 * touched, and kept.
 */
#ifndef TREADLE_CHECKERS_RACE_SHADOW_H
#define TREADLE_CHECKERS_RACE_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

typedef enum race_kind {
    RACE_READ,
    RACE_WRITE,
    RACE_SYNC_READ, /* atomic, volatile, or of a synchronisation object */
    RACE_SYNC_WRITE,
    RACE_NEW, /* plain, of a block that is allocated */
} race_kind;

typedef struct record {
    uint32_t epoch; /* of the thread; below the execution's first one: there is no record */
    uint8_t thread;
    uint8_t mask;    /* bytes of the granule */
    uint8_t kind;    /* race_kind */
    uint32_t access; /* index into the accesses of the execution */
} record;

typedef struct granule {
    record records[2]; /* when there is any, [0] is one */
    uint32_t more;     /* list of further ones; 0 = none */
    uint32_t releases; /* what is released here (race_clocks.h); 0 = nothing */
} granule;

/* A record for which the granule has no room. */
typedef struct extra {
    record record;
    uint32_t next;
} extra;

typedef struct shadow_page {
    uint64_t number; /* address / 4096, plus one; 0 = unused */
    granule *granules;
} shadow_page;

typedef struct race_shadow {
    shadow_page *pages; /* open addressing */
    granule *granules;  /* by page, in the order of first use */
    uint32_t page_count;
    uint32_t extra_count;
    uint32_t extra_free;
    extra *extras; /* [0] is not used */
} race_shadow;

enum {
    SHADOW_PAGE_BITS = 12,
    SHADOW_PAGE_BYTES = 1 << SHADOW_PAGE_BITS,
    SHADOW_PAGE_GRANULES = 1 << (SHADOW_PAGE_BITS - 3),
    SHADOW_SLOT_BITS = 16,
};

/* 0, or ENOMEM. */
int race_shadow_open(race_shadow *self);
void race_shadow_close(race_shadow *self);
void race_shadow_start(race_shadow *self);
/* Forgets every record: the epochs start again. */
void race_shadow_clear(race_shadow *self);

/* Ends the execution when there is no room. */
extra *race_shadow_extra(race_shadow *self, granule *at);
void race_shadow_forget_extras(race_shadow *self, uint32_t list);

granule *race_shadow_new_page(race_shadow *self, shadow_page *slot, uint64_t number);

static inline granule *race_shadow_granule(race_shadow *self, uint64_t address)
{
    const uint64_t number = (address >> SHADOW_PAGE_BITS) + 1;
    const uint32_t slots = UINT32_C(1) << SHADOW_SLOT_BITS;
    uint32_t i =
        (uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SHADOW_SLOT_BITS)) & (slots - 1);
    while (self->pages[i].number != number) {
        if (self->pages[i].number == 0) {
            race_shadow_new_page(self, &self->pages[i], number);
            break;
        }
        i = (i + 1) & (slots - 1);
    }
    return &self->pages[i].granules[address >> 3 & (SHADOW_PAGE_GRANULES - 1)];
}

#endif
