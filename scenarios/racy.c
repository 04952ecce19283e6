// SPDX-License-Identifier: MIT
#include "scenarios/racy.h"

#include <stddef.h>
#include <string.h>

typedef struct racy_pair {
    const char *scenario;
    const char *variant;
    treadle_granularity coarsest;
} racy_pair;

#define RACY(scenario, variant, coarsest)                 \
    {                                                     \
        scenario, variant, TREADLE_GRANULARITY_##coarsest \
    }

/* clang-format off */
static const racy_pair racy[] = {
    RACY("combined/toctou", "naive", AWAIT),
    RACY("combined/toctou", "proposed", AWAIT),
    RACY("combined/slot_deadline", "naive", AWAIT),
    RACY("combined/slot_deadline", "proposed", SYNC),
    RACY("combined/not_sent", "naive", AWAIT),
    RACY("combined/not_sent", "proposed", SYNC),
    RACY("combined/failed", "naive", AWAIT),
    RACY("combined/failed", "proposed", SYNC),
    RACY("combined/two_providers", "naive", SYNC),
    RACY("combined/two_providers", "proposed", SYNC),
    RACY("combined/reconfigure", "naive", AWAIT),
    RACY("combined/reconfigure", "proposed", AWAIT),
    RACY("combined/snapshot", "naive", AWAIT),
    RACY("combined/linearizable", "naive", AWAIT),
    RACY("memory_store/check_then_add", "naive", AWAIT),
    RACY("memory_store/check_then_add", "proposed", AWAIT),
    RACY("memory_store/lost_append", "naive", AWAIT),
    RACY("memory_store/first_use", "naive", AWAIT),
    RACY("memory_store/first_use", "proposed", AWAIT),
    RACY("memory_store/independent_providers", "naive", AWAIT),
    RACY("memory_store/independent_providers", "proposed", AWAIT),
    RACY("memory_store/snapshot", "naive", AWAIT),
    RACY("memory_store/snapshot", "proposed", AWAIT),
    RACY("memory_store/reset_against_add", "proposed", AWAIT),
    RACY("memory_store/reset_one_against_add", "naive", AWAIT),
    RACY("memory_store/acquire_cancelled", "naive", AWAIT),
    RACY("memory_store/acquire_cancelled", "proposed", AWAIT),
    RACY("memory_store/clock_set_back", "naive", AWAIT),
    RACY("memory_store/clock_set_back", "proposed", AWAIT),
    RACY("memory_store/expiry", "naive", AWAIT),
    RACY("memory_store/expiry", "proposed", AWAIT),
    RACY("memory_store/linearizable", "naive", AWAIT),
    RACY("memory_store/linearizable", "proposed", AWAIT),
    RACY("memory_store/search_across_reset", "naive", AWAIT),
    RACY("memory_store/search_across_reset", "proposed", AWAIT),
    RACY("token_bucket/reader", "naive", AWAIT),
    RACY("token_bucket/conservation", "naive", AWAIT),
    RACY("token_bucket/reset_against_use", "naive", AWAIT),
    RACY("token_bucket/reconfigure_in_use", "naive", AWAIT),
    RACY("token_bucket/reset_with_waiter", "naive", AWAIT),
    RACY("token_bucket/give_back", "naive", AWAIT),
    RACY("semaphore/bound", "naive", AWAIT),
    RACY("semaphore/bound", "proposed", AWAIT),
    RACY("semaphore/counters", "naive", SYNC),
    RACY("semaphore/counters", "proposed", SYNC),
    RACY("semaphore/queued_exact", "naive", SYNC),
    RACY("semaphore/queued_exact", "proposed", SYNC),
    RACY("semaphore/failing_log", "naive", SYNC),
    RACY("semaphore/failing_log", "proposed", SYNC),
    RACY("semaphore/failing_log_in_line", "naive", AWAIT),
    RACY("semaphore/failing_log_in_line", "proposed", AWAIT),
    RACY("semaphore/failed_request", "naive", AWAIT),
    RACY("semaphore/failed_request", "proposed", AWAIT),
    RACY("semaphore/cancelled_request", "naive", SYNC),
    RACY("semaphore/cancelled_request", "proposed", SYNC),
    RACY("semaphore/cancelled_waiter", "naive", AWAIT),
    RACY("semaphore/cancelled_waiter", "proposed", AWAIT),
    RACY("semaphore/deadline", "naive", AWAIT),
    RACY("semaphore/deadline", "proposed", AWAIT),
    RACY("semaphore/snapshot", "naive", AWAIT),
    RACY("semaphore/snapshot", "proposed", SYNC),
    RACY("semaphore/serial_resize", "naive", AWAIT),
    RACY("semaphore/serial_resize", "proposed", AWAIT),
    RACY("semaphore/resize", "naive", AWAIT),
    RACY("semaphore/resize", "proposed", AWAIT),
    RACY("semaphore/shrink", "naive", AWAIT),
    RACY("semaphore/shrink", "proposed", AWAIT),
    RACY("semaphore/fifo", "naive", AWAIT),
    RACY("semaphore/fifo", "proposed", AWAIT),
    RACY("provider_factory/lost_insert", "naive", AWAIT),
    RACY("provider_factory/one_construction", "naive", AWAIT),
    RACY("provider_factory/reader_in_resize", "naive", AWAIT),
    RACY("provider_factory/failed_construction", "naive", AWAIT),
    RACY("provider_factory/cancelled_builder", "naive", SYNC),
    RACY("provider_factory/remove_against_use", "naive", AWAIT),
    RACY("provider_factory/remove_against_create", "naive", AWAIT),
    RACY("provider_factory/snapshot_consistency", "naive", AWAIT),
    RACY("provider_factory/rebuild_against_add", "naive", AWAIT),
    RACY("provider_factory/rebuild_against_create", "naive", AWAIT),
    RACY("provider_factory/rebuild_against_use", "naive", AWAIT),
    RACY("provider_factory/two_rebuilds", "naive", AWAIT),
    RACY("provider_factory/linearizable", "naive", AWAIT),
    RACY("metrics/concurrent_records", "naive", AWAIT),
    RACY("metrics/first_record", "naive", AWAIT),
    RACY("metrics/whole_requests", "naive", AWAIT),
    RACY("metrics/open_batch", "naive", AWAIT),
    RACY("metrics/snapshot_counts", "naive", AWAIT),
    RACY("metrics/record_before_start", "naive", AWAIT),
    RACY("metrics/history", "naive", AWAIT),
    RACY("rollout/automatic_rollback", "naive", AWAIT),
    RACY("rollout/ramp_against_rollback", "naive", AWAIT),
    RACY("rollout/late_error", "naive", AWAIT),
    RACY("rollout/semaphore_in_flight", "naive", AWAIT),
    RACY("rollout/semaphore_in_flight", "fixed", AWAIT),
    RACY("rollout/semaphore_released_after_switch", "naive", AWAIT),
    RACY("rollout/semaphore_fall_back", "naive", AWAIT),
    RACY("rollout/semaphore_cancelled_in_line", "naive", AWAIT),
    RACY("rollout/semaphore_cancelled_in_line", "fixed", AWAIT),
    RACY("rollout/metrics_reader", "naive", MEMORY),
    RACY("rollout/metrics_reader", "fixed", AWAIT),
    RACY("rollout/combined_slots", "naive", AWAIT),
    RACY("litmus/plain_increment", "naive", AWAIT),
    RACY("litmus/spin_flag", "naive", AWAIT),
    RACY("litmus/publication", "naive", AWAIT),
    RACY("litmus/use_after_free", "naive", AWAIT),
};
/* clang-format on */

bool treadle_scenario_is_racy(const char *scenario, const char *variant,
                              treadle_granularity granularity)
{
    for (size_t i = 0; i < sizeof racy / sizeof racy[0]; i++) {
        if (strcmp(racy[i].scenario, scenario) == 0 && strcmp(racy[i].variant, variant) == 0) {
            return granularity >= racy[i].coarsest;
        }
    }
    return false;
}
