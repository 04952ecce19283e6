// SPDX-License-Identifier: MIT
#include "reports/consistency/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/json_values.h"

enum { FILES_MAX = 256, PATH_SIZE = 512, LINE_SHOWN_MAX = 160 };

/* The files read so far; the last slots stay empty when there are more. */
static struct source_file {
    char path[PATH_SIZE];
    char *text; /* NULL = cannot be read */
    size_t length;
} files[FILES_MAX];
static size_t file_count;

static char *read_whole(const char *path, size_t *length)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return NULL;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    char piece[4096];
    size_t count;
    while (out != NULL && (count = fread(piece, 1, sizeof piece, in)) > 0) {
        fwrite(piece, 1, count, out);
    }
    fclose(in);
    if (out == NULL || fclose(out) != 0) {
        free(text);
        return NULL;
    }
    *length = size;
    return text;
}

static const struct source_file *file_at(const char *path)
{
    for (size_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    if (file_count == FILES_MAX || strlen(path) >= PATH_SIZE) {
        return NULL;
    }
    struct source_file *file = &files[file_count++];
    memcpy(file->path, path, strlen(path) + 1);
    file->text = read_whole(path, &file->length);
    return file;
}

/* From a line on, until its brackets are closed, with the white space between lines made one. */
static void copy_statement(char code[LINE_SHOWN_MAX + 1], const char *at)
{
    size_t used = 0;
    int open = 0;
    at += strspn(at, " \t");
    for (; *at != '\0' && used < LINE_SHOWN_MAX; at++) {
        open += (*at == '(') - (*at == ')');
        if (*at == '\n' && open <= 0) {
            break;
        }
        if (*at == '\n') {
            at += strspn(at, " \t\n") - 1;
            code[used] = ' ';
            used += used > 0 && code[used - 1] != '(';
        } else {
            code[used++] = *at;
        }
    }
    code[used] = '\0';
}

static json_t *code_at(const char *directory, const char *file, long line)
{
    char path[PATH_SIZE];
    if (directory == NULL || line < 1 ||
        snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path) {
        return json_null();
    }
    const struct source_file *found = file_at(path);
    const char *at = found != NULL ? found->text : NULL;
    for (long i = 1; at != NULL && i < line; i++) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL) {
        return json_null();
    }
    char code[LINE_SHOWN_MAX + 1];
    copy_statement(code, at);
    return treadle_json_text(code);
}

json_t *treadle_source_place(uint64_t address, treadle_symbolizer *symbolize, const char *directory)
{
    const char *symbol = address != 0 && symbolize != NULL ? symbolize(address) : "";
    const char *space = strrchr(symbol, ' ');
    if (symbol[0] == '\0') {
        return json_null();
    }
    if (space == NULL) {
        return json_pack("{s:o, s:n, s:n, s:n}", "function", treadle_json_text(symbol), "file",
                         "line", "code");
    }
    char file[PATH_SIZE];
    snprintf(file, sizeof file, "%s", space + 1);
    char *colon = strrchr(file, ':');
    const long line = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;
    if (colon != NULL) {
        *colon = '\0';
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "function",
                     treadle_json_bytes(symbol, (size_t)(space - symbol)), "file",
                     treadle_json_text(file), "line", line > 0 ? json_integer(line) : json_null(),
                     "code", code_at(directory, file, line));
}
