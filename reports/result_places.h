// SPDX-License-Identifier: MIT
/* The moments of a counterexample (moments.h) with their places in the source: what tools that
 * show findings beside code are given. */
#ifndef TREADLE_REPORTS_RESULT_PLACES_H
#define TREADLE_REPORTS_RESULT_PLACES_H

#include "reports/moments.h"
#include "reports/source_place.h"

typedef struct treadle_result_place {
    treadle_moment moment; /* borrows the result's trace */
    treadle_source_place place;
} treadle_result_place;

/* In the order of the trace, the last where it went wrong. Those without a known line are left
 * out. */
typedef struct treadle_result_places {
    uint32_t count;
    treadle_result_place items[TREADLE_MOMENTS_MAX];
} treadle_result_places;

/* Empty when the result has no trace, or there is no memory. */
void treadle_result_places_of(const treadle_result *result, const treadle_writer_options *options,
                              treadle_result_places *places);

#endif
