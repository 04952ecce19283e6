// SPDX-License-Identifier: MIT
#ifndef WINDOW_HISTORY_H
#define WINDOW_HISTORY_H

/*
 * The window model for histories: what a concurrent limiter on one provider may answer.
 *
 * The four calls have no arguments. Each is judged by the time that it read last. The model forgets
 * nothing but by reset, so it asks for the strict order: an entry that had expired for one call
 * counts still for another that read the clock earlier, wherever that one is put.
 */

#include "tools/checkers/linearizability.h"

enum window_history_function {
    WINDOW_HISTORY_ACQUIRE, /* result: 1 admitted, 0 refused */
    WINDOW_HISTORY_CHECK,   /* result: 1 would be admitted, 0 would not */
    WINDOW_HISTORY_COUNT,   /* result: how many requests the window holds */
    WINDOW_HISTORY_RESET,   /* result: any */
    WINDOW_HISTORY_FUNCTIONS,
};

extern const char *const window_history_functions[WINDOW_HISTORY_FUNCTIONS];

struct window_history_config {
    long long limit;
    double window_s;
};

/* To be given a struct window_history_config. At most TREADLE_HISTORY_MAX admissions fit. */
extern const treadle_model window_history_model;

#endif
