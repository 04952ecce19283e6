// SPDX-License-Identifier: MIT
#include "tools/strategies/tests/subject.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

atomic_int x, y, own[3];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t posted;

static void write_x(uint32_t index)
{
    atomic_store(&x, 1);
    ran(index);
}

static void read_x(uint32_t index)
{
    (void)atomic_load(&x);
    ran(index);
}

static void lock_once(uint32_t index)
{
    pthread_mutex_lock(&lock);
    ran(index);
    pthread_mutex_unlock(&lock);
}

void one_each(void *unused, uint32_t index)
{
    (void)unused;
    write_x(index);
}

void three_each(void *unused, uint32_t index)
{
    (void)unused;
    write_x(index);
    write_x(index);
    write_x(index);
}

void step_then_race(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        atomic_store(&y, 1);
    }
    write_x(index);
}

void two_against_one(void *unused, uint32_t index)
{
    (void)unused;
    write_x(index);
    if (index == 0) {
        write_x(index);
    }
}

void reads_against_one(void *unused, uint32_t index)
{
    (void)unused;
    read_x(index);
    if (index == 0) {
        read_x(index);
    }
}

void locks_against_one(void *unused, uint32_t index)
{
    (void)unused;
    lock_once(index);
    if (index == 0) {
        lock_once(index);
    }
}

void forced_between(void *unused, uint32_t index)
{
    (void)unused;
    atomic_store(&own[index], 1);
    ran(index);
    if (index == 0) {
        sem_wait(&posted);
    } else {
        sem_post(&posted);
    }
    write_x(index);
}

void uneven(void *unused, uint32_t index)
{
    (void)unused;
    for (int i = index == 0 ? 2 : 0; i < 4; i++) {
        write_x(index);
        atomic_store(&own[index], 1);
        if (index == 0) {
            atomic_store(&own[index], 2);
            atomic_store(&own[index], 3);
        }
    }
}

static void *child(void *unused)
{
    (void)unused;
    write_x(2);
    return NULL;
}

void creator(void *unused, uint32_t index)
{
    (void)unused;
    pthread_t made;
    if (index == 0) {
        pthread_create(&made, NULL, child, NULL);
    }
    write_x(index);
    if (index == 0) {
        pthread_join(made, NULL);
    }
}

static void *busy_child(void *unused)
{
    (void)unused;
    write_x(2);
    write_x(2);
    write_x(2);
    return NULL;
}

void alone_at_first(void *unused, uint32_t index)
{
    (void)unused;
    pthread_t made;
    write_x(index);
    write_x(index);
    pthread_create(&made, NULL, busy_child, NULL);
    write_x(index);
    pthread_join(made, NULL);
}

void held_back(void *unused, uint32_t index)
{
    (void)unused;
    write_x(index);
    if (index < 2) {
        write_x(index);
    }
}

void decides(void *unused, uint32_t index)
{
    (void)unused;
    write_x(index);
    if (another_decision() == 0) {
        write_x(index);
    }
}

void naps(void *unused, uint32_t index)
{
    (void)unused;
    write_x(index);
    usleep(1);
    write_x(index);
}

void waits_briefly(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        struct timespec deadline;
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec++;
        const int outcome = sem_timedwait(&posted, &deadline);
        ran(outcome == 0 ? 0 : 2);
        return;
    }
    write_x(index);
    sem_post(&posted);
    write_x(index);
}

void prepare(void)
{
    sem_init(&posted, 0, 0);
}
