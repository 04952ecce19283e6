// SPDX-License-Identifier: MIT
#include "tools/engine/trace.h"

#include <string.h>

const char *treadle_trace_text(const treadle_trace *trace, const treadle_event *event,
                               size_t *length)
{
    *length = event->text_length;
    return event->text_length ? trace->text + event->text_offset : NULL;
}

const char *treadle_trace_state(const treadle_trace *trace, const treadle_event *event,
                                size_t *length)
{
    *length = event->state_length;
    return event->state_length ? trace->text + event->state_offset : NULL;
}

void treadle_trace_copy(treadle_trace *to, const treadle_trace *from)
{
    memcpy(to, from, offsetof(treadle_trace, events));
    memcpy(to->events, from->events, from->event_count * sizeof from->events[0]);
    memcpy(to->text, from->text, from->text_length);
}
