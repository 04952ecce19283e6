// SPDX-License-Identifier: MIT
#include "tools/explore/crew.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

void treadle_tally_add(treadle_tally *sum, const treadle_tally *part)
{
    sum->executions += part->executions;
    sum->steps += part->steps;
    sum->spin_blocks += part->spin_blocks;
    sum->cut_short += part->cut_short;
    sum->redundant += part->redundant;
}

treadle_crew *treadle_crew_open(uint32_t explorers, uint64_t executions_max)
{
    treadle_crew *crew = mmap(NULL, sizeof *crew, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (crew == MAP_FAILED) {
        return NULL;
    }
    crew->count = explorers < TREADLE_CREW_MAX ? explorers : TREADLE_CREW_MAX;
    crew->limited = executions_max > 0;
    for (uint32_t i = 0; i < crew->count; i++) {
        sem_init(&crew->members[i].wake, 1, 0);
    }
    atomic_store(&crew->members[0].reserve, executions_max);
    return crew;
}

void treadle_crew_close(treadle_crew *crew)
{
    if (crew != NULL) {
        munmap(crew, sizeof *crew);
    }
}

/* ---- the budget ------------------------------------------------------------------------------ */

static bool spend_own(treadle_crew_member *member)
{
    uint64_t left = atomic_load_explicit(&member->reserve, memory_order_relaxed);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&member->reserve, &left, left - 1)) {
            return true;
        }
    }
    return false;
}

bool treadle_crew_spend(treadle_crew *crew, uint32_t me)
{
    treadle_crew_member *own = &crew->members[me];
    if (!crew->limited || spend_own(own)) {
        return true;
    }
    /* Half of what another one has; the last ones one by one. */
    for (uint32_t i = 0; i < crew->count; i++) {
        treadle_crew_member *other = &crew->members[i];
        uint64_t left = atomic_load(&other->reserve);
        while (i != me && left > 0) {
            const uint64_t part = (left + 1) / 2;
            if (atomic_compare_exchange_weak(&other->reserve, &left, left - part)) {
                atomic_fetch_add(&own->reserve, part - 1);
                return true;
            }
        }
    }
    return spend_own(own);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void wake_idle(treadle_crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++) {
        if (atomic_load(&crew->members[i].idle)) {
            sem_post(&crew->members[i].wake);
        }
    }
}

bool treadle_crew_hungry(const treadle_crew *crew)
{
    return atomic_load_explicit(&crew->idle, memory_order_relaxed) >
           atomic_load_explicit(&crew->offered, memory_order_relaxed);
}

uint32_t treadle_crew_offer(treadle_crew *crew, uint32_t me, const void *bytes, size_t size)
{
    if (size > TREADLE_PART_BYTES_MAX) {
        return TREADLE_NO_PART;
    }
    for (uint32_t i = 0; i < TREADLE_CREW_PARTS; i++) {
        treadle_part *part = &crew->parts[i];
        uint32_t expected = TREADLE_PART_FREE;
        /* As TAKEN nobody else looks at it. */
        if (atomic_compare_exchange_strong(&part->state, &expected, TREADLE_PART_TAKEN)) {
            part->lender = me;
            part->size = size;
            memcpy(part->bytes, bytes, size);
            atomic_fetch_add(&crew->offered, 1);
            atomic_store(&part->state, TREADLE_PART_OFFERED);
            wake_idle(crew);
            return i;
        }
    }
    return TREADLE_NO_PART;
}

bool treadle_crew_take(treadle_crew *crew, uint32_t part)
{
    uint32_t expected = TREADLE_PART_OFFERED;
    if (!atomic_compare_exchange_strong(&crew->parts[part].state, &expected, TREADLE_PART_TAKEN)) {
        return false;
    }
    atomic_fetch_sub(&crew->offered, 1);
    return true;
}

uint32_t treadle_crew_take_any(treadle_crew *crew)
{
    if (atomic_load_explicit(&crew->offered, memory_order_relaxed) > 0) {
        for (uint32_t i = 0; i < TREADLE_CREW_PARTS; i++) {
            if (treadle_crew_take(crew, i)) {
                return i;
            }
        }
    }
    return TREADLE_NO_PART;
}

void treadle_crew_give_back(treadle_crew *crew, uint32_t number, const void *bytes, size_t size,
                            const treadle_tally *tally)
{
    treadle_part *part = &crew->parts[number];
    treadle_crew_member *lender = &crew->members[part->lender];
    part->found_out = bytes != NULL && size <= TREADLE_PART_BYTES_MAX;
    part->size = size;
    part->tally = *tally;
    if (part->found_out) {
        memcpy(part->bytes, bytes, size);
    }
    uint32_t expected = TREADLE_PART_TAKEN;
    if (!atomic_compare_exchange_strong(&part->state, &expected, TREADLE_PART_GIVEN_BACK)) {
        atomic_store(&part->state, TREADLE_PART_FREE);
    }
    if (atomic_load(&lender->idle)) {
        sem_post(&lender->wake);
    }
}

void treadle_crew_abandon(treadle_crew *crew, uint32_t number)
{
    treadle_part *part = &crew->parts[number];
    if (treadle_crew_take(crew, number)) {
        atomic_store(&part->state, TREADLE_PART_FREE);
        return;
    }
    uint32_t expected = TREADLE_PART_TAKEN;
    if (!atomic_compare_exchange_strong(&part->state, &expected, TREADLE_PART_ABANDONED)) {
        atomic_store(&part->state, TREADLE_PART_FREE);
    }
}

/* ---- coming and going ------------------------------------------------------------------------ */

bool treadle_crew_end(treadle_crew *crew, uint32_t me, bool found)
{
    uint32_t nobody = 0;
    const bool first = found && atomic_compare_exchange_strong(&crew->found_by, &nobody, me + 1);
    atomic_store(&crew->over, true);
    wake_idle(crew);
    return first;
}

void treadle_crew_idle_begin(treadle_crew *crew, uint32_t me)
{
    atomic_store(&crew->members[me].idle, true);
    atomic_fetch_add(&crew->idle, 1);
}

void treadle_crew_idle_sleep(treadle_crew *crew, uint32_t me, uint32_t ms)
{
    enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)ms * NS_PER_MS;
    until.tv_sec += until.tv_nsec / NS_PER_S;
    until.tv_nsec %= NS_PER_S;
    sem_timedwait(&crew->members[me].wake, &until);
}

void treadle_crew_idle_end(treadle_crew *crew, uint32_t me)
{
    atomic_store(&crew->members[me].idle, false);
    atomic_fetch_sub(&crew->idle, 1);
}

void treadle_crew_count(treadle_crew *crew, uint32_t me, const treadle_tally *one)
{
    treadle_crew_member *member = &crew->members[me];
    treadle_tally_add(&member->tally, one);
    atomic_store_explicit(&member->executions, member->tally.executions, memory_order_relaxed);
    atomic_store_explicit(&member->steps, member->tally.steps, memory_order_relaxed);
}

void treadle_crew_done(const treadle_crew *crew, uint64_t *executions, uint64_t *steps)
{
    *executions = 0;
    *steps = 0;
    for (uint32_t i = 0; i < crew->count; i++) {
        *executions += atomic_load_explicit(&crew->members[i].executions, memory_order_relaxed);
        *steps += atomic_load_explicit(&crew->members[i].steps, memory_order_relaxed);
    }
}
