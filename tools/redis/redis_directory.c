// SPDX-License-Identifier: MIT
#include "tools/redis/redis_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_PREFIX "treadle-redis-"
#define LOCK_NAME "lock"

enum { RANDOM_LETTERS = 6 };

/* The pid in NAME_PREFIX<pid>-XXXXXX; 0 for any other name. */
static pid_t owner_in_name(const char *name)
{
    if (strncmp(name, NAME_PREFIX, sizeof NAME_PREFIX - 1) != 0) {
        return 0;
    }
    const char *digits = name + sizeof NAME_PREFIX - 1;
    const size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 9 || digits[count] != '-' ||
        strlen(digits + count + 1) != RANDOM_LETTERS) {
        return 0;
    }
    return (pid_t)strtol(digits, NULL, 10);
}

/* Unlinks what is in the open directory; consumes `fd`. */
static void empty(int fd)
{
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            unlinkat(fd, entry->d_name, 0);
        }
    }
    closedir(directory);
}

/* Whether a living process holds the directory: a child of the dead owner, or an owner in another
 * process namespace. */
static bool is_locked(int directory_fd)
{
    const int fd = openat(directory_fd, LOCK_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    const bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return locked;
}

static void remove_if_stale(int parent_fd, const char *name)
{
    const pid_t owner = owner_in_name(name);
    if (owner <= 0 || kill(owner, 0) == 0 || errno != ESRCH) {
        return;
    }
    const int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_uid != geteuid() || is_locked(fd)) {
        close(fd);
        return;
    }
    empty(fd);
    unlinkat(parent_fd, name, AT_REMOVEDIR);
}

static void remove_stale(const char *parent)
{
    DIR *directory = opendir(parent);
    if (directory == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        remove_if_stale(dirfd(directory), entry->d_name);
    }
    closedir(directory);
}

static bool create_under(treadle_redis_directory *out, const char *parent)
{
    const int written =
        snprintf(out->path, sizeof out->path, "%s/" NAME_PREFIX "%d-XXXXXX", parent, (int)getpid());
    if (written < 0 || (size_t)written >= sizeof out->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    return mkdtemp(out->path) != NULL;
}

bool treadle_redis_directory_create(treadle_redis_directory *out, char *error, size_t error_size)
{
    const char *chosen = getenv("TMPDIR");
    const char *parent = chosen != NULL && chosen[0] == '/' ? chosen : "/tmp";
    bool created = create_under(out, parent);
    if (!created && strcmp(parent, "/tmp") != 0) {
        parent = "/tmp"; /* the chosen one is too long for a unix socket, or not writable */
        created = create_under(out, parent);
    }
    if (!created) {
        snprintf(error, error_size, "no temporary directory under %s: %s", parent, strerror(errno));
        return false;
    }
    remove_stale(parent);
    char lock[TREADLE_REDIS_DIRECTORY_MAX + sizeof "/" LOCK_NAME];
    snprintf(lock, sizeof lock, "%s/" LOCK_NAME, out->path);
    out->lock_fd = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out->lock_fd < 0 || flock(out->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(error, error_size, "%s: %s", lock, strerror(errno));
        treadle_redis_directory_remove(out);
        return false;
    }
    return true;
}

void treadle_redis_directory_forget(treadle_redis_directory *directory)
{
    if (directory->lock_fd >= 0) {
        close(directory->lock_fd);
        directory->lock_fd = -1;
    }
}

void treadle_redis_directory_remove(treadle_redis_directory *directory)
{
    const int fd = open(directory->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        empty(fd);
    }
    rmdir(directory->path);
    treadle_redis_directory_forget(directory);
}
