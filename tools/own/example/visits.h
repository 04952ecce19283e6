// SPDX-License-Identifier: MIT
/* A number on a Redis server, which several clients count up. */
#ifndef VISITS_H
#define VISITS_H

#include <hiredis/hiredis.h>

/* 0, or -1 with the reason in context->errstr. */
int visits_count(redisContext *context, const char *key);

/* As it was before: reads, then writes. */
int visits_count_in_two_steps(redisContext *context, const char *key);

#endif
