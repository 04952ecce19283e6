// SPDX-License-Identifier: MIT
/* Stands in for tools/cli/commands.c: without the commands that are about the rate-limiting system.
 */
#include "tools/cli/cli.h"

const treadle_command treadle_commands[] = {
    {"list", "scenarios, variants, backends and expected verdicts", treadle_cli_list},
    {"check", "explore, and compare the verdicts with the expected ones", treadle_cli_check},
    {"replay", "run a recorded schedule again and show what happens", treadle_cli_replay},
    {"shrink", "make a failing schedule shorter", treadle_cli_shrink},
    {"report", "write what a team reads before a roll-out, as a page and as JSON",
     treadle_cli_report},
    {"completion", "print the completions for bash, zsh or fish", treadle_cli_completion},
    {"manual", "print the manual page", treadle_cli_manual},
    {0},
};
