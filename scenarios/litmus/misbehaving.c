// SPDX-License-Identifier: MIT
/* Litmus programs that misbehave, each in one way: what the harness must turn into a verdict with a
 * token, and go on. Every misdeed depends on the order of two threads, so that it has to be found.
 * Instrumented. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "scenarios/registry.h"

typedef struct misdeed misdeed;

typedef struct misbehaving {
    const misdeed *misdeed;
    atomic_int turn;
    pthread_mutex_t lock;
    pthread_t handle;
    int *volatile nowhere;
} misbehaving;

struct misdeed {
    const char *variant;
    void (*commit)(misbehaving *state);
};

/* Not through a null pointer, which UndefinedBehaviorSanitizer would see first. */
static void crash_segv(misbehaving *state)
{
    state->nowhere = (int *)(uintptr_t)sizeof(misbehaving);
    *state->nowhere = 1;
}

static void crash_abort(misbehaving *state)
{
    (void)state;
    abort();
}

static void call_exit(misbehaving *state)
{
    (void)state;
    exit(0);
}

/* Deep enough for any stack of a test; the condition keeps compilers from seeing through it. */
static int descend(volatile char *above, int depth)
{
    volatile char here[4096];
    here[0] = above[0];
    return depth > 0 ? descend(here, depth - 1) + here[0] : 0;
}

static void overflow_stack(misbehaving *state)
{
    char first = (char)atomic_load(&state->turn);
    atomic_store(&state->turn, descend(&first, 1 << 20));
}

static void never_end(misbehaving *state)
{
    for (int i = 0;; i++) {
        atomic_store(&state->turn, i);
    }
}

static void hang(misbehaving *state)
{
    (void)state;
    for (;;) {
        __asm__ volatile("");
    }
}

static void hang_deaf(misbehaving *state)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    hang(state);
}

static void spin_for_ever(misbehaving *state)
{
    while (atomic_load(&state->turn) != -1) {
    }
}

static void lock_twice(misbehaving *state)
{
    pthread_mutex_lock(&state->lock);
    pthread_mutex_lock(&state->lock);
}

static void leak_lock(misbehaving *state)
{
    pthread_mutex_lock(&state->lock);
}

static void exhaust_memory(misbehaving *state)
{
    do {
        state->nowhere = malloc(1 << 20);
    } while (state->nowhere != NULL);
}

static void *do_nothing(void *argument)
{
    return argument;
}

static void lose_thread(misbehaving *state)
{
    pthread_create(&state->handle, NULL, do_nothing, NULL);
}

static void free_twice(misbehaving *state)
{
    state->nowhere = malloc(sizeof *state->nowhere);
    free(state->nowhere);
    free(state->nowhere); // NOLINT(clang-analyzer-unix.Malloc): the misdeed
}

/* The kernel remembers this, which no decision stream tells of: it does so once a process. */
static void break_once(misbehaving *state)
{
    enum { MARK_NS = 54321 };
    (void)state;
    if (prctl(PR_GET_TIMERSLACK) != MARK_NS) {
        prctl(PR_SET_TIMERSLACK, (unsigned long)MARK_NS);
        treadle_violation("first-time", "it has never been so far");
    }
}

/* What a terminal would obey, what XML cannot hold, and what is no text at all. */
static void say_anything(misbehaving *state)
{
    (void)state;
    treadle_violation("foreign-bytes",
                      "C0 \x1b[2J\x07\r, DEL \x7f, C1 \xc2\x9b"
                      "31m, reversed \xe2\x80\xae, no characters \xef\xbf\xbe\xef\xbf\xbf, a "
                      "surrogate \xed\xa0\x80, no UTF-8 \xff\xc3(, markup <b>&'\"`|]]>");
}

static const misdeed misdeeds[] = {
    {"segfault", crash_segv},
    {"abort", crash_abort},
    {"exit", call_exit},
    {"stack-overflow", overflow_stack},
    {"never-ends", never_end},
    {"hangs", hang},
    {"hangs-deaf", hang_deaf},
    {"livelock", spin_for_ever},
    {"deadlock", lock_twice},
    {"leaks-lock", leak_lock},
    {"exhausts-memory", exhaust_memory},
    {"loses-thread", lose_thread},
    {"frees-twice", free_twice},
    {"breaks-once", break_once},
    {"says-anything", say_anything},
};

static void *setup(const treadle_run *run)
{
    misbehaving *state = calloc(1, sizeof *state);
    pthread_mutex_init(&state->lock, NULL);
    for (size_t i = 0; i < sizeof misdeeds / sizeof misdeeds[0]; i++) {
        if (strcmp(misdeeds[i].variant, run->variant) == 0) {
            state->misdeed = &misdeeds[i];
        }
    }
    return state;
}

static void thread(void *context, uint32_t index)
{
    misbehaving *state = context;
    if (index == 1) {
        atomic_store(&state->turn, 1);
    } else if (atomic_load(&state->turn) == 1) {
        state->misdeed->commit(state);
    }
}

static void check(void *context)
{
    (void)context;
}

#define MISDEED(variant, verdict, property, reason)                                           \
    {                                                                                         \
        variant, TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_##verdict, \
            property, reason                                                                  \
    }

static const treadle_expectation expectations[] = {
    MISDEED("segfault", VIOLATED, "crash", "writes where nothing is mapped"),
    MISDEED("abort", VIOLATED, "abort", "calls abort"),
    MISDEED("exit", VIOLATED, "exit", "calls exit"),
    MISDEED("stack-overflow", VIOLATED, "stack-overflow", "recurses without end"),
    MISDEED("never-ends", UNKNOWN, "step-limit", "takes steps for ever"),
    MISDEED("hangs", UNKNOWN, "hang", "loops without reaching a scheduling point"),
    MISDEED("hangs-deaf", UNKNOWN, "hang", "loops, having blocked every signal"),
    MISDEED("livelock", VIOLATED, "livelock", "spins on what nobody will write"),
    MISDEED("deadlock", VIOLATED, "deadlock", "locks a mutex that it holds"),
    MISDEED("leaks-lock", VIOLATED, "lock-leak", "ends with a mutex held"),
    MISDEED("exhausts-memory", UNKNOWN, "memory-limit", "allocates for ever"),
    MISDEED("loses-thread", VIOLATED, "thread-leak", "neither joins nor detaches a thread"),
    MISDEED("frees-twice", VIOLATED, "double-free", "frees a block twice"),
    MISDEED("breaks-once", UNKNOWN, "first-time", "depends on what the kernel remembers"),
    MISDEED("says-anything", VIOLATED, "foreign-bytes", "a message that is no plain text"),
    {0},
};

static const treadle_parameter parameters[] = {{"threads", 2, 2, 2, "threads"}, {0}};

static const treadle_scenario misbehaving_row = {
    .name = "litmus/misbehaving",
    .summary = "programs that crash, exit, hang or leak under one order of two threads",
    .parameters = parameters,
    .expectations = expectations,
    .setup = setup,
    .thread = thread,
    .check = check,
};

const treadle_scenario *const treadle_litmus_misbehaving[] = {&misbehaving_row, NULL};
