// SPDX-License-Identifier: MIT
#include "tools/redis/redis_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/redis/redis_directory.h"

#ifndef TREADLE_REDIS_CLOCK_LIBRARY
#define TREADLE_REDIS_CLOCK_LIBRARY ""
#endif

#define CLOCK_LIBRARY_NAME "libtreadle_redis_clock.so"

enum { START_TIMEOUT_MS = 10000, CLOCK_FILE_BYTES = 4096, PATH_BYTES = 512 };

struct treadle_redis_server {
    treadle_redis_server *next; /* in `running` */
    pid_t owner;
    pid_t pid;
    bool reaped;
    treadle_redis_directory directory;
    char socket[PATH_BYTES];
    char clock[PATH_BYTES];
    char log[PATH_BYTES];
};

/* What a new process is made of; prepared before fork(), after which nothing is allocated. */
typedef struct launch {
    char binary[PATH_MAX];
    char preload[PATH_MAX + 16];
    char clock[PATH_BYTES + 32];
    char library_path[PATH_MAX];
    char home[PATH_BYTES];
    char *environment[10];
} launch;

static treadle_redis_server *running; /* of this process, for the exit handler */

static __attribute__((format(printf, 3, 4))) bool fail(char *error, size_t error_size,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, error_size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- finding the binary and the clock library ------------------------------------------------ */

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static bool find_on_path(const char *name, char *out, size_t size)
{
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        const size_t length = strcspn(path, ":");
        const int written = snprintf(out, size, "%.*s/%s", (int)length, path, name);
        if (length > 0 && written > 0 && (size_t)written < size && is_program(out)) {
            return true;
        }
        path += length + (path[length] == ':');
    }
    return false;
}

static bool find_binary(char *out, size_t size, char *error, size_t error_size)
{
    const char *chosen = getenv("TREADLE_REDIS_SERVER");
    if (chosen == NULL || *chosen == '\0') {
        return find_on_path("redis-server", out, size) ||
               fail(error, error_size,
                    "redis-server is not on PATH; install it: apt-get install redis-server");
    }
    if (strchr(chosen, '/') == NULL) {
        return find_on_path(chosen, out, size) ||
               fail(error, error_size, "TREADLE_REDIS_SERVER=%s is not on PATH", chosen);
    }
    snprintf(out, size, "%s", chosen);
    return is_program(out) ||
           fail(error, error_size, "TREADLE_REDIS_SERVER=%s is not an executable file", chosen);
}

static bool find_clock_library(char *out, size_t size, char *error, size_t error_size)
{
    const char *chosen = getenv("TREADLE_REDIS_CLOCK_LIBRARY");
    if (chosen != NULL && *chosen != '\0') {
        snprintf(out, size, "%s", chosen);
        return access(out, R_OK) == 0 ||
               fail(error, error_size, "TREADLE_REDIS_CLOCK_LIBRARY=%s: %s", chosen,
                    strerror(errno));
    }
    snprintf(out, size, "%s", TREADLE_REDIS_CLOCK_LIBRARY);
    if (access(out, R_OK) == 0) {
        return true;
    }
    char executable[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    executable[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(executable, '/');
    static const char *const beside[] = {".", "../lib/treadle"};
    for (size_t i = 0; slash != NULL && i < sizeof beside / sizeof beside[0]; i++) {
        *slash = '\0';
        const int written =
            snprintf(out, size, "%s/%s/%s", executable, beside[i], CLOCK_LIBRARY_NAME);
        if (written > 0 && (size_t)written < size && access(out, R_OK) == 0) {
            return true;
        }
    }
    return fail(error, error_size,
                "the clock library %s is neither at its build path nor beside the executable nor "
                "in ../lib/treadle; TREADLE_REDIS_CLOCK_LIBRARY may name it",
                CLOCK_LIBRARY_NAME);
}

/* ---- starting -------------------------------------------------------------------------------- */

static bool create_clock_file(const char *path, char *error, size_t error_size)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool ok = fd >= 0 && ftruncate(fd, CLOCK_FILE_BYTES) == 0;
    if (!ok) {
        fail(error, error_size, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool prepare(launch *out, const treadle_redis_server *server, char *error, size_t error_size)
{
    char library[PATH_MAX];
    if (!find_binary(out->binary, sizeof out->binary, error, error_size) ||
        !find_clock_library(library, sizeof library, error, error_size)) {
        return false;
    }
    snprintf(out->preload, sizeof out->preload, "LD_PRELOAD=%s", library);
    snprintf(out->clock, sizeof out->clock, "TREADLE_REDIS_CLOCK=%s", server->clock);
    snprintf(out->home, sizeof out->home, "HOME=%s", server->directory.path);
    static char path[] = "PATH=/usr/bin:/bin";
    size_t count = 0;
    out->environment[count++] = out->preload;
    out->environment[count++] = out->clock;
    out->environment[count++] = out->home;
    out->environment[count++] = path;
    const char *libraries = getenv("LD_LIBRARY_PATH");
    if (libraries != NULL) {
        snprintf(out->library_path, sizeof out->library_path, "LD_LIBRARY_PATH=%s", libraries);
        out->environment[count++] = out->library_path;
    }
    out->environment[count] = NULL;
    return true;
}

/* The child: nothing here may allocate or take a lock. */
static _Noreturn void run_server(const launch *with, const treadle_redis_server *server)
{
    /* clang-format off */
    const char *const arguments[] = {
        "redis-server",
        "--port", "0",
        "--unixsocket", server->socket,
        "--unixsocketperm", "700",
        "--dir", server->directory.path,
        "--logfile", server->log,
        "--daemonize", "no",
        "--save", "",
        "--appendonly", "no",
        "--enable-debug-command", "yes",
        /* Nothing of its own accord: */
        "--hz", "1",
        "--dynamic-hz", "no",
        "--activerehashing", "no",
        "--lazyfree-lazy-user-flush", "no",
        "--timeout", "0",
        "--tcp-keepalive", "0",
        /* Nothing that costs and that nobody reads: */
        "--slowlog-log-slower-than", "-1",
        "--latency-tracking", "no",
        "--set-proc-title", "no",
        "--crash-memcheck-enabled", "no",
        "--maxclients", "512",
        NULL,
    };
    /* clang-format on */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    /* Out of the terminal's process group: Ctrl-C ends the harness, which ends the server. */
    setpgid(0, 0);
    const int null = open("/dev/null", O_RDONLY);
    const int log = open(server->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) {
        _exit(126);
    }
    close_range(3, ~0u, 0);
    /* The parent may have died before prctl(). */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != server->owner) {
        _exit(126);
    }
    execve(with->binary, (char *const *)arguments, with->environment);
    _exit(127);
}

/* The last line of the log that says something, for an error message. */
static void last_log_line(const treadle_redis_server *server, char *out, size_t size)
{
    snprintf(out, size, "(no log)");
    FILE *log = fopen(server->log, "re");
    if (log == NULL) {
        return;
    }
    char line[256];
    while (fgets(line, sizeof line, log) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0') {
            snprintf(out, size, "%s", line);
        }
    }
    fclose(log);
}

static void sleep_ms(long ms)
{
    const struct timespec duration = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&duration, NULL);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* NULL unless it answers PING. */
static redisContext *reach(const treadle_redis_server *server)
{
    const struct timeval timeout = {.tv_sec = 5};
    redisContext *context = redisConnectUnixWithTimeout(server->socket, timeout);
    redisReply *reply = NULL;
    if (context != NULL && context->err == 0 && redisSetTimeout(context, timeout) == REDIS_OK) {
        reply = redisCommand(context, "PING");
    }
    const bool ok = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (!ok && context != NULL) {
        redisFree(context);
    }
    return ok ? context : NULL;
}

/* Nothing of its own accord: no key expires and no table shrinks because real time goes by. And
 * MIGRATE is refused where the seam sees it: a script may not talk to another server either. */
static bool set_up(redisContext *context, char *error, size_t error_size)
{
    static const char *const orders[] = {"DEBUG SET-ACTIVE-EXPIRE 0", "DEBUG PAUSE-CRON 1",
                                         "ACL SETUSER default -migrate"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof orders / sizeof orders[0]; i++) {
        redisReply *reply = redisCommand(context, orders[i]);
        ok = reply != NULL && reply->type == REDIS_REPLY_STATUS;
        if (!ok) {
            fail(error, error_size, "redis-server refused %s: %s", orders[i],
                 reply != NULL ? reply->str : context->errstr);
        }
        freeReplyObject(reply);
    }
    return ok;
}

static bool wait_until_up(treadle_redis_server *server, char *error, size_t error_size)
{
    const int64_t deadline = now_ms() + START_TIMEOUT_MS;
    char line[256];
    while (treadle_redis_server_alive(server)) {
        redisContext *context = access(server->socket, F_OK) == 0 ? reach(server) : NULL;
        if (context != NULL) {
            const bool ok = set_up(context, error, error_size);
            redisFree(context);
            return ok;
        }
        if (now_ms() > deadline) {
            last_log_line(server, line, sizeof line);
            return fail(error, error_size, "redis-server did not answer within %d s: %s",
                        START_TIMEOUT_MS / 1000, line);
        }
        sleep_ms(1);
    }
    last_log_line(server, line, sizeof line);
    return fail(error, error_size, "redis-server ended while starting: %s", line);
}

static void stop_all(void)
{
    while (running != NULL) {
        treadle_redis_server_stop(running);
    }
}

static bool launch_in(treadle_redis_server *server, char *error, size_t error_size)
{
    const char *directory = server->directory.path;
    snprintf(server->socket, sizeof server->socket, "%s/socket", directory);
    snprintf(server->clock, sizeof server->clock, "%s/clock", directory);
    snprintf(server->log, sizeof server->log, "%s/redis.log", directory);
    launch with;
    if (!prepare(&with, server, error, error_size) ||
        !create_clock_file(server->clock, error, error_size)) {
        return false;
    }
    server->pid = fork();
    if (server->pid == 0) {
        run_server(&with, server);
    }
    if (server->pid < 0) {
        return fail(error, error_size, "redis-server could not be started: %s", strerror(errno));
    }
    return wait_until_up(server, error, error_size);
}

treadle_redis_server *treadle_redis_server_start(char *error, size_t error_size)
{
    static bool registered;
    treadle_redis_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        fail(error, error_size, "out of memory");
        return NULL;
    }
    if (!treadle_redis_directory_create(&server->directory, error, error_size)) {
        free(server);
        return NULL;
    }
    server->owner = getpid();
    server->next = running;
    running = server;
    if (!registered) {
        registered = true;
        atexit(stop_all);
    }
    if (!launch_in(server, error, error_size)) {
        treadle_redis_server_stop(server);
        return NULL;
    }
    return server;
}

/* ---- its life -------------------------------------------------------------------------------- */

bool treadle_redis_server_alive(treadle_redis_server *server)
{
    if (server->reaped || server->pid <= 0) {
        return false;
    }
    if (server->owner == getpid()) {
        pid_t ended;
        do {
            ended = waitpid(server->pid, NULL, WNOHANG);
        } while (ended < 0 && errno == EINTR);
        if (ended == 0) {
            return true;
        }
        server->reaped = true; /* by us, or already by somebody else (ECHILD) */
        return false;
    }
    return kill(server->pid, 0) == 0;
}

static void unlink_running(const treadle_redis_server *server)
{
    for (treadle_redis_server **at = &running; *at != NULL; at = &(*at)->next) {
        if (*at == server) {
            *at = server->next;
            return;
        }
    }
}

void treadle_redis_server_stop(treadle_redis_server *server)
{
    if (server == NULL) {
        return;
    }
    unlink_running(server);
    if (server->owner == getpid()) {
        if (treadle_redis_server_alive(server)) {
            kill(server->pid, SIGKILL);
            while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR) {
            }
        }
        treadle_redis_directory_remove(&server->directory);
    } else {
        treadle_redis_directory_forget(&server->directory);
    }
    free(server);
}

const char *treadle_redis_server_socket(const treadle_redis_server *server)
{
    return server->socket;
}

const char *treadle_redis_server_clock(const treadle_redis_server *server)
{
    return server->clock;
}

pid_t treadle_redis_server_pid(const treadle_redis_server *server)
{
    return server->pid;
}
