// SPDX-License-Identifier: MIT
/* The atomic half of the __tsan_* runtime: all sizes and orders, in the spellings of gcc
 * (compare_exchange_strong/weak) and clang (compare_exchange_val). All threads share one OS thread,
 * so the accesses themselves are plain; interleavings are sequentially consistent. */
#include <string.h>

#include "tools/engine/internal.h"

typedef unsigned __int128 u128;

static inline __attribute__((always_inline)) void announce(treadle_op_kind kind,
                                                           const volatile void *address,
                                                           uint8_t size, int order,
                                                           const void *site)
{
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(kind, (const void *)(uintptr_t)address, size, (uint8_t)order, site);
    }
    if (LIKELY(E.level != TREADLE_GRANULARITY_NONE) && kind != TREADLE_OP_FENCE) {
        treadle_access(address, size, kind == TREADLE_OP_ATOMIC_LOAD ? ACCESS_READ : ACCESS_WRITE,
                       site);
        treadle_asan_look((uintptr_t)address, size, kind != TREADLE_OP_ATOMIC_LOAD, site,
                          TREADLE_FRAME()); /* the access is made here */
    }
}

/* What a memory order means for a read, and for a write. */
static inline uint32_t acquires(int order)
{
    return order == __ATOMIC_RELAXED || order == __ATOMIC_RELEASE ? 0 : TREADLE_TOUCH_ACQUIRE;
}

static inline uint32_t releases(int order)
{
    return order == __ATOMIC_RELEASE || order >= __ATOMIC_ACQ_REL ? TREADLE_TOUCH_RELEASE : 0;
}

/* What a spinning thread would find again: all of a value, also one of two words. */
#define WATCHED(type, value)                                                                  \
    (sizeof(type) > sizeof(uint64_t)                                                          \
         ? (uint64_t)(value) ^ (uint64_t)((u128)(value) >> 64) * UINT64_C(0x9e3779b97f4a7c15) \
         : (uint64_t)(value))

/* A read of a value that is read once more after others had their turn. */
static inline __attribute__((always_inline)) void loaded(const volatile void *address, uint8_t size,
                                                         uint64_t value, uint64_t watched,
                                                         int order, const void *site)
{
    if (LIKELY(E.level != TREADLE_GRANULARITY_NONE)) {
        const uint32_t flags = TREADLE_TOUCH_READ | TREADLE_TOUCH_ATOMIC | acquires(order);
        treadle_touching(address, size, flags, site);
        treadle_event_value(value);
        if (UNLIKELY(treadle_spin_read((uintptr_t)address, site, watched))) {
            treadle_touching(address, size, flags, site);
        }
    }
}

/* Who tries in vain lets others have their turn, and answers with what it had found: that another
 * wrote then is its reason to go on, and nothing that it has read. */
static inline __attribute__((always_inline)) void tried(const volatile void *address, uint8_t size,
                                                        uint64_t value, uint64_t watched,
                                                        uint32_t flags, const void *site)
{
    treadle_touching(address, size, flags | TREADLE_TOUCH_ATOMIC, site);
    treadle_event_value(value);
    if (UNLIKELY(treadle_spin_read((uintptr_t)address, site, watched))) {
        treadle_touching_quietly(address, size, TREADLE_TOUCH_READ | TREADLE_TOUCH_ATOMIC);
    }
}

static inline __attribute__((always_inline)) void changed(const volatile void *address,
                                                          uint8_t size, treadle_op_kind kind,
                                                          uint64_t old, uint64_t new, int order,
                                                          const void *site)
{
    if (UNLIKELY(E.level == TREADLE_GRANULARITY_NONE)) {
        return;
    }
    const uint32_t acquired = kind == TREADLE_OP_ATOMIC_STORE ? 0 : acquires(order);
    treadle_touching(address, size,
                     TREADLE_TOUCH_WRITE | TREADLE_TOUCH_ATOMIC | acquired | releases(order) |
                         (kind == TREADLE_OP_ATOMIC_STORE ? 0 : TREADLE_TOUCH_RMW),
                     site);
    if (UNLIKELY(E.event != NULL)) {
        if (kind == TREADLE_OP_ATOMIC_STORE) {
            treadle_event_value(new);
        } else {
            treadle_event_value(old);
            E.event->written = new;
            E.event->flags |= TREADLE_EVENT_HAS_WRITTEN;
        }
    }
    treadle_progress((const void *)(uintptr_t)address, size);
}

/* A read-modify-write that leaves the value alone tells nobody anything: it may be a spin loop. */
static inline __attribute__((always_inline)) void modified(const volatile void *address,
                                                           uint8_t size, bool changes, uint64_t old,
                                                           uint64_t new, uint64_t watched,
                                                           int order, const void *site)
{
    if (UNLIKELY(E.level == TREADLE_GRANULARITY_NONE)) {
        return;
    }
    if (!changes) {
        tried(address, size, old, watched,
              TREADLE_TOUCH_WRITE | TREADLE_TOUCH_RMW | acquires(order) | releases(order), site);
    } else {
        changed(address, size, TREADLE_OP_ATOMIC_RMW, old, new, order, site);
    }
}

static inline __attribute__((always_inline)) bool fails_spuriously(void)
{
    return E.level != TREADLE_GRANULARITY_NONE && E.options.weak_cas_may_fail &&
           treadle_decide(TREADLE_CHOICE_CAS_FAIL, 2) != 0;
}

static inline __attribute__((always_inline)) void cas_failed(const volatile void *address,
                                                             uint8_t size, uint64_t value,
                                                             uint64_t watched, int order,
                                                             const void *site)
{
    if (LIKELY(E.level != TREADLE_GRANULARITY_NONE)) {
        treadle_event_failed();
        tried(address, size, value, watched, TREADLE_TOUCH_READ | acquires(order), site);
    }
}

#define RMW(bits, type, name, expression)                                                        \
    type __tsan_atomic##bits##_##name(volatile type *p, type v, int order);                      \
    type __tsan_atomic##bits##_##name(volatile type *p, type v, int order)                       \
    {                                                                                            \
        announce(TREADLE_OP_ATOMIC_RMW, p, sizeof(type), order, SITE());                         \
        const type old = *p;                                                                     \
        const type new = (type)(expression);                                                     \
        *p = new;                                                                                \
        modified(p, sizeof(type), old != new, (uint64_t)old, (uint64_t) new, WATCHED(type, old), \
                 order, SITE());                                                                 \
        return old;                                                                              \
    }

#define CAS(bits, type, name, weak)                                                             \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *p, type *expected, type v, \
                                                      int order, int failure);                  \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *p, type *expected, type v, \
                                                      int order, int failure)                   \
    {                                                                                           \
        announce(TREADLE_OP_ATOMIC_CAS, p, sizeof(type), order, SITE());                        \
        const type old = *p;                                                                    \
        if (old != *expected || ((weak) && fails_spuriously())) {                               \
            *expected = old;                                                                    \
            cas_failed(p, sizeof(type), (uint64_t)old, WATCHED(type, old), failure, SITE());    \
            return 0;                                                                           \
        }                                                                                       \
        *p = v;                                                                                 \
        changed(p, sizeof(type), TREADLE_OP_ATOMIC_CAS, (uint64_t)old, (uint64_t)v, order,      \
                SITE());                                                                        \
        return 1;                                                                               \
    }

#define ATOMIC(bits, type)                                                                   \
    type __tsan_atomic##bits##_load(const volatile type *p, int order);                      \
    type __tsan_atomic##bits##_load(const volatile type *p, int order)                       \
    {                                                                                        \
        announce(TREADLE_OP_ATOMIC_LOAD, p, sizeof(type), order, SITE());                    \
        const type value = *p;                                                               \
        loaded(p, sizeof(type), (uint64_t)value, WATCHED(type, value), order, SITE());       \
        return *p;                                                                           \
    }                                                                                        \
    void __tsan_atomic##bits##_store(volatile type *p, type v, int order);                   \
    void __tsan_atomic##bits##_store(volatile type *p, type v, int order)                    \
    {                                                                                        \
        announce(TREADLE_OP_ATOMIC_STORE, p, sizeof(type), order, SITE());                   \
        *p = v;                                                                              \
        changed(p, sizeof(type), TREADLE_OP_ATOMIC_STORE, 0, (uint64_t)v, order, SITE());    \
    }                                                                                        \
    RMW(bits, type, exchange, v)                                                             \
    RMW(bits, type, fetch_add, old + v)                                                      \
    RMW(bits, type, fetch_sub, old - v)                                                      \
    RMW(bits, type, fetch_and, old &v)                                                       \
    RMW(bits, type, fetch_or, old | v)                                                       \
    RMW(bits, type, fetch_xor, old ^ v)                                                      \
    RMW(bits, type, fetch_nand, ~(old & v))                                                  \
    CAS(bits, type, strong, false)                                                           \
    CAS(bits, type, weak, true)                                                              \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *p, type expected, type v, \
                                                    int order, int failure);                 \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *p, type expected, type v, \
                                                    int order, int failure)                  \
    {                                                                                        \
        announce(TREADLE_OP_ATOMIC_CAS, p, sizeof(type), order, SITE());                     \
        const type old = *p;                                                                 \
        if (old != expected) {                                                               \
            cas_failed(p, sizeof(type), (uint64_t)old, WATCHED(type, old), failure, SITE()); \
            return old;                                                                      \
        }                                                                                    \
        *p = v;                                                                              \
        changed(p, sizeof(type), TREADLE_OP_ATOMIC_CAS, (uint64_t)old, (uint64_t)v, order,   \
                SITE());                                                                     \
        return old;                                                                          \
    }

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)
ATOMIC(128, u128)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    announce(TREADLE_OP_FENCE, NULL, 0, order, SITE());
    if (UNLIKELY(E.observing)) {
        treadle_observe_fence(order);
    }
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}
