// SPDX-License-Identifier: MIT
/* Executions whose blocks come from AddressSanitizer's own malloc, so that LeakSanitizer can say
 * which of them nobody can reach any more. */
#include "tools/engine/leaks.h"

#ifdef TREADLE_ASAN

#include <sanitizer/allocator_interface.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/engine/heap.h"
#include "tools/engine/internal.h"

enum { BLOCKS_MAX = 1 << 16, REPORT_BYTES_MAX = 1 << 16 };

/* Addresses are kept inverted, or every block would be reachable from here. */
static struct {
    uint32_t count;
    struct own_block {
        uintptr_t hidden;
        const void *site;
        uint8_t by;
    } blocks[BLOCKS_MAX];
} own;

static char report[REPORT_BYTES_MAX];

/* The addresses of what is lost are wanted, not only where it was allocated. */
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "report_objects=1";
}

void *treadle_leaks_allocate(size_t size, size_t alignment, const void *site)
{
    if (own.count == BLOCKS_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, "memory-limit", "more than %d blocks", BLOCKS_MAX);
    }
    void *block = NULL;
    if (posix_memalign(&block, alignment < HEAP_GRAIN ? HEAP_GRAIN : alignment, size) != 0) {
        return NULL;
    }
    own.blocks[own.count++] =
        (struct own_block){.hidden = ~(uintptr_t)block, .site = site, .by = (uint8_t)E.self->id};
    return memset(block, HEAP_FRESH_BYTE, size);
}

void *treadle_leaks_reallocate(void *block, size_t size, const void *site)
{
    void *moved = treadle_heap_allocate(size, HEAP_GRAIN, site);
    if (moved != NULL && block != NULL) {
        const size_t old = __sanitizer_get_allocated_size(block);
        memcpy(moved, block, old < size ? old : size);
        free(block);
    }
    return moved;
}

void treadle_leaks_reset(void)
{
    for (uint32_t i = 0; i < own.count; i++) {
        void *block = (void *)~own.blocks[i].hidden;
        if (__sanitizer_get_ownership(block)) {
            free(block);
        }
    }
    own.count = 0;
}

/* ---- looking -----------------------------------------------------------------------------------
 */

/* Where else than in globals and the running fiber pointers may lie: on the stacks of threads that
 * have not ended, and of the controller. */
static void visit_stacks(void (*visit)(const void *low, size_t size))
{
    for (uint32_t i = 0; i < E.thread_count; i++) {
        const thread *one = &E.threads[i];
        if (one != E.self && !one->finished) {
            visit(one->sp, (size_t)(treadle_stack_high(&E.stacks, i) - (char *)one->sp));
        }
    }
    const char *high = treadle_asan_controller_high();
    visit(E.controller_sp, (size_t)(high - (char *)E.controller_sp));
}

/* Runs LeakSanitizer's check; its report is in `report` when anything is lost. */
static bool look(void)
{
    const int file = memfd_create("leaks", MFD_CLOEXEC);
    if (file < 0) {
        return false;
    }
    __sanitizer_set_report_fd((void *)(intptr_t)file);
    visit_stacks(__lsan_register_root_region);
    const bool found = __lsan_do_recoverable_leak_check() != 0;
    visit_stacks(__lsan_unregister_root_region);
    treadle_asan_print(treadle_asan_prints());
    const ssize_t length = pread(file, report, sizeof report - 1, 0);
    report[length > 0 ? length : 0] = '\0';
    close(file);
    return found;
}

/* The record of a block; NULL when the subject did not allocate it. */
static const struct own_block *record_of(uintptr_t address)
{
    for (uint32_t i = 0; i < own.count; i++) {
        if (own.blocks[i].hidden == ~address) {
            return &own.blocks[i];
        }
    }
    return NULL;
}

/* "Objects leaked above:", then a line for each: "0x602000000010 (24 bytes)". */
static const struct own_block *first_lost(uint32_t *count, size_t *bytes)
{
    static const char heading[] = "Objects leaked above:";
    const struct own_block *first = NULL;
    for (const char *at = report; (at = strstr(at, heading)) != NULL;) {
        at += sizeof heading - 1;
        char *end;
        for (unsigned long address; (address = strtoul(at, &end, 16)) != 0;
             at = strchr(end, '\n')) {
            const struct own_block *lost = record_of(address);
            *count += lost != NULL;
            *bytes += lost != NULL ? __sanitizer_get_allocated_size((void *)address) : 0;
            first = first != NULL ? first : lost;
            if (strchr(end, '\n') == NULL) {
                break;
            }
        }
    }
    return first;
}

void treadle_leaks_check(void)
{
    if (!look()) {
        return;
    }
    uint32_t count = 0;
    size_t bytes = 0;
    const struct own_block *lost = first_lost(&count, &bytes);
    if (treadle_asan_prints()) {
        fputs(report, stderr);
    }
    if (lost == NULL) {
        return; /* not the subject's: whose it is hears of it when its process ends */
    }
    treadle_violation(
        TREADLE_PROPERTY_LEAK,
        "LeakSanitizer: at the end nothing points any more to what %s allocated%s: %u block%s, %zu "
        "byte%s in all",
        E.threads[lost->by].name, treadle_place(lost->site).text, count, count == 1 ? "" : "s",
        bytes, bytes == 1 ? "" : "s");
}

#else

/* ISO C wants a declaration in every file. */
typedef int treadle_leaks_are_not_looked_for;

#endif
