// SPDX-License-Identifier: MIT
#include "reports/result_places.h"

void treadle_result_places_of(const treadle_result *result, const treadle_writer_options *options,
                              treadle_result_places *places)
{
    treadle_relations relations;
    places->count = 0;
    if (result->trace == NULL || treadle_relations_open(&relations, result->trace) != 0) {
        return;
    }
    treadle_moment moments[TREADLE_MOMENTS_MAX];
    const uint32_t count = treadle_moments(result->trace, &relations, &result->outcome, moments);
    const uint32_t depth = treadle_helper_depth(result->trace);
    for (uint32_t i = 0; i < count; i++) {
        treadle_result_place *next = &places->items[places->count];
        next->moment = moments[i];
        const uint64_t site = treadle_shown_site(moments[i].event, depth);
        places->count +=
            treadle_source_place_of(options, site, &next->place) && next->place.line > 0;
    }
    treadle_relations_close(&relations);
}
