// SPDX-License-Identifier: MIT
#include "tools/checkers/race_clocks.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/checkers/races.h"

enum { RELEASES_MAX = 1 << 18 };

/* Epochs that one execution can use up; what comes near is cut off. */
static const uint32_t epochs_max = UINT32_C(1) << 30;

int race_clocks_open(race_clocks *self)
{
    self->releases = mmap(NULL, RELEASES_MAX * sizeof *self->releases, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (self->releases == MAP_FAILED) {
        self->releases = NULL;
        return ENOMEM;
    }
    return 0;
}

void race_clocks_close(race_clocks *self)
{
    if (self->releases != NULL) {
        munmap(self->releases, RELEASES_MAX * sizeof *self->releases);
    }
}

/* Makes a thread known: nothing happens before what it does. */
static void add_thread(race_clocks *self, uint32_t thread)
{
    for (; self->count <= thread; self->count++) {
        race_thread *added = &self->threads[self->count];
        memset(added->clock, 0, (self->count + 1) * sizeof added->clock[0]);
        added->fenced = false;
        added->has_pending = false;
        added->clock[self->count] = self->base;
        for (uint32_t i = 0; i < self->count; i++) {
            self->threads[i].clock[self->count] = 0;
            self->threads[i].fence[self->count] = 0;
            self->threads[i].pending[self->count] = 0;
        }
    }
}

bool race_clocks_start(race_clocks *self)
{
    const bool used_up = self->latest > UINT32_MAX - epochs_max;
    self->base = used_up ? 1 : self->latest + 1;
    self->latest = self->base;
    self->count = 0;
    self->release_count = 1;
    self->release_free = 0;
    add_thread(self, 0);
    return !used_up;
}

/* After a release: what the thread does from now on is not part of it. */
static void tick(race_clocks *self, uint32_t thread)
{
    const uint32_t epoch = ++self->threads[thread].clock[thread];
    if (epoch > self->latest) {
        self->latest = epoch;
        if (epoch - self->base >= epochs_max) {
            treadle_stop(TREADLE_OUTCOME_CUT, TREADLE_PROPERTY_RACE_LIMIT,
                         "more than %u releases in one execution", epochs_max);
        }
    }
}

static void join(uint32_t *into, const uint32_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        into[i] = from[i] > into[i] ? from[i] : into[i];
    }
}

/* Whole vectors: what lies beyond `count` is never looked at. */
static inline void copy(uint32_t *to, const uint32_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 4) {
        __builtin_memcpy(to + i, from + i, 4 * sizeof to[0]);
    }
}

void race_clocks_edge(race_clocks *self, uint32_t from, uint32_t to)
{
    add_thread(self, to);
    join(self->threads[to].clock, self->threads[from].clock, self->count);
    tick(self, from);
}

/* ---- locations ------------------------------------------------------------------------------- */

void race_clocks_read(race_clocks *self, uint32_t thread, uint32_t releases, uint32_t mask,
                      bool acquires, bool reader)
{
    race_thread *own = &self->threads[thread];
    for (uint32_t at = releases; at != 0; at = self->releases[at].next) {
        const release *found = &self->releases[at];
        const bool known = found->clock[found->head] <= own->clock[found->head];
        if (known || !(found->mask & mask) || (reader && found->shared)) {
            continue;
        }
        if (acquires) {
            join(own->clock, found->clock, found->count);
            continue;
        }
        if (!own->has_pending) {
            memset(own->pending, 0, self->count * sizeof own->pending[0]);
            own->has_pending = true;
        }
        join(own->pending, found->clock, found->count);
    }
}

static uint32_t new_release(race_clocks *self)
{
    const uint32_t freed = self->release_free;
    if (freed != 0) {
        self->release_free = self->releases[freed].next;
        return freed;
    }
    if (self->release_count == RELEASES_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, TREADLE_PROPERTY_RACE_LIMIT,
                     "threads synchronise through more than %d places", RELEASES_MAX);
    }
    return self->release_count++;
}

void race_clocks_forget(race_clocks *self, uint32_t releases)
{
    while (releases != 0) {
        const uint32_t next = self->releases[releases].next;
        self->releases[releases].next = self->release_free;
        self->release_free = releases;
        releases = next;
    }
}

/* Ends the release sequences that others head on exactly these bytes, or a part of them. */
static void end_sequences(race_clocks *self, uint32_t thread, uint32_t *releases, uint32_t mask)
{
    for (uint32_t *link = releases; *link != 0;) {
        release *found = &self->releases[*link];
        if (found->head == thread || (found->mask & ~mask) != 0) {
            link = &found->next;
            continue;
        }
        const uint32_t ended = *link;
        *link = found->next;
        found->next = self->release_free;
        self->release_free = ended;
    }
}

/* The thread's own release of this kind on these bytes, new or to be replaced: a later snapshot of
 * one thread's clock holds all of an earlier one. */
static release *own_release(race_clocks *self, uint32_t thread, uint32_t *releases, uint32_t mask,
                            bool shared)
{
    for (uint32_t at = *releases; at != 0; at = self->releases[at].next) {
        release *found = &self->releases[at];
        if (found->head == thread && found->mask == mask && found->shared == shared) {
            return found;
        }
    }
    const uint32_t at = new_release(self);
    self->releases[at].next = *releases;
    self->releases[at].head = (uint8_t)thread;
    self->releases[at].mask = (uint8_t)mask;
    self->releases[at].shared = shared;
    self->releases[at].clock[thread] = 0;
    *releases = at;
    return &self->releases[at];
}

/* A store that releases, where there is one release on the same bytes: takes its place. Locks are
 * let go like that. */
static bool replace_only(race_clocks *self, uint32_t thread, uint32_t at, uint32_t mask)
{
    release *only = &self->releases[at];
    if (at == 0 || only->next != 0 || only->mask != mask || only->shared) {
        return false;
    }
    only->head = (uint8_t)thread;
    only->count = (uint8_t)self->count;
    copy(only->clock, self->threads[thread].clock, self->count);
    tick(self, thread);
    return true;
}

void race_clocks_write(race_clocks *self, uint32_t thread, uint32_t *releases, uint32_t mask,
                       race_release how, bool releasing)
{
    race_thread *own = &self->threads[thread];
    if (how == RACE_STORE && releasing && replace_only(self, thread, *releases, mask)) {
        return;
    }
    if (how == RACE_STORE) {
        end_sequences(self, thread, releases, mask);
    }
    if (!releasing && !own->fenced) {
        return;
    }
    const uint32_t *clock = releasing ? own->clock : own->fence;
    release *made = own_release(self, thread, releases, mask, how == RACE_READER_LEAVES);
    if (made->clock[thread] < clock[thread]) {
        copy(made->clock, clock, self->count);
        made->count = (uint8_t)self->count;
    }
    if (releasing) {
        tick(self, thread);
    }
}

void race_clocks_fence(race_clocks *self, uint32_t thread, int memory_order)
{
    race_thread *own = &self->threads[thread];
    const bool acquires = memory_order != __ATOMIC_RELAXED && memory_order != __ATOMIC_RELEASE;
    const bool releases = memory_order == __ATOMIC_RELEASE || memory_order >= __ATOMIC_ACQ_REL;
    if (acquires && own->has_pending) {
        join(own->clock, own->pending, self->count);
        own->has_pending = false;
    }
    if (releases) {
        copy(own->fence, own->clock, self->count);
        own->fenced = true;
        tick(self, thread);
    }
}
