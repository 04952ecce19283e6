// SPDX-License-Identifier: MIT
/* Exploring a space with several processes: the counts of one, whoever finds something or dies. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/checkers/races.h"
#include "tools/explore/crew.h"
#include "tools/explore/explorer.h"
#include "tools/explore/sandbox.h"
#include "tools/explore/token.h"
#include "tools/strategies/strategies.h"

static treadle_journal *open_journal(const char *scenario, const char *variant,
                                     const int64_t *parameters, uint32_t count)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/treadle-explorer-test-%d", (int)getpid());
    treadle_journal *journal = treadle_journal_create(path);
    cr_assert_not_null(journal);
    unlink(path);
    snprintf(journal->cell.scenario, sizeof journal->cell.scenario, "%s", scenario);
    snprintf(journal->cell.variant, sizeof journal->cell.variant, "%s", variant);
    journal->cell.granularity = TREADLE_GRANULARITY_SYNC;
    memcpy(journal->cell.parameters, parameters, count * sizeof parameters[0]);
    journal->cell.parameter_count = count;
    journal->races = TREADLE_RACES_OFF;
    return journal;
}

static treadle_explore_report explore(treadle_journal *journal, uint32_t explorers,
                                      uint64_t executions_max)
{
    const treadle_explore_request request = {
        .strategy = "dpor", .executions_max = executions_max, .explorers = explorers};
    treadle_explore_report report;
    treadle_sandbox *sandbox = treadle_sandbox_open(journal, NULL);
    cr_assert_not_null(sandbox);
    cr_assert_eq(treadle_sandbox_explore(sandbox, &request, &report), 0);
    treadle_sandbox_close(sandbox);
    return report;
}

/* Three threads, four locked increments each: 34,650 traces. */
static const int64_t small[] = {3, 4, 1};
/* More than anyone will come to the end of. */
static const int64_t large[] = {5, 5, 1};

Test(explorers, come_to_the_counts_of_one)
{
    treadle_journal *journal = open_journal("litmus/locked_increment", "fixed", small, 3);
    const treadle_explore_report alone = explore(journal, 1, 0);
    cr_assert(alone.complete);
    cr_expect_eq(alone.executions, 34650);
    cr_expect_eq(alone.elsewhere, 0);
    uint64_t elsewhere = 0;
    for (int i = 0; i < 50 && elsewhere == 0; i++) {
        const treadle_explore_report divided = explore(journal, 2 + (uint32_t)i % 3, 0);
        cr_expect(divided.complete);
        cr_expect_eq(divided.executions, alone.executions);
        cr_expect_eq(divided.steps, alone.steps);
        cr_expect_eq(divided.outcome.kind, TREADLE_OUTCOME_PASSED);
        elsewhere = divided.elsewhere;
    }
    cr_expect_gt(elsewhere, 0, "nothing was divided");
}

Test(explorers, spend_the_budget_of_one)
{
    treadle_journal *journal = open_journal("litmus/locked_increment", "fixed", small, 3);
    for (uint64_t most = 34649; most <= 34651; most++) {
        const treadle_explore_report report = explore(journal, 3, most);
        cr_expect_eq(report.complete, most >= 34650, "%lu", most);
        cr_expect_eq(report.executions, most < 34650 ? most : 34650, "%lu", most);
    }
}

Test(explorers, find_what_one_finds)
{
    static const int64_t stages[] = {2, 5};
    treadle_journal *journal = open_journal("litmus/staged_check_then_act", "naive", stages, 2);
    const treadle_explore_report report = explore(journal, 3, 0);
    cr_assert_eq(report.outcome.kind, TREADLE_OUTCOME_VIOLATED);
    cr_expect_str_eq(report.outcome.property, "over-admission");

    treadle_sandbox *sandbox = treadle_sandbox_open(journal, NULL);
    const treadle_replay_request again = {.decisions = journal->decisions.values,
                                          .count = journal->decisions.count};
    treadle_outcome outcome;
    cr_assert_eq(treadle_sandbox_replay(sandbox, &again, &outcome), 0);
    cr_expect_str_eq(outcome.property, "over-admission", "the schedule is that of the finding");
    treadle_sandbox_close(sandbox);
}

/* ---- seen from outside ----------------------------------------------------------------------- */

/* The first child of a process; 0 when it has none. */
static pid_t child_of(pid_t parent)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "re");
    int child = 0;
    if (file != NULL) {
        if (fscanf(file, "%d", &child) != 1) {
            child = 0;
        }
        fclose(file);
    }
    return child;
}

static pid_t wait_for_other(void)
{
    pid_t other = 0;
    while (other == 0) {
        usleep(1000);
        const pid_t sandbox = child_of(getpid());
        other = sandbox != 0 ? child_of(sandbox) : 0;
    }
    return other;
}

static void *kill_other(void *unused)
{
    (void)unused;
    kill(wait_for_other(), SIGKILL);
    return NULL;
}

Test(explorers, one_that_is_killed_ends_them_all, .timeout = 120)
{
    treadle_journal *journal = open_journal("litmus/locked_increment", "fixed", large, 3);
    pthread_t killer;
    pthread_create(&killer, NULL, kill_other, NULL);
    const treadle_explore_report report = explore(journal, 3, 0);
    pthread_join(killer, NULL);
    cr_expect_eq(report.outcome.kind, TREADLE_OUTCOME_CUT);
    cr_expect_str_eq(report.outcome.property, "killed");
    cr_expect_not(report.complete);
}

static void *stop_all(void *context)
{
    treadle_journal *journal = context;
    wait_for_other();
    atomic_store(&journal->stop, true);
    return NULL;
}

Test(explorers, stop_when_asked_to, .timeout = 120)
{
    treadle_journal *journal = open_journal("litmus/locked_increment", "fixed", large, 3);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_all, journal);
    const treadle_explore_report report = explore(journal, 3, 0);
    pthread_join(stopper, NULL);
    cr_expect(report.interrupted);
    cr_expect_not(report.complete);
    cr_expect_gt(report.executions, 0);
}

/* ---- with --races only ----------------------------------------------------------------------- */

static void end_at(void *property)
{
    treadle_stop(TREADLE_OUTCOME_CUT, property, "as far as this can be followed");
}

/* Ten executions that all end so, in this process. */
static treadle_explorer explore_only_races(treadle_journal *journal, const char *property)
{
    cr_assert_eq(treadle_engine_open(&journal->decisions), 0);
    journal->races = TREADLE_RACES_ONLY;
    journal->request = (treadle_explore_request){.executions_max = 10};
    const treadle_program program = {end_at, (void *)(uintptr_t)property};
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_SYNC};
    const treadle_strategy_options strategy_options = {.seed = 1};
    treadle_explorer explorer = {.journal = journal,
                                 .program = &program,
                                 .options = &options,
                                 .strategy = &treadle_strategy_random,
                                 .strategy_options = &strategy_options,
                                 .self = treadle_strategy_random.create(&strategy_options),
                                 .explorers = 1};
    treadle_explorer_run(&explorer);
    treadle_strategy_random.destroy(explorer.self);
    return explorer;
}

/* What was cut short by something else showed no race that far, and is told apart from what came to
 * its end. */
Test(races_only, goes_on_after_what_is_no_race)
{
    treadle_journal *journal = open_journal("litmus/locked_increment", "fixed", small, 3);
    const treadle_explorer explorer = explore_only_races(journal, "step-limit");
    cr_expect_eq(atomic_load(&journal->executions), 10);
    cr_expect_eq(explorer.tally.cut_short, 10);
    cr_expect_eq(journal->outcome.kind, TREADLE_OUTCOME_PASSED);
}

/* Past its limit the detector sees none: that is no verdict on races. */
Test(races_only, ends_where_races_could_not_be_followed)
{
    treadle_journal *journal = open_journal("litmus/locked_increment", "fixed", small, 3);
    const treadle_explorer explorer = explore_only_races(journal, TREADLE_PROPERTY_RACE_LIMIT);
    cr_expect_eq(atomic_load(&journal->executions), 1);
    cr_expect_eq(explorer.tally.cut_short, 0);
    cr_expect_eq(journal->outcome.kind, TREADLE_OUTCOME_CUT);
    cr_expect_str_eq(journal->outcome.property, TREADLE_PROPERTY_RACE_LIMIT);
}

/* ---- what they share ------------------------------------------------------------------------- */

Test(crew, spends_a_budget_to_the_last_execution)
{
    treadle_crew *crew = treadle_crew_open(3, 100);
    cr_assert_not_null(crew);
    uint32_t spent = 0;
    while (treadle_crew_spend(crew, spent * 7 % 3)) {
        spent++;
    }
    cr_expect_eq(spent, 100);
    treadle_crew_close(crew);
}

Test(crew, hands_a_part_over_once)
{
    treadle_crew *crew = treadle_crew_open(2, 0);
    cr_assert_not_null(crew);
    cr_expect_not(treadle_crew_hungry(crew));
    treadle_crew_idle_begin(crew, 1);
    cr_expect(treadle_crew_hungry(crew));
    const uint32_t part = treadle_crew_offer(crew, 0, "part", 4);
    cr_expect_not(treadle_crew_hungry(crew), "there is something on offer");
    cr_expect_eq(treadle_crew_take_any(crew), part);
    cr_expect_not(treadle_crew_take(crew, part));
    cr_expect_eq(treadle_crew_take_any(crew), TREADLE_NO_PART);
    const treadle_tally tally = {.executions = 3};
    treadle_crew_give_back(crew, part, "found", 5, &tally);
    cr_expect_eq(crew->parts[part].state, TREADLE_PART_GIVEN_BACK);
    cr_expect_arr_eq(crew->parts[part].bytes, "found", 5);
    treadle_crew_abandon(crew, part);
    cr_expect_eq(crew->parts[part].state, TREADLE_PART_FREE);
    treadle_crew_close(crew);
}

Test(crew, forgets_a_part_that_nobody_needs)
{
    treadle_crew *crew = treadle_crew_open(2, 0);
    cr_assert_not_null(crew);
    const uint32_t taken = treadle_crew_offer(crew, 0, "a", 1);
    const uint32_t offered = treadle_crew_offer(crew, 0, "b", 1);
    cr_assert(treadle_crew_take(crew, taken));
    treadle_crew_abandon(crew, taken);
    treadle_crew_abandon(crew, offered);
    cr_expect_eq(treadle_crew_take_any(crew), TREADLE_NO_PART);
    cr_expect_neq(crew->parts[taken].state, TREADLE_PART_FREE, "someone still works on it");
    const treadle_tally none = {0};
    treadle_crew_give_back(crew, taken, "c", 1, &none);
    cr_expect_eq(crew->parts[taken].state, TREADLE_PART_FREE);
    treadle_crew_close(crew);
}

Test(crew, refuses_more_parts_than_it_has_place_for)
{
    treadle_crew *crew = treadle_crew_open(2, 0);
    cr_assert_not_null(crew);
    for (uint32_t i = 0; i < TREADLE_CREW_PARTS; i++) {
        cr_assert_neq(treadle_crew_offer(crew, 0, "a", 1), TREADLE_NO_PART);
    }
    cr_expect_eq(treadle_crew_offer(crew, 0, "a", 1), TREADLE_NO_PART);
    treadle_crew_close(crew);
}
