// SPDX-License-Identifier: MIT
#include "tools/checkers/linearizability.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { WRITE, READ, ADD, CALLS_BRUTE_MAX = 6 };

/* A register with addition: write(v), read() -> v, add(d) -> the new value. */
typedef struct cell_state {
    int64_t value;
} cell_state;

static void init(void *state, const void *config)
{
    ((cell_state *)state)->value = config != NULL ? *(const int64_t *)config : 0;
}

static bool step(void *state, const treadle_call *call)
{
    cell_state *cell = state;
    switch (call->function) {
    case WRITE: cell->value = call->arguments[0]; return true;
    case READ: return call->unknown || cell->value == call->result;
    default: cell->value += call->arguments[0]; return call->unknown || cell->value == call->result;
    }
}

static uint64_t by_key(const treadle_call *call)
{
    return (uint64_t)call->arguments[1];
}

static const treadle_model cell_model = {"cell", sizeof(cell_state), init, step, NULL, NULL};
static const treadle_model cells_model = {"cells", sizeof(cell_state), init, step, by_key, NULL};

static uint32_t begin(treadle_history *history, uint32_t function, int64_t argument, int64_t key)
{
    history->calls[history->count] = (treadle_call){.function = function,
                                                    .arguments = {argument, key},
                                                    .invoked = history->position++,
                                                    .returned = UINT32_MAX,
                                                    .unknown = true};
    return history->count++;
}

static void end(treadle_history *history, uint32_t call, int64_t result)
{
    history->calls[call].result = result;
    history->calls[call].returned = history->position++;
    history->calls[call].unknown = false;
}

static void whole(treadle_history *history, uint32_t function, int64_t argument, int64_t key,
                  int64_t result)
{
    end(history, begin(history, function, argument, key), result);
}

static treadle_linearizability judge(const treadle_history *history, const treadle_model *model)
{
    char why[200];
    return treadle_linearizable(history, model, NULL, why, sizeof why);
}

Test(linearizability, an_empty_history_is)
{
    const treadle_history history = {0};
    cr_assert_eq(judge(&history, &cell_model), TREADLE_LINEARIZABLE);
}

Test(linearizability, a_stale_read_after_a_write_is_not)
{
    treadle_history history = {0};
    whole(&history, WRITE, 1, 0, 0);
    whole(&history, READ, 0, 0, 0);
    char why[200];
    cr_assert_eq(treadle_linearizable(&history, &cell_model, NULL, why, sizeof why),
                 TREADLE_NOT_LINEARIZABLE);
    cr_assert_str_eq(why, "0(1, 0) -> 0; then nothing explains 1(0, 0) -> 0");
}

Test(linearizability, a_read_during_a_write_may_see_either)
{
    for (int64_t seen = 0; seen <= 1; seen++) {
        treadle_history history = {0};
        const uint32_t write = begin(&history, WRITE, 1, 0);
        whole(&history, READ, 0, 0, seen);
        end(&history, write, 0);
        cr_assert_eq(judge(&history, &cell_model), TREADLE_LINEARIZABLE);
    }
}

Test(linearizability, reads_may_not_go_back)
{
    treadle_history history = {0};
    const uint32_t write = begin(&history, WRITE, 1, 0);
    whole(&history, READ, 0, 0, 1);
    whole(&history, READ, 0, 0, 0);
    end(&history, write, 0);
    cr_assert_eq(judge(&history, &cell_model), TREADLE_NOT_LINEARIZABLE);
}

Test(linearizability, an_unknown_call_may_have_happened_or_not_or_late)
{
    for (int64_t seen = 0; seen <= 1; seen++) {
        treadle_history history = {0};
        begin(&history, WRITE, 1, 0);
        whole(&history, READ, 0, 0, seen);
        cr_assert_eq(judge(&history, &cell_model), TREADLE_LINEARIZABLE);
    }
    treadle_history late = {0};
    begin(&late, WRITE, 1, 0);
    whole(&late, READ, 0, 0, 0);
    whole(&late, READ, 0, 0, 1);
    cr_assert_eq(judge(&late, &cell_model), TREADLE_LINEARIZABLE);
    whole(&late, READ, 0, 0, 0);
    cr_assert_eq(judge(&late, &cell_model), TREADLE_NOT_LINEARIZABLE, "it happens once");
}

Test(linearizability, an_unknown_call_does_not_happen_before_it_begins)
{
    treadle_history history = {0};
    whole(&history, READ, 0, 0, 1);
    begin(&history, WRITE, 1, 0);
    cr_assert_eq(judge(&history, &cell_model), TREADLE_NOT_LINEARIZABLE);
}

Test(linearizability, keys_are_judged_apart)
{
    treadle_history history = {0};
    whole(&history, WRITE, 1, 7, 0);
    whole(&history, READ, 0, 8, 0);
    cr_assert_eq(judge(&history, &cells_model), TREADLE_LINEARIZABLE);
    cr_assert_eq(judge(&history, &cell_model), TREADLE_NOT_LINEARIZABLE);
    whole(&history, READ, 0, 7, 0);
    cr_assert_eq(judge(&history, &cells_model), TREADLE_NOT_LINEARIZABLE);
}

Test(linearizability, the_initial_state_comes_from_the_configuration)
{
    treadle_history history = {0};
    whole(&history, READ, 0, 0, 5);
    const int64_t five = 5;
    char why[200];
    cr_assert_eq(treadle_linearizable(&history, &cell_model, &five, why, sizeof why),
                 TREADLE_LINEARIZABLE);
    cr_assert_eq(judge(&history, &cell_model), TREADLE_NOT_LINEARIZABLE);
}

Test(linearizability, the_longest_history_is_decided)
{
    treadle_history history = {0};
    for (uint32_t i = 0; i < TREADLE_HISTORY_MAX; i++) {
        whole(&history, ADD, 1, 0, i + 1);
    }
    cr_assert_eq(judge(&history, &cell_model), TREADLE_LINEARIZABLE);
    history.calls[TREADLE_HISTORY_MAX - 1].result = 0;
    cr_assert_eq(judge(&history, &cell_model), TREADLE_NOT_LINEARIZABLE);
}

Test(linearizability, a_search_that_is_too_large_is_given_up)
{
    treadle_history history = {0};
    uint32_t calls[40];
    for (uint32_t i = 0; i < 40; i++) {
        calls[i] = begin(&history, ADD, INT64_C(1) << i, 0);
    }
    for (uint32_t i = 0; i < 40; i++) {
        history.calls[calls[i]].function = WRITE;
        end(&history, calls[i], 0);
    }
    whole(&history, READ, 0, 0, -1);
    cr_assert_eq(judge(&history, &cell_model), TREADLE_LINEARIZABILITY_UNKNOWN);
}

/* ---- against brute force ------------------------------------------------------------------------
 */

static bool brute(const treadle_history *history, uint32_t placed, int64_t value)
{
    bool all = true;
    for (uint32_t i = 0; i < history->count; i++) {
        all = all && (placed >> i & 1 || history->calls[i].unknown);
    }
    if (all) {
        return true;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        bool may = !(placed >> i & 1);
        for (uint32_t j = 0; j < history->count; j++) {
            may = may && (placed >> j & 1 || i == j ||
                          history->calls[j].returned > history->calls[i].invoked);
        }
        cell_state state = {value};
        if (may && step(&state, &history->calls[i]) &&
            brute(history, placed | 1u << i, state.value)) {
            return true;
        }
    }
    return false;
}

Test(linearizability, agrees_with_brute_force_on_random_histories)
{
    unsigned seed = 1;
    uint32_t yes = 0;
    const uint32_t rounds = 50000;
    for (uint32_t round = 0; round < rounds; round++) {
        treadle_history history = {0};
        uint32_t open[3];
        uint32_t open_count = 0;
        while (history.count < CALLS_BRUTE_MAX || open_count > 0) {
            const bool more = history.count < CALLS_BRUTE_MAX && open_count < 3;
            if (more && (open_count == 0 || rand_r(&seed) % 2)) {
                open[open_count++] =
                    begin(&history, (uint32_t)rand_r(&seed) % 3, 1 + rand_r(&seed) % 2, 0);
                continue;
            }
            const uint32_t which = (uint32_t)rand_r(&seed) % open_count;
            const uint32_t call = open[which];
            open[which] = open[--open_count];
            if (rand_r(&seed) % 8) {
                const bool writes = history.calls[call].function == WRITE;
                end(&history, call, writes ? 0 : rand_r(&seed) % 4);
            }
        }
        const bool expected = brute(&history, 0, 0);
        yes += expected;
        cr_assert_eq(judge(&history, &cell_model),
                     expected ? TREADLE_LINEARIZABLE : TREADLE_NOT_LINEARIZABLE, "round %u", round);
    }
    cr_assert_gt(yes, rounds / 50, "%u of %u are linearizable: the test says little", yes, rounds);
    cr_assert_lt(yes, rounds - rounds / 50);
}
