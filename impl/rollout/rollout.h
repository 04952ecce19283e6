// SPDX-License-Identifier: MIT
#ifndef ROLLOUT_H
#define ROLLOUT_H

/*
 * A feature flag: which of two variants of a component serves a key, changed while both serve.
 *
 * The two arms are the original and its replacement. The share is the part of all keys, in parts
 * per ten thousand, that the replacement serves. Rolling back is setting it to 0.
 *
 * What a flag promises (`fixed`):
 *  - For one setting of the share, one key always has the same arm, in every process.
 *  - A larger share only adds keys to the replacement, a smaller one only takes keys from it.
 *  - Flags of different names choose different keys.
 *  - Setting the share takes effect for every decision that begins after it has returned.
 *  - After `errors_max` errors of the replacement under one setting the share is 0, and stays so
 *    until somebody sets it. A late error of an earlier setting cannot roll back a later one, and a
 *    ramp that was computed from an earlier setting cannot undo a roll-back.
 *
 * A flag decides, it does not move anything. What a component must do so that no slot is lost or
 * doubled when a key changes its arm is in the header of each component's switch.
 *
 * Ownership and threads: one flag serves many threads. `open` and `close` belong to one thread,
 * before the first and after the last use by any other. Strings passed in are not kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rollout_arm {
    ROLLOUT_ORIGINAL,
    ROLLOUT_REPLACEMENT,
    ROLLOUT_ARMS,
};

static inline enum rollout_arm rollout_other(enum rollout_arm arm)
{
    return arm == ROLLOUT_ORIGINAL ? ROLLOUT_REPLACEMENT : ROLLOUT_ORIGINAL;
}

#define ROLLOUT_SHARE_ALL 10000
#define ROLLOUT_ERRORS_MAX 65535

struct rollout_options {
    const char *name; /* for example "memory_store"; not NULL */
    int share;        /* 0 … ROLLOUT_SHARE_ALL */
    int errors_max;   /* roll back after so many errors; 0 = never; at most ROLLOUT_ERRORS_MAX */
};

struct rollout_decision {
    enum rollout_arm arm;
    uint32_t setting; /* under which it was decided */
};

struct rollout_state {
    int share;
    int errors;       /* of the replacement, under this setting */
    uint32_t setting; /* how often the share has been set, roll-backs included */
};

/* Each number is exact; they are not read all at one moment. */
struct rollout_counters {
    uint64_t calls[ROLLOUT_ARMS]; /* decisions */
    uint64_t errors;              /* of the replacement */
    uint64_t fall_backs;          /* calls in which the original was then asked */
    uint64_t rollbacks;           /* that the flag did by itself */
};

struct rollout_flag;

struct rollout_variant {
    const char *name;

    /* A new flag, or NULL with one line in `error`: memory is out or, for `fixed`, the options make
     * no sense. */
    struct rollout_flag *(*open)(const struct rollout_options *options, char *error,
                                 size_t error_size);

    /* Frees the flag. NULL is allowed. */
    void (*close)(struct rollout_flag *flag);

    /* Which arm serves the key now. */
    struct rollout_decision (*decide)(struct rollout_flag *flag, const char *key);

    /* From any thread, whatever else goes on. What is out of range is taken to the nearest end. */
    void (*set_share)(struct rollout_flag *flag, int share);

    /* For ramps: sets the share only when the setting is still the one that the ramp has looked
     * at. False when it is not: look again before going on. */
    bool (*ramp_share)(struct rollout_flag *flag, const struct rollout_state *seen, int share);

    struct rollout_state (*state)(const struct rollout_flag *flag);

    /* The replacement failed on a call that was so decided. Rolls back when it is one too many. */
    void (*note_error)(struct rollout_flag *flag, const struct rollout_decision *decision);

    /* The original is asked in place of a replacement that failed. */
    void (*note_fall_back)(struct rollout_flag *flag);

    void (*counters)(const struct rollout_flag *flag, struct rollout_counters *counters);
};

extern const struct rollout_variant rollout_naive;
extern const struct rollout_variant rollout_fixed;

/* What every switch does when the replacement failed on a call that was so decided, and the
 * original takes its place: notes the error and the fall-back. */
static inline void rollout_fall_back(const struct rollout_variant *flags, struct rollout_flag *flag,
                                     const struct rollout_decision *decision)
{
    flags->note_error(flag, decision);
    flags->note_fall_back(flag);
}

/* Every variant, `naive` first. */
extern const struct rollout_variant *const rollout_variants[];
extern const size_t rollout_variants_count;

/* The variant of that name, or NULL. */
const struct rollout_variant *rollout_find(const char *name);

#endif
