// SPDX-License-Identifier: MIT
#include "tools/engine/tests/memory_subject.h"

#include <alloca.h>
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wuse-after-free"
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#pragma GCC diagnostic ignored "-Warray-bounds"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wfree-nonheap-object"
#pragma GCC diagnostic ignored "-Wstringop-truncation"
#pragma GCC diagnostic ignored "-Wformat-truncation"

int memory_outcome;

typedef struct node {
    long key;
    int value;
    _Atomic int count;
    long more;
} node;

/* The compiler must not see what becomes of a pointer. */
static _Thread_local void *volatile hidden;

static void *hide(void *pointer)
{
    hidden = pointer;
    return hidden;
}

static node *freed_node(void)
{
    node *made = calloc(1, sizeof *made);
    free(hide(made));
    return hide(made);
}

#define SUBJECT(name) \
    void name(void *unused __attribute__((unused)), uint32_t index __attribute__((unused)))

/* ---- freed ------------------------------------------------------------------------------------
 */

SUBJECT(reads_freed)
{
    memory_outcome = freed_node()->value;
}
SUBJECT(writes_freed)
{
    freed_node()->key = 1;
}
SUBJECT(adds_to_freed)
{
    freed_node()->value++;
}
SUBJECT(loads_freed)
{
    memory_outcome = atomic_load(&freed_node()->count);
}
SUBJECT(swaps_freed)
{
    atomic_fetch_add(&freed_node()->count, 1);
}

SUBJECT(copies_freed)
{
    char copy[24];
    memcpy(hide(copy), freed_node(), *(size_t *)hide(&(size_t){sizeof copy}));
    memory_outcome = copy[0];
}

SUBJECT(assigns_freed)
{
    node copy = *freed_node();
    memory_outcome = *(int *)hide(&copy.value);
}

SUBJECT(locks_freed)
{
    pthread_mutex_t *lock = calloc(1, sizeof *lock);
    pthread_mutex_init(lock, NULL);
    free(hide(lock));
    pthread_mutex_lock(hide(lock));
}

SUBJECT(posts_freed)
{
    sem_t *semaphore = calloc(1, 100);
    sem_init(semaphore, 0, 0);
    sem_t *stale = hide(semaphore);
    semaphore = realloc(semaphore, 200);
    *(char *)hide(semaphore) = 0;
    sem_destroy(stale);
}

SUBJECT(reads_reallocated)
{
    int *numbers = calloc(4, sizeof *numbers);
    int *stale = hide(numbers);
    int *grown = realloc(numbers, 8 * sizeof *numbers);
    memory_outcome = grown[0] + stale[3];
}

/* Blocks of the same size that were made since do not hide it. */
SUBJECT(reads_freed_later)
{
    const node *stale = freed_node();
    for (int i = 0; i < 10; i++) {
        free(hide(calloc(1, sizeof(node))));
    }
    hide(calloc(1, sizeof(node)));
    memory_outcome = stale->value;
}

/* ---- outside
   ---------------------------------------------------------------------------------- */

SUBJECT(reads_past_end)
{
    const int *numbers = hide(calloc(4, sizeof *numbers));
    memory_outcome = numbers[4];
}

/* Within the 16 bytes that its end lies in. */
SUBJECT(reads_next_byte)
{
    const char *text = hide(calloc(13, 1));
    memory_outcome = text[12];
    memory_outcome = text[13];
}

SUBJECT(writes_before)
{
    int *numbers = hide(calloc(4, sizeof *numbers));
    numbers[-1] = 7;
}

SUBJECT(writes_across_end)
{
    char *bytes = hide(malloc(12));
    *(long *)(void *)(bytes + 8) = 1;
}

SUBJECT(sets_too_much)
{
    memset(hide(malloc(100)), 0, 140);
}

/* The second block lies behind the first one's red zone. */
SUBJECT(reads_far_past_end)
{
    const node *nodes = hide(calloc(2, sizeof *nodes));
    hide(calloc(2, sizeof *nodes));
    memory_outcome = (int)nodes[3].more;
}

SUBJECT(reads_past_aligned)
{
    const char *block = hide(aligned_alloc(256, 300));
    memory_outcome = block[299];
    memory_outcome = block[300];
}

SUBJECT(reads_empty)
{
    const char *none = hide(malloc(0));
    memory_outcome = none[0];
}

SUBJECT(reads_past_freed)
{
    const int *numbers = hide(calloc(4, sizeof *numbers));
    free(hide((void *)(uintptr_t)numbers));
    memory_outcome = numbers[5];
}

/* ---- frees
   ------------------------------------------------------------------------------------ */

SUBJECT(frees_again)
{
    free(freed_node());
}

SUBJECT(reallocates_freed)
{
    hide(realloc(freed_node(), 100));
}

SUBJECT(frees_inside)
{
    char *block = calloc(1, 64);
    free(hide(block + 32));
}

SUBJECT(frees_stack)
{
    char local[32];
    free(hide(local));
}

/* An address of the heap that no block has had. */
SUBJECT(frees_unknown)
{
    char *block = calloc(1, 64);
    free(hide(block + 4096));
}

/* ---- stacks
   ----------------------------------------------------------------------------------- */

static __attribute__((noinline)) int *local_of_returned(int value)
{
    int local = value;
    return hide(&local);
}

SUBJECT(reads_returned_frame)
{
    memory_outcome = *local_of_returned(3);
}
SUBJECT(writes_returned_frame)
{
    *local_of_returned(3) = 4;
}

/* ---- by the C library -------------------------------------------------------------------------
 */

/* Without an end, unless `text` is shorter than the block. */
static char *block_of(size_t size, const char *text)
{
    char *block = malloc(size);
    memcpy(block, text, strlen(text) < size ? strlen(text) + 1 : size);
    return hide(block);
}

static char *freed_text(void)
{
    char *text = strdup("text");
    free(hide(text));
    return hide(text);
}

SUBJECT(measures_freed)
{
    memory_outcome = (int)strlen(freed_text());
}

SUBJECT(finds_in_freed)
{
    memory_outcome = strchr(freed_text(), 'x') != NULL;
}

SUBJECT(duplicates_freed)
{
    memory_outcome = *strdup(freed_text());
}

SUBJECT(prints_freed)
{
    char line[32];
    memory_outcome = snprintf(line, sizeof line, "%s", freed_text());
}

SUBJECT(scans_freed)
{
    sscanf(freed_text(), "%d", &memory_outcome);
}

SUBJECT(measures_without_end)
{
    memory_outcome = (int)strlen(block_of(16, "0123456789abcdef"));
}

SUBJECT(compares_without_end)
{
    memory_outcome = strcasecmp(block_of(10, "0123456789"), "0123456789abcd");
}

SUBJECT(compares_too_much)
{
    memory_outcome = memcmp(block_of(10, "0123456789"), block_of(12, "0123456789ab"), 12);
}

SUBJECT(looks_too_far)
{
    memory_outcome = memchr(block_of(10, "0123456789"), 'x', 12) != NULL;
}

SUBJECT(reads_number_without_end)
{
    memory_outcome = atoi(block_of(3, "123"));
}

SUBJECT(takes_token_without_end)
{
    char *place;
    memory_outcome = strtok_r(block_of(3, "abc"), " ", &place) != NULL;
}

SUBJECT(appends_too_much)
{
    strcat(block_of(8, "abcd"), "efghi");
}

SUBJECT(fills_too_much)
{
    strncpy(block_of(8, ""), "ab", 12);
}

SUBJECT(prints_too_much)
{
    sprintf(block_of(8, ""), "%d", 123456789);
}

SUBJECT(prints_beyond)
{
    snprintf(block_of(8, ""), 20, "%d", 123456789);
}

SUBJECT(scans_too_much)
{
    sscanf("words", "%s", block_of(4, ""));
}

static int by_byte(const void *one, const void *other)
{
    return *(const char *)one - *(const char *)other;
}

SUBJECT(sorts_too_many)
{
    qsort(block_of(4, "4321"), 6, 1, by_byte);
}

SUBJECT(says_too_much)
{
    const time_t time = 0;
    struct tm parts;
    gmtime_r(&time, &parts);
    strftime(block_of(4, ""), 10, "%Y", &parts);
}

SUBJECT(takes_apart_too_much)
{
    const time_t time = 0;
    gmtime_r(&time, (struct tm *)(void *)block_of(sizeof(struct tm) - 8, ""));
}

/* ---- between threads
   --------------------------------------------------------------------------- */

static _Atomic(node *) shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The reader looks for the pointer first and follows it later. */
SUBJECT(reads_after_other_freed)
{
    if (index == 0) {
        node *made = calloc(1, sizeof *made);
        atomic_store(&shared, made);
        atomic_store(&shared, NULL);
        free(made);
        return;
    }
    const node *seen = atomic_load(&shared);
    pthread_mutex_lock(&lock);
    memory_outcome = seen != NULL ? seen->value : 0;
    pthread_mutex_unlock(&lock);
}

SUBJECT(both_free)
{
    if (index == 0) {
        atomic_store(&shared, calloc(1, sizeof(node)));
    }
    free(atomic_load(&shared));
}

static _Atomic(int *) lent;

static void *lend_local(void *unused)
{
    int local = 5;
    atomic_store(&lent, hide(&local));
    return unused;
}

SUBJECT(reads_stack_of_ended)
{
    pthread_t other;
    pthread_create(&other, NULL, lend_local, NULL);
    pthread_join(other, NULL);
    memory_outcome = *atomic_load(&lent);
}

/* The other waits in a function that lies less deep than the one that lent its variable. */
static __attribute__((noinline)) void lend_from_deep(void)
{
    char room[2000];
    int local = 5;
    hide(room);
    atomic_store(&lent, hide(&local));
}

SUBJECT(reads_stack_of_parked)
{
    if (index == 0) {
        lend_from_deep();
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
        return;
    }
    const int *seen = atomic_load(&lent);
    memory_outcome = seen != NULL ? *seen : 0;
}

/* ---- right
   ------------------------------------------------------------------------------------- */

static void use_wholly(char *block, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        block[i] = (char)i;
    }
    for (size_t i = 0; i + 8 <= size; i++) {
        long word;
        memcpy(&word, hide(block + i), sizeof word);
        memory_outcome += (int)word & 1;
    }
    memset(block, 0, size);
}

SUBJECT(uses_all_of_blocks)
{
    for (size_t size = 1; size < 70; size++) {
        char *block = malloc(size);
        use_wholly(block, size);
        block = realloc(block, 2 * size);
        use_wholly(block, 2 * size);
        free(block);
    }
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        char *block = aligned_alloc(alignment, 100);
        assert((uintptr_t)block % alignment == 0);
        use_wholly(block, 100);
        free(block);
    }
    char *large = calloc(1, 100000);
    memset(large, 1, 100000);
    memmove(large, large + 1, 99999);
    free(large);
    free(strdup("text"));
    memory_outcome = 1;
}

static __attribute__((noinline)) int sum_deeply(const int *above, int depth)
{
    int here[4] = {depth, *above, 1, 2};
    int *out = hide(alloca((size_t)depth * 16 + 16));
    memset(out, 0, (size_t)depth * 16 + 16);
    out[0] = here[1];
    return depth > 0 ? sum_deeply(hide(here), depth - 1) + *out : here[1];
}

SUBJECT(uses_own_stack)
{
    int first = (int)index;
    memory_outcome = sum_deeply(hide(&first), 50) >= 0;
}

static void must(bool right)
{
    memory_outcome &= right;
}

/* Texts without an end are not read further than is needed. */
SUBJECT(lets_the_library_use_all_of_blocks)
{
    char copy[16] = "";
    memory_outcome = 1;
    must(memchr(block_of(4, "text"), 'x', 100) != NULL);
    must(strchr(block_of(4, "text"), 'x') != NULL);
    must(strstr(block_of(4, "text"), "xt") != NULL);
    must(strnlen(block_of(4, "text"), 4) == 4);
    must(strncmp(block_of(4, "text"), "text", 4) == 0);
    must(strcmp(block_of(4, "text"), "test") != 0);
    must(strncasecmp(block_of(4, "text"), "TEXT", 4) == 0);
    must(strcspn(block_of(4, "text"), "x") == 2);
    must(strtol(block_of(4, "123x"), NULL, 10) == 123);
    must(strtol(block_of(4, "text"), NULL, 10) == 0);
    must(strtod(block_of(4, "1.5 "), NULL) > 1);
    must(strtod(block_of(4, "12px"), NULL) > 1);
    must(strtod(block_of(4, "text"), NULL) < 1);
    must(strtod(block_of(8, "infinity"), NULL) > 1);
    must(strtod(block_of(9, "-Infinity"), NULL) < 1);
    must(!(strtod(block_of(6, "nan(1)"), NULL) > 1));
    must(snprintf(copy, sizeof copy, "%.4s", block_of(4, "text")) == 4);
    must(strcmp(strncpy(copy, block_of(4, "text"), 4), "text") == 0);
    must(strcmp(strncat(copy, block_of(4, "text"), 4), "texttext") == 0);
    must(strlen(strndup(block_of(4, "text"), 4)) == 4);
    must(strlen(strcat(block_of(8, "text"), "abc")) == 7);
    must(strlen(strncat(block_of(8, "text"), block_of(3, "abc"), 3)) == 7);
    must(sprintf(block_of(5, ""), "%s", "text") == 4);
    char *longer = block_of(6, "one");
    must(sprintf(longer, "%s,%d", (char *)hide(longer), 2) == 5);
    must(strcmp(longer, "one,2") == 0);
    must(snprintf(block_of(3, ""), 3, "%s", "text") == 4);
    must(sscanf("text 7", "%s %hhd", block_of(5, ""), (signed char *)block_of(1, "")) == 2);
    must(strncpy(block_of(4, ""), "text", 4) != NULL);
    char *sorted = block_of(6, "banana");
    qsort(sorted, 6, 1, by_byte);
    must(memcmp(sorted, "aaabnn", 6) == 0);
}

static void *write_frame(void *argument)
{
    int *cell = argument;
    (*cell)++;
    return NULL;
}

/* A thread may use its parent's frame while that waits in it. */
SUBJECT(shares_a_frame)
{
    int local = 0;
    pthread_t other;
    pthread_create(&other, NULL, write_frame, hide(&local));
    pthread_join(other, NULL);
    memory_outcome = *(int *)hide(&local);
}

typedef struct waiter {
    pthread_cond_t woken;
    bool done;
} waiter;

static waiter *queued;

/* Whoever wakes a waiter may free its condition variable before that has run again. */
SUBJECT(wakes_and_frees)
{
    pthread_mutex_lock(&lock);
    if (index == 0) {
        waiter *self = calloc(1, sizeof *self);
        pthread_cond_init(&self->woken, NULL);
        queued = self;
        const struct timespec until = {.tv_sec = 2000000000};
        if (pthread_cond_timedwait(&self->woken, &lock, &until) != 0) {
            queued = NULL;
        }
    } else if (queued != NULL) {
        pthread_cond_signal(&queued->woken);
        free(queued);
        queued = NULL;
    }
    pthread_mutex_unlock(&lock);
    memory_outcome = 1;
}

/* The number of frees of its size after which a block comes back; 0 = not within 20. */
SUBJECT(reuses)
{
    memory_outcome = 0;
    void *first = hide(malloc(40));
    const uintptr_t where = (uintptr_t)first;
    free(first);
    void *kept[20];
    for (int i = 0; i < 20 && memory_outcome == 0; i++) {
        kept[i] = hide(malloc(48));
        if ((uintptr_t)kept[i] == where) {
            memory_outcome = i + 1;
            assert(*(unsigned char *)hide(kept[i]) == 0xbe);
        }
        free(kept[i]);
    }
}

/* Far more than the heap holds, a little at a time. */
SUBJECT(loops_over_blocks)
{
    for (int i = 0; i < 5000; i++) {
        char *block = hide(malloc(1000));
        block[999] = 1;
        free(block);
    }
    memory_outcome = 1;
}

#pragma GCC diagnostic pop
