// SPDX-License-Identifier: MIT
/* Addresses in messages become lines of source. */
#include "tools/cli/places.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t returned_to;
static int line_of_call;

static __attribute__((noinline)) void remember(void)
{
    returned_to = (uint64_t)(uintptr_t)__builtin_return_address(0);
}

static __attribute__((noinline)) void known_function(void)
{
    line_of_call = __LINE__ + 1;
    remember();
    __asm__ volatile("");
}

Test(places, in_the_middle_at_the_end_and_twice)
{
    known_function();
    char message[200];
    char wanted[200];
    snprintf(message, sizeof message, "frees at @0x%lx what @0x%lx", returned_to, returned_to);
    snprintf(wanted, sizeof wanted,
             "frees at places_test.c:%d (known_function) what places_test.c:%d (known_function)",
             line_of_call, line_of_call);
    treadle_places_resolve(message, sizeof message);
    cr_assert_str_eq(message, wanted);
}

Test(places, unknown_ones_and_what_only_looks_like_one_stay)
{
    const char *const same[] = {"", "@", "@0x", "@0xzz", "at @0x1", "a@b, 0x12", "ends with @"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char message[64];
        snprintf(message, sizeof message, "%s", same[i]);
        treadle_places_resolve(message, sizeof message);
        cr_expect_str_eq(message, same[i]);
    }
}

Test(places, a_message_that_grows_too_long_is_cut)
{
    known_function();
    char message[40];
    snprintf(message, sizeof message, "reads at @0x%lx", returned_to);
    treadle_places_resolve(message, sizeof message);
    cr_assert_eq(strlen(message), sizeof message - 1);
    cr_assert_eq(strncmp(message, "reads at places_test.c:", 23), 0, "%s", message);
}

static long table[4];

Test(places, global_variables)
{
    char message[100];
    snprintf(message, sizeof message, "&0x%lx and &0x%lx, not &0x1 or &x",
             (uint64_t)(uintptr_t)table, (uint64_t)(uintptr_t)&table[2]);
    table[1] = 1; /* keeps it in memory */
    treadle_places_resolve(message, sizeof message);
    cr_assert_str_eq(message, "table and table+16, not &0x1 or &x");
}
