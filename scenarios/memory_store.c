// SPDX-License-Identifier: MIT
/* The memory window store: lost appends, check-then-add, reset in use, cancellation, the clock. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "impl/memory_store/memory_store.h"
#include "models/window_history.h"
#include "models/window_model.h"
#include "scenarios/registry.h"
#include "tools/checkers/linearizability.h"

enum { THREADS_MAX = 8, AMPLE = 10 };

static const char *const PROVIDER = "openai";
static const double WINDOW_S = 60;

typedef struct fixture {
    const struct memory_store_variant *variant;
    struct memory_store *store;
    int64_t threads;
    int64_t limit;
    enum rate_decision decisions[THREADS_MAX];
    double admitted_s[2 * THREADS_MAX]; /* when, as the call itself saw it */
    atomic_size_t admissions;
    treadle_history history;
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
    return open_store(run, AMPLE);
}

/* `add` where the variant has it; elsewhere charging without asking does not exist. */
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
    fixture *state = open_store(run, AMPLE);
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
    fixture *state = open_store(run, AMPLE);
    charge(state);
    state->variant->acquire(state->store, "anthropic");
    return state;
}

/* Starts a reset of everything, cancels it at any moment (so it lets others run first, at `await`,
 * too), and goes on adding. */
static void cancel_reset(void *context, uint32_t index)
{
    fixture *state = context;
    (void)index;
    pthread_t resetter;
    if (pthread_create(&resetter, NULL, reset_all, state) != 0) {
        return;
    }
    nanosleep(&(struct timespec){0}, NULL);
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

/* ---- reset_one_against_add: as above, of one provider ---------------------------------------- */

static void reset_one_then_add(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        state->variant->reset(state->store, PROVIDER);
        treadle_note("reset returned");
        charge(state);
    }
    charge(state);
}

/* ---- independent_providers ------------------------------------------------------------------- */

static const char *const PROVIDERS[] = {"openai", "anthropic"};

static void acquire_own(void *context, uint32_t index)
{
    fixture *state = context;
    state->decisions[index] = state->variant->acquire(state->store, PROVIDERS[index]);
    treadle_note("acquire %s: %s", PROVIDERS[index], rate_decision_name(state->decisions[index]));
}

static void check_independent(void *context)
{
    fixture *state = context;
    long long counts[2] = {-1, -1};
    for (size_t i = 0; i < 2; i++) {
        state->variant->count(state->store, PROVIDERS[i], &counts[i]);
    }
    close_store(state);
    for (size_t i = 0; i < 2; i++) {
        if (state->decisions[i] != RATE_ADMITTED || counts[i] != 1) {
            treadle_violation("dependence",
                              "%s is used once at limit 1: the request is %s, the window holds "
                              "%lld",
                              PROVIDERS[i], rate_decision_name(state->decisions[i]), counts[i]);
        }
    }
}

static void *setup_one(const treadle_run *run)
{
    return open_store(run, 1);
}

/* ---- snapshot: thread 0 counts twice while the others acquire -------------------------------- */

static void *setup_reader(const treadle_run *run)
{
    fixture *state = setup_limit(run);
    state->decisions[0] = RATE_ERROR; /* the reader asks for nothing */
    return state;
}

static void count_or_acquire(void *context, uint32_t index)
{
    fixture *state = context;
    if (index != 0) {
        acquire(context, index);
        return;
    }
    const long long first = count_now(state);
    const long long second = count_now(state);
    treadle_note("count: %lld, then %lld", first, second);
    if (first > state->limit || second > state->limit) {
        treadle_violation("snapshot", "the window is seen to hold %lld, then %lld at limit %lld",
                          first, second, (long long)state->limit);
    }
    if (second < first) {
        treadle_violation("snapshot", "the window is seen to hold %lld, then only %lld", first,
                          second);
    }
}

static void check_snapshot(void *context)
{
    fixture *state = context;
    const long long acquired = count_now(state);
    const int64_t sum = admitted(state);
    close_store(state);
    if (acquired != sum) {
        treadle_violation("snapshot", "%lld were admitted, the window holds %lld", (long long)sum,
                          acquired);
    }
}

/* ---- acquire_cancelled ----------------------------------------------------------------------- */

static void *acquire_as_victim(void *context)
{
    acquire(context, 1);
    return NULL;
}

static void *setup_victim(const treadle_run *run)
{
    fixture *state = open_store(run, 1);
    state->threads = 2; /* the victim has a decision, too */
    state->decisions[1] = RATE_ERROR;
    return state;
}

/* Starts a request, cancels it at any moment, and makes its own meanwhile; then the books must
 * balance: one slot, used by whoever was told so. */
static void cancel_acquire(void *context, uint32_t index)
{
    fixture *state = context;
    pthread_t victim;
    if (pthread_create(&victim, NULL, acquire_as_victim, state) != 0) {
        return;
    }
    pthread_cancel(victim);
    acquire(state, index);
    pthread_join(victim, NULL);
    if (admitted(state) == 0) {
        treadle_note("cancelled before it was charged: the slot is free");
        acquire(state, index);
    }
}

static void check_cancelled(void *context)
{
    fixture *state = context;
    const long long sum = admitted(state);
    const long long count = count_now(state);
    close_store(state);
    if (sum > 1) {
        treadle_violation("over-admission", "%lld admitted in one window at limit 1", sum);
    }
    if (sum < 1) {
        treadle_violation("lost-slot", "nobody is admitted, the window holds %lld", count);
    }
}

/* ---- set_back, expiry: the property itself, whatever the clock does -------------------------- */

static void acquire_and_note_time(fixture *state, uint32_t index)
{
    acquire(state, index);
    if (state->decisions[index] == RATE_ADMITTED) {
        state->admitted_s[state->admissions++] = 1e-9 * (double)treadle_clock_seen_ns();
    }
}

static void acquire_twice(void *context, uint32_t index)
{
    acquire_and_note_time(context, index);
    acquire_and_note_time(context, index);
}

static void acquire_after_a_window(void *context, uint32_t index)
{
    const struct timespec window = {.tv_sec = (time_t)WINDOW_S};
    acquire_and_note_time(context, index);
    nanosleep(&window, NULL);
    acquire_and_note_time(context, index);
}

static void check_every_window(void *context)
{
    fixture *state = context;
    size_t worst;
    close_store(state);
    if (window_model_over_admitted(state->admitted_s, state->admissions, state->limit, WINDOW_S,
                                   &worst)) {
        treadle_violation("over-admission", "%zu admitted in one window at limit %lld", worst,
                          (long long)state->limit);
    }
    if (state->admissions == 0) {
        treadle_violation("under-admission", "nobody is admitted");
    }
}

/* ---- linearizable ---------------------------------------------------------------------------- */

static void invoke(fixture *state, enum window_history_function function)
{
    const uint32_t call = treadle_invoke(&state->history, function, 0, 0);
    int64_t result = 0;
    if (function == WINDOW_HISTORY_ACQUIRE) {
        result = state->variant->acquire(state->store, PROVIDER) == RATE_ADMITTED;
    } else if (function == WINDOW_HISTORY_CHECK) {
        result = state->variant->check(state->store, PROVIDER) == RATE_ADMITTED;
    } else if (function == WINDOW_HISTORY_COUNT) {
        result = count_now(state);
    } else {
        state->variant->reset(state->store, PROVIDER);
    }
    treadle_respond(&state->history, call, result);
}

static void *setup_history(const treadle_run *run)
{
    fixture *state = open_store(run, treadle_run_parameter(run, "limit"));
    state->history.functions = window_history_functions;
    return state;
}

static void use_and_reset(void *context, uint32_t index)
{
    static const enum window_history_function plans[][2] = {
        {WINDOW_HISTORY_ACQUIRE, WINDOW_HISTORY_RESET},
        {WINDOW_HISTORY_ACQUIRE, WINDOW_HISTORY_COUNT},
        {WINDOW_HISTORY_CHECK, WINDOW_HISTORY_ACQUIRE},
    };
    for (size_t i = 0; i < 2; i++) {
        invoke(context, plans[index % 3][i]);
    }
}

/* A slot seen before a reset and one seen after it make no full window. */
static void search_across_reset(void *context, uint32_t index)
{
    if (index == 0) {
        invoke(context, WINDOW_HISTORY_COUNT);
        invoke(context, WINDOW_HISTORY_ACQUIRE);
    } else if (index == 1) {
        invoke(context, WINDOW_HISTORY_RESET);
    } else {
        invoke(context, WINDOW_HISTORY_ACQUIRE);
        invoke(context, WINDOW_HISTORY_ACQUIRE);
    }
}

static void check_history(void *context)
{
    fixture *state = context;
    const struct window_history_config config = {.limit = state->limit, .window_s = WINDOW_S};
    close_store(state);
    treadle_require_linearizable(&state->history, &window_history_model, &config);
}

/* ---- sequential, boundary: one thread against the model -------------------------------------- */

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
static const treadle_parameter a_pair[] = {{"threads", 2, 2, 2, "clients"}, {0}};
static const treadle_parameter a_reader[] = {
    {"threads", 3, 2, THREADS_MAX, "a reader and clients"},
    {"limit", 1, 1, 1000, "requests admitted in one window"},
    {0},
};
static const treadle_parameter across_reset[] = {
    {"threads", 3, 3, THREADS_MAX, "threads"},
    {"limit", 2, 1, 1000, "requests admitted in one window"},
    {0},
};
static const treadle_parameter histories[] = {
    {"threads", 2, 1, 3, "clients"},
    {"limit", 1, 1, 1000, "requests admitted in one window"},
    {0},
};

static const treadle_expectation expect_check_then_add[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends between check and add"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "over-admission",
                       "two threads pass the check together"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "a free asyncio lock does not suspend"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "over-admission",
                       "check and add are two critical sections"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "check and add are one critical section"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "one compare-and-swap is check and add"),
    {0},
};

static const treadle_expectation expect_lost_append[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL,
                       "no await inside: the document's claim is false for asyncio alone"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "lost-append",
                       "a thread may be switched where it allocates the filtered list"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "lost-append",
                       "an append between another thread's filter and its rebind is lost"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "one lock, once it exists"),
    TREADLE_MEMORY_ROW("proposed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one stable lock"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "a slot is claimed by one thread only"),
    {0},
};

static const treadle_expectation expect_first_use[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "no await inside"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "lost-insert",
                       "two threads insert the provider, one insertion is lost"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "no await inside"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "lost-insert",
                       "get-or-create of the lock is a race: two threads get two locks"),
    TREADLE_MEMORY_ROW("proposed", MEMORY, VIOLATED, "lost-insert",
                       "get-or-create of the lock is a race: two threads get two locks"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the table has a lock of its own"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "as at sync"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "one compare-and-swap decides whose entry it is"),
    {0},
};

static const treadle_expectation expect_reset[] = {
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL,
                       "nothing suspends inside the critical section"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "lost-append",
                       "reset empties the lock table: old and new lock are held at once"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "locks are stable"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "one increment forgets everything"),
    {0},
};

static const treadle_expectation expect_cancel[] = {
    TREADLE_MEMORY_ROW("proposed", AWAIT, VIOLATED, "deadlock",
                       "a reset cancelled part-way never releases what it took"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "one lock at a time, and no cancellation point inside"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "nothing is held and nothing is a cancellation point"),
    {0},
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one thread"),
    TREADLE_MEMORY_ROW("lockfree", AWAIT, HOLDS, NULL, "one thread"),
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
    .symmetric = true,
};

static const treadle_scenario lost_append = {
    .name = "memory_store/lost_append",
    .summary = "threads add for a known provider at once; the window holds what was added",
    .parameters = two,
    .expectations = expect_lost_append,
    .setup = setup_known,
    .thread = add,
    .check = check_appends,
    .symmetric = true,
};

static const treadle_scenario first_use = {
    .name = "memory_store/first_use",
    .summary = "threads add for a new provider at once; the window holds what was added",
    .parameters = two,
    .expectations = expect_first_use,
    .setup = setup_ample,
    .thread = add,
    .check = check_first_use,
    .symmetric = true,
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

static const treadle_expectation expect_reset_one[] = {
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "lost-append",
                       "no locks: an append meets another's filter"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL, "the reset of one provider keeps its lock"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the reset takes the provider's one lock"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "one increment forgets everything; later times carry its number"),
    {0},
};

static const treadle_expectation expect_independent[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "no await inside"),
    TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, "dependence",
                       "the table is one for all: an insertion is lost"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "no await inside"),
    TREADLE_MEMORY_ROW("proposed", MEMORY, VIOLATED, "dependence",
                       "a lock for each provider does not guard the tables that all share"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the table has a lock of its own"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "an insertion into the table is one compare-and-swap"),
    {0},
};

static const treadle_expectation expect_snapshot[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "snapshot",
                       "an append is lost, or the limit is passed"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "snapshot",
                       "check and add are two critical sections: the limit is passed"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "every call is one critical section"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "a slot in use stays in use while a count passes over it"),
    {0},
};

static const treadle_expectation expect_acquire_cancelled[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "over-admission",
                       "no cancellation point, so both run; both pass the check"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "cancelled before it starts"),
    TREADLE_MEMORY_ROW("proposed", SYNC, HOLDS, NULL,
                       "a request that is cancelled where it waits for the lock takes nothing"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "no cancellation point, so both run, one after the other"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "no cancellation point, so both run; one slot, one winner"),
    {0},
};

static const treadle_expectation expect_every_window[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends between check and add"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "over-admission",
                       "two threads pass the check together"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "a free asyncio lock does not suspend"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "over-admission",
                       "check and add are two critical sections"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "the clock is read inside the critical section; the future counts"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "two times of one slot are a window apart, whatever the clock does"),
    {0},
};

static const treadle_expectation expect_linearizable[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends inside a call"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "linearizability",
                       "an append is lost, or the limit is passed"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "nothing suspends inside a call"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "linearizability",
                       "acquire is two critical sections, others come between"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "every call is one critical section"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL, "as argued in lockfree.c"),
    {0},
};

static const treadle_scenario reset_one_against_add = {
    .name = "memory_store/reset_one_against_add",
    .summary = "a reset of one provider while others add to it; what comes after it is counted",
    .parameters = two,
    .expectations = expect_reset_one,
    .setup = setup_known,
    .thread = reset_one_then_add,
    .check = check_reset,
};

static const treadle_scenario independent_providers = {
    .name = "memory_store/independent_providers",
    .summary = "two clients use a new provider each; each has its own window",
    .parameters = a_pair,
    .expectations = expect_independent,
    .thread_prefix = "client",
    .setup = setup_one,
    .thread = acquire_own,
    .check = check_independent,
};

static const treadle_scenario snapshot = {
    .name = "memory_store/snapshot",
    .summary =
        "a reader counts while clients acquire; never above the limit, never less than before",
    .parameters = a_reader,
    .expectations = expect_snapshot,
    .setup = setup_reader,
    .thread = count_or_acquire,
    .check = check_snapshot,
};

static const treadle_scenario acquire_cancelled = {
    .name = "memory_store/acquire_cancelled",
    .summary = "one of two requests is cancelled part-way; the one slot is used exactly once",
    .parameters = one,
    .expectations = expect_acquire_cancelled,
    .thread_prefix = "client",
    .setup = setup_victim,
    .thread = cancel_acquire,
    .check = check_cancelled,
};

static const treadle_scenario clock_set_back = {
    .name = "memory_store/clock_set_back",
    .summary = "clients acquire while the clock is set back; no window holds more than the limit",
    .parameters = limited,
    .expectations = expect_every_window,
    .thread_prefix = "client",
    .setup = setup_limit,
    .thread = acquire_twice,
    .check = check_every_window,
    .clock_jump_count = 1,
    .clock_jumps_ns = {-30 * INT64_C(1000000000)},
};

static const treadle_scenario expiry = {
    .name = "memory_store/expiry",
    .summary = "clients acquire now and a window later; no window holds more than the limit",
    .parameters = limited,
    .expectations = expect_every_window,
    .thread_prefix = "client",
    .setup = setup_limit,
    .thread = acquire_after_a_window,
    .check = check_every_window,
};

static const treadle_expectation expect_across_reset[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends inside a call"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "linearizability",
                       "an append is lost, or the limit is passed"),
    TREADLE_MEMORY_ROW("proposed", AWAIT, HOLDS, NULL, "nothing suspends inside a call"),
    TREADLE_MEMORY_ROW("proposed", SYNC, VIOLATED, "linearizability",
                       "acquire is two critical sections, others come between"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "every call is one critical section"),
    TREADLE_MEMORY_ROW("lockfree", SYNC, HOLDS, NULL,
                       "a time counts only with the number of its reset"),
    {0},
};

static const treadle_scenario linearizable = {
    .name = "memory_store/linearizable",
    .summary = "clients acquire, check, count and reset; some order of the calls explains it all",
    .parameters = histories,
    .expectations = expect_linearizable,
    .thread_prefix = "client",
    .setup = setup_history,
    .thread = use_and_reset,
    .check = check_history,
};

static const treadle_scenario search_across_reset_row = {
    .name = "memory_store/search_across_reset",
    .summary = "a count and an acquisition meet a reset half-way; some order of the calls explains "
               "it all",
    .parameters = across_reset,
    .expectations = expect_across_reset,
    .setup = setup_history,
    .thread = search_across_reset,
    .check = check_history,
};

const treadle_scenario *const treadle_memory_store[] = {
    &check_then_add,
    &lost_append,
    &first_use,
    &independent_providers,
    &snapshot,
    &reset_against_add,
    &reset_one_against_add,
    &reset_cancelled,
    &acquire_cancelled,
    &clock_set_back,
    &expiry,
    &linearizable,
    &search_across_reset_row,
    &sequential_row,
    &boundary_row,
    NULL,
};
