// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind: one message a request, a bounded queue, one lock.
 *
 * Policies:
 *  - A request that finds the queue full is dropped, and counted as dropped; so is a malformed one,
 *    and one that comes after stop. Recording never waits for room; it may wait for the lock while
 *    the processor stores what is queued.
 *  - The processor stores what it takes before it waits again: nothing is held back.
 *  - stop() drains: it returns when everything that was queued is stored.
 *  - The last `latencies_max` latencies of each (provider, agent) are kept.
 *
 * `lock` guards everything. Storing under it is what makes a reader see whole requests.
 */

#include "metrics_message.h"
#include "metrics_table.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct metrics {
    pthread_mutex_t lock;
    pthread_cond_t more; /* something was queued, or stop was asked for */
    struct metrics_table table;
    struct metrics_message *oldest;
    struct metrics_message **newest_link;
    size_t pending;
    size_t queue_max;
    long long recorded;
    long long stored;
    long long dropped;
    bool stopping;
    pthread_t processor;
};

static struct metrics *fixed_open(const struct metrics_options *options, char *error,
                                  size_t error_size)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&metrics->lock, NULL);
    pthread_cond_init(&metrics->more, NULL);
    metrics_table_init(&metrics->table, options->latencies_max ? options->latencies_max : 1000);
    metrics->newest_link = &metrics->oldest;
    metrics->queue_max = options->queue_max ? options->queue_max : 4096;
    return metrics;
}

/* With the lock held, or when nobody else is left. */
static struct metrics_message *take_oldest(struct metrics *metrics)
{
    struct metrics_message *message = metrics->oldest;
    metrics->oldest = message->next;
    if (metrics->oldest == NULL) {
        metrics->newest_link = &metrics->oldest;
    }
    metrics->pending--;
    return message;
}

static void fixed_close(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    while (metrics->oldest != NULL) {
        free(take_oldest(metrics));
    }
    metrics_table_destroy(&metrics->table);
    pthread_cond_destroy(&metrics->more);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static void store_oldest(struct metrics *metrics)
{
    struct metrics_message *message = take_oldest(metrics);
    if (metrics_table_store(&metrics->table, message->provider, message->agent,
                            message->latency_s)) {
        metrics->stored++;
    } else {
        metrics->dropped++;
    }
    free(message);
}

static void *process(void *argument)
{
    struct metrics *metrics = argument;
    pthread_mutex_lock(&metrics->lock);
    for (;;) {
        while (metrics->oldest == NULL && !metrics->stopping) {
            pthread_cond_wait(&metrics->more, &metrics->lock);
        }
        if (metrics->oldest == NULL) {
            break;
        }
        store_oldest(metrics);
    }
    pthread_mutex_unlock(&metrics->lock);
    return NULL;
}

static bool fixed_start(struct metrics *metrics)
{
    return pthread_create(&metrics->processor, NULL, process, metrics) == 0;
}

static void fixed_stop(struct metrics *metrics)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->stopping = true;
    pthread_cond_signal(&metrics->more);
    pthread_mutex_unlock(&metrics->lock);
    pthread_join(metrics->processor, NULL);
}

static bool fixed_record(struct metrics *metrics, const char *provider, const char *agent,
                         double latency_s)
{
    struct metrics_message *message =
        provider != NULL && agent != NULL ? metrics_message_new(provider, agent, latency_s) : NULL;
    pthread_mutex_lock(&metrics->lock);
    metrics->recorded++;
    const bool queued =
        message != NULL && !metrics->stopping && metrics->pending < metrics->queue_max;
    if (queued) {
        *metrics->newest_link = message;
        metrics->newest_link = &message->next;
        metrics->pending++;
        pthread_cond_signal(&metrics->more);
    } else {
        metrics->dropped++;
    }
    pthread_mutex_unlock(&metrics->lock);
    if (!queued) {
        free(message);
    }
    return queued;
}

static void fixed_read(struct metrics *metrics, const char *provider, const char *agent,
                       struct metrics_reading *reading)
{
    pthread_mutex_lock(&metrics->lock);
    metrics_table_read(&metrics->table, provider, agent, reading);
    pthread_mutex_unlock(&metrics->lock);
}

static void fixed_counts(struct metrics *metrics, struct metrics_counts *counts)
{
    pthread_mutex_lock(&metrics->lock);
    *counts = (struct metrics_counts){.recorded = metrics->recorded,
                                      .stored = metrics->stored,
                                      .dropped = metrics->dropped,
                                      .pending = metrics->pending};
    pthread_mutex_unlock(&metrics->lock);
}

const struct metrics_variant metrics_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = fixed_close,
    .start = fixed_start,
    .stop = fixed_stop,
    .record = fixed_record,
    .read = fixed_read,
    .counts = fixed_counts,
};
