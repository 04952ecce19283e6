// SPDX-License-Identifier: MIT
/* Small programs that use memory rightly or wrongly: instrumented and redirected like any subject,
 * and knowing nothing of the harness. Each leaves what it came to in `memory_outcome`. */
#ifndef TREADLE_ENGINE_TESTS_MEMORY_SUBJECT_H
#define TREADLE_ENGINE_TESTS_MEMORY_SUBJECT_H

#include <stdint.h>

extern int memory_outcome;

typedef void memory_subject(void *, uint32_t index);

/* Wrong, on one thread whatever the schedule. */
memory_subject reads_freed, writes_freed, adds_to_freed, loads_freed, swaps_freed, copies_freed,
    assigns_freed, locks_freed, posts_freed, reads_reallocated, reads_freed_later;
memory_subject reads_past_end, reads_next_byte, writes_before, writes_across_end, sets_too_much,
    reads_far_past_end, reads_past_aligned, reads_empty, reads_past_freed;
memory_subject measures_freed, finds_in_freed, duplicates_freed, prints_freed, scans_freed,
    measures_without_end, compares_without_end, compares_too_much, looks_too_far,
    reads_number_without_end, takes_token_without_end, appends_too_much, fills_too_much,
    prints_too_much, prints_beyond, scans_too_much, sorts_too_many, says_too_much,
    takes_apart_too_much;
memory_subject frees_again, reallocates_freed, frees_inside, frees_stack, frees_unknown;
memory_subject reads_returned_frame, writes_returned_frame;
/* Wrong under some schedules of two threads. */
memory_subject reads_after_other_freed, both_free, reads_stack_of_ended, reads_stack_of_parked;
/* Right. */
memory_subject uses_all_of_blocks, lets_the_library_use_all_of_blocks, uses_own_stack,
    shares_a_frame, wakes_and_frees, reuses, loops_over_blocks;

#endif
