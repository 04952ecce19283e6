// SPDX-License-Identifier: MIT

/* The sliding window's server for tests, compiled again: each folder's tests are one program. */

// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "../../sliding_window/tests/redis_fixture.c"
