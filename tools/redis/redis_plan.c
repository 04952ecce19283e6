// SPDX-License-Identifier: MIT
/* What the commands of one flush amount to, and which may not be let through: on any server those
 * that are not answered at once by one reply, or lead to another server; on a server that is not
 * ours also those that reach beyond keys with the unique prefix. */
#include <stdio.h>
#include <string.h>

#include "tools/redis/redis_internal.h"

/* The keys of one command on a foreign server. */
typedef struct key_check {
    uint32_t written;
    bool outside; /* a key to be written lacks the prefix */
    bool memory;
    treadle_resp_span first_outside;
} key_check;

static void check_key(void *context, treadle_resp_span key, bool write)
{
    key_check *check = context;
    if (!write) {
        return;
    }
    check->written++;
    if (memmem(key.data, key.length, treadle_redis.prefix.data, treadle_redis.prefix.length) ==
        NULL) {
        check->first_outside = check->outside ? check->first_outside : key;
        check->outside = true;
    } else if (!treadle_redis_keys_add(&treadle_redis.written, key)) {
        check->memory = true;
    }
}

static int shown(treadle_resp_span span)
{
    return span.length < 64 ? (int)span.length : 64;
}

/* Among the arguments from `first` on. */
static bool has_argument(const treadle_resp_command *command, uint32_t first, const char *word)
{
    treadle_resp_arguments arguments = {.command = command};
    for (uint32_t i = first; i < command->argc; i++) {
        if (treadle_resp_is(treadle_resp_argument(&arguments, i), word)) {
            return true;
        }
    }
    return false;
}

/* Why a command may not run on a server that is not ours; NULL when it may. */
static const char *foreign_reason(const treadle_redis_command *command,
                                  const treadle_resp_command *arguments, key_check *check)
{
    if (command == NULL) {
        return "it is not in the server's COMMAND table";
    }
    const uint32_t flags = treadle_redis_command_flags(command);
    if (flags & (TREADLE_REDIS_ADMIN | TREADLE_REDIS_GLOBAL | TREADLE_REDIS_FUNCTION)) {
        return "it reaches beyond the keys of this run";
    }
    if (strcmp(treadle_redis_command_name(command), "copy") == 0 &&
        has_argument(arguments, 3, "DB")) {
        return "it writes into a database from which nothing will be deleted";
    }
    const bool complete = treadle_redis_command_keys(command, arguments, check_key, check);
    const bool writes = flags & (TREADLE_REDIS_WRITES | TREADLE_REDIS_RUNS);
    if (writes && (!complete || check->written == 0)) {
        return "which keys it writes cannot be told from its arguments";
    }
    /* PFCOUNT does, though it is no write command. */
    return check->outside ? "it writes a key that is not under treadle_redis_provider()" : NULL;
}

/* Why a command may not run anywhere; NULL when it may. */
static const char *seam_reason(const treadle_redis_command *command,
                               const treadle_resp_command *arguments)
{
    const uint32_t flags = command != NULL ? treadle_redis_command_flags(command) : 0;
    if (flags & TREADLE_REDIS_STREAMS) {
        return "it is not answered by exactly one reply";
    }
    if (flags & TREADLE_REDIS_ELSEWHERE) {
        return "it makes the server talk to another one, which nobody gave to Treadle";
    }
    if (flags & TREADLE_REDIS_BLOCKS) {
        if (strcmp(treadle_redis_command_name(command), "client|pause") == 0) {
            return "clients would wait inside the server, for a clock that stands still meanwhile";
        }
        /* XREAD and XREADGROUP wait only when told to. */
        const bool stream = strncmp(treadle_redis_command_name(command), "xread", 5) == 0;
        if (!stream || has_argument(arguments, 1, "BLOCK")) {
            return "it may wait for another client inside the server, where no schedule reaches";
        }
    }
    return NULL;
}

static bool plan_command(treadle_redis_plan *plan, const treadle_redis_link *connection,
                         const treadle_resp_command *arguments, char *refusal, size_t refusal_size)
{
    const treadle_redis_command *command =
        treadle_redis_command_of(treadle_redis.commands, arguments);
    key_check check = {0};
    const char *where = "";
    const char *reason = seam_reason(command, arguments);
    if (reason == NULL && treadle_redis.prefix.length > 0) {
        where = " on a server that Treadle did not start";
        reason = foreign_reason(command, arguments, &check);
    }
    if (reason != NULL || check.memory) {
        treadle_resp_arguments walk = {.command = arguments};
        const treadle_resp_span name = treadle_resp_argument(&walk, 0);
        const treadle_resp_span key = check.first_outside;
        snprintf(refusal, refusal_size, "%.*s cannot be used%s: %s%s%.*s", shown(name), name.data,
                 where, reason != NULL ? reason : "out of memory", key.length > 0 ? ": " : "",
                 shown(key), key.length > 0 ? key.data : "");
        return false;
    }
    plan->flags |= command != NULL ? treadle_redis_command_flags(command) : 0;
    if (command != NULL && strcmp(treadle_redis_command_name(command), "exec") == 0) {
        plan->flags |= connection->queued.flags; /* of earlier flushes: it runs them */
    }
    return true;
}

bool treadle_redis_plan_make(treadle_redis_plan *plan, treadle_resp_span commands,
                             const treadle_redis_link *connection, char *refusal,
                             size_t refusal_size)
{
    *plan = (treadle_redis_plan){.queueing = connection->queued.queueing};
    size_t position = 0;
    while (position < commands.length) {
        treadle_resp_command command;
        if (treadle_resp_command_read(commands.data, commands.length, &position, &command) !=
            TREADLE_RESP_OK) {
            snprintf(refusal, refusal_size,
                     "the subject sends something that is not a whole RESP command, at byte %zu of "
                     "%zu",
                     position, commands.length);
            return false;
        }
        if (command.argc == 0) {
            continue; /* the server does not answer it either */
        }
        plan->replies++;
        if (!plan_command(plan, connection, &command, refusal, refusal_size)) {
            return false;
        }
    }
    return true;
}

void treadle_redis_plan_note(uint32_t flags, treadle_redis_link *connection)
{
    treadle_redis.touched = true;
    treadle_redis.scripts |= (flags & TREADLE_REDIS_SCRIPT) != 0;
    treadle_redis.functions |= (flags & TREADLE_REDIS_FUNCTION) != 0;
    connection->session |= (flags & TREADLE_REDIS_SESSION) != 0;
    if ((flags & TREADLE_REDIS_SESSION) && (flags & TREADLE_REDIS_ADMIN)) {
        /* CLIENT KILL and its like: any connection may be gone. */
        treadle_redis.inspector.session = true;
        for (uint32_t i = 0; i < TREADLE_REDIS_CLIENTS_MAX; i++) {
            treadle_redis.pool[i].session = true;
        }
    }
}
