// SPDX-License-Identifier: MIT
/* Outcomes of serial orders, and what is none of them. The strategy that makes the orders is tested
 * elsewhere. */
#include "tools/checkers/serial.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tools/engine/tests/explore.h"

enum { LONGEST = 199 };

static const char *text;

static void body(void *unused)
{
    (void)unused;
    treadle_outcome_text("%s", text);
}

/* One execution with this outcome. */
static exploration come_to(const char *outcome)
{
    exploration one = {.granularity = TREADLE_GRANULARITY_AWAIT, .executions_max = 1};
    text = outcome;
    explore(&one, body);
    return one;
}

Test(serial, any_other_outcome_is_a_violation)
{
    uint32_t count;
    treadle_serial_collect();
    cr_expect_eq(come_to("1, 2").passed, 1);
    cr_expect_eq(come_to("2, 1").passed, 1);
    cr_expect_eq(come_to("1, 2").passed, 1);
    cr_expect(treadle_serial_outcomes(&count));
    cr_expect_eq(count, 2);
    treadle_serial_compare();
    cr_expect_eq(come_to("2, 1").passed, 1);
    const exploration other = come_to("1, 1");
    cr_expect_eq(other.violated, 1);
    cr_expect_str_eq(other.last_bad.message, "no serial order of the calls ends with 1, 1; they "
                                             "end with 1, 2 | 2, 1");
}

/* Were they cut, two that differ at their end would be the same. */
Test(serial, what_is_too_long_to_be_compared_is_not_compared)
{
    char longest[LONGEST + 1] = "";
    char longer[LONGEST + 2] = "";
    memset(longest, 'a', LONGEST);
    memset(longer, 'a', LONGEST + 1);
    treadle_serial_collect();
    cr_expect_eq(come_to(longest).passed, 1);
    const exploration collected = come_to(longer);
    cr_expect_eq(collected.other, 1);
    cr_expect_str_eq(collected.last_bad.property, "outcome-limit");
    treadle_serial_compare();
    cr_expect_eq(come_to(longest).passed, 1);
    longest[LONGEST - 1] = 'b';
    cr_expect_eq(come_to(longest).violated, 1);
    const exploration compared = come_to(longer);
    cr_expect_eq(compared.other, 1);
    cr_expect_eq(compared.last_bad.kind, TREADLE_OUTCOME_CUT);
    cr_expect_str_eq(compared.last_bad.message,
                     "an outcome has 200 characters; at most 199 can be compared");
}
