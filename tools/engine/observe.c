// SPDX-License-Identifier: MIT
#include "tools/engine/observe.h"

#include "tools/engine/internal.h"

enum { RECENT = 64 /* a power of two */, MANY = 4 /* touches of a step */ };

treadle_footprint treadle_footprint_now;

/* The touches met last, to drop repetitions: loops would fill the footprint with them. */
static struct {
    treadle_touch touch;
    uint32_t steps;
    uint64_t execution;
} recent[RECENT];

static bool repeated(uint64_t address, uint32_t size, uint32_t flags)
{
    const uint64_t mixed = (address >> 2 ^ flags) * UINT64_C(0x9e3779b97f4a7c15);
    const uint32_t slot = (uint32_t)(mixed >> 58);
    if (recent[slot].steps == E.steps && recent[slot].execution == E.executions &&
        recent[slot].touch.address == address && recent[slot].touch.size == size &&
        recent[slot].touch.flags == flags) {
        return true;
    }
    recent[slot].touch = (treadle_touch){address, size, flags};
    recent[slot].steps = E.steps;
    recent[slot].execution = E.executions;
    return false;
}

static __attribute__((noinline)) void append_to_many(uint64_t address, uint32_t size,
                                                     uint32_t flags)
{
    if (repeated(address, size, flags)) {
        return;
    }
    if (treadle_footprint_now.count == TREADLE_FOOTPRINT_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, "footprint-limit",
                     "a step touches more than %u places; a finer granularity has smaller steps",
                     TREADLE_FOOTPRINT_MAX);
    }
    treadle_footprint_now.touches[treadle_footprint_now.count++] =
        (treadle_touch){address, size, flags};
}

static inline void add(uint64_t address, uint32_t size, uint32_t flags)
{
    const uint32_t count = treadle_footprint_now.count;
    treadle_touch *end = &treadle_footprint_now.touches[count];
    if (count > 0 && end[-1].address == address && end[-1].size == size &&
        !((end[-1].flags | flags) & TREADLE_TOUCH_OBJECT)) {
        end[-1].flags |= flags; /* what was read is written */
    } else if (UNLIKELY(count >= MANY)) {
        append_to_many(address, size, flags);
    } else {
        *end = (treadle_touch){address, size, flags};
        treadle_footprint_now.count = count + 1;
    }
}

/* What lies at one address for all fibers and is each one's own: thread-local variables, errno. */
static bool own_storage(uintptr_t address)
{
    return address - (uintptr_t)E.tls < E.tls_bytes ||
           address - (uintptr_t)E.errno_location < sizeof *E.errno_location;
}

static __attribute__((noinline)) void observe_all(uintptr_t address, uint32_t size, uint32_t flags,
                                                  const void *site)
{
    if (E.observing & OBSERVE_FOOTPRINT) {
        add(address, size, flags & TREADLE_TOUCH_FOOTPRINT);
    }
    /* Below `sync` most operations on objects are not announced, with their sites. */
    const bool known = !(flags & TREADLE_TOUCH_OBJECT) || E.level >= TREADLE_GRANULARITY_SYNC;
    E.options.observer->touch(E.options.observer_self, E.self->id,
                              (treadle_touch){address, size, flags}, known ? site : NULL);
}

/* What is on another thread's stack is there as long as that thread. */
static __attribute__((noinline)) void touch_owner(uintptr_t address)
{
    const uint32_t owner = (uint32_t)((address - (uintptr_t)E.stacks.base) / E.stacks.slot_bytes);
    if (owner != E.self->id && (E.observing & OBSERVE_FOOTPRINT)) {
        add((uintptr_t)&E.threads[owner].finished, 1, TREADLE_TOUCH_READ | TREADLE_TOUCH_OBJECT);
    }
}

void treadle_observe_touch(const volatile void *address, size_t size, uint32_t flags,
                           const void *site)
{
    if (UNLIKELY(own_storage((uintptr_t)address))) {
        return;
    }
    if (UNLIKELY(treadle_stacks_hold(&E.stacks, (const void *)(uintptr_t)address))) {
        touch_owner((uintptr_t)address);
    }
    if (UNLIKELY(E.observing & OBSERVE_ALL)) {
        observe_all((uintptr_t)address, (uint32_t)size, flags, site);
    } else {
        add((uintptr_t)address, (uint32_t)size, flags & TREADLE_TOUCH_FOOTPRINT);
    }
}

void treadle_observe_only(const volatile void *address, size_t size, uint32_t flags,
                          const void *site)
{
    const treadle_touch touch = {(uintptr_t)address, (uint32_t)size, flags};
    if ((E.observing & OBSERVE_ALL) && !own_storage((uintptr_t)address)) {
        E.options.observer->touch(E.options.observer_self, E.self->id, touch, site);
    }
}

void treadle_observe_footprint(const volatile void *address, size_t size, uint32_t flags)
{
    if (!own_storage((uintptr_t)address)) {
        add((uintptr_t)address, (uint32_t)size, flags & TREADLE_TOUCH_FOOTPRINT);
    }
}

void treadle_observe_fence(int order)
{
    if (E.observing & OBSERVE_ALL) {
        E.options.observer->fence(E.options.observer_self, E.self->id, order);
    }
}

void treadle_observe_diversion(uint64_t of)
{
    if (E.observing & OBSERVE_FOOTPRINT) {
        treadle_footprint_now.diverted |= of;
    }
}

void treadle_observe_edges(uint64_t from, uint64_t to)
{
    for (; (E.observing & OBSERVE_ALL) && from; from &= from - 1) {
        for (uint64_t left = to; left; left &= left - 1) {
            E.options.observer->edge(E.options.observer_self, (uint32_t)__builtin_ctzll(from),
                                     (uint32_t)__builtin_ctzll(left));
        }
    }
}

void treadle_touch_external(uint64_t address, uint32_t size, bool write)
{
    treadle_touching((const void *)(uintptr_t)address, size,
                     (write ? TREADLE_TOUCH_WRITE : TREADLE_TOUCH_READ) | TREADLE_TOUCH_OBJECT,
                     NULL);
}

const char *treadle_thread_name(uint32_t id)
{
    return E.threads[id].name;
}

const char *treadle_object_name(uint64_t address, char *buffer, size_t size)
{
    buffer[0] = '\0';
    for (uint32_t i = E.object_count; i-- > 0 && buffer[0] == '\0';) {
        if (E.objects[i].address == address) {
            treadle_object_describe(&E.objects[i], buffer, size);
        }
    }
    return buffer;
}

const char *treadle_stack_owner(uint64_t address)
{
    for (uint32_t i = 0; i < E.thread_count; i++) {
        if (address >= (uintptr_t)treadle_stack_low(&E.stacks, i) &&
            address < (uintptr_t)treadle_stack_high(&E.stacks, i)) {
            return E.threads[i].name;
        }
    }
    return NULL;
}

treadle_gate treadle_gate_of(uint32_t id)
{
    static const uint8_t opens[TREADLE_OP_COUNT] = {
        [TREADLE_OP_THREAD_JOIN] = TREADLE_TOUCH_OPEN,
        [TREADLE_OP_MUTEX_LOCK] = TREADLE_TOUCH_OPEN,
        [TREADLE_OP_SPIN_LOCK] = TREADLE_TOUCH_OPEN,
        [TREADLE_OP_RWLOCK_WRLOCK] = TREADLE_TOUCH_OPEN,
        [TREADLE_OP_RWLOCK_RDLOCK] = TREADLE_TOUCH_OPEN_READ,
        [TREADLE_OP_ONCE] = TREADLE_TOUCH_OPEN,
        [TREADLE_OP_SEM_WAIT] = TREADLE_TOUCH_OPEN,
        [TREADLE_OP_COND_WAKE] = TREADLE_TOUCH_OPEN,
    };
    const thread *waiter = &E.threads[id];
    const uint32_t open = opens[waiter->kind];
    if (open == 0 || (E.timed & waiter->bit) || waiter->finished) {
        return (treadle_gate){0, 0};
    }
    if (UNLIKELY(waiter->kind == TREADLE_OP_THREAD_JOIN)) {
        const thread *target = &E.threads[waiter->address];
        const bool waits = target->joiners & waiter->bit; /* who only tries does not */
        return waits ? (treadle_gate){(uintptr_t)&target->finished, open} : (treadle_gate){0, 0};
    }
    const object *behind = waiter->object;
    return behind != NULL ? (treadle_gate){behind->address, open} : (treadle_gate){0, 0};
}
