// SPDX-License-Identifier: MIT
/* What the number readers of the C library read and write of the subject's memory. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/internal.h"

#define LETTERS "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const char *behind_sign(const char *text)
{
    text += strspn(text, " \t\n\v\f\r");
    return text + (*text == '+' || *text == '-');
}

/* The byte that was read last: the one that ended the number, or the one behind an 'x' that no
 * digits follow. */
static const char *integer_ended(const char *text, const char *end, int base)
{
    const char *digits = behind_sign(text);
    const char *last = end == text ? digits : end;
    const bool prefix = (base == 0 || base == 16) && last == digits + 1 && *digits == '0';
    return last + (prefix && (*last == 'x' || *last == 'X'));
}

/* How many letters of a word are there. */
static size_t alike(const char *text, const char *word)
{
    size_t length = 0;
    while (word[length] != '\0' && tolower((unsigned char)text[length]) == word[length]) {
        length++;
    }
    return length;
}

/* Likewise. More than what became the number may have been tried: "infinity", "nan(…)", digits
 * behind "0x", an exponent. */
static const char *real_ended(const char *text, const char *end)
{
    const char *digits = behind_sign(text);
    if (end == text) {
        return digits + alike(digits, "infinity") + alike(digits, "nan") + (*digits == '.');
    }
    if (tolower((unsigned char)*digits) == 'i') {
        return end == digits + 3 ? end + alike(end, "inity") : end - 1;
    }
    if (tolower((unsigned char)*digits) == 'n') {
        if (end[-1] == ')') {
            return end - 1;
        }
        const char *inner = end + (*end == '(');
        return inner + (inner > end ? strspn(inner, LETTERS) : 0);
    }
    const bool prefix = alike(digits, "0x") == 2;
    if (prefix && end == digits + 1) {
        return end + 1 + (end[1] == '.');
    }
    const char *exponent = prefix ? "pP" : "eE";
    const bool tried = digits + strcspn(digits, exponent) == end && *end != '\0';
    return end + tried + (tried && (end[1] == '+' || end[1] == '-'));
}

static void number_read(const char *text, const char *last, const void *site)
{
    treadle_library_reads(text, (size_t)(last - text) + 1, site);
}

static void end_written(char *end, char **out, const void *site)
{
    if (out != NULL) {
        treadle_library_writes(out, sizeof *out, site);
        *out = end;
    }
}

/* In any other nothing is read. */
static bool is_base(int base)
{
    return base == 0 || (base >= 2 && base <= 36);
}

#define INTEGER(name, type, call)                                  \
    type SEAM(name)(const char *text, char **out, int base)        \
    {                                                              \
        if (!is_base(base)) {                                      \
            return call(text, out, base);                          \
        }                                                          \
        char *end;                                                 \
        const type value = call(text, &end, base);                 \
        number_read(text, integer_ended(text, end, base), SITE()); \
        end_written(end, out, SITE());                             \
        return value;                                              \
    }

#define REAL(name, type)                                  \
    type SEAM(name)(const char *text, char **out)         \
    {                                                     \
        char *end;                                        \
        const type value = name(text, &end);              \
        number_read(text, real_ended(text, end), SITE()); \
        end_written(end, out, SITE());                    \
        return value;                                     \
    }

#define DECIMAL(name, type)                                      \
    type SEAM(name)(const char *text)                            \
    {                                                            \
        char *end;                                               \
        const type value = (type)strtol(text, &end, 10);         \
        number_read(text, integer_ended(text, end, 10), SITE()); \
        return value;                                            \
    }

INTEGER(strtol, long, strtol)
INTEGER(strtoll, long long, strtoll)
INTEGER(strtoimax, intmax_t, strtoimax)
INTEGER(strtoul, unsigned long, strtoul)
INTEGER(strtoull, unsigned long long, strtoull)
INTEGER(strtoumax, uintmax_t, strtoumax)
/* What newer headers make of them. */
INTEGER(__isoc23_strtol, long, strtol)
INTEGER(__isoc23_strtoll, long long, strtoll)
INTEGER(__isoc23_strtoimax, intmax_t, strtoimax)
INTEGER(__isoc23_strtoul, unsigned long, strtoul)
INTEGER(__isoc23_strtoull, unsigned long long, strtoull)
INTEGER(__isoc23_strtoumax, uintmax_t, strtoumax)
REAL(strtof, float)
REAL(strtod, double)
REAL(strtold, long double)
DECIMAL(atoi, int)
DECIMAL(atol, long)
DECIMAL(atoll, long long)

double SEAM(atof)(const char *text)
{
    char *end;
    const double value = strtod(text, &end);
    number_read(text, real_ended(text, end), SITE());
    return value;
}
