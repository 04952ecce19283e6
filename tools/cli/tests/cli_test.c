// SPDX-License-Identifier: MIT
/* The program from outside: what a user types, what is printed, and the exit status. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/cli/tests/run.h"
#include "tools/explore/journal.h"
#include "tools/explore/token.h"

#define ASSERT_SAYS(text, what) \
    cr_assert(strstr(text, what) != NULL, "\"%s\" is not in: %s", what, text)
#define ASSERT_STATUS(result, wanted)                                                             \
    cr_assert((result).status == (wanted), "status %d, not %d; out: %s err: %s", (result).status, \
              wanted, (result).out, (result).err)

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++) {
        lines += *text == '\n';
    }
    return lines;
}

/* ---- bad input: one line, the nearest name, status 2 ----------------------------------------- */

static void refused(ran result, int status, const char *first, const char *second)
{
    ASSERT_STATUS(result, status);
    ASSERT_SAYS(result.err, first);
    ASSERT_SAYS(result.err, second);
    cr_assert_eq(lines_of(result.err), 1, "more than a line: %s", result.err);
    cr_assert_str_empty(result.out);
    ran_free(&result);
}

Test(cli, names_the_nearest_of_what_it_does_not_know)
{
    refused(TREADLE("chekc"), 2, "unknown command \"chekc\"", "\"check\"");
    refused(TREADLE("check", "litmus/countr"), 2, "unknown scenario", "\"litmus/counter\"");
    refused(TREADLE("check", "litmus/counter", "--variant", "niave"), 2, "unknown variant",
            "\"naive\"");
    refused(TREADLE("check", "--strategy", "randm"), 2, "unknown strategy", "\"random\"");
    refused(TREADLE("check", "--backend", "reddis"), 2, "unknown backend", "\"redis\"");
    refused(TREADLE("check", "--granularity", "synk"), 2, "unknown granularity", "\"sync\"");
    refused(TREADLE("check", "--varaint", "naive"), 2, "unknown option --varaint", "--variant");
    refused(TREADLE("check", "litmus/counter", "--set", "thread=3"), 2, "unknown parameter",
            "\"threads\"");
    refused(TREADLE("check", "--format", "xml"), 2, "unknown format \"xml\"", "junit");
    refused(TREADLE("check", "--format", "promethus"), 2, "unknown format", "\"prometheus\"?");
}

Test(cli, refuses_values_out_of_range)
{
    refused(TREADLE("check", "litmus/counter", "--set", "threads=99"), 2, "threads", "1 to 8");
    refused(TREADLE("check", "litmus/counter", "--set", "threads"), 2, "--set", "NAME=VALUE");
    refused(TREADLE("check", "--seed", "x"), 2, "--seed", "whole number");
    refused(TREADLE("check", "--time", "-1"), 2, "--time", "seconds");
    refused(TREADLE("check", "--redis", "http://x"), 2, "--redis", "redis://");
    refused(TREADLE("replay"), 2, "TOKEN", "replay");
    refused(TREADLE("replay", "tdl1.x", "--format", "perfeto"), 2, "unknown format \"perfeto\"",
            "\"perfetto\"?");
    refused(TREADLE("replay", "tdl1.x", "--from", "9", "--to", "3"), 2, "--from is 9", "--to is 3");
    refused(TREADLE("completion", "tcsh"), 2, "bash, zsh or fish", "tcsh");
}

static char *some_token(void)
{
    ran result = TREADLE("check", "litmus/check_then_act", "--variant", "naive", "--granularity",
                         "sync", "--format", "json");
    ASSERT_STATUS(result, 0);
    char *token = first_token(result.out);
    cr_assert_not_null(token);
    ran_free(&result);
    return token;
}

Test(cli, refuses_tokens_that_are_none)
{
    char *token = some_token();
    char *damaged = strdup(token);
    char *middle = damaged + strlen(damaged) / 2;
    *middle = *middle == 'A' ? 'B' : 'A';
    refused(TREADLE("replay", damaged), 2, "damaged", "copy it again");
    damaged[strlen(damaged) - 8] = '\0';
    memcpy(damaged, token, strlen(damaged));
    refused(TREADLE("replay", damaged), 2, "token", "copied");
    refused(TREADLE("replay", "hello"), 2, "not a treadle token", "tdl1.");
    refused(TREADLE("shrink", "tdl2.abcdef"), 2, "another version", "tdl1.");
    refused(TREADLE("replay", "/dev/null"), 2, "neither a token nor a journal", "/dev/null");
    free(damaged);
    free(token);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

Test(cli, replays_shrinks_and_says_when_a_passing_schedule_is_no_finding)
{
    char *token = some_token();
    ran again = TREADLE("replay", token, "--repeat", "1000");
    ASSERT_STATUS(again, 0);
    ASSERT_SAYS(again.out, "came about again");
    ASSERT_SAYS(again.out, "run 1000 times");
    refused(TREADLE("replay", token, "--from", "1000"), 2, "--from is 1000", "ends with step");
    ran json = TREADLE("replay", token, "--format", "json");
    ASSERT_STATUS(json, 0);
    ASSERT_SAYS(json.out, "\"events\"");
    ran shrunk = TREADLE("shrink", token);
    ASSERT_STATUS(shrunk, 0);
    ASSERT_SAYS(shrunk.out, "over-admission");
    ran_free(&again);
    ran_free(&json);
    ran_free(&shrunk);
    free(token);
}

/* Of what breaks a variant, to be freed. */
static char *token_of(const char *scenario, const char *variant)
{
    ran found = TREADLE("check", scenario, "--variant", variant, "--format", "json");
    char *token = first_token(found.out);
    ran_free(&found);
    cr_assert_not_null(token);
    return token;
}

/* Of a schedule that nobody recorded, to be freed. */
static char *token_for(const char *scenario, const char *variant, const int64_t *parameters,
                       uint32_t parameter_count, uint16_t *decisions, uint32_t count)
{
    treadle_schedule schedule = {
        .cell = {.granularity = TREADLE_GRANULARITY_SYNC, .parameter_count = parameter_count},
        .decisions = decisions,
        .decision_count = count};
    snprintf(schedule.cell.scenario, sizeof schedule.cell.scenario, "%s", scenario);
    snprintf(schedule.cell.variant, sizeof schedule.cell.variant, "%s", variant);
    memcpy(schedule.cell.parameters, parameters, parameter_count * sizeof parameters[0]);
    char *token = treadle_token_encode(&schedule);
    cr_assert_not_null(token);
    return token;
}

/* The same schedule, as if something else had broken. To be freed. */
static char *with_property(const char *token, const char *property)
{
    char error[TREADLE_MESSAGE_MAX];
    treadle_schedule schedule;
    cr_assert_eq(treadle_token_decode(token, &schedule, error, sizeof error), TREADLE_TOKEN_OK);
    snprintf(schedule.property, sizeof schedule.property, "%s", property);
    char *changed = treadle_token_encode(&schedule);
    treadle_schedule_free(&schedule);
    cr_assert_not_null(changed);
    return changed;
}

Test(cli, shrinks_nothing_that_breaks_something_else_by_now)
{
    char *token = some_token();
    char *other = with_property(token, "lost-update");
    refused(TREADLE("shrink", other), 1, "does not break lost-update any more", "over-admission: ");
    free(other);
    free(token);
}

/* It breaks when it is first run, and not when the result is. */
Test(cli, shrinks_nothing_that_breaks_only_once)
{
    uint16_t other_first = 1;
    char *token =
        token_for("litmus/misbehaving", "breaks-once", (const int64_t[]){2}, 1, &other_first, 1);
    refused(TREADLE("shrink", token), 1, "breaks first-time, but not when it was run for the last",
            "not in the decision stream");
    free(token);
}

/* Exploring breaks it once, and never again. */
Test(cli, what_breaks_only_once_is_unknown)
{
    ran result = TREADLE("check", "litmus/misbehaving", "--variant", "breaks-once");
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, "unknown             as expected     first-time: broke once, but not");
    ran_free(&result);
}

/* A server that is not there is none of the schedule's business. */
Test(cli, shrinks_nothing_without_its_server)
{
    char *token = token_of("sliding_window/check_then_add", "naive");
    ran gone = TREADLE("shrink", token, "--redis", "redis://127.0.0.1:1");
    ASSERT_STATUS(gone, 3);
    ASSERT_SAYS(gone.err, "cannot be reached");
    ran_free(&gone);
    free(token);
}

/* Where races are looked for everywhere they come first, and say nothing of what is checked. */
Test(cli, a_race_is_no_proof_that_a_check_can_fail)
{
    ran usual = TREADLE("check", "memory_store/check_then_add");
    ASSERT_STATUS(usual, 0);
    ASSERT_SAYS(usual.out, "1 of 1 workloads");
    ran_free(&usual);
    ran racing = TREADLE("check", "memory_store/check_then_add", "--races", "on");
    ASSERT_STATUS(racing, 0);
    cr_assert_null(strstr(racing.out, "workloads"), "%s", racing.out);
    ran_free(&racing);
}

/* Nor does what a message quotes reach the terminal as it is. */
Test(cli, messages_are_escaped)
{
    refused(TREADLE("check", "a\033[2Jb"), 2, "a\\x1b[2Jb", "unknown scenario");
}

Test(cli, a_replay_says_what_it_does_not_do)
{
    char *token = token_of("litmus/misbehaving", "segfault");
    ran once = TREADLE("replay", token, "--repeat", "10");
    ASSERT_STATUS(once, 0);
    ASSERT_SAYS(once.err, "run once, not 10 times");
    ran_free(&once);
    refused(TREADLE("replay", token, "--format", "json", "--from", "2"), 2, "--from and --to",
            "json is of the whole trace");
    free(token);
}

Test(cli, a_token_in_a_file_is_found)
{
    char *token = some_token();
    char path[] = "/tmp/treadle-test-XXXXXX";
    const int fd = mkstemp(path);
    dprintf(fd, "CI log\n  replay: treadle replay %s\nmore\n", token);
    close(fd);
    ran again = TREADLE("replay", path);
    ASSERT_STATUS(again, 0);
    unlink(path);
    ran_free(&again);
    free(token);
}

Test(cli, the_same_seed_gives_the_same_result_whatever_the_number_of_jobs)
{
    ran one = TREADLE("check", "memory_store/*", "--format", "json", "--jobs", "1");
    ran two = TREADLE("check", "memory_store/*", "--format", "json", "--jobs", "2");
    ASSERT_STATUS(one, 0);
    ASSERT_STATUS(two, 0);
    const char *a = one.out;
    const char *b = two.out;
    int tokens = 0;
    for (;; tokens++) {
        char *left = first_token(a);
        char *right = first_token(b);
        if (left == NULL || right == NULL) {
            cr_assert(left == NULL && right == NULL);
            break;
        }
        cr_assert_str_eq(left, right);
        a = strstr(a, "tdl1.") + 5;
        b = strstr(b, "tdl1.") + 5;
        free(left);
        free(right);
    }
    cr_assert_geq(tokens, 5);
    ran_free(&one);
    ran_free(&two);
}

/* ---- subjects that misbehave -------------------------------------------------------------------
 */

static void misbehaves(const char *variant, const char *verdict, const char *property, int replays)
{
    ran result = TREADLE("check", "litmus/misbehaving", "--variant", variant, "--format", "json");
    ASSERT_STATUS(result, 0);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\"verdict\":\"%s\"", verdict);
    ASSERT_SAYS(result.out, wanted);
    snprintf(wanted, sizeof wanted, "\"property\":\"%s\"", property);
    ASSERT_SAYS(result.out, wanted);
    char *token = first_token(result.out);
    cr_assert_not_null(token, "%s has no token", variant);
    if (replays) {
        ran again = TREADLE("replay", token);
        ASSERT_STATUS(again, 0);
        ASSERT_SAYS(again.out, property);
        ran_free(&again);
    }
    free(token);
    ran_free(&result);
}

Test(cli, a_subject_that_misbehaves_becomes_a_verdict_with_a_token)
{
    misbehaves("segfault", "violated", "crash", 1);
    misbehaves("abort", "violated", "abort", 1);
    misbehaves("exit", "violated", "exit", 1);
    misbehaves("stack-overflow", "violated", "stack-overflow", 1);
    misbehaves("never-ends", "unknown", "step-limit", 1);
    misbehaves("livelock", "violated", "livelock", 1);
    misbehaves("deadlock", "violated", "deadlock", 1);
    misbehaves("leaks-lock", "violated", "lock-leak", 1);
    misbehaves("exhausts-memory", "unknown", "memory-limit", 1);
    misbehaves("loses-thread", "violated", "thread-leak", 1);
    misbehaves("frees-twice", "violated", "double-free", 1);
}

/* A race has its places in the code, and both accesses in the lanes, below `memory` too. */
Test(cli, a_data_race_is_shown_with_both_accesses)
{
    ran result = TREADLE("check", "litmus/publication", "--variant", "naive", "--format", "json");
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, "\"property\":\"data-race\"");
    ASSERT_SAYS(result.out, "allocated at publication.c:");
    ASSERT_SAYS(result.out, "thread-1 wrote 4 bytes at publication.c:");
    ASSERT_SAYS(result.out, "thread-2 reads 4 bytes at publication.c:");
    char *token = first_token(result.out);
    ran_free(&result);
    result = TREADLE("replay", token);
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, "race: wrote");
    ASSERT_SAYS(result.out, "race: reads");
    ASSERT_SAYS(result.out, "came about again");
    ran_free(&result);
    result = TREADLE("replay", token, "--format", "json");
    ASSERT_SAYS(result.out, "\"remarks\":[{\"after\":");
    ran_free(&result);
    result = TREADLE("shrink", token);
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, "data-race: the block of");
    ran_free(&result);
    free(token);
}

/* Without --races an original is judged by what its row says; a solution always by races, too. */
Test(cli, where_races_are_looked_for)
{
    static const char *const cases[][2] = {{"off", "lost-update"},
                                           {"auto", "lost-update"},
                                           {"on", "data-race"},
                                           {"only", "data-race"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ran result = TREADLE("check", "litmus/plain_increment", "--variant", "naive",
                             "--granularity", "memory", "--races", cases[i][0]);
        ASSERT_STATUS(result, 0);
        ASSERT_SAYS(result.out, cases[i][1]);
        ran_free(&result);
    }
    ran result = TREADLE("check", "litmus/publication", "--variant", "naive", "--races", "off");
    ASSERT_STATUS(result, 1);
    ran_free(&result);
    refused(TREADLE("check", "--races", "sometimes"), 2, "--races", "only");
}

Test(cli, bounds_and_symmetry_are_said)
{
    ran result =
        TREADLE("check", "litmus/locked_increment", "--strategy", "delays", "--bound", "2");
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, "no-violation-found");
    ASSERT_SAYS(result.out, "holds up to 2 delays (220 interleavings)");
    ran_free(&result);
    refused(TREADLE("check", "--bound", "few"), 2, "--bound", "few");
    static const char *const cases[][2] = {{"auto", "all interleavings (6 traces), "},
                                           {"off", "all interleavings (6 traces), "},
                                           {"on", "(1 trace but for the threads' numbers), "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        result = TREADLE("check", "litmus/locked_increment", "--set", "increments=1", "--strategy",
                         "dpor", "--symmetry", cases[i][0]);
        ASSERT_STATUS(result, 0);
        ASSERT_SAYS(result.out, cases[i][1]);
        ran_free(&result);
    }
    refused(TREADLE("check", "--symmetry", "sometimes"), 2, "--symmetry", "auto, on or off");
}

Test(cli, a_subject_that_hangs_becomes_a_verdict_with_a_token, .timeout = 60)
{
    misbehaves("hangs", "unknown", "hang", 0);
}

Test(cli, a_subject_that_hangs_and_hears_no_signal_does_too, .timeout = 60)
{
    misbehaves("hangs-deaf", "unknown", "hang", 0);
}

/* ---- the surroundings ------------------------------------------------------------------------ */

Test(cli, without_a_redis_server_memory_is_still_checked)
{
    ran result = TREADLE_WITH("PATH=/nonexistent", "check", "@(sliding_window|memory_store)/check*",
                              "--format", "json");
    ASSERT_STATUS(result, 3);
    ASSERT_SAYS(result.out, "redis-server");
    ASSERT_SAYS(result.out, "\"scenario\":\"memory_store/check_then_add\"");
    ASSERT_SAYS(result.out, "\"verdict\":\"violated\"");
    ran_free(&result);
}

static void kill_server_under(const char *strategy)
{
    const char *const arguments[] = {"check",      "sliding_window/check_then_add",
                                     "--variant",  "fixed",
                                     "--set",      "threads=6",
                                     "--time",     "60",
                                     "--strategy", strategy,
                                     "--format",   "json",
                                     "--jobs",     "1",
                                     NULL};
    running process = start_treadle(NULL, arguments);
    const pid_t server = find_descendant(process.pid, "redis-server");
    cr_assert_neq(server, 0);
    usleep(500000);
    kill(server, SIGKILL);
    ran result = finish_treadle(process);
    ASSERT_STATUS(result, 3);
    ASSERT_SAYS(result.out, "\"verdict\":\"unknown\"");
    ran_free(&result);
}

Test(cli, a_redis_server_killed_in_mid_run_ends_the_cell_not_the_run, .timeout = 90)
{
    kill_server_under("random");
}

/* By then it repeats what cost less: nothing that it saw for the first time is lost, and yet. */
Test(cli, a_redis_server_killed_within_a_bound_proves_nothing, .timeout = 90)
{
    kill_server_under("preemptions");
}

/* The first server that it starts cannot be emptied. */
static const char first_is_broken[] =
    "#!/bin/sh\n"
    "mkdir \"$(dirname \"$0\")/started\" 2>/dev/null || exec redis-server \"$@\"\n"
    "exec redis-server \"$@\" --rename-command FLUSHALL NOFLUSHALL\n";

Test(cli, a_redis_server_that_failed_a_cell_is_not_kept_for_the_next, .timeout = 90)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char script[64];
    snprintf(script, sizeof script, "%s/server", directory);
    const int fd = open(script, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
    const ssize_t length = (ssize_t)strlen(first_is_broken);
    cr_assert_eq(write(fd, first_is_broken, (size_t)length), length);
    close(fd);
    char variable[128];
    snprintf(variable, sizeof variable, "TREADLE_REDIS_SERVER=%s", script);
    ran result = TREADLE_WITH(variable, "check", "sliding_window/sequential", "--jobs", "1",
                              "--format", "json");
    char remove[64];
    snprintf(remove, sizeof remove, "rm -r %s", directory);
    cr_assert_eq(system(remove), 0);
    ASSERT_STATUS(result, 3);
    const char *first = strstr(result.out, "\"verdict\":\"unknown\"");
    cr_assert_not_null(first, "%s", result.out);
    cr_assert_null(strstr(first + 1, "\"verdict\":\"unknown\""), "%s", result.out);
    ASSERT_SAYS(result.out, "\"verdict\":\"holds\"");
    ran_free(&result);
}

Test(cli, every_fault_that_was_allowed_for_is_named)
{
    ran result = TREADLE("check", "sliding_window/@(error_is_reported|scripts_lost|cut_anywhere)",
                         "--variant", "fixed");
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, ", at most 1 cut connection, at most 1 refused write\n");
    ASSERT_SAYS(result.out, ", at most 6 losses of the scripts\n");
    ASSERT_SAYS(result.out, ", at most 3 cut connections\n");
    ran_free(&result);
}

/* A server that is not the program's own, in `directory`. */
static pid_t start_server(const char *directory)
{
    char path[128];
    snprintf(path, sizeof path, "%s/socket", directory);
    const pid_t pid = fork();
    if (pid == 0) {
        execlp("redis-server", "redis-server", "--port", "0", "--save", "", "--unixsocket", path,
               "--logfile", "/dev/null", NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000 && access(path, F_OK) != 0; i++) {
        usleep(10000);
    }
    return pid;
}

Test(cli, a_server_that_was_given_is_spared_faults_and_clocks, .timeout = 90)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char url[128];
    snprintf(url, sizeof url, "unix://%s/socket", directory);
    const pid_t server = start_server(directory);
    ran result = TREADLE("check", "sliding_window/@(evicted|scripts_lost|boundary|cut_anywhere)",
                         "--redis", url);
    ran own = TREADLE("check", "sliding_window/evicted", "--variant", "fixed");
    char *token = first_token(own.out);
    ran replayed = TREADLE("replay", token, "--redis", url);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    snprintf(url, sizeof url, "rm -r %s", directory);
    cr_assert_eq(system(url), 0);
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.err, "7 cells left out: the scenario strikes faults in the server");
    ASSERT_SAYS(result.err, "5 cells left out: the scenario moves the clock");
    ASSERT_SAYS(result.out, "5 cells in ");
    ASSERT_SAYS(result.out, "cut_anywhere");
    refused(replayed, 2, "sliding_window/evicted", "strikes faults in the server");
    ran_free(&result);
    ran_free(&own);
    free(token);
}

Test(cli, output_that_cannot_be_written_is_said_before_anything_runs)
{
    refused(TREADLE("check", "litmus/counter", "--output", "/nonexistent/report"), 3,
            "/nonexistent/report", "No such file");
    refused(TREADLE("check", "litmus/counter", "--output", "/tmp"), 3, "/tmp", "directory");
    refused(TREADLE("check", "litmus/counter", "--metrics", "/nonexistent/m"), 3, "/nonexistent/m",
            "No such file");
    refused(TREADLE("check", "litmus/counter", "--log", "/nonexistent/log"), 3, "/nonexistent/log",
            "No such file");
}

Test(cli, output_appears_whole)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char path[128];
    snprintf(path, sizeof path, "%s/report.xml", directory);
    ran result = TREADLE("check", "litmus/counter", "--format", "junit", "--output", path);
    ASSERT_STATUS(result, 0);
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_gt(status.st_size, 200);
    unlink(path);
    cr_assert_eq(rmdir(directory), 0, "something was left beside the report");
    ran_free(&result);
}

/* As root, a rename over /dev/stdout would replace it for the whole machine. */
Test(cli, a_link_or_a_pipe_is_written_to_and_not_replaced)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char target[64];
    char link[64];
    char pipe_path[64];
    snprintf(target, sizeof target, "%s/target", directory);
    snprintf(link, sizeof link, "%s/link", directory);
    snprintf(pipe_path, sizeof pipe_path, "%s/pipe", directory);
    cr_assert_eq(symlink(target, link), 0);
    cr_assert_eq(mkfifo(pipe_path, 0600), 0);
    const int reader = open(pipe_path, O_RDWR | O_CLOEXEC); /* so that nobody waits */
    ran result = TREADLE("check", "litmus/counter", "--output", link, "--metrics", pipe_path);
    ASSERT_STATUS(result, 0);
    struct stat status;
    cr_assert(lstat(link, &status) == 0 && S_ISLNK(status.st_mode), "the link was replaced");
    cr_assert(stat(target, &status) == 0 && status.st_size > 100);
    cr_assert(lstat(pipe_path, &status) == 0 && S_ISFIFO(status.st_mode), "the pipe was replaced");
    char metrics[8];
    cr_assert_eq(read(reader, metrics, 6), 6);
    cr_assert_eq(memcmp(metrics, "# HELP", 6), 0);
    close(reader);
    unlink(target);
    unlink(link);
    unlink(pipe_path);
    cr_assert_eq(rmdir(directory), 0, "something was left beside them");
    ran_free(&result);
}

static char *read_and_remove(const char *path)
{
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "no %s", path);
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, '\0', file) < 0) {
        text[0] = '\0';
    }
    fclose(file);
    unlink(path);
    return text;
}

Test(cli, an_error_leaves_what_was_written_before)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char old[64];
    snprintf(old, sizeof old, "%s/old", directory);
    const char *const failing[][8] = {
        {"check", "litmus/counter", "--metrics", old, "--output", "/no/such/folder/x", NULL},
        {"check", "litmus/counter", "--output", old, "--regressions", "/no/such/folder", NULL},
        {"claims", "nothing/*", "--format", "markdown", "--output", old, NULL},
    };
    for (size_t i = 0; i < sizeof failing / sizeof failing[0]; i++) {
        FILE *file = fopen(old, "we");
        cr_assert(file != NULL && fputs("old", file) > 0 && fclose(file) == 0);
        ran result = run_treadle(NULL, failing[i]);
        cr_expect_neq(result.status, 0);
        char *left = read_and_remove(old);
        cr_expect_str_eq(left, "old", "run %zu left \"%s\"", i, left);
        free(left);
        ran_free(&result);
    }
    cr_assert_eq(rmdir(directory), 0, "something was left beside it");
}

Test(cli, a_report_does_not_tell_a_password)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    ran result = TREADLE("report", "litmus/counter", "--redis=redis://me:secret@localhost:1/",
                         "--output", directory);
    ASSERT_STATUS(result, 0);
    ran_free(&result);
    char command[128];
    snprintf(command, sizeof command, "! grep -rq secret %s && grep -q '[*]@localhost' %s/*.json",
             directory, directory);
    cr_expect_eq(system(command), 0);
    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_assert_eq(system(command), 0);
}

Test(cli, metrics_and_a_log_beside_the_report)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char metrics_path[64];
    char log_path[64];
    snprintf(metrics_path, sizeof metrics_path, "%s/treadle.prom", directory);
    snprintf(log_path, sizeof log_path, "%s/detections.jsonl", directory);
    for (int round = 0; round < 2; round++) {
        ran result = TREADLE("check", "litmus/@(counter|locked_increment)", "--format", "json",
                             "--metrics", metrics_path, "--log", log_path);
        ASSERT_STATUS(result, 0);
        ASSERT_SAYS(result.out, "\"scenario\":\"litmus/counter\"");
        ran_free(&result);
    }
    char *metrics = read_and_remove(metrics_path);
    ASSERT_SAYS(metrics, "# TYPE treadle_detections_total counter\n");
    ASSERT_SAYS(metrics, "treadle_verdicts_total{component=\"litmus\",verdict=\"violated\","
                         "as_expected=\"true\"} ");
    char *log = read_and_remove(log_path);
    cr_assert_eq(rmdir(directory), 0, "something was left beside them");
    cr_assert_geq(lines_of(log), 2, "the second run did not append: %s", log);
    cr_assert_eq(lines_of(log) % 2, 0, "two runs of the same find the same: %s", log);
    for (const char *line = log; *line != '\0'; line = strchr(line, '\n') + 1) {
        ASSERT_SAYS(line, "\"level\":\"info\",\"event\":\"detection\",\"expected\":true");
        ASSERT_SAYS(line, "\"token\":\"tdl1.");
    }
    free(metrics);
    free(log);
}

/* The first cell goes on and on, and the report waits for it; the second one fails at once. */
Test(cli, a_log_line_is_there_when_its_cell_is_finished, .timeout = 60)
{
    char path[] = "/tmp/treadle-test-XXXXXX";
    const int fd = mkstemp(path);
    const char *const arguments[] = {"check",
                                     "litmus/counter",
                                     "--variant",
                                     "naive",
                                     "--strategy",
                                     "random",
                                     "--executions",
                                     "100000000000",
                                     "--time",
                                     "50",
                                     "--jobs",
                                     "2",
                                     "--log",
                                     path,
                                     NULL};
    running process = start_treadle(NULL, arguments);
    struct stat status = {0};
    for (int waited_ms = 0; waited_ms < 20000 && status.st_size == 0; waited_ms += 50) {
        usleep(50000);
        cr_assert_eq(fstat(fd, &status), 0);
    }
    struct stat report;
    cr_assert_eq(fstat(process.out, &report), 0);
    kill(process.pid, SIGINT);
    ran result = finish_treadle(process);
    close(fd);
    unlink(path);
    cr_assert_gt(status.st_size, 100, "nothing logged in 20 s; err: %s", result.err);
    cr_assert_eq(report.st_size, 0, "the report did not wait: %s", result.out);
    ASSERT_SAYS(result.out, "nterrupted");
    ran_free(&result);
}

Test(cli, metrics_that_cannot_be_written_are_a_failure)
{
    refused(TREADLE("check", "litmus/counter", "--output", "/dev/null/x"), 3, "/dev/null/x",
            "Not a directory");
    ran result = TREADLE("check", "litmus/counter", "--log", "/dev/full");
    ASSERT_STATUS(result, 3);
    ASSERT_SAYS(result.err, "cannot write /dev/full: No space left");
    cr_assert_eq(lines_of(result.err), 1, "more than a line: %s", result.err);
    ran_free(&result);
}

Test(cli, an_interrupt_ends_with_what_is_known, .timeout = 60)
{
    const char *const arguments[] = {"check",
                                     "litmus/@(counter|locked_increment)",
                                     "--time",
                                     "50",
                                     "--executions",
                                     "100000000000",
                                     "--strategy",
                                     "random",
                                     NULL};
    running process = start_treadle(NULL, arguments);
    usleep(1500000);
    kill(process.pid, SIGINT);
    ran result = finish_treadle(process);
    cr_assert(result.status == 4 || result.status == 1, "status %d", result.status);
    ASSERT_SAYS(result.out, "litmus/counter");
    ASSERT_SAYS(result.out, "nterrupted");
    ran_free(&result);
}

/* Kept schedules are replayed first. */
Test(cli, an_interrupt_before_anything_is_explored_leaves_nothing, .timeout = 60)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char environment[64];
    char path[64];
    snprintf(environment, sizeof environment, "TMPDIR=%s", directory);
    snprintf(path, sizeof path, "%s/report.xml", directory);
    const char *const arguments[] = {"check", "--format", "junit", "--output", path, NULL};
    running process = start_treadle(environment, arguments);
    usleep(150000);
    kill(process.pid, SIGINT);
    ran result = finish_treadle(process);
    ASSERT_STATUS(result, 4);
    ran_free(&result);
    char command[128];
    snprintf(command, sizeof command, "test \"$(ls -A %s)\" = report.xml && rm -r %s", directory,
             directory);
    cr_assert_eq(system(command), 0);
}

/* A schedule that takes long to shrink: 8 threads, switched at random. To be freed. */
static char *long_token(void)
{
    enum { LENGTH = 16000 };
    static uint16_t decisions[LENGTH];
    uint32_t random = 1;
    for (uint32_t i = 0; i < LENGTH; i++) {
        random = random * 1103515245 + 12345;
        decisions[i] = random >> 16 & 1;
    }
    return token_for("litmus/counter", "naive", (const int64_t[]){8, 1000, 1}, 3, decisions,
                     LENGTH);
}

static void wait_until_it_catches(pid_t pid, int number)
{
    char path[64];
    unsigned long long caught = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    for (int i = 0; i < 10000 && !(caught >> (number - 1) & 1); i++) {
        char line[256];
        FILE *file = fopen(path, "re");
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            sscanf(line, "SigCgt: %llx", &caught);
        }
        if (file != NULL) {
            fclose(file);
        }
        usleep(1000);
    }
    if (!(caught >> (number - 1) & 1)) {
        kill(pid, SIGKILL);
        cr_assert_fail("signal %d ends it", number);
    }
}

/* The lanes are too long to be quoted. */
Test(cli, an_interrupt_ends_shrinking_with_the_shortest_so_far, .timeout = 30)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char environment[64];
    snprintf(environment, sizeof environment, "TMPDIR=%s", directory);
    char *schedule = long_token();
    ran spent = TREADLE_WITH(environment, "shrink", schedule, "--executions", "10");
    cr_assert_eq(spent.status, 0);
    cr_assert_not_null(strstr(spent.out, "the budget is spent: a shorter one may exist"));
    ran_free(&spent);
    const char *const arguments[] = {"shrink", schedule, "-n", "100000000", "-t", "50", NULL};
    running process = start_treadle(environment, arguments);
    wait_until_it_catches(process.pid, SIGINT);
    kill(process.pid, SIGINT);
    ran result = finish_treadle(process);
    cr_assert_eq(result.status, 4, "status %d: %s", result.status, result.err);
    cr_assert_not_null(strstr(result.out, "lost-update: "));
    cr_assert_not_null(strstr(result.out, "interrupted: a shorter one may exist"));
    char *token = first_token(result.out);
    cr_assert_not_null(token);
    ran again = TREADLE("replay", token);
    cr_assert_eq(again.status, 0, "%s", again.err);
    ran_free(&again);
    free(token);
    ran_free(&result);
    free(schedule);
    cr_assert_eq(rmdir(directory), 0, "something was left behind");
}

Test(cli, an_interrupt_ends_repeating_a_replay, .timeout = 30)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char environment[64];
    snprintf(environment, sizeof environment, "TMPDIR=%s", directory);
    char *token = some_token();
    const char *const arguments[] = {"replay", token, "--repeat", "1000000000", NULL};
    running process = start_treadle(environment, arguments);
    wait_until_it_catches(process.pid, SIGINT);
    kill(process.pid, SIGINT);
    ran result = finish_treadle(process);
    ASSERT_STATUS(result, 4);
    ASSERT_SAYS(result.out, "The recorded verdict came about again.");
    ASSERT_SAYS(result.err, "interrupted: run ");
    ran_free(&result);
    free(token);
    cr_assert_eq(rmdir(directory), 0, "something was left behind");
}

Test(cli, two_runs_at_once_do_not_disturb_each_other, .timeout = 90)
{
    const char *const arguments[] = {"check", "sliding_window/*", "--format", "json", NULL};
    running one = start_treadle(NULL, arguments);
    running two = start_treadle(NULL, arguments);
    ran first = finish_treadle(one);
    ran second = finish_treadle(two);
    ASSERT_STATUS(first, 0);
    ASSERT_STATUS(second, 0);
    ran_free(&first);
    ran_free(&second);
}

/* Replays a copy of a journal with 0xff in place of some of its bytes; cut off there, when they are
 * none. */
static ran replay_damaged(const char *path, size_t offset, size_t size)
{
    static uint8_t ones[sizeof(treadle_cell)];
    char damaged[300];
    char command[600];
    cr_assert_leq(size, sizeof ones);
    memset(ones, 0xff, sizeof ones);
    snprintf(damaged, sizeof damaged, "%s-damaged", path);
    snprintf(command, sizeof command, "cp %s %s", path, damaged);
    cr_assert_eq(system(command), 0);
    const int fd = open(damaged, O_WRONLY | O_CLOEXEC);
    const ssize_t written = pwrite(fd, ones, size, (off_t)offset);
    cr_assert_eq(written, (ssize_t)size);
    cr_assert(size > 0 || ftruncate(fd, (off_t)offset) == 0);
    close(fd);
    return TREADLE("replay", damaged);
}

static void refuses_damaged(const char *path)
{
    refused(replay_damaged(path, sizeof(treadle_journal) / 2, 0), 2,
            "neither a token nor a journal", path);
    refused(replay_damaged(path, offsetof(treadle_journal, magic), 1), 2,
            "neither a token nor a journal", path);
    refused(replay_damaged(path, offsetof(treadle_journal, cell), sizeof(treadle_cell)), 2,
            "journal", path);
    refused(replay_damaged(path, offsetof(treadle_journal, cell.parameters), sizeof(int64_t)), 2,
            "parameters do not fit", "litmus/misbehaving");
    refused(replay_damaged(path, offsetof(treadle_journal, decisions.count), 4), 2, "journal",
            path);
}

Test(cli, a_killed_run_leaves_a_journal_that_replays_and_no_process, .timeout = 60)
{
    char directory[] = "/tmp/treadle-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    char environment[64];
    snprintf(environment, sizeof environment, "TMPDIR=%s", directory);
    const char *const arguments[] = {"check", "litmus/misbehaving", "--variant", "hangs", NULL};
    running process = start_treadle(environment, arguments);
    usleep(2000000);
    kill(process.pid, SIGKILL);
    ran killed = finish_treadle(process);
    ran_free(&killed);
    char command[256];
    char path[256] = "";
    snprintf(command, sizeof command, "ls %s/treadle-run-*/journal-1", directory);
    FILE *pipe = popen(command, "re");
    cr_assert_not_null(fgets(path, sizeof path, pipe));
    pclose(pipe);
    path[strcspn(path, "\n")] = '\0';
    ran again = TREADLE("replay", path);
    ASSERT_SAYS(again.out, "hang");
    ran_free(&again);
    refuses_damaged(path);
    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_assert_eq(system(command), 0);
}

/* ---- the claims ledger -------------------------------------------------------------------------
 */

/* The text of "key":"value" in a line of JSON; "" when it is null or absent. */
static void field(const char *line, const char *key, char *out, size_t size)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *from = strstr(line, pattern);
    const char *end = strchr(line, '\n');
    out[0] = '\0';
    if (from != NULL && (end == NULL || from < end)) {
        from += strlen(pattern);
        snprintf(out, size, "%.*s", (int)strcspn(from, "\""), from);
    }
}

/* What the committed ledger says of a claim: its row, up to the ruling. */
static bool committed_says(const char *ledger, const char *claim, const char *ruling)
{
    char row[96];
    snprintf(row, sizeof row, "| %s | ", claim);
    const char *from = strstr(ledger, row);
    const char *end = from != NULL ? strchr(from, '\n') : NULL;
    char cell[80];
    snprintf(cell, sizeof cell, " | %s | ", ruling);
    const char *found = from != NULL ? strstr(from, cell) : NULL;
    return found != NULL && found < end;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s cannot be read", path);
    char *text = calloc(1, 1 << 20);
    cr_assert_gt(fread(text, 1, (1 << 20) - 1, file), 0);
    fclose(file);
    return text;
}

Test(claims, every_one_is_decided_as_in_the_committed_ledger)
{
    char *committed = read_file(TREADLE_SOURCE_DIR "/reports/claims.md");
    ran result = TREADLE("claims", "--format", "json");
    ASSERT_STATUS(result, 0);
    int claims = 0;
    int defects = 0;
    for (const char *line = result.out; *line != '\0'; claims++) {
        char claim[64];
        char ruling[64];
        char token[8192];
        field(line, "claim", claim, sizeof claim);
        field(line, "ruling", ruling, sizeof ruling);
        field(line, "token", token, sizeof token);
        cr_assert(committed_says(committed, claim, ruling), "%s: %s is not what is committed",
                  claim, ruling);
        const bool shown = strncmp(ruling, "true", 4) == 0;
        const char *end = strchr(line, '\n');
        const char *defect = strstr(line, "\"defect\":true");
        defects += shown && token[0] != '\0' && defect != NULL && defect < end;
        line = end != NULL ? end + 1 : "";
    }
    cr_assert_geq(claims, 40);
    cr_assert_geq(defects, 15, "%d defects of the proposals, each with a token", defects);
    ran_free(&result);
    free(committed);
}

/* Whether a claim's evidence was found where plain accesses are steps: those differ between
 * compilers, so its token is for the gcc build, which made it. */
static bool for_gcc_only(const char *ledger, const char *line)
{
    char row[96];
    snprintf(row, sizeof row, "| %.*s | ", (int)strcspn(line + 2, ":"), line + 2);
    const char *from = strstr(ledger, row);
    cr_assert_not_null(from, "no row of the ledger for: %s", line);
    const char *memory = strstr(from, " memory memory | ");
    return memory != NULL && memory < strchr(from, '\n');
}

Test(claims, every_committed_token_replays)
{
#ifdef __clang__
    const bool gcc = false;
#else
    const bool gcc = true;
#endif
    char *committed = read_file(TREADLE_SOURCE_DIR "/reports/claims.md");
    char *ledger = strdup(committed);
    int tokens = 0;
    char *rest = NULL;
    for (char *line = strtok_r(committed, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *token = strncmp(line, "- ", 2) == 0 ? first_token(line) : NULL;
        if (token == NULL || (!gcc && for_gcc_only(ledger, line))) {
            free(token);
            continue;
        }
        ran again = TREADLE("replay", token);
        ASSERT_STATUS(again, 0);
        ran_free(&again);
        free(token);
        tokens++;
    }
    cr_assert_geq(tokens, 40);
    free(ledger);
    free(committed);
}

Test(claims, names_what_it_does_not_know)
{
    refused(TREADLE("claims", "--format", "xml"), 2, "unknown format", "markdown");
    refused(TREADLE("claims", "nothing/*"), 2, "no claim", "treadle list");
}

/* ---- kept schedules -------------------------------------------------------------------------- */

/* A folder with one file of one line. */
static void keep_line(char *folder, const char *format, const char *token)
{
    char path[128];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/kept", folder);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("# said in a comment\n\n", file);
    fprintf(file, format, token);
    fclose(file);
}

static ran check_kept(const char *format, const char *token)
{
    char folder[] = "/tmp/treadle-test-XXXXXX";
    keep_line(folder, format, token);
    ran result = TREADLE("check", "litmus/check_then_act", "--regressions", folder);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    return result;
}

Test(cli, kept_schedules_are_replayed_first)
{
    char *token = some_token();
    ran result = check_kept("breaks %s  the act trusts the check\n", token);
    ASSERT_STATUS(result, 0);
    ASSERT_SAYS(result.out, "1 of 1 kept schedules do what they should");
    ran_free(&result);
    free(token);
}

/* The quiet schedule of that scenario breaks nothing, though this token says so. */
static const char breaks_nothing[] =
    "tdl1.FWxpdG11cy9jaGVja190aGVuX2FjdAVuYWl2ZQACAwQCAg5vdmVyLWFkbWlzc2lvbqjGuvf51-2IOQoAAABxUDKM";

Test(cli, a_kept_schedule_that_does_something_else_is_told)
{
    ran result = check_kept("breaks %s  it once did\n", breaks_nothing);
    ASSERT_STATUS(result, 1);
    ASSERT_SAYS(result.err, "kept:3: litmus/check_then_act naive no longer breaks over-admission");
    ASSERT_SAYS(result.out, "0 of 1 kept schedules do what they should");
    ran_free(&result);
    result = check_kept("passes %s  it was mended\n", breaks_nothing);
    ASSERT_STATUS(result, 2);
    ASSERT_SAYS(result.err, "kept:3: the row expects that this is violated");
    ran_free(&result);
}

Test(cli, lines_that_keep_nothing_are_refused)
{
    char *token = some_token();
    ran result = check_kept("breaks %s\n", token);
    ASSERT_STATUS(result, 2);
    ASSERT_SAYS(result.err, "kept:3: the reason is missing");
    ran_free(&result);
    result = check_kept("fails %s  x\n", token);
    ASSERT_STATUS(result, 2);
    ASSERT_SAYS(result.err, "\"breaks\" or \"passes\"");
    ran_free(&result);
    token[strlen(token) / 2] ^= 1;
    result = check_kept("breaks %s  x\n", token);
    ASSERT_STATUS(result, 2);
    ASSERT_SAYS(result.err, "damaged");
    ran_free(&result);
    result = TREADLE("check", "litmus/counter", "--regressions", "/nonexistent");
    ASSERT_STATUS(result, 3);
    ASSERT_SAYS(result.err, "/nonexistent");
    ran_free(&result);
    free(token);
}
