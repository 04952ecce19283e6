// SPDX-License-Identifier: MIT
/* Rolling out and back a semaphore: slots that are out while the arm changes, requests that wait,
 * a replacement that fails. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "impl/rollout/semaphore_switch.h"
#include "scenarios/registry.h"
#include "scenarios/rollout_fixture.h"

static const char *const KEY = "openai";

/* A deadline that has passed: take a slot if there is one, do not wait. */
static const struct timespec AT_ONCE = {0};

typedef struct fixture {
    const struct semaphore_switch_variant *variant;
    struct semaphore_switch *semaphore;
    struct rollout_flag *flag;
    long long max;
    int64_t threads;
    atomic_llong inside;
    struct semaphore_switch_slot slots[TREADLE_ROLLOUT_THREADS_MAX];
    enum rate_decision decisions[TREADLE_ROLLOUT_THREADS_MAX];
} fixture;

/* The replacement does not insist on a release having an acquire, so that what goes back to it by
 * mistake is seen in what it then grants. */
static fixture *open_arms(const treadle_run *run, long long max,
                          const struct semaphore_variant *replacement)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    const struct semaphore_options slots = {.max_concurrent = max};
    state->variant = semaphore_switch_find(run->variant);
    state->flag = treadle_rollout_flag(&rollout_fixed, 0, 0);
    const struct semaphore_switch_options options = {
        .arms = {&semaphore_fixed, replacement}, .flags = &rollout_fixed, .flag = state->flag};
    state->semaphore = state->variant->open(&options, &slots, error, sizeof error);
    if (state->semaphore == NULL) {
        treadle_violation("setup", "the semaphore cannot be opened: %s", error);
    }
    state->max = max;
    state->threads = treadle_run_parameter(run, "threads");
    for (size_t i = 0; i < TREADLE_ROLLOUT_THREADS_MAX; i++) {
        state->decisions[i] = RATE_ERROR; /* nobody has asked */
    }
    return state;
}

static void close_arms(fixture *state)
{
    state->variant->close(state->semaphore);
    rollout_fixed.close(state->flag);
}

static bool acquire(fixture *state, uint32_t index, const struct timespec *deadline)
{
    const enum rate_decision decision =
        state->variant->acquire(state->semaphore, KEY, deadline, &state->slots[index]);
    state->decisions[index] = decision;
    treadle_note("acquire: %s", rate_decision_name(decision));
    return decision == RATE_ADMITTED;
}

static void release(fixture *state, uint32_t index)
{
    treadle_note("release");
    state->variant->release(state->semaphore, &state->slots[index]);
}

/* A request that takes its time. */
static void request(fixture *state, uint32_t index)
{
    if (!acquire(state, index, NULL)) {
        return;
    }
    const long long inside = atomic_fetch_add(&state->inside, 1) + 1;
    if (inside > state->max) {
        treadle_violation("over-capacity", "%lld requests at once, the maximum is %lld", inside,
                          state->max);
    }
    treadle_rollout_moment();
    atomic_fetch_sub(&state->inside, 1);
    release(state, index);
}

/* All slots are back: as many as there should be can be had, in either arm, and no more. */
static void require_all_back(fixture *state)
{
    struct semaphore_stats stats;
    state->variant->stats(state->semaphore, &stats);
    for (int share = 0; share <= ROLLOUT_SHARE_ALL; share += ROLLOUT_SHARE_ALL) {
        treadle_rollout_share(state->flag, share);
        long long had = 0;
        while (had <= state->max && acquire(state, (uint32_t)had, &AT_ONCE)) {
            had++;
        }
        if (had < state->max) {
            treadle_violation("lost-slot", "nobody holds a slot: %lld of %lld can be had", had,
                              state->max);
        }
        if (had > state->max) {
            treadle_violation("doubled-slot", "%lld slots can be had, the maximum is %lld", had,
                              state->max);
        }
        for (long long i = 0; i < had; i++) {
            release(state, (uint32_t)i);
        }
    }
    if (stats.active != 0 || stats.available != state->max) {
        treadle_violation("wrong-snapshot", "nobody holds a slot: %lld active, %lld available",
                          stats.active, stats.available);
    }
}

static void check_all_back(void *context)
{
    fixture *state = context;
    require_all_back(state);
    close_arms(state);
}

/* ---- the operator ---------------------------------------------------------------------------- */

static void *setup_one_slot(const treadle_run *run)
{
    return open_arms(run, 1, &semaphore_proposed);
}

static void switch_or_request(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_moment();
        treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    } else {
        request(state, index);
    }
}

static void check_closed(void *context)
{
    close_arms(context);
}

/* One slot of two is out, from the original. */
static void *setup_slot_out(const treadle_run *run)
{
    fixture *state = open_arms(run, 2, &semaphore_proposed);
    acquire(state, 0, NULL);
    treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    return state;
}

/* It comes back while a client uses the replacement. */
static void release_or_request(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        release(state, 0);
    } else {
        request(state, index);
    }
}

/* ---- a replacement that fails ---------------------------------------------------------------- */

static atomic_int good;

static enum rate_decision acquire_first(struct global_semaphore *semaphore,
                                        const struct timespec *deadline)
{
    if (atomic_fetch_sub(&good, 1) <= 0) {
        return RATE_ERROR;
    }
    return semaphore_proposed.acquire(semaphore, deadline);
}

static struct semaphore_variant failing_variant;

/* The first request is served by the replacement, and holds the only slot; those after it fail. */
static void *setup_failing(const treadle_run *run)
{
    atomic_store(&good, 1);
    failing_variant = semaphore_proposed;
    failing_variant.name = "failing";
    failing_variant.acquire = acquire_first;
    fixture *state = open_arms(run, 1, &failing_variant);
    treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    return state;
}

static void hold_and_release(void *context, uint32_t index)
{
    if (acquire(context, index, NULL)) {
        treadle_rollout_moment();
        release(context, index);
    }
}

static void check_fall_back(void *context)
{
    fixture *state = context;
    atomic_store(&good, 100);
    require_all_back(state);
    close_arms(state);
}

/* ---- cancellation ---------------------------------------------------------------------------- */

static void *request_as_victim(void *context)
{
    acquire(context, 2, NULL);
    if (((fixture *)context)->decisions[2] == RATE_ADMITTED) {
        release(context, 2);
    }
    return NULL;
}

/* The only slot is out, from the original. A request for the replacement waits, and is cancelled,
 * with another behind it. */
static void *setup_waiting(const treadle_run *run)
{
    fixture *state = open_arms(run, 1, &semaphore_proposed);
    acquire(state, 0, NULL);
    treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    return state;
}

static void cancel_or_request(void *context, uint32_t index)
{
    fixture *state = context;
    pthread_t victim;
    if (index == 1) {
        request(state, 1);
        return;
    }
    if (pthread_create(&victim, NULL, request_as_victim, state) != 0) {
        return;
    }
    release(state, 0);
    pthread_cancel(victim);
    pthread_join(victim, NULL);
}

/* ---- two resizes ----------------------------------------------------------------------------- */

static void *setup_three_slots(const treadle_run *run)
{
    return open_arms(run, 3, &semaphore_fixed);
}

static void resize(void *context, uint32_t index)
{
    fixture *state = context;
    const bool resized = state->variant->resize(state->semaphore, 1 + (long long)index);
    treadle_note("resize to %u: %s", index + 1, resized ? "done" : "refused");
}

/* How many slots can be had while that many are out. */
static long long slots_had(fixture *state, int share, long long out)
{
    treadle_rollout_share(state->flag, share);
    long long had = out;
    while (had < TREADLE_ROLLOUT_THREADS_MAX && acquire(state, (uint32_t)had, &AT_ONCE)) {
        had++;
    }
    for (long long i = out; i < had; i++) {
        release(state, (uint32_t)i);
    }
    return had;
}

/* Either arm has as many as the snapshot says, and both together have. (But for naive, whose arms
 * know nothing of each other.) */
static void check_resized(void *context)
{
    fixture *state = context;
    struct semaphore_stats stats;
    state->variant->stats(state->semaphore, &stats);
    const long long original = slots_had(state, 0, 0);
    const long long replacement = slots_had(state, ROLLOUT_SHARE_ALL, 0);
    long long both = original;
    if (state->variant != &semaphore_switch_naive) {
        treadle_rollout_share(state->flag, 0);
        acquire(state, 0, &AT_ONCE);
        both = slots_had(state, ROLLOUT_SHARE_ALL, 1);
        release(state, 0);
    }
    close_arms(state);
    if (original != replacement || original != both || original != stats.max_concurrent) {
        treadle_violation("torn-limits",
                          "one arm has %lld slots, the other %lld, both %lld; the maximum is %lld",
                          original, replacement, both, stats.max_concurrent);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter pair[] = {{"threads", 2, 2, 2, "threads"}, {0}};

static const treadle_expectation expect_in_flight[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "over-capacity", "each arm has slots of its own"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "one too many waits before both arms"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one too many waits before both arms"),
    {0},
};

static const treadle_expectation expect_released[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-slot",
                       "a slot of the original is released to the replacement"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a slot remembers its arm"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a slot remembers its arm"),
    {0},
};

static const treadle_expectation expect_failing[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-slot",
                       "the slot that the original granted is released to the replacement"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a slot remembers who granted it"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a slot remembers who granted it"),
    {0},
};

static const treadle_expectation expect_cancelled[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-slot",
                       "a slot of the original is released to the replacement"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a clean-up handler leaves the line"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a clean-up handler leaves the line"),
    {0},
};

static const treadle_expectation expect_resizes[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "torn-limits",
                       "one resize comes between the other's two arms"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "arms and line are resized under one lock"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "arms and line are resized under one lock"),
    {0},
};

static const treadle_scenario in_flight = {
    .name = "rollout/semaphore_in_flight",
    .summary = "requests hold the only slot while the replacement takes over; one at a time",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_in_flight,
    .setup = setup_one_slot,
    .thread = switch_or_request,
    .check = check_closed,
};

static const treadle_scenario released_after_switch = {
    .name = "rollout/semaphore_released_after_switch",
    .summary = "a slot is acquired before the switch and released after it; none lost or doubled",
    .parameters = treadle_rollout_two,
    .expectations = expect_released,
    .setup = setup_slot_out,
    .thread = release_or_request,
    .check = check_all_back,
};

static const treadle_scenario falls_back = {
    .name = "rollout/semaphore_fall_back",
    .summary = "the replacement grants a slot and then fails; every slot comes back to its arm",
    .parameters = treadle_rollout_two,
    .expectations = expect_failing,
    .setup = setup_failing,
    .thread = hold_and_release,
    .check = check_fall_back,
};

static const treadle_scenario cancelled_in_line = {
    .name = "rollout/semaphore_cancelled_in_line",
    .summary = "a request waits for the switch and is cancelled; the one behind it gets the slot",
    .parameters = pair,
    .expectations = expect_cancelled,
    .setup = setup_waiting,
    .thread = cancel_or_request,
    .check = check_all_back,
};

static const treadle_scenario two_resizes = {
    .name = "rollout/semaphore_two_resizes",
    .summary = "two resize at once; both arms, and both together, have as many slots as one says",
    .parameters = pair,
    .expectations = expect_resizes,
    .setup = setup_three_slots,
    .thread = resize,
    .check = check_resized,
};

const treadle_scenario *const treadle_rollout_semaphore[] = {
    &in_flight, &released_after_switch, &falls_back, &cancelled_in_line, &two_resizes, NULL,
};
