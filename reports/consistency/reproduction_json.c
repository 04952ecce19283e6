// SPDX-License-Identifier: MIT
/* What it takes to get the same results again, and a hash to tell that they are the same. */
#include <hiredis/hiredis.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "reports/consistency/parts.h"
#include "reports/json_values.h"

#ifdef __clang__
#define TREADLE_COMPILER __VERSION__
#else
#define TREADLE_COMPILER "gcc " __VERSION__
#endif

enum { LINE_SIZE = 512, HASH_BYTES = 32 };

/* The value of "key: value" or key="value" in a file of the system; "" when there is none. */
static void read_value(const char *path, const char *key, char separator, char *value, size_t size)
{
    char line[LINE_SIZE];
    value[0] = '\0';
    FILE *in = fopen(path, "re");
    while (in != NULL && value[0] == '\0' && fgets(line, sizeof line, in) != NULL) {
        char *at = strchr(line, separator);
        if (strncmp(line, key, strlen(key)) != 0 || at == NULL) {
            continue;
        }
        at += 1 + strspn(at + 1, " \t\"");
        at[strcspn(at, "\"\n")] = '\0';
        snprintf(value, size, "%s", at);
    }
    if (in != NULL) {
        fclose(in);
    }
}

static json_t *machine_json(void)
{
    char processor[LINE_SIZE];
    char system[LINE_SIZE];
    read_value("/proc/cpuinfo", "model name", ':', processor, sizeof processor);
    read_value("/etc/os-release", "PRETTY_NAME", '=', system, sizeof system);
    struct utsname kernel = {0};
    uname(&kernel);
    const json_int_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    const json_int_t page_kb = sysconf(_SC_PAGESIZE) / 1024;
    const json_int_t memory_mb = sysconf(_SC_PHYS_PAGES) / 1024 * page_kb;
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I}", "system", treadle_json_text(system),
                     "kernel", treadle_json_text(kernel.release), "architecture",
                     treadle_json_text(kernel.machine), "processor", treadle_json_text(processor),
                     "cores", cores, "memory_mb", memory_mb);
}

/* "7.0.15" of what `redis-server --version` prints. */
static json_t *server_version(void)
{
    char line[LINE_SIZE] = "";
    FILE *in = popen("redis-server --version 2>/dev/null", "re");
    if (in == NULL || fgets(line, sizeof line, in) == NULL) {
        line[0] = '\0';
    }
    if (in != NULL) {
        pclose(in);
    }
    char *at = strstr(line, "v=");
    if (at == NULL) {
        return json_null();
    }
    at[strcspn(at, " \n")] = '\0';
    return treadle_json_text(at + 2);
}

/* With its end, so that no two different lists of texts are the same bytes. */
static void add_text(crypto_generichash_state *state, const char *text)
{
    crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

/* Over what is the same in every run that finds the same: each cell with its parameters, its
 * verdict, and what broke with which trace. */
static json_t *results_hash(const json_t *cells)
{
    static const char *const parts[] = {"id", "verdict", "property", "trace_hash"};
    crypto_generichash_state state;
    unsigned char hash[HASH_BYTES];
    if (sodium_init() < 0) {
        return NULL;
    }
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            add_text(&state, treadle_text_of(cell, parts[p]));
        }
        const json_t *parameters = json_object_get(cell, "parameters");
        char *text = json_dumps(parameters, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
        add_text(&state, text != NULL ? text : "");
        free(text);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    char text[2 * HASH_BYTES + 1];
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    return json_string(text);
}

json_t *treadle_reproduction_json(const json_t *cells, const treadle_reproduction *reproduction)
{
    char hiredis[32];
    snprintf(hiredis, sizeof hiredis, "%d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:b, s:o, s:o}", "treadle",
        treadle_json_text(reproduction->version), "compiler", treadle_json_text(TREADLE_COMPILER),
        "flags", treadle_json_text(reproduction->flags), "hiredis", json_string(hiredis), "redis",
        server_version(), "command", treadle_json_text(reproduction->command), "stress_file",
        treadle_json_text(reproduction->stress), "started",
        treadle_json_text(reproduction->started), "seed", treadle_json_number(reproduction->seed),
        "jobs", (int)reproduction->jobs, "elapsed_s", treadle_json_seconds(reproduction->elapsed_s),
        "interrupted", reproduction->interrupted, "machine", machine_json(), "results_hash",
        results_hash(cells));
}
