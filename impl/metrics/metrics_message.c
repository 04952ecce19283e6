// SPDX-License-Identifier: MIT
#include "metrics_message.h"

#include <stdlib.h>
#include <string.h>

struct metrics_message *metrics_message_new(const char *provider, const char *agent,
                                            double latency_s)
{
    const size_t provider_size = strlen(provider) + 1;
    const size_t agent_size = strlen(agent) + 1;
    struct metrics_message *message = malloc(sizeof *message + provider_size + agent_size);
    if (message == NULL) {
        return NULL;
    }
    message->next = NULL;
    message->latency_s = latency_s;
    memcpy(message->provider, provider, provider_size);
    memcpy(message->provider + provider_size, agent, agent_size);
    message->agent = message->provider + provider_size;
    return message;
}
