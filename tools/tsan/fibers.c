// SPDX-License-Identifier: MIT
/* The engine's switch under ThreadSanitizer: each fiber is a thread to it, and a switch says which
 * one runs from now on, without making what one did happen before what the other does.
 *
 * Fibers of one execution know nothing of those of another: all that one did happens before all
 * that the next does, through `between`, so that no report crosses executions. What an execution
 * that ended early left of calls under way is taken from the fiber's stack of calls. */
#include <sanitizer/tsan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/internal.h"
#include "tools/tsan/runtime.h"
#include "tools/tsan/tsan.h"

/* The plain switch, under the name that tsan.cmake gives it. */
void treadle_fiber_jump(void **save, void *to);

/* In the runtime's list of exports, though not in its header. */
uintptr_t __tsan_testonly_shadow_stack_current_size(void);

static void *controller; /* the fiber of the code that runs executions */
static void *fibers[TREADLE_THREADS_MAX];
static uint64_t used; /* by the execution under way */
static unsigned switch_flags;
static char between;
static uint64_t edges_pending; /* threads that have one to take up */
static char edges[TREADLE_THREADS_MAX];

bool treadle_tsan_mutant(const char *name)
{
    const char *wanted = getenv("TREADLE_TSAN_MUTANT");
    return wanted != NULL && strcmp(wanted, name) == 0;
}

static void open_once(void)
{
    if (controller == NULL) {
        controller = __tsan_get_current_fiber();
        switch_flags =
            treadle_tsan_mutant("synchronised-switches") ? 0 : __tsan_switch_to_fiber_no_sync;
    }
}

static void visit(void *fiber, void (*deed)(void))
{
    __tsan_switch_to_fiber(fiber, __tsan_switch_to_fiber_no_sync);
    deed();
    __tsan_switch_to_fiber(controller, __tsan_switch_to_fiber_no_sync);
}

static void leave_execution(void)
{
    while (__tsan_testonly_shadow_stack_current_size() > 0) {
        __tsan_func_exit();
    }
    __tsan_release(&between);
}

static void join_execution(void)
{
    __tsan_acquire(&between);
}

/* An execution begins: the last one's fibers are done. */
static void begin(void)
{
    open_once();
    for (; used != 0; used &= used - 1) {
        visit(fibers[__builtin_ctzll(used)], leave_execution);
    }
    __tsan_acquire(&between);
    __tsan_release(&between);
    edges_pending = 0;
}

/* A thread's first step of this execution. Its fiber is new to it on behalf of the controller, and
 * not of whoever runs: that would be an edge. */
static void join(uint32_t index)
{
    used |= UINT64_C(1) << index;
    __tsan_switch_to_fiber(controller, __tsan_switch_to_fiber_no_sync);
    if (fibers[index] == NULL) {
        fibers[index] = __tsan_create_fiber(0);
    }
    __tsan_set_fiber_name(fibers[index], E.threads[index].name);
    visit(fibers[index], join_execution);
}

/* A thread goes on. */
static void enter(uint32_t index)
{
    const uint64_t bit = UINT64_C(1) << index;
    if (!(used & bit)) {
        void *from = __tsan_get_current_fiber();
        join(index);
        __tsan_switch_to_fiber(from, __tsan_switch_to_fiber_no_sync);
    }
    __tsan_switch_to_fiber(fibers[index], switch_flags);
    if (edges_pending & bit) {
        edges_pending &= ~bit;
        __tsan_acquire(&edges[index]);
    }
}

/* Of a thread that runs, or has ended. */
void treadle_tsan_edge(uint32_t from, uint32_t to)
{
    void *const now = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fibers[from], __tsan_switch_to_fiber_no_sync);
    __tsan_release(&edges[to]);
    __tsan_switch_to_fiber(now, __tsan_switch_to_fiber_no_sync);
    if (now == fibers[to]) {
        __tsan_acquire(&edges[to]);
    } else {
        edges_pending |= UINT64_C(1) << to;
    }
}

void treadle_fiber_switch(void **save, void *to)
{
    if (save == &E.controller_sp) {
        begin();
    }
    if (treadle_stacks_hold(&E.stacks, to)) {
        enter((uint32_t)((size_t)((char *)to - E.stacks.base) / E.stacks.slot_bytes));
    } else {
        __tsan_switch_to_fiber(controller, switch_flags);
    }
    treadle_fiber_jump(save, to);
}
