// SPDX-License-Identifier: MIT
#include "tools/redis/tests/engine_stub.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

engine_stub stub;
static void (*start_hook)(void);

void treadle_on_execution_start(void (*hook)(void))
{
    if (start_hook != NULL) {
        abort(); /* the seam must install its hook once */
    }
    start_hook = hook;
}

bool treadle_inside(void)
{
    return stub.inside;
}

uint32_t treadle_thread_number(void)
{
    return stub.thread;
}

void treadle_touch_external(uint64_t address, uint32_t size, bool write)
{
    if (!stub.inside || stub.touch_count == STUB_TOUCHES_MAX) {
        abort(); /* touches are for executions */
    }
    stub.touches[stub.touch_count++] = (treadle_touch){address, size, write};
}

bool treadle_recording(void)
{
    return stub.recording;
}

int64_t treadle_clock_ns(void)
{
    return stub.clock_ns;
}

uint32_t treadle_decide(treadle_choice_kind kind, uint32_t count)
{
    (void)kind;
    if (count < 2) {
        return 0;
    }
    const uint32_t index = stub.decided++;
    if (index >= 16) {
        return 0;
    }
    stub.decision_counts[index] = count;
    return stub.decisions[index] < count ? stub.decisions[index] : count - 1;
}

treadle_event *treadle_announce_external(treadle_op_kind kind, uint64_t object, const void *site)
{
    (void)kind;
    stub.announced++;
    if (stub.on_announce != NULL) {
        stub.on_announce();
    }
    if (!stub.recording || stub.event_count == STUB_EVENTS_MAX) {
        return NULL;
    }
    stub_event *event = &stub.events[stub.event_count++];
    event->object = object;
    event->site = site;
    return &event->event;
}

void treadle_event_text(treadle_event *event, const char *text, size_t length, bool failed)
{
    stub_event *own = (stub_event *)event;
    snprintf(own->text, sizeof own->text, "%.*s", (int)length, text);
    own->failed = failed;
}

void treadle_event_state(treadle_event *event, const char *text, size_t length)
{
    stub_event *own = (stub_event *)event;
    snprintf(own->state, sizeof own->state, "%.*s", (int)length, text);
}

_Noreturn void treadle_stop(treadle_outcome_kind kind, const char *property, const char *format,
                            ...)
{
    if (!stub.inside) {
        abort();
    }
    stub.outcome.kind = kind;
    snprintf(stub.outcome.property, sizeof stub.outcome.property, "%s", property);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(stub.outcome.message, sizeof stub.outcome.message, format, arguments);
    va_end(arguments);
    longjmp(stub.stopped, 1);
}

_Noreturn void treadle_violation(const char *property, const char *format, ...)
{
    char message[TREADLE_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    treadle_stop(TREADLE_OUTCOME_VIOLATED, property, "%s", message);
}

treadle_outcome_kind stub_execute(void (*body)(void))
{
    stub.announced = stub.event_count = stub.decided = stub.touch_count = 0;
    memset(stub.decision_counts, 0, sizeof stub.decision_counts);
    stub.outcome = (treadle_outcome){.kind = TREADLE_OUTCOME_NONE};
    if (start_hook != NULL) {
        start_hook();
    }
    stub.inside = true;
    if (setjmp(stub.stopped) == 0) {
        body();
        stub.outcome.kind = TREADLE_OUTCOME_PASSED;
    }
    stub.inside = false;
    return stub.outcome.kind;
}
