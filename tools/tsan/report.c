// SPDX-License-Identifier: MIT
/* A report of ThreadSanitizer, copied while it is made: nothing of the C library may be called. */
#include <link.h>
#include <stdlib.h>

#include "tools/tsan/tsan.h"

/* The runtime's interface for debuggers. */
int __tsan_get_report_data(void *report, const char **description, int *count, int *stack_count,
                           int *mop_count, int *loc_count, int *mutex_count, int *thread_count,
                           int *unique_tid_count, void **sleep_trace, uintptr_t trace_size);
int __tsan_get_report_mop(void *report, uintptr_t index, int *tid, void **address, int *size,
                          int *write, int *atomic, void **trace, uintptr_t trace_size);
int __tsan_get_report_thread(void *report, uintptr_t index, int *tid, uint64_t *os_id, int *running,
                             const char **name, int *parent_tid, void **trace,
                             uintptr_t trace_size);

enum { TRACE_MAX = 64 };

treadle_tsan_report treadle_tsan_last;

static uintptr_t code_begin;
static uintptr_t code_end;
static bool printed;

static int find_code(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_LOAD && header->p_flags & PF_X) {
            code_begin = info->dlpi_addr + header->p_vaddr;
            code_end = code_begin + header->p_memsz;
        }
    }
    return 1; /* the first object is the executable */
}

__attribute__((constructor)) static void open_reports(void)
{
    dl_iterate_phdr(find_code, NULL);
    printed = getenv("TREADLE_TSAN_PRINT") != NULL;
}

static void copy_name(char *to, const char *from)
{
    uint32_t i = 0;
    for (; from != NULL && from[i] != '\0' && i + 1 < TSAN_NAME_MAX; i++) {
        to[i] = from[i];
    }
    to[i] = '\0';
}

static void copy_thread(void *report, int thread_count, int tid, char *name)
{
    name[0] = '\0';
    for (int i = 0; i < thread_count; i++) {
        int found;
        int running;
        int parent;
        uint64_t os_id;
        const char *text;
        void *trace[1];
        __tsan_get_report_thread(report, (uintptr_t)i, &found, &os_id, &running, &text, &parent,
                                 trace, 0);
        if (found == tid) {
            copy_name(name, text);
        }
    }
}

/* The subject's frames: the harness lies in a library. */
static void copy_frames(void **to, void *const *from)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < TRACE_MAX && from[i] != NULL && kept + 1 < TSAN_FRAMES_MAX; i++) {
        if ((uintptr_t)from[i] - code_begin < code_end - code_begin) {
            to[kept++] = from[i];
        }
    }
    to[kept] = NULL;
}

static void copy_access(treadle_tsan_access *to, void *report, uintptr_t index, int thread_count)
{
    void *trace[TRACE_MAX] = {NULL};
    void *address;
    int tid;
    int size;
    int write;
    int atomic;
    __tsan_get_report_mop(report, index, &tid, &address, &size, &write, &atomic, trace, TRACE_MAX);
    to->address = (uintptr_t)address;
    to->size = (uint32_t)size;
    to->writes = write;
    to->atomic = atomic;
    copy_thread(report, thread_count, tid, to->thread);
    copy_frames(to->frames, trace);
}

bool treadle_tsan_reported(void *report)
{
    const char *description;
    int count;
    int stacks;
    int accesses;
    int places;
    int mutexes;
    int threads;
    int unique;
    void *sleep_trace[1];
    __tsan_get_report_data(report, &description, &count, &stacks, &accesses, &places, &mutexes,
                           &threads, &unique, sleep_trace, 0);
    if (accesses >= 2 && !treadle_tsan_last.made) {
        copy_access(&treadle_tsan_last.now, report, 0, threads);
        copy_access(&treadle_tsan_last.earlier, report, 1, threads);
        treadle_tsan_last.made = true;
    }
    return !printed;
}
