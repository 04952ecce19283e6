// SPDX-License-Identifier: MIT
/*
 * One exchange with a server over a connected socket: send some commands, wait for all their
 * replies, keep the replies until somebody reads them. Blocking, with a limit on the wait.
 *
 * A wire owns its buffer; zeros are an empty wire. Internal to tools/redis.
 */
#ifndef TREADLE_REDIS_WIRE_H
#define TREADLE_REDIS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "tools/redis/redis_resp.h"

typedef enum treadle_redis_wire_status {
    TREADLE_REDIS_WIRE_OK,
    TREADLE_REDIS_WIRE_CLOSED, /* the server closed the connection; what came before is kept */
    TREADLE_REDIS_WIRE_CLOSED_EARLY, /* likewise, before it had answered the prefix */
    TREADLE_REDIS_WIRE_SILENT,       /* no answer within the limit */
    TREADLE_REDIS_WIRE_GARBLED,      /* not RESP2; kept as it came */
    TREADLE_REDIS_WIRE_MEMORY,
} treadle_redis_wire_status;

typedef struct treadle_redis_wire {
    char *data;
    size_t capacity;
    size_t begin; /* bytes in [begin, end) have been received and not been read */
    size_t end;
} treadle_redis_wire;

/* Sends `prefix` and then `payload`, and receives replies until there are `prefix_replies`, which
 * are dropped unless one is an error, and `replies` more, which are appended to what is unread.
 * With an error among the prefix's replies, the status is GARBLED and the error is all that is
 * unread. */
treadle_redis_wire_status treadle_redis_wire_exchange(treadle_redis_wire *wire, int fd,
                                                      treadle_resp_span prefix,
                                                      uint64_t prefix_replies,
                                                      treadle_resp_span payload, uint64_t replies);

static inline treadle_resp_span treadle_redis_wire_unread(const treadle_redis_wire *wire)
{
    /* Before the first reply there is no buffer, and C adds nothing to a null pointer, not even 0.
     */
    const char *first = wire->data != NULL ? wire->data + wire->begin : NULL;
    return (treadle_resp_span){first, wire->end - wire->begin};
}

static inline void treadle_redis_wire_clear(treadle_redis_wire *wire)
{
    wire->begin = wire->end = 0;
}

void treadle_redis_wire_free(treadle_redis_wire *wire);

/* Ends a connection, but for the descriptor, and returns when the server has ended it too: from
 * then on it is not among the server's clients. Waits no longer than the limit. */
void treadle_redis_wire_hang_up(int fd);

/* How long a server may take; 10,000 ms unless a test says otherwise. */
extern int64_t treadle_redis_wire_timeout_ms;

#endif
