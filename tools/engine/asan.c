// SPDX-License-Identifier: MIT
#include "tools/engine/asan.h"

#ifdef TREADLE_ASAN

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/engine/internal.h"

enum { FRAMES_MAX = 8 };

/* What this build needs and the user may still override in ASAN_OPTIONS. Fatal signals are the
 * engine's (crash.c), on a stack of its own. Fake stacks, by which ASan sees the frame of a
 * function that has returned, would give locals other addresses in each execution: the engine looks
 * at stack pointers instead (access.c). */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:"
           "use_sigaltstack=0:detect_stack_use_after_return=0:allocator_may_return_null=1";
}

/* ---- memory ------------------------------------------------------------------------------------
 */

/* By words where it can. Volatile, or the compiler would call memcpy, which ASan checks. */
TREADLE_RAW void treadle_raw_copy(void *to, const void *from, size_t size)
{
    size_t at = 0;
    if ((((uintptr_t)to | (uintptr_t)from) & 7) == 0) {
        for (; at + 8 <= size; at += 8) {
            *(volatile uint64_t *)((char *)to + at) =
                *(const volatile uint64_t *)((const char *)from + at);
        }
    }
    for (; at < size; at++) {
        ((volatile char *)to)[at] = ((const volatile char *)from)[at];
    }
}

void treadle_asan_look(uintptr_t address, size_t size, bool write, const void *site,
                       uintptr_t frame)
{
    /* The frame pointer that the subject's function had is saved below where its frame ends. */
    void *const base = ((void **)frame)[-2];
    if (__asan_region_is_poisoned((void *)address, size) != NULL) {
        __asan_report_error((void *)(uintptr_t)site, base, (void *)frame, (void *)address, write,
                            size);
    }
}

/* ---- reports -----------------------------------------------------------------------------------
 */

static bool print_reports = true;

void treadle_asan_print(bool print)
{
    static int nowhere = -1;
    nowhere = nowhere < 0 ? open("/dev/null", O_WRONLY | O_CLOEXEC) : nowhere;
    print_reports = print;
    __sanitizer_set_report_fd((void *)(intptr_t)(print ? STDERR_FILENO : nowhere));
}

bool treadle_asan_prints(void)
{
    return print_reports;
}

static void conclude(const char *property, const char *message)
{
    if (print_reports) {
        treadle_crash_say(property, message); /* whoever reports goes on to print, then exits */
    } else {
        treadle_crash(property, message);
    }
}

/* ASan's words for what the engine has its own for. */
static const char *property_of(const char *description)
{
    static const char *const words[][2] = {
        {"heap-use-after-free", "use-after-free"},
        {"heap-buffer-overflow", "heap-overflow"},
        {"bad-free", "wild-free"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i][0], description) == 0) {
            return words[i][1];
        }
    }
    return description;
}

extern const char __executable_start[];
extern const char etext[];

/* The caller in the program, where a function of a library made the access. */
static const void *place_of(const void *pc, void *const *frame)
{
    for (int i = 0; i < FRAMES_MAX && frame != NULL; i++) {
        if ((const char *)pc >= __executable_start && (const char *)pc < etext) {
            break;
        }
        pc = frame[1];
        frame = frame[0];
    }
    return pc;
}

static void describe(access_fault *found, access_kind kind, size_t size, const void *site)
{
    if (size == 0) {
        snprintf(found->message, sizeof found->message, "%s calls the allocator wrongly",
                 E.self->name);
        return;
    }
    snprintf(found->message, sizeof found->message, "%s %s %zu byte%s%s", E.self->name,
             kind == ACCESS_READ ? "reads" : "writes", size, size == 1 ? "" : "s",
             treadle_place(site).text);
}

/* Called by ASan before it prints. */
void __asan_on_error(void);
void __asan_on_error(void)
{
    if (!treadle_inside()) {
        treadle_asan_print(true); /* the harness's own */
        return;
    }
    char message[TREADLE_MESSAGE_MAX];
    const uintptr_t address = (uintptr_t)__asan_get_report_address();
    const size_t size = __asan_get_report_access_size();
    const void *site = place_of(__asan_get_report_pc(), __asan_get_report_bp());
    const access_kind kind = __asan_get_report_access_type() ? ACCESS_WRITE : ACCESS_READ;
    access_fault found;
    if (!treadle_access_explain(address, size, kind, site, (uintptr_t)__asan_get_report_sp(),
                                &found)) {
        found.property = property_of(__asan_get_report_description());
        describe(&found, kind, size, site);
    }
    snprintf(message, sizeof message, "AddressSanitizer: %s", found.message);
    conclude(found.property, message);
}

void __ubsan_get_current_report_data(const char **kind, const char **message, const char **file,
                                     unsigned *line, unsigned *column, char **address);

/* Called by UBSan before it prints. */
void __ubsan_on_report(void);
void __ubsan_on_report(void)
{
    if (!treadle_inside()) {
        treadle_asan_print(true);
        return;
    }
    const char *kind;
    const char *what;
    const char *file;
    unsigned line;
    unsigned column;
    char *address;
    __ubsan_get_current_report_data(&kind, &what, &file, &line, &column, &address);
    char message[TREADLE_MESSAGE_MAX];
    snprintf(message, sizeof message, "UndefinedBehaviorSanitizer: %s: %s, at %s:%u", E.self->name,
             what, file != NULL ? basename(file) : "?", line);
    conclude(kind, message);
}

#else

/* ISO C wants a declaration in every file. */
typedef int treadle_asan_is_off;

#endif
