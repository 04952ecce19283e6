// SPDX-License-Identifier: MIT
#ifndef COMBINED_MODEL_H
#define COMBINED_MODEL_H

/*
 * What the combined limiter is supposed to do, as a sequential program: a request passes when its
 * provider's window has room and its bucket a token, and gets a permit when a slot is left. Whoever
 * gets no permit, or gives it back unused, leaves everything as it was.
 *
 *  - The window is that of window_model.h: an entry of age exactly the window has expired.
 *  - A full window refuses at once; for a token the request waits until its deadline, inclusive.
 *  - A request that has passed and finds no slot is refused: in a sequential world nobody returns
 *    one while it waits.
 *  - The bucket starts full, gains a token every `interval_ns` and holds `burst` of them.
 *
 * Times are nanoseconds, and need not increase from one call to the next: nothing is forgotten.
 *
 * A model is a plain value of bounded size without padding or pointers; equal models are equal
 * bytes. Functions are pure but for their first argument.
 */

#include <stdbool.h>
#include <stdint.h>

#define COMBINED_MODEL_PROVIDERS 2
#define COMBINED_MODEL_ENTRIES_MAX 32

struct combined_model_limits {
    int64_t limit; /* requests in a window */
    int64_t window_ns;
    int64_t burst;
    int64_t interval_ns;
    int64_t slots;
};

struct combined_model_provider {
    int64_t full_at_ns; /* of the bucket */
    int64_t count;
    int64_t passed_ns[COMBINED_MODEL_ENTRIES_MAX]; /* ascending; zero from `count` on */
};

struct combined_model {
    struct combined_model_limits limits;
    int64_t slots_out;
    struct combined_model_provider providers[COMBINED_MODEL_PROVIDERS];
};

/* Nothing in any window, buckets full at every time that is not negative, no slot out. */
void combined_model_init(struct combined_model *model, const struct combined_model_limits *limits);

/* A request at `now_ns`. When it gets its permit, *passed_ns (unless NULL) is when: now, or when
 * its token was there. At most COMBINED_MODEL_ENTRIES_MAX permits a provider; more are refused. */
bool combined_model_acquire(struct combined_model *model, int provider, int64_t now_ns,
                            int64_t deadline_ns, int64_t *passed_ns);

/* The request of that permit has been made. */
void combined_model_release(struct combined_model *model);

/* It has not: everything is given back. */
void combined_model_give_back(struct combined_model *model, int provider, int64_t passed_ns,
                              int64_t now_ns);

/* How many requests the window holds, and how many whole tokens the bucket, at `now_ns`. */
int64_t combined_model_window(const struct combined_model *model, int provider, int64_t now_ns);
int64_t combined_model_tokens(const struct combined_model *model, int provider, int64_t now_ns);

#endif
