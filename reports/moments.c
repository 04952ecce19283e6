// SPDX-License-Identifier: MIT
#include "reports/moments.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/event_text.h"
#include "reports/utf8.h"

enum { NONE = UINT32_MAX };

static uint32_t race_moments(const treadle_trace *trace, treadle_moment *moments)
{
    static const char race[] = "race: ";
    uint32_t count = 0;
    for (uint32_t i = 0; i < trace->remark_count && count < 2; i++) {
        const treadle_trace_remark *remark = &trace->remarks[i];
        size_t length;
        const char *text = treadle_trace_text(trace, &remark->note, &length);
        if (length < sizeof race - 1 || memcmp(text, race, sizeof race - 1) != 0) {
            continue;
        }
        const bool begun = remark->after > 0 && remark->after <= trace->event_count;
        moments[count] = (treadle_moment){.event = &remark->note,
                                          .step = begun ? trace->events[remark->after - 1].step : 0,
                                          .role = count == 0 ? "makes the first access"
                                                             : "makes the second access"};
        count++;
    }
    return count == 2 ? 2 : 0;
}

/* The first event of a thread after another one that matters; NONE. */
static uint32_t next_of(const treadle_trace *trace, const treadle_relations *relations,
                        uint8_t thread, uint32_t after)
{
    for (uint32_t i = after + 1; i < trace->event_count; i++) {
        if (trace->events[i].thread == thread && trace->events[i].kind != TREADLE_OP_NOTE &&
            relations->matters[i]) {
            return i;
        }
    }
    return NONE;
}

static treadle_moment moment_at(const treadle_trace *trace, uint32_t index, const char *role)
{
    return (treadle_moment){&trace->events[index], trace->events[index].step, role};
}

/* What a thread did, another did in between, and how the first went on; 0 when the relation is not
 * like that. */
static uint32_t interruption(const treadle_trace *trace, const treadle_relations *relations,
                             const treadle_relation *relation, treadle_moment *moments)
{
    const treadle_event *from = &trace->events[relation->from];
    const uint32_t next = next_of(trace, relations, from->thread, relation->to);
    const bool read = relation->kind == TREADLE_RELATION_CONFLICT;
    if (next == NONE || (read && !treadle_event_only_reads(trace, from))) {
        return 0;
    }
    moments[0] = moment_at(trace, relation->from, read ? "reads" : "lets go");
    moments[1] = moment_at(trace, relation->to, read ? "changes that" : "takes over");
    moments[2] = moment_at(trace, next, read ? "goes on regardless" : "goes on");
    return 3;
}

static bool is_lock(const treadle_event *event)
{
    return event->kind == TREADLE_OP_MUTEX_UNLOCK || event->kind == TREADLE_OP_RWLOCK_UNLOCK ||
           event->kind == TREADLE_OP_SPIN_UNLOCK;
}

/* The last conflict; where there is none, the first lock that changed hands, since what else
 * happened inside is not in the trace. */
static uint32_t interrupted_moments(const treadle_trace *trace, const treadle_relations *relations,
                                    treadle_moment *moments)
{
    uint32_t count = 0;
    for (size_t i = relations->count; i-- > 0 && count == 0;) {
        if (relations->items[i].kind == TREADLE_RELATION_CONFLICT) {
            count = interruption(trace, relations, &relations->items[i], moments);
        }
    }
    for (size_t i = 0; i < relations->count && count == 0; i++) {
        if (relations->items[i].kind == TREADLE_RELATION_SYNC &&
            is_lock(&trace->events[relations->items[i].from])) {
            count = interruption(trace, relations, &relations->items[i], moments);
        }
    }
    return count;
}

/* Whether the last step says it all. */
static bool ends_at_once(const treadle_outcome *outcome)
{
    static const char *const properties[] = {"crash",      "abort",          "exit",    "hang",
                                             "step-limit", "stack-overflow", "deadlock"};
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (strcmp(outcome->property, properties[i]) == 0) {
            return true;
        }
    }
    return outcome->kind != TREADLE_OUTCOME_VIOLATED;
}

uint32_t treadle_moments(const treadle_trace *trace, const treadle_relations *relations,
                         const treadle_outcome *outcome,
                         treadle_moment moments[TREADLE_MOMENTS_MAX])
{
    uint32_t count = race_moments(trace, moments);
    if (count == 0 && !ends_at_once(outcome)) {
        count = interrupted_moments(trace, relations, moments);
    }
    for (uint32_t i = trace->event_count; i-- > 0 && count == 0;) {
        if (trace->events[i].kind != TREADLE_OP_NOTE) {
            moments[count++] = moment_at(trace, i, "takes the last step");
        }
    }
    return count;
}

/* "race: wrote" in a remark is "wrote" here. */
static char *describe_remark(const treadle_trace *trace, const treadle_event *note)
{
    size_t length;
    const char *text = treadle_trace_text(trace, note, &length);
    const char *colon = length > 0 ? memchr(text, ' ', length) : NULL;
    const size_t skip = colon != NULL ? (size_t)(colon - text) + 1 : 0;
    return treadle_utf8_escape(text + skip, length - skip);
}

char *treadle_moment_describe(const treadle_trace *trace, const treadle_moment *moment)
{
    const bool remark = moment->event->kind == TREADLE_OP_NOTE;
    char *name = treadle_thread_describe(trace, moment->event->thread);
    char *what = remark ? describe_remark(trace, moment->event)
                        : treadle_event_describe(trace, moment->event);
    char *text = NULL;
    if (name != NULL && what != NULL &&
        asprintf(&text, "%sstep %" PRIu32 ", %s %s: %s", remark ? "after " : "", moment->step, name,
                 moment->role, what) < 0) {
        text = NULL;
    }
    free(name);
    free(what);
    return text;
}
