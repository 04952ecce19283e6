// SPDX-License-Identifier: MIT
/*
 * What the scenarios of all switches share: the flag, which is the fixed one, for what is tried is
 * the switch; the operator who sets it; and the parameters of the rows.
 */
#ifndef TREADLE_SCENARIOS_ROLLOUT_FIXTURE_H
#define TREADLE_SCENARIOS_ROLLOUT_FIXTURE_H

#include "impl/rollout/rollout.h"
#include "scenarios/scenario.h"

enum { TREADLE_ROLLOUT_THREADS_MAX = 8 };

/* Thread 0 is the operator. */
extern const treadle_parameter treadle_rollout_operator_and_clients[];
/* The same with one client, where more would be too many interleavings. */
extern const treadle_parameter treadle_rollout_operator_and_client[];
extern const treadle_parameter treadle_rollout_two[];
extern const treadle_parameter treadle_rollout_one[];

/* A flag of that variant; a violation of "setup" when it cannot be opened. The caller closes it. */
struct rollout_flag *treadle_rollout_flag(const struct rollout_variant *flags, int share,
                                          int errors_max);

/* Sets the share of a fixed flag, and notes it. */
void treadle_rollout_share(struct rollout_flag *flag, int share);

/* Sleeps for a moment: something that others can come before and after. */
void treadle_rollout_moment(void);

#endif
