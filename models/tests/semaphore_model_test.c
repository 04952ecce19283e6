// SPDX-License-Identifier: MIT

/* The model by example, and its invariants over random calls. */

#include "../semaphore_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct semaphore_model model_of(int64_t max_concurrent)
{
    struct semaphore_model model;
    cr_assert(semaphore_model_init(&model, max_concurrent));
    return model;
}

Test(semaphore_model, refuses_nonsense)
{
    struct semaphore_model model;
    uint64_t served[SEMAPHORE_MODEL_LINE_MAX];
    size_t count = 7;
    cr_assert_not(semaphore_model_init(&model, 0));
    cr_assert_not(semaphore_model_init(&model, -1));
    model = model_of(2);
    cr_assert_not(semaphore_model_resize(&model, 0, served, &count));
    cr_assert_eq(count, 0);
    cr_assert_eq(model.max_concurrent, 2);
}

Test(semaphore_model, serves_in_order_and_counts_who_had_to_wait)
{
    struct semaphore_model model = model_of(1);
    cr_assert_eq(semaphore_model_request(&model, 1), SEMAPHORE_MODEL_GRANTED);
    cr_assert_eq(semaphore_model_request(&model, 2), SEMAPHORE_MODEL_WAITS);
    cr_assert_eq(semaphore_model_request(&model, 3), SEMAPHORE_MODEL_WAITS);
    cr_assert_not(semaphore_model_try(&model));
    cr_assert_eq(model.total_queued, 3);
    cr_assert_eq(semaphore_model_release(&model), 2);
    cr_assert_not(semaphore_model_try(&model), "a slot that was handed on is not free");
    cr_assert_eq(semaphore_model_release(&model), 3);
    cr_assert_eq(semaphore_model_release(&model), 0);
    cr_assert_eq(model.active, 0);
    cr_assert_eq(model.total_acquired, 3);
    cr_assert_eq(model.total_queued, 4);
}

Test(semaphore_model, who_gives_up_stays_counted_and_is_not_served)
{
    struct semaphore_model model = model_of(1);
    cr_assert(semaphore_model_try(&model));
    cr_assert_eq(semaphore_model_request(&model, 5), SEMAPHORE_MODEL_WAITS);
    cr_assert_eq(semaphore_model_request(&model, 6), SEMAPHORE_MODEL_WAITS);
    cr_assert(semaphore_model_give_up(&model, 5));
    cr_assert_not(semaphore_model_give_up(&model, 5));
    cr_assert_eq(model.total_queued, 2);
    cr_assert_eq(semaphore_model_release(&model), 6);
}

Test(semaphore_model, resizing_serves_the_line_and_takes_nothing_away)
{
    struct semaphore_model model = model_of(1);
    uint64_t served[SEMAPHORE_MODEL_LINE_MAX];
    size_t count;
    for (uint64_t id = 1; id <= 4; id++) {
        semaphore_model_request(&model, id);
    }
    cr_assert(semaphore_model_resize(&model, 3, served, &count));
    cr_assert_eq(count, 2);
    cr_assert_eq(served[0], 2);
    cr_assert_eq(served[1], 3);
    cr_assert(semaphore_model_resize(&model, 1, served, &count));
    cr_assert_eq(count, 0);
    cr_assert_eq(semaphore_model_available(&model), -2);
    cr_assert_eq(semaphore_model_release(&model), 0);
    cr_assert_eq(semaphore_model_release(&model), 0);
    cr_assert_eq(semaphore_model_release(&model), 4);
}

Test(semaphore_model, says_when_its_line_is_full)
{
    struct semaphore_model model = model_of(1);
    semaphore_model_request(&model, 1);
    for (uint64_t id = 2; id < 2 + SEMAPHORE_MODEL_LINE_MAX; id++) {
        cr_assert_eq(semaphore_model_request(&model, id), SEMAPHORE_MODEL_WAITS);
    }
    cr_assert_eq(semaphore_model_request(&model, 99), SEMAPHORE_MODEL_FULL);
    cr_assert_eq(model.total_queued, SEMAPHORE_MODEL_LINE_MAX);
}

/* What must be so after every call: nobody waits while a slot is free, each id waits once at most,
 * and what is beyond the line is zero. */
static void require_sound(const struct semaphore_model *model)
{
    cr_assert(model->waiting == 0 || semaphore_model_available(model) <= 0);
    cr_assert_geq(model->active, 0);
    cr_assert_geq(model->total_acquired, model->active);
    for (uint64_t i = 0; i < SEMAPHORE_MODEL_LINE_MAX; i++) {
        cr_assert_eq(model->line[i] != 0, i < model->waiting);
        for (uint64_t j = 0; j < i; j++) {
            cr_assert(model->line[i] == 0 || model->line[i] != model->line[j]);
        }
    }
}

Test(semaphore_model, keeps_its_invariants_over_random_calls)
{
    struct semaphore_model model = model_of(2);
    uint64_t served[SEMAPHORE_MODEL_LINE_MAX];
    size_t count;
    uint64_t id = 0;
    int64_t acquired = 0;
    srandom(1);
    for (int i = 0; i < 100000; i++) {
        switch (random() % 5) {
        case 0: acquired += semaphore_model_try(&model); break;
        case 1: acquired += semaphore_model_request(&model, ++id) == SEMAPHORE_MODEL_GRANTED; break;
        case 2:
            if (model.active > 0) {
                const bool waited = model.waiting > 0;
                const bool room = model.active <= model.max_concurrent;
                const bool handed_on = semaphore_model_release(&model) != 0;
                cr_assert_eq(handed_on, waited && room);
                acquired += handed_on;
            }
            break;
        case 3: semaphore_model_give_up(&model, id - (uint64_t)(random() % 4)); break;
        default:
            semaphore_model_resize(&model, random() % 5, served, &count);
            acquired += (int64_t)count;
        }
        require_sound(&model);
    }
    cr_assert_eq(model.total_acquired, acquired);
}
