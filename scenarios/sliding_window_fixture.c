// SPDX-License-Identifier: MIT
#include "scenarios/sliding_window_fixture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/window_model.h"
#include "tools/redis/redis_seam.h"

const treadle_parameter sliding_one_client[] = {{"threads", 1, 1, 1, "clients"}, {0}};

/* ---- clients --------------------------------------------------------------------------------- */

sliding_fixture *sliding_open(const treadle_run *run, long long rpm, double window_s)
{
    sliding_fixture *state = calloc(1, sizeof *state);
    state->variant = sliding_window_find(run->variant);
    state->provider = treadle_redis_provider("openai");
    state->limits = (struct rate_limits){.rpm = rpm, .window_s = window_s};
    return state;
}

struct sliding_window *sliding_open_client(sliding_fixture *state, uint32_t connection)
{
    char error[200];
    struct sliding_window *client = state->variant->open(
        &state->limits, treadle_redis_connection(connection), error, sizeof error);
    if (client == NULL) {
        treadle_violation("setup", "the client cannot be opened: %s", error);
    }
    return client;
}

void sliding_open_clients(sliding_fixture *state, uint32_t count)
{
    assert(count <= SLIDING_CLIENTS_MAX);
    state->count = count;
    for (uint32_t i = 0; i < count; i++) {
        state->clients[i] = sliding_open_client(state, i);
    }
}

void sliding_close_clients(sliding_fixture *state)
{
    for (uint32_t i = 0; i < state->count; i++) {
        state->variant->close(state->clients[i]);
    }
}

/* ---- set-ups --------------------------------------------------------------------------------- */

static void *setup(const treadle_run *run, long long rpm)
{
    sliding_fixture *state = sliding_open(run, rpm, 60);
    sliding_open_clients(state, (uint32_t)treadle_run_parameter(run, "threads"));
    return state;
}

void *sliding_setup_limit(const treadle_run *run)
{
    return setup(run, treadle_run_parameter(run, "limit"));
}

void *sliding_setup_one_a_minute(const treadle_run *run)
{
    return setup(run, 1);
}

void *sliding_setup_ten_a_minute(const treadle_run *run)
{
    return setup(run, 10);
}

/* ---- requests -------------------------------------------------------------------------------- */

enum rate_decision sliding_request(sliding_fixture *state, uint32_t client, const char *id)
{
    const enum rate_decision decision =
        state->variant->acquire(state->clients[client], state->provider, id);
    state->decisions[client] = decision;
    state->admitted += decision == RATE_ADMITTED;
    return decision;
}

void sliding_acquire(void *fixture, uint32_t index)
{
    treadle_note("acquire: %s", rate_decision_name(sliding_request(fixture, index, NULL)));
}

void sliding_sleep_s(time_t seconds)
{
    const struct timespec pause = {.tv_sec = seconds};
    nanosleep(&pause, NULL);
}

static double clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void sliding_against_model(sliding_fixture *state, const sliding_step *steps, size_t count,
                           const char *property)
{
    struct window_model model;
    window_model_init(&model, state->limits.rpm, state->limits.window_s);
    int64_t fast_s = 0;
    for (size_t i = 0; i < count; i++) {
        const sliding_step *step = &steps[i];
        char id[32];
        snprintf(id, sizeof id, "request-%u", step->id);
        sliding_sleep_s(step->pause_s);
        if (step->clock_fast_s != fast_s) {
            fast_s = step->clock_fast_s;
            treadle_clock_offset(fast_s * INT64_C(1000000000));
        }
        const bool expected = window_model_acquire(&model, clock_s() - (double)fast_s, step->id) ==
                              WINDOW_MODEL_ADMIT;
        const bool got =
            sliding_request(state, step->client, step->id > 0 ? id : NULL) == RATE_ADMITTED;
        treadle_note("request %zu: %s", i + 1, got ? "admitted" : "refused");
        if (got != expected) {
            treadle_violation(property, "request %zu is %s, the model says %s", i + 1,
                              got ? "admitted" : "refused", expected ? "admitted" : "refused");
        }
    }
}

/* ---- checks ---------------------------------------------------------------------------------- */

static long long ask(const char *command, const sliding_fixture *state)
{
    redisReply *reply = treadle_redis_inspect("%s window:%s", command, state->provider);
    const long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -3;
    freeReplyObject(reply);
    return number;
}

long long sliding_entries(const sliding_fixture *state)
{
    return ask("ZCARD", state);
}

void sliding_check_closed(void *fixture)
{
    sliding_close_clients(fixture);
}

void sliding_check_admitted(void *fixture)
{
    sliding_fixture *state = fixture;
    sliding_close_clients(state);
    if (state->admitted > state->limits.rpm) {
        treadle_violation("over-admission", "%lld admitted in one window at limit %lld",
                          state->admitted, state->limits.rpm);
    }
}

void sliding_check_ttl(void *fixture)
{
    sliding_fixture *state = fixture;
    const long long ttl_ms = ask("PTTL", state);
    sliding_close_clients(state);
    if (ttl_ms == -1) {
        treadle_violation("no-ttl", "the key window:%s exists and never expires", state->provider);
    }
}

void sliding_check_charged(void *fixture)
{
    sliding_fixture *state = fixture;
    const long long charged = sliding_entries(state);
    sliding_close_clients(state);
    if (state->decisions[0] != RATE_ADMITTED && charged != 0) {
        treadle_violation("charged-error", "the answer is \"%s\", but %lld slot is charged",
                          rate_decision_name(state->decisions[0]), charged);
    }
}
