// SPDX-License-Identifier: MIT
/* Small ordinary programs for the engine's tests: instrumented and redirected like any subject, and
 * knowing nothing of the harness. Each leaves what it came to in `outcome`. */
#ifndef TREADLE_ENGINE_TESTS_SUBJECT_H
#define TREADLE_ENGINE_TESTS_SUBJECT_H

#include <stdint.h>

extern int outcome;
extern _Atomic int cells[8];

typedef void subject(void *, uint32_t index);

subject mutex_types, trylock_loop, timed_lock, recursive_mutex;
subject signal_one, broadcast_all, timed_wait, recursive_wait, adaptive_twice, cancelled_sleep,
    odd_arguments, numbers_from_seeds;
subject waits_by_itself, waits_by_itself_by_clock, waits_by_itself_in_c11, waits_in_vain,
    leaves_signal;
subject readers_and_writer, upgrade_try, spin_count, barrier_serial, run_once, once_cancelled;
subject reads_again, reads_again_writers_preferred, reads_again_writers_first, reads_again_static;
subject writers_first_try, writers_first_timed_read, writers_first_timed_write,
    writers_first_tried_again;
subject thread_data, semaphores, semaphore_timeout;
subject join_values, detach_one, exit_early, cancel_in_wait, cancel_in_sem, cancel_disabled;
subject main_exits, main_exits_in_c11, main_exits_holding, main_is_cancelled;
subject cancel_runs_handlers_in_order, try_and_timed_join, self_join_cycle;
subject c11_all, c11_once_and_tss;
subject two_sleepers, clocks, jumpy_clock, polls_with_sleep, absolute_sleep, skewed_clock,
    sleeps_a_minute;
subject random_numbers, seeded_numbers, heap_blocks, heap_aligned, frees_wild, heap_by_thread;
subject errno_is_own, thread_local_is_own, globals_are_fresh;
subject atomics_all, weak_cas, unaligned_and_volatile, copies_struct, blocks_of_memory;
subject polls_with_timeouts;
subject spin_plain, spin_volatile, spin_atomic, spin_cas_lock, spin_two_flags, spin_yield;
subject spin_each_other, reads_often, three_steps;
subject deadlock_join, unlocks_other, destroys_held, barrier_uninitialised;
subject leaks_reader, leaves_thread_running, asserts_false;

#endif
