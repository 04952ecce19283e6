// SPDX-License-Identifier: MIT
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/cli.h"
#include "tools/cli/suggest.h"

typedef struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} command;

static const command commands[] = {
    {"list", "scenarios, variants, backends and expected verdicts", treadle_cli_list},
    {"check", "explore, and compare the verdicts with the expected ones", treadle_cli_check},
    {"replay", "run a recorded schedule again and show what happens", treadle_cli_replay},
    {"shrink", "make a failing schedule shorter", treadle_cli_shrink},
    {"report", "write what a team reads before a roll-out, as a page and as JSON",
     treadle_cli_report},
    {"claims", "decide what the document and its analysis claim", treadle_cli_claims},
    {"health", "inspect the limiters' keys on a live Redis server, without writing",
     treadle_cli_health},
    {"bench", "measure, as ratios taken in one run", treadle_cli_bench},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void usage(FILE *out)
{
    fprintf(out, "Usage: treadle COMMAND [OPTION…]\n"
                 "Finds, replays and explains interleaving bugs, and says when there are none left "
                 "to find.\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\n`treadle COMMAND --help` tells more.\n"
                 "Exit status: 0 as expected, 1 not as expected, 2 usage, 3 environment, 4 unknown "
                 "verdicts only.\n");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
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
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
        names[i] = commands[i].name;
    }
    const char *near = treadle_suggest(name, names, COMMANDS);
    treadle_cli_error("unknown command \"%s\"%s%s%s; `treadle --help` lists them", name,
                      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return TREADLE_EXIT_USAGE;
}
