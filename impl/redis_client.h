// SPDX-License-Identifier: MIT
#ifndef REDIS_CLIENT_H
#define REDIS_CLIENT_H

/*
 * What the components that talk to Redis share: a borrowed connection, one command with its errors
 * turned into one line of text, and scripts by their SHA1.
 *
 * A client belongs to one thread at a time. A reply returned by a function here belongs to the
 * caller, who frees it with freeReplyObject().
 */

#include <hiredis/hiredis.h>
#include <stdbool.h>

#define REDIS_CLIENT_SHA_SIZE 41 /* 40 hexadecimal digits and the terminator */

struct redis_client {
    redisContext *redis; /* borrowed */
    char error[256];     /* of the last operation; "" when it went well */
};

/* Sets the text of the last error; every operation starts by clearing it. */
void redis_client_fail(struct redis_client *client, const char *text);
void redis_client_clear_error(struct redis_client *client);

/* Records what the connection complains of. */
void redis_client_fail_io(struct redis_client *client);

/* Sends one command and waits for its reply. NULL, with the error recorded, when the connection
 * failed, the server answered with an error, or the reply is not of type `type`. */
redisReply *redis_client_command(struct redis_client *client, int type, const char *format, ...);

/* SCRIPT LOAD; on success `sha` is the script's SHA1 as the server computed it. */
bool redis_client_load_script(struct redis_client *client, const char *text,
                              char sha[static REDIS_CLIENT_SHA_SIZE]);

/* Whether the last error is the server saying that it does not know a script: nothing was executed
 * then, so running it again is safe. */
bool redis_client_lacks_script(const struct redis_client *client);

#endif
