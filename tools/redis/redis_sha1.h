// SPDX-License-Identifier: MIT
/*
 * By what name a server keeps a script: the SHA-1 of its text. Not for secrets. Internal to
 * tools/redis.
 */
#ifndef TREADLE_REDIS_SHA1_H
#define TREADLE_REDIS_SHA1_H

#include "tools/redis/redis_resp.h"

#define TREADLE_REDIS_SHA1_DIGITS 40

/* In lower-case hexadecimal digits, not terminated. */
void treadle_redis_sha1(treadle_resp_span text, char digits[static TREADLE_REDIS_SHA1_DIGITS]);

#endif
