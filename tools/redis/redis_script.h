// SPDX-License-Identifier: MIT
/*
 * Which commands a Lua script calls, as far as its text tells. The text is read by Lua's lexical
 * rules, not run: `redis.call('NAME', …)` and `redis.pcall('NAME', …)` call NAME. A script that
 * gets at `redis` in another way, or whose name for a command is not a plain string, may call
 * anything, and that is what is said of it: `local call = redis.call`, `redis.call(name)`,
 * `_G[…]`, `loadstring`. Internal to tools/redis.
 */
#ifndef TREADLE_REDIS_SCRIPT_H
#define TREADLE_REDIS_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/redis/redis_resp.h"

/* The index of the argument that is a script's text, in EVAL, SCRIPT LOAD, …; 0 = there is none. */
uint32_t treadle_redis_script_argument(treadle_resp_arguments *arguments);

/* Calls visit(context, name) for every command that the text names in a call. false when it may
 * call others. `server`: that is another name of `redis`, as Valkey has it. */
bool treadle_redis_script_calls(treadle_resp_span text, bool server,
                                void (*visit)(void *context, treadle_resp_span name),
                                void *context);

#endif
