// SPDX-License-Identifier: MIT
/* What the files of optimal partial order reduction share: the path from the first step to the
 * last, and what is asleep and still to be explored along it. See dpor.c. */
#ifndef TREADLE_STRATEGIES_DPOR_INTERNAL_H
#define TREADLE_STRATEGIES_DPOR_INTERNAL_H

#include "tools/engine/engine.h"
#include "tools/engine/observe.h"
#include "tools/strategies/dpor.h"
#include "tools/strategies/order.h"
#include "tools/strategies/parcel.h"
#include "tools/strategies/step.h"
#include "tools/strategies/wakeup.h"

enum {
    POSITIONS_MAX = TREADLE_ORDER_STEPS_MAX + 1,
    ASLEEP_MAX = 1 << 20,
    VALUES_MAX = 1 << 17,
};

typedef struct position {
    treadle_wakeup *children; /* still to be explored from here */
    uint64_t enabled;
    uint64_t diverted;  /* by its step */
    uint32_t asleep;    /* where its list begins; it ends where the next position's begins */
    uint32_t inherited; /* so many of them come from the position before */
    uint32_t asleep_count;
    uint32_t values; /* decided before it, in steps */
    bool open;       /* what its step decides was not known */
    bool stuck;      /* nobody could go on */
    uint32_t decisions;
    uint32_t run; /* of the plan, that its step belongs to; and its steps up to that */
    uint32_t run_steps;
    uint64_t placed;  /* symmetric threads that have taken their places */
    uint32_t turn;    /* the step by which the last one did */
    bool takes_place; /* so does its step */
} position;

/* What the next step is to decide: these values, then the first options. */
typedef struct guidance {
    uint32_t thread;
    uint32_t count;
    uint16_t values[UINT8_MAX];
} guidance;

/* A step that is asleep at a position of the lender's. */
typedef struct lent_sleeper {
    uint32_t position;
    treadle_executed *step;
} lent_sleeper;

typedef struct dpor {
    treadle_step_pool *steps;
    treadle_order *order;
    treadle_wakeup_pool *nodes;
    bool symmetric;

    /* The path. Position i is before step i. */
    position positions[POSITIONS_MAX];
    treadle_executed *asleep[ASLEEP_MAX];
    treadle_step_value values[VALUES_MAX];
    uint16_t taken[VALUES_MAX]; /* likewise, for the plan */
    treadle_plan_run runs[POSITIONS_MAX];
    uint32_t planned; /* positions whose runs are known */
    uint32_t value_count;
    uint32_t prologue;       /* values decided before the first step; the first of them … */
    uint32_t prologue_given; /* … are given, the others the first options */

    /* The execution under way. */
    uint32_t from;         /* steps that it repeats of the one before */
    bool resuming;         /* the next position is where it leaves that */
    bool running;          /* a step is under way */
    bool at_leaf;          /* it ends a sequence */
    bool free;             /* after it everything is to be explored; else: */
    treadle_wakeup *below; /* … this; or, of a leaf, what it seems to cover */
    guidance guide;        /* of it */
    treadle_gate gate;     /* what its thread waited for before it */
    const treadle_footprint *footprint;
    bool any_diverted;    /* by a step of any execution so far */
    const char *exceeded; /* a limit */
    bool out_of_turn;     /* it ended where nobody's turn had come */

    treadle_sequence sequence;
    treadle_dpor_counts counts;

    /* Loans. */
    uint16_t loan;       /* of the leaf that this execution comes to */
    uint16_t due;        /* likewise, when it has come there */
    uint32_t root;       /* of a borrower: the length of the path to its part; else 0 */
    uint32_t lent_from;  /* … the position that its first execution leaves the lender's path at */
    uint32_t lent_count; /* … of those who are asleep on that path */
    uint32_t lent_room;
    lent_sleeper *lent;
    treadle_parcel parcel; /* what is lent or given back */
} dpor;

static inline treadle_executed *const *dpor_asleep_at(const dpor *self, const position *at)
{
    return &self->asleep[at->asleep];
}

/* self->sequence is to be explored from here, unless it has been or is going to be. False when a
 * limit is exceeded. */
bool dpor_explore(dpor *self, position *at);

/* After an execution: everything that it shows to be possible, and that was not explored, is to be
 * explored. `whole`: it was not given up on the way. */
void dpor_reverse(dpor *self, bool whole);

/* Parts of the space for others to explore. */
extern const treadle_lending dpor_lending;

#endif
