// SPDX-License-Identifier: MIT
#ifndef ARM_LINE_H
#define ARM_LINE_H

/*
 * Who may call into which arm: the two arms of a switch, whose calls must not meet at will, and a
 * line, first come, first served, of those who have to wait. Internal to this folder.
 *
 * As long as the calls are for one arm only they pass at once, however many they are: the arm keeps
 * its limits itself. A call for the other arm waits until the two may be in use together, and
 * whoever comes later waits behind it, so that nobody keeps a change of arms waiting for ever.
 *
 *  - With a bound (slots): both arms may be in use together as long as fewer calls than that are
 *    inside. Whoever has waited enters only then, so an arm that he enters has a slot for him.
 *  - With a bound of 0 (state that only one arm has at a time): a call for the other arm waits
 *    until nobody is inside, and `move` is called before it enters. When that fails, it enters the
 *    arm that keeps the state.
 *
 * Rules:
 *  1. Whoever has entered leaves, once, for the same arm. What is between is the user's.
 *  2. `move` is called with the line's lock held, while nobody is inside. It may call the arms,
 * but not the line.
 *  3. The lock may be taken by the user (`line.lock`, see slot_line.h): nobody enters meanwhile.
 */

#include "../semaphore/slot_line.h"
#include "rollout.h"

struct arm_line {
    struct slot_line line; /* its lock guards what follows, too */
    long long inside[ROLLOUT_ARMS];
    long long bound;
    enum rollout_arm current; /* with a bound of 0: the arm that has the state */
    bool (*move)(void *context, enum rollout_arm to);
    void *context;
    long long waited; /* calls that had to wait in line, or were turned away */
};

/* False when memory is out. `move` may be NULL where there is a bound. */
bool arm_line_init(struct arm_line *line, long long bound,
                   bool (*move)(void *context, enum rollout_arm to), void *context);

/* Nobody may be inside or waiting. */
void arm_line_destroy(struct arm_line *line);

/* False when the deadline (NULL = none) passed first; one that has passed means not to wait. A
 * cancellation point only while it waits; a cancelled call has not entered. `arm` is the one that
 * is wanted, then the one that was entered. */
bool arm_line_enter(struct arm_line *line, enum rollout_arm *arm, const struct timespec *deadline);

void arm_line_leave(struct arm_line *line, enum rollout_arm arm);

/* A call that is inside, for clean-up handlers. */
struct arm_passage {
    struct arm_line *line;
    enum rollout_arm arm;
};

/* Leaves. The argument is a struct arm_passage. */
void arm_passage_end(void *passage);

/* (with the lock, bound of 0) Makes the arm the one that has the state, if nobody is inside and it
 * can be moved. Returns the arm that has it now, for calls that are done with before the lock is
 * given back. */
enum rollout_arm arm_line_take_over(struct arm_line *line, enum rollout_arm arm);

/* (with the lock) Lets in who has room now. */
void arm_line_set_bound(struct arm_line *line, long long bound);

#endif
