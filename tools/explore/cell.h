// SPDX-License-Identifier: MIT
/*
 * A cell: one scenario on one variant, backend and granularity with its parameters: what is
 * explored, and what a token names. And the result of exploring one. Plain data; the strings of a
 * cell are in arrays so that it can lie in shared memory and in a token.
 */
#ifndef TREADLE_EXPLORE_CELL_H
#define TREADLE_EXPLORE_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenarios/scenario.h"
#include "tools/engine/evidence.h"
#include "tools/engine/outcome.h"
#include "tools/engine/trace.h"

#define TREADLE_NAME_MAX 64

typedef struct treadle_cell {
    char scenario[TREADLE_NAME_MAX]; /* "component/scenario" */
    char variant[TREADLE_NAME_MAX];
    treadle_backend backend;
    treadle_granularity granularity;
    uint32_t parameter_count;
    int64_t parameters[TREADLE_PARAMETERS_MAX]; /* in the scenario's order */
} treadle_cell;

/* Whether executions are watched for data races (tools/checkers/races.h). */
typedef enum treadle_race_mode {
    TREADLE_RACES_AUTO, /* in the variants that we stand behind, and where one is expected */
    TREADLE_RACES_OFF,
    TREADLE_RACES_ON,
    TREADLE_RACES_ONLY, /* and what else breaks does not end the search */
} treadle_race_mode;

/* "auto", "off", "on", "only"; false for an unknown name. */
bool treadle_race_mode_parse(const char *name, treadle_race_mode *out);
/* Whether races end executions of variants that are racy, before what their scenarios check. */
static inline bool treadle_races_everywhere(treadle_race_mode mode)
{
    return mode == TREADLE_RACES_ON || mode == TREADLE_RACES_ONLY;
}
/* AUTO becomes ON or OFF. */
treadle_race_mode treadle_race_mode_for(treadle_race_mode mode, const treadle_cell *cell);

/* A schedule with what is needed to tell whether the program still does what was recorded. */
typedef struct treadle_schedule {
    treadle_cell cell;
    char property[TREADLE_PROPERTY_MAX]; /* the property that it breaks; "" when it breaks none */
    uint64_t trace_hash;                 /* 0 = was never recorded */
    uint32_t decision_count;
    uint16_t *decisions;   /* owned; see treadle_schedule_free() */
    uint32_t event_count;  /* events of the recorded trace */
    uint32_t check_stride; /* a check every so many events; 0 = no checks */
    uint32_t check_count;
    uint8_t *checks; /* owned; low byte of the hash after event stride, 2*stride, … */
} treadle_schedule;

void treadle_schedule_free(treadle_schedule *schedule);

/* The threads one after another, each as far as it could go. */
enum { TREADLE_SERIAL_RUNS_MAX = 6, TREADLE_SERIAL_THREADS_MAX = 16, TREADLE_SERIAL_NOTES = 600 };
typedef struct treadle_serial_run {
    uint32_t threads[TREADLE_SERIAL_THREADS_MAX]; /* in their order */
    treadle_outcome outcome;
    char notes[TREADLE_SERIAL_NOTES]; /* what the scenario notes, "client-1: admitted; …" */
} treadle_serial_run;

/* What a counterexample is compared with. */
typedef struct treadle_explanation {
    uint32_t thread_count; /* beside the main one */
    uint32_t serial_count; /* the first is the order that comes nearest to the counterexample */
    bool serial_all;       /* there are no other orders */
    treadle_serial_run serial[TREADLE_SERIAL_RUNS_MAX];
    char notes[TREADLE_SERIAL_NOTES]; /* of the counterexample itself */
    uint32_t decision;                /* passing: the one that is made otherwise, from 1; 0 = it is
                                         the nearest serial order that passes */
    treadle_trace *passing; /* the nearest run that passes; owned; NULL = none was found */
} treadle_explanation;

typedef struct treadle_result {
    treadle_cell cell;
    char strategy[16];
    uint64_t seed;
    uint64_t executions; /* explored */
    uint64_t steps;      /* operations at scheduling points, all executions together */
    uint64_t cut;        /* executions that ended at a limit */
    uint64_t spin_blocks;
    uint64_t redundant; /* executions given up as equivalent to others; not in `executions` */
    double elapsed_s;
    double share_explored;       /* of the space; 0 = not known. This and the next three: */
    treadle_guarantee guarantee; /* where nothing was found, and not all was seen */
    treadle_bound bound;
    treadle_estimate estimate;
    bool complete; /* the space was exhausted */
    bool interrupted;
    bool environment; /* unknown because the surroundings failed (exit status 3) */
    treadle_verdict verdict;
    treadle_verdict expected; /* NONE when nothing is stated for this cell */
    bool as_expected;
    bool race_expected;               /* the expected violation is a data race */
    const char *reason;               /* of the expectation; NULL when none; static */
    uint64_t first_violation;         /* the execution that found it, from 1; 0 = none */
    treadle_outcome outcome;          /* of the counterexample, after shrinking */
    char bounds[520];                 /* what `holds` and `no-violation-found` are subject to */
    treadle_granularity coarsest;     /* violated: the coarsest granularity that showed it */
    char *token;                      /* owned, NULL when none */
    treadle_trace *trace;             /* of the counterexample; owned, NULL when none */
    treadle_explanation *explanation; /* owned, NULL when not asked for, or there is none */
    uint32_t switches_found; /* of the counterexample as found; outcome.switches is as shrunk */
    uint32_t steps_found;
} treadle_result;

void treadle_result_free(treadle_result *result);
/* May be NULL. */
void treadle_explanation_free(treadle_explanation *explanation);

#endif
