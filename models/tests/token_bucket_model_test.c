// SPDX-License-Identifier: MIT

/* The model by example, and at random against the definition written out a nanosecond at a time. */

#include "../token_bucket_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const int64_t S = 1000000000;

static struct token_bucket_model model_of(int64_t capacity, int64_t tokens, int64_t period_ns)
{
    struct token_bucket_model model;
    cr_assert(token_bucket_model_init(&model, capacity, tokens, period_ns, 0));
    return model;
}

Test(token_bucket_model, refuses_nonsense)
{
    struct token_bucket_model model;
    cr_assert_not(token_bucket_model_init(&model, 0, 1, S, 0));
    cr_assert_not(token_bucket_model_init(&model, 1, -1, S, 0));
    cr_assert_not(token_bucket_model_init(&model, 1, 1, 0, 0));
    cr_assert_not(token_bucket_model_init(&model, INT64_MAX, 1, S, 0));
    model = model_of(2, 0, S);
    cr_assert_not(token_bucket_model_reconfigure(&model, 0, 1, S, 0));
    cr_assert_eq(token_bucket_model_available(&model, 0), 2);
}

Test(token_bucket_model, starts_full_and_is_refilled_evenly_up_to_the_capacity)
{
    struct token_bucket_model model = model_of(2, 1, 10 * S);
    cr_assert(token_bucket_model_take(&model, 0));
    cr_assert(token_bucket_model_take(&model, 0));
    cr_assert_not(token_bucket_model_take(&model, 0));
    cr_assert_eq(token_bucket_model_wait_ns(&model, 4 * S), 6 * S);
    cr_assert_not(token_bucket_model_take(&model, 10 * S - 1));
    cr_assert(token_bucket_model_take(&model, 10 * S));
    cr_assert_eq(token_bucket_model_available(&model, 1000 * S), 2);
}

Test(token_bucket_model, time_that_goes_back_brings_nothing_twice)
{
    struct token_bucket_model model = model_of(5, 1, S);
    for (int i = 0; i < 5; i++) {
        cr_assert(token_bucket_model_take(&model, 10 * S));
    }
    cr_assert_not(token_bucket_model_take(&model, 9 * S));
    cr_assert_not(token_bucket_model_take(&model, 10 * S));
    cr_assert(token_bucket_model_take(&model, 11 * S));
}

Test(token_bucket_model, never_refilled_means_never)
{
    struct token_bucket_model model = model_of(1, 0, S);
    cr_assert_eq(token_bucket_model_wait_ns(&model, 0), 0);
    cr_assert(token_bucket_model_take(&model, 0));
    cr_assert_eq(token_bucket_model_wait_ns(&model, 1 << 30), TOKEN_BUCKET_MODEL_NEVER);
    token_bucket_model_give_back(&model, 1 << 30);
    token_bucket_model_give_back(&model, 1 << 30);
    cr_assert_eq(token_bucket_model_available(&model, 1 << 30), 1);
}

Test(token_bucket_model, reset_fills_and_reconfigure_keeps_what_there_is_room_for)
{
    struct token_bucket_model model = model_of(10, 1, S);
    cr_assert(token_bucket_model_take(&model, 0));
    cr_assert(token_bucket_model_reconfigure(&model, 4, 1, 60 * S, 0));
    cr_assert_eq(token_bucket_model_available(&model, 0), 4);
    cr_assert(token_bucket_model_take(&model, 0));
    cr_assert(token_bucket_model_reconfigure(&model, 100, 0, 7, 0));
    cr_assert_eq(token_bucket_model_available(&model, 0), 3);
    token_bucket_model_reset(&model, 0);
    cr_assert_eq(token_bucket_model_available(&model, 0), 100);
}

Test(token_bucket_model, agrees_with_its_definition)
{
    srandom(1);
    for (int round = 0; round < 2000; round++) {
        const int64_t capacity = 1 + random() % 4;
        const int64_t tokens = random() % 4;
        const int64_t period = 1 + random() % 10;
        struct token_bucket_model model = model_of(capacity, tokens, period);
        int64_t parts = capacity * period;
        int64_t now = 0;

        for (int i = 0; i < 40; i++) {
            for (int64_t left = random() % 12; left > 0; left--, now++) {
                parts = parts + tokens < capacity * period ? parts + tokens : capacity * period;
            }
            cr_assert_eq(token_bucket_model_available(&model, now), parts / period);
            const bool there = parts >= period;
            cr_assert_eq(token_bucket_model_take(&model, now), there);
            parts -= there ? period : 0;
        }
    }
}
