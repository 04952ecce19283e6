// SPDX-License-Identifier: MIT
/* What a script calls, by its text, and the name that a server gives it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/redis/redis_script.h"

static treadle_resp_span span(const char *text)
{
    return (treadle_resp_span){text, strlen(text)};
}

static void visit(void *out, treadle_resp_span name)
{
    char *text = out;
    const size_t length = strlen(text);
    snprintf(text + length, 256 - length, "%s%.*s", length > 0 ? " " : "", (int)name.length,
             name.data);
}

/* What a text calls, with "?" when there may be more. */
static void assert_calls(const char *text, const char *expected)
{
    char calls[256] = "";
    if (!treadle_redis_script_calls(span(text), true, visit, calls)) {
        strcat(calls, "?");
    }
    cr_expect_str_eq(calls, expected, "<<%s>> calls \"%s\", not \"%s\"", text, calls, expected);
}

Test(script, calls)
{
    assert_calls("", "");
    assert_calls("return 1", "");
    assert_calls("return redis.call('GET', KEYS[1])", "GET");
    assert_calls("redis.pcall(\"set\",KEYS[1],ARGV[1]) redis.call('PING')", "set PING");
    assert_calls("return redis.call'TIME'", "TIME");
    assert_calls("redis . call -- a comment\n ( [[INCR]] , KEYS[1])", "INCR");
    assert_calls("redis.call([=[INCR]=], KEYS[1])", "INCR");
    assert_calls("redis.call('SET', KEYS[1], redis.call('GET', KEYS[2]))", "SET GET");
    assert_calls("server.call('GET', KEYS[1])", "GET");
    assert_calls("return redis.error_reply('ERR ' .. redis.sha1hex(ARGV[1]))", "");
    assert_calls("#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])", "GET");
    assert_calls("redis.register_function('f', function(k) redis.call('DEL', k[1]) end)", "DEL");
    assert_calls("local t = {load = 1, server = cfg.server, redis = x . redis}", "");
    assert_calls("local server = cfg.server return cfg:debug(x._G)", "");
    assert_calls("redis = 1 redis.call('A')", "A");
    assert_calls("local n = s:load() + t.load", "");
    assert_calls("local n = 5 % 2 - 1", "");
    assert_calls("local n = 5. redis.call('A')", "A");
    assert_calls("local n = .5e-3 redis.call('A') n = 0x1F redis.call('B')", "A B");
    assert_calls("return 1 ..redis.sha1hex('a')", "");
}

Test(script, a_server_that_has_no_library_of_that_name)
{
    static const char text[] = "local server = KEYS[1] return redis.call('GET', server)";
    assert_calls(text, "GET?");
    char calls[256] = "";
    cr_expect(treadle_redis_script_calls(span(text), false, visit, calls));
    cr_expect_str_eq(calls, "GET");
}

Test(script, what_is_no_code_calls_nothing)
{
    assert_calls("-- redis.call('FLUSHALL')\nreturn 1", "");
    assert_calls("-- redis.call('A')\rredis.call('B')", "B");
    assert_calls("--[[ redis.call('A')\n ]] redis.call('B')", "B");
    assert_calls("--[==[ ]] ]=] redis.call('A') ]==] redis.call('B')", "B");
    assert_calls("--[=redis.call('A')\nredis.call('B')", "B");
    assert_calls("return 'redis.call(\"FLUSHALL\")'", "");
    assert_calls("return [[redis.call('FLUSHALL')]]", "");
    assert_calls("return 'it\\'s' .. redis.call('B')", "B");
    assert_calls("return '\\\\' .. redis.call('B')", "B");
    assert_calls("return t[ [[a]] ] .. redis.call('B')", "B");
    assert_calls("#!lua name=\"x\nreturn redis.call('GET', KEYS[1])", "GET");
}

Test(script, other_ways_to_call)
{
    static const char *const texts[] = {"local call = redis.call",
                                        "local r = redis",
                                        "return redis['call']('A')",
                                        "return redis.call(ARGV[1])",
                                        "redis.call('A'..'B')",
                                        "redis.call(('A'))",
                                        "pcall(redis.call, 'A')",
                                        "redis.call('\\70LUSH')",
                                        "f(redis)",
                                        "return _G['red' .. 'is']",
                                        "getfenv(0)",
                                        "loadstring('x')()",
                                        "return ''..loadstring('x')()",
                                        "setfenv(1, {})",
                                        "t = {redis}",
                                        "redis.call = f",
                                        "redis:call('A')",
                                        "redis..call",
                                        "debug.getregistry()",
                                        "return redis",
                                        "return redis == x",
                                        "return {[redis] = 1}",
                                        "local x = 5. _G['re'..'dis'].call('A')",
                                        "local x = 5.5. loadstring('x')()",
                                        "local x = .5. loadstring('x')()",
                                        "local x = 5.e+1 redis",
                                        "local x = 1 .. redis",
                                        "redis.call",
                                        "redis.",
                                        "return 'open",
                                        "return [[open",
                                        "--[[ open",
                                        "'broken\nredis.call'"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_calls(texts[i], "?");
    }
    assert_calls("redis.call('A') local r = redis", "A?");
}

static void assert_argument(const char *bytes, uint32_t expected)
{
    size_t position = 0;
    treadle_resp_command command;
    cr_assert_eq(treadle_resp_command_read(bytes, strlen(bytes), &position, &command),
                 TREADLE_RESP_OK);
    treadle_resp_arguments arguments = {.command = &command};
    cr_expect_eq(treadle_redis_script_argument(&arguments), expected, "%s", bytes);
}

Test(script, where_the_text_is)
{
    assert_argument("*3\r\n$4\r\nEVAL\r\n$1\r\nx\r\n$1\r\n0\r\n", 1);
    assert_argument("*3\r\n$7\r\neval_ro\r\n$1\r\nx\r\n$1\r\n0\r\n", 1);
    assert_argument("*3\r\n$6\r\nSCRIPT\r\n$4\r\nload\r\n$1\r\nx\r\n", 2);
    assert_argument("*4\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$7\r\nREPLACE\r\n$1\r\nx\r\n", 3);
    assert_argument("*3\r\n$6\r\nSCRIPT\r\n$6\r\nEXISTS\r\n$1\r\nx\r\n", 0);
    assert_argument("*1\r\n$4\r\nEVAL\r\n", 0);
    assert_argument("*3\r\n$7\r\nEVALSHA\r\n$1\r\nx\r\n$1\r\n0\r\n", 0);
}
