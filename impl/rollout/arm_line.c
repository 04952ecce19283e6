// SPDX-License-Identifier: MIT
#include "arm_line.h"

#include <assert.h>

struct arm_place {
    struct slot_place place; /* first: the line knows only this */
    enum rollout_arm arm;
};

static void serve(void *owner);
static void decline(void *owner, const struct slot_place *place);

static const struct slot_line_owner line_calls = {.left = serve, .declined = decline};

bool arm_line_init(struct arm_line *line, long long bound,
                   bool (*move)(void *context, enum rollout_arm to), void *context)
{
    *line = (struct arm_line){.bound = bound, .move = move, .context = context};
    return slot_line_init(&line->line, &line_calls, line);
}

void arm_line_destroy(struct arm_line *line)
{
    assert(line->inside[ROLLOUT_ORIGINAL] == 0 && line->inside[ROLLOUT_REPLACEMENT] == 0);
    slot_line_destroy(&line->line);
}

/* The lock is held by the callers of all functions from here to waits_in(), but decline(). */

static bool arm_has_all(const struct arm_line *line, enum rollout_arm arm)
{
    return line->inside[rollout_other(arm)] == 0;
}

enum rollout_arm arm_line_take_over(struct arm_line *line, enum rollout_arm arm)
{
    if (arm != line->current && arm_has_all(line, arm) && line->move(line->context, arm)) {
        line->current = arm;
    }
    return line->current;
}

static enum rollout_arm let_in(struct arm_line *line, enum rollout_arm wanted)
{
    const enum rollout_arm arm = line->bound == 0 ? arm_line_take_over(line, wanted) : wanted;
    line->inside[arm]++;
    return arm;
}

static bool within_bound(const struct arm_line *line)
{
    return line->inside[ROLLOUT_ORIGINAL] + line->inside[ROLLOUT_REPLACEMENT] < line->bound;
}

static void serve(void *owner)
{
    struct arm_line *line = owner;

    while (line->line.first != NULL) {
        struct arm_place *place = (struct arm_place *)line->line.first;
        if (line->bound == 0 ? !arm_has_all(line, place->arm) : !within_bound(line)) {
            return;
        }
        place->arm = let_in(line, place->arm);
        slot_place_wake(slot_line_serve(&line->line));
    }
}

static void decline(void *owner, const struct slot_place *place)
{
    arm_line_leave(owner, ((const struct arm_place *)place)->arm);
}

static bool waits_in(struct arm_line *line, struct arm_place *self, const struct timespec *deadline)
{
    line->waited++;
    if (slot_deadline_passed(deadline)) {
        return false;
    }
    slot_line_join(&line->line, &self->place);
    return true;
}

bool arm_line_enter(struct arm_line *line, enum rollout_arm *arm, const struct timespec *deadline)
{
    struct arm_place self = {.arm = *arm};
    bool waits = false;

    pthread_mutex_lock(&line->line.lock);
    bool entered = line->line.first == NULL && (arm_has_all(line, *arm) || within_bound(line));
    if (entered) {
        self.arm = let_in(line, *arm);
    } else {
        waits = waits_in(line, &self, deadline);
    }
    pthread_mutex_unlock(&line->line.lock);
    entered = entered || (waits && slot_line_wait(&self.place, deadline));
    *arm = self.arm;
    return entered;
}

void arm_line_leave(struct arm_line *line, enum rollout_arm arm)
{
    pthread_mutex_lock(&line->line.lock);
    assert(line->inside[arm] > 0);
    line->inside[arm]--;
    serve(line);
    pthread_mutex_unlock(&line->line.lock);
}

void arm_passage_end(void *passage)
{
    const struct arm_passage *inside = passage;
    arm_line_leave(inside->line, inside->arm);
}

void arm_line_set_bound(struct arm_line *line, long long bound)
{
    line->bound = bound;
    serve(line);
}
