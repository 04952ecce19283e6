// SPDX-License-Identifier: MIT

/*
 * The original: shared counters and lists, changed at once by whoever records. On one asyncio loop
 * that is correct, because nothing here awaits. Under threads updates and entries are lost, and a
 * reader sees half a request.
 */

#include "metrics_table.h"

#include <stdio.h>
#include <stdlib.h>

struct metrics {
    struct metrics_table table;
    long long recorded;
    long long stored;
};

static struct metrics *naive_open(const struct metrics_options *options, char *error,
                                  size_t error_size)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    metrics_table_init(&metrics->table, options->latencies_max ? options->latencies_max : 1000);
    return metrics;
}

static void naive_close(struct metrics *metrics)
{
    if (metrics != NULL) {
        metrics_table_destroy(&metrics->table);
        free(metrics);
    }
}

static bool naive_start(struct metrics *metrics)
{
    (void)metrics;
    return true;
}

static void naive_stop(struct metrics *metrics)
{
    (void)metrics;
}

static bool naive_record(struct metrics *metrics, const char *provider, const char *agent,
                         double latency_s)
{
    metrics->recorded++;
    const bool stored = provider != NULL && agent != NULL &&
                        metrics_table_store(&metrics->table, provider, agent, latency_s);
    metrics->stored += stored;
    return stored;
}

static void naive_read(struct metrics *metrics, const char *provider, const char *agent,
                       struct metrics_reading *reading)
{
    metrics_table_read(&metrics->table, provider, agent, reading);
}

static void naive_counts(struct metrics *metrics, struct metrics_counts *counts)
{
    *counts = (struct metrics_counts){.recorded = metrics->recorded,
                                      .stored = metrics->stored,
                                      .dropped = metrics->recorded - metrics->stored};
}

const struct metrics_variant metrics_naive = {
    .name = "naive",
    .open = naive_open,
    .close = naive_close,
    .start = naive_start,
    .stop = naive_stop,
    .record = naive_record,
    .read = naive_read,
    .counts = naive_counts,
};
