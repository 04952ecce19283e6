// SPDX-License-Identifier: MIT
/* The COMMAND table, and how commands and replies look as text. */
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/redis/redis_commands.h"
#include "tools/redis/redis_server.h"
#include "tools/redis/redis_text.h"

static treadle_redis_server *server;
static redisContext *context;
static treadle_redis_commands *commands;

static void set_up(void)
{
    char error[256];
    server = treadle_redis_server_start(error, sizeof error);
    cr_assert_not_null(server, "%s", error);
    context = redisConnectUnix(treadle_redis_server_socket(server));
    commands = treadle_redis_commands_load(context, error, sizeof error);
    cr_assert_not_null(commands, "%s", error);
}

static void tear_down(void)
{
    treadle_redis_commands_free(commands);
    redisFree(context);
    treadle_redis_server_stop(server);
}

TestSuite(commands, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- keys ------------------------------------------------------------------------------------ */

static void visit(void *out, treadle_resp_span key, bool write)
{
    char *text = out;
    const size_t length = strlen(text);
    snprintf(text + length, 256 - length, "%s%c:%.*s", length ? " " : "", write ? 'w' : 'r',
             (int)key.length, key.data);
}

/* The keys of a command in hiredis's format, as "w:key r:key", with "?" when there may be more. */
static void assert_keys(const char *line, const char *expected)
{
    char *data;
    const int length = redisFormatCommand(&data, line);
    size_t position = 0;
    treadle_resp_command command;
    cr_assert_eq(treadle_resp_command_read(data, (size_t)length, &position, &command),
                 TREADLE_RESP_OK);
    const treadle_redis_command *found = treadle_redis_command_of(commands, &command);
    cr_assert_not_null(found, "%s", line);
    char keys[256] = "";
    if (!treadle_redis_command_keys(found, &command, visit, keys)) {
        strcat(keys, "?");
    }
    cr_assert_str_eq(keys, expected, "%s has the keys \"%s\", not \"%s\"", line, keys, expected);
    redisFreeCommand(data);
}

Test(commands, keys)
{
    assert_keys("PING", "");
    assert_keys("GET k", "r:k");
    assert_keys("set k v", "w:k");
    assert_keys("ZADD window:openai 1 a", "w:window:openai");
    assert_keys("ZCOUNT window:openai 1 +inf", "r:window:openai");
    assert_keys("ZREMRANGEBYSCORE z 0 1", "w:z");
    assert_keys("EXPIRE k 60", "w:k");
    assert_keys("DEL a b c", "w:a w:b w:c");
    assert_keys("MGET a b", "r:a r:b");
    assert_keys("MSET a 1 b 2", "w:a w:b");
    assert_keys("RENAME a b", "w:a w:b");
    assert_keys("SINTERSTORE d a b", "w:d r:a r:b");
    assert_keys("WATCH a b", "r:a r:b");
}

Test(commands, keys_that_move)
{
    assert_keys("EVAL body 2 a b 60 1", "w:a w:b");
    assert_keys("EVALSHA 1b936e3fe509bcbc9cd0664897bbe8fd0cac101b 1 window:openai 60",
                "w:window:openai");
    assert_keys("EVAL body 0 60", "");
    assert_keys("EVAL_RO body 1 a", "r:a");
    assert_keys("FCALL f 1 a b", "w:a");
    assert_keys("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "w:d r:a r:b");
    assert_keys("ZINTER 2 a b", "r:a r:b");
    assert_keys("XREAD COUNT 2 STREAMS s t 0 0", "r:s r:t");
    assert_keys("XREADGROUP GROUP g c STREAMS s t > >", "w:s w:t");
    assert_keys("XGROUP CREATE s g 0", "w:s");
    assert_keys("OBJECT ENCODING k", "r:k");
    assert_keys("GEORADIUS g 1 1 1 m STORE d", "r:g w:d");
}

Test(commands, keys_that_cannot_be_told)
{
    assert_keys("EVAL body 3 a b", "?");
    assert_keys("EVAL body x a", "?");
    assert_keys("EVAL body -1 a", "?");
    assert_keys("SORT l BY w_* STORE d", "r:l?");
}

Test(commands, flags)
{
    static const struct {
        const char *name;
        uint32_t flags;
    } cases[] = {
        {"GET", TREADLE_REDIS_READS},
        {"zadd", TREADLE_REDIS_WRITES},
        {"BLPOP", TREADLE_REDIS_BLOCKS},
        {"XREAD", TREADLE_REDIS_BLOCKS},
        {"WAIT", TREADLE_REDIS_BLOCKS},
        {"SUBSCRIBE", TREADLE_REDIS_STREAMS},
        {"MONITOR", TREADLE_REDIS_STREAMS},
        {"client|reply", TREADLE_REDIS_STREAMS | TREADLE_REDIS_SESSION},
        {"CONFIG|SET", TREADLE_REDIS_ADMIN},
        {"SHUTDOWN", TREADLE_REDIS_ADMIN},
        {"DEBUG", TREADLE_REDIS_ADMIN},
        {"FLUSHALL", TREADLE_REDIS_WRITES | TREADLE_REDIS_GLOBAL},
        {"FLUSHDB", TREADLE_REDIS_GLOBAL},
        {"script|flush", TREADLE_REDIS_GLOBAL},
        {"script|load", TREADLE_REDIS_SCRIPT},
        {"function|load", TREADLE_REDIS_FUNCTION | TREADLE_REDIS_GLOBAL},
        {"EVAL", TREADLE_REDIS_SCRIPT | TREADLE_REDIS_RUNS},
        {"EVALSHA", TREADLE_REDIS_RUNS},
        {"SELECT", TREADLE_REDIS_SESSION | TREADLE_REDIS_GLOBAL},
        {"MULTI", TREADLE_REDIS_ALONE},
        {"Exec", TREADLE_REDIS_ALONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const treadle_redis_command *command =
            treadle_redis_command_find(commands, cases[i].name, strlen(cases[i].name));
        cr_assert_not_null(command, "%s", cases[i].name);
        cr_assert_eq(treadle_redis_command_flags(command) & cases[i].flags, cases[i].flags, "%s",
                     cases[i].name);
    }
    cr_assert(treadle_redis_commands_count(commands) > 300);
    cr_assert_null(treadle_redis_command_find(commands, "GE", 2));
    cr_assert_null(treadle_redis_command_find(commands, "GETS", 4));
    cr_assert_null(treadle_redis_command_find(commands, "", 0));
    cr_assert_not_null(treadle_redis_command_find(commands, "GETSET", 6));
    cr_assert_not_null(treadle_redis_command_find(commands, "GETSETxyz", 6));
}

/* In the form of Redis 6. */
static const char old_table[] =
    "*3\r\n"
    "*7\r\n$7\r\npfcount\r\n:-2\r\n*2\r\n+readonly\r\n+may_replicate\r\n:1\r\n:-1\r\n:1\r\n"
    "*3\r\n+@read\r\n+@hyperloglog\r\n+@slow\r\n"
    "*7\r\n$6\r\nscript\r\n:-2\r\n*1\r\n+noscript\r\n:0\r\n:0\r\n:0\r\n"
    "*2\r\n+@slow\r\n+@scripting\r\n"
    "*7\r\n$6\r\nobject\r\n:-2\r\n*2\r\n+readonly\r\n+random\r\n:2\r\n:2\r\n:1\r\n"
    "*3\r\n+@keyspace\r\n+@read\r\n+@slow\r\n";

static uint32_t flags_of(const char *line)
{
    char *data;
    const int length = redisFormatCommand(&data, line);
    size_t position = 0;
    treadle_resp_command command;
    treadle_resp_command_read(data, (size_t)length, &position, &command);
    const treadle_redis_command *found = treadle_redis_command_of(commands, &command);
    cr_assert_not_null(found, "%s", line);
    const uint32_t flags = treadle_redis_command_flags(found);
    redisFreeCommand(data);
    return flags;
}

Test(commands, subcommands_are_told_apart_on_a_server_that_does_not)
{
    int ends[2];
    char error[256];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    cr_assert_eq(write(ends[1], old_table, sizeof old_table - 1), (ssize_t)sizeof old_table - 1);
    redisContext *old = redisConnectFd(ends[0]);
    treadle_redis_commands_free(commands);
    commands = treadle_redis_commands_load(old, error, sizeof error);
    cr_assert_not_null(commands, "%s", error);
    redisFree(old);
    close(ends[1]);

    cr_assert(!(flags_of("SCRIPT LOAD x") & TREADLE_REDIS_GLOBAL));
    cr_assert(!(flags_of("script exists x") & TREADLE_REDIS_GLOBAL));
    static const char *const beyond[] = {"SCRIPT FLUSH", "script kill", "SCRIPT DEBUG YES",
                                         "SCRIPT LATER", "SCRIPT"};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        cr_assert(flags_of(beyond[i]) & TREADLE_REDIS_GLOBAL, "%s", beyond[i]);
    }
    cr_assert(flags_of("OBJECT IDLETIME k") & TREADLE_REDIS_ACCESS_TIME);
    assert_keys("OBJECT IDLETIME k", "r:k");
    assert_keys("OBJECT ENCODING k", "r:k");
    assert_keys("PFCOUNT p q", "w:p w:q");
}

Test(commands, every_command_is_found_by_its_name)
{
    redisReply *list = redisCommand(context, "COMMAND LIST");
    for (size_t i = 0; i < list->elements; i++) {
        const char *name = list->element[i]->str;
        const treadle_redis_command *found =
            treadle_redis_command_find(commands, name, strlen(name));
        cr_assert_not_null(found, "%s", name);
        cr_assert_str_eq(treadle_redis_command_name(found), name);
    }
    freeReplyObject(list);
}

/* COMMAND GETKEYS is the server's own opinion. */
Test(commands, the_server_agrees_on_keys)
{
    static const char *const lines[] = {"GET k",
                                        "MSET a 1 b 2 c 3",
                                        "EVAL body 2 a b 60 1",
                                        "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
                                        "XREAD COUNT 2 STREAMS s t 0 0",
                                        "LMPOP 2 a b LEFT",
                                        "XREADGROUP GROUP g c STREAMS s >",
                                        "BITOP AND d a b",
                                        "SMOVE a b m",
                                        "GEOSEARCHSTORE d g FROMMEMBER m BYRADIUS 1 m",
                                        "OBJECT FREQ k",
                                        "SINTERCARD 2 a b LIMIT 1"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, "COMMAND GETKEYS %s", lines[i]);
        redisReply *reply = redisCommand(context, line);
        cr_assert(reply != NULL && reply->type == REDIS_REPLY_ARRAY, "%s", lines[i]);
        char *data;
        const int length = redisFormatCommand(&data, lines[i]);
        size_t position = 0;
        treadle_resp_command command;
        treadle_resp_command_read(data, (size_t)length, &position, &command);
        char keys[256] = "";
        cr_assert(treadle_redis_command_keys(treadle_redis_command_of(commands, &command), &command,
                                             visit, keys));
        char expected[256] = "";
        for (size_t k = 0; k < reply->elements; k++) {
            strcat(expected, k ? " " : "");
            strcat(expected, reply->element[k]->str);
        }
        char *out = keys;
        for (const char *in = keys; *in != '\0'; in++) {
            if (in[1] == ':' && (in == keys || in[-1] == ' ')) {
                in++; /* skips "w:" */
            } else {
                *out++ = *in;
            }
        }
        *out = '\0';
        cr_assert_str_eq(keys, expected, "%s: \"%s\", the server says \"%s\"", lines[i], keys,
                         expected);
        redisFreeCommand(data);
        freeReplyObject(reply);
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

static char buffer[512];

static const char *command_text(const char *data, size_t length, size_t size, const char *elide)
{
    treadle_redis_text text = {
        .buffer = buffer, .size = size, .elide = {elide, elide ? strlen(elide) : 0}};
    size_t position = 0;
    treadle_resp_command command;
    cr_assert_eq(treadle_resp_command_read(data, length, &position, &command), TREADLE_RESP_OK);
    treadle_redis_text_command(&text, &command);
    cr_assert(text.length <= size);
    buffer[text.length] = '\0';
    return buffer;
}

static void assert_command(const char *expected, int argc, const char **argv)
{
    char *data;
    const int length = (int)redisFormatCommandArgv(&data, argc, argv, NULL);
    const char *text = command_text(data, (size_t)length, 400, NULL);
    cr_assert_str_eq(text, expected, "%s, expected %s", text, expected);
    redisFreeCommand(data);
}

#define ASSERT_COMMAND(expected, ...)                                                \
    assert_command(expected, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
                   (const char *[]){__VA_ARGS__})

Test(text, commands)
{
    ASSERT_COMMAND("ZADD window:openai 1700000000.000000 \"a b\"", "ZADD", "window:openai",
                   "1700000000.000000", "a b");
    ASSERT_COMMAND("SET \"\" \"'\"", "SET", "", "'");
    ASSERT_COMMAND("SET k \"\\x01\\n\\r\\t\\\"\\\\\\xff\"", "SET", "k", "\x01\n\r\t\"\\\xff");
    ASSERT_COMMAND("EVALSHA 1b936e3f… 1 k 60", "EVALSHA",
                   "1b936e3fe509bcbc9cd0664897bbe8fd0cac101b", "1", "k", "60");
    ASSERT_COMMAND("EVAL \"…\"(12) 0", "EVAL", "return {1,2}", "0");
    ASSERT_COMMAND("script load \"…\"(8)", "script", "load", "return 1");
    ASSERT_COMMAND("SCRIPT FLUSH SYNC", "SCRIPT", "FLUSH", "SYNC");
    ASSERT_COMMAND("EVAL", "EVAL");
    ASSERT_COMMAND("SET k 0123456789012345678901234567890123456789012345678901234567890123…(70)",
                   "SET", "k",
                   "0123456789012345678901234567890123456789012345678901234567890123456789");
}

Test(text, replies)
{
    static const char *const cases[][2] = {
        {":1\r\n", "1"},
        {"+OK\r\n", "OK"},
        {"$1\r\nx\r\n", "\"x\""},
        {"$0\r\n\r\n", "\"\""},
        {"$-1\r\n", "nil"},
        {"*-1\r\n", "nil"},
        {"*0\r\n", "[]"},
        {"-ERR wrong\r\n", "(error) ERR wrong"},
        {"*2\r\n:0\r\n:1\r\n", "[0, 1]"},
        {"*3\r\n*1\r\n$3\r\na\0b\r\n$-1\r\n+QUEUED\r\n", "[[\"a\\x00b\"], nil, QUEUED]"},
        {"$40\r\n1b936e3fe509bcbc9cd0664897bbe8fd0cac101b\r\n", "\"1b936e3f…\""},
        {"$5\r\nab", "(no reply)"},
    };
    static const size_t lengths[] = {4, 5, 7, 6, 5, 5, 4, 12, 12, 31, 47, 6};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        treadle_redis_text text = {.buffer = buffer, .size = sizeof buffer};
        size_t position = 0;
        treadle_redis_text_reply(&text, cases[i][0], lengths[i], &position);
        buffer[text.length] = '\0';
        cr_assert_str_eq(buffer, cases[i][1], "case %zu: %s", i, buffer);
        cr_assert_eq(position, lengths[i], "case %zu", i);
    }
}

Test(text, nesting_is_bounded)
{
    char data[1000] = "";
    for (int i = 0; i < 100; i++) {
        strcat(data, "*1\r\n");
    }
    strcat(data, ":1\r\n");
    treadle_redis_text text = {.buffer = buffer, .size = sizeof buffer};
    size_t position = 0;
    treadle_redis_text_reply(&text, data, strlen(data), &position);
    cr_assert_eq(position, strlen(data));
    cr_assert(text.length < 60);
}

Test(text, length_is_bounded)
{
    static const char data[] = "*3\r\n$3\r\nSET\r\n$4\r\nkeys\r\n$5\r\nvalue\r\n";
    for (size_t size = 8; size < 40; size++) {
        const char *text = command_text(data, sizeof data - 1, size, NULL);
        const bool whole = strcmp(text, "SET keys value") == 0;
        const bool cut = strlen(text) >= 3 && strcmp(text + strlen(text) - 3, "…") == 0;
        cr_assert(whole || cut, "size %zu: %s", size, text);
        cr_assert(whole == (size >= 17), "size %zu: %s", size, text);
    }
}

Test(text, the_unique_prefix_is_left_out)
{
    static const char data[] = "*2\r\n$3\r\nGET\r\n$21\r\nwindow:treadle:ab:x y\r\n";
    cr_assert_str_eq(command_text(data, sizeof data - 1, 100, "treadle:ab:"), "GET \"window:x y\"");
}
