// SPDX-License-Identifier: MIT
#include "tools/cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef TREADLE_SOURCE_DIR
#error "the build must define TREADLE_SOURCE_DIR as the path of the source tree"
#endif

enum { LINE_MAX_BYTES = 1024, PATH_MAX_BYTES = 1024, FILE_BYTES_MAX = 4 << 20 };

/* The file that was asked for last: excerpts ask for neighbouring lines. */
static char *kept_name;
static char *kept_text; /* NULL = it cannot be read */

/* A plain file of a sane size as text; NULL. */
static char *read_text(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "re");
    char *text = NULL;
    if (file != NULL && fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size <= FILE_BYTES_MAX) {
        const size_t size = (size_t)status.st_size;
        text = calloc(1, size + 1);
        if (text != NULL && fread(text, 1, size, file) != size) {
            free(text);
            text = NULL;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

static void keep(const char *name)
{
    if (kept_name != NULL && strcmp(kept_name, name) == 0) {
        return;
    }
    free(kept_name);
    free(kept_text);
    kept_name = strdup(name);
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/%s", TREADLE_SOURCE_DIR, name);
    kept_text = name[0] != '/' ? read_text(path) : NULL;
    kept_text = kept_text != NULL ? kept_text : read_text(name);
}

const char *treadle_source_line(const char *file, int line)
{
    static char text[LINE_MAX_BYTES];
    keep(file);
    const char *at = kept_text;
    for (int i = 1; i < line && at != NULL; i++) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL || line < 1 || *at == '\0') {
        return NULL;
    }
    snprintf(text, sizeof text, "%.*s", (int)strcspn(at, "\r\n"), at);
    return text;
}
