// SPDX-License-Identifier: MIT
#include "semaphore_log.h"

#include <pthread.h>
#include <stdio.h>

static bool write_line(const struct semaphore_options *options, const char *format,
                       long long active, long long max_concurrent)
{
    char line[128];
    int cancel_state;

    if (options->log == NULL) {
        return true;
    }
    snprintf(line, sizeof line, format, active, max_concurrent);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    const bool written = options->log(options->log_context, line);
    pthread_setcancelstate(cancel_state, NULL);
    return written;
}

bool semaphore_log_queued(const struct semaphore_options *options, long long active,
                          long long max_concurrent)
{
    return write_line(options, "Request queued, %lld/%lld slots in use", active, max_concurrent);
}

bool semaphore_log_acquired(const struct semaphore_options *options, long long active,
                            long long max_concurrent)
{
    return write_line(options, "Semaphore acquired: %lld/%lld active", active, max_concurrent);
}

bool semaphore_log_released(const struct semaphore_options *options, long long active,
                            long long max_concurrent)
{
    return write_line(options, "Semaphore released: %lld/%lld active", active, max_concurrent);
}
