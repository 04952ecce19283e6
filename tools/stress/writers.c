// SPDX-License-Identifier: MIT
#include <string.h>

#include "tools/stress/writer.h"

static const treadle_stress_writer *const writers[] = {
    &treadle_stress_text,
    &treadle_stress_json,
    &treadle_stress_markdown,
};

const treadle_stress_writer *treadle_stress_writer_named(const char *name)
{
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        if (strcmp(writers[i]->name, name) == 0) {
            return writers[i];
        }
    }
    return NULL;
}
