// SPDX-License-Identifier: MIT
#include "models/metrics_model.h"

#include <assert.h>
#include <string.h>

static struct metrics_model_pair *find(struct metrics_model *model, const char *provider,
                                       const char *agent)
{
    for (size_t i = 0; i < model->used; i++) {
        struct metrics_model_pair *pair = &model->pairs[i];
        if (strcmp(pair->provider, provider) == 0 && strcmp(pair->agent, agent) == 0) {
            return pair;
        }
    }
    return NULL;
}

void metrics_model_record(struct metrics_model *model, const char *provider, const char *agent,
                          double latency_s)
{
    struct metrics_model_pair *pair = find(model, provider, agent);
    if (pair == NULL) {
        assert(model->used < METRICS_MODEL_PAIRS_MAX);
        pair = &model->pairs[model->used++];
        *pair = (struct metrics_model_pair){.provider = provider, .agent = agent};
    }
    pair->count++;
    pair->latest_s = latency_s;
}

struct metrics_model_pair metrics_model_read(const struct metrics_model *model,
                                             const char *provider, const char *agent)
{
    const struct metrics_model_pair *pair = find((struct metrics_model *)model, provider, agent);
    return pair != NULL ? *pair : (struct metrics_model_pair){.provider = provider, .agent = agent};
}
