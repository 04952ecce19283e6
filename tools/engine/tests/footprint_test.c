// SPDX-License-Identifier: MIT
/* What two threads share is in the footprints of both; what scenarios share is there and nowhere
 * else. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/engine.h"
#include "tools/engine/observe.h"
#include "tools/engine/tests/footprint_subject.h"
#include "tools/engine/tests/quiet_subject.h"

/* The scenario's threads come after main and the thread that was set up. */
enum { THREADS = 2, ORIGIN = 2, TOUCHES_MAX = 4096 };

typedef struct touches {
    uint32_t count;
    treadle_touch all[TOUCHES_MAX];
    uint32_t last_step; /* where its last step begins */
} touches;

/* ---- a strategy that collects what each thread touches -----------------------------------------
 */

static struct {
    uint32_t first; /* the scenario thread that goes first */
    touches threads[THREADS];
} collected;

static uint32_t choose(void *self, const treadle_choice *choice)
{
    (void)self;
    (void)choice;
    return 0;
}

static void plan(void *self, treadle_plan *out)
{
    (void)self;
    *out = (treadle_plan){0};
}

static void collect(uint32_t thread, const treadle_footprint *footprint)
{
    if (thread < ORIGIN || thread >= ORIGIN + THREADS) {
        return;
    }
    touches *to = &collected.threads[thread - ORIGIN];
    cr_assert(to->count + footprint->count <= TOUCHES_MAX);
    to->last_step = to->count;
    memcpy(&to->all[to->count], footprint->touches, footprint->count * sizeof to->all[0]);
    to->count += footprint->count;
}

static uint32_t step(void *self, const treadle_step *now)
{
    (void)self;
    collect(now->current, now->footprint);
    const uint32_t first = ORIGIN + collected.first;
    if (now->enabled & UINT64_C(1) << first) {
        return first;
    }
    return (uint32_t)__builtin_ctzll(now->enabled);
}

static const treadle_strategy collector = {
    .name = "collector", .choose = choose, .plan = plan, .step = step};

/* ---- two threads -------------------------------------------------------------------------------
 */

typedef void function(void);

static function *programs[THREADS];

static void thread(void *unused, uint32_t index)
{
    (void)unused;
    /* At memory granularity a thread runs up to its first operation in its creator's step. */
    treadle_call_begin(NULL, NULL);
    programs[index]();
}

static void body(void *unused)
{
    (void)unused;
    footprint_set_up();
    treadle_run_threads(THREADS, "t", thread, NULL);
    treadle_stop(TREADLE_OUTCOME_PASSED, "", "%s", ""); /* whatever is left, was never joined, … */
}

static treadle_outcome run(function *one, function *other, treadle_execution_options options)
{
    static treadle_decisions decisions;
    static bool opened;
    if (!opened) {
        cr_assert_eq(treadle_engine_open(&decisions), 0);
        opened = true;
    }
    programs[0] = one;
    programs[1] = other;
    memset(collected.threads, 0, sizeof collected.threads);
    treadle_outcome outcome;
    const treadle_program program = {body, NULL};
    treadle_execute(&program, &options, &collector, NULL, &outcome);
    cr_assert_eq(outcome.kind, TREADLE_OUTCOME_PASSED, "%s: %s", outcome.property, outcome.message);
    return outcome;
}

static bool overlap(const treadle_touch *one, const treadle_touch *other)
{
    return one->address < other->address + other->size && other->address < one->address + one->size;
}

static bool conflict(const touches *one, const touches *other)
{
    for (uint32_t i = 0; i < one->count; i++) {
        for (uint32_t j = 0; j < other->count; j++) {
            const uint32_t either = one->all[i].flags | other->all[j].flags;
            if ((either & TREADLE_TOUCH_WRITE) && overlap(&one->all[i], &other->all[j])) {
                return true;
            }
        }
    }
    return false;
}

typedef struct row {
    const char *names;
    function *one;
    function *other;
    bool conflict;
} row;

#define MUST(one, other)                      \
    {                                         \
#one " and " #other, one, other, true \
    }
#define NEED_NOT(one, other)                   \
    {                                          \
#one " and " #other, one, other, false \
    }
#define EXPECT(rows) expect(rows, sizeof(rows) / sizeof(rows)[0])

static void expect(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (int g = TREADLE_GRANULARITY_AWAIT; g <= TREADLE_GRANULARITY_MEMORY; g++) {
            for (collected.first = 0; collected.first < THREADS; collected.first++) {
                run(rows[i].one, rows[i].other,
                    (treadle_execution_options){.granularity = (treadle_granularity)g});
                cr_expect_eq(conflict(&collected.threads[0], &collected.threads[1]),
                             rows[i].conflict, "%s %s conflict (%s, %u first)", rows[i].names,
                             rows[i].conflict ? "must" : "need not",
                             treadle_granularity_name((treadle_granularity)g), collected.first);
            }
        }
    }
}

/* ---- what scenarios share ----------------------------------------------------------------------
 */

Test(quiet, what_scenarios_share_is_in_footprints)
{
    static const row rows[] = {
        NEED_NOT(does_nothing, does_nothing),
        MUST(quiet_reads, quiet_writes),
        MUST(quiet_writes, quiet_writes),
        MUST(quiet_adds, quiet_adds),
        MUST(quiet_adds, quiet_reads),
        NEED_NOT(quiet_reads, quiet_reads),
        NEED_NOT(quiet_writes, quiet_stores),
        MUST(quiet_reads_unaligned, quiet_writes_unaligned),
        MUST(quiet_writes_unaligned, quiet_writes_unaligned),
        NEED_NOT(quiet_reads_unaligned, quiet_reads_unaligned),
        MUST(quiet_reads_volatile, quiet_writes_volatile),
        MUST(quiet_writes_volatile, quiet_writes_volatile),
        NEED_NOT(quiet_reads_volatile, quiet_reads_volatile),
        MUST(quiet_reads_struct, quiet_writes_struct),
        MUST(quiet_writes_struct, quiet_writes_struct),
        NEED_NOT(quiet_reads_struct, quiet_reads_struct),
        MUST(quiet_copies_in, quiet_copies_out),
        NEED_NOT(quiet_copies_out, quiet_copies_out),
        MUST(quiet_moves_in, quiet_copies_out),
        MUST(quiet_fills, quiet_copies_out),
        MUST(quiet_fills, quiet_moves_in),
        MUST(quiet_copies_to_the_end, quiet_copies_out),
        MUST(quiet_copies_as_of_old, quiet_copies_out),
        MUST(quiet_zeroes, quiet_copies_out),
        MUST(quiet_zeroes_explicitly, quiet_copies_out),
        NEED_NOT(quiet_fills, quiet_writes_unaligned), /* other bytes */
        NEED_NOT(quiet_copies_nothing, quiet_copies_in),
        MUST(quiet_loads, quiet_stores),
        NEED_NOT(quiet_loads, quiet_loads),
        MUST(quiet_fetches, quiet_fetches),
        MUST(quiet_fetches, quiet_loads),
        MUST(quiet_exchanges, quiet_loads),
        MUST(quiet_swaps, quiet_loads),
        MUST(quiet_swaps_weakly, quiet_loads),
        NEED_NOT(quiet_fails_to_swap, quiet_loads),
        MUST(quiet_fails_to_swap, quiet_stores),
    };
    EXPECT(rows);
}

static struct {
    uint64_t touches; /* of a quiet subject's variables */
} seen;

static bool quiet_variable(uint64_t address)
{
    const struct {
        const volatile void *at;
        size_t size;
    } variables[] = {{&quiet_counter, sizeof quiet_counter},
                     {quiet_bytes, sizeof quiet_bytes},
                     {&quiet_atomic, sizeof quiet_atomic},
                     {&quiet_volatile, sizeof quiet_volatile},
                     {&quiet_shared_triple, sizeof quiet_shared_triple}};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        if (address - (uintptr_t)variables[i].at < variables[i].size) {
            return true;
        }
    }
    return false;
}

static void observe_start(void *self)
{
    (void)self;
}

static void observe_touch(void *self, uint32_t number, treadle_touch touch, const void *site)
{
    (void)self;
    (void)number;
    (void)site;
    seen.touches += quiet_variable(touch.address);
}

static void observe_fence(void *self, uint32_t number, int order)
{
    (void)self;
    (void)number;
    (void)order;
    seen.touches++;
}

static void observe_edge(void *self, uint32_t from, uint32_t to)
{
    (void)self;
    (void)from;
    (void)to;
}

static function *const all_quiet[] = {quiet_reads,
                                      quiet_writes,
                                      quiet_adds,
                                      quiet_reads_unaligned,
                                      quiet_writes_unaligned,
                                      quiet_reads_volatile,
                                      quiet_writes_volatile,
                                      quiet_reads_struct,
                                      quiet_writes_struct,
                                      quiet_copies_in,
                                      quiet_copies_out,
                                      quiet_moves_in,
                                      quiet_fills,
                                      quiet_copies_to_the_end,
                                      quiet_copies_as_of_old,
                                      quiet_zeroes,
                                      quiet_zeroes_explicitly,
                                      quiet_copies_nothing,
                                      quiet_loads,
                                      quiet_stores,
                                      quiet_fetches,
                                      quiet_exchanges,
                                      quiet_swaps,
                                      quiet_fails_to_swap,
                                      quiet_swaps_weakly};

Test(quiet, what_scenarios_share_is_no_scheduling_point_and_nobody_observes_it)
{
    static const treadle_observer observer = {observe_start, observe_touch, observe_fence,
                                              observe_edge};
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_MEMORY,
                                               .observer = &observer};
    collected.first = 0;
    const uint32_t steps = run(does_nothing, does_nothing, options).steps;
    for (size_t i = 0; i < sizeof all_quiet / sizeof all_quiet[0]; i++) {
        cr_expect_eq(run(all_quiet[i], does_nothing, options).steps, steps, "function %zu", i);
    }
    cr_expect_eq(seen.touches, 0);
    /* Else nothing was counted: what subjects share is all that. */
    cr_expect_gt(run(reads_text, does_nothing, options).steps, steps);
}

Test(quiet, what_they_do_is_done)
{
    const treadle_execution_options options = {0};
    static const struct {
        function *function;
        uint32_t value;
    } rows[] = {{quiet_stores, 7},        {quiet_fetches, 5},      {quiet_exchanges, 9},
                {quiet_swaps, 3},         {quiet_swaps_weakly, 3}, {quiet_fails_to_swap, 0},
                {quiet_writes_struct, 0}, {quiet_loads, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(rows[i].function, does_nothing, options);
        cr_expect_eq(quiet_atomic, rows[i].value, "row %zu: %u", i, quiet_atomic);
        cr_expect_eq(quiet_counter, 0, "row %zu: what a swap returned is wrong", i);
    }
    run(does_nothing, quiet_fills, options);
    cr_expect(quiet_bytes[7] == 0 && quiet_bytes[8] == 1 && quiet_bytes[23] == 1 &&
              quiet_bytes[24] == 0);
    run(quiet_copies_in, does_nothing, options);
    cr_expect(quiet_bytes[8] == 0);
}

/* ---- what the C library reads for subjects -----------------------------------------------------
 */

Test(footprints, text)
{
    static const row rows[] = {
        MUST(reads_text, writes_text),
        MUST(measures_text, writes_text),
        MUST(measures_text, writes_last_byte),
        NEED_NOT(measures_text, writes_behind_text),
        NEED_NOT(measures_text, measures_text),
        MUST(compares_text, writes_text),
        NEED_NOT(compares_text_first_byte, writes_text),
        MUST(compares_memory, writes_text),
        MUST(copies_text, writes_text),
        MUST(copies_over_text, measures_text),
        MUST(copies_over_text, reads_text),
        MUST(copies_constant_over_text, reads_text),
        MUST(compares_text_with_constant, writes_text),
        MUST(compares_start_with_constant, writes_text),
        MUST(compares_word_with_constant, writes_text),
        MUST(duplicates_text, writes_text),
        MUST(duplicates_text, writes_last_byte),
        NEED_NOT(duplicates_text, writes_behind_text),
        NEED_NOT(duplicates_start_of_text, writes_text),
        MUST(formats_text, writes_text),
        MUST(formats_text, writes_last_byte),
        NEED_NOT(formats_text, writes_behind_text),
        NEED_NOT(formats_text, formats_text),
        NEED_NOT(formats_start_of_text, writes_text),
        MUST(formats_by_width, writes_text),
        NEED_NOT(formats_by_width, writes_last_byte),
        MUST(formats_many, writes_text),
        NEED_NOT(formats_many, formats_many),
        MUST(formats_over_text, reads_text),
        MUST(formats_over_text, formats_text),
        NEED_NOT(formats_over_text, writes_behind_text), /* 17 bytes */
        MUST(reads_decimal, formats_over_text),
        NEED_NOT(reads_decimal, writes_text),
        MUST(reads_integer, formats_over_text),
        NEED_NOT(reads_integer, writes_text),
    };
    EXPECT(rows);
}

typedef struct extent {
    const char *name;
    function *call;
    const char *bytes; /* of the text: r = read, w = written, . = neither, like all that follow */
} extent;

enum { TEXT_BYTES = 32 };

/* What a call touches of the text. */
static const char *extent_of(function *call)
{
    static char bytes[TEXT_BYTES + 1];
    run(call, does_nothing, (treadle_execution_options){0});
    memset(bytes, '.', TEXT_BYTES);
    const touches *all = &collected.threads[0];
    for (uint32_t i = 0; i < all->count; i++) {
        for (uint32_t n = 0; n < all->all[i].size; n++) {
            const uint64_t at = all->all[i].address + n - (uintptr_t)footprint_text();
            if (at < TEXT_BYTES && bytes[at] != 'w') {
                bytes[at] = all->all[i].flags & TREADLE_TOUCH_WRITE ? 'w' : 'r';
            }
        }
    }
    size_t length = TEXT_BYTES;
    while (length > 0 && bytes[length - 1] == '.') {
        length--;
    }
    bytes[length] = '\0';
    return bytes;
}

#define EXTENT(call, bytes) \
    {                       \
#call, call, bytes  \
    }

Test(footprints, what_the_library_reads_and_writes_is_exact)
{
    static const extent rows[] = {
        EXTENT(does_nothing, ""),
        EXTENT(measures_some, "rrrrrr"),
        EXTENT(measures_enough, "rrrrrrrrrrrr"),
        EXTENT(compares_without_case, "rrrrrrrrrr"),
        EXTENT(compares_some_without_case, "rrrrrrrr"),
        EXTENT(compares_some_bytes, "rrrrrrr"),
        EXTENT(finds_byte, "rrrrrr"),
        EXTENT(finds_no_byte, "rrrrrrrr"),
        EXTENT(finds_byte_from_the_end, ".........rrr"),
        EXTENT(finds_no_byte_from_the_end, "rrrrrrrr"),
        EXTENT(finds_certain_byte, "rrrrrr"),
        EXTENT(finds_bytes, "rrrrrr"),
        EXTENT(finds_no_bytes, "rrrrrrrr"),
        EXTENT(finds_more_bytes, ""),
        EXTENT(looks_for_bytes, "rrr"),
        EXTENT(finds_letter, "rrrrrr"),
        EXTENT(finds_no_letter, "rrrrrrrrrrrr"),
        EXTENT(finds_letter_or_end, "rrrrrr"),
        EXTENT(finds_end, "rrrrrrrrrrrr"),
        EXTENT(finds_last_letter, "rrrrrrrrrrrr"),
        EXTENT(finds_word, "rrrrrr"),
        EXTENT(finds_no_word, "rrrrrrrrrrrr"),
        EXTENT(finds_word_without_case, "rrrrrrrr"),
        EXTENT(looks_for_text, "rrrrrrrrrrrr"),
        EXTENT(finds_one_of, "rrrrrr"),
        EXTENT(finds_none_of, "rrrrrrrrrrrr"),
        EXTENT(spans_digits, "rrrrr"),
        EXTENT(spans_up_to, "rrrrrr"),
        EXTENT(spans_nothing, ""),
        EXTENT(spans_letters_of_text, "rrrrrrrrrrrr"),
        EXTENT(zeroes, "wwww"),
        EXTENT(zeroes_explicitly, "wwww"),
        EXTENT(copies_bytes_to_their_end, "rrrr"),
        EXTENT(copies_bytes_over_the_start, "www"),
        EXTENT(copies_bytes_as_of_old, "rrrr"),
        EXTENT(copies_up_to, "rrrrrr"),
        EXTENT(copies_up_to_over_the_start, "ww"),
        EXTENT(copies_all, "rrrrr"),
        EXTENT(copies_some, "rrrrrrr"),
        EXTENT(copies_enough, "rrrrrrrrrrrr"),
        EXTENT(copies_and_fills, "wwwwww"),
        EXTENT(copies_without_end, "www"),
        EXTENT(copies_to_the_end, "rrrrrrrrrrrr"),
        EXTENT(copies_over_the_start, "www"),
        EXTENT(copies_some_to_the_end, "rrrrrrr"),
        EXTENT(copies_some_over_the_start, "www"),
        EXTENT(appends, "rrrrrrrrrrrwww"),
        EXTENT(appends_text, "rrrrrrrrrrrr"),
        EXTENT(appends_some, "rrrrrrrrrrrwww"),
        EXTENT(appends_some_text, "rrrrr"),
        EXTENT(appends_enough_text, "rrrrrrrrrrrr"),
        EXTENT(duplicates_start_of_text, "rrrr"),
        EXTENT(takes_token, "rrrrw"),
        EXTENT(takes_token_behind, "rrrrrrrrrrrr"),
        EXTENT(takes_last_token, "rrrrrrrrrrrr"),
        EXTENT(takes_token_hidden, "rrrrw"),
        EXTENT(keeps_place_in_text, "................wwwwwwww"),
        EXTENT(goes_on_from_text, "rrrrrrrrrrrr"),
        EXTENT(separates, "rrrrw"),
        EXTENT(reads_number, "rrr"),
        EXTENT(reads_unsigned, "rrr"),
        EXTENT(reads_long_unsigned, "rrr"),
        EXTENT(reads_number_simply, "rrr"),
        EXTENT(reads_no_number, "....rr"),
        EXTENT(reads_hexadecimal, ".....rr"),
        EXTENT(reads_prefix_alone, "................rrr"),
        EXTENT(reads_zero, "................rr"),
        EXTENT(reads_in_no_base, ""),
        EXTENT(reads_decimal, "rrrrr"),
        EXTENT(reads_short_real, "rrrrr"),
        EXTENT(reads_long_real, "rrrrr"),
        EXTENT(reads_real_simply, "rrrrr"),
        EXTENT(reads_no_real, "....rr"),
        EXTENT(reads_exponent, "....................rrrrr"),
        EXTENT(reads_exponent_alone, ".......................rrrr"),
        EXTENT(reads_infinity, ".........................rrrrrr"),
        EXTENT(reads_real_prefix, "................rrr"),
        EXTENT(keeps_end_in_text, "................wwwwwwww"),
        EXTENT(scans, "rrrrrrrrrrrr"),
        EXTENT(scans_into, "ww..wwww"),
        EXTENT(scans_in_vain, ""),
        EXTENT(scans_past, ".w"),
        EXTENT(scans_a_set, "www.....wwww"),
        EXTENT(scans_reals, "wwww"), /* no '%' follows the first */
        EXTENT(scans_small, "w.w"),
        EXTENT(scans_new_text, "wwwwwwww"),
        EXTENT(prints, "ww"),
        EXTENT(prints_constant, "wwww"),
        EXTENT(prints_text, "rrrr"),
        EXTENT(prints_binary_first, "rrrr"),
        EXTENT(prints_as_text_says, "rrrrrrrrrrrr"),
        EXTENT(scans_as_text_says, "rrrrrrrrrrrr"),
        EXTENT(sorts, "wwww"),
        EXTENT(sorts_one, ""),
        EXTENT(names_unknown_error, "wwwwwwwwwwwwwwwwwwww"),
        EXTENT(names_error_nowhere, ""),
        EXTENT(names_known_error, ""),
        EXTENT(says_year, "wwwww"),
        EXTENT(says_too_much, "wwww"),
        EXTENT(takes_time_in_text, "rrrrrrrr"),
        EXTENT(reads_name_in_text, "rrrrrrrrrrrr"),
        EXTENT(sets_value_in_text, "rrrrrrrrrrrr"),
    };
    collected.first = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *bytes = extent_of(rows[i].call);
        cr_expect_str_eq(bytes, rows[i].bytes, "%s: %s, not %s", rows[i].name, bytes,
                         rows[i].bytes);
    }
}

Test(footprints, times_and_hidden_memory)
{
    static const row rows[] = {
        MUST(takes_apart, takes_apart),
        MUST(takes_apart, puts_together),
        MUST(takes_apart, says_time),
        MUST(puts_together, says_time),
        NEED_NOT(says_time, says_time),
        MUST(takes_apart_hidden, takes_apart_hidden),
        MUST(takes_apart_hidden, takes_apart_locally_hidden),
        MUST(takes_apart_hidden, says_local_time_hidden),
        MUST(says_own_time_hidden, says_local_time_hidden),
        NEED_NOT(says_own_time_hidden, takes_apart_hidden),
        NEED_NOT(says_local_time, says_own_time_hidden),
        MUST(takes_own_token_hidden, takes_token_hidden),
        NEED_NOT(takes_own_token_hidden, takes_token),
        NEED_NOT(takes_own_token, takes_own_token),
    };
    EXPECT(rows);
}

Test(footprints, environment)
{
    static const row rows[] = {
        NEED_NOT(reads_environment, reads_environment),
        MUST(reads_environment, sets_value_in_text),
        MUST(reads_environment, puts_into_environment),
        MUST(reads_environment, takes_out_of_environment),
        MUST(puts_into_environment, takes_out_of_environment),
        MUST(takes_apart_locally, sets_zone),
        MUST(takes_apart_locally_hidden, sets_zone),
        MUST(puts_together_own, sets_zone),
        MUST(says_local_time, sets_zone),
        MUST(says_zone, sets_zone),
        MUST(looks_at_zone, sets_zone),
        MUST(looks_at_zone, takes_apart_locally),
        MUST(takes_apart_locally, puts_together_own),
        MUST(says_local_time, says_local_time_hidden),
        NEED_NOT(takes_apart_locally, takes_apart_locally),
        NEED_NOT(takes_apart, sets_zone),
    };
    EXPECT(rows);
}

Test(environment, is_left_as_it_was_by_every_execution)
{
    static function *const rows[] = {finds_environment_as_it_was, clears_environment,
                                     finds_environment_as_it_was, finds_environment_as_it_was};
    setenv("TREADLE_TEST_KEPT", "kept", 1);
    collected.first = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(rows[i], does_nothing, (treadle_execution_options){0});
        cr_expect(footprint_outcome, "execution %zu", i);
    }
    cr_expect_str_eq(getenv("TREADLE_TEST_KEPT"), "kept");
    cr_expect_not_null(getenv("PATH"));
    cr_expect_null(getenv("TREADLE_TEST_NEW0"));
}

Test(environment, and_so_is_the_zone)
{
    setenv("TZ", "UTC0", 1);
    collected.first = 0;
    for (int i = 0; i < 3; i++) {
        run(finds_zone_as_it_was, does_nothing, (treadle_execution_options){0});
        cr_expect(footprint_outcome, "execution %d", i);
    }
}

Test(errors, are_the_library_s)
{
    run(fails_as_the_library_does, does_nothing, (treadle_execution_options){0});
    cr_expect(footprint_outcome);
}

Test(footprints, a_sort_touches_all_of_its_array_once_a_step)
{
    collected.first = 0;
    run(sorts, does_nothing, (treadle_execution_options){0});
    const touches *own = &collected.threads[0];
    uint32_t writes = 0;
    for (uint32_t i = 0; i < own->count; i++) {
        writes += own->all[i].address - (uintptr_t)footprint_text() < TEXT_BYTES &&
                  (own->all[i].flags & TREADLE_TOUCH_WRITE);
    }
    cr_expect_eq(writes, 1, "%u", writes);
}

Test(footprints, blocks)
{
    static const row rows[] = {
        MUST(grows_block, writes_block),
    };
    EXPECT(rows);
}

Test(footprints, a_block_that_is_used_again_is_written)
{
    collected.first = 0;
    run(frees_and_reuses, does_nothing, (treadle_execution_options){.heap_reuse_after = 1});
    const touches *own = &collected.threads[0];
    bool written = false;
    for (uint32_t i = own->last_step; i < own->count; i++) {
        written |= own->all[i].size == 40 && own->all[i].flags == TREADLE_TOUCH_WRITE;
    }
    cr_assert(written);
    run(frees_and_reuses, does_nothing, (treadle_execution_options){0});
    for (uint32_t i = own->last_step; i < own->count; i++) {
        cr_assert_neq(own->all[i].size, 40, "a new block is nobody's");
    }
}

/* ---- objects, keys, threads --------------------------------------------------------------------
 */

Test(footprints, the_life_of_an_object)
{
    static const row rows[] = {
        MUST(inits_mutex, locks_mutex),
        MUST(destroys_mutex, locks_mutex),
        MUST(destroys_mutex, tries_mutex),
        MUST(inits_semaphore, posts_semaphore),
        MUST(destroys_semaphore, posts_semaphore),
        MUST(inits_condition, signals_condition),
        MUST(destroys_condition, signals_condition),
        MUST(inits_rwlock, reads_under_rwlock),
        MUST(destroys_rwlock, reads_under_rwlock),
        MUST(inits_spin, takes_spin),
        MUST(destroys_spin, takes_spin),
        MUST(inits_barrier, passes_barrier),
        MUST(destroys_barrier, passes_barrier),
        NEED_NOT(inits_mutex, takes_spin),
        NEED_NOT(destroys_mutex, posts_semaphore),
    };
    EXPECT(rows);
}

Test(footprints, keys)
{
    static const row rows[] = {
        MUST(makes_key, makes_key),   MUST(deletes_key, sets_key),  MUST(deletes_key, gets_key),
        NEED_NOT(sets_key, sets_key), NEED_NOT(sets_key, gets_key), NEED_NOT(makes_key, gets_key),
    };
    EXPECT(rows);
}

Test(footprints, what_the_engine_shares)
{
    static const row rows[] = {
        NEED_NOT(reads_clock, reads_clock),
        MUST(reads_clock, sleeps),
        MUST(draws, draws),
        NEED_NOT(draws, reads_clock),
    };
    EXPECT(rows);
}

/* One of the two is a misuse in either order: of the pair only one runs to its end. */
Test(footprints, a_thread_is_detached_or_joined)
{
    collected.first = 0;
    run(detaches_thread, does_nothing, (treadle_execution_options){0});
    const touches detaching = collected.threads[0];
    run(does_nothing, joins_thread, (treadle_execution_options){0});
    cr_assert(conflict(&detaching, &collected.threads[1]));
    const touches joining = collected.threads[1];
    run(joins_thread, does_nothing, (treadle_execution_options){0});
    cr_assert(conflict(&joining, &collected.threads[0]));
    run(does_nothing, reads_clock, (treadle_execution_options){0});
    cr_assert(!conflict(&detaching, &collected.threads[1]));
}
