// SPDX-License-Identifier: MIT
/*
 * A private redis-server: started by the harness on a unix socket in a temporary directory of its
 * own, without persistence or a TCP port, with the clock library preloaded, and stopped by its pid
 * whatever happens: by an exit handler, and when the harness is killed by PR_SET_PDEATHSIG. A
 * directory left by a killed harness is removed by the next start.
 *
 * Rules:
 *  1. A server is owned by the process that started it; stop it once. In a process forked later it
 *     may be used, and stop() frees the handle only.
 *  2. The kernel ends the server with the *thread* that started it.
 *  3. One process executes on a server at a time: the seam empties it.
 *
 * Environment: TREADLE_REDIS_SERVER names another binary (a path, or a name to find on PATH);
 * TREADLE_REDIS_CLOCK_LIBRARY another clock library.
 *
 * Not thread-safe.
 */
#ifndef TREADLE_REDIS_SERVER_H
#define TREADLE_REDIS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct treadle_redis_server treadle_redis_server;

/* Starts a server and waits until it answers PING. NULL with a one-line reason in `error`: not
 * installed (name the Debian package), did not come up (quote the last line of its log). */
treadle_redis_server *treadle_redis_server_start(char *error, size_t error_size);

/* SIGKILL, as there is nothing in it to save; removes the directory. NULL is allowed. */
void treadle_redis_server_stop(treadle_redis_server *server);

const char *treadle_redis_server_socket(const treadle_redis_server *server);
const char *treadle_redis_server_clock(const treadle_redis_server *server);
pid_t treadle_redis_server_pid(const treadle_redis_server *server);
/* Whether the process still runs; reaps it when it does not. */
bool treadle_redis_server_alive(treadle_redis_server *server);

#endif
