// SPDX-License-Identifier: MIT
/* Fatal signals and hangs. The decisions so far are already in memory that outlives the process;
 * the handler only adds what it was, through the crash hook, and ends the process. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "tools/engine/internal.h"

enum { ALTERNATE_STACK_BYTES = 64 << 10, HANG_SECONDS = 10, CRASH_STATUS = 86 };

static void (*crash_hook)(const char *property, const char *message);
static void (*tick_hook)(void);
static char alternate_stack[ALTERNATE_STACK_BYTES];

void treadle_on_crash(void (*hook)(const char *, const char *))
{
    crash_hook = hook;
}

void treadle_on_tick(void (*hook)(void))
{
    tick_hook = hook;
}

static const char *current_name(void)
{
    return E.self != NULL ? E.self->name : "?";
}

void treadle_crash_say(const char *property, const char *message)
{
    E.outcome->steps = E.steps;
    E.outcome->switches = E.switches;
    E.outcome->preemptions = E.preemptions;
    E.outcome->spin_blocks = E.spin_blocks;
    if (crash_hook != NULL) {
        crash_hook(property, message);
    }
}

_Noreturn void treadle_crash(const char *property, const char *message)
{
    treadle_crash_say(property, message);
    _exit(CRASH_STATUS);
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!treadle_inside()) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    char message[TREADLE_MESSAGE_MAX];
    const uintptr_t address = (uintptr_t)info->si_addr;
    if (number == SIGSEGV && treadle_stack_guard_hit(&E.stacks, address) >= 0) {
        snprintf(message, sizeof message, "%s overflows its stack of %u KiB", current_name(),
                 TREADLE_STACK_BYTES >> 10);
        treadle_crash("stack-overflow", message);
    }
    if (number == SIGABRT) {
        snprintf(message, sizeof message, "%s is aborted", current_name());
        treadle_crash("abort", message);
    }
    snprintf(message, sizeof message, "%s dies of %s (%s) at address %p", current_name(),
             sigabbrev_np(number), sigdescr_np(number), info->si_addr);
    treadle_crash("crash", message);
}

/* Ticks once a second: an execution that takes no step for long is stuck outside the engine. */
static void on_tick(int number)
{
    (void)number;
    if (tick_hook != NULL) {
        tick_hook();
    }
    static uint64_t last_execution;
    static uint32_t last_steps;
    static uint32_t still;
    if (!treadle_inside() || E.executions != last_execution || E.steps != last_steps) {
        last_execution = E.executions;
        last_steps = E.steps;
        still = 0;
        return;
    }
    if (++still >= HANG_SECONDS) {
        char message[TREADLE_MESSAGE_MAX];
        snprintf(message, sizeof message,
                 "%s reached no scheduling point for %d seconds after step %u: an endless loop, or "
                 "a call that blocks outside the engine",
                 current_name(), HANG_SECONDS, E.steps);
        treadle_crash("hang", message);
    }
}

void treadle_signals_open(void)
{
    const stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
    sigaltstack(&stack, NULL);
    struct sigaction fatal = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaction(numbers[i], &fatal, NULL);
    }
    struct sigaction tick = {.sa_handler = on_tick, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigaction(SIGALRM, &tick, NULL);
    const struct itimerval second = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
    setitimer(ITIMER_REAL, &second, NULL);
}
