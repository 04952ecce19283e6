// SPDX-License-Identifier: MIT
/* What the compiler calls for volatile accesses when it is told to keep them apart, and the runtime
 * lacks. They are what Concurrency Kit is made of: a read acquires, a write releases and leaves
 * earlier releases in force, as for the project's own detector (tools/checkers/races.h). */
#include "tools/tsan/runtime.h"

#define VOLATILE(name, size)                                                           \
    void __tsan_##name##read##size(void *p);                                           \
    __attribute__((no_sanitize("thread"))) void __tsan_##name##read##size(void *p)     \
    {                                                                                  \
        tsan_as_volatile(p, (size), TREADLE_TOUCH_READ, __builtin_return_address(0));  \
    }                                                                                  \
    void __tsan_##name##write##size(void *p);                                          \
    __attribute__((no_sanitize("thread"))) void __tsan_##name##write##size(void *p)    \
    {                                                                                  \
        tsan_as_volatile(p, (size), TREADLE_TOUCH_WRITE, __builtin_return_address(0)); \
    }

VOLATILE(volatile_, 1)
VOLATILE(volatile_, 2)
VOLATILE(volatile_, 4)
VOLATILE(volatile_, 8)
VOLATILE(volatile_, 16)
VOLATILE(unaligned_volatile_, 2)
VOLATILE(unaligned_volatile_, 4)
VOLATILE(unaligned_volatile_, 8)
VOLATILE(unaligned_volatile_, 16)
