// SPDX-License-Identifier: MIT
/*
 * The clock library: preloaded into the harness's own redis-server, it makes the server's wall
 * clock the one that the seam publishes, and takes its random seed away.
 *
 * Environment: TREADLE_REDIS_CLOCK names a file that begins with an int64 in host byte order,
 * nanoseconds since 1970. While it is 0, or when there is no such file, the real time shows.
 * CLOCK_MONOTONIC is untouched: the server's event loop runs on it.
 *
 * The seed: Redis seeds its hash tables from /dev/urandom, and with them the order of KEYS, SCAN,
 * SMEMBERS and HGETALL over large values. Here it reads /dev/zero, so that the order is the same in
 * every server. (SPOP, SRANDMEMBER and RANDOMKEY still differ.)
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define NS_PER_S INT64_C(1000000000)

static const int64_t *published;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

/* libc's own goes through the vDSO; before the constructor ran, the system call does. */
static int real_time(clockid_t clock, struct timespec *out)
{
    return real_clock_gettime ? real_clock_gettime(clock, out)
                              : (int)syscall(SYS_clock_gettime, clock, out);
}

static void *next_symbol(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static __attribute__((constructor)) void open_clock(void)
{
    void *symbol = next_symbol("clock_gettime");
    memcpy(&real_clock_gettime, &symbol, sizeof symbol);
    const char *path = getenv("TREADLE_REDIS_CLOCK");
    if (path == NULL) {
        return;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    struct stat status;
    if (fstat(fd, &status) == 0 && status.st_size >= (off_t)sizeof *published) {
        void *mapping = mmap(NULL, sizeof *published, PROT_READ, MAP_SHARED, fd, 0);
        published = mapping == MAP_FAILED ? NULL : mapping;
    }
    close(fd);
}

static int wall_clock(clockid_t clock, struct timespec *out)
{
    const int64_t now = published ? __atomic_load_n(published, __ATOMIC_ACQUIRE) : 0;
    if (now == 0) {
        return real_time(clock, out);
    }
    out->tv_sec = (time_t)(now / NS_PER_S);
    out->tv_nsec = (long)(now % NS_PER_S);
    return 0;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
        return wall_clock(clock, out);
    }
    return real_time(clock, out);
}

EXPORT int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    if (zone != NULL) {
        *(struct timezone *)zone = (struct timezone){0};
    }
    if (wall_clock(CLOCK_REALTIME, &now) != 0) {
        return -1;
    }
    out->tv_sec = now.tv_sec;
    out->tv_usec = (suseconds_t)(now.tv_nsec / 1000);
    return 0;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;
    if (wall_clock(CLOCK_REALTIME, &now) != 0) {
        return (time_t)-1;
    }
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

static FILE *open_seedless(const char *symbol_name, const char *path, const char *mode)
{
    FILE *(*real)(const char *, const char *);
    void *symbol = next_symbol(symbol_name);
    memcpy(&real, &symbol, sizeof symbol);
    return real(strcmp(path, "/dev/urandom") == 0 ? "/dev/zero" : path, mode);
}

EXPORT FILE *fopen(const char *restrict path, const char *restrict mode)
{
    return open_seedless("fopen", path, mode);
}

EXPORT FILE *fopen64(const char *restrict path, const char *restrict mode)
{
    return open_seedless("fopen64", path, mode);
}
