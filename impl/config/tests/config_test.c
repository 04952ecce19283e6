// SPDX-License-Identifier: MIT

/* What is read, and, word for word, how everything else is refused. */

#include "../config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(config, .timeout = 60);

#define GLOBAL "global:\n  max_concurrent: 12\n"
#define OPENAI "providers:\n  openai:\n    rpm: 100\n    burst: 20\n" /* lines 3 to 6 */

static struct limiter_config *parse(const char *text)
{
    char error[256] = "";
    struct limiter_config *config =
        limiter_config_parse("limits.yaml", text, strlen(text), error, sizeof error);
    cr_assert_not_null(config, "%s", error);
    return config;
}

Test(config, reads_the_shape_of_the_original)
{
    struct limiter_config *config =
        parse("# comment\n" GLOBAL "providers:\n"
              "  openai: {rpm: 100, burst: 20, tpm: 90000, window_size: 60}\n"
              "  anthropic:\n    rpm: 1\n    burst: 1\n    window_size: 1.5\n");
    cr_assert_eq(config->max_concurrent, 12);
    cr_assert_eq(config->providers_count, 2);
    const struct limiter_provider *openai = limiter_config_find(config, "openai");
    cr_assert_eq(openai, &config->providers[0]);
    cr_assert_eq(openai->rpm, 100);
    cr_assert_eq(openai->burst, 20);
    cr_assert_eq(openai->tpm, 90000);
    cr_assert_eq(openai->window_s, 60);
    const struct limiter_provider *anthropic = limiter_config_find(config, "anthropic");
    cr_assert_eq(anthropic, &config->providers[1]);
    cr_assert_eq(anthropic->tpm, 0, "not given");
    cr_assert_eq(anthropic->window_s, 1.5);
    cr_assert_null(limiter_config_find(config, "mistral"));
    limiter_config_free(config);
    limiter_config_free(NULL);
}

Test(config, tells_the_window_and_the_bucket_their_limits)
{
    struct limiter_config *config = parse(GLOBAL OPENAI);
    struct rate_limits window = limiter_provider_window(&config->providers[0]);
    struct token_bucket_limits bucket = limiter_provider_bucket(&config->providers[0]);
    cr_assert_eq(window.rpm, 100);
    cr_assert_eq(window.window_s, 60, "60 when absent");
    cr_assert(rate_limits_validate(&window, NULL, 0));
    cr_assert_eq(bucket.capacity, 20);
    cr_assert_float_eq(bucket.rate_per_s, 100.0 / 60, 1e-12);
    limiter_config_free(config);
}

Test(config, reads_the_ends_of_every_range)
{
    struct limiter_config *config = parse(
        "global: {max_concurrent: 1000000}\n"
        "providers:\n"
        "  low: {rpm: 1, burst: 1, tpm: 1, window_size: 0.000001}\n"
        "  high: {rpm: 1000000, burst: 1000000, tpm: 1000000000000, window_size: 2678400.0}\n");
    const struct rate_limits low = limiter_provider_window(&config->providers[0]);
    const struct rate_limits high = limiter_provider_window(&config->providers[1]);
    cr_assert(rate_limits_validate(&low, NULL, 0));
    cr_assert(rate_limits_validate(&high, NULL, 0));
    cr_assert_eq(rate_limits_window_us(&low), 1);
    cr_assert_eq(rate_limits_window_us(&high), RATE_LIMITS_WINDOW_US_MAX);
    cr_assert_eq(config->providers[1].tpm, LIMITER_CONFIG_TPM_MAX);
    limiter_config_free(config);
}

Test(config, an_alias_stands_for_its_value)
{
    struct limiter_config *config =
        parse(GLOBAL "providers:\n  a: &usual {rpm: 7, burst: 2}\n  b: *usual\n");
    cr_assert_eq(limiter_config_find(config, "b")->rpm, 7);
    limiter_config_free(config);
}

static const struct refusal {
    const char *text;
    const char *error;
} refusals[] = {
    /* not a configuration at all */
    {"", "limits.yaml:1: the file is empty, must be a mapping with: global, providers"},
    {"# only a comment\n",
     "limits.yaml:1: the file is empty, must be a mapping with: global, providers"},
    {"global: [1\n", "limits.yaml:2: not YAML: did not find expected ',' or ']'"},
    {"a: b: c\n", "limits.yaml:1: not YAML: mapping values are not allowed in this context"},
    {"global:\n  max_concurrent: \xff\n", "limits.yaml:2: not YAML: invalid leading UTF-8 octet"},
    {"a: *nowhere\n", "limits.yaml:1: not YAML: found undefined alias"},
    {"just text\n",
     "limits.yaml:1: the file is \"just text\", must be a mapping with: global, providers"},
    {"- a\n", "limits.yaml:1: the file is a list, must be a mapping with: global, providers"},
    {GLOBAL OPENAI "---\nmore: 1\n", "limits.yaml:7: a second document, must be one only"},
    {GLOBAL OPENAI "---\n[\n", "limits.yaml:9: not YAML: did not find expected node content"},

    /* the top level, and global */
    {GLOBAL, "limits.yaml:1: the file has no providers, must have it"},
    {OPENAI, "limits.yaml:1: the file has no global, must have it"},
    {GLOBAL OPENAI "redis: here\n",
     "limits.yaml:7: the file has the unknown key \"redis\", must have only: global, providers"},
    {GLOBAL OPENAI GLOBAL,
     "limits.yaml:7: the file has global on line 1 already, must have it once"},
    {"global: 12\n" OPENAI,
     "limits.yaml:1: global is \"12\", must be a mapping with: max_concurrent"},
    {"global: {}\n" OPENAI, "limits.yaml:1: global has no max_concurrent, must have it"},
    {"global:\n  max_concurrent: 0\n",
     "limits.yaml:2: max_concurrent is \"0\", must be a whole number from 1 to 1000000"},
    {"global:\n  max_concurrent: 1000001\n",
     "limits.yaml:2: max_concurrent is \"1000001\", must be a whole number from 1 to 1000000"},
    {"? [a]\n: b\n",
     "limits.yaml:1: the file has the unknown key a list, must have only: global, providers"},

    /* providers */
    {"providers:\n", "limits.yaml:1: providers is empty, must be a mapping of names to limits"},
    {"providers: {}\n", "limits.yaml:1: providers is empty, must be a mapping of names to limits"},
    {"providers: [openai]\n",
     "limits.yaml:1: providers is a list, must be a mapping of names to limits"},
    {"providers:\n  a b: {rpm: 1, burst: 1}\n",
     "limits.yaml:2: a provider's name is \"a b\", must be 1 to 64 characters without blanks"},
    {"providers:\n  \"\": {rpm: 1, burst: 1}\n",
     "limits.yaml:2: a provider's name is \"\", must be 1 to 64 characters without blanks"},
    {"providers:\n  \"a\\nb\": {rpm: 1, burst: 1}\n",
     "limits.yaml:2: a provider's name is \"a?b\", must be 1 to 64 characters without blanks"},
    {"providers:\n"
     "  abcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghi: {}\n",
     "limits.yaml:2: a provider's name is \"abcdefghabcdefghabcdefghabcdefghabcdefgh...\", must be "
     "1 to 64 characters without blanks"},
    {OPENAI "  openai: {rpm: 1, burst: 1}\n",
     "limits.yaml:5: provider \"openai\" is on line 2 already, must be there once"},
    {"providers:\n  openai: 100\n",
     "limits.yaml:2: provider \"openai\" is \"100\", must be a mapping with: rpm, burst, tpm, "
     "window_size"},
    {"providers:\n  openai:\n    rpm: 1\n",
     "limits.yaml:2: provider \"openai\" has no burst, must have it"},
    {"providers:\n  openai:\n    burst: 1\n",
     "limits.yaml:2: provider \"openai\" has no rpm, must have it"},
    {"providers:\n  openai:\n    rpm: 1\n    rmp: 1\n",
     "limits.yaml:4: provider \"openai\" has the unknown key \"rmp\", must have only: rpm, burst, "
     "tpm, window_size"},
    {"providers:\n  openai:\n    rpm: 1\n    burst: 2\n    rpm: 1\n",
     "limits.yaml:5: provider \"openai\" has rpm on line 3 already, must have it once"},

    /* values */
    {"providers:\n  openai:\n    rpm: many\n",
     "limits.yaml:3: rpm is \"many\", must be a whole number from 1 to 1000000"},
    {"providers:\n  openai:\n    rpm: '100'\n",
     "limits.yaml:3: rpm is \"100\", must be a whole number from 1 to 1000000, without quotes"},
    {"providers:\n  openai:\n    rpm:\n",
     "limits.yaml:3: rpm is empty, must be a whole number from 1 to 1000000"},
    {"providers:\n  openai:\n    rpm: [1]\n",
     "limits.yaml:3: rpm is a list, must be a whole number from 1 to 1000000"},
    {"providers:\n  openai:\n    rpm: {a: 1}\n",
     "limits.yaml:3: rpm is a mapping, must be a whole number from 1 to 1000000"},
    {"providers:\n  openai:\n    rpm: -1\n",
     "limits.yaml:3: rpm is \"-1\", must be a whole number from 1 to 1000000"},
    {"providers:\n  openai:\n    rpm: 1.0\n",
     "limits.yaml:3: rpm is \"1.0\", must be a whole number from 1 to 1000000"},
    {"providers:\n  openai:\n    rpm: 010\n",
     "limits.yaml:3: rpm is \"010\", must be a whole number from 1 to 1000000"},
    {"providers:\n  openai:\n    rpm: 99999999999999999999999999\n",
     "limits.yaml:3: rpm is \"99999999999999999999999999\", must be a whole number from 1 to "
     "1000000"},
    {"providers:\n  openai:\n    burst: 0\n",
     "limits.yaml:3: burst is \"0\", must be a whole number from 1 to 1000000"},
    {"providers:\n  openai:\n    tpm: 1000000000001\n",
     "limits.yaml:3: tpm is \"1000000000001\", must be a whole number from 1 to 1000000000000"},
    {"providers:\n  openai:\n    window_size: 0\n",
     "limits.yaml:3: window_size is \"0\", must be seconds from 0.000001 to 2678400, with at most "
     "six decimals"},
    {"providers:\n  openai:\n    window_size: 0.0000001\n",
     "limits.yaml:3: window_size is \"0.0000001\", must be seconds from 0.000001 to 2678400, with "
     "at most six decimals"},
    {"providers:\n  openai:\n    window_size: 2678400.000001\n",
     "limits.yaml:3: window_size is \"2678400.000001\", must be seconds from 0.000001 to 2678400, "
     "with at most six decimals"},
    {"providers:\n  openai:\n    window_size: .inf\n",
     "limits.yaml:3: window_size is \".inf\", must be seconds from 0.000001 to 2678400, with at "
     "most six decimals"},
    {"providers:\n  openai:\n    window_size: 1.\n",
     "limits.yaml:3: window_size is \"1.\", must be seconds from 0.000001 to 2678400, with at most "
     "six decimals"},
    {"providers:\n  openai:\n    window_size: 60s\n",
     "limits.yaml:3: window_size is \"60s\", must be seconds from 0.000001 to 2678400, with at "
     "most six decimals"},
    {"providers:\n  a: &x {rpm: 0}\n  b: *x\n",
     "limits.yaml:2: rpm is \"0\", must be a whole number from 1 to 1000000"},
};

Test(config, refuses_with_file_line_reason_and_what_would_be_right)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char error[256] = "";
        struct limiter_config *config = limiter_config_parse(
            "limits.yaml", refusals[i].text, strlen(refusals[i].text), error, sizeof error);
        cr_expect_null(config, "case %zu", i);
        cr_expect_str_eq(error, refusals[i].error, "case %zu: %s", i, error);
        limiter_config_free(config);
    }
}

Test(config, a_short_error_buffer_is_enough_to_refuse)
{
    char error[8] = "";
    cr_assert_null(limiter_config_parse("x", "a: 1\n", 5, error, sizeof error));
    cr_assert_str_eq(error, "x:1: th");
    cr_assert_null(limiter_config_parse("x", "a: 1\n", 5, NULL, 0));
}

/* ---- files ---- */

static void write_file(char path[static 40], const char *text, size_t size)
{
    strcpy(path, "/tmp/treadle-config-XXXXXX");
    const int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    while (size > 0) {
        const ssize_t written = write(fd, text, size);
        cr_assert_gt(written, 0);
        text += written;
        size -= (size_t)written;
    }
    cr_assert_eq(close(fd), 0);
}

Test(config, reads_a_file)
{
    char path[40];
    char error[256] = "";
    write_file(path, GLOBAL OPENAI, strlen(GLOBAL OPENAI));
    struct limiter_config *config = limiter_config_read(path, error, sizeof error);
    unlink(path);
    cr_assert_not_null(config, "%s", error);
    cr_assert_eq(config->providers[0].rpm, 100);
    limiter_config_free(config);
}

Test(config, refuses_a_file_that_cannot_be_read)
{
    char error[256] = "";
    cr_assert_null(limiter_config_read("/nowhere/limits.yaml", error, sizeof error));
    cr_assert_str_eq(error, "/nowhere/limits.yaml: cannot be read: No such file or directory");
    cr_assert_null(limiter_config_read("/", error, sizeof error));
    cr_assert_str_eq(error, "/: cannot be read: Is a directory");
}

Test(config, refuses_a_file_without_end)
{
    char error[256] = "";
    cr_assert_null(limiter_config_read("/dev/zero", error, sizeof error));
    cr_assert_str_eq(error, "/dev/zero: larger than 1048576 bytes, must be a list of limits");
}

Test(config, refuses_more_providers_than_fit)
{
    char *text = malloc(64 * (LIMITER_CONFIG_PROVIDERS_MAX + 2));
    char *end = text + sprintf(text, GLOBAL "providers:\n");
    for (size_t i = 0; i < LIMITER_CONFIG_PROVIDERS_MAX; i++) {
        end += sprintf(end, "  p%zu: {rpm: 1, burst: 1}\n", i);
    }
    struct limiter_config *config = parse(text);
    cr_assert_eq(config->providers_count, LIMITER_CONFIG_PROVIDERS_MAX);
    limiter_config_free(config);

    char error[256] = "";
    end += sprintf(end, "  one-more: {rpm: 1, burst: 1}\n");
    cr_assert_null(
        limiter_config_parse("limits.yaml", text, (size_t)(end - text), error, sizeof error));
    cr_assert_str_eq(error, "limits.yaml:3: there are 1001 providers, must be at most 1000");
    free(text);
}
