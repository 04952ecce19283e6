// SPDX-License-Identifier: MIT
#include "tools/cli/report_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli/cli.h"

enum { PATH_SIZE = 4096 };

static int cannot_write(const char *path, int error)
{
    treadle_cli_error("cannot write %s: %s", path, strerror(error));
    return TREADLE_EXIT_ENVIRONMENT;
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Calls `each` with the path of every file; stops when it returns false. False also when the
 * directory cannot be read. */
static bool each_file(const char *directory,
                      bool (*each)(const char *name, const char *path, const void *context),
                      const void *context)
{
    DIR *listing = opendir(directory);
    bool all = listing != NULL;
    for (struct dirent *entry; all && (entry = readdir(listing)) != NULL;) {
        char path[PATH_SIZE];
        if (!is_dot(entry->d_name)) {
            all =
                snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) < (int)sizeof path &&
                each(entry->d_name, path, context);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
    return all;
}

static bool remove_file(const char *name, const char *path, const void *context)
{
    (void)name;
    (void)context;
    unlink(path);
    return true;
}

static void remove_all(const char *directory)
{
    each_file(directory, remove_file, NULL);
    rmdir(directory);
}

int treadle_report_directory_open(treadle_report_directory *directory, const char *path)
{
    *directory = (treadle_report_directory){.path = path};
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        return cannot_write(path, ENOTDIR);
    }
    if (asprintf(&directory->temporary, "%.*s.XXXXXX", (int)length, path) < 0) {
        directory->temporary = NULL;
        treadle_cli_error("out of memory");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    if (mkdtemp(directory->temporary) == NULL) {
        const int error = errno;
        free(directory->temporary);
        return cannot_write(path, error);
    }
    const mode_t mask = umask(0);
    umask(mask);
    chmod(directory->temporary, 0777 & ~mask);
    return TREADLE_EXIT_OK;
}

int treadle_report_directory_write(treadle_report_directory *directory, const char *name,
                                   int (*write)(void *context, FILE *out), void *context)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", directory->temporary, name);
    FILE *out = fopen(path, "we");
    int error = out == NULL ? errno : write(context, out);
    if (out != NULL && fclose(out) != 0 && !error) {
        error = errno;
    }
    return error ? cannot_write(path, error) : TREADLE_EXIT_OK;
}

/* ---- taking its place ------------------------------------------------------------------------ */

static bool is_new_too(const char *name, const char *path, const void *context)
{
    (void)path;
    char other[PATH_SIZE];
    snprintf(other, sizeof other, "%s/%s", (const char *)context, name);
    return access(other, F_OK) == 0;
}

static bool move_into(const char *name, const char *path, const void *context)
{
    char to[PATH_SIZE];
    snprintf(to, sizeof to, "%s/%s", (const char *)context, name);
    return rename(path, to) == 0;
}

/* Nothing there, or a directory that holds nothing else: one step. */
static bool replace_whole(const treadle_report_directory *directory)
{
    if (rename(directory->temporary, directory->path) == 0) {
        return true; /* there was none, or an empty one */
    }
    struct stat link;
    if (lstat(directory->path, &link) != 0 || !S_ISDIR(link.st_mode) ||
        !each_file(directory->path, is_new_too, directory->temporary) ||
        renameat2(AT_FDCWD, directory->temporary, AT_FDCWD, directory->path, RENAME_EXCHANGE) !=
            0) {
        return false;
    }
    remove_all(directory->temporary);
    return true;
}

int treadle_report_directory_close(treadle_report_directory *directory)
{
    int status = TREADLE_EXIT_OK;
    if (!replace_whole(directory)) {
        if (!each_file(directory->temporary, move_into, directory->path)) {
            status = cannot_write(directory->path, errno);
        }
        remove_all(directory->temporary);
    }
    free(directory->temporary);
    return status;
}

void treadle_report_directory_abandon(treadle_report_directory *directory)
{
    remove_all(directory->temporary);
    free(directory->temporary);
}
