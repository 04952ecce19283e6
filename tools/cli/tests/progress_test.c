// SPDX-License-Identifier: MIT
#include "tools/cli/progress.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const treadle_progress usual = {
    .done = 12,
    .total = 37,
    .cell = "sliding_window/check_then_add naive redis await",
    .executions = 12345,
    .rate = 1.2e6,
    .seconds_left = 42,
};

static void expect(const treadle_progress *progress, size_t columns, const char *wanted)
{
    char line[512];
    const size_t length = treadle_progress_format(line, sizeof line, columns, progress);
    cr_expect_str_eq(line, wanted, "got \"%s\", not \"%s\"", line, wanted);
    cr_expect_eq(length, strlen(line));
}

Test(progress, the_line)
{
    expect(&usual, 200,
           "[12/37] sliding_window/check_then_add naive redis await  12,345 executions  1.2M/s"
           "  left 0:42");
    expect(&usual, 93,
           "[12/37] sliding_window/check_then_add naive redis await  12,345 executions  1.2M/s"
           "  left 0:42");
}

Test(progress, what_is_not_known_is_left_out)
{
    treadle_progress progress = {.done = 1, .executions = 1, .rate = -1, .seconds_left = -1};
    expect(&progress, 80, "[1]  1 execution");
    progress = (treadle_progress){.total = 3, .cell = "", .rate = NAN, .seconds_left = INFINITY};
    expect(&progress, 80, "[0/3]  0 executions");
}

Test(progress, counts)
{
    treadle_progress progress = {.total = 1, .rate = -1, .seconds_left = -1};
    static const struct {
        uint64_t executions;
        const char *line;
    } cases[] = {
        {999, "[0/1]  999 executions"},
        {1000, "[0/1]  1,000 executions"},
        {123456, "[0/1]  123,456 executions"},
        {1234567, "[0/1]  1,234,567 executions"},
        {UINT64_MAX, "[0/1]  18,446,744,073,709,551,615 executions"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        progress.executions = cases[i].executions;
        expect(&progress, 80, cases[i].line);
    }
}

Test(progress, rates)
{
    treadle_progress progress = {.total = 1, .seconds_left = -1};
    static const struct {
        double rate;
        const char *line;
    } cases[] = {
        {0, "[0/1]  0 executions  0/s"},         {999.4, "[0/1]  0 executions  999/s"},
        {999.6, "[0/1]  0 executions  1.0k/s"},  {12345, "[0/1]  0 executions  12.3k/s"},
        {99960, "[0/1]  0 executions  100k/s"},  {999499, "[0/1]  0 executions  999k/s"},
        {999600, "[0/1]  0 executions  1.0M/s"}, {3.21e9, "[0/1]  0 executions  3.2G/s"},
        {1e300, "[0/1]  0 executions  999T/s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        progress.rate = cases[i].rate;
        expect(&progress, 80, cases[i].line);
    }
}

Test(progress, share)
{
    treadle_progress progress = {.total = 1, .rate = -1, .seconds_left = -1};
    static const struct {
        double share;
        const char *line;
    } cases[] = {
        {0, "[0/1]  0 executions"},
        {NAN, "[0/1]  0 executions"},
        {1e-9, "[0/1]  0 executions  <0.1 % explored"},
        {0.3456, "[0/1]  0 executions  34.5 % explored"},
        {0.99999, "[0/1]  0 executions  99.9 % explored"},
        {1, "[0/1]  0 executions  100.0 % explored"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        progress.share = cases[i].share;
        expect(&progress, 80, cases[i].line);
    }
}

Test(progress, time_left)
{
    treadle_progress progress = {.total = 1, .rate = -1};
    static const struct {
        double left;
        const char *line;
    } cases[] = {
        {0, "[0/1]  0 executions  left 0:00"},
        {0.2, "[0/1]  0 executions  left 0:01"},
        {59.5, "[0/1]  0 executions  left 1:00"},
        {754, "[0/1]  0 executions  left 12:34"},
        {3723, "[0/1]  0 executions  left 1:02:03"},
        {359999, "[0/1]  0 executions  left 99:59:59"},
        {359999.5, "[0/1]  0 executions  left >99 h"},
        {1e300, "[0/1]  0 executions  left >99 h"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        progress.seconds_left = cases[i].left;
        expect(&progress, 80, cases[i].line);
    }
}

Test(progress, the_name_gives_way_before_the_numbers)
{
    expect(&usual, 92,
           "[12/37] sliding_window/check_then_add naive redis awa…  12,345 executions  1.2M/s"
           "  left 0:42");
    expect(&usual, 60, "[12/37] sliding_windo…  12,345 executions  1.2M/s  left 0:42");
    expect(&usual, 40, "[12/37] sliding_win…  12,345 executions…");
    expect(&usual, 10, "[12/37] s…");
    expect(&usual, 1, "…");
    expect(&usual, 0, "");
}

static size_t count_columns(const char *line)
{
    size_t columns = 0;
    for (; *line != '\0'; line++) {
        columns += ((unsigned char)*line & 0xC0) != 0x80;
    }
    return columns;
}

Test(progress, fits_every_width_and_every_buffer)
{
    cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
    treadle_progress progress = usual;
    progress.cell = "fenêtre_glissante/vérifier_puis_ajouter naïf";
    for (size_t columns = 0; columns < 120; columns++) {
        for (size_t size = 1; size < 140; size++) {
            char line[140];
            memset(line, 'x', sizeof line);
            const size_t length = treadle_progress_format(line, size, columns, &progress);
            cr_assert(length < size && line[length] == '\0');
            cr_assert_leq(count_columns(line), columns);
            cr_assert_neq(mbstowcs(NULL, line, 0), (size_t)-1, "a code point was cut in two");
            for (size_t i = size; i < sizeof line; i++) {
                cr_assert_eq(line[i], 'x');
            }
        }
    }
}

Test(progress, a_name_of_any_length)
{
    static char name[5000];
    memset(name, 'n', sizeof name - 1);
    treadle_progress progress = usual;
    progress.cell = name;
    char line[256];
    treadle_progress_format(line, sizeof line, 100, &progress);
    cr_expect_eq(count_columns(line), 100);
    cr_expect_not_null(strstr(line, "n…  12,345 executions  1.2M/s  left 0:42"));
    cr_expect_lt(treadle_progress_format(line, sizeof line, 100000, &progress), sizeof line);
}

/* Runs the whole interface with standard error on `fd`. */
static void use_it(int fd)
{
    const int saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    treadle_progress_begin(2);
    treadle_progress_clear(); /* nothing is there yet */
    treadle_progress_update(0, "first", 1, 10, 0, -1);
    treadle_progress_update(0, "too early", 2, 10, 0, -1);
    treadle_progress_clear();
    treadle_progress_clear(); /* nothing is there any more */
    nanosleep(&(struct timespec){.tv_nsec = 110000000}, NULL);
    treadle_progress_update(1, "a second one with a long name", 3, 10, 0, 5);
    treadle_progress_end();
    treadle_progress_update(2, "after the end", 4, 10, 0, -1);
    treadle_progress_clear();
    dup2(saved, STDERR_FILENO);
    close(saved);
}

/* Returns the controlling side of a pseudo-terminal 40 columns wide, and its other side. */
static int open_terminal(int *terminal)
{
    const int control = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert(control >= 0 && grantpt(control) == 0 && unlockpt(control) == 0);
    *terminal = open(ptsname(control), O_RDWR | O_NOCTTY);
    cr_assert(*terminal >= 0);
    const struct winsize size = {.ws_row = 24, .ws_col = 40};
    cr_assert_eq(ioctl(*terminal, TIOCSWINSZ, &size), 0);
    return control;
}

/* What came out of `from` before a mark that is put into `to` now: a terminal hands on what it got
 * only after a while. */
static void expect_between(int to, int from, const char *wanted)
{
    char text[1024] = "";
    size_t length = 0;
    cr_assert_eq(write(to, "#", 1), 1);
    while (length == 0 || text[length - 1] != '#') {
        const ssize_t got = read(from, text + length, sizeof text - 1 - length);
        cr_assert_gt(got, 0);
        length += (size_t)got;
    }
    text[length - 1] = '\0';
    cr_expect_str_eq(text, wanted, "got \"%s\"", text);
}

Test(progress, on_a_terminal)
{
    int terminal;
    const int control = open_terminal(&terminal);
    setenv("TERM", "xterm", 1);
    use_it(terminal);
    expect_between(terminal, control,
                   "\r\033[K[0/2] first  1 execution  10/s"
                   "\r\033[K"
                   "\r\033[K[1/2] a second on…  3 executions  10/s…"
                   "\r\033[K");
    close(terminal);
    close(control);
}

Test(progress, silent_on_a_dumb_terminal)
{
    int terminal;
    const int control = open_terminal(&terminal);
    setenv("TERM", "dumb", 1);
    use_it(terminal);
    expect_between(terminal, control, "");
    close(terminal);
    close(control);
}

Test(progress, silent_when_not_on_a_terminal)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    setenv("TERM", "xterm", 1);
    use_it(ends[1]);
    expect_between(ends[1], ends[0], "");
    close(ends[0]);
    close(ends[1]);
}
