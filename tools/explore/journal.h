// SPDX-License-Identifier: MIT
/*
 * The journal: a file that the process that executes, the process that judges and the command line
 * all have mapped. It holds the cell, the decisions of the execution under way (complete before
 * each step), how far exploring has come, the last outcome and the last trace. So nothing is lost
 * when the subject takes its process along; and when everything is killed, the file is still a
 * schedule that `treadle replay FILE` can run.
 *
 * One writer at a time: whoever was asked last. The counters may be read while it works.
 */
#ifndef TREADLE_EXPLORE_JOURNAL_H
#define TREADLE_EXPLORE_JOURNAL_H

#include <stdatomic.h>

#include "tools/engine/engine.h"
#include "tools/explore/cell.h"

#define TREADLE_JOURNAL_MAGIC "tdljrnl1"
#define TREADLE_TOKEN_TEXT_MAX (3u << 20)

typedef struct treadle_explore_request {
    char strategy[16];
    uint64_t seed;
    uint32_t pct_depth;
    uint32_t bound_limit;    /* the greatest bound plus one; 0 = none */
    bool symmetric;          /* dpor: the scenario's threads are interchangeable */
    uint64_t executions_max; /* 0 = no limit */
    double time_s_max;       /* 0 = no limit */
    uint32_t explorers;      /* processes at most, where a space can be divided; 0 = 1 */
} treadle_explore_request;

typedef struct treadle_explore_report {
    uint64_t executions;
    uint64_t steps;
    uint64_t spin_blocks;
    uint64_t cut_short; /* executions that ended before their end, and the search went on */
    uint64_t redundant; /* executions given up as equivalent to others, or repeated; not in
                           `executions` */
    uint64_t elsewhere; /* of the executions, those of other processes than the first */
    double elapsed_s;
    bool complete;     /* the whole space was explored */
    bool interrupted;  /* asked to stop */
    bool died;         /* the last execution took the process with it */
    double share;      /* of the space that was explored; 0 = not known */
    uint64_t learning; /* of the executions, those that were drawn differently */
    treadle_guarantee guarantee;
    treadle_bound bound;
    treadle_estimate estimate;
    treadle_outcome outcome; /* of the execution that ended the search; PASSED when none did */
} treadle_explore_report;

typedef struct treadle_journal {
    char magic[8];
    uint64_t bytes; /* of this structure: a journal of another build is refused */
    char path[512]; /* of this file */
    treadle_cell cell;

    /* From whoever asks, to whoever executes. */
    treadle_explore_request request;
    treadle_race_mode races; /* AUTO: as for exploring */
    bool leaks;              /* what is replayed is a leak; exploring sets it */
    bool print_reports;      /* a sanitizer's report is printed, too */
    uint32_t replay_count;
    bool replay_strict; /* a decision or a check that does not fit ends the execution as DIVERGED */
    bool replay_record;
    bool replay_state;
    bool replay_in_order; /* `replay` holds threads */
    uint32_t check_stride;
    uint32_t check_count;
    uint32_t repeat; /* replay: how often; all must give the same trace hash */
    atomic_bool stop;
    atomic_bool how_far; /* asks for the two figures below, after the execution under way */

    /* The way back. */
    _Atomic uint64_t executions; /* finished, of the request under way */
    _Atomic uint64_t steps;
    _Atomic uint64_t beats;      /* signs of life: at least one a second (pulse.h) */
    _Atomic double share;        /* of the space, explored when last asked; 0 = not known */
    _Atomic double seconds_left; /* likewise, of the request; below 0 = not known */
    uint64_t commands;           /* Redis commands sent for the subject, by the request under way */
    uint64_t resident_kb;        /* of the process when the request ended */
    uint64_t repeated;
    treadle_explore_report report;
    treadle_outcome outcome;
    treadle_decisions decisions;
    uint16_t replay[TREADLE_DECISIONS_MAX];
    uint8_t checks[TREADLE_TRACE_EVENTS_MAX];
    treadle_trace trace;

    /* From the process that judges to the command line. */
    treadle_result result; /* its pointers are not used; see below */
    bool has_token;
    bool has_trace;
    bool has_explanation;
    bool has_passing;
    treadle_explanation explanation; /* its pointer is not used; see below */
    treadle_trace passing;
    char token[TREADLE_TOKEN_TEXT_MAX];
} treadle_journal;

/* Creates and maps a journal file, which is the caller's to unlink. NULL with errno set. */
treadle_journal *treadle_journal_create(const char *path);
/* Maps an existing file, read-only; NULL with one line in `error` when it is not a journal. */
const treadle_journal *treadle_journal_read(const char *path, char *error, size_t error_size);
void treadle_journal_unmap(const treadle_journal *journal);

#endif
