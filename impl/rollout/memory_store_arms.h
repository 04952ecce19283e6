// SPDX-License-Identifier: MIT
#ifndef MEMORY_STORE_ARMS_H
#define MEMORY_STORE_ARMS_H

/* The two stores behind a switch, and what all switches do with them. Internal to this folder. */

#include "memory_store_switch.h"

struct memory_store_arms {
    struct memory_store_switch_options options;
    struct memory_store *stores[ROLLOUT_ARMS];
};

/* Opens both stores, or neither. */
bool memory_store_arms_open(struct memory_store_arms *arms,
                            const struct memory_store_switch_options *options,
                            const struct rate_limits *limits, char *error, size_t error_size);
void memory_store_arms_close(struct memory_store_arms *arms);

struct rollout_decision memory_store_arms_decide(const struct memory_store_arms *arms,
                                                 const char *provider);

enum rate_decision memory_store_arms_acquire(const struct memory_store_arms *arms,
                                             enum rollout_arm arm, const char *provider);

/* What one arm holds. */
bool memory_store_arms_count(const struct memory_store_arms *arms, enum rollout_arm arm,
                             const char *provider, long long *count);

/* What both hold. Two steps: only exact where neither is in use meanwhile. */
bool memory_store_arms_count_both(const struct memory_store_arms *arms, const char *provider,
                                  long long *count);

/* Resets both, one after the other. */
bool memory_store_arms_reset_both(const struct memory_store_arms *arms, const char *provider);

/* Tells the flag that the replacement failed and the original takes its place. */
void memory_store_arms_note_fall_back(const struct memory_store_arms *arms,
                                      const struct rollout_decision *decision);

#endif
