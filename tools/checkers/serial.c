// SPDX-License-Identifier: MIT
#include "tools/checkers/serial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/engine/engine.h"

enum { OUTCOMES_MAX = 1024, TEXT_MAX = 200, SHOWN_MAX = 4 };

static struct {
    bool collecting;
    bool too_many;
    uint32_t count;
    char texts[OUTCOMES_MAX][TEXT_MAX];
} outcomes;

void treadle_serial_collect(void)
{
    outcomes.collecting = true;
    outcomes.too_many = false;
    outcomes.count = 0;
}

void treadle_serial_compare(void)
{
    outcomes.collecting = false;
}

bool treadle_serial_outcomes(uint32_t *count)
{
    *count = outcomes.count;
    return !outcomes.too_many;
}

static bool known(const char *text)
{
    for (uint32_t i = 0; i < outcomes.count; i++) {
        if (strcmp(outcomes.texts[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static _Noreturn void report(const char *text)
{
    char serial[160] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < outcomes.count && i < SHOWN_MAX && used < sizeof serial; i++) {
        const int length = snprintf(serial + used, sizeof serial - used, "%s%s", i ? " | " : "",
                                    outcomes.texts[i]);
        used += length > 0 ? (size_t)length : 0;
    }
    treadle_violation("atomicity", "no serial order of the calls ends with %s; they end with %s%s",
                      text, serial, outcomes.count > SHOWN_MAX ? " | and others" : "");
}

void treadle_outcome_text(const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= TEXT_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, "outcome-limit",
                     "an outcome has %d characters; at most %d can be compared", length,
                     TEXT_MAX - 1);
    }
    if (known(text)) {
        return;
    }
    if (!outcomes.collecting) {
        report(text);
    }
    if (outcomes.count == OUTCOMES_MAX) {
        outcomes.too_many = true;
        return;
    }
    memcpy(outcomes.texts[outcomes.count++], text, sizeof text);
}
