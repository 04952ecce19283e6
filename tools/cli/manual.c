// SPDX-License-Identifier: MIT
/* The manual page, from the same tables as --help, in the man macros of roff. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/cli.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* A character as roff takes it: nothing is an escape, and a hyphen can be copied as an option's.
 * Returns how many bytes it was. */
static size_t print_character(const char *text)
{
    if (strncmp(text, ELLIPSIS, sizeof ELLIPSIS - 1) == 0) {
        fputs("\\&...", stdout);
        return sizeof ELLIPSIS - 1;
    }
    switch (*text) {
    case '\\': fputs("\\e", stdout); break;
    case '-': fputs("\\-", stdout); break;
    case '\'': fputs("\\(aq", stdout); break;
    case '`': fputs("\\(ga", stdout); break;
    default: putchar(*text);
    }
    return 1;
}

static void print_inline(const char *text)
{
    while (*text != '\0') {
        text += print_character(text);
    }
}

/* Paragraphs: an empty line begins one. */
static void print_text(const char *text)
{
    bool begins = true;
    while (*text != '\0') {
        if (begins && *text == '.') {
            fputs("\\&", stdout);
        }
        begins = *text == '\n';
        if (begins && text[1] == '\n') {
            fputs("\n.PP", stdout);
        }
        text += print_character(text);
    }
    putchar('\n');
}

static void print_option(const struct argp_option *option)
{
    puts(".TP");
    if (isgraph(option->key)) {
        printf("\\fB\\-%c\\fR", option->key);
        fputs(option->arg != NULL ? " \\fI" : "", stdout);
        print_inline(option->arg != NULL ? option->arg : "");
        fputs("\\fR, ", stdout);
    }
    fputs("\\fB\\-\\-", stdout);
    print_inline(option->name);
    fputs(option->arg != NULL ? "\\fR=\\fI" : "", stdout);
    print_inline(option->arg != NULL ? option->arg : "");
    puts("\\fR");
    print_text(option->doc != NULL ? option->doc : "");
}

static void print_command(const treadle_command *command)
{
    const struct argp *argp = treadle_cli_argp(command);
    const char *doc = argp->doc != NULL ? argp->doc : "";
    const char *after = strchr(doc, '\v'); /* what argp prints behind the options */
    char before[1024];
    snprintf(before, sizeof before, "%.*s", after != NULL ? (int)(after - doc) : (int)strlen(doc),
             doc);
    printf(".SS \"treadle %s [OPTION\\&...]%s%s\"\n", command->name,
           argp->args_doc != NULL ? " " : "", argp->args_doc != NULL ? argp->args_doc : "");
    print_text(before);
    for (const struct argp_option *o = argp->options; o != NULL && o->name != NULL; o++) {
        print_option(o);
    }
    if (after != NULL) {
        puts(".PP");
        print_text(after + 1);
    }
}

static void print_page(void)
{
    printf(".\\\" Made by `treadle manual`.\n.TH TREADLE 1 \"\" \"treadle %s\" \"User Commands\"\n",
           TREADLE_VERSION);
    puts(".SH NAME\ntreadle \\- finds, replays and explains interleaving bugs\n"
         ".SH SYNOPSIS\n.B treadle\n.I COMMAND\n.RI [ OPTION \\&...]\n"
         ".SH DESCRIPTION\n"
         "Treadle runs ordinary C programs with threads, and clients of Redis, under a scheduler "
         "that "
         "makes, records and repeats every decision, and says when there are no interleaving bugs "
         "left to find.\n.SH COMMANDS");
    for (const treadle_command *command = treadle_commands; command->name != NULL; command++) {
        print_command(command);
    }
    puts(
        ".SH EXIT STATUS\n.TP\n0\nall verdicts as expected\n.TP\n1\nsome verdict not as expected\n"
        ".TP\n2\nusage\n.TP\n3\nenvironment: no Redis, no memory, output not writable\n.TP\n4\n"
        "unknown verdicts only, or interrupted\n"
        ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nnot empty: no colours. Without it colours are used on "
        "a "
        "terminal, unless\n.B TERM\nis \\(lqdumb\\(rq.\n.TP\n.B GITHUB_ACTIONS\n"
        "\\(lqtrue\\(rq: check writes an annotation for each verdict that is not as expected to "
        "standard error, too.\n"
        ".SH EXAMPLES\n.TP\n.B treadle check \\(aqmemory_store/*\\(aq\nexplore one component\n.TP\n"
        ".B treadle replay \\fITOKEN\\fR \\-\\-gdb\nstep through a failing interleaving\n"
        ".SH SEE ALSO\n.BR gdb (1),\n.BR redis\\-server (1),\n.BR dot (1)");
}

static const struct argp argp = {
    .doc = "Prints the manual page of treadle, for man(1).\v`treadle manual | man -l -` shows it.",
};

int treadle_cli_manual(int argc, char **argv)
{
    const int status = treadle_cli_parse(&argp, argc, argv, NULL);
    if (!status) {
        print_page();
    }
    return status;
}
