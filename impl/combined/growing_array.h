// SPDX-License-Identifier: MIT
#ifndef GROWING_ARRAY_H
#define GROWING_ARRAY_H

/*
 * An array that many threads let grow and none ever sees move: chunks of doubling size, each
 * published by one compare-and-swap. Internal to this folder.
 *
 * Elements begin as zero bytes and stay where they are until the array is freed, by one thread,
 * after the last use by any other.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define GROWING_ARRAY_CHUNKS 15
#define GROWING_ARRAY_MAX (1u << 20) /* elements */

struct growing_array {
    size_t element_size;
    _Atomic(void *) chunks[GROWING_ARRAY_CHUNKS];
};

void growing_array_init(struct growing_array *array, size_t element_size);
void growing_array_free(struct growing_array *array);

/* Sees to it that there are `count` elements, at most GROWING_ARRAY_MAX. False: memory is out. */
bool growing_array_reach(struct growing_array *array, size_t count);

/* The element, which must be there. */
void *growing_array_at(struct growing_array *array, size_t index);

#endif
