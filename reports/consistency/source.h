// SPDX-License-Identifier: MIT
/* Places in the source, with the line that stands there. One thread at a time; what was read is
 * kept until the process ends. */
#ifndef TREADLE_REPORTS_CONSISTENCY_SOURCE_H
#define TREADLE_REPORTS_CONSISTENCY_SOURCE_H

#include <jansson.h>
#include <stdint.h>

#include "reports/writer.h"

/* {"function", "file", "line", "code"} of a code address; null when unknown. "code" is the line, or
 * the call that begins there, without its indentation, null when the file is not below `directory`
 * any more. */
json_t *treadle_source_place(uint64_t address, treadle_symbolizer *symbolize,
                             const char *directory);

#endif
