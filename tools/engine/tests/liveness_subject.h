// SPDX-License-Identifier: MIT
/* Small programs that wait: rightly, for ever, or for a thing that others keep taking. Instrumented
 * and redirected like any subject, and knowing nothing of the harness. Each leaves what it came to
 * in `liveness_outcome`. */
#ifndef TREADLE_ENGINE_TESTS_LIVENESS_SUBJECT_H
#define TREADLE_ENGINE_TESTS_LIVENESS_SUBJECT_H

#include <stdint.h>

extern int liveness_outcome;

typedef void liveness_subject(void *, uint32_t index);

/* Nobody can go on. */
liveness_subject takes_crosswise, takes_in_ring, both_upgrade, waits_for_readers, waits_unsignalled,
    waits_too_late, waits_woken_once, waits_unposted, waits_at_barrier, waits_for_ended,
    joins_who_waits, waits_after_another_woke, reads_again_behind_writers;
/* Something is left. */
liveness_subject leaves_mutex, leaves_read_lock, leaves_thread;
/* Somebody waits while others take. */
liveness_subject overtakes_semaphore, overtakes_mutex, overtakes_rwlock, takes_tickets, never_full,
    overtaken_twice;
/* Polling with timeouts. */
liveness_subject polls_semaphore, polls_mutex, polls_rwlock, polls_join, polls_against_another,
    polls_a_hundred_times, polls_and_gives_up, polls_in_turn, polls_then_locks, times_out_at_last;
/* Working, without an access of its own that changes anything. */
extern const char *shared_word;
liveness_subject writes_by_library;
/* Going round. */
liveness_subject backs_off, backs_off_yielding, after_you, undoes_the_other;
liveness_subject backs_off_counting, backs_off_until_late, backs_off_by_lot, asks_until_told,
    counts_on_stack, counts_in_heap, counts_in_global, drains_semaphore, waits_until_late,
    fails_by_lot, times_out_meanwhile, asks_until_told_or_late, counts_until_late,
    counts_until_late_by_engine, counts_in_hidden_memory, says_that_it_waits;

#endif
