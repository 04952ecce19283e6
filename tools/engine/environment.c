// SPDX-License-Identifier: MIT
/* The environment, and the time zone that the C library takes from it: all threads share them, and
 * race for the environment unless they are ordered; and every execution leaves both as they were.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/engine/internal.h"

static char **before;   /* the entries before the execution changed any; NULL = it has not */
static char **restored; /* an earlier `before`: what the C library has, and may change */
static char zone;       /* an address for what the C library keeps of TZ */
static bool zone_stale; /* it was not looked at since the environment changed */

static void keep(void)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    before = calloc(count + 1, sizeof *before);
    if (before == NULL) {
        treadle_stop(TREADLE_OUTCOME_CUT, "memory-limit",
                     "%s has no memory to keep the environment", E.self->name);
    }
    for (size_t i = 0; i < count; i++) {
        before[i] = environ[i];
    }
}

void treadle_environment_restore(void)
{
    if (before != NULL) {
        char **unused = restored;
        environ = restored = before;
        before = NULL;
        free(unused);
        tzset();
        zone_stale = false;
    }
}

INLINE void changes(const void *site)
{
    if (!treadle_inside()) {
        return;
    }
    if (before == NULL) {
        keep();
    }
    E.unseen++;
    zone_stale = true;
    treadle_library_writes(&environ, sizeof environ, site);
}

char *SEAM(getenv)(const char *name)
{
    treadle_library_reads_text(name, SIZE_MAX, SITE());
    treadle_library_reads(&environ, sizeof environ, SITE());
    return getenv(name);
}

char *SEAM(secure_getenv)(const char *name)
{
    treadle_library_reads_text(name, SIZE_MAX, SITE());
    treadle_library_reads(&environ, sizeof environ, SITE());
    return secure_getenv(name);
}

/* Without a name it fails. */
int SEAM(setenv)(const char *name, const char *value, int overwrite)
{
    if (name != NULL) {
        treadle_library_reads_text(name, SIZE_MAX, SITE());
    }
    treadle_library_reads_text(value, SIZE_MAX, SITE());
    changes(SITE());
    return setenv(name, value, overwrite);
}

int SEAM(unsetenv)(const char *name)
{
    if (name == NULL) {
        errno = EINVAL;
        return -1;
    }
    treadle_library_reads_text(name, SIZE_MAX, SITE());
    changes(SITE());
    return unsetenv(name);
}

int SEAM(putenv)(char *entry)
{
    treadle_library_reads_text(entry, SIZE_MAX, SITE());
    changes(SITE());
    return putenv(entry);
}

int SEAM(clearenv)(void)
{
    changes(SITE());
    return clearenv();
}

void treadle_zone_used(bool anew, const void *site)
{
    if (!treadle_inside()) {
        return;
    }
    const bool changes_zone = anew && zone_stale;
    zone_stale &= !anew;
    treadle_library_reads(&environ, sizeof environ, site);
    treadle_touching_object(&zone, changes_zone ? TREADLE_TOUCH_WRITE : TREADLE_TOUCH_READ);
}

void SEAM(tzset)(void)
{
    treadle_zone_used(true, SITE());
    tzset();
}
