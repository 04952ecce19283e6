// SPDX-License-Identifier: MIT
/*
 * A report writer turns results into one output format. One writer a file, one line in the registry
 * (writers.c). Writers see treadle_result and treadle_trace only, never the engine.
 *
 * `begin` before the first result, `result` once for each as it arrives, `end` after the last. Each
 * returns 0, or an errno value when the output could not be written. `self` is the writer's own;
 * `end` frees it.
 */
#ifndef TREADLE_REPORTS_WRITER_H
#define TREADLE_REPORTS_WRITER_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/explore/cell.h"

/* Turns a code address into "function file.c:12" for a person; "" when unknown. The text lives
 * until the next call. Given by the caller, so that writers need no debugger library. */
typedef const char *treadle_symbolizer(uint64_t address);

/* Line `line` of a source file, as the symbolizer names it; NULL when it cannot be read. The text
 * lives until the next call, has no line end, and is not escaped. */
typedef const char *treadle_source_reader(const char *file, int line);

typedef struct treadle_writer_options {
    FILE *out;
    int width;            /* columns of the terminal, or 100 */
    int scenario_columns; /* of the widest name to come; 0 = not known */
    int variant_columns;
    bool colour;                        /* may use ANSI colours */
    treadle_symbolizer *symbolize;      /* NULL = no source places */
    treadle_symbolizer *symbolize_data; /* names of global variables; NULL = none */
    treadle_source_reader *source;      /* NULL = no source excerpts */
    const char *version;                /* of the program; NULL = not known */
    bool lanes_always; /* show the lanes of every counterexample, not only of unexpected ones */
    bool verbose;      /* lanes: every operation, also those that no other thread could notice */
    uint32_t from;     /* lanes: only steps from this one … */
    uint32_t to;       /* … to this one; 0 = the last */
} treadle_writer_options;

/* What a whole run came to; for `end`. */
typedef struct treadle_summary {
    uint64_t results;
    uint64_t as_expected;
    uint64_t unexpected;
    uint64_t unknown;
    /* Workloads that a solution passed, and those of them that a baseline variant broke or that
     * nothing can break; see tools/explore/baseline.h. */
    uint64_t workloads;
    uint64_t workloads_broken;
    uint64_t workloads_exempt;
    uint64_t regressions; /* kept schedules that were replayed first */
    uint64_t regressions_lost;
    double elapsed_s;
    bool interrupted;
} treadle_summary;

/* Workloads that nothing was found to break: their checks may have gone blind. */
static inline uint64_t treadle_summary_blind(const treadle_summary *summary)
{
    const uint64_t told = summary->workloads_broken + summary->workloads_exempt;
    return summary->workloads > told ? summary->workloads - told : 0;
}

typedef struct treadle_writer {
    const char *name; /* as in --format */
    int (*begin)(void **self, const treadle_writer_options *options);
    int (*result)(void *self, const treadle_result *result);
    int (*end)(void *self, const treadle_summary *summary);
} treadle_writer;

extern const treadle_writer treadle_writer_text;
extern const treadle_writer treadle_writer_json;
extern const treadle_writer treadle_writer_junit;
extern const treadle_writer treadle_writer_prometheus;
extern const treadle_writer treadle_writer_sarif;
extern const treadle_writer treadle_writer_github;
extern const treadle_writer treadle_writer_markdown;

/* NULL for an unknown name. */
const treadle_writer *treadle_writer_find(const char *name);
/* Ends with NULL. */
extern const treadle_writer *const treadle_writers[];

/* The lane diagram of a trace: a column a thread, time downwards. 0, or an errno value. */
int treadle_lanes_write(const treadle_trace *trace, const treadle_writer_options *options);

/* A trace as one JSON object. 0, or an errno value. */
int treadle_trace_json_write(const treadle_schedule *schedule, const treadle_outcome *outcome,
                             const char *token, const treadle_trace *trace,
                             const treadle_writer_options *options);

/* A schedule that was run again. All borrowed. */
typedef struct treadle_replayed {
    const treadle_schedule *schedule;
    const treadle_outcome *outcome;
    const treadle_trace *trace;
    const char *token;    /* NULL when it came from elsewhere */
    const char *line;     /* what came about, in one line */
    uint64_t repetitions; /* all gave the same trace */
    bool judged;          /* a verdict was recorded; journals of killed runs have none */
    bool again;           /* … and it came about again; true when there is none */
} treadle_replayed;

/* Turns one replay into one format: one file, one line in trace_writers.c. 0, or an errno value. */
typedef struct treadle_trace_writer {
    const char *name; /* as in replay --format */
    bool whole;       /* writes all of a trace, whatever `from` and `to` say */
    int (*write)(const treadle_replayed *replayed, const treadle_writer_options *options);
} treadle_trace_writer;

extern const treadle_trace_writer treadle_trace_writer_lanes;
extern const treadle_trace_writer treadle_trace_writer_json;
extern const treadle_trace_writer treadle_trace_writer_perfetto;
extern const treadle_trace_writer treadle_trace_writer_dot;

/* NULL for an unknown name. */
const treadle_trace_writer *treadle_trace_writer_find(const char *name);
/* Ends with NULL. */
extern const treadle_trace_writer *const treadle_trace_writers[];

#endif
