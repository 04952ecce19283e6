// SPDX-License-Identifier: MIT
/* What the C library's string functions read and write of the subject's memory. What one reads is
 * what it needs, up to the byte that decides. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tools/engine/internal.h"

/* ---- measuring, comparing ----------------------------------------------------------------------
 */

size_t SEAM(strlen)(const char *text)
{
    const size_t length = strlen(text);
    treadle_library_reads(text, length + 1, SITE());
    return length;
}

size_t SEAM(strnlen)(const char *text, size_t max)
{
    treadle_library_reads_text(text, max, SITE());
    return strnlen(text, max);
}

static int itself(int byte)
{
    return byte;
}

/* Both up to where they differ or end. */
INLINE void compared(const char *one, const char *other, size_t max, int (*as)(int),
                     const void *site)
{
    if (!treadle_library_matters()) {
        return;
    }
    size_t size = 0;
    while (size < max && as((unsigned char)one[size]) == as((unsigned char)other[size]) &&
           one[size] != '\0') {
        size++;
    }
    size += size < max;
    treadle_library_reads(one, size, site);
    treadle_library_reads(other, size, site);
}

#define COMPARES(name, as)                             \
    int SEAM(name)(const char *one, const char *other) \
    {                                                  \
        compared(one, other, SIZE_MAX, as, SITE());    \
        return name(one, other);                       \
    }
#define COMPARES_SOME(name, as)                                    \
    int SEAM(name)(const char *one, const char *other, size_t max) \
    {                                                              \
        compared(one, other, max, as, SITE());                     \
        return name(one, other, max);                              \
    }
#define COMPARES_BYTES(name)                                        \
    int SEAM(name)(const void *one, const void *other, size_t size) \
    {                                                               \
        treadle_library_reads(one, size, SITE());                   \
        treadle_library_reads(other, size, SITE());                 \
        return name(one, other, size);                              \
    }

COMPARES(strcmp, itself)
COMPARES(strcasecmp, tolower)
COMPARES_SOME(strncmp, itself)
COMPARES_SOME(strncasecmp, tolower)
COMPARES_BYTES(memcmp)
COMPARES_BYTES(bcmp)

/* ---- looking for something ---------------------------------------------------------------------
 */

void *SEAM(memchr)(const void *bytes, int byte, size_t size)
{
    const char *found = memchr(bytes, byte, size);
    treadle_library_reads(bytes, found != NULL ? (size_t)(found + 1 - (const char *)bytes) : size,
                          SITE());
    return (void *)(uintptr_t)found;
}

/* From the end on. */
void *SEAM(memrchr)(const void *bytes, int byte, size_t size)
{
    const char *found = memrchr(bytes, byte, size);
    const char *from = found != NULL ? found : bytes;
    treadle_library_reads(from, (size_t)((const char *)bytes + size - from), SITE());
    return (void *)(uintptr_t)found;
}

void *SEAM(rawmemchr)(const void *bytes, int byte)
{
    const char *found = rawmemchr(bytes, byte);
    treadle_library_reads(bytes, (size_t)(found + 1 - (const char *)bytes), SITE());
    return (void *)(uintptr_t)found;
}

void *SEAM(memmem)(const void *bytes, size_t size, const void *part, size_t part_size)
{
    const char *found = memmem(bytes, size, part, part_size);
    if (part_size <= size) {
        treadle_library_reads(part, part_size, SITE());
        treadle_library_reads(
            bytes, found != NULL ? (size_t)(found - (const char *)bytes) + part_size : size,
            SITE());
    }
    return (void *)(uintptr_t)found;
}

char *SEAM(strrchr)(const char *text, int byte)
{
    treadle_library_reads_text(text, SIZE_MAX, SITE());
    return strrchr(text, byte);
}

/* Up to what was found there, `size` bytes; all of the text when nothing was. */
INLINE void searched(const char *text, const char *found, size_t size, const void *site)
{
    treadle_library_reads_text(text, found != NULL ? (size_t)(found - text) + size : SIZE_MAX,
                               site);
}

#define FINDS(name)                              \
    char *SEAM(name)(const char *text, int byte) \
    {                                            \
        char *found = name(text, byte);          \
        searched(text, found, 1, SITE());        \
        return found;                            \
    }
#define FINDS_TEXT(name)                                    \
    char *SEAM(name)(const char *text, const char *part)    \
    {                                                       \
        char *found = name(text, part);                     \
        treadle_library_reads_text(part, SIZE_MAX, SITE()); \
        searched(text, found, strlen(part), SITE());        \
        return found;                                       \
    }

FINDS(strchr)
FINDS(strchrnul)
FINDS_TEXT(strstr)
FINDS_TEXT(strcasestr)

/* The set, and of the text one byte more than belongs to it; none when nothing can belong to it. */
INLINE size_t spanned(size_t (*span)(const char *, const char *), const char *text, const char *set,
                      const void *site)
{
    const size_t length = span(text, set);
    treadle_library_reads_text(set, SIZE_MAX, site);
    treadle_library_reads(text, span == strspn && *set == '\0' ? 0 : length + 1, site);
    return length;
}

size_t SEAM(strspn)(const char *text, const char *set)
{
    return spanned(strspn, text, set, SITE());
}

size_t SEAM(strcspn)(const char *text, const char *set)
{
    return spanned(strcspn, text, set, SITE());
}

char *SEAM(strpbrk)(const char *text, const char *set)
{
    const char *found = text + spanned(strcspn, text, set, SITE());
    return *found != '\0' ? (char *)(uintptr_t)found : NULL;
}

/* ---- copying -----------------------------------------------------------------------------------
 */

INLINE void copied(char *to, size_t size, const char *from, size_t max, const void *site)
{
    treadle_library_reads_text(from, max, site);
    treadle_library_writes(to, size, site);
}

char *SEAM(strcpy)(char *to, const char *from)
{
    const size_t size = strlen(from) + 1;
    copied(to, size, from, SIZE_MAX, SITE());
    return memcpy(to, from, size);
}

char *SEAM(stpcpy)(char *to, const char *from)
{
    const size_t length = strlen(from);
    copied(to, length + 1, from, SIZE_MAX, SITE());
    return (char *)memcpy(to, from, length + 1) + length;
}

/* Both fill up with zeros. */
char *SEAM(strncpy)(char *to, const char *from, size_t size)
{
    copied(to, size, from, size, SITE());
    return strncpy(to, from, size);
}

char *SEAM(stpncpy)(char *to, const char *from, size_t size)
{
    copied(to, size, from, size, SITE());
    return stpncpy(to, from, size);
}

/* Up to that byte, or all. */
void *SEAM(memccpy)(void *to, const void *from, int byte, size_t size)
{
    const char *found = memchr(from, byte, size);
    const size_t copy = found != NULL ? (size_t)(found + 1 - (const char *)from) : size;
    treadle_library_reads(from, copy, SITE());
    treadle_library_writes(to, copy, SITE());
    return memccpy(to, from, byte, size);
}

INLINE char *append(char *to, const char *from, size_t max, const void *site)
{
    char *end = to + strlen(to);
    const size_t length = strnlen(from, max);
    treadle_library_reads(to, (size_t)(end - to) + 1, site);
    copied(end, length + 1, from, max, site);
    memcpy(end, from, length);
    end[length] = '\0';
    return to;
}

char *SEAM(strcat)(char *to, const char *from)
{
    return append(to, from, SIZE_MAX, SITE());
}

char *SEAM(strncat)(char *to, const char *from, size_t max)
{
    return append(to, from, max, SITE());
}

/* ---- taking apart ------------------------------------------------------------------------------
 */

/* Ends the text here, unless it does; what remains is behind that. */
INLINE char *cut(char *at, const void *site)
{
    if (*at != '\0') {
        treadle_library_writes(at, 1, site);
        *at++ = '\0';
    }
    return at;
}

INLINE void keep(char **kept, char *rest, const void *site)
{
    treadle_library_writes(kept, sizeof *kept, site);
    *kept = rest;
}

INLINE char *token(char *text, const char *ends, char **kept, const void *site)
{
    if (text == NULL) {
        treadle_library_reads(kept, sizeof *kept, site);
        text = *kept;
    }
    char *begin = text + spanned(strspn, text, ends, site);
    char *end = begin + spanned(strcspn, begin, ends, site);
    keep(kept, cut(end, site), site);
    return end > begin ? begin : NULL;
}

char *SEAM(strtok_r)(char *text, const char *ends, char **kept)
{
    return token(text, ends, kept, SITE());
}

char *SEAM(__strtok_r)(char *text, const char *ends, char **kept)
{
    return token(text, ends, kept, SITE());
}

/* Where it goes on is hidden, and shared by all threads: unordered, they race for it. */
char *SEAM(strtok)(char *text, const char *ends)
{
    if (!treadle_inside()) {
        return strtok(text, ends);
    }
    E.unseen++;
    return token(text, ends, &E.token, SITE());
}

char *SEAM(strsep)(char **kept, const char *ends)
{
    treadle_library_reads(kept, sizeof *kept, SITE());
    char *begin = *kept;
    if (begin != NULL) {
        char *end = begin + spanned(strcspn, begin, ends, SITE());
        char *rest = cut(end, SITE());
        keep(kept, rest > end ? rest : NULL, SITE());
    }
    return begin;
}

/* ---- the names of errors: known ones are not copied --------------------------------------------
 */

char *SEAM(strerror_r)(int error, char *buffer, size_t size)
{
    char *text = strerror_r(error, buffer, size);
    if (text == buffer && size > 0) {
        treadle_library_writes(buffer, strnlen(buffer, size) + 1, SITE());
    }
    return text;
}

/* POSIX's own. */
extern int __xpg_strerror_r(int error, char *buffer, size_t size);
int SEAM(__xpg_strerror_r)(int error, char *buffer, size_t size)
{
    const int failed = __xpg_strerror_r(error, buffer, size);
    treadle_library_writes(buffer, size > 0 ? strnlen(buffer, size) + 1 : 0, SITE());
    return failed;
}
