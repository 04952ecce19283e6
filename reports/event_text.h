// SPDX-License-Identifier: MIT
/*
 * An event of a trace in a few words: "lock m1", "rmw x4 0 → 1", "sleep until +60s".
 *
 * Objects have the trace's numbers behind a letter for what they are: m a lock, c a condition
 * variable, s a semaphore, b a barrier, o a once flag, x memory.
 */
#ifndef TREADLE_REPORTS_EVENT_TEXT_H
#define TREADLE_REPORTS_EVENT_TEXT_H

#include "tools/engine/trace.h"

/* A new string without control characters, to be freed; NULL when out of memory. */
char *treadle_event_describe(const treadle_trace *trace, const treadle_event *event);

/* "x4", "m1": what the operation acts on; "" when that is a thread, or nothing. */
enum { TREADLE_OBJECT_NAME_SIZE = 16, TREADLE_VALUE_SIZE = 24 };
void treadle_event_object(const treadle_event *event, char name[TREADLE_OBJECT_NAME_SIZE]);

/* A value of so many bytes, as a person would write it. */
void treadle_value_describe(char *text, size_t size, uint64_t value, uint8_t bytes);

/* The name of a thread, the same way; never empty. */
char *treadle_thread_describe(const treadle_trace *trace, uint32_t thread);

/* "+60s", "+1.5ms", "-3s": exact, in the unit that reads best. */
void treadle_clock_describe(int64_t ns, char *text, size_t size);

/* "relaxed" … "seq_cst". */
const char *treadle_order_name(uint8_t order);

#endif
