// SPDX-License-Identifier: MIT
#include "tools/engine/tests/liveness_subject.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/engine/engine.h"

int liveness_outcome;

static pthread_mutex_t locks[3] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                   PTHREAD_MUTEX_INITIALIZER};
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t semaphore;
static atomic_int stage;

#define SUBJECT(name) \
    void name(void *unused __attribute__((unused)), uint32_t index __attribute__((unused)))

/* Goes on when the others have come to a stage; a wait that no test is about. */
static void await(int wanted)
{
    while (atomic_load(&stage) < wanted) {
    }
}

static void reach(int next)
{
    atomic_store(&stage, next);
}

/* ---- deadlocks ---------------------------------------------------------------------------------
 */

static void take_two(uint32_t first, uint32_t second)
{
    pthread_mutex_lock(&locks[first]);
    pthread_mutex_lock(&locks[second]);
    pthread_mutex_unlock(&locks[second]);
    pthread_mutex_unlock(&locks[first]);
}

SUBJECT(takes_crosswise)
{
    if (index == 2) {
        await(1); /* a bystander, who waits for one of the two */
        pthread_mutex_lock(&locks[0]);
        pthread_mutex_unlock(&locks[0]);
        return;
    }
    pthread_mutex_lock(&locks[index]);
    reach(1);
    take_two(1 - index, 2);
    pthread_mutex_unlock(&locks[index]);
}

SUBJECT(takes_in_ring)
{
    take_two(index, (index + 1) % 3);
}

SUBJECT(both_upgrade)
{
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_wrlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
}

/* Both readers wait for the mutex that the writer holds. */
SUBJECT(waits_for_readers)
{
    if (index == 2) {
        await(1);
        pthread_mutex_lock(&locks[0]);
        pthread_rwlock_wrlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
    } else {
        pthread_rwlock_rdlock(&rwlock);
        reach(1);
        pthread_mutex_lock(&locks[0]);
        pthread_rwlock_unlock(&rwlock);
    }
    pthread_mutex_unlock(&locks[0]);
}

SUBJECT(reads_again_behind_writers)
{
    static pthread_rwlock_t writers_first = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    if (index == 0) {
        pthread_rwlock_rdlock(&writers_first);
        reach(1);
        pthread_rwlock_rdlock(&writers_first);
    } else {
        await(1);
        pthread_rwlock_wrlock(&writers_first);
    }
}

SUBJECT(waits_unsignalled)
{
    pthread_mutex_lock(&locks[0]);
    pthread_cond_wait(&changed, &locks[0]);
    pthread_mutex_unlock(&locks[0]);
}

SUBJECT(waits_too_late)
{
    if (index == 0) {
        pthread_cond_broadcast(&changed);
        reach(1);
        return;
    }
    await(1);
    waits_unsignalled(unused, index);
}

/* The second comes after the signal that woke the first. */
SUBJECT(waits_after_another_woke)
{
    if (index == 2) {
        await(1);
        pthread_mutex_lock(&locks[0]);
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&locks[0]);
        reach(2);
        return;
    }
    if (index == 1) {
        await(2);
    }
    pthread_mutex_lock(&locks[0]);
    if (index == 0) {
        reach(1);
    }
    pthread_cond_wait(&changed, &locks[0]);
    pthread_mutex_unlock(&locks[0]);
}

/* One signal for two. */
SUBJECT(waits_woken_once)
{
    if (index < 2) {
        waits_unsignalled(unused, index);
        return;
    }
    pthread_cond_signal(&changed);
}

SUBJECT(waits_unposted)
{
    if (index == 0) {
        sem_init(&semaphore, 0, 1);
        reach(1);
    }
    await(1);
    sem_wait(&semaphore);
}

SUBJECT(waits_at_barrier)
{
    pthread_barrier_init(&barrier, NULL, 3);
    pthread_barrier_wait(&barrier);
}

static void *end_holding(void *unused)
{
    pthread_mutex_lock(&locks[0]);
    return unused;
}

SUBJECT(waits_for_ended)
{
    pthread_t other;
    pthread_create(&other, NULL, end_holding, NULL);
    pthread_join(other, NULL);
    pthread_mutex_lock(&locks[0]);
}

static void *want_lock(void *unused)
{
    pthread_mutex_lock(&locks[0]);
    pthread_mutex_unlock(&locks[0]);
    return unused;
}

SUBJECT(joins_who_waits)
{
    pthread_t other;
    pthread_mutex_lock(&locks[0]);
    pthread_create(&other, NULL, want_lock, NULL);
    pthread_join(other, NULL);
    pthread_mutex_unlock(&locks[0]);
}

/* ---- leaks -------------------------------------------------------------------------------------
 */

SUBJECT(leaves_mutex)
{
    pthread_mutex_lock(&locks[0]);
}

SUBJECT(leaves_read_lock)
{
    pthread_rwlock_rdlock(&rwlock);
}

static void *do_nothing(void *unused)
{
    return unused;
}

SUBJECT(leaves_thread)
{
    pthread_t other;
    pthread_create(&other, NULL, do_nothing, NULL);
    sched_yield();
}

/* ---- overtaking --------------------------------------------------------------------------------
 */

enum { ROUNDS = 6 };

static void make_semaphore(uint32_t index, unsigned value)
{
    if (index == 0) {
        sem_init(&semaphore, 0, value);
        reach(1);
    }
    await(1);
}

SUBJECT(overtakes_semaphore)
{
    make_semaphore(index, 1);
    for (int i = 0; i < (index == 0 ? 1 : ROUNDS); i++) {
        sem_wait(&semaphore);
        sem_post(&semaphore);
    }
}

/* Whoever finds room and is not scheduled does not wait. */
SUBJECT(never_full)
{
    make_semaphore(index, 2);
    for (int i = 0; i < (index == 0 ? 1 : ROUNDS); i++) {
        sem_wait(&semaphore);
        sem_post(&semaphore);
    }
}

static atomic_int rounds_over;

/* Two waits, each overtaken twice at most: the first of three takes comes before the wait. */
SUBJECT(overtaken_twice)
{
    make_semaphore(index, 1);
    for (int round = 0; round < 2; round++) {
        if (index == 0) {
            sem_wait(&semaphore);
            sem_post(&semaphore);
            reach(2 + round);
            while (atomic_load(&rounds_over) <= round) {
            }
            continue;
        }
        for (int i = 0; i < 3; i++) {
            sem_wait(&semaphore);
            sem_post(&semaphore);
        }
        await(2 + round);
        atomic_fetch_add(&rounds_over, 1);
    }
}

SUBJECT(overtakes_mutex)
{
    for (int i = 0; i < (index == 0 ? 1 : ROUNDS); i++) {
        pthread_mutex_lock(&locks[0]);
        pthread_mutex_unlock(&locks[0]);
    }
}

/* A writer, and readers that always overlap. */
SUBJECT(overtakes_rwlock)
{
    for (int i = 0; i < (index == 0 ? 1 : ROUNDS); i++) {
        if (index == 0) {
            pthread_rwlock_wrlock(&rwlock);
        } else {
            pthread_rwlock_rdlock(&rwlock);
        }
        pthread_rwlock_unlock(&rwlock);
    }
}

/* First come, first served: each ticket has a semaphore that only its owner waits for. */
static sem_t served[2 * ROUNDS + 2];
static atomic_uint next_ticket;
static atomic_uint now_serving;

SUBJECT(takes_tickets)
{
    if (index == 0) {
        for (unsigned i = 0; i < sizeof served / sizeof served[0]; i++) {
            sem_init(&served[i], 0, i == 0);
        }
        reach(1);
    }
    await(1);
    for (int i = 0; i < (index == 0 ? 1 : ROUNDS); i++) {
        sem_wait(&served[atomic_fetch_add(&next_ticket, 1)]);
        sem_post(&served[atomic_fetch_add(&now_serving, 1) + 1]);
    }
}

/* ---- polling -----------------------------------------------------------------------------------
 */

static struct timespec soon(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec = until.tv_nsec < 900000000 ? until.tv_nsec + 1000000 : until.tv_nsec;
    until.tv_sec += until.tv_nsec >= 900000000;
    return until;
}

static void poll_semaphore(void)
{
    struct timespec until;
    do {
        until = soon();
    } while (sem_timedwait(&semaphore, &until) != 0);
}

SUBJECT(polls_semaphore)
{
    make_semaphore(index, 0);
    if (index == 0) {
        poll_semaphore();
        liveness_outcome = 1;
    } else {
        atomic_fetch_add(&stage, 1);
        sem_post(&semaphore);
    }
}

SUBJECT(polls_mutex)
{
    if (index == 1) {
        pthread_mutex_lock(&locks[0]);
        reach(1);
        reach(2);
        pthread_mutex_unlock(&locks[0]);
        return;
    }
    struct timespec until;
    do {
        until = soon();
    } while (pthread_mutex_timedlock(&locks[0], &until) != 0);
    pthread_mutex_unlock(&locks[0]);
    liveness_outcome = 1;
}

SUBJECT(polls_rwlock)
{
    if (index == 1) {
        pthread_rwlock_wrlock(&rwlock);
        reach(1);
        reach(2);
        pthread_rwlock_unlock(&rwlock);
        return;
    }
    struct timespec until;
    do {
        until = soon();
    } while (pthread_rwlock_timedrdlock(&rwlock, &until) != 0);
    pthread_rwlock_unlock(&rwlock);
    liveness_outcome = 1;
}

static void *take_steps(void *unused)
{
    reach(1);
    reach(2);
    reach(3);
    return unused;
}

SUBJECT(polls_join)
{
    pthread_t other;
    pthread_create(&other, NULL, take_steps, NULL);
    struct timespec until;
    do {
        until = soon();
    } while (pthread_timedjoin_np(other, NULL, &until) != 0);
    liveness_outcome = 1;
}

/* Who polls is held back, let go when the semaphore is posted, and finds it taken by another. */
SUBJECT(polls_against_another)
{
    make_semaphore(index, 0);
    if (index < 2) {
        poll_semaphore();
        sem_post(&semaphore);
    } else {
        sem_post(&semaphore);
        for (int i = 0; i < 3; i++) {
            sem_wait(&semaphore);
            sem_post(&semaphore);
        }
    }
    liveness_outcome = 1;
}

/* Nothing comes for either, and both give up: neither keeps the other from that. */
SUBJECT(polls_a_hundred_times)
{
    make_semaphore(index, 0);
    for (int i = 0; i < 100; i++) {
        const struct timespec until = soon();
        sem_timedwait(&semaphore, &until);
    }
    if (index == 1) {
        await(2); /* the other, which must have had its turns */
    }
    atomic_fetch_add(&stage, 1);
    liveness_outcome = 1;
}

const char *shared_word = "word";
static char line[64];

/* It finds the same again and again, and yet gets on: what the C library writes for it. */
SUBJECT(writes_by_library)
{
    if (index == 0) {
        for (int i = 0; i < 5000; i++) {
            snprintf(line, sizeof line, "%s %d", shared_word, i);
        }
        for (int i = 0; i < 5000; i++) {
            strncpy(line, shared_word, (size_t)i % sizeof line);
        }
    }
    liveness_outcome = 1;
}

static sem_t other_semaphore;

/* The semaphore is posted and taken again: the poller is left with its timeouts. */
SUBJECT(polls_and_gives_up)
{
    make_semaphore(index, 0);
    if (index == 0) {
        for (int i = 0; i < 6; i++) {
            const struct timespec until = soon();
            if (sem_timedwait(&semaphore, &until) == 0) {
                sem_post(&semaphore);
            }
        }
        liveness_outcome = 1;
    } else {
        sem_post(&semaphore);
        sem_wait(&semaphore);
    }
}

/* One polls for what the other gives when it has polled in vain often enough. */
SUBJECT(polls_in_turn)
{
    if (index == 0) {
        sem_init(&other_semaphore, 0, 0);
    }
    make_semaphore(index, 0);
    /* Nothing is written here: every write counts as something new to see. */
    static const struct timespec long_ago = {.tv_sec = 1};
    if (index == 1) {
        while (sem_timedwait(&semaphore, &long_ago) != 0) {
        }
        liveness_outcome = 1;
        return;
    }
    for (int i = 0; i < 100; i++) {
        sem_timedwait(&other_semaphore, &long_ago);
    }
    sem_post(&semaphore);
}

/* Who was held back as a poller waits for a lock like anybody. */
SUBJECT(polls_then_locks)
{
    if (index == 0) {
        sem_init(&other_semaphore, 0, 0);
    }
    make_semaphore(index, 0);
    struct timespec until;
    if (index == 0) {
        poll_semaphore();
        pthread_mutex_lock(&locks[0]);
        liveness_outcome = 1;
        pthread_mutex_unlock(&locks[0]);
        sem_post(&other_semaphore);
    } else if (index == 1) {
        sem_post(&semaphore);
        do {
            until = soon();
        } while (sem_timedwait(&other_semaphore, &until) != 0);
    } else {
        pthread_mutex_lock(&locks[0]);
        for (int i = 0; i < 6; i++) {
            reach(2 + i);
        }
        pthread_mutex_unlock(&locks[0]);
    }
}

/* Two waits in vain, one that gets what it posted itself, and a fourth that may time out before the
 * other posts: whoever got it is no poller. */
SUBJECT(times_out_at_last)
{
    static const struct timespec long_ago = {.tv_sec = 1};
    make_semaphore(index, 0);
    if (index == 1) {
        sem_post(&semaphore);
        return;
    }
    int failed = 0;
    for (int i = 0; i < 4; i++) {
        if (i == 2) {
            sem_post(&semaphore);
        }
        failed += sem_timedwait(&semaphore, &long_ago) != 0;
    }
    liveness_outcome = failed;
}

/* ---- going round -------------------------------------------------------------------------------
 */

/* Takes its own lock and tries the other's; gives its own up when that fails. */
static bool take_both(uint32_t index)
{
    pthread_mutex_lock(&locks[index]);
    if (pthread_mutex_trylock(&locks[1 - index]) == 0) {
        pthread_mutex_unlock(&locks[1 - index]);
        pthread_mutex_unlock(&locks[index]);
        return true;
    }
    pthread_mutex_unlock(&locks[index]);
    return false;
}

SUBJECT(backs_off)
{
    while (!take_both(index)) {
    }
}

SUBJECT(backs_off_yielding)
{
    while (!take_both(index)) {
        sched_yield();
    }
}

static atomic_int wants[2];

SUBJECT(after_you)
{
    for (;;) {
        atomic_store(&wants[index], 1);
        if (atomic_load(&wants[1 - index]) == 0) {
            break;
        }
        atomic_store(&wants[index], 0);
    }
    atomic_store(&wants[index], 0);
}

/* One raises what the other lowers, and each wants to see its own. */
static atomic_int raised;

SUBJECT(undoes_the_other)
{
    const int mine = (int)index;
    int other;
    do {
        other = 1 - mine;
        atomic_compare_exchange_strong(&raised, &other, mine);
    } while (atomic_load(&raised) != mine);
}

/* The same, but not for ever: what ends it is in the state, or outside of it. */
SUBJECT(backs_off_counting)
{
    for (volatile int tries = 0; tries < 40 && !take_both(index); tries++) {
    }
}

static bool before(const struct timespec *end)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec < end->tv_sec;
}

SUBJECT(backs_off_until_late)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += 3;
    while (!take_both(index) && before(&end)) {
        nanosleep(&pause, NULL);
    }
}

SUBJECT(backs_off_by_lot)
{
    while (!take_both(index)) {
        for (long lot = random() % 2; lot > 0; lot--) {
            sched_yield();
        }
    }
}

/* Writes while it asks, so that it is no spinner; the other could always answer. */
SUBJECT(asks_until_told)
{
    if (index == 1) {
        reach(1);
        return;
    }
    while (atomic_load(&stage) == 0) {
        pthread_mutex_lock(&locks[0]);
        pthread_mutex_unlock(&locks[0]);
    }
}

/* Likewise, and looks at the clock each time, which nobody moves. */
SUBJECT(asks_until_told_or_late)
{
    if (index == 1) {
        reach(1);
        return;
    }
    const time_t end = time(NULL) + 1000000;
    while (atomic_load(&stage) == 0 && time(NULL) < end) {
        pthread_mutex_lock(&locks[0]);
        pthread_mutex_unlock(&locks[0]);
    }
    liveness_outcome = atomic_load(&stage);
}

/* A scenario asks the engine itself. */
SUBJECT(counts_until_late_by_engine)
{
    while (treadle_clock_ns() < 2000000000) {
        pthread_mutex_lock(&locks[index]);
        pthread_mutex_unlock(&locks[index]);
    }
}

/* It looks as if it were getting on: the library writes the same again and again. */
SUBJECT(says_that_it_waits)
{
    char told[64];
    while (index == 0 && atomic_load(&stage) == 0) {
        snprintf(told, sizeof told, "%s", "waiting");
        sched_yield();
    }
}

/* Nobody else could do anything about it. */
SUBJECT(counts_until_late)
{
    const time_t end = time(NULL) + 2;
    while (time(NULL) < end) {
        pthread_mutex_lock(&locks[index]);
        pthread_mutex_unlock(&locks[index]);
    }
}

/* Each of these changes one thing only, in one place. */
SUBJECT(counts_on_stack)
{
    for (volatile int left = 30; left > 0; left--) {
        sched_yield();
    }
}

/* In what gmtime() returns, which is in no memory of the subject's. */
SUBJECT(counts_in_hidden_memory)
{
    time_t next = 0;
    const struct tm *hidden = gmtime(&next);
    while (hidden->tm_sec < 30) {
        struct tm now = *hidden;
        next = timegm(&now) + 1;
        memset(&now, 0, sizeof now);
        gmtime(&next);
        next = 0;
        sched_yield();
    }
}

enum { MARKS = 30 };

/* No register holds how far it is: each round only shifts the marks. */
static void use_up(char *marks)
{
    memset(marks, 1, MARKS - 1);
    while (marks[0] != 0) {
        memmove(marks, marks + 1, MARKS - 1);
        sched_yield();
    }
}

SUBJECT(counts_in_heap)
{
    char *marks = calloc(1, MARKS);
    use_up(marks);
    free(marks);
}

SUBJECT(counts_in_global)
{
    static char marks[2][MARKS];
    use_up(marks[index]);
}

SUBJECT(drains_semaphore)
{
    make_semaphore(index, 30);
    while (sem_trywait(&semaphore) == 0) {
    }
}

/* The seconds stay the same for a while, and are in no variable. */
SUBJECT(waits_until_late)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    const time_t end = time(NULL) + 2;
    while (time(NULL) < end) {
        nanosleep(&pause, NULL);
    }
}

SUBJECT(fails_by_lot)
{
    int none = 0;
    while (!atomic_compare_exchange_weak(&wants[index], &none, 1)) {
        none = 0;
    }
}

/* Who waits with a timeout would be woken: that it always times out first is no fair schedule. */
SUBJECT(times_out_meanwhile)
{
    static const struct timespec far = {.tv_sec = 2000000000};
    make_semaphore(index, 0);
    if (index == 1) {
        while (sem_timedwait(&semaphore, &far) != 0) {
        }
        reach(2);
        return;
    }
    while (atomic_load(&stage) < 2) {
        sem_post(&semaphore);
        sem_trywait(&semaphore);
    }
}
