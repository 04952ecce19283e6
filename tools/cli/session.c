// SPDX-License-Identifier: MIT
#include "tools/cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/checkers/races.h"
#include "tools/cli/cli.h"
#include "tools/engine/leaks.h"
#include "tools/explore/jobs.h"
#include "tools/redis/redis_url.h"

static int open_server(treadle_session *session, const char *redis_url)
{
    char error[TREADLE_MESSAGE_MAX];
    const char *scenario = session->journal->cell.scenario;
    const char *reason = treadle_scenario_needs_own_server(treadle_scenario_find(scenario));
    if (redis_url != NULL && reason != NULL) {
        treadle_cli_error("%s %s", scenario, reason);
        return TREADLE_EXIT_USAGE;
    }
    if (redis_url != NULL) {
        if (treadle_redis_url_parse(redis_url, &session->target, error, sizeof error) != 0) {
            treadle_cli_error("--redis: %s", error);
            return TREADLE_EXIT_USAGE;
        }
        session->target_owned = true;
        return TREADLE_EXIT_OK;
    }
    session->server = treadle_redis_server_start(error, sizeof error);
    if (session->server == NULL) {
        treadle_cli_error("%s", error);
        return TREADLE_EXIT_ENVIRONMENT;
    }
    session->target =
        (treadle_redis_target){.socket_path = treadle_redis_server_socket(session->server),
                               .own = true,
                               .clock_path = treadle_redis_server_clock(session->server)};
    return TREADLE_EXIT_OK;
}

static int open_journal(treadle_session *session, const treadle_cell *cell)
{
    char error[TREADLE_MESSAGE_MAX];
    session->directory = treadle_run_directory_create(error, sizeof error);
    if (session->directory == NULL) {
        treadle_cli_error("%s", error);
        return TREADLE_EXIT_ENVIRONMENT;
    }
    char path[512];
    snprintf(path, sizeof path, "%s/journal-1", session->directory);
    session->journal = treadle_journal_create(path);
    if (session->journal == NULL) {
        treadle_cli_error("cannot write %s: %s", path, strerror(errno));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    session->journal->cell = *cell;
    return TREADLE_EXIT_OK;
}

int treadle_session_open(treadle_session *session, const treadle_cell *cell, const char *redis_url)
{
    *session = (treadle_session){0};
    int status = open_journal(session, cell);
    const bool live = cell->backend == TREADLE_BACKEND_REDIS;
    if (!status && live) {
        status = open_server(session, redis_url);
    }
    if (!status) {
        session->sandbox = treadle_sandbox_open(session->journal, live ? &session->target : NULL);
        if (session->sandbox == NULL) {
            treadle_cli_error("out of memory");
            status = TREADLE_EXIT_ENVIRONMENT;
        }
    }
    if (status) {
        treadle_session_close(session);
    }
    return status;
}

int treadle_session_open_schedule(treadle_session *session, const treadle_schedule *schedule,
                                  const char *redis_url)
{
    const int status = treadle_session_open(session, &schedule->cell, redis_url);
    if (!status) {
        const bool race = strcmp(schedule->property, TREADLE_PROPERTY_DATA_RACE) == 0;
        session->journal->leaks = strcmp(schedule->property, TREADLE_PROPERTY_LEAK) == 0;
        session->journal->races = race ? TREADLE_RACES_ON : TREADLE_RACES_OFF;
    }
    return status;
}

void treadle_session_close(treadle_session *session)
{
    treadle_sandbox_close(session->sandbox);
    treadle_redis_server_stop(session->server);
    if (session->target_owned) {
        treadle_redis_url_release(&session->target);
    }
    if (session->journal != NULL) {
        treadle_journal_unmap(session->journal);
    }
    treadle_run_directory_remove(session->directory);
}
