// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind, in memory: window and bucket are one decision in one critical
 * section (gate.h); then the slot, and whoever does not get it gives the pass back.
 *
 * Policies:
 *  - Boundary: a request of age exactly the window has expired. Ages are compared in whole
 *    nanoseconds of the monotonic clock, so that setting the wall clock changes nothing.
 *  - A full window refuses at once. An empty bucket makes wait, first come, first served; whoever
 *    could not have a token by the deadline is refused on arrival.
 *  - A request that waits for its slot has passed: its room and its token are taken, and given back
 *    when the deadline comes first, the semaphore fails or the wait is cancelled. Others may
 *    meanwhile be refused for want of them.
 *  - A request that was made counts, whether it went well or not. One that was not made is taken
 *    back as a whole.
 *  - Reconfiguration keeps what the window and the bucket hold. Whoever waits is told its new time;
 *    who then would come too late, or finds a window that was made too small, is refused.
 *
 * Locks: a gate's mutex and, under it, its bucket's; the semaphore's by itself.
 */

#include "gated.h"

static const struct gated_parts parts = {.gates = &gate_locked, .semaphores = &semaphore_fixed};

static struct combined *fixed_open(const struct combined_options *options, char *error,
                                   size_t error_size)
{
    return gated_open(&parts, options, error, error_size);
}

const struct combined_variant combined_fixed = {
    .name = "fixed",
    .backend = COMBINED_MEMORY,
    .open = fixed_open,
    .close = gated_close,
    .acquire = gated_acquire,
    .release = gated_release,
    .reconfigure = gated_reconfigure,
    .inspect = gated_inspect,
};
