// SPDX-License-Identifier: MIT
#include "memory_store_arms.h"

bool memory_store_arms_open(struct memory_store_arms *arms,
                            const struct memory_store_switch_options *options,
                            const struct rate_limits *limits, char *error, size_t error_size)
{
    *arms = (struct memory_store_arms){.options = *options};
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        arms->stores[arm] = options->arms[arm]->open(limits, error, error_size);
        if (arms->stores[arm] == NULL) {
            memory_store_arms_close(arms);
            return false;
        }
    }
    return true;
}

void memory_store_arms_close(struct memory_store_arms *arms)
{
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        arms->options.arms[arm]->close(arms->stores[arm]);
    }
}

struct rollout_decision memory_store_arms_decide(const struct memory_store_arms *arms,
                                                 const char *provider)
{
    return arms->options.flags->decide(arms->options.flag, provider);
}

enum rate_decision memory_store_arms_acquire(const struct memory_store_arms *arms,
                                             enum rollout_arm arm, const char *provider)
{
    return arms->options.arms[arm]->acquire(arms->stores[arm], provider);
}

bool memory_store_arms_count(const struct memory_store_arms *arms, enum rollout_arm arm,
                             const char *provider, long long *count)
{
    return arms->options.arms[arm]->count(arms->stores[arm], provider, count);
}

bool memory_store_arms_count_both(const struct memory_store_arms *arms, const char *provider,
                                  long long *count)
{
    long long held[ROLLOUT_ARMS];

    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        if (!memory_store_arms_count(arms, (enum rollout_arm)arm, provider, &held[arm])) {
            return false;
        }
    }
    *count = held[ROLLOUT_ORIGINAL] + held[ROLLOUT_REPLACEMENT];
    return true;
}

bool memory_store_arms_reset_both(const struct memory_store_arms *arms, const char *provider)
{
    bool reset = true;

    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        reset = arms->options.arms[arm]->reset(arms->stores[arm], provider) && reset;
    }
    return reset;
}

void memory_store_arms_note_fall_back(const struct memory_store_arms *arms,
                                      const struct rollout_decision *decision)
{
    rollout_fall_back(arms->options.flags, arms->options.flag, decision);
}
