// SPDX-License-Identifier: MIT
#include "reports/source_place.h"

#include <stdlib.h>
#include <string.h>

const char *treadle_place_text(const treadle_writer_options *options, uint64_t site)
{
    static const char own[] = TREADLE_HARNESS_PREFIX;
    const char *text = site != 0 && options->symbolize != NULL ? options->symbolize(site) : NULL;
    const char *space = text != NULL ? strrchr(text, ' ') : NULL;
    if (text == NULL || (space != NULL && strncmp(space + 1, own, sizeof own - 1) == 0)) {
        return "";
    }
    return text;
}

bool treadle_source_place_of(const treadle_writer_options *options, uint64_t site,
                             treadle_source_place *place)
{
    *place = (treadle_source_place){.line = 0};
    const char *text = treadle_place_text(options, site);
    if (text[0] == '\0') {
        return false;
    }
    const char *space = strrchr(text, ' ');
    const size_t function = space != NULL ? (size_t)(space - text) : strlen(text);
    snprintf(place->function, sizeof place->function, "%.*s", (int)function, text);
    if (space == NULL) {
        return true;
    }
    const char *colon = strrchr(space, ':');
    const size_t file = colon != NULL ? (size_t)(colon - space) - 1 : strlen(space + 1);
    snprintf(place->file, sizeof place->file, "%.*s", (int)file, space + 1);
    place->line = colon != NULL ? (int)strtol(colon + 1, NULL, 10) : 0;
    return true;
}

static uint64_t at_depth(const treadle_event *event, uint32_t depth)
{
    return depth == 0 ? event->site : event->callers[depth - 1];
}

/* Whether the commands of a trace have different places there. */
static bool tells_apart(const treadle_trace *trace, uint32_t depth)
{
    uint64_t first = 0;
    for (uint32_t i = 0; i < trace->event_count; i++) {
        const treadle_event *event = &trace->events[i];
        const uint64_t site = event->kind == TREADLE_OP_REDIS ? at_depth(event, depth) : 0;
        if (site != 0 && first != 0 && site != first) {
            return true;
        }
        first = first != 0 ? first : site;
    }
    return false;
}

uint32_t treadle_helper_depth(const treadle_trace *trace)
{
    for (uint32_t depth = 0; depth <= TREADLE_EVENT_CALLERS_MAX; depth++) {
        if (tells_apart(trace, depth)) {
            return depth;
        }
    }
    return 0; /* one line, called in one way, is no helper */
}

uint64_t treadle_shown_site(const treadle_event *event, uint32_t helper_depth)
{
    uint32_t depth = event->kind == TREADLE_OP_REDIS ? helper_depth : 0;
    while (depth > 0 && at_depth(event, depth) == 0) {
        depth--;
    }
    return at_depth(event, depth);
}
