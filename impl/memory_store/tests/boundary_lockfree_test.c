// SPDX-License-Identifier: MIT
#include "boundary.h"

#define memory_store_lockfree boundary_lockfree
#include "../lockfree.c"

BOUNDARY_TEST(boundary_lockfree)
