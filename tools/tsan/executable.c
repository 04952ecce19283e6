// SPDX-License-Identifier: MIT
/* What ThreadSanitizer looks for in the executable: its options, and who hears of its reports. */
#include <stdbool.h>
#include <stdint.h>

#include "tools/tsan/tsan.h"

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    /* Every race counts, and once a place has raced it is looked at again. A report is copied, not
     * printed, so nothing is symbolised; TSAN_OPTIONS overrides. */
    return "history_size=7:suppress_equal_stacks=0:suppress_equal_addresses=0:symbolize=0:"
           "exitcode=0:report_signal_unsafe=0:report_thread_leaks=0:detect_deadlocks=0:"
           "die_after_fork=0:atexit_sleep_ms=0";
}

/* The harness's own calls of the C library are no accesses of the subject. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libtreadle_harness.so\n";
}

/* bool __tsan::OnReport(const ReportDesc *, bool), which the runtime leaves to be overridden: what
 * it returns decides whether the report is printed. */
bool on_report(void *report, bool suppressed) __asm__("_ZN6__tsan8OnReportEPKNS_10ReportDescEb");
bool on_report(void *report, bool suppressed)
{
    return suppressed || treadle_tsan_reported(report);
}

/* Sections of the executable that the harness in its library asks for: the linker makes the names
 * only when the executable asks for them, too. */
extern char __start_treadle_subject_data[];
extern char __stop_treadle_subject_data[];
const void *const treadle_tsan_sections[] = {
    __start_treadle_subject_data,
    __stop_treadle_subject_data,
};
