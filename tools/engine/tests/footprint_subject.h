// SPDX-License-Identifier: MIT
/* Ordinary programs, instrumented and redirected like any subject, that share what is not plain
 * memory, or memory that the C library reads for them. */
#ifndef TREADLE_ENGINE_TESTS_FOOTPRINT_SUBJECT_H
#define TREADLE_ENGINE_TESTS_FOOTPRINT_SUBJECT_H

#include <stdbool.h>

/* Makes what the others share; on the main fiber. */
void footprint_set_up(void);

/* What most of them read and write, 32 bytes. */
const char *footprint_text(void);

typedef void footprint_function(void);

footprint_function does_nothing;
footprint_function reads_text, writes_text, writes_behind_text, writes_last_byte, measures_text,
    compares_text, compares_text_first_byte, compares_memory, copies_text, copies_over_text,
    copies_constant_over_text, compares_text_with_constant, compares_start_with_constant,
    compares_word_with_constant, duplicates_text, duplicates_start_of_text, formats_text,
    formats_start_of_text, formats_by_width, formats_many, formats_over_text, reads_decimal,
    reads_integer;
footprint_function measures_some, measures_enough, compares_without_case,
    compares_some_without_case, compares_some_bytes, finds_byte, finds_no_byte,
    finds_byte_from_the_end, finds_no_byte_from_the_end, finds_letter, finds_no_letter,
    finds_letter_or_end, finds_end, finds_last_letter, finds_word, finds_no_word,
    finds_word_without_case, looks_for_text, finds_one_of, finds_none_of, spans_digits, spans_up_to,
    spans_letters_of_text, copies_some, copies_enough, copies_and_fills, copies_without_end,
    copies_to_the_end, copies_over_the_start, copies_some_to_the_end, copies_some_over_the_start,
    appends, appends_text, appends_some, appends_some_text, appends_enough_text, takes_token,
    takes_token_behind, takes_last_token, takes_token_hidden, keeps_place_in_text,
    goes_on_from_text, reads_number, reads_unsigned, reads_long_unsigned, reads_number_simply,
    reads_no_number, reads_hexadecimal, reads_prefix_alone, reads_zero, reads_in_no_base,
    reads_short_real, reads_long_real, reads_real_simply, reads_no_real, reads_exponent,
    reads_exponent_alone, reads_infinity, reads_real_prefix, keeps_end_in_text, scans, scans_into,
    scans_in_vain, scans_past, scans_a_set, scans_reals, scans_small, scans_new_text, prints,
    prints_constant, prints_text, names_unknown_error, names_known_error, says_year, says_too_much,
    takes_time_in_text, takes_apart, puts_together, says_time, takes_apart_hidden,
    takes_apart_locally_hidden, says_own_time_hidden, says_local_time_hidden, says_local_time,
    takes_own_token_hidden, takes_own_token, separates, sorts, sorts_one;
footprint_function reads_environment, reads_name_in_text, sets_value_in_text, puts_into_environment,
    takes_out_of_environment;
/* Say in `footprint_outcome` whether it was. */
footprint_function finds_environment_as_it_was, clears_environment, finds_zone_as_it_was,
    fails_as_the_library_does;
footprint_function finds_certain_byte, finds_bytes, finds_no_bytes, finds_more_bytes,
    looks_for_bytes, spans_nothing, zeroes, zeroes_explicitly, copies_bytes_to_their_end,
    copies_bytes_over_the_start, copies_bytes_as_of_old, copies_up_to, copies_up_to_over_the_start,
    copies_all, prints_binary_first, prints_as_text_says, scans_as_text_says, names_error_nowhere;
footprint_function takes_apart_locally, puts_together_own, says_zone, sets_zone, looks_at_zone;
extern bool footprint_outcome;
footprint_function grows_block, writes_block, frees_and_reuses;
footprint_function inits_mutex, destroys_mutex, locks_mutex, tries_mutex, inits_semaphore,
    destroys_semaphore, posts_semaphore, inits_condition, destroys_condition, signals_condition,
    inits_rwlock, destroys_rwlock, reads_under_rwlock, inits_spin, destroys_spin, takes_spin,
    inits_barrier, destroys_barrier, passes_barrier;
footprint_function makes_key, deletes_key, sets_key, gets_key;
footprint_function detaches_thread, joins_thread;
footprint_function reads_clock, sleeps, draws;

#endif
