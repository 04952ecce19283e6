// SPDX-License-Identifier: MIT
#include "tools/checkers/tests/races_subject.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static int data;
static int seen;
static atomic_int flag;
static atomic_int other_flag;
static volatile int vflag;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t other_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Where many threads look, what they see is their own. */
static __thread int own;

#define PROGRAM(name) static void name(void *unused, uint32_t index)
#define UNUSED (void)unused
/* Around volatile accesses, as Concurrency Kit has it: they do not keep the compiler in order. */
#define COMPILER_BARRIER() __asm__ volatile("" ::: "memory")

/* ---- atomics by memory order ------------------------------------------------------------------
 */

static void publish(uint32_t index, memory_order store, memory_order load)
{
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, store);
    } else if (atomic_load_explicit(&flag, load)) {
        own = data;
    }
}

PROGRAM(relaxed_both)
{
    UNUSED;
    publish(index, memory_order_relaxed, memory_order_relaxed);
}

PROGRAM(release_relaxed)
{
    UNUSED;
    publish(index, memory_order_release, memory_order_relaxed);
}

PROGRAM(relaxed_acquire)
{
    UNUSED;
    publish(index, memory_order_relaxed, memory_order_acquire);
}

PROGRAM(release_acquire)
{
    UNUSED;
    publish(index, memory_order_release, memory_order_acquire);
}

PROGRAM(seq_cst_both)
{
    UNUSED;
    publish(index, memory_order_seq_cst, memory_order_seq_cst);
}

/* The second write is after the release. */
PROGRAM(after_the_release)
{
    UNUSED;
    if (index == 0) {
        atomic_store_explicit(&flag, 1, memory_order_release);
        data = 1;
    } else if (atomic_load_explicit(&flag, memory_order_acquire)) {
        own = data;
    }
}

PROGRAM(another_location)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store(&flag, 1);
    } else {
        atomic_load(&other_flag);
        own = data;
    }
}

PROGRAM(exchange_both)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_exchange_explicit(&flag, 1, memory_order_acq_rel);
    } else if (atomic_exchange_explicit(&flag, 2, memory_order_acq_rel) == 1) {
        own = data;
    }
}

/* A compare-and-swap that fails reads, with its second order. */
static void failing_swap(uint32_t index, memory_order failure)
{
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else {
        int expected = 5;
        atomic_compare_exchange_strong_explicit(&flag, &expected, 6, memory_order_acq_rel, failure);
        if (expected == 1) {
            own = data;
        }
    }
}

PROGRAM(failed_swap_acquires)
{
    UNUSED;
    failing_swap(index, memory_order_acquire);
}

PROGRAM(failed_swap_relaxed)
{
    UNUSED;
    failing_swap(index, memory_order_relaxed);
}

/* A read-modify-write that changes nothing is one nevertheless. */
PROGRAM(adds_nothing)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (index == 1) {
        atomic_fetch_add_explicit(&flag, 0, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_acquire)) {
        own = data;
    }
}

/* It acquires what it read before it releases: its own later store goes on with both. */
PROGRAM(passes_on_unchanged)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (index == 1) {
        if (atomic_fetch_or_explicit(&flag, 1, memory_order_acq_rel) == 1) {
            atomic_store_explicit(&flag, 2, memory_order_relaxed);
        }
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 2) {
        own = data;
    }
}

/* Who tries in vain has read what it says it read, and not what came after it. */
PROGRAM(tries_to_exchange)
{
    UNUSED;
    if (index == 0) {
        for (int i = 0; i < 5; i++) {
            if (atomic_exchange(&flag, 1) == 0) {
                return;
            }
        }
        own = data;
    } else if (atomic_exchange(&flag, 1) == 0) {
        data = 1;
        atomic_store(&flag, 0);
    }
}

PROGRAM(tries_to_swap)
{
    UNUSED;
    if (index == 0) {
        for (int i = 0; i < 5; i++) {
            int expected = 0;
            if (atomic_compare_exchange_strong(&flag, &expected, 1)) {
                return;
            }
        }
        own = data;
    } else if (atomic_exchange(&flag, 1) == 0) {
        data = 1;
        atomic_store(&flag, 0);
    }
}

/* What changes in its upper half changes: nobody spins here. */
PROGRAM(counts_in_the_upper_half)
{
    UNUSED;
    (void)index;
    static _Atomic unsigned __int128 wide;
    for (int i = 0; i < 400; i++) {
        atomic_fetch_add(&wide, (unsigned __int128)1 << 64);
    }
}

/* ---- release sequences ------------------------------------------------------------------------
 */

PROGRAM(sequence_of_rmw)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (index == 1) {
        atomic_fetch_add_explicit(&flag, 10, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 11) {
        own = data;
    }
}

PROGRAM(sequence_ended_by_a_store)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (index == 1) {
        if (atomic_load_explicit(&flag, memory_order_relaxed) == 1) {
            atomic_store_explicit(&flag, 2, memory_order_relaxed);
        }
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 2) {
        own = data;
    }
}

PROGRAM(sequence_ended_by_a_release)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (index == 1) {
        if (atomic_load_explicit(&flag, memory_order_relaxed) == 1) {
            atomic_store_explicit(&flag, 2, memory_order_release);
        }
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 2) {
        own = data;
    }
}

PROGRAM(sequence_of_own_stores)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
        atomic_store_explicit(&flag, 2, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 2) {
        own = data;
    }
}

/* Two heads of one sequence: both are acquired. */
PROGRAM(sequence_with_two_heads)
{
    UNUSED;
    static int second;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (index == 1) {
        second = 1;
        atomic_fetch_add_explicit(&flag, 10, memory_order_release);
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 11) {
        own = data + second;
    }
}

/* A store ends all of them, whoever headed them. */
PROGRAM(sequences_ended_together)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (index == 1) {
        atomic_fetch_add_explicit(&flag, 10, memory_order_release);
    } else if (index == 2) {
        if (atomic_load_explicit(&flag, memory_order_relaxed) == 11) {
            atomic_store_explicit(&flag, 2, memory_order_release);
        }
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 2) {
        own = data;
    }
}

/* ---- fences -----------------------------------------------------------------------------------
 */

static void fenced(uint32_t index, memory_order before, memory_order after)
{
    if (index == 0) {
        data = 1;
        atomic_thread_fence(before);
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_relaxed)) {
        atomic_thread_fence(after);
        own = data;
    }
}

PROGRAM(fences_both)
{
    UNUSED;
    fenced(index, memory_order_release, memory_order_acquire);
}

PROGRAM(fences_seq_cst)
{
    UNUSED;
    fenced(index, memory_order_seq_cst, memory_order_seq_cst);
}

PROGRAM(fence_that_does_not_release)
{
    UNUSED;
    fenced(index, memory_order_acquire, memory_order_acquire);
}

PROGRAM(fence_that_does_not_acquire)
{
    UNUSED;
    fenced(index, memory_order_release, memory_order_release);
}

PROGRAM(fence_releases_to_acquire)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_thread_fence(memory_order_release);
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_acquire)) {
        own = data;
    }
}

PROGRAM(fence_acquires_from_release)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (atomic_load_explicit(&flag, memory_order_relaxed)) {
        atomic_thread_fence(memory_order_acquire);
        own = data;
    }
}

PROGRAM(fence_before_the_write)
{
    UNUSED;
    if (index == 0) {
        atomic_thread_fence(memory_order_release);
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_acquire)) {
        own = data;
    }
}

PROGRAM(fence_before_the_read)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else {
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&flag, memory_order_relaxed)) {
            own = data;
        }
    }
}

/* The relaxed store after the fence heads a sequence that a read-modify-write continues. */
PROGRAM(fence_heads_a_sequence)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_thread_fence(memory_order_release);
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else if (index == 1) {
        atomic_fetch_add_explicit(&flag, 10, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 11) {
        own = data;
    }
}

/* ---- locks ------------------------------------------------------------------------------------
 */

PROGRAM(mutex_both)
{
    UNUSED;
    (void)index;
    pthread_mutex_lock(&lock);
    data++;
    pthread_mutex_unlock(&lock);
}

PROGRAM(mutex_one)
{
    UNUSED;
    if (index == 0) {
        pthread_mutex_lock(&lock);
        data++;
        pthread_mutex_unlock(&lock);
    } else {
        data = 5;
    }
}

PROGRAM(mutexes_two)
{
    UNUSED;
    pthread_mutex_t *mine = index == 0 ? &lock : &other_lock;
    pthread_mutex_lock(mine);
    data++;
    pthread_mutex_unlock(mine);
}

PROGRAM(mutex_after)
{
    UNUSED;
    (void)index;
    pthread_mutex_lock(&lock);
    seen++;
    pthread_mutex_unlock(&lock);
    data = 1;
}

/* That another holds the lock says nothing of what it did. */
PROGRAM(trylock_fails)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
    } else if (pthread_mutex_trylock(&lock) == EBUSY) {
        own = data;
    } else {
        pthread_mutex_unlock(&lock);
    }
}

PROGRAM(timedlock_times_out)
{
    UNUSED;
    struct timespec until = {0};
    if (index == 0) {
        data = 1;
        pthread_mutex_lock(&lock);
        sleep(1);
        pthread_mutex_unlock(&lock);
    } else if (pthread_mutex_timedlock(&lock, &until) == ETIMEDOUT) {
        own = data;
    } else {
        pthread_mutex_unlock(&lock);
    }
}

PROGRAM(recursive_mutex)
{
    UNUSED;
    (void)index;
    static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_mutex_lock(&recursive);
    pthread_mutex_lock(&recursive);
    pthread_mutex_unlock(&recursive);
    data++;
    pthread_mutex_unlock(&recursive);
}

PROGRAM(spin_locks)
{
    UNUSED;
    (void)index;
    static pthread_spinlock_t spin;
    pthread_spin_lock(&spin);
    data++;
    pthread_spin_unlock(&spin);
}

PROGRAM(readers_and_writers)
{
    UNUSED;
    if (index == 0) {
        pthread_rwlock_wrlock(&rwlock);
        data++;
    } else {
        pthread_rwlock_rdlock(&rwlock);
        own = data;
    }
    pthread_rwlock_unlock(&rwlock);
}

/* A writer that has come, and waits, orders nothing and takes nothing back. */
PROGRAM(readers_and_writers_first)
{
    UNUSED;
    static pthread_rwlock_t writers_first = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    if (index <= 1) {
        pthread_rwlock_wrlock(&writers_first);
        data++;
    } else {
        pthread_rwlock_rdlock(&writers_first);
        own = data;
    }
    pthread_rwlock_unlock(&writers_first);
}

/* A reader does not wait for another. */
PROGRAM(reader_writes)
{
    UNUSED;
    pthread_rwlock_rdlock(&rwlock);
    if (index == 0) {
        data = 1;
    } else {
        own = data;
    }
    pthread_rwlock_unlock(&rwlock);
}

/* That it read after it wrote takes nothing back. */
PROGRAM(writer_reads_later)
{
    UNUSED;
    if (index == 0) {
        pthread_rwlock_wrlock(&rwlock);
        data++;
        pthread_rwlock_unlock(&rwlock);
    }
    pthread_rwlock_rdlock(&rwlock);
    own = data;
    pthread_rwlock_unlock(&rwlock);
}

/* What a reader did is not in what it released before, as a writer. */
PROGRAM(reader_writes_later)
{
    UNUSED;
    if (index == 0) {
        pthread_rwlock_wrlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
        pthread_rwlock_rdlock(&rwlock);
        data = 1;
        pthread_rwlock_unlock(&rwlock);
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_relaxed)) {
        pthread_rwlock_rdlock(&rwlock);
        own = data;
        pthread_rwlock_unlock(&rwlock);
    }
}

/* ---- condition variables ----------------------------------------------------------------------
 */

PROGRAM(condition)
{
    UNUSED;
    pthread_mutex_lock(&lock);
    if (index == 0) {
        data = 1;
        pthread_cond_signal(&changed);
    } else {
        while (data == 0) {
            pthread_cond_wait(&changed, &lock);
        }
        data = 2;
    }
    pthread_mutex_unlock(&lock);
}

/* What is written after the lock was let go is not in the wake-up. */
PROGRAM(signal_orders_nothing)
{
    UNUSED;
    static bool waits;
    if (index == 1) {
        pthread_mutex_lock(&lock);
        waits = true;
        pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
        own = data;
        return;
    }
    for (bool there = false; !there;) {
        pthread_mutex_lock(&lock);
        there = waits;
        pthread_mutex_unlock(&lock);
    }
    data = 1;
    pthread_cond_signal(&changed);
}

/* ---- semaphores, barriers, once ---------------------------------------------------------------
 */

static sem_t *semaphore(unsigned value)
{
    static sem_t made;
    static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
    static bool done;
    pthread_mutex_lock(&making);
    if (!done) {
        sem_init(&made, 0, value);
        done = true;
    }
    pthread_mutex_unlock(&making);
    return &made;
}

PROGRAM(semaphore_post)
{
    UNUSED;
    sem_t *tokens = semaphore(0);
    if (index == 0) {
        data = 1;
        sem_post(tokens);
    } else {
        sem_wait(tokens);
        own = data;
    }
}

/* Whoever takes the second token has both posts before it. */
PROGRAM(semaphore_two_posts)
{
    UNUSED;
    static int second;
    sem_t *tokens = semaphore(0);
    if (index == 0) {
        data = 1;
        sem_post(tokens);
    } else if (index == 1) {
        second = 1;
        sem_post(tokens);
    } else {
        sem_wait(tokens);
        sem_wait(tokens);
        own = data + second;
    }
}

PROGRAM(semaphore_taken_only)
{
    UNUSED;
    sem_t *tokens = semaphore(2);
    sem_wait(tokens);
    if (index == 0) {
        data = 1;
    } else {
        own = data;
    }
}

/* The token that the first taker leaves lets the second one go on; it orders nothing. */
PROGRAM(semaphore_chain)
{
    UNUSED;
    sem_t *tokens = semaphore(0);
    if (index == 0) {
        sem_post(tokens);
        sem_post(tokens);
    } else {
        if (index == 1) {
            data = 1;
        }
        sem_wait(tokens);
        if (index == 2) {
            own = data;
        }
    }
}

PROGRAM(semaphore_found_empty)
{
    UNUSED;
    sem_t *tokens = semaphore(0);
    if (index == 0) {
        data = 1;
        sem_post(tokens);
        sem_wait(tokens);
    } else if (sem_trywait(tokens) != 0) {
        own = data;
    } else {
        sem_post(tokens);
    }
}

static pthread_barrier_t *barrier(unsigned count)
{
    static pthread_barrier_t made;
    static bool done;
    pthread_mutex_lock(&other_lock);
    if (!done) {
        pthread_barrier_init(&made, NULL, count);
        done = true;
    }
    pthread_mutex_unlock(&other_lock);
    return &made;
}

/* Each writes its own place before, and reads all of them after. */
PROGRAM(barrier_all)
{
    UNUSED;
    static int places[3];
    pthread_barrier_t *meeting = barrier(3);
    places[index] = 1;
    pthread_barrier_wait(meeting);
    own = places[0] + places[1] + places[2];
    pthread_barrier_wait(meeting);
    places[(index + 1) % 3] = 2;
}

PROGRAM(barrier_then_write)
{
    UNUSED;
    (void)index;
    pthread_barrier_wait(barrier(2));
    data = 1;
}

static void initialise(void)
{
    data = 1;
}

PROGRAM(once_all)
{
    UNUSED;
    (void)index;
    pthread_once(&once, initialise);
    own = data;
}

PROGRAM(once_and_a_peek)
{
    UNUSED;
    if (index == 0) {
        pthread_once(&once, initialise);
    } else {
        own = data;
    }
}

/* ---- threads ----------------------------------------------------------------------------------
 */

static void *write_data(void *argument)
{
    data += *(const int *)argument;
    return &data;
}

PROGRAM(create_and_join)
{
    UNUSED;
    (void)index;
    int amount = 1;
    data = 1;
    pthread_t child;
    pthread_create(&child, NULL, write_data, &amount);
    pthread_join(child, NULL);
    data = 3;
    amount = 0;
}

PROGRAM(writes_before_the_join)
{
    UNUSED;
    (void)index;
    int amount = 1;
    pthread_t child;
    pthread_create(&child, NULL, write_data, &amount);
    data = 3;
    pthread_join(child, NULL);
}

PROGRAM(detached)
{
    UNUSED;
    (void)index;
    static const int amount = 1;
    pthread_t child;
    pthread_create(&child, NULL, write_data, (void *)&amount);
    pthread_detach(child);
    sleep(10);
    data = 3;
}

static pthread_mutex_t made_late;
static sem_t made_late_too;

PROGRAM(uses_what_another_makes)
{
    UNUSED;
    if (index == 0) {
        pthread_mutex_init(&made_late, NULL);
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_relaxed)) {
        pthread_mutex_lock(&made_late);
        pthread_mutex_unlock(&made_late);
    }
}

PROGRAM(uses_what_was_made)
{
    UNUSED;
    if (index == 0) {
        pthread_mutex_init(&made_late, NULL);
        sem_init(&made_late_too, 0, 1);
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (atomic_load_explicit(&flag, memory_order_acquire)) {
        pthread_mutex_lock(&made_late);
        pthread_mutex_unlock(&made_late);
        pthread_mutex_destroy(&made_late);
        sem_wait(&made_late_too);
        sem_destroy(&made_late_too);
    }
}

PROGRAM(destroys_what_another_used)
{
    UNUSED;
    if (index == 0) {
        pthread_mutex_lock(&other_lock);
        pthread_mutex_unlock(&other_lock);
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else if (atomic_load_explicit(&flag, memory_order_relaxed)) {
        pthread_mutex_destroy(&other_lock);
    }
}

PROGRAM(waits_by_sleeping)
{
    UNUSED;
    if (index == 0) {
        data = 1;
    } else {
        sleep(1);
        own = data;
    }
}

/* The write that ends the spinning is relaxed. */
PROGRAM(spins_relaxed)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else {
        while (!atomic_load_explicit(&flag, memory_order_relaxed)) {
        }
        own = data;
    }
}

PROGRAM(each_its_own)
{
    UNUSED;
    (void)index;
    own++;
    errno = own;
    own = errno;
}

/* ---- volatile ---------------------------------------------------------------------------------
 */

PROGRAM(volatile_flag)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        COMPILER_BARRIER();
        vflag = 1;
        COMPILER_BARRIER();
    } else {
        while (!vflag) {
        }
        COMPILER_BARRIER();
        own = data;
    }
}

PROGRAM(volatile_both)
{
    UNUSED;
    vflag = (int)index;
    own = vflag;
}

PROGRAM(volatile_and_plain)
{
    UNUSED;
    if (index == 0) {
        vflag = 1;
    } else {
        *(int *)(uintptr_t)&vflag = 2;
    }
}

PROGRAM(volatile_and_plain_read)
{
    UNUSED;
    if (index == 0) {
        vflag = 1;
    } else {
        own = *(int *)(uintptr_t)&vflag;
    }
}

PROGRAM(reads_volatile_and_plain)
{
    UNUSED;
    own = index == 0 ? vflag : *(int *)(uintptr_t)&vflag;
}

/* What one released stays released when another writes there. */
PROGRAM(volatile_writes_add_up)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        COMPILER_BARRIER();
        vflag = 1;
        COMPILER_BARRIER();
        atomic_store_explicit(&flag, 1, memory_order_relaxed);
    } else if (index == 1) {
        while (!atomic_load_explicit(&flag, memory_order_relaxed)) {
        }
        vflag = 2;
        COMPILER_BARRIER();
    } else if (vflag == 2) {
        COMPILER_BARRIER();
        own = data;
    }
}

PROGRAM(atomic_and_plain)
{
    UNUSED;
    if (index == 0) {
        atomic_store(&flag, 1);
    } else {
        own = *(int *)(uintptr_t)&flag;
    }
}

/* In this order only. */
PROGRAM(plain_then_atomic_read)
{
    UNUSED;
    if (index == 0) {
        *(int *)(uintptr_t)&flag = 1;
        atomic_store_explicit(&other_flag, 1, memory_order_relaxed);
    } else if (atomic_load_explicit(&other_flag, memory_order_relaxed)) {
        own = atomic_load(&flag);
    }
}

PROGRAM(atomic_and_volatile)
{
    UNUSED;
    if (index == 0) {
        atomic_store(&flag, 1);
    } else {
        *(volatile int *)(uintptr_t)&flag = 2;
    }
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

static union {
    uint64_t eight;
    uint32_t four[2];
    uint16_t two[4];
    unsigned char bytes[8];
} word;

static unsigned char block[256];

PROGRAM(halves)
{
    UNUSED;
    word.four[index] = index;
}

PROGRAM(neighbours)
{
    UNUSED;
    word.bytes[index + 3] = 1;
}

PROGRAM(whole_and_part)
{
    UNUSED;
    if (index == 0) {
        word.eight = 1;
    } else {
        own = word.two[3];
    }
}

/* Two writes side by side, then one over both. */
PROGRAM(parts_and_whole)
{
    UNUSED;
    if (index < 2) {
        word.four[index] = 1;
        atomic_fetch_add_explicit(&flag, 1, memory_order_release);
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 2) {
        word.eight = 0;
    }
}

/* A write of half the word hides nothing of the other half. */
PROGRAM(half_of_a_write_remains)
{
    UNUSED;
    if (index == 0) {
        word.eight = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
    } else if (index == 1) {
        if (atomic_load_explicit(&flag, memory_order_acquire)) {
            word.four[0] = 2;
            atomic_store_explicit(&other_flag, 1, memory_order_relaxed);
        }
    } else if (atomic_load_explicit(&other_flag, memory_order_relaxed)) {
        own = (int)word.four[1];
    }
}

typedef struct __attribute__((packed)) shifted {
    char first;
    uint64_t second;
} shifted;

/* Not static: the compiler must think that somebody reads it. */
extern shifted race_pair;
__attribute__((aligned(8))) shifted race_pair;

PROGRAM(across_words)
{
    UNUSED;
    if (index == 0) {
        race_pair.second = 1;
    } else {
        ((unsigned char *)&race_pair)[8] = 1;
    }
}

PROGRAM(just_before)
{
    UNUSED;
    if (index == 0) {
        race_pair.second = 1;
    } else {
        race_pair.first = 1;
    }
}

static size_t length_of(uint32_t base)
{
    return base + (size_t)data; /* not known to the compiler */
}

PROGRAM(copy_and_last_byte)
{
    UNUSED;
    if (index == 0) {
        memcpy(block, block + 128, length_of(100));
    } else {
        block[99] = 1;
    }
}

PROGRAM(copy_and_next_byte)
{
    UNUSED;
    if (index == 0) {
        memcpy(block, block + 128, length_of(100));
    } else {
        block[100] = 1;
    }
}

PROGRAM(copies_from)
{
    UNUSED;
    if (index == 0) {
        memmove(block, block + 128, length_of(100));
    } else {
        block[128 + 99] = 1;
    }
}

PROGRAM(fill_and_read)
{
    UNUSED;
    if (index == 0) {
        memset(block + 3, 1, length_of(50));
    } else {
        own = block[52];
    }
}

typedef struct large {
    long numbers[10];
} large;

extern large race_one;
extern large race_two;
large race_one;
large race_two;

PROGRAM(assigns_a_struct)
{
    UNUSED;
    if (index == 0) {
        race_one = race_two;
    } else {
        race_one.numbers[9] = 1;
    }
}

static char name[16];
static char other_name[16] = "b";

PROGRAM(measures_what_is_written)
{
    UNUSED;
    if (index == 0) {
        name[0] = 'a';
    } else {
        own = (int)strlen(name);
    }
}

PROGRAM(formats_both)
{
    UNUSED;
    snprintf(name, sizeof name, "a%u", index);
}

PROGRAM(formats_what_is_written)
{
    UNUSED;
    char text[32];
    if (index == 0) {
        name[0] = 'a';
    } else {
        snprintf(text, sizeof text, "<%s>", name);
    }
}

PROGRAM(duplicates_what_is_written)
{
    UNUSED;
    if (index == 0) {
        name[0] = 'a';
    } else {
        char *copy = strdup(name);
        own = copy[0];
        free(copy);
    }
}

PROGRAM(parses_what_is_written)
{
    UNUSED;
    if (index == 0) {
        name[0] = '1';
    } else {
        own = (int)strtoll(name, NULL, 10);
    }
}

static char sentence[16] = "one two";

/* The fourth byte is written while another's call reads so far, or not. */
#define WHILE_WRITTEN(program, call) \
    PROGRAM(program)                 \
    {                                \
        UNUSED;                      \
        char copy[16] = "";          \
        if (index == 0) {            \
            sentence[3] = '_';       \
        } else {                     \
            own = (call) != 0;       \
            own += copy[0];          \
        }                            \
    }

WHILE_WRITTEN(finds_before_what_is_written, strchr(sentence, 'e'))
WHILE_WRITTEN(finds_bytes_before_what_is_written, memchr(sentence, 'n', 16))
WHILE_WRITTEN(spans_to_what_is_written, strcspn(sentence, "ne"))
WHILE_WRITTEN(copies_before_what_is_written, strncpy(copy, sentence, 3))
WHILE_WRITTEN(appends_before_what_is_written, strncat(copy, sentence, 3))
WHILE_WRITTEN(formats_before_what_is_written, sprintf(copy, "%.3s", sentence))
WHILE_WRITTEN(parses_before_what_is_written, atoi(sentence))
WHILE_WRITTEN(finds_behind_what_is_written, strrchr(sentence, 'w'))
WHILE_WRITTEN(finds_a_word_behind_what_is_written, strstr(sentence, "wo"))
WHILE_WRITTEN(spans_what_is_written, strspn(sentence, "one "))
WHILE_WRITTEN(copies_what_is_written, strncpy(copy, sentence, 4))
WHILE_WRITTEN(appends_what_is_written, strcat(copy, sentence))
WHILE_WRITTEN(appends_to_what_is_written, strcat(sentence, "!"))
WHILE_WRITTEN(compares_what_is_written, strcasecmp(sentence, "One"))
WHILE_WRITTEN(scans_what_is_written, sscanf(sentence, "%3s", copy))
WHILE_WRITTEN(scans_over_what_is_written, sscanf("words", "%s", sentence))

static int by_byte(const void *one, const void *other)
{
    return *(const char *)one - *(const char *)other;
}

PROGRAM(sorts_what_is_read)
{
    UNUSED;
    if (index == 0) {
        own = sentence[6];
    } else {
        qsort(sentence, 7, 1, by_byte);
    }
}

PROGRAM(tokens_of_their_own)
{
    UNUSED;
    (void)index;
    char text[] = "a b";
    char *place;
    own = strtok_r(text, " ", &place) == text;
}

PROGRAM(tokens_in_turn)
{
    UNUSED;
    (void)index;
    char text[] = "a b";
    own = strtok(text, " ") == text;
}

PROGRAM(times_of_their_own)
{
    UNUSED;
    const time_t when = index;
    struct tm parts;
    own = localtime_r(&when, &parts) == &parts;
}

PROGRAM(times_in_one_place)
{
    UNUSED;
    const time_t when = index;
    own = gmtime(&when) != NULL;
}

PROGRAM(environment_is_read)
{
    UNUSED;
    (void)index;
    own = getenv("TREADLE_TEST") != NULL;
}

PROGRAM(environment_is_changed)
{
    UNUSED;
    if (index == 0) {
        setenv("TREADLE_TEST", "x", 1);
    } else {
        own = getenv("TREADLE_TEST") != NULL;
    }
}

/* Memory of the C library's own, which it hands to whoever comes next. */
PROGRAM(blocks_of_the_library)
{
    UNUSED;
    (void)index;
    char *text;
    if (asprintf(&text, "%s", "x") > 0) {
        text[0] = 'a';
        free(text);
    }
}

/* What differs in its first byte is not read any further. */
PROGRAM(compares_the_first_byte)
{
    UNUSED;
    if (index == 0) {
        name[3] = 'a';
    } else {
        own = strcmp(name, other_name);
    }
}

PROGRAM(compares_all_bytes)
{
    UNUSED;
    if (index == 0) {
        name[3] = 'a';
    } else {
        own = memcmp(name, other_name, length_of(4));
    }
}

/* ---- who read, who wrote ----------------------------------------------------------------------
 */

PROGRAM(reads_only)
{
    UNUSED;
    (void)index;
    own = data;
}

/* Many read; the writer knows of all but one. */
PROGRAM(one_reader_is_not_waited_for)
{
    UNUSED;
    if (index < 4) {
        own = data;
        if (index != 2) {
            atomic_fetch_add_explicit(&flag, 1, memory_order_release);
        }
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 3) {
        data = 1;
    }
}

/* The third to read, which is one more than a granule has room for. */
PROGRAM(last_reader_is_not_waited_for)
{
    UNUSED;
    if (index < 2) {
        own = data;
        atomic_fetch_add_explicit(&flag, 1, memory_order_release);
    } else if (index == 2) {
        if (atomic_load_explicit(&flag, memory_order_relaxed) == 2) {
            own = data;
            atomic_store_explicit(&other_flag, 1, memory_order_relaxed);
        }
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 2 &&
               atomic_load_explicit(&other_flag, memory_order_relaxed)) {
        data = 1;
    }
}

PROGRAM(all_readers_are_waited_for)
{
    UNUSED;
    if (index < 4) {
        own = data;
        atomic_fetch_add_explicit(&flag, 1, memory_order_release);
    } else if (atomic_load_explicit(&flag, memory_order_acquire) == 4) {
        data = 1;
    }
}

/* A later read of the writer's own does not hide its write. */
PROGRAM(reads_what_it_wrote)
{
    UNUSED;
    if (index == 0) {
        data = 1;
        atomic_store_explicit(&flag, 1, memory_order_release);
        own = data;
    } else if (atomic_load_explicit(&flag, memory_order_relaxed)) {
        own = data;
    }
}

/* ---- the heap ---------------------------------------------------------------------------------
 */

static int *_Atomic shared;

PROGRAM(frees_while_read)
{
    UNUSED;
    if (index == 0) {
        int *made = malloc(sizeof *made);
        *made = 1;
        atomic_store(&shared, made);
        if (atomic_load(&flag)) {
            return;
        }
        free(made);
    } else {
        const int *found = atomic_load(&shared);
        if (found != NULL) {
            own = *found;
        }
    }
}

/* The last of two that use it frees it. */
PROGRAM(last_user_frees)
{
    UNUSED;
    (void)index;
    pthread_mutex_lock(&lock);
    int *used = atomic_load_explicit(&shared, memory_order_relaxed);
    if (used == NULL) {
        used = calloc(4, sizeof *used);
        atomic_store_explicit(&shared, used, memory_order_relaxed);
    }
    used[0]++;
    const bool last = ++used[1] == 2;
    pthread_mutex_unlock(&lock);
    if (last) {
        free(used);
    }
}

/* The second may get what the first gave back. */
PROGRAM(memory_is_used_again)
{
    UNUSED;
    (void)index;
    int *mine = malloc(40);
    for (int i = 0; i < 10; i++) {
        mine[i] = i;
    }
    atomic_int *counter = (atomic_int *)(void *)mine;
    atomic_fetch_add(counter, 1);
    free(mine);
}

/* The new block's zeros are written by whoever allocates it. */
PROGRAM(fresh_block_handed_over)
{
    UNUSED;
    if (index == 0) {
        atomic_store_explicit(&shared, calloc(4, sizeof(int)), memory_order_relaxed);
    } else {
        const int *found = atomic_load_explicit(&shared, memory_order_relaxed);
        own = found != NULL ? found[3] : 0;
    }
}

PROGRAM(fresh_block_published)
{
    UNUSED;
    if (index == 0) {
        atomic_store_explicit(&shared, calloc(4, sizeof(int)), memory_order_release);
    } else {
        const int *found = atomic_load_explicit(&shared, memory_order_acquire);
        own = found != NULL ? found[3] : 0;
    }
}

/* Likewise where the block is large, at its last byte. */
PROGRAM(large_block_handed_over)
{
    UNUSED;
    if (index == 0) {
        atomic_store_explicit(&shared, calloc(1003, 1), memory_order_relaxed);
    } else {
        const char *found = (const char *)atomic_load_explicit(&shared, memory_order_relaxed);
        own = found != NULL ? found[1002] : 0;
    }
}

PROGRAM(large_block_published)
{
    UNUSED;
    if (index == 0) {
        atomic_store_explicit(&shared, calloc(1003, 1), memory_order_release);
    } else {
        const char *found = (const char *)atomic_load_explicit(&shared, memory_order_acquire);
        own = found != NULL ? found[1002] : 0;
    }
}

PROGRAM(large_memory_is_used_again)
{
    UNUSED;
    char *mine = malloc(3000);
    atomic_store_explicit(&shared, (int *)(void *)mine, memory_order_relaxed); /* nobody looks */
    mine[length_of(1500)] = (char)index;
    own = mine[length_of(1500)];
    free(mine);
}

PROGRAM(frees_a_large_block_while_read)
{
    UNUSED;
    if (index == 0) {
        int *made = calloc(1000, sizeof *made);
        atomic_store(&shared, made);
        if (!atomic_load(&flag)) {
            free(made);
        }
    } else {
        const int *found = atomic_load(&shared);
        if (found != NULL) {
            own = found[700];
        }
    }
}

/* The lock's own memory is given back while another may still let it go. */
PROGRAM(frees_a_lock)
{
    UNUSED;
    static pthread_mutex_t *_Atomic made;
    if (index == 0) {
        pthread_mutex_t *mine = malloc(sizeof *mine);
        pthread_mutex_init(mine, NULL);
        atomic_store(&made, mine);
        if (atomic_load(&flag) == 1) {
            free(mine);
        }
    } else {
        pthread_mutex_t *theirs = atomic_load(&made);
        if (theirs != NULL) {
            pthread_mutex_lock(theirs);
            atomic_store(&flag, 1);
            pthread_mutex_unlock(theirs);
        }
    }
}

void look_at_data(void)
{
    own = data;
}

#define ALWAYS_RACY(name, threads)       \
    {                                    \
#name, threads, true, true, name \
    }
#define RACY(name, threads)               \
    {                                     \
#name, threads, true, false, name \
    }
#define CLEAN(name, threads)               \
    {                                      \
#name, threads, false, false, name \
    }

const race_program race_programs[] = {
    RACY(relaxed_both, 2),
    RACY(release_relaxed, 2),
    RACY(relaxed_acquire, 2),
    CLEAN(release_acquire, 2),
    CLEAN(seq_cst_both, 2),
    RACY(after_the_release, 2),
    ALWAYS_RACY(another_location, 2),
    CLEAN(exchange_both, 2),
    CLEAN(failed_swap_acquires, 2),
    RACY(failed_swap_relaxed, 2),
    CLEAN(adds_nothing, 3),
    CLEAN(passes_on_unchanged, 3),
    RACY(tries_to_exchange, 2),
    RACY(tries_to_swap, 2),
    CLEAN(counts_in_the_upper_half, 1),
    CLEAN(sequence_of_rmw, 3),
    RACY(sequence_ended_by_a_store, 3),
    RACY(sequence_ended_by_a_release, 3),
    RACY(sequences_ended_together, 4),
    CLEAN(sequence_of_own_stores, 2),
    CLEAN(sequence_with_two_heads, 3),
    CLEAN(fences_both, 2),
    CLEAN(fences_seq_cst, 2),
    RACY(fence_that_does_not_release, 2),
    RACY(fence_that_does_not_acquire, 2),
    CLEAN(fence_releases_to_acquire, 2),
    CLEAN(fence_acquires_from_release, 2),
    RACY(fence_before_the_write, 2),
    RACY(fence_before_the_read, 2),
    CLEAN(fence_heads_a_sequence, 3),
    CLEAN(mutex_both, 3),
    ALWAYS_RACY(mutex_one, 2),
    ALWAYS_RACY(mutexes_two, 2),
    ALWAYS_RACY(mutex_after, 2),
    RACY(trylock_fails, 2),
    RACY(timedlock_times_out, 2),
    CLEAN(recursive_mutex, 2),
    CLEAN(spin_locks, 2),
    CLEAN(readers_and_writers, 3),
    CLEAN(readers_and_writers_first, 4),
    ALWAYS_RACY(reader_writes, 2),
    RACY(reader_writes_later, 2),
    CLEAN(writer_reads_later, 3),
    CLEAN(condition, 2),
    ALWAYS_RACY(signal_orders_nothing, 2),
    CLEAN(semaphore_post, 2),
    CLEAN(semaphore_two_posts, 3),
    ALWAYS_RACY(semaphore_taken_only, 2),
    ALWAYS_RACY(semaphore_chain, 3),
    RACY(semaphore_found_empty, 2),
    CLEAN(barrier_all, 3),
    ALWAYS_RACY(barrier_then_write, 2),
    CLEAN(once_all, 3),
    ALWAYS_RACY(once_and_a_peek, 2),
    CLEAN(create_and_join, 1),
    ALWAYS_RACY(writes_before_the_join, 1),
    RACY(detached, 1),
    RACY(uses_what_another_makes, 2),
    CLEAN(uses_what_was_made, 2),
    RACY(destroys_what_another_used, 2),
    ALWAYS_RACY(waits_by_sleeping, 2),
    ALWAYS_RACY(spins_relaxed, 2),
    CLEAN(each_its_own, 2),
    CLEAN(volatile_flag, 2),
    CLEAN(volatile_both, 3),
    ALWAYS_RACY(volatile_and_plain, 2),
    ALWAYS_RACY(volatile_and_plain_read, 2),
    CLEAN(reads_volatile_and_plain, 2),
    CLEAN(volatile_writes_add_up, 3),
    ALWAYS_RACY(atomic_and_plain, 2),
    RACY(plain_then_atomic_read, 2),
    CLEAN(atomic_and_volatile, 2),
    CLEAN(halves, 2),
    CLEAN(neighbours, 2),
    ALWAYS_RACY(whole_and_part, 2),
    CLEAN(parts_and_whole, 3),
    RACY(half_of_a_write_remains, 3),
    ALWAYS_RACY(across_words, 2),
    CLEAN(just_before, 2),
    ALWAYS_RACY(copy_and_last_byte, 2),
    CLEAN(copy_and_next_byte, 2),
    ALWAYS_RACY(copies_from, 2),
    ALWAYS_RACY(fill_and_read, 2),
    ALWAYS_RACY(assigns_a_struct, 2),
    ALWAYS_RACY(measures_what_is_written, 2),
    ALWAYS_RACY(formats_both, 2),
    ALWAYS_RACY(formats_what_is_written, 2),
    ALWAYS_RACY(duplicates_what_is_written, 2),
    ALWAYS_RACY(parses_what_is_written, 2),
    CLEAN(finds_before_what_is_written, 2),
    CLEAN(finds_bytes_before_what_is_written, 2),
    CLEAN(spans_to_what_is_written, 2),
    CLEAN(copies_before_what_is_written, 2),
    CLEAN(appends_before_what_is_written, 2),
    CLEAN(formats_before_what_is_written, 2),
    CLEAN(parses_before_what_is_written, 2),
    ALWAYS_RACY(finds_behind_what_is_written, 2),
    ALWAYS_RACY(finds_a_word_behind_what_is_written, 2),
    ALWAYS_RACY(spans_what_is_written, 2),
    ALWAYS_RACY(copies_what_is_written, 2),
    ALWAYS_RACY(appends_what_is_written, 2),
    ALWAYS_RACY(appends_to_what_is_written, 2),
    ALWAYS_RACY(compares_what_is_written, 2),
    ALWAYS_RACY(scans_what_is_written, 2),
    ALWAYS_RACY(scans_over_what_is_written, 2),
    ALWAYS_RACY(sorts_what_is_read, 2),
    CLEAN(tokens_of_their_own, 2),
    ALWAYS_RACY(tokens_in_turn, 2),
    CLEAN(times_of_their_own, 2),
    ALWAYS_RACY(times_in_one_place, 2),
    CLEAN(environment_is_read, 2),
    ALWAYS_RACY(environment_is_changed, 2),
    CLEAN(blocks_of_the_library, 2),
    CLEAN(compares_the_first_byte, 2),
    ALWAYS_RACY(compares_all_bytes, 2),
    CLEAN(reads_only, 3),
    RACY(one_reader_is_not_waited_for, 5),
    RACY(last_reader_is_not_waited_for, 4),
    CLEAN(all_readers_are_waited_for, 5),
    RACY(reads_what_it_wrote, 2),
    RACY(frees_while_read, 2),
    CLEAN(last_user_frees, 2),
    CLEAN(memory_is_used_again, 3),
    RACY(fresh_block_handed_over, 2),
    CLEAN(fresh_block_published, 2),
    RACY(large_block_handed_over, 2),
    CLEAN(large_block_published, 2),
    CLEAN(large_memory_is_used_again, 3),
    RACY(frees_a_large_block_while_read, 2),
    RACY(frees_a_lock, 2),
};

const size_t race_program_count = sizeof race_programs / sizeof race_programs[0];
