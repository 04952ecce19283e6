// SPDX-License-Identifier: MIT
#ifndef SEMAPHORE_LOG_H
#define SEMAPHORE_LOG_H

/*
 * The log lines of the original, in one place. Writing a log line may be a cancellation point
 * (write(2) is one); in Python it never was, so cancellation is disabled meanwhile.
 *
 * Each returns whether the line was logged; without a log function, true.
 */

#include "semaphore.h"

typedef bool semaphore_log_line(const struct semaphore_options *options, long long active,
                                long long max_concurrent);

semaphore_log_line semaphore_log_queued;
semaphore_log_line semaphore_log_acquired;
semaphore_log_line semaphore_log_released;

#endif
