// SPDX-License-Identifier: MIT
/*
 * What the scenarios of the sliding window share: clients of one variant on one provider, requests
 * put to them, and what is asked of the window afterwards. Internal to sliding_window*.c.
 *
 * A fixture lives as long as its execution. Checks close the clients first, so that a violation
 * never hides that closing goes wrong.
 */
#ifndef TREADLE_SCENARIOS_SLIDING_WINDOW_FIXTURE_H
#define TREADLE_SCENARIOS_SLIDING_WINDOW_FIXTURE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <stdatomic.h>

#include "impl/sliding_window/sliding_window.h"
#include "scenarios/scenario.h"
#include "tools/checkers/history.h"

#define SLIDING_CLIENTS_MAX 8u

typedef struct sliding_fixture {
    const struct sliding_window_variant *variant;
    const char *provider;
    struct rate_limits limits;
    uint32_t count; /* of clients */
    struct sliding_window *clients[SLIDING_CLIENTS_MAX];
    enum rate_decision decisions[SLIDING_CLIENTS_MAX]; /* the last of each client */
    atomic_llong admitted; /* by sliding_request(); atomic for the stress program */
    treadle_history history;
} sliding_fixture;

/* No clients yet. */
sliding_fixture *sliding_open(const treadle_run *run, long long rpm, double window_s);

/* A new client on that connection; a violation of "setup" when the variant refuses. */
struct sliding_window *sliding_open_client(sliding_fixture *state, uint32_t connection);

/* `count` clients, each on a connection of its own. */
void sliding_open_clients(sliding_fixture *state, uint32_t count);

void sliding_close_clients(sliding_fixture *state);

/* ---- set-ups, threads and checks that several rows use -------------------------------------- */

/* As many clients as the row has threads: `limit` (a parameter), or 1, or 10 requests a minute. */
void *sliding_setup_limit(const treadle_run *run);
void *sliding_setup_one_a_minute(const treadle_run *run);
void *sliding_setup_ten_a_minute(const treadle_run *run);

/* Each client acquires once, with an id of the variant's making. */
void sliding_acquire(void *fixture, uint32_t index);

/* One client acquires, and what came of it counts as admitted or not. */
enum rate_decision sliding_request(sliding_fixture *state, uint32_t client, const char *id);

void sliding_check_closed(void *fixture);
/* No more than the limit was admitted by sliding_request(). */
void sliding_check_admitted(void *fixture);
/* "no-ttl": the key exists and never expires. */
void sliding_check_ttl(void *fixture);
/* "charged-error": the only request was not admitted, but charged. */
void sliding_check_charged(void *fixture);

/* How many entries the window has, whether or not they count. */
long long sliding_entries(const sliding_fixture *state);

void sliding_sleep_s(time_t seconds);

/* One request of a sequence that the model is asked as well. */
typedef struct sliding_step {
    time_t pause_s;       /* before it */
    uint32_t id;          /* "request-N"; 0 = of the variant's making */
    uint32_t client;      /* who asks */
    int64_t clock_fast_s; /* by how much that client's clock is fast */
} sliding_step;

/* Every answer is the model's, which knows the true time; `property` is violated at the first that
 * is not. */
void sliding_against_model(sliding_fixture *state, const sliding_step *steps, size_t count,
                           const char *property);

extern const treadle_parameter sliding_one_client[];

#endif
