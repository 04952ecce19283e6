// SPDX-License-Identifier: MIT
#include "scenarios/rollout_fixture.h"

#include <time.h>

const treadle_parameter treadle_rollout_operator_and_clients[] = {
    {"threads", 3, 2, TREADLE_ROLLOUT_THREADS_MAX, "an operator and clients"}, {0}};
const treadle_parameter treadle_rollout_operator_and_client[] = {
    {"threads", 2, 2, TREADLE_ROLLOUT_THREADS_MAX, "an operator and clients"}, {0}};
const treadle_parameter treadle_rollout_two[] = {
    {"threads", 2, 1, TREADLE_ROLLOUT_THREADS_MAX, "threads"}, {0}};
const treadle_parameter treadle_rollout_one[] = {{"threads", 1, 1, 1, "threads"}, {0}};

struct rollout_flag *treadle_rollout_flag(const struct rollout_variant *flags, int share,
                                          int errors_max)
{
    char error[200];
    const struct rollout_options options = {
        .name = "limiter", .share = share, .errors_max = errors_max};
    struct rollout_flag *flag = flags->open(&options, error, sizeof error);
    if (flag == NULL) {
        treadle_violation("setup", "the flag cannot be opened: %s", error);
    }
    /* cppcheck-suppress returnDanglingLifetime ; open() keeps nothing of the options */
    return flag;
}

void treadle_rollout_share(struct rollout_flag *flag, int share)
{
    rollout_fixed.set_share(flag, share);
    treadle_note("share: %d of %d", share, ROLLOUT_SHARE_ALL);
}

void treadle_rollout_moment(void)
{
    const struct timespec moment = {.tv_nsec = 1};
    nanosleep(&moment, NULL);
}
