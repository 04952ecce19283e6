// SPDX-License-Identifier: MIT
/* The configuration's YAML: never trusts its input; what it refuses it explains in one line that
 * names the place; what it accepts is within the bounds that it states. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "impl/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_provider(const struct limiter_config *config,
                           const struct limiter_provider *provider)
{
    assert(provider->name[0] != '\0' && strlen(provider->name) <= LIMITER_CONFIG_NAME_MAX);
    assert(provider->rpm >= 1 && provider->burst >= 1 &&
           provider->burst <= LIMITER_CONFIG_BURST_MAX);
    assert(provider->tpm >= 0 && provider->tpm <= LIMITER_CONFIG_TPM_MAX);
    assert(provider->window_s > 0);
    assert(limiter_config_find(config, provider->name) == provider); /* none twice */
    const struct token_bucket_limits bucket = limiter_provider_bucket(provider);
    assert(bucket.capacity >= 1 && bucket.rate_per_s > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[300] = "";
    struct limiter_config *config =
        limiter_config_parse("f", (const char *)data, size, error, sizeof error);
    if (config == NULL) {
        assert(strncmp(error, "f:", 2) == 0 && strchr(error, '\n') == NULL);
        return 0;
    }
    assert(config->max_concurrent >= 1 && config->max_concurrent <= LIMITER_CONFIG_CONCURRENT_MAX);
    assert(config->providers_count >= 1 && config->providers_count <= LIMITER_CONFIG_PROVIDERS_MAX);
    for (size_t i = 0; i < config->providers_count; i++) {
        check_provider(config, &config->providers[i]);
    }
    limiter_config_free(config);
    return 0;
}
