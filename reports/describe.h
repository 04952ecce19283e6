// SPDX-License-Identifier: MIT
/* What several writers say about a result in the same words. */
#ifndef TREADLE_REPORTS_DESCRIBE_H
#define TREADLE_REPORTS_DESCRIBE_H

#include <stddef.h>

#include "reports/writer.h"

enum {
    TREADLE_EXPECTED_MAX = 128,
    TREADLE_DETAIL_MAX = TREADLE_PROPERTY_MAX + TREADLE_MESSAGE_MAX + 4
};

/* What was expected, for a person: "expected violated by over-admission", "expected holds",
 * "nothing stated". */
void treadle_describe_expected(const treadle_result *result, char *text, size_t size);

/* What was found or how far it was looked: "property: message", or the bounds; "" when there is
 * nothing to say. Not escaped. */
void treadle_describe_detail(const treadle_result *result, char *text, size_t size);

/* The length of "component" in "component/scenario". */
size_t treadle_component_length(const char *scenario);

/* The lane diagram as a new string, its middle left out when it is very long; NULL with *error when
 * it cannot be made. */
char *treadle_lanes_text(const treadle_trace *trace, const treadle_writer_options *options,
                         int *error);

/* Flushes; 0, or an errno value when anything so far could not be written. */
int treadle_flush(FILE *out);

#endif
