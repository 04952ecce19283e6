// SPDX-License-Identifier: MIT
/* Every serial order of the calls: depth-first over which call comes next; a call that has begun
 * runs to its end before another begins. An order in which one of them would have to wait for
 * another is none. Needs executions with the option `serial`. */
#include "tools/engine/engine.h"
#include "tools/strategies/strategies.h"

static void *create(const treadle_strategy_options *options)
{
    return treadle_strategy_dfs.create(options);
}

static void destroy(void *self)
{
    treadle_strategy_dfs.destroy(self);
}

static bool begin(void *self, uint64_t execution)
{
    return treadle_strategy_dfs.begin(self, execution);
}

static uint32_t choose(void *self, const treadle_choice *choice)
{
    if (choice->kind == TREADLE_CHOICE_THREAD) {
        const uint64_t inside = treadle_threads_in_call() & choice->enabled;
        if (inside != 0) {
            return treadle_thread_option(choice->enabled, choice->current,
                                         (uint32_t)__builtin_ctzll(inside));
        }
    }
    return treadle_strategy_dfs.choose(self, choice);
}

static void end(void *self, const treadle_outcome *outcome)
{
    treadle_strategy_dfs.end(self, outcome);
}

const treadle_strategy treadle_strategy_serial = {
    .name = "serial",
    .summary = "every serial order of the calls, one by one",
    .exhaustive = true,
    .create = create,
    .destroy = destroy,
    .begin = begin,
    .choose = choose,
    .end = end,
};
