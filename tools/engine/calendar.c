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

/* In memory that is in no state of the subject (cycles.c). */
INLINE void hidden_written(void *result, size_t size, const void *site)
{
    if (treadle_inside()) {
        E.unseen++;
    }
    result_written(result, size, site);
}

/* Needs no zone. */
INLINE void universal(bool anew, const void *site)
{
    (void)anew;
    (void)site;
}

#define TAKES_APART(name, zone_used)                              \
    struct tm *SEAM(name)(const time_t *time)                     \
    {                                                             \
        treadle_library_reads(time, sizeof *time, SITE());        \
        zone_used(true, SITE());                                  \
        struct tm *result = name(time);                           \
        hidden_written(result, sizeof *result, SITE());           \
        return result;                                            \
    }                                                             \
    struct tm *SEAM(name##_r)(const time_t *time, struct tm *out) \
    {                                                             \
        treadle_library_reads(time, sizeof *time, SITE());        \
        zone_used(false, SITE());                                 \
        struct tm *result = name##_r(time, out);                  \
        result_written(result, sizeof *result, SITE());           \
        return result;                                            \
    }

TAKES_APART(gmtime, universal)
TAKES_APART(localtime, treadle_zone_used)

#define PUTS_TOGETHER(name, zone_used)                      \
    time_t SEAM(name)(struct tm * time)                     \
    {                                                       \
        zone_used(true, SITE());                            \
        treadle_library_writes(time, sizeof *time, SITE()); \
        return name(time);                                  \
    }

PUTS_TOGETHER(mktime, treadle_zone_used)
PUTS_TOGETHER(timegm, universal)

INLINE char *text_written(char *text, const void *site)
{
    result_written(text, text != NULL ? strlen(text) + 1 : 0, site);
    return text;
}

char *SEAM(asctime)(const struct tm *time)
{
    treadle_library_reads(time, sizeof *time, SITE());
    char *text = asctime(time);
    hidden_written(text, text != NULL ? strlen(text) + 1 : 0, SITE());
    return text;
}

char *SEAM(asctime_r)(const struct tm *time, char *out)
{
    treadle_library_reads(time, sizeof *time, SITE());
    return text_written(asctime_r(time, out), SITE());
}

/* What localtime() returns is in static memory, too. Of no time asctime() makes an error. */
char *SEAM(ctime)(const time_t *time)
{
    treadle_library_reads(time, sizeof *time, SITE());
    treadle_zone_used(true, SITE());
    struct tm *apart = localtime(time);
    hidden_written(apart, sizeof *apart, SITE());
    return text_written(asctime(apart), SITE());
}

char *SEAM(ctime_r)(const time_t *time, char *out)
{
    treadle_library_reads(time, sizeof *time, SITE());
    treadle_zone_used(false, SITE());
    return text_written(ctime_r(time, out), SITE());
}

/* When it does not fit anything may be in all of it. */
size_t SEAM(strftime)(char *to, size_t max, const char *format, const struct tm *time)
{
    treadle_library_reads_text(format, SIZE_MAX, SITE());
    treadle_library_reads(time, sizeof *time, SITE());
    treadle_zone_used(true, SITE());
    const size_t length = strftime(to, max, format, time);
    treadle_library_writes(to, length > 0 ? length + 1 : max, SITE());
    return length;
}
