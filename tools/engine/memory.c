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

/* What a spinning thread would find again. */
static inline __attribute__((always_inline)) uint64_t first_bytes(const void *address, size_t size)
{
    /* The usual sizes in one load each: into parts of a word that is then loaded would stall. */
    uint64_t eight = 0;
    uint32_t four;
    uint16_t two;
    switch (size) {
    case 1: return *(const uint8_t *)address;
    case 2: memcpy(&two, address, sizeof two); return two;
    case 4: memcpy(&four, address, sizeof four); return four;
    default: memcpy(&eight, address, size < sizeof eight ? size : sizeof eight); return eight;
    }
}

static inline void look(uintptr_t address, size_t size, access_kind kind, const void *site,
                        uintptr_t frame)
{
    if (!treadle_accessible(address, size)) {
        treadle_access_look(address, size, kind, site, frame);
    }
}

/* ---- followed closely ------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) void reading(const void *address, size_t size,
                                                          treadle_op_kind kind, int level,
                                                          const void *site, uintptr_t frame)
{
    if (UNLIKELY(E.level == TREADLE_GRANULARITY_NONE)) {
        return;
    }
    if (E.level >= level) {
        treadle_announce(kind, address, capped(size), 0, site);
    }
    if (!treadle_looked_at()) {
        look((uintptr_t)address, size, ACCESS_READ, site, frame);
        treadle_asan_look((uintptr_t)address, size, false, site, frame); /* read below */
    }
    const uint32_t flags =
        TREADLE_TOUCH_READ | (kind == TREADLE_OP_VOLATILE_READ ? TREADLE_TOUCH_VOLATILE : 0);
    treadle_touching(address, size, flags, site);
    if (UNLIKELY(treadle_spin_read((uintptr_t)address, site, first_bytes(address, size)))) {
        treadle_touching(address, size, flags, site);
    }
}

static inline __attribute__((always_inline)) void writing(const void *address, size_t size,
                                                          treadle_op_kind kind, int level,
                                                          const void *site, uintptr_t frame)
{
    if (UNLIKELY(E.level == TREADLE_GRANULARITY_NONE)) {
        return;
    }
    if (E.level >= level) {
        treadle_announce(kind, address, capped(size), 0, site);
    }
    if (!treadle_looked_at()) {
        look((uintptr_t)address, size, ACCESS_WRITE, site, frame);
    }
    treadle_touching(address, size,
                     TREADLE_TOUCH_WRITE |
                         (kind == TREADLE_OP_VOLATILE_WRITE ? TREADLE_TOUCH_VOLATILE : 0),
                     site);
    treadle_progress(address, size);
}

static __attribute__((noinline)) void read_closely(const void *address, size_t size,
                                                   const void *site, uintptr_t frame)
{
    reading(address, size, TREADLE_OP_READ, PLAIN_LEVEL, site, frame);
}

static __attribute__((noinline)) void write_closely(const void *address, size_t size,
                                                    const void *site, uintptr_t frame)
{
    writing(address, size, TREADLE_OP_WRITE, PLAIN_LEVEL, site, frame);
}

/* ---- mostly not ------------------------------------------------------------------------------ */

static inline bool needs_care(const void *address, size_t size)
{
    return E.plain != PLAIN_AGAIN &&
           (E.plain == PLAIN_CLOSELY || !treadle_accessible((uintptr_t)address, size));
}

static __attribute__((noinline)) void spin(const void *address, size_t size, const void *site)
{
    treadle_spin_park(treadle_watch_of(site));
    treadle_touching(address, size, TREADLE_TOUCH_READ, site); /* the plan may have ended */
}

/* Calls are in last place, so that nothing is kept for after them. */
static inline __attribute__((always_inline)) void plain_read(const void *address, size_t size,
                                                             const void *site, uintptr_t frame)
{
    if (UNLIKELY(needs_care(address, size))) {
        read_closely(address, size, site, frame);
    } else if (UNLIKELY(treadle_spins((uintptr_t)address, site, first_bytes(address, size)))) {
        spin(address, size, site);
    }
}

static inline __attribute__((always_inline)) void plain_write(const void *address, size_t size,
                                                              const void *site, uintptr_t frame)
{
    if (UNLIKELY(needs_care(address, size))) {
        write_closely(address, size, site, frame);
    } else {
        treadle_progress(address, size);
    }
}

#define PLAIN(size)                                                                           \
    void __tsan_read##size(void *p);                                                          \
    void __tsan_read##size(void *p)                                                           \
    {                                                                                         \
        plain_read(p, size, SITE(), TREADLE_FRAME());                                         \
    }                                                                                         \
    void __tsan_write##size(void *p);                                                         \
    void __tsan_write##size(void *p)                                                          \
    {                                                                                         \
        plain_write(p, size, SITE(), TREADLE_FRAME());                                        \
    }                                                                                         \
    void __tsan_read_write##size(void *p);                                                    \
    void __tsan_read_write##size(void *p)                                                     \
    {                                                                                         \
        plain_read(p, size, SITE(), TREADLE_FRAME());                                         \
        plain_write(p, size, SITE(), TREADLE_FRAME());                                        \
    }                                                                                         \
    void __tsan_volatile_read##size(void *p);                                                 \
    void __tsan_volatile_read##size(void *p)                                                  \
    {                                                                                         \
        reading(p, size, TREADLE_OP_VOLATILE_READ, VOLATILE_LEVEL, SITE(), TREADLE_FRAME());  \
    }                                                                                         \
    void __tsan_volatile_write##size(void *p);                                                \
    void __tsan_volatile_write##size(void *p)                                                 \
    {                                                                                         \
        writing(p, size, TREADLE_OP_VOLATILE_WRITE, VOLATILE_LEVEL, SITE(), TREADLE_FRAME()); \
    }

#define UNALIGNED(size)                                                                       \
    void __tsan_unaligned_read##size(void *p);                                                \
    void __tsan_unaligned_read##size(void *p)                                                 \
    {                                                                                         \
        plain_read(p, size, SITE(), TREADLE_FRAME());                                         \
    }                                                                                         \
    void __tsan_unaligned_write##size(void *p);                                               \
    void __tsan_unaligned_write##size(void *p)                                                \
    {                                                                                         \
        plain_write(p, size, SITE(), TREADLE_FRAME());                                        \
    }                                                                                         \
    void __tsan_unaligned_read_write##size(void *p);                                          \
    void __tsan_unaligned_read_write##size(void *p)                                           \
    {                                                                                         \
        plain_read(p, size, SITE(), TREADLE_FRAME());                                         \
        plain_write(p, size, SITE(), TREADLE_FRAME());                                        \
    }                                                                                         \
    void __tsan_unaligned_volatile_read##size(void *p);                                       \
    void __tsan_unaligned_volatile_read##size(void *p)                                        \
    {                                                                                         \
        reading(p, size, TREADLE_OP_VOLATILE_READ, VOLATILE_LEVEL, SITE(), TREADLE_FRAME());  \
    }                                                                                         \
    void __tsan_unaligned_volatile_write##size(void *p);                                      \
    void __tsan_unaligned_volatile_write##size(void *p)                                       \
    {                                                                                         \
        writing(p, size, TREADLE_OP_VOLATILE_WRITE, VOLATILE_LEVEL, SITE(), TREADLE_FRAME()); \
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
        plain_read(p, size, SITE(), TREADLE_FRAME());
    }
}

void __tsan_write_range(void *p, size_t size);
void __tsan_write_range(void *p, size_t size)
{
    if (size) {
        plain_write(p, size, SITE(), TREADLE_FRAME());
    }
}

/* What primitives.syms makes of these two; no compiler calls them by itself. */
void __tsan_volatile_read_range(void *p, size_t size);
void __tsan_volatile_read_range(void *p, size_t size)
{
    if (size) {
        reading(p, size, TREADLE_OP_VOLATILE_READ, VOLATILE_LEVEL, SITE(), TREADLE_FRAME());
    }
}

void __tsan_volatile_write_range(void *p, size_t size);
void __tsan_volatile_write_range(void *p, size_t size)
{
    if (size) {
        writing(p, size, TREADLE_OP_VOLATILE_WRITE, VOLATILE_LEVEL, SITE(), TREADLE_FRAME());
    }
}

/* The block functions of the C library read and write the subject's memory too. */
void *SEAM(memcpy)(void *to, const void *from, size_t size)
{
    if (size) {
        plain_read(from, size, SITE(), TREADLE_FRAME());
        plain_write(to, size, SITE(), TREADLE_FRAME());
    }
    return memcpy(to, from, size);
}

void *SEAM(memmove)(void *to, const void *from, size_t size)
{
    if (size) {
        plain_read(from, size, SITE(), TREADLE_FRAME());
        plain_write(to, size, SITE(), TREADLE_FRAME());
    }
    return memmove(to, from, size);
}

void *SEAM(memset)(void *to, int byte, size_t size)
{
    if (size) {
        plain_write(to, size, SITE(), TREADLE_FRAME());
    }
    return memset(to, byte, size);
}

void *SEAM(mempcpy)(void *to, const void *from, size_t size)
{
    if (size) {
        plain_read(from, size, SITE(), TREADLE_FRAME());
        plain_write(to, size, SITE(), TREADLE_FRAME());
    }
    return (char *)memcpy(to, from, size) + size;
}

void SEAM(bcopy)(const void *from, void *to, size_t size)
{
    if (size) {
        plain_read(from, size, SITE(), TREADLE_FRAME());
        plain_write(to, size, SITE(), TREADLE_FRAME());
    }
    memmove(to, from, size);
}

void SEAM(bzero)(void *to, size_t size)
{
    if (size) {
        plain_write(to, size, SITE(), TREADLE_FRAME());
    }
    memset(to, 0, size);
}

void SEAM(explicit_bzero)(void *to, size_t size)
{
    if (size) {
        plain_write(to, size, SITE(), TREADLE_FRAME());
    }
    explicit_bzero(to, size);
}

void __tsan_vptr_update(void **p, void *value);
void __tsan_vptr_update(void **p, void *value)
{
    (void)value;
    plain_write(p, sizeof *p, SITE(), TREADLE_FRAME());
}

void __tsan_vptr_read(void **p);
void __tsan_vptr_read(void **p)
{
    plain_read(p, sizeof *p, SITE(), TREADLE_FRAME());
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
