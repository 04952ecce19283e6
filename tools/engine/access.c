// SPDX-License-Identifier: MIT
#include "tools/engine/access.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/engine/internal.h"

typedef struct phrase {
    char text[224];
} phrase;

static const char *name_of(uint8_t thread_id)
{
    return E.threads[thread_id].name;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* "client-1 reads 4 bytes at …" */
static phrase deed(access_kind kind, size_t size, const void *site)
{
    phrase out;
    if (kind == ACCESS_OBJECT) {
        snprintf(out.text, sizeof out.text, "%s uses a synchronisation object%s", E.self->name,
                 treadle_place(site).text);
    } else {
        snprintf(out.text, sizeof out.text, "%s %s %zu byte%s%s", E.self->name,
                 kind == ACCESS_WRITE ? "writes" : "reads", size, plural(size),
                 treadle_place(site).text);
    }
    return out;
}

/* "a block of 24 bytes that main allocated at … and client-2 freed at …" */
static phrase history(const heap_block *block)
{
    phrase out;
    const int used = snprintf(
        out.text, sizeof out.text, "a block of %zu byte%s that %s allocated%s", block->size,
        plural(block->size), name_of(block->allocated_by), treadle_place(block->allocated_at).text);
    if (block->freed && used > 0 && (size_t)used < sizeof out.text) {
        snprintf(out.text + used, sizeof out.text - (size_t)used, " and %s freed%s",
                 name_of(block->freed_by), treadle_place(block->freed_at).text);
    }
    return out;
}

/* ---- the heap ---------------------------------------------------------------------------------
 */

/* The first byte of the access that may not be accessed; its end when all may. */
static uintptr_t first_bad(uintptr_t address, size_t size)
{
    const uintptr_t end = address + size;
    uintptr_t at = address;
    while (at < end) {
        const uintptr_t offset = at - treadle_arena.heap;
        if (offset >= treadle_arena.heap_bytes) {
            return end; /* beyond the heap lies what is not ours to judge */
        }
        const uint8_t open = treadle_arena.shadow[offset / HEAP_GRAIN];
        if (offset % HEAP_GRAIN >= open) {
            return at;
        }
        at += open - offset % HEAP_GRAIN;
    }
    return end;
}

/* A block that holds the byte; else the one it lies before or after: what is further from the next
 * block than its header counts as too far in the one before. */
static const heap_block *block_near(uintptr_t bad)
{
    const heap_block *before = treadle_heap_before(bad);
    const heap_block *after = treadle_heap_after(bad);
    if (before == NULL || after == NULL) {
        return before != NULL ? before : after;
    }
    const bool held = bad < (uintptr_t)before->begin + before->size;
    return held || (uintptr_t)after->begin - bad > HEAP_GRAIN ? before : after;
}

static __attribute__((format(printf, 3, 4))) bool fault(access_fault *out, const char *property,
                                                        const char *format, ...)
{
    out->property = property;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out->message, sizeof out->message, format, arguments);
    va_end(arguments);
    return true;
}

static bool explain_heap(uintptr_t address, size_t size, access_kind kind, const void *site,
                         access_fault *out)
{
    const uintptr_t bad = first_bad(address, size);
    if (bad >= address + size) {
        return false;
    }
    if (kind == ACCESS_TEXT) {
        size = bad + 1 - address;
    }
    const heap_block *block = block_near(bad);
    const phrase who = deed(kind, size, site);
    if (block == NULL) {
        return fault(out, "heap-overflow", "%s, in the heap where no block is near", who.text);
    }
    const uintptr_t begin = (uintptr_t)block->begin;
    const uintptr_t end = begin + block->size;
    const phrase what = history(block);
    if (block->freed && bad >= begin && bad < end) {
        return fault(out, "use-after-free", "%s, %" PRIuPTR " byte%s into %s", who.text,
                     address > begin ? address - begin : 0,
                     plural(address > begin ? address - begin : 0), what.text);
    }
    if (bad < begin) {
        return fault(out, "heap-overflow", "%s, %" PRIuPTR " byte%s before the start of %s",
                     who.text, begin - bad, plural(begin - bad), what.text);
    }
    if (address < end) {
        return fault(out, "heap-overflow",
                     "%s, %" PRIuPTR " byte%s too many from offset %" PRIuPTR " of %s", who.text,
                     address + size - end, plural(address + size - end), address - begin,
                     what.text);
    }
    return fault(out, "heap-overflow", "%s, %" PRIuPTR " byte%s after the end of %s", who.text,
                 address - end, plural(address - end), what.text);
}

_Noreturn void treadle_access_double_free(const heap_block *block, const void *site)
{
    treadle_violation("double-free", "%s frees%s %s", E.self->name, treadle_place(site).text,
                      history(block).text);
}

/* ---- stacks -----------------------------------------------------------------------------------
 */

static bool on_stacks(uintptr_t address, uint32_t *owner)
{
    const uintptr_t offset = address - (uintptr_t)E.stacks.base;
    *owner = (uint32_t)(offset / E.stacks.slot_bytes);
    return offset < E.stacks.slot_bytes * E.stacks.count;
}

/* Why nothing lives at an address of a stack; NULL when something may. */
static const char *why_dead(uint32_t owner, uintptr_t address, uintptr_t frame)
{
    const thread *of = &E.threads[owner];
    if (owner >= E.thread_count) {
        return "which no thread of this execution has";
    }
    if (of->finished) {
        return "which has ended";
    }
    const uintptr_t used_from = of == E.self ? frame : (uintptr_t)of->sp;
    return address < used_from ? "in a function that has returned" : NULL;
}

static bool explain_stack(uint32_t owner, uintptr_t address, size_t size, access_kind kind,
                          const void *site, uintptr_t frame, access_fault *out)
{
    const char *why = why_dead(owner, address, frame);
    return why != NULL &&
           fault(out, "dead-stack", "%s, on the stack of %s, %s", deed(kind, size, site).text,
                 owner < E.thread_count ? E.threads[owner].name : "a thread", why);
}

bool treadle_access_explain(uintptr_t address, size_t size, access_kind kind, const void *site,
                            uintptr_t frame, access_fault *out)
{
    uint32_t owner;
    if (address - treadle_arena.heap < treadle_arena.heap_bytes) {
        return explain_heap(address, size, kind, site, out);
    }
    return on_stacks(address, &owner) &&
           explain_stack(owner, address, size, kind, site, frame, out);
}

void treadle_access_look(uintptr_t address, size_t size, access_kind kind, const void *site,
                         uintptr_t frame)
{
    access_fault found;
    if (treadle_access_explain(address, size, kind, site, frame, &found)) {
        treadle_asan_look(address, size, kind == ACCESS_WRITE, site, frame);
        treadle_violation(found.property, "%s", found.message);
    }
}

_Noreturn void treadle_access_wild_free(const void *address, const void *site)
{
    const uintptr_t at = (uintptr_t)address;
    const heap_block *block = treadle_heap_owns(address) ? block_near(at) : NULL;
    if (block == NULL) {
        treadle_violation("wild-free", "%s frees%s what is no block of the heap", E.self->name,
                          treadle_place(site).text);
    }
    const uintptr_t begin = (uintptr_t)block->begin;
    if (at == begin) {
        treadle_violation("heap-overflow",
                          "%s frees%s %s, and what lies before it has been overwritten by code "
                          "that is not instrumented",
                          E.self->name, treadle_place(site).text, history(block).text);
    }
    treadle_violation("wild-free",
                      "%s frees%s what is no block of the heap, %" PRIuPTR " byte%s %s the start "
                      "of %s",
                      E.self->name, treadle_place(site).text, at > begin ? at - begin : begin - at,
                      plural(at > begin ? at - begin : begin - at), at > begin ? "after" : "before",
                      history(block).text);
}
