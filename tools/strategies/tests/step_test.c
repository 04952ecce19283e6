// SPDX-License-Identifier: MIT
/* Steps as partial order reduction remembers them, and the numbers of what they touch. */
#include <criterion/criterion.h>

#include "tools/strategies/step.h"

static treadle_step_pool *pool;

static void begin(void)
{
    pool = treadle_step_pool_create();
    cr_assert_not_null(pool);
}

static void end(void)
{
    treadle_step_pool_destroy(pool);
}

TestSuite(step, .init = begin, .fini = end, .timeout = 60);

static treadle_executed *made(uint32_t thread, uint64_t address, uint32_t size, uint32_t flags)
{
    const treadle_touch touch = {address, size, flags};
    treadle_executed *step = treadle_executed_new(pool, thread, &touch, 1, NULL, 0);
    cr_assert_not_null(step);
    return step;
}

Test(step, what_a_thread_does_again_is_the_same_step)
{
    treadle_executed *first = made(1, 0x1000, 8, TREADLE_TOUCH_WRITE);
    cr_assert_eq(made(1, 0x1000, 8, TREADLE_TOUCH_WRITE), first);
    cr_assert_neq(made(2, 0x1000, 8, TREADLE_TOUCH_WRITE), first);
    cr_assert_neq(made(1, 0x1000, 8, TREADLE_TOUCH_READ), first);
    cr_assert_neq(made(1, 0x1000, 4, TREADLE_TOUCH_WRITE), first);
    cr_assert_neq(made(1, 0x1008, 8, TREADLE_TOUCH_WRITE), first);
    const treadle_touch touch = {0x1000, 8, TREADLE_TOUCH_WRITE};
    const treadle_step_value values[] = {{0, 2}, {1, 2}};
    treadle_executed *decided = treadle_executed_new(pool, 1, &touch, 1, &values[0], 1);
    cr_assert_neq(decided, first);
    cr_assert_neq(treadle_executed_new(pool, 1, &touch, 1, &values[1], 1), decided);
}

Test(step, a_step_outlives_its_being_met_last)
{
    treadle_executed *kept = made(1, 0x1000, 8, TREADLE_TOUCH_WRITE);
    for (uint64_t i = 1; i < 100000; i++) {
        treadle_executed_drop(pool, made(1, 0x1000 + 8 * i, 8, TREADLE_TOUCH_WRITE));
    }
    cr_assert_eq(kept->references, 1);
    cr_assert_neq(made(1, 0x1000, 8, TREADLE_TOUCH_WRITE), kept);
    cr_assert_eq(kept->touches[0].address, 0x1000);
    cr_assert_eq(treadle_executed_visits(kept)->flags, TREADLE_TOUCH_WRITE);
}

Test(step, conflicts_are_common_bytes_of_which_one_is_written)
{
    treadle_executed *write = made(1, 0x1000, 4, TREADLE_TOUCH_WRITE);
    cr_assert(treadle_executed_conflict(write, made(2, 0x1003, 1, TREADLE_TOUCH_READ)));
    cr_assert(treadle_executed_conflict(write, made(2, 0xff0, 100, TREADLE_TOUCH_READ)));
    cr_assert_not(treadle_executed_conflict(write, made(2, 0x1004, 4, TREADLE_TOUCH_WRITE)));
    treadle_executed *read = made(1, 0x1000, 4, TREADLE_TOUCH_READ);
    cr_assert_not(treadle_executed_conflict(read, made(2, 0x1000, 4, TREADLE_TOUCH_READ)));
}

Test(step, a_touch_visits_every_granule_that_it_lies_in)
{
    const treadle_executed *step = made(1, 0x1006, 12, TREADLE_TOUCH_READ);
    const treadle_location *locations = treadle_step_locations(pool)->items;
    const treadle_visit *visits = treadle_executed_visits(step);
    const uint8_t bytes[] = {0xc0, 0xff, 0x03};
    cr_assert_eq(step->visit_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(locations[visits[i].location].granule, 0x1000 / TREADLE_GRANULE + i);
        cr_assert_eq(locations[visits[i].location].bytes, bytes[i]);
    }
}

Test(step, locations_keep_their_numbers_while_the_table_grows)
{
    enum { GRANULES = 5000 };
    treadle_locations table = {0};
    cr_assert_eq(treadle_locations_find(&table, 1, 1), TREADLE_NO_LOCATION);
    for (uint32_t i = 0; i < GRANULES; i++) {
        cr_assert_eq(treadle_locations_number(&table, 3 * i, 0xff), 2 * i);
        cr_assert_eq(treadle_locations_number(&table, 3 * i, 0x0f), 2 * i + 1);
    }
    for (uint32_t i = 0; i < GRANULES; i++) {
        cr_assert_eq(treadle_locations_number(&table, 3 * i, 0xff), 2 * i);
        cr_assert_eq(treadle_locations_find(&table, 3 * i, 0x0f), 2 * i + 1);
        cr_assert_eq(treadle_locations_find(&table, 3 * i, 0xf0), TREADLE_NO_LOCATION);
        cr_assert_eq(treadle_locations_find(&table, 3 * i + 1, 0xff), TREADLE_NO_LOCATION);
        cr_assert_eq(table.items[2 * i].next, 2 * i + 1);
        cr_assert_eq(table.items[2 * i + 1].next, 2 * i);
    }
    treadle_locations_destroy(&table);
}

Test(step, locations_end_at_their_limit)
{
    enum { MOST = 1 << 20 };
    treadle_locations table = {0};
    for (uint32_t i = 0; i < MOST; i++) {
        cr_assert_eq(treadle_locations_number(&table, i, 0xff), i);
    }
    cr_assert_eq(treadle_locations_number(&table, MOST, 0xff), TREADLE_NO_LOCATION);
    cr_assert_eq(treadle_locations_find(&table, MOST - 1, 0xff), MOST - 1);
    treadle_locations_destroy(&table);
}
