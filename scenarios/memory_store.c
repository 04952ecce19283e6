// SPDX-License-Identifier: MIT
/* The memory window store: lost appends, check-then-add, and reset in use. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "impl/memory_store/memory_store.h"
#include "models/window_model.h"
#include "scenarios/registry.h"

enum { THREADS_MAX = 8 };

static const char *const PROVIDER = "openai";
static const double WINDOW_S = 60;

typedef struct fixture {
    const struct memory_store_variant *variant;
    struct memory_store *store;
    int64_t threads;
    int64_t limit;
    enum rate_decision decisions[THREADS_MAX];
} fixture;

static fixture *open_store(const treadle_run *run, int64_t limit)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    const struct rate_limits limits = {.rpm = limit, .window_s = WINDOW_S};
    state->variant = memory_store_find(run->variant);
    state->store = state->variant->open(&limits, error, sizeof error);
    state->threads = treadle_run_parameter(run, "threads");
    state->limit = limit;
    if (state->store == NULL) {
        treadle_violation("setup", "the store cannot be opened: %s", error);
    }
    return state;
}

static long long count_now(fixture *state)
{
    long long count = -1;
    state->variant->count(state->store, PROVIDER, &count);
    return count;
}

static void close_store(fixture *state)
{
    state->variant->close(state->store);
}

static void acquire(void *context, uint32_t index)
{
    fixture *state = context;
    state->decisions[index] = state->variant->acquire(state->store, PROVIDER);
    treadle_note("acquire: %s", rate_decision_name(state->decisions[index]));
}

static int64_t admitted(const fixture *state)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < state->threads; i++) {
        sum += state->decisions[i] == RATE_ADMITTED;
    }
    return sum;
}

/* ---- check_then_add -------------------------------------------------------------------------- */

static void *setup_limit(const treadle_run *run)
{
    return open_store(run, treadle_run_parameter(run, "limit"));
}

static void check_limit(void *context)
{
    fixture *state = context;
    const int64_t sum = admitted(state);
    close_store(state);
    if (sum > state->limit) {
        treadle_violation("over-admission", "%lld admitted in one window at limit %lld",
                          (long long)sum, (long long)state->limit);
    }
    if (sum < state->limit && sum < state->threads) {
        treadle_violation("under-admission", "only %lld of %lld admitted at limit %lld",
                          (long long)sum, (long long)state->threads, (long long)state->limit);
    }
}

/* ---- lost_append, first_use ----------------------------------------------------------------- */

static void *setup_ample(const treadle_run *run)
{
    return open_store(run, 1000);
}

/* `add` where the variant has it; in `fixed` charging without asking does not exist. */
static void charge(fixture *state)
{
    enum rate_decision (*call)(struct memory_store *, const char *) =
        state->variant->add != NULL ? state->variant->add : state->variant->acquire;
    if (call(state->store, PROVIDER) != RATE_ADMITTED) {
        treadle_violation("refused", "a request below the limit is not admitted");
    }
}

static void add(void *context, uint32_t index)
{
    fixture *state = context;
    charge(state);
    treadle_note("add %u returned", index + 1);
}

static void check_count(fixture *state, long long added, const char *property)
{
    const long long count = count_now(state);
    close_store(state);
    if (count != added) {
        treadle_violation(property, "%lld requests were added, the window holds %lld", added,
                          count);
    }
}

/* The provider is known and holds a request, whatever its table and lock needed has been made. */
static void *setup_known(const treadle_run *run)
{
    fixture *state = open_store(run, 1000);
    charge(state);
    return state;
}

static void check_appends(void *context)
{
    fixture *state = context;
    check_count(state, state->threads + 1, "lost-append");
}

static void check_first_use(void *context)
{
    fixture *state = context;
    check_count(state, state->threads, "lost-insert");
}

/* ---- reset_against_add ----------------------------------------------------------------------- */

/* Thread 0 resets everything and then adds twice: whatever the others do, its two requests came
 * after the reset and must be counted. */
static void reset_then_add(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        state->variant->reset(state->store, NULL);
        treadle_note("reset returned");
        charge(state);
        charge(state);
        treadle_note("two adds returned");
        return;
    }
    charge(state);
}

static void check_reset(void *context)
{
    fixture *state = context;
    const long long count = count_now(state);
    close_store(state);
    if (count < 2) {
        treadle_violation("lost-append",
                          "2 requests were added after the reset, the window holds "
                          "%lld",
                          count);
    }
}

/* ---- reset_cancelled ------------------------------------------------------------------------- */

static void *reset_all(void *context)
{
    fixture *state = context;
    state->variant->reset(state->store, NULL);
    return NULL;
}

static void *setup_cancel(const treadle_run *run)
{
    fixture *state = open_store(run, 1000);
    charge(state);
    state->variant->acquire(state->store, "anthropic");
    return state;
}

/* Starts a reset of everything, cancels it at any moment, and goes on adding. */
static void cancel_reset(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    pthread_t resetter;
    if (pthread_create(&resetter, NULL, reset_all, state) != 0) {
        return;
    }
    pthread_cancel(resetter);
    pthread_join(resetter, NULL);
    treadle_note("the reset has been cancelled");
    charge(state);
    state->variant->acquire(state->store, "anthropic");
}

static void check_usable(void *context)
{
    close_store(context);
}

/* ---- sequential, boundary: one thread against the model
 * -------------------------------------------- */

static void *setup_sequential(const treadle_run *run)
{
    return open_store(run, 2);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void against_model(fixture *state, const double *pauses_s, size_t count)
{
    struct window_model model;
    window_model_init(&model, state->limit, WINDOW_S);
    for (size_t i = 0; i < count; i++) {
        const struct timespec pause = {.tv_sec = (time_t)pauses_s[i]};
        nanosleep(&pause, NULL);
        const double now = now_s();
        const bool expected = window_model_acquire(&model, now, 0) == WINDOW_MODEL_ADMIT;
        const bool got = state->variant->acquire(state->store, PROVIDER) == RATE_ADMITTED;
        treadle_note("request %zu: %s", i + 1, got ? "admitted" : "refused");
        if (got != expected) {
            treadle_violation("wrong-answer", "request %zu is %s, the model says %s", i + 1,
                              got ? "admitted" : "refused", expected ? "admitted" : "refused");
        }
        const long long held = count_now(state);
        if (held != (long long)window_model_count(&model, now)) {
            treadle_violation("wrong-count", "after request %zu the window holds %lld, not %zu",
                              i + 1, held, window_model_count(&model, now));
        }
    }
}

static void sequential(void *context, uint32_t index)
{
    static const double pauses_s[] = {0, 10, 5, 44, 3, 8, 30, 30, 0, 120, 1, 1};
    (void)index;
    against_model(context, pauses_s, sizeof pauses_s / sizeof pauses_s[0]);
}

static void boundary(void *context, uint32_t index)
{
    static const double pauses_s[] = {0, 0, 0, 60, 0, 0, 59, 1};
    (void)index;
    against_model(context, pauses_s, sizeof pauses_s / sizeof pauses_s[0]);
}

static void check_closed(void *context)
{
    close_store(context);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter limited[] = {
    {"threads", 2, 1, THREADS_MAX, "clients"},
    {"limit", 1, 1, 1000, "requests admitted in one window"},
    {0},
};
static const treadle_parameter two[] = {{"threads", 2, 1, THREADS_MAX, "threads"}, {0}};
static const treadle_parameter one[] = {{"threads", 1, 1, 1, "threads"}, {0}};

#define MEMORY_ROW(variant, granularity, verdict, property, reason)         \
    {                                                                       \
        variant, TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_##granularity, \
            TREADLE_VERDICT_##verdict, property, reason                     \
    }

static const treadle_expectation expect_check_then_add[] = {
    MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends between check and add"),
    MEMORY_ROW("naive", SYNC, VIOLATED, "over-admission", "two threads pass the check together"),
    MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "a free asyncio lock does not suspend"),
    MEMORY_ROW("proposed", SYNC, VIOLATED, "over-admission",
               "check and add are two critical sections"),
    MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "check and add are one critical section"),
    MEMORY_ROW("fixed", MEMORY, NO_VIOLATION_FOUND, NULL,
               "as at sync; too many interleavings for dfs"),
    {0},
};

static const treadle_expectation expect_lost_append[] = {
    MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
               "no await inside: the document's claim is false for asyncio alone"),
    MEMORY_ROW("naive", SYNC, VIOLATED, "lost-append",
               "a thread may be switched where it allocates the filtered list"),
    MEMORY_ROW("naive", MEMORY, VIOLATED, "lost-append",
               "an append between another thread's filter and its rebind is lost"),
    MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one lock, once it exists"),
    MEMORY_ROW("proposed", MEMORY, NO_VIOLATION_FOUND, NULL,
               "as at sync; too many interleavings for dfs"),
    MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one stable lock"),
    MEMORY_ROW("fixed", MEMORY, NO_VIOLATION_FOUND, NULL,
               "as at sync; too many interleavings for dfs"),
    {0},
};

static const treadle_expectation expect_first_use[] = {
    MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "no await inside"),
    MEMORY_ROW("naive", MEMORY, VIOLATED, "lost-insert",
               "two threads insert the provider, one insertion is lost"),
    MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "no await inside"),
    MEMORY_ROW("proposed", SYNC, VIOLATED, "lost-insert",
               "get-or-create of the lock is a race: two threads get two locks"),
    MEMORY_ROW("proposed", MEMORY, VIOLATED, "lost-insert",
               "get-or-create of the lock is a race: two threads get two locks"),
    MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the table has a lock of its own"),
    MEMORY_ROW("fixed", MEMORY, NO_VIOLATION_FOUND, NULL,
               "as at sync; too many interleavings for dfs"),
    {0},
};

static const treadle_expectation expect_reset[] = {
    MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "nothing suspends inside the critical section"),
    MEMORY_ROW("proposed", SYNC, VIOLATED, "lost-append",
               "reset empties the lock table: old and new lock are held at once"),
    MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "locks are stable"),
    {0},
};

static const treadle_expectation expect_cancel[] = {
    MEMORY_ROW("proposed", SYNC, VIOLATED, "deadlock",
               "a reset cancelled part-way never releases what it took"),
    MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one lock at a time, and no cancellation point inside"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one thread"),
    MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one thread"),
    MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one thread"),
    {0},
};

static const treadle_scenario check_then_add = {
    .name = "memory_store/check_then_add",
    .summary = "clients acquire at once; at most `limit` are admitted in one window",
    .parameters = limited,
    .expectations = expect_check_then_add,
    .thread_prefix = "client",
    .setup = setup_limit,
    .thread = acquire,
    .check = check_limit,
};

static const treadle_scenario lost_append = {
    .name = "memory_store/lost_append",
    .summary = "threads add for a known provider at once; the window holds what was added",
    .parameters = two,
    .expectations = expect_lost_append,
    .setup = setup_known,
    .thread = add,
    .check = check_appends,
};

static const treadle_scenario first_use = {
    .name = "memory_store/first_use",
    .summary = "threads add for a new provider at once; the window holds what was added",
    .parameters = two,
    .expectations = expect_first_use,
    .setup = setup_ample,
    .thread = add,
    .check = check_first_use,
};

static const treadle_scenario reset_against_add = {
    .name = "memory_store/reset_against_add",
    .summary = "a reset of everything while others add; what comes after it is counted",
    .parameters = two,
    .expectations = expect_reset,
    .setup = setup_known,
    .thread = reset_then_add,
    .check = check_reset,
};

static const treadle_scenario reset_cancelled = {
    .name = "memory_store/reset_cancelled",
    .summary = "a reset of everything is cancelled part-way; adding still works",
    .parameters = one,
    .expectations = expect_cancel,
    .setup = setup_cancel,
    .thread = cancel_reset,
    .check = check_usable,
};

static const treadle_scenario sequential_row = {
    .name = "memory_store/sequential",
    .summary = "one client, many requests; every answer is the model's",
    .parameters = one,
    .expectations = expect_sequential,
    .thread_prefix = "client",
    .setup = setup_sequential,
    .thread = sequential,
    .check = check_closed,
    .no_baseline = "one thread: nothing interleaves",
};

static const treadle_scenario boundary_row = {
    .name = "memory_store/boundary",
    .summary = "an entry whose age is exactly the window has expired",
    .parameters = one,
    .expectations = expect_sequential,
    .thread_prefix = "client",
    .setup = setup_sequential,
    .thread = boundary,
    .check = check_closed,
    .no_baseline = "one thread: nothing interleaves",
};

const treadle_scenario *const treadle_memory_store[] = {
    &check_then_add,  &lost_append,    &first_use,    &reset_against_add,
    &reset_cancelled, &sequential_row, &boundary_row, NULL,
};
