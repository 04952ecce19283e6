// SPDX-License-Identifier: MIT
/*
 * The limits of a deployment, from its configuration file:
 *
 *     global: {max_concurrent: 10}
 *     providers:
 *       openai: {rpm: 500, burst: 50, tpm: 90000, window_size: 60}
 *
 * A provider may leave out each of its fields: what is not given is not limited, and a window
 * without a size is one of 60 s. Anything else in the file is somebody else's.
 */
#ifndef TREADLE_CLI_LIMITS_H
#define TREADLE_CLI_LIMITS_H

#include "tools/cli/inspect.h"

typedef struct treadle_limits treadle_limits;

/* NULL with one line in `error`: the file, where in it, what is wrong. */
treadle_limits *treadle_limits_read(const char *path, char *error, size_t error_size);
void treadle_limits_free(treadle_limits *limits);

/* As treadle_inspection wants it: `context` is a treadle_limits. */
bool treadle_limits_find(const void *context, const char *provider, size_t length,
                         treadle_provider_limits *out);

#endif
