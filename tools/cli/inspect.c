// SPDX-License-Identifier: MIT
#include "tools/cli/inspect.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/utf8.h"
#include "tools/redis/redis_reader.h"

enum { BATCH = 128, MESSAGE_MAX = 200, SHOWN_MAX = 40, TYPE_MAX = 32 };

static const double window_s_max = 1e9; /* keeps microseconds within their type */

/* A mark says that a request took a token: the string bucket-request:LENGTH:PROVIDER:ID. */
typedef enum role { WINDOW, BUCKET, MARK } role;

static const char *const role_starts[] = {
    [WINDOW] = "window:", [BUCKET] = "bucket:", [MARK] = "bucket-request:"};
static const char *const role_types[] = {[WINDOW] = "zset", [BUCKET] = "hash", [MARK] = "string"};
static const char *const role_type_names[] = {
    [WINDOW] = "sorted set", [BUCKET] = "hash", [MARK] = "string"};

/* One key, and what was seen of it. */
typedef struct look {
    treadle_resp_span key;
    role role;
    char type[TYPE_MAX]; /* as the server calls it */
    bool present;
    bool typed;     /* has the type of its role */
    bool temporary; /* has had a TTL, or was gone, at some look */
    bool known;     /* the provider is configured, */
    treadle_provider_limits limits;
    redisReply *counted; /* ZCOUNT, when there is a limit */
    redisReply *content; /* the newest entry, or the fields */
} look;

typedef struct inspector {
    treadle_redis_reader reader;
    const treadle_inspection *options;
    int64_t began_us; /* before the batch was looked at, by the server's clock */
    int64_t ended_us; /* … and after */
    uint64_t checked;
} inspector;

const char *treadle_finding_name(treadle_finding_kind kind)
{
    static const char *const names[] = {
        [TREADLE_FINDING_OVER_LIMIT] = "over-limit",
        [TREADLE_FINDING_NO_TTL] = "no-ttl",
        [TREADLE_FINDING_IN_FUTURE] = "in-future",
        [TREADLE_FINDING_OUT_OF_RANGE] = "out-of-range",
        [TREADLE_FINDING_BAD_VALUE] = "bad-value",
        [TREADLE_FINDING_WRONG_TYPE] = "wrong-type",
        [TREADLE_FINDING_ORPHAN] = "orphan",
        [TREADLE_FINDING_MAX_KEYS] = "max-keys",
    };
    return names[kind];
}

__attribute__((format(printf, 6, 7))) static void report(const inspector *self, const look *at,
                                                         treadle_finding_kind kind, double value,
                                                         double limit, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const treadle_finding finding = {.kind = kind,
                                     .key = at != NULL ? at->key.data : NULL,
                                     .key_length = at != NULL ? at->key.length : 0,
                                     .message = message,
                                     .value = value,
                                     .limit = limit};
    self->options->found(self->options->context, &finding);
}

/* ---- the first look: what there is ----------------------------------------------------------- */

static role role_of(const char *name, size_t length)
{
    for (role of = WINDOW; of < MARK; of++) {
        const size_t start = strlen(role_starts[of]);
        if (length >= start && memcmp(name, role_starts[of], start) == 0) {
            return of;
        }
    }
    return MARK;
}

/* Of LENGTH:PROVIDER:ID the provider, or an empty one when it is not that. */
static treadle_resp_span provider_of_mark(treadle_resp_span text)
{
    const char *end = text.data + text.length;
    const char *at = text.data;
    size_t length = 0;
    while (at < end && *at >= '0' && *at <= '9' && length <= text.length) {
        length = 10 * length + (size_t)(*at++ - '0');
    }
    const bool fits =
        at < end && *at == ':' && length < (size_t)(end - at - 1) && at[1 + length] == ':';
    return (treadle_resp_span){.data = fits ? at + 1 : text.data, .length = fits ? length : 0};
}

/* What a key is by its name; the provider that it is of, and what is configured for it. */
static void classify(const inspector *self, look *at)
{
    const treadle_inspection *options = self->options;
    const size_t prefix = strlen(options->prefix ? options->prefix : "");
    at->role = role_of(at->key.data + prefix, at->key.length - prefix);
    const size_t skip = prefix + strlen(role_starts[at->role]);
    treadle_resp_span provider = {.data = at->key.data + skip, .length = at->key.length - skip};
    if (at->role == MARK) {
        provider = provider_of_mark(provider);
    }
    at->typed = strcmp(at->type, role_types[at->role]) == 0;
    at->limits = (treadle_provider_limits){.rpm = NAN, .window_s = NAN, .capacity = NAN};
    at->known = options->limits == NULL || options->limits(options->limits_context, provider.data,
                                                           provider.length, &at->limits);
}

static void ask_first(inspector *self, const look *looks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        treadle_redis_ask(&self->reader, TREADLE_READ_TYPE, &looks[i].key, 1);
        treadle_redis_ask(&self->reader, TREADLE_READ_PTTL, &looks[i].key, 1);
    }
    treadle_redis_ask(&self->reader, TREADLE_READ_TIME, NULL, 0);
}

/* Of PTTL: -1 = none. */
static void take_ttl(inspector *self, look *at)
{
    redisReply *reply = treadle_redis_take_type(&self->reader, REDIS_REPLY_INTEGER);
    at->temporary |= reply != NULL && reply->integer != -1;
    freeReplyObject(reply);
}

static void take_first(inspector *self, look *looks, size_t count)
{
    for (size_t i = 0; i < count && !self->reader.failed; i++) {
        redisReply *type = treadle_redis_take_type(&self->reader, REDIS_REPLY_STATUS);
        if (type != NULL) {
            snprintf(looks[i].type, sizeof looks[i].type, "%s", type->str);
            looks[i].present = strcmp(type->str, "none") != 0;
        }
        freeReplyObject(type);
        take_ttl(self, &looks[i]);
        classify(self, &looks[i]);
    }
    self->began_us = treadle_redis_take_time(&self->reader);
}

/* ---- the second look: what is in it ---------------------------------------------------------- */

static bool counts(const look *at)
{
    return at->role == WINDOW && !isnan(at->limits.rpm) && at->limits.window_s > 0;
}

/* Seconds to the microsecond, as the limiters write them. */
static void write_seconds(int64_t time_us, const char *before, char *text, size_t size)
{
    const int64_t whole_us = time_us < 0 ? 0 : time_us;
    snprintf(text, size, "%s%" PRId64 ".%06" PRId64, before, whole_us / 1000000,
             whole_us % 1000000);
}

/* What was counted against the window that ended when the first look began. An entry of exactly the
 * window's age has expired. */
static void ask_count(inspector *self, const look *at)
{
    char from[48];
    char to[48];
    const double window_us = fmin(at->limits.window_s, window_s_max) * 1e6;
    write_seconds(self->began_us - (int64_t)window_us, "(", from, sizeof from);
    write_seconds(self->began_us, "", to, sizeof to);
    const treadle_resp_span arguments[] = {at->key, treadle_redis_argument(from),
                                           treadle_redis_argument(to)};
    treadle_redis_ask(&self->reader, TREADLE_READ_ZCOUNT, arguments, 3);
}

static void ask_content(inspector *self, const look *at)
{
    if (at->role == WINDOW) {
        const treadle_resp_span newest[] = {at->key, treadle_redis_argument("0"),
                                            treadle_redis_argument("0"),
                                            treadle_redis_argument("WITHSCORES")};
        treadle_redis_ask(&self->reader, TREADLE_READ_ZREVRANGE, newest, 4);
    } else if (at->role == BUCKET) {
        const treadle_resp_span fields[] = {at->key, treadle_redis_argument("tokens"),
                                            treadle_redis_argument("last_refill")};
        treadle_redis_ask(&self->reader, TREADLE_READ_HMGET, fields, 3);
    }
}

static void ask_second(inspector *self, const look *looks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (looks[i].typed && counts(&looks[i])) {
            ask_count(self, &looks[i]);
        }
        if (looks[i].typed) {
            ask_content(self, &looks[i]);
            treadle_redis_ask(&self->reader, TREADLE_READ_PTTL, &looks[i].key, 1);
        }
    }
    treadle_redis_ask(&self->reader, TREADLE_READ_TIME, NULL, 0);
}

static void take_second(inspector *self, look *looks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (looks[i].typed && counts(&looks[i])) {
            looks[i].counted = treadle_redis_take(&self->reader);
        }
        if (looks[i].typed && looks[i].role != MARK) {
            looks[i].content = treadle_redis_take(&self->reader);
        }
        if (looks[i].typed) {
            take_ttl(self, &looks[i]);
        }
    }
    self->ended_us = treadle_redis_take_time(&self->reader);
}

/* ---- what it amounts to ---------------------------------------------------------------------- */

static void judge_time(const inspector *self, const look *at, const char *what, double time_s)
{
    const double now_s = (double)self->ended_us / 1e6;
    if (time_s > now_s + self->options->skew_s) {
        report(self, at, TREADLE_FINDING_IN_FUTURE, time_s, now_s,
               "%s is %.3f s later than the server's clock", what, time_s - now_s);
    }
}

static void judge_window(const inspector *self, const look *at)
{
    const redisReply *counted = at->counted;
    if (counted != NULL && counted->type == REDIS_REPLY_INTEGER &&
        (double)counted->integer > at->limits.rpm) {
        report(self, at, TREADLE_FINDING_OVER_LIMIT, (double)counted->integer, at->limits.rpm,
               "%lld requests in %g s; the limit is %g", counted->integer, at->limits.window_s,
               at->limits.rpm);
    }
    const redisReply *newest = at->content;
    if (newest->type == REDIS_REPLY_ARRAY && newest->elements == 2 &&
        newest->element[1]->type == REDIS_REPLY_STRING) {
        judge_time(self, at, "the newest entry", strtod(newest->element[1]->str, NULL));
    }
}

/* Reads a field of a bucket; says what is wrong with it when it is no number. */
static bool read_field(const inspector *self, const look *at, const redisReply *field,
                       const char *name, double *out)
{
    if (field->type != REDIS_REPLY_STRING) {
        report(self, at, TREADLE_FINDING_BAD_VALUE, NAN, NAN, "the field %s is missing", name);
        return false;
    }
    char *end;
    *out = strtod(field->str, &end);
    if (field->len > 0 && end == field->str + field->len && isfinite(*out)) {
        return true;
    }
    const size_t shown = field->len < SHOWN_MAX ? field->len : SHOWN_MAX;
    char *text = treadle_utf8_escape(field->str, shown);
    report(self, at, TREADLE_FINDING_BAD_VALUE, NAN, NAN, "the field %s is \"%s\"%s, not a number",
           name, text != NULL ? text : "?", shown < field->len ? "…" : "");
    free(text);
    return false;
}

static void judge_tokens(const inspector *self, const look *at, double tokens)
{
    const double capacity = at->limits.capacity;
    if (tokens < 0) {
        report(self, at, TREADLE_FINDING_OUT_OF_RANGE, tokens, 0, "%.17g tokens, fewer than none",
               tokens);
    } else if (tokens > capacity) { /* false when there is none */
        report(self, at, TREADLE_FINDING_OUT_OF_RANGE, tokens, capacity,
               "%.17g tokens; the capacity is %g", tokens, capacity);
    }
}

static void judge_bucket(const inspector *self, const look *at)
{
    const redisReply *fields = at->content;
    double value;
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 2) {
        return;
    }
    const bool gone = fields->element[0]->type == REDIS_REPLY_NIL &&
                      fields->element[1]->type == REDIS_REPLY_NIL && at->temporary;
    if (gone) {
        return;
    }
    if (read_field(self, at, fields->element[0], "tokens", &value)) {
        judge_tokens(self, at, value);
    }
    if (read_field(self, at, fields->element[1], "last_refill", &value)) {
        judge_time(self, at, "last_refill", value);
    }
}

static void judge(inspector *self, const look *at)
{
    self->checked += at->present;
    if (!at->present) {
        return; /* it has expired since it was found */
    }
    if (!at->known) {
        report(self, at, TREADLE_FINDING_ORPHAN, NAN, NAN,
               "its provider is not in the configuration");
    }
    if (!at->typed) {
        report(self, at, TREADLE_FINDING_WRONG_TYPE, NAN, NAN, "it is a %s instead of a %s",
               at->type, role_type_names[at->role]);
        return;
    }
    if (!at->temporary) {
        report(self, at, TREADLE_FINDING_NO_TTL, NAN, NAN,
               "it has no TTL, and would stay for ever");
    }
    if (at->content != NULL) { /* of the right type, unless that changed just now */
        (at->role == WINDOW ? judge_window : judge_bucket)(self, at);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void inspect_batch(inspector *self, const treadle_resp_span *keys, size_t count)
{
    look looks[BATCH] = {0};
    for (size_t i = 0; i < count; i++) {
        looks[i].key = keys[i];
    }
    ask_first(self, looks, count);
    take_first(self, looks, count);
    ask_second(self, looks, count);
    take_second(self, looks, count);
    for (size_t i = 0; i < count; i++) {
        if (!self->reader.failed) {
            judge(self, &looks[i]);
        }
        freeReplyObject(looks[i].counted);
        freeReplyObject(looks[i].content);
    }
}

static bool find_keys(inspector *self, treadle_redis_key_list *list)
{
    const char *prefix = self->options->prefix ? self->options->prefix : "";
    for (role of = WINDOW; of <= MARK; of++) {
        char *start = NULL;
        if (asprintf(&start, "%s%s", prefix, role_starts[of]) < 0) {
            snprintf(self->reader.error, sizeof self->reader.error, "out of memory");
            return false;
        }
        const bool ok = treadle_redis_scan(&self->reader, start, self->options->keys_max, list);
        free(start);
        if (!ok) {
            return false;
        }
    }
    return true;
}

int treadle_inspect(redisContext *redis, const treadle_inspection *inspection, uint64_t *checked,
                    char *error, size_t error_size)
{
    inspector self = {.reader = {.redis = redis}, .options = inspection};
    treadle_redis_key_list list = {0};
    bool ok = find_keys(&self, &list);
    for (size_t i = 0; ok && i < list.count; i += BATCH) {
        inspect_batch(&self, &list.keys[i], list.count - i < BATCH ? list.count - i : BATCH);
        ok = !self.reader.failed;
    }
    if (ok && list.cut) {
        report(&self, NULL, TREADLE_FINDING_MAX_KEYS, NAN, (double)inspection->keys_max,
               "there are more than %" PRIu64 " keys; the rest was not looked at",
               inspection->keys_max);
    }
    if (!ok) {
        snprintf(error, error_size, "%s", self.reader.error);
    }
    treadle_redis_key_list_free(&list);
    *checked = self.checked;
    return ok ? 0 : -1;
}
