// SPDX-License-Identifier: MIT
#ifndef WINDOW_MODEL_H
#define WINDOW_MODEL_H

/*
 * What a sliding-window rate limiter is supposed to do, as a sequential program.
 *
 * The exact sliding window: a request at time t is admitted if and only if fewer than `limit`
 * admitted requests have an age t - e < window. So
 *  - an entry of age exactly the window has expired;
 *  - an entry from the future (e > t: the clock was set back) counts;
 *  - a refused request is not charged;
 *  - a request whose id is in the window already is admitted again without a charge, and keeps its
 *    first time. Id 0 is no id.
 *
 * Times are seconds in a double, which is how callers have them, and are compared as the nearest
 * whole microsecond, which is what the limiters resolve. (In doubles 1060.1 - 1000.1 is less than
 * 60, which would move the boundary.) Their magnitude is at most WINDOW_MODEL_TIME_S_MAX.
 *
 * Times need not increase from one call to the next: a linearizability checker tries orders in
 * which they do not. Nothing is therefore forgotten unless window_model_forget() says that no
 * earlier time will be asked about; forgetting makes more states equal, hence searches shorter.
 *
 * A model is a plain value of bounded size and owns nothing: copy it, compare it, hash it, drop
 * it. Functions are pure but for their first argument, do no I/O, and hold no state elsewhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_MODEL_ENTRIES_MAX 128
#define WINDOW_MODEL_TIME_S_MAX 4e12 /* microseconds fit an int64_t, differences too */

enum window_model_answer {
    WINDOW_MODEL_ADMIT,
    WINDOW_MODEL_REFUSE,
    WINDOW_MODEL_FULL, /* would be admitted, but the model has no room: the history is too long */
};

struct window_model_entry {
    int64_t time_us;
    uint64_t id;
};

struct window_model {
    int64_t window_us;
    int64_t limit;
    size_t count;
    /* Ascending by time, then by id, so that equal sets of entries are equal arrays. Only the
     * first `count` mean anything. */
    struct window_model_entry entries[WINDOW_MODEL_ENTRIES_MAX];
};

/* An empty window. False when the limit is below 1, or the window is not from 1 us to
 * WINDOW_MODEL_TIME_S_MAX. */
bool window_model_init(struct window_model *model, long long limit, double window_s);

/* Check and charge, at time `now_s`. */
enum window_model_answer window_model_acquire(struct window_model *model, double now_s,
                                              uint64_t id);

/* How many entries count at `now_s`. */
size_t window_model_count(const struct window_model *model, double now_s);

/* Drops what has expired at `earliest_s`, the earliest time that will be asked about from now on.
 */
void window_model_forget(struct window_model *model, double earliest_s);

/* Back to the empty window. */
void window_model_reset(struct window_model *model);

/* Copies only the entries in use. */
void window_model_copy(struct window_model *to, const struct window_model *from);

/* Same configuration and same entries. Equal models have equal hashes. */
bool window_model_equal(const struct window_model *a, const struct window_model *b);
uint64_t window_model_hash(const struct window_model *model);

/*
 * The property itself, for histories of any length: whether more than `limit` of the `n` admission
 * times, in any order, lie in some half-open window [t, t + window_s). `*worst` (unless NULL)
 * receives the largest number in any such window. Takes n * n steps.
 */
bool window_model_over_admitted(const double *admitted_times, size_t n, long long limit,
                                double window_s, size_t *worst);

#endif
