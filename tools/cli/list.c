// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/scenario.h"
#include "tools/cli/cli.h"

typedef struct arguments {
    treadle_selection selection;
    bool json;
} arguments;

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0, "text (default) or json, one object a line", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    switch (key) {
    case 'f':
        if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0) {
            treadle_cli_error("--format is \"%s\"; list has text and json", value);
            return EINVAL;
        }
        self->json = strcmp(value, "json") == 0;
        return 0;
    case ARGP_KEY_ARG:
        if (self->selection.glob != NULL) {
            argp_error(state, "one GLOB at most");
        }
        self->selection.glob = value;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[GLOB]",
    .doc = "Lists scenarios with their variants, backends and expected verdicts.\v"
           "GLOB is matched against component/scenario, like 'memory_store/*'.",
};

static void print_text(const treadle_scenario *scenario)
{
    printf("%s\n    %s\n", scenario->name, scenario->summary);
    for (const treadle_parameter *p = scenario->parameters; p->name != NULL; p++) {
        printf("    --set %s=%lld  (%lld … %lld) %s\n", p->name, (long long)p->fallback,
               (long long)p->min, (long long)p->max, p->summary);
    }
    for (const treadle_expectation *e = scenario->expectations; e->variant != NULL; e++) {
        printf("    %-18s %-7s %-7s %-18s %s%s%s\n", e->variant, treadle_backend_name(e->backend),
               treadle_granularity_name(e->granularity), treadle_verdict_name(e->verdict),
               e->property ? e->property : "", e->property ? ": " : "", e->reason ? e->reason : "");
    }
    printf("\n");
}

static void print_json(const treadle_scenario *scenario)
{
    for (const treadle_expectation *e = scenario->expectations; e->variant != NULL; e++) {
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?}", "scenario", scenario->name,
                                "variant", e->variant, "backend", treadle_backend_name(e->backend),
                                "granularity", treadle_granularity_name(e->granularity), "expected",
                                treadle_verdict_name(e->verdict), "property", e->property, "reason",
                                e->reason);
        json_dumpf(row, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(row);
    }
}

int treadle_cli_list(int argc, char **argv)
{
    arguments self = {0};
    int status = treadle_cli_parse(&argp, argc, argv, &self);
    treadle_cell *cells = NULL;
    size_t count = 0;
    if (status == TREADLE_EXIT_OK) {
        status = treadle_cli_select(&self.selection, &cells, &count); /* refuses unknown names */
        free(cells);
    }
    if (status != TREADLE_EXIT_OK) {
        return status;
    }
    for (size_t i = 0; i < treadle_scenario_count(); i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        if (self.selection.glob != NULL &&
            fnmatch(self.selection.glob, scenario->name, FNM_EXTMATCH) != 0) {
            continue;
        }
        (self.json ? print_json : print_text)(scenario);
    }
    return TREADLE_EXIT_OK;
}
