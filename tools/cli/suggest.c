// SPDX-License-Identifier: MIT
#include "tools/cli/suggest.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum {
    /* Longer strings are no names of ours, and the distance takes quadratic time. */
    LENGTH_MAX = 128,
    /* Shorter substrings are in nearly every name. */
    SUBSTRING_MIN = 3,
    /* A substring counts as this many typing errors: one slip is more likely. */
    SUBSTRING_DISTANCE = 2,
    FAR = LENGTH_MAX + 1,
};

/* How well a name fits. Less is better, the distance first. */
typedef struct fit {
    size_t distance;
    size_t surplus; /* by how much the lengths differ: the closest of several superstrings */
} fit;

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Names are ASCII; the locale must not change what is suggested. */
static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool equal(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

static bool contains(const char *text, size_t length, const char *part, size_t part_length)
{
    for (size_t i = 0; i + part_length <= length; i++) {
        if (equal(text + i, part, part_length)) {
            return true;
        }
    }
    return false;
}

/* Insertions, deletions, substitutions and swaps of neighbours between a and b: the
 * Damerau-Levenshtein distance in its "optimal string alignment" form. */
static size_t edits(const char *a, size_t a_length, const char *b, size_t b_length)
{
    assert(a_length <= LENGTH_MAX && b_length <= LENGTH_MAX);
    size_t rows[3][LENGTH_MAX + 1] = {0};
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const bool differ = lower(a[i - 1]) != lower(b[j - 1]);
            row[j] = min(min(row[j - 1], above[j]) + 1, above[j - 1] + (differ ? 1 : 0));
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = min(row[j], above_that[j - 2] + 1);
            }
        }
    }
    return rows[a_length % 3][b_length];
}

/* The edits between two words; FAR when they are more than about a third of the longer one, or
 * leave nothing of the shorter one. */
static size_t typing_errors(const char *a, size_t a_length, const char *b, size_t b_length)
{
    const size_t shorter = min(a_length, b_length);
    const size_t longer = max(a_length, b_length);
    const size_t limit = (longer + 1) / 3;
    if (longer - shorter > limit) {
        return FAR;
    }
    const size_t distance = edits(a, a_length, b, b_length);
    return distance <= limit && (distance < shorter || distance == 0) ? distance : FAR;
}

static fit fit_of(const char *given, size_t given_length, const char *name)
{
    fit result = {.distance = FAR};
    const size_t length = strnlen(name, LENGTH_MAX + 1);
    if (length == 0 || length > LENGTH_MAX) {
        return result;
    }
    result.surplus = max(length, given_length) - min(length, given_length);
    result.distance = typing_errors(given, given_length, name, length);
    const char *slash = strrchr(name, '/');
    if (slash != NULL && slash[1] != '\0') {
        const char *part = slash + 1;
        result.distance =
            min(result.distance, typing_errors(given, given_length, part, strlen(part)));
    }
    if (given_length >= SUBSTRING_MIN && contains(name, length, given, given_length)) {
        result.distance = min(result.distance, SUBSTRING_DISTANCE);
    }
    return result;
}

static bool better(fit a, fit b)
{
    return a.distance != b.distance ? a.distance < b.distance : a.surplus < b.surplus;
}

const char *treadle_suggest(const char *given, const char *const *names, size_t count)
{
    const size_t given_length = given == NULL ? 0 : strnlen(given, LENGTH_MAX + 1);
    if (given_length == 0 || given_length > LENGTH_MAX) {
        return NULL;
    }
    const char *best = NULL;
    fit best_fit = {.distance = FAR, .surplus = 0};
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL) {
            continue;
        }
        const fit candidate = fit_of(given, given_length, names[i]);
        if (better(candidate, best_fit)) {
            best = names[i];
            best_fit = candidate;
        }
    }
    return best;
}
