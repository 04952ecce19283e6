// SPDX-License-Identifier: MIT
/* What the commands of one flush amount to, and which may not be let through: on any server those
 * that are not answered at once by one reply, or lead to another server; on a server that is not
 * ours also those that reach beyond keys with the unique prefix. */
#include <ctype.h>
#include <sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/redis/redis_internal.h"
#include "tools/redis/redis_script.h"

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

static const char elsewhere[] =
    "it makes the server talk to another one, which nobody gave to Treadle";
static const char beyond[] = "it reaches beyond the keys of this run";
static const char unknown[] = "it is not in the server's COMMAND table";

enum {
    BEYOND = TREADLE_REDIS_ADMIN | TREADLE_REDIS_GLOBAL | TREADLE_REDIS_FUNCTION,
};

static bool is_foreign(void)
{
    return treadle_redis.prefix.length > 0;
}

/* ---- scripts --------------------------------------------------------------------------------- */

/* What a script calls. */
typedef struct script_check {
    const char *reason;     /* why it may not call one; NULL = it may call them all */
    treadle_resp_span name; /* of that one */
} script_check;

static const char *call_reason(treadle_resp_span name)
{
    const treadle_redis_command *command =
        name.length < TREADLE_REDIS_COMMAND_NAME_MAX
            ? treadle_redis_command_find(treadle_redis.commands, name.data, name.length)
            : NULL;
    const uint32_t flags = command != NULL ? treadle_redis_command_flags_within(command) : 0;
    if (flags & TREADLE_REDIS_ELSEWHERE) {
        return elsewhere;
    }
    if (!is_foreign()) {
        return NULL;
    }
    if (command == NULL) {
        return unknown;
    }
    if (strcmp(treadle_redis_command_name(command), "copy") == 0) {
        return "it may write into a database from which nothing will be deleted";
    }
    return flags & BEYOND ? beyond : NULL;
}

static void check_call(void *context, treadle_resp_span name)
{
    script_check *check = context;
    if (check->reason == NULL) {
        check->reason = call_reason(name);
        check->name = check->reason != NULL ? name : check->name;
    }
}

/* Why a script that is sent may not be; NULL when it may, or when there is none. */
static const char *script_reason(const treadle_resp_command *command, script_check *check)
{
    treadle_resp_arguments arguments = {.command = command};
    const uint32_t index = treadle_redis_script_argument(&arguments);
    if (index == 0) {
        return NULL;
    }
    const treadle_resp_span text = treadle_resp_argument(&arguments, index);
    const bool all = treadle_redis_script_calls(text, treadle_redis.lua_server, check_call, check);
    if (check->reason != NULL || !is_foreign()) {
        return check->reason;
    }
    if (!all) {
        return "what its script calls cannot be told from its text; it can where it stands as "
               "redis.call('NAME', ...)";
    }
    return NULL;
}

/* A server knows a script by the SHA-1 of its text, in hexadecimal digits. */
enum { SCRIPT_NAME_BYTES = SHA1_DIGEST_STRING_LENGTH - 1 };

/* Keeps in mind that a script was sent. */
static bool remember_script(const treadle_resp_command *command)
{
    treadle_resp_arguments arguments = {.command = command};
    const uint32_t index = treadle_redis_script_argument(&arguments);
    if (index == 0) {
        return true;
    }
    char name[SHA1_DIGEST_STRING_LENGTH];
    const treadle_resp_span text = treadle_resp_argument(&arguments, index);
    SHA1Data((const uint8_t *)text.data, text.length, name);
    return treadle_redis_keys_add(&treadle_redis.scripts_seen,
                                  (treadle_resp_span){name, SCRIPT_NAME_BYTES});
}

/* Whether this is the name of a script that was sent in this execution. */
static bool is_seen(treadle_resp_span name)
{
    char digits[SCRIPT_NAME_BYTES];
    for (size_t i = 0; i < sizeof digits && i < name.length; i++) {
        digits[i] = (char)tolower((unsigned char)name.data[i]);
    }
    return name.length == sizeof digits &&
           treadle_redis_keys_has(&treadle_redis.scripts_seen,
                                  (treadle_resp_span){digits, sizeof digits});
}

/* Strikes the names of scripts that were not sent in this execution, by which a command calls them
 * or asks for them, out of a copy of what `commands` holds. */
static void strike_unseen(const treadle_resp_command *command, const char *commands, char *copy)
{
    const treadle_redis_command *found = treadle_redis_command_of(treadle_redis.commands, command);
    const uint32_t flags = found != NULL ? treadle_redis_command_flags(found) : 0;
    const bool asks = flags & TREADLE_REDIS_ASKS_CACHE;
    if (!asks && !(flags & TREADLE_REDIS_CACHED)) {
        return;
    }
    const uint32_t first = asks ? 2 : 1;
    const uint32_t end = asks || command->argc < 2 ? command->argc : 2;
    treadle_resp_arguments arguments = {.command = command};
    for (uint32_t i = first; i < end; i++) {
        const treadle_resp_span name = treadle_resp_argument(&arguments, i);
        if (name.length > 0 && !is_seen(name)) {
            memset(copy + (name.data - commands), '-', name.length);
        }
    }
}

bool treadle_redis_plan_sent(treadle_resp_span commands, treadle_resp_span *sent)
{
    static char *copy;
    static size_t capacity;
    *sent = commands;
    if (!is_foreign() || commands.length == 0) {
        return true;
    }
    if (commands.length > capacity) {
        char *larger = realloc(copy, commands.length);
        if (larger == NULL) {
            return false;
        }
        copy = larger;
        capacity = commands.length;
    }
    memcpy(copy, commands.data, commands.length);
    *sent = (treadle_resp_span){copy, commands.length};
    size_t position = 0;
    treadle_resp_command command;
    bool ok = true;
    while (ok && position < commands.length &&
           treadle_resp_command_read(commands.data, commands.length, &position, &command) ==
               TREADLE_RESP_OK) {
        if (command.argc > 0) {
            strike_unseen(&command, commands.data, copy);
            ok = remember_script(&command);
        }
    }
    return ok;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* Why a command may not run on a server that is not ours; NULL when it may. */
static const char *foreign_reason(const treadle_redis_command *command,
                                  const treadle_resp_command *arguments, key_check *check)
{
    if (command == NULL) {
        return unknown;
    }
    const uint32_t flags = treadle_redis_command_flags(command);
    if (flags & BEYOND) {
        return beyond;
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

/* Whether a command starts a child of the server, for which the server looks when its timer runs.
 * Of the settings one does when it is switched on. */
static bool forks(const treadle_redis_command *command, const treadle_resp_command *arguments)
{
    return command != NULL && ((treadle_redis_command_flags(command) & TREADLE_REDIS_FORKS) ||
                               (strcmp(treadle_redis_command_name(command), "config|set") == 0 &&
                                has_argument(arguments, 2, "appendonly")));
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
        return elsewhere;
    }
    if (!is_foreign() && forks(command, arguments)) {
        return "the server's timer stands still, so a child process that it starts never ends";
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

/* "NAME cannot be used …: its script calls NAME: REASON: KEY" */
static bool refuse(const treadle_resp_command *command, bool anywhere, const char *reason,
                   const script_check *script, const key_check *keys, char *refusal,
                   size_t refusal_size)
{
    treadle_resp_arguments walk = {.command = command};
    const treadle_resp_span name = treadle_resp_argument(&walk, 0);
    const treadle_resp_span called = script->name;
    const treadle_resp_span key = keys->first_outside;
    snprintf(refusal, refusal_size, "%.*s cannot be used%s: %s%.*s%s%s%s%.*s", shown(name),
             name.data, anywhere ? "" : " on a server that Treadle did not start",
             called.length > 0 ? "its script calls " : "", shown(called), called.data,
             called.length > 0 ? ": " : "", reason, key.length > 0 ? ": " : "", shown(key),
             key.data);
    return false;
}

static bool plan_command(treadle_redis_plan *plan, const treadle_redis_link *connection,
                         const treadle_resp_command *arguments, char *refusal, size_t refusal_size)
{
    const treadle_redis_command *command =
        treadle_redis_command_of(treadle_redis.commands, arguments);
    key_check keys = {0};
    script_check script = {0};
    const char *reason = seam_reason(command, arguments);
    bool anywhere = reason != NULL;
    if (reason == NULL && is_foreign()) {
        reason = foreign_reason(command, arguments, &keys);
        if (reason == NULL && connection == &treadle_redis.inspector &&
            (treadle_redis_command_flags(command) & TREADLE_REDIS_CACHED)) {
            reason = "what the script calls is not known";
        }
    }
    if (reason == NULL) {
        reason = script_reason(arguments, &script);
        anywhere = reason == elsewhere;
    }
    if (reason == NULL && keys.memory) {
        reason = "out of memory";
    }
    if (reason != NULL) {
        return refuse(arguments, anywhere, reason, &script, &keys, refusal, refusal_size);
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

bool treadle_redis_plan_allows_outside(redisContext *context, treadle_resp_span command)
{
    treadle_redis_plan plan;
    char refusal[256];
    if (!treadle_redis.attached || !is_foreign() ||
        treadle_redis_plan_make(&plan, command, &treadle_redis.inspector, refusal,
                                sizeof refusal)) {
        return true;
    }
    treadle_redis_context_fail(context, REDIS_ERR_OTHER, refusal);
    snprintf(treadle_redis.sent_outside, sizeof treadle_redis.sent_outside,
             "outside an execution: %s", refusal);
    return false;
}

void treadle_redis_plan_note(uint32_t flags, treadle_redis_link *connection)
{
    treadle_redis.touched = true;
    treadle_redis.scripts |= (flags & TREADLE_REDIS_SCRIPT) != 0;
    treadle_redis.functions |= (flags & TREADLE_REDIS_FUNCTION) != 0;
    treadle_redis.unsettled |= (flags & TREADLE_REDIS_SETTINGS) != 0;
    connection->session |= (flags & TREADLE_REDIS_SESSION) != 0;
    if (flags & TREADLE_REDIS_CLIENTS) {
        /* Any connection that is open may be gone. */
        for (uint32_t i = 0; i < TREADLE_REDIS_CLIENTS_MAX; i++) {
            treadle_redis.pool[i].session |= treadle_redis.pool[i].context != NULL;
        }
    }
}

bool treadle_redis_plan_outside(redisContext *context)
{
    const treadle_resp_span commands = {context->obuf, sdslen(context->obuf)};
    treadle_redis_link *kept = treadle_redis_link_known(context);
    if (!treadle_redis.attached || commands.length == 0) {
        return true;
    }
    /* What a fiber appended was not looked at then. */
    if (kept != NULL && !treadle_redis_plan_allows_outside(context, commands)) {
        sdssetlen(context->obuf, 0);
        context->obuf[0] = '\0';
        return false;
    }
    uint32_t flags = 0;
    size_t position = 0;
    treadle_resp_command command;
    while (position < commands.length &&
           treadle_resp_command_read(commands.data, commands.length, &position, &command) ==
               TREADLE_RESP_OK) {
        const treadle_redis_command *found =
            treadle_redis_command_of(treadle_redis.commands, &command);
        flags |= found != NULL ? treadle_redis_command_flags(found) : 0;
    }
    /* A connection that it ends is found to be closed, and reopened. */
    static treadle_redis_link unknown_link;
    treadle_redis_plan_note(flags & ~(uint32_t)TREADLE_REDIS_CLIENTS,
                            kept != NULL ? kept : &unknown_link);
    if (kept != NULL) {
        kept->session = true;
    }
    return true;
}
