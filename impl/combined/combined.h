// SPDX-License-Identifier: MIT
#ifndef COMBINED_H
#define COMBINED_H

/*
 * The combined limiter: a request needs room in its provider's window, a token from its provider's
 * bucket and one of the slots that all providers share, in that order, and is then made.
 *
 * The window refuses at once when it is full. The bucket and the slots make the request wait, until
 * its deadline. Limits count the moment at which window and bucket have let a request pass; it may
 * then wait for its slot.
 *
 * Windows and buckets lie in this process (variants of COMBINED_MEMORY) or in Redis, shared by all
 * clients of the server (COMBINED_REDIS: the sorted set "window:PROVIDER", as sliding_window.h has
 * it, and the hash "bucket:PROVIDER" with `tokens` and `last_refill`). The slots are always this
 * process's own.
 *
 * Ownership and threads:
 *  1. One limiter serves many threads; how well is what the variants differ in. `open` and `close`
 *     belong to one thread, before the first and after the last use by any other.
 *  2. A permit belongs to the caller, all zero before `acquire`, and must not be moved between
 *     `acquire` and `release`. A permit that was not granted is empty, and releasing an empty
 *     permit does nothing; so does releasing one twice.
 *  3. On Redis each call borrows the caller's own connection, which nobody else may use meanwhile
 *     and which must live until the permit is released. What sliding_window.h says of connections
 *     holds here.
 *  4. Strings passed in are not kept, but for those in the options, which are copied.
 *  5. Deadlines are absolute times of CLOCK_MONOTONIC; NULL means to wait for as long as it takes.
 *
 * What is promised (`fixed`, `lockfree`): at most rpm requests of a provider pass in any window, no
 * more pass than the bucket has tokens, no more than max_concurrent permits are out; and whoever
 * does not get a permit (refused, late, failed, cancelled), or gives it back unused, leaves
 * everything as if they had not come, exactly once.
 */

#include "../rate_limit.h"
#include "../semaphore/semaphore.h"
#include "../token_bucket/token_bucket.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct combined_provider {
    const char *name;
    struct rate_limits window;
    struct token_bucket_limits bucket;
};

struct combined_options {
    const struct combined_provider *providers;
    size_t providers_count;
    long long max_concurrent;
};

struct combined_request {
    const char *provider;
    const struct timespec *deadline;
    redisContext *redis; /* COMBINED_REDIS only */
    /* COMBINED_REDIS only: names the request in the window; NULL = make one up. After RATE_ERROR
     * only the same id makes it safe to ask again (`fixed`). At most 63 bytes. */
    const char *id;
};

enum combined_outcome {
    COMBINED_DONE,
    COMBINED_FAILED,   /* the request was made, or may have been: it counts */
    COMBINED_NOT_SENT, /* it was never made: everything is given back */
};

#define COMBINED_ID_SIZE 64

/* Internal to the variants: by what a gate knows a pass again. */
struct gate_pass {
    uint64_t id;
    uint32_t slot;
    uint32_t record;
};

/* Internal to the variants. */
struct combined_permit {
    void *provider; /* NULL = empty */
    redisContext *redis;
    struct gate_pass pass;
    char id[COMBINED_ID_SIZE];
    long long passed_us; /* by the server's clock */
};

struct combined_snapshot {
    long long window;             /* requests in the provider's window */
    double tokens;                /* in its bucket */
    struct semaphore_stats slots; /* of all providers */
};

enum combined_backend { COMBINED_MEMORY, COMBINED_REDIS };

struct combined;

struct combined_variant {
    const char *name;
    enum combined_backend backend;

    /* A new limiter, or NULL with one line in `error`: memory is out or the configuration makes no
     * sense (for `fixed` and `lockfree`; max_concurrent for all). */
    struct combined *(*open)(const struct combined_options *options, char *error,
                             size_t error_size);

    /* Frees the limiter. NULL is allowed. */
    void (*close)(struct combined *limiter);

    /* RATE_ADMITTED: the permit is the caller's. RATE_REFUSED: over a limit now, or the deadline
     * would pass. RATE_ERROR: unknown provider, Redis or memory trouble. A cancellation point while
     * it waits. */
    enum rate_decision (*acquire)(struct combined *limiter, const struct combined_request *request,
                                  struct combined_permit *permit);

    /* Ends a request. */
    void (*release)(struct combined *limiter, struct combined_permit *permit,
                    enum combined_outcome outcome);

    /* Changes a provider's limits in use. False, with nothing changed and one line in `error`, when
     * they make no sense (`fixed`, `lockfree`), the provider is unknown or memory is out. */
    bool (*reconfigure)(struct combined *limiter, const struct combined_provider *provider,
                        char *error, size_t error_size);

    /* What there is now, for display; `redis` as in a request. False on error. */
    bool (*inspect)(struct combined *limiter, const char *provider, redisContext *redis,
                    struct combined_snapshot *snapshot);
};

extern const struct combined_variant combined_naive;
extern const struct combined_variant combined_proposed;
extern const struct combined_variant combined_fixed;
extern const struct combined_variant combined_lockfree;
extern const struct combined_variant combined_redis_naive;
extern const struct combined_variant combined_redis_proposed;
extern const struct combined_variant combined_redis_fixed;

/* Every variant, those in memory and `naive` first. */
extern const struct combined_variant *const combined_variants[];
extern const size_t combined_variants_count;

/* The variant of that name, or NULL. */
const struct combined_variant *combined_find(const char *name, enum combined_backend backend);

/* Acquires, calls `make_request`, and releases with the outcome that it returns. The decision tells
 * whether it was called. Cancelled inside `make_request`, the request counts as failed. */
enum rate_decision combined_run(const struct combined_variant *variant, struct combined *limiter,
                                const struct combined_request *request,
                                enum combined_outcome (*make_request)(void *context),
                                void *context);

#endif
