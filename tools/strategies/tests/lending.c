// SPDX-License-Identifier: MIT
#include "tools/strategies/tests/lending.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/strategies/dpor.h"
#include "tools/strategies/strategies.h"

enum { LOANS_MAX = 512, PART_MAX = 1 << 20, DEPTH_MAX = 6 };

static const treadle_strategy *const strategy = &treadle_strategy_dpor;

typedef struct context {
    const treadle_program *program;
    const treadle_execution_options *options;
    lending_end (*end_of)(uint64_t hash, const treadle_outcome *outcome);
    treadle_strategy_options strategy_options;
    uint64_t random;
    uint32_t eager; /* of 4, how often something is lent, and explored, after an execution */
    void *spare[DEPTH_MAX]; /* instances for borrowers, by depth */
} context;

/* A part that was lent. */
typedef struct part {
    uint16_t loan; /* 0 = free */
    bool done;
    void *bytes; /* what it is, or what the borrower gave back */
    size_t size;
    lending_found found;
} part;

typedef struct lender {
    context *in;
    void *state;
    uint32_t depth;
    uint16_t last_loan;
    part parts[LOANS_MAX];
} lender;

static uint32_t below(context *in, uint32_t limit)
{
    in->random ^= in->random << 13;
    in->random ^= in->random >> 7;
    in->random ^= in->random << 17;
    return (uint32_t)((in->random * UINT64_C(0x2545f4914f6cdd1d) >> 33) % limit);
}

static void hear(lending_found *found, lending_end end)
{
    if (found->count == found->capacity) {
        found->capacity = found->capacity ? found->capacity * 2 : 64;
        found->ends = realloc(found->ends, found->capacity * sizeof found->ends[0]);
        cr_assert_not_null(found->ends);
    }
    found->ends[found->count++] = end;
}

static void *copy_of(const void *bytes, size_t size)
{
    void *copy = malloc(size);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void run(context *in, void *state, uint32_t depth, lending_found *found);

static void explore_part(lender *self, part *at)
{
    void **state = &self->in->spare[self->depth];
    if (*state == NULL) {
        *state = strategy->create(&self->in->strategy_options);
    }
    cr_assert(strategy->lending->borrow(*state, at->bytes, at->size));
    run(self->in, *state, self->depth + 1, &at->found);
    size_t size;
    const void *given = strategy->lending->give_back(*state, &size);
    cr_assert_not_null(given);
    free(at->bytes);
    at->bytes = copy_of(given, size);
    at->size = size;
    at->done = true;
}

static void lend_one(lender *self)
{
    part *at = self->parts;
    while (at < self->parts + LOANS_MAX && at->loan != 0) {
        at++;
    }
    size_t size;
    const void *bytes = at == self->parts + LOANS_MAX
                            ? NULL
                            : strategy->lending->lend(self->state, (uint16_t)(self->last_loan + 1),
                                                      below(self->in, 2), PART_MAX, &size);
    if (bytes != NULL) {
        *at = (part){.loan = ++self->last_loan, .bytes = copy_of(bytes, size), .size = size};
    }
}

/* Lends some, and explores some, latest first. */
static void lend_some(lender *self)
{
    while (self->depth < DEPTH_MAX && below(self->in, 4) < self->in->eager) {
        lend_one(self);
        for (part *at = self->parts + LOANS_MAX; at-- > self->parts;) {
            if (at->loan != 0 && !at->done && below(self->in, 4) == 0) {
                explore_part(self, at);
                break;
            }
        }
    }
}

static void settle(lender *self, lending_found *found, uint16_t loan)
{
    part *at = self->parts;
    while (at->loan != loan) {
        at++;
        cr_assert(at < self->parts + LOANS_MAX, "an unknown loan is due");
    }
    if (!at->done) {
        explore_part(self, at);
    }
    strategy->lending->settle(self->state, at->bytes, at->size);
    for (uint64_t i = 0; i < at->found.count; i++) {
        hear(found, at->found.ends[i]);
    }
    found->redundant += at->found.redundant;
    found->loans += at->found.loans + 1;
    found->unneeded += at->found.unneeded;
    free(at->bytes);
    free(at->found.ends);
    at->loan = 0;
}

static void run(context *in, void *state, uint32_t depth, lending_found *found)
{
    lender *self = calloc(1, sizeof *self);
    cr_assert_not_null(self);
    self->in = in;
    self->state = state;
    self->depth = depth;
    for (uint64_t i = 0; strategy->begin(state, i); i++) {
        treadle_outcome outcome;
        treadle_execute(in->program, in->options, strategy, state, &outcome);
        strategy->end(state, &outcome);
        const uint16_t due = strategy->lending->due(state);
        if (due != 0) {
            lend_some(self);
            settle(self, found, due);
        } else if (outcome.kind == TREADLE_OUTCOME_REDUNDANT) {
            found->redundant++;
        } else {
            hear(found, in->end_of(treadle_dpor_trace_hash(state), &outcome));
        }
        lend_some(self);
    }
    for (part *at = self->parts; at < self->parts + LOANS_MAX; at++) {
        if (at->loan != 0) {
            found->unneeded++;
            free(at->bytes);
            free(at->found.ends);
        }
    }
    free(self);
}

void lending_explore(lending_found *found, const treadle_program *program,
                     const treadle_execution_options *options,
                     lending_end (*end_of)(uint64_t hash, const treadle_outcome *outcome),
                     bool symmetric, uint64_t seed)
{
    context in = {.program = program,
                  .options = options,
                  .end_of = end_of,
                  .strategy_options = {.symmetric = symmetric},
                  .random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
                  .eager = 1 + (uint32_t)seed % 3};
    *found = (lending_found){0};
    void *state = strategy->create(&in.strategy_options);
    run(&in, state, 0, found);
    strategy->destroy(state);
    for (uint32_t i = 0; i < DEPTH_MAX; i++) {
        if (in.spare[i] != NULL) {
            strategy->destroy(in.spare[i]);
        }
    }
}
