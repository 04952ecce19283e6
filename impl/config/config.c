// SPDX-License-Identifier: MIT

/*
 * The document is read with libyaml, and its mappings are compared with small tables: a field is a
 * name, a reader, a place and a range. libcyaml's schemas would be the obvious tables, but they
 * describe mappings whose keys are known beforehand, and here providers are keys; nor does it
 * refuse a key that comes twice, know ranges, or tell its caller the line.
 */

#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_document_t document;
    struct limiter_config *config;
    const char *name;
    const char *text;
    size_t size;
    char *error;
    size_t error_size;
};

struct field {
    const char *key;
    bool (*read)(struct reader *reader, const struct field *field, const yaml_node_t *value,
                 size_t line, void *target);
    size_t offset; /* of the value in the target */
    long long min;
    long long max;
    bool required;
};

enum { FIELDS_MAX = 4 };

/* ---- errors ---------------------------------------------------------------------------------- */

static bool refuse(struct reader *reader, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(struct reader *reader, size_t line, const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    snprintf(reader->error, reader->error_size, "%s:%zu: %s", reader->name, line, reason);
    return false;
}

static size_t line_of(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

#define SHOWN_MAX 40

/* What stands in the file, on one line and in bounds. */
static const char *show(const yaml_node_t *node, char text[static SHOWN_MAX + 6])
{
    if (node->type != YAML_SCALAR_NODE) {
        return node->type == YAML_MAPPING_NODE ? "a mapping" : "a list";
    }
    const size_t length = node->data.scalar.length;
    if (length == 0 && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        return "empty";
    }
    size_t shown = length < SHOWN_MAX ? length : SHOWN_MAX;
    /* Not in the middle of a character. */
    while (shown > 0 && shown < length && (node->data.scalar.value[shown] & 0xc0) == 0x80) {
        shown--;
    }
    text[0] = '"';
    for (size_t i = 0; i < shown; i++) {
        const unsigned char c = node->data.scalar.value[i];
        text[1 + i] = c < ' ' || c == 0x7f ? '?' : (char)c;
    }
    strcpy(text + 1 + shown, shown < length ? "...\"" : "\"");
    return text;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Digits without sign or leading zero, so that no two readers of YAML disagree about them. The rest
 * of the text is left at *end. */
static bool parse_whole(const char *text, long long max, long long *value, const char **end)
{
    const char *digit = text;
    *value = 0;
    while (*digit >= '0' && *digit <= '9') {
        if (*value > max) {
            return false;
        }
        *value = 10 * *value + (*digit++ - '0');
    }
    *end = digit;
    return digit > text && (text[0] != '0' || digit == text + 1);
}

/* A plain scalar, that is one without quotes, as text; NULL for everything else. */
static const char *plain_text(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return NULL;
    }
    return (const char *)node->data.scalar.value;
}

/* What is shown in an error has quotes in any case; that the file has them must be said. */
static const char *quotes(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && plain_text(node) == NULL ? ", without quotes" : "";
}

static bool read_whole(struct reader *reader, const struct field *field, const yaml_node_t *value,
                       size_t line, void *target)
{
    char shown[SHOWN_MAX + 6];
    const char *text = plain_text(value);
    const char *end = text;
    long long number;
    if (text == NULL || !parse_whole(text, field->max, &number, &end) || *end != '\0' ||
        number < field->min || number > field->max) {
        return refuse(reader, line, "%s is %s, must be a whole number from %lld to %lld%s",
                      field->key, show(value, shown), field->min, field->max, quotes(value));
    }
    memcpy((char *)target + field->offset, &number, sizeof number);
    return true;
}

/* At most six decimals of a second. */
static bool parse_microseconds(const char *text, long long max_us, long long *us)
{
    const char *end;
    if (!parse_whole(text, max_us / 1000000, us, &end)) {
        return false;
    }
    *us *= 1000000;
    if (*end == '\0') {
        return true;
    }
    if (*end != '.') {
        return false;
    }
    const char *digit = end + 1;
    for (long long unit = 100000; unit > 0 && *digit >= '0' && *digit <= '9'; unit /= 10) {
        *us += unit * (*digit++ - '0');
    }
    return digit > end + 1 && *digit == '\0';
}

static bool read_seconds(struct reader *reader, const struct field *field, const yaml_node_t *value,
                         size_t line, void *target)
{
    char shown[SHOWN_MAX + 6];
    const char *text = plain_text(value);
    long long us;
    if (text == NULL || !parse_microseconds(text, field->max, &us) || us < field->min ||
        us > field->max) {
        return refuse(reader, line,
                      "%s is %s, must be seconds from 0.000001 to %lld, with at most six "
                      "decimals%s",
                      field->key, show(value, shown), field->max / 1000000, quotes(value));
    }
    const double seconds = (double)us / 1e6;
    memcpy((char *)target + field->offset, &seconds, sizeof seconds);
    return true;
}

/* ---- mappings -------------------------------------------------------------------------------- */

static bool is_key(const yaml_node_t *node, const char *key)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(key) &&
           memcmp(node->data.scalar.value, key, node->data.scalar.length) == 0;
}

static void list_keys(const struct field *fields, size_t count, char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < count && used < size; i++) {
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", fields[i].key);
    }
}

static bool read_field(struct reader *reader, const char *owner, const struct field *fields,
                       size_t count, const yaml_node_pair_t *pair, size_t *lines, void *target)
{
    const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
    char shown[SHOWN_MAX + 6];
    char keys[100];

    for (size_t i = 0; i < count; i++) {
        if (!is_key(key, fields[i].key)) {
            continue;
        }
        if (lines[i] != 0) {
            return refuse(reader, line_of(key), "%s has %s on line %zu already, must have it once",
                          owner, fields[i].key, lines[i]);
        }
        lines[i] = line_of(key);
        /* An alias is told at the place where it is used. */
        return fields[i].read(reader, &fields[i], value, lines[i], target);
    }
    list_keys(fields, count, keys, sizeof keys);
    return refuse(reader, line_of(key), "%s has the unknown key %s, must have only: %s", owner,
                  show(key, shown), keys);
}

/* A mapping with exactly these fields; `line` is where its owner is named. */
static bool read_fields(struct reader *reader, const char *owner, const struct field *fields,
                        size_t count, const yaml_node_t *node, size_t line, void *target)
{
    size_t lines[FIELDS_MAX] = {0};
    char shown[SHOWN_MAX + 6];
    char keys[100];

    list_keys(fields, count, keys, sizeof keys);
    if (node->type != YAML_MAPPING_NODE) {
        return refuse(reader, line, "%s is %s, must be a mapping with: %s", owner,
                      show(node, shown), keys);
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        if (!read_field(reader, owner, fields, count, pair, lines, target)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].required && lines[i] == 0) {
            return refuse(reader, line, "%s has no %s, must have it", owner, fields[i].key);
        }
    }
    return true;
}

static const struct field global_fields[] = {
    {"max_concurrent", read_whole, offsetof(struct limiter_config, max_concurrent), 1,
     LIMITER_CONFIG_CONCURRENT_MAX, true},
};

static const struct field provider_fields[] = {
    {"rpm", read_whole, offsetof(struct limiter_provider, rpm), 1, RATE_LIMITS_RPM_MAX, true},
    {"burst", read_whole, offsetof(struct limiter_provider, burst), 1, LIMITER_CONFIG_BURST_MAX,
     true},
    {"tpm", read_whole, offsetof(struct limiter_provider, tpm), 1, LIMITER_CONFIG_TPM_MAX, false},
    {"window_size", read_seconds, offsetof(struct limiter_provider, window_s), 1,
     RATE_LIMITS_WINDOW_US_MAX, false},
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
_Static_assert(COUNT_OF(provider_fields) <= FIELDS_MAX, "read_fields has room for every field");

static bool read_global(struct reader *reader, const struct field *field, const yaml_node_t *value,
                        size_t line, void *target)
{
    return read_fields(reader, field->key, global_fields, COUNT_OF(global_fields), value, line,
                       target);
}

/* ---- providers ------------------------------------------------------------------------------- */

static bool read_name(struct reader *reader, const yaml_node_t *key,
                      char name[static LIMITER_CONFIG_NAME_MAX + 1])
{
    bool good = key->type == YAML_SCALAR_NODE && key->data.scalar.length >= 1 &&
                key->data.scalar.length <= LIMITER_CONFIG_NAME_MAX;
    for (size_t i = 0; good && i < key->data.scalar.length; i++) {
        good = key->data.scalar.value[i] > ' ' && key->data.scalar.value[i] != 0x7f;
    }
    if (!good) {
        char shown[SHOWN_MAX + 6];
        return refuse(reader, line_of(key),
                      "a provider's name is %s, must be 1 to %d characters without blanks",
                      show(key, shown), LIMITER_CONFIG_NAME_MAX);
    }
    memcpy(name, key->data.scalar.value, key->data.scalar.length);
    name[key->data.scalar.length] = '\0';
    return true;
}

static bool read_provider(struct reader *reader, const yaml_node_pair_t *pair,
                          const yaml_node_pair_t *first)
{
    const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
    struct limiter_provider *provider = &reader->config->providers[reader->config->providers_count];

    provider->window_s = 60;
    if (!read_name(reader, key, provider->name)) {
        return false;
    }
    for (size_t i = 0; i < reader->config->providers_count; i++) {
        if (strcmp(reader->config->providers[i].name, provider->name) == 0) {
            const yaml_node_t *earlier = yaml_document_get_node(&reader->document, first[i].key);
            return refuse(reader, line_of(key),
                          "provider \"%s\" is on line %zu already, must be there once",
                          provider->name, line_of(earlier));
        }
    }
    char owner[LIMITER_CONFIG_NAME_MAX + 16];
    snprintf(owner, sizeof owner, "provider \"%s\"", provider->name);
    if (!read_fields(reader, owner, provider_fields, COUNT_OF(provider_fields), value, line_of(key),
                     provider)) {
        return false;
    }
    reader->config->providers_count++;
    return true;
}

static bool read_providers(struct reader *reader, const struct field *field,
                           const yaml_node_t *value, size_t line, void *target)
{
    char shown[SHOWN_MAX + 6];
    struct limiter_config *config = target;

    if (value->type != YAML_MAPPING_NODE ||
        value->data.mapping.pairs.start == value->data.mapping.pairs.top) {
        return refuse(reader, line, "%s is %s, must be a mapping of names to limits", field->key,
                      value->type == YAML_MAPPING_NODE ? "empty" : show(value, shown));
    }
    const yaml_node_pair_t *first = value->data.mapping.pairs.start;
    const yaml_node_pair_t *top = value->data.mapping.pairs.top;
    const size_t count = (size_t)(top - first);
    if (count > LIMITER_CONFIG_PROVIDERS_MAX) {
        return refuse(reader, line, "there are %zu providers, must be at most %zu", count,
                      LIMITER_CONFIG_PROVIDERS_MAX);
    }
    config->providers = calloc(count, sizeof *config->providers);
    if (config->providers == NULL) {
        snprintf(reader->error, reader->error_size, "out of memory");
        return false;
    }
    for (const yaml_node_pair_t *pair = first; pair < top; pair++) {
        if (!read_provider(reader, pair, first)) {
            return false;
        }
    }
    return true;
}

static const struct field file_fields[] = {
    {"global", read_global, 0, 0, 0, true},
    {"providers", read_providers, 0, 0, 0, true},
};

/* ---- documents ------------------------------------------------------------------------------- */

static bool refuse_syntax(struct reader *reader, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        snprintf(reader->error, reader->error_size, "out of memory");
        return false;
    }
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) { /* bytes that are no text: an offset and no mark */
        for (size_t i = 0; i < parser->problem_offset && i < reader->size; i++) {
            line += reader->text[i] == '\n';
        }
    }
    return refuse(reader, line, "not YAML: %s", parser->problem);
}

/* What follows the first document: nothing, or it is refused. */
static bool read_end(struct reader *reader, yaml_parser_t *parser)
{
    yaml_document_t next;
    if (!yaml_parser_load(parser, &next)) {
        return refuse_syntax(reader, parser);
    }
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    const size_t line = next.start_mark.line + 1;
    yaml_document_delete(&next);
    return root == NULL || refuse(reader, line, "a second document, must be one only");
}

static bool read_documents(struct reader *reader, yaml_parser_t *parser)
{
    if (!yaml_parser_load(parser, &reader->document)) {
        return refuse_syntax(reader, parser);
    }
    const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
    bool read = root != NULL ? read_fields(reader, "the file", file_fields, COUNT_OF(file_fields),
                                           root, line_of(root), reader->config) &&
                                   read_end(reader, parser)
                             : refuse(reader, 1,
                                      "the file is empty, must be a mapping with: global, "
                                      "providers");
    yaml_document_delete(&reader->document);
    return read;
}

struct limiter_config *limiter_config_parse(const char *name, const char *text, size_t size,
                                            char *error, size_t error_size)
{
    struct reader reader = {
        .name = name, .text = text, .size = size, .error = error, .error_size = error_size};
    yaml_parser_t parser;

    reader.config = calloc(1, sizeof *reader.config);
    if (reader.config == NULL || !yaml_parser_initialize(&parser)) {
        free(reader.config);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!read_documents(&reader, &parser)) {
        limiter_config_free(reader.config);
        reader.config = NULL;
    }
    yaml_parser_delete(&parser);
    return reader.config;
}

/* The whole file, at most the permitted size and one byte more. NULL with errno set. */
static char *read_whole_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    char *text = malloc(LIMITER_CONFIG_BYTES_MAX + 1);
    if (text != NULL) {
        *size = fread(text, 1, LIMITER_CONFIG_BYTES_MAX + 1, file);
        if (ferror(file)) {
            const int failure = errno;
            free(text);
            text = NULL;
            errno = failure;
        }
    }
    const int failure = errno;
    fclose(file);
    errno = failure;
    return text;
}

struct limiter_config *limiter_config_read(const char *path, char *error, size_t error_size)
{
    size_t size;
    char *text = read_whole_file(path, &size);
    if (text == NULL) {
        snprintf(error, error_size, "%s: cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    struct limiter_config *config = NULL;
    if (size <= LIMITER_CONFIG_BYTES_MAX) {
        config = limiter_config_parse(path, text, size, error, error_size);
    } else {
        snprintf(error, error_size, "%s: larger than %zu bytes, must be a list of limits", path,
                 LIMITER_CONFIG_BYTES_MAX);
    }
    free(text);
    return config;
}

void limiter_config_free(struct limiter_config *config)
{
    if (config != NULL) {
        free(config->providers);
        free(config);
    }
}

const struct limiter_provider *limiter_config_find(const struct limiter_config *config,
                                                   const char *provider)
{
    for (size_t i = 0; i < config->providers_count; i++) {
        if (strcmp(config->providers[i].name, provider) == 0) {
            return &config->providers[i];
        }
    }
    return NULL;
}

struct rate_limits limiter_provider_window(const struct limiter_provider *provider)
{
    return (struct rate_limits){.rpm = provider->rpm, .window_s = provider->window_s};
}

struct token_bucket_limits limiter_provider_bucket(const struct limiter_provider *provider)
{
    return (struct token_bucket_limits){
        .capacity = (double)provider->burst,
        .rate_per_s = (double)provider->rpm / provider->window_s,
    };
}
