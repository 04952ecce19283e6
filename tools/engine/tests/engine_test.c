// SPDX-License-Identifier: MIT
/* The models, one by one: every interleaving of small ordinary programs, and what they can come to.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/tests/explore.h"
#include "tools/engine/tests/subject.h"

static subject *program;
static uint32_t thread_count;

static void body(void *unused)
{
    (void)unused;
    threads(thread_count, program);
    report((uint64_t)outcome);
}

static exploration run(subject *subject_function, uint32_t count, exploration how)
{
    program = subject_function;
    thread_count = count;
    explore(&how, body);
    return how;
}

#define AWAIT ((exploration){.granularity = TREADLE_GRANULARITY_AWAIT})
#define SYNC ((exploration){.granularity = TREADLE_GRANULARITY_SYNC})
#define MEMORY ((exploration){.granularity = TREADLE_GRANULARITY_MEMORY})

/* Every interleaving passes, all were seen, and they came to exactly the results in the set. */
static void all_pass(const char *name, exploration result, uint64_t results)
{
    cr_assert_eq(result.passed, result.executions, "%s: %s: %s", name, result.last_bad.property,
                 result.last_bad.message);
    cr_assert(result.complete, "%s: not exhausted after %lu", name, result.executions);
    for (uint64_t i = 0; i < RESULTS_MAX; i++) {
        const bool wanted = results >> i & 1;
        cr_assert((result.results[i] > 0) == wanted, "%s: result %lu came %lu times", name, i,
                  result.results[i]);
    }
}

#define RESULT(n) (UINT64_C(1) << (n))
#define ALL_PASS(subject_function, count, how, results) \
    all_pass(#subject_function, run(subject_function, count, how), results)

/* It can break, with this property and these words. */
static void breaks(const char *name, exploration result, const char *property, const char *words)
{
    cr_assert_gt(result.violated, 0, "%s does not break", name);
    cr_assert_str_eq(result.last_bad.property, property, "%s: %s: %s", name,
                     result.last_bad.property, result.last_bad.message);
    cr_assert(strstr(result.last_bad.message, words) != NULL, "%s: \"%s\" is not in \"%s\"", name,
              words, result.last_bad.message);
}
#define BREAKS(subject_function, count, how, property, words) \
    breaks(#subject_function, run(subject_function, count, how), property, words)

Test(count, interleavings_are_the_multinomials)
{
    cr_assert_eq(run(three_steps, 2, MEMORY).executions, 20);
    cr_assert_eq(run(three_steps, 3, MEMORY).executions, 1680);
    cr_assert_eq(run(three_steps, 2, SYNC).executions, 70);
    cr_assert_eq(run(three_steps, 2, AWAIT).executions, 2);
    cr_assert_eq(run(three_steps, 3, AWAIT).executions, 6);
}

Test(mutex, types_behave_as_posix_says)
{
    ALL_PASS(mutex_types, 1, SYNC, RESULT(1));
    ALL_PASS(recursive_mutex, 2, SYNC, RESULT(2));
    ALL_PASS(recursive_mutex, 2, MEMORY, RESULT(2));
    ALL_PASS(recursive_mutex, 3, AWAIT, RESULT(3));
}

Test(mutex, trying_again_and_again_ends)
{
    ALL_PASS(trylock_loop, 2, SYNC, RESULT(2));
    ALL_PASS(trylock_loop, 3, AWAIT, RESULT(3));
}

Test(mutex, a_timed_lock_is_taken_or_times_out)
{
    ALL_PASS(timed_lock, 2, SYNC, RESULT(1) | RESULT(2));
    ALL_PASS(timed_lock, 2, AWAIT, RESULT(1) | RESULT(2));
}

Test(cond, which_waiter_wakes_is_decided)
{
    ALL_PASS(signal_one, 3, AWAIT, RESULT(1) | RESULT(2));
}

Test(cond, broadcast_wakes_all)
{
    ALL_PASS(broadcast_all, 3, SYNC, RESULT(3));
    ALL_PASS(broadcast_all, 3, AWAIT, RESULT(3));
}

Test(cond, a_timed_wait_is_signalled_or_times_out)
{
    ALL_PASS(timed_wait, 2, SYNC, RESULT(1) | RESULT(2));
    ALL_PASS(timed_wait, 2, AWAIT, RESULT(1) | RESULT(2));
}

/* POSIX allows that who times out takes a signal with it; glibc sees to it that another gets it. */
Test(cond, a_signal_is_not_lost_on_who_times_out)
{
    exploration how = SYNC;
    how.strategy = "dpor";
    ALL_PASS(leaves_signal, 3, how, RESULT(1) | RESULT(2));
}

/* One of its two is given up: it waits with the other. */
Test(cond, a_recursive_mutex_is_given_up_once)
{
    BREAKS(recursive_wait, 2, SYNC, "deadlock", "mutex 1 held by t-1");
    cr_assert_gt(run(recursive_wait, 2, SYNC).passed, 0);
}

Test(cond, spurious_wakeups_are_explored_on_demand)
{
    exploration how = SYNC;
    how.options.spurious_wakeups = true;
    how.strategy = "random";
    how.executions_max = 2000;
    const exploration spurious = run(broadcast_all, 2, how);
    cr_assert_eq(spurious.passed, spurious.executions, "%s", spurious.last_bad.message);
    cr_assert_gt(run(broadcast_all, 2, SYNC).executions, 1);
}

Test(cond, a_timed_wait_may_end_for_no_reason_too)
{
    static subject *const subjects[] = {waits_by_itself, waits_by_itself_by_clock,
                                        waits_by_itself_in_c11};
    exploration how = SYNC;
    how.options.spurious_wakeups = true;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        ALL_PASS(subjects[i], 1, SYNC, RESULT(2));
        ALL_PASS(subjects[i], 1, how, RESULT(1) | RESULT(2));
    }
    ALL_PASS(timed_wait, 2, how, RESULT(1) | RESULT(2));
    ALL_PASS(polls_with_timeouts, 2, how, RESULT(1));
}

/* Waits do not end for no reason for ever. */
Test(cond, a_wait_in_vain_is_found_where_wakeups_are_spurious)
{
    exploration how = SYNC;
    how.options.spurious_wakeups = true;
    how.executions_max = 1000;
    how = run(waits_in_vain, 1, how);
    cr_expect(how.complete);
    cr_expect_eq(how.violated, how.executions);
    cr_expect_str_eq(how.last_bad.property, "deadlock");
}

Test(locks, readers_share_and_writers_do_not)
{
    exploration how = SYNC;
    how.strategy = "random";
    how.executions_max = 20000;
    const exploration sampled = run(readers_and_writer, 3, how);
    cr_assert_eq(sampled.passed, sampled.executions, "%s: %s", sampled.last_bad.property,
                 sampled.last_bad.message);
    cr_assert_gt(sampled.results[2], 0, "two readers were never inside at once");
    ALL_PASS(upgrade_try, 2, SYNC, RESULT(1) | RESULT(2));
}

Test(locks, readers_pass_a_writer_unless_their_kind_forbids_it)
{
    for (int g = TREADLE_GRANULARITY_AWAIT; g <= TREADLE_GRANULARITY_SYNC; g++) {
        const exploration how = {.granularity = (treadle_granularity)g};
        ALL_PASS(reads_again, 2, how, RESULT(0));
        ALL_PASS(reads_again_writers_preferred, 2, how, RESULT(0));
        BREAKS(reads_again_writers_first, 2, how, "deadlock", "where no reader gets in before t-2");
        BREAKS(reads_again_static, 2, how, "deadlock", "where no reader gets in before t-2");
        cr_assert_gt(run(reads_again_static, 2, how).passed, 0);
        ALL_PASS(writers_first_try, 2, how, RESULT(1) | RESULT(2));
        ALL_PASS(writers_first_timed_read, 2, how, RESULT(1) | RESULT(2));
        ALL_PASS(writers_first_timed_write, 2, how, RESULT(1) | RESULT(2));
    }
    exploration how = SYNC;
    how.strategy = "random";
    how.executions_max = 5000;
    how = run(writers_first_tried_again, 3, how);
    cr_assert_eq(how.results[1], how.executions, "%s: %s", how.last_bad.property,
                 how.last_bad.message);
}

Test(locks, spin_locks_exclude)
{
    ALL_PASS(spin_count, 2, SYNC, RESULT(2));
}

Test(barrier, one_thread_a_round_is_serial)
{
    exploration how = SYNC;
    how.strategy = "random";
    how.executions_max = 20000;
    const exploration sampled = run(barrier_serial, 3, how);
    cr_assert_eq(sampled.passed, sampled.executions, "%s", sampled.last_bad.message);
    cr_assert_eq(sampled.results[2], sampled.executions);
}

Test(once, runs_once_and_others_wait)
{
    ALL_PASS(run_once, 3, SYNC, RESULT(3));
    ALL_PASS(run_once, 3, AWAIT, RESULT(3));
}

Test(once, an_initialiser_whose_thread_ends_runs_again)
{
    ALL_PASS(once_cancelled, 3, SYNC, RESULT(2));
}

Test(tsd, is_own_and_destroyed)
{
    ALL_PASS(thread_data, 1, SYNC, RESULT(3));
}

Test(semaphore, bounds_and_times_out)
{
    exploration how = SYNC;
    how.strategy = "random";
    how.executions_max = 20000;
    const exploration sampled = run(semaphores, 3, how);
    cr_assert_eq(sampled.passed, sampled.executions, "%s", sampled.last_bad.message);
    cr_assert_gt(sampled.results[2], 0);
    ALL_PASS(semaphore_timeout, 1, SYNC, RESULT(2));
}

Test(thread, join_detach_exit)
{
    ALL_PASS(join_values, 1, AWAIT, RESULT(14));
    ALL_PASS(exit_early, 1, SYNC, RESULT(7));
    const exploration detached = run(detach_one, 1, SYNC);
    cr_assert_eq(detached.passed, detached.executions, "%s", detached.last_bad.message);
    ALL_PASS(try_and_timed_join, 1, SYNC, RESULT(0) | RESULT(1) | RESULT(3));
}

static void body_on_main(void *unused)
{
    program(unused, thread_count);
    report(0);
}

static exploration run_on_main(subject *subject_function, uint32_t others, const char *strategy)
{
    exploration how = {.granularity = TREADLE_GRANULARITY_SYNC, .strategy = strategy};
    program = subject_function;
    thread_count = others;
    outcome = 0;
    explore(&how, body_on_main);
    cr_assert(how.complete);
    cr_assert_eq(how.violated, how.executions, "%s: %s", how.last_bad.property,
                 how.last_bad.message);
    return how;
}

Test(thread, the_process_outlives_a_main_that_exits)
{
    static const char *const strategies[] = {"dfs", "dpor"};
    for (size_t i = 0; i < sizeof strategies / sizeof strategies[0]; i++) {
        for (uint32_t others = 0; others <= 2; others++) {
            breaks("main_exits", run_on_main(main_exits, others, strategies[i]), "exit",
                   ", and the process ended with its last thread: what it came to is never "
                   "checked");
            cr_assert_eq((uint32_t)outcome, others);
        }
        breaks("main_exits", run_on_main(main_exits, 1, strategies[i]), "exit",
               "main calls pthread_exit at @0x");
        breaks("main_exits_in_c11", run_on_main(main_exits_in_c11, 0, strategies[i]), "exit",
               "main calls pthread_exit at @0x");
        breaks("main_is_cancelled", run_on_main(main_is_cancelled, 0, strategies[i]), "exit",
               "main is cancelled, and");
        breaks("main_exits_holding", run_on_main(main_exits_holding, 1, strategies[i]), "deadlock",
               "held by main, which has ended");
    }
}

Test(thread, cancellation)
{
    ALL_PASS(cancel_in_wait, 1, SYNC, RESULT(1));
    ALL_PASS(cancel_in_sem, 1, SYNC, RESULT(1));
    ALL_PASS(cancel_disabled, 1, SYNC, RESULT(1));
    ALL_PASS(cancel_runs_handlers_in_order, 1, SYNC, RESULT(23));
}

Test(thread, waiting_for_oneself_or_in_a_ring)
{
    ALL_PASS(self_join_cycle, 1, AWAIT, RESULT(1));
    BREAKS(deadlock_join, 1, SYNC, "deadlock", " for the end of");
}

Test(c11, threads_h)
{
    ALL_PASS(c11_all, 1, SYNC, RESULT(5));
    ALL_PASS(c11_once_and_tss, 2, SYNC, RESULT(1));
}

Test(time, passes_by_decision_only)
{
    ALL_PASS(two_sleepers, 2, AWAIT, RESULT(1) | RESULT(2));
    ALL_PASS(clocks, 1, SYNC, RESULT(1));
    ALL_PASS(absolute_sleep, 1, SYNC, RESULT(1));
    ALL_PASS(polls_with_sleep, 2, SYNC, RESULT(1));
    ALL_PASS(jumpy_clock, 1, SYNC, RESULT(0));
    exploration how = SYNC;
    how.options.clock_jump_count = 2;
    how.options.clock_jumps_ns[0] = INT64_C(1000000000);
    how.options.clock_jumps_ns[1] = INT64_C(5000000000);
    ALL_PASS(jumpy_clock, 1, how, RESULT(0) | RESULT(1) | RESULT(5));
}

static void with_skewed_clock(void *unused, uint32_t index)
{
    if (index == 1) {
        treadle_clock_offset(INT64_C(61000000000));
    }
    skewed_clock(unused, index);
}

Test(time, a_thread_s_wall_clock_can_be_wrong)
{
    exploration how = AWAIT;
    ALL_PASS(with_skewed_clock, 2, how, RESULT(3));
    treadle_trace *trace = calloc(1, sizeof *trace);
    how.options.trace = trace;
    run(with_skewed_clock, 2, how);
    bool noted = false;
    for (uint32_t i = 0; i < trace->event_count; i++) {
        size_t length;
        const char *text = treadle_trace_text(trace, &trace->events[i], &length);
        noted |= trace->events[i].kind == TREADLE_OP_NOTE && trace->events[i].thread == 2 &&
                 length == strlen("wall clock +61 s off") &&
                 memcmp(text, "wall clock +61 s off", length) == 0;
    }
    free(trace);
    cr_assert(noted);
}

static void note_again(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    treadle_record_pause(false);
    treadle_note("recorded again");
}

static void make_thread_unrecorded(void *unused)
{
    treadle_record_pause(true);
    treadle_run_threads(1, "early", note_again, unused);
}

Test(trace, names_threads_that_were_made_while_recording_was_paused)
{
    treadle_trace *trace = calloc(1, sizeof *trace);
    exploration how = {.granularity = TREADLE_GRANULARITY_SYNC, .executions_max = 1};
    how.options.trace = trace;
    explore(&how, make_thread_unrecorded);
    cr_assert_eq(how.passed, 1);
    cr_assert_eq(trace->event_count, 1);
    cr_assert_eq(trace->thread_count, 2);
    cr_assert_str_eq(trace->thread_names[trace->events[0].thread], "early-1");
    free(trace);
}

static void calls_that_see_time(void *unused)
{
    (void)unused;
    uint64_t right = 0;
    treadle_call_begin("reads the clock, then sleeps", NULL);
    jumpy_clock(NULL, 0);
    sleeps_a_minute(NULL, 0);
    right += treadle_clock_seen_ns() == 0;
    treadle_call_begin("sleeps", NULL);
    sleeps_a_minute(NULL, 0);
    right += treadle_clock_seen_ns() == -1;
    treadle_call_end();
    report(right);
}

Test(time, that_a_call_saw_is_its_own_though_it_be_zero)
{
    exploration how = AWAIT;
    explore(&how, calls_that_see_time);
    cr_assert_eq(how.results[2], 1);
}

static uint64_t results_of(const exploration *result)
{
    uint64_t set = 0;
    for (uint64_t i = 0; i < RESULTS_MAX; i++) {
        set |= (uint64_t)(result->results[i] > 0) << i;
    }
    return set;
}

Test(mutex, an_adaptive_one_waits_for_itself)
{
    BREAKS(adaptive_twice, 1, SYNC, "deadlock", "waits");
}

Test(time, does_not_pass_in_a_sleep_that_is_cancelled)
{
    ALL_PASS(cancelled_sleep, 1, SYNC, RESULT(1) | RESULT(2));
}

Test(misuse, arguments_that_are_refused)
{
    ALL_PASS(odd_arguments, 1, SYNC, RESULT(1));
}

Test(randomness, a_seed_begins_a_sequence)
{
    ALL_PASS(numbers_from_seeds, 1, SYNC, RESULT(1));
    ALL_PASS(seeded_numbers, 1, SYNC, RESULT(1));
    ALL_PASS(seeded_numbers, 1, SYNC, RESULT(1));
}

Test(randomness, is_the_same_in_every_execution_unless_asked)
{
    exploration once = run(random_numbers, 1, SYNC);
    exploration twice = run(random_numbers, 1, SYNC);
    cr_assert_eq(once.executions, 1);
    cr_assert_eq(results_of(&once), results_of(&twice));
    exploration how = SYNC;
    how.options.random_values = 3;
    exploration varied = run(random_numbers, 1, how);
    cr_assert_eq(varied.executions, 81); /* random, rand, and two words of getrandom */
    cr_assert_gt(__builtin_popcountll(results_of(&varied)), 1);
}

Test(heap, is_laid_out_the_same_in_every_execution)
{
    exploration how = SYNC;
    how.strategy = "random";
    how.executions_max = 50;
    exploration result = run(heap_blocks, 1, how);
    cr_assert_eq(result.passed, 50, "%s", result.last_bad.message);
    cr_assert_eq(__builtin_popcountll(results_of(&result)), 1);
    ALL_PASS(heap_aligned, 1, SYNC, RESULT(1));
    BREAKS(frees_wild, 1, SYNC, "wild-free", "no block of the heap");
}

Test(heap, addresses_do_not_depend_on_how_threads_interleave)
{
    const exploration result = run(heap_by_thread, 2, SYNC);
    cr_assert(result.complete);
    cr_assert_gt(result.executions, 10);
    cr_assert_eq(result.passed, result.executions, "%s", result.last_bad.message);
    cr_assert_eq(__builtin_popcountll(results_of(&result)), 1);
}

static __thread int callers_own = 5;

static void look_at_callers_own(void *unused)
{
    (void)unused;
    report((uint64_t)callers_own++);
}

Test(storage, of_the_caller_is_put_back)
{
    callers_own = 9;
    exploration how = SYNC;
    how.executions_max = 3;
    how.strategy = "random";
    explore(&how, look_at_callers_own);
    cr_expect_eq(how.results[5], 3);
    cr_expect_eq(callers_own, 9);
}

Test(storage, belongs_to_its_thread_and_its_execution)
{
    ALL_PASS(errno_is_own, 2, SYNC, RESULT(2));
    ALL_PASS(thread_local_is_own, 2, SYNC, RESULT(2));
    ALL_PASS(thread_local_is_own, 2, AWAIT, RESULT(2));
    exploration how = SYNC;
    how.strategy = "random";
    how.executions_max = 100;
    const exploration fresh = run(globals_are_fresh, 1, how);
    cr_assert_eq(fresh.passed, 100, "%s", fresh.last_bad.message);
}

Test(access, atomics_of_all_sizes)
{
    ALL_PASS(atomics_all, 1, MEMORY, RESULT(4));
}

Test(access, weak_compare_and_swap_may_fail_on_demand)
{
    ALL_PASS(weak_cas, 1, SYNC, RESULT(0));
    exploration how = SYNC;
    how.options.weak_cas_may_fail = true;
#ifdef __clang__
    /* clang calls one function for weak and strong: there is no telling them apart. */
    ALL_PASS(weak_cas, 1, how, RESULT(0));
#else
    ALL_PASS(weak_cas, 1, how, RESULT(0) | RESULT(1) | RESULT(2));
#endif
}

Test(access, volatile_is_a_scheduling_point_at_sync_unaligned_at_memory)
{
    ALL_PASS(unaligned_and_volatile, 2, AWAIT, RESULT(10));
    const exploration atomic_like = run(unaligned_and_volatile, 2, SYNC);
    cr_assert(atomic_like.complete);
    cr_assert_gt(atomic_like.results[9], 0, "no volatile update was lost");
    exploration how = MEMORY;
    how.strategy = "random";
    how.executions_max = 5000;
    const exploration racy = run(unaligned_and_volatile, 2, how);
    cr_assert_gt(racy.results[5] + racy.results[6] + racy.results[9], 0, "no update was lost");
}

Test(access, structs_may_tear_and_blocks_are_one_step)
{
    const exploration torn = run(copies_struct, 2, MEMORY);
    cr_assert(torn.complete);
    cr_assert_gt(torn.results[11], 0);
    cr_assert_gt(torn.results[22], 0);
#ifndef TREADLE_ASAN /* where clang makes one step of it */
    cr_assert_gt(torn.results[12] + torn.results[21], 0, "torn halves never show");
#endif
    ALL_PASS(copies_struct, 2, SYNC, RESULT(11) | RESULT(22));
    ALL_PASS(blocks_of_memory, 2, MEMORY, RESULT(1) | RESULT(2));
}

Test(spinning, ends_when_the_other_has_written)
{
    ALL_PASS(polls_with_timeouts, 2, AWAIT, RESULT(1));
    ALL_PASS(polls_with_timeouts, 2, SYNC, RESULT(1));
    ALL_PASS(spin_plain, 2, SYNC, RESULT(1));
    ALL_PASS(spin_plain, 2, MEMORY, RESULT(1));
    ALL_PASS(spin_volatile, 2, SYNC, RESULT(1));
    ALL_PASS(spin_volatile, 2, AWAIT, RESULT(1));
    ALL_PASS(spin_atomic, 2, SYNC, RESULT(1));
    ALL_PASS(spin_atomic, 2, AWAIT, RESULT(1));
    ALL_PASS(spin_two_flags, 2, SYNC, RESULT(1));
    ALL_PASS(spin_yield, 2, SYNC, RESULT(1));
    ALL_PASS(spin_yield, 2, AWAIT, RESULT(1));
    ALL_PASS(spin_cas_lock, 2, SYNC, RESULT(2));
}

Test(spinning, for_each_other_is_a_livelock)
{
    exploration how = SYNC;
    how.executions_max = 50; /* each of their turns is a decision: there is no end to them */
    BREAKS(spin_each_other, 2, how, "livelock", "nothing that they wait for can change");
}

Test(spinning, reading_often_is_not_spinning)
{
    exploration how = SYNC;
    how.strategy = "random";
    how.executions_max = 1000;
    const exploration result = run(reads_often, 2, how);
    cr_assert_eq(result.passed, 1000, "%s", result.last_bad.message);
    cr_assert_eq(result.results[2], 1000);
}

Test(misuse, is_found_and_named)
{
    BREAKS(unlocks_other, 2, SYNC, "misuse", "unlocks a mutex that");
    BREAKS(destroys_held, 1, SYNC, "misuse", "destroys a mutex that is held");
    BREAKS(barrier_uninitialised, 1, SYNC, "misuse", "not initialised");
    BREAKS(leaks_reader, 1, SYNC, "lock-leak", "held for reading");
    BREAKS(leaves_thread_running, 1, SYNC, "thread-leak", "nobody joins it");
    BREAKS(asserts_false, 1, SYNC, "assertion", "index == 77");
}

Test(strategies, are_reproducible_by_seed_and_number)
{
    for (int s = 0; s < 2; s++) {
        exploration how = SYNC;
        how.strategy = s == 0 ? "random" : "pct";
        how.executions_max = 200;
        const exploration once = run(upgrade_try, 2, how);
        const exploration twice = run(upgrade_try, 2, how);
        cr_assert_eq(memcmp(once.results, twice.results, sizeof once.results), 0);
        cr_assert_gt(once.results[1], 0);
        cr_assert_gt(once.results[2], 0);
    }
}

Test(strategies, options_and_threads_are_inverse)
{
    for (uint64_t enabled = 1; enabled < 256; enabled++) {
        for (uint32_t current = 0; current < 8; current++) {
            const uint32_t count = (uint32_t)__builtin_popcountll(enabled);
            uint64_t seen = 0;
            for (uint32_t option = 0; option < count; option++) {
                const uint32_t thread = treadle_option_thread(enabled, current, option);
                cr_assert(enabled >> thread & 1);
                cr_assert_eq(treadle_thread_option(enabled, current, thread), option);
                seen |= UINT64_C(1) << thread;
            }
            cr_assert_eq(seen, enabled);
            if (enabled >> current & 1) {
                cr_assert_eq(treadle_option_thread(enabled, current, 0), current);
            }
        }
    }
}
