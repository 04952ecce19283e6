// SPDX-License-Identifier: MIT

/*
 * The flag as one writes it first: a percentage that each request is held against.
 *
 * Its faults:
 *  - The arm is drawn by lot for each request, so one key goes to and fro between the arms. In one
 *    process that only spreads its state over both; with a share that changes nothing is monotone.
 *  - Nothing synchronises: of two errors noted at once one is lost, so that the roll-back comes
 *    late or never.
 *  - A ramp sets the share that it computed before, whatever happened since: it undoes a roll-back.
 *  - Errors are never forgotten: after a roll-back the first error of the next attempt rolls back.
 */

#include "rollout.h"

#include <stdio.h>
#include <stdlib.h>

struct rollout_flag {
    int share;
    int errors;
    int errors_max;
    uint32_t setting;
    struct rollout_counters counters;
};

static struct rollout_flag *naive_open(const struct rollout_options *options, char *error,
                                       size_t error_size)
{
    struct rollout_flag *flag = calloc(1, sizeof *flag);
    if (flag == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    flag->share = options->share;
    flag->errors_max = options->errors_max;
    return flag;
}

static void naive_close(struct rollout_flag *flag)
{
    free(flag);
}

static struct rollout_decision naive_decide(struct rollout_flag *flag, const char *key)
{
    (void)key;
    const bool replaced = random() % ROLLOUT_SHARE_ALL < flag->share;
    const enum rollout_arm arm = replaced ? ROLLOUT_REPLACEMENT : ROLLOUT_ORIGINAL;
    flag->counters.calls[arm]++;
    return (struct rollout_decision){.arm = arm, .setting = flag->setting};
}

static void naive_set_share(struct rollout_flag *flag, int share)
{
    flag->share = share;
    flag->setting++;
}

static bool naive_ramp_share(struct rollout_flag *flag, const struct rollout_state *seen, int share)
{
    (void)seen;
    naive_set_share(flag, share);
    return true;
}

static struct rollout_state naive_state(const struct rollout_flag *flag)
{
    return (struct rollout_state){
        .share = flag->share, .errors = flag->errors, .setting = flag->setting};
}

static void naive_note_error(struct rollout_flag *flag, const struct rollout_decision *decision)
{
    (void)decision;
    flag->counters.errors++;
    flag->errors++;
    if (flag->errors_max > 0 && flag->errors >= flag->errors_max) {
        flag->counters.rollbacks++;
        naive_set_share(flag, 0);
    }
}

static void naive_note_fall_back(struct rollout_flag *flag)
{
    flag->counters.fall_backs++;
}

static void naive_counters(const struct rollout_flag *flag, struct rollout_counters *counters)
{
    *counters = flag->counters;
}

const struct rollout_variant rollout_naive = {
    .name = "naive",
    .open = naive_open,
    .close = naive_close,
    .decide = naive_decide,
    .set_share = naive_set_share,
    .ramp_share = naive_ramp_share,
    .state = naive_state,
    .note_error = naive_note_error,
    .note_fall_back = naive_note_fall_back,
    .counters = naive_counters,
};
