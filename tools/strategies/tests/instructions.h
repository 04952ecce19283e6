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
    OP_FORK,   /* starts a thread, accesses, joins it */
    OP_CANCEL, /* starts a thread that waits for ever, cancels it, joins it */
    OP_DECIDE,
    OP_SKIP, /* the next one, when the register is odd */
    OPCODES,
    OP_YIELD = OPCODES, /* these let others have their turn: in programs that are about that */
    OP_SLEEP,
    OP_SPIN, /* until somebody has stored there */
    /* Read-write locks whose writers go first, with an access inside. */
    OP_FIRST_READ,
    OP_FIRST_READ_TWICE, /* the second time inside the first */
    OP_FIRST_TRYREAD,
    OP_FIRST_TIMEDREAD,
    OP_FIRST_WRITE,
    OP_FIRST_TRYWRITE,
    OP_FIRST_TIMEDWRITE,
    OPCODES_ALL,
} opcode;

/* On the main fiber, before the threads. */
void instructions_prepare(void);
/* After them, or at any time: what the variables are. */
uint64_t instructions_state(void);

uint32_t instruction_run(opcode code, uint32_t place, uint32_t value);

/* ---- programs whose traces have been counted ------------------------------------------------- */

enum { CELLS = 10 };

/* Before the threads; `times` is how often each of them does it. */
void counted_prepare(uint32_t times);

typedef void counted_program(void *, uint32_t index);

counted_program counter;          /* load x, store x + 1 */
counted_program check_then_act;   /* looks at a count under a lock, and counts under it again */
counted_program locked_increment; /* increments under a lock */
counted_program last_zero;        /* 0 searches for a cell that is 0, the others write one each */
counted_program out_of_order; /* 0: r v0, r v2; 1: w v2, w v1, r v1; 2: lock, r v1, w v0, unlock */
counted_program readers;      /* 0 writes x, the others read it, each a y of its own before */

counted_program overlapping;    /* 0 writes eight bytes, 1 and 2 one half of them each */
counted_program cancels_queued; /* 0, who holds a lock, cancels 1, who has been signalled by 3 and
                                   queues for it, and lets 2 have it, all in one step */

/* ---- programs that wait by trying again ------------------------------------------------------ */

counted_program spins;       /* 0 waits for x by reading; 1: writes y, with `times` 2 then x;
                                2: writes x */
counted_program yields;      /* likewise, with sched_yield() */
counted_program sleeps;      /* likewise, with usleep() */
counted_program spins_twice; /* 0 waits for x, then y; 1: writes y, then x */

/* ---- programs whose ends are compared ----------------------------------------------------------
 */

counted_program tries_to_join;   /* starts one thread, and one that tries to join it */
counted_program caches_time;     /* 0 reads the clock into a variable that 1 reads */
counted_program lends_its_stack; /* 1 writes to 0's stack, if it is lent; 2 lets 0 end */
counted_program gives_up_trying; /* 0 tries five times for a lock that 1 has until 2 lets it go on,
                                    and so does 2, once */
counted_program joins_and_cancels; /* starts a thread, one that cancels it and one that joins it */
counted_program deletes_key; /* 0 has a value of a key that 1 deletes, and ends when 2 lets it */
counted_program posts_too_often;    /* 0 posts to a semaphore that is full, unless 1 has taken */
counted_program reads_number;       /* 0 reads a number that 1 makes longer */
counted_program takes_tokens;       /* 0 takes two with strtok(), 1 takes one */
counted_program sorts;              /* 0 sorts numbers, atomics in between, that 1 writes */
counted_program sets_environment;   /* 0 asks for a variable that 1 sets */
counted_program cancels_trying;     /* 1 cancels 0 who tries to join, and then locks what 2 locks */
counted_program leaves_one_running; /* starts a thread that nobody waits for, which stores twice */
counted_program creates;            /* on main: is alone, starts a thread that stores, and loads */
counted_program cancels_exiting;    /* 1 cancels 0 who waits in a cleanup handler */

/* What they came to. */
uint64_t counted_state(void);

#endif
