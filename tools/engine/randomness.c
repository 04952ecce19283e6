// SPDX-License-Identifier: MIT
/* Random numbers: a fixed sequence in every execution, of which each call may take any of
 * `random_values` values, by decision. srand(), srandom() and srand48() begin a sequence of their
 * own for the numbers that they govern: the same for the same seed. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/engine/internal.h"

/* splitmix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014). */
static uint64_t splitmix(uint64_t z)
{
    z *= UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t varied(void)
{
    const uint32_t values = E.options.random_values ? E.options.random_values : 1;
    return (uint64_t)treadle_decide(TREADLE_CHOICE_RANDOM, values) << 40;
}

/* The sequence is shared: who draws first gets the first number. */
static uint64_t variety(void)
{
    treadle_touching_object(&E.random_calls, TREADLE_TOUCH_WRITE);
    return varied();
}

static uint64_t draw(void)
{
    return splitmix(++E.random_calls + variety());
}

/* For the functions whose sequence the program can begin anew. */
static uint64_t draw_seeded(void)
{
    if (!E.random_seeded) {
        return draw();
    }
    return splitmix(splitmix(UINT64_C(1) << 32 | E.random_seed) + ++E.seeded_calls + variety());
}

static void seed(unsigned value)
{
    treadle_touching_object(&E.random_calls, TREADLE_TOUCH_WRITE);
    E.random_seed = value;
    E.random_seeded = true;
    E.seeded_calls = 0;
}

int SEAM(rand)(void)
{
    return treadle_inside() ? (int)(draw_seeded() & RAND_MAX) : rand();
}

/* The seed is where the sequence has come to. */
int SEAM(rand_r)(unsigned *seed)
{
    if (!treadle_inside()) {
        return rand_r(seed);
    }
    treadle_touching(seed, sizeof *seed, TREADLE_TOUCH_READ, SITE());
    treadle_writes(seed, sizeof *seed, SITE());
    *seed = *seed * 1103515245u + 12345u;
    return (int)(splitmix((UINT64_C(2) << 32 | *seed) + varied()) & RAND_MAX);
}

void SEAM(srand)(unsigned value)
{
    if (treadle_inside()) {
        seed(value);
    } else {
        srand(value);
    }
}

long SEAM(random)(void)
{
    return treadle_inside() ? (long)(draw_seeded() & RAND_MAX) : random();
}

void SEAM(srandom)(unsigned value)
{
    if (treadle_inside()) {
        seed(value);
    } else {
        srandom(value);
    }
}

void SEAM(srand48)(long value)
{
    if (treadle_inside()) {
        seed((unsigned)value);
    } else {
        srand48(value);
    }
}

double SEAM(drand48)(void)
{
    return treadle_inside() ? (double)(draw_seeded() >> 11) * 0x1p-53 : drand48();
}

long SEAM(lrand48)(void)
{
    return treadle_inside() ? (long)(draw_seeded() & RAND_MAX) : lrand48();
}

static void fill(void *buffer, size_t length, const void *site)
{
    unsigned char *out = buffer;
    if (length > 0) {
        treadle_writes(buffer, length, site);
    }
    for (size_t done = 0; done < length; done += sizeof(uint64_t)) {
        const uint64_t value = draw();
        const size_t left = length - done;
        memcpy(out + done, &value, left < sizeof value ? left : sizeof value);
    }
}

ssize_t SEAM(getrandom)(void *buffer, size_t length, unsigned flags)
{
    if (!treadle_inside()) {
        return getrandom(buffer, length, flags);
    }
    fill(buffer, length, SITE());
    return (ssize_t)length;
}

int SEAM(getentropy)(void *buffer, size_t length)
{
    if (!treadle_inside()) {
        return getentropy(buffer, length);
    }
    fill(buffer, length, SITE());
    return 0;
}

uint32_t SEAM(arc4random)(void)
{
    return treadle_inside() ? (uint32_t)draw() : arc4random();
}

uint32_t SEAM(arc4random_uniform)(uint32_t bound)
{
    if (!treadle_inside()) {
        return arc4random_uniform(bound);
    }
    const uint64_t drawn = draw();
    return bound > 1 ? (uint32_t)(drawn % bound) : 0;
}

void SEAM(arc4random_buf)(void *buffer, size_t length)
{
    if (treadle_inside()) {
        fill(buffer, length, SITE());
    } else {
        arc4random_buf(buffer, length);
    }
}
