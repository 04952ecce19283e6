// SPDX-License-Identifier: MIT
/*
 * A directory of files that belong together: whoever looks sees all of the old ones or all of the
 * new ones, also when this process is killed. They are written into a directory beside it, which
 * then takes its place in one step. What else is in the directory stays there; then, and on file
 * systems that cannot exchange two directories, file follows file, each of them whole.
 */
#ifndef TREADLE_CLI_REPORT_DIRECTORY_H
#define TREADLE_CLI_REPORT_DIRECTORY_H

#include <stdio.h>

typedef struct treadle_report_directory {
    const char *path; /* borrowed */
    char *temporary;  /* owned */
} treadle_report_directory;

/* Says before anything runs whether it can be written. 0, or TREADLE_EXIT_ENVIRONMENT after an
 * error was printed; then there is nothing to close. */
int treadle_report_directory_open(treadle_report_directory *directory, const char *path);

/* Writes one file of it. Same return. */
int treadle_report_directory_write(treadle_report_directory *directory, const char *name,
                                   int (*write)(void *context, FILE *out), void *context);

/* Puts all of them in their place. Same return. */
int treadle_report_directory_close(treadle_report_directory *directory);
/* Instead of that: nothing is to change. */
void treadle_report_directory_abandon(treadle_report_directory *directory);

#endif
