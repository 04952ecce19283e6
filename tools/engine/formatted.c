// SPDX-License-Identifier: MIT
/* What snprintf() and the number readers of the C library read and write of the subject's memory,
 * for observers and footprints: none is a scheduling point. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/internal.h"

/* ---- the arguments of a format -----------------------------------------------------------------
 */

/* One conversion specification, see printf(3). */
typedef struct conversion {
    int precision; /* -1 = none */
    char length;   /* the last letter of h, hh, l, ll, j, z, t, L; 0 = none */
    char letter;   /* 0: not one that is understood */
} conversion;

static int number_at(const char **at, va_list *arguments)
{
    int number = 0;
    if (**at == '*') {
        ++*at;
        return va_arg(*arguments, int);
    }
    for (; **at >= '0' && **at <= '9'; ++*at) {
        number = number < 100000000 ? number * 10 + (**at - '0') : number;
    }
    return number;
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
        const size_t max = precision < 0 ? SIZE_MAX : (size_t)precision;
        const size_t length = strnlen(text, max);
        const size_t size = length < max ? length + 1 : length;
        if (size > 0) {
            treadle_touching(text, size, TREADLE_TOUCH_READ, site);
        }
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

static int print(char *to, size_t size, const char *format, va_list arguments, const void *site)
{
    if (UNLIKELY(E.observing)) {
        va_list copy;
        va_copy(copy, arguments);
        arguments_read(format, &copy, site);
        va_end(copy);
    }
    const int length = vsnprintf(to, size, format, arguments);
    if (size > 0 && length >= 0) {
        const size_t written = (size_t)length + 1;
        treadle_touching(to, written < size ? written : size, TREADLE_TOUCH_WRITE, site);
    }
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

/* ---- numbers ------------------------------------------------------------------------------------
 */

/* Up to the byte that ended the number; all of it when there is none, or where more was tried: an
 * exponent ("1e"), hexadecimal digits ("0x"), "infinity", "nan(…)". */
static void number_read(const char *text, const char *end, char **out, const void *site)
{
    const bool tried = end == text || (*end != '\0' && strchr("eEpPxXiInN(", *end) != NULL);
    const size_t read = (tried ? strlen(text) : (size_t)(end - text)) + 1;
    treadle_touching(text, read, TREADLE_TOUCH_READ, site);
    if (out != NULL) {
        treadle_touching(out, sizeof *out, TREADLE_TOUCH_WRITE, site);
        *out = (char *)(uintptr_t)end;
    }
}

double SEAM(strtod)(const char *text, char **out)
{
    char *end;
    const double value = strtod(text, &end);
    number_read(text, end, out, SITE());
    return value;
}

long long SEAM(strtoll)(const char *text, char **out, int base)
{
    char *end;
    const long long value = strtoll(text, &end, base);
    number_read(text, end, out, SITE());
    return value;
}
