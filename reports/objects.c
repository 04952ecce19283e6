// SPDX-License-Identifier: MIT
#include "reports/objects.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/event_text.h"
#include "reports/source_place.h"
#include "reports/utf8.h"

/* What an event's object is, as a new string: "" when that is not known, NULL when out of memory.
 */
static char *describe(const treadle_event *event, const treadle_writer_options *options)
{
    char *text = NULL;
    if (event->block_site != 0) {
        const char *place = treadle_place_text(options, event->block_site);
        const int length =
            asprintf(&text, "%" PRIu32 " bytes into the %" PRIu32 " allocated%s%s",
                     event->block_offset, event->block_size, place[0] != '\0' ? " at " : "", place);
        return length < 0 ? NULL : text;
    }
    return strdup(options->symbolize_data != NULL ? options->symbolize_data(event->address) : "");
}

static int write_object(const char *name, const treadle_event *event,
                        const treadle_writer_options *options, treadle_canvas *canvas)
{
    char *text = describe(event, options);
    char *escaped = text != NULL ? treadle_utf8_escape(text, strlen(text)) : NULL;
    const int error = escaped != NULL ? 0 : ENOMEM;
    if (!error && escaped[0] != '\0') {
        int column = treadle_canvas_text(canvas, 0, canvas->width, name, TREADLE_INK_DIM);
        column = treadle_canvas_text(canvas, column, canvas->width, ": ", TREADLE_INK_DIM);
        treadle_canvas_text(canvas, column, canvas->width, escaped, TREADLE_INK_DIM);
        treadle_canvas_print(canvas, options->out);
    }
    free(escaped);
    free(text);
    return error;
}

static uint32_t largest_number(const treadle_event *const *events, uint32_t count)
{
    uint32_t largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t number = events[i]->object;
        largest = number > largest && number != UINT32_MAX ? number : largest;
    }
    return largest;
}

int treadle_objects_write(const treadle_event *const *events, uint32_t count,
                          const treadle_writer_options *options, treadle_canvas *canvas)
{
    const uint32_t largest = largest_number(events, count);
    bool *written = calloc((size_t)largest + 1, sizeof *written);
    int error = written != NULL ? 0 : ENOMEM;
    for (uint32_t i = 0; i < count && !error; i++) {
        const treadle_event *event = events[i];
        char name[TREADLE_OBJECT_NAME_SIZE];
        treadle_event_object(event, name);
        if (name[0] != '\0' && event->address != 0 && event->object <= largest &&
            !written[event->object]) {
            written[event->object] = true;
            error = write_object(name, event, options, canvas);
        }
    }
    free(written);
    return error;
}
