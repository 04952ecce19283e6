// SPDX-License-Identifier: MIT
/* Plain stress on real threads, what one has without a harness: the workloads of the scenarios, in
 * memory and on a Redis server of its own, as often as asked, and how many rounds broke the
 * property. A workload that hangs or crashes takes only its own process along. One that sleeps runs
 * with time a thousand times as fast (scaled_clock.h). What is left out is said, and why.
 *
 *     treadle_stress [--rounds N] [--enough N] [--time SECONDS] [--variant V]
 *                    [--beside RESULTS.json] [--record STRESS.json]
 *                    [--format text|json|markdown] [GLOB]
 *
 * Exit status: 0, 1 when a `fixed` or `lockfree` variant broke, 2 usage, 3 environment. */
#include <argp.h>
#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/stress/native_engine.h"
#include "tools/stress/native_redis.h"
#include "tools/stress/scaled_clock.h"
#include "tools/stress/writer.h"

enum {
    STUCK_MS = 2000,
    FIRST_MS = 100,
    POLL_MS = 5,
    FASTER = 1000,
    PACE_SHARE = 20, /* of the time */
    PACE_S = 5,      /* at least: longer than a round that hangs is waited for */
    CONTROL_S = 3,
    CONTROL_ROUNDS = 1000
};

typedef struct arguments {
    const char *glob;
    const char *variant;
    const char *beside;
    const treadle_stress_writer *writer;
    const char *record_path; /* for JSON beside it; NULL = none */
    FILE *record;
    uint64_t rounds;
    uint64_t enough;
    double time_s_max;
} arguments;

/* In memory shared with the process that runs the rounds. */
typedef struct tally {
    _Atomic uint64_t rounds;
    _Atomic uint64_t broken;
    _Atomic uint64_t first; /* the round that broke first; 0 = none */
    char property[TREADLE_PROPERTY_MAX];
} tally;

typedef struct workload {
    treadle_run run;
    uint64_t rounds_max;
    uint64_t broken_max;
    double time_s_max;
    double pace_s;    /* after so long its pace must promise all rounds in time; 0 = never asked */
    uint64_t stuck;   /* rounds that never ended */
    uint64_t crashed; /* rounds that took the process along */
    bool too_slow;    /* its rounds sleep */
    int64_t scale;    /* of time: 1, or FASTER */
    double elapsed_s;
} workload;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void note(tally *shared, uint64_t round, const char *property)
{
    atomic_fetch_add(&shared->broken, 1);
    if (atomic_load(&shared->first) == 0) {
        atomic_store(&shared->first, round);
        snprintf(shared->property, sizeof shared->property, "%s", property);
    }
}

/* More rounds are wanted. */
static bool goes_on(const workload *self, tally *shared)
{
    return atomic_load(&shared->rounds) < self->rounds_max &&
           atomic_load(&shared->broken) < self->broken_max;
}

/* Its pace so far shows that it will not be done when its time is up. */
static bool hopeless(const workload *self, const tally *shared, double elapsed_s)
{
    const double rounds = (double)atomic_load(&shared->rounds) / (double)self->rounds_max;
    const double broken = (double)atomic_load(&shared->broken) / (double)self->broken_max;
    return self->pace_s > 0 && elapsed_s >= self->pace_s &&
           (rounds > broken ? rounds : broken) < elapsed_s / self->time_s_max;
}

static _Noreturn void run_rounds(const workload *self, tally *shared)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (goes_on(self, shared)) {
        const uint64_t round = atomic_load(&shared->rounds) + 1;
        const treadle_native_outcome outcome = treadle_native_round(&self->run);
        if (outcome.violated) {
            note(shared, round, outcome.property);
        }
        atomic_store(&shared->rounds, round);
    }
    _exit(0);
}

/* Until all rounds are done, enough of them broke or the time is up. A round that hangs or crashes
 * counts as broken, and the next goes on in a new process. */
static void stress(workload *self, tally *shared)
{
    const double began = now_s();
    while (goes_on(self, shared) && now_s() - began < self->time_s_max &&
           !hopeless(self, shared, now_s() - began)) {
        fflush(NULL);
        const pid_t pid = fork();
        if (pid < 0) {
            perror("treadle_stress: fork");
            exit(3);
        }
        if (pid == 0) {
            treadle_scaled_clock_set(self->scale);
            run_rounds(self, shared);
        }
        uint64_t seen = atomic_load(&shared->rounds);
        int status = 0;
        int idle_ms = 0;
        while (waitpid(pid, &status, WNOHANG) == 0) {
            usleep(POLL_MS * 1000);
            const uint64_t rounds = atomic_load(&shared->rounds);
            idle_ms = rounds == seen ? idle_ms + POLL_MS : 0;
            seen = rounds;
            /* Not while a round takes long: it may hang. */
            const bool late = now_s() - began >= self->time_s_max ||
                              (idle_ms == 0 && hopeless(self, shared, now_s() - began));
            self->too_slow = self->scale == 1 && rounds == 0 && idle_ms >= FIRST_MS;
            if (idle_ms >= STUCK_MS || late || self->too_slow) {
                kill(pid, SIGKILL);
                waitpid(pid, &status, 0);
                if (idle_ms >= STUCK_MS) {
                    const uint64_t round = atomic_fetch_add(&shared->rounds, 1) + 1;
                    note(shared, round, "stuck");
                    self->stuck++;
                }
                status = 0;
                if (self->too_slow) {
                    return;
                }
                break;
            }
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == TREADLE_NATIVE_CANNOT) {
            exit(3);
        }
        if (status != 0) {
            const uint64_t round = atomic_fetch_add(&shared->rounds, 1) + 1;
            note(shared, round, "crash");
            self->crashed++;
        }
    }
    self->elapsed_s = now_s() - began;
}

/* How many executions the explorer needed for the same workload; 0 = not in the file. */
static uint64_t explorer_needed(const char *path, const workload *self)
{
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    char *line = NULL;
    size_t size = 0;
    uint64_t best = 0;
    while (file != NULL && getline(&line, &size, file) > 0) {
        json_t *result = json_loads(line, 0, NULL);
        const char *scenario = json_string_value(json_object_get(result, "scenario"));
        const char *variant = json_string_value(json_object_get(result, "variant"));
        const char *backend = json_string_value(json_object_get(result, "backend"));
        const json_t *first = json_object_get(result, "first_violation");
        if (scenario != NULL && variant != NULL && backend != NULL && json_is_integer(first) &&
            strcmp(scenario, self->run.scenario->name) == 0 &&
            strcmp(variant, self->run.variant) == 0 &&
            strcmp(backend, treadle_backend_name(self->run.backend)) == 0) {
            const uint64_t needed = (uint64_t)json_integer_value(first);
            best = best == 0 || needed < best ? needed : best;
        }
        json_decref(result);
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
    return best;
}

static void leave_out(const treadle_run *run, const char *why, const arguments *how)
{
    how->writer->left_out(stdout, run, why);
    fflush(stdout);
}

static void report(const workload *self, const tally *shared, const arguments *how)
{
    const treadle_stress_result result = {
        .run = &self->run,
        .rounds = atomic_load(&shared->rounds),
        .broken = atomic_load(&shared->broken),
        .first = atomic_load(&shared->first),
        .property = shared->property,
        .scale = self->scale,
        .elapsed_s = self->elapsed_s,
        .explorer = explorer_needed(how->beside, self),
    };
    how->writer->result(stdout, &result);
    fflush(stdout);
    if (how->record != NULL) {
        treadle_stress_json.result(how->record, &result);
    }
}

/* Why the workload cannot run here at all; NULL when it can. */
static const char *impossible(const treadle_scenario *scenario, treadle_backend backend)
{
    if (strncmp(scenario->name, "litmus/", 7) == 0) {
        return "it tests the harness itself";
    }
    if (scenario->serial_outcomes) {
        return "what is right is known from serial runs, which the harness makes";
    }
    if (treadle_faults_any(&scenario->faults)) {
        return "what fails, and when, is the harness's decision";
    }
    if (scenario->moves_clock && backend == TREADLE_BACKEND_REDIS) {
        return "it waits, and the server's time is real";
    }
    return NULL;
}

/* The variant to run: the baseline that must break, or the one that was asked for; NULL when there
 * is none. */
static const char *variant_of(const treadle_scenario *scenario, treadle_backend backend,
                              const char *asked)
{
    if (asked == NULL) {
        const treadle_expectation *baseline = treadle_scenario_baseline(scenario, backend);
        return baseline != NULL ? baseline->variant : NULL;
    }
    for (const treadle_expectation *row = scenario->expectations; row->variant != NULL; row++) {
        if (row->backend == backend && strcmp(row->variant, asked) == 0) {
            return row->variant;
        }
    }
    return NULL;
}

static tally *new_tally(void)
{
    tally *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("treadle_stress: mmap");
        exit(3);
    }
    return shared;
}

/* In real time or, when that takes too long, in faster time, where who takes long hangs. The caller
 * unmaps the tally; NULL when it is too slow and time cannot be faster. */
static tally *run_workload(workload *self, const workload *wanted)
{
    const bool may_be_faster = wanted->run.backend == TREADLE_BACKEND_MEMORY;
    const int64_t first = wanted->run.scenario->moves_clock && may_be_faster ? FASTER : 1;
    for (int64_t scale = first; scale == 1 || (may_be_faster && scale == FASTER); scale *= FASTER) {
        tally *shared = new_tally();
        *self = *wanted;
        self->scale = scale;
        stress(self, shared);
        if (!self->too_slow) {
            return shared;
        }
        munmap(shared, sizeof *shared);
    }
    return NULL;
}

/* A check may rely on what only the harness gives: time that stands still, one step after another.
 * So a broken baseline counts only where `fixed` passes the same check as often or for as long, and
 * long enough to be seen hanging. Why not, or NULL. */
static const char *control(const workload *baseline, const tally *shared)
{
    workload self;
    const bool brief = baseline->elapsed_s < CONTROL_S;
    const uint64_t rounds = atomic_load(&shared->rounds);
    workload fixed = {.run = baseline->run,
                      .rounds_max = rounds < CONTROL_ROUNDS ? CONTROL_ROUNDS : rounds,
                      .broken_max = 1,
                      .time_s_max = brief ? CONTROL_S : baseline->elapsed_s};
    fixed.run.variant = variant_of(fixed.run.scenario, fixed.run.backend, "fixed");
    if (fixed.run.variant == NULL) {
        return "there is no fixed variant to compare with";
    }
    tally *control_shared = run_workload(&self, &fixed);
    if (control_shared == NULL) {
        return "a round of fixed takes long, and the server's time is real";
    }
    const bool ran = atomic_load(&control_shared->rounds) > 0;
    const bool passes = atomic_load(&control_shared->broken) == 0;
    munmap(control_shared, sizeof *control_shared);
    return !ran             ? "no round of fixed ended in time"
           : passes         ? NULL
           : self.scale > 1 ? "fixed breaks here, too: it needs time that stands still meanwhile"
                            : "fixed breaks here, too: it relies on the harness";
}

/* Whether a solution broke. In faster time that says nothing. */
static bool stress_workload(const treadle_run *run, const arguments *how)
{
    const bool solution = treadle_variant_is_solution(run->variant);
    const double pace_s = how->time_s_max / PACE_SHARE;
    const workload wanted = {.run = *run,
                             .rounds_max = how->rounds,
                             .broken_max = how->enough,
                             .time_s_max = how->time_s_max,
                             .pace_s = pace_s > PACE_S ? pace_s : PACE_S};
    workload self;
    tally *shared = run_workload(&self, &wanted);
    if (shared == NULL) {
        leave_out(run, "a round takes long, and the server's time is real", how);
        return false;
    }
    const char *why = atomic_load(&shared->rounds) == 0 ? "no round ended in time"
                      : solution                        ? NULL
                                                        : control(&self, shared);
    if (why != NULL) {
        leave_out(run, why, how);
    } else {
        report(&self, shared, how);
    }
    const bool broke = solution && self.scale == 1 && atomic_load(&shared->broken) > 0;
    munmap(shared, sizeof *shared);
    return broke;
}

/* Why there is no server; NULL when there is one. Started when it is first needed. */
static const char *no_server(void)
{
    static bool tried;
    static char error[200];
    if (!tried) {
        tried = true;
        treadle_native_redis_start(error, sizeof error);
    }
    return error[0] != '\0' ? error : NULL;
}

static bool stress_scenario(const treadle_scenario *scenario, treadle_backend backend,
                            const arguments *how)
{
    treadle_run run = {.scenario = scenario,
                       .variant = variant_of(scenario, backend, how->variant),
                       .backend = backend};
    if (run.variant == NULL) {
        return false;
    }
    const char *why = impossible(scenario, backend);
    if (why == NULL && backend == TREADLE_BACKEND_REDIS) {
        why = no_server();
    }
    if (why != NULL) {
        leave_out(&run, why, how);
        return false;
    }
    for (size_t i = 0; scenario->parameters[i].name != NULL; i++) {
        run.parameters[i] = scenario->parameters[i].fallback;
    }
    return stress_workload(&run, how);
}

static const struct argp_option options[] = {
    {"rounds", 'n', "N", 0, "of each workload; default 1000000", 0},
    {"enough", 'e', "N", 0, "end a workload when so many rounds broke; default 1000", 0},
    {"time", 't', "SECONDS", 0,
     "at most so long a workload, less where its pace would not do; default 30", 0},
    {"variant", 'V', "VARIANT", 0, "this variant instead of the baseline that must break", 0},
    {"beside", 'b', "FILE", 0,
     "the output of `treadle check --format json`: how soon the explorer found it", 0},
    {"record", 'r', "FILE", 0,
     "write the results there as JSON, too, for `treadle report --stress`", 0},
    {"format", 'f', "FORMAT", 0, "text (default), json (an object a line) or markdown", 0},
    {0},
};

static uint64_t parse_count(const char *name, const char *value, const struct argp_state *state)
{
    char *end = NULL;
    const uint64_t count = strtoull(value, &end, 10);
    if (*value == '-' || *end != '\0' || count == 0) {
        argp_error(state, "%s needs a whole number above 0, not \"%s\"", name, value);
    }
    return count;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    char *end = NULL;
    switch (key) {
    case 'n': self->rounds = parse_count("--rounds", value, state); return 0;
    case 'e': self->enough = parse_count("--enough", value, state); return 0;
    case 't':
        self->time_s_max = strtod(value, &end);
        if (*end != '\0' || !(self->time_s_max > 0)) {
            argp_error(state, "--time needs seconds above 0, not \"%s\"", value);
        }
        return 0;
    case 'V': self->variant = value; return 0;
    case 'b': self->beside = value; return 0;
    case 'r': self->record_path = value; return 0;
    case 'f':
        self->writer = treadle_stress_writer_named(value);
        if (self->writer == NULL) {
            argp_error(state, "--format takes text, json or markdown, not \"%s\"", value);
        }
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) {
            argp_error(state, "one GLOB only");
        }
        self->glob = value;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool asked_for(const treadle_scenario *scenario, const arguments *how)
{
    return how->glob == NULL || fnmatch(how->glob, scenario->name, FNM_EXTMATCH) == 0;
}

static bool any_asked_for(const arguments *how)
{
    for (size_t i = 0; i < treadle_scenario_count(); i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        for (treadle_backend backend = 0; backend < TREADLE_BACKEND_COUNT; backend++) {
            if (asked_for(scenario, how) && variant_of(scenario, backend, how->variant) != NULL) {
                return true;
            }
        }
    }
    return false;
}

/* Whether a solution broke. */
static bool stress_all(const arguments *how)
{
    bool broke = false;
    if (how->writer->begin != NULL) {
        how->writer->begin(stdout);
        fflush(stdout);
    }
    for (size_t i = 0; i < treadle_scenario_count(); i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        for (treadle_backend backend = 0; backend < TREADLE_BACKEND_COUNT; backend++) {
            broke |= asked_for(scenario, how) && stress_scenario(scenario, backend, how);
        }
    }
    if (how->writer->end != NULL) {
        how->writer->end(stdout);
    }
    return broke;
}

/* False after an error was printed. */
static bool close_file(FILE *file, const char *name)
{
    const bool failed = fflush(file) != 0 || ferror(file) != 0;
    if (failed) {
        fprintf(stderr, "treadle_stress: cannot write %s\n", name);
    }
    return !failed && (file == stdout || fclose(file) == 0);
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[GLOB]",
        .doc = "Runs the scenarios' workloads on real threads, without the harness."};
    arguments how = {
        .writer = &treadle_stress_text, .rounds = 1000000, .enough = 1000, .time_s_max = 30};
    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &how) != 0) {
        return 2;
    }
    if (how.beside != NULL && access(how.beside, R_OK) != 0) {
        fprintf(stderr, "treadle_stress: cannot read %s: %s\n", how.beside, strerror(errno));
        return 2;
    }
    if (!any_asked_for(&how)) {
        fprintf(stderr, "treadle_stress: no workload matches \"%s\"\n",
                how.glob != NULL ? how.glob : "*");
        return 2;
    }
    if (how.record_path != NULL && (how.record = fopen(how.record_path, "we")) == NULL) {
        fprintf(stderr, "treadle_stress: cannot write %s: %s\n", how.record_path, strerror(errno));
        return 3;
    }
    const bool broke = stress_all(&how);
    const bool written = close_file(stdout, "the output");
    if ((how.record != NULL && !close_file(how.record, how.record_path)) || !written) {
        return 3;
    }
    return broke;
}
