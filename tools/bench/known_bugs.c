// SPDX-License-Identifier: MIT
#include "tools/bench/known_bugs.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/cli.h"

enum { EXECUTIONS_MAX = 20000 };

typedef struct searches {
    uint64_t executions; /* of all */
    uint32_t found;      /* how many of them found it */
} searches;

static void add(searches *self, uint64_t first, uint64_t budget)
{
    const bool found = first > 0 && first <= budget;
    self->found += found;
    self->executions += found ? first : budget;
}

static double mean(const searches *self)
{
    return (double)self->executions / TREADLE_HUNT_SEEDS;
}

static bool search(const treadle_hunt *self, treadle_session *session, const treadle_known_bug *bug,
                   uint64_t budget, searches got[TREADLE_HUNT_WAYS_MAX])
{
    memset(got, 0, self->way_count * sizeof got[0]);
    for (uint64_t seed = 1; seed <= TREADLE_HUNT_SEEDS; seed++) {
        for (uint32_t way = 0; way < self->way_count; way++) {
            uint64_t first;
            if (!self->search(session, bug, way, seed, budget, &first)) {
                return false;
            }
            add(&got[way], first, budget);
        }
    }
    return true;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_object(const treadle_hunt *self, const treadle_known_bug *bug, uint32_t way,
                         uint64_t budget, const searches *got)
{
    const double peer = mean(&got[self->peer]);
    char name[96];
    snprintf(name, sizeof name, "%s/%s/%s/%s", self->family, bug->scenario, bug->set,
             self->ways[way].name);
    json_t *row = json_pack("{s:s, s:f, s:s, s:f, s:s, s:f, s:i, s:i, s:i, s:I}", "name", name,
                            "value", mean(&got[way]), "unit", "executions", "peer_or_limit", peer,
                            "peer_or_limit_is", self->peer_is, "ratio", peer / mean(&got[way]),
                            "depth", (int)bug->depth, "found", (int)got[way].found, "searches",
                            TREADLE_HUNT_SEEDS, "budget", (json_int_t)budget);
    json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(row);
}

/* "12.3", or "> 19876 (2)" when only 2 of 20 found it, or "-" when none did. */
static void print_cell(const searches *got)
{
    char text[32] = "-";
    if (got->found == TREADLE_HUNT_SEEDS) {
        snprintf(text, sizeof text, "%.1f", mean(got));
    } else if (got->found > 0) {
        snprintf(text, sizeof text, "> %.0f (%" PRIu32 ")", mean(got), got->found);
    }
    printf(" %14s", text);
}

static void print_head(const treadle_hunt *self, uint64_t budget)
{
    printf("\n%smean executions to the first bug, %d seeds, at most %" PRIu64
           " each; > x (n): only n found it; -: none did\n%-34s %5s",
           self->title, TREADLE_HUNT_SEEDS, budget, "bug", "depth");
    for (uint32_t way = 0; way < self->way_count; way++) {
        printf(" %14s", self->ways[way].heading);
    }
    putchar('\n');
}

static void print_row(const treadle_hunt *self, const treadle_known_bug *bug, const searches *got)
{
    printf("%-21s %-12s %5" PRIu32, bug->scenario, bug->set, bug->depth);
    for (uint32_t way = 0; way < self->way_count; way++) {
        print_cell(&got[way]);
    }
    putchar('\n');
}

/* ---- a bug ----------------------------------------------------------------------------------- */

static bool open_bug(treadle_session *session, const treadle_known_bug *bug)
{
    char scenario[64];
    snprintf(scenario, sizeof scenario, "litmus/%s", bug->scenario);
    const treadle_selection selection = {
        .glob = scenario, .variant = "naive", .granularity = "sync", .set = bug->set};
    treadle_cell *cells;
    size_t count;
    if (treadle_cli_select(&selection, &cells, &count) != 0) {
        return false;
    }
    const bool opened = treadle_session_open(session, &cells[0], NULL) == 0;
    free(cells);
    return opened;
}

static bool hunt_for(const treadle_hunt *self, const treadle_known_bug *bug, bool json,
                     uint64_t budget)
{
    treadle_session session;
    if (!open_bug(&session, bug)) {
        return false;
    }
    searches got[TREADLE_HUNT_WAYS_MAX];
    const bool done = search(self, &session, bug, budget, got);
    treadle_session_close(&session);
    for (uint32_t way = 0; done && json && way < self->way_count; way++) {
        print_object(self, bug, way, budget, got);
    }
    if (done && !json) {
        print_row(self, bug, got);
    }
    fflush(stdout);
    return done;
}

bool treadle_hunt_run(const treadle_hunt *hunt, bool json, uint64_t scale)
{
    const uint64_t budget = EXECUTIONS_MAX * scale / 100 > 0 ? EXECUTIONS_MAX * scale / 100 : 1;
    if (!json) {
        print_head(hunt, budget);
    }
    for (size_t i = 0; i < hunt->bug_count; i++) {
        if (!hunt_for(hunt, &hunt->bugs[i], json, budget)) {
            treadle_cli_error("bench: cannot search litmus/%s", hunt->bugs[i].scenario);
            return false;
        }
    }
    return true;
}
