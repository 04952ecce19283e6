// SPDX-License-Identifier: MIT

/*
 * The flag that we stand behind: a key has a place, and everything that changes is one word.
 *
 * Policies:
 *  - A key's place, 0 to 9,999, is a hash of the flag's name and the key. The replacement serves
 *    the keys whose place is below the share. Hence the same arm every time, keys that move one
 *    way only when the share grows, and nothing to keep for each key.
 *  - Setting (32 bits), share and errors (16 each) are one atomic word, so that an error counts
 *    against the setting that it came from, and a ramp fails when the setting is no longer the one
 *    it looked at. The number of settings wraps after 2^32, errors stop at 65,535.
 *  - Setting the share, to whatever value, starts a new setting without errors.
 *  - The counters are for display. They are kept apart from the word and order nothing.
 */

#include "../name_table.h"
#include "rollout.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct rollout_flag {
    _Atomic uint64_t word;
    uint64_t salt;
    int errors_max;
    _Atomic uint64_t calls[ROLLOUT_ARMS];
    _Atomic uint64_t errors;
    _Atomic uint64_t fall_backs;
    _Atomic uint64_t rollbacks;
};

static uint64_t pack(struct rollout_state state)
{
    return (uint64_t)state.setting << 32 | (uint64_t)state.share << 16 | (uint64_t)state.errors;
}

static struct rollout_state unpack(uint64_t word)
{
    return (struct rollout_state){.setting = (uint32_t)(word >> 32),
                                  .share = (int)(word >> 16 & 0xffff),
                                  .errors = (int)(word & 0xffff)};
}

static bool valid(const struct rollout_options *options, char *error, size_t error_size)
{
    if (options->share < 0 || options->share > ROLLOUT_SHARE_ALL) {
        snprintf(error, error_size, "share is %d, must be from 0 to %d", options->share,
                 ROLLOUT_SHARE_ALL);
        return false;
    }
    if (options->errors_max < 0 || options->errors_max > ROLLOUT_ERRORS_MAX) {
        snprintf(error, error_size, "errors_max is %d, must be from 0 to %d", options->errors_max,
                 ROLLOUT_ERRORS_MAX);
        return false;
    }
    return true;
}

static struct rollout_flag *fixed_open(const struct rollout_options *options, char *error,
                                       size_t error_size)
{
    if (!valid(options, error, error_size)) {
        return NULL;
    }
    struct rollout_flag *flag = calloc(1, sizeof *flag);
    if (flag == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    atomic_init(&flag->word, pack((struct rollout_state){.share = options->share}));
    flag->salt = name_hash(options->name);
    flag->errors_max = options->errors_max;
    return flag;
}

static void fixed_close(struct rollout_flag *flag)
{
    free(flag);
}

static int place_of(const struct rollout_flag *flag, const char *key)
{
    /* Both are well mixed; the multiplication keeps their exclusive-or from being the same for
     * flags and keys of exchanged names. The upper 32 bits are then scaled. */
    uint64_t hash = (flag->salt * 0x9e3779b97f4a7c15 ^ name_hash(key)) * 0x9e3779b97f4a7c15;
    return (int)((hash >> 32) * ROLLOUT_SHARE_ALL >> 32);
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static struct rollout_decision fixed_decide(struct rollout_flag *flag, const char *key)
{
    struct rollout_state state = unpack(atomic_load(&flag->word));
    enum rollout_arm arm =
        place_of(flag, key) < state.share ? ROLLOUT_REPLACEMENT : ROLLOUT_ORIGINAL;

    count(&flag->calls[arm]);
    return (struct rollout_decision){.arm = arm, .setting = state.setting};
}

static uint64_t next_setting(uint64_t word, int share)
{
    int nearest = share < 0 ? 0 : share > ROLLOUT_SHARE_ALL ? ROLLOUT_SHARE_ALL : share;

    return pack((struct rollout_state){.setting = unpack(word).setting + 1, .share = nearest});
}

static void fixed_set_share(struct rollout_flag *flag, int share)
{
    uint64_t word = atomic_load(&flag->word);

    while (!atomic_compare_exchange_weak(&flag->word, &word, next_setting(word, share))) {
    }
}

static bool fixed_ramp_share(struct rollout_flag *flag, const struct rollout_state *seen, int share)
{
    uint64_t word = atomic_load(&flag->word);

    while (unpack(word).setting == seen->setting) {
        if (atomic_compare_exchange_weak(&flag->word, &word, next_setting(word, share))) {
            return true;
        }
    }
    return false;
}

static struct rollout_state fixed_state(const struct rollout_flag *flag)
{
    return unpack(atomic_load(&flag->word));
}

static void fixed_note_error(struct rollout_flag *flag, const struct rollout_decision *decision)
{
    uint64_t word = atomic_load(&flag->word);
    uint64_t changed;
    bool roll_back;

    count(&flag->errors);
    do {
        struct rollout_state state = unpack(word);
        if (state.setting != decision->setting || state.errors == ROLLOUT_ERRORS_MAX) {
            return;
        }
        state.errors++;
        roll_back = flag->errors_max > 0 && state.errors >= flag->errors_max;
        changed = roll_back ? next_setting(word, 0) : pack(state);
    } while (!atomic_compare_exchange_weak(&flag->word, &word, changed));
    if (roll_back) {
        count(&flag->rollbacks);
    }
}

static void fixed_note_fall_back(struct rollout_flag *flag)
{
    count(&flag->fall_backs);
}

static void fixed_counters(const struct rollout_flag *flag, struct rollout_counters *counters)
{
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        counters->calls[arm] = atomic_load_explicit(&flag->calls[arm], memory_order_relaxed);
    }
    counters->errors = atomic_load_explicit(&flag->errors, memory_order_relaxed);
    counters->fall_backs = atomic_load_explicit(&flag->fall_backs, memory_order_relaxed);
    counters->rollbacks = atomic_load_explicit(&flag->rollbacks, memory_order_relaxed);
}

const struct rollout_variant rollout_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = fixed_close,
    .decide = fixed_decide,
    .set_share = fixed_set_share,
    .ramp_share = fixed_ramp_share,
    .state = fixed_state,
    .note_error = fixed_note_error,
    .note_fall_back = fixed_note_fall_back,
    .counters = fixed_counters,
};
