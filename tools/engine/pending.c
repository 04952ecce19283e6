// SPDX-License-Identifier: MIT
#include "tools/engine/pending.h"

#include "tools/engine/heap.h"
#include "tools/engine/internal.h"

static treadle_space space_of(treadle_op_kind kind)
{
    switch (kind) {
    case TREADLE_OP_NONE:
    case TREADLE_OP_NOTE:
    case TREADLE_OP_THREAD_START:
    case TREADLE_OP_THREAD_EXIT:
    case TREADLE_OP_FENCE:
    case TREADLE_OP_YIELD:
    case TREADLE_OP_CALL:
    case TREADLE_OP_COUNT: return TREADLE_SPACE_NONE;
    case TREADLE_OP_THREAD_CREATE:
    case TREADLE_OP_THREAD_JOIN:
    case TREADLE_OP_THREAD_CANCEL: return TREADLE_SPACE_THREAD;
    case TREADLE_OP_ATOMIC_LOAD:
    case TREADLE_OP_ATOMIC_STORE:
    case TREADLE_OP_ATOMIC_RMW:
    case TREADLE_OP_ATOMIC_CAS:
    case TREADLE_OP_READ:
    case TREADLE_OP_WRITE:
    case TREADLE_OP_VOLATILE_READ:
    case TREADLE_OP_VOLATILE_WRITE: return TREADLE_SPACE_MEMORY;
    case TREADLE_OP_SLEEP:
    case TREADLE_OP_CLOCK_READ: return TREADLE_SPACE_CLOCK;
    case TREADLE_OP_REDIS: return TREADLE_SPACE_REDIS;
    default: return TREADLE_SPACE_OBJECT;
    }
}

static bool only_reads(treadle_op_kind kind)
{
    switch (kind) {
    case TREADLE_OP_ATOMIC_LOAD:
    case TREADLE_OP_READ:
    case TREADLE_OP_VOLATILE_READ:
    case TREADLE_OP_RWLOCK_RDLOCK:
    case TREADLE_OP_RWLOCK_TRYRDLOCK:
    case TREADLE_OP_SEM_GETVALUE:
    case TREADLE_OP_CLOCK_READ: return true;
    default: return false;
    }
}

treadle_pending_op treadle_pending(uint32_t thread_number)
{
    assert(thread_number < E.thread_count);
    const thread *of = &E.threads[thread_number];
    const treadle_op_kind kind = of->finished ? TREADLE_OP_NONE : of->kind;
    const treadle_space space = space_of(kind);
    return (treadle_pending_op){.kind = kind,
                                .space = space,
                                .writes = space != TREADLE_SPACE_NONE && !only_reads(kind),
                                .size = of->size,
                                .address = space == TREADLE_SPACE_OBJECT && of->object != NULL
                                               ? of->object->address
                                               : of->address};
}

static bool is_own(const thread *of, uintptr_t address)
{
    if (treadle_heap_owns((const void *)address)) {
        const heap_block *block = treadle_heap_before(address);
        return block != NULL && block->allocated_by == of->id;
    }
    return address >= (uintptr_t)treadle_stack_low(&E.stacks, of->id) &&
           address < (uintptr_t)treadle_stack_high(&E.stacks, of->id);
}

bool treadle_changes_others(uint32_t thread_number)
{
    const treadle_pending_op op = treadle_pending(thread_number);
    const bool placed = op.space == TREADLE_SPACE_MEMORY || op.space == TREADLE_SPACE_OBJECT;
    return op.writes && !(placed && is_own(&E.threads[thread_number], op.address));
}

bool treadle_goes_on(uint32_t thread_number)
{
    const thread *of = &E.threads[thread_number];
    const bool timed = E.timed & of->bit;
    const bool awaits_end = of->kind == TREADLE_OP_THREAD_JOIN && !E.threads[of->address].finished;
    return (E.enabled & of->bit) && of->kind != TREADLE_OP_SLEEP &&
           !(timed && (of->held_up_by != NULL || awaits_end));
}

uint64_t treadle_scenario_threads(void)
{
    return E.scenario_threads;
}

uint32_t treadle_thread_count(void)
{
    return E.thread_count;
}
