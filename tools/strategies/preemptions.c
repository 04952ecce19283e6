// SPDX-License-Identifier: MIT
/* All executions with no preemption, then with one, two, … (Musuvathi and Qadeer, "Iterative
 * Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007). A preemption is a
 * switch away from a thread that could go on: one that ended, waits, sleeps or yields is left for
 * nothing. Most bugs need few, and executions with c of them are polynomially many in the length:
 * for n threads of k steps at most C(nk, c) (n + c)!. */
#include <stdlib.h>

#include "tools/engine/pending.h"
#include "tools/strategies/bounded.h"
#include "tools/strategies/strategies.h"

static uint32_t by_preemption(const treadle_choice *choice, uint32_t rank, treadle_price *price)
{
    *price = treadle_goes_on(choice->current) ? TREADLE_PRICE_ONE : TREADLE_PRICE_NONE;
    return rank; /* option 0 goes on with it */
}

static void *create(const treadle_strategy_options *options)
{
    return treadle_bounded_create(options, "preemptions", by_preemption);
}

const treadle_strategy treadle_strategy_preemptions = {
    .name = "preemptions",
    .summary = "every interleaving without preemption, then with one, two, …",
    .exhaustive = true,
    .create = create,
    .destroy = free,
    .begin = treadle_bounded_begin,
    .choose = treadle_bounded_choose,
    .end = treadle_bounded_end,
    .repeated = treadle_bounded_repeated,
    .bound = treadle_bounded_bound,
};
