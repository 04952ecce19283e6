// SPDX-License-Identifier: MIT
#ifndef COMBINED_GATE_H
#define COMBINED_GATE_H

/*
 * One provider's window and bucket as one decision: a request passes when the window has room and
 * the bucket a token, and takes both or neither. Internal to this folder; gated.h makes a limiter
 * of gates and slots.
 *
 *  - A request that has to wait for its token does so with room in the window set aside for it, so
 *    that nobody waits for a token and is then refused by the window. (Only lowering rpm in use can
 *    do that.)
 *  - That wait is the only cancellation point; whoever is cancelled in it leaves nothing taken.
 *  - Ages are compared in whole nanoseconds of CLOCK_MONOTONIC.
 *
 * gate_locked decides in a critical section, gate_atomic by one compare-and-swap.
 */

#include "../rate_limit.h"
#include "../token_bucket/token_bucket.h"
#include "combined.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct gate;

struct gate_variant {
    /* NULL with one line in `error`: memory is out or the limits make no sense. */
    struct gate *(*open)(const struct rate_limits *window, const struct token_bucket_limits *bucket,
                         char *error, size_t error_size);

    /* Nobody may be waiting. NULL is allowed. */
    void (*close)(struct gate *gate);

    /* Passes, waiting for a token until the deadline. When admitted, *pass is the caller's, until
     * `give_back` or `keep`. RATE_ERROR: memory is out. */
    enum rate_decision (*pass)(struct gate *gate, const struct timespec *deadline,
                               struct gate_pass *pass);

    /* Takes back a pass that was not used. */
    void (*give_back)(struct gate *gate, struct gate_pass *pass);

    /* One that was used goes on counting until it expires. */
    void (*keep)(struct gate *gate, struct gate_pass *pass);

    bool (*reconfigure)(struct gate *gate, const struct rate_limits *window,
                        const struct token_bucket_limits *bucket, char *error, size_t error_size);

    /* How many passes are in the window, and how many tokens in the bucket, at one moment. */
    void (*look)(struct gate *gate, long long *window, double *tokens);
};

extern const struct gate_variant gate_locked;
extern const struct gate_variant gate_atomic;

#endif
