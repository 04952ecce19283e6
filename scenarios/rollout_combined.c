// SPDX-License-Identifier: MIT
/* Rolling out and back the combined limiter: windows, buckets and slots, all three, while the arm
 * changes. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "impl/rollout/combined_switch.h"
#include "scenarios/registry.h"
#include "scenarios/rollout_fixture.h"

static const char *const PROVIDER = "openai";

/* A deadline that has passed: what there is, without waiting. */
static const struct timespec AT_ONCE = {0};

typedef struct fixture {
    const struct combined_switch_variant *variant;
    struct combined_switch *limiter;
    struct rollout_flag *flag;
    long long rpm;
    long long max;
    int64_t threads;
    atomic_llong admitted;
    atomic_llong inside;
    struct combined_switch_permit permits[TREADLE_ROLLOUT_THREADS_MAX];
} fixture;

static fixture *open_arms(const treadle_run *run, long long rpm, long long max,
                          const struct combined_variant *replacement)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    const struct combined_provider provider = {
        .name = PROVIDER,
        .window = {.rpm = rpm, .window_s = 60},
        .bucket = {.capacity = 10, .rate_per_s = 0},
    };
    const struct combined_options limits = {
        .providers = &provider, .providers_count = 1, .max_concurrent = max};
    state->variant = combined_switch_find(run->variant);
    state->flag = treadle_rollout_flag(&rollout_fixed, 0, 0);
    const struct combined_switch_options options = {
        .arms = {&combined_fixed, replacement}, .flags = &rollout_fixed, .flag = state->flag};
    state->limiter = state->variant->open(&options, &limits, error, sizeof error);
    if (state->limiter == NULL) {
        treadle_violation("setup", "the limiter cannot be opened: %s", error);
    }
    state->rpm = rpm;
    state->max = max;
    state->threads = treadle_run_parameter(run, "threads");
    return state;
}

static void close_arms(fixture *state)
{
    state->variant->close(state->limiter);
    rollout_fixed.close(state->flag);
}

static bool acquire(fixture *state, uint32_t index, const struct timespec *deadline)
{
    const struct combined_request request = {.provider = PROVIDER, .deadline = deadline};
    const enum rate_decision decision =
        state->variant->acquire(state->limiter, &request, &state->permits[index]);
    treadle_note("acquire: %s", rate_decision_name(decision));
    return decision == RATE_ADMITTED;
}

static void release(fixture *state, uint32_t index, enum combined_outcome outcome)
{
    state->variant->release(state->limiter, &state->permits[index], outcome);
}

/* A request that takes its time. */
static void make_request(fixture *state, uint32_t index)
{
    if (!acquire(state, index, NULL)) {
        return;
    }
    atomic_fetch_add(&state->admitted, 1);
    const long long inside = atomic_fetch_add(&state->inside, 1) + 1;
    if (inside > state->max) {
        treadle_violation("over-capacity", "%lld requests at once, the maximum is %lld", inside,
                          state->max);
    }
    treadle_rollout_moment();
    atomic_fetch_sub(&state->inside, 1);
    release(state, index, COMBINED_DONE);
}

/* Asks until refused, in either arm: as many were admitted as the window has room for, and the
 * window knows of them. */
static void check_window(void *context)
{
    fixture *state = context;
    struct combined_snapshot snapshot = {0};
    long long sum = state->admitted;
    for (int share = 0; share <= ROLLOUT_SHARE_ALL; share += ROLLOUT_SHARE_ALL) {
        treadle_rollout_share(state->flag, share);
        while (sum <= state->rpm && acquire(state, 0, &AT_ONCE)) {
            release(state, 0, COMBINED_DONE);
            sum++;
        }
    }
    state->variant->inspect(state->limiter, PROVIDER, &snapshot);
    close_arms(state);
    if (sum > state->rpm) {
        treadle_violation("over-admission", "%lld admitted in one window at limit %lld", sum,
                          state->rpm);
    }
    if (sum < state->rpm) {
        treadle_violation("under-admission", "only %lld admitted in one window at limit %lld", sum,
                          state->rpm);
    }
    if (snapshot.window != sum || snapshot.slots.active != 0) {
        treadle_violation("wrong-snapshot", "%lld admitted and none under way; %lld and %lld shown",
                          sum, snapshot.window, snapshot.slots.active);
    }
}

static void check_closed(void *context)
{
    close_arms(context);
}

/* ---- the operator ---------------------------------------------------------------------------- */

static void switch_or_request(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_moment();
        treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    } else {
        make_request(state, index);
    }
}

static void *setup_one_request(const treadle_run *run)
{
    return open_arms(run, 1, 5, &combined_proposed);
}

static void *setup_one_slot(const treadle_run *run)
{
    return open_arms(run, 10, 1, &combined_proposed);
}

/* ---- permits that come back unused ----------------------------------------------------------- */

/* One permit is out, from before the switch, and one from after it. */
static void *setup_permits_out(const treadle_run *run)
{
    fixture *state = open_arms(run, 2, 5, &combined_fixed);
    acquire(state, 0, &AT_ONCE);
    treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    acquire(state, 1, &AT_ONCE);
    return state;
}

static void give_back_or_roll_back(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        release(state, 0, COMBINED_NOT_SENT);
        treadle_rollout_share(state->flag, 0);
    } else {
        release(state, index, COMBINED_NOT_SENT);
    }
}

/* ---- a replacement that fails ---------------------------------------------------------------- */

static atomic_int good;

static enum rate_decision acquire_first(struct combined *limiter,
                                        const struct combined_request *request,
                                        struct combined_permit *permit)
{
    if (atomic_fetch_sub(&good, 1) <= 0) {
        return RATE_ERROR;
    }
    return combined_fixed.acquire(limiter, request, permit);
}

static struct combined_variant failing_variant;

static void *setup_failing(const treadle_run *run)
{
    atomic_store(&good, 1);
    failing_variant = combined_fixed;
    failing_variant.name = "failing";
    failing_variant.acquire = acquire_first;
    fixture *state = open_arms(run, 2, 5, &failing_variant);
    treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    return state;
}

static void request_all(void *context, uint32_t index)
{
    make_request(context, index);
}

/* ---- cancellation ---------------------------------------------------------------------------- */

static void *request_as_victim(void *context)
{
    make_request(context, 1);
    return NULL;
}

/* A replacement that makes every request wait. */
static enum rate_decision acquire_slowly(struct combined *limiter,
                                         const struct combined_request *request,
                                         struct combined_permit *permit)
{
    treadle_rollout_moment();
    return combined_fixed.acquire(limiter, request, permit);
}

static struct combined_variant slow_variant;

static void *setup_slow(const treadle_run *run)
{
    slow_variant = combined_fixed;
    slow_variant.name = "slow";
    slow_variant.acquire = acquire_slowly;
    fixture *state = open_arms(run, 2, 1, &slow_variant);
    treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    return state;
}

static void cancel_and_request(void *context, uint32_t index)
{
    fixture *state = context;
    pthread_t victim;
    (void)index;
    if (pthread_create(&victim, NULL, request_as_victim, state) != 0) {
        return;
    }
    pthread_cancel(victim);
    pthread_join(victim, NULL);
    /* Cancelled in the request itself, it keeps its permit: then that is to be given back here. */
    release(state, 1, COMBINED_FAILED);
}

static void check_cancelled(void *context)
{
    check_window(context);
}

/* ---- two reconfigurations -------------------------------------------------------------------- */

static void *setup_three_requests(const treadle_run *run)
{
    return open_arms(run, 3, 5, &combined_fixed);
}

static void reconfigure(void *context, uint32_t index)
{
    fixture *state = context;
    char error[200] = "";
    const struct combined_provider provider = {
        .name = PROVIDER,
        .window = {.rpm = 1 + (long long)index, .window_s = 60},
        .bucket = {.capacity = 10, .rate_per_s = 0},
    };
    const bool changed =
        state->variant->reconfigure(state->limiter, &provider, error, sizeof error);
    treadle_note("rpm %u: %s", index + 1, changed ? "done" : error);
}

/* How many requests the window has room for; they are not made. */
static long long room_in_window(fixture *state, int share)
{
    long long had = 0;
    treadle_rollout_share(state->flag, share);
    while (had < TREADLE_ROLLOUT_THREADS_MAX && acquire(state, (uint32_t)had, &AT_ONCE)) {
        had++;
    }
    for (long long i = 0; i < had; i++) {
        release(state, (uint32_t)i, COMBINED_NOT_SENT);
    }
    return had;
}

/* The replacement has as much room as the original. */
static void check_reconfigured(void *context)
{
    fixture *state = context;
    const long long original = room_in_window(state, 0);
    const long long replacement = room_in_window(state, ROLLOUT_SHARE_ALL);
    close_arms(state);
    if (original != replacement) {
        treadle_violation("torn-limits", "one arm admits %lld requests, the other %lld", original,
                          replacement);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_expectation expect_window[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "over-admission", "the other window is empty"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "the original admits every request"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the original admits every request"),
    {0},
};

static const treadle_expectation expect_slots[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "over-capacity", "each arm has slots of its own"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "every request has a slot of the original"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "every request has a slot of the original"),
    {0},
};

static const treadle_expectation expect_given_back[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "over-admission",
                       "both arms have room for what comes next"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL,
                       "a permit gives back to each arm that it is from"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "a permit gives back to each arm that it is from"),
    {0},
};

static const treadle_expectation expect_failing[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "over-admission",
                       "the original knows nothing of what the replacement admitted"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "the original has admitted it already"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "the original has admitted it already"),
    {0},
};

static const treadle_expectation expect_cancelled[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "over-admission",
                       "both arms have room for what comes next"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL,
                       "a clean-up handler gives back to the original"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a clean-up handler gives back to the original"),
    {0},
};

static const treadle_expectation expect_reconfigured[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "torn-limits",
                       "one change comes between the other's two arms"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "both arms are changed under one lock"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "both arms are changed under one lock"),
    {0},
};

static const treadle_parameter pair[] = {{"threads", 2, 2, 2, "threads"}, {0}};

static const treadle_scenario window_in_flight = {
    .name = "rollout/combined_window",
    .summary = "requests are made while the replacement takes over; one window for both arms",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_window,
    .setup = setup_one_request,
    .thread = switch_or_request,
    .check = check_window,
};

static const treadle_scenario slots_in_flight = {
    .name = "rollout/combined_slots",
    .summary = "requests hold the only slot while the replacement takes over; one at a time",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_slots,
    .setup = setup_one_slot,
    .thread = switch_or_request,
    .check = check_closed,
};

static const treadle_scenario given_back = {
    .name = "rollout/combined_given_back",
    .summary = "permits from before and after the switch come back unused; all is as before",
    .parameters = pair,
    .expectations = expect_given_back,
    .setup = setup_permits_out,
    .thread = give_back_or_roll_back,
    .check = check_window,
};

static const treadle_scenario falls_back = {
    .name = "rollout/combined_fall_back",
    .summary = "the replacement admits one and then fails; the original has one left to admit",
    .parameters = treadle_rollout_two,
    .expectations = expect_failing,
    .setup = setup_failing,
    .thread = request_all,
    .check = check_window,
};

static const treadle_scenario cancelled = {
    .name = "rollout/combined_cancelled",
    .summary = "a request is cancelled while the replacement makes it wait; nothing stays taken",
    .parameters = treadle_rollout_one,
    .expectations = expect_cancelled,
    .setup = setup_slow,
    .thread = cancel_and_request,
    .check = check_cancelled,
};

static const treadle_scenario two_reconfigurations = {
    .name = "rollout/combined_two_reconfigurations",
    .summary = "two change the limits at once; both arms have the limits of one of them",
    .parameters = pair,
    .expectations = expect_reconfigured,
    .setup = setup_three_requests,
    .thread = reconfigure,
    .check = check_reconfigured,
};

const treadle_scenario *const treadle_rollout_combined[] = {
    &window_in_flight, &slots_in_flight,      &given_back, &falls_back,
    &cancelled,        &two_reconfigurations, NULL,
};
