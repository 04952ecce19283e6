// SPDX-License-Identifier: MIT
#include "tools/engine/tests/quiet_subject.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

int quiet_counter;
char quiet_bytes[64];
uint32_t quiet_atomic;
volatile int quiet_volatile;
quiet_triple quiet_shared_triple;

static __thread int64_t own[8]; /* no other thread's */

void quiet_reads(void)
{
    own[0] = quiet_counter;
}

void quiet_writes(void)
{
    quiet_counter = 1;
}

void quiet_adds(void)
{
    quiet_counter++;
}

typedef struct packed {
    char first;
    int32_t number;
} __attribute__((packed)) packed;

void quiet_reads_unaligned(void)
{
    own[0] = ((packed *)(void *)quiet_bytes)->number;
}

void quiet_writes_unaligned(void)
{
    ((packed *)(void *)quiet_bytes)->number = 1;
}

void quiet_reads_volatile(void)
{
    own[0] = quiet_volatile;
}

void quiet_writes_volatile(void)
{
    quiet_volatile = 1;
}

void quiet_reads_struct(void)
{
    *(quiet_triple *)(void *)own = quiet_shared_triple;
}

void quiet_writes_struct(void)
{
    quiet_shared_triple = *(quiet_triple *)(void *)own;
}

void quiet_copies_in(void)
{
    memcpy(quiet_bytes + 8, own, 16);
}

void quiet_copies_out(void)
{
    memcpy(own, quiet_bytes + 8, 16);
}

void quiet_moves_in(void)
{
    memmove(quiet_bytes + 8, own, 16);
}

void quiet_fills(void)
{
    memset(quiet_bytes + 8, 1, 16);
}

void quiet_copies_to_the_end(void)
{
    own[2] = (char *)mempcpy(quiet_bytes + 8, own, 16) == quiet_bytes + 24;
}

void quiet_copies_as_of_old(void)
{
    bcopy(own, quiet_bytes + 8, 16);
}

void quiet_zeroes(void)
{
    bzero(quiet_bytes + 8, 16);
}

void quiet_zeroes_explicitly(void)
{
    explicit_bzero(quiet_bytes + 8, 16);
}

static volatile size_t nothing;

void quiet_copies_nothing(void)
{
    memcpy(quiet_bytes + 9, own, nothing);
}

void quiet_loads(void)
{
    own[0] = __atomic_load_n(&quiet_atomic, __ATOMIC_ACQUIRE);
}

void quiet_stores(void)
{
    __atomic_store_n(&quiet_atomic, 7, __ATOMIC_RELEASE);
}

void quiet_fetches(void)
{
    own[0] = __atomic_fetch_add(&quiet_atomic, 5, __ATOMIC_SEQ_CST);
}

void quiet_exchanges(void)
{
    own[0] = __atomic_exchange_n(&quiet_atomic, 9, __ATOMIC_SEQ_CST);
}

static void swap(uint32_t expected, bool weak)
{
    own[0] = __atomic_compare_exchange_n(&quiet_atomic, &expected, 3, weak, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST);
    own[1] = expected;
    if (own[0] ? quiet_atomic != 3 : quiet_atomic != expected) {
        quiet_counter = -1;
    }
}

void quiet_swaps(void)
{
    swap(__atomic_load_n(&quiet_atomic, __ATOMIC_RELAXED), false);
}

void quiet_fails_to_swap(void)
{
    swap(~__atomic_load_n(&quiet_atomic, __ATOMIC_RELAXED), false);
}

void quiet_swaps_weakly(void)
{
    swap(__atomic_load_n(&quiet_atomic, __ATOMIC_RELAXED), true);
}
