// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/redis/redis_server.h"

static char error[512];

/* For mkdtemp(): a TMPDIR where no other test's start removes what is left behind. */
static char private_directory[] = "/tmp/treadle-test-XXXXXX";

static treadle_redis_server *start(void)
{
    treadle_redis_server *server = treadle_redis_server_start(error, sizeof error);
    cr_assert_not_null(server, "%s", error);
    return server;
}

static void directory_of(const treadle_redis_server *server, char out[256])
{
    char path[256];
    snprintf(path, sizeof path, "%s", treadle_redis_server_socket(server));
    snprintf(out, 256, "%s", dirname(path));
}

/* Whether a process that may not be our child has ended; a zombie has. */
static bool ended(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return true;
    }
    char state = '?';
    const int fields = fscanf(file, "%*d %*s %c", &state);
    fclose(file);
    return fields == 1 && (state == 'Z' || state == 'X');
}

static bool ends_soon(pid_t pid)
{
    for (int i = 0; i < 500; i++) {
        if (ended(pid)) {
            return true;
        }
        const struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool pings(const char *socket)
{
    redisContext *context = redisConnectUnix(socket);
    redisReply *reply = context->err ? NULL : redisCommand(context, "PING");
    const bool ok = reply != NULL && strcmp(reply->str, "PONG") == 0;
    freeReplyObject(reply);
    redisFree(context);
    return ok;
}

Test(server, starts_and_stops, .timeout = 30)
{
    treadle_redis_server *server = start();
    char directory[256];
    directory_of(server, directory);
    struct stat status;
    cr_assert_eq(stat(directory, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0700);
    cr_assert(pings(treadle_redis_server_socket(server)));
    cr_assert(treadle_redis_server_alive(server));
    const pid_t pid = treadle_redis_server_pid(server);
    treadle_redis_server_stop(server);
    cr_assert(ended(pid));
    cr_assert(stat(directory, &status) != 0 && errno == ENOENT, "%s is left behind", directory);
    treadle_redis_server_stop(NULL);
}

Test(server, listens_on_no_port_and_keeps_nothing, .timeout = 30)
{
    treadle_redis_server *server = start();
    redisContext *context = redisConnectUnix(treadle_redis_server_socket(server));
    static const char *const settings[][2] = {
        {"port", "0"}, {"save", ""}, {"appendonly", "no"}, {"hz", "1"}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        redisReply *reply = redisCommand(context, "CONFIG GET %s", settings[i][0]);
        cr_assert(reply != NULL && reply->elements == 2);
        cr_assert_str_eq(reply->element[1]->str, settings[i][1]);
        freeReplyObject(reply);
    }
    redisFree(context);
    treadle_redis_server_stop(server);
}

Test(server, two_at_once, .timeout = 30)
{
    treadle_redis_server *one = start();
    treadle_redis_server *two = start();
    cr_assert_str_neq(treadle_redis_server_socket(one), treadle_redis_server_socket(two));
    cr_assert(pings(treadle_redis_server_socket(one)) && pings(treadle_redis_server_socket(two)));
    treadle_redis_server_stop(one);
    cr_assert(pings(treadle_redis_server_socket(two)));
    treadle_redis_server_stop(two);
}

Test(server, says_when_it_died, .timeout = 30)
{
    treadle_redis_server *server = start();
    kill(treadle_redis_server_pid(server), SIGKILL);
    /* A process whose first thread has ended is a zombie, but not waited for while others end. */
    for (int i = 0; i < 500 && treadle_redis_server_alive(server); i++) {
        const struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
    }
    cr_assert_not(treadle_redis_server_alive(server));
    treadle_redis_server_stop(server);
}

/* A child that starts a server, tells where it is, and then does `what`. */
static pid_t harness(void (*what)(void), pid_t *server_pid, char directory[256])
{
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        treadle_redis_server *server = treadle_redis_server_start(error, sizeof error);
        if (server == NULL) {
            _exit(1);
        }
        *server_pid = treadle_redis_server_pid(server);
        directory_of(server, directory);
        if (write(fds[1], server_pid, sizeof *server_pid) < 0 ||
            write(fds[1], directory, 256) < 0) {
            _exit(1);
        }
        what();
        _exit(0);
    }
    close(fds[1]);
    cr_assert_eq(read(fds[0], server_pid, sizeof *server_pid), (ssize_t)sizeof *server_pid);
    cr_assert_eq(read(fds[0], directory, 256), 256);
    close(fds[0]);
    return pid;
}

static void sleep_for_ever(void)
{
    for (;;) {
        pause();
    }
}

static void leave(void)
{
    exit(0);
}

Test(server, is_gone_when_the_harness_is_killed, .timeout = 60)
{
    cr_assert_not_null(mkdtemp(private_directory));
    setenv("TMPDIR", private_directory, 1);
    pid_t server;
    char directory[256];
    const pid_t pid = harness(sleep_for_ever, &server, directory);
    cr_assert_not(ended(server));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_assert(ends_soon(server), "the server outlives its harness");
    cr_assert_eq(access(directory, F_OK), 0);
    /* The next start removes what the dead one left. */
    treadle_redis_server_stop(start());
    cr_assert_neq(access(directory, F_OK), 0, "%s is left behind", directory);
    cr_assert_eq(rmdir(private_directory), 0);
}

Test(server, leaves_the_directories_of_the_living_alone, .timeout = 60)
{
    pid_t server;
    char directory[256];
    const pid_t pid = harness(sleep_for_ever, &server, directory);
    treadle_redis_server_stop(start());
    cr_assert_eq(access(directory, F_OK), 0);
    cr_assert_not(ended(server));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_assert(ends_soon(server));
    treadle_redis_server_stop(start());
}

Test(server, is_gone_when_the_harness_exits, .timeout = 60)
{
    pid_t server;
    char directory[256];
    const pid_t pid = harness(leave, &server, directory);
    waitpid(pid, NULL, 0);
    cr_assert(ends_soon(server));
    cr_assert_neq(access(directory, F_OK), 0);
}

Test(server, survives_the_exit_of_a_forked_worker, .timeout = 30)
{
    treadle_redis_server *server = start();
    const pid_t pid = fork();
    if (pid == 0) {
        exit(treadle_redis_server_alive(server) ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    cr_assert(pings(treadle_redis_server_socket(server)));
    treadle_redis_server_stop(server);
}

Test(server, foreign_directories_of_that_name_stay, .timeout = 30)
{
    cr_assert_not_null(mkdtemp(private_directory));
    setenv("TMPDIR", private_directory, 1);
    char path[128];
    snprintf(path, sizeof path, "%s/treadle-redis-notapid-abcdef", private_directory);
    cr_assert_eq(mkdir(path, 0700), 0);
    treadle_redis_server_stop(start());
    cr_assert_eq(access(path, F_OK), 0);
    rmdir(path);
    cr_assert_eq(rmdir(private_directory), 0);
}

Test(server, a_long_temporary_directory_is_not_used, .timeout = 30)
{
    char path[160] = "/tmp/";
    memset(path + 5, 'x', 120);
    mkdir(path, 0700);
    setenv("TMPDIR", path, 1);
    treadle_redis_server *server = start();
    cr_assert_eq(strncmp(treadle_redis_server_socket(server), "/tmp/treadle-redis-", 19), 0);
    treadle_redis_server_stop(server);
    rmdir(path);
}

Test(server, not_installed)
{
    setenv("PATH", "/nonexistent", 1);
    cr_assert_null(treadle_redis_server_start(error, sizeof error));
    cr_assert_str_eq(error,
                     "redis-server is not on PATH; install it: apt-get install redis-server");
}

Test(server, another_binary, .timeout = 30)
{
    setenv("TREADLE_REDIS_SERVER", "/nonexistent/keydb-server", 1);
    cr_assert_null(treadle_redis_server_start(error, sizeof error));
    cr_assert_not_null(strstr(error, "/nonexistent/keydb-server is not an executable"), "%s",
                       error);
    setenv("TREADLE_REDIS_SERVER", "no-such-server", 1);
    cr_assert_null(treadle_redis_server_start(error, sizeof error));
    cr_assert_not_null(strstr(error, "not on PATH"));
    setenv("TREADLE_REDIS_SERVER", "/bin/false", 1);
    cr_assert_null(treadle_redis_server_start(error, sizeof error));
    cr_assert_not_null(strstr(error, "ended while starting"), "%s", error);
    setenv("TREADLE_REDIS_SERVER", "redis-server", 1);
    treadle_redis_server_stop(start());
}

/* What start says when a shell script stands in for the server. */
static void assert_not_started(const char *lines, const char *expected)
{
    char script[] = "/tmp/treadle-server-test-XXXXXX";
    const int fd = mkstemp(script);
    FILE *file = fdopen(fd, "w");
    fprintf(file, "#!/bin/sh\n%s\n", lines);
    fchmod(fd, 0700);
    fclose(file);
    setenv("TREADLE_REDIS_SERVER", script, 1);
    cr_assert_null(treadle_redis_server_start(error, sizeof error));
    cr_assert_str_eq(error, expected);
    unlink(script);
}

Test(server, quotes_the_log_when_it_does_not_come_up, .timeout = 30)
{
    assert_not_started("echo first\necho 'Bad directive'\nexit 1",
                       "redis-server ended while starting: Bad directive");
}

Test(server, says_what_the_server_refused, .timeout = 30)
{
    assert_not_started("exec redis-server \"$@\" --rename-command ACL ''",
                       "redis-server refused ACL SETUSER default -migrate: ERR unknown command "
                       "'ACL', with args beginning with: 'SETUSER' 'default' '-migrate' ");
}

Test(server, a_missing_clock_library_is_named)
{
    setenv("TREADLE_REDIS_CLOCK_LIBRARY", "/nonexistent.so", 1);
    cr_assert_null(treadle_redis_server_start(error, sizeof error));
    cr_assert_not_null(strstr(error, "TREADLE_REDIS_CLOCK_LIBRARY=/nonexistent.so"), "%s", error);
}
