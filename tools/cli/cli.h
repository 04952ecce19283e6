// SPDX-License-Identifier: MIT
/*
 * The command line: one file a command, and what they share.
 *
 * Every command takes its own argc/argv (argv[0] is the command's name) and returns an exit status.
 * An error is one line on standard error, "treadle: …", that says what is wrong and what would be
 * right.
 */
#ifndef TREADLE_CLI_CLI_H
#define TREADLE_CLI_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/explore/cell.h"

enum treadle_exit {
    TREADLE_EXIT_OK = 0,         /* all verdicts as expected */
    TREADLE_EXIT_UNEXPECTED = 1, /* some verdict not as expected */
    TREADLE_EXIT_USAGE = 2,
    TREADLE_EXIT_ENVIRONMENT = 3, /* no Redis, no memory, output not writable */
    TREADLE_EXIT_UNKNOWN = 4,     /* unknown verdicts only, or interrupted */
};

int treadle_cli_list(int argc, char **argv);
int treadle_cli_check(int argc, char **argv);
int treadle_cli_replay(int argc, char **argv);
int treadle_cli_shrink(int argc, char **argv);
int treadle_cli_report(int argc, char **argv);
int treadle_cli_claims(int argc, char **argv);
int treadle_cli_bench(int argc, char **argv);
int treadle_cli_health(int argc, char **argv);
int treadle_cli_completion(int argc, char **argv);
int treadle_cli_manual(int argc, char **argv);

typedef struct treadle_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} treadle_command;

/* Every command; ends with a NULL name. */
extern const treadle_command treadle_commands[];

/* Prints "treadle: …" and a newline on standard error. */
void treadle_cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* argp_parse() with our exit status for wrong usage, and the nearest option for a wrong one.
 * Returns TREADLE_EXIT_OK or TREADLE_EXIT_USAGE. What a command does first. */
int treadle_cli_parse(const struct argp *argp, int argc, char **argv, void *input);

/* What a command hands to treadle_cli_parse(), without running it: its options and their texts. */
const struct argp *treadle_cli_argp(const treadle_command *command);

/* Parses a whole number within bounds; false after printing an error that names `what`. */
bool treadle_cli_number(const char *text, const char *what, uint64_t min, uint64_t max,
                        uint64_t *out);
/* Seconds as "1.5", "10s" or "2m", above 0. */
bool treadle_cli_seconds(const char *text, const char *what, double *out);

/* What is asked to be explored: scenarios × variants × backends × granularities. Strings are
 * borrowed. */
typedef struct treadle_selection {
    const char *glob;    /* NULL = all */
    const char *variant; /* NULL = all */
    const char *backend; /* a name; NULL = all */
    const char *granularity;
    const char *set; /* NAME=VALUE,… */
} treadle_selection;

/* The cells of a selection, in the order of the registry; to be freed. 0 on success, else an exit
 * status after an error was printed. */
int treadle_cli_select(const treadle_selection *selection, treadle_cell **cells, size_t *count);

/* A schedule from a token, from a file that holds a token, or from a journal. Same return. */
int treadle_cli_schedule(const char *argument, treadle_schedule *schedule);
/* A schedule is well formed whatever it names: whether this build has its scenario, variant and
 * parameters; else why not, in one line. */
bool treadle_cli_schedule_known(const treadle_schedule *schedule, char *error, size_t error_size);

#endif
