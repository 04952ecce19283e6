// SPDX-License-Identifier: MIT
#include "tools/engine/fiber.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int treadle_stacks_open(treadle_stacks *stacks, uint32_t count)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    stacks->guard_bytes = page;
    stacks->slot_bytes = page + TREADLE_STACK_BYTES;
    stacks->count = count;
    stacks->base = mmap(NULL, stacks->slot_bytes * count, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks->base == MAP_FAILED) {
        stacks->base = NULL;
        return errno;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (mprotect(stacks->base + i * stacks->slot_bytes, page, PROT_NONE) != 0) {
            return errno;
        }
    }
    return 0;
}

char *treadle_stack_low(const treadle_stacks *stacks, uint32_t index)
{
    return stacks->base + index * stacks->slot_bytes + stacks->guard_bytes;
}

char *treadle_stack_high(const treadle_stacks *stacks, uint32_t index)
{
    return stacks->base + (index + 1) * stacks->slot_bytes;
}

bool treadle_stacks_hold(const treadle_stacks *stacks, const void *address)
{
    return (uintptr_t)address - (uintptr_t)stacks->base < stacks->slot_bytes * stacks->count;
}

int treadle_stack_guard_hit(const treadle_stacks *stacks, uintptr_t address)
{
    const uintptr_t base = (uintptr_t)stacks->base;
    if (base == 0 || address < base || address >= base + stacks->slot_bytes * stacks->count) {
        return -1;
    }
    const uintptr_t offset = address - base;
    return offset % stacks->slot_bytes < stacks->guard_bytes ? (int)(offset / stacks->slot_bytes)
                                                             : -1;
}

#if defined(__x86_64__) && !defined(TREADLE_UCONTEXT)

void *treadle_fiber_new(char *low, char *high, void (*entry)(void))
{
    (void)low;
    /* Six callee-saved registers, the address that the switch returns to, and a null return address
     * that ends backtraces and leaves the stack aligned as after a call. */
    void **frame = (void **)(void *)high - 8;
    memset(frame, 0, 8 * sizeof *frame);
    frame[6] = (void *)entry;
    return frame;
}

#elif defined(__aarch64__) && !defined(TREADLE_UCONTEXT)

void *treadle_fiber_new(char *low, char *high, void (*entry)(void))
{
    (void)low;
    /* x19 … x30, d8 … d15: 20 words; the switch returns to x30, the last of the first twelve. */
    void **frame = (void **)(void *)high - 20;
    memset(frame, 0, 20 * sizeof *frame);
    frame[11] = (void *)entry;
    return frame;
}

#else

#include <ucontext.h>

/* The context lies at the low end of its stack; main's is static. */
void *treadle_fiber_new(char *low, char *high, void (*entry)(void))
{
    ucontext_t *context = (ucontext_t *)(void *)low;
    getcontext(context);
    context->uc_stack.ss_sp = low + sizeof *context;
    context->uc_stack.ss_size = (size_t)(high - low) - sizeof *context;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
    return context;
}

void treadle_fiber_switch(void **save, void *to)
{
    /* A context belongs to its fiber for good, so the running one is known by what was last
     * switched to. */
    static ucontext_t first;
    static ucontext_t *running = &first;
    ucontext_t *from = running;
    *save = from;
    running = to;
    swapcontext(from, to);
}

#endif
