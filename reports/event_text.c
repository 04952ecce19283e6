// SPDX-License-Identifier: MIT
#include "reports/event_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/utf8.h"

#define ARROW "\xe2\x86\x92" /* → */
#define CROSS "\xe2\x9c\x97" /* ✗ */
#define DOT "\xc2\xb7"       /* · */

enum { OBJECT_MAX = 16, ORDER_SEQ_CST = 5 };

/* Beyond it a number is more likely an address or a bit pattern than a count. */
static const uint64_t decimal_max = 999999999999;

const char *treadle_order_name(uint8_t order)
{
    static const char *const names[] = {"relaxed", "consume", "acquire",
                                        "release", "acq_rel", "seq_cst"};
    return order < sizeof names / sizeof names[0] ? names[order] : "?";
}

void treadle_clock_describe(int64_t ns, char *text, size_t size)
{
    static const struct {
        uint64_t ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    const uint64_t absolute = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    size_t unit = 0;
    while (absolute > 0 && units[unit].ns > absolute) {
        unit++;
    }
    char digits[TREADLE_VALUE_SIZE];
    const uint64_t billionths = absolute % units[unit].ns * (1000000000 / units[unit].ns);
    size_t length = (size_t)snprintf(digits, sizeof digits, "%09" PRIu64, billionths);
    while (length > 0 && digits[length - 1] == '0') {
        length--;
    }
    digits[length] = '\0';
    snprintf(text, size, "%c%" PRIu64 "%s%s%s", ns < 0 ? '-' : '+', absolute / units[unit].ns,
             length > 0 ? "." : "", digits, units[unit].name);
}

char *treadle_thread_describe(const treadle_trace *trace, uint32_t thread)
{
    const bool named = thread < TREADLE_TRACE_THREADS_MAX && trace->thread_names[thread][0] != '\0';
    if (named) {
        const char *name = trace->thread_names[thread];
        return treadle_utf8_escape(name, strnlen(name, TREADLE_THREAD_NAME_MAX));
    }
    char name[OBJECT_MAX];
    const int length = snprintf(name, sizeof name, "T%" PRIu32, thread);
    return strndup(name, (size_t)length);
}

/* ---- the parts of an operation --------------------------------------------------------------- */

/* What kind of thing the operation acts on; 0 for none, 't' for a thread. */
static char class_of(treadle_op_kind kind)
{
    switch (kind) {
    case TREADLE_OP_MUTEX_LOCK:
    case TREADLE_OP_MUTEX_TRYLOCK:
    case TREADLE_OP_MUTEX_TIMEDLOCK:
    case TREADLE_OP_MUTEX_UNLOCK:
    case TREADLE_OP_RWLOCK_RDLOCK:
    case TREADLE_OP_RWLOCK_TRYRDLOCK:
    case TREADLE_OP_RWLOCK_WRLOCK:
    case TREADLE_OP_RWLOCK_TRYWRLOCK:
    case TREADLE_OP_RWLOCK_UNLOCK:
    case TREADLE_OP_SPIN_LOCK:
    case TREADLE_OP_SPIN_TRYLOCK:
    case TREADLE_OP_SPIN_UNLOCK: return 'm';
    case TREADLE_OP_COND_WAIT:
    case TREADLE_OP_COND_WAKE:
    case TREADLE_OP_COND_SIGNAL:
    case TREADLE_OP_COND_BROADCAST: return 'c';
    case TREADLE_OP_SEM_WAIT:
    case TREADLE_OP_SEM_TRYWAIT:
    case TREADLE_OP_SEM_TIMEDWAIT:
    case TREADLE_OP_SEM_POST:
    case TREADLE_OP_SEM_GETVALUE: return 's';
    case TREADLE_OP_BARRIER_WAIT:
    case TREADLE_OP_BARRIER_LEAVE: return 'b';
    case TREADLE_OP_ONCE: return 'o';
    case TREADLE_OP_THREAD_CREATE:
    case TREADLE_OP_THREAD_JOIN:
    case TREADLE_OP_THREAD_CANCEL: return 't';
    case TREADLE_OP_THREAD_START:
    case TREADLE_OP_THREAD_EXIT:
    case TREADLE_OP_REDIS: return 0;
    default: return 'x';
    }
}

void treadle_event_object(const treadle_event *event, char name[TREADLE_OBJECT_NAME_SIZE])
{
    const char class = class_of((treadle_op_kind)event->kind);
    if (event->object == 0 || class == 0 || class == 't') {
        name[0] = '\0';
    } else if (event->object == UINT32_MAX) {
        snprintf(name, TREADLE_OBJECT_NAME_SIZE, "%c?", class); /* the trace ran out of numbers */
    } else {
        snprintf(name, TREADLE_OBJECT_NAME_SIZE, "%c%" PRIu32, class, event->object);
    }
}

static void print_object(FILE *out, const treadle_trace *trace, const treadle_event *event)
{
    const char class = class_of((treadle_op_kind)event->kind);
    if (event->object == 0 || class == 0) {
        return;
    }
    if (class == 't') {
        char *name = treadle_thread_describe(trace, event->object - 1);
        fprintf(out, " %s", name != NULL ? name : "?");
        free(name);
    } else {
        char name[TREADLE_OBJECT_NAME_SIZE];
        treadle_event_object(event, name);
        fprintf(out, " %s", name);
    }
}

/* Timestamps are doubles more often than eight bytes happen to look like one: of random ones about
 * one in 500 is a short decimal fraction below 10^10. */
static bool format_double(char *text, size_t size, uint64_t value)
{
    double number;
    memcpy(&number, &value, sizeof number);
    const double absolute = number < 0 ? -number : number;
    if (!(absolute >= 1e-6 && absolute < 1e10)) {
        return false;
    }
    int length = snprintf(text, size, "%.6f", number);
    if (length < 0 || (size_t)length >= size || strtod(text, NULL) != number) {
        return false;
    }
    while (text[length - 1] == '0' && text[length - 2] != '.') {
        text[--length] = '\0';
    }
    return true;
}

/* Small numbers as a person writes them; the rest in hexadecimal. Nobody says whether a number has
 * a sign: only what lies just below zero, in more than a byte, is taken for negative. */
void treadle_value_describe(char *text, size_t size, uint64_t value, uint8_t bytes)
{
    const uint64_t mask = bytes > 0 && bytes < 8 ? (UINT64_C(1) << bytes * 8) - 1 : UINT64_MAX;
    value &= mask;
    const uint64_t negated = -value & mask;
    const uint64_t negative_max = bytes == 1 ? 0 : (bytes == 2 ? 1 : 999999);
    if (negated > 0 && negated <= negative_max) {
        snprintf(text, size, "-%" PRIu64, negated);
    } else if (value <= decimal_max) {
        snprintf(text, size, "%" PRIu64, value);
    } else if (bytes != 8 || !format_double(text, size, value)) {
        snprintf(text, size, "0x%" PRIx64, value);
    }
}

static void print_values(FILE *out, const treadle_event *event)
{
    char value[TREADLE_VALUE_SIZE];
    char written[TREADLE_VALUE_SIZE];
    treadle_value_describe(value, sizeof value, event->value, event->size);
    treadle_value_describe(written, sizeof written, event->written, event->size);
    const bool has_value = (event->flags & TREADLE_EVENT_HAS_VALUE) != 0;
    if (event->flags & TREADLE_EVENT_HAS_WRITTEN) {
        fprintf(out, "%s%s " ARROW " %s", has_value ? " " : "", has_value ? value : "", written);
    } else if (has_value) {
        fprintf(out, " = %s", value);
    }
}

static bool is_atomic(treadle_op_kind kind)
{
    return kind == TREADLE_OP_ATOMIC_LOAD || kind == TREADLE_OP_ATOMIC_STORE ||
           kind == TREADLE_OP_ATOMIC_RMW || kind == TREADLE_OP_ATOMIC_CAS ||
           kind == TREADLE_OP_FENCE;
}

static void print_clock(FILE *out, const treadle_event *event)
{
    char clock[2 * TREADLE_VALUE_SIZE];
    treadle_clock_describe(event->clock_ns, clock, sizeof clock);
    if (event->kind == TREADLE_OP_SLEEP) {
        fprintf(out, " until %s", clock);
    } else if (event->kind == TREADLE_OP_CLOCK_READ) {
        fprintf(out, " %s", clock);
    }
}

static void print_event(FILE *out, const treadle_trace *trace, const treadle_event *event)
{
    const treadle_op_kind kind = (treadle_op_kind)event->kind;
    size_t length;
    const char *text = treadle_trace_text(trace, event, &length);
    char *escaped = length > 0 ? treadle_utf8_escape(text, length) : NULL;
    if (kind == TREADLE_OP_NOTE) {
        fprintf(out, DOT " %s", escaped != NULL ? escaped : "");
    } else if (kind == TREADLE_OP_REDIS && escaped != NULL) {
        fputs(escaped, out);
    } else {
        fputs(treadle_op_word(kind), out);
        print_object(out, trace, event);
        print_values(out, event);
        print_clock(out, event);
        if (is_atomic(kind) && event->order != ORDER_SEQ_CST) {
            fprintf(out, " (%s)", treadle_order_name(event->order));
        }
        if (escaped != NULL) {
            fprintf(out, " %s", escaped);
        }
    }
    if (event->flags & TREADLE_EVENT_FAILED) {
        fputs(" " CROSS, out);
    }
    free(escaped);
}

char *treadle_event_describe(const treadle_trace *trace, const treadle_event *event)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    print_event(out, trace, event);
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
