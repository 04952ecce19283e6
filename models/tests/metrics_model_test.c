// SPDX-License-Identifier: MIT
#include "models/metrics_model.h"

#include <criterion/criterion.h>

Test(metrics_model, counts_each_pair_of_names_apart)
{
    struct metrics_model model = {0};
    metrics_model_record(&model, "a_b", "c", 1);
    metrics_model_record(&model, "a", "b_c", 2);
    metrics_model_record(&model, "a_b", "c", 3);
    cr_assert_eq(metrics_model_read(&model, "a_b", "c").count, 2);
    cr_assert_eq(metrics_model_read(&model, "a_b", "c").latest_s, 3);
    cr_assert_eq(metrics_model_read(&model, "a", "b_c").count, 1);
    cr_assert_eq(metrics_model_read(&model, "a", "c").count, 0);
}
