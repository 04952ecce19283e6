// SPDX-License-Identifier: MIT
/* The subject's global variables: its data sections were renamed when it was built, and are put
 * back to what they were at start before every execution. */
#include <errno.h>
#include <stdlib.h>

#include "tools/engine/internal.h"

extern char __start_treadle_subject_data[] __attribute__((weak));
extern char __stop_treadle_subject_data[] __attribute__((weak));

static char *original;
static size_t bytes;

int treadle_globals_open(void)
{
    bytes = (size_t)(__stop_treadle_subject_data - __start_treadle_subject_data);
    if (bytes == 0) {
        return 0;
    }
    original = malloc(bytes);
    if (original == NULL) {
        return ENOMEM;
    }
    treadle_raw_copy(original, __start_treadle_subject_data, bytes);
    return 0;
}

const void *treadle_globals(size_t *size)
{
    *size = bytes;
    return __start_treadle_subject_data;
}

void treadle_globals_restore(void)
{
    if (bytes) {
        treadle_raw_copy(__start_treadle_subject_data, original, bytes);
    }
}
