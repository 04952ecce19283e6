// SPDX-License-Identifier: MIT
/* The server of sliding_window's tests: a folder's tests are one program. */
#include "../../sliding_window/tests/redis_fixture.c"
