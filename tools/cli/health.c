// SPDX-License-Identifier: MIT
/* treadle health: what the limiters of a running deployment keep on its server, looked at without
 * changing it. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "impl/config/config.h"
#include "reports/json_values.h"
#include "reports/utf8.h"
#include "tools/cli/cli.h"
#include "tools/cli/inspect.h"
#include "tools/cli/suggest.h"
#include "tools/redis/redis_connect.h"
#include "tools/redis/redis_url.h"

enum { KEY_REDIS = 0x100, KEY_MAX_KEYS, KEY_SKEW, KEYS_MAX_DEFAULT = 100000, KEYS_MAX = 10000000 };

typedef struct arguments {
    const char *redis_url;
    const char *config;
    const char *prefix;
    uint64_t keys_max;
    double skew_s;
    bool json;
} arguments;

static const struct argp_option options[] = {
    {"redis", KEY_REDIS, "URL", 0, "the server, like redis://localhost:6379/0", 0},
    {"config", 'c', "FILE", 0,
     "the deployment's YAML configuration: without it, neither limits "
     "nor orphans are checked",
     0},
    {"prefix", 'P', "TEXT", 0, "what the keys have before window:, bucket: and bucket-request:", 0},
    {"format", 'f', "FORMAT", 0, "text (default) or json, one object", 0},
    {"max-keys", KEY_MAX_KEYS, "N", 0, "look at no more keys than that; default 100000", 0},
    {"skew", KEY_SKEW, "SECONDS", 0, "how far clients' clocks may be ahead; default 1", 0},
    {0},
};

static error_t parse_format(arguments *self, const char *value)
{
    static const char *const formats[] = {"text", "json"};
    self->json = strcmp(value, "json") == 0;
    if (self->json || strcmp(value, "text") == 0) {
        return 0;
    }
    const char *near = treadle_suggest(value, formats, 2);
    treadle_cli_error("unknown format \"%s\"%s%s%s; health has text and json", value,
                      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return EINVAL;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    switch (key) {
    case KEY_REDIS: self->redis_url = value; return 0;
    case 'c': self->config = value; return 0;
    case 'P': self->prefix = value; return 0;
    case 'f': return parse_format(self, value);
    case KEY_MAX_KEYS:
        return treadle_cli_number(value, "--max-keys", 1, KEYS_MAX, &self->keys_max) ? 0 : EINVAL;
    case KEY_SKEW: return treadle_cli_seconds(value, "--skew", &self->skew_s) ? 0 : EINVAL;
    case ARGP_KEY_ARG:
        treadle_cli_error("health takes no \"%s\"; the server is given by --redis URL", value);
        return EINVAL;
    case ARGP_KEY_END:
        if (self->redis_url == NULL) {
            treadle_cli_error("health needs --redis URL, like redis://localhost:6379");
            return EINVAL;
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "Inspects the keys of the rate limiters on a live Redis server. Only reads.\v"
           "Looks at the sorted sets window:PROVIDER, the hashes bucket:PROVIDER and the strings "
           "bucket-request:LENGTH:PROVIDER:ID for windows over their limit, keys without a TTL, "
           "times in "
           "the future, tokens outside of 0 to the capacity, values and types that make no sense, "
           "and keys of providers that are not configured. A Redis user with +scan +type +pttl "
           "+zcount +zrevrange +hmget +time is "
           "enough (and +select, for another database than 0).\n\n"
           "Exit status: 0 healthy, 1 something was found, 2 usage, 3 the server could not be "
           "asked.",
};

/* ---- findings -------------------------------------------------------------------------------- */

typedef struct findings {
    bool json;
    json_t *list; /* owned; JSON only */
    bool failed;  /* out of memory */
    uint64_t count;
    bool cut;
} findings;

/* JSON has no infinity, and NaN is ours for "none". */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static void keep(findings *self, const treadle_finding *finding)
{
    json_t *object = json_object();
    int failed = 0;
    failed |= json_object_set_new(
        object, "key",
        finding->key != NULL ? treadle_json_bytes(finding->key, finding->key_length) : json_null());
    failed |= json_object_set_new(object, "kind", json_string(treadle_finding_name(finding->kind)));
    failed |= json_object_set_new(object, "message", treadle_json_text(finding->message));
    failed |= json_object_set_new(object, "value", number(finding->value));
    failed |= json_object_set_new(object, "limit", number(finding->limit));
    self->failed |= failed != 0 || json_array_append(self->list, object) != 0;
    json_decref(object);
}

static void print(findings *self, const treadle_finding *finding)
{
    char *key = treadle_utf8_escape(finding->key, finding->key_length);
    char *message = treadle_utf8_escape(finding->message, strlen(finding->message));
    if (key != NULL && message != NULL) {
        printf("%-12s  %s%s%s\n", treadle_finding_name(finding->kind), key,
               finding->key != NULL ? ": " : "", message);
    }
    self->failed |= key == NULL || message == NULL;
    free(key);
    free(message);
}

static void on_found(void *context, const treadle_finding *finding)
{
    findings *self = context;
    self->count++;
    self->cut |= finding->kind == TREADLE_FINDING_MAX_KEYS;
    (self->json ? keep : print)(self, finding);
}

static void print_summary(const findings *self, const arguments *asked, uint64_t checked)
{
    char found[64];
    snprintf(found, sizeof found, "%" PRIu64 " finding%s", self->count,
             self->count == 1 ? "" : "s");
    printf("%" PRIu64 " key%s checked: %s%s\n", checked, checked == 1 ? "" : "s",
           self->count > 0 ? found
           : checked > 0   ? "healthy"
                           : "there are none, so nothing is wrong with them",
           asked->config == NULL ? "; without --config limits and orphans are not checked" : "");
}

/* 0, or an errno value. */
static int print_object(findings *self, uint64_t checked)
{
    json_t *object = json_object();
    int failed = self->failed;
    failed |= json_object_set_new(object, "checked", treadle_json_number(checked));
    failed |= json_object_set_new(object, "complete", json_boolean(!self->cut));
    failed |= json_object_set(object, "findings", self->list);
    if (failed) {
        json_decref(object);
        return ENOMEM;
    }
    return treadle_json_print(object, stdout);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* What the deployment's configuration says of a provider, whose name comes from a key. */
static bool find_limits(const void *context, const char *provider, size_t length,
                        treadle_provider_limits *out)
{
    char name[LIMITER_CONFIG_NAME_MAX + 1];
    if (length >= sizeof name || memchr(provider, '\0', length) != NULL) {
        return false; /* no such name can be configured */
    }
    memcpy(name, provider, length);
    name[length] = '\0';
    const struct limiter_provider *found = limiter_config_find(context, name);
    if (found == NULL) {
        return false;
    }
    *out = (treadle_provider_limits){
        .rpm = (double)found->rpm, .window_s = found->window_s, .capacity = (double)found->burst};
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

static int finish(findings *self, const arguments *asked, uint64_t checked)
{
    int error = self->failed ? ENOMEM : 0;
    if (self->json) {
        error = print_object(self, checked);
    } else {
        print_summary(self, asked, checked);
        errno = 0;
        error = error || fflush(stdout) == 0 ? error : errno;
    }
    if (error != 0 && error != EPIPE) {
        treadle_cli_error("cannot write to standard output: %s", strerror(error));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return self->count > 0 ? TREADLE_EXIT_UNEXPECTED : TREADLE_EXIT_OK;
}

static int inspect(const arguments *asked, const struct limiter_config *config,
                   const treadle_redis_target *target)
{
    char error[TREADLE_MESSAGE_MAX];
    findings found = {.json = asked->json, .list = asked->json ? json_array() : NULL};
    const treadle_inspection inspection = {.prefix = asked->prefix,
                                           .keys_max = asked->keys_max,
                                           .skew_s = asked->skew_s,
                                           .limits = config != NULL ? find_limits : NULL,
                                           .limits_context = config,
                                           .found = on_found,
                                           .context = &found};
    uint64_t checked = 0;
    int status = TREADLE_EXIT_ENVIRONMENT;
    redisContext *redis = treadle_redis_connect(target, error, sizeof error);
    if (redis == NULL || treadle_inspect(redis, &inspection, &checked, error, sizeof error) != 0) {
        fflush(stdout);
        char *escaped = treadle_utf8_escape(error, strlen(error)); /* it may quote the server */
        treadle_cli_error("%s", escaped != NULL ? escaped : "out of memory");
        free(escaped);
    } else {
        status = finish(&found, asked, checked);
    }
    if (redis != NULL) {
        redisFree(redis);
    }
    json_decref(found.list);
    return status;
}

int treadle_cli_health(int argc, char **argv)
{
    arguments self = {.keys_max = KEYS_MAX_DEFAULT, .skew_s = 1};
    treadle_redis_target target = {0};
    struct limiter_config *config = NULL;
    char error[TREADLE_MESSAGE_MAX];
    int status = treadle_cli_parse(&argp, argc, argv, &self);
    if (!status && treadle_redis_url_parse(self.redis_url, &target, error, sizeof error) != 0) {
        treadle_cli_error("--redis: %s", error);
        status = TREADLE_EXIT_USAGE;
    }
    if (!status && self.config != NULL) {
        config = limiter_config_read(self.config, error, sizeof error);
        if (config == NULL) {
            treadle_cli_error("--config: %s", error);
            status = TREADLE_EXIT_USAGE;
        }
    }
    status = status ? status : inspect(&self, config, &target);
    limiter_config_free(config);
    treadle_redis_url_release(&target);
    return status;
}
