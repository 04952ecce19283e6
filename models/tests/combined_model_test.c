// SPDX-License-Identifier: MIT

/* The model by examples counted by hand, and against its definition on random runs. */

#include "../combined_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(combined_model, .timeout = 60);

#define S INT64_C(1000000000)

static struct combined_model model_of(int64_t limit, int64_t burst, int64_t slots)
{
    struct combined_model model;
    const struct combined_model_limits limits = {.limit = limit,
                                                 .window_ns = 60 * S,
                                                 .burst = burst,
                                                 .interval_ns = 60 * S / limit,
                                                 .slots = slots};
    combined_model_init(&model, &limits);
    return model;
}

/* Acquires without waiting and releases. */
static bool request(struct combined_model *model, int provider, int64_t now_ns)
{
    bool admitted = combined_model_acquire(model, provider, now_ns, now_ns, NULL);
    if (admitted) {
        combined_model_release(model);
    }
    return admitted;
}

Test(combined_model, a_request_that_the_bucket_refuses_uses_no_room)
{
    struct combined_model model = model_of(10, 1, 9);
    cr_assert(request(&model, 0, 0));
    for (int i = 0; i < 9; i++) {
        cr_assert_not(request(&model, 0, 0));
    }
    cr_assert_eq(combined_model_window(&model, 0, 0), 1);
    cr_assert_not(request(&model, 0, 6 * S - 1));
    cr_assert(request(&model, 0, 6 * S));
    cr_assert_eq(combined_model_window(&model, 0, 60 * S), 1, "the first has expired");
}

Test(combined_model, a_full_window_refuses_whatever_the_bucket_holds)
{
    struct combined_model model = model_of(2, 2, 9);
    cr_assert(request(&model, 0, 0));
    cr_assert(request(&model, 0, 0));
    cr_assert_not(request(&model, 0, 59 * S));
    cr_assert_eq(combined_model_tokens(&model, 0, 59 * S), 1);
    cr_assert(request(&model, 0, 60 * S));
}

Test(combined_model, waits_for_a_token_until_the_deadline_inclusive)
{
    struct combined_model model = model_of(10, 1, 9);
    int64_t passed_ns = -1;
    cr_assert(combined_model_acquire(&model, 0, 0, 0, &passed_ns));
    cr_assert_eq(passed_ns, 0);
    cr_assert_not(combined_model_acquire(&model, 0, 0, 6 * S - 1, &passed_ns));
    cr_assert(combined_model_acquire(&model, 0, 0, 6 * S, &passed_ns));
    cr_assert_eq(passed_ns, 6 * S);
}

Test(combined_model, a_deadline_in_the_past_is_no_matter_where_nothing_waits)
{
    struct combined_model model = model_of(10, 1, 9);
    cr_assert(combined_model_acquire(&model, 0, 5 * S, 0, NULL));
}

Test(combined_model, no_slot_takes_nothing)
{
    struct combined_model model = model_of(10, 2, 1);
    const struct combined_model before = model;
    cr_assert(combined_model_acquire(&model, 0, 0, 0, NULL));
    struct combined_model held = model;
    cr_assert_not(combined_model_acquire(&model, 1, 0, 0, NULL));
    cr_assert_eq(memcmp(&model, &held, sizeof model), 0);
    combined_model_give_back(&model, 0, 0, 0);
    cr_assert_eq(memcmp(&model, &before, sizeof model), 0, "as if nobody had come");
}

Test(combined_model, giving_back_returns_room_token_and_slot)
{
    struct combined_model model = model_of(1, 1, 1);
    int64_t passed_ns;
    for (int i = 0; i < 100; i++) {
        cr_assert(combined_model_acquire(&model, 1, 0, 0, &passed_ns));
        cr_assert_not(request(&model, 1, 0));
        combined_model_give_back(&model, 1, passed_ns, 0);
        cr_assert_eq(combined_model_window(&model, 1, 0), 0);
        cr_assert_eq(combined_model_tokens(&model, 1, 0), 1);
    }
}

Test(combined_model, providers_are_apart_but_for_the_slots)
{
    struct combined_model model = model_of(1, 1, 2);
    cr_assert(request(&model, 0, 0));
    cr_assert_not(request(&model, 0, 0));
    cr_assert(request(&model, 1, 0));
}

Test(combined_model, is_bounded)
{
    struct combined_model model = model_of(1000000, 1000000, 1);
    for (int i = 0; i < COMBINED_MODEL_ENTRIES_MAX; i++) {
        cr_assert(request(&model, 0, 0));
    }
    cr_assert_not(request(&model, 0, 0));
}

/* By definition: what passed in any window is at most the limit, and what passed between any two
 * moments at most the burst and what flowed in meanwhile. */
static void judge(const int64_t *passed_ns, int count, const struct combined_model_limits *limits)
{
    for (int first = 0; first < count; first++) {
        for (int last = first; last < count; last++) {
            const int64_t span_ns = passed_ns[last] - passed_ns[first];
            const int64_t passed = last - first + 1;
            cr_assert(span_ns >= limits->window_ns || passed <= limits->limit);
            cr_assert_leq(passed, limits->burst + span_ns / limits->interval_ns);
        }
    }
}

Test(combined_model, keeps_both_limits_on_random_runs)
{
    srandom(3);
    for (int round = 0; round < 500; round++) {
        const int64_t limit = 1 + random() % 6;
        struct combined_model model = model_of(limit, 1 + random() % 4, 1);
        int64_t passed_ns[COMBINED_MODEL_ENTRIES_MAX];
        int count = 0;
        int64_t now_ns = 0;
        for (int i = 0; i < 60 && count < COMBINED_MODEL_ENTRIES_MAX; i++) {
            now_ns += random() % 20 * S;
            int64_t at_ns;
            if (!combined_model_acquire(&model, 0, now_ns, now_ns + random() % 10 * S, &at_ns)) {
                continue;
            }
            now_ns = at_ns;
            if (random() % 4 == 0) {
                combined_model_give_back(&model, 0, at_ns, now_ns);
            } else {
                passed_ns[count++] = at_ns;
                combined_model_release(&model);
            }
        }
        judge(passed_ns, count, &model.limits);
    }
}
