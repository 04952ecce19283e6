// SPDX-License-Identifier: MIT
#ifndef COMBINED_REDIS_BUCKET_H
#define COMBINED_REDIS_BUCKET_H

/*
 * The original's token bucket in Redis: a hash "bucket:PROVIDER" with `tokens` and `last_refill`,
 * and a script that refills and takes. Internal to this folder; for `naive` and `proposed`, faults
 * included:
 *  - the time is the client's: a fast clock refills the bucket early;
 *  - the state expires 300 s after the last request, and an absent bucket is full, so a bucket that
 *    takes longer to fill is refilled early;
 *  - who waits is promised nothing: all ask again at the same time.
 */

#include "combined.h"

/* Takes a token, waiting for one until the deadline. */
enum rate_decision redis_bucket_acquire(redisContext *redis, const struct combined_provider *limits,
                                        const struct timespec *deadline);

#endif
