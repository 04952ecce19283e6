// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/redis/redis_resp.h"

/* Everything that a reply can be, nested, and with CR LF inside strings. */
static const char replies[] = "+OK\r\n"
                              ":-12\r\n"
                              "$-1\r\n"
                              "$0\r\n\r\n"
                              "$6\r\na\r\nb\r\n\r\n"
                              "*-1\r\n"
                              "*0\r\n"
                              "*3\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n$-1\r\n+QUEUED\r\n"
                              "-ERR no\r\n";
enum { REPLIES = 9 };

static size_t count_values(const char *data, size_t length, size_t *end)
{
    treadle_resp_walk walk = {0};
    size_t count = 0;
    while (treadle_resp_walk_value(&walk, data, length) == TREADLE_RESP_OK) {
        count++;
        *end = walk.position;
    }
    return count;
}

Test(resp, walks_whole_replies)
{
    size_t end = 0;
    cr_assert_eq(count_values(replies, sizeof replies - 1, &end), REPLIES);
    cr_assert_eq(end, sizeof replies - 1);
}

Test(resp, walk_does_not_depend_on_where_reads_split)
{
    const size_t length = sizeof replies - 1;
    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second++) {
            treadle_resp_walk walk = {0};
            const size_t ends[] = {first, second, length};
            size_t count = 0;
            for (size_t i = 0; i < 3; i++) {
                /* A copy of exactly that size, so that tools see a read beyond it. */
                char *piece = malloc(ends[i] + 1);
                memcpy(piece, replies, ends[i]);
                treadle_resp_status status;
                while ((status = treadle_resp_walk_value(&walk, piece, ends[i])) ==
                       TREADLE_RESP_OK) {
                    count++;
                }
                cr_assert_eq(status, TREADLE_RESP_MORE);
                free(piece);
            }
            cr_assert_eq(count, REPLIES, "split at %zu and %zu: %zu replies", first, second, count);
        }
    }
}

Test(resp, refuses_what_is_not_resp2)
{
    static const char *const bad[] = {"PING\r\n",    "_\r\n",   ":1\n",         "$x\r\n",
                                      "$-2\r\n",     "*-5\r\n", "$1\r\nab\r\n", "$99999999999\r\n",
                                      "%1\r\n+a\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        treadle_resp_walk walk = {0};
        cr_assert_eq(treadle_resp_walk_value(&walk, bad[i], strlen(bad[i])), TREADLE_RESP_BAD,
                     "case %zu", i);
    }
}

Test(resp, commands_and_their_arguments)
{
    static const char data[] =
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\r\n\r\n*1\r\n$4\r\nPING\r\n";
    size_t position = 0;
    treadle_resp_command command;
    cr_assert_eq(treadle_resp_command_read(data, sizeof data - 1, &position, &command),
                 TREADLE_RESP_OK);
    cr_assert_eq(command.argc, 3);
    treadle_resp_arguments arguments = {.command = &command};
    cr_assert_eq(treadle_resp_argument(&arguments, 2).length, 4);
    cr_assert(treadle_resp_is(treadle_resp_argument(&arguments, 0), "set"));
    cr_assert(treadle_resp_is(treadle_resp_argument(&arguments, 1), "K"));
    cr_assert_eq(treadle_resp_command_read(data, sizeof data - 1, &position, &command),
                 TREADLE_RESP_OK);
    cr_assert_eq(command.argc, 1);
    cr_assert_eq(position, sizeof data - 1);
}

Test(resp, half_a_command_is_not_a_command)
{
    static const char data[] = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    for (size_t length = 0; length < sizeof data - 1; length++) {
        size_t position = 0;
        treadle_resp_command command;
        cr_assert_eq(treadle_resp_command_read(data, length, &position, &command),
                     TREADLE_RESP_MORE, "at %zu", length);
        cr_assert_eq(position, 0);
    }
}

Test(resp, numbers)
{
    int64_t value;
    cr_assert(treadle_resp_number((treadle_resp_span){"-42", 3}, &value) && value == -42);
    cr_assert_not(treadle_resp_number((treadle_resp_span){"", 0}, &value));
    cr_assert_not(treadle_resp_number((treadle_resp_span){"-", 1}, &value));
    cr_assert_not(treadle_resp_number((treadle_resp_span){"1x", 2}, &value));
    cr_assert_not(treadle_resp_number((treadle_resp_span){"9999999999999999999", 19}, &value));
}
