// SPDX-License-Identifier: MIT
#ifndef COMBINED_GATE_H
#define COMBINED_GATE_H

/*
 * One provider's window and bucket as one decision: a request passes when the window has room and
 * the bucket a token, and takes both or neither. Internal to this folder; the policies are those
 * that fixed.c states.
 *
 * The bucket is token_bucket/fixed.c; the window is here, and its mutex is held across both. A
 * request that has to wait for its token does so outside, in the bucket's queue, with room in the
 * window set aside for it, so that nobody waits for a token and is then refused by the window.
 * (Only lowering rpm in use can do that.)
 *
 * The only cancellation point is that wait, and its clean-up handler gives the room back.
 */

#include "../rate_limit.h"
#include "../token_bucket/token_bucket.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct gate {
    pthread_mutex_t lock; /* held before the bucket's own, never after */
    struct token_bucket *bucket;
    int64_t window_ns;
    size_t limit;
    int64_t *passed_ns; /* of CLOCK_MONOTONIC, in order */
    size_t count;
    size_t capacity;
    size_t set_aside; /* for those who wait for a token */
};

/* False with one line in `error`. */
bool gate_open(struct gate *gate, const struct rate_limits *window,
               const struct token_bucket_limits *bucket, char *error, size_t error_size);

/* Nobody may be waiting. */
void gate_close(struct gate *gate);

/* Passes, waiting for a token until the deadline. When admitted, *passed_ns is what
 * gate_give_back() wants. */
enum rate_decision gate_pass(struct gate *gate, const struct timespec *deadline,
                             int64_t *passed_ns);

/* Takes back a pass that was not used. */
void gate_give_back(struct gate *gate, int64_t passed_ns);

bool gate_reconfigure(struct gate *gate, const struct rate_limits *window,
                      const struct token_bucket_limits *bucket, char *error, size_t error_size);

/* How many passes are in the window, and how many tokens in the bucket. */
void gate_look(struct gate *gate, long long *window, double *tokens);

#endif
