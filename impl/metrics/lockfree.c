// SPDX-License-Identifier: MIT

/*
 * Recording without locks: a ring of Concurrency Kit's that many producers fill and the processor
 * empties. Held to the same promises as `fixed`.
 *
 *  - The ring has a power of two of slots: up to twice queue_max requests may wait.
 *  - A full ring, a malformed request and one that comes after stop are counted as dropped.
 *  - The processor sleeps on a semaphore that every producer posts: it never spins.
 *  - stop() first lets no new producer in and waits for those inside (a few instructions each),
 *    then lets the processor empty the ring: so nothing is queued behind its back.
 *
 * `table_lock` is between the processor and readers only; producers never take it.
 */

#include "metrics_message.h"
#include "metrics_table.h"

#include <ck_ring.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct metrics {
    ck_ring_t ring;
    ck_ring_buffer_t *slots;
    sem_t more;
    atomic_llong recorded;
    atomic_llong stored;
    atomic_llong dropped;
    atomic_int inside; /* producers between their look at `stopping` and their push */
    atomic_bool stopping;
    pthread_mutex_t table_lock;
    struct metrics_table table;
    pthread_t processor;
};

/* A ring of ck's has a power of two of slots, one of which stays free. */
static unsigned ring_size(size_t messages)
{
    unsigned size = 4;
    while (size <= messages) {
        size *= 2;
    }
    return size;
}

static struct metrics *lockfree_open(const struct metrics_options *options, char *error,
                                     size_t error_size)
{
    const unsigned size = ring_size(options->queue_max ? options->queue_max : 4096);
    struct metrics *metrics = calloc(1, sizeof *metrics);
    ck_ring_buffer_t *slots = calloc(size, sizeof *slots);
    if (metrics == NULL || slots == NULL) {
        free(metrics);
        free(slots);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    ck_ring_init(&metrics->ring, size);
    metrics->slots = slots;
    sem_init(&metrics->more, 0, 0);
    pthread_mutex_init(&metrics->table_lock, NULL);
    metrics_table_init(&metrics->table, options->latencies_max ? options->latencies_max : 1000);
    return metrics;
}

static struct metrics_message *pop(struct metrics *metrics)
{
    void *message = NULL;
    return ck_ring_dequeue_mpsc(&metrics->ring, metrics->slots, &message) ? message : NULL;
}

static void lockfree_close(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    struct metrics_message *message;
    while ((message = pop(metrics)) != NULL) {
        free(message);
    }
    metrics_table_destroy(&metrics->table);
    pthread_mutex_destroy(&metrics->table_lock);
    sem_destroy(&metrics->more);
    free(metrics->slots);
    free(metrics);
}

static void store(struct metrics *metrics, struct metrics_message *message)
{
    pthread_mutex_lock(&metrics->table_lock);
    const bool stored =
        metrics_table_store(&metrics->table, message->provider, message->agent, message->latency_s);
    atomic_fetch_add(stored ? &metrics->stored : &metrics->dropped, 1);
    pthread_mutex_unlock(&metrics->table_lock);
    free(message);
}

/* One post for each message and one for stop: after the last, the ring is empty. */
static void *process(void *argument)
{
    struct metrics *metrics = argument;
    for (;;) {
        while (sem_wait(&metrics->more) != 0) {
        }
        struct metrics_message *message = pop(metrics);
        if (message != NULL) {
            store(metrics, message);
        } else if (atomic_load(&metrics->stopping)) {
            return NULL;
        }
    }
}

static bool lockfree_start(struct metrics *metrics)
{
    return pthread_create(&metrics->processor, NULL, process, metrics) == 0;
}

static void lockfree_stop(struct metrics *metrics)
{
    atomic_store(&metrics->stopping, true);
    while (atomic_load(&metrics->inside) > 0) {
        sched_yield();
    }
    sem_post(&metrics->more);
    pthread_join(metrics->processor, NULL);
}

static bool lockfree_record(struct metrics *metrics, const char *provider, const char *agent,
                            double latency_s)
{
    struct metrics_message *message =
        provider != NULL && agent != NULL ? metrics_message_new(provider, agent, latency_s) : NULL;
    atomic_fetch_add(&metrics->inside, 1);
    atomic_fetch_add(&metrics->recorded, 1); /* first: recorded is never below stored + dropped */
    const bool queued = message != NULL && !atomic_load(&metrics->stopping) &&
                        ck_ring_enqueue_mpsc(&metrics->ring, metrics->slots, message);
    if (queued) {
        sem_post(&metrics->more);
    } else {
        atomic_fetch_add(&metrics->dropped, 1);
    }
    atomic_fetch_sub(&metrics->inside, 1);
    if (!queued) {
        free(message);
    }
    return queued;
}

static void lockfree_read(struct metrics *metrics, const char *provider, const char *agent,
                          struct metrics_reading *reading)
{
    pthread_mutex_lock(&metrics->table_lock);
    metrics_table_read(&metrics->table, provider, agent, reading);
    pthread_mutex_unlock(&metrics->table_lock);
}

static void lockfree_counts(struct metrics *metrics, struct metrics_counts *counts)
{
    counts->dropped = atomic_load(&metrics->dropped);
    counts->stored = atomic_load(&metrics->stored);
    counts->recorded = atomic_load(&metrics->recorded);
    counts->pending = ck_ring_size(&metrics->ring);
    counts->held_back = 0;
}

const struct metrics_variant metrics_lockfree = {
    .name = "lockfree",
    .open = lockfree_open,
    .close = lockfree_close,
    .start = lockfree_start,
    .stop = lockfree_stop,
    .record = lockfree_record,
    .read = lockfree_read,
    .counts = lockfree_counts,
};
