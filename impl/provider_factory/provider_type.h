// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_PROVIDER_TYPE_H
#define PROVIDER_FACTORY_PROVIDER_TYPE_H

/* What every variant asks of a configuration before it builds. Pure. */

#include "provider_factory.h"

/* PROVIDER_OK and the type, or PROVIDER_DISABLED or PROVIDER_UNKNOWN_TYPE with one line in `error`.
 */
enum provider_result provider_type_for(const struct provider_factory_options *options,
                                       const struct provider_config *config,
                                       const struct provider_type **type, char *error,
                                       size_t error_size);

#endif
