// SPDX-License-Identifier: MIT
/* Plain stress on real threads, what one has without a harness: how many rounds of two threads on a
 * memory store of limit 1 it takes until both are admitted.
 *
 *     treadle_stress VARIANT ROUNDS
 *
 * Prints how many rounds went wrong. Exit status 1 when the variant is `fixed` and one did. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "impl/memory_store/memory_store.h"

typedef struct stress {
    const struct memory_store_variant *variant;
    struct memory_store *store;
    pthread_barrier_t start;
    pthread_barrier_t end;
    bool stop;
    enum rate_decision decisions[2];
} stress;

typedef struct worker {
    stress *shared;
    int index;
} worker;

static void *work(void *argument)
{
    const worker *self = argument;
    stress *shared = self->shared;
    for (;;) {
        pthread_barrier_wait(&shared->start);
        if (shared->stop) {
            return NULL;
        }
        shared->decisions[self->index] = shared->variant->acquire(shared->store, "openai");
        pthread_barrier_wait(&shared->end);
    }
}

static bool open_store(stress *shared)
{
    char error[200];
    const struct rate_limits limits = {.rpm = 1, .window_s = 60};
    shared->store = shared->variant->open(&limits, error, sizeof error);
    if (shared->store == NULL) {
        fprintf(stderr, "treadle_stress: %s\n", error);
    }
    return shared->store != NULL;
}

int main(int argc, char **argv)
{
    stress shared = {.variant = argc == 3 ? memory_store_find(argv[1]) : NULL};
    char *end = NULL;
    const long rounds = argc == 3 ? strtol(argv[2], &end, 10) : 0;
    if (shared.variant == NULL || rounds < 1 || *end != '\0') {
        fprintf(stderr, "Usage: treadle_stress naive|proposed|fixed ROUNDS\n");
        return 2;
    }
    pthread_barrier_init(&shared.start, NULL, 3);
    pthread_barrier_init(&shared.end, NULL, 3);
    pthread_t threads[2];
    worker workers[2] = {{&shared, 0}, {&shared, 1}};
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
            perror("treadle_stress: pthread_create");
            return 3;
        }
    }
    long wrong = 0;
    long first = 0;
    for (long round = 1; round <= rounds && open_store(&shared); round++) {
        pthread_barrier_wait(&shared.start);
        pthread_barrier_wait(&shared.end);
        if (shared.decisions[0] == RATE_ADMITTED && shared.decisions[1] == RATE_ADMITTED) {
            wrong++;
            first = first ? first : round;
        }
        shared.variant->close(shared.store);
    }
    shared.stop = true;
    pthread_barrier_wait(&shared.start);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%s: %ld of %ld rounds admitted two at limit 1", argv[1], wrong, rounds);
    printf(first ? "; the first was round %ld\n" : "\n", first);
    return wrong > 0 && strcmp(argv[1], "fixed") == 0;
}
