// SPDX-License-Identifier: MIT
/* The sliding window on Redis, with clients and a server that work: concurrency, configuration, and
 * sequences against the model. Clients share nothing but the server, so `await` shows everything:
 * what interleaves is commands. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/window_model.h"
#include "scenarios/registry.h"
#include "scenarios/sliding_window_fixture.h"
#include "tools/checkers/linearizability.h"
#include "tools/redis/redis_seam.h"

/* ---- check_then_add -------------------------------------------------------------------------- */

static void check_limit(void *context)
{
    sliding_fixture *state = context;
    for (uint32_t i = 0; i < state->count; i++) {
        if (state->decisions[i] == RATE_ERROR) {
            treadle_violation("error", "client %u: %s", i + 1,
                              state->variant->last_error(state->clients[i]));
        }
    }
    sliding_check_admitted(state);
    if (state->admitted < state->limits.rpm && state->admitted < state->count) {
        treadle_violation("under-admission", "only %lld of %u admitted at limit %lld",
                          state->admitted, state->count, state->limits.rpm);
    }
}

static const treadle_parameter limited[] = {
    {"threads", 2, 1, SLIDING_CLIENTS_MAX, "clients, each with its own connection"},
    {"limit", 1, 1, 1000, "requests admitted in one window"},
    {0},
};

static const treadle_expectation expect_check_then_add[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-admission",
                      "ZCOUNT ZCOUNT ZADD ZADD: both pass the check"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "a script is one step"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL, "MULTI/EXEC is one step"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "EXEC aborts when the key was touched since the look"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a script is one step"),
    {0},
};

static const treadle_scenario check_then_add = {
    .name = "sliding_window/check_then_add",
    .summary = "clients acquire at once; at most `limit` are admitted in one window",
    .parameters = limited,
    .expectations = expect_check_then_add,
    .thread_prefix = "client",
    .setup = sliding_setup_limit,
    .thread = sliding_acquire,
    .check = check_limit,
};

/* ---- all_succeed: what the document's sample test asserts
 * ----------------------------------------
 */

static void check_all_succeed(void *context)
{
    sliding_fixture *state = context;
    sliding_check_admitted(state);
    if (state->admitted < state->count) {
        treadle_violation("refused", "%lld of %u requests succeeded at limit %lld", state->admitted,
                          state->count, state->limits.rpm);
    }
}

static const treadle_expectation expect_all_succeed[] = {
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "refused", "a limit that works refuses somebody"),
    TREADLE_REDIS_ROW("fixed", VIOLATED, "refused", "a limit that works refuses somebody"),
    {0},
};

static const treadle_scenario all_succeed = {
    .name = "sliding_window/all_succeed",
    .summary = "the document's sample test, as it stands: more requests than the limit, and all "
               "are to succeed",
    .parameters = limited,
    .expectations = expect_all_succeed,
    .thread_prefix = "client",
    .setup = sliding_setup_limit,
    .thread = sliding_acquire,
    .check = check_all_succeed,
};

/* ---- linearizable ------------------------------------------------------------------------------
 */

static bool answers_like_model(void *state, const treadle_call *call)
{
    struct window_model *model = state;
    const double now_s = 1e-9 * (double)(TREADLE_REALTIME_START_NS + call->clock_ns);
    const enum window_model_answer answer = window_model_acquire(model, now_s, 0);
    return call->unknown || (answer == WINDOW_MODEL_ADMIT) == (call->result == RATE_ADMITTED);
}

static void init_model(void *state, const void *config)
{
    const struct rate_limits *limits = config;
    window_model_init(state, limits->rpm, limits->window_s);
}

static void describe_acquire(const treadle_call *call, char *text, size_t size)
{
    snprintf(text, size, "acquire at %" PRId64 " s -> %s", call->clock_ns / 1000000000,
             call->unknown ? "error" : rate_decision_name((enum rate_decision)call->result));
}

static const treadle_model window_as_model = {
    .name = "sliding window",
    .state_size = sizeof(struct window_model),
    .init = init_model,
    .step = answers_like_model,
    .describe = describe_acquire,
};

static void *setup_history(const treadle_run *run)
{
    static const char *const functions[] = {"acquire"};
    sliding_fixture *state = sliding_setup_one_a_minute(run);
    state->history.functions = functions;
    return state;
}

/* The first client comes back when its entry is as old as the window, the second in between. */
static void acquire_twice(void *context, uint32_t index)
{
    sliding_fixture *state = context;
    for (int i = 0; i < 2; i++) {
        const uint32_t call = treadle_invoke(&state->history, 0, index, 0);
        const enum rate_decision decision = sliding_request(state, index, NULL);
        treadle_note("acquire: %s", rate_decision_name(decision));
        if (decision == RATE_ERROR) {
            treadle_respond_unknown(&state->history, call);
            redisReconnect(treadle_redis_connection(index));
        } else {
            treadle_respond(&state->history, call, decision);
        }
        if (i == 0) {
            sliding_sleep_s(index == 0 ? 60 : 31);
        }
    }
}

static void check_linearizable(void *context)
{
    sliding_fixture *state = context;
    sliding_close_clients(state);
    treadle_require_linearizable(&state->history, &window_as_model, &state->limits);
}

static const treadle_parameter two[] = {{"threads", 2, 2, 2, "clients"}, {0}};

static const treadle_expectation expect_linearizable[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "linearizability", "both check before either adds"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "linearizability",
                      "the script judges by the time that the client read, however long ago"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "linearizability",
                      "a refused request is charged, a failed one is called refused"),
    TREADLE_REDIS_ROW("watch", VIOLATED, "linearizability",
                      "EXEC charges the time of the look, however long ago"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a script is one step, and reads the clock in it"),
    {0},
};

static const treadle_scenario linearizable = {
    .name = "sliding_window/linearizable",
    .summary = "two clients acquire twice, a reply may get lost; some order of the requests, and "
               "the model, explain all answers",
    .parameters = two,
    .expectations = expect_linearizable,
    .thread_prefix = "client",
    .setup = setup_history,
    .thread = acquire_twice,
    .check = check_linearizable,
    .faults = {.cut_after = 1},
    .moves_clock = true,
};

/* ---- one client against the model ---------------------------------------------------------------
 */

#define AGAINST_MODEL(state, steps, property) \
    sliding_against_model(state, steps, sizeof(steps) / sizeof(steps)[0], property)

#define AFTER(seconds)       \
    {                        \
        .pause_s = (seconds) \
    }

static void sequential(void *context, uint32_t index)
{
    static const sliding_step steps[] = {AFTER(0), AFTER(10),  AFTER(5),  AFTER(50),
                                         AFTER(3), AFTER(8),   AFTER(30), AFTER(31),
                                         AFTER(0), AFTER(120), AFTER(1),  AFTER(1)};
    (void)index;
    AGAINST_MODEL(context, steps, "wrong-answer");
}

/* A client that asks every 25 s at one request a minute: refused twice, then admitted again. */
static void ask_steadily(void *context, uint32_t index)
{
    static const sliding_step steps[] = {AFTER(0),  AFTER(25), AFTER(25), AFTER(25),
                                         AFTER(25), AFTER(25), AFTER(25), AFTER(25)};
    (void)index;
    AGAINST_MODEL(context, steps, "starvation");
}

static void boundary(void *context, uint32_t index)
{
    static const sliding_step steps[] = {AFTER(0), AFTER(60), AFTER(60)};
    (void)index;
    AGAINST_MODEL(context, steps, "boundary");
}

/* Request 1 comes again after 50 s; when its own window has passed there is room for request 3. */
static void repeat_an_id(void *context, uint32_t index)
{
    static const sliding_step steps[] = {
        {.id = 1}, {.pause_s = 50, .id = 1}, {.pause_s = 5, .id = 2}, {.pause_s = 6, .id = 3}};
    (void)index;
    AGAINST_MODEL(context, steps, "wrong-answer");
}

static void *setup_two_a_minute(const treadle_run *run)
{
    sliding_fixture *state = sliding_open(run, 2, 60);
    sliding_open_clients(state, 1);
    return state;
}

static const treadle_expectation expect_steady[] = {
    TREADLE_REDIS_ROW("naive", HOLDS, NULL, "refused requests are not charged"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "refused requests are not charged"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "starvation",
                      "a refused request is added all the same, and keeps the window full"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "refused requests are not charged"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "refused requests are not charged"),
    {0},
};

static const treadle_scenario refused_not_charged = {
    .name = "sliding_window/refused_not_charged",
    .summary = "a client that asks more often than allowed is still served at the allowed rate",
    .parameters = sliding_one_client,
    .expectations = expect_steady,
    .thread_prefix = "client",
    .setup = sliding_setup_one_a_minute,
    .thread = ask_steadily,
    .check = sliding_check_closed,
    .moves_clock = true,
};

static const treadle_expectation expect_boundary[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "boundary",
                      "ZCOUNT counts the entry that ZREMRANGEBYSCORE drops"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "ZREMRANGEBYSCORE includes the boundary"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL, "ZREMRANGEBYSCORE includes the boundary"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL,
                      "ZCOUNT excludes the boundary, ZREMRANGEBYSCORE drops it"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "age exactly the window has expired, as stated"),
    {0},
};

static const treadle_scenario boundary_row = {
    .name = "sliding_window/boundary",
    .summary = "an entry whose age is exactly the window has expired",
    .parameters = sliding_one_client,
    .expectations = expect_boundary,
    .thread_prefix = "client",
    .setup = sliding_setup_one_a_minute,
    .thread = boundary,
    .check = sliding_check_closed,
    .moves_clock = true,
};

static const treadle_expectation expect_sequential[] = {
    TREADLE_REDIS_ROW("naive", HOLDS, NULL, "one client"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "one client"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "wrong-answer",
                      "a refused request is charged"),
    TREADLE_REDIS_ROW(
        "proposed-pipeline-literal", VIOLATED, "wrong-answer",
        "the limit it compares with is never set; the exception is answered with refused"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "one client"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "one client"),
    {0},
};

static const treadle_scenario sequential_row = {
    .name = "sliding_window/sequential",
    .summary = "one client, many requests; every answer is the model's",
    .parameters = sliding_one_client,
    .expectations = expect_sequential,
    .thread_prefix = "client",
    .setup = setup_two_a_minute,
    .thread = sequential,
    .check = sliding_check_closed,
    .moves_clock = true,
};

static const treadle_expectation expect_repeated_id[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "wrong-answer", "ZADD moves the entry's time"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "wrong-answer", "ZADD moves the entry's time"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "wrong-answer", "ZADD moves the entry's time"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL,
                      "a request in the window is admitted and keeps its time"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL,
                      "a request in the window is admitted and keeps its time"),
    {0},
};

static const treadle_scenario repeated_id = {
    .name = "sliding_window/repeated_id",
    .summary = "a request is repeated under its id; it is one request, of its first time",
    .parameters = sliding_one_client,
    .expectations = expect_repeated_id,
    .thread_prefix = "client",
    .setup = setup_two_a_minute,
    .thread = repeat_an_id,
    .check = sliding_check_closed,
    .moves_clock = true,
};

/* ---- colliding_ids -----------------------------------------------------------------------------
 */

static void *setup_processes(const treadle_run *run)
{
    sliding_fixture *state = sliding_open(run, 2, 60);
    sliding_open_clients(state, 3);
    return state;
}

/* Three processes, one after another, whose ids are made from the same seed. */
static void acquire_from_one_seed(void *context, uint32_t index)
{
    sliding_fixture *state = context;
    (void)index;
    for (uint32_t process = 0; process < state->count; process++) {
        srandom(1);
        const enum rate_decision decision = sliding_request(state, process, NULL);
        treadle_note("process %u: %s", process + 1, rate_decision_name(decision));
    }
}

static const treadle_expectation expect_colliding[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-admission",
                      "the same id moves a score instead of adding an entry"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "over-admission",
                      "the same id moves a score instead of adding an entry"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "over-admission",
                      "the same id moves a score instead of adding an entry"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL,
                      "ids also have the server's time and the number of requests in the window"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the server makes ids, unique in the window"),
    {0},
};

static const treadle_scenario colliding_ids = {
    .name = "sliding_window/colliding_ids",
    .summary = "three processes started from one seed make up ids; at most two are admitted",
    .parameters = sliding_one_client,
    .expectations = expect_colliding,
    .thread_prefix = "client",
    .setup = setup_processes,
    .thread = acquire_from_one_seed,
    .check = sliding_check_admitted,
};

/* ---- no_window ---------------------------------------------------------------------------------
 */

/* To refuse the configuration is an answer: nobody is admitted then. */
static void *setup_no_window(const treadle_run *run)
{
    const double window_s = (double)treadle_run_parameter(run, "window");
    sliding_fixture *state = sliding_open(run, 1, window_s);
    char error[200];
    state->count = 1;
    state->clients[0] =
        state->variant->open(&state->limits, treadle_redis_connection(0), error, sizeof error);
    return state;
}

static void acquire_thrice(void *context, uint32_t index)
{
    sliding_fixture *state = context;
    for (int i = 0; i < 3 && state->clients[index] != NULL; i++) {
        sliding_acquire(state, index);
    }
}

static const treadle_parameter no_window_parameters[] = {
    {"threads", 1, 1, 1, "clients"},
    {"window", 0, -3600, 0, "seconds"},
    {0},
};

static const treadle_expectation expect_no_window[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-admission",
                      "ZREMRANGEBYSCORE drops the new entry, EXPIRE the key"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "over-admission", "EXPIRE deletes the key at once"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "over-admission",
                      "EXPIRE deletes the key at once"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "open refuses the configuration"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "open refuses the configuration"),
    {0},
};

static const treadle_scenario no_window = {
    .name = "sliding_window/no_window",
    .summary = "a window of 0 s or less is refused as nonsense, or limits all the same",
    .parameters = no_window_parameters,
    .expectations = expect_no_window,
    .thread_prefix = "client",
    .setup = setup_no_window,
    .thread = acquire_thrice,
    .check = sliding_check_admitted,
};

/* ---- fractional_window -------------------------------------------------------------------------
 */

static void *setup_fractional(const treadle_run *run)
{
    sliding_fixture *state = sliding_open(run, 10, 1.5);
    sliding_open_clients(state, 1);
    return state;
}

static const treadle_expectation expect_fractional[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "charged-error", "EXPIRE 1.5 fails after the ZADD"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "charged-error", "EXPIRE 1.5 fails after the ZADD"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "charged-error",
                      "EXPIRE 1.5 fails, and EXEC does not take the ZADD back"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "PEXPIRE in milliseconds"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "PEXPIRE in milliseconds"),
    {0},
};

static const treadle_scenario fractional_window = {
    .name = "sliding_window/fractional_window",
    .summary = "a window of 1.5 s: a request that is not admitted is not charged",
    .parameters = sliding_one_client,
    .expectations = expect_fractional,
    .thread_prefix = "client",
    .setup = setup_fractional,
    .thread = sliding_acquire,
    .check = sliding_check_charged,
};

static const treadle_expectation expect_fractional_ttl[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "no-ttl", "EXPIRE 1.5 fails after the ZADD"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "no-ttl", "EXPIRE 1.5 fails after the ZADD"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "no-ttl",
                      "EXPIRE 1.5 fails, and EXEC does not take the ZADD back"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "PEXPIRE in milliseconds"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "PEXPIRE in milliseconds"),
    {0},
};

static const treadle_scenario fractional_window_ttl = {
    .name = "sliding_window/fractional_window_ttl",
    .summary = "a window of 1.5 s: no key is left that never expires",
    .parameters = sliding_one_client,
    .expectations = expect_fractional_ttl,
    .thread_prefix = "client",
    .setup = setup_fractional,
    .thread = sliding_acquire,
    .check = sliding_check_ttl,
};

/* ---- round_trips -------------------------------------------------------------------------------
 */

static void acquire_and_count_round_trips(void *context, uint32_t index)
{
    enum { REQUESTS = 3, SET_UP = 1 };
    const uint64_t before = treadle_redis_round_trip_count();
    for (int i = 0; i < REQUESTS; i++) {
        sliding_acquire(context, index);
    }
    const uint64_t count = treadle_redis_round_trip_count() - before;
    if (count > REQUESTS + SET_UP) {
        treadle_violation("round-trips", "%d requests took %" PRIu64 " round trips", REQUESTS,
                          count);
    }
}

static const treadle_expectation expect_round_trips[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "round-trips", "four commands a request"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "round-trips", "loads its script on every request"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL, "one pipeline a request"),
    TREADLE_REDIS_ROW("watch", VIOLATED, "round-trips",
                      "looks twice before it leaps: three a request"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "loads its script once"),
    {0},
};

static const treadle_scenario round_trips = {
    .name = "sliding_window/round_trips",
    .summary = "three requests take a round trip each, and one more to set up",
    .parameters = sliding_one_client,
    .expectations = expect_round_trips,
    .thread_prefix = "client",
    .setup = sliding_setup_ten_a_minute,
    .thread = acquire_and_count_round_trips,
    .check = sliding_check_closed,
};

/* ---- reconfigured ------------------------------------------------------------------------------
 */

/* A deployment's limit goes from 2 to 1, client by client: the first has the new one. */
static void *setup_half_reconfigured(const treadle_run *run)
{
    sliding_fixture *state = sliding_open(run, 2, 60);
    sliding_open_clients(state, (uint32_t)treadle_run_parameter(run, "threads"));
    state->variant->close(state->clients[0]);
    state->limits.rpm = 1;
    state->clients[0] = sliding_open_client(state, 0);
    state->limits.rpm = 2;
    return state;
}

static const treadle_parameter three[] = {
    {"threads", 3, 3, SLIDING_CLIENTS_MAX, "clients; the first has the new limit"}, {0}};

static const treadle_expectation expect_reconfigured[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-admission", "ZCOUNT ZCOUNT ZADD ZADD"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "each is held against its own limit, in a step"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL,
                      "each is held against its own limit, in a step"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "each is held against its own limit, or looks again"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "each is held against its own limit, in a step"),
    {0},
};

static const treadle_scenario reconfigured = {
    .name = "sliding_window/reconfigured",
    .summary = "the limit is lowered client by client; no more than the larger one are admitted",
    .parameters = three,
    .expectations = expect_reconfigured,
    .thread_prefix = "client",
    .setup = setup_half_reconfigured,
    .thread = sliding_acquire,
    .check = sliding_check_admitted,
};

const treadle_scenario *const treadle_sliding_window[] = {
    &check_then_add,
    &all_succeed,
    &linearizable,
    &refused_not_charged,
    &boundary_row,
    &sequential_row,
    &repeated_id,
    &colliding_ids,
    &no_window,
    &fractional_window,
    &fractional_window_ttl,
    &round_trips,
    &reconfigured,
    NULL,
};
