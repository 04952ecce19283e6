// SPDX-License-Identifier: MIT
/*
 * Names for the addresses of this process, from its debug information and its ELF symbol tables.
 *
 * The same program loads at the same addresses in a process and in those that it forks, so that the
 * addresses of a worker can be looked up by its parent.
 *
 * The returned texts belong to this module and live until the process ends; do not free them. The
 * debug information is opened at the first look-up, once: libraries that are loaded later stay
 * unknown. Answers are kept, so that asking again costs next to nothing. One thread at a time.
 */
#ifndef TREADLE_CLI_SYMBOLS_H
#define TREADLE_CLI_SYMBOLS_H

#include <stdint.h>

/*
 * The place of a call, by its return address: "function file.c:12", where the file's path is
 * relative to the source tree when it lies in there. Of inlined functions the innermost. The line
 * is left out where the compiler gave none, and the file too where there is no debug information.
 * "" when unknown.
 */
const char *treadle_symbolize(uint64_t address);

/* The global variable at or around an address: "table" at its start, "table+24" within. "" when
 * unknown. */
const char *treadle_symbolize_data(uint64_t address);

#endif
