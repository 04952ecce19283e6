// SPDX-License-Identifier: MIT
#include "tools/cli/limits.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static const double window_s_default = 60;
static const double window_s_max = 31 * 24 * 3600.0; /* as the limiters have it */
static const double limit_max = 1e15;                /* every whole number below is exact */

typedef struct provider {
    char *name; /* owned; may hold any byte */
    size_t length;
    treadle_provider_limits limits;
} provider;

struct treadle_limits {
    provider *providers; /* owned */
    size_t count;
};

/* A file being read. */
typedef struct reading {
    const char *path;
    yaml_document_t document;
    char *error;
    size_t error_size;
} reading;

__attribute__((format(printf, 3, 4))) static bool fail(const reading *self, yaml_mark_t at,
                                                       const char *format, ...)
{
    char reason[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    snprintf(self->error, self->error_size, "%s, line %zu: %s", self->path, at.line + 1, reason);
    return false;
}

/* ---- the document ---------------------------------------------------------------------------- */

static const char *text_of(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* The value of a key of a mapping; NULL when there is none. */
static yaml_node_t *member(reading *self, const yaml_node_t *mapping, const char *key)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const char *text = text_of(yaml_document_get_node(&self->document, pair->key));
        if (text != NULL && strcmp(text, key) == 0) {
            return yaml_document_get_node(&self->document, pair->value);
        }
    }
    return NULL;
}

/* A number above 0, NaN when it is left out. */
static bool read_number(reading *self, const yaml_node_t *mapping, const char *key, double max,
                        double *out)
{
    const yaml_node_t *node = member(self, mapping, key);
    *out = NAN;
    if (node == NULL) {
        return true;
    }
    const char *text = text_of(node);
    char *end = NULL;
    const double value = text != NULL ? strtod(text, &end) : NAN;
    if (text == NULL || end == text || *end != '\0' || !(value > 0) || value > max) {
        return fail(self, node->start_mark, "%s must be a number above 0, at most %g", key, max);
    }
    *out = value;
    return true;
}

static bool read_provider(reading *self, const yaml_node_t *name, const yaml_node_t *fields,
                          provider *out)
{
    if (name->type != YAML_SCALAR_NODE) {
        return fail(self, name->start_mark, "the name of a provider must be a text");
    }
    if (fields->type != YAML_MAPPING_NODE) {
        return fail(self, fields->start_mark,
                    "a provider must have fields, like {rpm: 60, window_size: 60}");
    }
    treadle_provider_limits *limits = &out->limits;
    if (!read_number(self, fields, "rpm", limit_max, &limits->rpm) ||
        !read_number(self, fields, "window_size", window_s_max, &limits->window_s) ||
        !read_number(self, fields, "burst", limit_max, &limits->capacity)) {
        return false;
    }
    if (isnan(limits->window_s)) {
        limits->window_s = window_s_default;
    }
    out->length = name->data.scalar.length;
    out->name = malloc(out->length + 1);
    if (out->name == NULL) {
        return fail(self, name->start_mark, "out of memory");
    }
    memcpy(out->name, name->data.scalar.value, out->length + 1);
    return true;
}

static bool read_providers(reading *self, treadle_limits *limits)
{
    const yaml_node_t *root = yaml_document_get_root_node(&self->document);
    const yaml_node_t *all =
        root != NULL && root->type == YAML_MAPPING_NODE ? member(self, root, "providers") : NULL;
    if (all == NULL || all->type != YAML_MAPPING_NODE) {
        const yaml_mark_t at = all != NULL ? all->start_mark : (yaml_mark_t){0};
        return fail(self, at, "there must be providers, like `providers: {openai: {rpm: 60}}`");
    }
    const yaml_node_pair_t *pair = all->data.mapping.pairs.start;
    const size_t count = (size_t)(all->data.mapping.pairs.top - pair);
    limits->providers = calloc(count > 0 ? count : 1, sizeof *limits->providers);
    if (limits->providers == NULL) {
        return fail(self, all->start_mark, "out of memory");
    }
    for (; limits->count < count; limits->count++, pair++) {
        if (!read_provider(self, yaml_document_get_node(&self->document, pair->key),
                           yaml_document_get_node(&self->document, pair->value),
                           &limits->providers[limits->count])) {
            return false;
        }
    }
    return true;
}

/* ---- the file -------------------------------------------------------------------------------- */

static bool read_file(reading *self, FILE *file, treadle_limits *limits)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return fail(self, (yaml_mark_t){0}, "out of memory");
    }
    yaml_parser_set_input_file(&parser, file);
    bool ok = yaml_parser_load(&parser, &self->document);
    if (!ok) {
        const yaml_mark_t at =
            parser.error == YAML_READER_ERROR ? parser.mark : parser.problem_mark;
        fail(self, at, "%s", parser.problem != NULL ? parser.problem : "cannot be read");
    } else {
        ok = read_providers(self, limits);
        yaml_document_delete(&self->document);
    }
    yaml_parser_delete(&parser);
    return ok;
}

treadle_limits *treadle_limits_read(const char *path, char *error, size_t error_size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    treadle_limits *limits = calloc(1, sizeof *limits);
    reading self = {.path = path, .error = error, .error_size = error_size};
    if (limits == NULL) {
        snprintf(error, error_size, "out of memory");
    } else if (!read_file(&self, file, limits)) {
        treadle_limits_free(limits);
        limits = NULL;
    }
    fclose(file);
    return limits;
}

void treadle_limits_free(treadle_limits *limits)
{
    if (limits == NULL) {
        return;
    }
    for (size_t i = 0; i < limits->count; i++) {
        free(limits->providers[i].name);
    }
    free(limits->providers);
    free(limits);
}

bool treadle_limits_find(const void *context, const char *name, size_t length,
                         treadle_provider_limits *out)
{
    const treadle_limits *limits = context;
    for (size_t i = 0; i < limits->count; i++) {
        const provider *candidate = &limits->providers[i];
        if (candidate->length == length && memcmp(candidate->name, name, length) == 0) {
            *out = candidate->limits;
            return true;
        }
    }
    return false;
}
