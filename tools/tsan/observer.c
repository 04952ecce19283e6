// SPDX-License-Identifier: MIT
/* The real ThreadSanitizer behind the interface of the project's own race detector (races.h), whose
 * place it takes in the tsan build. Every access that the instrumented subject announces is handed
 * to the runtime function that the compiler meant it for, on the fiber that makes it; models of
 * locks say acquire and release of their object, and nothing else orders anything.
 *
 * Blocks of the engine's heap are told through the runtime's interface for managed heaps: it has
 * what is needed, a block whose memory's past is forgotten, and one that is given back. */
#include <inttypes.h>
#include <sanitizer/tsan_interface.h>
#include <stdio.h>
#include <string.h>

#include "tools/checkers/races.h"
#include "tools/engine/internal.h"
#include "tools/tsan/runtime.h"
#include "tools/tsan/tsan.h"

enum { SLICES = TREADLE_THREADS_MAX };

struct treadle_races {
    bool blind; /* a mutant: see tsan.h */
    bool flush; /* what was reported once would not be again */
    struct {
        uintptr_t low;
        uintptr_t end;
    } blocks[SLICES]; /* around the blocks of each slice of the heap */
};

static struct treadle_races detector;

/* ---- life ------------------------------------------------------------------------------------ */

treadle_races *treadle_races_open(void)
{
    detector.blind = treadle_tsan_mutant("no-accesses");
    __tsan_java_init(treadle_arena.heap, treadle_arena.heap_bytes);
    return &detector;
}

void treadle_races_close(treadle_races *self)
{
    (void)self;
}

static void start(void *context)
{
    treadle_races *self = context;
    for (uint32_t i = 0; i < SLICES; i++) {
        if (self->blocks[i].end != 0) {
            __tsan_java_free(self->blocks[i].low, self->blocks[i].end - self->blocks[i].low);
            self->blocks[i].low = 0;
            self->blocks[i].end = 0;
        }
    }
    treadle_tsan_last.made = false;
    if (self->flush) {
        self->flush = false;
        __tsan_flush_memory();
    }
}

/* ---- reports --------------------------------------------------------------------------------- */

/* "the block of 20 bytes that main allocated at @0x…, offset 4" */
static int name_memory(char *text, size_t size, uintptr_t address)
{
    const heap_block *block =
        treadle_heap_owns((void *)address) ? treadle_heap_before(address) : NULL;
    const char *owner = treadle_stack_owner(address);
    if (block != NULL) {
        return snprintf(text, size, "the block of %zu bytes that %s allocated%s, offset %" PRIuPTR,
                        block->size, treadle_thread_name(block->allocated_by),
                        treadle_place(block->allocated_at).text, address - (uintptr_t)block->begin);
    }
    return owner != NULL ? snprintf(text, size, "the stack of %s", owner)
                         : snprintf(text, size, "&0x%" PRIxPTR, address);
}

/* "t-1 wrote 8 bytes at @0x…, called at @0x…, at @0x…" */
static int describe(char *text, size_t size, const treadle_tsan_access *access, const char *verb)
{
    int used =
        snprintf(text, size, "%s %s %" PRIu32 " byte%s%s", access->thread, verb, access->size,
                 access->size == 1 ? "" : "s", access->atomic ? " atomically" : "");
    for (uint32_t i = 0; i < TSAN_FRAMES_MAX && access->frames[i] != NULL; i++) {
        used += snprintf(text + used, size - (size_t)used, "%s%s",
                         i == 0   ? ""
                         : i == 1 ? ", called"
                                  : ",",
                         treadle_place(access->frames[i]).text);
    }
    return used;
}

static _Noreturn void end_with_report(treadle_races *self)
{
    const treadle_tsan_access *now = &treadle_tsan_last.now;
    const treadle_tsan_access *earlier = &treadle_tsan_last.earlier;
    const uintptr_t common = earlier->address > now->address ? earlier->address : now->address;
    char memory[160];
    char first[400];
    char second[400];
    name_memory(memory, sizeof memory, common);
    describe(first, sizeof first, earlier, earlier->writes ? "wrote" : "read");
    describe(second, sizeof second, now, now->writes ? "writes" : "reads");
    treadle_tsan_last.made = false;
    self->flush = true;
    treadle_violation(TREADLE_PROPERTY_DATA_RACE,
                      "%s: %s; %s; ThreadSanitizer sees nothing that "
                      "orders the two",
                      memory, first, second);
}

/* ---- a touch --------------------------------------------------------------------------------- */

/* A read-write lock has two clocks: what readers did happens before what writers do, not before
 * what other readers do. */
static void touch_object(const treadle_touch *touch)
{
    char *writers = (char *)(uintptr_t)touch->address;
    char *readers = writers + 1;
    const bool shared = touch->flags & TREADLE_TOUCH_SHARED;
    if (touch->flags & TREADLE_TOUCH_ACQUIRE) {
        __tsan_acquire(writers);
        if (!shared) {
            __tsan_acquire(readers);
        }
    }
    if (touch->flags & TREADLE_TOUCH_RELEASE) {
        __tsan_release(shared ? readers : writers);
    }
}

/* The runtime keeps a freed block until its memory is used again or the execution is over: it looks
 * for the block of an address that raced backwards to where one begins. */
static void touch_block(treadle_races *self, const treadle_touch *touch)
{
    const uintptr_t begin = touch->address;
    const uintptr_t bytes = (touch->size + 15u) & ~UINT64_C(15);
    if (touch->flags & TREADLE_TOUCH_ALLOCATE) {
        const uint32_t slice =
            (uint32_t)((begin - treadle_arena.heap) / (treadle_arena.heap_bytes / SLICES));
        if (self->blocks[slice].end == 0) {
            self->blocks[slice].low = begin;
        }
        if (begin + bytes > self->blocks[slice].end) {
            self->blocks[slice].end = begin + bytes;
        } else {
            __tsan_java_free(begin, bytes);
        }
        __tsan_java_alloc(begin, bytes);
    }
    __tsan_write_range((void *)begin, touch->size);
}

static void touch_memory(const treadle_touch *touch, uint32_t flags)
{
    void *address = (void *)(uintptr_t)touch->address;
    if (flags & TREADLE_TOUCH_VOLATILE) {
        const bool writes = flags & TREADLE_TOUCH_WRITE;
        flags |= TREADLE_TOUCH_ATOMIC |
                 (writes ? TREADLE_TOUCH_RELEASE | TREADLE_TOUCH_RMW : TREADLE_TOUCH_ACQUIRE);
    }
    if (flags & TREADLE_TOUCH_ATOMIC) {
        tsan_atomic_access(address, touch->size, flags);
    } else if (flags & TREADLE_TOUCH_WRITE) {
        tsan_write(address, touch->size);
    } else {
        tsan_read(address, touch->size);
    }
}

static void touch(void *context, uint32_t thread, treadle_touch touched, const void *site)
{
    treadle_races *self = context;
    const uint32_t flags = touched.flags;
    (void)thread;
    if (flags & TREADLE_TOUCH_OBJECT) {
        touch_object(&touched);
    } else if (!self->blind && !(flags & TREADLE_TOUCH_FORGET)) { /* it sees free() itself */
        /* As if the subject had called the runtime itself. */
        __tsan_func_entry((void *)(uintptr_t)site);
        if (flags & (TREADLE_TOUCH_FREE | TREADLE_TOUCH_ALLOCATE)) {
            touch_block(self, &touched);
        } else {
            touch_memory(&touched, flags);
        }
        __tsan_func_exit();
    }
    if (UNLIKELY(treadle_tsan_last.made)) {
        end_with_report(self);
    }
}

/* ThreadSanitizer does not know fences. Subjects here use none but those of Concurrency Kit, whose
 * volatile accesses count as ordered anyway. */
static void fence(void *context, uint32_t thread, int memory_order)
{
    (void)context;
    (void)thread;
    (void)memory_order;
}

static void edge(void *context, uint32_t from, uint32_t to)
{
    (void)context;
    treadle_tsan_edge(from, to);
}

const treadle_observer treadle_races_observer = {
    .start = start, .touch = touch, .fence = fence, .edge = edge};
