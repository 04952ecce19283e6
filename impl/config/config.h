// SPDX-License-Identifier: MIT
#ifndef LIMITER_CONFIG_H
#define LIMITER_CONFIG_H

/*
 * The configuration of the limiters, in the YAML shape that the original system uses:
 *
 *     global:
 *       max_concurrent: 12     # requests at once, whatever their provider
 *     providers:
 *       openai:
 *         rpm: 100             # requests in a window
 *         burst: 20            # requests at once after a pause
 *         tpm: 90000           # language-model tokens in a window; optional, not limited here
 *         window_size: 60      # seconds, to the microsecond; optional, 60 when absent
 *
 * Anything else is refused with one line, `FILE:LINE: what is wrong, and what would be right`: an
 * unknown key, a key twice, a missing one, a value of the wrong type or out of range, a file that
 * is empty or not YAML. Numbers are plain decimals: "100" in quotes, 010, 1e3 and 1_000 are refused
 * rather than guessed at. (A file that cannot be read has no line: `FILE: reason`.)
 *
 * Ownership and threads:
 *  1. A configuration belongs to the caller, who frees it. It is never changed after it was read,
 *     so any number of threads may look at it.
 *  2. Nothing is kept between calls, and nothing is written but the result and the error.
 */

#include "../rate_limit.h"
#include "../token_bucket/token_bucket.h"

#include <stdbool.h>
#include <stddef.h>

#define LIMITER_CONFIG_BYTES_MAX ((size_t)1 << 20)
#define LIMITER_CONFIG_PROVIDERS_MAX ((size_t)1000)
#define LIMITER_CONFIG_NAME_MAX 64
#define LIMITER_CONFIG_CONCURRENT_MAX 1000000LL
#define LIMITER_CONFIG_BURST_MAX 1000000LL
#define LIMITER_CONFIG_TPM_MAX 1000000000000LL

struct limiter_provider {
    char name[LIMITER_CONFIG_NAME_MAX + 1]; /* printable, without blanks: it is part of keys */
    long long rpm;
    long long burst;
    long long tpm; /* 0 = not given */
    double window_s;
};

struct limiter_config {
    long long max_concurrent;
    size_t providers_count;             /* at least 1 */
    struct limiter_provider *providers; /* in the order of the file */
};

/* Reads a file. NULL, with one line in `error`, when it is refused or memory is out. */
struct limiter_config *limiter_config_read(const char *path, char *error, size_t error_size);

/* The same from memory; `name` stands for the file in errors. */
struct limiter_config *limiter_config_parse(const char *name, const char *text, size_t size,
                                            char *error, size_t error_size);

/* NULL is allowed. */
void limiter_config_free(struct limiter_config *config);

/* The provider of that name, or NULL. */
const struct limiter_provider *limiter_config_find(const struct limiter_config *config,
                                                   const char *provider);

/* What the sliding window is told: at most rpm in any window. */
struct rate_limits limiter_provider_window(const struct limiter_provider *provider);

/* What the token bucket is told: capacity = burst, rate = rpm / window. */
struct token_bucket_limits limiter_provider_bucket(const struct limiter_provider *provider);

#endif
