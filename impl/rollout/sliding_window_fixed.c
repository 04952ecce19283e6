// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: whoever falls back first looks whether he has been charged.
 *
 * Policies:
 *  - A request has one id, the caller's or one made here (request_id.h), whichever arm it asks.
 *  - After an error of the replacement, the original's connection is asked for the id's place in
 *    the window, and for the server's time. If it is there and has not expired (an entry that has
 *    may lie there until somebody is admitted), the request was charged and only the reply was
 *    lost: admitted.
 *    If not, the original is asked, with the same id: should the lost attempt still be on its way
 *    to the server, the two are one member of the set, hence one slot.
 *  - When that question fails, too, the answer is RATE_ERROR, as from any variant.
 *  - What cannot be had: an attempt that reaches the server only after the original has refused
 *    uses a slot that nobody was given. It expires with its window.
 *  - An error of the original is the caller's: there is nothing to fall back to.
 *  - Nonsense configuration is refused, whatever the arms say to it.
 */

#include "../request_id.h"
#include "sliding_window_arms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SCORE_MAX 9e9 /* in the year 2255; a double holds its microseconds exactly */

static struct sliding_window_switch *fixed_open(const struct sliding_window_switch_options *options,
                                                const struct rate_limits *limits, char *error,
                                                size_t error_size)
{
    const redisContext *original = options->redis[ROLLOUT_ORIGINAL];

    if (original == NULL || original == options->redis[ROLLOUT_REPLACEMENT]) {
        snprintf(error, error_size, "each arm needs a connection of its own");
        return NULL;
    }
    if (!rate_limits_validate(limits, error, error_size)) {
        return NULL;
    }
    return sliding_window_arms_open(options, limits, error, error_size);
}

/* Sends ZSCORE, then TIME, in one round trip: who is in the window by that time was in it all
 * along. Reads both replies, also after an error, or the next command would be answered with
 * TIME's. False when the connection failed. What was read is the caller's. */
static bool ask_for_place(redisContext *redis, const char *provider, const char *request_id,
                          redisReply **place, redisReply **time)
{
    return redisAppendCommand(redis, "ZSCORE window:%s %s", provider, request_id) == REDIS_OK &&
           redisAppendCommand(redis, "TIME") == REDIS_OK &&
           redisGetReply(redis, (void **)place) == REDIS_OK &&
           redisGetReply(redis, (void **)time) == REDIS_OK;
}

static bool is_time(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
           reply->element[0]->type == REDIS_REPLY_STRING &&
           reply->element[1]->type == REDIS_REPLY_STRING;
}

static bool in_window(const struct rate_limits *limits, const char *score, const redisReply *time)
{
    const long long now_us = strtoll(time->element[0]->str, NULL, 10) * 1000000 +
                             strtoll(time->element[1]->str, NULL, 10);
    const long long charged_us = llround(fmin(strtod(score, NULL), SCORE_MAX) * 1e6);
    return charged_us > now_us - rate_limits_window_us(limits);
}

/* Whether the request is in the window. False, with the error recorded, when that is not known. */
static bool find_charge(struct sliding_window_switch *window, const char *provider,
                        const char *request_id, bool *charged)
{
    redisContext *redis = window->options.redis[ROLLOUT_ORIGINAL];
    redisReply *place = NULL;
    redisReply *time = NULL;
    const bool answered = ask_for_place(redis, provider, request_id, &place, &time);
    const bool known = answered && is_time(time) &&
                       (place->type == REDIS_REPLY_STRING || place->type == REDIS_REPLY_NIL);

    if (known) {
        *charged =
            place->type == REDIS_REPLY_STRING && in_window(&window->limits, place->str, time);
    } else {
        snprintf(window->error, sizeof window->error, "falling back: %s",
                 !answered                          ? redis->errstr
                 : place->type == REDIS_REPLY_ERROR ? place->str
                 : time->type == REDIS_REPLY_ERROR  ? time->str
                                                    : "unexpected reply");
    }
    freeReplyObject(place);
    freeReplyObject(time);
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
