// SPDX-License-Identifier: MIT
#ifndef METRICS_MESSAGE_H
#define METRICS_MESSAGE_H

/* A recorded request on its way to the store, for the variants that send one message a request. */

#include <stddef.h>

struct metrics_message {
    struct metrics_message *next;
    double latency_s;
    const char *agent;
    char provider[]; /* the agent's name follows */
};

/* NULL when memory is out; to be freed with free(). */
struct metrics_message *metrics_message_new(const char *provider, const char *agent,
                                            double latency_s);

#endif
