// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/utf8.h"
#include "tools/cli/cli.h"
#include "tools/cli/suggest.h"

enum { OPTIONS_MAX = 64 };

void treadle_cli_error(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    char *shown = length >= 0 ? treadle_utf8_escape(text, (size_t)length) : NULL;
    fprintf(stderr, "treadle: %s\n", shown != NULL ? shown : "out of memory");
    free(shown);
    if (length >= 0) {
        free(text);
    }
}

/* Whether `word` (without dashes) is a long option or the start of one. */
static bool known_option(const struct argp *argp, const char *word, size_t length)
{
    static const char *const built_in[] = {"help", "usage"};
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++) {
        if (strncmp(built_in[i], word, length) == 0) {
            return true;
        }
    }
    for (const struct argp_option *o = argp->options; o != NULL && o->name != NULL; o++) {
        if (strncmp(o->name, word, length) == 0) {
            return true;
        }
    }
    return false;
}

/* getopt would say no more than that an option is not recognised. */
static bool options_known(const struct argp *argp, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            return true;
        }
        if (strncmp(argv[i], "--", 2) != 0) {
            continue;
        }
        const char *word = argv[i] + 2;
        const size_t length = strcspn(word, "=");
        if (known_option(argp, word, length)) {
            continue;
        }
        char given[64];
        snprintf(given, sizeof given, "%.*s", (int)(length < 60 ? length : 60), word);
        const char *names[OPTIONS_MAX];
        size_t count = 0;
        for (const struct argp_option *o = argp->options;
             o != NULL && o->name != NULL && count < OPTIONS_MAX; o++) {
            names[count++] = o->name;
        }
        const char *near = treadle_suggest(given, names, count);
        treadle_cli_error("unknown option --%s%s%s%s; `treadle %s --help` lists them", given,
                          near ? "; did you mean --" : "", near ? near : "", near ? "?" : "",
                          argv[0]);
        return false;
    }
    return true;
}

/* Where to put the argp of a command that is only to be described; NULL while commands run. */
static const struct argp **described;

const struct argp *treadle_cli_argp(const treadle_command *command)
{
    const struct argp *found = NULL;
    char name[] = "";
    char *arguments[] = {name, NULL};
    described = &found;
    command->run(1, arguments);
    described = NULL;
    return found;
}

int treadle_cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    static char name[64];
    if (described != NULL) {
        *described = argp;
        return TREADLE_EXIT_USAGE; /* so that the command ends */
    }
    if (!options_known(argp, argc, argv)) {
        return TREADLE_EXIT_USAGE;
    }
    argp_err_exit_status = TREADLE_EXIT_USAGE;
    snprintf(name, sizeof name, "treadle %s", argv[0]);
    char *const own = argv[0];
    argv[0] = name;
    const error_t error = argp_parse(argp, argc, argv, 0, NULL, input);
    argv[0] = own;
    return error ? TREADLE_EXIT_USAGE : TREADLE_EXIT_OK;
}

bool treadle_cli_number(const char *text, const char *what, uint64_t min, uint64_t max,
                        uint64_t *out)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value < min || value > max) {
        treadle_cli_error("%s is \"%s\"; it takes a whole number from %llu to %llu", what, text,
                          (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *out = value;
    return true;
}

bool treadle_cli_seconds(const char *text, const char *what, double *out)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end != text && *end == 'm') {
        value *= 60;
        end++;
    } else if (end != text && *end == 's') {
        end++;
    }
    if (errno != 0 || end == text || *end != '\0' || !isfinite(value) || value <= 0 ||
        value > 1e9) {
        treadle_cli_error("%s is \"%s\"; it takes seconds above 0, like 1.5, 10s or 2m", what,
                          text);
        return false;
    }
    *out = value;
    return true;
}
