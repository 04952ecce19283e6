// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/redis/redis_wire.h"

/* A peer that sends `data` in pieces of `piece` bytes with pauses, and then closes. */
static pid_t peer(int fds[2], const char *data, size_t length, size_t piece)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        for (size_t at = 0; at < length; at += piece) {
            const size_t part = length - at < piece ? length - at : piece;
            if (write(fds[1], data + at, part) != (ssize_t)part) {
                _exit(1);
            }
            const struct timespec pause = {.tv_nsec = 200000};
            nanosleep(&pause, NULL);
        }
        _exit(0);
    }
    close(fds[1]);
    return pid;
}

static treadle_redis_wire_status exchange(treadle_redis_wire *wire, const char *data, size_t length,
                                          size_t piece, uint64_t prefix_replies, uint64_t replies)
{
    int fds[2];
    const pid_t pid = peer(fds, data, length, piece);
    const treadle_resp_span nothing = {"", 0};
    const treadle_redis_wire_status status =
        treadle_redis_wire_exchange(wire, fds[0], nothing, prefix_replies, nothing, replies);
    close(fds[0]);
    waitpid(pid, NULL, 0);
    return status;
}

static void assert_unread(const treadle_redis_wire *wire, const char *expected)
{
    const treadle_resp_span unread = treadle_redis_wire_unread(wire);
    cr_assert(unread.length == strlen(expected) &&
                  memcmp(unread.data, expected, unread.length) == 0,
              "unread: %.*s", (int)unread.length, unread.data);
}

Test(wire, drops_the_prefix_s_replies_however_reads_split)
{
    static const char data[] = "+OK\r\n+OK\r\n*2\r\n:1\r\n$1\r\nx\r\n:7\r\n";
    for (size_t piece = 1; piece <= sizeof data; piece++) {
        treadle_redis_wire wire = {0};
        cr_assert_eq(exchange(&wire, data, sizeof data - 1, piece, 2, 2), TREADLE_REDIS_WIRE_OK);
        assert_unread(&wire, "*2\r\n:1\r\n$1\r\nx\r\n:7\r\n");
        treadle_redis_wire_free(&wire);
    }
}

Test(wire, appends_to_what_is_unread)
{
    treadle_redis_wire wire = {0};
    cr_assert_eq(exchange(&wire, ":1\r\n", 4, 4, 0, 1), TREADLE_REDIS_WIRE_OK);
    cr_assert_eq(exchange(&wire, "+OK\r\n:2\r\n", 9, 3, 1, 1), TREADLE_REDIS_WIRE_OK);
    assert_unread(&wire, ":1\r\n:2\r\n");
    treadle_redis_wire_free(&wire);
}

Test(wire, an_error_in_the_prefix_s_replies_shows)
{
    treadle_redis_wire wire = {0};
    cr_assert_eq(exchange(&wire, "+OK\r\n-NOAUTH\r\n", 14, 14, 2, 1), TREADLE_REDIS_WIRE_GARBLED);
    assert_unread(&wire, "-NOAUTH\r\n");
    treadle_redis_wire_free(&wire);
}

Test(wire, keeps_what_came_before_the_end)
{
    treadle_redis_wire wire = {0};
    cr_assert_eq(exchange(&wire, ":1\r\n:", 5, 2, 0, 2), TREADLE_REDIS_WIRE_CLOSED);
    assert_unread(&wire, ":1\r\n:");
    treadle_redis_wire_free(&wire);
}

Test(wire, keeps_nothing_of_a_prefix_that_was_not_answered)
{
    treadle_redis_wire wire = {0};
    cr_assert_eq(exchange(&wire, ":1\r\n", 4, 4, 0, 1), TREADLE_REDIS_WIRE_OK);
    cr_assert_eq(exchange(&wire, "+OK\r\n", 5, 5, 2, 1), TREADLE_REDIS_WIRE_CLOSED_EARLY);
    assert_unread(&wire, ":1\r\n");
    cr_assert_eq(exchange(&wire, "+OK\r\n:2\r\n", 9, 9, 1, 2), TREADLE_REDIS_WIRE_CLOSED);
    assert_unread(&wire, ":1\r\n:2\r\n");
    treadle_redis_wire_free(&wire);
}

Test(wire, a_large_reply_grows_the_buffer)
{
    enum { SIZE = 300000 };
    char *data = malloc(SIZE + 32);
    const int head = snprintf(data, 32, "$%d\r\n", SIZE);
    memset(data + head, 'x', SIZE);
    data[head + SIZE] = '\r';
    data[head + SIZE + 1] = '\n';
    treadle_redis_wire wire = {0};
    cr_assert_eq(exchange(&wire, data, (size_t)head + SIZE + 2, 40000, 0, 1),
                 TREADLE_REDIS_WIRE_OK);
    cr_assert_eq(treadle_redis_wire_unread(&wire).length, (size_t)head + SIZE + 2);
    treadle_redis_wire_free(&wire);
    free(data);
}

Test(wire, silence_ends_after_the_limit, .timeout = 10)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    treadle_redis_wire_timeout_ms = 50;
    treadle_redis_wire wire = {0};
    const treadle_resp_span ping = {"*1\r\n$4\r\nPING\r\n", 14};
    cr_assert_eq(treadle_redis_wire_exchange(&wire, fds[0], (treadle_resp_span){"", 0}, 0, ping, 1),
                 TREADLE_REDIS_WIRE_SILENT);
    treadle_redis_wire_free(&wire);
}

Test(wire, a_peer_that_went_away_raises_no_signal)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    treadle_redis_wire wire = {0};
    const treadle_resp_span ping = {"*1\r\n$4\r\nPING\r\n", 14};
    cr_assert_eq(treadle_redis_wire_exchange(&wire, fds[0], (treadle_resp_span){"", 0}, 0, ping, 1),
                 TREADLE_REDIS_WIRE_CLOSED);
    treadle_redis_wire_free(&wire);
}
