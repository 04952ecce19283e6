// SPDX-License-Identifier: MIT
/* A queue of numbers with room for a few, between threads. */
#ifndef QUEUE_H
#define QUEUE_H

#include <pthread.h>

enum { QUEUE_ROOM = 2 };

typedef struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int items[QUEUE_ROOM];
    int first;
    int count;
} queue;

void queue_open(queue *self);
void queue_close(queue *self);

/* Waits while there is no room. */
void queue_put(queue *self, int item);

/* Waits while there is nothing. */
int queue_take(queue *self);

/* As it was before: looks only once whether there is something. */
int queue_take_once(queue *self);

#endif
