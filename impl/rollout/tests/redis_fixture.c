// SPDX-License-Identifier: MIT
/* The sliding window's own fixture, in this program. */
#include "../../sliding_window/tests/redis_fixture.c"
