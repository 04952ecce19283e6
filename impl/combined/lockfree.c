// SPDX-License-Identifier: MIT

/*
 * The same without locks: window and bucket are one decision by one compare-and-swap
 * (atomic_gate.c); then the slot, from a semaphore that is one word as long as nobody has to wait.
 *
 * Policies: those of `fixed`, with these differences.
 *  - A waiter for a token sleeps to the time that it was promised; its place does not move up when
 *    somebody before it goes away or gives back. After two or more have, whoever comes next may
 *    pass before it (as in token_bucket/lockfree.c). Was the limiter reconfigured
 *    meanwhile, it starts again then, at the end of the queue, with its room still set aside.
 *  - Who waits for a slot joins a line that has a lock, held for a few instructions by those who
 *    join, leave or serve it (as in semaphore/lockfree.c). Nobody else takes any.
 *  - max_concurrent and the permits of a provider that are out are at most 1,048,575. A limiter
 * that is 18 years old answers RATE_ERROR.
 *  - A pass counts from its nanosecond, or, when the clock ticks so coarsely that more than eight
 *    changes have the same time, from one of the next.
 */

#include "gated.h"

static const struct gated_parts parts = {.gates = &gate_atomic, .semaphores = &semaphore_lockfree};

static struct combined *lockfree_open(const struct combined_options *options, char *error,
                                      size_t error_size)
{
    return gated_open(&parts, options, error, error_size);
}

const struct combined_variant combined_lockfree = {
    .name = "lockfree",
    .backend = COMBINED_MEMORY,
    .open = lockfree_open,
    .close = gated_close,
    .acquire = gated_acquire,
    .release = gated_release,
    .reconfigure = gated_reconfigure,
    .inspect = gated_inspect,
};
