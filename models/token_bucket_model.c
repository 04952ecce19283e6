// SPDX-License-Identifier: MIT
#include "token_bucket_model.h"

static bool sensible(int64_t capacity, int64_t tokens, int64_t period_ns)
{
    return capacity >= 1 && tokens >= 0 && period_ns >= 1 && capacity <= INT64_MAX / period_ns;
}

static int64_t full(const struct token_bucket_model *model)
{
    return model->capacity * model->period_ns;
}

static void refill(struct token_bucket_model *model, int64_t now_ns)
{
    if (now_ns <= model->time_ns) {
        return;
    }
    const int64_t elapsed_ns = now_ns - model->time_ns;
    const int64_t missing = full(model) - model->level;
    const bool fills = model->tokens > 0 && elapsed_ns >= missing / model->tokens + 1;
    model->level = fills ? full(model) : model->level + elapsed_ns * model->tokens;
    model->time_ns = now_ns;
}

bool token_bucket_model_init(struct token_bucket_model *model, int64_t capacity, int64_t tokens,
                             int64_t period_ns, int64_t now_ns)
{
    if (!sensible(capacity, tokens, period_ns)) {
        return false;
    }
    *model = (struct token_bucket_model){
        .capacity = capacity,
        .tokens = tokens,
        .period_ns = period_ns,
        .level = capacity * period_ns,
        .time_ns = now_ns,
    };
    return true;
}

bool token_bucket_model_take(struct token_bucket_model *model, int64_t now_ns)
{
    refill(model, now_ns);
    if (model->level < model->period_ns) {
        return false;
    }
    model->level -= model->period_ns;
    return true;
}

int64_t token_bucket_model_wait_ns(struct token_bucket_model *model, int64_t now_ns)
{
    refill(model, now_ns);
    if (model->level >= model->period_ns) {
        return 0;
    }
    if (model->tokens == 0) {
        return TOKEN_BUCKET_MODEL_NEVER;
    }
    return (model->period_ns - model->level + model->tokens - 1) / model->tokens;
}

void token_bucket_model_give_back(struct token_bucket_model *model, int64_t now_ns)
{
    refill(model, now_ns);
    const int64_t room = full(model) - model->level;
    model->level += room < model->period_ns ? room : model->period_ns;
}

void token_bucket_model_reset(struct token_bucket_model *model, int64_t now_ns)
{
    refill(model, now_ns);
    model->level = full(model);
}

bool token_bucket_model_reconfigure(struct token_bucket_model *model, int64_t capacity,
                                    int64_t tokens, int64_t period_ns, int64_t now_ns)
{
    if (!sensible(capacity, tokens, period_ns)) {
        return false;
    }
    refill(model, now_ns);
    const int64_t whole = model->level / model->period_ns;
    const int64_t rest = model->level % model->period_ns;
    model->capacity = capacity;
    model->tokens = tokens;
    model->level = whole < capacity
                       ? whole * period_ns +
                             (int64_t)((double)rest / (double)model->period_ns * (double)period_ns)
                       : capacity * period_ns;
    model->period_ns = period_ns;
    return true;
}

int64_t token_bucket_model_available(struct token_bucket_model *model, int64_t now_ns)
{
    refill(model, now_ns);
    return model->level / model->period_ns;
}
