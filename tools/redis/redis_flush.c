// SPDX-License-Identifier: MIT
/* One flush: the thread announces it, waits to be picked, and then the commands run on the server
 * and all their replies are fetched before any other thread moves. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tools/redis/redis_internal.h"
#include "tools/redis/redis_text.h"

enum { TEXT_MAX = 4096, REFUSAL_MAX = 256 };

/* ---- before sending -------------------------------------------------------------------------- */

void treadle_redis_publish_clock(void)
{
    if (treadle_redis.clock != NULL) {
        __atomic_store_n(treadle_redis.clock, TREADLE_REALTIME_START_NS + treadle_clock_ns(),
                         __ATOMIC_RELEASE);
    }
}

treadle_resp_span treadle_redis_emptying(uint64_t *replies)
{
    static char commands[256];
    *replies = 0;
    if (!treadle_redis.fresh) {
        return (treadle_resp_span){commands, 0};
    }
    const char *const parts[] = {
        /* First: while it refuses writes, it refuses to be emptied. */
        treadle_redis.refusing ? "*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n"
                                 "$21\r\nmin-replicas-to-write\r\n$1\r\n0\r\n"
                               : "",
        "*2\r\n$8\r\nFLUSHALL\r\n$4\r\nSYNC\r\n",
        treadle_redis.scripts ? "*3\r\n$6\r\nSCRIPT\r\n$5\r\nFLUSH\r\n$4\r\nSYNC\r\n" : "",
        treadle_redis.functions ? "*3\r\n$8\r\nFUNCTION\r\n$5\r\nFLUSH\r\n$4\r\nSYNC\r\n" : "",
    };
    size_t length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const size_t part = strlen(parts[i]);
        assert(length + part < sizeof commands);
        memcpy(commands + length, parts[i], part);
        length += part;
        *replies += part > 0;
    }
    return (treadle_resp_span){commands, length};
}

void treadle_redis_emptied(void)
{
    if (!treadle_redis.fresh) {
        return;
    }
    treadle_redis.fresh = treadle_redis.touched = false;
    treadle_redis.scripts = treadle_redis.functions = treadle_redis.refusing = false;
}

/* ---- telling the trace ------------------------------------------------------------------------
 */

/* What was done to the server before the flush. */
static void tell_before(treadle_redis_text *text, const treadle_redis_fault *fault)
{
    switch (fault->kind) {
    case TREADLE_REDIS_FAULT_SCRIPTS_FLUSHED:
        treadle_redis_text_literal(text, "(scripts lost) ");
        break;
    case TREADLE_REDIS_FAULT_ERROR_REPLY:
        treadle_redis_text_literal(text, "(no replicas: writes refused) ");
        break;
    case TREADLE_REDIS_FAULT_EVICTED:
        treadle_redis_text_literal(text, "(evicted ");
        treadle_redis_text_bytes(text, fault->key);
        treadle_redis_text_literal(text, ") ");
        break;
    case TREADLE_REDIS_FAULT_ANSWERED: treadle_redis_text_literal(text, "(not run) "); break;
    default: break;
    }
}

/* "(before) COMMAND -> reply | COMMAND -> reply (after)"; a command whose reply is not among
 * `replies` stands alone. */
static void tell(treadle_event *event, const treadle_redis_fault *fault, treadle_resp_span commands,
                 treadle_resp_span replies, const char *after, bool failed)
{
    static char buffer[TEXT_MAX];
    treadle_redis_text text = {.buffer = buffer, .size = sizeof buffer};
    text.elide = treadle_redis.prefix;
    tell_before(&text, fault);
    size_t reply = 0;
    size_t position = 0;
    bool first = true;
    while (position < commands.length && !text.full) {
        treadle_resp_command command;
        if (treadle_resp_command_read(commands.data, commands.length, &position, &command) !=
            TREADLE_RESP_OK) {
            break;
        }
        treadle_redis_text_literal(&text, first ? "" : " | ");
        first = false;
        treadle_redis_text_command(&text, &command);
        if (reply < replies.length && command.argc > 0) {
            treadle_redis_text_literal(&text, " -> ");
            treadle_redis_text_reply(&text, replies.data, replies.length, &reply);
        }
    }
    treadle_redis_text_literal(&text, after);
    treadle_event_text(event, buffer, text.length, failed);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void cut(treadle_redis_link *connection)
{
    treadle_redis_touch_server();
    treadle_redis_hang_up(connection->context);
    treadle_redis_wire_clear(&connection->wire);
    treadle_redis_context_fail(connection->context, REDIS_ERR_EOF, "Server closed the connection");
}

static _Noreturn void stop_on(treadle_redis_link *connection, treadle_redis_wire_status status,
                              size_t replies_at)
{
    const treadle_redis_wire *wire = &connection->wire;
    const size_t length = wire->end - replies_at;
    switch (status) {
    case TREADLE_REDIS_WIRE_SILENT:
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-server",
                     "the Redis server did not answer within %lld ms",
                     (long long)treadle_redis_wire_timeout_ms);
    case TREADLE_REDIS_WIRE_MEMORY:
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam", "out of memory for a reply");
    default:
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-server",
                     "the Redis server answered with something that is not expected: %.*s",
                     (int)(length < 100 ? length : 100), wire->data + replies_at);
    }
}

/* Sends what is due, and fetches the replies. Ends the execution unless the status is OK, or CLOSED
 * by a server that still lives. */
static treadle_redis_wire_status exchange(treadle_redis_link *connection,
                                          treadle_resp_span commands, uint64_t replies)
{
    uint64_t emptying_replies;
    const treadle_resp_span emptying = treadle_redis_emptying(&emptying_replies);
    const treadle_redis_wire_status status = treadle_redis_wire_exchange(
        &connection->wire, connection->context->fd, emptying, emptying_replies, commands, replies);
    if (status == TREADLE_REDIS_WIRE_OK || status == TREADLE_REDIS_WIRE_CLOSED) {
        treadle_redis_emptied();
    }
    if (status == TREADLE_REDIS_WIRE_OK) {
        return status;
    }
    connection->closed = true; /* replies may still be under way: not to be used again */
    if (status != TREADLE_REDIS_WIRE_CLOSED && status != TREADLE_REDIS_WIRE_CLOSED_EARLY) {
        stop_on(connection, status, connection->wire.begin);
    }
    char error[REFUSAL_MAX];
    if (!treadle_redis_server_answers(error, sizeof error)) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-server", "%s", error);
    }
    return TREADLE_REDIS_WIRE_CLOSED;
}

/* The first commands of a flush, as many as are answered `replies` times. */
static treadle_resp_span first_commands(treadle_resp_span commands, uint64_t replies)
{
    size_t position = 0;
    treadle_resp_command command;
    while (replies > 0 && treadle_resp_command_read(commands.data, commands.length, &position,
                                                    &command) == TREADLE_RESP_OK) {
        replies -= command.argc > 0;
    }
    return (treadle_resp_span){commands.data, position};
}

static int run(treadle_redis_link *connection, treadle_event *event,
               const treadle_redis_fault *fault, const treadle_redis_plan *plan)
{
    redisContext *context = connection->context;
    const treadle_resp_span commands = {context->obuf, sdslen(context->obuf)};
    const size_t unread = connection->wire.end - connection->wire.begin;
    const bool inside = fault->kind == TREADLE_REDIS_FAULT_CUT_INSIDE;
    const bool lost = inside || fault->kind == TREADLE_REDIS_FAULT_CUT_AFTER;
    const bool answered = fault->kind == TREADLE_REDIS_FAULT_ANSWERED;
    const uint64_t count = inside ? fault->commands : plan->replies;
    treadle_resp_span sent = inside     ? first_commands(commands, count)
                             : answered ? treadle_redis_fault_answers(fault, count)
                                        : commands;
    uint32_t flags = 0;
    if (answered) {
        treadle_redis_touch_server();
    } else {
        flags = treadle_redis_touch_commands(treadle_redis.commands, &connection->queued, sent);
    }
    treadle_redis_touch_counts(true);
    if (!treadle_redis_plan_sent(sent, &sent)) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam", "out of memory for a command");
    }
    if (flags & TREADLE_REDIS_CLIENTS) {
        treadle_redis_link_leave(&treadle_redis.inspector);
        treadle_redis_pool_hide();
    }
    const treadle_redis_wire_status status = exchange(connection, sent, count);
    if (!answered) {
        treadle_redis_plan_note(flags, connection);
    }
    treadle_redis.command_count += count;
    treadle_redis.round_trip_count++;
    if (event != NULL) {
        treadle_resp_span replies = treadle_redis_wire_unread(&connection->wire);
        replies.data += unread;
        replies.length -= unread;
        const bool closed = status == TREADLE_REDIS_WIRE_CLOSED;
        char after[96] = "";
        if (inside) {
            snprintf(after, sizeof after,
                     " (connection cut after %llu of %llu commands, no reply arrives)",
                     (unsigned long long)count, (unsigned long long)plan->replies);
        } else if (lost || closed) {
            snprintf(after, sizeof after, "%s",
                     lost ? " (connection cut, the reply is lost)"
                          : " (the server closed the connection)");
        }
        tell(event, fault, commands, replies, after, closed || lost);
        if (treadle_redis.tell_state && !closed) {
            treadle_redis_state_tell(event);
        }
    }
    sdssetlen(context->obuf, 0);
    context->obuf[0] = '\0';
    if (lost) {
        /* hiredis sees the end of the connection when it reads, which it does next. */
        cut(connection);
        return REDIS_ERR;
    }
    return REDIS_OK;
}

int treadle_redis_flush(redisContext *context, const void *site)
{
    treadle_redis_link *connection = treadle_redis_link_of(context);
    treadle_event *event = treadle_announce_external(TREADLE_OP_REDIS, connection->number, site);
    treadle_redis_touch_connection(connection->place);
    /* While this thread waited, another one that shares the context may have used it up. */
    if (context->err || sdslen(context->obuf) == 0) {
        if (event != NULL) {
            static const char text[] = "(another thread has sent this connection's commands)";
            treadle_event_text(event, text, sizeof text - 1, context->err != 0);
        }
        return context->err ? REDIS_ERR : REDIS_OK;
    }
    connection = treadle_redis_link_of(context);
    const treadle_resp_span commands = {context->obuf, sdslen(context->obuf)};
    treadle_redis_plan plan;
    char refusal[REFUSAL_MAX];
    if (!treadle_redis_plan_make(&plan, commands, connection, refusal, sizeof refusal)) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam", "%s", refusal);
    }
    const treadle_redis_fault fault = treadle_redis_fault_choose(&plan, commands);
    if (fault.kind == TREADLE_REDIS_FAULT_CUT_BEFORE) {
        if (event != NULL) {
            tell(event, &fault, commands, (treadle_resp_span){0},
                 " (connection cut before it was sent)", true);
        }
        cut(connection);
        return REDIS_ERR;
    }
    treadle_redis_fault_strike(&fault);
    treadle_redis_publish_clock();
    const int status = run(connection, event, &fault, &plan);
    treadle_redis_fault_heal();
    return status;
}
