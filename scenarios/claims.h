// SPDX-License-Identifier: MIT
/*
 * Claims: what the document on the seven race conditions and its analysis say, each tied to the
 * scenario that decides it. The table says what is claimed and where to look, never what is true:
 * that is found by exploring (tools/explore/ledger.h).
 *
 * Constants only.
 */
#ifndef TREADLE_SCENARIOS_CLAIMS_H
#define TREADLE_SCENARIOS_CLAIMS_H

#include <stddef.h>

#include "scenarios/scenario.h"

typedef enum treadle_claim_sense {
    TREADLE_CLAIM_BREAKS, /* the variant breaks the property there */
    TREADLE_CLAIM_HOLDS,  /* it does not */
} treadle_claim_sense;

typedef struct treadle_claim {
    const char *id;     /* never given to another claim */
    const char *source; /* where it is made: "document 1", "analysis 3" */
    const char *text;   /* one sentence */
    treadle_claim_sense sense;
    const char *scenario;
    const char *variant;
    treadle_backend backend;
    const char *property; /* that is said to break or hold; NULL: any */
} treadle_claim;

extern const treadle_claim treadle_claims[];
extern const size_t treadle_claim_count;

/* Whether the claim says that a proposed solution has a defect. */
bool treadle_claim_is_defect(const treadle_claim *claim);

#endif
