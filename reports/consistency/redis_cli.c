// SPDX-License-Identifier: MIT
#include "reports/consistency/redis_cli.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/json_values.h"

enum { DEPTH_MAX = 16, INDENT_MAX = 64 };

typedef struct span {
    const char *data;
    size_t length;
} span;

static bool starts_with(span text, const char *literal)
{
    const size_t length = strlen(literal);
    return text.length >= length && memcmp(text.data, literal, length) == 0;
}

static span after(span text, size_t count)
{
    return (span){text.data + count, text.length - count};
}

/* Where `literal` stands outside of quotes; the length when nowhere. */
static size_t find_outside(span text, const char *literal)
{
    bool quoted = false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\\' && quoted) {
            i++;
        } else if (text.data[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && starts_with(after(text, i), literal)) {
            return i;
        }
    }
    return text.length;
}

/* ---- replies --------------------------------------------------------------------------------- */

/* The element of an array at the beginning of `text`: up to its comma, or its bracket. */
static size_t element_length(span text)
{
    bool quoted = false;
    int depth = 0;
    for (size_t i = 0; i < text.length; i++) {
        const char byte = text.data[i];
        if (byte == '\\' && quoted) {
            i++;
        } else if (byte == '"') {
            quoted = !quoted;
        } else if (!quoted && byte == '[') {
            depth++;
        } else if (!quoted && (byte == ']' || byte == ',')) {
            if (depth == 0) {
                return i;
            }
            depth -= byte == ']';
        }
    }
    return text.length;
}

static bool is_integer(span text)
{
    size_t digits = 0;
    for (size_t i = starts_with(text, "-") ? 1 : 0; i < text.length; i++, digits++) {
        if (!isdigit((unsigned char)text.data[i])) {
            return false;
        }
    }
    return digits > 0;
}

static void print_reply(FILE *out, span text, int indent, int depth);

static void print_array(FILE *out, span text, int indent, int depth)
{
    span rest = after(text, 1);
    if (starts_with(rest, "]")) {
        fputs("(empty array)", out);
        return;
    }
    for (int number = 1; rest.length > 0; number++) {
        const size_t length = element_length(rest);
        char label[16];
        const int columns = snprintf(label, sizeof label, "%d) ", number);
        fprintf(out, "%s%*s%s", number > 1 ? "\n" : "", number > 1 ? indent : 0, "", label);
        print_reply(out, (span){rest.data, length}, indent + columns, depth + 1);
        if (length >= rest.length || rest.data[length] == ']') {
            return;
        }
        rest = after(rest, length + 1);
        rest = starts_with(rest, " ") ? after(rest, 1) : rest;
    }
}

static void print_reply(FILE *out, span text, int indent, int depth)
{
    if (starts_with(text, "[") && depth < DEPTH_MAX && indent < INDENT_MAX) {
        print_array(out, text, indent, depth);
    } else if (text.length == 3 && starts_with(text, "nil")) {
        fputs("(nil)", out);
    } else {
        fprintf(out, "%s%.*s", is_integer(text) ? "(integer) " : "", (int)text.length, text.data);
    }
}

static json_t *reply_text(span text)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);
    if (out == NULL) {
        return NULL;
    }
    print_reply(out, text, 0, 0);
    json_t *reply = fclose(out) == 0 ? treadle_json_bytes(shown, size) : NULL;
    free(shown);
    return reply;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* What was done before the commands, "(scripts lost) "; its length, 0 when nothing. */
static size_t before_length(span text)
{
    const char *end =
        starts_with(text, "(") ? memmem(text.data, text.length, ") ", strlen(") ")) : NULL;
    return end != NULL ? (size_t)(end - text.data) + 2 : 0;
}

/* What happened after them, " (connection cut, …)"; its length. */
static size_t after_length(span text)
{
    static const char *const marks[] = {" (connection cut", " (the server closed"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *at = memmem(text.data, text.length, marks[i], strlen(marks[i]));
        if (at != NULL) {
            return text.length - (size_t)(at - text.data);
        }
    }
    return 0;
}

static json_t *one_command(span text, span before, span behind)
{
    static const char arrow[] = " -> ";
    const size_t length = find_outside(text, arrow);
    const bool replied = length < text.length;
    return json_pack(
        "{s:o, s:o, s:o, s:o}", "command", treadle_json_bytes(text.data, length), "reply",
        replied ? reply_text(after(text, length + sizeof arrow - 1)) : json_null(), "before",
        before.length > 0 ? treadle_json_bytes(before.data, before.length - 1) : json_null(),
        "after",
        behind.length > 0 ? treadle_json_bytes(behind.data + 1, behind.length - 1) : json_null());
}

json_t *treadle_redis_cli_commands(const char *text, size_t length)
{
    static const char bar[] = " | ";
    span rest = {text, length};
    span before = {text, before_length(rest)};
    rest = after(rest, before.length);
    const size_t behind_length = after_length(rest);
    const span behind = after(rest, rest.length - behind_length);
    rest.length -= behind_length;
    json_t *commands = json_array();
    bool more = true;
    while (commands != NULL && more) {
        const size_t end = find_outside(rest, bar);
        more = end < rest.length;
        const span cut = {behind.data, more ? 0 : behind.length};
        if (json_array_append_new(commands, one_command((span){rest.data, end}, before, cut)) !=
            0) {
            json_decref(commands);
            return NULL;
        }
        before.length = 0;
        rest = more ? after(rest, end + sizeof bar - 1) : rest;
    }
    return commands;
}
