// SPDX-License-Identifier: MIT

/* The flag: which keys it chooses, and what rolls it back. */

#include "../rollout.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

TestSuite(rollout, .timeout = 60);

enum { KEYS = 20000 };

static struct rollout_flag *open_flag(const struct rollout_variant *variant, const char *name,
                                      int share, int errors_max)
{
    char error[128] = "";
    const struct rollout_options options = {.name = name, .share = share, .errors_max = errors_max};
    struct rollout_flag *flag = variant->open(&options, error, sizeof error);
    cr_assert_not_null(flag, "%s: %s", variant->name, error);
    return flag;
}

static const char *key_of(int number)
{
    static char key[32];
    snprintf(key, sizeof key, "provider-%d", number);
    return key;
}

static bool replaced(struct rollout_flag *flag, int number)
{
    return rollout_fixed.decide(flag, key_of(number)).arm == ROLLOUT_REPLACEMENT;
}

Test(rollout, registry_finds_every_variant)
{
    cr_assert_eq(rollout_variants[0], &rollout_naive);
    for (size_t i = 0; i < rollout_variants_count; i++) {
        cr_assert_eq(rollout_find(rollout_variants[i]->name), rollout_variants[i]);
        rollout_variants[i]->close(NULL);
    }
    cr_assert_null(rollout_find("no-such-variant"));
}

Test(rollout, every_variant_serves_all_keys_by_one_arm_at_either_end)
{
    for (size_t i = 0; i < rollout_variants_count; i++) {
        const struct rollout_variant *variant = rollout_variants[i];
        struct rollout_flag *flag = open_flag(variant, "f", 0, 0);
        struct rollout_counters counters;
        for (int k = 0; k < 100; k++) {
            cr_assert_eq(variant->decide(flag, key_of(k)).arm, ROLLOUT_ORIGINAL);
        }
        variant->set_share(flag, ROLLOUT_SHARE_ALL);
        cr_assert_eq(variant->state(flag).share, ROLLOUT_SHARE_ALL);
        for (int k = 0; k < 50; k++) {
            cr_assert_eq(variant->decide(flag, key_of(k)).arm, ROLLOUT_REPLACEMENT);
        }
        variant->note_fall_back(flag);
        variant->counters(flag, &counters);
        cr_assert_eq(counters.calls[ROLLOUT_ORIGINAL], 100);
        cr_assert_eq(counters.calls[ROLLOUT_REPLACEMENT], 50);
        cr_assert_eq(counters.fall_backs, 1);
        variant->close(flag);
    }
}

Test(rollout, fixed_serves_the_share_of_keys_that_was_asked_for)
{
    const int shares[] = {1, 100, 1000, 5000, 9900};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        struct rollout_flag *flag = open_flag(&rollout_fixed, "memory_store", shares[i], 0);
        int served = 0;
        for (int k = 0; k < KEYS; k++) {
            served += replaced(flag, k);
        }
        const int expected = KEYS / 100 * shares[i] / 100;
        cr_assert_leq(abs(served - expected), 5 + KEYS / 100, "%d of %d at %d", served, KEYS,
                      shares[i]);
        rollout_fixed.close(flag);
    }
}

Test(rollout, fixed_moves_keys_one_way)
{
    struct rollout_flag *flag = open_flag(&rollout_fixed, "memory_store", 0, 0);
    for (int k = 0; k < 500; k++) {
        bool before = false;
        int moves = 0;
        for (int share = 0; share <= ROLLOUT_SHARE_ALL; share += 100) {
            rollout_fixed.set_share(flag, share);
            const bool now = replaced(flag, k);
            cr_assert_eq(now, replaced(flag, k));
            cr_assert(now || !before, "%s moved back at %d", key_of(k), share);
            moves += now != before;
            before = now;
        }
        cr_assert_eq(moves, 1);
    }
    rollout_fixed.close(flag);
}

Test(rollout, fixed_chooses_other_keys_for_another_flag)
{
    struct rollout_flag *one = open_flag(&rollout_fixed, "memory_store", 5000, 0);
    struct rollout_flag *other = open_flag(&rollout_fixed, "sliding_window", 5000, 0);
    int differ = 0;
    for (int k = 0; k < KEYS; k++) {
        differ += replaced(one, k) != replaced(other, k);
    }
    cr_assert_leq(abs(differ - KEYS / 2), KEYS / 20, "%d differ", differ);
    rollout_fixed.close(one);
    rollout_fixed.close(other);
}

Test(rollout, fixed_takes_a_share_to_the_nearest_end_and_refuses_nonsense_at_opening)
{
    struct rollout_flag *flag = open_flag(&rollout_fixed, "f", 1, 0);
    char error[128] = "";
    rollout_fixed.set_share(flag, -1);
    cr_assert_eq(rollout_fixed.state(flag).share, 0);
    rollout_fixed.set_share(flag, 70000);
    cr_assert_eq(rollout_fixed.state(flag).share, ROLLOUT_SHARE_ALL);
    rollout_fixed.close(flag);

    const struct rollout_options nonsense[] = {{.name = "f", .share = -1},
                                               {.name = "f", .share = 10001},
                                               {.name = "f", .errors_max = -1},
                                               {.name = "f", .errors_max = 65536}};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        cr_assert_null(rollout_fixed.open(&nonsense[i], error, sizeof error));
        cr_assert_not_null(strstr(error, i < 2 ? "share" : "errors_max"), "%s", error);
    }
}

Test(rollout, every_variant_rolls_back_after_the_last_error_it_bears)
{
    for (size_t i = 0; i < rollout_variants_count; i++) {
        const struct rollout_variant *variant = rollout_variants[i];
        struct rollout_flag *flag = open_flag(variant, "f", ROLLOUT_SHARE_ALL, 3);
        struct rollout_counters counters;
        const struct rollout_decision decision = variant->decide(flag, "k");
        variant->note_error(flag, &decision);
        variant->note_error(flag, &decision);
        cr_assert_eq(variant->state(flag).share, ROLLOUT_SHARE_ALL);
        cr_assert_eq(variant->state(flag).errors, 2);
        variant->note_error(flag, &decision);
        cr_assert_eq(variant->state(flag).share, 0);
        variant->counters(flag, &counters);
        cr_assert_eq(counters.errors, 3);
        cr_assert_eq(counters.rollbacks, 1);
        variant->close(flag);
    }
}

Test(rollout, fixed_never_rolls_back_when_told_so)
{
    struct rollout_flag *flag = open_flag(&rollout_fixed, "f", ROLLOUT_SHARE_ALL, 0);
    const struct rollout_decision decision = rollout_fixed.decide(flag, "k");
    for (int i = 0; i < ROLLOUT_ERRORS_MAX + 10; i++) {
        rollout_fixed.note_error(flag, &decision);
    }
    cr_assert_eq(rollout_fixed.state(flag).share, ROLLOUT_SHARE_ALL);
    cr_assert_eq(rollout_fixed.state(flag).errors, ROLLOUT_ERRORS_MAX);
    rollout_fixed.close(flag);
}

Test(rollout, fixed_counts_errors_against_the_setting_they_came_from)
{
    struct rollout_flag *flag = open_flag(&rollout_fixed, "f", ROLLOUT_SHARE_ALL, 1);
    const struct rollout_decision late = rollout_fixed.decide(flag, "k");
    rollout_fixed.set_share(flag, 0);
    rollout_fixed.set_share(flag, 500);
    rollout_fixed.note_error(flag, &late);
    cr_assert_eq(rollout_fixed.state(flag).share, 500, "an error of an earlier setting");
    const struct rollout_decision decision = rollout_fixed.decide(flag, "k");
    rollout_fixed.note_error(flag, &decision);
    cr_assert_eq(rollout_fixed.state(flag).share, 0);
    rollout_fixed.close(flag);
}

Test(rollout, fixed_ramps_only_from_what_it_has_seen)
{
    struct rollout_flag *flag = open_flag(&rollout_fixed, "f", 100, 1);
    struct rollout_state seen = rollout_fixed.state(flag);
    cr_assert(rollout_fixed.ramp_share(flag, &seen, 1000));
    cr_assert_eq(rollout_fixed.state(flag).share, 1000);
    cr_assert_not(rollout_fixed.ramp_share(flag, &seen, 2000), "that was an older setting");
    seen = rollout_fixed.state(flag);
    rollout_fixed.set_share(flag, 0);
    cr_assert_not(rollout_fixed.ramp_share(flag, &seen, 2000));
    cr_assert_eq(rollout_fixed.state(flag).share, 0);
    rollout_fixed.close(flag);
}

enum { THREADS = 4, ERRORS = 5000 };

static void *note_errors(void *argument)
{
    const struct rollout_decision decision = rollout_fixed.decide(argument, "k");
    for (int i = 0; i < ERRORS; i++) {
        rollout_fixed.note_error(argument, &decision);
    }
    return NULL;
}

Test(rollout, fixed_loses_no_error_of_many_threads)
{
    struct rollout_flag *flag = open_flag(&rollout_fixed, "f", 1, THREADS * ERRORS);
    pthread_t threads[THREADS];
    struct rollout_counters counters;
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, note_errors, flag), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    rollout_fixed.counters(flag, &counters);
    cr_assert_eq(counters.errors, THREADS * ERRORS);
    cr_assert_eq(counters.rollbacks, 1);
    cr_assert_eq(rollout_fixed.state(flag).share, 0);
    rollout_fixed.close(flag);
}
