// SPDX-License-Identifier: MIT
#include "queue.h"

void queue_open(queue *self)
{
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    self->first = 0;
    self->count = 0;
}

void queue_close(queue *self)
{
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
}

static int remove_first(queue *self)
{
    const int item = self->items[self->first];
    self->first = (self->first + 1) % QUEUE_ROOM;
    self->count--;
    return item;
}

void queue_put(queue *self, int item)
{
    pthread_mutex_lock(&self->lock);
    while (self->count == QUEUE_ROOM) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    self->items[(self->first + self->count) % QUEUE_ROOM] = item;
    self->count++;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

int queue_take(queue *self)
{
    pthread_mutex_lock(&self->lock);
    while (self->count == 0) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    const int item = remove_first(self);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return item;
}

int queue_take_once(queue *self)
{
    pthread_mutex_lock(&self->lock);
    if (self->count == 0) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    const int item = remove_first(self);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return item;
}
