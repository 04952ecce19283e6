// SPDX-License-Identifier: MIT
#include "provider_type.h"

#include <stdio.h>
#include <string.h>

enum provider_result provider_type_for(const struct provider_factory_options *options,
                                       const struct provider_config *config,
                                       const struct provider_type **type, char *error,
                                       size_t error_size)
{
    *type = NULL;
    if (!config->enabled) {
        snprintf(error, error_size, "provider '%s' is disabled", config->name);
        return PROVIDER_DISABLED;
    }
    for (size_t i = 0; i < options->type_count; i++) {
        if (strcmp(options->types[i].name, config->type) == 0) {
            *type = &options->types[i];
            return PROVIDER_OK;
        }
    }
    snprintf(error, error_size, "provider '%s' has the unknown type '%s'", config->name,
             config->type);
    return PROVIDER_UNKNOWN_TYPE;
}
