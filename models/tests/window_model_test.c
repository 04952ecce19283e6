// SPDX-License-Identifier: MIT

/* The model against its definition: by example at the boundary, and at random against the
 * definition written out as a one-liner over a plain list. */

#include "../window_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static struct window_model model_of(long long limit, double window_s)
{
    struct window_model model;
    cr_assert(window_model_init(&model, limit, window_s));
    return model;
}

Test(window_model, refuses_nonsense)
{
    struct window_model model;
    cr_assert_not(window_model_init(&model, 0, 60));
    cr_assert_not(window_model_init(&model, -1, 60));
    cr_assert_not(window_model_init(&model, 1, 0));
    cr_assert_not(window_model_init(&model, 1, -60));
    cr_assert_not(window_model_init(&model, 1, NAN));
    cr_assert_not(window_model_init(&model, 1, INFINITY));
    cr_assert(window_model_init(&model, 1, 0.5));
}

Test(window_model, admits_up_to_the_limit_and_does_not_charge_refusals)
{
    struct window_model model = model_of(2, 60);
    cr_assert_eq(window_model_acquire(&model, 100, 0), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_acquire(&model, 110, 0), WINDOW_MODEL_ADMIT);
    for (double t = 110; t < 160; t += 10) {
        cr_assert_eq(window_model_acquire(&model, t, 0), WINDOW_MODEL_REFUSE);
    }
    cr_assert_eq(window_model_acquire(&model, 160, 0), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_acquire(&model, 160, 0), WINDOW_MODEL_REFUSE);
    cr_assert_eq(window_model_acquire(&model, 170, 0), WINDOW_MODEL_ADMIT);
}

Test(window_model, entry_of_age_exactly_the_window_has_expired)
{
    struct window_model model = model_of(1, 60);
    cr_assert_eq(window_model_acquire(&model, 1000.1, 0), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_count(&model, 1060.099999), 1);
    /* 1060.1 - 1000.1 < 60 in doubles; in microseconds it is 60. */
    cr_assert_lt(1060.1 - 1000.1, 60.0);
    cr_assert_eq(window_model_count(&model, 1060.1), 0);
    cr_assert_eq(window_model_acquire(&model, 1060.1, 0), WINDOW_MODEL_ADMIT);
}

Test(window_model, boundary_holds_at_todays_times)
{
    struct window_model model = model_of(1, 0.1);
    cr_assert_eq(window_model_acquire(&model, 1763892000.123457, 0), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_count(&model, 1763892000.223456), 1);
    cr_assert_eq(window_model_count(&model, 1763892000.223457), 0);
}

Test(window_model, entry_from_the_future_counts)
{
    struct window_model model = model_of(1, 60);
    cr_assert_eq(window_model_acquire(&model, 500, 0), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_acquire(&model, 100, 0), WINDOW_MODEL_REFUSE);
    cr_assert_eq(window_model_acquire(&model, 559.9, 0), WINDOW_MODEL_REFUSE);
}

Test(window_model, repeated_id_is_admitted_once_charged_and_keeps_its_time)
{
    struct window_model model = model_of(1, 60);
    cr_assert_eq(window_model_acquire(&model, 100, 7), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_acquire(&model, 130, 7), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_count(&model, 130), 1);
    cr_assert_eq(window_model_acquire(&model, 159, 8), WINDOW_MODEL_REFUSE);
    cr_assert_eq(window_model_acquire(&model, 160, 8), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_acquire(&model, 160, 7), WINDOW_MODEL_REFUSE);
}

Test(window_model, times_may_go_back_until_they_are_forgotten)
{
    struct window_model model = model_of(1, 60);
    cr_assert_eq(window_model_acquire(&model, 100, 0), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_acquire(&model, 200, 0), WINDOW_MODEL_ADMIT);
    cr_assert_eq(window_model_count(&model, 150), 2);
    window_model_forget(&model, 160);
    cr_assert_eq(model.count, 1);
    cr_assert_eq(window_model_count(&model, 200), 1);
    window_model_reset(&model);
    cr_assert_eq(window_model_count(&model, 200), 0);
}

Test(window_model, says_when_it_is_full)
{
    struct window_model model = model_of(1000, 60);
    for (size_t i = 0; i < WINDOW_MODEL_ENTRIES_MAX; i++) {
        cr_assert_eq(window_model_acquire(&model, 1, 0), WINDOW_MODEL_ADMIT);
    }
    cr_assert_eq(window_model_acquire(&model, 1, 0), WINDOW_MODEL_FULL);
    window_model_forget(&model, 61);
    cr_assert_eq(window_model_acquire(&model, 61, 0), WINDOW_MODEL_ADMIT);
}

Test(window_model, equal_entries_are_equal_in_whatever_order_they_came)
{
    struct window_model a = model_of(3, 60);
    struct window_model b = model_of(3, 60);
    struct window_model copy;

    window_model_acquire(&a, 2, 5);
    window_model_acquire(&a, 1, 6);
    cr_assert_not(window_model_equal(&a, &b));
    window_model_acquire(&b, 1, 6);
    window_model_acquire(&b, 2, 5);
    cr_assert(window_model_equal(&a, &b));
    cr_assert_eq(window_model_hash(&a), window_model_hash(&b));

    window_model_copy(&copy, &a);
    cr_assert(window_model_equal(&copy, &a));
    window_model_acquire(&copy, 3, 0);
    cr_assert_not(window_model_equal(&copy, &a));
    cr_assert_neq(window_model_hash(&copy), window_model_hash(&a));
}

Test(window_model, agrees_with_its_definition)
{
    srandom(1);
    for (int round = 0; round < 2000; round++) {
        long long limit = 1 + random() % 4;
        long window = 1 + random() % 10;
        struct window_model model = model_of(limit, (double)window);
        long admitted[40];
        size_t admitted_count = 0;

        for (int i = 0; i < 40; i++) {
            long t = random() % 40;
            long long live = 0;
            for (size_t j = 0; j < admitted_count; j++) {
                live += t - admitted[j] < window;
            }
            bool admit = live < limit;
            cr_assert_eq(window_model_acquire(&model, (double)t, 0),
                         admit ? WINDOW_MODEL_ADMIT : WINDOW_MODEL_REFUSE);
            if (admit) {
                admitted[admitted_count++] = t;
            }
        }
    }
}

Test(over_admitted, finds_the_fullest_half_open_window)
{
    const double times[] = {60, 0, 30, 59.999999, 120};
    size_t worst = 0;

    cr_assert_not(window_model_over_admitted(times, 5, 3, 60, &worst));
    cr_assert_eq(worst, 3); /* 0, 30, 59.999999; at 60 the first is gone */
    cr_assert(window_model_over_admitted(times, 5, 2, 60, &worst));
    cr_assert(window_model_over_admitted(times, 5, 2, 60, NULL));
    cr_assert_not(window_model_over_admitted(times, 0, 1, 60, &worst));
    cr_assert_eq(worst, 0);
}

Test(over_admitted, never_blames_the_model_when_time_goes_forward)
{
    srandom(2);
    for (int round = 0; round < 500; round++) {
        long long limit = 1 + random() % 4;
        double window_s = (double)(1 + random() % 10) / 10;
        struct window_model model = model_of(limit, window_s);
        double admitted[100];
        size_t n = 0;
        double t = 1763892000;

        for (int i = 0; i < 100; i++) {
            t += (double)(random() % 5) / 10;
            if (window_model_acquire(&model, t, 0) == WINDOW_MODEL_ADMIT) {
                admitted[n++] = t;
            }
        }
        cr_assert_not(window_model_over_admitted(admitted, n, limit, window_s, NULL));
    }
}
