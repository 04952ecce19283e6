// SPDX-License-Identifier: MIT
/*
 * Messages with places in the code, for people: an outcome names them by address (outcome.h), which
 * means something only in a process of this program that runs now.
 */
#ifndef TREADLE_CLI_PLACES_H
#define TREADLE_CLI_PLACES_H

#include <stddef.h>

/* Turns every "@0x5582…" of a message into "file.c:12 (function)", and every "&0x5582…" into the
 * name of a global variable, like "table+24", in place. An address that cannot be found stays as it
 * is; a message that grows beyond `size` is cut. */
void treadle_places_resolve(char *message, size_t size);

#endif
