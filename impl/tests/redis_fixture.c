// SPDX-License-Identifier: MIT
#include "redis_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS_MAX 10000
#define POLL_MS 5
#define EXIT_NOT_FOUND 127

static void sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static void become_server(const struct redis_fixture *fixture)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves no server behind */
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", fixture->socket, "--dir",
           fixture->directory, "--save", "", "--appendonly", "no", (char *)NULL);
    _exit(EXIT_NOT_FOUND);
}

static void remove_directory(const struct redis_fixture *fixture)
{
    unlink(fixture->socket);
    rmdir(fixture->directory);
}

void redis_fixture_start(struct redis_fixture *fixture)
{
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/sliding-window-XXXXXX");
    cr_assert_not_null(mkdtemp(fixture->directory), "cannot make a directory in /tmp");
    snprintf(fixture->socket, sizeof fixture->socket, "%s/redis.sock", fixture->directory);

    fixture->pid = fork();
    cr_assert_geq(fixture->pid, 0, "cannot fork");
    if (fixture->pid == 0) {
        become_server(fixture);
    }
    for (int waited_ms = 0; waited_ms < START_MS_MAX; waited_ms += POLL_MS) {
        int status;
        if (waitpid(fixture->pid, &status, WNOHANG) == fixture->pid) {
            remove_directory(fixture);
            cr_assert_fail("%s", WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_FOUND
                                     ? "redis-server is not installed (or not in PATH)"
                                     : "redis-server stopped while starting");
        }
        redisContext *probe = redisConnectUnix(fixture->socket);
        bool ready = probe != NULL && probe->err == 0;
        if (probe != NULL) {
            redisFree(probe);
        }
        if (ready) {
            return;
        }
        sleep_ms(POLL_MS);
    }
    redis_fixture_stop(fixture);
    cr_assert_fail("redis-server did not listen within %d ms", START_MS_MAX);
}

void redis_fixture_stop(struct redis_fixture *fixture)
{
    kill(fixture->pid, SIGKILL); /* it has nothing to save */
    waitpid(fixture->pid, NULL, 0);
    remove_directory(fixture);
}

redisContext *redis_fixture_connect(const struct redis_fixture *fixture)
{
    redisContext *redis = redisConnectUnix(fixture->socket);
    cr_assert_not_null(redis);
    cr_assert_eq(redis->err, 0, "%s", redis->errstr);
    return redis;
}

static redisReply *run(redisContext *redis, const char *format, va_list arguments)
{
    redisReply *reply = redisvCommand(redis, format, arguments);
    cr_assert_not_null(reply, "%s: %s", format, redis->errstr);
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
    return reply;
}

double redis_fixture_number(redisContext *redis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = run(redis, format, arguments);
    va_end(arguments);

    double number = 0;
    if (reply->type == REDIS_REPLY_INTEGER) {
        number = (double)reply->integer;
    } else {
        cr_assert_eq(reply->type, REDIS_REPLY_STRING, "%s: no number", format);
        number = strtod(reply->str, NULL);
    }
    freeReplyObject(reply);
    return number;
}

void redis_fixture_do(redisContext *redis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    freeReplyObject(run(redis, format, arguments));
    va_end(arguments);
}

double redis_fixture_time(redisContext *redis)
{
    redisReply *reply = redisCommand(redis, "TIME");
    cr_assert_not_null(reply, "TIME: %s", redis->errstr);
    cr_assert_eq(reply->elements, 2);
    double now_s =
        strtod(reply->element[0]->str, NULL) + strtod(reply->element[1]->str, NULL) / 1e6;
    freeReplyObject(reply);
    return now_s;
}
