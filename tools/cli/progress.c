// SPDX-License-Identifier: MIT
#include "tools/cli/progress.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    COLUMNS_DEFAULT = 80,
    LINE_BYTES = 1024,
    CELL_COLUMNS_MIN = 12, /* a name shorter than this says nothing */
    NUMBERS_BYTES = 128,
    INTERVAL_NS = 100 * 1000 * 1000,
};

static const char ellipsis[] = "…";
static const char erase[] = "\r\033[K";

static struct {
    bool active; /* between begin and end, on a terminal */
    bool drawn;  /* the line stands on the terminal */
    bool ever_drawn;
    size_t total;
    struct timespec last; /* when the line was drawn, if ever */
} self;

/* The bytes of UTF-8 text that fill at most `columns` columns and `size` bytes. A code point is
 * taken for one column. */
static size_t prefix_bytes(const char *text, size_t columns, size_t size)
{
    size_t used = 0;
    size_t end = 0;
    while (used < columns && text[end] != '\0') {
        size_t next = end + 1;
        while (((unsigned char)text[next] & 0xC0) == 0x80) {
            next++;
        }
        if (next > size) {
            break;
        }
        end = next;
        used++;
    }
    return end;
}

/* Copies `text` into at most `columns` columns; "…" stands for what does not fit. */
static size_t copy_cut(char *buffer, size_t size, size_t columns, const char *text)
{
    assert(size > 0);
    size_t length = prefix_bytes(text, columns, size - 1);
    bool cut = text[length] != '\0';
    if (cut && columns > 0 && size > sizeof ellipsis) {
        length = prefix_bytes(text, columns - 1, size - sizeof ellipsis);
    } else {
        cut = false;
    }
    memcpy(buffer, text, length);
    if (cut) {
        memcpy(buffer + length, ellipsis, sizeof ellipsis - 1);
        length += sizeof ellipsis - 1;
    }
    buffer[length] = '\0';
    return length;
}

/* 1234567 as "1,234,567". */
static void format_count(char text[32], uint64_t count)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t to = 0;
    for (int from = 0; from < length; from++) {
        if (from > 0 && (length - from) % 3 == 0) {
            text[to++] = ',';
        }
        text[to++] = digits[from];
    }
    text[to] = '\0';
}

/* "  950/s", "  1.2M/s", or nothing. */
static void format_rate(char text[32], double rate)
{
    static const char units[] = {'k', 'M', 'G', 'T'};
    text[0] = '\0';
    if (!isfinite(rate) || rate < 0) {
        return;
    }
    if (rate < 999.5) {
        snprintf(text, 32, "  %.0f/s", rate);
        return;
    }
    /* Beyond the last unit there are more digits, up to what a machine could do at all. */
    rate = fmin(rate, 999e12) / 1000;
    size_t unit = 0;
    for (; rate >= 999.5 && unit + 1 < sizeof units; unit++) {
        rate /= 1000;
    }
    snprintf(text, 32, "  %.*f%c/s", rate < 99.95 ? 1 : 0, rate, units[unit]);
}

/* "  34.5 % explored", or nothing. Rounded down: all of it is only what is. */
static void format_share(char text[32], double share)
{
    text[0] = '\0';
    if (!isfinite(share) || share <= 0) {
        return;
    }
    const double percent = floor(fmin(share, 1) * 1000) / 10;
    if (percent < 0.1) {
        snprintf(text, 32, "  <0.1 %% explored");
    } else {
        snprintf(text, 32, "  %.1f %% explored", percent);
    }
}

/* "  left 0:42", "  left 1:02:03", or nothing. */
static void format_left(char text[32], double seconds_left)
{
    text[0] = '\0';
    if (!isfinite(seconds_left) || seconds_left < 0) {
        return;
    }
    /* Rounded up, so that 0:00 means that it is over. */
    const double whole = ceil(seconds_left);
    if (whole >= 100 * 3600) {
        snprintf(text, 32, "  left >99 h");
        return;
    }
    const unsigned seconds = (unsigned)whole;
    if (seconds >= 3600) {
        snprintf(text, 32, "  left %u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60);
    } else {
        snprintf(text, 32, "  left %u:%02u", seconds / 60, seconds % 60);
    }
}

static void format_numbers(char text[NUMBERS_BYTES], const treadle_progress *progress)
{
    char count[32];
    char rate[32];
    char share[32];
    char left[32];
    format_count(count, progress->executions);
    format_rate(rate, progress->rate);
    format_share(share, progress->share);
    format_left(left, progress->seconds_left);
    snprintf(text, NUMBERS_BYTES, "  %s execution%s%s%s%s", count,
             progress->executions == 1 ? "" : "s", rate, share, left);
}

size_t treadle_progress_format(char *buffer, size_t size, size_t columns,
                               const treadle_progress *progress)
{
    assert(buffer != NULL && size > 0);
    char head[64];
    char cell[LINE_BYTES] = "";
    char numbers[NUMBERS_BYTES];
    char line[sizeof head + sizeof cell + sizeof numbers];
    format_numbers(numbers, progress);
    if (progress->total > 0) {
        snprintf(head, sizeof head, "[%zu/%zu]", progress->done, progress->total);
    } else {
        snprintf(head, sizeof head, "[%zu]", progress->done);
    }
    if (progress->cell != NULL && progress->cell[0] != '\0') {
        const size_t others = strlen(head) + 1 + strlen(numbers);
        const size_t room = columns > others ? columns - others : 0;
        cell[0] = ' ';
        copy_cut(cell + 1, sizeof cell - 1, room < CELL_COLUMNS_MIN ? CELL_COLUMNS_MIN : room,
                 progress->cell);
    }
    snprintf(line, sizeof line, "%s%s%s", head, cell, numbers);
    return copy_cut(buffer, size, columns, line);
}

/* What standard error does with it does not matter to the work. */
static void put(const char *text, size_t length)
{
    const int saved = errno;
    while (length > 0) {
        const ssize_t written = write(STDERR_FILENO, text, length);
        if (written <= 0) {
            break;
        }
        text += written;
        length -= (size_t)written;
    }
    errno = saved;
}

/* A line drawn from the background would land in what the user types to the shell. */
static bool in_foreground(void)
{
    const pid_t group = tcgetpgrp(STDERR_FILENO);
    return group < 0 || group == getpgrp();
}

static size_t terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return COLUMNS_DEFAULT;
}

static bool due(const struct timespec *now)
{
    if (!self.ever_drawn) {
        return true;
    }
    const int64_t seconds = now->tv_sec - self.last.tv_sec;
    return seconds > 1 || seconds * 1000000000 + now->tv_nsec - self.last.tv_nsec >= INTERVAL_NS;
}

void treadle_progress_begin(size_t total)
{
    const char *term = getenv("TERM");
    self.active = isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
    self.drawn = false;
    self.ever_drawn = false;
    self.total = total;
}

void treadle_progress_update(size_t done, const char *cell, uint64_t executions, double rate,
                             double share, double seconds_left)
{
    if (!self.active) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!due(&now) || !in_foreground()) {
        return;
    }
    const treadle_progress progress = {.done = done,
                                       .total = self.total,
                                       .cell = cell,
                                       .executions = executions,
                                       .rate = rate,
                                       .share = share,
                                       .seconds_left = seconds_left};
    /* One write for all of it, or the line flickers. The last column stays free: a cursor behind it
     * is on the next line for some terminals. */
    char text[sizeof erase + LINE_BYTES];
    memcpy(text, erase, sizeof erase - 1);
    const size_t length = treadle_progress_format(text + sizeof erase - 1, LINE_BYTES,
                                                  terminal_columns() - 1, &progress);
    put(text, sizeof erase - 1 + length);
    self.drawn = true;
    self.ever_drawn = true;
    self.last = now;
}

void treadle_progress_clear(void)
{
    if (self.active && self.drawn) {
        put(erase, sizeof erase - 1);
        self.drawn = false;
    }
}

void treadle_progress_end(void)
{
    treadle_progress_clear();
    self.active = false;
}
