// SPDX-License-Identifier: MIT

/*
 * Recording without locks: a bounded ring in which every slot says whose turn it is (Vyukov,
 * "Bounded MPMC queue", 2010; here with one consumer). Many producers fill it, the processor
 * empties it. Held to the same promises as `fixed`.
 *
 *  - No producer waits for another one. (Concurrency Kit's ck_ring publishes in the order of the
 *    slots, and producers spin until it is their turn: with eight on two cores it came to 175
 *    requests a second, because whoever's turn it was had no core.)
 *  - A full ring, a malformed request and one that comes after stop are counted as dropped. The
 *    ring holds queue_max requests, at least two.
 *  - The processor never spins. It says that it is asleep, takes all slots that are filled, up to
 *    one that is not, and waits for a post; the producer of that one has its look at `asleep`
 *    still to come, and posts.
 *  - stop() first lets no new producer in and waits for those inside (a few instructions each),
 *    then tells the processor that no more will come: so nothing is queued behind its back.
 *
 * `table_lock` is between the processor and readers only; producers never take it.
 */

#include "metrics_message.h"
#include "metrics_table.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Position p, counted from the start and never back, is in slot p % size. The slot's turn is p when
 * it may be filled for p, p + 1 when it has been, and p + size when it has been emptied again. */
struct slot {
    _Atomic uint64_t turn;
    struct metrics_message *message;
};

struct metrics {
    struct slot *slots;
    uint64_t size;
    _Atomic uint64_t tail; /* the next position to be filled: producers compete for it */
    _Atomic uint64_t head; /* the next to be emptied: the processor's */
    sem_t more;
    atomic_bool asleep; /* whoever makes it false owes the processor a post */
    atomic_llong recorded;
    atomic_llong stored;
    atomic_llong dropped;
    atomic_int inside;    /* producers between their look at `stopping` and their push */
    atomic_bool stopping; /* nobody may begin to push */
    atomic_bool complete; /* nobody pushes any more */
    pthread_mutex_t table_lock;
    struct metrics_table table;
    pthread_t processor;
};

static struct metrics *lockfree_open(const struct metrics_options *options, char *error,
                                     size_t error_size)
{
    const size_t wanted = options->queue_max ? options->queue_max : 4096;
    const size_t size = wanted < 2 ? 2 : wanted; /* of one slot, filled and free would look alike */
    struct metrics *metrics = calloc(1, sizeof *metrics);
    struct slot *slots = calloc(size, sizeof *slots);
    if (metrics == NULL || slots == NULL) {
        free(metrics);
        free(slots);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < size; i++) {
        atomic_init(&slots[i].turn, i);
    }
    metrics->slots = slots;
    metrics->size = size;
    sem_init(&metrics->more, 0, 0);
    pthread_mutex_init(&metrics->table_lock, NULL);
    metrics_table_init(&metrics->table, options->latencies_max ? options->latencies_max : 1000);
    return metrics;
}

/* False when the ring is full. Any number of producers at once. */
static bool push(struct metrics *metrics, struct metrics_message *message)
{
    uint64_t position = atomic_load_explicit(&metrics->tail, memory_order_relaxed);
    for (;;) {
        struct slot *slot = &metrics->slots[position % metrics->size];
        const uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn < position) {
            return false; /* it holds the message of one round before */
        }
        if (turn > position) { /* another producer was faster */
            position = atomic_load_explicit(&metrics->tail, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(&metrics->tail, &position, position + 1,
                                                         memory_order_relaxed,
                                                         memory_order_relaxed)) {
            slot->message = message;
            atomic_store(&slot->turn, position + 1); /* before the look at `asleep` */
            return true;
        }
    }
}

/* NULL when the next slot is not filled. The processor only, or when nobody else is left. */
static struct metrics_message *pop(struct metrics *metrics)
{
    const uint64_t head = atomic_load_explicit(&metrics->head, memory_order_relaxed);
    struct slot *slot = &metrics->slots[head % metrics->size];
    if (atomic_load(&slot->turn) != head + 1) {
        return NULL;
    }
    struct metrics_message *message = slot->message;
    atomic_store_explicit(&metrics->head, head + 1, memory_order_relaxed);
    atomic_store_explicit(&slot->turn, head + metrics->size, memory_order_release);
    return message;
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

static void wake(struct metrics *metrics)
{
    if (atomic_load(&metrics->asleep) && atomic_exchange(&metrics->asleep, false)) {
        sem_post(&metrics->more);
    }
}

static void store_filled(struct metrics *metrics)
{
    struct metrics_message *message;
    while ((message = pop(metrics)) != NULL) {
        store(metrics, message);
    }
}

static void *process(void *argument)
{
    struct metrics *metrics = argument;
    bool last = false;
    while (!last) {
        atomic_store(&metrics->asleep, true);
        last = atomic_load(&metrics->complete); /* before the look: then that sees everything */
        store_filled(metrics);
        if (last) {
            break;
        }
        while (sem_wait(&metrics->more) != 0) {
        }
        store_filled(metrics);
    }
    return NULL;
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
    atomic_store(&metrics->complete, true);
    wake(metrics);
    pthread_join(metrics->processor, NULL);
}

static bool lockfree_record(struct metrics *metrics, const char *provider, const char *agent,
                            double latency_s)
{
    struct metrics_message *message =
        provider != NULL && agent != NULL ? metrics_message_new(provider, agent, latency_s) : NULL;
    atomic_fetch_add(&metrics->inside, 1);
    atomic_fetch_add(&metrics->recorded, 1); /* first: recorded is never below stored + dropped */
    const bool queued =
        message != NULL && !atomic_load(&metrics->stopping) && push(metrics, message);
    if (queued) {
        wake(metrics);
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
    const uint64_t head = atomic_load(&metrics->head); /* first: never above the tail read next */
    counts->pending = (size_t)(atomic_load(&metrics->tail) - head);
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
