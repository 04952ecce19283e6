// SPDX-License-Identifier: MIT
/* Commands and executions a second through the seam, to be compared by hand with
 * `redis-benchmark -c 1 -s SOCKET`. Not a test. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tools/redis/redis_seam.h"
#include "tools/redis/tests/engine_stub.h"

static int rounds;
static const char *command;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void commands(void)
{
    redisContext *context = treadle_redis_connection(0);
    for (int i = 0; i < rounds; i++) {
        freeReplyObject(redisCommand(context, command));
    }
}

static void measure(const char *name, int executions, int commands_each)
{
    command = name;
    rounds = commands_each;
    const double start = now_s();
    for (int i = 0; i < executions; i++) {
        if (stub_execute(commands) != TREADLE_OUTCOME_PASSED) {
            fprintf(stderr, "%s\n", stub.outcome.message);
            exit(1);
        }
    }
    const double elapsed = now_s() - start;
    printf("%-28s %6d x %6d: %9.0f commands/s\n", name, executions, commands_each,
           (double)executions * commands_each / elapsed);
}

int main(void)
{
    char error[256];
    treadle_redis_server *server = treadle_redis_server_start(error, sizeof error);
    const treadle_redis_target target = {
        .socket_path = server ? treadle_redis_server_socket(server) : "",
        .own = true,
        .clock_path = server ? treadle_redis_server_clock(server) : NULL};
    if (server == NULL || treadle_redis_attach(&target, error, sizeof error) != 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    printf("%s\n", target.socket_path);
    measure("PING", 1, 100000);
    measure("ZCOUNT window:openai 1 +inf", 1, 100000);
    measure("ZADD window:openai 1 a", 10000, 1);
    measure("ZADD window:openai 1 a", 10000, 8);
    measure("EVAL return\t1 0", 5000, 1);
    fflush(stdout);
    if (getenv("THROUGHPUT_COMPARE") != NULL) {
        char line[512];
        snprintf(line, sizeof line,
                 "redis-benchmark -s %s -c 1 -n 100000 --csv -t ping_mbulk; redis-benchmark -s %s "
                 "-c 1 -n 100000 --csv ZCOUNT window:openai 1 +inf",
                 target.socket_path, target.socket_path);
        if (system(line) != 0) {
            return 1;
        }
    }
    treadle_redis_detach();
    treadle_redis_server_stop(server);
    return 0;
}
