// SPDX-License-Identifier: MIT
/* The seam on a live private server, with a stand-in for the engine. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/redis/redis_connect.h"
#include "tools/redis/redis_seam.h"
#include "tools/redis/redis_wire.h"
#include "tools/redis/tests/engine_stub.h"

static treadle_redis_server *server;
static redisContext *outside; /* not through the seam: off-fiber */
static char error[256];

static void start_server(void)
{
    server = treadle_redis_server_start(error, sizeof error);
    cr_assert_not_null(server, "%s", error);
    outside = redisConnectUnix(treadle_redis_server_socket(server));
}

static void attach(bool own)
{
    const treadle_redis_target target = {.socket_path = treadle_redis_server_socket(server),
                                         .own = own,
                                         .clock_path =
                                             own ? treadle_redis_server_clock(server) : NULL};
    cr_assert_eq(treadle_redis_attach(&target, error, sizeof error), 0, "%s", error);
}

static void set_up(void)
{
    start_server();
    attach(true);
}

static void tear_down(void)
{
    treadle_redis_detach();
    redisFree(outside);
    treadle_redis_server_stop(server);
}

TestSuite(seam, .init = set_up, .fini = tear_down, .timeout = 60);

/* A command outside the seam, as text: "1", "nil", … */
static const char *direct(const char *line)
{
    static char text[512];
    redisReply *reply = redisCommand(outside, line);
    cr_assert_not_null(reply, "%s: %s", line, outside->errstr);
    if (reply->type == REDIS_REPLY_INTEGER) {
        snprintf(text, sizeof text, "%lld", reply->integer);
    } else {
        snprintf(text, sizeof text, "%s", reply->type == REDIS_REPLY_NIL ? "nil" : reply->str);
    }
    freeReplyObject(reply);
    return text;
}

/* What a subject does: one command, its reply's integer, or -100 when the call failed. */
static long long command(redisContext *context, const char *line)
{
    redisReply *reply = redisCommand(context, line);
    if (reply == NULL) {
        return -100;
    }
    const long long value = reply->type == REDIS_REPLY_INTEGER ? reply->integer
                            : reply->type == REDIS_REPLY_ERROR ? -1
                                                               : 0;
    freeReplyObject(reply);
    return value;
}

static void run(void (*body)(void))
{
    cr_assert_eq(stub_execute(body), TREADLE_OUTCOME_PASSED, "%s: %s", stub.outcome.property,
                 stub.outcome.message);
}

static void expect_stop(void (*body)(void), treadle_outcome_kind kind, const char *part)
{
    const treadle_outcome_kind got = stub_execute(body);
    cr_assert_eq(got, kind, "outcome %d: %s", (int)got, stub.outcome.message);
    cr_assert_not_null(strstr(stub.outcome.message, part), "%s", stub.outcome.message);
}

/* ---- flushes --------------------------------------------------------------------------------- */

static void add_one(void)
{
    cr_assert_eq(command(treadle_redis_connection(0), "ZADD window:openai 1 a"), 1);
}

Test(seam, one_flush_is_one_operation)
{
    run(add_one);
    cr_assert_eq(stub.announced, 1);
    cr_assert_eq(treadle_redis_command_count(), 1);
    cr_assert_str_eq(direct("ZCARD window:openai"), "1");
    cr_assert_eq(stub.announced, 1, "off a fiber nothing is announced");
}

static void pipeline(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisAppendCommand(context, "INCR k");
    redisAppendCommand(context, "INCR k");
    redisAppendCommand(context, "LRANGE l 0 -1");
    for (int i = 1; i <= 3; i++) {
        redisReply *reply = NULL;
        cr_assert_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
        cr_assert_eq(i < 3 ? reply->integer : (long long)reply->elements, i < 3 ? i : 0);
        freeReplyObject(reply);
    }
}

Test(seam, a_pipeline_is_one_operation)
{
    run(pipeline);
    cr_assert_eq(stub.announced, 1);
    cr_assert_eq(treadle_redis_command_count(), 3);
}

static void large(void)
{
    enum { SIZE = 3000000 };
    redisContext *context = treadle_redis_connection(0);
    char *value = malloc(SIZE);
    memset(value, 'x', SIZE);
    freeReplyObject(redisCommand(context, "SET big %b", value, (size_t)SIZE));
    redisReply *reply = redisCommand(context, "GET big");
    cr_assert_eq(reply->len, SIZE);
    cr_assert_eq(memcmp(reply->str, value, SIZE), 0);
    freeReplyObject(reply);
    free(value);
}

Test(seam, large_commands_and_replies)
{
    run(large);
}

static void two_clients(void)
{
    redisContext *one = treadle_redis_connection(0);
    redisContext *two = treadle_redis_connection(63);
    cr_assert_neq(one, two);
    cr_assert_eq(one, treadle_redis_connection(0));
    redisAppendCommand(one, "INCR k");
    cr_assert_eq(command(two, "INCR k"), 1);
    redisReply *reply = NULL;
    cr_assert_eq(redisGetReply(one, (void **)&reply), REDIS_OK);
    cr_assert_eq(reply->integer, 2);
    freeReplyObject(reply);
}

Test(seam, commands_run_in_the_order_of_their_flushes)
{
    stub.recording = true;
    run(two_clients);
    cr_assert_eq(stub.events[0].object, 64);
    cr_assert_eq(stub.events[1].object, 1);
}

static void too_many_clients(void)
{
    treadle_redis_connection(64);
}

Test(seam, there_are_64_clients)
{
    expect_stop(too_many_clients, TREADLE_OUTCOME_ENVIRONMENT, "there are 64");
}

static void read_for_ever(void)
{
    redisReply *reply = NULL;
    redisGetReply(treadle_redis_connection(0), (void **)&reply);
}

Test(seam, waiting_for_a_reply_nobody_asked_for_is_a_hang)
{
    expect_stop(read_for_ever, TREADLE_OUTCOME_VIOLATED, "waits for a reply");
    cr_assert_str_eq(stub.outcome.property, "hang");
    run(add_one);
}

static void other_thread_flushes(void)
{
    stub.on_announce = NULL;
    redisContext *context = treadle_redis_connection(0);
    int done = 0;
    redisBufferWrite(context, &done);
    cr_assert(done);
}

static void shared_context(void)
{
    stub.on_announce = other_thread_flushes;
    cr_assert_eq(command(treadle_redis_connection(0), "INCR k"), 1);
}

Test(seam, a_context_shared_by_two_threads_is_flushed_once)
{
    stub.recording = true;
    run(shared_context);
    cr_assert_eq(stub.announced, 2);
    cr_assert_str_eq(stub.events[1].text, "(another thread has sent this connection's commands)");
    cr_assert_str_eq(direct("GET k"), "1");
}

/* ---- the start of an execution -----------------------------------------------------------------
 */

static void key_is_new(void)
{
    cr_assert_eq(command(treadle_redis_connection(1), "INCR k"), 1);
    cr_assert_eq(command(treadle_redis_connection(0), "INCR k"), 2);
}

Test(seam, every_execution_starts_empty)
{
    direct("SET other 1");
    for (int i = 0; i < 50; i++) {
        run(key_is_new);
    }
    cr_assert_str_eq(direct("DBSIZE"), "1");
}

static void nothing(void)
{
}

static void inspect_exists(void)
{
    redisReply *reply = treadle_redis_inspect("EXISTS %s", "k");
    cr_assert_eq(reply->integer, 0);
    freeReplyObject(reply);
    cr_assert_eq(command(treadle_redis_connection(0), "INCR k"), 1);
    reply = treadle_redis_inspect("GET %s", "k");
    cr_assert_str_eq(reply->str, "1");
    freeReplyObject(reply);
}

Test(seam, inspecting_first_sees_an_empty_server_too)
{
    run(key_is_new);
    run(nothing);
    cr_assert_str_eq(direct("GET k"), "2", "nothing is sent for nothing");
    run(inspect_exists);
    cr_assert_eq(stub.announced, 1, "inspecting is no operation");
}

static void load_script(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisReply *reply =
        redisCommand(context, "EVALSHA %s 0", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    cr_assert_eq(reply->type, REDIS_REPLY_ERROR);
    cr_assert_eq(strncmp(reply->str, "NOSCRIPT", 8), 0, "%s", reply->str);
    freeReplyObject(reply);
    reply = redisCommand(context, "SCRIPT LOAD %s", "return 1");
    cr_assert_str_eq(reply->str, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    freeReplyObject(reply);
    cr_assert_eq(command(context, "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0"), 1);
    /* The last flush carries no script: what came before must still be remembered. */
    cr_assert_eq(command(context, "INCR k"), 1);
}

static void eval_script(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(context, "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0"), -1);
    redisReply *reply = redisCommand(context, "EVAL %s 0", "return 1");
    cr_assert_eq(reply->integer, 1);
    freeReplyObject(reply);
}

Test(seam, scripts_do_not_outlive_an_execution)
{
    freeReplyObject(redisCommand(outside, "SCRIPT LOAD %s", "return 1")); /* before the first */
    for (int i = 0; i < 20; i++) {
        run(load_script);
        run(eval_script);
        run(key_is_new);
    }
}

static void load_function(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisReply *reply =
        redisCommand(context, "FUNCTION LOAD %s",
                     "#!lua name=lib\nredis.register_function('f', function() return 7 end)");
    cr_assert_eq(reply->type, REDIS_REPLY_STRING, "%s", reply->str);
    freeReplyObject(reply);
    cr_assert_eq(command(context, "FCALL f 0"), 7);
}

Test(seam, functions_do_not_outlive_an_execution)
{
    run(load_function);
    run(load_function);
}

/* Leaves the execution in the middle of a command, as a violation elsewhere does. */
static void abandon(void)
{
    treadle_stop(TREADLE_OUTCOME_VIOLATED, "elsewhere", "in the middle");
}

static void abandoned(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(context, "MULTI"), 0);
    redisAppendCommand(context, "SET k abandoned");
    stub.on_announce = abandon;
    command(context, "GET k");
}

Test(seam, an_abandoned_execution_leaves_nothing)
{
    for (int i = 0; i < 5; i++) {
        expect_stop(abandoned, TREADLE_OUTCOME_VIOLATED, "in the middle");
        stub.on_announce = NULL;
        run(key_is_new);
    }
}

static void half_read(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisAppendCommand(context, "SET k v");
    redisAppendCommand(context, "GET k");
    redisReply *reply = NULL;
    redisGetReply(context, (void **)&reply);
    freeReplyObject(reply); /* the second reply is never read */
}

Test(seam, unread_replies_do_not_reach_the_next_execution)
{
    run(half_read);
    run(key_is_new);
}

static void select_database(void)
{
    cr_assert_eq(command(treadle_redis_connection(0), "SELECT 3"), 0);
    cr_assert_eq(command(treadle_redis_connection(0), "INCR k"), 1);
    cr_assert_eq(command(treadle_redis_connection(1), "EXISTS k"), 0);
}

Test(seam, a_selected_database_does_not_outlive_an_execution)
{
    for (int i = 0; i < 3; i++) {
        run(select_database);
        run(key_is_new);
    }
}

static void watch_only(void)
{
    cr_assert_eq(command(treadle_redis_connection(0), "WATCH k"), 0);
}

static void transaction(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(treadle_redis_connection(1), "SET k 1"), 0);
    cr_assert_eq(command(context, "MULTI"), 0);
    cr_assert_eq(command(context, "INCR k"), 0);
    redisReply *reply = redisCommand(context, "EXEC");
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1);
    freeReplyObject(reply);
}

Test(seam, a_watch_does_not_outlive_an_execution)
{
    run(watch_only);
    run(transaction);
    run(transaction);
}

static const char *closing;

static void watch_and_close_in_vain(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(context, "WATCH k"), 0);
    cr_assert_eq(command(context, closing), -1);
}

Test(seam, a_watch_that_was_not_ended_does_not_outlive_an_execution)
{
    static const char *const errors[] = {"EXEC", "DISCARD", "UNWATCH x", "RESET x", "DISCARD x"};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        closing = errors[i];
        run(watch_and_close_in_vain);
        run(transaction);
    }
}

static void inspect_in_transaction(void)
{
    freeReplyObject(treadle_redis_inspect("MULTI"));
    redisReply *reply = treadle_redis_inspect("INCR k");
    cr_assert_eq(reply->integer, 1);
    freeReplyObject(reply);
}

Test(seam, every_look_is_on_a_fresh_connection)
{
    run(inspect_in_transaction);
    run(inspect_in_transaction);
}

static void kill_clients(void)
{
    redisContext *context = treadle_redis_connection(0);
    treadle_redis_connection(1);
    command(context, "CLIENT KILL TYPE normal SKIPME yes");
}

Test(seam, killed_clients_are_reopened)
{
    run(key_is_new);
    run(kill_clients);
    run(key_is_new);
    run(inspect_exists);
}

static void comes_after_a_kill(void)
{
    command(treadle_redis_connection(0), "CLIENT KILL TYPE normal SKIPME yes");
    cr_assert_eq(command(treadle_redis_connection(1), "INCR k"), 1);
}

Test(seam, a_client_that_comes_after_a_kill_lives_whatever_was_before)
{
    run(comes_after_a_kill);
    run(key_is_new);
    run(comes_after_a_kill);
}

static void kill_in_transaction(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "MULTI");
    command(context, "CLIENT KILL TYPE normal SKIPME yes");
    cr_assert_eq(command(treadle_redis_connection(1), "PING"), 0);
    redisReconnect(treadle_redis_connection(1));
    command(context, "EXEC");
}

Test(seam, clients_killed_by_a_transaction_are_reopened)
{
    run(key_is_new);
    run(kill_in_transaction);
    run(key_is_new);
}

static void first_is_dead(void)
{
    cr_assert_eq(command(treadle_redis_connection(0), "INCR k"), -100);
    cr_assert_eq(command(treadle_redis_connection(1), "INCR k"), -100);
    cr_assert_eq(command(treadle_redis_connection(2), "INCR k"), 1);
}

static void first_quits(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisAppendCommand(context, "SET k 5");
    redisAppendCommand(context, "QUIT");
    cr_assert_eq(command(context, "GET k"), 0);
    cr_assert_eq(command(treadle_redis_connection(1), "INCR k"), 6);
}

Test(seam, the_server_is_emptied_once_when_the_first_connection_closes)
{
    run(key_is_new);
    direct("CLIENT KILL TYPE normal SKIPME yes");
    run(first_is_dead);
    run(key_is_new);
    run(first_quits);
    run(key_is_new);
}

static void migrates_under_a_name_put_together(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "SET k 1");
    redisReply *reply =
        redisCommand(context, "EVAL %s 1 k",
                     "return redis.call('MIG' .. 'RATE', '127.0.0.1', '1', KEYS[1], '0', '10')");
    cr_assert_eq(reply->type, REDIS_REPLY_ERROR);
    cr_assert_not_null(strstr(reply->str, "can't run this command"), "%s", reply->str);
    freeReplyObject(reply);
}

static void changes_settings(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "MULTI");
    command(context, "CONFIG SET maxmemory 99000000 maxmemory-policy allkeys-lru");
    freeReplyObject(redisCommand(context, "EXEC"));
    freeReplyObject(treadle_redis_inspect("CONFIG SET notify-keyspace-events KEA"));
    freeReplyObject(redisCommand(context, "ACL SETUSER somebody on nopass +@all ~*"));
    freeReplyObject(redisCommand(context, "ACL SETUSER default -get -config"));
    cr_assert_eq(command(context, "GET k"), -1);
}

static void finds_settings(void)
{
    static const char *const settings[][2] = {
        {"maxmemory", "0"}, {"maxmemory-policy", "noeviction"}, {"notify-keyspace-events", ""}};
    redisContext *context = treadle_redis_connection(0);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        redisReply *reply = redisCommand(context, "CONFIG GET %s", settings[i][0]);
        cr_assert_str_eq(reply->element[1]->str, settings[i][1]);
        freeReplyObject(reply);
    }
    redisReply *users = redisCommand(context, "ACL USERS");
    cr_assert_eq(users->elements, 1);
    freeReplyObject(users);
    cr_assert_eq(command(context, "GET k"), 0);
    migrates_under_a_name_put_together();
}

Test(seam, settings_and_users_do_not_outlive_an_execution)
{
    run(finds_settings);
    for (int i = 0; i < 3; i++) {
        run(changes_settings);
        run(finds_settings);
    }
    run(changes_settings);
    treadle_redis_detach();
    attach(true);
    run(finds_settings);
}

static void locks_the_harness_out(void)
{
    cr_assert_eq(command(treadle_redis_connection(0), "ACL SETUSER default -acl"), 0);
}

Test(seam, a_server_that_locks_the_harness_out_is_given_up)
{
    run(locks_the_harness_out);
    for (int i = 0; i < 2; i++) {
        expect_stop(key_is_new, TREADLE_OUTCOME_ENVIRONMENT,
                    "what an execution changed in the private server's settings or users cannot be "
                    "restored, so no other runs on it: the Redis server refused ACL");
    }
}

static long long killed;

static void two_kill(void)
{
    treadle_redis_connection(1);
    killed = command(treadle_redis_connection(0), "CLIENT KILL TYPE normal SKIPME yes");
}

static void many_come_and_go(void)
{
    for (uint32_t i = 0; i < 20; i++) {
        command(treadle_redis_connection(i), i % 2 == 0 ? "PING" : "WATCH k");
        redisContext *own = redisConnectUnix(treadle_redis_server_socket(server));
        command(own, "PING");
        if (i % 2 == 0) {
            redisFree(own);
        }
    }
    freeReplyObject(treadle_redis_inspect("PING"));
}

static void others_have_gone_before_they_kill(void)
{
    for (uint32_t i = 2; i < 6; i++) {
        redisContext *own = redisConnectUnix(treadle_redis_server_socket(server));
        command(own, "PING");
        redisFree(own);
        command(treadle_redis_connection(i), "PING"); /* cut */
    }
    two_kill();
}

static void kill_by_exec(void)
{
    treadle_redis_connection(1);
    redisContext *context = treadle_redis_connection(0);
    command(context, "MULTI");
    command(context, "CLIENT KILL TYPE normal SKIPME yes");
    redisReply *reply = redisCommand(context, "EXEC");
    killed = reply->element[0]->integer;
    freeReplyObject(reply);
}

Test(seam, client_kill_counts_the_connections_of_its_execution_only)
{
    run(two_kill); /* and the test's own */
    for (int i = 0; i < 20; i++) {
        run(many_come_and_go);
        run(two_kill);
        cr_assert_eq(killed, 1, "%lld", killed);
        run(many_come_and_go);
        run(kill_by_exec);
        cr_assert_eq(killed, 1, "%lld", killed);
        treadle_redis_faults((treadle_faults){.cut_after = 4});
        const uint32_t cuts[] = {0, 1, 0, 1, 0, 1, 0, 1};
        memcpy(stub.decisions, cuts, sizeof cuts);
        run(others_have_gone_before_they_kill);
        cr_assert_eq(stub.decided, 8);
        cr_assert_eq(killed, 1, "%lld", killed);
        treadle_redis_faults((treadle_faults){.cut_after = 0});
    }
}

static void look_at_clients(void)
{
    treadle_redis_connection(1);
    redisReply *reply = redisCommand(treadle_redis_connection(0), "INFO clients");
    cr_assert_not_null(strstr(reply->str, "connected_clients:2\r\n"), "%s", reply->str);
    freeReplyObject(reply);
    reply = treadle_redis_inspect("INFO clients");
    cr_assert_not_null(strstr(reply->str, "connected_clients:3\r\n"), "%s", reply->str);
    freeReplyObject(reply);
}

static void look_from_a_script(void)
{
    treadle_redis_connection(1);
    redisReply *reply = redisCommand(treadle_redis_connection(0), "EVAL %s 1 k",
                                     "return redis.call('INFO', 'clients')");
    cr_assert_not_null(strstr(reply->str, "connected_clients:2\r\n"), "%s", reply->str);
    freeReplyObject(reply);
    reply = treadle_redis_inspect("EVALSHA %s 1 k", "d5d4d2836c616801d25ac0eefa1045e9e4f31345");
    cr_assert_not_null(strstr(reply->str, "connected_clients:3\r\n"), "%s", reply->str);
    freeReplyObject(reply);
}

Test(seam, nobody_sees_the_clients_of_earlier_executions)
{
    run(two_kill);
    run(many_come_and_go);
    run(look_at_clients);
    run(look_at_clients);
    run(many_come_and_go);
    run(look_from_a_script);
}

static void writes_after_a_kill(void)
{
    two_kill();
    command(treadle_redis_connection(0), "SET k v");
}

Test(seam, what_the_server_holds_is_told_after_a_kill_too)
{
    stub.recording = true;
    treadle_redis_tell_state(true);
    run(writes_after_a_kill);
    cr_assert_str_eq(stub.events[1].state, "k\tv  (never expires)\n");
}

/* ---- time ------------------------------------------------------------------------------------ */

static void time_is_virtual(void)
{
    redisContext *context = treadle_redis_connection(0);
    for (int i = 0; i < 10; i++) {
        stub.clock_ns = i * INT64_C(1234567000);
        redisReply *reply = redisCommand(context, "TIME");
        const int64_t us = strtoll(reply->element[0]->str, NULL, 10) * 1000000 +
                           strtoll(reply->element[1]->str, NULL, 10);
        cr_assert_eq(us, (TREADLE_REALTIME_START_NS + stub.clock_ns) / 1000);
        freeReplyObject(reply);
    }
    stub.clock_ns = 0;
    cr_assert_eq(command(context, "SET k v PX 1000"), 0);
    stub.clock_ns = INT64_C(1000000000);
    cr_assert_eq(command(context, "PTTL k"), 0);
    stub.clock_ns += 1000000;
    redisReply *reply = treadle_redis_inspect("PTTL k");
    cr_assert_eq(reply->integer, -2);
    freeReplyObject(reply);
    stub.clock_ns = 0;
}

Test(seam, the_server_follows_the_virtual_clock)
{
    run(time_is_virtual);
    run(time_is_virtual);
}

static useconds_t pause_us;
static char keys_in_order[1024];

/* A table with so few keys left that the server's timer would make it smaller. */
static void list_what_is_left(void)
{
    redisContext *context = treadle_redis_connection(0);
    for (int i = 0; i < 64; i++) {
        freeReplyObject(redisCommand(context, "SET key:%d v", i));
    }
    stub.touch_count = 0; /* there is no room for so many */
    for (int i = 0; i < 59; i++) {
        freeReplyObject(redisCommand(context, "DEL key:%d", i));
    }
    usleep(pause_us);
    stub.touch_count = 0;
    cr_assert_eq(command(context, "OBJECT IDLETIME key:63"), 0);
    for (int i = 0; i < 64; i++) { /* each moves a part of the table on */
        command(context, "GET key:63");
    }
    redisReply *reply = redisCommand(context, "KEYS *");
    keys_in_order[0] = '\0';
    for (size_t i = 0; i < reply->elements; i++) {
        strcat(keys_in_order, reply->element[i]->str);
        strcat(keys_in_order, " ");
    }
    freeReplyObject(reply);
}

Test(seam, what_keys_and_idletime_tell_does_not_depend_on_real_time)
{
    char before[sizeof keys_in_order];
    run(list_what_is_left);
    memcpy(before, keys_in_order, sizeof before);
    pause_us = 1500000;
    run(list_what_is_left);
    cr_assert_str_eq(keys_in_order, before);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void increments(void)
{
    redisContext *context = treadle_redis_connection(0);
    long long last = 0;
    for (int i = 0; i < 4 && last != -100; i++) {
        last = command(context, "INCR k");
    }
    if (last == -100) {
        cr_assert_eq(context->err, REDIS_ERR_EOF);
        cr_assert_str_eq(context->errstr, "Server closed the connection");
        cr_assert_eq(command(context, "INCR k"), -100, "the error is sticky");
    }
}

Test(seam, no_fault_is_asked_for_without_a_budget)
{
    run(increments);
    cr_assert_eq(stub.decided, 0);
}

Test(seam, cut_before_runs_nothing)
{
    treadle_redis_faults((treadle_faults){.cut_before = 1});
    stub.decisions[1] = 1;
    stub.recording = true;
    run(increments);
    cr_assert_eq(stub.decided, 2, "the budget is used up");
    cr_assert_eq(stub.decision_counts[0], 2);
    cr_assert_str_eq(direct("GET k"), "1");
    cr_assert_str_eq(stub.events[0].text, "INCR k -> 1");
    cr_assert_not(stub.events[0].failed);
    cr_assert_str_eq(stub.events[1].text, "INCR k (connection cut before it was sent)");
    cr_assert(stub.events[1].failed);
}

Test(seam, cut_after_runs_on_the_server)
{
    treadle_redis_faults((treadle_faults){.cut_after = 1});
    stub.decisions[1] = 1;
    stub.recording = true;
    run(increments);
    cr_assert_str_eq(direct("GET k"), "2");
    cr_assert_str_eq(stub.events[1].text, "INCR k -> 2 (connection cut, the reply is lost)");
    cr_assert(stub.events[1].failed);
}

Test(seam, both_faults_have_their_option)
{
    treadle_redis_faults((treadle_faults){.cut_before = 1, .cut_after = 2});
    stub.decisions[0] = 2;
    run(increments);
    cr_assert_eq(stub.decision_counts[0], 3);
    cr_assert_str_eq(direct("GET k"), "1");
    stub.decisions[0] = 1;
    run(increments);
    cr_assert_eq(stub.decision_counts[0], 3, "the budget is an execution's");
    cr_assert_str_eq(direct("EXISTS k"), "1", "a first flush that was cut empties nothing");
    stub.decisions[0] = 0;
    run(key_is_new);
}

static void first_is_cut_then_other(void)
{
    cr_assert_eq(command(treadle_redis_connection(0), "INCR k"), -100);
    cr_assert_eq(command(treadle_redis_connection(1), "INCR k"), 1);
}

Test(seam, the_server_is_emptied_by_the_first_flush_that_gets_through)
{
    run(key_is_new);
    treadle_redis_faults((treadle_faults){.cut_before = 1});
    stub.decisions[0] = 1;
    run(first_is_cut_then_other);
}

static void reconnects(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(context, "INCR k"), -100);
    cr_assert_eq(redisReconnect(context), REDIS_OK);
    cr_assert_eq(context->err, 0);
    cr_assert_eq(command(context, "INCR k"), 2);
}

Test(seam, a_cut_connection_can_be_reconnected)
{
    treadle_redis_faults((treadle_faults){.cut_after = 1});
    for (int i = 0; i < 3; i++) {
        stub.decisions[0] = 1;
        run(reconnects);
    }
    stub.decisions[0] = 0;
    run(key_is_new);
}

static void pipeline_is_cut(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisAppendCommand(context, "INCR k");
    redisAppendCommand(context, "INCR k");
    redisAppendCommand(context, "INCR k");
    redisReply *reply = NULL;
    cr_assert_eq(redisGetReply(context, (void **)&reply), REDIS_ERR);
    cr_assert_eq(context->err, REDIS_ERR_EOF);
}

Test(seam, cut_inside_runs_the_first_commands)
{
    treadle_redis_faults((treadle_faults){.cut_inside = 1});
    stub.decisions[0] = 1;
    stub.recording = true;
    const char *const left[] = {"1", "2"};
    for (uint32_t k = 0; k < 2; k++) {
        stub.decisions[1] = k;
        const uint64_t before = treadle_redis_command_count();
        run(pipeline_is_cut);
        cr_assert_eq(stub.decided, 2, "whether, and where");
        cr_assert_eq(stub.decision_counts[0], 2);
        cr_assert_eq(stub.decision_counts[1], 2, "after the first command or after the second");
        cr_assert_str_eq(direct("GET k"), left[k]);
        cr_assert_eq(treadle_redis_command_count() - before, k + 1);
        cr_assert(stub.events[0].failed);
    }
    cr_assert_str_eq(stub.events[0].text,
                     "INCR k -> 1 | INCR k -> 2 | INCR k (connection cut after 2 of 3 commands, no "
                     "reply arrives)");
    stub.decisions[0] = 0;
    run(key_is_new);
}

Test(seam, a_single_command_cannot_be_cut_inside)
{
    treadle_redis_faults((treadle_faults){.cut_inside = 1});
    run(increments);
    cr_assert_eq(stub.decided, 0);
}

static void transaction_is_cut(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisAppendCommand(context, "MULTI");
    redisAppendCommand(context, "SET k 1");
    redisAppendCommand(context, "EXEC");
    redisReply *reply = NULL;
    cr_assert_eq(redisGetReply(context, (void **)&reply), REDIS_ERR);
    cr_assert_eq(redisReconnect(context), REDIS_OK);
    cr_assert_eq(command(context, "EXISTS k"), 0, "not in the transaction any more");
}

Test(seam, a_transaction_that_is_cut_inside_does_not_happen)
{
    treadle_redis_faults((treadle_faults){.cut_inside = 1});
    stub.decisions[0] = 1;
    stub.decisions[1] = 1;
    run(transaction_is_cut);
    cr_assert_str_eq(direct("EXISTS k"), "0");
}

#define RETURN_1 "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"

static long long script_results[3];

static void calls_script(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "INCR k");
    freeReplyObject(redisCommand(context, "SCRIPT LOAD %s", "return 1"));
    for (int i = 0; i < 3; i++) {
        script_results[i] = command(context, "EVALSHA " RETURN_1 " 0");
    }
}

Test(seam, scripts_are_flushed_only_before_a_call_and_while_there_are_any)
{
    treadle_redis_faults((treadle_faults){.scripts_flushed = 2});
    stub.decisions[1] = 1;
    stub.recording = true;
    run(calls_script);
    cr_assert_eq(stub.decided, 2, "asked at two calls; at the third there is nothing to flush");
    cr_assert_eq(stub.decision_counts[0], 2);
    cr_assert_eq(script_results[0], 1);
    cr_assert_eq(script_results[1], -1);
    cr_assert_eq(script_results[2], -1);
    cr_assert_str_eq(stub.events[3].text,
                     "(scripts lost) EVALSHA e0e1f9fa… 0 -> (error) NOSCRIPT No "
                     "matching script. Please use EVAL.");
    cr_assert_not(stub.events[3].failed);
    cr_assert_eq(stub.announced, 5, "the fault itself is no operation");
    stub.decisions[1] = 0;
    run(calls_script);
    cr_assert_eq(script_results[2], 1);
}

static void loads_again(void)
{
    redisContext *context = treadle_redis_connection(0);
    for (int i = 0; i < 3; i++) {
        freeReplyObject(redisCommand(context, "SCRIPT LOAD %s", "return 1"));
        script_results[i] = command(context, "EVALSHA " RETURN_1 " 0");
    }
}

Test(seam, scripts_that_were_loaded_again_can_be_flushed_again)
{
    treadle_redis_faults((treadle_faults){.scripts_flushed = 2});
    for (uint32_t i = 0; i < 3; i++) {
        stub.decisions[i] = 1;
    }
    run(loads_again);
    cr_assert_eq(stub.decided, 2, "the budget is used up");
    cr_assert_eq(script_results[0], -1);
    cr_assert_eq(script_results[1], -1);
    cr_assert_eq(script_results[2], 1);
}

static void caches_by_exec(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "MULTI");
    freeReplyObject(redisCommand(context, "EVAL %s 0", "return 1"));
    redisContext *other = treadle_redis_connection(1);
    freeReplyObject(redisCommand(other, "SCRIPT LOAD %s", "return 2"));
    cr_assert_eq(command(other, "EVALSHA " RETURN_1 " 0"), -1);
    freeReplyObject(redisCommand(context, "EXEC"));
    cr_assert_eq(command(other, "EVALSHA " RETURN_1 " 0"), 1);
}

Test(seam, a_script_that_exec_caches_does_not_outlive_an_execution)
{
    treadle_redis_faults((treadle_faults){.scripts_flushed = 1});
    stub.decisions[0] = 1;
    run(caches_by_exec);
    cr_assert_eq(stub.decided, 1);
    stub.decisions[0] = 0;
    run(eval_script);
}

static void queues_a_script(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "MULTI");
    freeReplyObject(redisCommand(context, "EVAL %s 0", "return 1"));
    command(treadle_redis_connection(1), "EVALSHA " RETURN_1 " 0");
}

Test(seam, a_script_that_is_only_queued_cannot_be_lost)
{
    run(key_is_new);
    treadle_redis_faults((treadle_faults){.scripts_flushed = 1});
    run(queues_a_script);
    cr_assert_eq(stub.decided, 0);
}

static void reads_and_writes(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(context, "EXISTS k"), 0);
    cr_assert_eq(command(context, "INCR k"), -1);
    cr_assert_eq(command(context, "INCR k"), 1);
}

Test(seam, an_error_reply_strikes_one_flush_that_writes)
{
    treadle_redis_faults((treadle_faults){.error_reply = 1});
    stub.decisions[0] = 1;
    stub.recording = true;
    run(reads_and_writes);
    cr_assert_eq(stub.decided, 1, "not asked for a command that only reads");
    cr_assert_str_eq(stub.events[1].text, "(no replicas: writes refused) INCR k -> (error) "
                                          "NOREPLICAS Not enough good replicas to write.");
    cr_assert_str_eq(stub.events[2].text, "INCR k -> 1");
}

static void scripted_write(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisReply *reply = redisCommand(context, "EVAL %s 1 k",
                                     "redis.call('DEL', KEYS[1]) redis.call('INCR', "
                                     "KEYS[1]) return 1");
    cr_assert_eq(reply->type, REDIS_REPLY_ERROR);
    cr_assert_not_null(strstr(reply->str, "NOREPLICAS"), "%s", reply->str);
    freeReplyObject(reply);
    redisAppendCommand(context, "MULTI");
    redisAppendCommand(context, "INCR k");
    redisAppendCommand(context, "EXEC");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
        cr_assert_eq(reply->type == REDIS_REPLY_ERROR, i > 0);
        freeReplyObject(reply);
    }
    cr_assert_eq(command(context, "EXISTS k"), 0);
}

Test(seam, an_error_reply_stops_scripts_and_transactions)
{
    treadle_redis_faults((treadle_faults){.error_reply = 2});
    stub.decisions[0] = stub.decisions[1] = 1;
    run(scripted_write);
    cr_assert_eq(stub.decided, 2);
}

/* The execution ends while the server refuses: it does not answer in time. */
static void refused_for_ever(void)
{
    redisContext *context = treadle_redis_connection(0);
    treadle_redis_wire_timeout_ms = 100;
    command(context, "EVAL while\ttrue\tdo\tend 0");
}

Test(seam, a_refusal_does_not_outlast_its_execution)
{
    direct("CONFIG SET busy-reply-threshold 50");
    treadle_redis_faults((treadle_faults){.error_reply = 1});
    stub.decisions[0] = 1;
    expect_stop(refused_for_ever, TREADLE_OUTCOME_ENVIRONMENT, "did not answer");
    treadle_redis_wire_timeout_ms = 10000;
    direct("SCRIPT KILL");
    while (strcmp(direct("PING"), "PONG") != 0) {
        usleep(1000); /* it takes effect when the script next looks up */
    }
    cr_assert_str_eq(direct("SET k 1"), "NOREPLICAS Not enough good replicas to write.");
    stub.decisions[0] = 0;
    run(key_is_new);
}

Test(seam, a_refusal_does_not_outlast_its_process)
{
    treadle_redis_detach();
    direct("CONFIG SET min-replicas-to-write 1");
    attach(true);
    run(key_is_new);
    run(changes_settings);
    run(key_is_new);
}

static void executes(void)
{
    redisContext *context = treadle_redis_connection(0);
    freeReplyObject(redisCommand(context, "SCRIPT LOAD %s", "return 1"));
    command(context, "MULTI");
    command(context, "INCR k");
    command(context, "EVALSHA " RETURN_1 " 1 k");
    freeReplyObject(redisCommand(context, "EXEC"));
}

Test(seam, what_exec_runs_can_be_struck_when_it_runs)
{
    treadle_redis_faults((treadle_faults){.error_reply = 1});
    stub.recording = true;
    stub.decisions[2] = 1;
    run(executes);
    cr_assert_eq(stub.decided, 3, "when they are queued, and when they run");
    cr_assert_not_null(strstr(stub.events[4].text, "NOREPLICAS"), "%s", stub.events[4].text);
    treadle_redis_faults((treadle_faults){.scripts_flushed = 1});
    stub.decisions[1] = 1;
    run(executes);
    cr_assert_eq(stub.decided, 2);
    cr_assert_not_null(strstr(stub.events[4].text, "NOSCRIPT"), "%s", stub.events[4].text);
}

static void answered_pipeline(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisReply *reply;
    redisAppendCommand(context, "SET k 1");
    redisAppendCommand(context, "EXISTS k");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
        cr_assert_eq(reply->type, REDIS_REPLY_ERROR);
        cr_assert_eq(strncmp(reply->str, "OOM ", 4), 0, "%s", reply->str);
        freeReplyObject(reply);
    }
    cr_assert_eq(command(context, "EXISTS k"), 0, "nothing ran");
    cr_assert_eq(command(context, "INCR k"), 1);
}

Test(seam, a_flush_can_be_answered_with_errors_and_not_run)
{
    treadle_redis_faults((treadle_faults){.answered = 1});
    stub.decisions[0] = 1;
    stub.decisions[1] = 1;
    stub.recording = true;
    run(answered_pipeline);
    cr_assert_eq(stub.decided, 2, "the budget is used up");
    cr_assert_eq(stub.decision_counts[1], 4, "which error");
    const char expected[] = "(not run) SET k 1 -> (error) OOM command not allowed when used memory";
    cr_assert_eq(strncmp(stub.events[0].text, expected, sizeof expected - 1), 0, "%s",
                 stub.events[0].text);
    cr_assert_str_eq(stub.events[1].text, "EXISTS k -> 0");
    stub.decisions[0] = stub.decisions[1] = 0;
    run(key_is_new);
}

static void answered_in_transaction(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "WATCH k");
    freeReplyObject(redisCommand(context, "MULTI"));
    freeReplyObject(redisCommand(context, "INCR k"));
    redisReply *reply = redisCommand(context, "EXEC");
    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
    freeReplyObject(reply);
    command(context, "EXISTS k");
}

Test(seam, what_is_queued_is_not_answered_with_errors)
{
    treadle_redis_faults((treadle_faults){.answered = 1});
    run(answered_in_transaction);
    cr_assert_eq(stub.decided, 3, "WATCH, MULTI, and what comes after EXEC");
}

static void two_keys(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "MSET a 1 b 1");
    command(context, "MGET a b none a");
    command(context, "EXISTS none");
    cr_assert_eq(command(context, "EXISTS a b"), 1);
}

Test(seam, a_key_that_is_there_can_be_evicted)
{
    treadle_redis_faults((treadle_faults){.evicted = 1});
    stub.decisions[0] = 1;
    stub.decisions[1] = 1;
    stub.recording = true;
    run(two_keys);
    cr_assert_eq(stub.decided, 2, "not asked while the keys are not there");
    cr_assert_eq(stub.decision_counts[0], 2);
    cr_assert_eq(stub.decision_counts[1], 2, "either of two keys, each once");
    cr_assert_str_eq(stub.events[1].text,
                     "(evicted b) MGET a b none a -> [\"1\", nil, nil, \"1\"]");
    cr_assert_eq(stub.announced, 4);
}

static void two_keys_and_no_unlink(void)
{
    cr_assert_eq(command(treadle_redis_connection(0), "ACL SETUSER default -unlink"), 0);
    two_keys();
}

Test(seam, an_eviction_that_the_server_refuses_is_none)
{
    treadle_redis_faults((treadle_faults){.evicted = 1});
    stub.decisions[0] = 1;
    expect_stop(two_keys_and_no_unlink, TREADLE_OUTCOME_ENVIRONMENT,
                "the Redis server refused UNLINK: NOPERM");
}

static void watched_key(void)
{
    redisContext *context = treadle_redis_connection(0);
    command(context, "SET k 1");
    command(context, "WATCH k");
    redisAppendCommand(context, "MULTI");
    redisAppendCommand(context, "SET k 2");
    redisAppendCommand(context, "EXEC");
    for (int i = 0; i < 3; i++) {
        redisReply *reply;
        cr_assert_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
        cr_assert(i < 2 || reply->type == REDIS_REPLY_NIL);
        freeReplyObject(reply);
    }
}

Test(seam, an_eviction_aborts_a_transaction_that_watches)
{
    treadle_redis_faults((treadle_faults){.evicted = 1});
    stub.decisions[1] = 1; /* not before WATCH but before MULTI */
    run(watched_key);
    cr_assert_eq(stub.decided, 2);
}

Test(seam, options_come_in_the_order_of_the_budget)
{
    treadle_redis_faults((treadle_faults){.cut_before = 1,
                                          .cut_after = 1,
                                          .cut_inside = 1,
                                          .scripts_flushed = 1,
                                          .error_reply = 1,
                                          .evicted = 1});
    stub.recording = true;
    run(pipeline);
    cr_assert_eq(stub.decision_counts[0], 5, "all but scripts, of which there are none, and keys");
    stub.decisions[0] = 3;
    run(pipeline_is_cut);
    cr_assert_not_null(strstr(stub.events[0].text, "cut after 1 of 3"), "%s", stub.events[0].text);
}

/* ---- trace ----------------------------------------------------------------------------------- */

static void traced(void)
{
    pipeline();
    redisContext *context = treadle_redis_connection(0);
    freeReplyObject(redisCommand(context, "ZADD window:openai %s %s", "1700000000.5", "a b"));
    command(context, "ZADD window:openai x y");
    command(context, "GET none");
}

Test(seam, recorded_flushes_have_a_text)
{
    stub.recording = true;
    run(traced);
    cr_assert_str_eq(stub.events[0].text, "INCR k -> 1 | INCR k -> 2 | LRANGE l 0 -1 -> []");
    cr_assert_str_eq(stub.events[1].text, "ZADD window:openai 1700000000.5 \"a b\" -> 1");
    cr_assert_str_eq(stub.events[2].text,
                     "ZADD window:openai x y -> (error) ERR value is not a valid float");
    cr_assert_str_eq(stub.events[3].text, "GET none -> nil");
}

static __attribute__((noinline)) void calls_redis(void)
{
    command(treadle_redis_connection(0), "PING");
    __asm__ volatile("");
}

Test(seam, the_site_is_the_call_of_hiredis)
{
    stub.recording = true;
    run(calls_redis);
    /* redisCommand is called in command(), which may be inlined: near this file's functions. */
    const char *site = stub.events[0].site;
    const char *here = (const char *)(uintptr_t)&command;
    cr_assert(site != NULL && labs(site - here) < (1 << 20), "site %p, command at %p",
              (const void *)site, (const void *)here);
    stub.recording = false;
    run(calls_redis);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static const char *refused_line;

static void refused(void)
{
    command(treadle_redis_connection(0), refused_line);
}

static void assert_refused(const char *line, const char *part)
{
    refused_line = line;
    expect_stop(refused, TREADLE_OUTCOME_ENVIRONMENT, part);
}

Test(seam, what_would_hang_is_refused)
{
    assert_refused("SUBSCRIBE c", "SUBSCRIBE cannot be used: it is not answered by exactly one");
    assert_refused("UNSUBSCRIBE", "exactly one reply");
    assert_refused("MONITOR", "exactly one reply");
    assert_refused("CLIENT REPLY OFF", "exactly one reply");
    assert_refused("BLPOP l 0", "BLPOP cannot be used: it may wait for another client");
    assert_refused("XREAD BLOCK 0 STREAMS s $", "may wait");
    assert_refused("WAIT 1 100", "may wait");
    assert_refused("CLIENT PAUSE 100", "CLIENT cannot be used: clients would wait");
    assert_refused("client pause 100 WRITE", "would wait");
    refused_line = "XREAD STREAMS s 0";
    run(refused);
    refused_line = "PUBLISH c m";
    run(refused);
    refused_line = "NOSUCHCOMMAND";
    run(refused);
    refused_line = "DEL s";
    run(refused);
}

Test(seam, what_reaches_another_server_is_refused)
{
    static const char *const lines[] = {"MIGRATE 127.0.0.1 1 k 0 1000", "REPLICAOF 127.0.0.1 1",
                                        "slaveof 127.0.0.1 1", "FAILOVER TO 127.0.0.1 1",
                                        "CLUSTER MEET 127.0.0.1 1"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_refused(lines[i], "cannot be used: it makes the server talk to another one");
    }
    cr_assert_not_null(strstr(direct("INFO replication"), "role:master"));
    run(key_is_new);
}

Test(seam, what_leaves_a_child_that_nobody_waits_for_is_refused)
{
    static const char *const lines[] = {"BGSAVE", "bgrewriteaof", "SCRIPT DEBUG YES",
                                        "CONFIG SET appendonly yes",
                                        "config set maxmemory 0 AppendOnly yes"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_refused(lines[i], "cannot be used: the server's timer stands still");
    }
    cr_assert_not_null(strstr(direct("INFO persistence"), "rdb_bgsave_in_progress:0"));
    refused_line = "CONFIG GET appendonly";
    run(refused);
    run(key_is_new);
}

/* What a subject's scripts are refused, whoever started the server. */
static const char *script;

static void evaluates(void)
{
    redisReply *reply = redisCommand(treadle_redis_connection(0), "EVAL %s 1 %s", script,
                                     treadle_redis_provider("openai"));
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s", reply->str);
    freeReplyObject(reply);
}

static void loads(void)
{
    freeReplyObject(redisCommand(treadle_redis_connection(0), "SCRIPT LOAD %s", script));
}

#define MIGRATE_SCRIPT "return redis.pcall('migrate', '127.0.0.1', '1', KEYS[1], 0, 10)"

Test(seam, what_reaches_another_server_is_refused_to_scripts_too)
{
    static const char refusal[] = "cannot be used: its script calls migrate: it makes the server "
                                  "talk to another one";
    script = MIGRATE_SCRIPT;
    expect_stop(evaluates, TREADLE_OUTCOME_ENVIRONMENT, refusal);
    expect_stop(loads, TREADLE_OUTCOME_ENVIRONMENT, refusal);
    script = "return redis.call('PUBLISH', 'c', 'm')"; /* nobody listens */
    run(evaluates);
    script = "local call = redis.call return call('INCR', KEYS[1])";
    run(evaluates);
}

Test(seam, a_script_cannot_reach_another_server_under_any_name)
{
    run(migrates_under_a_name_put_together);
}

static void inline_command(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisAppendFormattedCommand(context, "PING\r\n", 6);
    redisReply *reply = NULL;
    redisGetReply(context, (void **)&reply);
}

Test(seam, what_is_no_command_is_refused)
{
    expect_stop(inline_command, TREADLE_OUTCOME_ENVIRONMENT, "not a whole RESP command");
    run(key_is_new);
}

static void free_pooled(void)
{
    redisFree(treadle_redis_connection(0));
}

Test(seam, freeing_a_connection_of_the_harness_is_refused)
{
    expect_stop(free_pooled, TREADLE_OUTCOME_ENVIRONMENT, "belongs to the harness");
    run(key_is_new);
}

/* ---- the server's death ---------------------------------------------------------------------- */

static void kill_server_then_use(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(context, "INCR k"), 1);
    kill(treadle_redis_server_pid(server), SIGKILL);
    while (treadle_redis_server_alive(server)) {
    }
    command(context, "INCR k");
}

Test(seam, a_dead_server_is_the_environment_s_fault)
{
    expect_stop(kill_server_then_use, TREADLE_OUTCOME_ENVIRONMENT, "cannot be reached");
    cr_assert_str_eq(stub.outcome.property, "redis-server");
    expect_stop(key_is_new, TREADLE_OUTCOME_ENVIRONMENT, "cannot be reached");
    expect_stop(inspect_exists, TREADLE_OUTCOME_ENVIRONMENT, "cannot be reached");
}

static void paused(void)
{
    redisContext *context = treadle_redis_connection(0);
    treadle_redis_wire_timeout_ms = 100;
    kill(treadle_redis_server_pid(server), SIGSTOP);
    command(context, "INCR k");
}

Test(seam, a_silent_server_is_the_environment_s_fault)
{
    run(key_is_new);
    expect_stop(paused, TREADLE_OUTCOME_ENVIRONMENT, "did not answer within 100 ms");
    kill(treadle_redis_server_pid(server), SIGCONT);
    treadle_redis_wire_timeout_ms = 10000;
    run(key_is_new);
}

static void quits(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(context, "QUIT"), 0);
    cr_assert_eq(command(context, "INCR k"), -100);
    cr_assert_eq(context->err, REDIS_ERR_EOF);
}

Test(seam, a_connection_that_the_server_closed_is_the_subject_s_to_handle)
{
    run(quits);
    run(key_is_new);
}

/* ---- contexts of the subject's own -------------------------------------------------------------
 */

static void own_context(void)
{
    redisContext *context = redisConnectUnix(treadle_redis_server_socket(server));
    cr_assert_eq(command(context, "INCR k"), 1);
    cr_assert_eq(command(treadle_redis_connection(0), "INCR k"), 2);
    redisFree(context);
    context = redisConnectUnix(treadle_redis_server_socket(server));
    cr_assert_eq(command(context, "INCR k"), 3);
    /* Not freed: the next execution's start does. */
}

Test(seam, contexts_that_the_subject_opened_work_too)
{
    stub.recording = true;
    for (int i = 0; i < 300; i++) { /* more than descriptors would allow to leak, with the limit */
        run(own_context);
    }
    cr_assert_eq(stub.events[0].object, 65);
    cr_assert_eq(stub.events[1].object, 1);
    cr_assert_eq(stub.events[2].object, 65);
    run(nothing);
    cr_assert(strstr(direct("INFO clients"), "connected_clients:3") != NULL);
}

static void uses_outside(void)
{
    command(outside, "INCR k");
}

static void opens_by_descriptor(void)
{
    command(redisConnectFd(dup(outside->fd)), "INCR k");
}

Test(seam, a_connection_that_was_opened_in_another_way_is_refused)
{
    expect_stop(opens_by_descriptor, TREADLE_OUTCOME_ENVIRONMENT, "or not by redisConnect");
}

Test(seam, a_connection_that_was_opened_outside_an_execution_is_refused)
{
    direct("SELECT 3"); /* nobody resets that between executions */
    expect_stop(uses_outside, TREADLE_OUTCOME_ENVIRONMENT, "opened outside an execution");
    cr_assert_str_eq(direct("DBSIZE"), "0");
}

/* ---- what is done outside an execution, with contexts that were kept ---------------------------
 */

static redisContext *kept;

static void keep_one_of_the_pool(void)
{
    kept = treadle_redis_connection(0);
    cr_assert_eq(command(kept, "PING"), 0);
}

static void keep_my_own(void)
{
    kept = redisConnectUnix(treadle_redis_server_socket(server));
    cr_assert_eq(command(kept, "PING"), 0);
}

Test(seam, a_context_may_be_freed_outside_an_execution)
{
    for (int i = 0; i < 3; i++) {
        run(keep_my_own);
        redisFree(kept);
        run(keep_my_own);
        redisFree(kept);
        run(key_is_new);
        run(keep_one_of_the_pool);
        redisFree(kept);
    }
    run(nothing);
    cr_assert_not_null(strstr(direct("INFO clients"), "connected_clients:3"), "%s",
                       direct("INFO clients"));
}

Test(seam, what_is_done_outside_an_execution_is_undone_too)
{
    run(finds_settings);
    direct("CONFIG SET maxmemory 99000000");
    run(finds_settings);
    freeReplyObject(redisCommand(outside, "SCRIPT LOAD %s", "return 1"));
    run(eval_script);
    static const char *const lines[] = {"SELECT 3", "MULTI", "WATCH k"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        run(keep_one_of_the_pool);
        command(kept, lines[i]);
        run(key_is_new);
        run(transaction);
    }
    run(keep_one_of_the_pool);
    redisReconnect(kept);
    command(kept, "SELECT 3");
    run(key_is_new);
}

static void another_server(void)
{
    char path[256];
    char reason[256];
    treadle_redis_server *other = treadle_redis_server_start(reason, sizeof reason);
    snprintf(path, sizeof path, "%s", treadle_redis_server_socket(other));
    redisContext *context = redisConnectUnix(path);
    command(context, "INCR k");
}

Test(seam, another_server_is_never_emptied)
{
    expect_stop(another_server, TREADLE_OUTCOME_ENVIRONMENT, "another server");
}

/* ---- a server that is not ours -----------------------------------------------------------------
 */

static void set_up_foreign(void)
{
    start_server();
    direct("SET users 1");
    direct("SET window:openai precious");
    direct("ZADD window:treadle:0000000000000000:openai 1 somebody");
    direct("SCRIPT LOAD return\t1");
    attach(false);
}

TestSuite(foreign, .init = set_up_foreign, .fini = tear_down, .timeout = 60);

static char provider[100];

static void limiter(void)
{
    snprintf(provider, sizeof provider, "%s", treadle_redis_provider("openai"));
    cr_assert_eq(treadle_redis_provider("openai"), treadle_redis_provider("openai"));
    redisContext *context = treadle_redis_connection(0);
    redisReply *reply = redisCommand(context, "ZADD window:%s 1 a", provider);
    cr_assert_eq(reply->integer, 1, "every execution starts without the keys of the last");
    freeReplyObject(reply);
    reply = redisCommand(context, "EVAL %s 1 tokens:%s", "return redis.call('incr', KEYS[1])",
                         provider);
    cr_assert_eq(reply->integer, 1);
    freeReplyObject(reply);
    reply = treadle_redis_inspect("ZCARD window:%s", provider);
    cr_assert_eq(reply->integer, 1);
    freeReplyObject(reply);
    cr_assert_eq(command(context, "GET users"), 0);
}

Test(foreign, deletes_its_own_keys_only)
{
    run(limiter);
    cr_assert_eq(strncmp(provider, "treadle:", 8), 0, "%s", provider);
    cr_assert_eq(strlen(provider), strlen("treadle:0123456789abcdef:openai"));
    cr_assert_str_eq(direct("DBSIZE"), "5");
    run(limiter);
    cr_assert_str_eq(direct("DBSIZE"), "5");
    treadle_redis_detach();
    cr_assert_str_eq(direct("DBSIZE"), "3");
    cr_assert_str_eq(direct("GET window:openai"), "precious");
    cr_assert_str_eq(direct("GET users"), "1");
    attach(false);
}

Test(foreign, the_trace_does_not_show_the_random_prefix)
{
    stub.recording = true;
    run(limiter);
    cr_assert_str_eq(stub.events[0].text, "ZADD window:openai 1 a -> 1");
    cr_assert_str_eq(stub.events[1].text, "EVAL \"…\"(34) 1 tokens:openai -> 1");
}

Test(foreign, what_reaches_further_is_refused)
{
    static const char *const lines[] = {"FLUSHALL",
                                        "flushdb",
                                        "SCRIPT FLUSH",
                                        "CONFIG SET maxmemory 1",
                                        "SHUTDOWN",
                                        "DEBUG SLEEP 0",
                                        "SELECT 1",
                                        "SWAPDB 0 1",
                                        "KEYS *",
                                        "FUNCTION FLUSH",
                                        "CLIENT KILL TYPE normal",
                                        "ACL LIST",
                                        "SET users 2",
                                        "DEL window:openai",
                                        "EVAL return\t1 0",
                                        "EVAL return\t1 1 users",
                                        "NOSUCHCOMMAND k",
                                        "MOVE users 1",
                                        "BLPOP l 0",
                                        "PUBLISH c m",
                                        "SPUBLISH c m",
                                        "COPY users treadle:0:users DB 1",
                                        "PFCOUNT visitors",
                                        "XREADGROUP GROUP g c STREAMS log >",
                                        "HELLO 3"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_refused(lines[i], "cannot be used");
    }
    assert_refused("FLUSHALL", "FLUSHALL cannot be used on a server that Treadle did not start: it "
                               "reaches beyond the keys of this run");
    assert_refused("SET users 2", "it writes a key that is not under treadle_redis_provider(): "
                                  "users");
    cr_assert_str_eq(direct("GET users"), "1");
    cr_assert_str_eq(direct("DBSIZE"), "3");
}

static void reads_by_group(void)
{
    redisContext *context = treadle_redis_connection(0);
    const char *name = treadle_redis_provider("openai");
    freeReplyObject(redisCommand(context, "XGROUP CREATE log:%s g $ MKSTREAM", name));
    freeReplyObject(redisCommand(context, "XADD log:%s * f v", name));
    redisReply *reply = redisCommand(context, "XREADGROUP GROUP g c STREAMS log:%s >", name);
    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
    freeReplyObject(reply);
}

Test(foreign, what_a_command_writes_that_has_only_keys_to_read_is_those)
{
    run(reads_by_group);
    cr_assert_str_eq(direct("DBSIZE"), "4");
    run(nothing);
    cr_assert_str_eq(direct("DBSIZE"), "3");
}

static void assert_script_refused(const char *text, const char *part)
{
    script = text;
    expect_stop(evaluates, TREADLE_OUTCOME_ENVIRONMENT, part);
    expect_stop(loads, TREADLE_OUTCOME_ENVIRONMENT, part);
}

Test(foreign, what_reaches_further_is_refused_to_scripts_too)
{
    static const char *const lines[] = {"redis.call('PUBLISH', 'c', 'm')",
                                        "redis.call('spublish', 'c', 'm')",
                                        "redis.call('FLUSHALL')",
                                        "redis.pcall(\"select\", 1)",
                                        "redis.call('SWAPDB', 0, 1)",
                                        "redis.call('MOVE', 'users', 1)",
                                        "redis.call('KEYS', '*')",
                                        "redis.call('CLUSTER', 'FLUSHSLOTS')",
                                        "redis.call('COPY', 'users', KEYS[1], 'DB', 1)",
                                        "redis.call('NOSUCHCOMMAND')"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_script_refused(lines[i], ": its script calls ");
    }
    assert_script_refused(lines[0],
                          "on a server that Treadle did not start: its script calls PUBLISH: it "
                          "reaches beyond the keys of this run");
    assert_script_refused("local call = redis.call return call('FLUSHALL')",
                          "what its script calls cannot be told from its text");
    assert_script_refused(MIGRATE_SCRIPT, "cannot be used: its script calls migrate");
    assert_refused("FCALL f 1 treadle:0", "reaches beyond");
    assert_refused("FCALL_RO f 0", "reaches beyond");
    cr_assert_str_eq(direct("DBSIZE"), "3");
}

Test(foreign, a_variable_of_a_script_may_have_the_name_that_another_server_gives_its_library)
{
    script = "local server = KEYS[1] return redis.call('INCR', server)";
    run(evaluates);
}

static void calls_what_was_there(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisReply *reply = redisCommand(context, "EVALSHA_RO " RETURN_1 " 0");
    cr_assert_eq(strncmp(reply->str, "NOSCRIPT", 8), 0, "%s", reply->str);
    freeReplyObject(reply);
    redisAppendCommand(context, "EVALSHA_RO " RETURN_1 " 0");
    redisAppendCommand(context, "SCRIPT LOAD return\t1");
    redisAppendCommand(context, "SCRIPT LOAD %s", "return 1");
    redisAppendCommand(context, "EVALSHA_RO " RETURN_1 " 0");
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
        cr_assert_eq(reply->type == REDIS_REPLY_ERROR, i == 0);
        freeReplyObject(reply);
    }
}

static void inspect_by_script(void)
{
    freeReplyObject(treadle_redis_inspect("EVALSHA_RO " RETURN_1 " 0"));
}

static void calls_what_it_sent(void)
{
    redisContext *context = treadle_redis_connection(0);
    script = "return 1";
    evaluates();
    cr_assert_eq(command(context, "EVALSHA_RO " RETURN_1 " 0"), 1);
    cr_assert_eq(command(context, "EVALSHA_RO E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0"), 1);
    cr_assert_eq(command(context, "EVALSHA_RO nonsense 0"), -1);
}

/* Whether the server has the script "return 1". */
static long long exists(redisReply *reply)
{
    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
    const long long found = reply->element[reply->elements - 1]->integer;
    freeReplyObject(reply);
    return found;
}

static void asks_for_scripts(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(exists(redisCommand(context, "SCRIPT EXISTS x " RETURN_1)), 0);
    cr_assert_eq(exists(treadle_redis_inspect("SCRIPT EXISTS " RETURN_1)), 0);
    freeReplyObject(treadle_redis_inspect("SCRIPT LOAD %s", "return 1"));
    cr_assert_eq(exists(treadle_redis_inspect("SCRIPT EXISTS " RETURN_1)), 1);
    cr_assert_eq(exists(redisCommand(context, "SCRIPT EXISTS x " RETURN_1)), 1);
    cr_assert_eq(command(context, "EVALSHA_RO " RETURN_1 " 0"), 1);
}

Test(foreign, scripts_of_earlier_executions_are_not_there)
{
    run(asks_for_scripts);
    run(asks_for_scripts);
}

Test(foreign, a_script_that_somebody_else_loaded_is_not_called)
{
    run(calls_what_it_sent);
    stub.recording = true;
    run(calls_what_was_there);
    cr_assert_str_eq(stub.events[0].text, "EVALSHA_RO e0e1f9fa… 0 -> (error) NOSCRIPT No matching "
                                          "script. Please use EVAL.");
    run(calls_what_it_sent);
    expect_stop(inspect_by_script, TREADLE_OUTCOME_ENVIRONMENT,
                "what the script calls is not known");
}

static void copies(void)
{
    redisContext *context = treadle_redis_connection(0);
    redisReply *reply =
        redisCommand(context, "COPY users %s DB 1", treadle_redis_provider("openai"));
    freeReplyObject(reply);
}

Test(foreign, nothing_is_copied_into_another_database)
{
    expect_stop(copies, TREADLE_OUTCOME_ENVIRONMENT, "a database from which nothing");
    assert_refused("COPY DB DB", "under treadle_redis_provider(): DB");
}

static void own_connection(void)
{
    redisContext *context = redisConnectUnix(treadle_redis_server_socket(server));
    freeReplyObject(redisCommand(context, "SET %s 1", treadle_redis_provider("openai")));
}

Test(foreign, a_connection_to_another_database_is_refused)
{
    run(own_connection);
    treadle_redis_detach();
    const treadle_redis_target target = {.socket_path = treadle_redis_server_socket(server),
                                         .database = 3};
    cr_assert_eq(treadle_redis_attach(&target, error, sizeof error), 0, "%s", error);
    expect_stop(own_connection, TREADLE_OUTCOME_ENVIRONMENT, "names database 3");
    cr_assert_str_eq(direct("DBSIZE"), "3");
}

static void writes_outside(void)
{
    freeReplyObject(redisCommand(outside, "SET %s 1", treadle_redis_provider("openai")));
}

Test(foreign, a_connection_that_selected_another_database_unseen_is_refused)
{
    treadle_redis_detach();
    direct("SELECT 3");
    attach(false);
    expect_stop(writes_outside, TREADLE_OUTCOME_ENVIRONMENT, "opened outside an execution");
    cr_assert_str_eq(direct("DBSIZE"), "0");
}

static void assert_refused_outside(const char *line)
{
    cr_assert_null(redisCommand(outside, line), "%s", line);
    cr_assert_eq(outside->err, REDIS_ERR_OTHER);
    cr_assert_not_null(strstr(outside->errstr, "cannot be used on a server"), "%s",
                       outside->errstr);
    redisReconnect(outside);
    expect_stop(limiter, TREADLE_OUTCOME_ENVIRONMENT, "outside an execution: ");
    treadle_redis_detach();
    attach(false);
}

Test(foreign, commands_outside_an_execution_are_held_to_the_same_rules)
{
    assert_refused_outside("SET users 2");
    assert_refused_outside("SELECT 3");
    assert_refused_outside("FLUSHALL");
    assert_refused_outside("EVAL redis.call('FLUSHALL') 1 users");
    assert_refused_outside("EVALSHA_RO " RETURN_1 " 0");
    cr_assert_str_eq(direct("GET users"), "1");
    cr_assert_str_eq(direct("DBSIZE"), "3");
    run(limiter);
    treadle_redis_detach();
    cr_assert_str_eq(direct("SET users 3"), "OK", "nobody's business any more");
    attach(false);
}

static void append_only(void)
{
    kept = treadle_redis_connection(0);
    redisAppendCommand(kept, "SET users 2");
}

Test(foreign, what_was_appended_inside_and_is_sent_outside_is_held_to_them_too)
{
    run(append_only);
    int done = 0;
    cr_assert_eq(redisBufferWrite(kept, &done), REDIS_ERR);
    cr_assert_not_null(strstr(kept->errstr, "cannot be used on a server"), "%s", kept->errstr);
    cr_assert_eq(redisBufferWrite(kept, &done), REDIS_ERR, "not later either");
    cr_assert_str_eq(direct("GET users"), "1");
    expect_stop(limiter, TREADLE_OUTCOME_ENVIRONMENT, "outside an execution: SET cannot be used");
}

static void inspect_writes(void)
{
    freeReplyObject(treadle_redis_inspect("DEL users"));
}

Test(foreign, inspecting_is_held_to_the_same_rules)
{
    expect_stop(inspect_writes, TREADLE_OUTCOME_ENVIRONMENT, "not under treadle_redis_provider");
    cr_assert_str_eq(direct("GET users"), "1");
}

static void cut_write(void)
{
    redisContext *context = treadle_redis_connection(0);
    freeReplyObject(redisCommand(context, "SET %s 1", treadle_redis_provider("openai")));
}

Test(foreign, what_a_cut_connection_wrote_is_deleted_too)
{
    treadle_redis_faults((treadle_faults){.cut_after = 1});
    stub.decisions[0] = 1;
    run(cut_write);
    cr_assert_str_eq(direct("DBSIZE"), "4");
    run(nothing);
    cr_assert_str_eq(direct("DBSIZE"), "3");
}

static void write_and_call(void)
{
    redisContext *context = treadle_redis_connection(0);
    script = "return 1";
    loads();
    for (int i = 0; i < 2; i++) {
        redisAppendCommand(context, "SET %s 1", treadle_redis_provider("openai"));
        redisAppendCommand(context, "EVALSHA " RETURN_1 " 1 %s", treadle_redis_provider("openai"));
        redisReply *reply;
        for (int j = 0; j < 2; j++) {
            cr_assert_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
            cr_assert_eq(reply->type == REDIS_REPLY_ERROR, false);
            freeReplyObject(reply);
        }
    }
}

Test(foreign, faults_in_the_server_do_not_strike_it)
{
    treadle_redis_faults((treadle_faults){.scripts_flushed = 9, .error_reply = 9, .evicted = 9});
    for (uint32_t i = 0; i < 16; i++) {
        stub.decisions[i] = 9;
    }
    run(write_and_call);
    cr_assert_eq(stub.decided, 0);
    treadle_redis_faults((treadle_faults){.cut_inside = 1});
    memset(stub.decisions, 0, sizeof stub.decisions);
    run(write_and_call);
    cr_assert_eq(stub.decided, 2, "its own connection may be cut");
}

static void counts_round_trips(void)
{
    const uint64_t before = treadle_redis_round_trip_count();
    pipeline();
    command(treadle_redis_connection(0), "PING");
    cr_assert_eq(treadle_redis_round_trip_count() - before, 2);
}

Test(seam, a_pipeline_is_one_round_trip)
{
    run(counts_round_trips);
}

/* ---- attaching ------------------------------------------------------------------------------- */

Test(attach, says_why_it_cannot)
{
    treadle_redis_target target = {.socket_path = "/nonexistent/socket"};
    cr_assert_eq(treadle_redis_attach(&target, error, sizeof error), -1);
    cr_assert_str_eq(error,
                     "the Redis server at /nonexistent/socket cannot be reached: No such file "
                     "or directory");
    target = (treadle_redis_target){.host = "127.0.0.1", .port = 1};
    cr_assert_eq(treadle_redis_attach(&target, error, sizeof error), -1);
    cr_assert_not_null(strstr(error, "127.0.0.1:1 cannot be reached: Connection refused"), "%s",
                       error);
    treadle_redis_detach();
}

/* A connection to a server that says just this. */
static redisContext *server_that_says(const char *answer)
{
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    cr_assert_eq(write(ends[1], answer, strlen(answer)), (ssize_t)strlen(answer));
    return redisConnectFd(ends[0]);
}

Test(attach, a_refusal_of_the_password_does_not_show_it)
{
    redisContext *context = server_that_says(
        "-ERR unknown command 'AUTH', with args beginning with: 'me' 'hunter2' \r\n");
    const treadle_redis_target target = {.username = "me", .password = "hunter2"};
    cr_assert_not(treadle_redis_introduce(context, &target, error, sizeof error));
    cr_assert_str_eq(error, "the Redis server refused AUTH: ERR");
    redisFree(context);
}

static void use_password(void)
{
    cr_assert_eq(command(treadle_redis_connection(0), "INCR k"), 1);
    cr_assert_eq(command(treadle_redis_connection(0), "SELECT 0"), 0);
    cr_assert_eq(command(treadle_redis_connection(0), "EXISTS k"), 0);
}

static void reconnects_after_cut(void)
{
    redisContext *context = treadle_redis_connection(0);
    cr_assert_eq(command(context, "INCR k"), -100);
    cr_assert_eq(redisReconnect(context), REDIS_OK);
    cr_assert_eq(command(context, "INCR k"), 2);
}

Test(attach, password_and_database, .timeout = 60)
{
    start_server();
    direct("CONFIG SET requirepass secret");
    treadle_redis_target target = {.socket_path = treadle_redis_server_socket(server),
                                   .own = true,
                                   .clock_path = treadle_redis_server_clock(server)};
    cr_assert_eq(treadle_redis_attach(&target, error, sizeof error), -1);
    cr_assert_not_null(strstr(error, "Authentication required"), "%s", error);
    target.password = "wrong";
    cr_assert_eq(treadle_redis_attach(&target, error, sizeof error), -1);
    cr_assert_not_null(strstr(error, "refused AUTH"), "%s", error);
    target.password = "secret";
    target.database = 5;
    cr_assert_eq(treadle_redis_attach(&target, error, sizeof error), 0, "%s", error);
    run(use_password);
    treadle_redis_faults((treadle_faults){.cut_after = 1});
    stub.decisions[0] = 1;
    run(reconnects_after_cut);
    tear_down();
}

static void unattached(void)
{
    command(outside, "PING");
}

Test(attach, without_it_nothing_is_sent, .timeout = 60)
{
    set_up();
    treadle_redis_detach();
    expect_stop(unattached, TREADLE_OUTCOME_ENVIRONMENT, "no server is attached");
    expect_stop(key_is_new, TREADLE_OUTCOME_ENVIRONMENT, "no Redis server is attached");
    tear_down();
}

Test(attach, in_a_forked_worker, .timeout = 60)
{
    start_server();
    for (int i = 0; i < 2; i++) {
        const pid_t pid = fork();
        if (pid == 0) {
            attach(true);
            const bool ok = stub_execute(load_script) == TREADLE_OUTCOME_PASSED &&
                            stub_execute(key_is_new) == TREADLE_OUTCOME_PASSED &&
                            stub_execute(load_script) == TREADLE_OUTCOME_PASSED;
            _exit(ok ? 0 : 1);
        }
        int status;
        waitpid(pid, &status, 0);
        cr_assert_eq(status, 0);
    }
    redisFree(outside);
    treadle_redis_server_stop(server);
}
