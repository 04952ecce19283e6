// SPDX-License-Identifier: MIT
/*
 * Serial outcomes: with no model at all, the calls are run in every serial order first and the
 * outcomes collected; any other outcome of a concurrent execution is an atomicity violation.
 * (Burckhardt, Dern, Musuvathi, Tan, "Line-Up: a complete and automatic linearizability checker",
 * 2010; here the whole outcome is compared, not each call's result.)
 *
 * The collection is one a process and is made by the sandbox, with the strategy `serial`. Not
 * thread-safe; treadle_outcome_text() is to be called inside an execution.
 */
#ifndef TREADLE_CHECKERS_SERIAL_H
#define TREADLE_CHECKERS_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* From a scenario's check(): the outcome as text, all that calls returned and left behind, in an
 * order that does not depend on the schedule. While serial orders are run it is added to the
 * collection; afterwards an outcome that is not in it ends the execution as a violation of
 * "atomicity". At most 199 characters, or the execution ends as cut. */
void treadle_outcome_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From the sandbox: what treadle_outcome_text() does from now on. `collect` empties the
 * collection. */
void treadle_serial_collect(void);
void treadle_serial_compare(void);
/* How many different outcomes there are; false when there were more than can be kept. */
bool treadle_serial_outcomes(uint32_t *count);

#endif
