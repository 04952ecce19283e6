// SPDX-License-Identifier: MIT
/* Fuzzing: whoever mutates bytes writes the decision stream. Nothing here is random. */
#include "tools/strategies/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "tools/strategies/strategies.h"

typedef struct fuzz {
    const uint8_t *bytes;
    size_t size;
    uint32_t asked;
    treadle_fuzz_log *log;
    treadle_fuzz_log *follow;
    uint32_t followed; /* steps of `follow` that are done with */
} fuzz;

static void *create(const treadle_strategy_options *options)
{
    (void)options;
    return calloc(1, sizeof(fuzz));
}

static bool begin(void *context, uint64_t execution)
{
    fuzz *self = context;
    (void)execution;
    self->asked = 0;
    self->followed = 0;
    if (self->log != NULL) {
        self->log->count = 0;
    }
    return true;
}

static uint32_t byte(const fuzz *self, uint32_t at, uint32_t count)
{
    return at < self->size ? self->bytes[at] % count : 0;
}

/* Takes the first step left whose thread can go on out of the sequence. */
static uint32_t follow(fuzz *self, const treadle_choice *choice)
{
    treadle_fuzz_log *steps = self->follow;
    for (uint32_t i = self->followed; i < steps->count; i++) {
        const treadle_fuzz_step step = steps->steps[i];
        if (choice->enabled >> step.thread & 1) {
            memmove(&steps->steps[self->followed + 1], &steps->steps[self->followed],
                    (i - self->followed) * sizeof step);
            steps->steps[self->followed++] = step;
            return treadle_thread_option(choice->enabled, choice->current, step.thread);
        }
    }
    return 0;
}

static void note(fuzz *self, uint32_t thread)
{
    treadle_fuzz_log *log = self->log;
    if (log != NULL && log->count < TREADLE_FUZZ_STEPS_MAX) {
        log->steps[log->count++] = (treadle_fuzz_step){(uint8_t)thread, treadle_pending(thread)};
    }
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    fuzz *self = context;
    const uint32_t at = self->asked++;
    if (choice->kind != TREADLE_CHOICE_THREAD) {
        return byte(self, at, choice->count);
    }
    const uint32_t option =
        self->follow != NULL ? follow(self, choice) : byte(self, at, choice->count);
    note(self, treadle_option_thread(choice->enabled, choice->current, option));
    return option;
}

/* Nobody else could: a step all the same, which a sequence has, too. */
static void forced(void *context, uint32_t thread)
{
    fuzz *self = context;
    if (self->follow != NULL && self->followed < self->follow->count &&
        self->follow->steps[self->followed].thread == thread) {
        self->followed++;
    }
    note(self, thread);
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)context;
    (void)outcome;
}

void treadle_fuzz_read(void *context, const uint8_t *bytes, size_t size)
{
    fuzz *self = context;
    self->bytes = bytes;
    self->size = size;
}

void treadle_fuzz_log_to(void *context, treadle_fuzz_log *log)
{
    fuzz *self = context;
    self->log = log;
}

void treadle_fuzz_follow(void *context, treadle_fuzz_log *steps)
{
    fuzz *self = context;
    self->follow = steps;
}

uint32_t treadle_fuzz_asked(const void *context)
{
    const fuzz *self = context;
    return self->asked;
}

const treadle_strategy treadle_strategy_fuzz = {
    .name = "fuzz",
    .summary = "reads the decisions from a fuzzer's bytes",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
    .forced = forced,
};
