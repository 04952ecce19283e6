// SPDX-License-Identifier: MIT
#include "tools/cli/words.h"

#include <string.h>

#include "reports/ledger_writer.h"
#include "reports/writer.h"
#include "tools/explore/search.h"
#include "tools/strategies/strategies.h"

/* Words that no registry has. */
static const struct {
    const char *command; /* NULL = every one */
    const char *placeholder;
    const char *words[8];
} fixed[] = {
    {NULL, "BACKEND", {"memory", "redis"}},         {NULL, "LEVEL", {"await", "sync", "memory"}},
    {NULL, "WHERE", {"auto", "on", "off", "only"}}, {NULL, "SHELL", {"bash", "zsh", "fish"}},
    {"list", "FORMAT", {"text", "json"}},           {"bench", "FORMAT", {"text", "json"}},
    {"health", "FORMAT", {"text", "json"}},
};

static void add(treadle_words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], word) == 0) {
            return;
        }
    }
    if (words->count < TREADLE_WORDS_MAX) {
        words->items[words->count++] = word;
    }
}

static void add_fixed(treadle_words *words, const char *command, const char *placeholder)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (strcmp(fixed[i].placeholder, placeholder) == 0 &&
            (fixed[i].command == NULL || strcmp(fixed[i].command, command) == 0)) {
            for (size_t k = 0; fixed[i].words[k] != NULL; k++) {
                add(words, fixed[i].words[k]);
            }
        }
    }
}

static void add_formats(treadle_words *words, const char *command)
{
    if (strcmp(command, "check") == 0) {
        for (size_t i = 0; treadle_writers[i] != NULL; i++) {
            add(words, treadle_writers[i]->name);
        }
    } else if (strcmp(command, "replay") == 0) {
        for (size_t i = 0; treadle_trace_writers[i] != NULL; i++) {
            add(words, treadle_trace_writers[i]->name);
        }
    } else if (strcmp(command, "claims") == 0) {
        for (size_t i = 0; treadle_ledger_writers[i] != NULL; i++) {
            add(words, treadle_ledger_writers[i]->name);
        }
    }
}

static void add_strategies(treadle_words *words)
{
    add(words, TREADLE_SEARCH_AUTO);
    for (size_t i = 0; treadle_strategies[i] != NULL; i++) {
        add(words, treadle_strategies[i]->name);
    }
}

static void add_scenarios(treadle_words *words, bool variants)
{
    for (size_t i = 0; i < treadle_scenario_count(); i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        if (!variants) {
            add(words, scenario->name);
            continue;
        }
        for (const treadle_expectation *e = scenario->expectations; e->variant != NULL; e++) {
            add(words, e->variant);
        }
    }
}

void treadle_words_for(const char *command, const char *placeholder, treadle_words *words)
{
    words->count = 0;
    add_fixed(words, command, placeholder);
    const bool checks = strcmp(command, "check") == 0 || strcmp(command, "list") == 0;
    if (strcmp(placeholder, "FORMAT") == 0) {
        add_formats(words, command);
    } else if (strcmp(placeholder, "VARIANT") == 0) {
        add_scenarios(words, true);
    } else if (strcmp(placeholder, "NAME") == 0 && strcmp(command, "check") == 0) {
        add_strategies(words);
    } else if (strstr(placeholder, "GLOB") != NULL && checks) {
        add_scenarios(words, false);
    }
}

int treadle_words_are_files(const char *placeholder)
{
    return strstr(placeholder, "FILE") != NULL || strstr(placeholder, "DIR") != NULL;
}
