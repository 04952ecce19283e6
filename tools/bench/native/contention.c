// SPDX-License-Identifier: MIT
/* treadle_contention: how `lockfree` compares with `fixed` when several threads use one limiter at
 * once, on real threads. Both are measured in turns, in one run, so that both meet the same noise;
 * a figure is the median of the repetitions, its ratio the median of the pairs'. How many threads
 * really ran at a time is measured, too: where others have the processors, the threads take turns,
 * and nothing contends. A workload is three functions and one line in the table at the end.
 *
 *     treadle_contention [--threads N] [--repetitions N] [--scale PERCENT] [--format text|json]
 *
 * Exit status: 0, 2 usage, 3 environment, or a limiter that did not do what it was asked. */
#include <argp.h>
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "impl/combined/combined.h"
#include "impl/memory_store/memory_store.h"
#include "impl/metrics/metrics.h"
#include "impl/provider_factory/provider_factory.h"
#include "impl/semaphore/semaphore.h"
#include "impl/token_bucket/token_bucket.h"

enum { THREADS_MAX = 64, REPETITIONS_MAX = 101, MEASURE_MS = 25 };

typedef struct arguments {
    uint64_t threads;
    uint64_t repetitions;
    uint64_t scale; /* percent of the usual amount of work */
    bool json;
} arguments;

/* One limiter in use. */
typedef struct subject {
    const void *variant; /* of the workload's component */
    void *limiter;
    uint64_t threads;
    atomic_bool stop;
    atomic_bool wrong; /* a call had another outcome than all should have */
    uint64_t stored;   /* metrics */
} subject;

typedef struct workload {
    const char *name;
    void (*open)(subject *self, const char *variant);
    void (*call)(subject *self); /* once; by all threads, again and again */
    void (*close)(subject *self);
    bool stored; /* what counts is self->stored, set by close, not the calls */
} workload;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "treadle_contention: %s: %s\n", what, why);
    exit(3);
}

static void *opened(void *limiter, const char *error)
{
    if (limiter == NULL) {
        fail("open", error);
    }
    return limiter;
}

/* ---- token bucket ---------------------------------------------------------------------------- */

static void open_bucket(subject *self, const char *variant, double capacity, double rate_per_s)
{
    char error[128];
    const struct token_bucket_limits limits = {.capacity = capacity, .rate_per_s = rate_per_s};
    const struct token_bucket_variant *found = token_bucket_find(variant);
    self->variant = found;
    self->limiter = opened(found->open(&limits, error, sizeof error), error);
}

static void open_full_bucket(subject *self, const char *variant)
{
    open_bucket(self, variant, 1000, 1);
}

/* One that knows no time. */
static void open_finite_bucket(subject *self, const char *variant)
{
    open_bucket(self, variant, 1000, 0);
}

static void open_empty_bucket(subject *self, const char *variant)
{
    open_bucket(self, variant, 1, 0.001);
    const struct token_bucket_variant *opened_variant = self->variant;
    opened_variant->try_acquire(self->limiter, NULL);
}

static void take_and_give_back(subject *self)
{
    const struct token_bucket_variant *variant = self->variant;
    if (variant->try_acquire(self->limiter, NULL) != RATE_ADMITTED) {
        self->wrong = true;
    }
    variant->give_back(self->limiter);
}

static void take_in_vain(subject *self)
{
    const struct token_bucket_variant *variant = self->variant;
    if (variant->try_acquire(self->limiter, NULL) != RATE_REFUSED) {
        self->wrong = true;
    }
}

static void close_bucket(subject *self)
{
    ((const struct token_bucket_variant *)self->variant)->close(self->limiter);
}

/* ---- memory store ---------------------------------------------------------------------------- */

static void open_store(subject *self, const char *variant, long long rpm, double window_s)
{
    char error[128];
    const struct rate_limits limits = {.rpm = rpm, .window_s = window_s};
    const struct memory_store_variant *found = memory_store_find(variant);
    self->variant = found;
    self->limiter = opened(found->open(&limits, error, sizeof error), error);
}

/* Room for one request a microsecond: most are admitted, and as many expire. */
static void open_moving_store(subject *self, const char *variant)
{
    open_store(self, variant, 1000, 0.001);
}

static void open_full_store(subject *self, const char *variant)
{
    open_store(self, variant, 1000, 3600);
    const struct memory_store_variant *opened_variant = self->variant;
    while (opened_variant->acquire(self->limiter, "openai") == RATE_ADMITTED) {
    }
}

static void ask(subject *self)
{
    const struct memory_store_variant *variant = self->variant;
    if (variant->acquire(self->limiter, "openai") == RATE_ERROR) {
        self->wrong = true;
    }
}

static void ask_in_vain(subject *self)
{
    const struct memory_store_variant *variant = self->variant;
    if (variant->acquire(self->limiter, "openai") != RATE_REFUSED) {
        self->wrong = true;
    }
}

static void close_store(subject *self)
{
    ((const struct memory_store_variant *)self->variant)->close(self->limiter);
}

/* ---- semaphore ------------------------------------------------------------------------------- */

static void open_semaphore(subject *self, const char *variant, long long max)
{
    char error[128];
    const struct semaphore_options options = {.max_concurrent = max};
    const struct semaphore_variant *found = semaphore_find(variant);
    self->variant = found;
    self->limiter = opened(found->open(&options, error, sizeof error), error);
}

/* A slot for everybody. */
static void open_free_semaphore(subject *self, const char *variant)
{
    open_semaphore(self, variant, (long long)self->threads);
}

/* One too few, so that somebody waits. */
static void open_scarce_semaphore(subject *self, const char *variant)
{
    open_semaphore(self, variant, self->threads > 1 ? (long long)self->threads - 1 : 1);
}

static void hold_slot(subject *self)
{
    const struct semaphore_variant *variant = self->variant;
    if (variant->acquire(self->limiter, NULL) == RATE_ADMITTED) {
        variant->release(self->limiter);
    } else {
        self->wrong = true;
    }
}

static void close_semaphore(subject *self)
{
    ((const struct semaphore_variant *)self->variant)->close(self->limiter);
}

/* ---- combined limiter ------------------------------------------------------------------------ */

static void open_combined(subject *self, const char *variant, double burst)
{
    char error[128];
    const struct combined_provider provider = {
        .name = "openai",
        .window = {.rpm = 1000, .window_s = 3600},
        .bucket = {.capacity = burst, .rate_per_s = 0.001},
    };
    const struct combined_options options = {
        .providers = &provider, .providers_count = 1, .max_concurrent = THREADS_MAX};
    const struct combined_variant *found = combined_find(variant, COMBINED_MEMORY);
    self->variant = found;
    self->limiter = opened(found->open(&options, error, sizeof error), error);
}

static enum rate_decision ask_combined(const subject *self, struct combined_permit *permit)
{
    static const struct timespec at_once = {.tv_sec = 0};
    const struct combined_request request = {.provider = "openai", .deadline = &at_once};
    permit->provider = NULL;
    return ((const struct combined_variant *)self->variant)
        ->acquire(self->limiter, &request, permit);
}

static void open_roomy_combined(subject *self, const char *variant)
{
    open_combined(self, variant, 1000);
}

/* No token for an hour. */
static void open_empty_combined(subject *self, const char *variant)
{
    struct combined_permit permit;
    open_combined(self, variant, 1);
    if (ask_combined(self, &permit) != RATE_ADMITTED) {
        self->wrong = true;
    }
}

static void pass_and_return(subject *self)
{
    struct combined_permit permit;
    if (ask_combined(self, &permit) != RATE_ADMITTED) {
        self->wrong = true;
    }
    ((const struct combined_variant *)self->variant)
        ->release(self->limiter, &permit, COMBINED_NOT_SENT);
}

static void pass_in_vain(subject *self)
{
    struct combined_permit permit;
    if (ask_combined(self, &permit) != RATE_REFUSED) {
        self->wrong = true;
    }
}

static void close_combined(subject *self)
{
    ((const struct combined_variant *)self->variant)->close(self->limiter);
}

/* ---- provider factory ------------------------------------------------------------------------ */

static void *construct(const struct provider_config *config, void *context, char *error,
                       size_t error_size)
{
    static char object;
    (void)config;
    (void)context;
    (void)error;
    (void)error_size;
    return &object;
}

static void destroy(void *object, void *context)
{
    (void)object;
    (void)context;
}

static const struct provider_type plain = {
    .name = "plain", .construct = construct, .destroy = destroy};

static void open_factory(subject *self, const char *variant)
{
    static const char *const names[] = {"openai", "anthropic", "mistral", "cohere"};
    char error[128];
    const struct provider_factory_options options = {.types = &plain, .type_count = 1};
    const struct provider_factory_variant *found = provider_factory_find(variant);
    self->variant = found;
    self->limiter = opened(found->open(&options, error, sizeof error), error);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct provider_config config = {
            .name = names[i], .type = "plain", .model = "v1", .enabled = true};
        if (found->create(self->limiter, &config, NULL, error, sizeof error) != PROVIDER_OK) {
            fail("create", error);
        }
    }
}

static void look_up(subject *self)
{
    const struct provider_factory_variant *variant = self->variant;
    const struct provider *provider = variant->get(self->limiter, "openai");
    if (provider == NULL) {
        self->wrong = true;
    }
    variant->put(self->limiter, provider);
}

static void close_factory(subject *self)
{
    ((const struct provider_factory_variant *)self->variant)->close(self->limiter);
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void open_metrics(subject *self, const char *variant)
{
    char error[128];
    const struct metrics_options options = {0};
    const struct metrics_variant *found = metrics_find(variant);
    self->variant = found;
    self->limiter = opened(found->open(&options, error, sizeof error), error);
    if (!found->start(self->limiter)) {
        fail("start", "no thread");
    }
}

/* Taken or, when the processor cannot keep up, dropped: either is an answer. */
static void record(subject *self)
{
    const struct metrics_variant *variant = self->variant;
    (void)variant->record(self->limiter, "openai", "planner", 0.5);
}

static void close_metrics(subject *self)
{
    const struct metrics_variant *variant = self->variant;
    struct metrics_counts counts;
    variant->stop(self->limiter);
    variant->counts(self->limiter, &counts);
    self->stored = (uint64_t)counts.stored;
    if (counts.recorded != counts.stored + counts.dropped) {
        self->wrong = true;
    }
    variant->close(self->limiter);
}

/* ---- measuring ------------------------------------------------------------------------------- */

static const workload workloads[] = {
    {"token_bucket/take_and_give_back", open_full_bucket, take_and_give_back, close_bucket, false},
    {"token_bucket/never_refilled", open_finite_bucket, take_and_give_back, close_bucket, false},
    {"token_bucket/refused", open_empty_bucket, take_in_vain, close_bucket, false},
    {"memory_store/moving_window", open_moving_store, ask, close_store, false},
    {"memory_store/refused", open_full_store, ask_in_vain, close_store, false},
    {"semaphore/free_slots", open_free_semaphore, hold_slot, close_semaphore, false},
    {"semaphore/scarce_slots", open_scarce_semaphore, hold_slot, close_semaphore, false},
    {"combined/pass_and_return", open_roomy_combined, pass_and_return, close_combined, false},
    {"combined/refused", open_empty_combined, pass_in_vain, close_combined, false},
    {"provider_factory/get_and_put", open_factory, look_up, close_factory, false},
    {"metrics/record", open_metrics, record, close_metrics, false},
    {"metrics/store", open_metrics, record, close_metrics, true},
};

static double clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct figure {
    double per_s;
    double at_once; /* threads that ran at a time, on average */
} figure;

typedef struct racer {
    pthread_t thread;
    const workload *what;
    subject *self;
    pthread_barrier_t *start;
    uint64_t number;
    uint64_t calls;
    double took_s;
    double ran_s;
} racer;

/* Spreads the threads over the processors there are: on one they would take turns, not meet. */
static void move_apart(uint64_t number)
{
    cpu_set_t allowed;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    uint64_t skip = number % (uint64_t)CPU_COUNT(&allowed);
    for (size_t processor = 0; processor < CPU_SETSIZE; processor++) {
        if (CPU_ISSET(processor, &allowed) && skip-- == 0) {
            CPU_SET(processor, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

/* Each by its own clock: on few processors some start when others have long been running. */
static void *run_thread(void *context)
{
    enum { AT_ONCE = 16 };
    racer *self = context;
    move_apart(self->number);
    pthread_barrier_wait(self->start);
    const double began = clock_s(CLOCK_MONOTONIC);
    const double ran_before = clock_s(CLOCK_THREAD_CPUTIME_ID);
    do {
        for (int i = 0; i < AT_ONCE; i++) {
            self->what->call(self->self);
        }
        self->calls += AT_ONCE;
    } while (!atomic_load_explicit(&self->self->stop, memory_order_relaxed));
    self->ran_s = clock_s(CLOCK_THREAD_CPUTIME_ID) - ran_before;
    self->took_s = clock_s(CLOCK_MONOTONIC) - began;
    return NULL;
}

static void run_threads(subject *self, racer *racers, const arguments *how)
{
    const struct timespec while_running = {.tv_nsec = (long)(MEASURE_MS * how->scale * 10000)};
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)how->threads + 1);
    for (uint64_t i = 0; i < how->threads; i++) {
        racers[i].start = &start;
        if (pthread_create(&racers[i].thread, NULL, run_thread, &racers[i]) != 0) {
            fail(racers[i].what->name, "no thread");
        }
    }
    pthread_barrier_wait(&start);
    nanosleep(&while_running, NULL);
    self->stop = true;
    for (uint64_t i = 0; i < how->threads; i++) {
        pthread_join(racers[i].thread, NULL);
    }
    pthread_barrier_destroy(&start);
}

/* Calls a second, by all threads together. */
static figure measure(const workload *what, const char *variant, const arguments *how)
{
    subject self = {.threads = how->threads};
    racer racers[THREADS_MAX] = {0};
    for (uint64_t i = 0; i < how->threads; i++) {
        racers[i].what = what;
        racers[i].self = &self;
        racers[i].number = i;
    }
    what->open(&self, variant);
    run_threads(&self, racers, how);
    what->close(&self);
    if (self.wrong) {
        fail(what->name, "a call had another outcome than it should have");
    }
    figure sum = {0};
    double took_s = 0;
    for (uint64_t i = 0; i < how->threads; i++) {
        sum.per_s += (double)racers[i].calls / racers[i].took_s;
        sum.at_once += racers[i].ran_s / racers[i].took_s;
        took_s += racers[i].took_s / (double)how->threads;
    }
    if (what->stored) {
        sum.per_s = (double)self.stored / took_s;
    }
    return sum;
}

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, uint64_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* What a workload came to: each repetition's, then the medians. */
typedef struct comparison {
    double lockfree[REPETITIONS_MAX];
    double fixed[REPETITIONS_MAX];
    double ratios[REPETITIONS_MAX];
    double at_once[REPETITIONS_MAX]; /* the smaller of the pair's */
} comparison;

static void report(const char *workload_name, comparison *all, const arguments *how)
{
    const uint64_t count = how->repetitions;
    const double value = median(all->lockfree, count);
    const double peer = median(all->fixed, count);
    const double ratio = median(all->ratios, count);
    const double at_once = median(all->at_once, count);
    char name[64];
    snprintf(name, sizeof name, "lockfree/%s", workload_name);
    if (how->json) {
        json_t *row =
            json_pack("{s:s, s:f, s:s, s:f, s:s, s:f, s:f}", "name", name, "value", value, "unit",
                      "calls/s", "peer_or_limit", peer, "peer_or_limit_is",
                      "peer: fixed, in this run", "ratio", ratio, "threads_at_once", at_once);
        json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(row);
    } else {
        printf("%-42s %12.4g %-8s peer: fixed, %-12.4g %6.2f  %4.1f threads at a time\n", name,
               value, "calls/s", peer, ratio, at_once);
    }
    fflush(stdout);
}

static void compare(const workload *what, const arguments *how)
{
    comparison all;
    for (uint64_t i = 0; i < how->repetitions; i++) {
        /* Who goes first alternates, too. */
        const bool fixed_first = i % 2 == 0;
        const figure first = measure(what, fixed_first ? "fixed" : "lockfree", how);
        const figure second = measure(what, fixed_first ? "lockfree" : "fixed", how);
        all.fixed[i] = fixed_first ? first.per_s : second.per_s;
        all.lockfree[i] = fixed_first ? second.per_s : first.per_s;
        all.ratios[i] = all.lockfree[i] / all.fixed[i];
        all.at_once[i] = first.at_once < second.at_once ? first.at_once : second.at_once;
    }
    report(what->name, &all, how);
}

/* ---- command line ---------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"threads", 't', "N", 0, "that use one limiter; default 4", 0},
    {"repetitions", 'r', "N", 0, "of each pair; default 9", 0},
    {"scale", 'c', "PERCENT", 0, "how much work, in percent of the usual", 0},
    {"format", 'f', "FORMAT", 0, "text (default) or json, one object a line", 0},
    {0},
};

static uint64_t number(const char *value, const char *name, uint64_t max, struct argp_state *state)
{
    char *end = NULL;
    const unsigned long long read = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || read < 1 || read > max) {
        argp_error(state, "%s needs a whole number from 1 to %llu, not \"%s\"", name,
                   (unsigned long long)max, value);
    }
    return read;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *how = state->input;
    switch (key) {
    case 't': how->threads = number(value, "--threads", THREADS_MAX, state); return 0;
    case 'r': how->repetitions = number(value, "--repetitions", REPETITIONS_MAX, state); return 0;
    case 'c': how->scale = number(value, "--scale", 1000, state); return 0;
    case 'f':
        how->json = strcmp(value, "json") == 0;
        if (!how->json && strcmp(value, "text") != 0) {
            argp_error(state, "unknown format \"%s\"; there are text and json", value);
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Measures lockfree against fixed under contention: a ratio of 1 and more is good."};
    arguments how = {.threads = 4, .repetitions = 9, .scale = 100};
    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &how) != 0) {
        return 2;
    }
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        compare(&workloads[i], &how);
    }
    return 0;
}
