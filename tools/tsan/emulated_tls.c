// SPDX-License-Identifier: MIT
/* `__thread` variables of subjects in the tsan build. ThreadSanitizer keeps its own state in the
 * block that tls.c swaps, and would take one address for all fibers for a race; so subjects are
 * compiled with -femulated-tls, which asks for the address of a variable by a call. Each fiber has
 * a copy, new in every execution. */
#include <stdlib.h>
#include <string.h>

#include "tools/engine/internal.h"

enum { VARIABLES_MAX = 64, OUTSIDE = TREADLE_THREADS_MAX };

/* What the compiler makes of each variable; the runtime of gcc and clang defines it so. */
typedef struct emulated_variable {
    size_t size;
    size_t alignment;
    uintptr_t number;    /* ours: its place in the table, from 1 */
    const void *initial; /* NULL = zeros */
} emulated_variable;

typedef struct copy {
    void *bytes;
    uint64_t execution; /* of which it is */
} copy;

void *__emutls_get_address(emulated_variable *variable);

static copy copies[VARIABLES_MAX][TREADLE_THREADS_MAX + 1];
static uintptr_t variables;

void *__emutls_get_address(emulated_variable *variable)
{
    if (variable->number == 0) {
        if (variables == VARIABLES_MAX) {
            abort();
        }
        variable->number = ++variables;
    }
    const uint32_t owner = treadle_inside() ? E.self->id : OUTSIDE;
    copy *found = &copies[variable->number - 1][owner];
    if (found->bytes == NULL) {
        const size_t grain = variable->alignment < 16 ? 16 : variable->alignment;
        found->bytes = aligned_alloc(grain, (variable->size + grain - 1) / grain * grain);
        if (found->bytes == NULL) {
            abort();
        }
        found->execution = UINT64_MAX;
    }
    if (found->execution != (owner == OUTSIDE ? 0 : E.executions)) {
        found->execution = owner == OUTSIDE ? 0 : E.executions;
        if (variable->initial != NULL) {
            memcpy(found->bytes, variable->initial, variable->size);
        } else {
            memset(found->bytes, 0, variable->size);
        }
    }
    return found->bytes;
}

/* In place of tls.c: there is no block to swap. */
int treadle_tls_open(void)
{
    E.tls = NULL;
    E.tls_bytes = 0;
    return 0;
}

void treadle_tls_fresh(thread *owner)
{
    (void)owner;
}

void treadle_tls_enter(void)
{
}

void treadle_tls_leave(void)
{
}
