// SPDX-License-Identifier: MIT
/* `treadle bench`: figures as ratios to a peer or a limit, all taken in one run, since machines are
 * noisy. A measurement is one function and one line in the table at the end. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "tools/bench/fuzzing.h"
#include "tools/bench/strategies.h"
#include "tools/cli/cli.h"
#include "tools/cli/session.h"
#include "tools/engine/fiber.h"
#include "tools/explore/check.h"
#include "tools/explore/now.h"

enum { SEEDS = 20, TRACES_3X5 = 756756 };

typedef struct bench {
    bool json;
    uint64_t scale;   /* percent of the usual amount of work */
    const char *only; /* a measurement; NULL = all */
    bool environment;
    uint32_t below; /* figures that miss their limit */
} bench;

/* One figure. `ratio` is said so that 1 or more is good. */
static void figure(bench *self, const char *name, double value, const char *unit, double limit,
                   const char *limit_text, double ratio)
{
    self->below += ratio < 1;
    if (self->json) {
        json_t *row =
            json_pack("{s:s, s:f, s:s, s:f, s:s, s:f}", "name", name, "value", value, "unit", unit,
                      "peer_or_limit", limit, "peer_or_limit_is", limit_text, "ratio", ratio);
        json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(row);
    } else {
        printf("%-34s %14.6g %-14s %-44s %6.2f\n", name, value, unit, limit_text, ratio);
    }
    fflush(stdout);
}

/* ---- cells ----------------------------------------------------------------------------------- */

static bool make_cell(treadle_cell *cell, const char *scenario, const char *variant,
                      const char *granularity, const char *set)
{
    const treadle_selection selection = {
        .glob = scenario, .variant = variant, .granularity = granularity, .set = set};
    treadle_cell *cells;
    size_t count;
    if (treadle_cli_select(&selection, &cells, &count) != 0) {
        return false;
    }
    *cell = cells[0];
    free(cells);
    return true;
}

static bool explore(const treadle_cell *cell, const treadle_explore_request *request,
                    treadle_explore_report *report, uint64_t *commands, uint64_t *resident_kb)
{
    treadle_session session;
    if (treadle_session_open(&session, cell, NULL) != 0) {
        return false;
    }
    session.journal->races = TREADLE_RACES_OFF; /* has a figure of its own */
    const bool done = treadle_sandbox_explore(session.sandbox, request, report) == 0;
    if (commands != NULL) {
        *commands = session.journal->commands;
    }
    if (resident_kb != NULL) {
        *resident_kb = session.journal->resident_kb;
    }
    treadle_session_close(&session);
    return done;
}

/* ---- the engine ------------------------------------------------------------------------------ */

static treadle_stacks stacks;
static void *main_sp;
static void *other_sp;

static void bounce(void)
{
    for (;;) {
        treadle_fiber_switch(&other_sp, main_sp);
    }
}

static double switch_ns(uint64_t rounds)
{
    if (stacks.base == NULL && treadle_stacks_open(&stacks, 1) != 0) {
        return NAN;
    }
    other_sp =
        treadle_fiber_new(treadle_stack_low(&stacks, 0), treadle_stack_high(&stacks, 0), bounce);
    const double began = treadle_now_s();
    for (uint64_t i = 0; i < rounds; i++) {
        treadle_fiber_switch(&main_sp, other_sp);
    }
    return (treadle_now_s() - began) * 1e9 / (2 * (double)rounds);
}

static ucontext_t main_context;
static ucontext_t other_context;

static void bounce_context(void)
{
    for (;;) {
        swapcontext(&other_context, &main_context);
    }
}

static double swapcontext_ns(uint64_t rounds)
{
    static char stack[64 << 10];
    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof stack;
    makecontext(&other_context, bounce_context, 0);
    const double began = treadle_now_s();
    for (uint64_t i = 0; i < rounds; i++) {
        swapcontext(&main_context, &other_context);
    }
    return (treadle_now_s() - began) * 1e9 / (2 * (double)rounds);
}

static void bench_engine(bench *self)
{
    const uint64_t executions = 30000 * self->scale;
    const double raw_ns = switch_ns(executions);
    const double peer_ns = swapcontext_ns(executions / 10);
    char text[64];
    snprintf(text, sizeof text, "peer: swapcontext, %.0f ns", peer_ns);
    figure(self, "fiber_switch", raw_ns, "ns", peer_ns, text, peer_ns / raw_ns);
    double sync_rate = 0;
    static const char *const granularities[] = {"sync", "memory"};
    for (int g = 0; g < 2; g++) {
        treadle_cell cell;
        treadle_explore_report report;
        const treadle_explore_request request = {
            .strategy = "random", .seed = 1, .executions_max = executions};
        if (!make_cell(&cell, "litmus/locked_increment", "fixed", granularities[g], NULL) ||
            !explore(&cell, &request, &report, NULL, NULL)) {
            return;
        }
        const double rate = (double)report.executions / report.elapsed_s;
        const double operations = (double)report.steps / report.elapsed_s;
        if (g == 0) {
            sync_rate = operations;
            figure(self, "locked_increment_3x5/sync", rate, "executions/s", 1e6,
                   "limit: 1,000,000 executions/s", rate / 1e6);
            figure(self, "locked_increment_3x5/sync", operations, "operations/s", 40e6,
                   "limit: 40,000,000 operations/s", operations / 40e6);
            figure(self, "operation_over_switch", 1e9 / operations / raw_ns, "switches", 5,
                   "limit: an operation costs 5 raw switches", 5 * raw_ns * operations / 1e9);
        } else {
            figure(self, "locked_increment_3x5/memory", operations, "operations/s", sync_rate / 2,
                   "peer: half of sync, in this run", 2 * operations / sync_rate);
        }
    }
}

/* Executions/s with a race mode; 0 when there is no figure. */
static double race_rate(const treadle_cell *cell, treadle_race_mode races, uint64_t executions)
{
    treadle_session session;
    if (treadle_session_open(&session, cell, NULL) != 0) {
        return 0;
    }
    session.journal->races = races;
    const treadle_explore_request request = {
        .strategy = "random", .seed = 1, .executions_max = executions};
    treadle_explore_report report;
    const bool done = treadle_sandbox_explore(session.sandbox, &request, &report) == 0 &&
                      report.executions == executions && report.elapsed_s > 0;
    treadle_session_close(&session);
    return done ? (double)executions / report.elapsed_s : 0;
}

static int ascending(const void *one, const void *other)
{
    const double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

/* What it costs to look for data races, on the smallest steps there are, and on a subject. */
static void bench_races(bench *self)
{
    static const struct {
        const char *scenario;
        const char *variant;
        uint64_t executions; /* of scale 1 */
    } workloads[] = {
        {"litmus/locked_increment", "fixed", 3000},
        {"token_bucket/takers", "fixed", 100},
        {"memory_store/check_then_add", "lockfree", 300},
    };
    enum { ROUNDS = 5 };
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        treadle_cell cell;
        if (!make_cell(&cell, workloads[i].scenario, workloads[i].variant, "memory", NULL)) {
            return;
        }
        double costs[ROUNDS];
        double rate = 0;
        for (int round = 0; round < ROUNDS; round++) { /* alternating: both meet the same noise */
            const uint64_t executions = workloads[i].executions * self->scale;
            const double off = race_rate(&cell, TREADLE_RACES_OFF, executions);
            const double on = race_rate(&cell, TREADLE_RACES_ON, executions);
            if (off <= 0 || on <= 0) {
                return;
            }
            rate += on / ROUNDS;
            costs[round] = off / on;
        }
        qsort(costs, ROUNDS, sizeof costs[0], ascending);
        char name[96];
        char text[64];
        const double cost = costs[ROUNDS / 2];
        snprintf(name, sizeof name, "races/%s", workloads[i].scenario);
        snprintf(text, sizeof text, "limit: half as fast as without; cost %.2f", cost);
        figure(self, name, rate, "executions/s", rate * cost / 2, text, 2 / cost);
    }
}

static void bench_memory(bench *self)
{
    treadle_cell cell;
    treadle_explore_report report;
    uint64_t early = 0;
    uint64_t late = 0;
    treadle_explore_request request = {
        .strategy = "random", .seed = 1, .executions_max = 1000 * self->scale};
    if (!make_cell(&cell, "litmus/locked_increment", "fixed", "sync", NULL) ||
        !explore(&cell, &request, &report, NULL, &early)) {
        return;
    }
    request.executions_max = 100000 * self->scale;
    if (!explore(&cell, &request, &report, NULL, &late)) {
        return;
    }
    char text[96];
    snprintf(text, sizeof text, "peer: after 100 times fewer, %" PRIu64 " KiB", early);
    char name[64];
    snprintf(name, sizeof name, "resident_after_%" PRIu64, report.executions);
    /* Flat: within 1 %, and a page-cache's worth of noise. */
    figure(self, name, (double)late, "KiB", (double)early, text,
           ((double)early * 1.01 + 64) / (double)late);
}

/* ---- finding --------------------------------------------------------------------------------- */

static void bench_first_find(bench *self)
{
    static const char *const strategies[] = {"random", "pct"};
    for (int s = 0; s < 2; s++) {
        for (int threads = 2; threads <= 4; threads++) {
            treadle_cell cell;
            char set[32];
            snprintf(set, sizeof set, "threads=%d", threads);
            if (!make_cell(&cell, "litmus/check_then_act", "naive", "sync", set)) {
                return;
            }
            uint64_t worst = 0;
            uint64_t sum = 0;
            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                treadle_explore_report report;
                treadle_explore_request request = {.seed = seed, .executions_max = 10000};
                snprintf(request.strategy, sizeof request.strategy, "%s", strategies[s]);
                if (!explore(&cell, &request, &report, NULL, NULL)) {
                    return;
                }
                sum += report.executions;
                worst = report.executions > worst ? report.executions : worst;
            }
            char name[64];
            char text[64];
            const double mean = (double)sum / SEEDS;
            snprintf(name, sizeof name, "first_find/%s/%d_threads", strategies[s], threads);
            snprintf(text, sizeof text, "limit: 10; the worst of %d seeds: %" PRIu64, SEEDS, worst);
            figure(self, name, mean, "executions", 10, text, 10 / mean);
        }
    }
}

static void bench_dfs(bench *self)
{
    treadle_cell cell;
    treadle_explore_report report;
    const treadle_explore_request request = {.strategy = "dfs"};
    if (!make_cell(&cell, "litmus/steps", "fixed", "memory", NULL) ||
        !explore(&cell, &request, &report, NULL, NULL)) {
        return;
    }
    figure(self, "dfs_3_threads_3_steps", (double)report.executions, "interleavings", 1680,
           "limit: 9!/(3!)^3 = 1,680 exactly",
           report.complete && report.executions == 1680 ? 1 : 0);
}

/* Three threads that increment five times each under a lock: 15!/(5!)^3 traces. */
static void bench_dpor(bench *self)
{
    treadle_cell cell;
    treadle_explore_report reduced;
    treadle_explore_report random;
    uint64_t resident_kb = 0;
    const treadle_explore_request prove = {.strategy = "dpor"};
    const treadle_explore_request sample = {
        .strategy = "random", .seed = 1, .executions_max = TRACES_3X5};
    if (!make_cell(&cell, "litmus/locked_increment", "fixed", "sync", "threads=3,increments=5") ||
        !explore(&cell, &sample, &random, NULL, NULL) ||
        !explore(&cell, &prove, &reduced, NULL, &resident_kb)) {
        return;
    }
    const double rate = (double)reduced.executions / reduced.elapsed_s;
    const double peer = (double)random.executions / random.elapsed_s;
    figure(self, "dpor_3x5_locked_increments", rate, "executions/s", 1e6,
           "limit: 1,000,000 executions/s", rate / 1e6);
    figure(self, "dpor_against_random_walks", rate, "executions/s", peer,
           "peer: random walks of the same program, half", 2 * rate / peer);
    /* Machines differ; the limit was set on one whose switch takes 5 ns. */
    const double raw_ns = switch_ns(1000000);
    figure(self, "dpor_execution_over_switch", 1e9 / rate / raw_ns, "switches", 200,
           "limit: 200 raw switches, 1 us at 5 ns each", 200 * raw_ns * rate / 1e9);
    figure(self, "dpor_traces", (double)reduced.executions, "traces", TRACES_3X5,
           "limit: 15!/(5!)^3 = 756,756 exactly",
           reduced.complete && reduced.executions == TRACES_3X5 ? 1 : 0);
    figure(self, "dpor_redundant", (double)reduced.redundant, "executions", 0, "limit: none",
           reduced.redundant == 0 ? 1 : 0);
    const double resident_mb = (double)resident_kb / 1024;
    figure(self, "dpor_resident", resident_mb, "MiB", 50, "limit: 50 MiB",
           50 / fmax(resident_mb, 1));
}

/* The same program, divided among two processes. Their best of some rounds, which alternate: what
 * else the machine does slows two more than one. */
static void bench_dpor_jobs(bench *self)
{
    enum { ROUNDS = 3 };
    treadle_cell cell;
    if (!make_cell(&cell, "litmus/locked_increment", "fixed", "sync", "threads=3,increments=5")) {
        return;
    }
    double best[2] = {0};
    bool exact = true;
    uint64_t redundant = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t jobs = 1; jobs <= 2; jobs++) {
            const treadle_explore_request request = {.strategy = "dpor", .explorers = jobs};
            treadle_explore_report report;
            if (!explore(&cell, &request, &report, NULL, NULL)) {
                return;
            }
            best[jobs - 1] = fmax(best[jobs - 1], (double)report.executions / report.elapsed_s);
            exact &= report.complete && report.executions == TRACES_3X5;
            redundant += report.redundant;
        }
    }
    char text[64];
    snprintf(text, sizeof text, "peer: 1.7 times one job, %.0f", best[0]);
    figure(self, "dpor_2_jobs", best[1], "executions/s", 1.7 * best[0], text,
           best[1] / (1.7 * best[0]));
    figure(self, "dpor_2_jobs_traces", exact ? TRACES_3X5 : 0, "traces", TRACES_3X5,
           "limit: as with one job, every time", exact);
    figure(self, "dpor_2_jobs_redundant", (double)redundant, "executions", TRACES_3X5 / 100.0,
           "limit: one in a hundred", (double)redundant <= TRACES_3X5 / 100.0);
}

static void bench_strategies(bench *self)
{
    self->environment |= !treadle_bench_strategies(self->json, self->scale);
}

/* ---- replaying ------------------------------------------------------------------------------- */

static void bench_replay(bench *self)
{
    treadle_cell cell;
    treadle_session session;
    if (!make_cell(&cell, "litmus/check_then_act", "naive", "sync", "threads=4") ||
        treadle_session_open(&session, &cell, NULL) != 0) {
        return;
    }
    treadle_explore_report report;
    const treadle_explore_request request = {
        .strategy = "random", .seed = 1, .executions_max = 10000};
    uint64_t hashes[2] = {0, 1};
    treadle_outcome outcome = {0};
    double elapsed = 0;
    if (treadle_sandbox_explore(session.sandbox, &request, &report) == 0) {
        const uint32_t count = session.journal->decisions.count;
        uint16_t *decisions = malloc((count + 1) * sizeof *decisions);
        if (decisions != NULL) {
            memcpy(decisions, session.journal->decisions.values, count * sizeof *decisions);
            for (int process = 0; process < 2; process++) {
                treadle_sandbox_close(session.sandbox);
                session.sandbox = treadle_sandbox_open(session.journal, NULL);
                const treadle_replay_request again = {
                    .decisions = decisions, .count = count, .record = true, .repeat = 10000};
                const double began = treadle_now_s();
                treadle_sandbox_replay(session.sandbox, &again, &outcome);
                elapsed = treadle_now_s() - began;
                hashes[process] = outcome.kind == TREADLE_OUTCOME_VIOLATED ? outcome.trace_hash
                                                                           : (uint64_t)process;
            }
        }
        free(decisions);
    }
    char text[96];
    snprintf(text, sizeof text, "limit: one trace hash in two processes, %016" PRIx64, hashes[0]);
    figure(self, "same_trace_10000_replays", 10000 / elapsed, "replays/s", 1, text,
           hashes[0] == hashes[1] ? 1 : 0);
    treadle_session_close(&session);
}

/* ---- Redis ----------------------------------------------------------------------------------- */

/* Commands/s of `redis-benchmark -c 1` on the socket, where the kernel puts it or (processor >= 0)
 * on one processor; 0 when there is no figure. */
static double redis_benchmark(const char *socket, int processor, uint64_t requests)
{
    char pin[64] = "";
    char command[512];
    if (processor >= 0) {
        snprintf(pin, sizeof pin, "taskset -c %d ", processor);
    }
    snprintf(command, sizeof command,
             "%sredis-benchmark -s '%s' -c 1 -n %" PRIu64
             " --csv ZCOUNT window:openai 1699999940 1700000000 2>/dev/null",
             pin, socket, requests);
    FILE *pipe = popen(command, "re");
    if (pipe == NULL) {
        return 0;
    }
    char line[512];
    double rate = 0;
    while (fgets(line, sizeof line, pipe) != NULL) {
        /* "name","rps",… */
        const char *second = strstr(line, "\",\"");
        if (second != NULL && strtod(second + 3, NULL) > 0) {
            rate = strtod(second + 3, NULL);
        }
    }
    pclose(pipe);
    return rate;
}

/* The better of both placements: sharing the server's processor is faster, and what the seam does.
 */
static double best_redis_benchmark(const treadle_redis_server *server, uint64_t requests)
{
    const char *socket = treadle_redis_server_socket(server);
    const double free_rate = redis_benchmark(socket, -1, requests);
    cpu_set_t before;
    cpu_set_t one;
    CPU_ZERO(&one);
    const int processor = sched_getcpu();
    if (processor < 0 ||
        sched_getaffinity(treadle_redis_server_pid(server), sizeof before, &before) != 0) {
        return free_rate;
    }
    CPU_SET((size_t)processor, &one);
    sched_setaffinity(treadle_redis_server_pid(server), sizeof one, &one);
    const double shared_rate = redis_benchmark(socket, processor, requests);
    sched_setaffinity(treadle_redis_server_pid(server), sizeof before, &before);
    return shared_rate > free_rate ? shared_rate : free_rate;
}

static void bench_redis(bench *self)
{
    treadle_cell cell;
    treadle_session session;
    if (!make_cell(&cell, "sliding_window/check_then_add", "fixed", "await", "threads=4") ||
        !make_cell(&cell, "sliding_window/check_then_add", "naive", "await",
                   "threads=4,limit=1000")) {
        return;
    }
    if (treadle_session_open(&session, &cell, NULL) != 0) {
        self->environment = true;
        return;
    }
    double ours = 0;
    double peer = 0;
    /* Alternating, so that both meet the same noise. */
    for (int round = 0; round < 3; round++) {
        const double theirs = best_redis_benchmark(session.server, 200 * self->scale);
        treadle_explore_report report;
        const treadle_explore_request request = {
            .strategy = "random", .seed = (uint64_t)round + 1, .executions_max = 15 * self->scale};
        if (treadle_sandbox_explore(session.sandbox, &request, &report) != 0 ||
            report.outcome.kind != TREADLE_OUTCOME_PASSED) {
            treadle_cli_error("bench: %s", report.outcome.message);
            self->environment = true;
            break;
        }
        ours += (double)session.journal->commands / report.elapsed_s / 3;
        peer += theirs / 3;
    }
    treadle_session_close(&session);
    if (peer > 0 && ours > 0) {
        char text[96];
        snprintf(text, sizeof text, "peer: 80 %% of redis-benchmark -c 1, %.0f/s", peer);
        figure(self, "live_redis/naive_window", ours, "commands/s", 0.8 * peer, text,
               ours / (0.8 * peer));
    } else {
        treadle_cli_error("bench: redis-benchmark gave no figure; install redis-tools");
        self->environment = true;
    }
}

static void bench_fuzzing(bench *self)
{
    const char *path;
    if (treadle_bench_can_fuzz(&path)) {
        self->environment |= !treadle_bench_fuzzing(self->json, self->scale);
        return;
    }
    treadle_cli_error("bench: fuzzing is left out: there is no %s; cmake --preset fuzz && cmake "
                      "--build --preset fuzz makes it",
                      path);
    self->environment |= self->only != NULL;
}

/* ---- command line ---------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0, "text (default) or json, one object a line", 0},
    {"only", 'o', "NAME", 0,
     "one measurement: engine, races, memory, first_find, dfs, dpor, dpor_jobs, replay, redis, "
     "strategies or fuzzing",
     0},
    {"scale", 'c', "PERCENT", 0, "how much work, in percent of the usual", 0},
    {0},
};

static const struct {
    const char *name;
    void (*measure)(bench *);
} measurements[] = {
    {"engine", bench_engine},         {"races", bench_races},     {"memory", bench_memory},
    {"first_find", bench_first_find}, {"dfs", bench_dfs},         {"dpor", bench_dpor},
    {"dpor_jobs", bench_dpor_jobs},   {"replay", bench_replay},   {"redis", bench_redis},
    {"strategies", bench_strategies}, {"fuzzing", bench_fuzzing},
};

static bool known_measurement(const char *name)
{
    for (size_t i = 0; i < sizeof measurements / sizeof measurements[0]; i++) {
        if (strcmp(measurements[i].name, name) == 0) {
            return true;
        }
    }
    treadle_cli_error("unknown measurement \"%s\"; see treadle bench --help", name);
    return false;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    bench *self = state->input;
    switch (key) {
    case 'f':
        if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0) {
            treadle_cli_error("unknown format \"%s\"; bench has text and json", value);
            return EINVAL;
        }
        self->json = strcmp(value, "json") == 0;
        return 0;
    case 'o': self->only = value; return known_measurement(value) ? 0 : EINVAL;
    case 'c': return treadle_cli_number(value, "--scale", 1, 10000, &self->scale) ? 0 : EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "Measures, as ratios to a peer or a limit taken in one run: 1 and more is good.",
};

int treadle_cli_bench(int argc, char **argv)
{
    bench self = {.scale = 100};
    const int status = treadle_cli_parse(&argp, argc, argv, &self);
    if (status) {
        return status;
    }
    /* Two have tables of their own. */
    if (!self.json && (self.only == NULL || (strcmp(self.only, "strategies") != 0 &&
                                             strcmp(self.only, "fuzzing") != 0))) {
        printf("%-34s %14s %-14s %-44s %6s\n", "name", "value", "unit", "peer or limit", "ratio");
    }
    for (size_t i = 0; i < sizeof measurements / sizeof measurements[0]; i++) {
        if (self.only == NULL || strcmp(self.only, measurements[i].name) == 0) {
            measurements[i].measure(&self);
        }
    }
    return self.environment ? TREADLE_EXIT_ENVIRONMENT : TREADLE_EXIT_OK;
}
