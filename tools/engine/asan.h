// SPDX-License-Identifier: MIT
/*
 * What the engine tells AddressSanitizer in the asan build (TREADLE_ASAN), so that its checks hold
 * on fibers and on the engine's heap; nothing in any other build.
 *
 * - Each switch is announced, or ASan takes one fiber's stack for another's.
 * - A block of the heap is open from its allocation to its release; all else there is poisoned, and
 *   so is the stack of a thread that has ended. Blocks stay on the engine's heap, for partial order
 *   reduction needs the same addresses in every execution.
 * - What ASan and UBSan report becomes the outcome of the execution under way. The process dies of
 *   it: a report cannot be left by switching away.
 *
 * The engine itself must read and write what is poisoned (headers of blocks, whole globals, other
 * stacks): in functions marked TREADLE_RAW, or through treadle_raw_copy().
 */
#ifndef TREADLE_ENGINE_ASAN_H
#define TREADLE_ENGINE_ASAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef TREADLE_ASAN

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#define TREADLE_RAW __attribute__((no_sanitize("address"), noinline))

struct thread;

/* Around each switch; NULL is the controller. `treadle_asan_arrive` also where a fiber begins. */
void treadle_asan_leave(struct thread *from, const struct thread *to);
void treadle_asan_arrive(const struct thread *self);

/* The end of the stack of the OS thread, from which executions are started. */
const char *treadle_asan_controller_high(void);

/* Whether a report is printed in full before the process dies; off: only the outcome says it. */
void treadle_asan_print(bool print);
bool treadle_asan_prints(void);

static inline void treadle_asan_close(const void *from, size_t size)
{
    __asan_poison_memory_region(from, size);
}

static inline void treadle_asan_open(const void *from, size_t size)
{
    __asan_unpoison_memory_region(from, size);
}

/* Ends the process with ASan's report when any of this is poisoned: for accesses that the engine
 * makes for the subject, or has found wrong before the subject's own code could. */
void treadle_asan_look(uintptr_t address, size_t size, bool write, const void *site,
                       uintptr_t frame);

void treadle_raw_copy(void *to, const void *from, size_t size);

/* The same bytes where anybody may read them: copied in this build. */
static inline const void *treadle_asan_readable(const void *from, size_t size, void *copy)
{
    treadle_raw_copy(copy, from, size);
    return copy;
}

#else

#define TREADLE_RAW

static inline void treadle_asan_print(bool print)
{
    (void)print;
}

static inline void treadle_asan_close(const void *from, size_t size)
{
    (void)from;
    (void)size;
}

static inline void treadle_asan_open(const void *from, size_t size)
{
    (void)from;
    (void)size;
}

static inline void treadle_asan_look(uintptr_t address, size_t size, bool write, const void *site,
                                     uintptr_t frame)
{
    (void)address;
    (void)size;
    (void)write;
    (void)site;
    (void)frame;
}

static inline void treadle_raw_copy(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}

static inline const void *treadle_asan_readable(const void *from, size_t size, void *copy)
{
    (void)size;
    (void)copy;
    return from;
}

#endif

#endif
