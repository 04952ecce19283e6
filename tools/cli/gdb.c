// SPDX-License-Identifier: MIT
#include "tools/cli/gdb.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/cli/cli.h"

enum { ARGUMENTS_MAX = 32, PATH_MAX_BYTES = 4096, NOT_FOUND = 127 };

extern const char treadle_gdb_script[]; /* gdb_script.S */

static bool write_script(const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    bool written = fputs(treadle_gdb_script, file) >= 0;
    written &= fclose(file) == 0;
    return written;
}

/* In the child. */
static _Noreturn void become_gdb(const char *script, const char *const *arguments, uint32_t step)
{
    char program[PATH_MAX_BYTES];
    char go[64];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    snprintf(go, sizeof go, "treadle goto %" PRIu32, step);
    const char *vector[ARGUMENTS_MAX] = {"gdb", "-q",     "-x",    script,   "-ex",
                                         go,    "--args", program, "replay", "--in-process"};
    for (size_t i = 10; i + 1 < ARGUMENTS_MAX && *arguments != NULL; i++) {
        vector[i] = *arguments++;
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    execvp(vector[0], (char *const *)(uintptr_t)vector);
    _exit(NOT_FOUND);
}

int treadle_cli_gdb(const char *directory, const char *const *arguments, uint32_t step)
{
    char script[PATH_MAX_BYTES];
    snprintf(script, sizeof script, "%s/treadle_gdb.py", directory);
    if (!write_script(script)) {
        treadle_cli_error("cannot write %s: %s", script, strerror(errno));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    /* Ctrl-C is gdb's. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        become_gdb(script, arguments, step);
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    unlink(script);
    if (pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)) {
        treadle_cli_error("cannot run gdb: %s", pid < 0 ? strerror(errno) : "is it installed?");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return TREADLE_EXIT_OK;
}
