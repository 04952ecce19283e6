// SPDX-License-Identifier: MIT
#include "boundary.h"

#define memory_store_fixed boundary_fixed
#include "../fixed.c"

BOUNDARY_TEST(boundary_fixed)
