// SPDX-License-Identifier: MIT
/*
 * Threads that ask providers in turns, under the limits of a YAML file: each asks for a permit, no
 * longer than 50 ms, makes its request, and gives the permit back. Requests are counted, and what
 * the limiter holds is printed at the end.
 *
 *     many_requests limits.yaml
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "combined/combined.h"
#include "config/config.h"
#include "metrics/metrics.h"

enum { THREADS = 8, TURNS = 10 };

struct work {
    const struct limiter_config *config;
    struct combined *limiter;
    struct metrics *metrics;
    atomic_int refused;
};

static struct timespec in_ms(long ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += ms * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

/* Stands for the call of the provider. */
static enum combined_outcome make_request(void *context)
{
    const struct timespec latency = {.tv_nsec = 2000000};
    (void)context;
    nanosleep(&latency, NULL);
    return COMBINED_DONE;
}

static void *ask(void *context)
{
    struct work *work = context;

    for (int turn = 0; turn < TURNS; turn++) {
        const struct timespec deadline = in_ms(50);
        const size_t which = (size_t)turn % work->config->providers_count;
        const struct combined_request request = {.provider = work->config->providers[which].name,
                                                 .deadline = &deadline};
        if (combined_run(&combined_fixed, work->limiter, &request, make_request, work) ==
            RATE_ADMITTED) {
            metrics_fixed.record(work->metrics, request.provider, "example", 0.002);
        } else {
            atomic_fetch_add(&work->refused, 1);
        }
    }
    return NULL;
}

static struct combined *open_limiter(const struct limiter_config *config, char *error, size_t size)
{
    struct combined_provider *providers = calloc(config->providers_count, sizeof *providers);
    if (providers == NULL) {
        snprintf(error, size, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < config->providers_count; i++) {
        const struct limiter_provider *provider = &config->providers[i];
        providers[i] = (struct combined_provider){.name = provider->name,
                                                  .window = limiter_provider_window(provider),
                                                  .bucket = limiter_provider_bucket(provider)};
    }
    const struct combined_options options = {.providers = providers,
                                             .providers_count = config->providers_count,
                                             .max_concurrent = config->max_concurrent};
    struct combined *limiter = combined_fixed.open(&options, error, size);
    free(providers);
    return limiter;
}

static void show(struct work *work)
{
    struct metrics_counts counts;

    metrics_fixed.stop(work->metrics); /* stores what is in the queue */
    metrics_fixed.counts(work->metrics, &counts);
    printf("%llu admitted, %d refused\n", (unsigned long long)counts.stored, work->refused);
    for (size_t i = 0; i < work->config->providers_count; i++) {
        const char *name = work->config->providers[i].name;
        struct combined_snapshot snapshot;
        if (combined_fixed.inspect(work->limiter, name, NULL, &snapshot)) {
            printf("%s: %lld in its window, limit %lld; %.1f tokens left\n", name, snapshot.window,
                   work->config->providers[i].rpm, snapshot.tokens);
        }
    }
}

static int run(struct work *work)
{
    pthread_t threads[THREADS];
    int started = 0;

    while (started < THREADS && pthread_create(&threads[started], NULL, ask, work) == 0) {
        started++;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    show(work);
    return started == THREADS ? 0 : 1;
}

int main(int argc, char **argv)
{
    char error[256] = "usage: many_requests FILE.yaml";
    struct work work = {0};
    int status = 1;

    struct limiter_config *config =
        argc == 2 ? limiter_config_read(argv[1], error, sizeof error) : NULL;
    if (config != NULL) {
        const struct metrics_options options = {0};
        work.config = config;
        work.limiter = open_limiter(config, error, sizeof error);
        work.metrics = metrics_fixed.open(&options, error, sizeof error);
    }
    if (work.limiter != NULL && work.metrics != NULL && metrics_fixed.start(work.metrics)) {
        status = run(&work);
    } else {
        fprintf(stderr, "%s\n", error);
    }
    metrics_fixed.close(work.metrics);
    combined_fixed.close(work.limiter);
    limiter_config_free(config);
    return status;
}
