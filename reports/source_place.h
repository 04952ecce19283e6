// SPDX-License-Identifier: MIT
/*
 * Where an event of a trace is in the source: the symbolizer's "function folder/file.c:12" in
 * parts, and which of the places in its chain of callers to show.
 *
 * Plain values; nothing to own.
 */
#ifndef TREADLE_REPORTS_SOURCE_PLACE_H
#define TREADLE_REPORTS_SOURCE_PLACE_H

#include "reports/writer.h"

enum { TREADLE_PLACE_TEXT_MAX = 512 };

typedef struct treadle_source_place {
    char function[TREADLE_PLACE_TEXT_MAX]; /* "" = not known; not escaped, as the others */
    char file[TREADLE_PLACE_TEXT_MAX];     /* "" = not known */
    int line;                              /* 0 = not known */
} treadle_source_place;

/* What the symbolizer says of a code address; "" when nothing is known, or when it is a place of
 * Treadle's own, which says nothing of the subject. Lives until the symbolizer is asked again. */
const char *treadle_place_text(const treadle_writer_options *options, uint64_t site);

/* The same in parts; false where that is "". */
bool treadle_source_place_of(const treadle_writer_options *options, uint64_t site,
                             treadle_source_place *place);

/* How many places to go up from the innermost for the commands of a trace: where all of them go
 * through one line, it is a helper of the subject's, and its callers tell them apart. */
uint32_t treadle_helper_depth(const treadle_trace *trace);

/* The place to show for an event, with that depth; 0 when none is known. */
uint64_t treadle_shown_site(const treadle_event *event, uint32_t helper_depth);

#endif
