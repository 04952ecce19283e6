// SPDX-License-Identifier: MIT
/* Stands in for reports/consistency/word_tables.c: what reports say of names that any project may
 * have. */
#include "reports/consistency/words.h"

/* What the harness itself finds; each says what must hold. */
const treadle_word treadle_property_table[] = {
    {"atomicity", "What the calls return and leave behind together is what some serial order of "
                  "them would have given."},
    {"data-race", "Of two accesses to the same memory, one of them a write, one is ordered before "
                  "the other."},
    {"deadlock", "No threads wait for each other for ever."},
    {"double-free", "Memory is freed once."},
    {"heap-overflow", "What lies beyond a block of memory is not touched."},
    {"linearizability",
     "Every call takes effect at one moment between its beginning and its end: some order of the "
     "calls explains all that they returned."},
    {"livelock", "Threads that go on come to an end."},
    {"lock-leak", "Every lock is given back."},
    {"starvation", "Whoever waits is served in the end."},
    {"thread-leak", "Every thread is joined or detached."},
    {"use-after-free", "Memory is not used after it was freed."},
    {0},
};

const treadle_word treadle_variant_table[] = {
    {"naive", "known to break: it shows that the checks can fail"},
    {"proposed", "not to be rolled out: proposed, and on trial"},
    {"fixed", "the solution to roll out"},
    {"lockfree", "another solution to roll out, without locks"},
    {0},
};

const treadle_component_word treadle_component_table[] = {{0}};
