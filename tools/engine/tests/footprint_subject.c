// SPDX-License-Identifier: MIT
#include "tools/engine/tests/footprint_subject.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char text[32];
static char *block;
static pthread_mutex_t mutex;
static sem_t semaphore;
static pthread_cond_t condition;
static pthread_rwlock_t rwlock;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static pthread_key_t key;
static pthread_t child;

static __thread char own[128];
static __thread volatile long own_number;
static __thread char *own_block;

static void *nothing(void *unused)
{
    return unused;
}

void footprint_set_up(void)
{
    memcpy(text, "12.5 apples", 12);
    block = malloc(24);
    pthread_mutex_init(&mutex, NULL);
    sem_init(&semaphore, 0, 1);
    pthread_cond_init(&condition, NULL);
    pthread_rwlock_init(&rwlock, NULL);
    pthread_spin_init(&spin, 0);
    pthread_barrier_init(&barrier, NULL, 1);
    pthread_key_create(&key, NULL);
    pthread_create(&child, NULL, nothing, NULL);
}

void does_nothing(void)
{
}

/* ---- text: "12.5 apples" and its end, bytes 0 to 11 -------------------------------------------
 */

void reads_text(void)
{
    own_number = text[6];
}

void writes_text(void)
{
    text[6] = 'A';
}

void writes_behind_text(void)
{
    text[20] = 'x';
}

void writes_last_byte(void)
{
    text[11] = 'x';
}

void measures_text(void)
{
    own_number = (long)strlen(text);
}

void compares_text(void)
{
    own_number = strcmp(text, "12.5 apples");
}

void compares_text_first_byte(void)
{
    own_number = strcmp(text, "x");
}

void compares_memory(void)
{
    own_number = memcmp(text, own, 12);
}

void copies_text(void)
{
    strcpy(own, text);
}

void copies_over_text(void)
{
    own[0] = '\0';
    strcpy(own, "other words");
    strcpy(text, own);
}

/* What a compiler would rather expand where it stands. */

void copies_constant_over_text(void)
{
    strcpy(text, "constant");
}

void compares_text_with_constant(void)
{
    own_number = strcmp(text + 6, "ab") == 0;
}

void compares_start_with_constant(void)
{
    own_number = strncmp(text + 6, "ab", 2) == 0;
}

void compares_word_with_constant(void)
{
    own_number = memcmp(text + 4, "12345678", 8) == 0;
}

void duplicates_text(void)
{
    own_block = strdup(text);
    own_number = *own_block; /* or it is left out */
}

void duplicates_start_of_text(void)
{
    own_block = strndup(text, 4);
    own_number = *own_block;
}

void formats_text(void)
{
    snprintf(own, sizeof own, "%d %s", 1, text);
}

void formats_start_of_text(void)
{
    snprintf(own, sizeof own, "%.6s", text);
}

void formats_by_width(void)
{
    snprintf(own, sizeof own, "%*d %.*s", 5, 1, 7, text);
}

static void format(const char *how, ...) __attribute__((format(printf, 1, 2)));
static void format(const char *how, ...)
{
    va_list arguments;
    va_start(arguments, how);
    vsnprintf(own, sizeof own, how, arguments);
    va_end(arguments);
}

/* What stands before a string must not be mistaken for it. */
void formats_many(void)
{
    format("%%%5.2f%c%ld %-8lld%zu|%hhx %Lg %p %jd %td %+e%m %s", 1.5, 'x', 1L, 2LL, (size_t)3,
           (unsigned char)4, (long double)1.0, (void *)own, (intmax_t)1, (ptrdiff_t)2, 0.5, text);
}

void formats_over_text(void)
{
    snprintf(text, sizeof text, "%s", "some other words");
}

void reads_decimal(void)
{
    char *end;
    own_number = (long)strtod(text, &end) + *end;
}

void reads_integer(void)
{
    own_number = (long)strtoll(text, NULL, 10);
}

/* ---- blocks ------------------------------------------------------------------------------------
 */

void grows_block(void)
{
    block = realloc(block, 100);
}

void writes_block(void)
{
    block[1] = 1;
}

/* Volatile: or the compiler, who knows malloc and free, leaves both out. */
static void *(*volatile allocate)(size_t) = malloc;

/* The last step, which begins with a volatile read, takes a block that was in use before. */
void frees_and_reuses(void)
{
    free(allocate(40));
    own_block = allocate(40);
}

/* ---- objects -----------------------------------------------------------------------------------
 */

void inits_mutex(void)
{
    pthread_mutex_init(&mutex, NULL);
}

void destroys_mutex(void)
{
    pthread_mutex_destroy(&mutex);
}

void locks_mutex(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

void tries_mutex(void)
{
    if (pthread_mutex_trylock(&mutex) == 0) {
        pthread_mutex_unlock(&mutex);
    }
}

void inits_semaphore(void)
{
    sem_init(&semaphore, 0, 1);
}

void destroys_semaphore(void)
{
    sem_init(&semaphore, 0, 1); /* or posts on what is destroyed would be a misuse */
    sem_destroy(&semaphore);
    sem_init(&semaphore, 0, 1);
}

void posts_semaphore(void)
{
    sem_post(&semaphore);
}

void inits_condition(void)
{
    pthread_cond_init(&condition, NULL);
}

void destroys_condition(void)
{
    pthread_cond_destroy(&condition);
}

void signals_condition(void)
{
    pthread_cond_signal(&condition);
}

void inits_rwlock(void)
{
    pthread_rwlock_init(&rwlock, NULL);
}

void destroys_rwlock(void)
{
    pthread_rwlock_destroy(&rwlock);
}

void reads_under_rwlock(void)
{
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
}

void inits_spin(void)
{
    pthread_spin_init(&spin, 0);
}

void destroys_spin(void)
{
    pthread_spin_destroy(&spin);
}

void takes_spin(void)
{
    pthread_spin_lock(&spin);
    pthread_spin_unlock(&spin);
}

void inits_barrier(void)
{
    pthread_barrier_init(&barrier, NULL, 1);
}

void destroys_barrier(void)
{
    pthread_barrier_destroy(&barrier);
    pthread_barrier_init(&barrier, NULL, 1);
}

void passes_barrier(void)
{
    pthread_barrier_wait(&barrier);
}

/* ---- keys and threads --------------------------------------------------------------------------
 */

void makes_key(void)
{
    pthread_key_t made;
    pthread_key_create(&made, NULL);
}

void deletes_key(void)
{
    pthread_key_delete(key);
}

void sets_key(void)
{
    pthread_setspecific(key, own);
}

void gets_key(void)
{
    own_number = pthread_getspecific(key) != NULL;
}

void detaches_thread(void)
{
    pthread_detach(child);
}

void joins_thread(void)
{
    pthread_join(child, NULL);
}

/* ---- what the engine shares --------------------------------------------------------------------
 */

void reads_clock(void)
{
    own_number = time(NULL);
}

void sleeps(void)
{
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}

void draws(void)
{
    own_number = random();
}
