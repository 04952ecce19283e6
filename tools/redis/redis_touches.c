// SPDX-License-Identifier: MIT
#include "tools/redis/redis_touches.h"

#include <sha1.h>
#include <string.h>
#include <strings.h>

#include "tools/engine/engine.h"
#include "tools/engine/observe.h"
#include "tools/redis/redis_script.h"

typedef enum place {
    PLACE_KEYS,
    PLACE_WRITERS,
    PLACE_SCRIPTS,
    PLACE_RANDOM,
    PLACE_SERVER,
    PLACE_BUDGETS,
    PLACE_COUNTS,
    PLACE_POOL,
    PLACE_STRANGERS,
} place;

static const uint64_t PLACES = TREADLE_TOUCH_SPACE | UINT64_C(1) << 61;
static const uint64_t KEY_PLACES = TREADLE_TOUCH_SPACE | UINT64_C(1) << 62;
static const uint64_t KEY_PLACES_MASK = (UINT64_C(1) << 61) - 1;

static uint64_t at(place which)
{
    return PLACES | (uint64_t)which << 32;
}

static uint64_t key_at(treadle_resp_span key)
{
    /* FNV-1a (Fowler, Noll, Vo), mixed: neighbours must not lie in one granule. */
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.length; i++) {
        hash = (hash ^ (unsigned char)key.data[i]) * UINT64_C(0x100000001b3);
    }
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return KEY_PLACES | ((hash ^ hash >> 32) & KEY_PLACES_MASK);
}

/* ---- where touches go: to the engine, or to what EXEC will touch -------------------------------
 */

static void put(treadle_redis_transaction *later, uint64_t address, uint32_t size, bool write)
{
    if (later == NULL) {
        treadle_touch_external(address, size, write);
    } else if (later->count < TREADLE_REDIS_QUEUED_MAX) {
        later->touches[later->count++] = (treadle_redis_touch){address, size, write};
    } else {
        later->full = true;
    }
}

static void put_own_byte(treadle_redis_transaction *later, place which)
{
    put(later, at(which) + treadle_thread_number(), 1, true);
}

static void put_all_bytes(treadle_redis_transaction *later, place which, bool write)
{
    put(later, at(which), TREADLE_THREADS_MAX, write);
}

static void put_everything(treadle_redis_transaction *later)
{
    put(later, at(PLACE_SERVER), 1, true);
}

static void put_key(treadle_redis_transaction *later, treadle_resp_span key, bool write)
{
    put(later, key_at(key), 1, write);
    put(later, at(PLACE_KEYS), 1, false);
    if (write) {
        put_own_byte(later, PLACE_WRITERS);
    }
}

/* ---- what scripts call ----------------------------------------------------------------------- */

enum {
    /* What counts for the command that runs a script as if it did it itself. */
    TELLING = TREADLE_REDIS_CLIENTS | TREADLE_REDIS_ALL_KEYS | TREADLE_REDIS_RANDOM |
              TREADLE_REDIS_ACCESS_TIME,
    SCRIPT_NAME_BYTES = SHA1_DIGEST_STRING_LENGTH - 1,
    SCRIPTS_MAX = 64,
};

/* The scripts of this execution that do something of the kind. */
static struct {
    uint32_t count;
    struct {
        char name[SHA1_DIGEST_STRING_LENGTH];
        uint32_t flags;
    } known[SCRIPTS_MAX];
    uint32_t others; /* flags of those for which there was no room */
} scripts;

void treadle_redis_touch_forget_scripts(void)
{
    scripts.count = scripts.others = 0;
}

static uint32_t flags_by_name(treadle_resp_span name)
{
    for (uint32_t i = 0; i < scripts.count; i++) {
        if (name.length == SCRIPT_NAME_BYTES &&
            strncasecmp(scripts.known[i].name, name.data, name.length) == 0) {
            return scripts.known[i].flags;
        }
    }
    return scripts.others;
}

static void remember_script(treadle_resp_span text, uint32_t flags)
{
    char name[SHA1_DIGEST_STRING_LENGTH];
    SHA1Data((const uint8_t *)text.data, text.length, name);
    if (flags_by_name((treadle_resp_span){name, SCRIPT_NAME_BYTES}) == flags) {
        return;
    }
    if (scripts.count == SCRIPTS_MAX) {
        scripts.others |= flags;
        return;
    }
    memcpy(scripts.known[scripts.count].name, name, sizeof name);
    scripts.known[scripts.count++].flags = flags;
}

typedef struct call_walk {
    const treadle_redis_commands *table;
    uint32_t flags;
} call_walk;

static void visit_call(void *context, treadle_resp_span name)
{
    call_walk *walk = context;
    const treadle_redis_command *command =
        treadle_redis_command_find(walk->table, name.data, name.length);
    walk->flags |= command != NULL ? treadle_redis_command_flags_within(command) & TELLING : 0;
}

/* Returns the flags of a command, and of those that the script names which it runs. Remembers the
 * script that it sends. */
static uint32_t flags_of(const treadle_redis_commands *table, const treadle_redis_command *command,
                         const treadle_resp_command *arguments)
{
    const uint32_t flags = command != NULL ? treadle_redis_command_flags(command) : 0;
    treadle_resp_arguments walk = {.command = arguments};
    if ((flags & TREADLE_REDIS_CACHED) && arguments->argc > 1) {
        return flags | flags_by_name(treadle_resp_argument(&walk, 1));
    }
    const uint32_t index = flags & TREADLE_REDIS_SCRIPT ? treadle_redis_script_argument(&walk) : 0;
    if (index == 0) {
        return flags;
    }
    const treadle_resp_span text = treadle_resp_argument(&walk, index);
    call_walk calls = {.table = table};
    treadle_redis_script_calls(text, true, visit_call, &calls);
    if (calls.flags != 0) {
        remember_script(text, calls.flags);
    }
    const bool runs = index == 1; /* EVAL; else SCRIPT LOAD */
    return runs ? flags | calls.flags : flags;
}

/* ---- one command ----------------------------------------------------------------------------- */

typedef struct key_walk {
    treadle_redis_transaction *later;
    uint32_t keys;
    bool all_written;
} key_walk;

static void visit_key(void *context, treadle_resp_span key, bool write)
{
    key_walk *walk = context;
    walk->keys++;
    put_key(walk->later, key, write || walk->all_written);
}

/* Keys that the arguments do not name. */
static void put_unknown_keys(treadle_redis_transaction *later, bool write)
{
    put(later, at(PLACE_KEYS), 1, write);
    if (!write) {
        put_all_bytes(later, PLACE_WRITERS, false);
    }
}

static bool carries_script(const char *name)
{
    return strncmp(name, "eval", 4) == 0 || strncmp(name, "fcall", 5) == 0;
}

/* Returns the number of keys. */
static uint32_t put_keys(treadle_redis_transaction *later, const treadle_redis_command *command,
                         const treadle_resp_command *arguments, uint32_t flags)
{
    const bool script = carries_script(treadle_redis_command_name(command));
    const bool writes =
        (flags & TREADLE_REDIS_WRITES) || (script && !(flags & TREADLE_REDIS_READS));
    key_walk walk = {.later = later, .all_written = flags & TREADLE_REDIS_ACCESS_TIME};
    const bool complete = treadle_redis_command_keys(command, arguments, visit_key, &walk);
    if (!complete || (script && walk.keys == 0)) {
        put_unknown_keys(later, writes || script); /* it may list them all */
    }
    return walk.keys;
}

static void put_scripts(treadle_redis_transaction *later, const char *name, uint32_t flags)
{
    if (flags & TREADLE_REDIS_SCRIPT) {
        put_own_byte(later, PLACE_SCRIPTS);
    }
    if (flags & (TREADLE_REDIS_CACHED | TREADLE_REDIS_ASKS_CACHE)) {
        put_all_bytes(later, PLACE_SCRIPTS, false);
    }
    /* "script" alone: with a subcommand that is unknown. */
    if ((flags & TREADLE_REDIS_EMPTIES_CACHE) || strcmp(name, "script") == 0) {
        put_all_bytes(later, PLACE_SCRIPTS, true);
    }
}

/* With the flags of flags_of(). */
static void put_command(treadle_redis_transaction *later, const treadle_redis_command *command,
                        const treadle_resp_command *arguments, uint32_t flags)
{
    if (command == NULL || (flags & TREADLE_REDIS_CLIENTS)) {
        put_everything(later);
        return;
    }
    put_scripts(later, treadle_redis_command_name(command), flags);
    if (flags & TREADLE_REDIS_ALL_KEYS) {
        put_unknown_keys(later, true);
    }
    if (flags & TREADLE_REDIS_RANDOM) {
        put(later, at(PLACE_RANDOM), 1, true);
    }
    const uint32_t explained = TREADLE_REDIS_ALONE | TREADLE_REDIS_SCRIPT | TREADLE_REDIS_CACHED |
                               TREADLE_REDIS_ASKS_CACHE | TREADLE_REDIS_EMPTIES_CACHE |
                               TREADLE_REDIS_ALL_KEYS;
    const bool script = carries_script(treadle_redis_command_name(command));
    if (put_keys(later, command, arguments, flags) == 0 && !script && !(flags & explained)) {
        put_everything(later);
    }
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void forget(treadle_redis_transaction *transaction)
{
    transaction->queueing = transaction->full = false;
    transaction->flags = transaction->count = 0;
}

bool treadle_redis_transaction_open(const treadle_redis_transaction *transaction)
{
    return transaction->queueing || transaction->full || transaction->count > 0;
}

/* Returns the flags of what runs. */
static uint32_t execute(const treadle_redis_transaction *transaction)
{
    for (uint32_t i = 0; i < transaction->count; i++) {
        const treadle_redis_touch *touch = &transaction->touches[i];
        put(NULL, touch->address, touch->size, touch->write);
    }
    if (transaction->full) {
        put_everything(NULL);
    }
    return transaction->flags;
}

/* The commands that the server does not queue. With arguments they are errors and change nothing,
 * apart from QUIT, which takes any, and EXEC, which then drops the transaction and what is watched,
 * even without MULTI. Adds the flags of what EXEC runs. */
static bool controls(treadle_redis_transaction *transaction, const char *name, bool bare,
                     uint32_t *flags)
{
    const bool exec = strcmp(name, "exec") == 0;
    const bool reset = strcmp(name, "reset") == 0;
    if (strcmp(name, "quit") == 0 || (exec && !bare) || (reset && bare)) {
        forget(transaction);
    } else if (bare && strcmp(name, "multi") == 0) {
        transaction->queueing = true;
    } else if (bare && (exec || strcmp(name, "discard") == 0)) {
        if (transaction->queueing) { /* else it is an error, and what is watched stays so */
            if (exec) {
                *flags |= execute(transaction);
            }
            forget(transaction);
        }
    } else {
        return false;
    }
    return true;
}

/* Returns the flags of what runs now. */
static uint32_t run_command(const treadle_redis_commands *table,
                            treadle_redis_transaction *transaction,
                            const treadle_resp_command *arguments)
{
    const treadle_redis_command *command = treadle_redis_command_of(table, arguments);
    uint32_t flags = flags_of(table, command, arguments);
    const char *name = command != NULL ? treadle_redis_command_name(command) : "";
    const bool bare = arguments->argc == 1;
    if (controls(transaction, name, bare, &flags)) {
        return flags;
    }
    if (transaction->queueing) {
        put_command(transaction, command, arguments, flags);
        transaction->flags |= flags;
        return 0;
    }
    if (bare && strcmp(name, "unwatch") == 0) {
        forget(transaction);
    }
    if (strcmp(name, "watch") == 0) {
        put_command(transaction, command, arguments, flags); /* EXEC depends on the keys … */
    }
    put_command(NULL, command, arguments, flags); /* … and so does what they are compared with */
    return flags;
}

uint32_t treadle_redis_touch_commands(const treadle_redis_commands *table,
                                      treadle_redis_transaction *transaction,
                                      treadle_resp_span commands)
{
    uint32_t flags = 0;
    treadle_redis_touch_server();
    size_t position = 0;
    treadle_resp_command arguments;
    while (position < commands.length &&
           treadle_resp_command_read(commands.data, commands.length, &position, &arguments) ==
               TREADLE_RESP_OK) {
        if (arguments.argc > 0) {
            flags |= run_command(table, transaction, &arguments);
        }
    }
    return flags;
}

/* ---- the rest -------------------------------------------------------------------------------- */

void treadle_redis_touch_key(treadle_resp_span key, bool write)
{
    put_key(NULL, key, write);
}

void treadle_redis_touch_server(void)
{
    put(NULL, at(PLACE_SERVER), 1, false);
}

void treadle_redis_touch_scripts(bool write)
{
    put_all_bytes(NULL, PLACE_SCRIPTS, write);
}

void treadle_redis_touch_budget(uint32_t kind, bool write)
{
    put(NULL, at(PLACE_BUDGETS) + kind, 1, write);
}

void treadle_redis_touch_counts(bool write)
{
    if (write) {
        put_own_byte(NULL, PLACE_COUNTS);
    } else {
        put_all_bytes(NULL, PLACE_COUNTS, false);
    }
}

void treadle_redis_touch_connection(uint64_t address)
{
    put(NULL, address, 1, true);
}

uint64_t treadle_redis_connection_place(uint64_t number)
{
    return at(PLACE_POOL) + number * 8;
}

uint64_t treadle_redis_connection_birthplace(uint32_t births)
{
    /* A thread has fewer connections than that; were it not so, some would share a place. */
    const uint64_t own = births % UINT64_C(0x10000) * 8;
    return at(PLACE_STRANGERS) + ((uint64_t)treadle_thread_number() << 20) + own;
}
