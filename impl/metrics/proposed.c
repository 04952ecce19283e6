// SPDX-License-Identifier: MIT

/*
 * The proposal: a queue, and a background processor that stores batches under a lock. Its faults,
 * in the order in which they strike:
 *  1. Success and latency of one request are two messages: when a batch ends between them, a reader
 *     sees one without the other.
 *  2. The queue has no bound; nor has the list of successes, a number for each.
 *  3. A batch stays open for as long as messages come faster than every 0.1 s, up to batch_max.
 *  4. The keys are "success_PROVIDER_AGENT": ("a_b", "c") and ("a", "b_c") share one.
 *  5. A malformed message ends the processing of its batch: the rest is lost.
 *  6. stop() cancels the processor: the batch in hand and what is queued are lost. Nothing drains.
 */

#include "../memory_store/arena.h"
#include "metrics.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KIND_SUCCESS, KIND_LATENCY, POLL_NS = 100000000 };

/* ('success', {'provider': …, 'agent': …}) or ('latency', {…, 'latency': …}) */
struct message {
    struct message *next;
    int kind;
    double latency_s;
    bool malformed; /* the dict lacks a key */
    char key[];     /* what the processor makes of kind and names */
};

/* defaultdict(deque): a key's numbers. */
struct numbers {
    struct numbers *next;
    double *values;
    size_t count;
    size_t room;
    char key[];
};

struct metrics {
    pthread_mutex_t queue_lock; /* asyncio's queue needs none; under threads it stands for one */
    pthread_cond_t queued;
    struct message *oldest;
    struct message **newest_link;
    size_t pending;
    pthread_mutex_t lock; /* the proposal's own, around a batch */
    struct numbers *first;
    size_t latencies_max;
    size_t batch_max;
    struct message *batch; /* in hand, oldest first */
    struct message **batch_link;
    size_t batch_count;
    bool waiting; /* the processor waits for more with a batch in hand */
    long long recorded;
    long long stored;
    struct store_arena arena; /* all messages and numbers: they live as long as the collector */
    pthread_t processor;
};

static struct metrics *proposed_open(const struct metrics_options *options, char *error,
                                     size_t error_size)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&metrics->queue_lock, NULL);
    pthread_cond_init(&metrics->queued, NULL);
    pthread_mutex_init(&metrics->lock, NULL);
    store_arena_init(&metrics->arena);
    metrics->newest_link = &metrics->oldest;
    metrics->batch_link = &metrics->batch;
    metrics->latencies_max = options->latencies_max ? options->latencies_max : 1000;
    metrics->batch_max = options->batch_max ? options->batch_max : 100;
    return metrics;
}

static void proposed_close(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    store_arena_empty(&metrics->arena);
    pthread_mutex_destroy(&metrics->lock);
    pthread_cond_destroy(&metrics->queued);
    pthread_mutex_destroy(&metrics->queue_lock);
    free(metrics);
}

/* ---- the processor --------------------------------------------------------------------------- */

static struct numbers *find(const struct metrics *metrics, const char *key)
{
    struct numbers *numbers = metrics->first;
    while (numbers != NULL && strcmp(numbers->key, key) != 0) {
        numbers = numbers->next;
    }
    return numbers;
}

static struct numbers *find_or_insert(struct metrics *metrics, const char *key)
{
    struct numbers *numbers = find(metrics, key);
    if (numbers == NULL) {
        const size_t size = strlen(key) + 1;
        numbers = store_arena_alloc(&metrics->arena, sizeof *numbers + size, NULL);
        if (numbers != NULL) {
            memcpy(numbers->key, key, size);
            numbers->next = metrics->first;
            metrics->first = numbers;
        }
    }
    return numbers;
}

static bool append(struct metrics *metrics, struct numbers *numbers, double value)
{
    if (numbers->count == numbers->room) {
        const size_t room = numbers->room * 2 + 8;
        double *values = store_arena_alloc(&metrics->arena, room * sizeof *values, NULL);
        if (values == NULL) {
            return false;
        }
        if (numbers->count > 0) {
            memcpy(values, numbers->values, numbers->count * sizeof *values);
        }
        numbers->values = values;
        numbers->room = room;
    }
    numbers->values[numbers->count++] = value;
    return true;
}

static void keep_last(struct numbers *numbers, size_t max)
{
    if (numbers->count > max) {
        memmove(numbers->values, numbers->values + numbers->count - max,
                max * sizeof *numbers->values);
        numbers->count = max;
    }
}

/* _process_batch(): under the lock, until a message has no such key. */
static void process_batch(struct metrics *metrics)
{
    pthread_mutex_lock(&metrics->lock);
    for (struct message *message = metrics->batch; message != NULL; message = message->next) {
        if (message->malformed) {
            break; /* KeyError: logged by the caller, the rest of the batch is gone */
        }
        struct numbers *numbers = find_or_insert(metrics, message->key);
        if (numbers == NULL) {
            break;
        }
        if (message->kind == KIND_SUCCESS) {
            metrics->stored += append(metrics, numbers, 1);
        } else {
            append(metrics, numbers, message->latency_s);
            keep_last(numbers, metrics->latencies_max);
        }
    }
    metrics->batch = NULL;
    metrics->batch_link = &metrics->batch;
    metrics->batch_count = 0;
    pthread_mutex_unlock(&metrics->lock);
}

static void unlock(void *mutex)
{
    pthread_mutex_unlock(mutex);
}

/* Apart from its caller, whose clean-up handler may not see variables that change. */
static void wait_for_message(struct metrics *metrics, const struct timespec *until)
{
    int failure = 0;
    while (metrics->oldest == NULL && failure != ETIMEDOUT) {
        failure = pthread_cond_timedwait(&metrics->queued, &metrics->queue_lock, until);
    }
}

/* asyncio.wait_for(queue.get(), timeout=0.1). False on a timeout. A cancellation point. */
static bool get(struct metrics *metrics, struct message **message)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += POLL_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    *message = NULL;
    pthread_mutex_lock(&metrics->queue_lock);
    pthread_cleanup_push(unlock, &metrics->queue_lock);
    metrics->waiting = true;
    wait_for_message(metrics, &until);
    metrics->waiting = false;
    if (metrics->oldest != NULL) {
        *message = metrics->oldest;
        metrics->oldest = (*message)->next;
        if (metrics->oldest == NULL) {
            metrics->newest_link = &metrics->oldest;
        }
        (*message)->next = NULL;
        metrics->pending--;
    }
    pthread_cleanup_pop(1);
    return *message != NULL;
}

static void *process(void *argument)
{
    struct metrics *metrics = argument;
    for (;;) {
        struct message *message;
        while (metrics->batch_count < metrics->batch_max && get(metrics, &message)) {
            *metrics->batch_link = message;
            metrics->batch_link = &message->next;
            metrics->batch_count++;
        }
        if (metrics->batch_count > 0) {
            process_batch(metrics);
        }
    }
    return NULL;
}

static bool proposed_start(struct metrics *metrics)
{
    return pthread_create(&metrics->processor, NULL, process, metrics) == 0;
}

static void proposed_stop(struct metrics *metrics)
{
    pthread_cancel(metrics->processor);
    pthread_join(metrics->processor, NULL);
}

/* ---- recording ------------------------------------------------------------------------------- */

static bool put(struct metrics *metrics, int kind, const char *provider, const char *agent,
                double latency_s)
{
    const bool malformed = provider == NULL || agent == NULL;
    const size_t size = malformed ? 1 : strlen(provider) + strlen(agent) + sizeof "success__";
    struct message *message = store_arena_alloc(&metrics->arena, sizeof *message + size, NULL);
    if (message == NULL) {
        return false;
    }
    message->kind = kind;
    message->latency_s = latency_s;
    message->malformed = malformed;
    if (!malformed) {
        snprintf(message->key, size, "%s_%s_%s", kind == KIND_SUCCESS ? "success" : "latency",
                 provider, agent);
    }
    pthread_mutex_lock(&metrics->queue_lock);
    *metrics->newest_link = message;
    metrics->newest_link = &message->next;
    metrics->pending++;
    metrics->recorded += kind == KIND_SUCCESS;
    pthread_cond_signal(&metrics->queued);
    pthread_mutex_unlock(&metrics->queue_lock);
    return true;
}

static bool proposed_record(struct metrics *metrics, const char *provider, const char *agent,
                            double latency_s)
{
    const bool success = put(metrics, KIND_SUCCESS, provider, agent, 0);
    return put(metrics, KIND_LATENCY, provider, agent, latency_s) && success;
}

static void proposed_read(struct metrics *metrics, const char *provider, const char *agent,
                          struct metrics_reading *reading)
{
    *reading = (struct metrics_reading){0};
    const size_t size = strlen(provider) + strlen(agent) + sizeof "success__";
    char *key = malloc(size);
    if (key == NULL) {
        return;
    }
    pthread_mutex_lock(&metrics->lock);
    snprintf(key, size, "success_%s_%s", provider, agent);
    const struct numbers *successes = find(metrics, key);
    snprintf(key, size, "latency_%s_%s", provider, agent);
    const struct numbers *latencies = find(metrics, key);
    if (successes != NULL) {
        reading->successes = (long long)successes->count;
        reading->kept += successes->count;
    }
    if (latencies != NULL) {
        reading->latencies = (long long)latencies->count;
        reading->kept += latencies->count;
        reading->latest_s = latencies->values[latencies->count - 1];
    }
    pthread_mutex_unlock(&metrics->lock);
    free(key);
}

static void proposed_counts(struct metrics *metrics, struct metrics_counts *counts)
{
    pthread_mutex_lock(&metrics->lock);
    pthread_mutex_lock(&metrics->queue_lock);
    *counts = (struct metrics_counts){.recorded = metrics->recorded,
                                      .stored = metrics->stored,
                                      .dropped = 0, /* nobody counts what is lost */
                                      .pending = (metrics->pending + 1) / 2,
                                      .held_back = metrics->waiting ? metrics->batch_count : 0};
    pthread_mutex_unlock(&metrics->queue_lock);
    pthread_mutex_unlock(&metrics->lock);
}

const struct metrics_variant metrics_proposed = {
    .name = "proposed",
    .open = proposed_open,
    .close = proposed_close,
    .start = proposed_start,
    .stop = proposed_stop,
    .record = proposed_record,
    .read = proposed_read,
    .counts = proposed_counts,
};
