// SPDX-License-Identifier: MIT
#include "tools/strategies/tests/programs.h"

#include <stdio.h>
#include <string.h>

#include "tools/engine/engine.h"

static uint32_t registers[PROGRAM_THREADS_MAX];

/* ---- running --------------------------------------------------------------------------------- */

static void run_thread(void *context, uint32_t index)
{
    const program *self = context;
    registers[index] = 0;
    uint64_t held = 0;
    for (uint32_t i = 0; i < self->lengths[index]; i++) {
        const instruction *at = &self->code[index][i];
        const uint64_t bit = UINT64_C(1) << at->place;
        if (at->code == OP_DECIDE) {
            registers[index] += treadle_decide(TREADLE_CHOICE_RANDOM, 2 + at->place % 2);
        } else if (at->code == OP_SKIP) {
            i += registers[index] & 1;
        } else if (at->code == OP_LOCK && (held & bit)) {
            registers[index] = instruction_run(OP_UNLOCK, at->place, registers[index]);
            held &= ~bit;
        } else {
            held |= at->code == OP_LOCK ? bit : 0;
            registers[index] = instruction_run(at->code, at->place, registers[index]);
        }
    }
    for (uint32_t place = 0; place < PLACES; place++) {
        if (held >> place & 1) {
            instruction_run(OP_UNLOCK, place, 0);
        }
    }
}

void program_run(void *context)
{
    const program *self = context;
    memset(registers, 0, sizeof registers);
    instructions_prepare();
    if (self->another) {
        instruction_run(OP_FORK, 0, 0);
    }
    treadle_run_threads(self->threads, "t", run_thread, context);
}

uint64_t program_state(const program *self, const treadle_outcome *outcome)
{
    uint64_t state = instructions_state() + outcome->kind;
    for (uint32_t i = 0; i < self->threads; i++) {
        state = state * 1000003 + registers[i];
    }
    for (const char *c = outcome->property; *c; c++) {
        state = state * 31 + (uint8_t)*c;
    }
    return state;
}

uint64_t program_shape(const program *self, const treadle_outcome *outcome)
{
    uint64_t shape = instructions_state() * 31 + outcome->kind;
    for (uint32_t i = 0; i < self->threads; i++) {
        const uint64_t mixed = (registers[i] + 1) * UINT64_C(0x9e3779b97f4a7c15);
        shape += (mixed ^ mixed >> 29) * (mixed ^ mixed >> 29);
    }
    return shape * 31 + (uint8_t)outcome->property[0];
}

/* ---- making ---------------------------------------------------------------------------------- */

/* So that its interleavings can be counted. */
static uint32_t length_max(uint32_t threads)
{
    return threads == 2 ? 5 : threads == 3 ? 3 : 2;
}

static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % limit);
}

/* Half of the programs use few kinds of instructions, so that they meet. */
void program_generate(program *self, uint64_t number)
{
    random_state = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (uint32_t i = 0; i < 4; i++) {
        below(2);
    }
    opcode kinds[3];
    for (uint32_t i = 0; i < 3; i++) {
        kinds[i] = (opcode)below(OPCODES);
    }
    const uint32_t narrow = below(2);
    const uint32_t places = 1 + below(PLACES);
    self->another = false;
    self->threads = 2 + below(PROGRAM_THREADS_MAX - 1);
    const uint32_t length = length_max(self->threads);
    for (uint32_t t = 0; t < self->threads; t++) {
        self->lengths[t] = 1 + below(length);
        for (uint32_t i = 0; i < self->lengths[t]; i++) {
            opcode code = narrow && below(4) ? kinds[below(3)] : (opcode)below(OPCODES);
            code = code == OP_UNLOCK ? OP_LOCK : code;
            self->code[t][i] = (instruction){code, below(places)};
        }
    }
}

void program_read(program *self, const uint8_t *bytes, size_t size)
{
    size_t at = 0;
#define NEXT(limit) (at < size ? bytes[at++] % (uint32_t)(limit) : 0)
    self->another = false;
    self->threads = 2 + NEXT(PROGRAM_THREADS_MAX - 1);
    for (uint32_t t = 0; t < self->threads; t++) {
        self->lengths[t] = 1 + NEXT(length_max(self->threads));
        for (uint32_t i = 0; i < self->lengths[t]; i++) {
            const opcode code = (opcode)NEXT(OPCODES);
            self->code[t][i] =
                (instruction){code == OP_UNLOCK ? OP_LOCK : code, (uint32_t)NEXT(PLACES)};
        }
    }
#undef NEXT
}

void program_describe(const program *self, char *text, size_t size)
{
    static const char *const names[] = {
        "read",    "write",     "load", "store",     "add",      "cas",       "lock",  "unlock",
        "try",     "timedlock", "wait", "timedwait", "signal",   "broadcast", "post",  "take",
        "trytake", "timedtake", "rd",   "wr",        "barrier",  "once",      "clock", "fork",
        "cancel",  "decide",    "skip", "yield",     "sleep",    "spin",      "frd",   "frdtwice",
        "ftryrd",  "ftimedrd",  "fwr",  "ftrywr",    "ftimedwr",
    };
    size_t used = 0;
    for (uint32_t t = 0; t < self->threads; t++) {
        for (uint32_t i = 0; i < self->lengths[t] && used < size; i++) {
            used += (size_t)snprintf(text + used, size - used, "%s%s %u", i ? "; " : " | ",
                                     names[self->code[t][i].code], self->code[t][i].place);
        }
    }
}
