// SPDX-License-Identifier: MIT
/*
 * Fuzzed interleavings: one program for every component, variant and backend, by its name:
 * COMPONENT-VARIANT_fuzz in memory, COMPONENT-VARIANT-redis_fuzz on a private redis-server, which
 * it starts. Beside libFuzzer's flags it takes
 *   --targets            lists the targets there are, a line each
 *   --token=FILE         prints the token of an input, for `treadle replay` and `shrink`; exits
 *                        with 0 when it breaks something, with 1 when not
 *   --scenario=NAME --granularity=LEVEL --set=NAME=VALUE,…   only this workload
 *   --stop               an expected violation is a crash, too
 *   --no-feedback        without interleaving feedback: code coverage alone
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/executing.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 1 << 20, USAGE = 2 };

static treadle_fuzz_options options;
static const char *token_of;

static _Noreturn void refuse(const char *message, const char *what)
{
    fprintf(stderr, "treadle: %s%s\n", message, what);
    exit(USAGE);
}

static const char *value_of(const char *argument, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 ? argument + length : NULL;
}

static void take(const char *argument, treadle_workload_pins *pins)
{
    const char *value;
    if (strcmp(argument, "--targets") == 0) {
        treadle_workloads_list();
        exit(0);
    } else if (strcmp(argument, "--stop") == 0) {
        options.stop = true;
    } else if (strcmp(argument, "--no-feedback") == 0) {
        options.no_feedback = true;
    } else if ((value = value_of(argument, "--token=")) != NULL) {
        token_of = value;
    } else if ((value = value_of(argument, "--scenario=")) != NULL) {
        pins->scenario = value;
    } else if ((value = value_of(argument, "--set=")) != NULL) {
        pins->set = value;
    } else if ((value = value_of(argument, "--granularity=")) != NULL) {
        pins->granularity = treadle_granularity_parse(value);
        if (pins->granularity == TREADLE_GRANULARITY_NONE) {
            refuse("--granularity takes await, sync or memory, not ", value);
        }
    } else {
        refuse("unknown option ", argument);
    }
}

/* Cuts "-redis" off a name. */
static treadle_backend take_backend(char *name)
{
    char *redis = strstr(name, "-redis");
    if (redis == NULL || redis[strlen("-redis")] != '\0') {
        return TREADLE_BACKEND_MEMORY;
    }
    *redis = '\0';
    return TREADLE_BACKEND_REDIS;
}

/* COMPONENT-VARIANT_fuzz, as in /some/where/semaphore-fixed_fuzz. */
static treadle_backend take_name(const char *path, char name[256], const char **component,
                                 const char **variant)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, 256, "%s", slash != NULL ? slash + 1 : path);
    char *dash = strchr(name, '-');
    char *end = strstr(name, "_fuzz");
    if (dash == NULL || end == NULL || end < dash) {
        refuse("this program is to be called COMPONENT-VARIANT[-redis]_fuzz, not ", name);
    }
    *dash = '\0';
    *end = '\0';
    *component = name;
    *variant = dash + 1;
    return take_backend(dash + 1);
}

static int print_token(void)
{
    static uint8_t data[INPUT_BYTES_MAX];
    FILE *file = fopen(token_of, "re");
    if (file == NULL) {
        fprintf(stderr, "treadle: cannot read %s: %s\n", token_of, strerror(errno));
        return USAGE;
    }
    const size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    treadle_fuzz_open(&options);
    bool broken;
    char *token = treadle_fuzz_token(data, size, &broken);
    if (token == NULL) {
        refuse("out of memory", "");
    }
    puts(token);
    free(token);
    return broken ? 0 : 1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char name[256];
    treadle_workload_pins pins = {0};
    const char *component;
    const char *variant;
    for (int i = 1; i < *argc; i++) {
        if (strncmp((*argv)[i], "--", 2) == 0) {
            take((*argv)[i], &pins);
        }
    }
    const treadle_backend backend = take_name((*argv)[0], name, &component, &variant);
    char error[200];
    if (!treadle_workloads_select(&options.workloads, component, variant, backend, &pins, error,
                                  sizeof error)) {
        refuse(error, "");
    }
    if (token_of != NULL) {
        exit(print_token());
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool opened;
    if (!opened) {
        treadle_fuzz_open(&options);
        opened = true;
    }
    treadle_fuzz_input(data, size);
    return 0;
}
