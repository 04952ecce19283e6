// SPDX-License-Identifier: MIT
/*
 * A child process that answers questions: one byte asks, one byte answers, everything else is in
 * memory that both have mapped. The child ends when its parent does, or closes it.
 *
 * A zeroed structure is a child that does not run. Not thread-safe.
 */
#ifndef TREADLE_EXPLORE_CHILD_H
#define TREADLE_EXPLORE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct treadle_child {
    pid_t pid; /* 0 = not running */
    int ask;
    int answer; /* readable when there is an answer, or when the child has died */
} treadle_child;

/* What the child does: answers questions until treadle_child_question() says that there are no
 * more, then returns. */
typedef void treadle_child_serve(void *context, int ask, int answer);

/* Starts it. SIGINT is not for it: it is told through shared memory. `last_signal` reaches it when
 * its parent dies. 0, or an errno value. */
int treadle_child_start(treadle_child *child, treadle_child_serve *serve, void *context,
                        int last_signal);

/* Closes the pipes, which tells the child to end, and waits for it. The wait status. */
int treadle_child_end(treadle_child *child);

/* Likewise, and by force. */
int treadle_child_kill(treadle_child *child);

/* Puts a question; the answer is read with treadle_child_answered(). */
void treadle_child_put(const treadle_child *child, char question);
/* Waits until there is something to read, an answer or an end; false after `ms` without. */
bool treadle_child_ready(const treadle_child *child, int ms);
/* Waits for the answer. False when the child has died instead: end it. */
bool treadle_child_answered(const treadle_child *child);

/* In the child: the next question, or false when there are no more; and the answer to it. */
bool treadle_child_question(int ask, char *question);
bool treadle_child_done(int answer);

#endif
