// SPDX-License-Identifier: MIT
#include "tools/explore/token.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char GOLDEN[] =
    "tdl1.DmxpdG11cy9jb3VudGVyBW5haXZlAAIDBAIBC2xvc3QtdXBkYXRl8L3z1YnPlZoSBgEGAQID-"
    "gUGCQIBA6wCApXrOIM";

static treadle_schedule example(void)
{
    treadle_schedule schedule = {
        .cell = {.scenario = "litmus/counter",
                 .variant = "naive",
                 .backend = TREADLE_BACKEND_MEMORY,
                 .granularity = TREADLE_GRANULARITY_SYNC,
                 .parameter_count = 3,
                 .parameters = {2, 1, -1}},
        .property = "lost-update",
        .trace_hash = UINT64_C(0x123456789abcdef0),
        .event_count = 6,
        .check_stride = 1,
        .check_count = 6,
        .decision_count = 9,
    };
    static const uint8_t checks[] = {1, 2, 3, 250, 5, 6};
    static const uint16_t decisions[] = {0, 0, 1, 0, 0, 0, 300, 0, 0};
    schedule.checks = malloc(sizeof checks);
    schedule.decisions = malloc(sizeof decisions);
    memcpy(schedule.checks, checks, sizeof checks);
    memcpy(schedule.decisions, decisions, sizeof decisions);
    return schedule;
}

static treadle_token_status decode(const char *text)
{
    treadle_schedule schedule;
    char error[256] = "";
    const treadle_token_status status = treadle_token_decode(text, &schedule, error, sizeof error);
    if (status == TREADLE_TOKEN_OK) {
        treadle_schedule_free(&schedule);
    } else {
        cr_assert_str_not_empty(error);
        cr_assert_null(schedule.decisions);
        cr_assert_null(schedule.checks);
    }
    return status;
}

Test(token, means_what_was_encoded)
{
    treadle_schedule schedule = example();
    treadle_schedule back;
    char error[256];
    char *text = treadle_token_encode(&schedule);
    cr_assert_eq(treadle_token_decode(text, &back, error, sizeof error), TREADLE_TOKEN_OK);
    cr_assert_eq(memcmp(&back.cell, &schedule.cell, sizeof back.cell), 0);
    cr_assert_str_eq(back.property, schedule.property);
    cr_assert_eq(back.trace_hash, schedule.trace_hash);
    cr_assert_eq(back.event_count, schedule.event_count);
    cr_assert_eq(back.check_count, schedule.check_count);
    cr_assert_eq(memcmp(back.checks, schedule.checks, back.check_count), 0);
    cr_assert_eq(back.decision_count, schedule.decision_count);
    cr_assert_eq(memcmp(back.decisions, schedule.decisions, 2 * back.decision_count), 0);
    char *again = treadle_token_encode(&back);
    cr_assert_str_eq(again, text);
    free(again);
    free(text);
    treadle_schedule_free(&back);
    treadle_schedule_free(&schedule);
}

/* Tokens are kept in logs and regression files: their format may not change under one version. */
Test(token, format_is_what_it_was)
{
    treadle_schedule schedule = example();
    char *text = treadle_token_encode(&schedule);
    cr_assert_str_eq(text, GOLDEN);
    free(text);
    treadle_schedule_free(&schedule);
}

Test(token, white_space_around_it_is_allowed)
{
    char text[sizeof GOLDEN + 8];
    snprintf(text, sizeof text, " \t%s\r\n", GOLDEN);
    cr_assert_eq(decode(text), TREADLE_TOKEN_OK);
}

Test(token, every_truncation_is_refused)
{
    for (size_t length = 0; length < sizeof GOLDEN - 1; length++) {
        char text[sizeof GOLDEN];
        memcpy(text, GOLDEN, length);
        text[length] = '\0';
        cr_assert_neq(decode(text), TREADLE_TOKEN_OK, "%zu characters are taken", length);
    }
}

Test(token, every_changed_character_is_refused)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. ";
    for (size_t at = 0; at < sizeof GOLDEN - 1; at++) {
        for (const char *other = alphabet; *other; other++) {
            char text[sizeof GOLDEN];
            memcpy(text, GOLDEN, sizeof GOLDEN);
            if (text[at] == *other || (*other == ' ' && at == sizeof GOLDEN - 2)) {
                continue;
            }
            text[at] = *other;
            cr_assert_neq(decode(text), TREADLE_TOKEN_OK, "'%c' at %zu is taken", *other, at);
        }
    }
}

Test(token, says_what_is_wrong)
{
    cr_assert_eq(decode("hello"), TREADLE_TOKEN_FOREIGN);
    cr_assert_eq(decode(""), TREADLE_TOKEN_FOREIGN);
    cr_assert_eq(decode("tdl2.AAAA"), TREADLE_TOKEN_FOREIGN);
    cr_assert_eq(decode("tdl1."), TREADLE_TOKEN_TRUNCATED);
    cr_assert_eq(decode("tdl1.!!!!"), TREADLE_TOKEN_DAMAGED);
    char text[sizeof GOLDEN + 4];
    snprintf(text, sizeof text, "%sAAAA", GOLDEN);
    cr_assert_neq(decode(text), TREADLE_TOKEN_OK);
}

/* Runs of zeros cost next to nothing: a token stays short however long the execution was. */
Test(token, quiet_stretches_are_short)
{
    treadle_schedule schedule = example();
    free(schedule.decisions);
    schedule.decision_count = TREADLE_DECISIONS_MAX;
    schedule.decisions = calloc(schedule.decision_count, sizeof *schedule.decisions);
    schedule.decisions[500000] = 2;
    char *text = treadle_token_encode(&schedule);
    cr_assert_lt(strlen(text), 120);
    cr_assert_eq(decode(text), TREADLE_TOKEN_OK);
    free(text);
    treadle_schedule_free(&schedule);
}
