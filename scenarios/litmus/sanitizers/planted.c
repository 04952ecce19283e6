// SPDX-License-Identifier: MIT
/* Bugs that only the sanitizers see, planted for the asan build: each must be reported there, or
 * the build has gone blind; and what must not be reported. Every bug depends on the order of two
 * threads. Instrumented. (litmus/memory.c has those that every build sees.) */
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "scenarios/registry.h"

typedef struct planted planted;

typedef struct state {
    const planted *bug;
    atomic_int turn;
    _Atomic(int *) published;
    sem_t never;
    int seen;
} state;

struct planted {
    const char *variant;
    void (*commit)(state *self);
};

static int table[4];

/* Out of line, or UndefinedBehaviorSanitizer knows how long the array is. */
static __attribute__((noinline)) void poke(int *array, size_t index)
{
    array[index] = 1;
}

static void overflow_stack(state *self)
{
    int local[4] = {0};
    poke(local, 4);
    self->seen = local[0];
}

static void overflow_global(state *self)
{
    poke(table, 4);
    self->seen = table[0];
}

static void leave_scope(state *self)
{
    int *volatile outlives;
    {
        int inner = 1;
        outlives = &inner;
        poke(outlives, 0);
    }
    self->seen = *outlives;
}

/* Read by a function of the C library that the engine has no model of. */
static void read_freed(state *self)
{
    wchar_t *text = calloc(5, sizeof *text);
    free(text);
    self->seen = (int)wcslen(text); // NOLINT(clang-analyzer-unix.Malloc): the bug
}

static void free_global(state *self)
{
    (void)self;
    int *volatile global = table;
    free(global);
}

static void overflow_signed(state *self)
{
    self->seen = INT_MAX;
    self->seen += atomic_load(&self->turn);
}

static void shift_too_far(state *self)
{
    self->seen = 1 << (31 + atomic_load(&self->turn));
}

static const planted bugs[] = {
    {"stack-overflow", overflow_stack}, {"global-overflow", overflow_global},
    {"use-after-scope", leave_scope},   {"library-reads-freed", read_freed},
    {"frees-global", free_global},      {"signed-overflow", overflow_signed},
    {"shift-too-far", shift_too_far},
};

static void *setup(const treadle_run *run)
{
    state *self = calloc(1, sizeof *self);
    for (size_t i = 0; i < sizeof bugs / sizeof bugs[0]; i++) {
        if (strcmp(bugs[i].variant, run->variant) == 0) {
            self->bug = &bugs[i];
        }
    }
    return self;
}

static void thread(void *context, uint32_t index)
{
    state *self = context;
    if (index == 1) {
        atomic_store(&self->turn, 1);
    } else if (atomic_load(&self->turn) == 1) {
        self->bug->commit(self);
    }
}

static void check(void *context)
{
    (void)context;
}

/* ---- leaks -------------------------------------------------------------------------------------
 */

static void *setup_leak(const treadle_run *run)
{
    state *self = calloc(1, sizeof *self);
    self->turn = strcmp(run->variant, "fixed") == 0;
    sem_init(&self->never, 0, 0);
    return self;
}

/* Both make what is missing; naively the second loses what the first has made. */
static void publish(void *context, uint32_t index)
{
    (void)index;
    state *self = context;
    if (atomic_load(&self->published) != NULL) {
        return;
    }
    int *made = calloc(1, sizeof *made);
    if (self->turn == 0) {
        atomic_store(&self->published, made);
        return;
    }
    int *none = NULL;
    if (!atomic_compare_exchange_strong(&self->published, &none, made)) {
        free(made);
    }
}

static void *hold_for_ever(void *context)
{
    state *self = context;
    int *volatile held = malloc(sizeof *held);
    sem_wait(&self->never);
    self->seen = *held;
    free(held);
    return NULL;
}

/* What only the stack of a waiting thread points to is no leak. */
static void leave_holder(void *context, uint32_t index)
{
    (void)index;
    pthread_t holder;
    pthread_create(&holder, NULL, hold_for_ever, context);
    pthread_detach(holder);
}

/* ---- no report ---------------------------------------------------------------------------------
 */

static __attribute__((noinline)) void jump_out(jmp_buf out, int depth)
{
    volatile int frame[16] = {depth};
    if (frame[0] == 0) {
        longjmp(out, 1);
    }
    jump_out(out, depth - 1);
    frame[1] = depth;
}

typedef struct many {
    int values[256];
} many;

/* Passed by value it lies between the frames, where no function announces what is there. */
static __attribute__((noinline)) int sum_up(many of)
{
    int sum = 0;
    for (int i = 0; i < 256; i++) {
        sum += of.values[i];
    }
    return sum;
}

static __attribute__((noinline)) int use_again(const many *of)
{
    return sum_up(*of);
}

/* Frames that are left by a jump are used again by the next call. */
static void jump(void *context, uint32_t index)
{
    state *self = context;
    jmp_buf out;
    if (setjmp(out) == 0) {
        jump_out(out, 8);
    }
    static const many none;
    atomic_fetch_add(&self->turn, use_again(&none) + (int)index);
}

/* ---- the tables --------------------------------------------------------------------------------
 */

static const treadle_parameter parameters[] = {{"threads", 2, 2, 2, "threads"}, {0}};

static const treadle_expectation expect_planted[] = {
    TREADLE_MEMORY_ROW("stack-overflow", SYNC, VIOLATED, "stack-buffer-overflow",
                       "writes behind a local array"),
    TREADLE_MEMORY_ROW("global-overflow", SYNC, VIOLATED, "global-buffer-overflow",
                       "writes behind a global array"),
    TREADLE_MEMORY_ROW("use-after-scope", SYNC, VIOLATED, "stack-use-after-scope",
                       "reads a variable whose block has ended"),
    TREADLE_MEMORY_ROW("library-reads-freed", SYNC, VIOLATED, "use-after-free",
                       "has the C library read what was freed"),
    TREADLE_MEMORY_ROW("frees-global", SYNC, VIOLATED, "wild-free", "frees a global array"),
    TREADLE_MEMORY_ROW("signed-overflow", SYNC, VIOLATED, "signed-integer-overflow",
                       "adds 1 to INT_MAX"),
    TREADLE_MEMORY_ROW("shift-too-far", SYNC, VIOLATED, "invalid-shift-exponent",
                       "shifts by the width of an int"),
    {0},
};

static const treadle_scenario planted_row = {
    .name = "litmus/planted",
    .summary = "bugs that only the sanitizers see, under one order of two threads",
    .parameters = parameters,
    .expectations = expect_planted,
    .setup = setup,
    .thread = thread,
    .check = check,
};

static const treadle_expectation expect_leak[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "leak", "the second overwrites the first's block"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "leak",
                       "the second overwrites the first's block"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "who comes second frees its own"),
    {0},
};

static const treadle_scenario leak = {
    .name = "litmus/leak",
    .summary = "two publish a block where there is none; none is lost",
    .parameters = parameters,
    .expectations = expect_leak,
    .setup = setup_leak,
    .thread = publish,
    .check = check,
};

static const treadle_expectation expect_held[] = {
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the stacks of waiting threads are looked at"),
    {0},
};

static const treadle_scenario held = {
    .name = "litmus/held_block",
    .summary = "a waiting thread holds a block that nobody else knows; it is no leak",
    .parameters = parameters,
    .expectations = expect_held,
    .no_baseline = "it is a false report that is looked for",
    .setup = setup_leak,
    .thread = leave_holder,
    .check = check,
};

static const treadle_expectation expect_jump[] = {
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "fibers are announced"),
    {0},
};

static const treadle_scenario jumps = {
    .name = "litmus/jump",
    .summary = "threads jump out of frames and use their stacks again; nothing is wrong with that",
    .parameters = parameters,
    .expectations = expect_jump,
    .no_baseline = "it is a false report that is looked for",
    .setup = setup,
    .thread = jump,
    .check = check,
};

const treadle_scenario *const treadle_litmus_planted[] = {&planted_row, &leak, &held, &jumps, NULL};
