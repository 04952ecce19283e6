// SPDX-License-Identifier: MIT

/*
 * The gate of `fixed`. The bucket is token_bucket/fixed.c; the window is here, and its mutex is
 * held across both. A request waits for its token outside, in the bucket's queue, and the clean-up
 * handler of that wait gives the room back.
 */

#include "gate.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const struct token_bucket_variant *const buckets = &token_bucket_fixed;

static void lock_gate(struct gate *gate)
{
    int failure = pthread_mutex_lock(&gate->lock);
    assert(failure == 0); /* a plain mutex fails only when it is not one */
    (void)failure;
}

static void unlock_gate(struct gate *gate)
{
    int failure = pthread_mutex_unlock(&gate->lock);
    assert(failure == 0);
    (void)failure;
}

static void set_window(struct gate *gate, const struct rate_limits *window)
{
    gate->window_ns = 1000 * rate_limits_window_us(window);
    gate->limit = (size_t)window->rpm;
}

static struct gate *locked_open(const struct rate_limits *window,
                                const struct token_bucket_limits *bucket, char *error,
                                size_t error_size)
{
    if (!rate_limits_validate(window, error, error_size)) {
        return NULL;
    }
    struct gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL || pthread_mutex_init(&gate->lock, NULL) != 0) {
        free(gate);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    set_window(gate, window);
    gate->bucket = buckets->open(bucket, error, error_size);
    if (gate->bucket == NULL) {
        pthread_mutex_destroy(&gate->lock);
        free(gate);
        return NULL;
    }
    return gate;
}

static void locked_close(struct gate *gate)
{
    if (gate == NULL) {
        return;
    }
    assert(gate->set_aside == 0);
    buckets->close(gate->bucket);
    pthread_mutex_destroy(&gate->lock);
    free(gate->passed_ns);
    free(gate);
}

/* ---- the window: the lock is held by the callers --------------------------------------------- */

static int64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: clock and pointer are good */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Of a monotonic clock: what has expired is at the beginning. */
static void remove_expired(struct gate *gate, int64_t now_ns)
{
    size_t expired = 0;
    while (expired < gate->count && now_ns - gate->passed_ns[expired] >= gate->window_ns) {
        expired++;
    }
    if (expired > 0) {
        gate->count -= expired;
        memmove(gate->passed_ns, gate->passed_ns + expired,
                gate->count * sizeof gate->passed_ns[0]);
    }
}

/* Memory for what is in the window, what is set aside, and one more. */
static bool reserve_one(struct gate *gate)
{
    if (gate->count + gate->set_aside < gate->capacity) {
        return true;
    }
    const size_t capacity = gate->capacity == 0 ? 8 : 2 * gate->capacity;
    int64_t *passed_ns = realloc(gate->passed_ns, capacity * sizeof *passed_ns);
    if (passed_ns == NULL) {
        return false;
    }
    gate->passed_ns = passed_ns;
    gate->capacity = capacity;
    return true;
}

static void enter_window(struct gate *gate, int64_t now_ns, struct gate_pass *pass)
{
    assert(gate->count < gate->capacity);
    gate->passed_ns[gate->count++] = now_ns;
    pass->id = (uint64_t)now_ns;
}

/* Of several that passed at one moment any will do. */
static void leave_window(struct gate *gate, int64_t passed_ns)
{
    for (size_t i = 0; i < gate->count; i++) {
        if (gate->passed_ns[i] == passed_ns) {
            gate->count--;
            memmove(gate->passed_ns + i, gate->passed_ns + i + 1,
                    (gate->count - i) * sizeof gate->passed_ns[0]);
            return;
        }
    }
}

/* ---- waiting for a token --------------------------------------------------------------------- */

static void give_room_back(void *argument)
{
    struct gate *gate = argument;
    lock_gate(gate);
    gate->set_aside--;
    unlock_gate(gate);
}

/* The token is there: the room that was set aside becomes a pass. */
static enum rate_decision settle(struct gate *gate, struct gate_pass *pass)
{
    lock_gate(gate);
    const int64_t now_ns = monotonic_ns();
    remove_expired(gate, now_ns);
    gate->set_aside--;
    const bool room = gate->count < gate->limit; /* unless it was lowered */
    if (room) {
        enter_window(gate, now_ns, pass);
    } else {
        buckets->give_back(gate->bucket);
    }
    unlock_gate(gate);
    return room ? RATE_ADMITTED : RATE_REFUSED;
}

static enum rate_decision wait_for_token(struct gate *gate, const struct timespec *deadline,
                                         struct gate_pass *pass)
{
    enum rate_decision decision;
    pthread_cleanup_push(give_room_back, gate);
    decision = buckets->acquire(gate->bucket, deadline);
    pthread_cleanup_pop(decision != RATE_ADMITTED);
    return decision == RATE_ADMITTED ? settle(gate, pass) : decision;
}

/* Whether there is no hope of a token by the deadline. A microsecond of doubt is left to the
 * bucket, which knows exactly. */
static bool too_late(const struct timespec *deadline, int64_t now_ns, double retry_after_s)
{
    if (deadline == NULL) {
        return false;
    }
    const double left_s =
        (double)deadline->tv_sec + 1e-9 * (double)deadline->tv_nsec - 1e-9 * (double)now_ns;
    return retry_after_s > left_s + 1e-6;
}

/* ---- passing --------------------------------------------------------------------------------- */

static enum rate_decision locked_pass(struct gate *gate, const struct timespec *deadline,
                                      struct gate_pass *pass)
{
    enum rate_decision decision = RATE_REFUSED;
    double retry_after_s;
    bool wait = false;

    lock_gate(gate);
    const int64_t now_ns = monotonic_ns();
    remove_expired(gate, now_ns);
    if (gate->count + gate->set_aside >= gate->limit) {
        decision = RATE_REFUSED;
    } else if (!reserve_one(gate)) {
        decision = RATE_ERROR;
    } else if (buckets->try_acquire(gate->bucket, &retry_after_s) == RATE_ADMITTED) {
        enter_window(gate, now_ns, pass);
        decision = RATE_ADMITTED;
    } else if (!too_late(deadline, now_ns, retry_after_s)) {
        gate->set_aside++;
        wait = true;
    }
    unlock_gate(gate);
    return wait ? wait_for_token(gate, deadline, pass) : decision;
}

static void locked_give_back(struct gate *gate, struct gate_pass *pass)
{
    lock_gate(gate);
    leave_window(gate, (int64_t)pass->id);
    buckets->give_back(gate->bucket);
    unlock_gate(gate);
}

static void locked_keep(struct gate *gate, struct gate_pass *pass)
{
    (void)gate;
    (void)pass;
}

static bool locked_reconfigure(struct gate *gate, const struct rate_limits *window,
                               const struct token_bucket_limits *bucket, char *error,
                               size_t error_size)
{
    if (!rate_limits_validate(window, error, error_size)) {
        return false;
    }
    lock_gate(gate);
    bool changed = buckets->reconfigure(gate->bucket, bucket, error, error_size);
    if (changed) {
        set_window(gate, window);
    }
    unlock_gate(gate);
    return changed;
}

static void locked_look(struct gate *gate, long long *window, double *tokens)
{
    lock_gate(gate);
    remove_expired(gate, monotonic_ns());
    *window = (long long)gate->count;
    *tokens = buckets->available(gate->bucket);
    unlock_gate(gate);
}

const struct gate_variant gate_locked = {
    .open = locked_open,
    .close = locked_close,
    .pass = locked_pass,
    .give_back = locked_give_back,
    .keep = locked_keep,
    .reconfigure = locked_reconfigure,
    .look = locked_look,
};
