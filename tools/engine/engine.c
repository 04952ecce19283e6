// SPDX-License-Identifier: MIT
/* The scheduling step and the life of an execution. The inner loop is: announce, choose, switch,
 * run; it allocates nothing, calls no system function and takes no lock. */
#include "tools/engine/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/engine/debug.h"
#include "tools/engine/internal.h"
#include "tools/engine/leaks.h"
#include "tools/engine/pending.h"

engine E;

enum {
    START_HOOKS_MAX = 4,
    LATE_SHARE = 10, /* after this part of its steps an execution is watched for cycles */
};
static void (*start_hooks[START_HOOKS_MAX])(void);
static uint32_t start_hook_count;

void treadle_on_execution_start(void (*hook)(void))
{
    assert(start_hook_count < START_HOOKS_MAX);
    start_hooks[start_hook_count++] = hook;
}

/* ---- choosing and switching ------------------------------------------------------------------ */

static void put_decision(uint32_t value)
{
    treadle_decisions *decisions = E.decisions;
    if (UNLIKELY(decisions->count >= TREADLE_DECISIONS_MAX)) {
        treadle_stop(TREADLE_OUTCOME_CUT, "step-limit", "more than %u decisions",
                     TREADLE_DECISIONS_MAX);
    }
    decisions->values[decisions->count] = (uint16_t)value;
    decisions->count++;
}

static inline uint32_t decide(const treadle_choice *choice)
{
    const uint32_t value = E.choose(E.strategy_self, choice);
    assert(value < choice->count);
    put_decision(value);
    return value;
}

uint32_t treadle_decide(treadle_choice_kind kind, uint32_t count)
{
    if (count < 2) {
        return 0;
    }
    E.unseen++;
    if (E.plan_values < E.plan.value_count) {
        return E.plan.values[E.plan_values++];
    }
    const treadle_choice choice = {
        .kind = kind, .count = count, .current = E.self->id, .enabled = 0, .step = E.steps};
    return decide(&choice);
}

static inline void switch_to(thread *to)
{
    thread *self = E.self;
    self->saved_errno = *E.errno_location;
    if (UNLIKELY(E.tls != NULL)) {
        memcpy(self->tls, E.tls, E.tls_bytes);
        memcpy(E.tls, to->tls, E.tls_bytes);
    }
    E.self = to;
    E.turn_began = E.steps;
    treadle_fiber_go(self, to);
    *E.errno_location = self->saved_errno;
}

static void clear_footprint(void)
{
    treadle_footprint_now.count = 0;
    treadle_footprint_now.released = 0;
    treadle_footprint_now.diverted = 0;
}

/* Whether nobody looks at a thread's next steps one by one. */
static inline bool may_coast(uint32_t steps)
{
    return E.coasts && !E.hurry && E.steps + steps < E.step_mark;
}

/* The next run of the plan: its first step here, the others without coming here again. */
static __attribute__((noinline)) uint32_t planned(void)
{
    const treadle_plan_run *run = &E.plan.runs[E.plan_runs++];
    if (!(E.enabled & UINT64_C(1) << run->thread)) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "nondeterminism",
                     "thread %u cannot go on where it could before: the subject depends on "
                     "something that is not in the decision stream",
                     run->thread);
    }
    E.gave_way &= ~(UINT64_C(1) << run->thread);
    const uint32_t more = run->steps - 1;
    E.coast = may_coast(more) ? more : 0;
    E.run_left = more - E.coast;
    return run->thread;
}

static __attribute__((noinline)) uint32_t ask(const thread *self, bool stuck)
{
    const treadle_step step = {.current = self->id,
                               .enabled = E.enabled,
                               .decisions = E.decisions->count,
                               .stuck = stuck,
                               .footprint = &treadle_footprint_now};
    const uint32_t next = E.step(E.strategy_self, &step);
    assert(E.enabled & UINT64_C(1) << next);
    if (E.enabled & (E.enabled - 1)) {
        put_decision(treadle_thread_option(E.enabled, self->id, next));
    }
    clear_footprint();
    E.observing |= OBSERVE_FOOTPRINT;
    E.plain = PLAIN_CLOSELY;
    if (UNLIKELY(E.gave_way & UINT64_C(1) << next)) {
        E.gave_way &= ~(UINT64_C(1) << next);
        treadle_depends_on_all();
    }
    return next;
}

/* A pick for a strategy that follows every step. */
static uint32_t follow(const thread *self)
{
    const bool stuck = E.enabled == 0;
    if (UNLIKELY(stuck)) {
        treadle_nobody_enabled();
    }
    return E.plan_runs < E.plan.run_count ? planned() : ask(self, stuck);
}

static inline uint32_t pick(thread *self)
{
    if (UNLIKELY(E.step != NULL)) {
        return follow(self);
    }
    const uint64_t enabled = E.enabled;
    if (LIKELY(enabled & (enabled - 1))) {
        /* Not on the stack, where it would make equal states differ (cycles.c). */
        static treadle_choice choice;
        choice = (treadle_choice){.kind = TREADLE_CHOICE_THREAD,
                                  .count = (uint32_t)__builtin_popcountll(enabled),
                                  .current = self->id,
                                  .enabled = enabled,
                                  .step = E.steps};
        return treadle_option_thread(enabled, self->id, decide(&choice));
    }
    const uint32_t only = enabled ? (uint32_t)__builtin_ctzll(enabled) : treadle_nobody_enabled();
    if (UNLIKELY(E.forced != NULL)) {
        E.forced(E.strategy_self, only);
    }
    return only;
}

/* The rare things before a choice: an eager thread has reached its first operation; threads that
 * yielded may go on once another thread changed something; main is alone, so that for those who
 * follow every step all is one. Returns true when the caller was parked and has already been picked
 * again, or goes on. */
static RARELY bool schedule_rare(thread *self)
{
    if (self->eager_parent != NULL) {
        thread *parent = self->eager_parent;
        self->eager_parent = NULL;
        switch_to(parent);
        return true;
    }
    if (E.progress != E.yield_progress) {
        treadle_wake_yielded(E.yielded & ~self->bit);
    }
    E.hurry = E.yielded != 0 || E.alone;
    return E.alone && E.step != NULL && (E.enabled & self->bit);
}

/* The main thread's wait for the scenario's threads is not part of the subject's story. */
static inline void count_switch(const thread *from, const thread *to)
{
    E.switches += from->kind != TREADLE_OP_NONE && to->kind != TREADLE_OP_NONE;
}

void treadle_schedule_now(void)
{
    thread *self = E.self;
    if (UNLIKELY(E.trace != NULL)) {
        treadle_record_commit();
    }
    if (LIKELY(!E.hurry) || !schedule_rare(self)) {
        if (E.run_left) {
            E.run_left--;
            if (UNLIKELY(++E.steps > E.step_mark) && treadle_late_step()) {
                treadle_schedule_now(); /* as it was when the plan was made */
            }
            return;
        }
        const uint32_t next = pick(self);
        if (next != self->id) {
            thread *to = &E.threads[next];
            count_switch(self, to);
            E.preemptions += (E.enabled & self->bit) && treadle_goes_on(self->id);
            switch_to(to);
        }
    }
    if (UNLIKELY(++E.steps > E.step_mark) && treadle_late_step()) {
        treadle_schedule_now(); /* it is others' turn */
        return;
    }
    if (UNLIKELY(E.trace != NULL)) {
        treadle_record_step();
    }
}

_Noreturn void treadle_schedule_away(void)
{
    thread *self = E.self;
    if (UNLIKELY(E.trace != NULL)) {
        treadle_record_commit();
    }
    if (UNLIKELY(E.hurry)) {
        schedule_rare(self);
    }
    if (UNLIKELY(E.run_left + E.coast != 0)) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "nondeterminism",
                     "%s ends where it went on before: the subject depends on something that is "
                     "not in the decision stream",
                     self->name);
    }
    thread *to = &E.threads[pick(self)];
    count_switch(self, to);
    switch_to(to);
    __builtin_unreachable();
}

void treadle_gate_park(uint64_t *gate, bool open, object *behind, treadle_op_kind kind,
                       const void *address, bool timed, const void *site)
{
    thread *self = E.self;
    const uint64_t bit = self->bit;
    if ((E.level < TREADLE_GRANULARITY_SYNC || E.options.overtaken_max) && behind != NULL) {
        /* Only who finds it closed comes here: it has seen that. Or it matters since when it waits.
         */
        treadle_touching_object((void *)behind->address, TREADLE_TOUCH_READ);
    }
    if (UNLIKELY(E.coast != 0) && !open && !timed) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "nondeterminism",
                     "%s has to wait where it went on before: the subject depends on something "
                     "that is not in the decision stream",
                     self->name);
    }
    treadle_publish(kind, address, 0, 0, site);
    self->object = behind;
    self->held_up_by = open ? NULL : behind;
    self->overtaken = 0;
    self->wait_step = E.steps;
    *gate |= bit;
    if (UNLIKELY(timed)) {
        E.timed |= bit;
    } else if (!open) {
        E.enabled &= ~bit;
    }
    treadle_schedule();
    *gate &= ~bit;
    E.timed &= ~bit;
}

/* ---- an execution ---------------------------------------------------------------------------- */

static void end_as(treadle_outcome_kind kind)
{
    assert(E.level != TREADLE_GRANULARITY_NONE);
    E.level = TREADLE_GRANULARITY_NONE;
    E.plain = PLAIN_CLOSELY;
    E.observing = 0;
    E.outcome->kind = kind;
}

static _Noreturn void leave(void)
{
    if (E.trace != NULL) {
        treadle_record_commit();
    }
    if (E.options.trace != NULL) {
        E.outcome->trace_hash = E.options.trace->hash;
    }
    treadle_fiber_go(E.self, NULL);
    __builtin_unreachable();
}

static void main_fiber(void)
{
    treadle_fiber_begins();
    E.program->body(E.program->argument);
    treadle_depends_on_all(); /* nobody goes on after it */
    treadle_check_leaks();
#ifdef TREADLE_ASAN
    if (E.options.look_for_leaks) {
        treadle_leaks_check();
    }
#endif
    end_as(TREADLE_OUTCOME_PASSED);
    leave();
}

int treadle_engine_open(treadle_decisions *decisions)
{
    assert(!E.opened);
    E.decisions = decisions;
    E.errno_location = &errno;
    int error = treadle_stacks_open(&E.stacks, TREADLE_THREADS_MAX);
    error = error ? error : treadle_heap_open();
    error = error ? error : treadle_globals_open();
    error = error ? error : treadle_tls_open();
    if (error) {
        return error;
    }
    treadle_signals_open();
    tzset(); /* or the first execution that needs the zone would be another than the next */
    E.opened = true;
    return 0;
}

void treadle_engine_forked(treadle_decisions *decisions)
{
    assert(E.opened && !treadle_inside());
    E.decisions = decisions;
    treadle_signals_open(); /* timers are not inherited */
}

static void reset(const treadle_program *program, const treadle_execution_options *options,
                  const treadle_strategy *strategy, void *strategy_self, treadle_outcome *outcome)
{
    E.steps = 0;
    E.turn_began = 0;
    E.executions++;
    E.enabled = 0;
    E.timed = 0;
    E.yielded = 0;
    E.polling = 0;
    E.gave_way = 0;
    E.in_call = 0;
    E.spinning = 0;
    E.alone = true;
    E.hurry = true;
    E.step_limit = options->step_limit ? options->step_limit : 20000;
    E.step_mark = options->watch_cycles ? E.step_limit / LATE_SHARE : E.step_limit;
    E.unseen = 0;
    E.clock_reads = 0;
    E.spin_reads_max = options->spin_reads_max ? options->spin_reads_max : 4;
    E.choose = strategy->choose;
    E.forced = strategy->forced;
    E.strategy_self = strategy_self;
    E.step = strategy->step;
    E.plan = (treadle_plan){0};
    if (strategy->plan != NULL) {
        strategy->plan(strategy_self, &E.plan);
    }
    E.plan_runs = 0;
    E.plan_values = 0;
    E.run_left = 0;
    E.coast = 0;
    E.observing = 0;
    clear_footprint();
    E.decisions->count = E.plan.decisions;
    E.event = NULL;
    E.switches = 0;
    E.preemptions = 0;
    E.spin_blocks = 0;
    E.object_count = 0;
    E.thread_count = 0;
    E.scenario_threads_left = 0;
    E.scenario_threads = 0;
    E.progress = 0;
    E.stuck_progress = 0;
    E.yield_progress = 0;
    E.stuck_rounds = 0;
    E.clock_ns = 0;
    E.random_calls = 0;
    E.random_seeded = false;
    E.token = NULL;
    E.tsd_key_count = 0;
    E.options = *options;
    E.program = program;
    E.outcome = outcome;
    outcome->kind = TREADLE_OUTCOME_NONE;
    outcome->trace_hash = 0;
    outcome->property[0] = '\0';
    outcome->message[0] = '\0';
    treadle_heap_reset(options->heap_bytes_max ? options->heap_bytes_max : (size_t)64 << 20);
    treadle_globals_restore();
    for (uint32_t i = 0; i < start_hook_count; i++) {
        start_hooks[i]();
    }
}

/* Where nobody follows what a step touches. */
static plain_care plain_care_unfollowed(void)
{
#ifdef TREADLE_ASAN
    return PLAIN_CLOSELY;
#else
    if (E.level >= TREADLE_GRANULARITY_MEMORY || E.observing) {
        return PLAIN_CLOSELY;
    }
    return E.plan_runs < E.plan.run_count ? PLAIN_AGAIN : PLAIN_SAFELY;
#endif
}

/* Whether whatever others did happens before what main does now, and all that it touches before
 * somebody else comes is its own. */
static bool is_left_alone(void)
{
    for (uint32_t i = 1; i < E.thread_count; i++) {
        const thread *other = &E.threads[i];
        if (!other->finished || !(other->scenario_thread || other->joined)) {
            return false;
        }
    }
    return true;
}

void treadle_scenario_threads_ended(void)
{
    if (is_left_alone()) {
        E.alone = true;
        treadle_hurry();
        E.observing &= ~(uint32_t)OBSERVE_FOOTPRINT;
        E.plain = plain_care_unfollowed();
    }
}

void treadle_execute(const treadle_program *program, const treadle_execution_options *options,
                     const treadle_strategy *strategy, void *strategy_self,
                     treadle_outcome *outcome)
{
    assert(E.opened && E.level == TREADLE_GRANULARITY_NONE);
    reset(program, options, strategy, strategy_self, outcome);
    E.trace = options->trace;
    if (E.trace != NULL) {
        treadle_record_start(E.trace);
    }
    static const char main_name[TREADLE_THREAD_NAME_MAX] = "main";
    thread *main_thread = treadle_thread_new(main_name, NULL);
    main_thread->sp = treadle_fiber_new(treadle_stack_low(&E.stacks, 0),
                                        treadle_stack_high(&E.stacks, 0), main_fiber);
    E.self = main_thread;
    E.level = options->granularity ? (int)options->granularity : TREADLE_GRANULARITY_SYNC;
    if (options->observer != NULL) {
        E.observing = OBSERVE_ALL;
        options->observer->start(options->observer_self);
    }
    E.plain = plain_care_unfollowed();
    E.coasts = E.level >= TREADLE_GRANULARITY_SYNC && options->trace == NULL &&
               !options->watch_cycles && !options->overtaken_max;
    const int saved_errno = errno;
    treadle_tls_enter();
    treadle_fiber_go(NULL, main_thread);
    treadle_tls_leave();
    treadle_environment_restore();
    errno = saved_errno;
    outcome->steps = E.steps;
    outcome->switches = E.switches;
    outcome->preemptions = E.preemptions;
    outcome->spin_blocks = E.spin_blocks;
    E.trace = NULL;
    E.event = NULL;
}

_Noreturn void treadle_stop(treadle_outcome_kind kind, const char *property, const char *format,
                            ...)
{
    end_as(kind);
    treadle_outcome *outcome = E.outcome;
    snprintf(outcome->property, sizeof outcome->property, "%s", property);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(outcome->message, sizeof outcome->message, format, arguments);
    va_end(arguments);
    if (E.options.trace != NULL) {
        treadle_debug_end();
    }
    leave();
}

_Noreturn void treadle_violation(const char *property, const char *format, ...)
{
    char message[TREADLE_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    treadle_stop(TREADLE_OUTCOME_VIOLATED, property, "%s", message);
}

/* ---- from inside ----------------------------------------------------------------------------- */

bool treadle_inside(void)
{
    return E.level != TREADLE_GRANULARITY_NONE;
}

uint32_t treadle_thread_number(void)
{
    return E.self->id;
}

int64_t treadle_clock_ns(void)
{
    E.clock_reads++;
    treadle_touching_object(&E.clock_ns, TREADLE_TOUCH_READ);
    return E.clock_ns;
}

bool treadle_recording(void)
{
    return E.trace != NULL;
}

treadle_event *treadle_announce_external(treadle_op_kind kind, uint64_t number, const void *site)
{
    E.unseen++;
    treadle_cancellation_point();
    treadle_announce(kind, (const void *)(uintptr_t)number, 0, 0, site);
    E.progress++;
    treadle_touching_object(&E.clock_ns, TREADLE_TOUCH_READ);
    E.self->clock_seen_ns = E.clock_ns;
    return E.event;
}

int64_t treadle_clock_seen_ns(void)
{
    return E.self->clock_seen_ns;
}

void treadle_enter_call(void)
{
    if (UNLIKELY(E.options.serial) && E.in_call != 0) {
        treadle_stop(TREADLE_OUTCOME_CUT, "not-serial", "a call waits for another");
    }
    E.in_call |= E.self->bit;
}

void treadle_call_begin(const char *text, const void *site)
{
    thread *self = E.self;
    E.unseen++;
    E.in_call &= ~self->bit;
    self->clock_seen_ns = -1;
    /* A thread that has only just been started has nothing before its call to keep apart. */
    const bool fresh =
        self->kind == TREADLE_OP_THREAD_START && E.level < TREADLE_GRANULARITY_MEMORY;
    if (!fresh && (E.options.serial || E.level >= TREADLE_GRANULARITY_SYNC)) {
        treadle_announce(TREADLE_OP_CALL, NULL, 0, 0, site);
        if (UNLIKELY(E.event != NULL) && text != NULL) {
            treadle_event_text(E.event, text, strlen(text), false);
        }
    } else {
        self->kind = TREADLE_OP_CALL; /* no longer fresh */
        if (text != NULL) {
            treadle_note("call %s", text);
        }
    }
    treadle_enter_call();
    /* Which calls had returned before this one began is part of the history. */
    treadle_touching(E.call_ended, sizeof E.call_ended, TREADLE_TOUCH_READ | TREADLE_TOUCH_OBJECT,
                     site);
    self->novelty++;
}

void treadle_call_end(void)
{
    treadle_touching_object(&E.call_ended[E.self->id], TREADLE_TOUCH_WRITE);
    E.in_call &= ~E.self->bit;
}

uint64_t treadle_threads_in_call(void)
{
    return E.in_call;
}
