// SPDX-License-Identifier: MIT
#ifndef REDIS_FIXTURE_H
#define REDIS_FIXTURE_H

/*
 * A Redis server of one's own for the length of a test: a private unix socket in a new directory,
 * no port, nothing saved. The server dies with the process that started it.
 *
 * Every function fails the test when it cannot do its work; without redis-server installed it says
 * so. One thread at a time.
 */

#include <hiredis/hiredis.h>
#include <sys/types.h>

struct redis_fixture {
    pid_t pid;
    char directory[64];
    char socket[96];
};

void redis_fixture_start(struct redis_fixture *fixture);
void redis_fixture_stop(struct redis_fixture *fixture);

/* A new connection, to be freed with redisFree(). */
redisContext *redis_fixture_connect(const struct redis_fixture *fixture);

/* Runs a command that must be answered with an integer (or a string holding a number). */
double redis_fixture_number(redisContext *redis, const char *format, ...);

/* Runs a command for its effect; an error reply fails the test. */
void redis_fixture_do(redisContext *redis, const char *format, ...);

/* The server's time in seconds. */
double redis_fixture_time(redisContext *redis);

#endif
