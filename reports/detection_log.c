// SPDX-License-Identifier: MIT
#include "reports/detection_log.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/json_values.h"

/* RFC 3339, in UTC, to the millisecond. */
static json_t *timestamp(const struct timespec *now)
{
    char seconds[32];
    char text[48];
    struct tm utc;
    if (gmtime_r(&now->tv_sec, &utc) == NULL) {
        return json_null();
    }
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%03ldZ", seconds, now->tv_nsec / 1000000);
    return json_string(text);
}

static json_t *describe(const treadle_result *result, const struct timespec *now)
{
    const treadle_cell *cell = &result->cell;
    json_t *line = json_object();
    int failed = 0;
    failed |= json_object_set_new(line, "time", timestamp(now));
    failed |=
        json_object_set_new(line, "level", json_string(result->as_expected ? "info" : "error"));
    failed |= json_object_set_new(line, "event", json_string("detection"));
    failed |= json_object_set_new(line, "expected", json_boolean(result->as_expected));
    failed |= json_object_set_new(line, "scenario", treadle_json_text(cell->scenario));
    failed |= json_object_set_new(line, "variant", treadle_json_text(cell->variant));
    failed |= json_object_set_new(line, "backend",
                                  treadle_json_text(treadle_backend_name(cell->backend)));
    failed |= json_object_set_new(line, "granularity",
                                  treadle_json_text(treadle_granularity_name(cell->granularity)));
    failed |= json_object_set_new(line, "property", treadle_json_text(result->outcome.property));
    failed |= json_object_set_new(line, "message", treadle_json_text(result->outcome.message));
    failed |= json_object_set_new(line, "executions", treadle_json_number(result->executions));
    failed |=
        json_object_set_new(line, "first_violation", treadle_json_number(result->first_violation));
    failed |= json_object_set_new(line, "token", treadle_json_text(result->token));
    if (failed) {
        json_decref(line);
        return NULL;
    }
    return line;
}

static int write_whole(int fd, const char *text, size_t length)
{
    ssize_t written;
    do {
        written = write(fd, text, length);
    } while (written < 0 && errno == EINTR);
    if (written < 0) {
        return errno;
    }
    return (size_t)written == length ? 0 : ENOSPC; /* the rest would be a line of its own */
}

int treadle_detection_log(int fd, const treadle_result *result, const struct timespec *now)
{
    if (result->verdict != TREADLE_VERDICT_VIOLATED) {
        return 0;
    }
    char *line = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&line, &length);
    if (out == NULL) {
        return ENOMEM;
    }
    int error = treadle_json_print(describe(result, now), out);
    if (fclose(out) != 0 && !error) {
        error = ENOMEM;
    }
    error = error ? error : write_whole(fd, line, length);
    free(line);
    return error;
}
