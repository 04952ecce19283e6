// SPDX-License-Identifier: MIT
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/cli.h"
#include "tools/cli/suggest.h"

enum { COMMANDS_MAX = 32 };

static void usage(FILE *out)
{
    fprintf(out, "Usage: treadle COMMAND [OPTION…]\n"
                 "Finds, replays and explains interleaving bugs, and says when there are none left "
                 "to find.\n\n");
    for (const treadle_command *command = treadle_commands; command->name != NULL; command++) {
        fprintf(out, "  %-10s %s\n", command->name, command->summary);
    }
    fprintf(out, "\n`treadle COMMAND --help` tells more.\n"
                 "Exit status: 0 as expected, 1 not as expected, 2 usage, 3 environment, 4 unknown "
                 "verdicts only, or interrupted.\n");
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return TREADLE_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return TREADLE_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0) {
        printf("treadle %s\n", TREADLE_VERSION);
        return TREADLE_EXIT_OK;
    }
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    for (const treadle_command *command = treadle_commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0) {
            return command->run(argc - 1, argv + 1);
        }
        assert(count < COMMANDS_MAX);
        names[count++] = command->name;
    }
    const char *near = treadle_suggest(name, names, count);
    treadle_cli_error("unknown command \"%s\"%s%s%s; `treadle --help` lists them", name,
                      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return TREADLE_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    const int status = run(argc, argv);
    /* Who reads no further has what it wanted. */
    if (fflush(stdout) != 0 && errno != EPIPE && status == TREADLE_EXIT_OK) {
        treadle_cli_error("cannot write to standard output: %s", strerror(errno));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return status;
}
