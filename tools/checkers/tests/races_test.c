// SPDX-License-Identifier: MIT
/* Programs that are racy or not by one rule each, at every granularity; what a report says; and
 * that what executions leave behind does not matter. */
#include "tools/checkers/races.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/checkers/race_internal.h"
#include "tools/checkers/tests/races_subject.h"
#include "tools/engine/tests/explore.h"

static const race_program *program;
static treadle_races *races;

static void body(void *unused)
{
    (void)unused;
    threads(program->threads, program->run);
    look_at_data();
}

/* The program is what main does itself. */
static void body_of_main(void *unused)
{
    (void)unused;
    program->run(NULL, 0);
}

static exploration run_as(void (*as)(void *), const race_program *what,
                          treadle_granularity granularity)
{
    if (races == NULL) {
        races = treadle_races_open();
        cr_assert_not_null(races);
    }
    exploration how = {.granularity = granularity,
                       .strategy = "random",
                       .executions_max = 1000,
                       .property = "data-race",
                       .options = {.heap_reuse_after = 1,
                                   .observer = &treadle_races_observer,
                                   .observer_self = races}};
    program = what;
    explore(&how, as);
    return how;
}

static exploration run_under(const race_program *what, treadle_granularity granularity)
{
    return run_as(body, what, granularity);
}

static const race_program *find(const char *name)
{
    size_t i = 0;
    while (i < race_program_count && strcmp(race_programs[i].name, name) != 0) {
        i++;
    }
    cr_assert_lt(i, race_program_count, "no program %s", name);
    return &race_programs[i];
}

static void as_stated(const race_program *what, treadle_granularity granularity)
{
    const exploration result = run_under(what, granularity);
    const char *level = treadle_granularity_name(granularity);
    if (!what->racy) {
        cr_expect_eq(result.passed, result.executions, "%s at %s: %s: %s", what->name, level,
                     result.last_bad.property, result.last_bad.message);
        return;
    }
    cr_expect_gt(result.violated, 0, "%s at %s: no race was found", what->name, level);
    cr_expect(!what->always || result.violated == result.executions, "%s at %s: %lu of %lu",
              what->name, level, result.violated, result.executions);
    cr_expect_eq(result.other, 0, "%s at %s: %s", what->name, level, result.last_bad.message);
    cr_expect_str_eq(result.last_bad.property, "data-race", "%s at %s: %s", what->name, level,
                     result.last_bad.message);
}

Test(races, every_program_is_as_stated_at_sync)
{
    for (size_t i = 0; i < race_program_count; i++) {
        as_stated(&race_programs[i], TREADLE_GRANULARITY_SYNC);
    }
}

Test(races, every_program_is_as_stated_at_memory)
{
    for (size_t i = 0; i < race_program_count; i++) {
        as_stated(&race_programs[i], TREADLE_GRANULARITY_MEMORY);
    }
}

/* What main does before it makes a thread is compared with nothing; what it does after that is. */
Test(races, main_races_from_its_first_thread_on)
{
    exploration result =
        run_as(body_of_main, find("writes_before_the_join"), TREADLE_GRANULARITY_SYNC);
    cr_expect_eq(result.violated, result.executions);
    result = run_as(body_of_main, find("create_and_join"), TREADLE_GRANULARITY_SYNC);
    cr_expect_eq(result.passed, result.executions);
}

/* Without threads that could be switched, in order, a race shows nevertheless. */
Test(races, one_execution_is_enough)
{
    static const char *const names[] = {"mutex_one",    "mutexes_two",     "relaxed_both",
                                        "copies_from",  "reader_writes",   "waits_by_sleeping",
                                        "across_words", "once_and_a_peek", "atomic_and_plain"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        races = races != NULL ? races : treadle_races_open();
        exploration how = {
            .granularity = TREADLE_GRANULARITY_AWAIT,
            .executions_max = 1,
            .options = {.observer = &treadle_races_observer, .observer_self = races}};
        program = find(names[i]);
        explore(&how, body);
        cr_expect_eq(how.violated, 1, "%s", names[i]);
    }
}

/* ---- what a report says ---------------------------------------------------------------------- */

static const char *message_of(const char *name, treadle_granularity granularity)
{
    static treadle_outcome outcome;
    outcome = run_under(find(name), granularity).last_bad;
    return outcome.message;
}

static void says(const char *message, const char *words)
{
    cr_expect(strstr(message, words) != NULL, "\"%s\" is not in \"%s\"", words, message);
}

Test(report, names_threads_sizes_places_and_locks)
{
    const char *message = message_of("mutex_one", TREADLE_GRANULARITY_SYNC);
    says(message, "4 bytes at @0x");
    says(message, "t-1 ");
    says(message, "t-2 w");
    says(message, "holding no lock");
    says(message, "holding mutex 1 (&0x");
    says(message, "; nothing orders the two");
}

Test(report, names_each_lock_that_is_held)
{
    const char *message = message_of("mutexes_two", TREADLE_GRANULARITY_SYNC);
    says(message, "holding mutex 1 (&0x");
    says(message, "holding mutex 2 (&0x");
    message = message_of("reader_writes", TREADLE_GRANULARITY_SYNC);
    says(message, "holding read-write lock 1 (&0x");
    says(message, " for reading");
}

Test(report, names_blocks_of_the_heap)
{
    const char *message = message_of("fresh_block_handed_over", TREADLE_GRANULARITY_SYNC);
    says(message, "the block of 16 bytes that t-1 allocated at @0x");
    says(message, ", offset 12: t-1 allocated 16 bytes");
    says(message, "t-2 reads 4 bytes at @0x");
}

Test(report, names_the_manner_of_an_access)
{
    says(message_of("volatile_and_plain_read", TREADLE_GRANULARITY_SYNC), "4 bytes as volatile at");
    says(message_of("atomic_and_plain", TREADLE_GRANULARITY_SYNC), "4 bytes atomically at");
    says(message_of("frees_while_read", TREADLE_GRANULARITY_MEMORY), " free");
}

/* ---- between executions ---------------------------------------------------------------------- */

Test(life, epochs_that_are_used_up_start_again)
{
    run_under(find("mutex_both"), TREADLE_GRANULARITY_MEMORY);
    races->clocks.latest = UINT32_MAX - 5;
    as_stated(find("all_readers_are_waited_for"), TREADLE_GRANULARITY_MEMORY);
    cr_assert_lt(races->clocks.latest, 1u << 20, "they did not start again");
    races->clocks.latest = UINT32_MAX - 5;
    as_stated(find("one_reader_is_not_waited_for"), TREADLE_GRANULARITY_MEMORY);
    as_stated(find("mutex_both"), TREADLE_GRANULARITY_MEMORY);
}

Test(life, memory_is_kept_from_one_execution_to_the_next)
{
    run_under(find("memory_is_used_again"), TREADLE_GRANULARITY_MEMORY);
    const uint32_t pages = races->shadow.page_count;
    run_under(find("memory_is_used_again"), TREADLE_GRANULARITY_MEMORY);
    cr_assert_eq(races->shadow.page_count, pages);
    cr_assert_lt(pages, 32);
}
