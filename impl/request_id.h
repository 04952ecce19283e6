// SPDX-License-Identifier: MIT
#ifndef REQUEST_ID_H
#define REQUEST_ID_H

/*
 * Request ids in the form of a version 4 UUID, made from random().
 *
 * random() is seeded once a process, by the program (srandom). Two processes that start from the
 * same seed produce the same ids, and where an id names a member of a shared sorted set, requests
 * with equal ids count as one. A program that cannot seed well should pass its own ids.
 *
 * Thread-safe in so far as random() is, which glibc's is.
 */

#define REQUEST_ID_SIZE 37 /* 36 characters and the terminator */

void request_id_generate(char id[static REQUEST_ID_SIZE]);

#endif
