// SPDX-License-Identifier: MIT
/* What is tried of the visits. Each thread is a client with a connection of its own, to a server
 * that Treadle starts. */
#include <stdlib.h>
#include <string.h>
#include <treadle.h>

#include "visits.h"

typedef struct trial {
    int (*count)(redisContext *, const char *);
    const char *key;
    int64_t clients;
} trial;

static void *setup(const treadle_run *run)
{
    trial *self = calloc(1, sizeof *self);
    self->count = strcmp(run->variant, "naive") == 0 ? visits_count_in_two_steps : visits_count;
    self->key = treadle_redis_provider("visits"); /* under a prefix, where the server is yours */
    self->clients = treadle_run_parameter(run, "threads");
    return self;
}

static void visit(void *context, uint32_t index)
{
    trial *self = context;
    redisContext *connection = treadle_redis_connection(index);
    if (self->count(connection, self->key) != 0) {
        treadle_violation("refused", "client %u: %s", index + 1, connection->errstr);
    }
}

static void check(void *context)
{
    trial *self = context;
    redisReply *reply = treadle_redis_inspect("GET %s", self->key);
    const long counted = reply->type == REDIS_REPLY_STRING ? strtol(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    if (counted != self->clients) {
        treadle_violation("lost-visit", "%d came, and %ld were counted", (int)self->clients,
                          counted);
    }
}

static const treadle_parameter parameters[] = {
    {"threads", 2, 2, 8, "clients that come once each"},
    {0},
};

static const treadle_expectation expectations[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "lost-visit", "both read before either writes"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one command"),
    {0},
};

static const treadle_scenario counted = {
    .name = "visits/counted",
    .summary = "clients come at the same time; all are counted",
    .parameters = parameters,
    .expectations = expectations,
    .thread_prefix = "client",
    .setup = setup,
    .thread = visit,
    .check = check,
};
TREADLE_SCENARIO(counted);
