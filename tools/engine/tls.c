// SPDX-License-Identifier: MIT
/* `__thread` variables belong to their fiber: the executable's thread-local block is swapped with
 * the fiber. The engine has none itself, so a program without them pays nothing. */
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/internal.h"

static const char *image;
static size_t image_bytes;
static char *callers; /* what treadle_execute()'s caller has in the block meanwhile */

static int find_block(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_TLS) {
            image = (const char *)(info->dlpi_addr + header->p_vaddr);
            image_bytes = header->p_filesz;
            E.tls_bytes = header->p_memsz;
            E.tls = info->dlpi_tls_data;
        }
    }
    return 1; /* the first object is the executable */
}

int treadle_tls_open(void)
{
    dl_iterate_phdr(find_block, NULL);
    if (E.tls == NULL) {
        return 0;
    }
    char *blocks = calloc(TREADLE_THREADS_MAX + 1, E.tls_bytes);
    if (blocks == NULL) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < TREADLE_THREADS_MAX; i++) {
        E.threads[i].tls = blocks + i * E.tls_bytes;
    }
    callers = blocks + TREADLE_THREADS_MAX * E.tls_bytes;
    return 0;
}

static void make_fresh(char *block)
{
    memcpy(block, image, image_bytes);
    memset(block + image_bytes, 0, E.tls_bytes - image_bytes);
}

void treadle_tls_fresh(thread *owner)
{
    make_fresh(owner->tls);
}

void treadle_tls_enter(void)
{
    if (E.tls != NULL) {
        memcpy(callers, E.tls, E.tls_bytes);
        make_fresh(E.tls);
    }
}

void treadle_tls_leave(void)
{
    if (E.tls != NULL) {
        memcpy(E.tls, callers, E.tls_bytes);
    }
}
