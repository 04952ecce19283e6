// SPDX-License-Identifier: MIT
/* The parts of the consistency report that turn foreign text into something to read, and a trace
 * into something to step through. The rest is tested through the command (reports/tests). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "reports/consistency/html.h"
#include "reports/consistency/parts.h"
#include "reports/consistency/redis_cli.h"
#include "reports/consistency/run_json.h"

/* ---- Redis ----------------------------------------------------------------------------------- */

static void expect_command(const char *text, size_t index, const char *command, const char *reply)
{
    json_t *commands = treadle_redis_cli_commands(text, strlen(text));
    const json_t *one = json_array_get(commands, index);
    cr_expect_str_eq(treadle_text_of(one, "command"), command);
    cr_expect_str_eq(treadle_text_of(one, "reply"), reply);
    json_decref(commands);
}

Test(redis_cli, replies_as_typed)
{
    expect_command("ZCOUNT w -inf +inf -> 0", 0, "ZCOUNT w -inf +inf", "(integer) 0");
    expect_command("GET a -> nil", 0, "GET a", "(nil)");
    expect_command("GET a -> \"12\"", 0, "GET a", "\"12\"");
    expect_command("PING -> PONG", 0, "PING", "PONG");
    expect_command("INCR a -> (error) ERR no", 0, "INCR a", "(error) ERR no");
    expect_command("GET a", 0, "GET a", "");
}

Test(redis_cli, arrays)
{
    expect_command("EVALSHA x 0 -> [1, \"a, b]\", nil]", 0, "EVALSHA x 0",
                   "1) (integer) 1\n2) \"a, b]\"\n3) (nil)");
    expect_command("EXEC -> [[1, 2], []]", 0, "EXEC",
                   "1) 1) (integer) 1\n   2) (integer) 2\n2) (empty array)");
}

Test(redis_cli, several_commands)
{
    const char *text = "MULTI -> OK | SET \"a | b -> c\" 1 -> QUEUED | EXEC -> [OK]";
    expect_command(text, 0, "MULTI", "OK");
    expect_command(text, 1, "SET \"a | b -> c\" 1", "QUEUED");
    expect_command(text, 2, "EXEC", "1) OK");
}

Test(redis_cli, faults)
{
    const char *text = "(scripts lost) EVALSHA x 0 -> (error) NOSCRIPT (connection cut, the reply "
                       "is lost)";
    json_t *commands = treadle_redis_cli_commands(text, strlen(text));
    const json_t *one = json_array_get(commands, 0);
    cr_expect_str_eq(treadle_text_of(one, "before"), "(scripts lost)");
    cr_expect_str_eq(treadle_text_of(one, "command"), "EVALSHA x 0");
    cr_expect_str_eq(treadle_text_of(one, "reply"), "(error) NOSCRIPT");
    cr_expect_str_eq(treadle_text_of(one, "after"), "(connection cut, the reply is lost)");
    json_decref(commands);
}

/* Text of a server may hold anything. */
Test(redis_cli, broken_text)
{
    static const char *const texts[] = {"",         " -> ", " | ",       "(",   "a -> [",
                                        "a -> [[[", "\"",   "a -> \"\\", "(x) "};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *commands = treadle_redis_cli_commands(texts[i], strlen(texts[i]));
        cr_expect(json_array_size(commands) >= 1);
        json_decref(commands);
    }
}

/* ---- HTML ------------------------------------------------------------------------------------ */

static void expect_html(const char *text, const char *expected)
{
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    treadle_html(out, "%s", text);
    fclose(out);
    cr_expect_str_eq(made, expected);
    free(made);
}

Test(html, nothing_becomes_markup)
{
    expect_html("<script>alert(\"1\")</script>",
                "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    expect_html("' onclick='x", "&#39; onclick=&#39;x");
    expect_html("</noscript>&amp;", "&lt;/noscript&gt;&amp;amp;");
    expect_html("a\x1b[31m\x07", "a\\x1b[31m\\x07");
    expect_html("abc\xe2\x80\xae"
                "def",
                "abc\\u{202e}def");
    expect_html("\xff\xfe", "\\xff\\xfe");
}

Test(html, prose)
{
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    treadle_html_prose(out, "at most `li<mit>` are, ` alone");
    fclose(out);
    cr_expect_str_eq(made, "at most <code>li&lt;mit&gt;</code> are, ` alone");
    free(made);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static treadle_event *add(treadle_trace *trace, uint8_t thread, treadle_op_kind kind)
{
    treadle_event *event = &trace->events[trace->event_count++];
    *event = (treadle_event){.step = trace->event_count, .thread = thread, .kind = (uint8_t)kind};
    return event;
}

static void access_x(treadle_trace *trace, uint8_t thread, treadle_op_kind kind, uint64_t value)
{
    treadle_event *event = add(trace, thread, kind);
    event->object = 1;
    event->address = 0x1000;
    event->size = 8;
    event->value = value;
    event->flags = TREADLE_EVENT_HAS_VALUE;
}

static void expect_link(const json_t *run, size_t index, int from, int to)
{
    const json_t *link = json_array_get(json_object_get(run, "links"), index);
    cr_expect_eq(json_integer_value(json_object_get(link, "from")), from);
    cr_expect_eq(json_integer_value(json_object_get(link, "to")), to);
    cr_expect_str_eq(treadle_text_of(link, "object"), "x1");
}

/* Both read 0, both write 1: the lost update. */
Test(run, conflicts_and_state)
{
    treadle_trace *trace = calloc(1, sizeof *trace);
    access_x(trace, 1, TREADLE_OP_READ, 0);
    access_x(trace, 2, TREADLE_OP_READ, 0);
    access_x(trace, 1, TREADLE_OP_WRITE, 1);
    access_x(trace, 2, TREADLE_OP_WRITE, 1);
    const treadle_consistency_options options = {0};
    json_t *run = treadle_run_json(trace, &options);
    cr_assert_eq(json_array_size(json_object_get(run, "threads")), 2,
                 "the main thread does nothing");
    cr_assert_eq(json_array_size(json_object_get(run, "links")), 2);
    expect_link(run, 0, 1, 2); /* what thread 2 read, thread 1 changes */
    expect_link(run, 1, 2, 3);
    const json_t *events = json_object_get(run, "events");
    static const char *const values[] = {"0", NULL, "1", NULL};
    for (size_t i = 0; i < 4; i++) {
        const json_t *changes = json_object_get(json_array_get(events, i), "changes");
        const char *value = json_string_value(json_object_get(changes, "x1"));
        cr_expect(values[i] == NULL ? value == NULL : value && strcmp(value, values[i]) == 0);
    }
    json_decref(run);
    free(trace);
}

Test(run, locks_say_who_holds_them)
{
    treadle_trace *trace = calloc(1, sizeof *trace);
    snprintf(trace->thread_names[1], TREADLE_THREAD_NAME_MAX, "client-1");
    add(trace, 1, TREADLE_OP_MUTEX_LOCK)->object = 1;
    add(trace, 1, TREADLE_OP_MUTEX_UNLOCK)->object = 1;
    const treadle_consistency_options options = {0};
    json_t *run = treadle_run_json(trace, &options);
    const json_t *events = json_object_get(run, "events");
    const json_t *held = json_object_get(json_array_get(events, 0), "changes");
    const json_t *freed = json_object_get(json_array_get(events, 1), "changes");
    cr_expect_str_eq(treadle_text_of(held, "m1"), "held by client-1");
    cr_expect_str_eq(treadle_text_of(freed, "m1"), "free");
    json_decref(run);
    free(trace);
}

Test(run, long_ones_are_cut_and_lose_no_state)
{
    enum { EVENTS = 1000, SHOWN = 200 };
    treadle_trace *trace = calloc(1, sizeof *trace);
    for (uint64_t i = 0; i < EVENTS; i++) {
        access_x(trace, 1, TREADLE_OP_WRITE, i);
    }
    const treadle_consistency_options options = {0};
    json_t *run = treadle_run_json(trace, &options);
    const json_t *events = json_object_get(run, "events");
    cr_assert_eq(json_array_size(events), SHOWN);
    cr_expect_eq(json_integer_value(json_object_get(run, "left_out")), EVENTS - SHOWN);
    const json_t *last = json_object_get(json_array_get(events, SHOWN - 1), "changes");
    cr_expect_str_eq(treadle_text_of(last, "x1"), "999");
    json_decref(run);
    free(trace);
}

static void add_many(treadle_trace *trace, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        access_x(trace, 1, TREADLE_OP_WRITE, i);
    }
}

/* The event that comes first after what was left out. */
static const json_t *after_gap(const json_t *run, json_int_t expected)
{
    const json_int_t after = json_integer_value(json_object_get(run, "left_out_after"));
    cr_expect_eq(after, expected, "%lld", (long long)after);
    return json_array_get(json_object_get(run, "events"), (size_t)after);
}

/* Remarks take places of their own among the events, and none is left out. */
Test(run, the_gap_is_where_events_were_left_out)
{
    treadle_trace *trace = calloc(1, sizeof *trace);
    add_many(trace, 1000);
    trace->remark_count = 3;
    trace->remarks[0] = (treadle_trace_remark){5, {.thread = 1, .kind = TREADLE_OP_NOTE}};
    trace->remarks[1] = (treadle_trace_remark){40, {.thread = 1, .kind = TREADLE_OP_NOTE}};
    trace->remarks[2] = (treadle_trace_remark){500, {.thread = 1, .kind = TREADLE_OP_NOTE}};
    const treadle_consistency_options options = {0};
    json_t *run = treadle_run_json(trace, &options);
    cr_expect_eq(json_array_size(json_object_get(run, "events")), 200 + 3);
    cr_expect_eq(json_integer_value(json_object_get(run, "left_out")), 800);
    cr_expect(json_is_true(json_object_get(after_gap(run, 42), "note")));
    const json_t *next = json_array_get(json_object_get(run, "events"), 43);
    cr_expect_eq(json_integer_value(json_object_get(next, "step")), 841);
    json_decref(run);
    free(trace);
}

/* What a full trace had no room for was at the end. */
Test(run, the_gap_of_a_full_trace_is_at_its_end)
{
    treadle_trace *trace = calloc(1, sizeof *trace);
    add_many(trace, 1000);
    trace->dropped = 7;
    const treadle_consistency_options options = {0};
    json_t *run = treadle_run_json(trace, &options);
    cr_expect_eq(json_integer_value(json_object_get(run, "left_out")), 807);
    cr_expect_null(after_gap(run, 200));
    json_decref(run);
    free(trace);
}

/* ---- reproduction ---------------------------------------------------------------------------- */

/* The hash over the results of one cell; to be freed. */
static char *hash_of(int threads, const char *verdict)
{
    json_t *cells = json_pack("[{s:s, s:s, s:{s:i, s:i}}]", "id", "a/b fixed memory sync",
                              "verdict", verdict, "parameters", "threads", threads, "limit", 1);
    const treadle_reproduction reproduction = {.version = "0"};
    json_t *made = treadle_reproduction_json(cells, &reproduction);
    char *hash = strdup(treadle_text_of(made, "results_hash"));
    json_decref(made);
    json_decref(cells);
    return hash;
}

Test(reproduction, the_hash_is_of_cells_with_their_parameters)
{
    char *two = hash_of(2, "holds");
    char *again = hash_of(2, "holds");
    char *three = hash_of(3, "holds");
    char *unknown = hash_of(2, "unknown");
    cr_expect_str_eq(two, again);
    cr_expect_str_neq(two, three);
    cr_expect_str_neq(two, unknown);
    free(two);
    free(again);
    free(three);
    free(unknown);
}
