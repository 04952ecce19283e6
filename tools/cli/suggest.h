// SPDX-License-Identifier: MIT
/*
 * "Did you mean …?": the name that somebody most likely wanted when what they gave fits nothing.
 *
 * Pure functions of their arguments. Nothing is kept and nothing allocated; the result is one of
 * the caller's own pointers.
 */
#ifndef TREADLE_CLI_SUGGEST_H
#define TREADLE_CLI_SUGGEST_H

#include <stddef.h>

/*
 * The one of `names` that is nearest to `given`, whatever the case of its letters: by the number of
 * typing errors between them or between `given` and the part after a '/', or because it contains
 * `given`. The first of equally near ones. NULL when nothing is near. NULL names are passed over.
 */
const char *treadle_suggest(const char *given, const char *const *names, size_t count);

#endif
