// SPDX-License-Identifier: MIT
#include "tools/cli/cli.h"

const treadle_command treadle_commands[] = {
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
    {"completion", "print the completions for bash, zsh or fish", treadle_cli_completion},
    {"manual", "print the manual page", treadle_cli_manual},
    {0},
};
