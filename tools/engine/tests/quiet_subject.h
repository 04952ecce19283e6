// SPDX-License-Identifier: MIT
/* What a scenario's own threads do, compiled as scenarios are: quietly. Each function is one kind
 * of access to something shared. */
#ifndef TREADLE_ENGINE_TESTS_QUIET_SUBJECT_H
#define TREADLE_ENGINE_TESTS_QUIET_SUBJECT_H

#include <stdint.h>

typedef struct quiet_triple {
    int64_t parts[3];
} quiet_triple;

extern int quiet_counter;
extern char quiet_bytes[64];
extern uint32_t quiet_atomic;
extern volatile int quiet_volatile;
extern quiet_triple quiet_shared_triple;

typedef void quiet_function(void);

quiet_function quiet_reads, quiet_writes, quiet_adds, quiet_reads_unaligned, quiet_writes_unaligned,
    quiet_reads_volatile, quiet_writes_volatile, quiet_reads_struct, quiet_writes_struct,
    quiet_copies_in, quiet_copies_out, quiet_moves_in, quiet_fills, quiet_copies_nothing,
    quiet_copies_to_the_end, quiet_copies_as_of_old, quiet_zeroes, quiet_zeroes_explicitly;
quiet_function quiet_loads, quiet_stores, quiet_fetches, quiet_exchanges, quiet_swaps,
    quiet_fails_to_swap, quiet_swaps_weakly;

#endif
