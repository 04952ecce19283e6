// SPDX-License-Identifier: MIT
/* The private server's wall clock is what is in the clock file, for the very first command after a
 * change, forwards and backwards. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tools/redis/redis_server.h"

#define START_NS (INT64_C(1700000000) * 1000000000)
#define MS INT64_C(1000000)
#define S (1000 * MS)

static treadle_redis_server *server;
static redisContext *context;
static int64_t *published;

static void set_up(void)
{
    char error[256];
    server = treadle_redis_server_start(error, sizeof error);
    cr_assert_not_null(server, "%s", error);
    const int fd = open(treadle_redis_server_clock(server), O_RDWR);
    published = mmap(NULL, sizeof *published, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(published, MAP_FAILED);
    close(fd);
    context = redisConnectUnix(treadle_redis_server_socket(server));
}

static void tear_down(void)
{
    redisFree(context);
    munmap(published, sizeof *published);
    treadle_redis_server_stop(server);
}

TestSuite(clock, .init = set_up, .fini = tear_down, .timeout = 60);

static void at(int64_t now_ns)
{
    __atomic_store_n(published, now_ns, __ATOMIC_RELEASE);
}

static long long integer(const char *command)
{
    redisReply *reply = redisCommand(context, command);
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_INTEGER, "%s: %s", command,
              reply ? reply->str : context->errstr);
    const long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

static void run(const char *command)
{
    redisReply *reply = redisCommand(context, command);
    cr_assert(reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s", command);
    freeReplyObject(reply);
}

/* In microseconds. */
static int64_t time_from(const char *command)
{
    redisReply *reply = redisCommand(context, command);
    cr_assert(reply != NULL && reply->elements == 2, "%s", command);
    const int64_t us = strtoll(reply->element[0]->str, NULL, 10) * 1000000 +
                       strtoll(reply->element[1]->str, NULL, 10);
    freeReplyObject(reply);
    return us;
}

Test(clock, is_real_until_published)
{
    const int64_t now = (int64_t)time(NULL) * 1000000;
    const int64_t seen = time_from("TIME");
    cr_assert(seen >= now - 2000000 && seen <= now + 2000000);
    at(START_NS);
    cr_assert_eq(time_from("TIME"), START_NS / 1000);
    at(0);
    cr_assert(time_from("TIME") >= now - 2000000);
}

Test(clock, stands_still)
{
    at(START_NS + 123456789);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(time_from("TIME"), (START_NS + 123456789) / 1000);
    }
}

Test(clock, first_command_after_any_change)
{
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 2000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        const int64_t now = START_NS + (int64_t)(random % 4000000000000000000u) / 4 - 500 * S;
        at(now);
        switch (i % 3) {
        case 0: cr_assert_eq(time_from("TIME"), now / 1000); break;
        case 1: cr_assert_eq(time_from("EVAL return\tredis.call('TIME') 0"), now / 1000); break;
        default: {
            /* A deadline is computed from "now" in the command itself. */
            at(now);
            run("SET k v PX 5000");
            cr_assert_eq(integer("PEXPIRETIME k"), now / MS + 5000);
            at(now + 5000 * MS);
            cr_assert_eq(integer("PTTL k"), 0, "at exactly its deadline a key is there");
            at(now + 5001 * MS);
            cr_assert_eq(integer("PTTL k"), -2);
        }
        }
    }
}

Test(clock, ttl_follows_both_ways)
{
    at(START_NS);
    run("SET k v");
    cr_assert_eq(integer("EXPIRE k 60"), 1);
    cr_assert_eq(integer("TTL k"), 60);
    at(START_NS + 59 * S);
    cr_assert_eq(integer("TTL k"), 1);
    cr_assert_eq(integer("PTTL k"), 1000);
    at(START_NS - 100 * S);
    cr_assert_eq(integer("TTL k"), 160);
    at(START_NS + 60 * S);
    cr_assert_eq(integer("PTTL k"), 0);
    cr_assert_eq(integer("EXISTS k"), 1);
    at(START_NS + 60 * S + MS);
    cr_assert_eq(integer("EXISTS k"), 0);
    at(START_NS);
    cr_assert_eq(integer("EXISTS k"), 0, "what expired was deleted");
}

Test(clock, going_back_revives_a_key_nobody_touched)
{
    at(START_NS);
    run("SET k v PX 1000");
    at(START_NS + 100 * S);
    cr_assert_eq(integer("DBSIZE"), 1, "nothing expires in the background");
    at(START_NS + 500 * MS);
    cr_assert_eq(integer("PTTL k"), 500);
}

Test(clock, scripts_see_one_time)
{
    at(START_NS);
    run("SET k v PX 1000");
    at(START_NS + 400 * MS);
    cr_assert_eq(integer("EVAL return\tredis.call('PTTL','k') 0"), 600);
    at(START_NS + 1000 * MS);
    cr_assert_eq(integer("EVAL return\tredis.call('EXISTS','k') 0"), 1);
    at(START_NS + 1001 * MS);
    cr_assert_eq(integer("EVAL return\tredis.call('EXISTS','k') 0"), 0);
    at(START_NS - 7 * S);
    cr_assert_eq(time_from("EVAL return\tredis.call('TIME') 0"), (START_NS - 7 * S) / 1000);
    run("EVAL redis.call('SET','j','v','PX','2500') 0");
    cr_assert_eq(integer("PEXPIRETIME j"), (START_NS - 7 * S) / MS + 2500);
}

Test(clock, transactions_and_absolute_deadlines)
{
    at(START_NS + 3 * S);
    run("MULTI");
    at(START_NS + 9 * S);
    run("SET k v EX 10");
    redisReply *reply = redisCommand(context, "EXEC");
    cr_assert(reply != NULL && reply->elements == 1);
    freeReplyObject(reply);
    cr_assert_eq(integer("PTTL k"), 10000);
    run("SET k v PXAT 1700000020000");
    cr_assert_eq(integer("PTTL k"), 11000);
    at(START_NS + 21 * S);
    cr_assert_eq(integer("EXISTS k"), 0);
}

Test(clock, follows_on_every_connection)
{
    redisContext *other = redisConnectUnix(treadle_redis_server_socket(server));
    redisContext *first = context;
    for (int i = 0; i < 100; i++) {
        at(START_NS + (i % 2 ? -i : i) * S);
        context = i % 3 ? first : other;
        cr_assert_eq(time_from("TIME"), (START_NS + (i % 2 ? -i : i) * S) / 1000);
    }
    context = first;
    redisFree(other);
}

/* The text of a reply's elements, joined. */
static char *members(redisContext *from)
{
    redisReply *reply = redisCommand(from, "SMEMBERS s");
    cr_assert(reply != NULL && reply->elements == 1000);
    char *text = calloc(reply->elements, 16);
    for (size_t i = 0; i < reply->elements; i++) {
        strcat(text, reply->element[i]->str);
        strcat(text, " ");
    }
    freeReplyObject(reply);
    return text;
}

Test(clock, two_servers_hash_alike)
{
    char error[256];
    treadle_redis_server *second = treadle_redis_server_start(error, sizeof error);
    cr_assert_not_null(second, "%s", error);
    redisContext *other = redisConnectUnix(treadle_redis_server_socket(second));
    for (int i = 0; i < 1000; i++) {
        freeReplyObject(redisCommand(context, "SADD s member-%d", i));
        freeReplyObject(redisCommand(other, "SADD s member-%d", i));
    }
    char *one = members(context);
    char *two = members(other);
    cr_assert_str_eq(one, two);
    free(one);
    free(two);
    redisFree(other);
    treadle_redis_server_stop(second);
}
