// SPDX-License-Identifier: MIT
/* The connections: the pool's, the inspector's, and strangers that the subject opened itself. */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/redis/redis_connect.h"
#include "tools/redis/redis_internal.h"

/* ---- opening --------------------------------------------------------------------------------- */

bool treadle_redis_greet(redisContext *context, char *error, size_t error_size)
{
    return treadle_redis_introduce(context, &treadle_redis.target, error, error_size);
}

static redisContext *open_context(char *error, size_t error_size)
{
    const bool before = treadle_redis.bypass;
    treadle_redis.bypass = true;
    redisContext *context = treadle_redis_connect(&treadle_redis.target, error, error_size);
    treadle_redis.bypass = before;
    return context;
}

bool treadle_redis_link_open(treadle_redis_link *connection, char *error, size_t error_size)
{
    assert(connection->context == NULL);
    connection->context = open_context(error, error_size);
    return connection->context != NULL;
}

void treadle_redis_link_close(treadle_redis_link *connection)
{
    const bool before = treadle_redis.bypass;
    treadle_redis.bypass = true;
    if (connection->context != NULL) {
        redisFree(connection->context);
        connection->context = NULL;
    }
    treadle_redis.bypass = before;
    treadle_redis_wire_clear(&connection->wire);
    connection->closed = connection->session = false;
    connection->queued = (treadle_redis_transaction){0};
}

void treadle_redis_hang_up(redisContext *context)
{
    if (treadle_redis.target.own) {
        treadle_redis_wire_hang_up(context->fd);
    } else {
        shutdown(context->fd, SHUT_RDWR);
    }
}

void treadle_redis_link_leave(treadle_redis_link *connection)
{
    if (connection->context != NULL && !connection->closed) {
        treadle_redis_hang_up(connection->context);
    }
    treadle_redis_link_close(connection);
}

void treadle_redis_link_drop(treadle_redis_link *connection)
{
    treadle_redis_link_leave(connection);
    if (!connection->ours) {
        treadle_redis_stranger_freed(connection);
    }
}

bool treadle_redis_server_answers(char *error, size_t error_size)
{
    redisContext *context = open_context(error, error_size);
    if (context == NULL) {
        return false;
    }
    const bool before = treadle_redis.bypass;
    treadle_redis.bypass = true;
    const char *ping[] = {"PING"};
    const bool ok = treadle_redis_tell(context, 1, ping, error, error_size);
    treadle_redis_hang_up(context);
    redisFree(context);
    treadle_redis.bypass = before;
    return ok;
}

/* ---- between executions ---------------------------------------------------------------------- */

static bool reusable(const treadle_redis_link *connection)
{
    return connection->context->err == 0 && !connection->closed && !connection->session &&
           !treadle_redis_transaction_open(&connection->queued);
}

/* An execution that was abandoned may have left half a command, or half a reply, in the context. */
static bool clean(redisContext *context)
{
    if (sdslen(context->obuf) > 0) {
        sdssetlen(context->obuf, 0);
        context->obuf[0] = '\0';
    }
    redisReader *reader = context->reader;
    if (reader->err == 0 && reader->ridx < 0 && reader->pos == reader->len) {
        return true;
    }
    redisReader *replacement = redisReaderCreate();
    if (replacement == NULL) {
        return false;
    }
    redisReaderFree(reader);
    context->reader = replacement;
    return true;
}

static void reset_connection(treadle_redis_link *connection)
{
    connection->given = false;
    if (connection->context == NULL) {
        return;
    }
    if (!reusable(connection) || !clean(connection->context)) {
        treadle_redis_link_leave(connection);
        return;
    }
    treadle_redis_wire_clear(&connection->wire);
}

void treadle_redis_pool_reset(void)
{
    memset(treadle_redis.births, 0, sizeof treadle_redis.births);
    for (uint32_t i = 0; i < TREADLE_REDIS_CLIENTS_MAX; i++) {
        reset_connection(&treadle_redis.pool[i]);
    }
    for (uint32_t i = 0; i < TREADLE_REDIS_STRANGERS_MAX; i++) {
        if (treadle_redis.strangers[i].context != NULL) {
            /* Nobody's, once the execution ended. */
            treadle_redis_link_drop(&treadle_redis.strangers[i]);
        }
    }
}

void treadle_redis_pool_hide(void)
{
    for (uint32_t i = 0; i < TREADLE_REDIS_CLIENTS_MAX; i++) {
        if (!treadle_redis.pool[i].given) {
            treadle_redis_link_leave(&treadle_redis.pool[i]);
        }
    }
}

void treadle_redis_pool_close(void)
{
    for (uint32_t i = 0; i < TREADLE_REDIS_CLIENTS_MAX; i++) {
        treadle_redis_link_close(&treadle_redis.pool[i]);
        treadle_redis_wire_free(&treadle_redis.pool[i].wire);
    }
    for (uint32_t i = 0; i < TREADLE_REDIS_STRANGERS_MAX; i++) {
        if (treadle_redis.strangers[i].context != NULL) {
            treadle_redis_link_drop(&treadle_redis.strangers[i]);
        }
        treadle_redis_wire_free(&treadle_redis.strangers[i].wire);
    }
    treadle_redis_link_close(&treadle_redis.inspector);
}

/* ---- strangers ------------------------------------------------------------------------------- */

treadle_redis_link *treadle_redis_link_known(const redisContext *context)
{
    for (uint32_t i = 0; i < TREADLE_REDIS_CLIENTS_MAX; i++) {
        if (treadle_redis.pool[i].context == context) {
            return &treadle_redis.pool[i];
        }
    }
    for (uint32_t i = 0; i < TREADLE_REDIS_STRANGERS_MAX; i++) {
        if (treadle_redis.strangers[i].context == context) {
            return &treadle_redis.strangers[i];
        }
    }
    return NULL;
}

void treadle_redis_stranger_born(redisContext *context)
{
    if (!treadle_redis.attached) {
        return;
    }
    for (uint32_t i = 0; i < TREADLE_REDIS_STRANGERS_MAX; i++) {
        treadle_redis_link *stranger = &treadle_redis.strangers[i];
        if (stranger->context == NULL) {
            stranger->context = context;
            /* Depends on the order of births, and is for messages only. */
            stranger->number = TREADLE_REDIS_CLIENTS_MAX + 1 + i;
            stranger->place = treadle_redis_connection_birthplace(
                treadle_redis.births[treadle_thread_number()]++);
            return;
        }
    }
    treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                 "the subject has more than %u Redis connections of its own",
                 TREADLE_REDIS_STRANGERS_MAX);
}

void treadle_redis_stranger_freed(treadle_redis_link *connection)
{
    assert(!connection->ours);
    const treadle_redis_wire wire = connection->wire;
    *connection = (treadle_redis_link){.wire = wire};
    treadle_redis_wire_clear(&connection->wire);
}

static bool leads_to_target(const redisContext *context)
{
    const treadle_redis_target *target = &treadle_redis.target;
    if (context->connection_type == REDIS_CONN_UNIX) {
        return target->socket_path != NULL && context->unix_sock.path != NULL &&
               strcmp(target->socket_path, context->unix_sock.path) == 0;
    }
    return target->socket_path == NULL && context->tcp.host != NULL &&
           strcmp(target->host, context->tcp.host) == 0 && target->port == context->tcp.port;
}

treadle_redis_link *treadle_redis_link_of(redisContext *context)
{
    if (!treadle_redis.attached) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                     "the subject calls Redis, and no server is attached");
    }
    treadle_redis_link *connection = treadle_redis_link_known(context);
    /* Nobody saw what it selected or watches, and it would keep that between executions. */
    if (connection == NULL) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                     "the subject uses a connection that was opened outside an execution, or not "
                     "by redisConnect, redisConnectUnix or their WithTimeout; use "
                     "treadle_redis_connection(), or open it so where it is used");
    }
    const bool stranger = connection != NULL && !connection->ours;
    /* What the seam empties, and what it sends to, must be the server it was given. */
    if (stranger && !leads_to_target(context)) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                     "the subject opened a connection to another server than the one attached; "
                     "use treadle_redis_connection()");
    }
    /* What it writes there would not be deleted. */
    if (stranger && !treadle_redis.target.own && treadle_redis.target.database != 0) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                     "the subject opened a connection, which is in database 0, to a server that "
                     "Treadle did not start and whose URL names database %d; use "
                     "treadle_redis_connection()",
                     treadle_redis.target.database);
    }
    if (!(context->flags & REDIS_BLOCK)) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                     "the subject uses hiredis without blocking, which is not supported");
    }
    return connection;
}
