// SPDX-License-Identifier: MIT
#include "tools/redis/redis_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

enum { CAPACITY_MIN = 16384 };

int64_t treadle_redis_wire_timeout_ms = 10000;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the socket is ready; *deadline 0 is set on the first wait. false when it passed. */
static bool wait_for(int fd, short events, int64_t *deadline)
{
    const int64_t now = now_ms();
    if (*deadline == 0) {
        *deadline = now + treadle_redis_wire_timeout_ms;
    }
    if (now >= *deadline) {
        return false;
    }
    struct pollfd pollee = {.fd = fd, .events = events};
    poll(&pollee, 1, (int)(*deadline - now));
    return true;
}

static treadle_redis_wire_status send_all(int fd, treadle_resp_span prefix,
                                          treadle_resp_span payload)
{
    struct iovec parts[2] = {
        {.iov_base = (void *)(uintptr_t)prefix.data, .iov_len = prefix.length},
        {.iov_base = (void *)(uintptr_t)payload.data, .iov_len = payload.length},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int64_t deadline = 0;
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) {
            if (!wait_for(fd, POLLOUT, &deadline)) {
                return TREADLE_REDIS_WIRE_SILENT;
            }
        } else if (sent < 0 && errno != EINTR) {
            return TREADLE_REDIS_WIRE_CLOSED;
        }
        for (size_t i = 0, left = sent > 0 ? (size_t)sent : 0; i < 2; i++) {
            const size_t part = left < parts[i].iov_len ? left : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + part;
            parts[i].iov_len -= part;
            left -= part;
        }
    }
    return TREADLE_REDIS_WIRE_OK;
}

static bool make_room(treadle_redis_wire *wire)
{
    if (wire->capacity - wire->end >= CAPACITY_MIN / 4) {
        return true;
    }
    const size_t capacity = wire->capacity ? wire->capacity * 2 : CAPACITY_MIN;
    char *data = realloc(wire->data, capacity);
    if (data == NULL) {
        return false;
    }
    wire->data = data;
    wire->capacity = capacity;
    return true;
}

static treadle_redis_wire_status receive_some(treadle_redis_wire *wire, int fd)
{
    if (!make_room(wire)) {
        return TREADLE_REDIS_WIRE_MEMORY;
    }
    int64_t deadline = 0;
    for (;;) {
        const ssize_t got =
            recv(fd, wire->data + wire->end, wire->capacity - wire->end, MSG_DONTWAIT);
        if (got > 0) {
            wire->end += (size_t)got;
            return TREADLE_REDIS_WIRE_OK;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return TREADLE_REDIS_WIRE_CLOSED;
        }
        if (!wait_for(fd, POLLIN, &deadline)) {
            return TREADLE_REDIS_WIRE_SILENT;
        }
    }
}

/* Receives until the walk has passed `count` more values. With `error`, stops behind the first
 * value that is an error and says where it begins. */
static treadle_redis_wire_status receive_values(treadle_redis_wire *wire, int fd,
                                                treadle_resp_walk *walk, uint64_t count,
                                                size_t *error)
{
    size_t start = walk->position;
    while (count > 0) {
        const treadle_resp_status status = treadle_resp_walk_value(walk, wire->data, wire->end);
        if (status == TREADLE_RESP_BAD) {
            return TREADLE_REDIS_WIRE_GARBLED;
        }
        if (status == TREADLE_RESP_OK) {
            if (error != NULL && wire->data[start] == '-') {
                *error = start;
                return TREADLE_REDIS_WIRE_GARBLED;
            }
            start = walk->position;
            count--;
            continue;
        }
        const treadle_redis_wire_status received = receive_some(wire, fd);
        if (received != TREADLE_REDIS_WIRE_OK) {
            return received;
        }
    }
    return TREADLE_REDIS_WIRE_OK;
}

treadle_redis_wire_status treadle_redis_wire_exchange(treadle_redis_wire *wire, int fd,
                                                      treadle_resp_span prefix,
                                                      uint64_t prefix_replies,
                                                      treadle_resp_span payload, uint64_t replies)
{
    if (wire->begin == wire->end) {
        treadle_redis_wire_clear(wire);
    }
    treadle_redis_wire_status status = send_all(fd, prefix, payload);
    if (status != TREADLE_REDIS_WIRE_OK) {
        return status == TREADLE_REDIS_WIRE_CLOSED && prefix_replies > 0
                   ? TREADLE_REDIS_WIRE_CLOSED_EARLY
                   : status;
    }
    treadle_resp_walk walk = {.position = wire->end};
    if (prefix_replies > 0) {
        const size_t unread = wire->begin;
        const size_t kept = wire->end;
        size_t error = SIZE_MAX;
        status = receive_values(wire, fd, &walk, prefix_replies, &error);
        if (status == TREADLE_REDIS_WIRE_CLOSED) {
            wire->end = kept;
            return TREADLE_REDIS_WIRE_CLOSED_EARLY;
        }
        if (status != TREADLE_REDIS_WIRE_OK) {
            wire->begin = error == SIZE_MAX ? unread : error;
            return status;
        }
        memmove(wire->data + kept, wire->data + walk.position, wire->end - walk.position);
        wire->end -= walk.position - kept;
        walk.position = kept;
    }
    return receive_values(wire, fd, &walk, replies, NULL);
}

void treadle_redis_wire_hang_up(int fd)
{
    char dropped[1024];
    int64_t deadline = 0;
    shutdown(fd, SHUT_WR);
    for (;;) {
        const ssize_t got = recv(fd, dropped, sizeof dropped, MSG_DONTWAIT);
        const bool wait = got < 0 && (errno == EAGAIN || errno == EINTR);
        if (wait ? !wait_for(fd, POLLIN, &deadline) : got <= 0) {
            return;
        }
    }
}

void treadle_redis_wire_free(treadle_redis_wire *wire)
{
    free(wire->data);
    *wire = (treadle_redis_wire){0};
}
