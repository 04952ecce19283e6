// SPDX-License-Identifier: MIT
/*
 * The functions of hiredis that this executable defines in the library's place. Off a fiber, and
 * for the seam's own calls, they are the library's.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/redis/redis_internal.h"

enum { FRAMES_MAX = 24 };

static struct {
    int (*buffer_write)(redisContext *, int *);
    int (*buffer_read)(redisContext *);
    int (*append)(redisContext *, const char *, size_t);
    int (*reply_from_reader)(redisContext *, void **);
    void (*free_context)(redisContext *);
    int (*reconnect)(redisContext *);
    redisContext *(*connect_tcp)(const char *, int);
    redisContext *(*connect_tcp_timeout)(const char *, int, const struct timeval);
    redisContext *(*connect_unix)(const char *);
    redisContext *(*connect_unix_timeout)(const char *, const struct timeval);
    const void *base; /* where libhiredis lies */
} library;

static void find(const char *name, void *function, size_t size)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    assert(symbol != NULL && "hiredis must be linked as a shared library");
    memcpy(function, &symbol, size);
}

#define FIND(name, member) find(name, &library.member, sizeof library.member)

void treadle_redis_doors_open(void)
{
    if (library.base != NULL) {
        return;
    }
    /* With hidden visibility it would go on to call its own. */
    assert(dlsym(RTLD_DEFAULT, "redisBufferWrite") == (void *)(uintptr_t)redisBufferWrite &&
           "libhiredis must find our functions before its own");
    FIND("redisBufferWrite", buffer_write);
    FIND("redisBufferRead", buffer_read);
    FIND("__redisAppendCommand", append);
    FIND("redisGetReplyFromReader", reply_from_reader);
    FIND("redisFree", free_context);
    FIND("redisReconnect", reconnect);
    FIND("redisConnect", connect_tcp);
    FIND("redisConnectWithTimeout", connect_tcp_timeout);
    FIND("redisConnectUnix", connect_unix);
    FIND("redisConnectUnixWithTimeout", connect_unix_timeout);
    void *symbol;
    memcpy(&symbol, &library.buffer_write, sizeof symbol);
    Dl_info info;
    library.base = dladdr(symbol, &info) != 0 ? info.dli_fbase : symbol;
    void *frame;
    backtrace(&frame, 1); /* the first call loads the unwinder */
}

/* Whether this call is the subject's. */
static bool from_subject(void)
{
    treadle_redis_doors_open();
    return treadle_inside() && !treadle_redis.bypass;
}

/* ---- where a call came from ------------------------------------------------------------------ */

static bool in_hiredis(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) != 0 && info.dli_fbase == library.base;
}

const void *treadle_redis_call_site(const void *return_address)
{
    if (!in_hiredis(return_address)) {
        return return_address;
    }
    void *frames[FRAMES_MAX];
    const int count = backtrace(frames, FRAMES_MAX);
    bool seen = false;
    for (int i = 0; i < count; i++) {
        const bool inside = in_hiredis(frames[i]);
        if (seen && !inside) {
            return frames[i];
        }
        seen |= inside;
    }
    return NULL;
}

/* ---- reading and writing --------------------------------------------------------------------- */

void treadle_redis_context_fail(redisContext *context, int kind, const char *text)
{
    context->err = kind;
    snprintf(context->errstr, sizeof context->errstr, "%s", text);
}

/* The seam's own writes: to a server that has gone the library's raises SIGPIPE. */
static int write_quietly(redisContext *c, int *done)
{
    size_t sent = 0;
    while (c->err == 0 && sent < sdslen(c->obuf)) {
        const ssize_t part = send(c->fd, c->obuf + sent, sdslen(c->obuf) - sent, MSG_NOSIGNAL);
        if (part >= 0) {
            sent += (size_t)part;
        } else if (errno != EINTR) {
            treadle_redis_context_fail(c, REDIS_ERR_IO, strerror(errno));
        }
    }
    sdssetlen(c->obuf, 0);
    c->obuf[0] = '\0';
    if (done != NULL) {
        *done = 1;
    }
    return c->err ? REDIS_ERR : REDIS_OK;
}

int redisBufferWrite(redisContext *c, int *done)
{
    if (treadle_redis.bypass) {
        return write_quietly(c, done);
    }
    if (!from_subject()) {
        return treadle_redis_plan_outside(c) ? library.buffer_write(c, done) : REDIS_ERR;
    }
    if (c->err) {
        return REDIS_ERR;
    }
    if (sdslen(c->obuf) > 0) {
        const void *site = NULL;
        if (treadle_recording()) {
            site = treadle_redis_call_site(__builtin_return_address(0));
        }
        if (treadle_redis_flush(c, site) != REDIS_OK) {
            return REDIS_ERR;
        }
    }
    if (done != NULL) {
        *done = 1;
    }
    return REDIS_OK;
}

int redisBufferRead(redisContext *c)
{
    if (!from_subject()) {
        return library.buffer_read(c);
    }
    if (c->err) {
        return REDIS_ERR;
    }
    treadle_redis_link *connection = treadle_redis_link_of(c);
    treadle_redis_touch_connection(connection->place);
    const treadle_resp_span unread = treadle_redis_wire_unread(&connection->wire);
    if (unread.length > 0) {
        const int status = redisReaderFeed(c->reader, unread.data, unread.length);
        treadle_redis_wire_clear(&connection->wire);
        if (status != REDIS_OK) {
            treadle_redis_context_fail(c, c->reader->err, c->reader->errstr);
        }
        return status;
    }
    if (connection->closed) {
        treadle_redis_context_fail(c, REDIS_ERR_EOF, "Server closed the connection");
        return REDIS_ERR;
    }
    treadle_violation("hang",
                      "a thread waits for a reply on Redis connection %llu for ever: every command "
                      "sent on it has been answered, and the answers were read",
                      (unsigned long long)connection->number);
}

/* Two threads that share a context share its buffers, whether or not they get as far as the doors:
 * what is appended by one is sent by the other. */
static void touch_buffers(redisContext *c)
{
    if (from_subject()) {
        treadle_redis_touch_connection(treadle_redis_link_of(c)->place);
    }
}

/* Every command passes here on its way into the output buffer, */
int __redisAppendCommand(redisContext *c, const char *command, size_t length);
int __redisAppendCommand(redisContext *c, const char *command, size_t length)
{
    treadle_redis_doors_open();
    touch_buffers(c);
    if (!treadle_redis.bypass && !treadle_inside() &&
        !treadle_redis_plan_allows_outside(c, (treadle_resp_span){command, length})) {
        return REDIS_ERR;
    }
    return library.append(c, command, length);
}

/* and every reply here on its way out of the reader. */
int redisGetReplyFromReader(redisContext *c, void **reply)
{
    treadle_redis_doors_open();
    touch_buffers(c);
    return library.reply_from_reader(c, reply);
}

/* ---- contexts come and go -------------------------------------------------------------------- */

void redisFree(redisContext *c)
{
    if (c != NULL && from_subject()) {
        treadle_redis_link *connection = treadle_redis_link_known(c);
        if (connection != NULL && connection->ours) {
            treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-seam",
                         "the subject freed Redis connection %llu, which belongs to the harness",
                         (unsigned long long)connection->number);
        }
        if (connection != NULL) {
            treadle_redis_touch_connection(connection->place);
            treadle_redis_hang_up(c);
            treadle_redis_stranger_freed(connection);
        }
        treadle_redis_touch_server();
    }
    treadle_redis_doors_open();
    if (c != NULL && !treadle_redis.bypass && !treadle_inside()) {
        treadle_redis_link *kept = treadle_redis_link_known(c);
        if (kept != NULL) {
            treadle_redis_link_drop(kept);
            return;
        }
    }
    library.free_context(c);
}

static int reconnect_inside(redisContext *c)
{
    treadle_redis_link *connection = treadle_redis_link_of(c);
    treadle_redis_touch_connection(connection->place);
    treadle_redis_touch_server();
    treadle_redis_wire_clear(&connection->wire);
    connection->closed = connection->session = false;
    connection->queued = (treadle_redis_transaction){0};
    char error[200];
    treadle_redis_hang_up(c);
    treadle_redis.bypass = true;
    int status = library.reconnect(c);
    bool alive = true;
    if (status != REDIS_OK) {
        alive = treadle_redis_server_answers(error, sizeof error);
    } else if (connection->ours && !treadle_redis_greet(c, error, sizeof error)) {
        alive = false;
    }
    treadle_redis.bypass = false;
    if (!alive) {
        treadle_stop(TREADLE_OUTCOME_ENVIRONMENT, "redis-server", "%s", error);
    }
    return status;
}

int redisReconnect(redisContext *c)
{
    if (from_subject()) {
        return reconnect_inside(c);
    }
    treadle_redis_link *kept = treadle_redis.bypass ? NULL : treadle_redis_link_known(c);
    if (kept != NULL) {
        kept->session = true; /* nobody greets it */
    }
    return library.reconnect(c);
}

static redisContext *born(redisContext *context)
{
    if (context != NULL && from_subject()) {
        treadle_redis_touch_server();
        treadle_redis_stranger_born(context);
    }
    return context;
}

redisContext *redisConnect(const char *ip, int port)
{
    treadle_redis_doors_open();
    return born(library.connect_tcp(ip, port));
}

redisContext *redisConnectWithTimeout(const char *ip, int port, const struct timeval tv)
{
    treadle_redis_doors_open();
    return born(library.connect_tcp_timeout(ip, port, tv));
}

redisContext *redisConnectUnix(const char *path)
{
    treadle_redis_doors_open();
    return born(library.connect_unix(path));
}

redisContext *redisConnectUnixWithTimeout(const char *path, const struct timeval tv)
{
    treadle_redis_doors_open();
    return born(library.connect_unix_timeout(path, tv));
}
