// SPDX-License-Identifier: MIT
/* Every format against its golden file; TREADLE_UPDATE_GOLDEN=1 writes them anew. What claims to be
 * JSON or XML is also read back by a parser that is not the writer. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/canvas.h"
#include "reports/detection_log.h"
#include "reports/event_text.h"
#include "reports/moments.h"
#include "reports/utf8.h"
#include "reports/writer.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const int64_t second_ns = 1000000000;

/* ---- scenarios: what the writers look up
 * --------------------------------------------------------- */

static const treadle_parameter parameters[] = {
    {"threads", 2, 1, 8, "clients"}, {"limit", 1, 1, 100, "requests a window"}, {0}};
static const treadle_expectation expectations[] = {
    {"naive", TREADLE_BACKEND_REDIS_MODEL, TREADLE_GRANULARITY_AWAIT, TREADLE_VERDICT_VIOLATED,
     "over-admission", "the check and the addition are two commands"},
    {"fixed", TREADLE_BACKEND_REDIS_MODEL, TREADLE_GRANULARITY_AWAIT, TREADLE_VERDICT_HOLDS, NULL,
     "one script"},
    {0}};
static const treadle_scenario check_then_add = {.name = "sliding_window/check_then_add",
                                                .parameters = parameters,
                                                .expectations = expectations};
static const treadle_scenario *const all[] = {&check_then_add};

const treadle_scenario *const *treadle_scenarios(void)
{
    return all;
}

size_t treadle_scenario_count(void)
{
    return COUNT(all);
}

/* ---- traces
 * -------------------------------------------------------------------------------------- */

static const char *symbolize(uint64_t address)
{
    static char text[64];
    const char *folder = address >= 150 ? "impl/sliding_window/" : "";
    snprintf(text, sizeof text, "%s %swindow.c:%" PRIu64, address < 100 ? "check" : "add", folder,
             address);
    return address == 7 ? "" : text;
}

static const char *symbolize_data(uint64_t address)
{
    return address == 0x200 ? "registry_guard" : "";
}

static treadle_trace *trace_new(const char *const *names)
{
    treadle_trace *trace = calloc(1, sizeof *trace);
    cr_assert_not_null(trace);
    for (; *names != NULL; names++) {
        snprintf(trace->thread_names[trace->thread_count++], TREADLE_THREAD_NAME_MAX, "%s", *names);
    }
    return trace;
}

/* Appends; the step counts up unless it is a note. */
static void add(treadle_trace *trace, treadle_event event, const char *text)
{
    const treadle_event *last =
        trace->event_count > 0 ? &trace->events[trace->event_count - 1] : NULL;
    event.step = (last != NULL ? last->step : 0) + (event.kind != TREADLE_OP_NOTE);
    if (event.clock_ns == 0 && last != NULL) {
        event.clock_ns = last->clock_ns;
    }
    if (event.address == 0 && event.object != UINT32_MAX) {
        event.address = UINT64_C(0x100) * event.object; /* objects do not overlap */
    }
    trace->hash = trace->hash * 31 + event.kind + event.thread + 1;
    event.hash = trace->hash;
    if (text != NULL) {
        event.text_offset = trace->text_length;
        event.text_length = (uint32_t)strlen(text);
        memcpy(trace->text + event.text_offset, text, event.text_length);
        trace->text_length += event.text_length;
    }
    trace->events[trace->event_count++] = event;
}

static void redis(treadle_trace *trace, uint8_t thread, uint64_t site, const char *text)
{
    add(trace,
        (treadle_event){.thread = thread, .kind = TREADLE_OP_REDIS, .object = thread, .site = site},
        text);
}

static void note(treadle_trace *trace, uint8_t thread, const char *text)
{
    add(trace, (treadle_event){.thread = thread, .kind = TREADLE_OP_NOTE}, text);
}

/* Two clients check, then both add. */
static treadle_trace *two_clients(void)
{
    static const char *const names[] = {"main", "client-1", "client-2", NULL};
    treadle_trace *trace = trace_new(names);
    add(trace, (treadle_event){.thread = 1, .kind = TREADLE_OP_THREAD_START}, NULL);
    redis(trace, 1, 41, "ZCOUNT window:openai -inf +inf -> 0");
    add(trace, (treadle_event){.thread = 2, .kind = TREADLE_OP_THREAD_START}, NULL);
    redis(trace, 2, 41, "ZCOUNT window:openai -inf +inf -> 0");
    redis(trace, 2, 152, "ZADD window:openai 1700000000.000000 b -> 1");
    note(trace, 2, "acquire: admitted");
    redis(trace, 1, 152, "ZADD window:openai 1700000000.000000 a -> 1");
    note(trace, 1, "acquire: admitted");
    return trace;
}

#define EVENT(t, k, o, ...)                                                                        \
    add(trace, (treadle_event){.thread = (t), .kind = TREADLE_OP_##k, .object = (o), __VA_ARGS__}, \
        NULL)

/* Texts that leave room for a short place only, or for none. */
static treadle_trace *long_texts(void)
{
    static const char *const names[] = {"main", "client-1", "client-2", NULL};
    treadle_trace *trace = trace_new(names);
    redis(trace, 1, 41, "ZCOUNT window:openai 1699999940.000000 1700000000.000000 -> 0");
    redis(trace, 2, 152,
          "ZADD window:openai 1700000000.000000 8d43a4df-47ea-42ea-8fa2-9970c916ab3c -> 1");
    redis(trace, 1, 999,
          "EVALSHA 1b936e3f\xe2\x80\xa6 1 window:openai 60 1 1700000000.000000 "
          "d8ee6d7a-1b96-45f4-8004-a2a7f24c81ec 0123456789 -> [0, \"x\", nil]");
    redis(trace, 1, 41, "EXPIRE window:openai 60 -> 1");
    return trace;
}

/* Three workers and the main thread at memory granularity: every class of operation. */
static treadle_trace *three_threads(void)
{
    static const char *const names[] = {"main", "worker-1", "worker-2", "worker-3", NULL};
    enum { VALUE = TREADLE_EVENT_HAS_VALUE, WRITTEN = TREADLE_EVENT_HAS_WRITTEN };
    treadle_trace *trace = trace_new(names);
    EVENT(0, THREAD_CREATE, 2, .site = 10);
    EVENT(0, THREAD_CREATE, 3, .site = 11);
    EVENT(0, THREAD_CREATE, 4, .site = 12);
    EVENT(1, MUTEX_LOCK, 1, .site = 20);
    EVENT(1, READ, 2, .site = 21, .size = 4, .flags = VALUE);
    EVENT(2, MUTEX_TRYLOCK, 1, .site = 120, .flags = TREADLE_EVENT_FAILED);
    EVENT(2, ATOMIC_RMW, 3, .site = 121, .size = 8, .order = 5, .flags = VALUE | WRITTEN,
          .written = 1);
    EVENT(3, ATOMIC_CAS, 3, .site = 130, .size = 8, .order = 2, .value = 1,
          .flags = VALUE | TREADLE_EVENT_FAILED);
    EVENT(3, ATOMIC_LOAD, 3, .site = 7, .size = 8, .order = 0, .value = 1, .flags = VALUE);
    EVENT(1, WRITE, 2, .site = 22, .size = 4, .value = 0xffffffff, .flags = VALUE);
    EVENT(1, COND_WAIT, 4, .site = 23);
    EVENT(3, FENCE, 0, .site = 131, .order = 4);
    EVENT(3, SLEEP, 0, .site = 132, .clock_ns = 60 * second_ns);
    EVENT(2, CLOCK_READ, 0, .site = 122, .clock_ns = 60 * second_ns + 1500000);
    EVENT(2, WRITE, 5, .site = 123, .size = 8, .value = UINT64_C(0x41d954fc40000000),
          .flags = VALUE);
    EVENT(2, READ, 7, .site = 123, .size = 8, .value = UINT64_C(0x7f0012345678), .flags = VALUE);
    EVENT(2, SEM_POST, 6, .site = 124);
    EVENT(2, COND_SIGNAL, 4, .site = 125);
    EVENT(1, COND_WAKE, 4);
    note(trace, 1, "worker 1: 1 left");
    EVENT(1, MUTEX_UNLOCK, 1, .site = 24);
    EVENT(0, THREAD_JOIN, 2, .site = 13);
    return trace;
}

static treadle_trace *hostile(void)
{
    static const char *const names[] = {"main", "<script>\"\x1b[2J", "caf\xc3\xa9\xff", NULL};
    treadle_trace *trace = trace_new(names);
    redis(trace, 1, 0, "GET \"<script>alert('1')</script>\" & ]]> -> \x01\x1b[31m\x7f");
    note(trace, 2, "invalid \xff\xc3\x28\xed\xa0\x80 and \xe6\x97\xa5\xe6\x9c\xac wide");
    redis(trace, 2, 0,
          "direction \xe2\x80\xae"
          "reversed, C1 \xc2\x9b"
          "31m, two\r\nlines");
    trace->dropped = 3;
    return trace;
}

/* One polls, with two reads a round, until the other has written; then all go round in turns. */
static treadle_trace *pollers(void)
{
    static const char *const names[] = {"main", "poller", "writer", "helper", NULL};
    treadle_trace *trace = trace_new(names);
    for (int i = 0; i < 40; i++) {
        EVENT(1, ATOMIC_LOAD, 1, .site = 101, .flags = TREADLE_EVENT_HAS_VALUE);
        EVENT(1, MUTEX_LOCK, 2, .site = 102);
        EVENT(1, MUTEX_UNLOCK, 2, .site = 103);
    }
    EVENT(2, ATOMIC_STORE, 1, .site = 104, .value = 1, .flags = TREADLE_EVENT_HAS_VALUE);
    EVENT(1, ATOMIC_LOAD, 1, .site = 101, .value = 1, .flags = TREADLE_EVENT_HAS_VALUE);
    for (int i = 0; i < 10; i++) {
        EVENT(1, MUTEX_LOCK, 2, .site = 105);
        EVENT(1, MUTEX_UNLOCK, 2, .site = 106);
        EVENT(2, MUTEX_LOCK, 2, .site = 107);
        EVENT(3, ATOMIC_LOAD, 1, .site = 109, .value = 1, .flags = TREADLE_EVENT_HAS_VALUE);
        EVENT(2, MUTEX_UNLOCK, 2, .site = 108);
    }
    EVENT(1, MUTEX_LOCK, 3, .site = 105);
    EVENT(2, MUTEX_LOCK, 3, .site = 105);
    return trace;
}

/* Twenty threads: more than 40 columns have room for. */
static treadle_trace *crowd(void)
{
    static const char *const none[] = {NULL};
    treadle_trace *trace = trace_new(none);
    trace->thread_count = 20;
    for (uint8_t i = 0; i < 20; i++) {
        snprintf(trace->thread_names[i], TREADLE_THREAD_NAME_MAX, "worker-%u", i);
        EVENT(i, SEM_TRYWAIT, 1, .flags = i % 2 ? TREADLE_EVENT_FAILED : 0);
    }
    return trace;
}

/* ---- golden files
 * -------------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    if (file == NULL) {
        return NULL;
    }
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

static void against_golden(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/reports/tests/golden/%s", TREADLE_SOURCE_DIR, name);
    const char *update = getenv("TREADLE_UPDATE_GOLDEN");
    if (update != NULL && strcmp(update, "1") == 0) {
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file, "cannot write %s", path);
        fputs(text, file);
        fclose(file);
    }
    char *golden = read_file(path);
    cr_assert_not_null(golden, "no %s; TREADLE_UPDATE_GOLDEN=1 makes it", path);
    cr_assert(strcmp(golden, text) == 0, "%s differs; got:\n%s", name, text);
    free(golden);
}

/* ---- lanes
 * --------------------------------------------------------------------------------------- */

static char *lanes(const treadle_trace *trace, int width, bool colour)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size),
                                            .width = width,
                                            .colour = colour,
                                            .symbolize = symbolize};
    cr_assert_eq(treadle_lanes_write(trace, &options), 0);
    fclose(options.out);
    return text;
}

/* Whatever the trace holds, nothing leaves the diagram's width or controls the terminal. */
static void check_lines(const char *text, int width)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "\n");
        int columns = 0;
        for (size_t i = 0; i < length;) {
            uint32_t code = 0;
            const size_t bytes = treadle_utf8_decode(text + i, length - i, &code);
            cr_assert(bytes > 0);
            cr_assert(treadle_utf8_columns(code) >= 0);
            columns += treadle_utf8_columns(code);
            i += bytes;
        }
        cr_assert(columns <= width, "%d columns of %d: %.*s", columns, width, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

Test(lanes, golden)
{
    static const struct {
        const char *name;
        treadle_trace *(*make)(void);
    } traces[] = {{"two_clients", two_clients}, {"three_threads", three_threads},
                  {"hostile", hostile},         {"crowd", crowd},
                  {"pollers", pollers},         {"long_texts", long_texts}};
    static const int widths[] = {40, 80, 120};
    for (size_t i = 0; i < COUNT(traces); i++) {
        treadle_trace *trace = traces[i].make();
        for (size_t w = 0; w < COUNT(widths); w++) {
            char name[64];
            snprintf(name, sizeof name, "lanes_%s_%d.txt", traces[i].name, widths[w]);
            char *text = lanes(trace, widths[w], false);
            check_lines(text, widths[w]);
            against_golden(name, text);
            free(text);
        }
        free(trace);
    }
}

Test(lanes, every_width_is_kept)
{
    treadle_trace *(*const make[])(void) = {two_clients, three_threads, hostile,
                                            crowd,       pollers,       long_texts};
    for (size_t i = 0; i < COUNT(make); i++) {
        treadle_trace *trace = make[i]();
        for (int width = 40; width <= 240; width++) {
            char *text = lanes(trace, width, false);
            check_lines(text, width);
            free(text);
        }
        free(trace);
    }
}

Test(lanes, colour_changes_nothing_else)
{
    treadle_trace *trace = two_clients();
    char *coloured = lanes(trace, 80, true);
    char *plain = lanes(trace, 80, false);
    against_golden("lanes_two_clients_colour.txt", coloured);
    char *to = coloured;
    for (const char *from = coloured; *from != '\0';) {
        if (*from == '\x1b') {
            from += strcspn(from, "m") + 1;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    cr_assert_str_eq(coloured, plain);
    free(coloured);
    free(plain);
    free(trace);
}

/* Those that a row names, once; what is not known is left out. */
Test(lanes, objects_are_explained_below)
{
    static const char *const names[] = {"main", "a", "b", NULL};
    treadle_trace *trace = trace_new(names);
    EVENT(1, ATOMIC_LOAD, 1, .block_site = 152, .block_offset = 24, .block_size = 32);
    EVENT(1, MUTEX_LOCK, 2);
    EVENT(2, ATOMIC_STORE, 1, .block_site = 152, .block_offset = 24, .block_size = 32);
    EVENT(2, ATOMIC_LOAD, 3);
    EVENT(2, ATOMIC_STORE, UINT32_MAX);
    EVENT(2, MUTEX_LOCK, 2);
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size),
                                            .width = 80,
                                            .symbolize = symbolize,
                                            .symbolize_data = symbolize_data,
                                            .verbose = true};
    cr_assert_eq(treadle_lanes_write(trace, &options), 0);
    fclose(options.out);
    const char *below = strstr(text, "x1: ");
    cr_assert_not_null(below, "%s", text);
    cr_expect_str_eq(below, "x1: 24 bytes into the 32 allocated at add "
                            "impl/sliding_window/window.c:152\n"
                            "m2: registry_guard\n");
    free(text);
    free(trace);
}

Test(lanes, an_empty_trace_says_so)
{
    static const char *const none[] = {NULL};
    treadle_trace *trace = trace_new(none);
    char *text = lanes(trace, 80, false);
    cr_assert_str_eq(text, "(no events)\n");
    free(text);
    free(trace);
}

Test(lanes, clock_texts)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {{0, "+0s"},
                 {60 * 1000000000LL, "+60s"},
                 {1500000, "+1.5ms"},
                 {-5000000000, "-5s"},
                 {1, "+1ns"},
                 {1000000001, "+1.000000001s"},
                 {INT64_MIN, "-9223372036.854775808s"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[64];
        treadle_clock_describe(cases[i].ns, text, sizeof text);
        cr_assert_str_eq(text, cases[i].text);
    }
}

/* ---- results
 * ------------------------------------------------------------------------------------- */

static treadle_cell cell_of(const char *scenario, const char *variant, treadle_backend backend,
                            treadle_granularity granularity)
{
    treadle_cell cell = {
        .backend = backend, .granularity = granularity, .parameter_count = 2, .parameters = {3, 1}};
    snprintf(cell.scenario, sizeof cell.scenario, "%s", scenario);
    snprintf(cell.variant, sizeof cell.variant, "%s", variant);
    return cell;
}

static void set_outcome(treadle_result *result, treadle_outcome_kind kind, const char *property,
                        const char *message)
{
    result->outcome.kind = kind;
    snprintf(result->outcome.property, sizeof result->outcome.property, "%s", property);
    snprintf(result->outcome.message, sizeof result->outcome.message, "%s", message);
}

static treadle_result violated_as_expected(void)
{
    treadle_result result = {.cell =
                                 cell_of("sliding_window/check_then_add", "naive",
                                         TREADLE_BACKEND_REDIS_MODEL, TREADLE_GRANULARITY_AWAIT),
                             .strategy = "random",
                             .seed = 1,
                             .executions = 3,
                             .steps = 18,
                             .elapsed_s = 0.0021,
                             .verdict = TREADLE_VERDICT_VIOLATED,
                             .expected = TREADLE_VERDICT_VIOLATED,
                             .as_expected = true,
                             .first_violation = 3,
                             .coarsest = TREADLE_GRANULARITY_AWAIT,
                             .switches_found = 5};
    set_outcome(&result, TREADLE_OUTCOME_VIOLATED, "over-admission",
                "2 admitted in one window at limit 1");
    result.outcome.steps = 6;
    result.outcome.switches = 2;
    result.outcome.trace_hash = 0x1234;
    result.token = strdup("tdl1.AAECAwQFBgcICQ");
    result.trace = two_clients();
    return result;
}

static treadle_result holds(void)
{
    return (treadle_result){.cell = cell_of("sliding_window/check_then_add", "fixed",
                                            TREADLE_BACKEND_REDIS_MODEL, TREADLE_GRANULARITY_AWAIT),
                            .strategy = "dfs",
                            .seed = UINT64_MAX,
                            .executions = 20,
                            .steps = 120,
                            .elapsed_s = 0.5,
                            .complete = true,
                            .verdict = TREADLE_VERDICT_HOLDS,
                            .expected = TREADLE_VERDICT_HOLDS,
                            .as_expected = true,
                            .outcome = {.kind = TREADLE_OUTCOME_PASSED},
                            .bounds = "all 20 interleavings, sequentially consistent"};
}

static treadle_result not_found(void)
{
    return (treadle_result){.cell = cell_of("memory_store/two_admissions", "fixed",
                                            TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_MEMORY),
                            .strategy = "pct",
                            .seed = (UINT64_C(1) << 53) - 1,
                            .executions = 20000,
                            .steps = 1000000,
                            .elapsed_s = 1.25,
                            .verdict = TREADLE_VERDICT_NO_VIOLATION_FOUND,
                            .as_expected = true,
                            .outcome = {.kind = TREADLE_OUTCOME_PASSED},
                            .bound = {.what = "preemptions", .bounds = 3, .executions = 57},
                            .guarantee = {.executions = 19999,
                                          .depth = 3,
                                          .threads = 2,
                                          .decisions = 50,
                                          .missed = 0.0025},
                            .estimate = {.paths = 10, .interleavings = 1e12, .spread = INFINITY},
                            .share_explored = 0.25,
                            .bounds = "20000 executions, at most 50 decisions: a bug of depth 3 or "
                                      "less was missed with probability at most 0.0025"};
}

static treadle_result violated_unexpectedly(void)
{
    treadle_result result = {.cell = cell_of("memory_store/two_admissions", "proposed",
                                             TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_MEMORY),
                             .strategy = "random",
                             .seed = UINT64_C(1) << 53,
                             .executions = 812,
                             .steps = 17052,
                             .elapsed_s = 0.125,
                             .verdict = TREADLE_VERDICT_VIOLATED,
                             .expected = TREADLE_VERDICT_HOLDS,
                             .first_violation = 812,
                             .coarsest = TREADLE_GRANULARITY_SYNC,
                             .switches_found = 1};
    set_outcome(&result, TREADLE_OUTCOME_VIOLATED, "lost-wakeup", "worker-1 waits for ever");
    result.outcome.steps = 20;
    result.outcome.switches = 1;
    result.outcome.trace_hash = UINT64_C(0xfedcba9876543210);
    result.token = strdup("tdl1.ZZZZ_-ZZZZ");
    result.trace = three_threads();
    return result;
}

static treadle_result unknown(void)
{
    treadle_result result = {.cell = cell_of("litmus/a_name_that_is_much_too_long_for_it", "v",
                                             TREADLE_BACKEND_REDIS, TREADLE_GRANULARITY_SYNC),
                             .strategy = "random",
                             .verdict = TREADLE_VERDICT_UNKNOWN,
                             .expected = TREADLE_VERDICT_HOLDS};
    set_outcome(&result, TREADLE_OUTCOME_CUT, "step-limit", "more than 100000 steps");
    return result;
}

static treadle_result hostile_result(void)
{
    treadle_result result = {.cell = cell_of("<script>/\"quoted\" & 'so'", "a\xff\x01]]>",
                                             TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC),
                             .strategy = "random",
                             .verdict = TREADLE_VERDICT_VIOLATED,
                             .first_violation = 1,
                             .executions = 1,
                             .coarsest = TREADLE_GRANULARITY_SYNC};
    set_outcome(&result, TREADLE_OUTCOME_VIOLATED, "<crash>",
                "\x1b]0;title\x07 two\nlines \xc0\xaf \xef\xbf\xbf <!-- -->");
    result.outcome.switches = 1;
    result.token = strdup("tdl1.\"><script>");
    result.trace = hostile();
    return result;
}

static treadle_result (*const results[])(void) = {violated_as_expected,  holds,   not_found,
                                                  violated_unexpectedly, unknown, hostile_result};

static char *write_all(const treadle_writer *writer, int width, bool lanes_always, bool colour)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size),
                                            .width = width,
                                            .colour = colour,
                                            .symbolize = symbolize,
                                            .lanes_always = lanes_always};
    const treadle_summary summary = {.results = COUNT(results),
                                     .as_expected = 3,
                                     .unexpected = 2,
                                     .unknown = 1,
                                     .elapsed_s = 1.5,
                                     .interrupted = lanes_always};
    void *self;
    cr_assert_eq(writer->begin(&self, &options), 0);
    for (size_t i = 0; i < COUNT(results); i++) {
        treadle_result result = results[i]();
        cr_assert_eq(writer->result(self, &result), 0);
        free(result.token); /* the writer must have copied what it needs */
        free(result.trace);
    }
    cr_assert_eq(writer->end(self, &summary), 0);
    fclose(options.out);
    return text;
}

Test(text, golden)
{
    char *brief = write_all(&treadle_writer_text, 80, false, false);
    against_golden("text_80.txt", brief);
    free(brief);
    char *full = write_all(&treadle_writer_text, 120, true, false);
    against_golden("text_120_lanes_always.txt", full);
    free(full);
    char *colour = write_all(&treadle_writer_text, 40, true, true);
    against_golden("text_40_colour.txt", colour);
    free(colour);
}

/* A livelock's trace is long; a log should not be. */
Test(text, a_long_trace_is_shortened)
{
    static const char *const names[] = {"main", NULL};
    treadle_result result = violated_unexpectedly();
    free(result.trace);
    treadle_trace *trace = trace_new(names);
    for (uint32_t i = 0; i < 1000; i++) {
        EVENT(0, YIELD, 0, .value = i); /* which is not shown, but no two are the same */
    }
    result.trace = trace;
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size), .width = 80};
    void *self;
    cr_assert_eq(treadle_writer_text.begin(&self, &options), 0);
    cr_assert_eq(treadle_writer_text.result(self, &result), 0);
    cr_assert_eq(treadle_writer_text.end(self, &(treadle_summary){.results = 1, .unexpected = 1}),
                 0);
    fclose(options.out);
    cr_assert_not_null(strstr(text, "     199  yield\n    (601 rows left out"), "%s", text);
    cr_assert_not_null(strstr(text, "shows all)\n     801  yield\n"), "%s", text);
    cr_assert_not_null(strstr(text, "    1000  yield\n"));
    free(text);
    free(result.token);
    free(trace);
}

Test(text, nothing_run)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size), .width = 80};
    void *self;
    cr_assert_eq(treadle_writer_text.begin(&self, &options), 0);
    cr_assert_eq(treadle_writer_text.end(self, &(treadle_summary){0}), 0);
    fclose(options.out);
    cr_assert_str_eq(text, "\n0 cells in 0.0 s: 0 as expected\n");
    free(text);
}

/* ---- JSON
 * ---------------------------------------------------------------------------------------- */

static void check_keys(json_t *object)
{
    static const char *const keys[] = {
        "scenario",       "variant",     "backend",   "granularity", "strategy",        "seed",
        "executions",     "complete",    "redundant", "steps",       "elapsed_s",       "verdict",
        "expected",       "as_expected", "property",  "message",     "first_violation", "token",
        "trace_hash",     "coarsest",    "bounds",    "holds_up_to", "guarantee",       "estimate",
        "share_explored", "parameters"};
    size_t i = 0;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        cr_assert(i < COUNT(keys));
        cr_assert_str_eq(key, keys[i++]);
    }
    cr_assert_eq(i, COUNT(keys));
}

Test(json, golden_and_read_back)
{
    char *text = write_all(&treadle_writer_json, 80, false, false);
    against_golden("results.jsonl", text);
    json_t *lines[COUNT(results)];
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        json_error_t error;
        cr_assert(count < COUNT(results));
        lines[count] = json_loads(line, 0, &error);
        cr_assert_not_null(lines[count], "%s: %s", error.text, line);
        check_keys(lines[count++]);
    }
    cr_assert_eq(count, COUNT(results));
    cr_assert_str_eq(json_string_value(json_object_get(lines[0], "trace_hash")),
                     "0000000000001234");
    cr_assert_eq(
        json_integer_value(json_object_get(json_object_get(lines[0], "parameters"), "threads")), 3);
    cr_assert_str_eq(json_string_value(json_object_get(lines[1], "seed")), "18446744073709551615");
    cr_assert_eq(json_integer_value(json_object_get(lines[2], "seed")), 9007199254740991);
    cr_assert(json_is_null(json_object_get(lines[2], "expected")));
    cr_assert(json_is_array(json_object_get(lines[2], "parameters")));
    cr_assert_str_eq(json_string_value(json_object_get(lines[3], "seed")), "9007199254740992");
    cr_assert(json_is_null(json_object_get(lines[4], "coarsest")));
    for (size_t i = 0; i < count; i++) {
        json_decref(lines[i]);
    }
    free(text);
}

static json_t *trace_json(treadle_trace *trace, const char *golden)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {
        .out = open_memstream(&text, &size), .width = 80, .symbolize = symbolize};
    const treadle_schedule schedule = {.cell = cell_of("sliding_window/check_then_add", "naive",
                                                       TREADLE_BACKEND_REDIS_MODEL,
                                                       TREADLE_GRANULARITY_AWAIT)};
    treadle_outcome outcome = {.kind = TREADLE_OUTCOME_VIOLATED,
                               .steps = 6,
                               .switches = 2,
                               .property = "over-admission",
                               .message = "2 admitted in one window at limit 1"};
    cr_assert_eq(treadle_trace_json_write(&schedule, &outcome, "tdl1.AAAA", trace, &options), 0);
    fclose(options.out);
    against_golden(golden, text);
    json_error_t error;
    json_t *object = json_loads(text, 0, &error);
    cr_assert_not_null(object, "%s", error.text);
    free(text);
    return object;
}

Test(trace_json, golden_and_read_back)
{
    treadle_trace *trace = two_clients();
    json_t *object = trace_json(trace, "trace_two_clients.json");
    const json_t *events = json_object_get(object, "events");
    cr_assert_eq(json_array_size(events), trace->event_count);
    const json_t *event = json_array_get(events, 1);
    cr_assert_str_eq(json_string_value(json_object_get(event, "text")),
                     "ZCOUNT window:openai -inf +inf -> 0");
    cr_assert_str_eq(json_string_value(json_object_get(event, "place")), "check window.c:41");
    json_decref(object);
    free(trace);
}

Test(trace_json, values_and_hostile_texts)
{
    treadle_trace *trace = three_threads();
    json_t *object = trace_json(trace, "trace_three_threads.json");
    const json_t *rmw = json_array_get(json_object_get(object, "events"), 6);
    cr_assert_str_eq(json_string_value(json_object_get(rmw, "order")), "seq_cst");
    cr_assert_eq(json_integer_value(json_object_get(rmw, "written")), 1);
    json_decref(object);
    free(trace);
    trace = hostile();
    json_decref(trace_json(trace, "trace_hostile.json"));
    free(trace);
}

/* ---- JUnit
 * --------------------------------------------------------------------------------------- */

static double xpath_number(xmlDoc *document, const char *expression)
{
    xmlXPathContext *context = xmlXPathNewContext(document);
    xmlXPathObject *object = xmlXPathEvalExpression(BAD_CAST expression, context);
    cr_assert_not_null(object, "%s", expression);
    const double number = object->floatval;
    xmlXPathFreeObject(object);
    xmlXPathFreeContext(context);
    return number;
}

Test(junit, golden_and_read_back)
{
    char *text = write_all(&treadle_writer_junit, 100, false, true);
    against_golden("results.junit.xml", text);
    xmlDoc *document = xmlReadMemory(text, (int)strlen(text), "junit.xml", NULL, 0);
    cr_assert_not_null(document);
    cr_assert_eq(xpath_number(document, "count(/testsuites/testsuite)"), 4);
    cr_assert_eq(xpath_number(document, "count(//testcase)"), COUNT(results));
    cr_assert_eq(xpath_number(document, "sum(/testsuites/testsuite/@tests)"), COUNT(results));
    cr_assert_eq(xpath_number(document, "count(//failure)"), 2);
    cr_assert_eq(xpath_number(document, "count(//error)"), 1);
    cr_assert_eq(xpath_number(document, "count(//testcase[@classname="
                                        "'sliding_window.check_then_add' and "
                                        "@name='naive/redis-model/await'])"),
                 1);
    cr_assert_eq(xpath_number(document, "count(//failure[contains(., 'tdl1.ZZZZ_-ZZZZ')])"), 1);
    cr_assert_eq(xpath_number(document, "count(//script)"), 0);
    xmlFreeDoc(document);
    free(text);
}

/* ---- Prometheus
 * ---------------------------------------------------------------------------------- */

/* What Prometheus' own parser makes of it. */
static json_t *read_metrics(const char *text)
{
    char path[] = "/tmp/treadle-metrics-XXXXXX";
    const int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    /* Debian's own interpreter is the one that sees Debian's packages. */
    char command[512];
    snprintf(command, sizeof command, "/usr/bin/python3 %s/reports/tests/read_metrics.py < %s",
             TREADLE_SOURCE_DIR, path);
    FILE *pipe = popen(command, "re");
    cr_assert_not_null(pipe);
    json_error_t error;
    json_t *families = json_loadf(pipe, 0, &error);
    const int status = pclose(pipe);
    unlink(path);
    cr_assert_eq(status, 0, "the parser refuses it (or python3-prometheus-client is missing)");
    cr_assert_not_null(families, "%s", error.text);
    return families;
}

/* The value of the one sample with this name and these labels, given as JSON; -1 = there is none.
 */
static double sample(const json_t *families, const char *family, const char *name,
                     const char *labels)
{
    json_t *wanted = json_loads(labels, 0, NULL);
    cr_assert_not_null(wanted, "%s", labels);
    double value = -1;
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(json_object_get(families, family), "samples"), i, item)
    {
        if (strcmp(json_string_value(json_array_get(item, 0)), name) == 0 &&
            json_equal(json_array_get(item, 1), wanted)) {
            value = json_number_value(json_array_get(item, 2));
        }
    }
    json_decref(wanted);
    return value;
}

Test(prometheus, golden_and_read_back)
{
    char *text = write_all(&treadle_writer_prometheus, 80, false, false);
    against_golden("metrics.prom", text);
    json_t *families = read_metrics(text);
    cr_assert_eq(json_object_size(families), 7);
    cr_assert_eq(sample(families, "treadle_detections", "treadle_detections_total",
                        "{\"component\": \"memory_store\", \"property\": \"lost-wakeup\"}"),
                 1);
    cr_assert_eq(sample(families, "treadle_detections", "treadle_detections_total",
                        "{\"component\": \"<script>\", \"property\": \"<crash>\"}"),
                 1);
    cr_assert_eq(sample(families, "treadle_verdicts", "treadle_verdicts_total",
                        "{\"component\": \"sliding_window\", \"verdict\": \"holds\", "
                        "\"as_expected\": \"true\"}"),
                 1);
    cr_assert_eq(sample(families, "treadle_verdicts", "treadle_verdicts_total",
                        "{\"component\": \"litmus\", \"verdict\": \"unknown\", "
                        "\"as_expected\": \"false\"}"),
                 1);
    cr_assert_eq(sample(families, "treadle_executions", "treadle_executions_total",
                        "{\"component\": \"memory_store\"}"),
                 20812);
    const char *const first = "treadle_executions_to_first_violation";
    char part[64];
    snprintf(part, sizeof part, "%s_bucket", first);
    cr_assert_eq(
        sample(families, first, part, "{\"component\": \"memory_store\", \"le\": \"100\"}"), 0);
    cr_assert_eq(
        sample(families, first, part, "{\"component\": \"memory_store\", \"le\": \"1000\"}"), 1);
    snprintf(part, sizeof part, "%s_sum", first);
    cr_assert_eq(sample(families, first, part, "{\"component\": \"memory_store\"}"), 812);
    cr_assert_float_eq(sample(families, "treadle_elapsed_seconds", "treadle_elapsed_seconds",
                              "{\"component\": \"memory_store\"}"),
                       1.375, 1e-9);
    cr_assert_eq(sample(families, "treadle_interrupted", "treadle_interrupted", "{}"), 0);
    json_decref(families);
    free(text);
}

static char *write_metrics(const treadle_result *written, size_t count, bool interrupted)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size)};
    void *self;
    cr_assert_eq(treadle_writer_prometheus.begin(&self, &options), 0);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(treadle_writer_prometheus.result(self, &written[i]), 0);
    }
    cr_assert_eq(
        treadle_writer_prometheus.end(self, &(treadle_summary){.results = count,
                                                               .workloads = 9,
                                                               .workloads_broken = 5,
                                                               .workloads_exempt = 1,
                                                               .interrupted = interrupted}),
        0);
    fclose(options.out);
    return text;
}

Test(prometheus, labels_survive_whatever_they_hold)
{
    treadle_result result = {.cell = cell_of("a\\b\"c\nd,e=\"}\r caf\xc3\xa9\xff/x", "v",
                                             TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC),
                             .executions = 7};
    char *text = write_metrics(&result, 1, true);
    json_t *families = read_metrics(text);
    cr_assert_eq(sample(families, "treadle_executions", "treadle_executions_total",
                        "{\"component\": \"a\\\\b\\\"c\\nd,e=\\\"}\\\\r caf\\u00e9\\\\xff\"}"),
                 7, "%s", text);
    cr_assert_eq(sample(families, "treadle_interrupted", "treadle_interrupted", "{}"), 1);
    cr_assert_eq(
        sample(families, "treadle_workloads", "treadle_workloads", "{\"baseline\": \"lost\"}"), 3);
    json_decref(families);
    free(text);
}

Test(prometheus, the_order_of_results_and_their_number_do_not_matter)
{
    enum { COMPONENTS = 40 };
    static treadle_result many[2 * COMPONENTS];
    for (int i = 0; i < 2 * COMPONENTS; i++) {
        char name[TREADLE_NAME_MAX];
        snprintf(name, sizeof name, "component_%d/x", i % COMPONENTS);
        many[i] = (treadle_result){
            .cell = cell_of(name, "v", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC),
            .executions = UINT64_C(1) << 40,
            .verdict = TREADLE_VERDICT_VIOLATED,
            .first_violation = (uint64_t)i + 1};
        set_outcome(&many[i], TREADLE_OUTCOME_VIOLATED, i < COMPONENTS ? "a" : "b", "");
    }
    char *forwards = write_metrics(many, COUNT(many), false);
    for (int i = 0; i < COMPONENTS; i++) {
        const treadle_result swapped = many[i];
        many[i] = many[COUNT(many) - 1 - (size_t)i];
        many[COUNT(many) - 1 - (size_t)i] = swapped;
    }
    char *backwards = write_metrics(many, COUNT(many), false);
    cr_assert_str_eq(forwards, backwards);
    json_t *families = read_metrics(forwards);
    cr_assert_eq(sample(families, "treadle_executions", "treadle_executions_total",
                        "{\"component\": \"component_7\"}"),
                 (double)(UINT64_C(1) << 41));
    json_decref(families);
    free(forwards);
    free(backwards);
}

Test(prometheus, a_run_of_nothing_is_still_a_file)
{
    char *text = write_metrics(NULL, 0, false);
    json_t *families = read_metrics(text);
    cr_assert_eq(json_object_size(families), 7);
    json_decref(families);
    free(text);
}

/* ---- the log of detections
 * ----------------------------------------------------------------------- */

/* All results, each a second after the other from the given time on. */
static char *log_all(struct timespec now)
{
    char path[] = "/tmp/treadle-log-XXXXXX";
    const int fd = mkstemp(path);
    for (size_t i = 0; i < COUNT(results); i++, now.tv_sec++) {
        treadle_result result = results[i]();
        cr_assert_eq(treadle_detection_log(fd, &result, &now), 0);
        free(result.token);
        free(result.trace);
    }
    close(fd);
    char *text = read_file(path);
    unlink(path);
    return text;
}

Test(detection_log, golden_and_read_back)
{
    char *text = log_all((struct timespec){.tv_sec = 1769860800, .tv_nsec = 250999999});
    against_golden("detections.jsonl", text);
    json_t *lines[COUNT(results)];
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        json_error_t error;
        lines[count] = json_loads(line, 0, &error);
        cr_assert_not_null(lines[count++], "%s: %s", error.text, line);
    }
    cr_assert_eq(count, 3, "three of the results are violations");
    cr_assert_str_eq(json_string_value(json_object_get(lines[0], "time")),
                     "2026-01-31T12:00:00.250Z");
    cr_assert_str_eq(json_string_value(json_object_get(lines[0], "level")), "info");
    cr_assert(json_is_true(json_object_get(lines[0], "expected")));
    cr_assert_str_eq(json_string_value(json_object_get(lines[1], "level")), "error");
    cr_assert(json_is_false(json_object_get(lines[1], "expected")));
    cr_assert_str_eq(json_string_value(json_object_get(lines[1], "token")), "tdl1.ZZZZ_-ZZZZ");
    for (size_t i = 0; i < count; i++) {
        json_decref(lines[i]);
    }
    free(text);
}

Test(detection_log, a_line_is_one_write)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_DIRECT | O_NONBLOCK), 0); /* keeps writes apart */
    treadle_result result = violated_as_expected();
    cr_assert_eq(treadle_detection_log(ends[1], &result, &(struct timespec){.tv_sec = 1}), 0);
    char packet[4096];
    const ssize_t length = read(ends[0], packet, sizeof packet);
    cr_assert_gt(length, 0);
    cr_assert_eq(packet[length - 1], '\n');
    cr_assert_lt(read(ends[0], packet, sizeof packet), 0, "there was a second write");
    free(result.token);
    free(result.trace);
}

Test(detection_log, a_full_disk_is_reported)
{
    const int fd = open("/dev/full", O_WRONLY);
    treadle_result result = violated_as_expected();
    cr_assert_eq(treadle_detection_log(fd, &result, &(struct timespec){0}), ENOSPC);
    free(result.token);
    free(result.trace);
    close(fd);
}

/* ---- SARIF, annotations, Markdown: validated by validate.py, too
 * -----------------------------------------------------------------------------------------------
 */

Test(sarif, golden_and_read_back)
{
    char *text = write_all(&treadle_writer_sarif, 80, false, false);
    against_golden("results.sarif", text);
    json_error_t error;
    json_t *document = json_loads(text, 0, &error);
    cr_assert_not_null(document, "%s", error.text);
    json_t *run = json_array_get(json_object_get(document, "runs"), 0);
    const json_t *all_results = json_object_get(run, "results");
    cr_assert_eq(json_array_size(all_results), 4, "what holds is no result");
    const json_t *accepted = json_array_get(all_results, 0);
    cr_assert_not_null(json_object_get(accepted, "suppressions"));
    cr_assert_str_eq(json_string_value(json_object_get(accepted, "level")), "note");
    /* Both sides of the conflict, and a flow for each thread. */
    cr_assert_eq(json_array_size(json_object_get(accepted, "relatedLocations")), 2);
    const json_t *flow = json_array_get(json_object_get(accepted, "codeFlows"), 0);
    cr_assert_eq(json_array_size(json_object_get(flow, "threadFlows")), 2);
    const json_t *unexpected = json_array_get(all_results, 1);
    cr_assert_null(json_object_get(unexpected, "suppressions"));
    cr_assert_str_eq(json_string_value(json_object_get(unexpected, "level")), "error");
    json_decref(document);
    free(text);
}

Test(github, golden)
{
    char *text = write_all(&treadle_writer_github, 80, false, false);
    against_golden("annotations.txt", text);
    /* A line a command: nothing foreign begins another one. */
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cr_assert(strncmp(line, "::error ", 8) == 0 || strncmp(line, "::warning ", 10) == 0, "%s",
                  line);
    }
    free(text);
}

Test(markdown, golden)
{
    char *text = write_all(&treadle_writer_markdown, 80, false, false);
    against_golden("summary.md", text);
    cr_assert_not_null(strstr(text, "**&#60;script&#62;"), "foreign HTML outside of a code block");
    free(text);
}

/* A comment on GitHub holds 65,536 characters. */
/* All verdicts may be as expected, and the check fail nevertheless. */
Test(markdown, tells_what_else_is_wrong)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size), .width = 80};
    const treadle_summary summary = {.results = 1,
                                     .as_expected = 1,
                                     .workloads = 3,
                                     .workloads_broken = 1,
                                     .workloads_exempt = 1,
                                     .regressions = 5,
                                     .regressions_lost = 2};
    void *self;
    treadle_result result = holds();
    cr_assert_eq(treadle_writer_markdown.begin(&self, &options), 0);
    cr_assert_eq(treadle_writer_markdown.result(self, &result), 0);
    cr_assert_eq(treadle_writer_markdown.end(self, &summary), 0);
    fclose(options.out);
    cr_expect(strstr(text, "Nothing unexpected") == NULL, "%s", text);
    cr_expect(strstr(text, "Of 1 no variant was found") != NULL, "%s", text);
    cr_expect(strstr(text, "2 of 5 kept schedules no longer") != NULL, "%s", text);
    free(text);
}

Test(markdown, stays_short)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size), .width = 80};
    void *self;
    cr_assert_eq(treadle_writer_markdown.begin(&self, &options), 0);
    for (int i = 0; i < 200; i++) {
        treadle_result result = violated_unexpectedly();
        cr_assert_eq(treadle_writer_markdown.result(self, &result), 0);
        free(result.token);
        free(result.trace);
    }
    cr_assert_eq(treadle_writer_markdown.end(self, &(treadle_summary){.results = 200}), 0);
    fclose(options.out);
    cr_assert_lt(strlen(text), 65536);
    cr_assert_not_null(strstr(text, "more left out"));
    free(text);
}

/* ---- a replay in other shapes
 * -----------------------------------------------------------------------------------------------
 */

static char *replayed_as(const treadle_trace_writer *writer, treadle_trace *trace, bool verbose)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size),
                                            .width = 80,
                                            .symbolize = symbolize,
                                            .verbose = verbose};
    const treadle_schedule schedule = {.cell = cell_of("sliding_window/check_then_add", "naive",
                                                       TREADLE_BACKEND_REDIS_MODEL,
                                                       TREADLE_GRANULARITY_AWAIT)};
    const treadle_outcome outcome = {
        .kind = TREADLE_OUTCOME_VIOLATED, .property = "over-admission", .message = "2 admitted"};
    const treadle_replayed replayed = {.schedule = &schedule,
                                       .outcome = &outcome,
                                       .trace = trace,
                                       .token = "tdl1.AAAA",
                                       .line = "over-admission: 2 \"admitted\" \\ <b>",
                                       .repetitions = 1,
                                       .judged = true,
                                       .again = true};
    cr_assert_eq(writer->write(&replayed, &options), 0);
    fclose(options.out);
    free(trace);
    return text;
}

Test(replayed, golden)
{
    static const struct {
        const treadle_trace_writer *writer;
        const char *ending;
    } formats[] = {{&treadle_trace_writer_perfetto, "perfetto.json"},
                   {&treadle_trace_writer_dot, "dot"}};
    for (size_t i = 0; i < COUNT(formats); i++) {
        char name[64];
        snprintf(name, sizeof name, "two_clients.%s", formats[i].ending);
        char *text = replayed_as(formats[i].writer, two_clients(), false);
        against_golden(name, text);
        free(text);
        snprintf(name, sizeof name, "three_threads.%s", formats[i].ending);
        text = replayed_as(formats[i].writer, three_threads(), true);
        against_golden(name, text);
        free(text);
        snprintf(name, sizeof name, "hostile.%s", formats[i].ending);
        text = replayed_as(formats[i].writer, hostile(), false);
        against_golden(name, text);
        free(text);
    }
}

static const char *source_line(const char *file, int line)
{
    static char text[64];
    snprintf(text, sizeof text, "\tline %d\x1b[2J of %s", line, file);
    return line > 0 && line < 154 ? text : NULL;
}

static char *replayed_lanes(treadle_trace *trace, int width, uint32_t from, uint32_t to)
{
    char *text = NULL;
    size_t size = 0;
    const treadle_writer_options options = {.out = open_memstream(&text, &size),
                                            .width = width,
                                            .symbolize = symbolize,
                                            .source = source_line,
                                            .from = from,
                                            .to = to};
    const treadle_schedule schedule = {
        .cell = cell_of("s/t", "naive", TREADLE_BACKEND_REDIS, TREADLE_GRANULARITY_AWAIT)};
    const treadle_outcome outcome = {.kind = TREADLE_OUTCOME_VIOLATED};
    const treadle_replayed replayed = {.schedule = &schedule,
                                       .outcome = &outcome,
                                       .trace = trace,
                                       .line = "broken",
                                       .judged = true,
                                       .again = true};
    cr_assert_eq(treadle_trace_writer_lanes.write(&replayed, &options), 0);
    fclose(options.out);
    free(trace);
    return text;
}

Test(replayed, source_excerpts)
{
    char *text = replayed_lanes(two_clients(), 80, 0, 0);
    check_lines(text, 80);
    against_golden("replay_80.txt", text);
    free(text);
}

Test(replayed, only_some_steps)
{
    char *text = replayed_lanes(two_clients(), 80, 3, 5);
    against_golden("replay_from_3_to_5.txt", text);
    free(text);
}

/* ---- what explains it
 * -----------------------------------------------------------------------------------------------
 */

static uint32_t moments_of(treadle_trace *trace, treadle_moment *moments)
{
    treadle_relations relations;
    const treadle_outcome outcome = {.kind = TREADLE_OUTCOME_VIOLATED};
    cr_assert_eq(treadle_relations_open(&relations, trace), 0);
    const uint32_t count = treadle_moments(trace, &relations, &outcome, moments);
    treadle_relations_close(&relations);
    return count;
}

Test(moments, a_read_that_went_stale)
{
    treadle_trace *trace = two_clients();
    treadle_moment moments[TREADLE_MOMENTS_MAX];
    cr_assert_eq(moments_of(trace, moments), 3);
    cr_assert_eq(moments[0].step, 2); /* the first count */
    cr_assert_eq(moments[1].step, 5); /* the other's addition */
    cr_assert_eq(moments[2].step, 6);
    free(trace);
}

/* Which relations there are between the events of a trace, as "from>to kind" words. */
static void relations_are(treadle_trace *trace, const char *wanted)
{
    static const char kinds[] = {'p', 's', 'w', 'c'};
    treadle_relations relations;
    char text[256] = "";
    cr_assert_eq(treadle_relations_open(&relations, trace), 0);
    for (size_t i = 0; i < relations.count; i++) {
        const treadle_relation *relation = &relations.items[i];
        if (relation->kind != TREADLE_RELATION_PROGRAM) {
            const size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%u>%u%c ", relation->from, relation->to,
                     kinds[relation->kind]);
        }
    }
    cr_assert_str_eq(text, wanted);
    treadle_relations_close(&relations);
    free(trace);
}

#define TRACE()                               \
    static const char *const none[] = {NULL}; \
    treadle_trace *trace = trace_new(none);   \
    trace->thread_count = 3

Test(relations, locks_order_and_readers_do_not)
{
    TRACE();
    EVENT(1, MUTEX_LOCK, 1);
    EVENT(1, MUTEX_UNLOCK, 1);
    EVENT(2, MUTEX_LOCK, 1);
    EVENT(1, RWLOCK_RDLOCK, 2);
    EVENT(1, RWLOCK_UNLOCK, 2);
    EVENT(2, RWLOCK_RDLOCK, 2);
    EVENT(2, RWLOCK_UNLOCK, 2);
    EVENT(1, RWLOCK_WRLOCK, 2);
    relations_are(trace, "1>2s 6>7s ");
}

Test(relations, release_and_acquire_order_and_relaxed_conflicts)
{
    TRACE();
    EVENT(1, ATOMIC_STORE, 1, .size = 4, .order = 3);
    EVENT(2, ATOMIC_LOAD, 1, .size = 4, .order = 2);
    EVENT(1, ATOMIC_STORE, 2, .size = 4, .order = 0);
    EVENT(2, ATOMIC_LOAD, 2, .size = 4, .order = 2);
    EVENT(1, ATOMIC_RMW, 1, .size = 4, .order = 0); /* goes on with the release sequence */
    EVENT(2, ATOMIC_LOAD, 1, .size = 4, .order = 2);
    relations_are(trace, "0>1s 2>3c 1>4c 0>5s 4>5c ");
}

Test(relations, neighbours_in_a_word_do_not_conflict)
{
    TRACE();
    EVENT(1, WRITE, 1, .size = 4, .address = 0x1000);
    EVENT(2, WRITE, 2, .size = 4, .address = 0x1004);
    EVENT(2, WRITE, 3, .size = 8, .address = 0x1000);
    relations_are(trace, "0>2c ");
}

Test(relations, signals_wake_and_mutexes_order)
{
    TRACE();
    EVENT(1, MUTEX_LOCK, 1);
    EVENT(1, COND_WAIT, 2);
    EVENT(2, MUTEX_LOCK, 1);
    EVENT(2, COND_SIGNAL, 2);
    EVENT(2, MUTEX_UNLOCK, 1);
    EVENT(1, COND_WAKE, 2);
    relations_are(trace, "1>2s 3>5w 4>5s ");
}

Test(relations, keys_of_redis)
{
    TRACE();
    redis(trace, 1, 0, "MULTI -> OK");
    redis(trace, 1, 0, "SET a 1 -> QUEUED");
    redis(trace, 2, 0, "GET a -> nil");
    redis(trace, 2, 0, "SET b 1 -> OK");
    redis(trace, 1, 0, "EXEC -> [OK]");
    redis(trace, 2, 0, "EVALSHA 1b936e3f\xe2\x80\xa6 1 a 60 -> 1");
    redis(trace, 1, 0, "GET \"b\" -> 1");
    redis(trace, 1, 0, "PING -> PONG");
    relations_are(trace, "2>4c 4>5c ");
}

/* ---- what cannot be written, and what is not there
 * ----------------------------------------------- */

Test(writers, a_full_disk_is_reported)
{
    for (size_t i = 0; treadle_writers[i] != NULL; i++) {
        FILE *out = fopen("/dev/full", "w");
        cr_assert_not_null(out);
        const treadle_writer_options options = {.out = out, .width = 80};
        treadle_result result = unknown(); /* no writer has nothing to say of it */
        void *self;
        int error = treadle_writers[i]->begin(&self, &options);
        cr_assert_eq(error, 0);
        error = treadle_writers[i]->result(self, &result);
        const int end_error = treadle_writers[i]->end(self, &(treadle_summary){.results = 1});
        cr_assert(error != 0 || end_error != 0, "%s", treadle_writers[i]->name);
        fclose(out);
    }
}

Test(writers, found_by_name)
{
    cr_assert_eq(treadle_writer_find("text"), &treadle_writer_text);
    cr_assert_eq(treadle_writer_find("json"), &treadle_writer_json);
    cr_assert_eq(treadle_writer_find("junit"), &treadle_writer_junit);
    cr_assert_eq(treadle_writer_find("prometheus"), &treadle_writer_prometheus);
    cr_assert_eq(treadle_writer_find("sarif"), &treadle_writer_sarif);
    cr_assert_eq(treadle_writer_find("github"), &treadle_writer_github);
    cr_assert_eq(treadle_writer_find("markdown"), &treadle_writer_markdown);
    cr_assert_null(treadle_writer_find("yaml"));
    cr_assert_eq(treadle_trace_writer_find("dot"), &treadle_trace_writer_dot);
    cr_assert_null(treadle_trace_writer_find("text"));
}

Test(utf8, escapes)
{
    static const struct {
        const char *from;
        const char *to;
    } cases[] = {{"plain \xc3\xa9 \xe2\x86\x92", "plain \xc3\xa9 \xe2\x86\x92"},
                 {"a\nb\t\r\x1b", "a\\nb\\t\\r\\x1b"},
                 {"\xc0\xaf", "\\xc0\\xaf"},                   /* overlong */
                 {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* surrogate */
                 {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
                 {"\xe2\x82", "\\xe2\\x82"},                   /* cut */
                 {"\x7f\xc2\x9b", "\\x7f\\u{9b}"},
                 {"\xef\xbf\xbe\xef\xb7\x90", "\\u{fffe}\\u{fdd0}"}, /* no characters */
                 {"\xe2\x80\xae", "\\u{202e}"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = treadle_utf8_escape(cases[i].from, strlen(cases[i].from));
        cr_assert_str_eq(text, cases[i].to);
        free(text);
    }
}
