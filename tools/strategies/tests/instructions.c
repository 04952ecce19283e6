// SPDX-License-Identifier: MIT
#include "tools/strategies/tests/instructions.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint32_t plain[PLACES];
static _Atomic uint32_t atomics[PLACES];
static pthread_mutex_t locks[PLACES];
static pthread_cond_t conditions[PLACES];
static sem_t semaphores[PLACES];
static pthread_rwlock_t rwlocks[PLACES];
static pthread_rwlock_t writers_first[PLACES];
static pthread_barrier_t barriers[PLACES];
static pthread_once_t once[PLACES];

void instructions_prepare(void)
{
    for (uint32_t i = 0; i < PLACES; i++) {
        plain[i] = 0;
        atomic_init(&atomics[i], 0);
        pthread_mutex_init(&locks[i], NULL);
        pthread_cond_init(&conditions[i], NULL);
        sem_init(&semaphores[i], 0, i == 0);
        pthread_rwlock_init(&rwlocks[i], NULL);
        writers_first[i] = (pthread_rwlock_t)PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
        pthread_barrier_init(&barriers[i], NULL, 2);
        once[i] = (pthread_once_t)PTHREAD_ONCE_INIT;
    }
}

uint64_t instructions_state(void)
{
    uint64_t state = 0;
    for (uint32_t i = 0; i < PLACES; i++) {
        state = state * 1000003 + plain[i];
        state = state * 1000003 + atomics[i];
    }
    return state;
}

static uint32_t add_plain(uint32_t place, uint32_t value)
{
    plain[place] = plain[place] * 3 + value;
    return plain[place];
}

static void mark(void)
{
    plain[0] = plain[0] * 5 + 1;
}

static void *child(void *place)
{
    const uint32_t at = (uint32_t)(uintptr_t)place;
    atomic_fetch_add(&atomics[at], 1);
    plain[at] = plain[at] * 7 + 1;
    return NULL;
}

static void unlock(void *lock)
{
    pthread_mutex_unlock(lock);
}

static void *waits(void *place)
{
    const uint32_t at = (uint32_t)(uintptr_t)place;
    if (at == 0) {
        sem_wait(&semaphores[2]);
    } else {
        pthread_mutex_lock(&locks[at]);
        pthread_cleanup_push(unlock, &locks[at]);
        pthread_cond_wait(&conditions[at], &locks[at]);
        plain[at]++;
        pthread_cleanup_pop(1);
    }
    return place;
}

static uint32_t fork_join(void *(*function)(void *), uint32_t place, uint32_t value, int cancel)
{
    pthread_t made;
    void *result = NULL;
    pthread_create(&made, NULL, function, (void *)(uintptr_t)place);
    if (cancel) {
        pthread_cancel(made);
    } else {
        value = atomic_fetch_add(&atomics[place], value + 2);
    }
    pthread_join(made, &result);
    return value + (result == PTHREAD_CANCELED);
}

static uint32_t in_lock(opcode code, uint32_t place, uint32_t value)
{
    const struct timespec soon = {.tv_sec = 1900000000};
    switch (code) {
    case OP_TRYLOCK:
        if (pthread_mutex_trylock(&locks[place]) != 0) {
            return value + 1;
        }
        break;
    default:
        if (pthread_mutex_timedlock(&locks[place], &soon) != 0) {
            return value + 3;
        }
        break;
    }
    value = add_plain(place, value);
    pthread_mutex_unlock(&locks[place]);
    return value;
}

static uint32_t wait_for(uint32_t place, uint32_t value, int timed)
{
    const struct timespec soon = {.tv_sec = 1900000000};
    pthread_mutex_lock(&locks[place]);
    if (plain[place] == 0) {
        value += timed ? (uint32_t)pthread_cond_timedwait(&conditions[place], &locks[place], &soon)
                       : (uint32_t)pthread_cond_wait(&conditions[place], &locks[place]);
    }
    plain[place]++;
    pthread_mutex_unlock(&locks[place]);
    return value;
}

static uint32_t take(opcode code, uint32_t place, uint32_t value)
{
    const struct timespec soon = {.tv_sec = 1900000000};
    switch (code) {
    case OP_TAKE: sem_wait(&semaphores[place]); return value;
    case OP_TRYTAKE: return value + (sem_trywait(&semaphores[place]) != 0);
    default: return value + (sem_timedwait(&semaphores[place], &soon) != 0);
    }
}

static int take_first(opcode code, pthread_rwlock_t *lock)
{
    const struct timespec soon = {.tv_sec = 1900000000};
    switch (code) {
    case OP_FIRST_TRYREAD: return pthread_rwlock_tryrdlock(lock);
    case OP_FIRST_TIMEDREAD: return pthread_rwlock_timedrdlock(lock, &soon);
    case OP_FIRST_WRITE: return pthread_rwlock_wrlock(lock);
    case OP_FIRST_TRYWRITE: return pthread_rwlock_trywrlock(lock);
    case OP_FIRST_TIMEDWRITE: return pthread_rwlock_timedwrlock(lock, &soon);
    default: return pthread_rwlock_rdlock(lock);
    }
}

static uint32_t in_first(opcode code, uint32_t place, uint32_t value)
{
    pthread_rwlock_t *lock = &writers_first[place];
    if (take_first(code, lock) != 0) {
        return value + 5;
    }
    if (code == OP_FIRST_READ_TWICE) {
        value = in_first(OP_FIRST_READ, place, value);
    } else if (code < OP_FIRST_WRITE) {
        value = plain[place];
    } else {
        value = add_plain(place, value);
    }
    pthread_rwlock_unlock(lock);
    return value;
}

uint32_t instruction_run(opcode code, uint32_t place, uint32_t value)
{
    uint32_t expected = value;
    struct timespec now;
    switch (code) {
    case OP_READ: return plain[place];
    case OP_WRITE: plain[place] = value + 1; return value + 1;
    case OP_LOAD: return atomic_load(&atomics[place]);
    case OP_STORE: atomic_store(&atomics[place], value + 1); return value + 1;
    case OP_ADD: return atomic_fetch_add(&atomics[place], value + 1);
    case OP_CAS:
        atomic_compare_exchange_strong(&atomics[place], &expected, value + 1);
        return expected;
    case OP_LOCK: pthread_mutex_lock(&locks[place]); return value;
    case OP_UNLOCK: pthread_mutex_unlock(&locks[place]); return value;
    case OP_TRYLOCK:
    case OP_TIMEDLOCK: return in_lock(code, place, value);
    case OP_WAIT: return wait_for(place, value, 0);
    case OP_TIMEDWAIT: return wait_for(place, value, 1);
    case OP_SIGNAL: pthread_cond_signal(&conditions[place]); return value;
    case OP_BROADCAST: pthread_cond_broadcast(&conditions[place]); return value;
    case OP_POST: sem_post(&semaphores[place]); return value;
    case OP_TAKE:
    case OP_TRYTAKE:
    case OP_TIMEDTAKE: return take(code, place, value);
    case OP_READLOCK:
        pthread_rwlock_rdlock(&rwlocks[place]);
        value = plain[place];
        pthread_rwlock_unlock(&rwlocks[place]);
        return value;
    case OP_WRITELOCK:
        pthread_rwlock_wrlock(&rwlocks[place]);
        value = add_plain(place, value);
        pthread_rwlock_unlock(&rwlocks[place]);
        return value;
    case OP_BARRIER: return value + (pthread_barrier_wait(&barriers[place]) != 0);
    case OP_ONCE: pthread_once(&once[place], mark); return value;
    case OP_CLOCK:
        clock_gettime(CLOCK_MONOTONIC, &now);
        return value + (uint32_t)(now.tv_nsec / 1000);
    case OP_FORK: return fork_join(child, place, value, 0);
    case OP_CANCEL: return fork_join(waits, place, value, 1);
    case OP_YIELD: return value + (uint32_t)sched_yield();
    case OP_SPIN:
        while (atomic_load(&atomics[place]) == 0) {
        }
        return value;
    case OP_SLEEP: return value + (uint32_t)usleep(1);
    case OP_FIRST_READ:
    case OP_FIRST_READ_TWICE:
    case OP_FIRST_TRYREAD:
    case OP_FIRST_TIMEDREAD:
    case OP_FIRST_WRITE:
    case OP_FIRST_TRYWRITE:
    case OP_FIRST_TIMEDWRITE: return in_first(code, place, value);
    default: return value;
    }
}

/* ---- programs whose traces have been counted ------------------------------------------------- */

static atomic_int cells[CELLS];
static int seen[CELLS];
static int count;
static uint32_t repeat;
static pthread_t worker;
static pthread_key_t key;
static struct timespec cached;
static char number[8];

static void end_value(void *value)
{
    (void)value;
    seen[2] = 1;
}

void counted_prepare(uint32_t times)
{
    repeat = times;
    count = 0;
    for (uint32_t i = 0; i < CELLS; i++) {
        atomic_init(&cells[i], 0);
        seen[i] = 0;
    }
    pthread_mutex_init(&locks[0], NULL);
    pthread_cond_init(&conditions[0], NULL);
    sem_init(&semaphores[0], 0, 0);
    sem_init(&semaphores[1], 0, 0);
    sem_init(&semaphores[2], 0, SEM_VALUE_MAX);
    pthread_key_create(&key, end_value);
    cached.tv_sec = -1;
    memcpy(number, "1e", 3);
}

uint64_t counted_state(void)
{
    uint64_t state = (uint64_t)count;
    for (uint32_t i = 0; i < CELLS; i++) {
        state = (state * 31 + (uint64_t)cells[i]) * 31 + (uint64_t)seen[i];
    }
    return state;
}

void counter(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    for (uint32_t i = 0; i < repeat; i++) {
        atomic_store(&cells[0], atomic_load(&cells[0]) + 1);
    }
}

void check_then_act(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_mutex_lock(&locks[0]);
    const int before = count;
    pthread_mutex_unlock(&locks[0]);
    if (before < 1) {
        pthread_mutex_lock(&locks[0]);
        count++;
        pthread_mutex_unlock(&locks[0]);
    }
}

void locked_increment(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    for (uint32_t i = 0; i < repeat; i++) {
        pthread_mutex_lock(&locks[0]);
        count++;
        pthread_mutex_unlock(&locks[0]);
    }
}

void last_zero(void *unused, uint32_t index)
{
    (void)unused;
    if (index > 0) {
        atomic_store(&cells[index], atomic_load(&cells[index - 1]) + 1);
        return;
    }
    int i = (int)repeat;
    while (atomic_load(&cells[i]) != 0) {
        i--;
    }
    seen[0] = i;
}

void out_of_order(void *unused, uint32_t index)
{
    (void)unused;
    switch (index) {
    case 0:
        (void)atomic_load(&cells[0]);
        (void)atomic_load(&cells[2]);
        break;
    case 1:
        atomic_store(&cells[2], 1);
        atomic_store(&cells[1], 1);
        (void)atomic_load(&cells[1]);
        break;
    default:
        pthread_mutex_lock(&locks[0]);
        (void)atomic_load(&cells[1]);
        atomic_store(&cells[0], 1);
        pthread_mutex_unlock(&locks[0]);
        break;
    }
}

void readers(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        atomic_store(&cells[0], 1);
    } else {
        atomic_store(&cells[index], 1);
        (void)atomic_load(&cells[0]);
    }
}

/* Not static: the compiler must think that somebody reads it. */
volatile union overlapped {
    uint64_t whole;
    uint32_t halves[2];
} overlapped;

void overlapping(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        overlapped.whole = 1;
    } else {
        overlapped.halves[index - 1] = 2;
    }
}

static void wait_signalled(void)
{
    pthread_mutex_lock(&locks[0]);
    pthread_cleanup_push(unlock, &locks[0]);
    pthread_cond_wait(&conditions[0], &locks[0]);
    pthread_cleanup_pop(1);
}

void cancels_queued(void *unused, uint32_t index)
{
    static pthread_t waiter;
    (void)unused;
    switch (index) {
    case 0:
        pthread_mutex_lock(&locks[0]);
        sem_wait(&semaphores[0]);
        pthread_cancel(waiter);
        pthread_mutex_unlock(&locks[0]);
        break;
    case 1:
        waiter = pthread_self();
        wait_signalled();
        break;
    case 2:
        pthread_mutex_lock(&locks[0]);
        pthread_mutex_unlock(&locks[0]);
        break;
    default:
        pthread_cond_signal(&conditions[0]);
        sem_post(&semaphores[0]);
        break;
    }
}

/* ---- programs that wait by trying again ------------------------------------------------------ */

static void spin_with(int (*wait)(void), uint32_t index)
{
    if (index > 0) {
        for (uint32_t i = 0; i < repeat; i++) {
            atomic_store(&cells[index + i], 1);
        }
        return;
    }
    while (!atomic_load(&cells[2])) {
        if (wait != NULL) {
            wait();
        }
    }
    seen[0] = atomic_load(&cells[1]);
}

static int nap(void)
{
    return usleep(1000);
}

void spins(void *unused, uint32_t index)
{
    (void)unused;
    spin_with(NULL, index);
}

void yields(void *unused, uint32_t index)
{
    (void)unused;
    spin_with(sched_yield, index);
}

void sleeps(void *unused, uint32_t index)
{
    (void)unused;
    spin_with(nap, index);
}

void spins_twice(void *unused, uint32_t index)
{
    (void)unused;
    if (index > 0) {
        atomic_store(&cells[1], 1);
        atomic_store(&cells[2], 1);
        return;
    }
    while (!atomic_load(&cells[2])) {
    }
    while (!atomic_load(&cells[1])) {
    }
    seen[0] = 1;
}

/* ---- programs whose ends are compared ----------------------------------------------------------
 */

static void *do_nothing(void *argument)
{
    return argument;
}

static void *wait_to_be_let_go(void *argument)
{
    sem_wait(&semaphores[0]);
    return argument;
}

static void *try_to_join(void *argument)
{
    seen[0] = pthread_tryjoin_np(worker, NULL) == 0 ? 1 : 2;
    return argument;
}

void tries_to_join(void *unused, uint32_t index)
{
    pthread_t other;
    (void)unused;
    (void)index;
    pthread_create(&worker, NULL, do_nothing, NULL);
    pthread_create(&other, NULL, try_to_join, NULL);
    pthread_join(other, NULL);
    if (seen[0] == 2) {
        pthread_join(worker, NULL);
    }
}

void caches_time(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        clock_gettime(CLOCK_MONOTONIC, &cached);
    } else {
        seen[0] = cached.tv_sec < 0 ? 1 : 2;
    }
}

void lends_its_stack(void *unused, uint32_t index)
{
    static int *_Atomic lent;
    int local = 0;
    (void)unused;
    if (index == 0) {
        atomic_store(&lent, &local);
        sem_wait(&semaphores[0]);
    } else if (index == 1) {
        int *to = atomic_load(&lent);
        if (to != NULL) {
            *to = 1;
        }
    } else {
        sem_post(&semaphores[0]);
    }
}

void gives_up_trying(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        bool got = false;
        for (int i = 0; i < 5 && !got; i++) {
            got = pthread_mutex_trylock(&locks[0]) == 0;
        }
        if (got) {
            pthread_mutex_unlock(&locks[0]);
        }
        seen[0] = got ? 1 : 2;
    } else if (index == 1) {
        pthread_mutex_lock(&locks[0]);
        sem_wait(&semaphores[0]);
        pthread_mutex_unlock(&locks[0]);
    } else {
        sem_post(&semaphores[0]);
        if (pthread_mutex_trylock(&locks[0]) == 0) {
            seen[1] = 1;
            pthread_mutex_unlock(&locks[0]);
        }
    }
}

static void *cancel_worker(void *argument)
{
    pthread_cancel(worker);
    return argument;
}

static void *join_worker(void *argument)
{
    pthread_join(worker, NULL);
    return argument;
}

void joins_and_cancels(void *unused, uint32_t index)
{
    pthread_t canceller;
    pthread_t joiner;
    (void)unused;
    (void)index;
    pthread_create(&worker, NULL, do_nothing, NULL);
    pthread_create(&canceller, NULL, cancel_worker, NULL);
    pthread_create(&joiner, NULL, join_worker, NULL);
    pthread_join(canceller, NULL);
    pthread_join(joiner, NULL);
}

void deletes_key(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        seen[0] = pthread_setspecific(key, &count) == 0 ? 1 : 2;
        sem_wait(&semaphores[0]);
    } else if (index == 1) {
        pthread_key_delete(key);
    } else {
        sem_post(&semaphores[0]);
    }
}

void posts_too_often(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        seen[0] = sem_post(&semaphores[2]) == 0 ? 1 : 2;
    } else {
        sem_wait(&semaphores[2]);
    }
}

void reads_number(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        seen[0] = (int)strtod(number, NULL);
    } else {
        number[2] = '5';
    }
}

void takes_tokens(void *unused, uint32_t index)
{
    static char words[2][8] = {"a b", "c d"};
    (void)unused;
    const char *first = strtok(words[index], " ");
    if (index == 0) {
        atomic_fetch_add(&cells[0], 1);
        const char *second = strtok(NULL, " ");
        seen[0] = second != NULL ? *second : 1;
        seen[1] = *first;
    }
}

static int by_size(const void *one, const void *other)
{
    atomic_fetch_add(&cells[0], 1);
    return *(const int *)one - *(const int *)other;
}

void sorts(void *unused, uint32_t index)
{
    static int numbers[3] = {3, 2, 1};
    (void)unused;
    if (index == 0) {
        qsort(numbers, 3, sizeof numbers[0], by_size);
        seen[0] = numbers[0] * 100 + numbers[1] * 10 + numbers[2];
    } else {
        numbers[0] = 5;
    }
}

void sets_environment(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        const char *value = getenv("TREADLE_TEST");
        seen[0] = value != NULL ? *value : 1;
    } else {
        setenv("TREADLE_TEST", "x", 1);
    }
}

void cancels_trying(void *unused, uint32_t index)
{
    static pthread_t trying;
    (void)unused;
    if (index == 0) {
        trying = pthread_self();
        pthread_create(&worker, NULL, wait_to_be_let_go, NULL);
        sem_post(&semaphores[1]);
        seen[0] = pthread_tryjoin_np(worker, NULL) == 0 ? 1 : 2;
        pthread_mutex_lock(&locks[0]);
        pthread_mutex_unlock(&locks[0]);
        sem_post(&semaphores[0]);
        pthread_join(worker, NULL);
    } else if (index == 1) {
        sem_wait(&semaphores[1]);
        pthread_cancel(trying);
    } else {
        pthread_mutex_lock(&locks[0]);
        pthread_mutex_unlock(&locks[0]);
    }
}

static void *store_twice(void *argument)
{
    atomic_store(&cells[1], 1);
    atomic_store(&cells[1], 2);
    return argument;
}

void leaves_one_running(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_create(&worker, NULL, store_twice, NULL);
    pthread_detach(worker);
}

void creates(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    count = 1;
    pthread_mutex_lock(&locks[0]);
    pthread_mutex_unlock(&locks[0]);
    pthread_create(&worker, NULL, store_twice, NULL);
    seen[0] = atomic_load(&cells[1]);
    pthread_join(worker, NULL);
}

static void wait_at_the_end(void *unused)
{
    (void)unused;
    seen[0] = sem_wait(&semaphores[0]) == 0 ? 1 : 2;
}

void cancels_exiting(void *unused, uint32_t index)
{
    static pthread_t exiting;
    (void)unused;
    if (index == 0) {
        exiting = pthread_self();
        sem_post(&semaphores[1]);
        pthread_cleanup_push(wait_at_the_end, NULL);
        pthread_exit(NULL);
        pthread_cleanup_pop(0);
    } else {
        sem_wait(&semaphores[1]);
        pthread_cancel(exiting);
        sem_post(&semaphores[0]);
    }
}
