// SPDX-License-Identifier: MIT
/* Thread-specific data (pthread_key_t, and C11's tss_t, which glibc makes the same). */
#ifndef TREADLE_ENGINE_TSD_H
#define TREADLE_ENGINE_TSD_H

#include "tools/engine/internal.h"

/* Runs the destructors of a thread that ends, in at most PTHREAD_DESTRUCTOR_ITERATIONS rounds. */
void treadle_tsd_destroy(thread *ending);

int treadle_tsd_create(unsigned *key, void (*destructor)(void *));
int treadle_tsd_delete(unsigned key);
int treadle_tsd_set(unsigned key, const void *value);
void *treadle_tsd_get(unsigned key);

#endif
