// SPDX-License-Identifier: MIT
/* Attaching, what happens between executions, and what scenarios call. */
#include "tools/redis/redis_seam.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "tools/redis/redis_internal.h"

enum { ERROR_MAX = 256 };

treadle_redis_seam treadle_redis;

/* ---- attaching ------------------------------------------------------------------------------- */

static bool copy_string(const char **out, const char *from)
{
    *out = from != NULL ? strdup(from) : NULL;
    return from == NULL || *out != NULL;
}

static bool copy_target(const treadle_redis_target *from)
{
    treadle_redis_target *to = &treadle_redis.target;
    *to = *from;
    bool ok = copy_string(&to->socket_path, from->socket_path);
    ok &= copy_string(&to->host, from->host);
    ok &= copy_string(&to->username, from->username);
    ok &= copy_string(&to->password, from->password);
    ok &= copy_string(&to->clock_path, from->clock_path);
    return ok;
}

static void free_target(void)
{
    treadle_redis_target *target = &treadle_redis.target;
    const char *const strings[] = {target->socket_path, target->host, target->username,
                                   target->password, target->clock_path};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        free((char *)(uintptr_t)strings[i]);
    }
    *target = (treadle_redis_target){0};
}

static bool map_clock(char *error, size_t error_size)
{
    const char *path = treadle_redis.target.clock_path;
    if (!treadle_redis.target.own || path == NULL) {
        return true;
    }
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    void *mapping = fd < 0 ? MAP_FAILED
                           : mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapping == MAP_FAILED) {
        snprintf(error, error_size, "the server's clock file %s: %s", path, strerror(errno));
    } else {
        treadle_redis.clock = mapping;
    }
    if (fd >= 0) {
        close(fd);
    }
    return mapping != MAP_FAILED;
}

static bool make_prefix(char *error, size_t error_size)
{
    if (treadle_redis.target.own) {
        return true;
    }
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        snprintf(error, error_size, "no random number for a unique key prefix: %s",
                 strerror(errno));
        return false;
    }
    const int length = snprintf(treadle_redis.prefix_text, sizeof treadle_redis.prefix_text,
                                "treadle:%016llx:", (unsigned long long)random);
    treadle_redis.prefix = (treadle_resp_span){treadle_redis.prefix_text, (size_t)length};
    return true;
}

static void start_execution(void);

static void close_all(void)
{
    treadle_redis_place_restore();
    treadle_redis_pool_close();
    treadle_redis_commands_free(treadle_redis.commands);
    if (treadle_redis.clock != NULL) {
        munmap(treadle_redis.clock, sizeof(int64_t));
    }
    treadle_redis_settings_free(&treadle_redis.settings);
    treadle_redis_keys_clear(&treadle_redis.written);
    treadle_redis_keys_clear(&treadle_redis.scripts_seen);
    for (uint32_t i = 0; i < treadle_redis.name_count; i++) {
        free(treadle_redis.names[i].given);
        free(treadle_redis.names[i].used);
    }
    free_target();
    treadle_redis = (treadle_redis_seam){0};
}

/* Whether to scripts `server` is what `redis` is, as on Valkey, or nobody knows. On Redis it is a
 * name like any other. */
static bool has_lua_server(void)
{
    redisReply *reply = redisCommand(treadle_redis.inspector.context, "EVAL_RO %s 0",
                                     "return rawget(_G, 'server') == nil and 1 or 0");
    const bool none = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    freeReplyObject(reply);
    return !none;
}

int treadle_redis_attach(const treadle_redis_target *target, char *error, size_t error_size)
{
    static bool hooked;
    assert(!treadle_redis.attached && "detach first");
    treadle_redis_doors_open();
    treadle_redis = (treadle_redis_seam){0};
    for (uint32_t i = 0; i < TREADLE_REDIS_CLIENTS_MAX; i++) {
        treadle_redis.pool[i].number = i + 1;
        treadle_redis.pool[i].ours = true;
        treadle_redis.pool[i].place = treadle_redis_connection_place(i);
    }
    treadle_redis.inspector.ours = true;
    bool ok = copy_target(target);
    if (!ok) {
        snprintf(error, error_size, "out of memory");
    }
    ok = ok && make_prefix(error, error_size) && map_clock(error, error_size) &&
         treadle_redis_link_open(&treadle_redis.inspector, error, error_size);
    if (ok) {
        treadle_redis.bypass = true;
        treadle_redis.commands =
            treadle_redis_commands_load(treadle_redis.inspector.context, error, error_size);
        ok = treadle_redis.commands != NULL;
        treadle_redis.lua_server = !ok || target->own || has_lua_server();
        treadle_redis.bypass = false;
    }
    if (ok && target->own) {
        ok = treadle_redis_settings_read(&treadle_redis.settings, error, error_size);
    }
    if (!ok) {
        close_all();
        return -1;
    }
    if (target->own) {
        treadle_redis_place_together(treadle_redis.inspector.context->fd);
    }
    treadle_redis.attached = true;
    /* What an earlier process left on the server is not known. */
    treadle_redis.touched = treadle_redis.fresh = target->own;
    treadle_redis.scripts = treadle_redis.functions = treadle_redis.refusing = target->own;
    treadle_redis.functions &=
        treadle_redis_command_find(treadle_redis.commands, "function|flush", 14) != NULL;
    if (!hooked) {
        hooked = true;
        treadle_on_execution_start(start_execution);
    }
    return 0;
}

/* ---- between executions ---------------------------------------------------------------------- */

/* Unless it is as new. */
static void close_inspector(void)
{
    treadle_redis_link *inspector = &treadle_redis.inspector;
    if (inspector->context != NULL && (inspector->context->err != 0 || inspector->session ||
                                       treadle_redis_transaction_open(&inspector->queued))) {
        treadle_redis_link_leave(inspector);
    }
}

static bool open_inspector(char *error, size_t error_size)
{
    treadle_redis_link *inspector = &treadle_redis.inspector;
    return inspector->context != NULL || treadle_redis_link_open(inspector, error, error_size);
}

static bool delete_keys(redisContext *context, char *error, size_t error_size)
{
    treadle_resp_span *key;
    bool ok = true;
    while (ok && (key = treadle_redis_keys_take(&treadle_redis.written)) != NULL) {
        redisReply *reply = redisCommand(context, "DEL %b", key->data, key->length);
        ok = reply != NULL && reply->type == REDIS_REPLY_INTEGER;
        if (!ok) {
            snprintf(error, error_size, "key %.*s, written by an execution, cannot be deleted: %s",
                     key->length < 80 ? (int)key->length : 80, key->data,
                     reply != NULL ? reply->str : context->errstr);
            treadle_redis_keys_add(&treadle_redis.written, *key);
        }
        freeReplyObject(reply);
        free(key);
    }
    return ok;
}

/* Deletes what was written on a server that is not ours. What cannot be deleted stays known. */
static bool delete_written(char *error, size_t error_size)
{
    if (treadle_redis.written.count == 0) {
        return true;
    }
    close_inspector();
    if (!open_inspector(error, error_size)) {
        return false;
    }
    treadle_redis.bypass = true;
    const bool ok = delete_keys(treadle_redis.inspector.context, error, error_size);
    treadle_redis.bypass = false;
    return ok;
}

/* What an execution left of its own accord: not the database, which the next command empties. */
static bool settle(char *error, size_t error_size)
{
    if (!treadle_redis.unsettled) {
        return true;
    }
    char reason[ERROR_MAX / 2];
    close_inspector();
    treadle_redis.unsettled =
        !open_inspector(reason, sizeof reason) ||
        !treadle_redis_settings_restore(&treadle_redis.settings, reason, sizeof reason);
    treadle_redis.refusing = true; /* that may be as it was, too */
    if (treadle_redis.unsettled) {
        snprintf(error, error_size,
                 "what an execution changed in the private server's settings or users cannot be "
                 "restored, so no other runs on it: %s",
                 reason);
    }
    return !treadle_redis.unsettled;
}

static void start_execution(void)
{
    if (!treadle_redis.attached) {
        return;
    }
    treadle_redis.bypass = false;
    treadle_redis.left = treadle_redis.faults;
    treadle_redis.broken[0] = '\0';
    treadle_redis_pool_reset();
    treadle_redis_touch_forget_scripts();
    if (treadle_redis.target.own) {
        treadle_redis.fresh |= treadle_redis.touched;
        settle(treadle_redis.broken, sizeof treadle_redis.broken);
    } else {
        treadle_redis_keys_clear(&treadle_redis.scripts_seen);
        snprintf(treadle_redis.broken, sizeof treadle_redis.broken, "%s",
                 treadle_redis.sent_outside);
        delete_written(treadle_redis.broken, sizeof treadle_redis.broken);
    }
}

void treadle_redis_detach(void)
{
    if (!treadle_redis.attached) {
        return;
    }
    assert(!treadle_inside());
    char error[ERROR_MAX];
    const bool ok = treadle_redis.target.own ? settle(error, sizeof error)
                                             : delete_written(error, sizeof error);
    if (!ok) {
        fprintf(stderr, "treadle: %s\n", error);
    }
    close_all();
}

void treadle_redis_faults(treadle_faults faults)
{
    treadle_redis.faults = treadle_redis.left = faults;
}

/* ---- what scenarios call --------------------------------------------------------------------- */

static void require_attached(void)
{
    assert(treadle_inside());
    if (!treadle_redis.attached) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam", "no Redis server is attached");
    }
    if (treadle_redis.broken[0] != '\0') {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-server", "%s", treadle_redis.broken);
    }
}

redisContext *treadle_redis_connection(uint32_t client)
{
    require_attached();
    if (client >= TREADLE_REDIS_CLIENTS_MAX) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                     "client %u asks for a Redis connection; there are %u, numbered from 0", client,
                     TREADLE_REDIS_CLIENTS_MAX);
    }
    treadle_redis_touch_server();
    treadle_redis_link *connection = &treadle_redis.pool[client];
    connection->given = true;
    char error[ERROR_MAX];
    if (connection->context == NULL && !treadle_redis_link_open(connection, error, sizeof error)) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-server", "%s", error);
    }
    return connection->context;
}

const char *treadle_redis_provider(const char *name)
{
    require_attached();
    for (uint32_t i = 0; i < treadle_redis.name_count; i++) {
        if (strcmp(treadle_redis.names[i].given, name) == 0) {
            return treadle_redis.names[i].used;
        }
    }
    char *given = strdup(name);
    char *used = NULL;
    if (treadle_redis.name_count == TREADLE_REDIS_NAMES_MAX || given == NULL ||
        asprintf(&used, "%s%s", treadle_redis.prefix_text, name) < 0) {
        free(given);
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                     "no memory, or more than %u provider names", TREADLE_REDIS_NAMES_MAX);
    }
    treadle_redis.names[treadle_redis.name_count].given = given;
    treadle_redis.names[treadle_redis.name_count].used = used;
    treadle_redis.name_count++;
    return used;
}

uint64_t treadle_redis_command_count(void)
{
    if (treadle_inside()) {
        treadle_redis_touch_counts(false);
    }
    return treadle_redis.command_count;
}

uint64_t treadle_redis_round_trip_count(void)
{
    if (treadle_inside()) {
        treadle_redis_touch_counts(false);
    }
    return treadle_redis.round_trip_count;
}

/* ---- inspecting ------------------------------------------------------------------------------ */

/* Empties the server first when that is due. NULL with a reason. */
static redisReply *inspect_command(const char *command, size_t length, uint32_t flags, char *error,
                                   size_t error_size)
{
    treadle_redis_link *inspector = &treadle_redis.inspector;
    treadle_redis_plan plan;
    if (!treadle_redis_plan_make(&plan, (treadle_resp_span){command, length}, inspector, error,
                                 error_size) ||
        !open_inspector(error, error_size)) {
        return NULL;
    }
    flags |= plan.flags;
    if (flags & TREADLE_REDIS_CLIENTS) {
        treadle_redis_pool_hide();
    }
    treadle_resp_span sent;
    if (!treadle_redis_plan_sent((treadle_resp_span){command, length}, &sent)) {
        snprintf(error, error_size, "out of memory for a command");
        return NULL;
    }
    redisContext *context = inspector->context;
    uint64_t emptying_replies;
    const treadle_resp_span emptying = treadle_redis_emptying(&emptying_replies);
    redisReply *reply = NULL;
    bool ok = redisAppendFormattedCommand(context, emptying.data, emptying.length) == REDIS_OK &&
              redisAppendFormattedCommand(context, sent.data, sent.length) == REDIS_OK;
    for (uint64_t i = 0; ok && i <= emptying_replies; i++) {
        freeReplyObject(reply);
        reply = NULL;
        ok = redisGetReply(context, (void **)&reply) == REDIS_OK;
        if (ok && i < emptying_replies && reply->type == REDIS_REPLY_ERROR) {
            snprintf(error, error_size, "the Redis server cannot be emptied: %s", reply->str);
            freeReplyObject(reply);
            return NULL;
        }
    }
    if (!ok) {
        if (treadle_redis_server_answers(error, error_size)) {
            snprintf(error, error_size, "the Redis server closed the harness's connection: %s",
                     context->errstr);
        }
        return NULL;
    }
    treadle_redis_emptied();
    treadle_redis_plan_note(flags, inspector);
    return reply;
}

/* Frees `command`; `length` is below 1 when there is none. `flags`: what is known of it beside what
 * its name tells. */
static redisReply *inspect(char *command, int length, uint32_t flags)
{
    char error[ERROR_MAX] = "the command cannot be formatted";
    redisReply *reply = NULL;
    if (length > 0) {
        treadle_redis_publish_clock();
        treadle_redis.bypass = true;
        reply = inspect_command(command, (size_t)length, flags, error, sizeof error);
        treadle_redis.bypass = false;
        redisFreeCommand(command);
    }
    if (reply == NULL) {
        treadle_redis_link_close(&treadle_redis.inspector);
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-server", "%s", error);
    }
    return reply;
}

redisReply *treadle_redis_inspect(const char *format, ...)
{
    require_attached();
    char *command = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = redisvFormatCommand(&command, format, arguments);
    va_end(arguments);
    close_inspector(); /* a transaction on it is over, and queues nothing any more */
    uint32_t flags = 0;
    if (length > 0) {
        flags =
            treadle_redis_touch_commands(treadle_redis.commands, &treadle_redis.inspector.queued,
                                         (treadle_resp_span){command, (size_t)length});
    }
    return inspect(command, length, flags);
}

redisReply *treadle_redis_inspect_arguments(int argc, const char **argv, const size_t *lengths)
{
    require_attached();
    char *command = NULL;
    const int length = redisFormatCommandArgv(&command, argc, argv, lengths);
    close_inspector();
    return inspect(command, length, 0);
}
