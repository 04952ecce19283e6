// SPDX-License-Identifier: MIT
/* The strategies' random numbers: xoshiro256++ (Blackman, Vigna, "Scrambled Linear Pseudorandom
 * Number Generators", 2021), seeded anew for each execution, so that execution n of a seed is the
 * same whatever ran before it. */
#ifndef TREADLE_STRATEGIES_PRNG_H
#define TREADLE_STRATEGIES_PRNG_H

#include <stdint.h>

typedef struct treadle_prng {
    uint64_t s[4];
} treadle_prng;

static inline uint64_t treadle_splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void treadle_prng_seed(treadle_prng *prng, uint64_t seed, uint64_t execution)
{
    uint64_t state = seed;
    state = treadle_splitmix(&state) ^ execution;
    for (int i = 0; i < 4; i++) {
        prng->s[i] = treadle_splitmix(&state);
    }
}

static inline uint64_t treadle_prng_next(treadle_prng *prng)
{
    uint64_t *s = prng->s;
    const uint64_t sum = s[0] + s[3];
    const uint64_t result = ((sum << 23) | (sum >> 41)) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* Below `count`; the bias for these small counts is under 2^-26. */
static inline uint32_t treadle_prng_below(treadle_prng *prng, uint32_t count)
{
    return (uint32_t)(((treadle_prng_next(prng) >> 32) * count) >> 32);
}

#endif
