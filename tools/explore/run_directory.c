// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/explore/jobs.h"

char *treadle_run_directory_create(char *error, size_t error_size)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/treadle-run-XXXXXX", base != NULL && *base ? base : "/tmp") < 0) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    if (mkdtemp(path) == NULL) {
        snprintf(error, error_size, "cannot make a directory %s: %s", path, strerror(errno));
        free(path);
        return NULL;
    }
    return path;
}

void treadle_run_directory_remove(char *path)
{
    DIR *directory = path != NULL ? opendir(path) : NULL;
    if (directory != NULL) {
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
            if (strncmp(entry->d_name, "journal-", 8) == 0) {
                unlinkat(dirfd(directory), entry->d_name, 0);
            }
        }
        closedir(directory);
        rmdir(path);
    }
    free(path);
}
