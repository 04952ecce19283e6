// SPDX-License-Identifier: MIT
#include "tools/engine/trace.h"

const char *treadle_trace_text(const treadle_trace *trace, const treadle_event *event,
                               size_t *length)
{
    *length = event->text_length;
    return event->text_length ? trace->text + event->text_offset : NULL;
}
