// SPDX-License-Identifier: MIT
/* Threads: creation, end, join, detach, cancellation with clean-up handlers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/engine/internal.h"
#include "tools/engine/once.h"
#include "tools/engine/tsd.h"

/* What pthread_cleanup_push puts on the stack; glibc's own buffer, linked through its spare words.
 */
struct cleanup {
    __pthread_unwind_buf_t buffer;
};

/* A thread's handle: never zero, and not a pointer that glibc could follow by accident. */
enum { HANDLE_BASE = 0x7d100, CLEARED_STACK_BYTES = 16 << 10 };

static pthread_t handle_of(const thread *named)
{
    return (pthread_t)HANDLE_BASE + named->id;
}

static thread *thread_of(pthread_t handle, const char *call)
{
    const uint64_t id = (uint64_t)handle - HANDLE_BASE;
    if (id >= E.thread_count || (E.threads[id].joined && E.threads[id].finished)) {
        treadle_violation("misuse", "%s calls %s with a handle that names no thread", E.self->name,
                          call);
    }
    /* As long as nobody has joined it. */
    treadle_touching_quietly(&E.threads[id].detached, 1, TREADLE_TOUCH_READ | TREADLE_TOUCH_OBJECT);
    return &E.threads[id];
}

/* ---- life ------------------------------------------------------------------------------------ */

static void thread_main(void)
{
    treadle_fiber_begins();
    thread *self = E.self;
    *E.errno_location = 0;
    if (E.level < TREADLE_GRANULARITY_MEMORY) {
        E.steps++; /* the start was a scheduling point; see run_eagerly() */
        if (UNLIKELY(E.trace != NULL)) {
            treadle_record_step();
        }
    }
    if (self->start_indexed != NULL) {
        treadle_enter_call();
        self->start_indexed(self->argument, self->index);
        treadle_thread_end(NULL);
    }
    treadle_thread_end(self->start_c11 != NULL ? (void *)(intptr_t)self->start_c11(self->argument)
                                               : self->start(self->argument));
}

/* In the trace, too; while recording is paused as well, for the thread will be met later. */
static void name_in_trace(const thread *named)
{
    treadle_trace *trace = E.options.trace;
    if (UNLIKELY(trace != NULL) && named->id < TREADLE_TRACE_THREADS_MAX) {
        memcpy(trace->thread_names[named->id], named->name, TREADLE_THREAD_NAME_MAX);
        trace->thread_count = E.thread_count;
    }
}

/* By the C library: for a few hundred bytes the compiler would put in what is slow to start. */
static void clear(void *from, const void *to)
{
    size_t size = (size_t)((const char *)to - (char *)from);
    __asm__("" : "+r"(size));
    memset(from, 0, size);
}

thread *treadle_thread_new(const char name[TREADLE_THREAD_NAME_MAX], const void *site)
{
    if (E.thread_count >= TREADLE_THREADS_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, "thread-limit", "more than %u threads in one execution",
                     TREADLE_THREADS_MAX);
    }
    const uint32_t id = E.thread_count++;
    thread *made = &E.threads[id];
    const uint64_t novelty = made->novelty + 1; /* read before its neighbours are written */
    /* The array of specific values is large; only its used part needs clearing. */
    if (UNLIKELY(made->specific_used)) {
        clear(made->specific, &made->specific[made->specific_used]);
    }
    clear(made, made->specific);
    clear(&made->specific_used, &made->novelty);
    made->novelty = novelty;
    made->novelty_start = novelty;
    made->caller.frame = 0;
    made->id = id;
    made->bit = UINT64_C(1) << id;
    made->kind = TREADLE_OP_THREAD_START;
    made->site = site;
    made->created_at = site;
    if (UNLIKELY(E.tls != NULL)) {
        treadle_tls_fresh(made);
    }
    treadle_lets_go(made->bit);
    treadle_happens_before(made->bit);
    memcpy(made->name, name, TREADLE_THREAD_NAME_MAX);
    name_in_trace(made);
    E.enabled |= made->bit;
    treadle_asan_open(treadle_stack_low(&E.stacks, id), TREADLE_STACK_BYTES);
    if (UNLIKELY(E.options.watch_cycles)) {
        memset(treadle_stack_high(&E.stacks, id) - CLEARED_STACK_BYTES, 0, CLEARED_STACK_BYTES);
    }
    made->sp = treadle_fiber_new(treadle_stack_low(&E.stacks, id),
                                 treadle_stack_high(&E.stacks, id), thread_main);
    return made;
}

/* At memory granularity nothing that others could see precedes a thread's first operation, so its
 * start is no scheduling point: it runs up to that operation at once. */
static void run_eagerly(thread *child)
{
    if (E.level < TREADLE_GRANULARITY_MEMORY) {
        return;
    }
    thread *self = E.self;
    child->eager_parent = self;
    self->saved_errno = *E.errno_location;
    if (UNLIKELY(E.trace != NULL)) {
        treadle_record_commit();
    }
    treadle_hurry();
    E.self = child;
    if (UNLIKELY(E.tls != NULL)) {
        memcpy(self->tls, E.tls, E.tls_bytes);
        memcpy(E.tls, child->tls, E.tls_bytes);
    }
    treadle_fiber_go(self, child);
    *E.errno_location = self->saved_errno;
}

_Noreturn void treadle_thread_end(void *result)
{
    thread *self = E.self;
    self->exiting = true;
    treadle_tsd_destroy(self);
    self->result = result;
    treadle_touching_object(&self->finished, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_RELEASE);
    treadle_lets_go(self->joiners & ~E.enabled);
    self->finished = true;
    E.enabled &= ~self->bit;
    E.in_call &= ~self->bit;
    E.enabled |= self->joiners;
    treadle_progress(self, 1);
    if (self->scenario_thread && --E.scenario_threads_left == 0) {
        E.enabled |= E.threads[0].bit;
    }
    if (self->scenario_thread) {
        treadle_lets_go(E.threads[0].bit);
    }
    treadle_schedule_away();
}

void treadle_run_threads(uint32_t count, const char *prefix,
                         void (*function)(void *argument, uint32_t index), void *argument)
{
    assert(E.self->id == 0 && E.scenario_threads_left == 0);
    if (count == 0) {
        return;
    }
    /* The same names in every execution: formatted once for each prefix. */
    static char names[TREADLE_THREADS_MAX][TREADLE_THREAD_NAME_MAX];
    static const char *named_for;
    if (named_for != prefix) {
        named_for = prefix;
        for (uint32_t i = 0; i < TREADLE_THREADS_MAX; i++) {
            snprintf(names[i], sizeof names[i], "%s-%u", prefix, i + 1);
        }
    }
    E.alone = false;
    E.scenario_threads_left = count;
    E.scenario_threads = 0;
    for (uint32_t i = 0; i < count; i++) {
        thread *made = treadle_thread_new(names[i], (const char *)function + 1);
        made->start_indexed = function;
        made->argument = argument;
        made->index = i;
        made->detached = true;
        made->scenario_thread = true;
        E.scenario_threads |= made->bit;
        run_eagerly(made);
    }
    if (E.scenario_threads_left > 0) {
        treadle_publish(TREADLE_OP_NONE, NULL, 0, 0, NULL); /* not part of the subject's story */
        E.enabled &= ~E.self->bit;
        treadle_schedule();
    }
    treadle_observe_edges(E.scenario_threads, E.self->bit);
    treadle_scenario_threads_ended();
}

static int create(pthread_t *handle, bool detached, const void *site, thread **out)
{
    char name[TREADLE_THREAD_NAME_MAX];
    E.alone = false;
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_THREAD_CREATE, (void *)(uintptr_t)E.thread_count, 0, 0, site);
    }
    treadle_touching_object(&E.thread_count, TREADLE_TOUCH_WRITE); /* numbers are shared */
    snprintf(name, sizeof name, "thread-%u", E.thread_count);
    thread *made = treadle_thread_new(name, site);
    made->detached = detached;
    made->realtime_offset_ns = E.self->realtime_offset_ns;
    treadle_writes(handle, sizeof *handle, site);
    *handle = handle_of(made);
    *out = made;
    return 0;
}

int SEAM(pthread_create)(pthread_t *handle, const pthread_attr_t *attributes,
                         void *(*start)(void *), void *argument)
{
    if (!treadle_inside()) {
        return pthread_create(handle, attributes, start, argument);
    }
    int detached = PTHREAD_CREATE_JOINABLE;
    if (attributes != NULL) {
        pthread_attr_getdetachstate(attributes, &detached);
    }
    thread *made;
    create(handle, detached == PTHREAD_CREATE_DETACHED, SITE(), &made);
    made->start = start;
    made->argument = argument;
    run_eagerly(made);
    return 0;
}

int treadle_thread_create_c11(pthread_t *handle, int (*start)(void *), void *argument,
                              const void *site)
{
    thread *made;
    create(handle, false, site, &made);
    made->start_c11 = start;
    made->argument = argument;
    run_eagerly(made);
    return 0;
}

int treadle_thread_join(pthread_t handle, void **result, bool timed, const void *site)
{
    thread *target = thread_of(handle, "pthread_join");
    thread *self = E.self;
    if (target == self) {
        return EDEADLK;
    }
    treadle_touching_quietly(&target->detached, 1, TREADLE_TOUCH_READ | TREADLE_TOUCH_OBJECT);
    if (target->detached) {
        treadle_violation("misuse", "%s joins %s, which is detached", self->name, target->name);
    }
    treadle_cancellation_point();
    if (E.level >= TREADLE_GRANULARITY_SYNC || !target->finished) {
        void *const number = (void *)(uintptr_t)target->id;
        if (E.level < TREADLE_GRANULARITY_SYNC) {
            treadle_touching_object(&target->finished, TREADLE_TOUCH_READ);
        }
        const bool cancelled = treadle_cancel_due(self);
        if (timed && !cancelled) {
            treadle_timed_wait(&target->joiners, target->finished, NULL, TREADLE_OP_THREAD_JOIN,
                               number, site);
        } else {
            treadle_gate_wait(&target->joiners, target->finished, NULL, TREADLE_OP_THREAD_JOIN,
                              number, cancelled, site);
        }
        treadle_cancelled_at(&target->finished);
        treadle_cancellation_point();
    }
    treadle_touching_object(&target->finished, TREADLE_TOUCH_READ | TREADLE_TOUCH_ACQUIRE);
    if (!target->finished) {
        assert(timed);
        treadle_clock_reach(self->deadline_ns);
        treadle_event_failed();
        return ETIMEDOUT;
    }
    if (timed) {
        treadle_polled();
    }
    /* A second join, or detach, is a misuse. */
    treadle_touching_quietly(&target->detached, 1, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_OBJECT);
    target->joined = true;
    if (result != NULL) {
        treadle_writes(result, sizeof *result, site);
        *result = target->result;
    }
    return 0;
}

int SEAM(pthread_join)(pthread_t handle, void **result)
{
    return treadle_inside() ? treadle_thread_join(handle, result, false, SITE())
                            : pthread_join(handle, result);
}

int SEAM(pthread_tryjoin_np)(pthread_t handle, void **result)
{
    if (!treadle_inside()) {
        return pthread_tryjoin_np(handle, result);
    }
    thread *target = thread_of(handle, "pthread_tryjoin_np");
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_THREAD_JOIN, (void *)(uintptr_t)target->id, 0, 0, SITE());
    }
    treadle_touching_object(&target->finished, TREADLE_TOUCH_READ);
    if (!target->finished) {
        treadle_event_failed();
        if (treadle_spin_read((uintptr_t)target, SITE(), 0)) {
            treadle_touching_object(&target->finished, TREADLE_TOUCH_READ);
        }
        return EBUSY;
    }
    return treadle_thread_join(handle, result, false, SITE());
}

int SEAM(pthread_timedjoin_np)(pthread_t handle, void **result, const struct timespec *until)
{
    if (!treadle_inside()) {
        return pthread_timedjoin_np(handle, result, until);
    }
    if (!treadle_timespec_valid(until)) {
        return EINVAL;
    }
    E.self->deadline_ns = treadle_deadline(CLOCK_REALTIME, until);
    return treadle_thread_join(handle, result, true, SITE());
}

int SEAM(pthread_detach)(pthread_t handle)
{
    if (!treadle_inside()) {
        return pthread_detach(handle);
    }
    thread *target = thread_of(handle, "pthread_detach");
    treadle_touching_quietly(&target->detached, 1, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_OBJECT);
    if (target->detached) {
        return EINVAL;
    }
    target->detached = true;
    return 0;
}

pthread_t SEAM(pthread_self)(void)
{
    return treadle_inside() ? handle_of(E.self) : pthread_self();
}

int SEAM(pthread_equal)(pthread_t one, pthread_t other)
{
    return one == other;
}

int SEAM(pthread_setname_np)(pthread_t handle, const char *name)
{
    if (!treadle_inside()) {
        return pthread_setname_np(handle, name);
    }
    if (strlen(name) >= 16) {
        return ERANGE;
    }
    thread *target = thread_of(handle, "pthread_setname_np");
    snprintf(target->name, sizeof target->name, "%s", name);
    name_in_trace(target);
    return 0;
}

/* ---- ending early: exit and cancellation ------------------------------------------------------
 */

/* The buffer's four spare words: the first links to the handler pushed before it. */
static cleanup **link_of(cleanup *handler)
{
    return (cleanup **)(void *)&handler->buffer.__pad[0];
}

/* longjmp for glibc's shorter buffer: no signal mask behind it. */
extern _Noreturn void jump_to(void *buffer, int value) __asm__("longjmp");

/* Runs the innermost clean-up handler, which continues in SEAM(__pthread_unwind_next); when there
 * is none left, ends the thread. */
static _Noreturn void unwind(void)
{
    thread *self = E.self;
    treadle_once_unwind(self);
    cleanup *handler = self->cleanups;
    if (handler != NULL) {
        self->cleanups = *link_of(handler);
        jump_to(handler->buffer.__cancel_jmp_buf, 1);
    }
    treadle_thread_end(self->result);
}

void SEAM(__pthread_register_cancel)(__pthread_unwind_buf_t *buffer)
{
    if (!treadle_inside()) {
        __pthread_register_cancel(buffer);
        return;
    }
    cleanup *handler = (cleanup *)(void *)buffer;
    *link_of(handler) = E.self->cleanups;
    E.self->cleanups = handler;
}

void SEAM(__pthread_unregister_cancel)(__pthread_unwind_buf_t *buffer)
{
    if (!treadle_inside()) {
        __pthread_unregister_cancel(buffer);
        return;
    }
    E.self->cleanups = *link_of((cleanup *)(void *)buffer);
}

_Noreturn void SEAM(__pthread_unwind_next)(__pthread_unwind_buf_t *buffer)
{
    if (!treadle_inside()) {
        __pthread_unwind_next(buffer);
    }
    unwind();
}

_Noreturn void treadle_thread_exit(void *result, const void *site)
{
    E.self->exiting = true;
    E.self->exits_at = site;
    E.self->result = result;
    unwind();
}

_Noreturn void SEAM(pthread_exit)(void *result)
{
    if (!treadle_inside()) {
        pthread_exit(result);
    }
    treadle_thread_exit(result, SITE());
}

void treadle_cancellation_point(void)
{
    thread *self = E.self;
    if (treadle_cancel_due(self)) {
        self->exiting = true;
        self->result = PTHREAD_CANCELED;
        unwind();
    }
}

/* What a thread may be woken from by a cancellation: it waits behind a gate. */
static bool waits_cancellably(const thread *target)
{
    if (target == E.self || target->exiting || target->cancel_state != PTHREAD_CANCEL_ENABLE) {
        return false;
    }
    switch (target->kind) {
    case TREADLE_OP_COND_WAKE:
    case TREADLE_OP_SEM_WAIT:
    case TREADLE_OP_SEM_TIMEDWAIT: return true;
    case TREADLE_OP_THREAD_JOIN: return E.threads[target->address].joiners & target->bit;
    default: return false;
    }
}

/* A condition variable counts also when its signal has come and only the mutex is waited for. */
static void touch_awaited(const thread *target)
{
    if (target->kind == TREADLE_OP_COND_WAKE) {
        treadle_interfering((void *)target->address);
    }
    if (target->object != NULL) {
        treadle_interfering((void *)target->object->address);
    } else if (target->kind == TREADLE_OP_THREAD_JOIN) {
        treadle_interfering(&E.threads[target->address].finished);
    }
}

int SEAM(pthread_cancel)(pthread_t handle)
{
    if (!treadle_inside()) {
        return pthread_cancel(handle);
    }
    thread *target = thread_of(handle, "pthread_cancel");
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_THREAD_CANCEL, (void *)(uintptr_t)target->id, 0, 0, SITE());
    }
    E.progress++;
    treadle_touching_object(&target->cancel_requested, TREADLE_TOUCH_WRITE);
    if (target->finished) {
        return 0;
    }
    target->cancel_requested = true;
    if (waits_cancellably(target)) {
        touch_awaited(
            target); /* which comes first, this or what it waits for, decides how it ends */
        treadle_lets_go(target->bit & ~E.enabled);
        E.timed |= target->bit;
        E.enabled |= target->bit;
    }
    if (target == E.self && target->cancel_type == PTHREAD_CANCEL_ASYNCHRONOUS) {
        treadle_cancellation_point();
    }
    return 0;
}

int SEAM(pthread_setcancelstate)(int state, int *old)
{
    if (!treadle_inside()) {
        return pthread_setcancelstate(state, old);
    }
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE) {
        return EINVAL;
    }
    if (old != NULL) {
        treadle_writes(old, sizeof *old, SITE());
        *old = E.self->cancel_state;
    }
    E.self->cancel_state = (uint8_t)state;
    return 0;
}

int SEAM(pthread_setcanceltype)(int type, int *old)
{
    if (!treadle_inside()) {
        return pthread_setcanceltype(type, old);
    }
    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS) {
        return EINVAL;
    }
    if (old != NULL) {
        treadle_writes(old, sizeof *old, SITE());
        *old = E.self->cancel_type;
    }
    E.self->cancel_type = (uint8_t)type;
    return 0;
}

void SEAM(pthread_testcancel)(void)
{
    if (!treadle_inside()) {
        pthread_testcancel();
        return;
    }
    treadle_cancellation_point();
}
