// SPDX-License-Identifier: MIT
/*
 * Inspects what the rate limiters of a running deployment keep on their Redis server: the sorted
 * sets window:PROVIDER, the hashes bucket:PROVIDER, and the strings
 * bucket-request:LENGTH:PROVIDER:ID that say of a request that it took a token.
 *
 * Nothing is written, and nothing is asked that could hold the server up: keys are found by SCAN,
 * and looked at in small pipelines. The deployment goes on meanwhile, so a key may change between
 * two looks at it. A finding is reported only when no such change can have caused it:
 *  - over a limit: only entries up to the time of the first look are counted, in one window;
 *  - in the future: later than the server's clock after the look;
 *  - no TTL: neither at the first look nor at the second one.
 *
 * One call at a time on a connection; it blocks. Keys are foreign bytes of any kind.
 */
#ifndef TREADLE_CLI_INSPECT_H
#define TREADLE_CLI_INSPECT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum treadle_finding_kind {
    TREADLE_FINDING_OVER_LIMIT,   /* more requests in a window than may be */
    TREADLE_FINDING_NO_TTL,       /* would stay for ever */
    TREADLE_FINDING_IN_FUTURE,    /* a time later than the server's clock */
    TREADLE_FINDING_OUT_OF_RANGE, /* tokens below 0 or above the capacity */
    TREADLE_FINDING_BAD_VALUE,    /* a field that is missing or is no number */
    TREADLE_FINDING_WRONG_TYPE,   /* not what its name says */
    TREADLE_FINDING_ORPHAN,       /* of a provider that is not configured */
    TREADLE_FINDING_MAX_KEYS,     /* more keys than were looked at; of no key */
    TREADLE_FINDINGS,
} treadle_finding_kind;

/* "over-limit", … */
const char *treadle_finding_name(treadle_finding_kind kind);

/* Strings are borrowed for the call. */
typedef struct treadle_finding {
    treadle_finding_kind kind;
    const char *key; /* as on the server; NULL = of no key */
    size_t key_length;
    const char *message; /* one line; may hold foreign bytes, as the key may */
    double value;        /* NaN = none */
    double limit;        /* NaN = none */
} treadle_finding;

/* What is configured for one provider. NaN = not known. */
typedef struct treadle_provider_limits {
    double rpm;      /* requests in a window */
    double window_s; /* above 0 when rpm is given */
    double capacity; /* of the bucket, in tokens */
} treadle_provider_limits;

typedef struct treadle_inspection {
    const char *prefix; /* before "window:" and so on; NULL = none */
    uint64_t keys_max;  /* at least 1 */
    double skew_s;      /* how far in the future is not a finding yet */
    /* Limits of a provider; false when it is not configured. NULL: no configuration is known, and
     * neither limits nor orphans are checked. */
    bool (*limits)(const void *context, const char *provider, size_t length,
                   treadle_provider_limits *out);
    const void *limits_context;
    void (*found)(void *context, const treadle_finding *finding); /* sorted by key */
    void *context;
} treadle_inspection;

/* 0, and in *checked the number of keys that were there to be looked at. -1 with one line in
 * `error` when the server could not be asked to the end. */
int treadle_inspect(redisContext *redis, const treadle_inspection *inspection, uint64_t *checked,
                    char *error, size_t error_size);

#endif
