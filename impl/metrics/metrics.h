// SPDX-License-Identifier: MIT
#ifndef METRICS_H
#define METRICS_H

/*
 * The metrics collector: how many requests of each (provider, agent) succeeded, and how long they
 * took. Recording is cheap; a background processor, a thread of the collector's, stores what was
 * recorded (all variants but `naive`, which stores at once).
 *
 * Ownership and threads:
 *  1. One collector serves many threads; how well is what the variants differ in. `open`, `start`,
 *     `stop` and `close` belong to one thread. `start` and `stop` come in pairs, at most one pair.
 *  2. Names are copied. A recording without a provider or an agent (NULL) is malformed.
 *
 * What it promises (`fixed`, `lockfree`): one request is stored whole or not at all, and a reader
 * sees it so; at every quiescent point recorded = stored + dropped; memory is bounded by the
 * options and the number of names; two different pairs of names never share a count.
 */

#include <stdbool.h>
#include <stddef.h>

struct metrics_options {
    size_t queue_max;     /* requests waiting to be stored; 0 = 4096 (not in `proposed`) */
    size_t latencies_max; /* kept of each (provider, agent), the last ones; 0 = 1000 */
    size_t batch_max;     /* messages that `proposed` stores at once; 0 = 100 */
};

/* Of one (provider, agent). */
struct metrics_reading {
    long long successes;
    long long latencies; /* recorded with a success, whether or not still kept */
    size_t kept;         /* numbers held in memory for it */
    double latest_s;     /* the last latency; 0 when there is none */
};

/* In requests. */
struct metrics_counts {
    long long recorded; /* by record(), malformed ones included */
    long long stored;
    long long dropped; /* for want of room, malformed, or after stop */
    size_t pending;    /* waiting in the queue */
    size_t held_back;  /* taken from the queue by a processor that now waits for more */
};

struct metrics;

struct metrics_variant {
    const char *name;

    /* A new collector, or NULL with one line in `error` when memory is out. */
    struct metrics *(*open)(const struct metrics_options *options, char *error, size_t error_size);

    /* Frees the collector. NULL is allowed. */
    void (*close)(struct metrics *metrics);

    /* Starts and ends the background processor. False when it cannot be started. What `stop` does
     * with what is still queued is what the variants differ in. */
    bool (*start)(struct metrics *metrics);
    void (*stop)(struct metrics *metrics);

    /* One request succeeded and took so long. False when it was dropped at once. */
    bool (*record)(struct metrics *metrics, const char *provider, const char *agent,
                   double latency_s);

    /* What is stored for a pair of names; all zero when nothing is. */
    void (*read)(struct metrics *metrics, const char *provider, const char *agent,
                 struct metrics_reading *reading);

    void (*counts)(struct metrics *metrics, struct metrics_counts *counts);
};

extern const struct metrics_variant metrics_naive;
extern const struct metrics_variant metrics_proposed;
extern const struct metrics_variant metrics_fixed;
extern const struct metrics_variant metrics_lockfree;

/* Every variant, `naive` first. */
extern const struct metrics_variant *const metrics_variants[];
extern const size_t metrics_variants_count;

/* The variant of that name, or NULL. */
const struct metrics_variant *metrics_find(const char *name);

#endif
