// SPDX-License-Identifier: MIT
#include "reports/writer.h"

#include <string.h>

const treadle_trace_writer *const treadle_trace_writers[] = {
    &treadle_trace_writer_lanes,
    &treadle_trace_writer_json,
    &treadle_trace_writer_perfetto,
    &treadle_trace_writer_dot,
    NULL,
};

const treadle_trace_writer *treadle_trace_writer_find(const char *name)
{
    for (size_t i = 0; treadle_trace_writers[i] != NULL; i++) {
        if (strcmp(treadle_trace_writers[i]->name, name) == 0) {
            return treadle_trace_writers[i];
        }
    }
    return NULL;
}
