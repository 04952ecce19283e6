// SPDX-License-Identifier: MIT
#ifndef METRICS_SWITCH_H
#define METRICS_SWITCH_H

/*
 * A metrics collector that is two: each request is recorded by one of two variants, as a flag
 * decides for its provider, and the flag may change at any moment.
 *
 * Each arm has a collector of its own, which keeps what it was told. What a switch promises
 * (`fixed`): every request is in one arm, once, and is read whatever the flag says by then; at
 * every quiescent point recorded = stored + dropped, over both arms; stopping drains both.
 *
 * When the replacement drops a request at once, the original records it in its place. If that drops
 * it, too, it is the request that is malformed, or the collector has ended: no error of the
 * replacement.
 *
 * Ownership and threads are those of metrics.h, but that both arms have the same options, hence
 * twice the memory. The flag is borrowed and outlives the switch.
 */

#include "../metrics/metrics.h"
#include "rollout.h"

struct metrics_switch_options {
    const struct metrics_variant *arms[ROLLOUT_ARMS];
    const struct rollout_variant *flags;
    struct rollout_flag *flag;
};

struct metrics_switch;

/* The functions of struct metrics_variant, over two arms. */
struct metrics_switch_variant {
    const char *name;
    struct metrics_switch *(*open)(const struct metrics_switch_options *options,
                                   const struct metrics_options *sizes, char *error,
                                   size_t error_size);
    void (*close)(struct metrics_switch *metrics);
    bool (*start)(struct metrics_switch *metrics);
    void (*stop)(struct metrics_switch *metrics);
    bool (*record)(struct metrics_switch *metrics, const char *provider, const char *agent,
                   double latency_s);
    /* The latest latency is that of the arm in charge, if it has one. */
    void (*read)(struct metrics_switch *metrics, const char *provider, const char *agent,
                 struct metrics_reading *reading);
    void (*counts)(struct metrics_switch *metrics, struct metrics_counts *counts);
};

extern const struct metrics_switch_variant metrics_switch_naive;
extern const struct metrics_switch_variant metrics_switch_fixed;

/* Every variant, `naive` first. */
extern const struct metrics_switch_variant *const metrics_switch_variants[];
extern const size_t metrics_switch_variants_count;

/* The variant of that name, or NULL. */
const struct metrics_switch_variant *metrics_switch_find(const char *name);

#endif
