// SPDX-License-Identifier: MIT
/*
 * What a metrics collector does when one request comes after another: a count and the last latency
 * of each pair of names. At most METRICS_MODEL_PAIRS_MAX pairs; names are borrowed.
 */
#ifndef TREADLE_MODELS_METRICS_MODEL_H
#define TREADLE_MODELS_METRICS_MODEL_H

#include <stddef.h>

#define METRICS_MODEL_PAIRS_MAX 8

struct metrics_model_pair {
    const char *provider;
    const char *agent;
    long long count;
    double latest_s;
};

struct metrics_model {
    size_t used;
    struct metrics_model_pair pairs[METRICS_MODEL_PAIRS_MAX];
};

/* All zero is a model without requests. */
void metrics_model_record(struct metrics_model *model, const char *provider, const char *agent,
                          double latency_s);

/* The pair's numbers; zero when nothing was recorded for it. */
struct metrics_model_pair metrics_model_read(const struct metrics_model *model,
                                             const char *provider, const char *agent);

#endif
