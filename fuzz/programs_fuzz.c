// SPDX-License-Identifier: MIT
/* Random programs against the engine: `dpor` and a depth-first search over every interleaving must
 * agree. The first byte is the granularity, the rest a program. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/engine/engine.h"
#include "tools/strategies/tests/agreement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static treadle_decisions decisions;
static uint64_t compared;
static uint64_t executions;

static void print_counts(void)
{
    fprintf(stderr, "treadle: %lu executions of %lu programs that could be compared\n", executions,
            compared);
}

static void open_engine(void)
{
    static bool opened;
    if (!opened && treadle_engine_open(&decisions) != 0) {
        fprintf(stderr, "treadle: cannot map the stacks and heap of the engine\n");
        exit(3);
    }
    if (!opened) {
        atexit(print_counts);
    }
    opened = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    open_engine();
    program what;
    program_read(&what, data + 1, size - 1);
    const treadle_granularity granularity =
        (treadle_granularity)(TREADLE_GRANULARITY_AWAIT + data[0] % 3);
    const agreement came_to = agreement_of(&what, granularity);
    compared += came_to.comparable;
    executions += came_to.executions;
    if (came_to.difference[0] != '\0') {
        char text[PROGRAM_TEXT_MAX];
        program_describe(&what, text, sizeof text);
        fprintf(stderr, "treadle: at %s:%s: %s\n", treadle_granularity_name(granularity), text,
                came_to.difference);
        abort();
    }
    return 0;
}
