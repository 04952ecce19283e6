// SPDX-License-Identifier: MIT
/*
 * Fibers: stacks that one OS thread switches between, in a few instructions.
 *
 * A suspended fiber is its stack pointer and nothing else; signal masks and floating-point control
 * words are not switched. x86-64 and aarch64 have a hand-written switch, everything else uses
 * ucontext. Stacks come from one mapping with an inaccessible guard page under each.
 *
 * Ownership: stacks live until the process ends and are used again and again. One OS thread only.
 */
#ifndef TREADLE_ENGINE_FIBER_H
#define TREADLE_ENGINE_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREADLE_STACK_BYTES (256u << 10)

typedef struct treadle_stacks {
    char *base;
    size_t slot_bytes; /* guard page + stack */
    size_t guard_bytes;
    uint32_t count;
} treadle_stacks;

/* 0, or an errno value. */
int treadle_stacks_open(treadle_stacks *stacks, uint32_t count);

/* The lowest usable address and the end of stack `index`. */
char *treadle_stack_low(const treadle_stacks *stacks, uint32_t index);
char *treadle_stack_high(const treadle_stacks *stacks, uint32_t index);

/* Whether `address` lies in a stack or a guard page. */
bool treadle_stacks_hold(const treadle_stacks *stacks, const void *address);

/* The stack whose guard page holds `address`; -1 when none does. */
int treadle_stack_guard_hit(const treadle_stacks *stacks, uintptr_t address);

/* Lays out a new fiber on the stack that ends at `high`; switching to the result calls `entry`,
 * which must not return. */
void *treadle_fiber_new(char *low, char *high, void (*entry)(void));

/* Suspends the caller into *save and continues `to`. */
void treadle_fiber_switch(void **save, void *to);

#endif
