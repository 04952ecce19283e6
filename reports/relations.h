// SPDX-License-Identifier: MIT
/*
 * What orders the events of a trace, and where it could have gone otherwise.
 *
 * Read from the trace alone, so as far as the trace tells: below granularity `memory` it has no
 * plain accesses, and fences are not followed. tools/checkers/races.h knows more and decides what
 * is a race; this is for pictures and for words.
 */
#ifndef TREADLE_REPORTS_RELATIONS_H
#define TREADLE_REPORTS_RELATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/engine/trace.h"

typedef enum treadle_relation_kind {
    TREADLE_RELATION_PROGRAM,  /* the next operation of the same thread */
    TREADLE_RELATION_SYNC,     /* happens before it: unlock and lock, post and wait, create and
                                  start, release and acquire */
    TREADLE_RELATION_WAKES,    /* lets it go on, and orders nothing: a signal */
    TREADLE_RELATION_CONFLICT, /* both act on the same thing and one changes it: only the schedule
                                  decided which came first */
} treadle_relation_kind;

/* Between events, by their index in the trace. */
typedef struct treadle_relation {
    uint32_t from;
    uint32_t to;
    treadle_relation_kind kind;
} treadle_relation;

typedef struct treadle_relations {
    treadle_relation *items; /* ascending by `to`; owned */
    size_t count;
    size_t room;
    bool *matters; /* by event: false when it acts on what no other thread acts on, or nobody
                      changes; owned */
} treadle_relations;

/* 0, or ENOMEM: then there is nothing to close. */
int treadle_relations_open(treadle_relations *relations, const treadle_trace *trace);
void treadle_relations_close(treadle_relations *relations);

/* Whether a memory access or a command of Redis leaves what it acts on as it is. */
bool treadle_event_only_reads(const treadle_trace *trace, const treadle_event *event);

#endif
