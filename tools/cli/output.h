// SPDX-License-Identifier: MIT
/*
 * Where a command writes: standard output, or a file that appears whole or not at all: it is
 * written beside its place and renamed when everything is there. A device, a pipe or a link is
 * never replaced by that, but written to as it stands.
 */
#ifndef TREADLE_CLI_OUTPUT_H
#define TREADLE_CLI_OUTPUT_H

#include "reports/writer.h"

typedef struct treadle_output {
    FILE *stream;
    const char *path; /* NULL = standard output; borrowed */
    char *temporary;  /* NULL = written in place */
} treadle_output;

/* 0, or TREADLE_EXIT_ENVIRONMENT after an error was printed: not writable. */
int treadle_output_open(treadle_output *output, const char *path);
/* Puts the file in its place. Same return. */
int treadle_output_close(treadle_output *output);
/* Instead of that: the file is not to be. */
void treadle_output_abandon(treadle_output *output);

/* Width and colour for this output: those of the terminal when it is one. NO_COLOR is honoured. */
void treadle_output_options(const treadle_output *output, treadle_writer_options *options);

#endif
