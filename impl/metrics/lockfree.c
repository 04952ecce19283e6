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
 *  - stop() closes the tail: whoever has a position by then fills it, nobody gets another. The
 *    processor ends when it has emptied the last one, so nothing is queued behind its back.
 *  - A producer that finds the ring full has written to nothing that others write but the count of
 *    those turned away, which lies apart.
 *
 * `table_lock` is between the processor, which stores in batches, and readers only; producers never
 * take it.
 */

#include "metrics_message.h"
#include "metrics_table.h"

#include <pthread.h>
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

#define CLOSED (UINT64_C(1) << 63) /* in the tail: nobody may take a position any more */
#define CACHE_LINE 64

/* What producers write, what the processor writes and what nobody writes lie apart. */
struct metrics {
    struct slot *slots;
    uint64_t size;
    pthread_t processor;
    char tail_begins[CACHE_LINE];
    _Atomic uint64_t tail; /* the next position to be filled: producers compete for it */
    char turned_away_begins[CACHE_LINE];
    atomic_llong turned_away; /* dropped by record() */
    char head_begins[CACHE_LINE];
    _Atomic uint64_t head; /* the next to be emptied: the processor's */
    atomic_llong stored;
    atomic_llong unstored; /* taken, then dropped for want of memory */
    pthread_mutex_t table_lock;
    struct metrics_table table;
    char asleep_begins[CACHE_LINE];
    atomic_bool asleep; /* whoever makes it false owes the processor a post */
    sem_t more;
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

/* Whether there is room, as far as one can see without taking it. */
static bool roomy(struct metrics *metrics)
{
    const uint64_t position = atomic_load_explicit(&metrics->tail, memory_order_relaxed);
    const struct slot *slot = &metrics->slots[position % metrics->size];
    return (position & CLOSED) == 0 &&
           atomic_load_explicit(&slot->turn, memory_order_relaxed) >= position;
}

/* False when the ring is full or closed. Any number of producers at once. */
static bool push(struct metrics *metrics, struct metrics_message *message)
{
    uint64_t position = atomic_load_explicit(&metrics->tail, memory_order_relaxed);
    while ((position & CLOSED) == 0) {
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
    return false;
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

/* The lock is held. */
static void store(struct metrics *metrics, struct metrics_message *message)
{
    const bool stored =
        metrics_table_store(&metrics->table, message->provider, message->agent, message->latency_s);
    atomic_fetch_add(stored ? &metrics->stored : &metrics->unstored, 1);
    free(message);
}

static void wake(struct metrics *metrics)
{
    if (atomic_load(&metrics->asleep) && atomic_exchange(&metrics->asleep, false)) {
        sem_post(&metrics->more);
    }
}

/* In batches, so that a reader need not wait for all. */
static void store_filled(struct metrics *metrics)
{
    enum { BATCH_MAX = 32 };
    struct metrics_message *message = pop(metrics);
    while (message != NULL) {
        pthread_mutex_lock(&metrics->table_lock);
        for (int i = 0; message != NULL && i < BATCH_MAX; i++) {
            store(metrics, message);
            message = pop(metrics);
        }
        pthread_mutex_unlock(&metrics->table_lock);
    }
}

static bool all_emptied(struct metrics *metrics)
{
    return atomic_load(&metrics->tail) == (CLOSED | atomic_load(&metrics->head));
}

static void *process(void *argument)
{
    struct metrics *metrics = argument;
    for (;;) {
        atomic_store(&metrics->asleep, true);
        store_filled(metrics);
        if (all_emptied(metrics)) {
            return NULL;
        }
        while (sem_wait(&metrics->more) != 0) {
        }
        store_filled(metrics);
    }
}

static bool lockfree_start(struct metrics *metrics)
{
    return pthread_create(&metrics->processor, NULL, process, metrics) == 0;
}

static void lockfree_stop(struct metrics *metrics)
{
    atomic_fetch_or(&metrics->tail, CLOSED);
    wake(metrics);
    pthread_join(metrics->processor, NULL);
}

static bool lockfree_record(struct metrics *metrics, const char *provider, const char *agent,
                            double latency_s)
{
    struct metrics_message *message = NULL;
    if (provider != NULL && agent != NULL && roomy(metrics)) {
        message = metrics_message_new(provider, agent, latency_s);
    }
    if (message != NULL && push(metrics, message)) {
        wake(metrics);
        return true;
    }
    atomic_fetch_add(&metrics->turned_away, 1);
    free(message);
    return false;
}

static void lockfree_read(struct metrics *metrics, const char *provider, const char *agent,
                          struct metrics_reading *reading)
{
    pthread_mutex_lock(&metrics->table_lock);
    metrics_table_read(&metrics->table, provider, agent, reading);
    pthread_mutex_unlock(&metrics->table_lock);
}

/* In this order: what is recorded is never below what is stored, dropped or pending. */
static void lockfree_counts(struct metrics *metrics, struct metrics_counts *counts)
{
    const long long unstored = atomic_load(&metrics->unstored);
    counts->stored = atomic_load(&metrics->stored);
    const uint64_t head = atomic_load(&metrics->head);
    const uint64_t tail = atomic_load(&metrics->tail) & ~CLOSED;
    const long long turned_away = atomic_load(&metrics->turned_away);
    counts->recorded = (long long)tail + turned_away;
    counts->dropped = turned_away + unstored;
    counts->pending = (size_t)(tail - head);
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
