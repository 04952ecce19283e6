// SPDX-License-Identifier: MIT
#include "tools/redis/redis_script.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

uint32_t treadle_redis_script_argument(treadle_resp_arguments *arguments)
{
    const uint32_t argc = arguments->command->argc;
    const treadle_resp_span name = treadle_resp_argument(arguments, 0);
    if (argc > 1 && (treadle_resp_is(name, "eval") || treadle_resp_is(name, "eval_ro"))) {
        return 1;
    }
    if (argc > 2 && (treadle_resp_is(name, "script") || treadle_resp_is(name, "function")) &&
        treadle_resp_is(treadle_resp_argument(arguments, 1), "load")) {
        return argc - 1; /* FUNCTION LOAD may have REPLACE before it */
    }
    return 0;
}

/* ---- tokens, after the Lua 5.1 Reference Manual, section 2.1 --------------------------------- */

typedef enum token_kind {
    TOKEN_END,
    TOKEN_NAME,   /* or a keyword */
    TOKEN_STRING, /* text: between the quotes */
    TOKEN_DOTS,   /* ".." or "..." */
    TOKEN_NUMBER, /* or what looks like one, which Lua refuses: "5..x" */
    TOKEN_OTHER,  /* one byte */
    TOKEN_BAD,    /* a string or comment without an end */
} token_kind;

typedef struct token {
    token_kind kind;
    treadle_resp_span text;
} token;

typedef struct lexer {
    const char *at;
    const char *end;
} lexer;

static bool in_name(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_';
}

static bool is_newline(char byte)
{
    return byte == '\n' || byte == '\r';
}

static bool is_at(const lexer *self, char byte)
{
    return self->at < self->end && *self->at == byte;
}

/* At '[': moves behind "[[" or "[=*[" and says how many '=' there are; -1 when it is none. */
static int long_bracket(lexer *self)
{
    const char *at = self->at + 1;
    while (at < self->end && *at == '=') {
        at++;
    }
    if (at == self->end || *at != '[') {
        return -1;
    }
    const int level = (int)(at - self->at - 1);
    self->at = at + 1;
    return level;
}

/* Behind a long bracket: up to the one that closes it. */
static token long_string(lexer *self, int level)
{
    const char *start = self->at;
    for (; self->at < self->end; self->at++) {
        const char *at = self->at + 1;
        while (*self->at == ']' && at < self->end && *at == '=') {
            at++;
        }
        if (*self->at == ']' && at < self->end && *at == ']' && at - self->at - 1 == level) {
            const treadle_resp_span text = {start, (size_t)(self->at - start)};
            self->at = at + 1;
            return (token){TOKEN_STRING, text};
        }
    }
    return (token){.kind = TOKEN_BAD};
}

static token quoted_string(lexer *self)
{
    const char quote = *self->at++;
    const char *start = self->at;
    while (self->at < self->end && *self->at != quote && !is_newline(*self->at)) {
        const bool escape = *self->at == '\\';
        self->at += escape && self->end - self->at > 1 ? 2 : 1;
    }
    if (!is_at(self, quote)) {
        return (token){.kind = TOKEN_BAD};
    }
    return (token){TOKEN_STRING, {start, (size_t)(self->at++ - start)}};
}

/* Behind "--". false when the comment has no end. */
static bool skip_comment(lexer *self)
{
    const int level = is_at(self, '[') ? long_bracket(self) : -1;
    if (level >= 0) {
        return long_string(self, level).kind != TOKEN_BAD;
    }
    while (self->at < self->end && !is_newline(*self->at)) {
        self->at++;
    }
    return true;
}

static bool is_digit_at(const lexer *self, ptrdiff_t offset)
{
    return self->end - self->at > offset && isdigit((unsigned char)self->at[offset]);
}

/* At a digit, or a '.' before one. A number takes a dot behind it along: what follows `5.` is no
 * field of anything. */
static void skip_number(lexer *self)
{
    while (is_digit_at(self, 0) || is_at(self, '.')) {
        self->at++;
    }
    if (is_at(self, 'e') || is_at(self, 'E')) {
        self->at++;
        if (is_at(self, '+') || is_at(self, '-')) {
            self->at++;
        }
    }
    while (self->at < self->end && in_name(*self->at)) {
        self->at++;
    }
}

static token next_token(lexer *self)
{
    for (;;) {
        while (self->at < self->end && isspace((unsigned char)*self->at)) {
            self->at++;
        }
        if (self->end - self->at < 2 || memcmp(self->at, "--", 2) != 0) {
            break;
        }
        self->at += 2;
        if (!skip_comment(self)) {
            return (token){.kind = TOKEN_BAD};
        }
    }
    const char *start = self->at;
    if (start == self->end) {
        return (token){.kind = TOKEN_END};
    }
    if (*start == '\'' || *start == '"') {
        return quoted_string(self);
    }
    const int level = *start == '[' ? long_bracket(self) : -1;
    if (level >= 0) {
        return long_string(self, level);
    }
    if (is_digit_at(self, 0) || (*start == '.' && is_digit_at(self, 1))) {
        skip_number(self);
        return (token){TOKEN_NUMBER, {start, (size_t)(self->at - start)}};
    }
    token_kind kind = TOKEN_OTHER;
    self->at++;
    if (in_name(*start)) {
        kind = TOKEN_NAME;
        while (self->at < self->end && in_name(*self->at)) {
            self->at++;
        }
    } else if (*start == '.' && is_at(self, '.')) {
        kind = TOKEN_DOTS;
        while (is_at(self, '.')) {
            self->at++;
        }
    }
    return (token){kind, {start, (size_t)(self->at - start)}};
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool is_text(token candidate, token_kind kind, const char *text)
{
    return candidate.kind == kind && candidate.text.length == strlen(text) &&
           memcmp(candidate.text.data, text, candidate.text.length) == 0;
}

static bool is_any(token candidate, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (is_text(candidate, TOKEN_NAME, *names)) {
            return true;
        }
    }
    return false;
}

/* Behind `redis.call`: the name of the command. BAD when it is not a plain string. */
static token called(lexer *self)
{
    token name = next_token(self);
    const bool parenthesis = is_text(name, TOKEN_OTHER, "(");
    if (parenthesis) {
        name = next_token(self);
    }
    if (name.kind != TOKEN_STRING || memchr(name.text.data, '\\', name.text.length) != NULL) {
        return (token){.kind = TOKEN_BAD};
    }
    if (parenthesis) { /* else the string is all there is */
        const token after = next_token(self);
        if (!is_text(after, TOKEN_OTHER, ",") && !is_text(after, TOKEN_OTHER, ")")) {
            return (token){.kind = TOKEN_BAD}; /* 'NA' .. 'ME' */
        }
    }
    return name;
}

/* Behind a name that something is assigned to: `{load = 1}`. What it meant is not read. */
static bool is_assigned(lexer self)
{
    return is_text(next_token(&self), TOKEN_OTHER, "=") && !is_at(&self, '=');
}

bool treadle_redis_script_calls(treadle_resp_span text, bool server,
                                void (*visit)(void *context, treadle_resp_span name), void *context)
{
    const char *const library[] = {"redis", server ? "server" : NULL, NULL};
    static const char *const callers[] = {"call", "pcall", NULL};
    static const char *const ways_round[] = {"_G",      "getfenv",  "setfenv", "loadstring", "load",
                                             "require", "loadfile", "dofile",  "debug",      NULL};
    lexer self = {.at = text.data, .end = text.data + text.length};
    if (text.length >= 2 && memcmp(text.data, "#!", 2) == 0) {
        skip_comment(&self); /* the first line is the server's, not Lua's */
    }
    token before = {.kind = TOKEN_END};
    for (;;) {
        const token now = next_token(&self);
        const bool field = is_text(before, TOKEN_OTHER, ".") || is_text(before, TOKEN_OTHER, ":");
        if (now.kind == TOKEN_END || now.kind == TOKEN_BAD) {
            return now.kind == TOKEN_END;
        }
        before = now;
        const bool way_round = is_any(now, ways_round);
        if ((!way_round && !is_any(now, library)) || field || is_assigned(self)) {
            continue;
        }
        if (way_round) {
            return false;
        }
        if (!is_text(next_token(&self), TOKEN_OTHER, ".")) {
            return false; /* `redis` itself goes somewhere */
        }
        const token member = next_token(&self);
        if (is_any(member, callers)) {
            const token name = called(&self);
            if (name.kind == TOKEN_BAD) {
                return false;
            }
            visit(context, name.text);
        } else if (member.kind != TOKEN_NAME) {
            return false;
        }
        before = member;
    }
}
