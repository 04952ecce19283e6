// SPDX-License-Identifier: MIT
/* SHA-1, after FIPS PUB 180-4, Secure Hash Standard, sections 5.1.1 and 6.1.2. */
#include "tools/redis/redis_sha1.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, LENGTH = 8, WORDS = 5, ROUNDS = 80 };

static uint32_t rotated(uint32_t value, int count)
{
    return value << count | value >> (32 - count);
}

static uint32_t mixed(int round, uint32_t b, uint32_t c, uint32_t d)
{
    switch (round / 20) {
    case 0: return ((b & c) | (~b & d)) + 0x5a827999;
    case 1: return (b ^ c ^ d) + 0x6ed9eba1;
    case 2: return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    default: return (b ^ c ^ d) + 0xca62c1d6;
    }
}

static void digest(uint32_t hash[static WORDS], const unsigned char *block)
{
    uint32_t w[ROUNDS];
    for (int i = 0; i < 16; i++) {
        const unsigned char *at = block + 4 * i;
        w[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    for (int i = 16; i < ROUNDS; i++) {
        w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];
    for (int i = 0; i < ROUNDS; i++) {
        const uint32_t next = rotated(a, 5) + mixed(i, b, c, d) + e + w[i];
        e = d;
        d = c;
        c = rotated(b, 30);
        b = a;
        a = next;
    }
    const uint32_t more[WORDS] = {a, b, c, d, e};
    for (int i = 0; i < WORDS; i++) {
        hash[i] += more[i];
    }
}

void treadle_redis_sha1(treadle_resp_span text, char digits[static TREADLE_REDIS_SHA1_DIGITS])
{
    uint32_t hash[WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const size_t whole = text.length / BLOCK * BLOCK;
    for (size_t i = 0; i < whole; i += BLOCK) {
        digest(hash, (const unsigned char *)text.data + i);
    }
    /* The rest, a bit, zeros, and the length in bits. */
    unsigned char last[2 * BLOCK] = {0};
    const size_t rest = text.length - whole;
    const size_t size = rest + 1 + LENGTH <= BLOCK ? BLOCK : 2 * BLOCK;
    memcpy(last, text.data + whole, rest);
    last[rest] = 0x80;
    for (size_t i = 0; i < LENGTH; i++) {
        last[size - 1 - i] = (unsigned char)((uint64_t)text.length * 8 >> 8 * i);
    }
    for (size_t i = 0; i < size; i += BLOCK) {
        digest(hash, last + i);
    }
    for (int i = 0; i < TREADLE_REDIS_SHA1_DIGITS; i++) {
        digits[i] = "0123456789abcdef"[hash[i / 8] >> (28 - 4 * (i % 8)) & 15];
    }
}
