// SPDX-License-Identifier: MIT
/* Threads that wait by trying again and again. Under a scheduler that may run them for ever they
 * would hide everything else, so a spinner waits until another thread did something that it could
 * see: for one that reads the same value from the same place, a write there; for one that yields or
 * sleeps, any step (fair scheduling after Musuvathi and Qadeer, "Fair Stateless Model Checking",
 * 2008). When nobody else can move, spinners get another turn; that this did not help again and
 * again is a livelock. */
#include <stdio.h>

#include "tools/engine/internal.h"

enum { STUCK_ROUNDS_MAX = 64 };

void treadle_spin_park(watch *seen)
{
    thread *self = E.self;
    E.spinning |= self->bit;
    E.enabled &= ~self->bit;
    E.spin_blocks++;
    treadle_announce(TREADLE_OP_YIELD, (const void *)seen->address, 0, 0, seen->site);
    E.spinning &= ~self->bit;
    seen->repeats = 0;
}

void treadle_wake_spinners(uintptr_t address, size_t size)
{
    uint64_t left = E.spinning & ~E.self->bit;
    while (left) {
        const uint32_t id = (uint32_t)__builtin_ctzll(left);
        left &= left - 1;
        thread *spinner = &E.threads[id];
        for (uint32_t i = 0; i < WATCHES; i++) {
            const uintptr_t watched = spinner->watches[i].address;
            if (watched + 16 > address && watched < address + size &&
                spinner->watches[i].novelty >= spinner->novelty_start) {
                E.spinning &= ~spinner->bit;
                E.enabled |= spinner->bit;
                break;
            }
        }
    }
}

bool treadle_idle_again(const void *site, uint32_t free_repeats)
{
    thread *self = E.self;
    if (self->idle_site == site) {
        return ++self->idle_repeats > free_repeats;
    }
    self->idle_site = site;
    self->idle_repeats = 1;
    return free_repeats == 0;
}

void treadle_yield_park(void)
{
    thread *self = E.self;
    E.yielded |= self->bit;
    E.gave_way |= self->bit;
    E.enabled &= ~self->bit;
    E.yield_progress = E.progress;
    treadle_hurry();
    E.spin_blocks++;
}

/* A thread that waits with a timeout again and again is polling. Others must get their turn: after
 * a few timeouts in a row the next one comes only when another thread has done something, or when
 * there are only pollers, one after the other. */
static bool gives_way(thread *self, bool open)
{
    const uint64_t others = (E.enabled | E.yielded) & ~self->bit;
    if (open || !others) {
        return false;
    }
    if (!(E.enabled & ~self->bit)) {
        treadle_wake_yielded(others);
    }
    E.yielded |= self->bit;
    E.polling |= self->bit;
    E.gave_way |= self->bit;
    E.yield_progress = E.progress;
    treadle_hurry();
    E.spin_blocks++;
    return true;
}

void treadle_timed_wait(uint64_t *gate, bool open, object *behind, treadle_op_kind kind,
                        const void *address, const void *site)
{
    thread *self = E.self;
    bool polls = false;
    /* Whether the gate is open plays no part in that, or coming to it would be a look at it. */
    if (treadle_idle_again(site, FREE_WAITS)) {
        treadle_depends_on_all();
        polls = gives_way(self, open);
    }
    treadle_gate_wait(gate, open, behind, kind, address, !polls, site);
    E.yielded &= ~self->bit;
    E.polling &= ~self->bit;
}

/* Gives every spinner another turn. False when that was done too often without anything changing.
 */
static bool retry_spinners(void)
{
    const uint64_t spinners = E.spinning | E.yielded;
    if (E.progress != E.stuck_progress) {
        E.stuck_progress = E.progress;
        E.stuck_rounds = 0;
    }
    if (++E.stuck_rounds > STUCK_ROUNDS_MAX) {
        return false;
    }
    /* A loop that watches the clock ends when time passes. */
    treadle_clock_pass(E.stuck_rounds);
    treadle_wake_yielded(E.yielded);
    E.enabled |= spinners;
    E.spinning = 0;
    return true;
}

/* "a and b try" */
static void describe_spinners(char *text, size_t size, uint64_t spinners)
{
    size_t used = 0;
    uint32_t count = 0;
    for (; spinners && used < size; spinners &= spinners - 1, count++) {
        const char *name = E.threads[__builtin_ctzll(spinners)].name;
        const char *glue = count == 0 ? "" : spinners & (spinners - 1) ? ", " : " and ";
        const int length = snprintf(text + used, size - used, "%s%s", glue, name);
        used += length > 0 ? (size_t)length : 0;
    }
    if (used < size) {
        snprintf(text + used, size - used, count == 1 ? " tries" : " try");
    }
}

uint32_t treadle_nobody_enabled(void)
{
    const uint64_t spinners = E.spinning | E.yielded;
    char text[TREADLE_MESSAGE_MAX];
    if (spinners) {
        if (retry_spinners()) {
            return (uint32_t)__builtin_ctzll(E.enabled);
        }
        describe_spinners(text, sizeof text, spinners);
        treadle_violation("livelock",
                          "%s again and again, and nothing that they wait for can change "
                          "any more",
                          text);
    }
    treadle_process_ended();
    treadle_describe_deadlock(text, sizeof text);
    treadle_violation("deadlock", "%s", text);
}
