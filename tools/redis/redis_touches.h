// SPDX-License-Identifier: MIT
/*
 * What a flush touches, for footprints (tools/engine/observe.h): two flushes of different threads
 * commute, replies and all, unless they touch a common byte and one of them writes it. Addresses
 * lie in TREADLE_TOUCH_SPACE and are the same in every execution:
 *
 *   a key      its hash. Databases are not told apart, and hashes may collide: that only makes
 *              more conflict than must.
 *   KEYS       read with every key; written by what reaches keys that it does not name (FLUSHALL,
 *              a script without keys) and by what shows which are stored (KEYS, SCAN, DBSIZE). Such
 *              a look conflicts even with reads: these remove a key that has expired, and move a
 *              table that is growing on by a step, which changes the order in which it is listed.
 *   WRITERS    a byte for each thread, written with every key that it writes; all are read by what
 *              reads keys that it does not name (SORT_RO … BY). So writers of different keys do not
 *              conflict with one another, nor readers with readers.
 *   SCRIPTS    the script cache, a byte for each thread likewise: EVAL and SCRIPT LOAD, which only
 *              ever add, write their thread's; EVALSHA and SCRIPT EXISTS read all; SCRIPT FLUSH
 *              writes all.
 *   RANDOM     the server's random numbers: SPOP, SRANDMEMBER, …
 *   SERVER     read by every flush, and where a connection begins or ends; written by commands
 *              about which nothing is known (CONFIG, CLIENT KILL, FUNCTION LOAD, INFO, a command
 *              that is not in the COMMAND table): they conflict with everything.
 *   BUDGETS    the execution's faults, a byte a kind: which thread a fault strikes depends on who
 *              used the budget up.
 *   COUNTS     what treadle_redis_command_count() tells, a byte a thread.
 *   connection its state in this process, for threads that share a context.
 *
 * Which keys a command has, and whether it writes them, is the server's own COMMAND table's word
 * (redis_commands.h). Commands queued by MULTI touch nothing until EXEC, which touches all that
 * they do and reads the watched keys: its outcome depends on them. Every flush reads the virtual
 * clock besides (treadle_announce_external), which is what keys with a time to live, TIME and
 * scripts depend on.
 *
 * A script that names KEYS, SCAN, DBSIZE, SPOP, INFO or the like in a call touches what that does;
 * EVALSHA, what the script does that was sent under its name in this execution.
 *
 * Taken to be immaterial: in which order a server lists the members of one set or hash, where only
 * reads of it lie between; and in which order KEYS and SCAN list keys, where it depends on which of
 * two different keys was written first: such writes are not reversed for a later look. Not seen:
 * keys that a script reaches beside those it declares; commands whose name is not a plain string in
 * its text, and those that functions call; and CLIENT ID's numbers.
 */
#ifndef TREADLE_REDIS_TOUCHES_H
#define TREADLE_REDIS_TOUCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/redis/redis_commands.h"
#include "tools/redis/redis_resp.h"

#define TREADLE_REDIS_QUEUED_MAX 64u

typedef struct treadle_redis_touch {
    uint64_t address;
    uint32_t size;
    bool write;
} treadle_redis_touch;

/* What EXEC will touch on a connection. All zero: no transaction, nothing watched. */
typedef struct treadle_redis_transaction {
    bool queueing;  /* MULTI was sent */
    bool full;      /* there was more than fits: EXEC conflicts with everything */
    uint32_t flags; /* of the commands that are queued; see redis_commands.h */
    uint32_t count;
    treadle_redis_touch touches[TREADLE_REDIS_QUEUED_MAX];
} treadle_redis_transaction;

/* Whether the connection is in a transaction, or watches a key. */
bool treadle_redis_transaction_open(const treadle_redis_transaction *transaction);

/* These commands are sent on a connection. They have been read before: they are whole. Returns the
 * flags of all that runs now: of what MULTI queues when EXEC comes. */
uint32_t treadle_redis_touch_commands(const treadle_redis_commands *table,
                                      treadle_redis_transaction *transaction,
                                      treadle_resp_span commands);

void treadle_redis_touch_key(treadle_resp_span key, bool write);

/* An execution starts, to which no script was sent. */
void treadle_redis_touch_forget_scripts(void);

/* A connection begins or ends, or is used: that depends on CLIENT KILL and its like. */
void treadle_redis_touch_server(void);

/* SCRIPT FLUSH, as a fault; and what depends on whether a script is there. */
void treadle_redis_touch_scripts(bool write);

/* The budget of a kind of fault is looked at, or one is taken off it. */
void treadle_redis_touch_budget(uint32_t kind, bool write);

/* `write`: the calling thread's flush is counted; else the counts are looked at. */
void treadle_redis_touch_counts(bool write);

/* A connection, by what treadle_redis_connection_place() or _birthplace() gave it. */
void treadle_redis_touch_connection(uint64_t place);

/* Of a connection of the pool; of the n-th that the calling thread opened. */
uint64_t treadle_redis_connection_place(uint64_t number);
uint64_t treadle_redis_connection_birthplace(uint32_t births);

#endif
