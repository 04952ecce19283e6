// SPDX-License-Identifier: MIT
/* A race in words, in one line: both accesses with thread, size, place, and the locks held. Places
 * and global variables are given by address, for those who show messages to look up (outcome.h). */
#include <inttypes.h>
#include <stdio.h>

#include "tools/checkers/race_internal.h"

enum { NAME_MAX_BYTES = 160, LOCKS_TEXT_MAX = 160, PLACE_MAX = 40 };

static const heap_block *block_around(const treadle_races *self, uint64_t address)
{
    for (uint32_t i = self->block_count; i-- > 0;) {
        const heap_block *block = &self->blocks[i];
        if (address - block->address < block->size) {
            return block;
        }
    }
    return NULL;
}

static const char *place(char *text, const void *site)
{
    text[0] = '\0';
    if (site != NULL) {
        snprintf(text, PLACE_MAX, " at @0x%" PRIx64, (uint64_t)(uintptr_t)site);
    }
    return text;
}

/* What lies at an address. */
static void name_memory(const treadle_races *self, uint64_t address, char *text)
{
    char where[PLACE_MAX];
    const heap_block *block = block_around(self, address);
    const char *owner = treadle_stack_owner(address);
    if (block != NULL) {
        snprintf(text, NAME_MAX_BYTES,
                 "the block of %" PRIu32 " bytes that %s allocated%s, offset %" PRIu64, block->size,
                 treadle_thread_name(block->thread), place(where, block->site),
                 address - block->address);
    } else if (owner != NULL) {
        snprintf(text, NAME_MAX_BYTES, "the stack of %s", owner);
    } else {
        snprintf(text, NAME_MAX_BYTES, "&0x%" PRIx64, address);
    }
}

static void name_lock(const treadle_races *self, const held_lock *lock, char *text, size_t size)
{
    char name[64];
    treadle_object_name(lock->address, name, sizeof name);
    const bool global =
        block_around(self, lock->address) == NULL && treadle_stack_owner(lock->address) == NULL;
    if (global) {
        snprintf(text, size, "%s (&0x%" PRIx64 ")%s", name, lock->address,
                 lock->shared ? " for reading" : "");
    } else {
        snprintf(text, size, "%s%s", name[0] != '\0' ? name : "a lock that is no more",
                 lock->shared ? " for reading" : "");
    }
}

/* "no lock", or the locks, the newest first. */
static void name_locks(const treadle_races *self, uint32_t set, char *text)
{
    int used = snprintf(text, LOCKS_TEXT_MAX, "%s", set == 0 ? "no lock" : "");
    for (const char *glue = ""; set != 0 && used < LOCKS_TEXT_MAX;
         set = self->locks[set].below, glue = ", ") {
        char one[128];
        name_lock(self, &self->locks[set], one, sizeof one);
        used += snprintf(text + used, (size_t)(LOCKS_TEXT_MAX - used), "%s%s", glue, one);
    }
}

static const char *word_of(const race_access *access, bool past)
{
    const uint32_t flags = access->flags;
    const bool writes = flags & TREADLE_TOUCH_WRITE;
    if (flags & TREADLE_TOUCH_FREE) {
        return past ? "freed" : "frees";
    }
    if (flags & TREADLE_TOUCH_ALLOCATE) {
        return past ? "allocated" : "allocates";
    }
    if (flags & TREADLE_TOUCH_LOCK) {
        return flags & TREADLE_TOUCH_ACQUIRE ? (past ? "locked" : "locks")
                                             : (past ? "unlocked" : "unlocks");
    }
    if (writes) {
        return past ? "wrote" : "writes";
    }
    return past ? "read" : "reads";
}

static const char *manner_of(const race_access *access)
{
    return access->flags & TREADLE_TOUCH_ATOMIC     ? " atomically"
           : access->flags & TREADLE_TOUCH_VOLATILE ? " as volatile"
                                                    : "";
}

/* "t-1 reads 8 bytes at @0x… holding no lock" */
static void describe(const treadle_races *self, const race_access *access, bool past, char *text,
                     size_t size)
{
    char locks[LOCKS_TEXT_MAX];
    char where[PLACE_MAX];
    name_locks(self, access->locks, locks);
    snprintf(text, size, "%s %s %" PRIu32 " byte%s%s%s holding %s",
             treadle_thread_name(access->thread), word_of(access, past), access->size,
             access->size == 1 ? "" : "s", manner_of(access), place(where, access->site), locks);
}

_Noreturn void race_report(const treadle_races *self, const race_access *earlier,
                           const race_access *now)
{
    char memory[NAME_MAX_BYTES];
    char first[400];
    char second[400];
    /* Of two accesses of different sizes, the common byte is in the one that begins later. */
    name_memory(self, earlier->address > now->address ? earlier->address : now->address, memory);
    describe(self, earlier, true, first, sizeof first);
    describe(self, now, false, second, sizeof second);
    if (self->recording) {
        treadle_remark(earlier->event, earlier->thread, earlier->site, "race: %s",
                       word_of(earlier, true));
        treadle_remark(now->event, now->thread, now->site, "race: %s", word_of(now, false));
    }
    treadle_violation(TREADLE_PROPERTY_DATA_RACE, "%s: %s; %s; nothing orders the two", memory,
                      first, second);
}
