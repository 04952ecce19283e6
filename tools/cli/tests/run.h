// SPDX-License-Identifier: MIT
/* Runs the treadle program as a user would, and keeps what it printed. For tests. */
#ifndef TREADLE_CLI_TESTS_RUN_H
#define TREADLE_CLI_TESTS_RUN_H

#include <sys/types.h>

typedef struct ran {
    int status; /* exit status; 128 + signal when it was killed */
    char *out;
    char *err;
} ran;

typedef struct running {
    pid_t pid;
    int out; /* unlinked files */
    int err;
} running;

/* The arguments end with NULL. `environment` may be NULL: a NAME=VALUE to be set. */
running start_treadle(const char *environment, const char *const *arguments);
ran finish_treadle(running process);
ran run_treadle(const char *environment, const char *const *arguments);
#define TREADLE(...) run_treadle(NULL, (const char *const[]){__VA_ARGS__, NULL})
#define TREADLE_WITH(environment, ...) \
    run_treadle(environment, (const char *const[]){__VA_ARGS__, NULL})

void ran_free(ran *result);

/* The first token in a text, as a new string; NULL when there is none. */
char *first_token(const char *text);

/* A descendant of `ancestor` whose command is `name`, waited for at most 10 s; 0 = none. */
pid_t find_descendant(pid_t ancestor, const char *name);

#endif
