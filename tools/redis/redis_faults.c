// SPDX-License-Identifier: MIT
/*
 * Which fault strikes a flush, and what the harness does to its own server for it.
 *
 * Every fault is the real thing, or has exactly its effect:
 *  - scripts_flushed is SCRIPT FLUSH;
 *  - error_reply is a primary that has lost its replicas: with min-replicas-to-write 1 it answers
 *    every write with NOREPLICAS, refuses to EXEC what has one, and stops a script at its first.
 *    (Not maxmemory: a server that is out of memory lets a script go on once it has written.)
 *  - evicted is an UNLINK of the key: which key a full server evicts is a matter of sampling, and
 *    would not be the same in every run. As an eviction does, it aborts a transaction that watches.
 *  - answered is DEBUG ERROR in the place of each command: what a server says that is loading, full
 *    or busy, or is a primary no more. Not after MULTI, where it would be queued.
 * The commands for that travel on the inspector's connection, outside the subject's transactions.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tools/redis/redis_internal.h"

enum { KINDS = TREADLE_REDIS_FAULT_COUNT };

static void require_done(redisReply *reply, const char *what)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-server", "the Redis server refused %s: %s",
                     what, reply->str);
    }
    freeReplyObject(reply);
}

/* ---- which apply ----------------------------------------------------------------------------- */

/* The different keys of a flush that are in the database. */
typedef struct present_keys {
    uint32_t count;
    treadle_resp_span keys[TREADLE_REDIS_FAULT_KEYS_MAX];
} present_keys;

/* EXISTS or UNLINK of one key: how many there were. */
static long long of_key(const char *command, treadle_resp_span key)
{
    const char *argv[] = {command, key.data};
    const size_t lengths[] = {strlen(command), key.length};
    redisReply *reply = treadle_redis_inspect_arguments(2, argv, lengths);
    const long long number = reply->integer;
    require_done(reply, command);
    return number;
}

static void visit_key(void *context, treadle_resp_span key, bool write)
{
    (void)write;
    present_keys *present = context;
    for (uint32_t i = 0; i < present->count; i++) {
        const treadle_resp_span other = present->keys[i];
        if (other.length == key.length && memcmp(other.data, key.data, key.length) == 0) {
            return;
        }
    }
    treadle_redis_touch_key(key, false);
    /* A server that is about to be emptied has nothing. */
    if (!treadle_redis.fresh && present->count < TREADLE_REDIS_FAULT_KEYS_MAX &&
        of_key("EXISTS", key) == 1) {
        present->keys[present->count++] = key;
    }
}

static void find_present(present_keys *present, treadle_resp_span commands)
{
    present->count = 0;
    size_t position = 0;
    treadle_resp_command arguments;
    while (position < commands.length &&
           treadle_resp_command_read(commands.data, commands.length, &position, &arguments) ==
               TREADLE_RESP_OK) {
        const treadle_redis_command *command =
            arguments.argc > 0 ? treadle_redis_command_of(treadle_redis.commands, &arguments)
                               : NULL;
        if (command != NULL) {
            treadle_redis_command_keys(command, &arguments, visit_key, present);
        }
    }
}

static uint32_t *left_of(treadle_redis_fault_kind kind, treadle_faults *left)
{
    switch (kind) {
    case TREADLE_REDIS_FAULT_CUT_BEFORE: return &left->cut_before;
    case TREADLE_REDIS_FAULT_CUT_AFTER: return &left->cut_after;
    case TREADLE_REDIS_FAULT_CUT_INSIDE: return &left->cut_inside;
    case TREADLE_REDIS_FAULT_SCRIPTS_FLUSHED: return &left->scripts_flushed;
    case TREADLE_REDIS_FAULT_ERROR_REPLY: return &left->error_reply;
    case TREADLE_REDIS_FAULT_EVICTED: return &left->evicted;
    case TREADLE_REDIS_FAULT_ANSWERED: return &left->answered;
    default: assert(false && "every kind has a budget"); return NULL;
    }
}

/* Whether a fault of this kind could ever make a difference to these commands. */
static bool concerns(treadle_redis_fault_kind kind, const treadle_redis_plan *plan)
{
    const bool own = treadle_redis.target.own;
    switch (kind) {
    case TREADLE_REDIS_FAULT_CUT_INSIDE: return plan->replies > 1;
    case TREADLE_REDIS_FAULT_SCRIPTS_FLUSHED: return own && (plan->flags & TREADLE_REDIS_CACHED);
    case TREADLE_REDIS_FAULT_ERROR_REPLY:
        return own && (plan->flags & (TREADLE_REDIS_WRITES | TREADLE_REDIS_RUNS));
    case TREADLE_REDIS_FAULT_EVICTED: return own;
    case TREADLE_REDIS_FAULT_ANSWERED:
        return own && !plan->queueing && plan->replies <= TREADLE_REDIS_FAULT_ANSWERS_MAX;
    default: return true;
    }
}

/* Whether the fault can strike this flush and make a difference. Asks the server only while there
 * is a budget. */
static bool applies(treadle_redis_fault_kind kind, const treadle_redis_plan *plan,
                    treadle_resp_span commands, present_keys *present)
{
    if (*left_of(kind, &treadle_redis.faults) == 0 || !concerns(kind, plan)) {
        return false;
    }
    treadle_redis_touch_budget(kind, false);
    if (*left_of(kind, &treadle_redis.left) == 0) {
        return false;
    }
    switch (kind) {
    case TREADLE_REDIS_FAULT_SCRIPTS_FLUSHED:
        treadle_redis_touch_scripts(false);
        return !treadle_redis.fresh && treadle_redis.scripts;
    case TREADLE_REDIS_FAULT_EVICTED: find_present(present, commands); return present->count > 0;
    default: return true;
    }
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* The order is the order of the options, and so part of every token: new ones at the end. */
static const char *const answers[] = {
    "LOADING Redis is loading the dataset in memory",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "READONLY You can't write against a read only replica.",
};

treadle_resp_span treadle_redis_fault_answers(const treadle_redis_fault *fault, uint64_t replies)
{
    static char commands[TREADLE_REDIS_FAULT_ANSWERS_MAX * 160];
    size_t length = 0;
    for (uint64_t i = 0; i < replies; i++) {
        const int written = snprintf(commands + length, sizeof commands - length,
                                     "*3\r\n$5\r\nDEBUG\r\n$5\r\nERROR\r\n$%zu\r\n%s\r\n",
                                     strlen(fault->answer), fault->answer);
        length += (size_t)written;
        assert(length < sizeof commands);
    }
    return (treadle_resp_span){commands, length};
}

/* ---- choosing -------------------------------------------------------------------------------- */

treadle_redis_fault treadle_redis_fault_choose(const treadle_redis_plan *plan,
                                               treadle_resp_span commands)
{
    /* The order of the kinds is the order of the options, and so part of every token. */
    treadle_redis_fault_kind options[KINDS] = {TREADLE_REDIS_FAULT_NONE};
    uint32_t count = 1;
    present_keys present = {.count = 0};
    for (uint32_t kind = TREADLE_REDIS_FAULT_NONE + 1; kind < KINDS; kind++) {
        if (applies((treadle_redis_fault_kind)kind, plan, commands, &present)) {
            options[count++] = (treadle_redis_fault_kind)kind;
        }
    }
    treadle_redis_fault fault = {.kind = options[treadle_decide(TREADLE_CHOICE_FAULT, count)]};
    if (fault.kind == TREADLE_REDIS_FAULT_NONE) {
        return fault;
    }
    treadle_redis_touch_budget(fault.kind, true);
    --*left_of(fault.kind, &treadle_redis.left);
    if (fault.kind == TREADLE_REDIS_FAULT_CUT_INSIDE) {
        const uint32_t places = plan->replies - 1 < TREADLE_REDIS_FAULT_PLACES_MAX
                                    ? (uint32_t)plan->replies - 1
                                    : TREADLE_REDIS_FAULT_PLACES_MAX;
        fault.commands = 1 + treadle_decide(TREADLE_CHOICE_FAULT, places);
    } else if (fault.kind == TREADLE_REDIS_FAULT_EVICTED) {
        fault.key = present.keys[treadle_decide(TREADLE_CHOICE_FAULT, present.count)];
    } else if (fault.kind == TREADLE_REDIS_FAULT_ANSWERED) {
        fault.answer =
            answers[treadle_decide(TREADLE_CHOICE_FAULT, sizeof answers / sizeof answers[0])];
    }
    return fault;
}

/* ---- striking -------------------------------------------------------------------------------- */

static redisReply *order(int argc, const char **argv)
{
    size_t lengths[4];
    assert((size_t)argc <= sizeof lengths / sizeof lengths[0]);
    for (int i = 0; i < argc; i++) {
        lengths[i] = strlen(argv[i]);
    }
    return treadle_redis_inspect_arguments(argc, argv, lengths);
}

/* Taken back within the step: nobody else sees it. */
static void refuse_writes(bool refuse)
{
    const char *argv[] = {"CONFIG", "SET", "min-replicas-to-write", refuse ? "1" : "0"};
    const bool unsettled = treadle_redis.unsettled;
    require_done(order(4, argv), "CONFIG SET min-replicas-to-write");
    treadle_redis.unsettled = unsettled;
    /* Should the execution end before it is taken back, emptying the server does that. */
    treadle_redis.refusing = refuse;
}

void treadle_redis_fault_strike(const treadle_redis_fault *fault)
{
    switch (fault->kind) {
    case TREADLE_REDIS_FAULT_SCRIPTS_FLUSHED: {
        const char *argv[] = {"SCRIPT", "FLUSH", "SYNC"};
        require_done(order(3, argv), "SCRIPT FLUSH");
        treadle_redis_touch_scripts(true);
        treadle_redis.scripts = false;
        break;
    }
    case TREADLE_REDIS_FAULT_ERROR_REPLY: refuse_writes(true); break;
    case TREADLE_REDIS_FAULT_EVICTED:
        treadle_redis_touch_key(fault->key, true);
        of_key("UNLINK", fault->key);
        break;
    default: break;
    }
}

void treadle_redis_fault_heal(void)
{
    if (treadle_redis.refusing) {
        refuse_writes(false);
    }
}
