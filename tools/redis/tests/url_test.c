// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>

#include "tools/redis/redis_url.h"

static treadle_redis_target target;
static char error[256];

static void parse(const char *url)
{
    error[0] = '\0';
    cr_assert_eq(treadle_redis_url_parse(url, &target, error, sizeof error), 0, "%s: %s", url,
                 error);
    cr_assert_not(target.own);
    cr_assert_null(target.clock_path);
}

static void refuse(const char *url, const char *part)
{
    cr_assert_eq(treadle_redis_url_parse(url, &target, error, sizeof error), -1, "%s", url);
    cr_assert_not_null(strstr(error, part), "%s gives: %s", url, error);
    cr_assert_null(strchr(error, '\n'));
}

Test(url, tcp)
{
    parse("redis://localhost");
    cr_assert_str_eq(target.host, "localhost");
    cr_assert_eq(target.port, 6379);
    cr_assert_eq(target.database, 0);
    cr_assert_null(target.username);
    cr_assert_null(target.password);
    cr_assert_null(target.socket_path);
    treadle_redis_url_release(&target);

    parse("redis://limiter:p%40ss%2Fw:d@10.0.0.1:7000/3");
    cr_assert_str_eq(target.host, "10.0.0.1");
    cr_assert_eq(target.port, 7000);
    cr_assert_eq(target.database, 3);
    cr_assert_str_eq(target.username, "limiter");
    cr_assert_str_eq(target.password, "p@ss/w:d");
    treadle_redis_url_release(&target);

    parse("REDIS://:secret@[::1]:6380/");
    cr_assert_str_eq(target.host, "::1");
    cr_assert_eq(target.port, 6380);
    cr_assert_null(target.username);
    cr_assert_str_eq(target.password, "secret");
    treadle_redis_url_release(&target);

    parse("redis://[fe80::1]");
    cr_assert_str_eq(target.host, "fe80::1");
    cr_assert_eq(target.port, 6379);
    treadle_redis_url_release(&target);
}

Test(url, unix_socket)
{
    parse("unix:///run/redis/redis%20server.sock");
    cr_assert_str_eq(target.socket_path, "/run/redis/redis server.sock");
    cr_assert_null(target.host);
    cr_assert_eq(target.database, 0);
    treadle_redis_url_release(&target);

    parse("unix://:pw@/tmp/s?db=12");
    cr_assert_str_eq(target.socket_path, "/tmp/s");
    cr_assert_str_eq(target.password, "pw");
    cr_assert_eq(target.database, 12);
    treadle_redis_url_release(&target);
}

Test(url, errors_say_what_where_and_what_would_be_right)
{
    refuse("localhost:6379", "character 1: must start with redis:// or unix://");
    refuse("", "must start with");
    refuse("rediss://h", "TLS");
    refuse("redis://", "character 9: the host is missing");
    refuse("redis://:6379", "the host is missing");
    refuse("redis://h:", "character 11: the port is a number from 1 to 65535");
    refuse("redis://h:70000", "the port is a number from 1 to 65535");
    refuse("redis://h:0", "the port is a number");
    refuse("redis://h:6a", "character 12: the port is a number");
    refuse("redis://h/x", "the database is a number from 0");
    refuse("redis://h/99999999999999999999", "the database is a number");
    refuse("redis://h?db=1", "the database is /NUMBER");
    refuse("redis://user@h", "USER:PASSWORD@");
    refuse("redis://::1:6379", "brackets");
    refuse("redis://[::1", "closing bracket");
    refuse("redis://[::1]x", ":PORT");
    refuse("redis://h%4", "two hexadecimal digits");
    refuse("redis://:a%zz@h", "character 11");
    refuse("redis://h%00", "%00");
    refuse("unix://run/redis.sock", "absolute: unix:///run");
    refuse("unix://", "absolute");
    refuse("unix:///s?database=1", "only ?db=NUMBER");
    refuse("unix:///s?db=", "the database is a number");
    char path[300] = "unix:///";
    memset(path + 8, 'x', 200);
    refuse(path, "at most 107 bytes");
}

Test(url, errors_do_not_show_the_password)
{
    refuse("redis://u:hunter2@h:port", "port");
    cr_assert_null(strstr(error, "hunter2"));
    refuse("redis://u:hunter2%@h", "hexadecimal");
    cr_assert_null(strstr(error, "hunter2"));
    /* With a '/' or '?' in it that should have been written %2F or %3F. */
    refuse("redis://u:hunter2/x@h:6379", "port");
    cr_assert_null(strstr(error, "hunter2"), "%s", error);
    refuse("redis://u:1234/hunter2@h", "database");
    cr_assert_null(strstr(error, "hunter2"), "%s", error);
    refuse("redis://u:hunter2?x@h:6379", "'?'");
    cr_assert_null(strstr(error, "hunter2"), "%s", error);
    refuse("unix://:pw@/s?db=hunter2", "database");
    cr_assert_null(strstr(error, "hunter2"), "%s", error);
}
