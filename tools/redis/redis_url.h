// SPDX-License-Identifier: MIT
/*
 * A Redis server's address as a URL:
 *
 *     redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]
 *     unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]
 *
 * An IPv6 address is in brackets; USER, PASSWORD, HOST and PATH may contain %XX.
 */
#ifndef TREADLE_REDIS_URL_H
#define TREADLE_REDIS_URL_H

#include <stddef.h>

#include "tools/redis/redis_seam.h"

/* Fills *out, whose strings are then owned by the caller. 0, or -1 with a one-line reason in
 * `error`: what is wrong, where, what would be right. The reason never holds the password. */
int treadle_redis_url_parse(const char *url, treadle_redis_target *out, char *error,
                            size_t error_size);

/* Frees the strings of a parsed target. */
void treadle_redis_url_release(treadle_redis_target *target);

#endif
