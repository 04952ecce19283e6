// SPDX-License-Identifier: MIT
/* The text of a Redis operation in a trace, which is one line, as somebody would see it who types
 * the commands into redis-cli. */
#ifndef TREADLE_REPORTS_CONSISTENCY_REDIS_CLI_H
#define TREADLE_REPORTS_CONSISTENCY_REDIS_CLI_H

#include <jansson.h>
#include <stddef.h>

/* "GET a -> nil | GET b -> [1, 2]" becomes [{"command": "GET a", "reply": "(nil)"}, {…}]; "reply"
 * is null where none came. What stands in brackets before and after the commands is "before" and
 * "after" of the first and of the last one. A new reference; NULL when out of memory. */
json_t *treadle_redis_cli_commands(const char *text, size_t length);

#endif
