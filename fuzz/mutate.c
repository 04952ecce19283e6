// SPDX-License-Identifier: MIT
/* How inputs become others: as schedules, not as bytes. libFuzzer calls these by name. */
#include <string.h>

#include "fuzz/executing.h"
#include "tools/strategies/prng.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
                                 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed);

enum { HEAD = TREADLE_WORKLOAD_BYTES, LENGTH_DEFAULT = 64, SWAP_TRIES = 32 };

/* The decisions of an input, and how many there may be. */
typedef struct schedule {
    uint8_t *bytes;
    size_t count;
    size_t max;
} schedule;

static uint32_t below(treadle_prng *prng, size_t limit)
{
    return limit > 1 ? treadle_prng_below(prng, (uint32_t)limit) : 0;
}

static void extend(schedule *self, size_t count)
{
    count = count < self->max ? count : self->max;
    if (count > self->count) {
        memset(self->bytes + self->count, 0, count - self->count);
        self->count = count;
    }
}

/* Zeros at the end say nothing. */
static void trim(schedule *self)
{
    while (self->count > 0 && self->bytes[self->count - 1] == 0) {
        self->count--;
    }
}

/* ---- mutations ------------------------------------------------------------------------------- */

/* From some decision on, others: a random walk, or one in 2, 4, … 32 of them is not the quiet one.
 */
static void draw_tail(schedule *self, treadle_prng *prng)
{
    const uint32_t length = treadle_fuzz_length();
    const size_t from = below(prng, 2) ? below(prng, self->count + 1) : 0;
    const uint32_t rarity = below(prng, 2) ? 1u << below(prng, 6) : 1;
    self->count = from;
    extend(self, length > 0 ? length : LENGTH_DEFAULT);
    for (size_t i = from; i < self->count; i++) {
        self->bytes[i] = (uint8_t)(below(prng, rarity) ? 0 : 1 + below(prng, 255));
    }
}

static void change_one(schedule *self, treadle_prng *prng)
{
    const uint32_t length = treadle_fuzz_length();
    extend(self, length);
    if (self->count > 0) {
        uint8_t *byte = &self->bytes[below(prng, self->count)];
        *byte = (uint8_t)(*byte != 0 && below(prng, 2) ? 0 : 1 + below(prng, 8));
    }
}

/* A decision that is not the quiet one comes earlier or later. */
static void move_preemption(schedule *self, treadle_prng *prng)
{
    extend(self, self->count + 8);
    size_t from = below(prng, self->count + 1);
    for (size_t looked = 0; looked < self->count; looked++, from++) {
        from = from < self->count ? from : 0;
        if (self->bytes[from] != 0) {
            const size_t by = 1 + below(prng, below(prng, 2) ? 2 : 16);
            const size_t to = below(prng, 2) ? from + by : from - by; /* may wrap: too large */
            if (to < self->count) {
                const uint8_t moved = self->bytes[from];
                self->bytes[from] = self->bytes[to];
                self->bytes[to] = moved;
            }
            return;
        }
    }
}

/* A piece of the schedule once more, in another place: over what is there, or before it. */
static void splice(schedule *self, treadle_prng *prng)
{
    if (self->count < 2) {
        return;
    }
    const size_t from = below(prng, self->count);
    size_t length = 1 + below(prng, self->count - from);
    const size_t to = below(prng, self->count);
    if (below(prng, 2)) {
        length = length < self->count - to ? length : self->count - to;
        memmove(self->bytes + to, self->bytes + from, length);
        return;
    }
    length = length < self->max - self->count ? length : self->max - self->count;
    uint8_t piece[256];
    length = length < sizeof piece ? length : sizeof piece;
    memcpy(piece, self->bytes + from, length);
    memmove(self->bytes + to + length, self->bytes + to, self->count - to);
    memcpy(self->bytes + to, piece, length);
    self->count += length;
}

/* Puts the later of two operations that conflict before the earlier one, and what its thread did in
 * between before that. */
static void put_before(treadle_fuzz_log *log, uint32_t earlier, uint32_t later)
{
    static treadle_fuzz_step others[TREADLE_FUZZ_STEPS_MAX];
    const uint8_t thread = log->steps[later].thread;
    uint32_t own = earlier;
    uint32_t other_count = 0;
    for (uint32_t i = earlier; i <= later; i++) {
        if (log->steps[i].thread == thread) {
            log->steps[own++] = log->steps[i];
        } else {
            others[other_count++] = log->steps[i];
        }
    }
    memcpy(&log->steps[own], others, other_count * sizeof others[0]);
}

/* The first operation of another thread that conflicts with this one; 0 when there is none. */
static uint32_t conflict_after(const treadle_fuzz_log *log, uint32_t at)
{
    for (uint32_t i = at + 1; i < log->count; i++) {
        if (log->steps[i].thread != log->steps[at].thread &&
            treadle_conflict(&log->steps[i].op, &log->steps[at].op)) {
            return i;
        }
    }
    return 0;
}

static void take_decisions(schedule *self, const treadle_decisions *decisions)
{
    self->count = 0;
    extend(self, decisions->count);
    for (size_t i = 0; i < self->count; i++) {
        self->bytes[i] = (uint8_t)decisions->values[i];
    }
}

/* `data` is the whole input. Executes it to see its operations, and once more with two swapped. */
static void swap_conflicting(schedule *self, const uint8_t *data, treadle_prng *prng)
{
    static treadle_fuzz_log log;
    treadle_fuzz_try(data, HEAD + self->count, NULL, &log);
    for (int i = 0; i < SWAP_TRIES && log.count > 0; i++) {
        const uint32_t earlier = below(prng, log.count);
        const uint32_t later = conflict_after(&log, earlier);
        if (later > 0) {
            put_before(&log, earlier, later);
            take_decisions(self, treadle_fuzz_try(data, HEAD + self->count, &log, NULL));
            return;
        }
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if (max_size <= HEAD) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    treadle_prng prng;
    treadle_prng_seed(&prng, seed, size);
    if (size < HEAD) {
        memset(data + size, 0, HEAD - size);
        size = HEAD;
    }
    schedule now = {data + HEAD, size - HEAD, max_size - HEAD};
    switch (below(&prng, 9)) {
    case 0: LLVMFuzzerMutate(data, HEAD, HEAD); break;
    case 6:
    case 1: draw_tail(&now, &prng); break;
    case 2: now.count = LLVMFuzzerMutate(now.bytes, now.count, now.max); break;
    case 3: change_one(&now, &prng); break;
    case 4: move_preemption(&now, &prng); break;
    case 5: splice(&now, &prng); break;
    default: swap_conflicting(&now, data, &prng); break;
    }
    trim(&now);
    return HEAD + now.count;
}

/* The workload of one and, from where they are cut on, the schedule of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
                                 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
    if (size1 < HEAD || size2 < HEAD || max_out_size <= HEAD) {
        const size_t kept = size1 < max_out_size ? size1 : max_out_size;
        memcpy(out, data1, kept);
        return kept;
    }
    treadle_prng prng;
    treadle_prng_seed(&prng, seed, size1);
    memcpy(out, data1, HEAD);
    schedule now = {out + HEAD, 0, max_out_size - HEAD};
    const size_t count1 = size1 - HEAD;
    const size_t count2 = size2 - HEAD;
    now.count = below(&prng, count1 + 1);
    now.count = now.count < now.max ? now.count : now.max;
    memcpy(now.bytes, data1 + HEAD, now.count);
    /* In most cases the cut is at the same decision of both. */
    const size_t from = below(&prng, 4) ? now.count : below(&prng, count2 + 1);
    if (from < count2) {
        const size_t room = now.max - now.count;
        const size_t length = count2 - from < room ? count2 - from : room;
        memcpy(now.bytes + now.count, data2 + HEAD + from, length);
        now.count += length;
    }
    return HEAD + now.count;
}
