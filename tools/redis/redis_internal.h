// SPDX-License-Identifier: MIT
/*
 * What the files of the seam share: its state, the connections, and the functions by which
 *
 *     redis_doors.c (hiredis's functions) → redis_flush.c (one flush) → redis_wire.c (the socket)
 *     redis_seam.c  (attach, execution start, inspect)
 *     redis_plan.c  (what a flush amounts to), redis_faults.c (what strikes it)
 *     redis_settings.c (what a subject may change for an execution)
 *     redis_pool.c  (connections), redis_touches.c (what a flush touches)
 *
 * call each other. Internal to tools/redis; one seam a process.
 */
#ifndef TREADLE_REDIS_INTERNAL_H
#define TREADLE_REDIS_INTERNAL_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/redis/redis_commands.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_seam.h"
#include "tools/redis/redis_touches.h"
#include "tools/redis/redis_wire.h"

#define TREADLE_REDIS_CLIENTS_MAX 64u
#define TREADLE_REDIS_STRANGERS_MAX 64u
#define TREADLE_REDIS_NAMES_MAX 64u

typedef struct treadle_redis_link {
    redisContext *context; /* NULL = closed */
    uint64_t number;       /* of the announced operations: 1 + client; strangers follow */
    bool ours;             /* from the pool; else a stranger, that the subject opened */
    bool given;            /* the pool's: a scenario has asked for it in this execution */
    bool closed;           /* by the server; what is unread may still be read */
    bool session;          /* its settings on the server may have changed */
    uint64_t place;        /* of its state, in footprints; see redis_touches.h */
    treadle_redis_transaction queued; /* MULTI or WATCH, without EXEC or DISCARD */
    treadle_redis_wire wire;
} treadle_redis_link;

/* Of a server; zeros are none. */
typedef struct treadle_redis_settings {
    redisReply *values; /* of CONFIG GET */
    redisReply *users;  /* of ACL LIST */
} treadle_redis_settings;

typedef struct treadle_redis_seam {
    bool attached;
    bool bypass;                 /* hiredis calls are the seam's own: straight to the library */
    treadle_redis_target target; /* owns its strings */
    treadle_redis_commands *commands;
    bool lua_server; /* to scripts `server` may be another name of `redis` */
    int64_t *clock;  /* mapped; NULL = the server has its own */
    treadle_faults faults;
    treadle_faults left; /* of `faults`, in this execution */
    uint64_t command_count;
    uint64_t round_trip_count;
    bool tell_state; /* after each recorded flush; own server only */

    bool fresh;     /* own: the database is to be emptied before the next command */
    bool touched;   /* something was sent since it was emptied */
    bool scripts;   /* … that may have left a script, */
    bool functions; /* … or a function library */
    bool refusing;  /* own: may have been told to refuse writes, and not otherwise since */
    treadle_redis_settings settings; /* own: as they were */
    bool unsettled;                  /* own: they may be others, or the users may */

    treadle_resp_span prefix; /* foreign: part of every key written; else length 0 */
    char prefix_text[40];
    treadle_redis_keys written;      /* foreign: to be deleted */
    treadle_redis_keys scripts_seen; /* foreign: the SHA1s of those sent in this execution */
    char broken[300];                /* why no execution can go on; "" = it can */
    char sent_outside[300]; /* foreign: likewise, until detached: what was sent on no fiber */

    uint32_t name_count;
    struct {
        char *given;
        char *used;
    } names[TREADLE_REDIS_NAMES_MAX];

    treadle_redis_link inspector;
    treadle_redis_link pool[TREADLE_REDIS_CLIENTS_MAX];
    treadle_redis_link strangers[TREADLE_REDIS_STRANGERS_MAX];
    uint32_t births[TREADLE_THREADS_MAX]; /* strangers that each thread opened in this execution */
} treadle_redis_seam;

extern treadle_redis_seam treadle_redis;

/* ---- redis_doors.c: the library's own functions ---------------------------------------------- */

/* Finds them; to be called off-fiber first, as dlsym() allocates. */
void treadle_redis_doors_open(void);

/* The first address outside hiredis among the callers of a door; NULL when there is none. */
const void *treadle_redis_call_site(const void *return_address);

/* As hiredis does: sticky until the context is reconnected. */
void treadle_redis_context_fail(redisContext *context, int kind, const char *text);

/* ---- redis_pool.c ---------------------------------------------------------------------------- */

/* Opens, authenticates, selects. false with a reason. */
bool treadle_redis_link_open(treadle_redis_link *connection, char *error, size_t error_size);
void treadle_redis_link_close(treadle_redis_link *connection);

/* Likewise, and what follows on another connection does not find this one on the server. */
void treadle_redis_link_leave(treadle_redis_link *connection);

/* Likewise, and a stranger is forgotten. */
void treadle_redis_link_drop(treadle_redis_link *connection);

/* Ends the connection of a context, which stays to be freed. On a server of ours whatever comes
 * later comes after that. */
void treadle_redis_hang_up(redisContext *context);

/* What follows shows the server's clients: closes what no scenario has asked for. */
void treadle_redis_pool_hide(void);

/* Authenticates and selects on an open context. */
bool treadle_redis_greet(redisContext *context, char *error, size_t error_size);

/* Makes all connections ready for the next execution. */
void treadle_redis_pool_reset(void);
void treadle_redis_pool_close(void);

/* The connection that a context belongs to: the pool's, or a stranger's. On a fiber; ends the
 * execution when the context leads to another server, or was not opened in this execution. */
treadle_redis_link *treadle_redis_link_of(redisContext *context);

/* Likewise, whatever it is; NULL when unknown. */
treadle_redis_link *treadle_redis_link_known(const redisContext *context);

/* Remembers a context that the subject opened on a fiber; forgets one that it freed. */
void treadle_redis_stranger_born(redisContext *context);
void treadle_redis_stranger_freed(treadle_redis_link *connection);

/* Whether the server accepts a new connection and answers. */
bool treadle_redis_server_answers(char *error, size_t error_size);

/* ---- redis_place.c --------------------------------------------------------------------------- */

/* Keeps this thread and the harness's own server, at the other end of `fd`, on one processor. */
void treadle_redis_place_together(int fd);
void treadle_redis_place_restore(void);

/* ---- redis_plan.c ---------------------------------------------------------------------------- */

/* What the commands of one flush amount to. */
typedef struct treadle_redis_plan {
    uint64_t replies;
    uint32_t flags; /* of all commands */
    bool queueing;  /* before: MULTI was sent */
} treadle_redis_plan;

/* Reads the commands, and remembers the keys they write on a foreign server. false with a reason
 * when they cannot be let through. */
bool treadle_redis_plan_make(treadle_redis_plan *plan, treadle_resp_span commands,
                             const treadle_redis_link *connection, char *refusal,
                             size_t refusal_size);

/* What is sent for these commands, which are known to be allowed: themselves, but on a server that
 * is not ours EVALSHA and SCRIPT EXISTS find only what was sent in this execution, as on one of
 * ours. Remembers the scripts among them. Valid until the next call; false when out of memory. */
bool treadle_redis_plan_sent(treadle_resp_span commands, treadle_resp_span *sent);

/* Whether a command that somebody sends outside an execution may be; if not, the context fails, and
 * so do executions from now on. */
bool treadle_redis_plan_allows_outside(redisContext *context, treadle_resp_span command);

/* Likewise what a context is about to send there; what that may leave behind is undone before the
 * next execution. */
bool treadle_redis_plan_outside(redisContext *context);

/* Keeps in mind what commands with these flags, which ran, may leave behind. */
void treadle_redis_plan_note(uint32_t flags, treadle_redis_link *connection);

/* ---- redis_settings.c ------------------------------------------------------------------------ */

/* false with a reason. */
bool treadle_redis_settings_read(treadle_redis_settings *out, char *error, size_t error_size);
void treadle_redis_settings_free(treadle_redis_settings *settings);

/* Makes the server's what they were. */
bool treadle_redis_settings_restore(const treadle_redis_settings *settings, char *error,
                                    size_t error_size);

/* ---- redis_state.c --------------------------------------------------------------------------- */

/* Gives the event of a flush what the server holds now. */
void treadle_redis_state_tell(treadle_event *event);

/* ---- redis_faults.c -------------------------------------------------------------------------- */

#define TREADLE_REDIS_FAULT_KEYS_MAX 8u
#define TREADLE_REDIS_FAULT_PLACES_MAX 64u
#define TREADLE_REDIS_FAULT_ANSWERS_MAX 64u

/* The order is part of every token: new ones at the end. */
typedef enum treadle_redis_fault_kind {
    TREADLE_REDIS_FAULT_NONE,
    TREADLE_REDIS_FAULT_CUT_BEFORE,
    TREADLE_REDIS_FAULT_CUT_AFTER,
    TREADLE_REDIS_FAULT_CUT_INSIDE,
    TREADLE_REDIS_FAULT_SCRIPTS_FLUSHED,
    TREADLE_REDIS_FAULT_ERROR_REPLY,
    TREADLE_REDIS_FAULT_EVICTED,
    TREADLE_REDIS_FAULT_ANSWERED,
    TREADLE_REDIS_FAULT_COUNT
} treadle_redis_fault_kind;

typedef struct treadle_redis_fault {
    treadle_redis_fault_kind kind;
    uint32_t commands;     /* CUT_INSIDE: that run */
    treadle_resp_span key; /* EVICTED: points into the commands of the flush */
    const char *answer;    /* ANSWERED: the error; static */
} treadle_redis_fault;

/* Decides what strikes a flush, and takes it off the budget. */
treadle_redis_fault treadle_redis_fault_choose(const treadle_redis_plan *plan,
                                               treadle_resp_span commands);

/* ANSWERED: the commands that go to the server instead of as many that are answered; valid until
 * the next call. */
treadle_resp_span treadle_redis_fault_answers(const treadle_redis_fault *fault, uint64_t replies);

/* Does to the server what comes before the flush; heal takes back what must not outlast it. */
void treadle_redis_fault_strike(const treadle_redis_fault *fault);
void treadle_redis_fault_heal(void);

/* ---- redis_seam.c ---------------------------------------------------------------------------- */

/* treadle_redis_inspect() for arguments that may hold any bytes, and for the seam's own ends:
 * leaves no touch. */
redisReply *treadle_redis_inspect_arguments(int argc, const char **argv, const size_t *lengths);

/* ---- redis_flush.c --------------------------------------------------------------------------- */

/* The commands that empty the server, with the number of their replies; empty when it is. */
treadle_resp_span treadle_redis_emptying(uint64_t *replies);
/* They have run, if there were any. */
void treadle_redis_emptied(void);

void treadle_redis_publish_clock(void);

/* The door redisBufferWrite on a fiber, with a non-empty buffer and no error so far. */
int treadle_redis_flush(redisContext *context, const void *site);

#endif
