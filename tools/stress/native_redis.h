// SPDX-License-Identifier: MIT
/*
 * A Redis server for workloads on real threads: started by the stress program on a private unix
 * socket (tools/redis/redis_server.h), with its own, real clock. Each process that runs rounds
 * connects for itself; every round begins with an empty database.
 *
 * It defines those of the functions of tools/redis/redis_seam.h that scenarios call.
 */
#ifndef TREADLE_STRESS_NATIVE_REDIS_H
#define TREADLE_STRESS_NATIVE_REDIS_H

#include <stdbool.h>
#include <stddef.h>

/* In the main thread of the first process. False with one line in `error`. Stops at exit. */
bool treadle_native_redis_start(char *error, size_t error_size);

/* Before a round on the backend `redis`: forgets everything, and mends connections that broke. */
void treadle_native_redis_begin(void);

#endif
