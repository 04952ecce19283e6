// SPDX-License-Identifier: MIT
#include "request_id.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* random() yields 31 bits. Four calls cover the 122 random bits of a version 4 UUID: 60 before the
 * variant field, 62 from it onwards. */
static uint64_t random_62_bits(void)
{
    uint64_t high = (uint64_t)random();
    uint64_t low = (uint64_t)random();
    return high << 31 | low;
}

void request_id_generate(char id[static REQUEST_ID_SIZE])
{
    uint64_t first = random_62_bits();
    uint64_t second = random_62_bits();

    snprintf(id, REQUEST_ID_SIZE, "%08x-%04x-4%03x-%04x-%04x%08x",
             (unsigned)(first >> 28 & 0xffffffff), (unsigned)(first >> 12 & 0xffff),
             (unsigned)(first & 0xfff), (unsigned)(0x8000 | (second >> 48 & 0x3fff)),
             (unsigned)(second >> 32 & 0xffff), (unsigned)(second & 0xffffffff));
}
