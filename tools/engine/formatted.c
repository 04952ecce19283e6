// SPDX-License-Identifier: MIT
/* What snprintf(), sscanf() and their kin read and write of the subject's memory. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/internal.h"

/* ---- printing ----------------------------------------------------------------------------------
 */

/* One conversion specification, see printf(3). */
typedef struct conversion {
    int precision; /* -1 = none */
    char length;   /* the last letter of h, hh, l, ll, j, z, t, L; 0 = none */
    char letter;   /* 0: not one that is understood */
} conversion;

static int digits_at(const char **at)
{
    int number = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        number = number < 100000000 ? number * 10 + (**at - '0') : number;
    }
    return number;
}

static int number_at(const char **at, va_list *arguments)
{
    if (**at == '*') {
        ++*at;
        return va_arg(*arguments, int);
    }
    return digits_at(at);
}

static char length_at(const char **at)
{
    char length = 0;
    for (; **at != '\0' && strchr("hlqjztL", **at) != NULL; ++*at) {
        length = **at;
    }
    return length;
}

/* Behind a '%'. Takes width and precision off the arguments. */
static conversion conversion_at(const char **at, va_list *arguments)
{
    conversion out = {.precision = -1};
    *at += strspn(*at, "-+ #0'I");
    number_at(at, arguments);
    if (**at == '.') {
        ++*at;
        out.precision = number_at(at, arguments);
    }
    out.length = length_at(at);
    out.letter = **at;
    *at += out.letter != '\0';
    return out;
}

static void string_read(const char *text, int precision, const void *site)
{
    if (text != NULL) {
        treadle_library_reads_text(text, precision < 0 ? SIZE_MAX : (size_t)precision, site);
    }
}

/* All the longer integers have one size here, and are passed alike. */
_Static_assert(sizeof(long) == sizeof(long long) && sizeof(long) == sizeof(intmax_t) &&
                   sizeof(long) == sizeof(size_t) && sizeof(long) == sizeof(ptrdiff_t),
               "one case for all of them");

static void integer_passed(char length, va_list *arguments)
{
    const bool longer = length != '\0' && strchr("ljzt", length) != NULL;
    const long long value = longer ? va_arg(*arguments, long long) : va_arg(*arguments, int);
    (void)value;
}

static void real_passed(char length, va_list *arguments)
{
    const long double value =
        length == 'L' ? va_arg(*arguments, long double) : va_arg(*arguments, double);
    (void)value;
}

/* Moves past the argument of a conversion. false when it is not known how large that is. */
static bool argument_read(const conversion *how, va_list *arguments, const void *site)
{
    switch (how->letter) {
    case '%':
    case 'm': return true;
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
    case 'b':
    case 'B':
    case 'c': integer_passed(how->length, arguments); return true;
    case 'p': (void)va_arg(*arguments, void *); return true;
    case 's':
        if (how->length == 0) {
            string_read(va_arg(*arguments, const char *), how->precision, site);
        }
        return how->length == 0;
    default: break;
    }
    if (how->letter == '\0' || strchr("aAeEfFgG", how->letter) == NULL) {
        return false;
    }
    real_passed(how->length, arguments);
    return true;
}

static void arguments_read(const char *format, va_list *arguments, const void *site)
{
    for (const char *at = strchr(format, '%'); at != NULL; at = strchr(at, '%')) {
        at++;
        const conversion how = conversion_at(&at, arguments);
        if (!argument_read(&how, arguments, site)) {
            return;
        }
    }
}

static void all_read(const char *format, va_list arguments, const void *site)
{
    if (treadle_library_matters()) {
        treadle_library_reads(format, strlen(format) + 1, site);
        va_list copy;
        va_copy(copy, arguments);
        arguments_read(format, &copy, site);
        va_end(copy);
    }
}

static void text_written(char *to, size_t size, int length, const void *site)
{
    if (size > 0 && length >= 0) {
        const size_t written = (size_t)length + 1;
        treadle_library_writes(to, written < size ? written : size, site);
    }
}

static int print(char *to, size_t size, const char *format, va_list arguments, const void *site)
{
    all_read(format, arguments, site);
    const int length = vsnprintf(to, size, format, arguments);
    text_written(to, size, length, site);
    return length;
}

/* Not as the above with much room: that would clear first what the subject may print onto itself.
 */
static int print_unbounded(char *to, const char *format, va_list arguments, const void *site)
{
    all_read(format, arguments, site);
    const int length = vsprintf(to, format, arguments);
    text_written(to, SIZE_MAX, length, site);
    return length;
}

int SEAM(vsprintf)(char *to, const char *format, va_list arguments)
{
    return print_unbounded(to, format, arguments, SITE());
}

int SEAM(sprintf)(char *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = print_unbounded(to, format, arguments, SITE());
    va_end(arguments);
    return length;
}

int SEAM(vsnprintf)(char *to, size_t size, const char *format, va_list arguments)
{
    return print(to, size, format, arguments, SITE());
}

int SEAM(snprintf)(char *to, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = print(to, size, format, arguments, SITE());
    va_end(arguments);
    return length;
}

/* ---- scanning ----------------------------------------------------------------------------------
 */

/* A conversion specification, see scanf(3). */
typedef struct target {
    bool suppressed;
    bool allocated; /* a pointer to the text is written */
    int width;      /* 0 = none */
    char length;    /* as above; 'H' = hh */
    char letter;
} target;

/* Behind the '[' of a set. */
static void skip_set(const char **at)
{
    *at += **at == '^';
    *at += **at == ']';
    *at += strcspn(*at, "]");
    *at += **at == ']';
}

/* Behind a '%'. */
static target target_at(const char **at)
{
    target out = {.suppressed = **at == '*'};
    *at += strspn(*at, "*'I");
    out.width = digits_at(at);
    out.allocated = **at == 'm';
    *at += out.allocated;
    const bool twice = strncmp(*at, "hh", 2) == 0;
    out.length = length_at(at);
    out.length = twice ? 'H' : out.length;
    out.letter = **at;
    *at += out.letter != '\0';
    if (out.letter == '[') {
        skip_set(at);
    }
    return out;
}

static size_t integer_size(char length)
{
    switch (length) {
    case 'H': return sizeof(char);
    case 'h': return sizeof(short);
    case 0: return sizeof(int);
    default: return sizeof(long);
    }
}

static size_t real_size(char length)
{
    switch (length) {
    case 'L': return sizeof(long double);
    case 'l': return sizeof(double);
    default: return sizeof(float);
    }
}

static size_t text_size(const target *how, const char *written)
{
    if (how->length != 0) {
        return 0;
    }
    if (how->allocated) {
        return sizeof(char *);
    }
    if (how->letter == 'c') {
        return how->width > 0 ? (size_t)how->width : 1;
    }
    return strlen(written) + 1;
}

/* How much an assignment has written; 0 when that is not known. */
static size_t size_of(const target *how, const void *written)
{
    switch (how->letter) {
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
    case 'b':
    case 'n': return integer_size(how->length);
    case 'p': return sizeof(void *);
    case 'c':
    case 's':
    case '[': return text_size(how, written);
    default: break;
    }
    return how->letter != '\0' && strchr("aAeEfFgG", how->letter) ? real_size(how->length) : 0;
}

/* Whether the text went on to a %n that follows the last assignment is not known: taken for done.
 */
static void targets_written(const char *format, int assigned, va_list *arguments, const void *site)
{
    for (const char *at = strchr(format, '%'); at != NULL; at = strchr(at, '%')) {
        at++;
        const target how = target_at(&at);
        if (how.suppressed || how.letter == '%') {
            continue;
        }
        void *to = va_arg(*arguments, void *);
        const size_t size = how.letter == 'n' || assigned-- > 0 ? size_of(&how, to) : 0;
        if (size == 0) {
            return;
        }
        treadle_library_writes(to, size, site);
    }
}

/* It takes the length of its text before anything else. */
static int scan(const char *text, const char *format, va_list arguments, const void *site)
{
    va_list copy;
    va_copy(copy, arguments);
    treadle_library_reads_text(text, SIZE_MAX, site);
    treadle_library_reads_text(format, SIZE_MAX, site);
    const int assigned = vsscanf(text, format, arguments);
    targets_written(format, assigned, &copy, site);
    va_end(copy);
    return assigned;
}

/* What headers make of sscanf() and vsscanf(), older ones and newer ones. */
#define SCANS(name)                                                                   \
    int SEAM(name##_vsscanf)(const char *text, const char *format, va_list arguments) \
    {                                                                                 \
        return scan(text, format, arguments, SITE());                                 \
    }                                                                                 \
    int SEAM(name##_sscanf)(const char *text, const char *format, ...)                \
    {                                                                                 \
        va_list arguments;                                                            \
        va_start(arguments, format);                                                  \
        const int assigned = scan(text, format, arguments, SITE());                   \
        va_end(arguments);                                                            \
        return assigned;                                                              \
    }

SCANS(__isoc99)
SCANS(__isoc23)
