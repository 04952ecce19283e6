// SPDX-License-Identifier: MIT
/* Waiting: what is said of those who wait for ever, starvation, and that polling ends. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/engine/tests/explore.h"
#include "tools/engine/tests/liveness_subject.h"

static liveness_subject *program;
static uint32_t thread_count;

static void body(void *unused)
{
    (void)unused;
    threads(thread_count, program);
    report((uint64_t)liveness_outcome);
}

static exploration run(liveness_subject *subject, uint32_t count, exploration how)
{
    program = subject;
    thread_count = count;
    explore(&how, body);
    return how;
}

#define SYNC ((exploration){.granularity = TREADLE_GRANULARITY_SYNC})

/* Takes places out of a message, so that the rest can be compared. */
static void without_places(char *message)
{
    for (char *at; (at = strstr(message, " at @0x")) != NULL;) {
        const char *end = at + strlen(" at @0x");
        end += strspn(end, "0123456789abcdef");
        memmove(at + 2, end, strlen(end) + 1);
        memcpy(at, " @", 2);
    }
}

/* How long a cycle of random walks is depends on what the compiler leaves on the stacks. */
static void without_length(char *message)
{
    char *at = strstr(message, "as it was ");
    if (at != NULL) {
        at += strlen("as it was ");
        const char *end = at + strspn(at, "0123456789");
        memmove(at + 1, end, strlen(end) + 1);
        *at = '#';
    }
}

static void ends_with(const char *name, exploration result, const char *property,
                      const char *message)
{
    cr_assert_gt(result.violated, 0, "%s does not break", name);
    cr_expect_str_eq(result.last_bad.property, property, "%s: %s: %s", name,
                     result.last_bad.property, result.last_bad.message);
    without_places(result.last_bad.message);
    without_length(result.last_bad.message);
    cr_expect_str_eq(result.last_bad.message, message, "%s: \"%s\"", name, result.last_bad.message);
}
#define ENDS_WITH(subject, count, property, message) \
    ends_with(#subject, run(subject, count, SYNC), property, message)

/* Some execution says so. */
static bool said(liveness_subject *subject, uint32_t count, const char *message)
{
    for (uint64_t max = 1; max <= 4096; max *= 2) {
        exploration how = SYNC;
        how.strategy = "random";
        how.executions_max = max;
        exploration result = run(subject, count, how);
        without_places(result.last_bad.message);
        if (strcmp(result.last_bad.message, message) == 0) {
            return true;
        }
    }
    return false;
}

Test(deadlock, a_cycle_comes_first)
{
    cr_expect(said(takes_crosswise, 3,
                   "t-1 waits @ for mutex 2 held by t-2, taken @; "
                   "t-2 waits @ for mutex 1 held by t-1, taken @; "
                   "t-3 waits @ for mutex 1 held by t-1, taken @"));
    cr_expect(said(takes_in_ring, 3,
                   "t-1 waits @ for mutex 2 held by t-2, taken @; "
                   "t-2 waits @ for mutex 3 held by t-3, taken @; "
                   "t-3 waits @ for mutex 1 held by t-1, taken @"));
    ENDS_WITH(joins_who_waits, 1, "deadlock",
              "t-1 waits @ for the end of thread-2; "
              "thread-2 waits @ for mutex 1 held by t-1, taken @");
}

Test(deadlock, readers_are_named)
{
    ENDS_WITH(both_upgrade, 1, "deadlock",
              "t-1 waits @ for read-write lock 1 held for reading by t-1 itself, taken @");
    cr_expect(said(waits_for_readers, 3,
                   "t-1 waits @ for mutex 1 held by t-3, taken @; "
                   "t-3 waits @ for read-write lock 1 held for reading by t-1, taken @ and t-2, "
                   "taken @; t-2 waits @ for mutex 1 held by t-3, taken @"));
}

Test(deadlock, readers_wait_for_writers_that_wait)
{
    cr_expect(said(reads_again_behind_writers, 2,
                   "t-1 waits @ for read-write lock 1, where no reader gets in before t-2; "
                   "t-2 waits @ for read-write lock 1 held for reading by t-1, taken @"));
    cr_expect(said(reads_again_behind_writers, 3,
                   "t-1 waits @ for read-write lock 1, where no reader gets in before t-2 and t-3; "
                   "t-2 waits @ for read-write lock 1 held for reading by t-1, taken @; "
                   "t-3 waits @ for read-write lock 1 held for reading by t-1, taken @"));
}

Test(deadlock, a_signal_is_missing_lost_or_was_another_s)
{
    ENDS_WITH(waits_unsignalled, 1, "deadlock",
              "t-1 waits @ for condition variable 1, which was never signalled");
    ENDS_WITH(waits_too_late, 2, "deadlock",
              "t-2 waits @ for condition variable 1, which t-1 signalled @ before it waited: the "
              "wake-up is lost");
    ENDS_WITH(waits_after_another_woke, 3, "deadlock",
              "t-2 waits @ for condition variable 1, which t-3 signalled last @, waking another");
    cr_expect(said(waits_woken_once, 3,
                   "t-2 waits @ for condition variable 1, which t-3 signalled last @, waking "
                   "another"));
}

Test(deadlock, what_nobody_owns)
{
    cr_expect(said(waits_unposted, 2, "t-1 waits @ for semaphore 1, last taken by t-2 @"));
    ENDS_WITH(waits_at_barrier, 1, "deadlock",
              "t-1 waits @ for barrier 1, at which 1 of 3 have arrived");
    ENDS_WITH(waits_for_ended, 1, "deadlock",
              "t-1 waits @ for mutex 1 held by thread-2, which has ended, taken @");
}

Test(leaks, say_where)
{
    ENDS_WITH(leaves_mutex, 1, "lock-leak", "mutex 1 is still held by t-1 at the end, taken @");
    ENDS_WITH(leaves_read_lock, 1, "lock-leak",
              "read-write lock 1 is still held for reading by t-1 at the end, taken @");
    cr_expect(said(leaves_thread, 1, "thread-2, created @, was neither joined nor detached"));
}

static exploration bounded(liveness_subject *subject, uint32_t count, uint32_t max)
{
    exploration how = SYNC;
    how.strategy = "random";
    how.executions_max = 3000;
    how.options.overtaken_max = max;
    return run(subject, count, how);
}

Test(starvation, is_being_overtaken_too_often)
{
    exploration result = bounded(overtakes_semaphore, 2, 2);
    ends_with("semaphore", result, "starvation",
              "t-1 waits @ for semaphore 1, and others took it 3 times since, t-2 the last time @");
    result = bounded(overtakes_mutex, 2, 3);
    ends_with("mutex", result, "starvation",
              "t-1 waits @ for mutex 1, and others took it 4 times since, t-2 the last time @");
    result = bounded(overtakes_rwlock, 3, 4);
    cr_expect_str_eq(result.last_bad.property, "starvation");
}

Test(starvation, needs_a_bound_and_more_than_that)
{
    cr_expect_eq(bounded(overtakes_semaphore, 2, 0).violated, 0);
    cr_expect_eq(bounded(overtakes_semaphore, 2, 6).violated, 0);
    cr_expect_eq(bounded(overtakes_mutex, 2, 6).violated, 0);
    cr_expect_eq(bounded(never_full, 2, 2).violated, 0);
    const exploration twice = bounded(overtaken_twice, 2, 2);
    cr_expect_eq(twice.violated, 0, "%s", twice.last_bad.message);
    cr_expect_gt(bounded(overtaken_twice, 2, 1).violated, 0);
    const exploration fair = bounded(takes_tickets, 3, 1);
    cr_expect_eq(fair.passed, fair.executions, "%s: %s", fair.last_bad.property,
                 fair.last_bad.message);
}

static void comes_to_one(const char *name, liveness_subject *subject, uint32_t count)
{
    static const char *const strategies[] = {"random", "pct", "dfs"};
    for (size_t i = 0; i < sizeof strategies / sizeof strategies[0]; i++) {
        for (int g = TREADLE_GRANULARITY_AWAIT; g <= TREADLE_GRANULARITY_SYNC; g++) {
            exploration how = {.granularity = (treadle_granularity)g,
                               .strategy = strategies[i],
                               .executions_max = 3000};
            how = run(subject, count, how);
            cr_expect_eq(how.results[1], how.executions, "%s, %s: %s: %s", name, strategies[i],
                         how.last_bad.property, how.last_bad.message);
        }
    }
}
#define COMES_TO_ONE(subject, count) comes_to_one(#subject, subject, count)

Test(polling, ends_whatever_the_strategy)
{
    COMES_TO_ONE(polls_semaphore, 2);
    COMES_TO_ONE(polls_mutex, 2);
    COMES_TO_ONE(polls_rwlock, 2);
    COMES_TO_ONE(polls_join, 1);
    COMES_TO_ONE(polls_and_gives_up, 2);
    COMES_TO_ONE(polls_then_locks, 3);
    COMES_TO_ONE(polls_against_another, 3);
    COMES_TO_ONE(polls_against_another, 4);
}

Test(polling, gives_each_other_turns)
{
    COMES_TO_ONE(polls_a_hundred_times, 2);
    COMES_TO_ONE(polls_in_turn, 2);
}

Test(polling, is_not_what_the_library_is_made_to_write)
{
    exploration how = {.granularity = TREADLE_GRANULARITY_SYNC, .executions_max = 1};
    how = run(writes_by_library, 1, how);
    cr_expect_eq(how.results[1], 1, "%s: %s", how.last_bad.property, how.last_bad.message);
}

/* It is a wait like any other: every order of the timeouts and the rest is there, and finite. */
Test(polling, can_be_exhausted)
{
    exploration how = SYNC;
    how = run(polls_semaphore, 2, how);
    cr_expect(how.complete);
    cr_expect_gt(how.executions, 10);
    how = run(times_out_at_last, 2, SYNC);
    cr_expect(how.complete);
    cr_expect_eq(how.passed, how.executions);
    cr_expect_gt(how.results[2], 0, "the fourth never gets it");
    cr_expect_gt(how.results[3], 0, "the fourth never times out");
}

/* ---- going round -------------------------------------------------------------------------------
 */

static exploration go_round(liveness_subject *subject, const char *strategy, uint32_t step_limit)
{
    exploration how = SYNC;
    how.strategy = strategy;
    how.executions_max = 20000;
    how.options.step_limit = step_limit;
    how.options.random_values = 2;
    how.options.weak_cas_may_fail = true;
    how.options.watch_cycles = true;
    return run(subject, 2, how);
}

Test(livelock, is_a_state_that_comes_again_under_fair_scheduling)
{
    static liveness_subject *const subjects[] = {backs_off, backs_off_yielding, after_you,
                                                 undoes_the_other};
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        for (int s = 0; s < 2; s++) {
            const exploration result = go_round(subjects[i], s == 0 ? "random" : "dfs", 40);
            cr_expect_gt(result.violated, 0, "%zu %d %lu", i, s, result.executions);
        }
    }
    exploration result = go_round(backs_off, "random", 100);
    cr_expect_eq(result.passed + result.violated, result.executions);
    ends_with("backs_off", result, "livelock",
              "t-1 and t-2 can go round for ever: everything is as it was # steps ago, and each "
              "thread that could run has done so since");
}

Test(livelock, is_not_what_ends_or_needs_an_unfair_scheduler)
{
    static liveness_subject *const subjects[] = {backs_off_counting,
                                                 backs_off_until_late,
                                                 backs_off_by_lot,
                                                 asks_until_told,
                                                 polls_and_gives_up,
                                                 polls_in_turn,
                                                 polls_mutex,
                                                 polls_then_locks,
                                                 counts_on_stack,
                                                 counts_in_heap,
                                                 counts_in_global,
                                                 drains_semaphore,
                                                 waits_until_late,
                                                 fails_by_lot,
                                                 times_out_meanwhile,
                                                 asks_until_told_or_late,
                                                 counts_until_late,
                                                 counts_until_late_by_engine,
                                                 counts_in_hidden_memory};
    static const char *const strategies[] = {"random", "pct", "dfs"};
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        for (size_t s = 0; s < sizeof strategies / sizeof strategies[0]; s++) {
            const exploration result = go_round(subjects[i], strategies[s], 60);
            cr_expect_eq(result.violated, 0, "%zu, %s: %s", i, strategies[s],
                         result.last_bad.message);
        }
    }
}

/* Without its turn the one who could answer never does, and the step limit ends it. */
Test(livelock, watching_for_it_gives_fair_turns)
{
    static const char *const strategies[] = {"pct", "dfs"};
    for (size_t s = 0; s < sizeof strategies / sizeof strategies[0]; s++) {
        exploration result = go_round(asks_until_told, strategies[s], 200);
        cr_expect_eq(result.passed, result.executions, "%s: %s", strategies[s],
                     result.last_bad.message);
        result = go_round(asks_until_told_or_late, strategies[s], 200);
        cr_expect_eq(result.results[1], result.executions, "%s: %s", strategies[s],
                     result.last_bad.message);
    }
}

/* What the library writes counts as something done, until the state is looked at. */
Test(livelock, watching_for_it_sees_that_the_library_writes_the_same)
{
    const exploration result = go_round(says_that_it_waits, "random", 200);
    cr_expect_gt(result.violated, 0);
    cr_expect_eq(result.other, 0, "%s", result.last_bad.message);
}

/* Without watching, the message says whose turn it was all the time. */
Test(livelock, the_step_limit_says_who_ran_alone)
{
    exploration how = SYNC;
    how.executions_max = 1;
    how.options.step_limit = 200;
    how = run(asks_until_told, 2, how);
    cr_expect_str_eq(how.last_bad.property, "step-limit");
    cr_expect_not_null(strstr(how.last_bad.message, " of t-1 alone, while others could go on (a "
                                                    "loop that waits? see watch_cycles)"),
                       "%s", how.last_bad.message);
}

/* A loop that watches the clock ends, though there is nobody whose turn it could be. */
Test(livelock, watching_for_it_lets_time_pass)
{
    const exploration result = go_round(counts_until_late, "pct", 2000);
    cr_expect_eq(result.passed, result.executions, "%s", result.last_bad.message);
}
