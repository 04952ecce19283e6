// SPDX-License-Identifier: MIT
/*
 * The functions of ThreadSanitizer's runtime that compilers call, by size: for an access of any
 * size at any address. Atomic ones are made again, with the value that is there: the observer hears
 * of an access when it has happened, and no other thread can run in between.
 */
#ifndef TREADLE_TSAN_RUNTIME_H
#define TREADLE_TSAN_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "tools/engine/observe.h"

#define TSAN_PLAIN(size)             \
    void __tsan_read##size(void *p); \
    void __tsan_write##size(void *p);
TSAN_PLAIN(1)
TSAN_PLAIN(2)
TSAN_PLAIN(4)
TSAN_PLAIN(8)
TSAN_PLAIN(16)
void __tsan_read_range(void *p, size_t size);
void __tsan_write_range(void *p, size_t size);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
/* The managed heap; addresses and sizes are multiples of 8. */
void __tsan_java_init(uintptr_t heap, size_t size);
void __tsan_java_alloc(uintptr_t block, size_t size);
void __tsan_java_free(uintptr_t block, size_t size);

static inline void tsan_read(void *p, size_t size)
{
    switch ((uintptr_t)p % size == 0 ? size : 0) {
    case 1: __tsan_read1(p); return;
    case 2: __tsan_read2(p); return;
    case 4: __tsan_read4(p); return;
    case 8: __tsan_read8(p); return;
    default: __tsan_read_range(p, size); return;
    }
}

static inline void tsan_write(void *p, size_t size)
{
    switch ((uintptr_t)p % size == 0 ? size : 0) {
    case 1: __tsan_write1(p); return;
    case 2: __tsan_write2(p); return;
    case 4: __tsan_write4(p); return;
    case 8: __tsan_write8(p); return;
    default: __tsan_write_range(p, size); return;
    }
}

static inline int tsan_order(uint32_t flags)
{
    return flags & TREADLE_TOUCH_ACQUIRE
               ? (flags & TREADLE_TOUCH_RELEASE ? __ATOMIC_ACQ_REL : __ATOMIC_ACQUIRE)
           : flags & TREADLE_TOUCH_RELEASE ? __ATOMIC_RELEASE
                                           : __ATOMIC_RELAXED;
}

#define TSAN_ATOMIC(bits)                                                                          \
    uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *p, int order);                 \
    void __tsan_atomic##bits##_store(uint##bits##_t *p, uint##bits##_t v, int order);              \
    uint##bits##_t __tsan_atomic##bits##_fetch_or(uint##bits##_t *p, uint##bits##_t v, int order); \
    static inline void tsan_atomic##bits(uint##bits##_t *p, uint32_t flags)                        \
    {                                                                                              \
        if (!(flags & TREADLE_TOUCH_WRITE)) {                                                      \
            __tsan_atomic##bits##_load(p, tsan_order(flags));                                      \
        } else if (flags & TREADLE_TOUCH_RMW) {                                                    \
            __tsan_atomic##bits##_fetch_or(p, 0, tsan_order(flags));                               \
        } else {                                                                                   \
            __tsan_atomic##bits##_store(p, *p, tsan_order(flags));                                 \
        }                                                                                          \
    }
TSAN_ATOMIC(8)
TSAN_ATOMIC(16)
TSAN_ATOMIC(32)
TSAN_ATOMIC(64)

/* In the largest aligned pieces. */
static inline void tsan_atomic_access(void *p, size_t size, uint32_t flags)
{
    for (char *at = p; size > 0;) {
        const uintptr_t place = (uintptr_t)at;
        size_t piece = 1;
        if (size >= 8 && place % 8 == 0) {
            piece = 8;
            tsan_atomic64((uint64_t *)(void *)at, flags);
        } else if (size >= 4 && place % 4 == 0) {
            piece = 4;
            tsan_atomic32((uint32_t *)(void *)at, flags);
        } else if (size >= 2 && place % 2 == 0) {
            piece = 2;
            tsan_atomic16((uint16_t *)(void *)at, flags);
        } else {
            tsan_atomic8((uint8_t *)at, flags);
        }
        at += piece;
        size -= piece;
    }
}

/* For an access that is meant as volatile, made at `site`. */
static inline void tsan_as_volatile(void *p, size_t size, uint32_t flags, void *site)
{
    __tsan_func_entry(site);
    tsan_atomic_access(p, size,
                       flags |
                           (flags & TREADLE_TOUCH_WRITE ? TREADLE_TOUCH_RELEASE | TREADLE_TOUCH_RMW
                                                        : TREADLE_TOUCH_ACQUIRE));
    __tsan_func_exit();
}

#endif
