// SPDX-License-Identifier: MIT
/* Rolling out and back a provider factory: names that are built, looked up and removed while the
 * arm changes. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "impl/rollout/provider_factory_switch.h"
#include "scenarios/registry.h"
#include "scenarios/rollout_fixture.h"

enum { OBJECTS_MAX = 16 };

static const struct provider_config CONFIG = {
    .name = "openai", .type = "plain", .model = "v1", .enabled = true};

typedef struct object {
    bool destroyed;
} object;

typedef struct fixture {
    const struct provider_factory_switch_variant *variant;
    struct provider_factory_switch *factory;
    struct rollout_flag *flag;
    struct provider_type type;
    int64_t threads;
    atomic_int failures; /* constructions that still fail */
    atomic_uint constructed;
    atomic_uint alive;
    atomic_uint alive_max;
    object objects[OBJECTS_MAX];
    struct provider_loan loans[TREADLE_ROLLOUT_THREADS_MAX];
} fixture;

/* A constructor that takes its time, as one that opens connections does. */
static void *construct(const struct provider_config *config, void *context, char *error,
                       size_t error_size)
{
    fixture *state = context;
    treadle_rollout_moment();
    if (atomic_fetch_sub(&state->failures, 1) > 0) {
        treadle_note("the constructor of %s fails", config->name);
        snprintf(error, error_size, "no connection");
        return NULL;
    }
    const uint32_t number = atomic_fetch_add(&state->constructed, 1);
    const uint32_t alive = atomic_fetch_add(&state->alive, 1) + 1;
    if (alive > state->alive_max) {
        state->alive_max = alive;
    }
    treadle_note("%s is built, instance %u", config->name, number + 1);
    return &state->objects[number % OBJECTS_MAX];
}

static void destroy(void *destroyed, void *context)
{
    fixture *state = context;
    ((object *)destroyed)->destroyed = true;
    atomic_fetch_sub(&state->alive, 1);
}

static fixture *open_arms(const treadle_run *run, int share)
{
    fixture *state = calloc(1, sizeof *state);
    char error[200];
    state->type =
        (struct provider_type){.name = "plain", .construct = construct, .destroy = destroy};
    const struct provider_factory_options types = {
        .types = &state->type, .type_count = 1, .context = state};
    state->variant = provider_factory_switch_find(run->variant);
    state->flag = treadle_rollout_flag(&rollout_fixed, share, 0);
    const struct provider_factory_switch_options options = {
        .arms = {&provider_factory_fixed, &provider_factory_lockfree},
        .flags = &rollout_fixed,
        .flag = state->flag};
    state->factory = state->variant->open(&options, &types, error, sizeof error);
    if (state->factory == NULL) {
        treadle_violation("setup", "the factory cannot be opened: %s", error);
    }
    state->threads = treadle_run_parameter(run, "threads");
    return state;
}

static void create(fixture *state, uint32_t index)
{
    char error[200];
    const enum provider_result result =
        state->variant->create(state->factory, &CONFIG, &state->loans[index], error, sizeof error);
    treadle_note("create: %s", provider_result_name(result));
}

static void put(fixture *state, uint32_t index)
{
    state->variant->put(state->factory, &state->loans[index]);
    state->loans[index] = (struct provider_loan){0};
}

/* Nobody holds a loan any more. */
static void close_arms(fixture *state)
{
    state->variant->close(state->factory);
    rollout_fixed.close(state->flag);
    if (state->alive != 0) {
        treadle_violation("leaked-instance", "%u instances were never destroyed", state->alive);
    }
}

/* All who have a loan have the same instance, nobody's is destroyed, and there never was a second.
 */
static void require_one(fixture *state)
{
    const void *first = NULL;
    bool different = false;
    for (int64_t i = 0; i < state->threads; i++) {
        const struct provider *provider = state->loans[i].provider;
        if (provider != NULL && ((const object *)provider->object)->destroyed) {
            treadle_violation("use-after-destroy", "a lent instance is destroyed");
        }
        first = first == NULL && provider != NULL ? provider->object : first;
        different |= provider != NULL && provider->object != first;
    }
    if (different || state->alive_max > 1) {
        treadle_violation("two-instances", "%u instances of %s alive at one time", state->alive_max,
                          CONFIG.name);
    }
}

static void check_one(void *context)
{
    fixture *state = context;
    require_one(state);
    for (uint32_t i = 0; i < state->threads; i++) {
        put(state, i);
    }
    close_arms(state);
}

/* ---- the operator ---------------------------------------------------------------------------- */

static void *setup_original(const treadle_run *run)
{
    return open_arms(run, 0);
}

static void switch_or_create(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_moment();
        treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
    } else {
        create(state, index);
    }
}

/* The name was built before. */
static void *setup_built(const treadle_run *run)
{
    fixture *state = open_arms(run, 0);
    create(state, 0);
    put(state, 0);
    return state;
}

static void switch_or_get(void *context, uint32_t index)
{
    fixture *state = context;
    if (index == 0) {
        treadle_rollout_share(state->flag, ROLLOUT_SHARE_ALL);
        return;
    }
    if (!state->variant->get(state->factory, CONFIG.name, &state->loans[index])) {
        treadle_violation("lost-instance", "%s is registered and cannot be found", CONFIG.name);
    }
}

/* And it can be removed, whatever the flag says: then it is gone from both. */
static void check_removed(void *context)
{
    fixture *state = context;
    require_one(state);
    for (uint32_t i = 0; i < state->threads; i++) {
        put(state, i);
    }
    if (!state->variant->remove(state->factory, CONFIG.name) || state->alive != 0) {
        treadle_violation("lost-instance", "%s cannot be removed, %u instances are alive",
                          CONFIG.name, state->alive);
    }
    create(state, 0);
    if (state->loans[0].arm != ROLLOUT_REPLACEMENT) {
        treadle_violation("stays-behind", "built anew, %s is still the original's", CONFIG.name);
    }
    put(state, 0);
    close_arms(state);
}

/* ---- a replacement that fails ---------------------------------------------------------------- */

/* One construction fails, in the replacement. */
static void *setup_failing(const treadle_run *run)
{
    fixture *state = open_arms(run, ROLLOUT_SHARE_ALL);
    atomic_store(&state->failures, 1);
    return state;
}

static void create_all(void *context, uint32_t index)
{
    create(context, index);
}

static void check_fall_back(void *context)
{
    fixture *state = context;
    for (int64_t i = 0; i < state->threads; i++) {
        if (state->loans[i].provider == NULL) {
            treadle_violation("no-instance", "a caller was given nothing");
        }
    }
    check_one(context);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_expectation expect_in_flight[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "two-instances", "each arm builds the name"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "a name belongs to the arm that builds it"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a name belongs to the arm that builds it"),
    {0},
};

static const treadle_expectation expect_lookup[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lost-instance", "looks into the other arm"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL, "looks into the name's arm"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "looks into the name's arm"),
    {0},
};

static const treadle_expectation expect_failing[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "two-instances",
                       "one falls back while another succeeds with the replacement"),
    TREADLE_MEMORY_ROW("fixed", AWAIT, HOLDS, NULL,
                       "who falls back waits for all who build, and takes what there is"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "who falls back waits for all who build"),
    {0},
};

static const treadle_scenario in_flight = {
    .name = "rollout/factory_in_flight",
    .summary = "clients create a name while the replacement takes over; one instance for all",
    .parameters = treadle_rollout_operator_and_clients,
    .expectations = expect_in_flight,
    .setup = setup_original,
    .thread = switch_or_create,
    .check = check_one,
};

static const treadle_scenario lookup = {
    .name = "rollout/factory_lookup",
    .summary = "a name built before the switch is found, and removed, after it",
    .parameters = treadle_rollout_operator_and_client,
    .expectations = expect_lookup,
    .setup = setup_built,
    .thread = switch_or_get,
    .check = check_removed,
};

static const treadle_scenario falls_back = {
    .name = "rollout/factory_fall_back",
    .summary = "the replacement fails to build once, with two at it; one instance for both",
    .parameters = treadle_rollout_two,
    .expectations = expect_failing,
    .setup = setup_failing,
    .thread = create_all,
    .check = check_fall_back,
};

const treadle_scenario *const treadle_rollout_provider_factory[] = {
    &in_flight,
    &lookup,
    &falls_back,
    NULL,
};
