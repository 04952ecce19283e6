// SPDX-License-Identifier: MIT
#include "tools/cli/tests/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 32 };

static int scratch(void)
{
    char path[] = "/tmp/treadle-test-XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0) {
        perror(path);
        abort();
    }
    unlink(path);
    return fd;
}

running start_treadle(const char *environment, const char *const *arguments)
{
    running process = {.out = scratch(), .err = scratch()};
    process.pid = fork();
    if (process.pid == 0) {
        const char *vector[ARGUMENTS_MAX + 2] = {TREADLE_BINARY};
        for (int i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++) {
            vector[i + 1] = arguments[i];
        }
        if (environment != NULL) {
            putenv(strdup(environment));
        }
        setpgid(0, 0);
        dup2(process.out, STDOUT_FILENO);
        dup2(process.err, STDERR_FILENO);
        execv(TREADLE_BINARY, (char *const *)(uintptr_t)vector);
        _exit(127);
    }
    return process;
}

static char *slurp(int fd)
{
    struct stat status;
    fstat(fd, &status);
    char *text = calloc(1, (size_t)status.st_size + 1);
    if (text == NULL || pread(fd, text, (size_t)status.st_size, 0) != status.st_size) {
        abort();
    }
    close(fd);
    return text;
}

ran finish_treadle(running process)
{
    int status = 0;
    while (waitpid(process.pid, &status, 0) < 0 && errno == EINTR) {
    }
    return (ran){.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                 .out = slurp(process.out),
                 .err = slurp(process.err)};
}

ran run_treadle(const char *environment, const char *const *arguments)
{
    return finish_treadle(start_treadle(environment, arguments));
}

void ran_free(ran *result)
{
    free(result->out);
    free(result->err);
}

char *first_token(const char *text)
{
    const char *token = strstr(text, "tdl1.");
    if (token == NULL) {
        return NULL;
    }
    return strndup(token, strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789-_."));
}

static pid_t parent_of(pid_t pid, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    int parent = 0;
    char command[64] = "";
    if (fscanf(file, "%*d (%63[^)]) %*c %d", command, &parent) != 2) {
        parent = 0;
    }
    fclose(file);
    snprintf(name, size, "%s", command);
    return parent;
}

static int descends(pid_t pid, pid_t ancestor)
{
    char name[64];
    while (pid > 1 && pid != ancestor) {
        pid = parent_of(pid, name, sizeof name);
    }
    return pid == ancestor;
}

pid_t find_descendant(pid_t ancestor, const char *name)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        DIR *proc = opendir("/proc");
        for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
            char found[64] = "";
            const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
            if (pid > 0 && parent_of(pid, found, sizeof found) > 0 && strcmp(found, name) == 0 &&
                descends(pid, ancestor)) {
                closedir(proc);
                return pid;
            }
        }
        if (proc != NULL) {
            closedir(proc);
        }
        usleep(100000);
    }
    return 0;
}
