// SPDX-License-Identifier: MIT
/* Which flushes conflict: a table, faults, and every pair of a pool of commands tried in both
 * orders on a live server: what the footprints call independent must give the same replies and
 * leave the same behind. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/redis/redis_seam.h"
#include "tools/redis/redis_touches.h"
#include "tools/redis/tests/engine_stub.h"

#define SOME_SHA "930269f31393d0be681588b6ab08dccee7d6bb67"
#define COUNT_SCRIPT "return(redis.call('DBSIZE'))"
#define COUNT_SHA "dfbd66b906980ec996644e5641a2c8bba2fbb472"
#define INCR_SCRIPT "return(redis.call('INCR',KEYS[1]))"

enum { REPLY_MAX = 4096, PARTS_MAX = 16 };

static treadle_redis_server *server;

static void set_up(void)
{
    char error[256];
    server = treadle_redis_server_start(error, sizeof error);
    cr_assert_not_null(server, "%s", error);
    const treadle_redis_target target = {.socket_path = treadle_redis_server_socket(server),
                                         .own = true,
                                         .clock_path = treadle_redis_server_clock(server)};
    cr_assert_eq(treadle_redis_attach(&target, error, sizeof error), 0, "%s", error);
}

static void tear_down(void)
{
    treadle_redis_detach();
    treadle_redis_server_stop(server);
}

TestSuite(touches, .init = set_up, .fini = tear_down, .timeout = 120);

static void run(void (*body)(void))
{
    cr_assert_eq(stub_execute(body), TREADLE_OUTCOME_PASSED, "%s: %s", stub.outcome.property,
                 stub.outcome.message);
}

/* ---- programs: "WATCH a; MULTI | GET b | EXEC" is two flushes, the second a pipeline -----------
 */

/* Splits a copy of `text` at `mark`. Returns the number of parts. */
static size_t split(char *copy, const char *mark, char **parts)
{
    size_t count = 0;
    char *rest = copy;
    for (char *part; (part = strtok_r(rest, mark, &rest)) != NULL;) {
        cr_assert(count < PARTS_MAX);
        parts[count++] = part + strspn(part, " ");
    }
    return count;
}

static void append_text(char *out, const redisReply *reply)
{
    char piece[256];
    switch (reply->type) {
    case REDIS_REPLY_INTEGER: snprintf(piece, sizeof piece, "%lld ", reply->integer); break;
    case REDIS_REPLY_NIL: snprintf(piece, sizeof piece, "nil "); break;
    case REDIS_REPLY_ARRAY: snprintf(piece, sizeof piece, "*%zu ", reply->elements); break;
    default: snprintf(piece, sizeof piece, "%.200s ", reply->str); break;
    }
    cr_assert(strlen(out) + strlen(piece) < REPLY_MAX);
    strcat(out, piece);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        append_text(out, reply->element[i]);
    }
}

/* Sends one flush; what comes back is added to `out`, unless that is NULL. */
static void flush(uint32_t client, const char *text, char *out)
{
    redisContext *context = treadle_redis_connection(client);
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", text);
    char *commands[PARTS_MAX];
    const size_t count = split(copy, "|", commands);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(redisAppendCommand(context, commands[i]), REDIS_OK);
    }
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = NULL;
        if (redisGetReply(context, (void **)&reply) != REDIS_OK) {
            return; /* cut */
        }
        if (out != NULL) {
            append_text(out, reply);
        }
        freeReplyObject(reply);
    }
}

/* All flushes but the last. Returns that. */
static const char *all_but_last(uint32_t client, const char *program)
{
    static char copies[2][1024];
    char *copy = copies[client % 2];
    snprintf(copy, sizeof copies[0], "%s", program);
    char *flushes[PARTS_MAX];
    const size_t count = split(copy, ";", flushes);
    for (size_t i = 0; i + 1 < count; i++) {
        flush(client, flushes[i], NULL);
    }
    return flushes[count - 1];
}

/* ---- footprints ------------------------------------------------------------------------------ */

typedef struct footprint {
    uint32_t count;
    treadle_touch touches[STUB_TOUCHES_MAX];
} footprint;

static void begin_footprint(uint32_t thread)
{
    stub.thread = thread;
    stub.touch_count = 0;
}

static void end_footprint(footprint *out)
{
    out->count = stub.touch_count;
    memcpy(out->touches, stub.touches, stub.touch_count * sizeof stub.touches[0]);
}

static bool conflict(const footprint *one, const footprint *other)
{
    for (uint32_t i = 0; i < one->count; i++) {
        for (uint32_t j = 0; j < other->count; j++) {
            const treadle_touch *a = &one->touches[i];
            const treadle_touch *b = &other->touches[j];
            if ((a->flags || b->flags) && a->address < b->address + b->size &&
                b->address < a->address + a->size) {
                return true;
            }
        }
    }
    return false;
}

static struct {
    const char *programs[2];
    footprint footprints[2];
} pair;

/* The last flush of each program, by threads 1 and 2 on connections 0 and 1. */
static void take_footprints(void)
{
    const char *last[2];
    for (uint32_t i = 0; i < 2; i++) {
        stub.thread = i + 1;
        last[i] = all_but_last(i, pair.programs[i]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        begin_footprint(i + 1);
        flush(i, last[i], NULL);
        end_footprint(&pair.footprints[i]);
    }
}

static bool programs_conflict(const char *one, const char *other)
{
    pair.programs[0] = one;
    pair.programs[1] = other;
    run(take_footprints);
    const bool result = conflict(&pair.footprints[0], &pair.footprints[1]);
    cr_assert_eq(result, conflict(&pair.footprints[1], &pair.footprints[0]));
    return result;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *one;
    const char *other;
    bool conflict;
} table[] = {
    /* keys */
    {"GET a", "GET a", false},
    {"GET a", "SET a 1", true},
    {"SET a 1", "SET a 2", true},
    {"SET a 1", "SET b 1", false},
    {"SET a 1", "GET b", false},
    {"INCR a", "INCR a", true},
    {"MGET a b", "MSET b 1 c 2", true},
    {"MGET a b", "MSET c 1 d 2", false},
    {"ZADD z 1 m", "ZCOUNT z 0 1", true},
    {"ZCARD z", "ZCOUNT z 0 1", false},
    {"ZADD window:a 1 m", "ZADD window:b 1 m", false},
    {"EXPIRE a 60", "TTL a", true},
    {"EXPIRE a 60", "TTL b", false},
    {"DEL a b", "EXISTS b", true},
    {"RENAME a b", "GET b", true},
    {"RENAME a b", "GET c", false},
    {"SINTERSTORE d s t", "SADD t x", true},
    {"SINTERSTORE d s t", "SMEMBERS t", false},
    {"SINTERSTORE d s t", "SCARD d", true},
    {"COPY a b", "COPY a c", false},
    {"MOVE a 1", "GET a", true},
    {"OBJECT ENCODING a", "GET a", false},
    {"OBJECT IDLETIME a", "GET a", true},
    {"PFCOUNT p", "PFCOUNT p", true},
    {"XREADGROUP GROUP g c STREAMS x >", "XREADGROUP GROUP g d STREAMS x >", true},
    {"XREAD STREAMS x 0", "XREAD STREAMS x 0", false},
    {"XREAD STREAMS x 0", "XADD x * f v", true},
    {"XADD x * f v", "XADD y * f v", false},
    {"SORT a", "SET w 1", true},
    {"SORT_RO a", "SORT_RO b", false},
    {"SORT_RO a BY w_*", "SET w_1 1", true},
    {"GEORADIUS g 0 0 1 m STORE d", "ZCARD d", true},
    /* all keys */
    {"KEYS *", "SET a 1", true},
    {"KEYS *", "GET a", true},
    {"KEYS *", "KEYS a*", true},
    {"SCAN 0", "DEL a", true},
    {"SCAN 0", "ZCARD z", true},
    {"KEYS *", "PING", false},
    {"DBSIZE", "SET a 1", true},
    {"DBSIZE", "GET a", true}, /* which may remove it, when it has expired */
    {"DBSIZE", "PING", false},
    {"RANDOMKEY", "DEL a", true},
    {"FLUSHALL", "GET a", true},
    {"FLUSHALL", "SET a 1", true},
    {"FLUSHALL", "KEYS *", true},
    {"FLUSHDB", "DBSIZE", true},
    {"FLUSHALL", "PING", false},
    {"FLUSHALL", "SCRIPT EXISTS " SOME_SHA, false},
    {"SWAPDB 0 1", "GET a", true},
    /* connections and the server */
    {"PING", "PING", false},
    {"ECHO x", "SET a 1", false},
    {"SELECT 1", "SET a 1", false},
    {"SELECT 1; SET a 1", "SET a 2", true}, /* databases are not told apart */
    {"TIME", "TIME", false},
    {"CLIENT SETNAME me", "CLIENT SETNAME you", false},
    {"CLIENT SETNAME me", "CLIENT LIST", true},
    {"PUBLISH c m", "PUBLISH c m", false},
    {"INFO", "PING", true},
    {"CONFIG SET maxmemory 0", "GET a", true},
    {"CONFIG GET maxmemory", "CONFIG SET maxmemory 0", true},
    {"CLIENT KILL TYPE pubsub", "PING", true},
    {"DEBUG SLEEP 0", "GET a", true},
    {"ACL WHOAMI", "GET a", true},
    {"NOSUCH a", "PING", true},
    {"SPOP s", "SRANDMEMBER t", true},
    {"SPOP s", "SISMEMBER t x", false},
    /* scripts */
    {"EVALSHA " SOME_SHA " 1 a", "EVALSHA " SOME_SHA " 1 a", true},
    {"EVALSHA " SOME_SHA " 1 a", "EVALSHA " SOME_SHA " 1 b", false},
    {"EVALSHA_RO " SOME_SHA " 1 a", "EVALSHA_RO " SOME_SHA " 1 a", false},
    {"EVALSHA_RO " SOME_SHA " 1 a", "SET a 1", true},
    {"EVAL return(1) 1 a", "EVAL return(1) 1 b", false},
    {"EVAL return(1) 1 a", "EVAL return(1) 2 b a", true},
    {"EVAL return(1) 1 a", "EVALSHA " SOME_SHA " 1 b", true},
    {"EVAL_RO return(1) 1 a", "GET a", false},
    {"EVAL_RO return(1) 1 a", "EVALSHA " SOME_SHA " 1 b", true}, /* it caches, too */
    {"EVAL return(1) 0", "GET a", true},                         /* whatever keys it may reach */
    {"EVAL_RO return(1) 0", "GET a", true},
    {"EVAL_RO return(1) 0", "PING", false},
    {"EVAL return(redis.call('GET',KEYS[1])) 1 a", "SET b 1", false},
    {"EVAL " COUNT_SCRIPT " 1 a", "SET b 1", true}, /* it names what shows them all */
    {"EVAL_RO return(redis.call('SCAN',0)) 1 a", "DEL b", true},
    {"EVAL return(redis.call('keys','*')) 1 a", "GET b", true},
    {"EVAL return(redis.call('SPOP',KEYS[1])) 1 a", "SRANDMEMBER b", true},
    {"EVAL_RO return(redis.call('OBJECT','IDLETIME',KEYS[1])) 1 a", "GET a", true},
    {"EVAL return(redis.call('INFO')) 1 a", "PING", true},
    {"MULTI; EVAL " COUNT_SCRIPT " 1 a; EXEC", "SET b 1", true},
    {"SCRIPT LOAD " COUNT_SCRIPT, "SET b 1", false},
    {"SCRIPT LOAD " COUNT_SCRIPT "; EVALSHA " COUNT_SHA " 1 a", "SET b 1", true},
    {"EVALSHA " COUNT_SHA " 1 a", "SET b 1", false}, /* it is not there */
    {"SCRIPT LOAD return(1)", "SCRIPT LOAD return(1)", false},
    {"SCRIPT LOAD return(1)", "SCRIPT EXISTS " SOME_SHA, true},
    {"SCRIPT LOAD return(1)", "EVALSHA " SOME_SHA " 1 a", true},
    {"SCRIPT LOAD return(1)", "SCRIPT FLUSH", true},
    {"SCRIPT FLUSH", "EVALSHA " SOME_SHA " 1 a", true},
    {"SCRIPT FLUSH", "GET a", false},
    {"SCRIPT EXISTS " SOME_SHA, "EVALSHA " SOME_SHA " 1 a", false},
    {"FUNCTION FLUSH", "FCALL f 1 a", true},
    {"FCALL f 1 a", "FCALL f 1 b", false},
    {"FCALL f 1 a", "GET a", true},
    {"FCALL_RO f 1 a", "GET a", false},
    /* pipelines */
    {"GET a | SET b 1", "GET b", true},
    {"GET a | GET b", "GET b | GET a", false},
    {"SET a 1 | SET b 1", "SET c 1 | SET d 1", false},
    {"PING | FLUSHALL", "GET a", true},
    {"GET a | NOSUCH", "PING", true},
    /* transactions */
    {"MULTI; SET a 1", "SET a 2", false}, /* queued only */
    {"MULTI; SET a 1; EXEC", "SET a 2", true},
    {"MULTI; SET a 1; EXEC", "SET b 2", false},
    {"MULTI; SET a 1; DISCARD", "SET a 2", false},
    {"MULTI; SET a 1; DISCARD; MULTI; SET b 1; EXEC", "GET a", false},
    {"MULTI | SET a 1 | EXEC", "GET a", true},
    {"MULTI | GET a | EXEC", "GET a", false},
    {"MULTI; KEYS *; EXEC", "SET q 1", true},
    {"MULTI; NOSUCH; EXEC", "PING", true},
    {"MULTI; EVAL return(1) 1 a", "EVALSHA " SOME_SHA " 1 b", false},
    {"MULTI; EVAL return(1) 1 a; EXEC", "EVALSHA " SOME_SHA " 1 b", true},
    {"WATCH a", "SET a 1", true},
    {"WATCH a", "GET a", false},
    {"WATCH a; MULTI; SET b 1; EXEC", "SET a 1", true},
    {"WATCH a; MULTI; SET b 1; EXEC", "GET a", false},
    {"WATCH a; MULTI; SET b 1; EXEC", "SET c 1", false},
    {"WATCH a; MULTI; SET b 1; EXEC", "FLUSHALL", true},
    {"WATCH a; UNWATCH; MULTI; SET b 1; EXEC", "SET a 1", false},
    {"WATCH a; MULTI; DISCARD; MULTI; SET b 1; EXEC", "SET a 1", false},
    {"WATCH a; MULTI; SET b 1; EXEC; MULTI; SET b 1; EXEC", "SET a 1", false},
    {"WATCH a; EXEC; MULTI; SET b 1; EXEC", "SET a 1", true}, /* that EXEC is an error */
    {"WATCH a; DISCARD; MULTI; SET b 1; EXEC", "SET a 1", true},
    {"WATCH a; RESET; MULTI; SET b 1; EXEC", "SET a 1", false},
    {"WATCH a; MULTI; UNWATCH; EXEC", "SET a 1", true}, /* queued: comes too late */
    {"EXEC", "SET a 1", false},
    /* with arguments that they do not take */
    {"MULTI x; SET a 1", "GET a", true},
    {"MULTI; SET a 1; DISCARD x; EXEC", "GET a", true},
    {"MULTI; SET a 1; EXEC x", "GET a", false},
    {"MULTI; SET b 1; EXEC x; SET a 1", "GET a", true},
    {"WATCH a; EXEC x; MULTI; SET b 1; EXEC", "SET a 1", false},
    {"WATCH a; DISCARD x; MULTI; SET b 1; EXEC", "SET a 1", true},
    {"WATCH a; UNWATCH x; MULTI; SET b 1; EXEC", "SET a 1", true},
    {"WATCH a; RESET x; MULTI; SET b 1; EXEC", "SET a 1", true},
};

Test(touches, the_table)
{
    const size_t rows = sizeof table / sizeof table[0];
    cr_assert_geq(rows, 40);
    for (size_t i = 0; i < rows; i++) {
        const char *one = table[i].one;
        const char *other = table[i].other;
        const char *word = table[i].conflict ? "must" : "need not";
        cr_expect_eq(programs_conflict(one, other), table[i].conflict,
                     "\"%s\" and \"%s\" %s conflict", one, other, word);
        cr_expect_eq(programs_conflict(other, one), table[i].conflict,
                     "\"%s\" and \"%s\" %s conflict", other, one, word);
    }
}

/* More than a transaction remembers. */
static void long_transaction(void)
{
    begin_footprint(1);
    flush(0, "MULTI", NULL);
    for (uint32_t i = 0; i < TREADLE_REDIS_QUEUED_MAX; i++) {
        flush(0, "INCR a", NULL);
    }
    begin_footprint(1);
    flush(0, "EXEC", NULL);
    end_footprint(&pair.footprints[0]);
    begin_footprint(2);
    flush(1, "PING", NULL);
    end_footprint(&pair.footprints[1]);
}

Test(touches, a_transaction_too_long_to_remember_conflicts_with_everything)
{
    run(long_transaction);
    cr_assert(conflict(&pair.footprints[0], &pair.footprints[1]));
}

/* ---- both orders on a live server --------------------------------------------------------------
 */

/* "expired" is past its time when the two programs run, and still stored. */
static const char state[] =
    "SET a 1 | SET b 2 | SET expired x PX 5 | ZADD z 1 m | HSET h f 1 | LPUSH l 3 | SADD s x | "
    "SET w_3 1 | XADD x 1-1 f v | XGROUP CREATE x g 0 | EVAL return(2) 0 | PFADD p x";
static const char left_behind[] = "DEBUG DIGEST | DBSIZE | SCRIPT EXISTS "
                                  "930269f31393d0be681588b6ab08dccee7d6bb67 "
                                  "572625a1039fb30b308c236ab7091a2bd7724d22 | TTL a | XPENDING x g";

static const char *const pool[] = {
    "GET a",
    "GET expired",
    "SET a 5",
    "SET n 1",
    "INCR a",
    "INCR b",
    "APPEND b x",
    "GETDEL a",
    "SETNX n 1",
    "EXPIRE a 100",
    "TTL a",
    "PERSIST a",
    "DEL a b",
    "EXISTS a expired",
    "RENAME a b",
    "COPY b n",
    "MGET a b",
    "MSET a 7 n 8",
    "TYPE z",
    "ZADD z 2 k",
    "ZCOUNT z 0 5",
    "ZPOPMIN z",
    "ZREMRANGEBYSCORE z -inf 1",
    "HINCRBY h f 1",
    "HGET h f",
    "LPUSH l 1",
    "RPOP l",
    "LRANGE l 0 -1",
    "SORT l BY w_*",
    "SORT_RO l GET w_*",
    "SORT l STORE n",
    "SADD s y",
    "SCARD s",
    "SMOVE s n x",
    "XADD x 2-1 f v",
    "XLEN x",
    "XREAD STREAMS x 0",
    "XREADGROUP GROUP g c STREAMS x >",
    "PFCOUNT p",
    "PFADD p y",
    "KEYS *",
    "SCAN 0 COUNT 1000",
    "DBSIZE",
    "FLUSHALL",
    "FLUSHDB",
    "SWAPDB 0 1",
    "MOVE a 1",
    "SELECT 1; GET a",
    "SELECT 1; SET a 9",
    "PING",
    "TIME",
    "CLIENT SETNAME me",
    "CLIENT GETNAME",
    "PUBLISH c m",
    "CONFIG SET hz 10",
    "NOSUCH",
    "SCRIPT LOAD return(1)",
    "SCRIPT EXISTS 930269f31393d0be681588b6ab08dccee7d6bb67",
    "SCRIPT FLUSH",
    "EVALSHA 930269f31393d0be681588b6ab08dccee7d6bb67 1 z",
    "EVAL return(2) 1 h",
    "EVALSHA 572625a1039fb30b308c236ab7091a2bd7724d22 1 l",
    "EVALSHA_RO 930269f31393d0be681588b6ab08dccee7d6bb67 1 l",
    "EVAL " INCR_SCRIPT " 1 a",
    "EVAL " INCR_SCRIPT " 1 n",
    "EVAL_RO return(redis.call('GET',KEYS[1])) 1 a",
    "EVAL return(redis.call('SET','a','u')) 0",
    "EVAL_RO return(redis.call('GET','b')) 0",
    "EVAL return(redis.call('TIME')) 1 b",
    "MULTI; SET a 3",
    "MULTI; INCR a; EXEC",
    "MULTI; INCR b; DISCARD",
    "MULTI | DEL z | GET a | EXEC",
    "MULTI; KEYS *; EXEC",
    "MULTI; EVAL return(1) 1 b; EXEC",
    "MULTI; SCRIPT FLUSH; EXEC",
    "WATCH a",
    "WATCH a; MULTI; SET n 1; EXEC",
    "WATCH n; MULTI; GET b; EXEC",
    "WATCH expired; MULTI; GET b; EXEC",
    "WATCH a; UNWATCH; MULTI; GET b; EXEC",
    "WATCH a; EXEC; MULTI; INCR n; EXEC",
    "WATCH z; MULTI; UNWATCH; INCR n; EXEC",
    "MULTI x; INCR a",
    "WATCH a; UNWATCH x; MULTI; INCR n; EXEC",
    "WATCH a; RESET x; MULTI; INCR n; EXEC",
    "WATCH a; DISCARD x; MULTI; INCR n; EXEC",
    "WATCH a; EXEC x; MULTI; INCR n; EXEC",
    "MULTI; INCR a; EXEC x",
    "MULTI; EXEC x; INCR a",
    "GET a | SET n 2 | DBSIZE",
    "OBJECT ENCODING l",
    "TOUCH a b",
    "UNLINK z",
    "GETEX a PERSIST",
};

enum { POOL = sizeof pool / sizeof pool[0] };

static struct {
    const char *programs[2];
    bool swapped;
    char outcome[3][REPLY_MAX]; /* replies to each, what they leave */
    footprint footprints[2];
} trial;

static void both_in_turn(void)
{
    const char *last[2];
    stub.clock_ns = 0;
    stub.thread = 0;
    flush(2, state, NULL);
    stub.clock_ns = 10000000;
    for (uint32_t i = 0; i < 2; i++) {
        last[i] = all_but_last(i, trial.programs[i]);
    }
    for (uint32_t turn = 0; turn < 2; turn++) {
        const uint32_t i = trial.swapped ? 1 - turn : turn;
        begin_footprint(i + 1);
        flush(i, last[i], trial.outcome[i]);
        end_footprint(&trial.footprints[i]);
    }
    begin_footprint(0);
    flush(2, left_behind, trial.outcome[2]);
}

/* Whether both orders of the last flushes give the same. */
static bool commute(const char *one, const char *other)
{
    char first[3][REPLY_MAX];
    trial.programs[0] = one;
    trial.programs[1] = other;
    for (uint32_t order = 0; order < 2; order++) {
        trial.swapped = order == 1;
        memset(trial.outcome, 0, sizeof trial.outcome);
        run(both_in_turn);
        if (order == 0) {
            memcpy(first, trial.outcome, sizeof first);
        }
    }
    return memcmp(first, trial.outcome, sizeof first) == 0;
}

Test(touches, what_does_not_conflict_commutes_on_a_live_server)
{
    uint32_t dependent = 0;
    uint32_t independent = 0;
    for (size_t i = 0; i < POOL; i++) {
        for (size_t j = i; j < POOL; j++) {
            const bool same = commute(pool[i], pool[j]);
            const bool conflicts = conflict(&trial.footprints[0], &trial.footprints[1]);
            cr_expect(same || conflicts,
                      "\"%s\" and \"%s\" do not conflict, and their order matters", pool[i],
                      pool[j]);
            dependent += !same;
            independent += !conflicts;
        }
    }
    /* Else nothing was tried. */
    cr_assert_gt(dependent, 300, "%u pairs depend on their order", dependent);
    cr_assert_gt(independent, 1500, "%u pairs do not conflict", independent);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static const char *fault_flushes[2];

static void two_flushes(void)
{
    flush(2, "SET a 1 | SET b 2 | EVAL return(1) 0", NULL);
    for (uint32_t i = 0; i < 2; i++) {
        begin_footprint(i + 1);
        flush(i, fault_flushes[i], NULL);
        end_footprint(&pair.footprints[i]);
    }
}

/* Whether two flushes conflict when `fault` may strike once and the decisions are these: of the
 * flush before both, and of each. */
static bool conflict_under(treadle_faults fault, const char *one, const char *other,
                           const uint32_t decisions[4])
{
    fault_flushes[0] = one;
    fault_flushes[1] = other;
    memcpy(stub.decisions, decisions, 4 * sizeof decisions[0]);
    treadle_redis_faults(fault);
    run(two_flushes);
    treadle_redis_faults((treadle_faults){0});
    memset(stub.decisions, 0, sizeof stub.decisions);
    return conflict(&pair.footprints[0], &pair.footprints[1]);
}

static const uint32_t none[4] = {0};
static const uint32_t first_struck[4] = {0, 1};
static const uint32_t second_struck[4] = {0, 0, 1};

Test(touches, who_takes_a_fault_depends_on_who_took_it_before)
{
    const treadle_faults once = {.cut_after = 1};
    cr_assert(!conflict_under((treadle_faults){0}, "GET a", "GET b", none));
    cr_assert(!conflict_under(once, "GET a", "GET b", none), "both only look at the budget");
    cr_assert(conflict_under(once, "GET a", "GET b", first_struck));
    cr_assert(conflict_under(once, "GET a", "GET b", second_struck));
    /* Used up before either: that it is used up will not change. */
    cr_assert(!conflict_under(once, "GET a", "GET b", (uint32_t[4]){1, 0, 0, 0}));
}

/* Of the first footprint. */
static uint32_t keys_touched(void)
{
    uint32_t keys = 0;
    for (uint32_t i = 0; i < pair.footprints[0].count; i++) {
        keys += pair.footprints[0].touches[i].address >> 62 == 3;
    }
    return keys;
}

Test(touches, what_was_cut_before_it_was_sent_touches_no_key)
{
    conflict_under((treadle_faults){.cut_before = 2}, "SET a 1", "PING", first_struck);
    cr_assert_eq(keys_touched(), 0);
    conflict_under((treadle_faults){.cut_after = 2}, "SET a 1", "PING", first_struck);
    cr_assert_eq(keys_touched(), 1, "cut after it ran, it has");
}

static bool touches_key_of(const char *command)
{
    static footprint struck;
    struck = pair.footprints[0];
    for (uint32_t i = 0; i < struck.count; i++) { /* its keys only */
        if (struck.touches[i].address >> 62 != 3) {
            struck.touches[i--] = struck.touches[--struck.count];
        }
    }
    programs_conflict("PING", command);
    return conflict(&struck, &pair.footprints[1]);
}

Test(touches, a_pipeline_cut_inside_touches_what_ran)
{
    const treadle_faults once = {.cut_inside = 1};
    /* The pipeline before both could be cut, too. */
    conflict_under(once, "SET a 1 | SET b 1", "PING", (uint32_t[4]){0, 1, 0, 0});
    cr_assert(touches_key_of("GET a"));
    conflict_under(once, "SET a 1 | SET b 1", "PING", (uint32_t[4]){0, 1, 0, 0});
    cr_assert(!touches_key_of("GET b"));
    conflict_under(once, "SET a 1 | SET b 1", "PING", none);
    cr_assert(touches_key_of("GET b"));
}

Test(touches, lost_scripts_are_missed_by_others)
{
    const treadle_faults once = {.scripts_flushed = 1};
    const char one[] = "EVALSHA " SOME_SHA " 1 a";
    const char other[] = "EVALSHA " SOME_SHA " 1 b";
    cr_assert(!conflict_under(once, one, other, none));
    cr_assert(conflict_under(once, one, other, (uint32_t[4]){1, 0, 0, 0}));
    /* Whether it can strike depends on there being a script. */
    cr_assert(conflict_under(once, one, "SCRIPT LOAD return(3)", none));
    cr_assert(conflict_under(once, one, "SCRIPT EXISTS " SOME_SHA, (uint32_t[4]){1, 0, 0, 0}));
    cr_assert(
        conflict_under(once, "MULTI | EVALSHA " SOME_SHA " 1 a", "SCRIPT LOAD return(3)", none),
        "though nothing runs yet");
}

static void queued_at_first(void)
{
    begin_footprint(1);
    flush(0, "MULTI | GET a", NULL);
    end_footprint(&pair.footprints[0]);
}

Test(touches, an_evicted_key_is_written)
{
    const treadle_faults once = {.evicted = 1};
    /* There is nothing to evict before the first flush: it has no option. */
    const uint32_t struck[4] = {1};
    cr_assert(!conflict_under(once, "GET a", "GET a", none));
    conflict_under(once, "GET a", "PING", struck);
    cr_assert(touches_key_of("GET a"));
    cr_assert(conflict_under(once, "GET a", "SORT_RO l BY w_*", struck));
    conflict_under(once, "GET a", "PING", none);
    cr_assert(!touches_key_of("GET a"));
    /* Whether it can strike depends on the key being there, */
    conflict_under(once, "MULTI | GET a", "PING", none);
    cr_assert(touches_key_of("SET a 1"));
    /* also in the first flush of all, which finds nothing. */
    treadle_redis_faults(once);
    run(queued_at_first);
    treadle_redis_faults((treadle_faults){0});
    cr_assert_eq(stub.decided, 0);
    cr_assert_eq(keys_touched(), 1);
}

Test(touches, refused_writes_stay_within_the_step)
{
    const treadle_faults twice = {.error_reply = 2};
    cr_assert(!conflict_under(twice, "SET a 1", "PING", (uint32_t[4]){0, 1, 0, 0}));
    cr_assert(conflict_under(twice, "SET a 1", "SET b 1", (uint32_t[4]){0, 1, 0, 0}),
              "the budget is smaller");
}

Test(touches, a_flush_answered_with_errors_touches_no_key)
{
    const treadle_faults twice = {.answered = 2};
    const uint32_t struck[4] = {0, 1, 0, 0};
    cr_assert(!conflict_under(twice, "SET a 1", "PING", none));
    cr_assert(conflict_under(twice, "SET a 1", "SET b 1", struck), "the budget is smaller");
    conflict_under(twice, "SET a 1", "PING", struck);
    cr_assert(!touches_key_of("GET a"));
}

/* ---- connections ----------------------------------------------------------------------------- */

static void shared_context(void)
{
    redisContext *context = treadle_redis_connection(0);
    begin_footprint(1);
    redisAppendCommand(context, "GET a");
    end_footprint(&pair.footprints[0]);
    begin_footprint(2);
    redisAppendCommand(context, "GET b");
    end_footprint(&pair.footprints[1]);
    cr_assert(conflict(&pair.footprints[0], &pair.footprints[1]), "both fill one buffer");
    redisReply *reply = NULL;
    redisGetReply(context, (void **)&reply);
    freeReplyObject(reply);
    begin_footprint(1);
    redisGetReply(context, (void **)&reply);
    freeReplyObject(reply);
    end_footprint(&pair.footprints[0]);
    cr_assert(conflict(&pair.footprints[0], &pair.footprints[1]), "the reply was in the reader");
    begin_footprint(2);
    redisAppendCommand(treadle_redis_connection(1), "GET b");
    end_footprint(&pair.footprints[1]);
    cr_assert(!conflict(&pair.footprints[0], &pair.footprints[1]), "another context");
}

Test(touches, a_context_is_touched_by_all_that_is_done_with_it)
{
    run(shared_context);
}

/* A step ends where its flush is announced: what came before is of another. */
static void next_step(void)
{
    begin_footprint(stub.thread);
}

static void cut_off(void)
{
    stub.on_announce = next_step;
    stub.thread = 1;
    flush(0, "GET a", NULL);
    stub.on_announce = NULL;
    end_footprint(&pair.footprints[0]);
    begin_footprint(2);
    redisAppendCommand(treadle_redis_connection(0), "GET b");
    end_footprint(&pair.footprints[1]);
    cr_assert(conflict(&pair.footprints[0], &pair.footprints[1]));
}

Test(touches, a_flush_that_is_cut_off_touches_its_context)
{
    treadle_redis_faults((treadle_faults){.cut_before = 1});
    stub.decisions[0] = 1;
    run(cut_off);
}

static uint32_t birth_order[3]; /* the threads that open a context, in order */
static uint64_t births[3];      /* where each context is */

static void open_and_flush(void)
{
    redisContext *contexts[3];
    for (uint32_t i = 0; i < 3; i++) {
        stub.thread = birth_order[i];
        contexts[i] = redisConnectUnix(treadle_redis_server_socket(server));
    }
    for (uint32_t i = 0; i < 3; i++) {
        begin_footprint(birth_order[i]);
        freeReplyObject(redisCommand(contexts[i], "PING"));
        births[i] = stub.touches[0].address;
        redisFree(contexts[i]);
    }
}

Test(touches, contexts_of_their_own_are_told_apart_whoever_comes_first)
{
    memcpy(birth_order, (uint32_t[]){1, 1, 2}, sizeof birth_order);
    run(open_and_flush);
    const uint64_t before[3] = {births[0], births[1], births[2]};
    cr_assert(births[0] != births[1] && births[1] != births[2] && births[0] != births[2]);
    memcpy(birth_order, (uint32_t[]){2, 1, 1}, sizeof birth_order);
    run(open_and_flush);
    cr_assert_eq(births[0], before[2]);
    cr_assert_eq(births[1], before[0]);
    cr_assert_eq(births[2], before[1]);
}

static redisContext *killed; /* or not, if it comes later */

static void connect_one(void)
{
    killed = redisConnectUnix(treadle_redis_server_socket(server));
}

static void free_one(void)
{
    redisFree(killed);
}

static void reconnect_one(void)
{
    redisReconnect(killed);
    redisFree(killed);
}

static void ask_for_one(void)
{
    treadle_redis_connection(5);
}

static void use_one_in_vain(void)
{
    flush(2, "PING", NULL);
}

static void (*step)(void);
static const char *meanwhile; /* NULL = a look at the clients */

static void step_and_command(void)
{
    connect_one();
    const char *last = meanwhile != NULL ? all_but_last(1, meanwhile) : NULL;
    begin_footprint(1);
    step();
    end_footprint(&pair.footprints[0]);
    begin_footprint(2);
    if (last != NULL) {
        flush(1, last, NULL);
    } else {
        freeReplyObject(treadle_redis_inspect("CLIENT LIST"));
    }
    end_footprint(&pair.footprints[1]);
}

static bool step_conflicts(void (*of_one)(void), const char *of_the_other)
{
    step = of_one;
    meanwhile = of_the_other;
    run(step_and_command);
    return conflict(&pair.footprints[0], &pair.footprints[1]);
}

Test(touches, whom_client_kill_finds_depends_on_who_came_and_went)
{
    static void (*const steps[])(void) = {connect_one, free_one, reconnect_one, ask_for_one};
    static const char kill[] = "CLIENT KILL TYPE normal SKIPME yes";
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        cr_expect(step_conflicts(steps[i], kill), "step %zu", i);
        cr_expect(step_conflicts(steps[i], NULL), "step %zu", i);
        cr_expect(!step_conflicts(steps[i], "SET a 1"), "step %zu", i);
    }
    /* Where the other does not look at the budget. */
    treadle_redis_faults((treadle_faults){.answered = 1});
    stub.decisions[1] = 1; /* not MULTI */
    cr_expect(step_conflicts(use_one_in_vain, "MULTI; CLIENT KILL TYPE normal SKIPME yes; EXEC"));
    stub.decisions[0] = 1;
    cr_expect(step_conflicts(use_one_in_vain, NULL));
    treadle_redis_faults((treadle_faults){.cut_before = 1});
    cr_expect(step_conflicts(use_one_in_vain, NULL));
}

static void reconnecting(void)
{
    redisContext *context = treadle_redis_connection(0);
    flush(0, "WATCH a; MULTI; SET b 1", NULL);
    redisReconnect(context);
    flush(0, "MULTI", NULL);
    begin_footprint(1);
    flush(0, "EXEC", NULL);
    end_footprint(&pair.footprints[0]);
    begin_footprint(2);
    flush(1, "MSET a 1 b 1", NULL);
    end_footprint(&pair.footprints[1]);
}

Test(touches, a_new_connection_watches_nothing)
{
    run(reconnecting);
    cr_assert(!conflict(&pair.footprints[0], &pair.footprints[1]));
}

/* ---- looking -----------------------------------------------------------------------------------
 */

static void looking(void)
{
    begin_footprint(1);
    freeReplyObject(treadle_redis_inspect("GET a"));
    end_footprint(&pair.footprints[0]);
    begin_footprint(2);
    flush(1, "SET a 1", NULL);
    end_footprint(&pair.footprints[1]);
    cr_assert(conflict(&pair.footprints[0], &pair.footprints[1]));
    begin_footprint(1);
    treadle_redis_round_trip_count();
    end_footprint(&pair.footprints[0]);
    cr_assert(conflict(&pair.footprints[0], &pair.footprints[1]), "a flush was counted");
}

Test(touches, a_look_past_the_subject_is_a_read)
{
    run(looking);
}

static void looking_after_multi(void)
{
    freeReplyObject(treadle_redis_inspect("MULTI"));
    looking();
}

Test(touches, a_look_is_not_queued)
{
    run(looking_after_multi);
}
