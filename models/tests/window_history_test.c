// SPDX-License-Identifier: MIT
#include "../window_history.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void *state;

static void open_state(void)
{
    const struct window_history_config config = {.limit = 2, .window_s = 60};
    state = calloc(1, window_history_model.state_size);
    window_history_model.init(state, &config);
}

static void close_state(void)
{
    free(state);
}

TestSuite(window_history, .init = open_state, .fini = close_state);

static bool possible(uint32_t function, int64_t at_s, int64_t result)
{
    const treadle_call call = {
        .function = function, .clock_ns = at_s * 1000000000, .result = result};
    return window_history_model.step(state, &call);
}

Test(window_history, says_which_results_are_possible)
{
    cr_assert(possible(WINDOW_HISTORY_COUNT, 0, 0));
    cr_assert(possible(WINDOW_HISTORY_ACQUIRE, 0, 1));
    cr_assert(possible(WINDOW_HISTORY_CHECK, 0, 1));
    cr_assert(possible(WINDOW_HISTORY_ACQUIRE, 10, 1));
    cr_assert(possible(WINDOW_HISTORY_CHECK, 10, 0));
    cr_assert_not(possible(WINDOW_HISTORY_CHECK, 10, 1));
    cr_assert(possible(WINDOW_HISTORY_ACQUIRE, 59, 0));
    cr_assert(possible(WINDOW_HISTORY_COUNT, 59, 2));
    cr_assert_not(possible(WINDOW_HISTORY_COUNT, 60, 2));
    cr_assert(possible(WINDOW_HISTORY_COUNT, 60, 1));
    cr_assert_not(possible(WINDOW_HISTORY_ACQUIRE, 60, 0));
}

Test(window_history, an_unknown_call_takes_effect)
{
    const treadle_call lost = {.function = WINDOW_HISTORY_ACQUIRE, .unknown = true};
    cr_assert(window_history_model.step(state, &lost));
    cr_assert(possible(WINDOW_HISTORY_COUNT, 0, 1));
}

Test(window_history, after_a_reset_the_state_is_the_first_one)
{
    void *first = malloc(window_history_model.state_size);
    memcpy(first, state, window_history_model.state_size);
    possible(WINDOW_HISTORY_ACQUIRE, 0, 1);
    possible(WINDOW_HISTORY_ACQUIRE, 10, 1);
    cr_assert_neq(memcmp(first, state, window_history_model.state_size), 0);
    cr_assert(possible(WINDOW_HISTORY_RESET, 20, 0));
    cr_assert_eq(memcmp(first, state, window_history_model.state_size), 0);
    free(first);
}

Test(window_history, describes_calls)
{
    char text[64];
    window_history_model.describe(&(treadle_call){.function = WINDOW_HISTORY_ACQUIRE, .result = 1},
                                  text, sizeof text);
    cr_assert_str_eq(text, "acquire -> admitted");
    window_history_model.describe(&(treadle_call){.function = WINDOW_HISTORY_COUNT, .result = 3},
                                  text, sizeof text);
    cr_assert_str_eq(text, "count -> 3");
    window_history_model.describe(&(treadle_call){.function = WINDOW_HISTORY_RESET}, text,
                                  sizeof text);
    cr_assert_str_eq(text, "reset");
}
