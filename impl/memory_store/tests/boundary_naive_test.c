// SPDX-License-Identifier: MIT
#include "boundary.h"

#define memory_store_naive boundary_naive
#include "../naive.c"

BOUNDARY_TEST(boundary_naive)
