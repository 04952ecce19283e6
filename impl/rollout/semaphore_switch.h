// SPDX-License-Identifier: MIT
#ifndef SEMAPHORE_SWITCH_H
#define SEMAPHORE_SWITCH_H

/*
 * A global semaphore that is two: each request is served by one of two variants, as a flag decides
 * for its key (its provider, say), and the flag may change at any moment.
 *
 * Each arm has a semaphore of its own, so requests of both may hold slots at one time, for as long
 * as the share is neither nothing nor all. What a switch promises (`fixed`): both arms together
 * never grant more than max_concurrent slots; every slot comes back to the arm that it is from,
 * whatever the flag says by then; and whoever waits is served first come, first served, whichever
 * arm he asks.
 *
 * When the replacement fails, which means that no slot is held, the original serves the request in
 * its place, from the end of the line.
 *
 * Ownership and threads are those of semaphore.h, and both arms' log functions are options->log.
 * The flag is borrowed and outlives the switch. A slot is the caller's variable; it and the key in
 * it live until it is released.
 */

#include "../semaphore/semaphore.h"
#include "rollout.h"

struct semaphore_switch_options {
    const struct semaphore_variant *arms[ROLLOUT_ARMS];
    const struct rollout_variant *flags;
    struct rollout_flag *flag;
};

struct semaphore_switch_slot {
    const char *key;
    enum rollout_arm arm; /* it is from */
};

struct semaphore_switch;

/* The functions of struct semaphore_variant, over two arms. */
struct semaphore_switch_variant {
    const char *name;
    struct semaphore_switch *(*open)(const struct semaphore_switch_options *options,
                                     const struct semaphore_options *slots, char *error,
                                     size_t error_size);
    void (*close)(struct semaphore_switch *semaphore);
    enum rate_decision (*acquire)(struct semaphore_switch *semaphore, const char *key,
                                  const struct timespec *deadline,
                                  struct semaphore_switch_slot *slot);
    void (*release)(struct semaphore_switch *semaphore, const struct semaphore_switch_slot *slot);

    /* Never more active than max_concurrent (`fixed`). While both arms are in use, a request that
     * is just coming or going may or may not be counted. */
    void (*stats)(struct semaphore_switch *semaphore, struct semaphore_stats *stats);
    bool (*resize)(struct semaphore_switch *semaphore, long long max_concurrent);
};

extern const struct semaphore_switch_variant semaphore_switch_naive;
extern const struct semaphore_switch_variant semaphore_switch_fixed;

/* Every variant, `naive` first. */
extern const struct semaphore_switch_variant *const semaphore_switch_variants[];
extern const size_t semaphore_switch_variants_count;

/* The variant of that name, or NULL. */
const struct semaphore_switch_variant *semaphore_switch_find(const char *name);

#endif
