// SPDX-License-Identifier: MIT
#include "tools/redis/redis_commands.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEY_SPECS_MAX = 6, KEYWORD_MAX = 16 };

/* A key specification, see "Command key specifications" in the Redis manual. */
typedef struct key_spec {
    bool write;
    bool incomplete; /* names only some of the keys */
    bool keynum;     /* find_keys: a count among the arguments, rather than a range */
    int begin;       /* begin_search: index, or where the search for `keyword` starts */
    int last;        /* range: last key relative to the first; negative from the end */
    int step;
    int limit;                 /* range: with last < 0, the part of the arguments that are keys */
    int count_index;           /* keynum: of the count, relative to the begin */
    int first;                 /* keynum: of the first key, likewise */
    char keyword[KEYWORD_MAX]; /* begin_search: "" = by index */
} key_spec;

struct treadle_redis_command {
    char name[TREADLE_REDIS_COMMAND_NAME_MAX];
    uint32_t flags;
    uint32_t flags_below; /* of its subcommands */
    bool container;       /* has subcommands */
    uint32_t spec_count;
    key_spec specs[KEY_SPECS_MAX];
};

struct treadle_redis_commands {
    size_t count;
    size_t capacity;
    treadle_redis_command *items; /* sorted by name */
};

/* What COMMAND does not say, by name. A name that ends in '|' stands for all subcommands. */
static const struct {
    const char *name;
    uint32_t flags;
} extra_flags[] = {
    {"subscribe", TREADLE_REDIS_STREAMS},
    {"psubscribe", TREADLE_REDIS_STREAMS},
    {"ssubscribe", TREADLE_REDIS_STREAMS},
    {"unsubscribe", TREADLE_REDIS_STREAMS},
    {"punsubscribe", TREADLE_REDIS_STREAMS},
    {"sunsubscribe", TREADLE_REDIS_STREAMS},
    {"monitor", TREADLE_REDIS_STREAMS},
    {"sync", TREADLE_REDIS_STREAMS},
    {"psync", TREADLE_REDIS_STREAMS},
    {"client|reply", TREADLE_REDIS_STREAMS},
    {"client|pause", TREADLE_REDIS_BLOCKS},
    {"wait", TREADLE_REDIS_BLOCKS}, /* for replicas; so does WAITAOF */
    {"waitaof", TREADLE_REDIS_BLOCKS},
    {"migrate", TREADLE_REDIS_ELSEWHERE},
    {"replicaof", TREADLE_REDIS_ELSEWHERE},
    {"slaveof", TREADLE_REDIS_ELSEWHERE},
    {"failover", TREADLE_REDIS_ELSEWHERE},
    {"cluster|meet", TREADLE_REDIS_ELSEWHERE},
    {"client|", TREADLE_REDIS_SESSION},
    {"client", TREADLE_REDIS_SESSION},
    {"hello", TREADLE_REDIS_SESSION | TREADLE_REDIS_GLOBAL},
    {"auth", TREADLE_REDIS_SESSION | TREADLE_REDIS_GLOBAL},
    {"select", TREADLE_REDIS_SESSION | TREADLE_REDIS_GLOBAL},
    {"reset", TREADLE_REDIS_SESSION | TREADLE_REDIS_GLOBAL},
    {"readonly", TREADLE_REDIS_SESSION},
    {"readwrite", TREADLE_REDIS_SESSION},
    {"asking", TREADLE_REDIS_SESSION},
    {"quit", TREADLE_REDIS_SESSION},
    {"eval", TREADLE_REDIS_SCRIPT | TREADLE_REDIS_RUNS},
    {"eval_ro", TREADLE_REDIS_SCRIPT},
    {"evalsha", TREADLE_REDIS_RUNS | TREADLE_REDIS_CACHED},
    {"evalsha_ro", TREADLE_REDIS_CACHED},
    {"fcall", TREADLE_REDIS_RUNS | TREADLE_REDIS_GLOBAL}, /* nobody has seen what it calls */
    {"fcall_ro", TREADLE_REDIS_GLOBAL},
    {"script|load", TREADLE_REDIS_SCRIPT},
    {"script", TREADLE_REDIS_SCRIPT | TREADLE_REDIS_GLOBAL}, /* with a subcommand that is unknown */
    {"script|flush", TREADLE_REDIS_GLOBAL},
    {"script|kill", TREADLE_REDIS_GLOBAL},
    {"script|debug", TREADLE_REDIS_GLOBAL | TREADLE_REDIS_SESSION},
    {"function|", TREADLE_REDIS_GLOBAL | TREADLE_REDIS_FUNCTION},
    {"move", TREADLE_REDIS_GLOBAL},
    {"swapdb", TREADLE_REDIS_GLOBAL},
    {"flushall", TREADLE_REDIS_GLOBAL},
    {"flushdb", TREADLE_REDIS_GLOBAL},
    {"publish", TREADLE_REDIS_GLOBAL}, /* on a server that is not ours somebody may listen */
    {"spublish", TREADLE_REDIS_GLOBAL},
    /* What they touch. (On our own nobody does: SUBSCRIBE and its like are refused.) */
    {"ping", TREADLE_REDIS_ALONE},
    {"echo", TREADLE_REDIS_ALONE},
    {"quit", TREADLE_REDIS_ALONE},
    {"auth", TREADLE_REDIS_ALONE},
    {"hello", TREADLE_REDIS_ALONE},
    {"reset", TREADLE_REDIS_ALONE},
    {"select", TREADLE_REDIS_ALONE}, /* keys conflict whatever their database */
    {"multi", TREADLE_REDIS_ALONE},
    {"exec", TREADLE_REDIS_ALONE},
    {"discard", TREADLE_REDIS_ALONE},
    {"unwatch", TREADLE_REDIS_ALONE},
    {"time", TREADLE_REDIS_ALONE},
    {"command", TREADLE_REDIS_ALONE},
    {"command|", TREADLE_REDIS_ALONE},
    {"publish", TREADLE_REDIS_ALONE},
    {"spublish", TREADLE_REDIS_ALONE},
    {"config|set", TREADLE_REDIS_SETTINGS},
    {"acl|setuser", TREADLE_REDIS_SETTINGS},
    {"acl|deluser", TREADLE_REDIS_SETTINGS},
    {"bgsave", TREADLE_REDIS_FORKS},
    {"bgrewriteaof", TREADLE_REDIS_FORKS},
    {"script|debug", TREADLE_REDIS_FORKS}, /* then every EVAL does */
    {"client|kill", TREADLE_REDIS_CLIENTS},
    {"client|list", TREADLE_REDIS_CLIENTS},
    {"info", TREADLE_REDIS_CLIENTS},
    {"client|setname", TREADLE_REDIS_ALONE},
    {"client|getname", TREADLE_REDIS_ALONE},
    {"keys", TREADLE_REDIS_ALL_KEYS},
    {"scan", TREADLE_REDIS_ALL_KEYS},
    {"dbsize", TREADLE_REDIS_ALL_KEYS},
    {"randomkey", TREADLE_REDIS_ALL_KEYS | TREADLE_REDIS_RANDOM},
    {"flushall", TREADLE_REDIS_ALL_KEYS},
    {"flushdb", TREADLE_REDIS_ALL_KEYS},
    {"swapdb", TREADLE_REDIS_ALL_KEYS},
    {"spop", TREADLE_REDIS_RANDOM},
    {"srandmember", TREADLE_REDIS_RANDOM},
    {"hrandfield", TREADLE_REDIS_RANDOM},
    {"zrandmember", TREADLE_REDIS_RANDOM},
    {"object|idletime", TREADLE_REDIS_ACCESS_TIME},
    {"object|freq", TREADLE_REDIS_ACCESS_TIME},
    {"script|exists", TREADLE_REDIS_ASKS_CACHE},
    {"script|flush", TREADLE_REDIS_EMPTIES_CACHE},
};

static uint32_t extra_flags_of(const char *name)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < sizeof extra_flags / sizeof extra_flags[0]; i++) {
        const char *entry = extra_flags[i].name;
        const size_t length = strlen(entry);
        const bool matches =
            entry[length - 1] == '|' ? strncmp(entry, name, length) == 0 : strcmp(entry, name) == 0;
        flags |= matches ? extra_flags[i].flags : 0;
    }
    return flags;
}

/* ---- reading the reply of COMMAND ------------------------------------------------------------ */

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

static bool has_text(const redisReply *array, const char *text)
{
    for (size_t i = 0; i < array->elements; i++) {
        if (is_text(array->element[i]) && strcasecmp(array->element[i]->str, text) == 0) {
            return true;
        }
    }
    return false;
}

/* The value behind `name` in a flattened map; NULL when missing. */
static const redisReply *field(const redisReply *map, const char *name)
{
    for (size_t i = 0; map != NULL && i + 1 < map->elements; i += 2) {
        if (is_text(map->element[i]) && strcmp(map->element[i]->str, name) == 0) {
            return map->element[i + 1];
        }
    }
    return NULL;
}

static int field_integer(const redisReply *map, const char *name)
{
    const redisReply *value = field(map, name);
    return value != NULL && value->type == REDIS_REPLY_INTEGER ? (int)value->integer : 0;
}

static bool field_is(const redisReply *map, const char *name, const char *text)
{
    const redisReply *value = field(map, name);
    return value != NULL && is_text(value) && strcmp(value->str, text) == 0;
}

static key_spec read_key_spec(const redisReply *map)
{
    key_spec spec = {0};
    const redisReply *flags = field(map, "flags");
    if (flags != NULL) {
        spec.write = has_text(flags, "RW") || has_text(flags, "OW") || has_text(flags, "RM");
        spec.incomplete = has_text(flags, "incomplete");
    }
    const redisReply *begin = field(map, "begin_search");
    const redisReply *begin_spec = field(begin, "spec");
    if (field_is(begin, "type", "index")) {
        spec.begin = field_integer(begin_spec, "index");
    } else if (field_is(begin, "type", "keyword")) {
        const redisReply *keyword = field(begin_spec, "keyword");
        spec.begin = field_integer(begin_spec, "startfrom");
        snprintf(spec.keyword, sizeof spec.keyword, "%s", keyword ? keyword->str : "");
    } else {
        spec.incomplete = true;
    }
    const redisReply *find = field(map, "find_keys");
    const redisReply *find_spec = field(find, "spec");
    spec.keynum = field_is(find, "type", "keynum");
    spec.incomplete |= !spec.keynum && !field_is(find, "type", "range");
    spec.last = field_integer(find_spec, "lastkey");
    spec.step = field_integer(find_spec, "keystep");
    spec.limit = field_integer(find_spec, "limit");
    spec.count_index = field_integer(find_spec, "keynumidx");
    spec.first = field_integer(find_spec, "firstkey");
    return spec;
}

/* A command that writes and has no key to write writes what it reads (XREADGROUP). */
static void read_as_written(treadle_redis_command *command)
{
    bool writes_none = (command->flags & TREADLE_REDIS_WRITES) != 0;
    for (uint32_t i = 0; i < command->spec_count; i++) {
        writes_none &= !command->specs[i].write;
    }
    for (uint32_t i = 0; i < command->spec_count; i++) {
        command->specs[i].write |= writes_none;
    }
}

static void read_key_specs(treadle_redis_command *command, const redisReply *entry)
{
    if (entry->elements > 8) {
        const redisReply *specs = entry->element[8];
        for (size_t i = 0; i < specs->elements && command->spec_count < KEY_SPECS_MAX; i++) {
            command->specs[command->spec_count++] = read_key_spec(specs->element[i]);
        }
        read_as_written(command);
        return;
    }
    /* PFCOUNT, which is no write command, does: it keeps what it counted. */
    const bool writes =
        (command->flags & TREADLE_REDIS_WRITES) || strcmp(command->name, "pfcount") == 0;
    if (strncmp(command->name, "eval", 4) == 0) {
        command->specs[command->spec_count++] = (key_spec){
            .write = true, .keynum = true, .begin = 2, .step = 1, .count_index = 0, .first = 1};
        return;
    }
    const int first = (int)entry->element[3]->integer;
    const int last = (int)entry->element[4]->integer;
    const int step = (int)entry->element[5]->integer;
    if (first > 0) {
        command->specs[command->spec_count++] =
            (key_spec){.write = writes,
                       .incomplete = has_text(entry->element[2], "movablekeys"),
                       .begin = first,
                       .last = last < 0 ? last : last - first,
                       .step = step};
    }
}

static uint32_t read_flags(const char *name, const redisReply *entry)
{
    const redisReply *words = entry->element[2];
    uint32_t flags = extra_flags_of(name);
    flags |= has_text(words, "readonly") ? TREADLE_REDIS_READS : 0;
    flags |= has_text(words, "write") ? TREADLE_REDIS_WRITES : 0;
    flags |= has_text(words, "blocking") ? TREADLE_REDIS_BLOCKS : 0;
    flags |= has_text(words, "admin") ? TREADLE_REDIS_ADMIN : 0;
    if (entry->elements > 6 && has_text(entry->element[6], "@dangerous")) {
        flags |= TREADLE_REDIS_ADMIN;
    }
    return flags;
}

static bool looks_like_entry(const redisReply *entry)
{
    return entry->type == REDIS_REPLY_ARRAY && entry->elements >= 6 && is_text(entry->element[0]) &&
           entry->element[2]->type == REDIS_REPLY_ARRAY &&
           entry->element[3]->type == REDIS_REPLY_INTEGER;
}

/* NULL when out of memory. */
static treadle_redis_command *add_command(treadle_redis_commands *commands, const char *name,
                                          const redisReply *entry)
{
    if (commands->count == commands->capacity) {
        const size_t capacity = commands->capacity ? commands->capacity * 2 : 512;
        treadle_redis_command *items = reallocarray(commands->items, capacity, sizeof *items);
        if (items == NULL) {
            return NULL;
        }
        commands->items = items;
        commands->capacity = capacity;
    }
    treadle_redis_command *command = &commands->items[commands->count++];
    *command = (treadle_redis_command){0};
    snprintf(command->name, sizeof command->name, "%s", name);
    for (char *letter = command->name; *letter != '\0'; letter++) {
        *letter = (char)tolower((unsigned char)*letter);
    }
    command->flags = read_flags(command->name, entry);
    read_key_specs(command, entry);
    return command;
}

/* Before Redis 7 the table has no subcommands: those named above are what their command is, and
 * what is said of them there. */
static bool add_known_subcommands(treadle_redis_commands *commands, const redisReply *entry)
{
    const char *name = entry->element[0]->str;
    const size_t length = strlen(name);
    const size_t container = commands->count - 1;
    for (size_t i = 0; i < sizeof extra_flags / sizeof extra_flags[0]; i++) {
        const char *sub = extra_flags[i].name;
        if (strncasecmp(sub, name, length) == 0 && sub[length] == '|' && sub[length + 1] != '\0') {
            commands->items[container].container = true;
            if (add_command(commands, sub, entry) == NULL) {
                return false;
            }
        }
    }
    return true;
}

static bool add_entry(treadle_redis_commands *commands, const redisReply *entry);

/* Of the command that was added last. */
static bool add_subcommands(treadle_redis_commands *commands, const redisReply *entry)
{
    if (entry->elements <= 9) {
        return add_known_subcommands(commands, entry);
    }
    const redisReply *subcommands = entry->element[9];
    commands->items[commands->count - 1].container = subcommands->elements > 0;
    for (size_t i = 0; i < subcommands->elements; i++) {
        if (!add_entry(commands, subcommands->element[i])) {
            return false;
        }
    }
    return true;
}

/* Adds an entry and its subcommands. false when out of memory. */
static bool add_entry(treadle_redis_commands *commands, const redisReply *entry)
{
    if (!looks_like_entry(entry)) {
        return true;
    }
    const size_t index = commands->count;
    if (add_command(commands, entry->element[0]->str, entry) == NULL ||
        !add_subcommands(commands, entry)) {
        return false;
    }
    for (size_t i = index + 1; i < commands->count; i++) {
        commands->items[index].flags_below |= commands->items[i].flags;
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const treadle_redis_command *)a)->name,
                  ((const treadle_redis_command *)b)->name);
}

treadle_redis_commands *treadle_redis_commands_load(redisContext *context, char *error,
                                                    size_t error_size)
{
    redisReply *reply = redisCommand(context, "COMMAND");
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
        const char *reason = reply == NULL                      ? context->errstr
                             : reply->type == REDIS_REPLY_ERROR ? reply->str
                                                                : "an empty table";
        snprintf(error, error_size, "the server's COMMAND table could not be read: %s", reason);
        freeReplyObject(reply);
        return NULL;
    }
    treadle_redis_commands *commands = calloc(1, sizeof *commands);
    bool ok = commands != NULL;
    for (size_t i = 0; ok && i < reply->elements; i++) {
        ok = add_entry(commands, reply->element[i]);
    }
    freeReplyObject(reply);
    if (!ok || commands->items == NULL) {
        snprintf(error, error_size, "the server's COMMAND table could not be read: %s",
                 ok ? "it has another form" : "out of memory");
        treadle_redis_commands_free(commands);
        return NULL;
    }
    qsort(commands->items, commands->count, sizeof *commands->items, compare_names);
    return commands;
}

void treadle_redis_commands_free(treadle_redis_commands *commands)
{
    if (commands != NULL) {
        free(commands->items);
        free(commands);
    }
}

size_t treadle_redis_commands_count(const treadle_redis_commands *commands)
{
    return commands->count;
}

/* ---- looking up ------------------------------------------------------------------------------ */

const treadle_redis_command *treadle_redis_command_find(const treadle_redis_commands *commands,
                                                        const char *name, size_t length)
{
    size_t low = 0;
    size_t high = commands->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const treadle_redis_command *item = &commands->items[middle];
        int order = strncasecmp(name, item->name, length);
        if (order == 0 && item->name[length] != '\0') {
            order = -1; /* a prefix sorts first */
        }
        if (order == 0) {
            return item;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const treadle_redis_command *treadle_redis_command_of(const treadle_redis_commands *commands,
                                                      const treadle_resp_command *command)
{
    if (command->argc == 0) {
        return NULL;
    }
    treadle_resp_arguments arguments = {.command = command};
    const treadle_resp_span name = treadle_resp_argument(&arguments, 0);
    if (name.length >= TREADLE_REDIS_COMMAND_NAME_MAX) {
        return NULL;
    }
    const treadle_redis_command *found =
        treadle_redis_command_find(commands, name.data, name.length);
    if (found == NULL || !found->container || command->argc < 2) {
        return found;
    }
    const treadle_resp_span sub = treadle_resp_argument(&arguments, 1);
    char full[2 * TREADLE_REDIS_COMMAND_NAME_MAX];
    if (sub.length >= TREADLE_REDIS_COMMAND_NAME_MAX) {
        return found;
    }
    memcpy(full, name.data, name.length);
    full[name.length] = '|';
    memcpy(full + name.length + 1, sub.data, sub.length);
    const treadle_redis_command *narrower =
        treadle_redis_command_find(commands, full, name.length + 1 + sub.length);
    return narrower ? narrower : found;
}

const char *treadle_redis_command_name(const treadle_redis_command *command)
{
    return command->name;
}

uint32_t treadle_redis_command_flags(const treadle_redis_command *command)
{
    return command->flags;
}

uint32_t treadle_redis_command_flags_within(const treadle_redis_command *command)
{
    return command->flags | command->flags_below;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Where the keys of a specification begin; 0 when its keyword is not there. */
static int64_t spec_begin(const key_spec *spec, treadle_resp_arguments *arguments)
{
    if (spec->keyword[0] == '\0') {
        return spec->begin;
    }
    const int64_t argc = arguments->command->argc;
    const int step = spec->begin > 0 ? 1 : -1;
    const int64_t end = spec->begin > 0 ? argc - 1 : 1;
    for (int64_t i = spec->begin > 0 ? spec->begin : argc + spec->begin;
         i != end && i >= 1 && i < argc; i += step) {
        if (treadle_resp_is(treadle_resp_argument(arguments, (uint32_t)i), spec->keyword)) {
            return i + 1;
        }
    }
    return 0;
}

/* The first and last key's index of a specification that begins at *first. */
static bool spec_range(const key_spec *spec, treadle_resp_arguments *arguments, int64_t *first,
                       int64_t *last)
{
    const int64_t argc = arguments->command->argc;
    if (spec->keynum) {
        const int64_t at = *first + spec->count_index;
        int64_t count;
        if (at >= argc ||
            !treadle_resp_number(treadle_resp_argument(arguments, (uint32_t)at), &count) ||
            count < 0 || count > argc) {
            return false;
        }
        *first += spec->first;
        *last = *first + (count - 1) * spec->step;
    } else if (spec->last >= 0) {
        *last = *first + spec->last;
    } else if (spec->limit == 0) {
        *last = argc + spec->last;
    } else {
        *last = *first + ((argc - *first) / spec->limit + spec->last);
    }
    return *last < argc;
}

bool treadle_redis_command_keys(const treadle_redis_command *command,
                                const treadle_resp_command *arguments,
                                void (*visit)(void *context, treadle_resp_span key, bool write),
                                void *context)
{
    bool complete = true;
    treadle_resp_arguments walk = {.command = arguments};
    for (uint32_t i = 0; i < command->spec_count; i++) {
        const key_spec *spec = &command->specs[i];
        complete &= !spec->incomplete;
        int64_t first = spec_begin(spec, &walk);
        int64_t last;
        if (first <= 0 || spec->step <= 0) {
            continue;
        }
        if (!spec_range(spec, &walk, &first, &last)) {
            complete = false;
            continue;
        }
        for (int64_t key = first; key <= last; key += spec->step) {
            visit(context, treadle_resp_argument(&walk, (uint32_t)key), spec->write);
        }
    }
    return complete;
}
