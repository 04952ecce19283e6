// SPDX-License-Identifier: MIT
#include "tools/redis/redis_url.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

enum { PORT_DEFAULT = 6379, PORT_MAX = 65535, DATABASE_MAX = 1 << 20 };

/* A parse under way. */
typedef struct parser {
    const char *url;
    treadle_redis_target *out;
    char *error;
    size_t error_size;
} parser;

static __attribute__((format(printf, 3, 4))) bool fail(parser *self, const char *at,
                                                       const char *format, ...)
{
    char reason[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    /* Not the URL itself: it may hold a password. */
    snprintf(self->error, self->error_size, "Redis URL, character %zu: %s",
             (size_t)(at - self->url) + 1, reason);
    return false;
}

static int hex_digit(char digit)
{
    return isdigit((unsigned char)digit)    ? digit - '0'
           : isxdigit((unsigned char)digit) ? tolower((unsigned char)digit) - 'a' + 10
                                            : -1;
}

/* Decodes [from, to) into a new string. */
static bool decode(parser *self, const char *from, const char *to, const char **out)
{
    char *text = malloc((size_t)(to - from) + 1);
    if (text == NULL) {
        return fail(self, from, "out of memory");
    }
    *out = text;
    for (const char *at = from; at < to; at++) {
        int byte = (unsigned char)*at;
        if (*at == '%') {
            const int high = to - at > 2 ? hex_digit(at[1]) : -1;
            const int low = high >= 0 ? hex_digit(at[2]) : -1;
            byte = high * 16 + low;
            at += 2;
            if (low < 0 || byte == 0) {
                *text = '\0';
                return fail(self, at - 2,
                            low < 0 ? "%% must be followed by two hexadecimal digits; a plain %% "
                                      "is written %%25"
                                    : "%%00 cannot be part of an address or a password");
            }
        }
        *text++ = (char)byte;
    }
    *text = '\0';
    return true;
}

static bool parse_number(parser *self, const char *from, const char *to, const char *what, int min,
                         int max, int *out)
{
    long value = 0;
    for (const char *at = from; at < to; at++) {
        if (!isdigit((unsigned char)*at)) {
            /* Not what stands there: it is of a password that has a '/' or a '?' in it. */
            return fail(self, at, "the %s is a number from %d to %d", what, min, max);
        }
        value = value > max ? value : value * 10 + (*at - '0');
    }
    if (from == to || value < min || value > max) {
        return fail(self, from, "the %s is a number from %d to %d", what, min, max);
    }
    *out = (int)value;
    return true;
}

/* USER[:PASSWORD] before the last '@' of [from, to); *rest is behind it. */
static bool parse_user(parser *self, const char *from, const char *to, const char **rest)
{
    const char *at = memrchr(from, '@', (size_t)(to - from));
    *rest = from;
    if (at == NULL) {
        return true;
    }
    *rest = at + 1;
    const char *colon = memchr(from, ':', (size_t)(at - from));
    if (colon == NULL) {
        return fail(self, from,
                    "a user needs a password: USER:PASSWORD@, or :PASSWORD@ for the "
                    "default user");
    }
    return (colon == from || decode(self, from, colon, &self->out->username)) &&
           decode(self, colon + 1, at, &self->out->password);
}

static bool parse_host(parser *self, const char *from, const char *to)
{
    treadle_redis_target *target = self->out;
    const char *host_end;
    const char *colon;
    if (from < to && *from == '[') {
        const char *bracket = memchr(from, ']', (size_t)(to - from));
        if (bracket == NULL) {
            return fail(self, from, "the IPv6 address has no closing bracket");
        }
        from++;
        host_end = bracket;
        colon = bracket + 1;
        if (colon < to && *colon != ':') {
            return fail(self, colon, "only :PORT may follow the IPv6 address");
        }
    } else {
        colon = memchr(from, ':', (size_t)(to - from));
        colon = colon ? colon : to;
        host_end = colon;
        if (colon < to && memchr(colon + 1, ':', (size_t)(to - colon - 1)) != NULL) {
            return fail(self, colon, "an IPv6 address is written in brackets: redis://[::1]:6379");
        }
    }
    if (from == host_end) {
        return fail(self, from, "the host is missing: redis://HOST:PORT/DATABASE");
    }
    target->port = PORT_DEFAULT;
    if (colon < to && !parse_number(self, colon + 1, to, "port", 1, PORT_MAX, &target->port)) {
        return false;
    }
    return decode(self, from, host_end, &target->host);
}

static bool parse_tcp(parser *self, const char *from)
{
    const char *end = from + strcspn(from, "/?#");
    if (*end == '?' || *end == '#') {
        return fail(self, end, "redis:// takes no '%c'; the database is /NUMBER", *end);
    }
    const char *host;
    if (!parse_user(self, from, end, &host) || !parse_host(self, host, end)) {
        return false;
    }
    if (*end == '/' && end[1] != '\0') {
        return parse_number(self, end + 1, end + strlen(end), "database", 0, DATABASE_MAX,
                            &self->out->database);
    }
    return true;
}

static bool parse_unix(parser *self, const char *from)
{
    const char *end = from + strcspn(from, "?");
    const char *slash = memchr(from, '/', (size_t)(end - from));
    const char *path = slash ? slash : end;
    const char *rest;
    if (!parse_user(self, from, path, &rest)) {
        return false;
    }
    if (rest != path || path == end) {
        return fail(self, rest, "the socket's path must be absolute: unix:///run/redis/redis.sock");
    }
    treadle_redis_target *target = self->out;
    if (!decode(self, path, end, &target->socket_path)) {
        return false;
    }
    if (strlen(target->socket_path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        return fail(self, path, "the path of a unix socket has at most %zu bytes",
                    sizeof((struct sockaddr_un *)0)->sun_path - 1);
    }
    if (*end == '\0') {
        return true;
    }
    if (strncmp(end, "?db=", 4) != 0) {
        return fail(self, end, "only ?db=NUMBER may follow the path");
    }
    return parse_number(self, end + 4, end + strlen(end), "database", 0, DATABASE_MAX,
                        &target->database);
}

int treadle_redis_url_parse(const char *url, treadle_redis_target *out, char *error,
                            size_t error_size)
{
    *out = (treadle_redis_target){0};
    parser self = {.url = url, .out = out, .error = error, .error_size = error_size};
    bool ok;
    if (strncasecmp(url, "redis://", 8) == 0) {
        ok = parse_tcp(&self, url + 8);
    } else if (strncasecmp(url, "unix://", 7) == 0) {
        ok = parse_unix(&self, url + 7);
    } else if (strncasecmp(url, "rediss://", 9) == 0) {
        ok = fail(&self, url, "TLS (rediss://) is not supported; use redis:// or unix://");
    } else {
        ok = fail(&self, url, "must start with redis:// or unix://");
    }
    if (!ok) {
        treadle_redis_url_release(out);
    }
    return ok ? 0 : -1;
}

void treadle_redis_url_release(treadle_redis_target *target)
{
    free((char *)(uintptr_t)target->socket_path);
    free((char *)(uintptr_t)target->host);
    free((char *)(uintptr_t)target->username);
    free((char *)(uintptr_t)target->password);
    *target = (treadle_redis_target){0};
}
