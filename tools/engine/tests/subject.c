// SPDX-License-Identifier: MIT
#include "tools/engine/tests/subject.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

int outcome;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int count;
static int waiting;

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec now;
    clock_gettime(clock, &now);
    now.tv_sec += ms / 1000;
    now.tv_nsec += ms % 1000 * 1000000;
    if (now.tv_nsec >= 1000000000) {
        now.tv_nsec -= 1000000000;
        now.tv_sec++;
    }
    return now;
}

/* ---- mutexes --------------------------------------------------------------------------------- */

void mutex_types(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    bool fine = pthread_mutex_lock(&checking) == 0;
    fine &= pthread_mutex_lock(&checking) == EDEADLK;
    fine &= pthread_mutex_trylock(&checking) == EBUSY;
    fine &= pthread_mutex_unlock(&checking) == 0;
    fine &= pthread_mutex_unlock(&checking) == EPERM;
    pthread_mutexattr_t attributes;
    pthread_mutex_t made;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    fine &= pthread_mutex_init(&made, &attributes) == 0;
    fine &= pthread_mutex_lock(&made) == 0 && pthread_mutex_trylock(&made) == 0;
    fine &= pthread_mutex_unlock(&made) == 0 && pthread_mutex_unlock(&made) == 0;
    fine &= pthread_mutex_unlock(&made) == EPERM && pthread_mutex_destroy(&made) == 0;
    outcome += fine;
}

void recursive_mutex(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_mutex_lock(&recursive);
    pthread_mutex_lock(&recursive);
    const int seen = count;
    pthread_mutex_unlock(&recursive);
    count = seen + 1; /* still held once */
    outcome = count;
    pthread_mutex_unlock(&recursive);
}

void trylock_loop(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    while (pthread_mutex_trylock(&lock) != 0) {
    }
    count++;
    pthread_mutex_unlock(&lock);
    outcome = count;
}

/* One holds the lock while it sleeps for a second; the other gives up after half of one, or gets
 * it. */
void timed_lock(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        pthread_mutex_lock(&lock);
        sleep(1);
        pthread_mutex_unlock(&lock);
        return;
    }
    const struct timespec until = in_ms(CLOCK_REALTIME, 500);
    const int result = pthread_mutex_timedlock(&lock, &until);
    if (result == 0) {
        pthread_mutex_unlock(&lock);
    }
    outcome = result == 0 ? 1 : result == ETIMEDOUT ? 2 : 3;
}

/* ---- condition variables -----------------------------------------------------------------------
 */

/* Two wait, the third signals one of them, then broadcasts; `outcome` is who woke first. */
void signal_one(void *unused, uint32_t index)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    if (index < 2) {
        waiting++;
        pthread_cond_wait(&changed, &lock);
        outcome = outcome ? outcome : (int)index + 1;
    } else {
        while (waiting < 2) {
            pthread_mutex_unlock(&lock);
            sched_yield();
            pthread_mutex_lock(&lock);
        }
        pthread_cond_signal(&changed);
        while (outcome == 0) {
            pthread_mutex_unlock(&lock);
            sched_yield();
            pthread_mutex_lock(&lock);
        }
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
}

void broadcast_all(void *unused, uint32_t index)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    if (index == 0) {
        count = 1;
        pthread_cond_broadcast(&changed);
    }
    while (count == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    outcome++;
    pthread_mutex_unlock(&lock);
}

/* 1: signalled in time, 2: timed out. */
void timed_wait(void *unused, uint32_t index)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    if (index == 0) {
        const struct timespec until = in_ms(CLOCK_REALTIME, 1000);
        int result = 0;
        while (count == 0 && result == 0) {
            result = pthread_cond_timedwait(&changed, &lock, &until);
        }
        outcome = result == ETIMEDOUT ? 2 : 1;
        if (result == ETIMEDOUT) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            assert(now.tv_sec >= until.tv_sec);
        }
    } else {
        count = 1;
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&lock);
}

static uint64_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* 1: it ended for no reason, and no time has passed; 2: it timed out. */
static void ended(int result, int timed_out, uint64_t began)
{
    assert(result == 0 || result == timed_out);
    assert((seconds_now() > began) == (result == timed_out));
    outcome = result == 0 ? 1 : 2;
}

void waits_by_itself(void *unused, uint32_t index)
{
    const struct timespec until = in_ms(CLOCK_REALTIME, 1000);
    const uint64_t began = seconds_now();
    (void)unused;
    (void)index;
    pthread_mutex_lock(&lock);
    ended(pthread_cond_timedwait(&changed, &lock, &until), ETIMEDOUT, began);
    pthread_mutex_unlock(&lock);
}

void waits_by_itself_by_clock(void *unused, uint32_t index)
{
    const struct timespec until = in_ms(CLOCK_MONOTONIC, 1000);
    const uint64_t began = seconds_now();
    (void)unused;
    (void)index;
    pthread_mutex_lock(&lock);
    ended(pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until), ETIMEDOUT, began);
    pthread_mutex_unlock(&lock);
}

void waits_by_itself_in_c11(void *unused, uint32_t index)
{
    const struct timespec until = in_ms(CLOCK_REALTIME, 1000);
    const uint64_t began = seconds_now();
    mtx_t mutex;
    cnd_t condition;
    (void)unused;
    (void)index;
    mtx_init(&mutex, mtx_plain);
    cnd_init(&condition);
    mtx_lock(&mutex);
    const int result = cnd_timedwait(&condition, &mutex, &until);
    ended(result == thrd_success ? 0 : result, thrd_timedout, began);
    mtx_unlock(&mutex);
}

/* 0 waits for some time, 1 for ever, 2 signals once when both wait; who gets the signal passes it
 * on. 1: 0 got it, 2: it timed out. */
void leaves_signal(void *unused, uint32_t index)
{
    const struct timespec until = in_ms(CLOCK_REALTIME, 1000);
    (void)unused;
    if (index == 2) {
        while (atomic_load(&cells[0]) + atomic_load(&cells[1]) < 2) {
        }
    }
    pthread_mutex_lock(&lock);
    if (index == 0) {
        atomic_store(&cells[0], 1);
        outcome = pthread_cond_timedwait(&changed, &lock, &until) == 0 ? 1 : 2;
    } else if (index == 1) {
        atomic_store(&cells[1], 1);
        pthread_cond_wait(&changed, &lock);
    }
    if (index == 2 || (index == 0 && outcome == 1)) {
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&lock);
}

void waits_in_vain(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_mutex_lock(&lock);
    while (count == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

void recursive_wait(void *unused, uint32_t index)
{
    (void)unused;
    pthread_mutex_lock(&recursive);
    if (index == 0) {
        pthread_mutex_lock(&recursive);
        while (count == 0) {
            pthread_cond_wait(&changed, &recursive);
        }
        assert(pthread_mutex_unlock(&recursive) == 0);
        outcome = 1;
    } else {
        count = 1;
        pthread_cond_signal(&changed);
    }
    assert(pthread_mutex_unlock(&recursive) == 0);
}

/* Waits for itself, like a normal one. */
void adaptive_twice(void *unused, uint32_t index)
{
    static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
    (void)unused;
    (void)index;
    pthread_mutex_lock(&adaptive);
    pthread_mutex_lock(&adaptive);
}

static void *sleep_long(void *about_to_sleep)
{
    sem_post(about_to_sleep);
    sleep(60);
    return NULL;
}

/* 1: cancelled in its sleep, which took no time; 2: it slept. */
void cancelled_sleep(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_t sleeper;
    sem_t about_to_sleep;
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    sem_init(&about_to_sleep, 0, 0);
    pthread_create(&sleeper, NULL, sleep_long, &about_to_sleep);
    sem_wait(&about_to_sleep);
    pthread_cancel(sleeper);
    pthread_join(sleeper, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    outcome = after.tv_sec - before.tv_sec >= 60 ? 2 : 1;
}

void odd_arguments(void *unused, uint32_t index)
{
    const struct timespec too_many_ns = {.tv_nsec = 1000000000};
    const struct timespec negative = {.tv_sec = -1};
    volatile size_t odd = 24; /* volatile, or the compiler knows better */
    void *volatile block;
    (void)unused;
    (void)index;
    errno = 0;
    block = aligned_alloc(odd, 48);
    assert(block == NULL && *(volatile int *)&errno == EINVAL);
    odd = 0;
    block = aligned_alloc(odd, 48);
    assert(block == NULL);
    assert(thrd_sleep(&too_many_ns, NULL) == -2);
    assert(clock_nanosleep(CLOCK_MONOTONIC, 0, &negative, NULL) == EINVAL);
    outcome = 1;
}

void numbers_from_seeds(void *unused, uint32_t index)
{
    unsigned one = 5;
    unsigned other = 5;
    (void)unused;
    (void)index;
    const int first = rand_r(&one);
    assert(first == rand_r(&other) && one == other && one != 5);
    assert(first != rand_r(&one));
    srand48(7);
    const long value = lrand48();
    srand48(7);
    assert(value == lrand48());
    assert(arc4random_uniform(3) < 3 && arc4random_uniform(0) == 0);
    outcome = 1;
}

/* ---- other locks ----------------------------------------------------------------------------- */

void readers_and_writer(void *unused, uint32_t index)
{
    static atomic_int readers;
    static atomic_int writers;
    (void)unused;
    if (index == 0) {
        pthread_rwlock_wrlock(&rwlock);
        writers++;
        assert(readers == 0);
        sched_yield();
        writers--;
    } else {
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_rdlock(&rwlock); /* a reader may read again */
        readers++;
        assert(writers == 0);
        sched_yield();
        const int inside = readers;
        outcome = inside > outcome ? inside : outcome;
        readers--;
        pthread_rwlock_unlock(&rwlock);
        assert(pthread_rwlock_trywrlock(&rwlock) == EBUSY);
    }
    pthread_rwlock_unlock(&rwlock);
}

void upgrade_try(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        pthread_rwlock_rdlock(&rwlock);
        sched_yield();
        pthread_rwlock_unlock(&rwlock);
        return;
    }
    const int result = pthread_rwlock_trywrlock(&rwlock);
    outcome = result == 0 ? 1 : 2;
    if (result == 0) {
        assert(pthread_rwlock_tryrdlock(&rwlock) == EBUSY);
        pthread_rwlock_unlock(&rwlock);
    }
}

/* The first reads again while it reads; the second writes. */
static void read_again(pthread_rwlock_t *shared, uint32_t index)
{
    if (index == 0) {
        pthread_rwlock_rdlock(shared);
        usleep(1);
        pthread_rwlock_rdlock(shared);
        pthread_rwlock_unlock(shared);
    } else {
        pthread_rwlock_wrlock(shared);
    }
    pthread_rwlock_unlock(shared);
}

void reads_again(void *unused, uint32_t index)
{
    (void)unused;
    read_again(&rwlock, index);
}

static pthread_rwlock_t made;
static pthread_once_t making = PTHREAD_ONCE_INIT;

static void make(int kind)
{
    pthread_rwlockattr_t attributes;
    assert(pthread_rwlockattr_init(&attributes) == 0);
    assert(pthread_rwlockattr_setkind_np(&attributes, kind) == 0);
    assert(pthread_rwlock_init(&made, &attributes) == 0);
    pthread_rwlockattr_destroy(&attributes);
}

static void make_writers_preferred(void)
{
    make(PTHREAD_RWLOCK_PREFER_WRITER_NP);
}

void reads_again_writers_preferred(void *unused, uint32_t index)
{
    (void)unused;
    pthread_once(&making, make_writers_preferred);
    read_again(&made, index);
}

static void make_writers_first(void)
{
    make(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
}

void reads_again_writers_first(void *unused, uint32_t index)
{
    (void)unused;
    pthread_once(&making, make_writers_first);
    read_again(&made, index);
}

static pthread_rwlock_t writers_first = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

void reads_again_static(void *unused, uint32_t index)
{
    (void)unused;
    read_again(&writers_first, index);
}

/* The writer may have come, or not, when the first reads again, or tries to. 1: it could, 2: not.
 */
void writers_first_try(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 1) {
        read_again(&writers_first, index);
        return;
    }
    pthread_rwlock_rdlock(&writers_first);
    usleep(1);
    outcome = 2;
    if (pthread_rwlock_tryrdlock(&writers_first) == 0) {
        pthread_rwlock_unlock(&writers_first);
        outcome = 1;
    }
    pthread_rwlock_unlock(&writers_first);
}

void writers_first_timed_read(void *unused, uint32_t index)
{
    const struct timespec until = {.tv_sec = 1800000000};
    (void)unused;
    if (index == 1) {
        read_again(&writers_first, index);
        return;
    }
    pthread_rwlock_rdlock(&writers_first);
    usleep(1);
    outcome = 2;
    if (pthread_rwlock_timedrdlock(&writers_first, &until) == 0) {
        pthread_rwlock_unlock(&writers_first);
        outcome = 1;
    }
    pthread_rwlock_unlock(&writers_first);
}

/* A writer that gives up lets the reader go on. 1: it wrote, 2: it gave up. */
void writers_first_timed_write(void *unused, uint32_t index)
{
    const struct timespec until = {.tv_sec = 1800000000};
    (void)unused;
    if (index == 0) {
        read_again(&writers_first, index);
        return;
    }
    outcome = 2;
    if (pthread_rwlock_timedwrlock(&writers_first, &until) == 0) {
        pthread_rwlock_unlock(&writers_first);
        outcome = 1;
    }
}

/* 0 holds it until the writer, 1, has given up, which lets 2 read who tries again and again. */
void writers_first_tried_again(void *unused, uint32_t index)
{
    const struct timespec until = {.tv_sec = 1800000000};
    static atomic_int given_up;
    (void)unused;
    if (index == 0) {
        pthread_rwlock_rdlock(&writers_first);
        while (atomic_load(&given_up) == 0) {
        }
        pthread_rwlock_unlock(&writers_first);
    } else if (index == 1) {
        if (pthread_rwlock_timedwrlock(&writers_first, &until) == 0) {
            pthread_rwlock_unlock(&writers_first);
        }
        atomic_store(&given_up, 1);
    } else {
        while (pthread_rwlock_tryrdlock(&writers_first) != 0) {
        }
        pthread_rwlock_unlock(&writers_first);
        outcome = 1;
    }
}

void spin_count(void *unused, uint32_t index)
{
    static pthread_spinlock_t spin;
    (void)unused;
    if (index == 0 && count == 0) {
        count = 1;
    }
    static atomic_int ready;
    if (index == 0) {
        pthread_spin_init(&spin, 0);
        atomic_store(&ready, 1);
    }
    while (atomic_load(&ready) == 0) {
    }
    pthread_spin_lock(&spin);
    const int seen = outcome;
    sched_yield();
    outcome = seen + 1;
    pthread_spin_unlock(&spin);
}

void barrier_serial(void *unused, uint32_t index)
{
    static pthread_barrier_t barrier;
    static atomic_int ready;
    static int before;
    (void)unused;
    if (index == 0) {
        pthread_barrier_init(&barrier, NULL, 3);
        atomic_store(&ready, 1);
    }
    while (atomic_load(&ready) == 0) {
    }
    for (int round = 1; round <= 2; round++) {
        before++;
        const int result = pthread_barrier_wait(&barrier);
        assert(before >= 3 * round);
        outcome += result == PTHREAD_BARRIER_SERIAL_THREAD;
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
    sched_yield();
    count++;
}

void run_once(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_once(&once, initialise);
    assert(count == 1);
    outcome++;
}

static void wait_for_ever(void)
{
    if (count++ == 0) {
        pthread_exit(NULL);
    }
}

/* The first initialiser's thread ends inside it: another must run it again. */
void once_cancelled(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_once(&once, wait_for_ever);
    assert(count == 2);
    outcome++;
}

/* ---- thread-specific data -----------------------------------------------------------------------
 */

static pthread_key_t key;

static void destroy_again(void *value)
{
    outcome++;
    if (value == (void *)2) {
        pthread_setspecific(key, (void *)1);
    }
}

static void *use_key(void *argument)
{
    assert(pthread_getspecific(key) == NULL);
    pthread_setspecific(key, argument);
    sched_yield();
    assert(pthread_getspecific(key) == argument);
    return argument;
}

void thread_data(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_t one;
    pthread_t two;
    pthread_key_create(&key, destroy_again);
    pthread_create(&one, NULL, use_key, (void *)1);
    pthread_create(&two, NULL, use_key, (void *)2);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    pthread_key_delete(key); /* 1 + 2 destructor calls */
}

/* ---- semaphores ------------------------------------------------------------------------------ */

static sem_t slots;

void semaphores(void *unused, uint32_t index)
{
    static atomic_int ready;
    static int inside;
    (void)unused;
    if (index == 0) {
        sem_init(&slots, 0, 2);
        atomic_store(&ready, 1);
    }
    while (atomic_load(&ready) == 0) {
    }
    if (index == 1) {
        while (sem_trywait(&slots) != 0) {
            assert(errno == EAGAIN);
        }
    } else {
        sem_wait(&slots);
    }
    inside++;
    assert(inside <= 2);
    outcome = inside > outcome ? inside : outcome;
    sched_yield();
    inside--;
    sem_post(&slots);
    int value;
    assert(sem_getvalue(&slots, &value) == 0 && value >= 0 && value <= 2);
}

void semaphore_timeout(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        sem_init(&slots, 0, 0);
        const struct timespec until = in_ms(CLOCK_REALTIME, 10);
        outcome = sem_timedwait(&slots, &until) == 0 ? 1 : errno == ETIMEDOUT ? 2 : 3;
    }
}

/* ---- threads --------------------------------------------------------------------------------- */

static void *square(void *argument)
{
    const intptr_t value = (intptr_t)argument;
    return (void *)(value * value);
}

void join_values(void *unused, uint32_t index)
{
    pthread_t handles[3];
    (void)unused;
    (void)index;
    for (intptr_t i = 0; i < 3; i++) {
        pthread_create(&handles[i], NULL, square, (void *)(i + 1));
    }
    assert(!pthread_equal(handles[0], handles[1]));
    for (int i = 0; i < 3; i++) {
        void *result;
        assert(pthread_join(handles[i], &result) == 0);
        outcome += (int)(intptr_t)result; /* 1 + 4 + 9 */
    }
}

static void *add_one(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    outcome++;
    pthread_mutex_unlock(&lock);
    return NULL;
}

void detach_one(void *unused, uint32_t index)
{
    pthread_t handle;
    (void)unused;
    (void)index;
    pthread_create(&handle, NULL, add_one, NULL);
    pthread_detach(handle);
}

static void *exits(void *unused)
{
    (void)unused;
    pthread_exit((void *)7);
}

void exit_early(void *unused, uint32_t index)
{
    pthread_t handle;
    void *result;
    (void)unused;
    (void)index;
    pthread_create(&handle, NULL, exits, NULL);
    pthread_join(handle, &result);
    outcome = (int)(intptr_t)result;
}

static pthread_t main_thread;

static void *adds_after_main(void *unused)
{
    pthread_join(main_thread, NULL);
    return add_one(unused);
}

/* On main: the others go on when it has ended, and may join it. */
void main_exits(void *unused, uint32_t index)
{
    pthread_t handle;
    (void)unused;
    main_thread = pthread_self();
    for (uint32_t i = 0; i < index; i++) {
        pthread_create(&handle, NULL, i == 0 ? adds_after_main : add_one, NULL);
        pthread_detach(handle);
    }
    pthread_exit(NULL);
}

void main_exits_in_c11(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    thrd_exit(0);
}

void main_exits_holding(void *unused, uint32_t index)
{
    pthread_mutex_lock(&lock);
    main_exits(unused, index);
}

void main_is_cancelled(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_cancel(pthread_self());
    pthread_testcancel();
}

static void unlock_it(void *mutex)
{
    pthread_mutex_unlock(mutex);
    outcome++;
}

static void *waits(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    pthread_cleanup_push(unlock_it, &lock);
    while (count == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

/* The handler finds the mutex held: it was taken back before the handlers ran. */
void cancel_in_wait(void *unused, uint32_t index)
{
    pthread_t handle;
    void *result;
    (void)unused;
    (void)index;
    pthread_create(&handle, NULL, waits, NULL);
    pthread_cancel(handle);
    pthread_join(handle, &result);
    assert(result == PTHREAD_CANCELED);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

static void *takes_slot(void *unused)
{
    (void)unused;
    sem_wait(&slots);
    return NULL;
}

void cancel_in_sem(void *unused, uint32_t index)
{
    pthread_t handle;
    void *result;
    (void)unused;
    (void)index;
    sem_init(&slots, 0, 0);
    pthread_create(&handle, NULL, takes_slot, NULL);
    pthread_cancel(handle);
    pthread_join(handle, &result);
    outcome = result == PTHREAD_CANCELED;
}

static void *stubborn(void *unused)
{
    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_testcancel();
    sleep(1);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    outcome = 1;
    pthread_testcancel();
    return NULL;
}

/* 0: cancelled before it could refuse, 1: not before it allowed it. */
void cancel_disabled(void *unused, uint32_t index)
{
    pthread_t handle;
    (void)unused;
    (void)index;
    pthread_create(&handle, NULL, stubborn, NULL);
    pthread_cancel(handle);
    pthread_join(handle, NULL);
}

static void append(void *digit)
{
    outcome = outcome * 10 + (int)(intptr_t)digit;
}

static void *nested(void *unused)
{
    (void)unused;
    pthread_cleanup_push(append, (void *)3);
    pthread_cleanup_push(append, (void *)2);
    pthread_cleanup_push(append, (void *)1);
    pthread_exit(NULL);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

void cancel_runs_handlers_in_order(void *unused, uint32_t index)
{
    pthread_t handle;
    (void)unused;
    (void)index;
    pthread_create(&handle, NULL, nested, NULL);
    pthread_join(handle, NULL);
    outcome -= 100; /* 123 */
}

static void *sleeps(void *unused)
{
    (void)unused;
    sleep(5);
    return NULL;
}

/* Bit 0: tryjoin was busy; bit 1: timedjoin timed out. */
void try_and_timed_join(void *unused, uint32_t index)
{
    pthread_t handle;
    (void)unused;
    (void)index;
    pthread_create(&handle, NULL, sleeps, NULL);
    if (pthread_tryjoin_np(handle, NULL) == 0) {
        return;
    }
    outcome = 1;
    const struct timespec until = in_ms(CLOCK_REALTIME, 1000);
    if (pthread_timedjoin_np(handle, NULL, &until) == ETIMEDOUT) {
        outcome = 3;
        pthread_join(handle, NULL);
    }
}

static pthread_t first_handle;

static void *joins_parent(void *unused)
{
    (void)unused;
    pthread_join(first_handle, NULL);
    return NULL;
}

void self_join_cycle(void *unused, uint32_t index)
{
    pthread_t handle;
    (void)unused;
    (void)index;
    assert(pthread_join(pthread_self(), NULL) == EDEADLK);
    pthread_create(&handle, NULL, sleeps, NULL);
    pthread_join(handle, NULL);
    outcome = 1;
}

static void *deadlock_first(void *unused)
{
    pthread_t second;
    (void)unused;
    pthread_create(&second, NULL, joins_parent, NULL);
    pthread_join(second, NULL);
    return NULL;
}

void deadlock_join(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_create(&first_handle, NULL, deadlock_first, NULL);
    pthread_join(first_handle, NULL);
}

/* ---- C11 ------------------------------------------------------------------------------------- */

static mtx_t c11_lock;
static cnd_t c11_changed;

static int c11_worker(void *argument)
{
    mtx_lock(&c11_lock);
    while (count == 0) {
        cnd_wait(&c11_changed, &c11_lock);
    }
    mtx_unlock(&c11_lock);
    return *(int *)argument;
}

void c11_all(void *unused, uint32_t index)
{
    thrd_t handle;
    int argument = 5;
    int result = 0;
    (void)unused;
    (void)index;
    assert(mtx_init(&c11_lock, mtx_plain) == thrd_success);
    assert(cnd_init(&c11_changed) == thrd_success);
    assert(thrd_create(&handle, c11_worker, &argument) == thrd_success);
    assert(mtx_lock(&c11_lock) == thrd_success);
    assert(mtx_trylock(&c11_lock) == thrd_busy);
    count = 1;
    cnd_signal(&c11_changed);
    mtx_unlock(&c11_lock);
    thrd_yield();
    const struct timespec moment = {.tv_nsec = 1000};
    thrd_sleep(&moment, NULL);
    struct timespec now;
    assert(timespec_get(&now, TIME_UTC) == TIME_UTC);
    mtx_lock(&c11_lock);
    assert(cnd_timedwait(&c11_changed, &c11_lock, &now) == thrd_timedout);
    mtx_unlock(&c11_lock);
    assert(thrd_join(handle, &result) == thrd_success);
    cnd_destroy(&c11_changed);
    mtx_destroy(&c11_lock);
    outcome = result;
}

static once_flag c11_flag = ONCE_FLAG_INIT;
static tss_t c11_key;

static void c11_initialise(void)
{
    tss_create(&c11_key, NULL);
    count++;
}

void c11_once_and_tss(void *unused, uint32_t index)
{
    (void)unused;
    call_once(&c11_flag, c11_initialise);
    assert(tss_get(c11_key) == NULL);
    tss_set(c11_key, (void *)(intptr_t)(index + 1));
    thrd_yield();
    assert(tss_get(c11_key) == (void *)(intptr_t)(index + 1));
    outcome = count;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Who wakes first; whoever sleeps longer never finds that less time has passed. */
void two_sleepers(void *unused, uint32_t index)
{
    struct timespec before;
    struct timespec after;
    (void)unused;
    clock_gettime(CLOCK_MONOTONIC, &before);
    sleep(index == 0 ? 60 : 3600);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert(after.tv_sec - before.tv_sec >= (index == 0 ? 60 : 3600));
    outcome = outcome ? outcome : (int)index + 1;
}

void clocks(void *unused, uint32_t index)
{
    struct timeval day;
    struct timespec real;
    struct timespec mono;
    (void)unused;
    (void)index;
    gettimeofday(&day, NULL);
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    assert(day.tv_sec == 1700000000 && real.tv_sec == 1700000000 && mono.tv_sec == 1000);
    assert(time(NULL) == 1700000000);
    usleep(1500000);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    assert(mono.tv_sec == 1001 && mono.tv_nsec == 500000000);
    const struct timespec wrong = {.tv_nsec = -1};
    assert(nanosleep(&wrong, NULL) == -1 && errno == EINVAL);
    outcome = 1;
}

void jumpy_clock(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    outcome = (int)(time(NULL) - 1700000000);
}

void polls_with_sleep(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        while (count == 0) {
            usleep(1000);
        }
        outcome = 1;
    } else {
        count = 1;
    }
}

void absolute_sleep(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    const struct timespec until = in_ms(CLOCK_MONOTONIC, 5000);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert(now.tv_sec == until.tv_sec);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL); /* in the past */
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert(now.tv_sec == until.tv_sec);
    outcome = 1;
}

void sleeps_a_minute(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    sleep(60);
}

/* Seconds by which the wall clock is ahead of what it should be. */
static time_t skew(void)
{
    struct timespec mono;
    struct timespec real;
    struct timeval day;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &real);
    gettimeofday(&day, NULL);
    assert(time(NULL) == real.tv_sec && day.tv_sec == real.tv_sec && mono.tv_sec < 1010);
    return real.tv_sec - 1700000000 - (mono.tv_sec - 1000);
}

static void *skew_of_child(void *out)
{
    *(time_t *)out = skew();
    return NULL;
}

/* The wall clock of thread 1 is 61 s fast; its machine's monotonic clock is as good as any. */
void skewed_clock(void *unused, uint32_t index)
{
    (void)unused;
    const time_t expected = index == 1 ? 61 : 0;
    assert(skew() == expected);
    pthread_t child;
    time_t inherited = -1;
    pthread_create(&child, NULL, skew_of_child, &inherited);
    pthread_join(child, NULL);
    assert(inherited == expected);
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    const struct timespec until = in_ms(CLOCK_REALTIME, 1000);
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert(after.tv_sec - before.tv_sec >= 1 && after.tv_sec - before.tv_sec <= 2);
    outcome |= 1 << index;
}

/* ---- randomness, heap, errno, storage ---------------------------------------------------------
 */

void random_numbers(void *unused, uint32_t index)
{
    unsigned char bytes[12];
    (void)unused;
    (void)index;
    const long value = random();
    assert(value >= 0 && rand() >= 0 && getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
    outcome = (int)(value % 61);
}

void seeded_numbers(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    unsigned char bytes[2][8];
    long first[2];
    assert(getrandom(bytes[0], 8, 0) == 8);
    srandom(7);
    first[0] = random();
    first[1] = random();
    assert(first[0] != first[1]);
    srandom(7);
    assert(getrandom(bytes[1], 8, 0) == 8 && memcmp(bytes[0], bytes[1], 8) != 0);
    assert(random() == first[0] && rand() == (int)first[1]);
    srand(8);
    assert(rand() != (int)first[0]);
    outcome = 1;
}

void heap_blocks(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    unsigned char *volatile fresh = malloc(100); /* compilers know that its content is unknown */
    assert(fresh[0] == fresh[99] && fresh[0] == 0xbe);
    fresh[99] = 1;
    const uintptr_t first = (uintptr_t)fresh;
    unsigned char *grown = realloc(fresh, 5000);
    assert(grown[99] == 1 && grown[100] == 0xbe);
    char *zero = calloc(10, 10);
    assert(zero[0] == 0 && zero[99] == 0);
    char *text = strdup("hello");
    assert(strcmp(text, "hello") == 0);
    volatile size_t huge = (size_t)1 << 62;
    void *volatile none[] = {calloc(huge, 16), malloc(huge)};
    assert(none[0] == NULL && none[1] == NULL);
    free(NULL);
    char *one = malloc(200);
    char *two = malloc(200);
    outcome =
        (int)((first + 3 * (uintptr_t)zero + 7 * (uintptr_t)one + 11 * (uintptr_t)two) >> 4 & 63);
    free(one); /* in an order that a free list would turn round */
    free(two);
    free(text);
    free(zero);
    free(grown);
}

void heap_aligned(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    void *block = NULL;
    assert(posix_memalign(&block, 3, 8) == EINVAL);
    assert(posix_memalign(&block, 4096, 100) == 0 && (uintptr_t)block % 4096 == 0);
    char *other = aligned_alloc(256, 512);
    assert((uintptr_t)other % 256 == 0);
    other[511] = 1;
    free(block);
    free(other);
    outcome = 1;
}

/* `outcome` says where the blocks of all threads lie. The first thread frees what the second made,
 * when it is there: that changes what it gets itself, and nothing for the other. */
void heap_by_thread(void *unused, uint32_t index)
{
    (void)unused;
    static _Atomic(void *) handed;
    static uintptr_t places;
    void *first = malloc(24);
    uintptr_t mine = (uintptr_t)first;
    if (index == 0) {
        free(atomic_load(&handed));
    } else {
        atomic_store(&handed, malloc(40));
        void *second = malloc(24);
        free(first);
        void *third = malloc(40);
        mine += 3 * (uintptr_t)second + 7 * (uintptr_t)third;
    }
    pthread_mutex_lock(&lock);
    places += mine * (index + 1);
    outcome = (int)(places >> 4 & 63);
    pthread_mutex_unlock(&lock);
}

void frees_wild(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    char *block = calloc(1, 64);
    char *volatile inside = block + 32;
    free(inside);
}

void errno_is_own(void *unused, uint32_t index)
{
    (void)unused;
    assert(errno == 0);
    errno = (int)index + 1;
    sched_yield();
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    assert(errno == (int)index + 1);
    outcome++;
}

static __thread int own_zero;
static __thread int own_seven = 7;

void thread_local_is_own(void *unused, uint32_t index)
{
    (void)unused;
    assert(own_zero == 0 && own_seven == 7);
    own_zero = (int)index + 10;
    own_seven = (int)index + 20;
    sched_yield();
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    assert(own_zero == (int)index + 10 && own_seven == (int)index + 20);
    outcome++;
}

static int initialised = 5;
static int *pointing = &initialised;

void globals_are_fresh(void *unused, uint32_t index)
{
    static int calls;
    (void)unused;
    (void)index;
    assert(initialised == 5 && pointing == &initialised && calls == 0 && count == 0);
    initialised = 6;
    pointing = NULL;
    calls++;
    count++;
    outcome = 1;
}

/* ---- accesses -------------------------------------------------------------------------------- */

#define ATOMICS_OF(type)                                                                \
    do {                                                                                \
        static _Atomic type value;                                                      \
        type expected = 3;                                                              \
        atomic_store_explicit(&value, 3, memory_order_release);                         \
        assert(atomic_load_explicit(&value, memory_order_acquire) == 3);                \
        assert(atomic_exchange(&value, 4) == 3 && atomic_fetch_add(&value, 3) == 4);    \
        assert(atomic_fetch_sub(&value, 2) == 7 && atomic_fetch_or(&value, 8) == 5);    \
        assert(atomic_fetch_and(&value, 9) == 13 && atomic_fetch_xor(&value, 1) == 9);  \
        assert(!atomic_compare_exchange_strong(&value, &expected, 1) && expected == 8); \
        assert(atomic_compare_exchange_strong(&value, &expected, 1));                   \
        assert(__atomic_fetch_nand((type *)&value, 1, __ATOMIC_RELAXED) == 1);          \
        assert(value == (type) ~(type)1);                                               \
        outcome++;                                                                      \
    } while (0)

void atomics_all(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    ATOMICS_OF(uint8_t);
    ATOMICS_OF(uint16_t);
    ATOMICS_OF(uint32_t);
    ATOMICS_OF(uint64_t);
    atomic_thread_fence(memory_order_seq_cst);
    atomic_signal_fence(memory_order_seq_cst);
    static atomic_flag flag = ATOMIC_FLAG_INIT;
    assert(!atomic_flag_test_and_set(&flag) && atomic_flag_test_and_set(&flag));
    atomic_flag_clear(&flag);
}

/* How often a weak compare-and-swap failed though the value was right, at most two times. */
void weak_cas(void *unused, uint32_t index)
{
    static _Atomic int value;
    (void)unused;
    (void)index;
    for (int attempt = 0; attempt < 2; attempt++) {
        int expected = 0;
        if (atomic_compare_exchange_weak(&value, &expected, 1)) {
            break;
        }
        assert(expected == 0);
        outcome++;
    }
}

typedef struct __attribute__((packed)) packed {
    char before;
    uint32_t value;
    uint64_t wide;
} packed;

void unaligned_and_volatile(void *unused, uint32_t index)
{
    static packed shared;
    static volatile int flag;
    (void)unused;
    (void)index;
    shared.value++;
    shared.wide = shared.value;
    flag++;
    outcome = (int)shared.wide * 4 + flag; /* lost updates show */
}

/* Waits with a timeout again and again, as a polling loop does, until the other has spoken. */
void polls_with_timeouts(void *unused, uint32_t index)
{
    static pthread_mutex_t talk = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    static bool spoken;
    (void)unused;
    pthread_mutex_lock(&talk);
    if (index == 1) {
        spoken = true;
    }
    while (!spoken) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&never, &talk, &until);
    }
    pthread_mutex_unlock(&talk);
    outcome = 1;
}

typedef struct wide {
    long values[4];
} wide;

static wide source = {{1, 1, 1, 1}};

/* A struct is copied in as many steps as the compiler makes of it. */
void copies_struct(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        const wide next = {{2, 2, 2, 2}};
        source = next;
    } else {
        const wide copy = source;
        outcome = (int)(copy.values[0] * 10 + copy.values[3]);
    }
}

void blocks_of_memory(void *unused, uint32_t index)
{
    static char shared[4096];
    static char other[4096];
    (void)unused;
    (void)index;
    memset(shared, (int)index + 1, sizeof shared);
    memcpy(other, shared, sizeof other);
    memmove(other + 1, other, 100);
    outcome = other[4095];
}

_Atomic int cells[8]; /* exported: a compiler may drop stores to what nobody can read */

void three_steps(void *unused, uint32_t index)
{
    (void)unused;
    atomic_store(&cells[index], 1);
    atomic_store(&cells[index], 2);
    atomic_store(&cells[index], 3);
}

/* ---- spinning -------------------------------------------------------------------------------- */

static int plain_flag;
static volatile int volatile_flag;
static atomic_int atomic_flag_;
static atomic_int second_flag;

void spin_plain(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        plain_flag = 1;
        return;
    }
    while (*(volatile int *)&plain_flag == 0) {
    }
    outcome = 1;
}

void spin_volatile(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        volatile_flag = 1;
        return;
    }
    while (!volatile_flag) {
    }
    outcome = 1;
}

void spin_atomic(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        atomic_store(&atomic_flag_, 1);
        return;
    }
    while (!atomic_load_explicit(&atomic_flag_, memory_order_acquire)) {
    }
    outcome = 1;
}

void spin_two_flags(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        atomic_store(&atomic_flag_, 1);
        atomic_store(&second_flag, 1);
        return;
    }
    while (!atomic_load(&atomic_flag_) || !atomic_load(&second_flag)) {
    }
    outcome = 1;
}

void spin_cas_lock(void *unused, uint32_t index)
{
    static atomic_int held;
    (void)unused;
    (void)index;
    for (;;) {
        int expected = 0;
        if (atomic_compare_exchange_strong(&held, &expected, 1)) {
            break;
        }
        while (atomic_load(&held) != 0) {
        }
    }
    count++;
    outcome = count;
    atomic_store(&held, 0);
}

void spin_yield(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        atomic_store(&atomic_flag_, 1);
        return;
    }
    while (atomic_load(&atomic_flag_) == 0) {
        sched_yield();
    }
    outcome = 1;
}

void spin_each_other(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        while (atomic_load(&atomic_flag_) == 0) {
        }
        atomic_store(&second_flag, 1);
    } else {
        while (atomic_load(&second_flag) == 0) {
        }
        atomic_store(&atomic_flag_, 1);
    }
}

/* No spin loop, though it looks like one for a while. */
void reads_often(void *unused, uint32_t index)
{
    int sum = 0;
    (void)unused;
    (void)index;
    for (int i = 0; i < 100; i++) {
        sum += atomic_load(&atomic_flag_) + 1;
    }
    outcome += sum == 100;
}

/* ---- misuse ---------------------------------------------------------------------------------- */

void unlocks_other(void *unused, uint32_t index)
{
    (void)unused;
    if (index == 0) {
        pthread_mutex_lock(&lock);
        sleep(1);
        pthread_mutex_unlock(&lock);
    } else {
        sleep(1);
        pthread_mutex_unlock(&lock);
    }
}

void destroys_held(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_mutex_lock(&lock);
    pthread_mutex_destroy(&lock);
}

void barrier_uninitialised(void *unused, uint32_t index)
{
    static pthread_barrier_t barrier;
    (void)unused;
    (void)index;
    pthread_barrier_wait(&barrier);
}

void leaks_reader(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    pthread_rwlock_rdlock(&rwlock);
}

void leaves_thread_running(void *unused, uint32_t index)
{
    pthread_t handle;
    (void)unused;
    (void)index;
    pthread_create(&handle, NULL, sleeps, NULL);
}

void asserts_false(void *unused, uint32_t index)
{
    (void)unused;
    assert(index == 77);
}
