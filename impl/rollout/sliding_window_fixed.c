// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: whoever falls back first looks whether he has been charged.
 *
 * Policies:
 *  - A request has one id, the caller's or one made here (request_id.h), whichever arm it asks.
 *  - After an error of the replacement, the original's connection is asked for the id's place in
 *    the window. If it is there, the request was charged and only the reply was lost: admitted.
 *    If not, the original is asked, with the same id: should the lost attempt still be on its way
 *    to the server, the two are one member of the set, hence one slot.
 *  - When that question fails, too, the answer is RATE_ERROR, as from any variant.
 *  - What cannot be had: an attempt that reaches the server only after the original has refused
 *    uses a slot that nobody was given. It expires with its window.
 *  - An error of the original is the caller's: there is nothing to fall back to.
 */

#include "../request_id.h"
#include "sliding_window_arms.h"

#include <stdio.h>

static struct sliding_window_switch *fixed_open(const struct sliding_window_switch_options *options,
                                                const struct rate_limits *limits, char *error,
                                                size_t error_size)
{
    const redisContext *original = options->redis[ROLLOUT_ORIGINAL];

    if (original == NULL || original == options->redis[ROLLOUT_REPLACEMENT]) {
        snprintf(error, error_size, "each arm needs a connection of its own");
        return NULL;
    }
    return sliding_window_arms_open(options, limits, error, error_size);
}

/* Whether the request is in the window. False, with the error recorded, when that is not known. */
static bool find_charge(struct sliding_window_switch *window, const char *provider,
                        const char *request_id, bool *charged)
{
    redisContext *redis = window->options.redis[ROLLOUT_ORIGINAL];
    redisReply *reply = redisCommand(redis, "ZSCORE window:%s %s", provider, request_id);
    bool known =
        reply != NULL && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL);

    if (known) {
        *charged = reply->type == REDIS_REPLY_STRING;
    } else {
        snprintf(window->error, sizeof window->error, "falling back: %s",
                 reply == NULL                      ? redis->errstr
                 : reply->type == REDIS_REPLY_ERROR ? reply->str
                                                    : "unexpected reply");
    }
    freeReplyObject(reply);
    return known;
}

static enum rate_decision fall_back(struct sliding_window_switch *window, const char *provider,
                                    const char *request_id)
{
    bool charged;

    if (!find_charge(window, provider, request_id, &charged)) {
        return RATE_ERROR;
    }
    if (charged) {
        return RATE_ADMITTED;
    }
    return sliding_window_arms_acquire(window, ROLLOUT_ORIGINAL, provider, request_id);
}

static enum rate_decision fixed_acquire(struct sliding_window_switch *window, const char *provider,
                                        const char *request_id)
{
    struct rollout_decision decision = sliding_window_arms_decide(window, provider);
    char made[REQUEST_ID_SIZE];

    if (request_id == NULL || request_id[0] == '\0') {
        request_id_generate(made);
        request_id = made;
    }
    enum rate_decision answer =
        sliding_window_arms_acquire(window, decision.arm, provider, request_id);
    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        sliding_window_arms_note_fall_back(window, &decision);
        answer = fall_back(window, provider, request_id);
    }
    return answer;
}

const struct sliding_window_switch_variant sliding_window_switch_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = sliding_window_arms_close,
    .acquire = fixed_acquire,
    .check = sliding_window_arms_check,
    .count = sliding_window_arms_count,
    .last_error = sliding_window_arms_last_error,
};
