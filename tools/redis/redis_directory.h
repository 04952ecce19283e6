// SPDX-License-Identifier: MIT
/*
 * A private temporary directory that is not left behind: created 0700 under $TMPDIR or /tmp, named
 * after its owner's pid, and locked while any process that inherited it lives. Creating one removes
 * those whose owner is dead.
 *
 * Only plain files and sockets may be put into it. Internal to tools/redis.
 */
#ifndef TREADLE_REDIS_DIRECTORY_H
#define TREADLE_REDIS_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

/* Short enough that a unix socket inside has room for its name. */
#define TREADLE_REDIS_DIRECTORY_MAX 96

typedef struct treadle_redis_directory {
    char path[TREADLE_REDIS_DIRECTORY_MAX];
    int lock_fd;
} treadle_redis_directory;

bool treadle_redis_directory_create(treadle_redis_directory *out, char *error, size_t error_size);

/* Removes it with what is in it. */
void treadle_redis_directory_remove(treadle_redis_directory *directory);

/* Leaves it to another process. */
void treadle_redis_directory_forget(treadle_redis_directory *directory);

#endif
