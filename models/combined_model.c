// SPDX-License-Identifier: MIT
#include "combined_model.h"

#include <assert.h>
#include <string.h>

void combined_model_init(struct combined_model *model, const struct combined_model_limits *limits)
{
    memset(model, 0, sizeof *model);
    model->limits = *limits;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t combined_model_window(const struct combined_model *model, int provider, int64_t now_ns)
{
    const struct combined_model_provider *state = &model->providers[provider];
    int64_t count = 0;
    for (int64_t i = 0; i < state->count; i++) {
        count += now_ns - state->passed_ns[i] < model->limits.window_ns;
    }
    return count;
}

int64_t combined_model_tokens(const struct combined_model *model, int provider, int64_t now_ns)
{
    const int64_t full_ns = later(model->providers[provider].full_at_ns, now_ns);
    const int64_t missing = full_ns - now_ns + model->limits.interval_ns - 1;
    return model->limits.burst - missing / model->limits.interval_ns;
}

static void insert(struct combined_model_provider *state, int64_t passed_ns)
{
    int64_t place = state->count++;
    for (; place > 0 && state->passed_ns[place - 1] > passed_ns; place--) {
        state->passed_ns[place] = state->passed_ns[place - 1];
    }
    state->passed_ns[place] = passed_ns;
}

bool combined_model_acquire(struct combined_model *model, int provider, int64_t now_ns,
                            int64_t deadline_ns, int64_t *passed_ns)
{
    const struct combined_model_limits *limits = &model->limits;
    struct combined_model_provider *state = &model->providers[provider];

    /* The first moment at which the bucket lacks at most burst - 1 tokens. */
    const int64_t due_ns =
        later(now_ns, state->full_at_ns - (limits->burst - 1) * limits->interval_ns);
    if (combined_model_window(model, provider, now_ns) >= limits->limit ||
        (due_ns > now_ns && due_ns > deadline_ns) || model->slots_out >= limits->slots ||
        state->count == COMBINED_MODEL_ENTRIES_MAX) {
        return false;
    }
    state->full_at_ns = later(state->full_at_ns, due_ns) + limits->interval_ns;
    insert(state, due_ns);
    model->slots_out++;
    if (passed_ns != NULL) {
        *passed_ns = due_ns;
    }
    return true;
}

void combined_model_release(struct combined_model *model)
{
    assert(model->slots_out > 0);
    model->slots_out--;
}

void combined_model_give_back(struct combined_model *model, int provider, int64_t passed_ns,
                              int64_t now_ns)
{
    struct combined_model_provider *state = &model->providers[provider];
    int64_t place = 0;

    while (place < state->count && state->passed_ns[place] != passed_ns) {
        place++;
    }
    assert(place < state->count);
    state->count--;
    memmove(&state->passed_ns[place], &state->passed_ns[place + 1],
            (size_t)(state->count - place) * sizeof state->passed_ns[0]);
    state->passed_ns[state->count] = 0;
    /* A bucket that has filled up meanwhile has no room for it. */
    const int64_t full_at_ns = later(state->full_at_ns - model->limits.interval_ns, 0);
    state->full_at_ns = state->full_at_ns > now_ns ? full_at_ns : state->full_at_ns;
    combined_model_release(model);
}
