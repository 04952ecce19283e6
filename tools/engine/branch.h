// SPDX-License-Identifier: MIT
/* Which way the code that runs all the time goes: conditions that mostly hold or mostly do not, and
 * functions that are kept away from it. */
#ifndef TREADLE_ENGINE_BRANCH_H
#define TREADLE_ENGINE_BRANCH_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RARELY __attribute__((noinline, cold))

#endif
