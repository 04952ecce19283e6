// SPDX-License-Identifier: MIT
/* What the generated programs of dpor_test.c are made of: each instruction is one instrumented
 * call. */
#ifndef TREADLE_STRATEGIES_TESTS_INSTRUCTIONS_H
#define TREADLE_STRATEGIES_TESTS_INSTRUCTIONS_H

#include <stdint.h>

enum { PLACES = 3 };

typedef enum opcode {
    /* Each takes a place and the thread's register, and gives the register's new value. */
    OP_READ,
    OP_WRITE,
    OP_LOAD,
    OP_STORE,
    OP_ADD,
    OP_CAS,
    OP_LOCK,
    OP_UNLOCK,
    OP_TRYLOCK, /* unlocks again, if it got it, after an access */
    OP_TIMEDLOCK,
    OP_WAIT, /* for place 0 … of the flags, with that lock held */
    OP_TIMEDWAIT,
    OP_SIGNAL,
    OP_BROADCAST,
    OP_POST,
    OP_TAKE,
    OP_TRYTAKE,
    OP_TIMEDTAKE,
    OP_READLOCK, /* with an access inside */
    OP_WRITELOCK,
    OP_BARRIER, /* for two */
    OP_ONCE,
    OP_CLOCK,
    OP_FORK, /* starts a thread, accesses, joins it */
    OP_CANCEL, /* starts a thread that waits for ever, cancels it, joins it */
    OP_DECIDE,
    OP_SKIP, /* the next one, when the register is odd */
    OPCODES,
} opcode;

/* On the main fiber, before the threads. */
void instructions_prepare(void);
/* After them, or at any time: what the variables are. */
uint64_t instructions_state(void);

uint32_t instruction_run(opcode code, uint32_t place, uint32_t value);

#endif
