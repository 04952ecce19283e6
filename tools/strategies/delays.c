// SPDX-License-Identifier: MIT
/* All executions that differ from a fixed schedule by no delay, then by one, two, … (Emmi, Qadeer,
 * Rakamaric, "Delay-Bounded Scheduling", POPL 2011). The fixed schedule stays with a thread as long
 * as it can go on, and then takes the next in the order of their numbers, round and round. A delay
 * passes a thread over. So switches between threads that wait cost something, too, and executions
 * with d delays are fewer than those with d preemptions: at most C(k + d, d) in k decisions,
 * however many threads there are. */
#include <stdlib.h>

#include "tools/engine/pending.h"
#include "tools/strategies/bounded.h"
#include "tools/strategies/strategies.h"

static uint32_t by_delay(const treadle_choice *choice, uint32_t rank, treadle_price *price)
{
    const uint32_t current = choice->current;
    const uint64_t passed = (UINT64_C(1) << current) - 1; /* in this round */
    const uint64_t own = treadle_goes_on(current) ? 0 : UINT64_C(1) << current;
    uint64_t round = choice->enabled & ~(passed | own);
    uint64_t rest = choice->enabled ^ round;
    *price = TREADLE_PRICE_RANK;
    while (rank > 0 || round == 0) {
        if (round == 0) {
            round = rest;
            rest = 0;
        } else {
            round &= round - 1;
            rank--;
        }
    }
    return treadle_thread_option(choice->enabled, current, (uint32_t)__builtin_ctzll(round));
}

static void *create(const treadle_strategy_options *options)
{
    return treadle_bounded_create(options, "delays", by_delay);
}

const treadle_strategy treadle_strategy_delays = {
    .name = "delays",
    .summary = "every interleaving without delay of a round-robin schedule, then with one, two, …",
    .exhaustive = true,
    .create = create,
    .destroy = free,
    .begin = treadle_bounded_begin,
    .choose = treadle_bounded_choose,
    .end = treadle_bounded_end,
    .repeated = treadle_bounded_repeated,
    .bound = treadle_bounded_bound,
};
