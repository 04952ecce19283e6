// SPDX-License-Identifier: MIT
/* `treadle health` as an operator runs it, each time on a server of the test's own. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "impl/tests/redis_fixture.h"
#include "tools/cli/tests/run.h"

#define ASSERT_SAYS(text, what) \
    cr_assert(strstr(text, what) != NULL, "\"%s\" is not in: %s", what, text)
#define ASSERT_STATUS(result, wanted)                                                             \
    cr_assert((result).status == (wanted), "status %d, not %d; out: %s err: %s", (result).status, \
              wanted, (result).out, (result).err)

static const char config_text[] = "global: {max_concurrent: 4}\n"
                                  "providers:\n"
                                  "  openai: {rpm: 3, burst: 5, tpm: 1000, window_size: 60}\n"
                                  "  other:\n"
                                  "    rpm: 100\n"
                                  "    burst: 10\n";

static struct redis_fixture server;
static redisContext *redis;
static char url[128];
static char config_path[] = "/tmp/treadle-health-XXXXXX";

static void write_config(const char *text)
{
    FILE *file = fopen(config_path, "we");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void set_up(void)
{
    redis_fixture_start(&server);
    redis = redis_fixture_connect(&server);
    snprintf(url, sizeof url, "unix://%s", server.socket);
    close(mkstemp(config_path));
    write_config(config_text);
}

static void tear_down(void)
{
    unlink(config_path);
    redisFree(redis);
    redis_fixture_stop(&server);
}

TestSuite(health, .init = set_up, .fini = tear_down, .timeout = 60);

/* `count` requests within the last second, as a limiter would have left them. */
static void fill_window(const char *key, int count, double at_s)
{
    for (int i = 0; i < count; i++) {
        redis_fixture_do(redis, "ZADD %s %.6f request-%d", key, at_s - i * 0.001, i);
    }
    redis_fixture_do(redis, "PEXPIRE %s 60000", key);
}

static void fill_bucket(const char *key, const char *tokens, double at_s)
{
    redis_fixture_do(redis, "HSET %s tokens %s last_refill %.6f", key, tokens, at_s);
    redis_fixture_do(redis, "EXPIRE %s 300", key);
}

static void healthy_deployment(void)
{
    const double now_s = redis_fixture_time(redis);
    fill_window("window:openai", 3, now_s);
    fill_window("window:other", 50, now_s);
    fill_bucket("bucket:openai", "5", now_s);
    fill_bucket("bucket:other", "0.5", now_s);
    redis_fixture_do(redis, "SET bucket-request:6:openai:request-1 1 PX 60000");
}

/* The findings as JSON, to be released. */
static json_t *findings(int status, uint64_t checked)
{
    ran result = TREADLE("health", "--redis", url, "--config", config_path, "--format", "json");
    ASSERT_STATUS(result, status);
    cr_assert_str_empty(result.err);
    json_error_t error;
    json_t *object = json_loads(result.out, 0, &error);
    cr_assert_not_null(object, "%s: %s", error.text, result.out);
    cr_assert_eq(json_integer_value(json_object_get(object, "checked")), (json_int_t)checked, "%s",
                 result.out);
    json_t *list = json_incref(json_object_get(object, "findings"));
    cr_assert(json_is_array(list));
    json_decref(object);
    ran_free(&result);
    return list;
}

static const char *text_member(const json_t *finding, const char *name)
{
    return json_string_value(json_object_get(finding, name));
}

/* Exactly one finding on the server, this one. NaN = null. */
static void only(const char *key, const char *kind, double value, double limit, const char *message)
{
    json_t *list = findings(1, 1);
    cr_assert_eq(json_array_size(list), 1, "%s: %zu findings", kind, json_array_size(list));
    const json_t *finding = json_array_get(list, 0);
    cr_assert_str_eq(text_member(finding, "key"), key);
    cr_assert_str_eq(text_member(finding, "kind"), kind);
    ASSERT_SAYS(text_member(finding, "message"), message);
    const json_t *of[] = {json_object_get(finding, "value"), json_object_get(finding, "limit")};
    const double wanted[] = {value, limit};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(json_is_null(of[i]), isnan(wanted[i]), "%s", kind);
        if (!isnan(wanted[i])) {
            cr_assert_float_eq(json_number_value(of[i]), wanted[i], 5, "%s: %f, not %f", kind,
                               json_number_value(of[i]), wanted[i]);
        }
    }
    json_decref(list);
    redis_fixture_do(redis, "FLUSHALL");
}

/* ---- what it finds --------------------------------------------------------------------------- */

Test(health, a_healthy_deployment_is_healthy)
{
    healthy_deployment();
    json_t *list = findings(0, 5);
    cr_assert_eq(json_array_size(list), 0);
    json_decref(list);
    ran result = TREADLE("health", "--redis", url, "--config", config_path);
    ASSERT_STATUS(result, 0);
    cr_assert_str_eq(result.out, "5 keys checked: healthy\n");
    ran_free(&result);
    ran without = TREADLE("health", "--redis", url);
    ASSERT_STATUS(without, 0);
    ASSERT_SAYS(without.out, "without --config limits and orphans are not checked");
    ran_free(&without);
}

Test(health, finds_a_window_over_its_limit)
{
    fill_window("window:openai", 4, redis_fixture_time(redis));
    only("window:openai", "over-limit", 4, 3, "4 requests in 60 s; the limit is 3");
    /* Entries that have expired and were not removed yet do not count, even at exactly 60 s. */
    fill_window("window:openai", 3, redis_fixture_time(redis));
    fill_window("window:openai", 9, redis_fixture_time(redis) - 60);
    json_t *list = findings(0, 1);
    json_decref(list);
}

Test(health, finds_keys_without_a_ttl)
{
    redis_fixture_do(redis, "ZADD window:openai %.6f a", redis_fixture_time(redis));
    only("window:openai", "no-ttl", NAN, NAN, "no TTL");
    redis_fixture_do(redis, "HSET bucket:openai tokens 1 last_refill 1700000000");
    only("bucket:openai", "no-ttl", NAN, NAN, "no TTL");
}

Test(health, finds_times_in_the_future)
{
    const double now_s = redis_fixture_time(redis);
    fill_window("window:openai", 1, now_s + 100);
    only("window:openai", "in-future", now_s + 100, now_s, "later than the server's clock");
    fill_bucket("bucket:openai", "1", now_s + 100);
    only("bucket:openai", "in-future", now_s + 100, now_s, "last_refill is ");
    redis_fixture_do(redis, "ZADD window:openai +inf a");
    redis_fixture_do(redis, "EXPIRE window:openai 60");
    only("window:openai", "in-future", NAN, now_s, "inf s later"); /* JSON has no infinity */
    /* A client's clock may be ahead, by as much as --skew says. */
    fill_window("window:openai", 1, redis_fixture_time(redis) + 30);
    ran tolerant = TREADLE("health", "--redis", url, "--skew", "60");
    ASSERT_STATUS(tolerant, 0);
    ran_free(&tolerant);
}

Test(health, finds_tokens_out_of_range)
{
    const double now_s = redis_fixture_time(redis);
    fill_bucket("bucket:openai", "5.25", now_s);
    only("bucket:openai", "out-of-range", 5.25, 5, "5.25 tokens; the capacity is 5");
    fill_bucket("bucket:openai", "-6.5", now_s);
    only("bucket:openai", "out-of-range", -6.5, 0, "-6.5 tokens");
    fill_bucket("bucket:openai", "0", now_s);
    json_t *list = findings(0, 1);
    json_decref(list);
}

Test(health, finds_values_and_types_that_make_no_sense)
{
    const double now_s = redis_fixture_time(redis);
    fill_bucket("bucket:openai", "3x", now_s);
    only("bucket:openai", "bad-value", NAN, NAN, "the field tokens is \"3x\", not a number");
    fill_bucket("bucket:openai", "nan", now_s);
    only("bucket:openai", "bad-value", NAN, NAN, "\"nan\", not a number");
    redis_fixture_do(redis, "HSET bucket:openai tokens 3");
    redis_fixture_do(redis, "EXPIRE bucket:openai 60");
    only("bucket:openai", "bad-value", NAN, NAN, "the field last_refill is missing");
    redis_fixture_do(redis, "SET window:openai text");
    only("window:openai", "wrong-type", NAN, NAN, "string instead of a sorted set");
    redis_fixture_do(redis, "RPUSH bucket:openai text");
    only("bucket:openai", "wrong-type", NAN, NAN, "list instead of a hash");
}

Test(health, finds_keys_of_providers_that_are_not_configured)
{
    fill_window("window:retired", 50, redis_fixture_time(redis));
    only("window:retired", "orphan", NAN, NAN, "not in the configuration");
    fill_window("window:openai2", 1, redis_fixture_time(redis)); /* a name, not a prefix */
    only("window:openai2", "orphan", NAN, NAN, "not in the configuration");
}

/* What a bucket remembers of a request. */
Test(health, marks_belong_to_their_provider_and_expire)
{
    redis_fixture_do(redis, "SET bucket-request:6:openai:1 1");
    only("bucket-request:6:openai:1", "no-ttl", NAN, NAN, "no TTL");
    static const char *const nobodys[] = {"bucket-request:6:nobody:1",
                                          "bucket-request:5:openai:1",
                                          "bucket-request:6:openai",
                                          "bucket-request:7:openai:1",
                                          "bucket-request:openai:1",
                                          "bucket-request:",
                                          "bucket-request:99999999999999999999999999:openai:1"};
    for (size_t i = 0; i < sizeof nobodys / sizeof nobodys[0]; i++) {
        redis_fixture_do(redis, "SET %s 1 PX 60000", nobodys[i]);
        only(nobodys[i], "orphan", NAN, NAN, "not in the configuration");
    }
    redis_fixture_do(redis, "RPUSH bucket-request:6:openai:1 text");
    only("bucket-request:6:openai:1", "wrong-type", NAN, NAN, "list instead of a string");
    redis_fixture_do(redis, "SET bucket:openai 1 PX 60000");
    only("bucket:openai", "wrong-type", NAN, NAN, "a string instead of a hash");
    write_config("providers: {'a:request:b': {rpm: 1, burst: 1}}\nglobal: {max_concurrent: 1}\n");
    fill_bucket("bucket:a:request:b", "2", redis_fixture_time(redis));
    only("bucket:a:request:b", "out-of-range", 2, 1, "the capacity is 1");
}

Test(health, looks_at_nothing_else)
{
    redis_fixture_do(redis, "SET windows:openai x");
    redis_fixture_do(redis, "SET a:window:openai x");
    redis_fixture_do(redis, "SET bucket x");
    ran result = TREADLE("health", "--redis", url, "--config", config_path);
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, "0 keys checked: there are none");
    ran_free(&result);
}

/* The prefix is not a pattern, and its own text may look like a key. */
Test(health, takes_a_prefix_as_it_stands)
{
    fill_window("a[b]*?\\window:window:openai", 4, redis_fixture_time(redis));
    fill_window("abx\\window:window:openai", 4, redis_fixture_time(redis));
    ran result =
        TREADLE("health", "--redis", url, "--config", config_path, "--prefix", "a[b]*?\\window:");
    ASSERT_STATUS(result, 1);
    ASSERT_SAYS(result.out, "over-limit    a[b]*?\\window:window:openai: 4 requests in 60 s");
    ASSERT_SAYS(result.out, "1 key checked: 1 finding\n");
    ran_free(&result);
}

Test(health, finds_one_bad_key_among_thousands)
{
    redis_fixture_do(redis, "EVAL %s 0",
                     "for i = 1, 5000 do redis.call('ZADD', 'window:p' .. i, 1, 'a') "
                     "redis.call('EXPIRE', 'window:p' .. i, 60) redis.call('SET', 'k' .. i, i) end "
                     "redis.call('PERSIST', 'window:p4711')");
    ran result = TREADLE("health", "--redis", url);
    ASSERT_STATUS(result, 1);
    ASSERT_SAYS(result.out, "no-ttl        window:p4711: ");
    ASSERT_SAYS(result.out, "5000 keys checked: 1 finding;");
    ran_free(&result);
}

/* What was not looked at is not healthy. */
Test(health, says_when_there_are_more_keys_than_it_may_look_at)
{
    healthy_deployment();
    ran exactly = TREADLE("health", "--redis", url, "--max-keys", "5");
    ASSERT_STATUS(exactly, 0);
    ran_free(&exactly);
    ran fewer = TREADLE("health", "--redis", url, "--max-keys", "3");
    ASSERT_STATUS(fewer, 1);
    ASSERT_SAYS(fewer.out, "max-keys      there are more than 3 keys");
    ASSERT_SAYS(fewer.out, "3 keys checked: 1 finding;");
    ran_free(&fewer);
    ran json = TREADLE("health", "--redis", url, "--max-keys", "3", "--format", "json");
    ASSERT_STATUS(json, 1);
    ASSERT_SAYS(json.out, "\"checked\":3,\"complete\":false,\"findings\":[{\"key\":null,");
    ran_free(&json);
}

/* ---- keys of any kind ------------------------------------------------------------------------ */

Test(health, foreign_bytes_do_not_reach_the_terminal)
{
    static const char key[] = "bucket:\x1b[2J\r\n\0caf\xc3\xa9\xff\xe2\x80\xae";
    const char *const set[] = {"HSET", key, "tokens", "\x1b]0;t\x07", "last_refill", "1"};
    const size_t lengths[] = {4, sizeof key - 1, 6, 6, 11, 1};
    freeReplyObject(
        redisCommandArgv(redis, 6, (const char **)(uintptr_t)set, (const size_t *)lengths));
    ran result = TREADLE("health", "--redis", url);
    ASSERT_STATUS(result, 1);
    ASSERT_SAYS(result.out,
                "bad-value     bucket:\\x1b[2J\\r\\n\\x00caf\xc3\xa9\\xff\\u{202e}: the "
                "field tokens is \"\\x1b]0;t\\x07\"");
    for (const char *c = result.out; *c != '\0'; c++) {
        cr_assert((unsigned char)*c >= ' ' || *c == '\n', "\\x%02x", (unsigned char)*c);
    }
    ran_free(&result);
    ran json = TREADLE("health", "--redis", url, "--format", "json");
    json_t *object = json_loads(json.out, JSON_ALLOW_NUL, NULL);
    cr_assert_not_null(object, "%s", json.out);
    const json_t *finding = json_array_get(json_object_get(object, "findings"), 0);
    cr_assert_eq(json_string_length(json_object_get(finding, "key")), 25, "%s", json.out);
    json_decref(object);
    ran_free(&json);
}

/* ---- a live deployment ----------------------------------------------------------------------- */

/* Counts right, and removes what has expired when it has time. */
static const char acquire[] =
    "local t = redis.call('TIME') local now = t[1] + t[2] / 1000000 "
    "local function before(s) return string.format('%.6f', now - s) end "
    "if redis.call('ZCOUNT', KEYS[1], '(' .. before(0.0005), '+inf') >= 3 then return 0 end "
    "redis.call('ZADD', KEYS[1], before(0), t[1] .. t[2]) "
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', before(0.1)) "
    "redis.call('PEXPIRE', KEYS[1], 1000) return 1";

static atomic_bool stopping;

static void *keep_acquiring(void *context)
{
    redisContext *client = context;
    while (!stopping) {
        redisReply *reply = redisCommand(client, "EVAL %s 1 window:openai", acquire);
        stopping = stopping || reply == NULL || reply->type != REDIS_REPLY_INTEGER;
        freeReplyObject(reply);
    }
    return NULL;
}

/* A correct limiter at its limit, with a window so short that it moves on between any two looks;
 * other keys, which are looked at in between, see to that. */
Test(health, raises_no_false_alarm_while_the_deployment_works)
{
    FILE *config = fopen(config_path, "we");
    cr_assert_not_null(config);
    fputs("global: {max_concurrent: 4}\n"
          "providers:\n  openai: {rpm: 3, burst: 3, window_size: 0.0005}\n",
          config);
    for (int i = 0; i < 127; i++) {
        fprintf(config, "  bystander-%d: {rpm: 1, burst: 1}\n", i);
        redis_fixture_do(redis, "ZADD window:bystander-%d 1 a", i);
        redis_fixture_do(redis, "EXPIRE window:bystander-%d 60", i);
    }
    fclose(config);
    redisContext *client = redis_fixture_connect(&server);
    pthread_t worker;
    stopping = false;
    cr_assert_eq(pthread_create(&worker, NULL, keep_acquiring, client), 0);
    int seen = 0;
    for (int i = 0; i < 60; i++) {
        ran result =
            TREADLE("health", "--redis", url, "--config", config_path, "--skew", "0.00001");
        ASSERT_STATUS(result, 0);
        seen += strncmp(result.out, "128 keys", 8) == 0;
        ran_free(&result);
    }
    cr_assert_not(stopping, "the limiter failed");
    stopping = true;
    pthread_join(worker, NULL);
    redisFree(client);
    cr_assert_gt(seen, 30, "the key was hardly ever there");
}

static char *info(const char *section)
{
    redisReply *reply = redisCommand(redis, "INFO %s", section);
    cr_assert_not_null(reply);
    char *text = strdup(reply->str);
    freeReplyObject(reply);
    return text;
}

/* Whether the server has run any command but these since its statistics were reset. */
static bool has_run_others(char *other, size_t size)
{
    static const char *const reads[] = {
        "scan", "type", "pttl", "zcount", "zrevrange", "hmget", "time", "config|resetstat", "info"};
    char *statistics = info("commandstats");
    bool others = false;
    for (char *line = strstr(statistics, "cmdstat_"); line != NULL;
         line = strstr(line + 1, "cmdstat_")) {
        const char *name = line + strlen("cmdstat_");
        bool known = false;
        for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
            known |=
                strncmp(name, reads[i], strlen(reads[i])) == 0 && name[strlen(reads[i])] == ':';
        }
        if (!known) {
            others = true;
            snprintf(other, size, "%.40s", name);
        }
    }
    free(statistics);
    return others;
}

static long long changes(void)
{
    char *text = info("persistence");
    const char *line = strstr(text, "rdb_changes_since_last_save:");
    cr_assert_not_null(line);
    const long long count = strtoll(strchr(line, ':') + 1, NULL, 10);
    free(text);
    return count;
}

Test(health, only_reads)
{
    char other[64] = "";
    healthy_deployment();
    redis_fixture_do(redis, "SET window:bad x");
    redis_fixture_do(redis, "HSET bucket:bad tokens x");
    redis_fixture_do(redis, "CONFIG RESETSTAT");
    const long long before = changes();
    for (int i = 0; i < 2; i++) {
        ran result = TREADLE("health", "--redis", url, "--config", config_path, "--format",
                             i == 0 ? "text" : "json");
        ASSERT_STATUS(result, 1);
        ran_free(&result);
    }
    cr_assert_not(has_run_others(other, sizeof other), "it sent %s", other);
    cr_assert_eq(changes(), before);
    char *statistics = info("commandstats");
    ASSERT_SAYS(statistics, "cmdstat_zcount:");
    free(statistics);
    redis_fixture_do(redis, "SET window:bad x"); /* the test sees a write when there is one */
    cr_assert(has_run_others(other, sizeof other));
    cr_assert_eq(changes(), before + 1);
}

/* The rights that `treadle health --help` names are enough, and they allow no write. */
Test(health, works_for_a_user_who_may_not_write)
{
    healthy_deployment();
    redis_fixture_do(redis, "ACL SETUSER watcher on >secret ~* -@all +scan +type +pttl +zcount "
                            "+zrevrange +hmget +time");
    char with_user[160];
    snprintf(with_user, sizeof with_user, "unix://watcher:secret@%s", server.socket);
    ran result = TREADLE("health", "--redis", with_user, "--config", config_path);
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, "5 keys checked: healthy");
    ran_free(&result);
    redis_fixture_do(redis, "ACL SETUSER watcher -pttl");
    ran less = TREADLE("health", "--redis", with_user);
    ASSERT_STATUS(less, 3);
    ASSERT_SAYS(less.err, "treadle: the Redis server refused: NOPERM");
    cr_assert_str_empty(less.out);
    ran_free(&less);
    snprintf(with_user, sizeof with_user, "unix://watcher:wrong@%s", server.socket);
    ran refused = TREADLE("health", "--redis", with_user);
    ASSERT_STATUS(refused, 3);
    cr_assert_null(strstr(refused.err, "wrong@"), "the password is shown");
    ran_free(&refused);
}

Test(health, looks_into_the_database_that_was_named)
{
    redis_fixture_do(redis, "SELECT 3");
    redis_fixture_do(redis, "SET window:openai x");
    char in_three[160];
    snprintf(in_three, sizeof in_three, "unix://%s?db=3", server.socket);
    ran result = TREADLE("health", "--redis", in_three);
    ASSERT_STATUS(result, 1);
    ran_free(&result);
}

/* ---- what is asked wrongly ------------------------------------------------------------------- */

static void refused(ran result, int status, const char *first, const char *second)
{
    ASSERT_STATUS(result, status);
    ASSERT_SAYS(result.err, first);
    ASSERT_SAYS(result.err, second);
    const char *end = strchr(result.err, '\n');
    cr_assert(end != NULL && end[1] == '\0', "not one line: %s", result.err);
    cr_assert_str_empty(result.out);
    ran_free(&result);
}

#define NOWHERE "unix:///nonexistent/redis.sock"

Test(health_usage, refuses_what_it_does_not_understand)
{
    refused(TREADLE("helth"), 2, "unknown command", "\"health\"");
    refused(TREADLE("health"), 2, "needs --redis URL", "redis://localhost:6379");
    refused(TREADLE("health", "--redsi", NOWHERE), 2, "unknown option --redsi", "--redis");
    refused(TREADLE("health", NOWHERE), 2, "takes no", "--redis URL");
    refused(TREADLE("health", "--redis", "localhost"), 2, "--redis", "redis://");
    refused(TREADLE("health", "--redis", NOWHERE, "--format", "jsno"), 2, "unknown format",
            "\"json\"");
    refused(TREADLE("health", "--redis", NOWHERE, "--max-keys", "0"), 2, "--max-keys",
            "1 to 10000000");
    refused(TREADLE("health", "--redis", NOWHERE, "--skew", "-1"), 2, "--skew", "seconds");
    refused(TREADLE("health", "--redis", NOWHERE, "--config", "/nonexistent/limits"), 2, "--config",
            "No such file");
    refused(TREADLE("health", "--redis", NOWHERE), 3, "/nonexistent/redis.sock",
            "cannot be reached");
    ran help = TREADLE("--help");
    ASSERT_STATUS(help, 0);
    ASSERT_SAYS(help.out, "\n  health ");
    ran_free(&help);
}

/* Whatever is wrong with it is said by impl/config, whose tests have it all. */
Test(health, a_configuration_that_makes_no_sense_is_refused_before_the_server_is_asked)
{
    write_config("global: {max_concurrent: 4}\nproviders:\n  openai: {rpm: 0, burst: 5}\n");
    redis_fixture_do(redis, "CONFIG RESETSTAT");
    ran result = TREADLE("health", "--redis", url, "--config", config_path);
    refused(result, 2, ":3: ", "rpm");
    char other[64];
    cr_assert_not(has_run_others(other, sizeof other));
    char *statistics = info("commandstats");
    cr_assert_null(strstr(statistics, "cmdstat_scan:"));
    free(statistics);
}
