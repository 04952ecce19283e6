// SPDX-License-Identifier: MIT
/* Ordinary programs, instrumented and redirected like any subject, that share what is not plain
 * memory, or memory that the C library reads for them. */
#ifndef TREADLE_ENGINE_TESTS_FOOTPRINT_SUBJECT_H
#define TREADLE_ENGINE_TESTS_FOOTPRINT_SUBJECT_H

/* Makes what the others share; on the main fiber. */
void footprint_set_up(void);

typedef void footprint_function(void);

footprint_function does_nothing;
footprint_function reads_text, writes_text, writes_behind_text, writes_last_byte, measures_text,
    compares_text, compares_text_first_byte, compares_memory, copies_text, copies_over_text,
    copies_constant_over_text, compares_text_with_constant, compares_start_with_constant,
    compares_word_with_constant, duplicates_text, duplicates_start_of_text, formats_text,
    formats_start_of_text, formats_by_width, formats_many, formats_over_text, reads_decimal,
    reads_integer;
footprint_function grows_block, writes_block, frees_and_reuses;
footprint_function inits_mutex, destroys_mutex, locks_mutex, tries_mutex, inits_semaphore,
    destroys_semaphore, posts_semaphore, inits_condition, destroys_condition, signals_condition,
    inits_rwlock, destroys_rwlock, reads_under_rwlock, inits_spin, destroys_spin, takes_spin,
    inits_barrier, destroys_barrier, passes_barrier;
footprint_function makes_key, deletes_key, sets_key, gets_key;
footprint_function detaches_thread, joins_thread;
footprint_function reads_clock, sleeps, draws;

#endif
