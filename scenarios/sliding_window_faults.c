// SPDX-License-Identifier: MIT
/* The sliding window on Redis when something fails: connections are cut, the server loses scripts,
 * replicas or keys, a client's clock is wrong. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "scenarios/registry.h"
#include "scenarios/sliding_window_fixture.h"
#include "tools/redis/redis_seam.h"

/* ---- cut connections: nothing half-done is left ------------------------------------------------
 */

static const treadle_expectation expect_ttl[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "no-ttl", "cut off between ZADD and EXPIRE"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "the script sets both"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL, "the transaction sets both"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "the transaction sets both"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the script sets both"),
    {0},
};

static const treadle_scenario no_ttl = {
    .name = "sliding_window/no_ttl",
    .summary = "a client may be cut off before any flush; no key is left that never expires",
    .parameters = sliding_one_client,
    .expectations = expect_ttl,
    .thread_prefix = "client",
    .setup = sliding_setup_one_a_minute,
    .thread = sliding_acquire,
    .check = sliding_check_ttl,
    .faults = {.cut_before = 1},
};

static const treadle_expectation expect_cut_anywhere[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "no-ttl", "cut off between ZADD and EXPIRE"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "the script sets both"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL, "half a transaction is none"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "half a transaction is none"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the script sets both"),
    {0},
};

static const treadle_scenario cut_anywhere = {
    .name = "sliding_window/cut_anywhere",
    .summary = "a client may be cut off before, within or after what it sends; no key is left that "
               "never expires",
    .parameters = sliding_one_client,
    .expectations = expect_cut_anywhere,
    .thread_prefix = "client",
    .setup = sliding_setup_one_a_minute,
    .thread = sliding_acquire,
    .check = sliding_check_ttl,
    .faults = {.cut_before = 1, .cut_after = 1, .cut_inside = 1},
};

/* ---- a cancelled request ------------------------------------------------------------------------
 */

static void *acquire_as_victim(void *context)
{
    sliding_acquire(context, 0);
    return NULL;
}

static void acquire_and_cancel(void *context, uint32_t index)
{
    static const struct timespec moment = {.tv_nsec = 1};
    pthread_t victim;
    (void)index;
    if (pthread_create(&victim, NULL, acquire_as_victim, context) == 0) {
        nanosleep(&moment, NULL); /* something that commands can come before and after */
        pthread_cancel(victim);
        pthread_join(victim, NULL);
    }
}

static const treadle_expectation expect_cancelled[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "no-ttl", "cancelled between ZADD and EXPIRE"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "the script sets both"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL, "the transaction sets both"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "the transaction sets both"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the script sets both"),
    {0},
};

static const treadle_scenario request_cancelled = {
    .name = "sliding_window/request_cancelled",
    .summary = "a request is cancelled at any moment; no key is left that never expires",
    .parameters = sliding_one_client,
    .expectations = expect_cancelled,
    .thread_prefix = "client",
    .setup = sliding_setup_one_a_minute,
    .thread = acquire_and_cancel,
    .check = sliding_check_ttl,
};

/* ---- a lost reply ------------------------------------------------------------------------------
 */

/* The reply may get lost on the way; the client reconnects and asks again. */
static void ask_again(sliding_fixture *state, uint32_t index, const char *id)
{
    state->decisions[index] = state->variant->acquire(state->clients[index], state->provider, id);
    if (state->decisions[index] == RATE_ADMITTED) {
        return;
    }
    treadle_note("acquire: %s; asking again on a new connection",
                 rate_decision_name(state->decisions[index]));
    struct sliding_window *again = sliding_open_client(state, SLIDING_CLIENTS_MAX + index);
    state->decisions[index] = state->variant->acquire(again, state->provider, id);
    treadle_note("acquire again: %s", rate_decision_name(state->decisions[index]));
    state->variant->close(again);
}

static void ask_again_with_id(void *context, uint32_t index)
{
    char id[32];
    snprintf(id, sizeof id, "request-%u", index + 1);
    ask_again(context, index, id);
}

static void check_retry(void *context)
{
    sliding_fixture *state = context;
    sliding_close_clients(state);
    if (state->decisions[0] == RATE_REFUSED) {
        treadle_violation("lost-slot",
                          "the only request of this minute was charged and is refused on retry");
    }
}

static const treadle_expectation expect_retry[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "lost-slot",
                      "the retry finds its own first attempt in the window"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "lost-slot", "a retry is another request"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "lost-slot", "a retry is another request"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "a retry with the same id is recognised"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a retry with the same id is recognised"),
    {0},
};

static const treadle_scenario retry_after_lost_reply = {
    .name = "sliding_window/retry_after_lost_reply",
    .summary = "a reply may get lost; asking again with the same id does not use a second slot",
    .parameters = sliding_one_client,
    .expectations = expect_retry,
    .thread_prefix = "client",
    .setup = sliding_setup_one_a_minute,
    .thread = ask_again_with_id,
    .check = check_retry,
    .faults = {.cut_after = 1},
};

/* As each variant would have it: the original's and the proposal's functions take no id but make
 * one up in every call, the others ask for the same one. */
static void ask_again_as_documented(void *context, uint32_t index)
{
    sliding_fixture *state = context;
    const bool names_requests =
        state->variant == &sliding_window_fixed || state->variant == &sliding_window_watch;
    ask_again(state, index, names_requests ? "request-1" : NULL);
}

static void check_charged_once(void *context)
{
    sliding_fixture *state = context;
    const long long charged = sliding_entries(state);
    sliding_close_clients(state);
    if (charged > 1) {
        treadle_violation("charged-twice", "one request is charged %lld times", charged);
    }
}

static const treadle_expectation expect_charged_once[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "charged-twice", "a retry is another request"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "charged-twice", "a retry is another request"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "charged-twice", "a retry is another request"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "a retry with the same id is recognised"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a retry with the same id is recognised"),
    {0},
};

static const treadle_scenario retry_charged_once = {
    .name = "sliding_window/retry_charged_once",
    .summary = "a reply may get lost; asking again as the variant provides for charges one slot",
    .parameters = sliding_one_client,
    .expectations = expect_charged_once,
    .thread_prefix = "client",
    .setup = sliding_setup_ten_a_minute,
    .thread = ask_again_as_documented,
    .check = check_charged_once,
    .faults = {.cut_after = 1},
};

/* ---- a server that loses its scripts ------------------------------------------------------------
 */

enum { SCRIPT_LOSSES = 6, ROUND_TRIPS_MAX = 8 };

static void acquire_and_bound_round_trips(void *context, uint32_t index)
{
    const uint64_t before = treadle_redis_round_trip_count();
    sliding_acquire(context, index);
    const uint64_t count = treadle_redis_round_trip_count() - before;
    if (count > ROUND_TRIPS_MAX) {
        treadle_violation("unbounded-retry",
                          "one acquire took %" PRIu64 " round trips: it loads the script as often "
                          "as the server loses it",
                          count);
    }
}

static const treadle_expectation expect_noscript[] = {
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "unbounded-retry",
                      "NOSCRIPT is answered by loading and starting over, without bound"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "gives up after the third NOSCRIPT, charging nothing"),
    {0},
};

static const treadle_scenario scripts_lost = {
    .name = "sliding_window/scripts_lost",
    .summary = "the server may lose its scripts, again and again; an acquire takes at most 8 round "
               "trips",
    .parameters = sliding_one_client,
    .expectations = expect_noscript,
    .thread_prefix = "client",
    .setup = sliding_setup_ten_a_minute,
    .thread = acquire_and_bound_round_trips,
    .check = sliding_check_charged,
    .faults = {.scripts_flushed = SCRIPT_LOSSES},
};

static void acquire_in_spite_of_loss(void *context, uint32_t index)
{
    sliding_fixture *state = context;
    sliding_acquire(state, index);
    if (state->decisions[index] != RATE_ADMITTED) {
        treadle_violation("refused", "nobody else asked, and the request is not admitted");
    }
}

static const treadle_expectation expect_noscript_once[] = {
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "it loads the script and starts over"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "it loads the script and runs it again"),
    {0},
};

static const treadle_scenario scripts_lost_once = {
    .name = "sliding_window/scripts_lost_once",
    .summary = "the server may lose its scripts once; an acquire is admitted nevertheless",
    .parameters = sliding_one_client,
    .expectations = expect_noscript_once,
    .no_baseline = "the variants that break have no scripts",
    .thread_prefix = "client",
    .setup = sliding_setup_ten_a_minute,
    .thread = acquire_in_spite_of_loss,
    .check = sliding_check_charged,
    .faults = {.scripts_flushed = 1},
};

/* ---- a server that refuses writes --------------------------------------------------------------
 */

static const treadle_expectation expect_refused_write[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "charged-error", "what comes after the ZADD is refused"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "the script stops at its first write"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL, "EXEC aborts"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "EXEC aborts"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the script stops at its first write"),
    {0},
};

static const treadle_scenario refused_write = {
    .name = "sliding_window/refused_write",
    .summary = "the server may refuse a write; a request that is not admitted is not charged",
    .parameters = sliding_one_client,
    .expectations = expect_refused_write,
    .thread_prefix = "client",
    .setup = sliding_setup_ten_a_minute,
    .thread = sliding_acquire,
    .check = sliding_check_charged,
    .faults = {.error_reply = 1},
};

/* The error may be for any command; once it has passed, the client works as before. */
static void acquire_after_error(void *context, uint32_t index)
{
    sliding_fixture *state = context;
    sliding_acquire(state, index);
    if (state->decisions[index] != RATE_ADMITTED) {
        const enum rate_decision failed = state->decisions[index];
        const long long charged = sliding_entries(state);
        sliding_acquire(state, index);
        if (state->decisions[index] != RATE_ADMITTED) {
            treadle_violation("stuck", "the server answers again, and the next acquire is \"%s\"",
                              rate_decision_name(state->decisions[index]));
        }
        state->decisions[index] = failed;
        if (charged != 0) {
            treadle_violation("charged-error", "the answer is \"%s\", but %lld slot is charged",
                              rate_decision_name(failed), charged);
        }
    }
}

static const treadle_expectation expect_any_error[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "charged-error", "what comes after the ZADD is refused"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "a script runs or does not"),
    TREADLE_REDIS_ROW("proposed-pipeline", HOLDS, NULL, "a transaction runs or does not"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "a transaction runs or does not"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "a script runs or does not"),
    {0},
};

static const treadle_scenario any_error = {
    .name = "sliding_window/any_error",
    .summary = "the server may answer with any error, reads too; a request that is not admitted is "
               "not charged, and the next one is served",
    .parameters = sliding_one_client,
    .expectations = expect_any_error,
    .thread_prefix = "client",
    .setup = sliding_setup_ten_a_minute,
    .thread = acquire_after_error,
    .check = sliding_check_closed,
    .faults = {.answered = 1},
};

static void check_not_swallowed(void *context)
{
    sliding_fixture *state = context;
    char error[200];
    snprintf(error, sizeof error, "%s", state->variant->last_error(state->clients[0]));
    sliding_close_clients(state);
    if (state->decisions[0] == RATE_REFUSED) {
        treadle_violation("swallowed-error",
                          "the first of ten requests is \"refused\"; what happened is: %s", error);
    }
}

static const treadle_expectation expect_not_swallowed[] = {
    TREADLE_REDIS_ROW("naive", HOLDS, NULL, "errors are reported"),
    TREADLE_REDIS_ROW("proposed-lua", HOLDS, NULL, "errors are reported"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "swallowed-error",
                      "every exception is answered with \"limit exceeded\""),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "errors are reported"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "errors are reported"),
    {0},
};

static const treadle_scenario error_is_reported = {
    .name = "sliding_window/error_is_reported",
    .summary = "a write may be refused, a connection cut; nobody is told \"limit exceeded\" for it",
    .parameters = sliding_one_client,
    .expectations = expect_not_swallowed,
    .thread_prefix = "client",
    .setup = sliding_setup_ten_a_minute,
    .thread = sliding_acquire,
    .check = check_not_swallowed,
    .faults = {.cut_before = 1, .error_reply = 1},
};

/* ---- a server that evicts keys -----------------------------------------------------------------
 */

static void acquire_twice(void *context, uint32_t index)
{
    sliding_acquire(context, index);
    sliding_acquire(context, index);
}

#define EVICTED "the window is one key: without it nothing was ever admitted. Run noeviction"

static const treadle_expectation expect_evicted[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-admission", EVICTED),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "over-admission", EVICTED),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "over-admission", EVICTED),
    TREADLE_REDIS_ROW("watch", VIOLATED, "over-admission", EVICTED),
    TREADLE_REDIS_ROW("fixed", VIOLATED, "over-admission", EVICTED),
    {0},
};

static const treadle_scenario evicted = {
    .name = "sliding_window/evicted",
    .summary = "a full server may evict the window, and the limit is to hold all the same",
    .parameters = sliding_one_client,
    .expectations = expect_evicted,
    .thread_prefix = "client",
    .setup = sliding_setup_one_a_minute,
    .thread = acquire_twice,
    .check = sliding_check_admitted,
    .faults = {.evicted = 1},
};

/* ---- clocks that are wrong ---------------------------------------------------------------------
 */

static const treadle_parameter two[] = {{"threads", 2, 2, 4, "clients"}, {0}};

static const treadle_expectation expect_fast_clock[] = {
    TREADLE_REDIS_ROW("naive", VIOLATED, "over-admission",
                      "counts in its own time, and purges by it"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "over-admission",
                      "entries that still count are purged by the fast clock"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "over-admission",
                      "entries that still count are purged by the fast clock"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "the server's clock"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the server's clock"),
    {0},
};

static const treadle_scenario fast_clock_purges = {
    .name = "sliding_window/fast_clock_purges",
    .summary =
        "any client's clock may be 61 s fast or slow; one request is admitted in a minute all "
        "the same",
    .parameters = two,
    .expectations = expect_fast_clock,
    .thread_prefix = "client",
    .setup = sliding_setup_one_a_minute,
    .thread = sliding_acquire,
    .check = sliding_check_admitted,
    .faults = {.wrong_clocks = 1},
    .clock_offsets_ns = {INT64_C(61000000000), INT64_C(-61000000000)},
};

static void *setup_two_clients(const treadle_run *run)
{
    sliding_fixture *state = sliding_open(run, 2, 60);
    sliding_open_clients(state, 2);
    return state;
}

/* Two requests a minute are allowed. A client whose clock is an hour fast asks once; 65 s later its
 * request is past, and one of the other client's counts. */
static void ask_after_the_future(void *context, uint32_t index)
{
    static const sliding_step steps[] = {
        {.client = 1, .clock_fast_s = 3600}, {.pause_s = 10}, {.pause_s = 55}};
    (void)index;
    sliding_against_model(context, steps, sizeof steps / sizeof steps[0], "blocked");
}

static const treadle_expectation expect_future[] = {
    TREADLE_REDIS_ROW("naive", HOLDS, NULL, "does not count what lies in its future"),
    TREADLE_REDIS_ROW("proposed-lua", VIOLATED, "blocked",
                      "a score from the future counts until every client's clock has passed it"),
    TREADLE_REDIS_ROW("proposed-pipeline", VIOLATED, "blocked",
                      "a score from the future counts until every client's clock has passed it"),
    TREADLE_REDIS_ROW("watch", HOLDS, NULL, "the server's clock"),
    TREADLE_REDIS_ROW("fixed", HOLDS, NULL, "the server's clock"),
    {0},
};

static const treadle_scenario fast_clock_blocks = {
    .name = "sliding_window/fast_clock_blocks",
    .summary =
        "a client whose clock is an hour fast asks once; it does not block others for longer "
        "than a window",
    .parameters = sliding_one_client,
    .expectations = expect_future,
    .thread_prefix = "client",
    .setup = setup_two_clients,
    .thread = ask_after_the_future,
    .check = sliding_check_closed,
    .moves_clock = true,
};

const treadle_scenario *const treadle_sliding_window_faults[] = {
    &no_ttl,
    &cut_anywhere,
    &request_cancelled,
    &retry_after_lost_reply,
    &retry_charged_once,
    &scripts_lost,
    &scripts_lost_once,
    &refused_write,
    &any_error,
    &error_is_reported,
    &evicted,
    &fast_clock_purges,
    &fast_clock_blocks,
    NULL,
};
