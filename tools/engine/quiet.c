// SPDX-License-Identifier: MIT
/* The __tsan_* runtime of scenario files, under the names of quiet.syms. What their threads share
 * (counters, results by thread) is no part of the subject: none of it is a scheduling point, and no
 * observer, no check of memory safety and no search for spinners sees it. But two steps that share
 * it do not commute, so footprints have it. While none is collected an access costs one test. */
#include <string.h>

#include "tools/engine/internal.h"

typedef unsigned __int128 u128;

static inline void touching(const volatile void *address, size_t size, uint32_t flags)
{
    if (size) {
        treadle_touching_quietly(address, size, flags);
    }
}

#define HOOK(name, size, flags)         \
    void treadle_quiet_##name(void *p); \
    void treadle_quiet_##name(void *p)  \
    {                                   \
        touching(p, (size), (flags));   \
    }

#define PLAIN(size)                                     \
    HOOK(read##size, size, TREADLE_TOUCH_READ)          \
    HOOK(write##size, size, TREADLE_TOUCH_WRITE)        \
    HOOK(read_write##size, size, TREADLE_TOUCH_WRITE)   \
    HOOK(volatile_read##size, size, TREADLE_TOUCH_READ) \
    HOOK(volatile_write##size, size, TREADLE_TOUCH_WRITE)

#define UNALIGNED(size)                                           \
    HOOK(unaligned_read##size, size, TREADLE_TOUCH_READ)          \
    HOOK(unaligned_write##size, size, TREADLE_TOUCH_WRITE)        \
    HOOK(unaligned_read_write##size, size, TREADLE_TOUCH_WRITE)   \
    HOOK(unaligned_volatile_read##size, size, TREADLE_TOUCH_READ) \
    HOOK(unaligned_volatile_write##size, size, TREADLE_TOUCH_WRITE)

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)

void treadle_quiet_read_range(void *p, size_t size);
void treadle_quiet_read_range(void *p, size_t size)
{
    touching(p, size, TREADLE_TOUCH_READ);
}

void treadle_quiet_write_range(void *p, size_t size);
void treadle_quiet_write_range(void *p, size_t size)
{
    touching(p, size, TREADLE_TOUCH_WRITE);
}

void *treadle_quiet_memcpy(void *to, const void *from, size_t size);
void *treadle_quiet_memcpy(void *to, const void *from, size_t size)
{
    touching(from, size, TREADLE_TOUCH_READ);
    touching(to, size, TREADLE_TOUCH_WRITE);
    return memcpy(to, from, size);
}

void *treadle_quiet_memmove(void *to, const void *from, size_t size);
void *treadle_quiet_memmove(void *to, const void *from, size_t size)
{
    touching(from, size, TREADLE_TOUCH_READ);
    touching(to, size, TREADLE_TOUCH_WRITE);
    return memmove(to, from, size);
}

void *treadle_quiet_memset(void *to, int byte, size_t size);
void *treadle_quiet_memset(void *to, int byte, size_t size)
{
    touching(to, size, TREADLE_TOUCH_WRITE);
    return memset(to, byte, size);
}

void *treadle_quiet_mempcpy(void *to, const void *from, size_t size);
void *treadle_quiet_mempcpy(void *to, const void *from, size_t size)
{
    return (char *)treadle_quiet_memcpy(to, from, size) + size;
}

void treadle_quiet_bcopy(const void *from, void *to, size_t size);
void treadle_quiet_bcopy(const void *from, void *to, size_t size)
{
    treadle_quiet_memmove(to, from, size);
}

void treadle_quiet_bzero(void *to, size_t size);
void treadle_quiet_bzero(void *to, size_t size)
{
    treadle_quiet_memset(to, 0, size);
}

void treadle_quiet_explicit_bzero(void *to, size_t size);
void treadle_quiet_explicit_bzero(void *to, size_t size)
{
    touching(to, size, TREADLE_TOUCH_WRITE);
    explicit_bzero(to, size);
}

/* ---- atomics: as in atomic.c, all threads share one OS thread ---------------------------------
 */

#define RMW(bits, type, name, expression)                                          \
    type treadle_quiet_atomic##bits##_##name(volatile type *p, type v, int order); \
    type treadle_quiet_atomic##bits##_##name(volatile type *p, type v, int order)  \
    {                                                                              \
        (void)order;                                                               \
        touching(p, sizeof(type), TREADLE_TOUCH_WRITE);                            \
        const type old = *p;                                                       \
        *p = (type)(expression);                                                   \
        return old;                                                                \
    }

#define CAS(bits, type, name)                                                                   \
    int treadle_quiet_atomic##bits##_compare_exchange_##name(volatile type *p, type *expected,  \
                                                             type v, int order, int failure);   \
    int treadle_quiet_atomic##bits##_compare_exchange_##name(volatile type *p, type *expected,  \
                                                             type v, int order, int failure)    \
    {                                                                                           \
        (void)order;                                                                            \
        (void)failure;                                                                          \
        const type old = *p;                                                                    \
        touching(p, sizeof(type), old == *expected ? TREADLE_TOUCH_WRITE : TREADLE_TOUCH_READ); \
        if (old != *expected) {                                                                 \
            touching(expected, sizeof(type), TREADLE_TOUCH_WRITE);                              \
            *expected = old;                                                                    \
            return 0;                                                                           \
        }                                                                                       \
        *p = v;                                                                                 \
        return 1;                                                                               \
    }

#define ATOMIC(bits, type)                                                                     \
    type treadle_quiet_atomic##bits##_load(const volatile type *p, int order);                 \
    type treadle_quiet_atomic##bits##_load(const volatile type *p, int order)                  \
    {                                                                                          \
        (void)order;                                                                           \
        touching(p, sizeof(type), TREADLE_TOUCH_READ);                                         \
        return *p;                                                                             \
    }                                                                                          \
    void treadle_quiet_atomic##bits##_store(volatile type *p, type v, int order);              \
    void treadle_quiet_atomic##bits##_store(volatile type *p, type v, int order)               \
    {                                                                                          \
        (void)order;                                                                           \
        touching(p, sizeof(type), TREADLE_TOUCH_WRITE);                                        \
        *p = v;                                                                                \
    }                                                                                          \
    RMW(bits, type, exchange, v)                                                               \
    RMW(bits, type, fetch_add, old + v)                                                        \
    RMW(bits, type, fetch_sub, old - v)                                                        \
    RMW(bits, type, fetch_and, old &v)                                                         \
    RMW(bits, type, fetch_or, old | v)                                                         \
    RMW(bits, type, fetch_xor, old ^ v)                                                        \
    RMW(bits, type, fetch_nand, ~(old & v))                                                    \
    CAS(bits, type, strong)                                                                    \
    CAS(bits, type, weak)                                                                      \
    type treadle_quiet_atomic##bits##_compare_exchange_val(volatile type *p, type expected,    \
                                                           type v, int order, int failure);    \
    type treadle_quiet_atomic##bits##_compare_exchange_val(volatile type *p, type expected,    \
                                                           type v, int order, int failure)     \
    {                                                                                          \
        (void)order;                                                                           \
        (void)failure;                                                                         \
        const type old = *p;                                                                   \
        touching(p, sizeof(type), old == expected ? TREADLE_TOUCH_WRITE : TREADLE_TOUCH_READ); \
        if (old == expected) {                                                                 \
            *p = v;                                                                            \
        }                                                                                      \
        return old;                                                                            \
    }

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)
ATOMIC(128, u128)

/* ---- nothing shared ----------------------------------------------------------------------------
 */

#define NOTHING(name, ...)                  \
    void treadle_quiet_##name(__VA_ARGS__); \
    void treadle_quiet_##name(__VA_ARGS__)  \
    {                                       \
    }

NOTHING(atomic_thread_fence, int order __attribute__((unused)))
NOTHING(atomic_signal_fence, int order __attribute__((unused)))
NOTHING(func_entry, void *caller __attribute__((unused)))
NOTHING(func_exit, void)
NOTHING(init, void)
NOTHING(ignore_thread_begin, void)
NOTHING(ignore_thread_end, void)
