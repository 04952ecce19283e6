// SPDX-License-Identifier: MIT
/* Completions for shells, from the same tables as --help. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/cli.h"
#include "tools/cli/words.h"

typedef struct shell {
    const char *name;
    void (*print)(void);
} shell;

static bool has_short(const struct argp_option *option)
{
    return option->key > ' ' && option->key < 0x7f;
}

static const char *argument_of(const struct argp *argp)
{
    return argp->args_doc != NULL ? argp->args_doc : "";
}

static void print_words(const treadle_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        printf("%s%s", i > 0 ? " " : "", words->items[i]);
    }
}

/* A text inside single quotes, without the characters of `left_out`. */
static void print_quoted(const char *text, const char *left_out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else if (strchr(left_out, *text) == NULL) {
            putchar(*text);
        }
    }
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void bash_value(const char *command, const char *placeholder)
{
    treadle_words words;
    treadle_words_for(command, placeholder, &words);
    if (words.count > 0) {
        fputs("COMPREPLY=($(compgen -W '", stdout);
        print_words(&words);
        fputs("' -- \"$cur\"))", stdout);
    } else if (treadle_words_are_files(placeholder)) {
        fputs("compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\"))", stdout);
    } else {
        fputs("COMPREPLY=()", stdout);
    }
}

static void bash_command(const treadle_command *command)
{
    const struct argp *argp = treadle_cli_argp(command);
    printf("    %s)\n        case $prev in\n", command->name);
    for (const struct argp_option *o = argp->options; o != NULL && o->name != NULL; o++) {
        if (o->arg != NULL) {
            printf("        --%s", o->name);
            if (has_short(o)) {
                printf(" | -%c", o->key);
            }
            fputs(") ", stdout);
            bash_value(command->name, o->arg);
            fputs("; return ;;\n", stdout);
        }
    }
    fputs("        esac\n        if [[ $cur == -* ]]; then\n            COMPREPLY=($(compgen -W '",
          stdout);
    for (const struct argp_option *o = argp->options; o != NULL && o->name != NULL; o++) {
        printf("--%s ", o->name);
    }
    fputs("--help --usage' -- \"$cur\"))\n        else\n            ", stdout);
    bash_value(command->name, argument_of(argp));
    fputs("\n        fi\n        ;;\n", stdout);
}

static void print_bash(void)
{
    puts("# bash completion for treadle; made by `treadle completion bash`\n"
         "_treadle() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "    COMPREPLY=()\n"
         "    if [[ $cur == = ]]; then\n"
         "        cur=\n"
         "    elif [[ $prev == = ]]; then\n"
         "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
         "    fi\n"
         "    if ((COMP_CWORD == 1)); then");
    fputs("        COMPREPLY=($(compgen -W '", stdout);
    for (const treadle_command *command = treadle_commands; command->name != NULL; command++) {
        printf("%s ", command->name);
    }
    puts("--help --version' -- \"$cur\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in");
    for (const treadle_command *command = treadle_commands; command->name != NULL; command++) {
        bash_command(command);
    }
    puts("    esac\n}\ncomplete -F _treadle treadle");
}

/* ---- zsh ------------------------------------------------------------------------------------- */

static void zsh_value(const char *command, const char *placeholder)
{
    treadle_words words;
    treadle_words_for(command, placeholder, &words);
    putchar(':');
    print_quoted(placeholder, "[]:");
    putchar(':');
    if (words.count > 0) {
        putchar('(');
        print_words(&words);
        putchar(')');
    } else if (treadle_words_are_files(placeholder)) {
        fputs("_files", stdout);
    }
}

static void zsh_command(const treadle_command *command)
{
    const struct argp *argp = treadle_cli_argp(command);
    printf("    %s)\n        _arguments \\\n", command->name);
    for (const struct argp_option *o = argp->options; o != NULL && o->name != NULL; o++) {
        const char *more = o->arg != NULL ? "=" : "";
        if (has_short(o)) {
            printf("            '(-%c --%s)'{-%c%s,--%s%s}'[", o->key, o->name, o->key,
                   o->arg != NULL ? "+" : "", o->name, more);
        } else {
            printf("            '--%s%s[", o->name, more);
        }
        print_quoted(o->doc != NULL ? o->doc : "", "[]:\\");
        putchar(']');
        if (o->arg != NULL) {
            zsh_value(command->name, o->arg);
        }
        fputs("' \\\n", stdout);
    }
    fputs("            '--help[tell more]'", stdout);
    if (argument_of(argp)[0] != '\0') {
        fputs(" \\\n            '*", stdout);
        zsh_value(command->name, argument_of(argp));
        putchar('\'');
    }
    puts("\n        ;;");
}

static void print_zsh(void)
{
    puts("#compdef treadle\n# zsh completion for treadle; made by `treadle completion zsh`\n"
         "_treadle() {\n    local -a commands\n    commands=(");
    for (const treadle_command *command = treadle_commands; command->name != NULL; command++) {
        printf("        '%s:", command->name);
        print_quoted(command->summary, ":\\");
        puts("'");
    }
    puts("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        "
         "return\n"
         "    fi\n    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
         "    case $command in");
    for (const treadle_command *command = treadle_commands; command->name != NULL; command++) {
        zsh_command(command);
    }
    puts("    esac\n}\nif [[ $funcstack[1] == _treadle ]]; then\n    _treadle \"$@\"\nelse\n"
         "    compdef _treadle treadle\nfi");
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void fish_value(const char *command, const char *placeholder)
{
    treadle_words words;
    treadle_words_for(command, placeholder, &words);
    if (words.count > 0) {
        fputs(" -x -a '", stdout);
        print_words(&words);
        putchar('\'');
    } else {
        fputs(treadle_words_are_files(placeholder) ? " -r -F" : " -x", stdout);
    }
}

static void fish_command(const treadle_command *command)
{
    const struct argp *argp = treadle_cli_argp(command);
    printf("complete -c treadle -n __fish_use_subcommand -a %s -d '", command->name);
    print_quoted(command->summary, "\\");
    puts("'");
    for (const struct argp_option *o = argp->options; o != NULL && o->name != NULL; o++) {
        printf("complete -c treadle -n '__fish_seen_subcommand_from %s' -l %s", command->name,
               o->name);
        if (has_short(o)) {
            printf(" -s %c", o->key);
        }
        if (o->arg != NULL) {
            fish_value(command->name, o->arg);
        }
        fputs(" -d '", stdout);
        print_quoted(o->doc != NULL ? o->doc : "", "\\");
        puts("'");
    }
    const char *argument = argument_of(argp);
    if (argument[0] != '\0') {
        printf("complete -c treadle -n '__fish_seen_subcommand_from %s'", command->name);
        treadle_words words;
        treadle_words_for(command->name, argument, &words);
        if (words.count > 0) {
            fputs(" -a '", stdout);
            print_words(&words);
            putchar('\'');
        } else if (treadle_words_are_files(argument)) {
            fputs(" -F", stdout);
        }
        putchar('\n');
    }
}

static void print_fish(void)
{
    puts("# fish completion for treadle; made by `treadle completion fish`\n"
         "complete -c treadle -f");
    for (const treadle_command *command = treadle_commands; command->name != NULL; command++) {
        fish_command(command);
    }
}

/* ---- the command ----------------------------------------------------------------------------- */

static const shell shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    const shell **chosen = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        for (size_t i = 0; i < sizeof shells / sizeof shells[0] && *chosen == NULL; i++) {
            *chosen = strcmp(shells[i].name, value) == 0 ? &shells[i] : NULL;
        }
        if (*chosen == NULL || state->arg_num > 0) {
            treadle_cli_error("completion is for bash, zsh or fish, not \"%s\"", value);
            return EINVAL;
        }
        return 0;
    case ARGP_KEY_NO_ARGS:
        treadle_cli_error("completion needs a SHELL: bash, zsh or fish");
        return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .parser = parse,
    .args_doc = "SHELL",
    .doc =
        "Prints the completions of a shell: bash, zsh or fish.\v"
        "For the running shell: `source <(treadle completion bash)`, `source <(treadle completion "
        "zsh)` or `treadle completion fish | source`.",
};

int treadle_cli_completion(int argc, char **argv)
{
    const shell *chosen = NULL;
    const int status = treadle_cli_parse(&argp, argc, argv, &chosen);
    if (!status) {
        chosen->print();
    }
    return status;
}
