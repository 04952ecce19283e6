// SPDX-License-Identifier: MIT
#include "reports/json_values.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reports/describe.h"
#include "reports/utf8.h"

json_t *treadle_json_bytes(const char *data, size_t length)
{
    size_t used = 0;
    char *clean = treadle_utf8_for_json(data, length, &used);
    json_t *value = clean != NULL ? json_stringn(clean, used) : NULL;
    free(clean);
    return value;
}

json_t *treadle_json_text(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : treadle_json_bytes(text, strlen(text));
}

json_t *treadle_json_number(uint64_t value)
{
    if (value < UINT64_C(1) << 53) {
        return json_integer((json_int_t)value);
    }
    return json_sprintf("%" PRIu64, value);
}

json_t *treadle_json_hash(uint64_t hash)
{
    return hash == 0 ? json_null() : json_sprintf("%016" PRIx64, hash);
}

json_t *treadle_json_seconds(double seconds)
{
    const bool sane = seconds >= 0 && seconds < 1e12; /* false for NaN */
    return json_real(sane ? (double)(uint64_t)(seconds * 1e6 + 0.5) / 1e6 : 0);
}

static uint32_t parameter_count(const treadle_cell *cell)
{
    return cell->parameter_count < TREADLE_PARAMETERS_MAX ? cell->parameter_count
                                                          : TREADLE_PARAMETERS_MAX;
}

static json_t *unnamed_parameters(const treadle_cell *cell)
{
    json_t *values = json_array();
    for (uint32_t i = 0; values != NULL && i < parameter_count(cell); i++) {
        json_array_append_new(values, json_integer(cell->parameters[i]));
    }
    return values;
}

json_t *treadle_json_parameters(const treadle_cell *cell)
{
    const treadle_scenario *scenario = treadle_scenario_find(cell->scenario);
    if (scenario == NULL || scenario->parameters == NULL) {
        return unnamed_parameters(cell);
    }
    json_t *object = json_object();
    for (uint32_t i = 0; object != NULL && i < parameter_count(cell); i++) {
        if (scenario->parameters[i].name == NULL) {
            break;
        }
        json_object_set_new(object, scenario->parameters[i].name,
                            json_integer(cell->parameters[i]));
    }
    return object;
}

/* Only strings hold more than ASCII. */
static void put_escape(uint32_t code, FILE *out)
{
    if (code < 0x10000) {
        fprintf(out, "\\u%04" PRIx32, code);
    } else {
        code -= 0x10000;
        fprintf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 | code >> 10, 0xdc00 | (code & 0x3ff));
    }
}

/* jansson escapes what JSON demands, and hands on whole characters. */
static int put_chunk(const char *text, size_t length, void *out)
{
    size_t written = 0;
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        const size_t bytes = treadle_utf8_decode(text + i, length - i, &code);
        assert(bytes > 0);
        if (code >= 0x7f && treadle_utf8_columns(code) < 0) {
            fwrite(text + written, 1, i - written, out);
            put_escape(code, out);
            written = i + bytes;
        }
        i += bytes;
    }
    fwrite(text + written, 1, length - written, out);
    return ferror((FILE *)out) ? -1 : 0;
}

int treadle_json_dump(const json_t *value, FILE *out)
{
    const size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15);
    errno = 0;
    if (json_dump_callback(value, put_chunk, out, flags) != 0 || fputc('\n', out) == EOF) {
        return errno ? errno : EIO;
    }
    return 0;
}

int treadle_json_print(json_t *object, FILE *out)
{
    if (object == NULL) {
        return ENOMEM;
    }
    const int error = treadle_json_dump(object, out);
    json_decref(object);
    return error ? error : treadle_flush(out);
}
