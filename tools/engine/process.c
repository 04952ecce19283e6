// SPDX-License-Identifier: MIT
/* A subject that ends the process: a finding, not the end of the run. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/engine/internal.h"

_Noreturn void SEAM(exit)(int status)
{
    if (!treadle_inside()) {
        exit(status);
    }
    treadle_violation("exit", "%s calls exit(%d)", E.self->name, status);
}

_Noreturn void SEAM(_exit)(int status)
{
    if (!treadle_inside()) {
        _exit(status);
    }
    treadle_violation("exit", "%s calls _exit(%d)", E.self->name, status);
}

_Noreturn void SEAM(_Exit)(int status)
{
    SEAM(_exit)(status);
}

_Noreturn void SEAM(quick_exit)(int status)
{
    if (!treadle_inside()) {
        quick_exit(status);
    }
    treadle_violation("exit", "%s calls quick_exit(%d)", E.self->name, status);
}

void treadle_process_ended(void)
{
    for (uint32_t i = 0; i < E.thread_count; i++) {
        if (!E.threads[i].finished) {
            return;
        }
    }
    const thread *first = &E.threads[0];
    treadle_violation("exit",
                      "%s %s%s, and the process ended with its last thread: what it came to is "
                      "never checked",
                      first->name, first->exits_at ? "calls pthread_exit" : "is cancelled",
                      treadle_place(first->exits_at).text);
}

_Noreturn void SEAM(abort)(void)
{
    if (!treadle_inside()) {
        abort();
    }
    treadle_violation("abort", "%s calls abort()", E.self->name);
}

extern _Noreturn void __assert_fail(const char *, const char *, unsigned, const char *);

_Noreturn void SEAM(__assert_fail)(const char *expression, const char *file, unsigned line,
                                   const char *function)
{
    if (!treadle_inside()) {
        __assert_fail(expression, file, line, function);
    }
    treadle_violation("assertion", "%s: assertion `%s` fails at %s:%u (%s)", E.self->name,
                      expression, file, line, function);
}
