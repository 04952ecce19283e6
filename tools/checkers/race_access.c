// SPDX-License-Identifier: MIT
#include "tools/checkers/race_access.h"

void race_unordered(treadle_races *self, const record *earlier, treadle_touch touch,
                    const void *site, uint32_t thread)
{
    if (conflicts[kind_of(touch.flags)] >> earlier->kind & 1) {
        race_report(self, &self->accesses[earlier->access],
                    &self->accesses[remember(self, touch, site, thread)]);
    }
}

void race_settle_extras(treadle_races *self, granule *at, uint32_t mask, treadle_touch touch,
                        const void *site, uint32_t thread)
{
    pending now = {.touch = touch,
                   .site = site,
                   .clock = self->clocks.threads[thread].clock,
                   .thread = thread,
                   .kind = kind_of(touch.flags)};
    for (uint32_t *link = &at->more; *link != 0;) {
        extra *other = &self->shadow.extras[*link];
        if (!settle(self, &other->record, mask, &now)) {
            link = &other->next;
            continue;
        }
        const uint32_t freed = *link;
        *link = other->next;
        other->next = self->shadow.extra_free;
        self->shadow.extra_free = freed;
    }
}

bool race_inherit_large(const treadle_races *self, granule *at, uint64_t begin)
{
    for (uint32_t i = 0; i < self->large_count; i++) {
        const large_block *block = &self->larges[i];
        if (begin + GRANULE_BYTES > block->begin && begin < block->end) {
            const uint64_t over =
                begin + GRANULE_BYTES > block->end ? begin + GRANULE_BYTES - block->end : 0;
            at->records[0] = block->record;
            at->records[0].mask = (uint8_t)(UINT8_MAX >> over);
            return true;
        }
    }
    return false;
}
