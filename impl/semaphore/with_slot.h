// SPDX-License-Identifier: MIT
#ifndef SEMAPHORE_WITH_SLOT_H
#define SEMAPHORE_WITH_SLOT_H

/*
 * The `async with semaphore.acquire():` of the original: hold a slot while a request runs, and
 * return it exactly once however the request ends: it succeeds, fails, or its thread is cancelled
 * or exits. (A request must not longjmp out.)
 */

#include "semaphore.h"

/* False: the request failed. */
typedef bool semaphore_request(void *context);

/* What acquiring said; RATE_ADMITTED: the request ran, and *succeeded is what it returned. */
enum rate_decision semaphore_with_slot(const struct semaphore_variant *variant,
                                       struct global_semaphore *semaphore,
                                       const struct timespec *deadline, semaphore_request *request,
                                       void *context, bool *succeeded);

#endif
