// SPDX-License-Identifier: MIT
/*
 * What it takes to run one schedule from the command line: a run directory with a journal, the
 * Redis server when the cell needs one, and a sandbox. Open once, close once.
 */
#ifndef TREADLE_CLI_SESSION_H
#define TREADLE_CLI_SESSION_H

#include "tools/explore/sandbox.h"
#include "tools/redis/redis_server.h"

typedef struct treadle_session {
    char *directory;
    treadle_journal *journal;
    treadle_redis_server *server; /* a private one; NULL when a URL was given */
    treadle_redis_target target;
    bool target_owned; /* its strings are ours */
    treadle_sandbox *sandbox;
} treadle_session;

/* `redis_url` may be NULL: a private server. TREADLE_EXIT_OK, or another exit status after an error
 * was printed; then there is nothing to close. */
int treadle_session_open(treadle_session *session, const treadle_cell *cell, const char *redis_url);
/* Likewise, to run a schedule again: data races are looked for when it shows one. */
int treadle_session_open_schedule(treadle_session *session, const treadle_schedule *schedule,
                                  const char *redis_url);
void treadle_session_close(treadle_session *session);

#endif
