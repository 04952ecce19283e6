// SPDX-License-Identifier: MIT
#include "scenarios/claims.h"

#include <string.h>

#define BREAKS(id, source, scenario, variant, backend, property, text)                        \
    {                                                                                         \
        id, source, text, TREADLE_CLAIM_BREAKS, scenario, variant, TREADLE_BACKEND_##backend, \
            property                                                                          \
    }
#define HOLDS(id, source, scenario, variant, backend, property, text)                        \
    {                                                                                        \
        id, source, text, TREADLE_CLAIM_HOLDS, scenario, variant, TREADLE_BACKEND_##backend, \
            property                                                                         \
    }

const treadle_claim treadle_claims[] = {
    BREAKS("window-1", "document 1", "sliding_window/check_then_add", "naive", REDIS,
           "over-admission",
           "Between check_limit() and add_request() other clients pass the check too."),
    HOLDS("window-2", "document 1", "sliding_window/check_then_add", "proposed-lua", REDIS, NULL,
          "The Lua script decides and adds atomically."),
    BREAKS("store-1", "document 7", "memory_store/lost_append", "naive", MEMORY, "lost-append",
           "Concurrent changes of a provider's list lose requests."),
    HOLDS("store-2", "document 7", "memory_store/check_then_add", "proposed", MEMORY, NULL,
          "With a lock per provider the memory store admits no more than the limit."),
};

const size_t treadle_claim_count = sizeof treadle_claims / sizeof treadle_claims[0];

bool treadle_claim_is_defect(const treadle_claim *claim)
{
    return claim->sense == TREADLE_CLAIM_BREAKS && strncmp(claim->variant, "proposed", 8) == 0;
}
