// SPDX-License-Identifier: MIT
/*
 * What a server's commands do, from its own COMMAND table: whether a command reads or writes, which
 * of its arguments are keys, and what else the seam must know of it.
 *
 * Keys follow the key specifications of Redis 7, or first/last/step (and the number of keys, for
 * scripts) with an older server. A script's keys are those it declares.
 *
 * A table is immutable once loaded; it belongs to who loaded it.
 */
#ifndef TREADLE_REDIS_COMMANDS_H
#define TREADLE_REDIS_COMMANDS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/redis/redis_resp.h"

enum {
    TREADLE_REDIS_READS = 1 << 0,   /* COMMAND says readonly */
    TREADLE_REDIS_WRITES = 1 << 1,  /* COMMAND says write */
    TREADLE_REDIS_BLOCKS = 1 << 2,  /* may wait for another client */
    TREADLE_REDIS_STREAMS = 1 << 3, /* not answered by exactly one reply: SUBSCRIBE, MONITOR, … */
    TREADLE_REDIS_ADMIN = 1 << 4,   /* COMMAND says admin, or @dangerous */
    TREADLE_REDIS_GLOBAL = 1 << 5, /* reaches beyond its keys: FLUSHALL, SELECT, SCRIPT FLUSH, … */
    TREADLE_REDIS_SCRIPT = 1 << 6,   /* may leave a script in the server's cache */
    TREADLE_REDIS_FUNCTION = 1 << 7, /* may leave a function library behind */
    TREADLE_REDIS_SESSION = 1 << 8, /* may change the state of its connection: SELECT, CLIENT, … */
    TREADLE_REDIS_RUNS = 1 << 9,    /* carries a script: EVAL, FCALL, … */
    TREADLE_REDIS_CACHED = 1 << 10,    /* calls a script from the server's cache: EVALSHA */
    TREADLE_REDIS_ELSEWHERE = 1 << 11, /* makes the server talk to another one: MIGRATE, … */
    /* What it touches beside its keys; see redis_touches.h. */
    TREADLE_REDIS_ALONE = 1 << 12,         /* nothing but its own connection: PING, MULTI, … */
    TREADLE_REDIS_ALL_KEYS = 1 << 13,      /* acts on all keys, or shows which are stored */
    TREADLE_REDIS_RANDOM = 1 << 14,        /* draws from the server's random numbers */
    TREADLE_REDIS_ACCESS_TIME = 1 << 15,   /* shows when its key was last read: OBJECT IDLETIME */
    TREADLE_REDIS_ASKS_CACHE = 1 << 16,    /* shows which scripts are in the cache */
    TREADLE_REDIS_EMPTIES_CACHE = 1 << 17, /* SCRIPT FLUSH */
    TREADLE_REDIS_CLIENTS = 1 << 18,       /* shows or ends connections: CLIENT KILL, INFO, … */
    TREADLE_REDIS_SETTINGS = 1 << 19,      /* changes settings or users: CONFIG SET, ACL SETUSER */
    TREADLE_REDIS_FORKS = 1 << 20,         /* leaves a child process: BGSAVE, … */
};

#define TREADLE_REDIS_COMMAND_NAME_MAX 40

typedef struct treadle_redis_command treadle_redis_command;
typedef struct treadle_redis_commands treadle_redis_commands;

/* Asks the server. NULL with a one-line reason in `error`. */
treadle_redis_commands *treadle_redis_commands_load(redisContext *context, char *error,
                                                    size_t error_size);
void treadle_redis_commands_free(treadle_redis_commands *commands);

size_t treadle_redis_commands_count(const treadle_redis_commands *commands);

/* The command by name ("xgroup|create" for a subcommand), in any case; NULL when unknown. */
const treadle_redis_command *treadle_redis_command_find(const treadle_redis_commands *commands,
                                                        const char *name, size_t length);

/* The command, or subcommand, that these arguments call; NULL when unknown. */
const treadle_redis_command *treadle_redis_command_of(const treadle_redis_commands *commands,
                                                      const treadle_resp_command *command);

/* In lower case, "script|load" for a subcommand. */
const char *treadle_redis_command_name(const treadle_redis_command *command);
uint32_t treadle_redis_command_flags(const treadle_redis_command *command);

/* Likewise, with those of all its subcommands. */
uint32_t treadle_redis_command_flags_within(const treadle_redis_command *command);

/* Calls visit(context, key, write) for every key argument. false when the arguments do not tell all
 * the keys (SORT … STORE), or are malformed. */
bool treadle_redis_command_keys(const treadle_redis_command *command,
                                const treadle_resp_command *arguments,
                                void (*visit)(void *context, treadle_resp_span key, bool write),
                                void *context);

#endif
