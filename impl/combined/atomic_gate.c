// SPDX-License-Identifier: MIT
/*
 * The gate of `lockfree`: window and bucket are decided over by one compare-and-swap.
 *
 * The gate's word names a record, which nobody changes while it is named: when the bucket will be
 * full, by which terms, and the last change of the window. The window has a slot for each pass it
 * may hold, one word each; a change of the gate changes at most one of them. Whoever decides
 *
 *  1. reads word and record, and the word again: what it copied is of one moment;
 *  2. carries out the last change of the window, if nobody has: its author leaves it to others;
 *  3. decides by what it has read, and writes its decision into a record of its own;
 *  4. swaps the word over to that. When this fails, others have changed the gate: from the start.
 *
 * So the bucket's token and the window's slot are taken, and given back, in the same instant, and
 * a request that is refused has changed nothing that anybody could meet: there is no reservation
 * to be undone. The swaps are the linearization points; a request that is refused without one is
 * so at its second reading of the word.
 *
 * A late helper does no harm: a slot's words carry the gate's stamp, which grows with every change,
 * so none comes twice, and a swap from an old one fails. A swap of the gate's word that comes late
 * fails too, by the version in it (44 bits: a thread would have to be held up for exactly as many
 * changes).
 *
 * Who passes owns a record until it gives back or keeps, so that giving back needs no memory.
 * Records and terms are freed with the gate: as many as there were passes out at once, and
 * reconfigurations.
 *
 * The only cancellation point is the wait for a token. Its clean-up handler gives room and token
 * back in one change.
 *
 * Nobody who waits for a token moves up. When two or more tokens have come back meanwhile, whoever
 * asks next may pass before him; he still passes at the time that he was promised.
 */

#include "gate.h"

#include "../token_bucket/token_pace.h"
#include "growing_array.h"

#include <ck_pr.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The gate's word and the free list's: a version, and the number of a record. */
#define NUMBER_BITS 20
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1)

/* A stamp: the time of a change in nanoseconds since the gate was opened, and which of those of
 * that nanosecond it is. */
#define STAMP_BITS 3

/* A slot's word: a stamp, and what is in the slot. Zero is an empty slot. */
#define KIND_BITS 2
#define KIND_MASK ((UINT64_C(1) << KIND_BITS) - 1)
enum kind { EMPTY, PASSED, SET_ASIDE };

/* After 18 years a stamp has no room for more: nobody passes any more, others give back. */
#define TIME_STOPS_NS (TOKEN_PACE_HORIZON_NS - 1)

/* How often a look at a gate that changes meanwhile begins again; the last is taken as it is. */
#define LOOKS_MAX 64

struct gate_terms;

struct gate {
    _Alignas(64) _Atomic uint64_t word; /* a version and a record */
    _Atomic uint64_t free;              /* a version and the first record on the free list */
    _Atomic uint64_t made;              /* records, number 0 being none */
    int64_t opened_ns;
    _Atomic(struct gate_terms *) terms; /* all there ever were */
    struct growing_array records;
    struct growing_array slots; /* words */
};

/* Never changed once a record names them; their address serves as their epoch. */
struct gate_terms {
    struct gate_terms *older;
    struct token_pace pace;
    int64_t window_ns;
    size_t limit;
    size_t slots; /* at least `limit`: the most that it ever was */
};

/* What a record says. */
struct state {
    const struct gate_terms *terms;
    int64_t full_at_ns;    /* of the bucket */
    int64_t full_until_ns; /* of the window, where somebody has looked; else 0 */
    uint64_t stamp;        /* of the last change */
    uint64_t slot;         /* that it changed, */
    uint64_t before;       /* from this */
    uint64_t after;        /* to that; the same: it changed none */
};

/* A record that has been named once may be written again while a late reader copies it. The order
 * of the accesses lets that reader see that the word has moved on. */
struct record {
    _Atomic(const struct gate_terms *) terms;
    _Atomic int64_t full_at_ns;
    _Atomic int64_t full_until_ns;
    _Atomic uint64_t stamp;
    _Atomic uint64_t slot;
    _Atomic uint64_t before;
    _Atomic uint64_t after;
    _Atomic uint64_t next_free;
};
_Static_assert(sizeof(struct record) == 64, "a record is a cache line");

/* The gate at one moment, and a time not before it. */
struct view {
    uint64_t word;
    struct state state;
    int64_t now_ns;
};

#define GET(field) atomic_load_explicit(&(field), memory_order_acquire)
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_release)

static bool swap(_Atomic uint64_t *place, uint64_t *expected, uint64_t with)
{
    return atomic_compare_exchange_strong_explicit(place, expected, with, memory_order_acq_rel,
                                                   memory_order_acquire);
}

static uint64_t next_version(uint64_t word, uint64_t number)
{
    return ((word >> NUMBER_BITS) + 1) << NUMBER_BITS | number;
}

/* ---- records --------------------------------------------------------------------------------- */

static struct record *record_at(struct gate *gate, uint64_t number)
{
    return growing_array_at(&gate->records, number);
}

static uint32_t make_record(struct gate *gate)
{
    uint64_t number = GET(gate->made);
    do {
        if (number > NUMBER_MASK || !growing_array_reach(&gate->records, number + 1)) {
            return 0;
        }
    } while (!swap(&gate->made, &number, number + 1));
    return (uint32_t)number;
}

/* The number of a record that is the caller's alone, or 0. */
static uint32_t take_record(struct gate *gate)
{
    uint64_t first = GET(gate->free);
    while ((first & NUMBER_MASK) != 0) {
        const uint64_t number = first & NUMBER_MASK;
        const uint64_t second = GET(record_at(gate, number)->next_free);
        if (swap(&gate->free, &first, next_version(first, second))) {
            return (uint32_t)number;
        }
    }
    return make_record(gate);
}

static void free_record(struct gate *gate, uint32_t number)
{
    uint64_t first = GET(gate->free);
    do {
        SET(record_at(gate, number)->next_free, first & NUMBER_MASK);
    } while (!swap(&gate->free, &first, next_version(first, number)));
}

static struct state read_record(const struct record *record)
{
    return (struct state){
        .terms = GET(record->terms),
        .full_at_ns = GET(record->full_at_ns),
        .full_until_ns = GET(record->full_until_ns),
        .stamp = GET(record->stamp),
        .slot = GET(record->slot),
        .before = GET(record->before),
        .after = GET(record->after),
    };
}

static void write_record(struct record *record, const struct state *state)
{
    SET(record->terms, state->terms);
    SET(record->full_at_ns, state->full_at_ns);
    SET(record->full_until_ns, state->full_until_ns);
    SET(record->stamp, state->stamp);
    SET(record->slot, state->slot);
    SET(record->before, state->before);
    SET(record->after, state->after);
}

/* ---- looking and changing -------------------------------------------------------------------- */

static _Atomic uint64_t *slot_at(struct gate *gate, uint64_t slot)
{
    return growing_array_at(&gate->slots, slot);
}

/* To be called before slots are read or the gate is changed. Once the slot has left `before` it
 * never holds it again. */
static void complete(struct gate *gate, const struct view *view)
{
    const struct state *state = &view->state;
    if (state->before != state->after) {
        _Atomic uint64_t *slot = slot_at(gate, state->slot);
        uint64_t before = GET(*slot);
        if (before == state->before) {
            (void)swap(slot, &before, state->after);
        }
    }
}

static void look(struct gate *gate, struct view *view)
{
    do {
        view->word = GET(gate->word);
        view->state = read_record(record_at(gate, view->word & NUMBER_MASK));
    } while (GET(gate->word) != view->word);

    /* After the word, so that stamps follow the order of changes. */
    const int64_t now_ns = token_pace_monotonic_ns() - gate->opened_ns;
    view->now_ns = now_ns < TIME_STOPS_NS ? now_ns : TIME_STOPS_NS;
}

/* The state that follows, with nothing changed yet. */
static struct state following(const struct view *view)
{
    struct state next = view->state;
    const uint64_t now = (uint64_t)view->now_ns << STAMP_BITS;
    next.stamp = now > next.stamp ? now : next.stamp + 1;
    next.after = next.before;
    return next;
}

static void change_slot(struct state *next, uint64_t slot, uint64_t before, enum kind kind)
{
    next->slot = slot;
    next->before = before;
    next->after = next->stamp << KIND_BITS | kind;
    next->full_until_ns = 0;
}

/* Whoever lost a race lets the winner go on with what it has in its cache. */
static void back_off(void)
{
    for (int i = 0; i < 64; i++) {
        ck_pr_stall();
    }
}

/* *number is the caller's record before, and, when this succeeds, another one after. */
static bool commit(struct gate *gate, const struct view *view, const struct state *next,
                   uint32_t *number)
{
    uint64_t word = view->word;

    write_record(record_at(gate, *number), next);
    if (!swap(&gate->word, &word, next_version(word, *number))) {
        back_off();
        return false;
    }
    *number = (uint32_t)(view->word & NUMBER_MASK);
    return true;
}

/* ---- the bucket ------------------------------------------------------------------------------ */

/* The bucket's time: that of one that is never refilled stands still. */
static int64_t time_of_bucket(const struct token_pace *pace, const struct view *view)
{
    return pace->refilled ? view->now_ns : 0;
}

/* Takes the next token if it is there or due at `latest_ns` at the latest; says when it is due,
 * which is not after now_ns when it is there. */
static bool take_token(const struct view *view, int64_t latest_ns, struct state *next,
                       int64_t *due_ns)
{
    const struct token_pace *pace = &view->state.terms->pace;
    const int64_t now_ns = time_of_bucket(pace, view);

    *due_ns = token_pace_due(pace, next->full_at_ns, now_ns);
    if (*due_ns > now_ns && (*due_ns > latest_ns || *due_ns == TOKEN_PACE_NEVER)) {
        return false;
    }
    next->full_at_ns = token_pace_take(pace, next->full_at_ns, now_ns);
    return true;
}

static void return_token(const struct view *view, struct state *next)
{
    const struct token_pace *pace = &view->state.terms->pace;
    next->full_at_ns = token_pace_give_back(pace, next->full_at_ns, time_of_bucket(pace, view));
}

/* ---- the window ------------------------------------------------------------------------------ */

/* When the slot will be free, not after now when it is. Who waits for its token will not have left
 * before this. */
static int64_t free_at_ns(const struct view *view, uint64_t word)
{
    const int64_t window_ns = view->state.terms->window_ns;

    switch ((enum kind)(word & KIND_MASK)) {
    case PASSED: return (int64_t)(word >> (KIND_BITS + STAMP_BITS)) + window_ns;
    case SET_ASIDE: return view->now_ns + window_ns;
    case EMPTY: break;
    }
    return 0;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A free slot, if there is room. If not, *full_until_ns is how long at least, as long as nobody
 * gives back. What a lowered limit has left beyond it takes room from what is below. */
static bool find_room(struct gate *gate, const struct view *view, size_t *slot, uint64_t *before,
                      int64_t *full_until_ns)
{
    const struct gate_terms *terms = view->state.terms;
    size_t wanted = 1;

    *full_until_ns = INT64_MAX;
    for (size_t i = terms->limit; i < terms->slots; i++) {
        const int64_t at_ns = free_at_ns(view, GET(*slot_at(gate, i)));
        if (at_ns > view->now_ns) {
            *full_until_ns = sooner(*full_until_ns, at_ns);
            wanted++;
        }
    }
    /* Where none gives back, the slot after the one that changed last is the oldest. */
    size_t i = view->state.slot;
    for (size_t n = 0; n < terms->limit; n++) {
        i = i + 1 < terms->limit ? i + 1 : 0;
        const uint64_t word = GET(*slot_at(gate, i));
        const int64_t at_ns = free_at_ns(view, word);
        if (at_ns > view->now_ns) {
            *full_until_ns = sooner(*full_until_ns, at_ns);
            continue;
        }
        *slot = i;
        *before = word;
        if (--wanted == 0) {
            return true;
        }
    }
    return false;
}

/* How many have passed and count. */
static size_t count_passed(struct gate *gate, const struct view *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->state.terms->slots; i++) {
        const uint64_t word = GET(*slot_at(gate, i));
        count += (word & KIND_MASK) == PASSED && free_at_ns(view, word) > view->now_ns;
    }
    return count;
}

/* Whether a limit that was lowered leaves no room for one who had some set aside. */
static bool crowded_out(struct gate *gate, const struct view *view)
{
    const struct gate_terms *terms = view->state.terms;
    return terms->slots > terms->limit && count_passed(gate, view) >= terms->limit;
}

/* ---- waiting for a token --------------------------------------------------------------------- */

/* Of a token that is due later, under the terms at that time: a reconfiguration voids it. */
struct promise {
    struct gate *gate;
    struct gate_pass *pass;
    const struct gate_terms *terms;
    int64_t latest_ns;
    int64_t due_ns;
};

enum step { STEP_ADMITTED, STEP_REFUSED, STEP_WAIT, STEP_ERROR };

static void leave(const struct promise *promise, const struct view *view, struct state *next)
{
    if (view->state.terms == promise->terms) {
        return_token(view, next);
    }
    change_slot(next, promise->pass->slot, promise->pass->id, EMPTY);
}

static void break_promise(void *argument)
{
    const struct promise *promise = argument;
    struct view view;
    struct state next;

    do {
        look(promise->gate, &view);
        complete(promise->gate, &view);
        next = following(&view);
        leave(promise, &view, &next);
    } while (!commit(promise->gate, &view, &next, &promise->pass->record));
    free_record(promise->gate, promise->pass->record);
}

static void sleep_until_due(struct promise *promise)
{
    const struct timespec due = token_pace_timespec(promise->gate->opened_ns + promise->due_ns);

    pthread_cleanup_push(break_promise, promise);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
    }
    pthread_cleanup_pop(0);
}

/* The time has come: what was set aside becomes a pass, or the wait begins anew. */
static enum step decide_settling(const struct promise *promise, const struct view *view,
                                 struct state *next, int64_t *due_ns)
{
    const struct gate_pass *pass = promise->pass;

    *due_ns = promise->due_ns;
    if (view->state.terms != promise->terms &&
        !take_token(view, promise->latest_ns, next, due_ns)) {
        change_slot(next, pass->slot, pass->id, EMPTY);
        return STEP_REFUSED;
    }
    if (*due_ns > view->now_ns) {
        return STEP_WAIT;
    }
    if (crowded_out(promise->gate, view)) {
        return_token(view, next);
        change_slot(next, pass->slot, pass->id, EMPTY);
        return STEP_REFUSED;
    }
    change_slot(next, pass->slot, pass->id, PASSED);
    return STEP_ADMITTED;
}

static enum step settle(struct promise *promise)
{
    struct view view;
    struct state next;
    enum step step;
    int64_t due_ns;

    do {
        look(promise->gate, &view);
        complete(promise->gate, &view);
        next = following(&view);
        step = decide_settling(promise, &view, &next, &due_ns);
    } while (!commit(promise->gate, &view, &next, &promise->pass->record));
    promise->terms = view.state.terms;
    promise->due_ns = due_ns;
    promise->pass->id = step == STEP_ADMITTED ? next.after : promise->pass->id;
    return step;
}

/* ---- passing --------------------------------------------------------------------------------- */

/* What becomes of a request that has just come. When it gets in, `next` has its slot. */
static enum step decide_entering(struct gate *gate, const struct view *view,
                                 struct promise *promise, struct state *next)
{
    size_t slot;
    uint64_t before;
    int64_t full_until_ns;

    if (!find_room(gate, view, &slot, &before, &full_until_ns)) {
        *next = following(view); /* nothing is taken; what was seen is noted for those who follow */
        next->full_until_ns = full_until_ns;
        return STEP_REFUSED;
    }
    const bool wait = promise->due_ns > time_of_bucket(&view->state.terms->pace, view);
    change_slot(next, slot, before, wait ? SET_ASIDE : PASSED);
    *promise->pass = (struct gate_pass){
        .id = next->after, .slot = (uint32_t)slot, .record = promise->pass->record};
    promise->terms = view->state.terms;
    return wait ? STEP_WAIT : STEP_ADMITTED;
}

/* Who is refused by what was seen already writes nothing. */
static enum step enter(struct promise *promise)
{
    struct gate *gate = promise->gate;
    uint32_t *record = &promise->pass->record;
    struct view view;
    struct state next;
    enum step step;

    do {
        look(gate, &view);
        next = following(&view);
        if (view.now_ns == TIME_STOPS_NS) {
            return STEP_ERROR;
        }
        if (view.state.full_until_ns > view.now_ns ||
            !take_token(&view, promise->latest_ns, &next, &promise->due_ns)) {
            return STEP_REFUSED;
        }
        complete(gate, &view);
        if (*record == 0 && (*record = take_record(gate)) == 0) {
            return STEP_ERROR;
        }
        step = decide_entering(gate, &view, promise, &next);
    } while (!commit(gate, &view, &next, record));
    return step;
}

static enum rate_decision atomic_pass(struct gate *gate, const struct timespec *deadline,
                                      struct gate_pass *pass)
{
    struct promise promise = {
        .gate = gate,
        .pass = pass,
        .latest_ns = deadline != NULL ? token_pace_timespec_ns(deadline) - gate->opened_ns
                                      : TOKEN_PACE_NEVER,
    };
    pass->record = 0;
    enum step step = enter(&promise);
    while (step == STEP_WAIT) {
        sleep_until_due(&promise);
        step = settle(&promise);
    }
    if (step == STEP_ADMITTED) {
        return RATE_ADMITTED;
    }
    if (pass->record != 0) {
        free_record(gate, pass->record);
    }
    return step == STEP_REFUSED ? RATE_REFUSED : RATE_ERROR;
}

static void atomic_keep(struct gate *gate, struct gate_pass *pass)
{
    free_record(gate, pass->record);
}

static void atomic_give_back(struct gate *gate, struct gate_pass *pass)
{
    struct view view;
    struct state next;

    do {
        look(gate, &view);
        complete(gate, &view);
        next = following(&view);
        return_token(&view, &next);
        if (GET(*slot_at(gate, pass->slot)) == pass->id) { /* or it has expired */
            change_slot(&next, pass->slot, pass->id, EMPTY);
        }
    } while (!commit(gate, &view, &next, &pass->record));
    free_record(gate, pass->record);
}

/* ---- opening and reconfiguring --------------------------------------------------------------- */

/* Terms that the gate will free, with slots for them. */
static struct gate_terms *make_terms(struct gate *gate, const struct rate_limits *window,
                                     const struct token_bucket_limits *bucket, char *error,
                                     size_t error_size)
{
    struct token_pace pace;
    if (!rate_limits_validate(window, error, error_size) ||
        !token_pace_of(bucket, &pace, error, error_size)) {
        return NULL;
    }
    struct gate_terms *terms = malloc(sizeof *terms);
    if (terms == NULL || !growing_array_reach(&gate->slots, (size_t)window->rpm)) {
        free(terms);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    *terms = (struct gate_terms){
        .older = GET(gate->terms),
        .pace = pace,
        .window_ns = 1000 * rate_limits_window_us(window),
        .limit = (size_t)window->rpm,
        .slots = (size_t)window->rpm,
    };
    while (!atomic_compare_exchange_strong_explicit(&gate->terms, &terms->older, terms,
                                                    memory_order_acq_rel, memory_order_acquire)) {
    }
    return terms;
}

static void atomic_close(struct gate *gate)
{
    if (gate == NULL) {
        return;
    }
    struct gate_terms *terms = GET(gate->terms);
    while (terms != NULL) {
        struct gate_terms *older = terms->older;
        free(terms);
        terms = older;
    }
    growing_array_free(&gate->records);
    growing_array_free(&gate->slots);
    free(gate);
}

static struct gate *make_gate(void)
{
    struct gate *gate = aligned_alloc(_Alignof(struct gate), sizeof *gate);
    if (gate != NULL) {
        atomic_init(&gate->word, 0);
        atomic_init(&gate->free, 0);
        atomic_init(&gate->made, 1);
        atomic_init(&gate->terms, NULL);
        growing_array_init(&gate->records, sizeof(struct record));
        growing_array_init(&gate->slots, sizeof(uint64_t));
        gate->opened_ns = token_pace_monotonic_ns();
    }
    return gate;
}

static struct gate *atomic_open(const struct rate_limits *window,
                                const struct token_bucket_limits *bucket, char *error,
                                size_t error_size)
{
    struct gate *gate = make_gate();
    const uint32_t first = gate != NULL ? make_record(gate) : 0;
    const struct gate_terms *terms = NULL;

    if (first == 0) {
        snprintf(error, error_size, "out of memory");
    } else {
        terms = make_terms(gate, window, bucket, error, error_size);
    }
    if (terms == NULL) {
        atomic_close(gate);
        return NULL;
    }
    write_record(record_at(gate, first), &(struct state){.terms = terms, .slot = terms->limit - 1});
    SET(gate->word, first);
    return gate;
}

/* The tokens that there would be without the promises, which the new terms void. */
static double unpromised_tokens(const struct view *view)
{
    const struct token_pace *pace = &view->state.terms->pace;
    const double tokens =
        token_pace_tokens(pace, view->state.full_at_ns, time_of_bucket(pace, view));
    return tokens < 0 ? tokens - floor(tokens) : tokens;
}

static bool atomic_reconfigure(struct gate *gate, const struct rate_limits *window,
                               const struct token_bucket_limits *bucket, char *error,
                               size_t error_size)
{
    struct gate_terms *terms = make_terms(gate, window, bucket, error, error_size);
    if (terms == NULL) {
        return false;
    }
    uint32_t record = take_record(gate);
    if (record == 0) {
        snprintf(error, error_size, "out of memory");
        return false;
    }
    struct view view;
    struct state next;
    do {
        look(gate, &view);
        complete(gate, &view);
        const size_t slots = view.state.terms->slots;
        terms->slots = slots > terms->limit ? slots : terms->limit;
        next = following(&view);
        next.terms = terms;
        next.full_until_ns = 0;
        next.full_at_ns = token_pace_holding(&terms->pace, unpromised_tokens(&view),
                                             time_of_bucket(&terms->pace, &view));
    } while (!commit(gate, &view, &next, &record));
    free_record(gate, record);
    return true;
}

static void atomic_look(struct gate *gate, long long *window, double *tokens)
{
    struct view view;
    int looks = 0;

    do {
        look(gate, &view);
        complete(gate, &view);
        *window = (long long)count_passed(gate, &view);
    } while (GET(gate->word) != view.word && ++looks < LOOKS_MAX);
    const struct token_pace *pace = &view.state.terms->pace;
    *tokens = token_pace_tokens(pace, view.state.full_at_ns, time_of_bucket(pace, &view));
    *tokens = *tokens > 0 ? *tokens : 0;
}

const struct gate_variant gate_atomic = {
    .open = atomic_open,
    .close = atomic_close,
    .pass = atomic_pass,
    .give_back = atomic_give_back,
    .keep = atomic_keep,
    .reconfigure = atomic_reconfigure,
    .look = atomic_look,
};
