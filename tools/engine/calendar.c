// SPDX-License-Identifier: MIT
/* What the C library's conversions of times read and write of the subject's memory, and of its own:
 * those that return a result in static memory race for that. */
#include <string.h>
#include <time.h>

#include "tools/engine/internal.h"

/* NULL: that time cannot be said so. */
INLINE void result_written(void *result, size_t size, const void *site)
{
    if (result != NULL) {
        treadle_library_writes(result, size, site);
    }
}

#define TAKES_APART(name)                                         \
    struct tm *SEAM(name)(const time_t *time)                     \
    {                                                             \
        treadle_library_reads(time, sizeof *time, SITE());        \
        struct tm *result = name(time);                           \
        result_written(result, sizeof *result, SITE());           \
        return result;                                            \
    }                                                             \
    struct tm *SEAM(name##_r)(const time_t *time, struct tm *out) \
    {                                                             \
        treadle_library_reads(time, sizeof *time, SITE());        \
        struct tm *result = name##_r(time, out);                  \
        result_written(result, sizeof *result, SITE());           \
        return result;                                            \
    }

TAKES_APART(gmtime)
TAKES_APART(localtime)

#define PUTS_TOGETHER(name)                                 \
    time_t SEAM(name)(struct tm * time)                     \
    {                                                       \
        treadle_library_writes(time, sizeof *time, SITE()); \
        return name(time);                                  \
    }

PUTS_TOGETHER(mktime)
PUTS_TOGETHER(timegm)

INLINE char *text_written(char *text, const void *site)
{
    result_written(text, text != NULL ? strlen(text) + 1 : 0, site);
    return text;
}

char *SEAM(asctime)(const struct tm *time)
{
    treadle_library_reads(time, sizeof *time, SITE());
    return text_written(asctime(time), SITE());
}

char *SEAM(asctime_r)(const struct tm *time, char *out)
{
    treadle_library_reads(time, sizeof *time, SITE());
    return text_written(asctime_r(time, out), SITE());
}

/* What localtime() returns is in static memory, too. */
char *SEAM(ctime)(const time_t *time)
{
    treadle_library_reads(time, sizeof *time, SITE());
    struct tm *apart = localtime(time);
    result_written(apart, sizeof *apart, SITE());
    return apart != NULL ? text_written(asctime(apart), SITE()) : NULL;
}

char *SEAM(ctime_r)(const time_t *time, char *out)
{
    treadle_library_reads(time, sizeof *time, SITE());
    return text_written(ctime_r(time, out), SITE());
}

/* When it does not fit anything may be in all of it. */
size_t SEAM(strftime)(char *to, size_t max, const char *format, const struct tm *time)
{
    treadle_library_reads_text(format, SIZE_MAX, SITE());
    treadle_library_reads(time, sizeof *time, SITE());
    const size_t length = strftime(to, max, format, time);
    treadle_library_writes(to, length > 0 ? length + 1 : max, SITE());
    return length;
}
