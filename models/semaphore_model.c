// SPDX-License-Identifier: MIT
#include "semaphore_model.h"

#include <assert.h>

bool semaphore_model_init(struct semaphore_model *model, int64_t max_concurrent)
{
    if (max_concurrent < 1) {
        return false;
    }
    *model = (struct semaphore_model){.max_concurrent = max_concurrent};
    return true;
}

static bool grant(struct semaphore_model *model)
{
    if (model->active >= model->max_concurrent) {
        return false;
    }
    model->active++;
    model->total_acquired++;
    return true;
}

static void leave(struct semaphore_model *model, size_t at)
{
    for (; at + 1 < model->waiting; at++) {
        model->line[at] = model->line[at + 1];
    }
    model->line[--model->waiting] = 0;
}

/* Grants a slot to the first in line if there are both; its id, else 0. */
static uint64_t serve(struct semaphore_model *model)
{
    if (model->waiting == 0 || !grant(model)) {
        return 0;
    }
    const uint64_t first = model->line[0];
    leave(model, 0);
    return first;
}

enum semaphore_model_answer semaphore_model_request(struct semaphore_model *model, uint64_t id)
{
    assert(id != 0);
    if (grant(model)) {
        return SEMAPHORE_MODEL_GRANTED;
    }
    if (model->waiting == SEMAPHORE_MODEL_LINE_MAX) {
        return SEMAPHORE_MODEL_FULL;
    }
    model->total_queued++;
    model->line[model->waiting++] = id;
    return SEMAPHORE_MODEL_WAITS;
}

bool semaphore_model_try(struct semaphore_model *model)
{
    const bool granted = grant(model);
    model->total_queued += !granted;
    return granted;
}

uint64_t semaphore_model_release(struct semaphore_model *model)
{
    assert(model->active > 0);
    model->active--;
    return serve(model);
}

bool semaphore_model_give_up(struct semaphore_model *model, uint64_t id)
{
    for (size_t i = 0; i < model->waiting; i++) {
        if (model->line[i] == id) {
            leave(model, i);
            return true;
        }
    }
    return false;
}

bool semaphore_model_resize(struct semaphore_model *model, int64_t max_concurrent, uint64_t *served,
                            size_t *count)
{
    *count = 0;
    if (max_concurrent < 1) {
        return false;
    }
    model->max_concurrent = max_concurrent;
    for (uint64_t id = serve(model); id != 0; id = serve(model)) {
        served[(*count)++] = id;
    }
    return true;
}

int64_t semaphore_model_available(const struct semaphore_model *model)
{
    return model->max_concurrent - model->active;
}
