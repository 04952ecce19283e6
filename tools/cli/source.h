// SPDX-License-Identifier: MIT
/*
 * Lines of the source that this program was built from, where it is at hand: in the source tree of
 * the build, else below the working directory. Files are kept; one thread at a time.
 */
#ifndef TREADLE_CLI_SOURCE_H
#define TREADLE_CLI_SOURCE_H

/* Line `line`, from 1, of a file as treadle_symbolize() names it; NULL when there is none. Lives
 * until the next call. Not escaped. */
const char *treadle_source_line(const char *file, int line);

#endif
