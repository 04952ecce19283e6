// SPDX-License-Identifier: MIT
/* Run-once control, shared by pthread_once and call_once (both are one int in glibc). */
#ifndef TREADLE_ENGINE_ONCE_H
#define TREADLE_ENGINE_ONCE_H

#include "tools/engine/internal.h"

void treadle_once(void *control, void (*function)(void), const void *site);

/* A thread unwinds: initialisers that it leaves count as never called. */
void treadle_once_unwind(thread *unwinding);

#endif
