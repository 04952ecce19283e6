// SPDX-License-Identifier: MIT
/* Memory safety: what is found, at which granularity, in which words; and that nothing else is. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/engine/tests/explore.h"
#include "tools/engine/tests/memory_subject.h"

/* In the asan build it is AddressSanitizer that sees these, and the process dies of it:
 * litmus/planted tries that. */
#ifdef TREADLE_ASAN
enum { SEEN_BY_ASAN = 1 };
#else
enum { SEEN_BY_ASAN = 0 };
#endif

static memory_subject *program;
static uint32_t thread_count;

static void body(void *unused)
{
    (void)unused;
    threads(thread_count, program);
    report((uint64_t)memory_outcome);
}

static exploration run(memory_subject *subject, uint32_t count, treadle_granularity granularity,
                       treadle_execution_options options)
{
    program = subject;
    thread_count = count;
    exploration how = {.granularity = granularity, .executions_max = 200000, .options = options};
    explore(&how, body);
    return how;
}

typedef struct wrong {
    const char *name;
    memory_subject *subject;
    uint32_t threads;
    const char *property;
    const char *words;
} wrong;

static void expect(const wrong *row, treadle_granularity granularity)
{
    const exploration result =
        run(row->subject, row->threads, granularity, (treadle_execution_options){0});
    cr_assert_gt(result.violated, 0, "%s does not break", row->name);
    cr_expect_str_eq(result.last_bad.property, row->property, "%s: %s: %s", row->name,
                     result.last_bad.property, result.last_bad.message);
    cr_expect(strstr(result.last_bad.message, row->words) != NULL, "%s: \"%s\" is not in \"%s\"",
              row->name, row->words, result.last_bad.message);
}

/* Whether a thread is switched within does not matter to these. */
static void expect_at_all(const wrong *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (int g = TREADLE_GRANULARITY_AWAIT; g <= TREADLE_GRANULARITY_MEMORY; g++) {
            expect(&rows[i], (treadle_granularity)g);
        }
    }
}

#define ROW(subject, count, property, words)      \
    {                                             \
#subject, subject, count, property, words \
    }
#define EXPECT_AT_ALL(rows) expect_at_all(rows, sizeof(rows) / sizeof(rows)[0])

Test(freed, is_not_to_be_used)
{
    static const wrong rows[] = {
        ROW(reads_freed, 1, "use-after-free", "t-1 reads 4 bytes at @0x"),
        ROW(reads_freed, 1, "use-after-free",
            ", 8 bytes into a block of 24 bytes that t-1 allocated at @0x"),
        ROW(reads_freed, 1, "use-after-free", " and t-1 freed at @0x"),
        ROW(writes_freed, 1, "use-after-free", "t-1 writes 8 bytes"),
        ROW(adds_to_freed, 1, "use-after-free", "t-1 reads 4 bytes"),
        ROW(loads_freed, 1, "use-after-free", "t-1 reads 4 bytes"),
        ROW(swaps_freed, 1, "use-after-free", ", 12 bytes into a block"),
        ROW(copies_freed, 1, "use-after-free", "t-1 reads 24 bytes"),
        ROW(assigns_freed, 1, "use-after-free", "into a block of 24 bytes"),
        ROW(locks_freed, 1, "use-after-free", "t-1 uses a synchronisation object"),
        ROW(posts_freed, 1, "use-after-free", "t-1 uses a synchronisation object"),
        ROW(reads_reallocated, 1, "use-after-free", "12 bytes into a block of 16 bytes"),
        ROW(reads_freed_later, 1, "use-after-free", "8 bytes into a block of 24 bytes"),
    };
    EXPECT_AT_ALL(rows);
}

Test(bounds, are_to_the_byte)
{
    static const wrong rows[] = {
        ROW(reads_past_end, 1, "heap-overflow", "t-1 reads 4 bytes at @0x"),
        ROW(reads_past_end, 1, "heap-overflow", ", 0 bytes after the end of a block of 16 bytes"),
        ROW(reads_next_byte, 1, "heap-overflow",
            "0 bytes after the end of a block of 13 bytes that t-1 allocated at @0x"),
        ROW(writes_before, 1, "heap-overflow", "4 bytes before the start of a block of 16 bytes"),
        ROW(writes_across_end, 1, "heap-overflow", "writes 8 bytes"),
        ROW(writes_across_end, 1, "heap-overflow",
            "4 bytes too many from offset 8 of a block of 12 bytes"),
        ROW(sets_too_much, 1, "heap-overflow",
            "40 bytes too many from offset 0 of a block of 100 bytes"),
        ROW(reads_far_past_end, 1, "heap-overflow", "40 bytes after the end of a block of 48"),
        ROW(reads_past_aligned, 1, "heap-overflow", "0 bytes after the end of a block of 300"),
        ROW(reads_empty, 1, "heap-overflow", "0 bytes after the end of a block of 0 bytes"),
        ROW(reads_past_freed, 1, "heap-overflow",
            "4 bytes after the end of a block of 16 bytes that t-1 allocated"),
    };
    EXPECT_AT_ALL(rows);
}

Test(library, uses_memory_as_the_subject_does)
{
    static const wrong rows[] = {
        ROW(measures_freed, 1, "use-after-free", "t-1 reads 1 byte at @0x"),
        ROW(finds_in_freed, 1, "use-after-free", "0 bytes into a block of 5 bytes"),
        ROW(duplicates_freed, 1, "use-after-free", "0 bytes into a block of 5 bytes"),
        ROW(prints_freed, 1, "use-after-free", "0 bytes into a block of 5 bytes"),
        ROW(scans_freed, 1, "use-after-free", "0 bytes into a block of 5 bytes"),
        ROW(measures_without_end, 1, "heap-overflow", "t-1 reads 17 bytes at @0x"),
        ROW(measures_without_end, 1, "heap-overflow",
            ", 1 byte too many from offset 0 of a block of 16 bytes"),
        ROW(compares_without_end, 1, "heap-overflow", "1 byte too many from offset 0"),
        ROW(compares_too_much, 1, "heap-overflow", "1 byte too many from offset 0"),
        ROW(looks_too_far, 1, "heap-overflow", "1 byte too many from offset 0"),
        ROW(reads_number_without_end, 1, "heap-overflow", "t-1 reads 4 bytes"),
        ROW(takes_token_without_end, 1, "heap-overflow", "1 byte too many from offset 0"),
        ROW(appends_too_much, 1, "heap-overflow", "t-1 writes 6 bytes at @0x"),
        ROW(appends_too_much, 1, "heap-overflow",
            ", 2 bytes too many from offset 4 of a block of 8 bytes"),
        ROW(fills_too_much, 1, "heap-overflow", "4 bytes too many from offset 0"),
        ROW(prints_too_much, 1, "heap-overflow", "2 bytes too many from offset 0"),
        ROW(prints_beyond, 1, "heap-overflow", "2 bytes too many from offset 0"),
        ROW(scans_too_much, 1, "heap-overflow", "2 bytes too many from offset 0"),
        ROW(sorts_too_many, 1, "heap-overflow", "2 bytes too many from offset 0"),
        ROW(says_too_much, 1, "heap-overflow", "1 byte too many from offset 0"),
        ROW(takes_apart_too_much, 1, "heap-overflow", "8 bytes too many from offset 0"),
    };
    EXPECT_AT_ALL(rows);
}

Test(frees, must_be_of_blocks_and_once, .disabled = SEEN_BY_ASAN)
{
    static const wrong rows[] = {
        ROW(frees_again, 1, "double-free", "t-1 frees at @0x"),
        ROW(frees_again, 1, "double-free", " and t-1 freed at @0x"),
        ROW(reallocates_freed, 1, "double-free", "a block of 24 bytes that t-1 allocated"),
        ROW(frees_inside, 1, "wild-free", "32 bytes after the start of a block of 64 bytes"),
        ROW(frees_stack, 1, "wild-free", "frees at @0x"),
        ROW(frees_unknown, 1, "wild-free", "no block of the heap"),
    };
    EXPECT_AT_ALL(rows);
}

Test(stacks, are_dead_below_the_frame_in_use, .disabled = SEEN_BY_ASAN)
{
    static const wrong rows[] = {
        ROW(reads_returned_frame, 1, "dead-stack",
            "on the stack of t-1, in a function that has returned"),
        ROW(writes_returned_frame, 1, "dead-stack", "t-1 writes 4 bytes at @0x"),
        ROW(reads_stack_of_ended, 1, "dead-stack", "t-1 reads 4 bytes at @0x"),
        ROW(reads_stack_of_ended, 1, "dead-stack", "on the stack of thread-2, which has ended"),
    };
    EXPECT_AT_ALL(rows);
    static const wrong parked = ROW(reads_stack_of_parked, 2, "dead-stack",
                                    "on the stack of t-1, in a function that has returned");
    expect(&parked, TREADLE_GRANULARITY_SYNC);
}

Test(threads, that_race_for_a_block_are_found_below_memory_granularity)
{
    static const wrong rows[] = {
        ROW(reads_after_other_freed, 2, "use-after-free", "t-2 reads 4 bytes"),
        ROW(reads_after_other_freed, 2, "use-after-free", "that t-1 allocated at @0x"),
        ROW(reads_after_other_freed, 2, "use-after-free", "and t-1 freed at @0x"),
        ROW(both_free, 2, "double-free", "that t-1 allocated at @0x"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(&rows[i], TREADLE_GRANULARITY_SYNC);
    }
}

static void expect_right(const char *name, memory_subject *subject, uint32_t count,
                         treadle_execution_options options, int wanted)
{
    for (int g = TREADLE_GRANULARITY_AWAIT; g <= TREADLE_GRANULARITY_SYNC; g++) {
        const exploration result = run(subject, count, (treadle_granularity)g, options);
        cr_assert_eq(result.passed, result.executions, "%s: %s: %s", name, result.last_bad.property,
                     result.last_bad.message);
        cr_expect_eq(result.results[wanted], result.executions, "%s does not come to %d", name,
                     wanted);
    }
}

#define RIGHT(subject, count, options, wanted) \
    expect_right(#subject, subject, count, (treadle_execution_options)options, wanted)

Test(right, is_not_reported)
{
    RIGHT(uses_all_of_blocks, 1, {.step_limit = 1000000}, 1);
    RIGHT(lets_the_library_use_all_of_blocks, 1, {0}, 1);
    RIGHT(uses_own_stack, 2, {0}, 1);
    RIGHT(shares_a_frame, 1, {0}, 1);
    RIGHT(wakes_and_frees, 2, {0}, 1);
}

Test(reuse, waits_as_long_as_told)
{
    RIGHT(reuses, 1, {0}, 0);
    RIGHT(reuses, 1, {.heap_reuse_after = 1}, 1);
    RIGHT(reuses, 1, {.heap_reuse_after = 3}, 3);
}

Test(reuse, comes_before_memory_runs_out)
{
    RIGHT(loops_over_blocks, 1, {.heap_bytes_max = 1 << 20}, 1);
    const exploration small = run(loops_over_blocks, 1, TREADLE_GRANULARITY_SYNC,
                                  (treadle_execution_options){.heap_bytes_max = 1500});
    cr_assert_eq(small.other, 0, "%s", small.last_bad.message);
    const exploration none = run(loops_over_blocks, 1, TREADLE_GRANULARITY_SYNC,
                                 (treadle_execution_options){.heap_bytes_max = 900});
    cr_assert_str_eq(none.last_bad.property, "memory-limit");
}

/* What one execution did to the shadow is gone in the next. */
Test(executions, do_not_see_each_others_blocks)
{
    run(uses_all_of_blocks, 1, TREADLE_GRANULARITY_AWAIT, (treadle_execution_options){0});
    static const wrong rows[] = {
        ROW(reads_next_byte, 1, "heap-overflow", "after the end of a block of 13 bytes"),
        ROW(frees_unknown, 1, "wild-free", "no block of the heap"),
    };
    EXPECT_AT_ALL(rows);
}
