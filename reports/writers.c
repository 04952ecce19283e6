// SPDX-License-Identifier: MIT
#include "reports/writer.h"

#include <string.h>

const treadle_writer *const treadle_writers[] = {
    &treadle_writer_text,     &treadle_writer_json,
    &treadle_writer_junit,    &treadle_writer_prometheus,
    &treadle_writer_sarif,    &treadle_writer_github,
    &treadle_writer_markdown, NULL,
};

const treadle_writer *treadle_writer_find(const char *name)
{
    for (size_t i = 0; treadle_writers[i] != NULL; i++) {
        if (strcmp(treadle_writers[i]->name, name) == 0) {
            return treadle_writers[i];
        }
    }
    return NULL;
}
