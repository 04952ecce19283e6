// SPDX-License-Identifier: MIT
/*
 * The seam between a subject's hiredis and the world.
 *
 * The executable defines redisBufferWrite and redisBufferRead, the two doors of every synchronous
 * hiredis call; libhiredis reaches them through its PLT. On a fiber each flush (one
 * redisBufferWrite of a whole output buffer) is one operation of the calling thread: when the
 * strategy picks it, the commands are sent, all their replies are awaited into a side buffer, and
 * the subject's reads are served from there. So the server executes commands in the order that the
 * schedule says. Off a fiber the library's own functions run.
 *
 * Rules:
 *  1. treadle_redis_attach() before the first execution on backend `redis`, in the process that
 *     executes. The seam owns its connections, one per client number, and keeps them between
 *     executions; a connection that was cut is reopened.
 *  2. An execution on the harness's own server starts from an empty database without scripts:
 *     FLUSHALL, and SCRIPT FLUSH when scripts may be there, travel in one pipeline with the
 *     execution's first commands. On a server given by URL nothing is ever flushed: keys are under
 *     a unique prefix, and those written are deleted before the next execution and at detach;
 *     commands that reach further end the execution as ENVIRONMENT and are not sent.
 *  3. The virtual clock is published to the server's clock library before each flush.
 *  4. Commands that are not answered at once by one reply (SUBSCRIBE, BLPOP, …), that make the
 *     server talk to another one (MIGRATE, REPLICAOF, …), or that start a child of the harness's
 *     own (BGSAVE, …), end the execution as ENVIRONMENT. So do scripts that name one that may not
 *     be sent. A read with nothing under way is the violation "hang".
 *  5. A subject may open contexts itself, on a fiber and to the attached server only; those it
 *     leaves open are closed when the next execution starts. Off a fiber rule 2 holds for any
 *     context: a command that may not be sent fails it, and all executions until detach.
 *  6. On its own server attach keeps this thread and the server on one processor; detach restores.
 *     A process that forks detaches first.
 *
 * Not thread-safe, like the engine.
 */
#ifndef TREADLE_REDIS_SEAM_H
#define TREADLE_REDIS_SEAM_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenarios/scenario.h"
#include "tools/redis/redis_server.h"

typedef struct treadle_redis_target {
    const char *socket_path; /* a unix socket; NULL = host and port */
    const char *host;
    int port;
    const char *username; /* NULL = none */
    const char *password; /* NULL = none */
    int database;
    bool own;               /* started by the harness: may be flushed, follows the virtual clock */
    const char *clock_path; /* own: the file the clock library maps; NULL otherwise */
} treadle_redis_target;

/* Connects, reads the server's COMMAND table and installs the execution-start hook.
 * 0, or -1 with a one-line reason in `error`. */
int treadle_redis_attach(const treadle_redis_target *target, char *error, size_t error_size);

/* Deletes what was written (foreign server) and closes the connections. Safe when not attached. */
void treadle_redis_detach(void);

/* Which faults the schedule may strike from now on, as often in every execution. Those in the
 * server never strike one that is not the harness's own. */
void treadle_redis_faults(treadle_faults faults);

/* On a fiber: the connection of a client, numbered from 0; ready for use, owned by the seam, valid
 * until the execution ends. Ends the execution as ENVIRONMENT when the server cannot be reached. */
redisContext *treadle_redis_connection(uint32_t client);

/* On a fiber: the name that a scenario must use for a provider called `name`: `name` itself on the
 * harness's own server, under the unique prefix elsewhere. The result lives as long as the process
 * stays attached. */
const char *treadle_redis_provider(const char *name);

/* For checks, on any fiber: a command, in hiredis's format, outside the subject's view. No
 * scheduling point, no fault, not in the trace; rule 2 holds for it too. The caller frees the
 * reply; ends the execution as ENVIRONMENT when the server does not answer. */
redisReply *treadle_redis_inspect(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether recorded flushes tell what the server holds after them (treadle_event_state()): its keys
 * in order, a line "KEY<tab>CONTENTS" each. Never on a server that is not the harness's own. */
void treadle_redis_tell_state(bool tell);

/* Commands sent for subjects since attach. */
uint64_t treadle_redis_command_count(void);

/* Likewise, how often something was sent and waited for: a pipeline counts once. */
uint64_t treadle_redis_round_trip_count(void);

#endif
