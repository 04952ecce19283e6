// SPDX-License-Identifier: MIT
#include "slot_line.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

bool slot_line_init(struct slot_line *line, const struct slot_line_owner *calls, void *owner)
{
    line->first = NULL;
    line->last = NULL;
    line->calls = calls;
    line->owner = owner;
    return pthread_mutex_init(&line->lock, NULL) == 0;
}

void slot_line_destroy(struct slot_line *line)
{
    assert(line->first == NULL);
    pthread_mutex_destroy(&line->lock);
}

void slot_line_join(struct slot_line *line, struct slot_place *place)
{
    place->line = line;
    place->previous = line->last;
    place->next = NULL;
    place->served = false;
    sem_init(&place->woken, 0, 0); /* cannot fail: private, and 0 is in range */
    if (line->last != NULL) {
        line->last->next = place;
    } else {
        line->first = place;
    }
    line->last = place;
}

static void unlink_place(struct slot_line *line, struct slot_place *place)
{
    if (place->previous != NULL) {
        place->previous->next = place->next;
    } else {
        line->first = place->next;
    }
    if (place->next != NULL) {
        place->next->previous = place->previous;
    } else {
        line->last = place->previous;
    }
}

struct slot_place *slot_line_serve(struct slot_line *line)
{
    struct slot_place *place = line->first;
    if (place != NULL) {
        unlink_place(line, place);
        place->served = true;
    }
    return place;
}

void slot_place_wake(struct slot_place *place)
{
    if (place != NULL) {
        sem_post(&place->woken);
    }
}

/* The thread that served us is about to wake us, or has: not to be cancelled, for the place must
 * outlive that. */
static void wait_for_wake(struct slot_place *place)
{
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    while (sem_wait(&place->woken) != 0) {
        assert(errno == EINTR);
    }
    pthread_setcancelstate(cancel_state, NULL);
}

/* Whether it was in time; if not, the thread has been served. Either way the place is done with. */
static bool leave_unserved(struct slot_place *place)
{
    struct slot_line *line = place->line;

    pthread_mutex_lock(&line->lock);
    const bool unserved = !place->served;
    if (unserved) {
        unlink_place(line, place);
        if (line->calls->left != NULL) {
            line->calls->left(line->owner);
        }
    }
    pthread_mutex_unlock(&line->lock);
    if (!unserved) {
        wait_for_wake(place);
    }
    sem_destroy(&place->woken);
    return unserved;
}

void slot_line_leave(struct slot_place *place)
{
    struct slot_line *line = place->line;
    if (!leave_unserved(place)) {
        line->calls->declined(line->owner, place);
    }
}

static void leave_cancelled(void *place)
{
    slot_line_leave(place);
}

static bool wait_until(sem_t *woken, const struct timespec *deadline)
{
    int failure;
    do {
        failure =
            deadline != NULL ? sem_clockwait(woken, CLOCK_MONOTONIC, deadline) : sem_wait(woken);
    } while (failure != 0 && errno == EINTR);
    assert(failure == 0 || errno == ETIMEDOUT);
    return failure == 0;
}

/* On its own, so that nothing but its result crosses the frame that cancellation unwinds to. */
static bool wait_cancellably(struct slot_place *place, const struct timespec *deadline)
{
    bool woken;
    pthread_cleanup_push(leave_cancelled, place);
    woken = wait_until(&place->woken, deadline);
    pthread_cleanup_pop(0);
    return woken;
}

bool slot_line_wait(struct slot_place *place, const struct timespec *deadline)
{
    if (!wait_cancellably(place, deadline)) {
        return !leave_unserved(place); /* may have been served after all */
    }
    sem_destroy(&place->woken);
    return true;
}

bool slot_deadline_passed(const struct timespec *deadline)
{
    struct timespec now;
    if (deadline == NULL) {
        return false;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec != deadline->tv_sec ? now.tv_sec > deadline->tv_sec
                                          : now.tv_nsec >= deadline->tv_nsec;
}
