// SPDX-License-Identifier: MIT
/* The plain half of the __tsan_* runtime, as gcc 12 and clang 14 call it under -fsanitize=thread. A
 * hook runs before its access, so the switch happens inside it. Below memory granularity accesses
 * are no scheduling points, but threads that spin on them are still recognised. */
#include <string.h>

#include "tools/engine/internal.h"

enum { PLAIN_LEVEL = TREADLE_GRANULARITY_MEMORY, VOLATILE_LEVEL = TREADLE_GRANULARITY_SYNC };

/* A range is one operation: what a struct assignment or memcpy touches. Traces give its first
 * bytes; its size is capped at what an event can say. */
static inline uint8_t capped(size_t size)
{
    return size < UINT8_MAX ? (uint8_t)size : UINT8_MAX;
}

static inline __attribute__((always_inline)) void
reading(const void *address, size_t size, treadle_op_kind kind, int level, const void *site)
{
    if (UNLIKELY(E.level == TREADLE_GRANULARITY_NONE)) {
        return;
    }
    if (E.level >= level) {
        treadle_announce(kind, address, capped(size), 0, site);
    }
    if (E.coast == 0) { /* else it was looked at before */
        treadle_access(address, size, ACCESS_READ, site);
        treadle_asan_look((uintptr_t)address, size, false, site, TREADLE_FRAME()); /* read below */
    }
    const uint32_t flags =
        TREADLE_TOUCH_READ | (kind == TREADLE_OP_VOLATILE_READ ? TREADLE_TOUCH_VOLATILE : 0);
    treadle_touching(address, size, flags, site);
    uint64_t value = 0;
    memcpy(&value, address, size < sizeof value ? size : sizeof value);
    if (UNLIKELY(treadle_spin_read((uintptr_t)address, site, value))) {
        treadle_touching(address, size, flags, site);
    }
}

static inline __attribute__((always_inline)) void
writing(const void *address, size_t size, treadle_op_kind kind, int level, const void *site)
{
    if (UNLIKELY(E.level == TREADLE_GRANULARITY_NONE)) {
        return;
    }
    if (E.level >= level) {
        treadle_announce(kind, address, capped(size), 0, site);
    }
    if (E.coast == 0) {
        treadle_access(address, size, ACCESS_WRITE, site);
    }
    treadle_touching(address, size,
                     TREADLE_TOUCH_WRITE |
                         (kind == TREADLE_OP_VOLATILE_WRITE ? TREADLE_TOUCH_VOLATILE : 0),
                     site);
    treadle_progress(address, size);
}

#define PLAIN(size)                                                          \
    void __tsan_read##size(void *p);                                         \
    void __tsan_read##size(void *p)                                          \
    {                                                                        \
        reading(p, size, TREADLE_OP_READ, PLAIN_LEVEL, SITE());              \
    }                                                                        \
    void __tsan_write##size(void *p);                                        \
    void __tsan_write##size(void *p)                                         \
    {                                                                        \
        writing(p, size, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());             \
    }                                                                        \
    void __tsan_read_write##size(void *p);                                   \
    void __tsan_read_write##size(void *p)                                    \
    {                                                                        \
        reading(p, size, TREADLE_OP_READ, PLAIN_LEVEL, SITE());              \
        writing(p, size, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());             \
    }                                                                        \
    void __tsan_volatile_read##size(void *p);                                \
    void __tsan_volatile_read##size(void *p)                                 \
    {                                                                        \
        reading(p, size, TREADLE_OP_VOLATILE_READ, VOLATILE_LEVEL, SITE());  \
    }                                                                        \
    void __tsan_volatile_write##size(void *p);                               \
    void __tsan_volatile_write##size(void *p)                                \
    {                                                                        \
        writing(p, size, TREADLE_OP_VOLATILE_WRITE, VOLATILE_LEVEL, SITE()); \
    }

#define UNALIGNED(size)                                                      \
    void __tsan_unaligned_read##size(void *p);                               \
    void __tsan_unaligned_read##size(void *p)                                \
    {                                                                        \
        reading(p, size, TREADLE_OP_READ, PLAIN_LEVEL, SITE());              \
    }                                                                        \
    void __tsan_unaligned_write##size(void *p);                              \
    void __tsan_unaligned_write##size(void *p)                               \
    {                                                                        \
        writing(p, size, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());             \
    }                                                                        \
    void __tsan_unaligned_read_write##size(void *p);                         \
    void __tsan_unaligned_read_write##size(void *p)                          \
    {                                                                        \
        reading(p, size, TREADLE_OP_READ, PLAIN_LEVEL, SITE());              \
        writing(p, size, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());             \
    }                                                                        \
    void __tsan_unaligned_volatile_read##size(void *p);                      \
    void __tsan_unaligned_volatile_read##size(void *p)                       \
    {                                                                        \
        reading(p, size, TREADLE_OP_VOLATILE_READ, VOLATILE_LEVEL, SITE());  \
    }                                                                        \
    void __tsan_unaligned_volatile_write##size(void *p);                     \
    void __tsan_unaligned_volatile_write##size(void *p)                      \
    {                                                                        \
        writing(p, size, TREADLE_OP_VOLATILE_WRITE, VOLATILE_LEVEL, SITE()); \
    }

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)

void __tsan_read_range(void *p, size_t size);
void __tsan_read_range(void *p, size_t size)
{
    if (size) {
        reading(p, size, TREADLE_OP_READ, PLAIN_LEVEL, SITE());
    }
}

void __tsan_write_range(void *p, size_t size);
void __tsan_write_range(void *p, size_t size)
{
    if (size) {
        writing(p, size, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());
    }
}

/* The block functions of the C library read and write the subject's memory too. */
void *SEAM(memcpy)(void *to, const void *from, size_t size)
{
    if (size) {
        reading(from, size, TREADLE_OP_READ, PLAIN_LEVEL, SITE());
        writing(to, size, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());
    }
    return memcpy(to, from, size);
}

void *SEAM(memmove)(void *to, const void *from, size_t size)
{
    if (size) {
        reading(from, size, TREADLE_OP_READ, PLAIN_LEVEL, SITE());
        writing(to, size, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());
    }
    return memmove(to, from, size);
}

void *SEAM(memset)(void *to, int byte, size_t size)
{
    if (size) {
        writing(to, size, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());
    }
    return memset(to, byte, size);
}

void __tsan_vptr_update(void **p, void *value);
void __tsan_vptr_update(void **p, void *value)
{
    (void)value;
    writing(p, sizeof *p, TREADLE_OP_WRITE, PLAIN_LEVEL, SITE());
}

void __tsan_vptr_read(void **p);
void __tsan_vptr_read(void **p)
{
    reading(p, sizeof *p, TREADLE_OP_READ, PLAIN_LEVEL, SITE());
}

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_begin(void)
{
}

void __tsan_ignore_thread_end(void);
void __tsan_ignore_thread_end(void)
{
}
