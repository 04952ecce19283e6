// SPDX-License-Identifier: MIT
#include "scenarios/claims.h"

#include <string.h>

#define BREAKS(id, source, scenario, variant, backend, property, text)                        \
    {                                                                                         \
        id, source, text, TREADLE_CLAIM_BREAKS, scenario, variant, TREADLE_BACKEND_##backend, \
            property                                                                          \
    }
#define HOLDS(id, source, scenario, variant, backend, property, text)                        \
    {                                                                                        \
        id, source, text, TREADLE_CLAIM_HOLDS, scenario, variant, TREADLE_BACKEND_##backend, \
            property                                                                         \
    }

const treadle_claim treadle_claims[] = {
    BREAKS("window-1", "document 1", "sliding_window/check_then_add", "naive", REDIS,
           "over-admission",
           "Between check_limit() and add_request() other clients pass the check, too."),
    HOLDS("window-2", "document 1", "sliding_window/check_then_add", "proposed-lua", REDIS, NULL,
          "The Lua script checks and adds in one atomic step."),
    HOLDS("window-3", "document 1", "sliding_window/scripts_lost", "proposed-lua", REDIS,
          "unbounded-retry",
          "When the server has lost its scripts, loading the script and calling again recovers."),
    BREAKS("window-4", "analysis 1", "sliding_window/scripts_lost", "proposed-lua", REDIS,
           "unbounded-retry", "The script's recovery from NOSCRIPT calls itself without a bound."),
    BREAKS("window-5", "analysis 1", "sliding_window/fractional_window", "proposed-lua", REDIS,
           "charged-error",
           "A fractional window makes the script's EXPIRE fail after its ZADD: the caller gets an "
           "error and is charged."),
    BREAKS("window-6", "analysis 1", "sliding_window/fractional_window_ttl", "proposed-lua", REDIS,
           "no-ttl", "That request is left in a key that never expires."),
    BREAKS("window-7", "analysis 1", "sliding_window/no_window", "proposed-lua", REDIS,
           "over-admission", "A window of 0 s or less means no limit at all under the script."),
    BREAKS("window-8", "analysis 1", "sliding_window/fast_clock_purges", "proposed-lua", REDIS,
           "over-admission", "Under the script a client whose clock is fast purges live entries."),
    BREAKS("window-9", "analysis 1", "sliding_window/fast_clock_blocks", "proposed-lua", REDIS,
           "blocked", "Under the script a fast client's scores in the future block the others."),
    BREAKS("window-10", "analysis 1", "sliding_window/repeated_id", "proposed-lua", REDIS,
           "wrong-answer",
           "Under the script a repeated request id moves a score instead of adding one."),
    BREAKS("window-11", "analysis 1", "sliding_window/colliding_ids", "proposed-lua", REDIS,
           "over-admission", "Request ids that collide are unlimited under the script."),
    BREAKS("window-12", "analysis 1", "sliding_window/retry_charged_once", "proposed-lua", REDIS,
           "charged-twice", "A lost reply and a retry under a new id charge twice."),
    BREAKS("window-13", "analysis 1", "sliding_window/round_trips", "proposed-lua", REDIS,
           "round-trips", "The script is loaded on every request."),
    BREAKS("window-14", "analysis 1", "sliding_window/linearizable", "proposed-lua", REDIS,
           "linearizability",
           "The script judges by a time that the client may have read long before it runs."),
    HOLDS("window-15", "analysis 1", "sliding_window/check_then_add", "watch", REDIS, NULL,
          "WATCH and MULTI make a correct check-then-add."),
    BREAKS("redis-1", "document 3", "sliding_window/no_ttl", "naive", REDIS, "no-ttl",
           "The original's separate commands leave Redis inconsistent: cut off between them, a key "
           "never expires."),
    HOLDS("redis-2", "document 3", "sliding_window/check_then_add", "proposed-pipeline", REDIS,
          "over-admission", "The MULTI/EXEC pipeline admits no more than the limit."),
    BREAKS("redis-3", "analysis 1", "sliding_window/refused_not_charged", "proposed-pipeline",
           REDIS, "starvation",
           "The pipeline adds the request even when it refuses, so a steady client is starved for "
           "ever."),
    BREAKS("redis-4", "analysis 1", "sliding_window/sequential", "proposed-pipeline-literal", REDIS,
           "wrong-answer", "The limit that the pipeline compares with is never set."),
    BREAKS("redis-5", "analysis 1", "sliding_window/error_is_reported", "proposed-pipeline", REDIS,
           "swallowed-error",
           "The pipeline swallows the exception: an error looks like a full window."),
    BREAKS("redis-6", "analysis 1", "sliding_window/fractional_window", "proposed-pipeline", REDIS,
           "charged-error", "The pipeline charges a request whose EXPIRE fails."),
    BREAKS("redis-7", "analysis 1", "sliding_window/boundary", "naive", REDIS, "boundary",
           "An entry of age exactly the window is counted by the original's check and expired for "
           "its clean-up."),
    BREAKS("bucket-1", "document 2", "token_bucket/takers", "naive", MEMORY, "over-grant",
           "request_delay() touches last_refill outside the lock, so concurrent takers get tokens "
           "from nowhere."),
    BREAKS("bucket-2", "analysis 3", "token_bucket/reader", "naive", MEMORY, "over-grant",
           "The unlocked reader get_available_tokens() refills at the same time as a taker."),
    HOLDS("bucket-3", "document 2", "token_bucket/reader", "proposed", MEMORY, NULL,
          "With every access inside the lock, reading what is left disturbs nobody."),
    HOLDS("bucket-4", "document 2", "token_bucket/reset_against_use", "proposed", MEMORY, NULL,
          "With reset() inside the lock, a reset in use is atomic."),
    BREAKS("bucket-5", "analysis 3", "token_bucket/herd", "proposed", MEMORY, "futile-wakeup",
           "The delay that the proposal returns reserves nothing: waiters wake together and most "
           "lose again."),
    BREAKS("bucket-6", "analysis 3", "token_bucket/poller", "proposed", MEMORY, "starvation",
           "A fast poller starves a patient waiter under the proposal."),
    BREAKS("bucket-7", "analysis 3", "token_bucket/late_waiters", "proposed", MEMORY, "lost-token",
           "Under the proposal tokens are lost while somebody waits for one."),
    BREAKS("bucket-8", "analysis 3", "token_bucket/shared_expiry", "proposed", REDIS,
           "early-refill",
           "The Redis script's state expires after 300 s, which refills a slow bucket early."),
    BREAKS("bucket-9", "analysis 3", "token_bucket/shared_retry", "proposed", REDIS, "lost-token",
           "A lost reply and a retry take two tokens from the Redis bucket."),
    BREAKS("combined-1", "document 1", "combined/toctou", "naive", MEMORY, "over-admission",
           "The combined limiter checks the window, waits for the bucket and adds afterwards: more "
           "pass than the limit."),
    BREAKS("combined-2", "document 1", "combined/processes", "naive", REDIS, "over-admission",
           "The same with processes that share a Redis server."),
    HOLDS("combined-3", "document 1", "combined/toctou", "proposed", MEMORY, "over-admission",
          "With the atomic window the combined limiter admits no more than the limit."),
    BREAKS("combined-4", "analysis 4", "combined/bucket_refuses", "proposed", MEMORY, "starvation",
           "When the bucket refuses, the proposal has already spent the window's slot."),
    BREAKS("combined-5", "analysis 4", "combined/slot_deadline", "proposed", MEMORY, "lost-room",
           "A request that gets no semaphore slot before its deadline stays in the proposal's "
           "window."),
    BREAKS("combined-6", "analysis 4", "combined/slot_cancelled", "proposed", MEMORY, "lost-room",
           "A request cancelled while it waits for its slot stays in the proposal's window."),
    BREAKS("combined-7", "analysis 4", "combined/cut", "proposed", REDIS, "half-taken",
           "A client that dies between window and bucket leaves half of a permit taken."),
    BREAKS("combined-8", "analysis 4", "combined/lost_reply", "proposed", REDIS, "charged-twice",
           "A lost reply and a retry charge the proposal's limiter twice."),
    BREAKS("semaphore-1", "document 4", "semaphore/failed_request", "naive", MEMORY, "lost-slot",
           "A request that fails leaks its slot."),
    BREAKS("semaphore-2", "document 4", "semaphore/counters", "naive", MEMORY, "wrong-count",
           "The semaphore's counters are not safe: concurrent updates are lost."),
    HOLDS("semaphore-3", "document 4", "semaphore/counters", "proposed", MEMORY, NULL,
          "With a lock around them the counters are exact."),
    BREAKS("semaphore-4", "analysis 5", "semaphore/queued_exact", "proposed", MEMORY,
           "wrong-queued",
           "In the proposal the look whether a request will wait is still a race: total_queued is "
           "wrong."),
    BREAKS("semaphore-5", "analysis 5", "semaphore/failing_log", "proposed", MEMORY, "wrong-count",
           "The proposal counts before its try: a log call that fails leaves a request counted as "
           "active."),
    BREAKS("semaphore-6", "analysis 5", "semaphore/snapshot", "proposed", MEMORY, "linearizability",
           "A snapshot of the proposal mixes counters and the semaphore's state of different "
           "moments."),
    BREAKS("semaphore-7", "analysis 5", "semaphore/fifo", "proposed", MEMORY, "overtaking",
           "In the proposal a later request can overtake one that is counted as queued."),
    BREAKS("factory-1", "document 5", "provider_factory/lost_insert", "naive", MEMORY,
           "lost-insert", "The factory's dictionary is not safe: concurrent insertions are lost."),
    HOLDS("factory-2", "document 5", "provider_factory/lost_insert", "proposed", MEMORY, NULL,
          "With the lock no insertion is lost."),
    HOLDS("factory-3", "document 5", "provider_factory/snapshot_consistency", "proposed", MEMORY,
          NULL, "With the lock a snapshot shows a state that existed."),
    BREAKS("factory-4", "analysis 6", "provider_factory/second_create", "proposed", MEMORY,
           "different-instances",
           "A second create under the proposal silently replaces the first instance: callers hold "
           "different objects."),
    BREAKS("factory-5", "analysis 6", "provider_factory/rebuild_against_add", "proposed", MEMORY,
           "lost-insert", "Rebuilding the proposal's whole map loses a concurrent add."),
    BREAKS("factory-6", "analysis 6", "provider_factory/slow_constructor", "proposed", MEMORY,
           "deadlock",
           "A slow constructor blocks every reader of the proposal, since the lock is held through "
           "construction."),
    BREAKS("factory-7", "analysis 6", "provider_factory/remove_against_use", "proposed", MEMORY,
           "use-after-destroy",
           "An instance that the proposal removes is destroyed while a request uses it."),
    BREAKS("factory-8", "analysis 6", "provider_factory/cancelled_builder", "proposed", MEMORY,
           "leaked-instance", "A creation cancelled in the proposal leaks its instance."),
    BREAKS("metrics-1", "document 6", "metrics/concurrent_records", "naive", MEMORY, "lost-record",
           "Concurrent changes of the metrics lose recordings."),
    HOLDS("metrics-2", "document 6", "metrics/concurrent_records", "proposed", MEMORY,
          "lost-record", "With a queue and one processor nothing that is recorded gets lost."),
    HOLDS("metrics-3", "document 6", "metrics/whole_requests", "proposed", MEMORY, NULL,
          "record_execution_success() records several metrics atomically."),
    BREAKS("metrics-4", "analysis 7", "metrics/whole_requests", "proposed", MEMORY,
           "half-a-request",
           "Success and latency are two messages: a reader sees one without the other."),
    BREAKS("metrics-5", "analysis 7", "metrics/shutdown", "proposed", MEMORY, "lost-record",
           "Cancelling the proposal's processor loses the batch in hand, and nothing drains at "
           "shutdown."),
    BREAKS("metrics-6", "analysis 7", "metrics/malformed", "proposed", MEMORY, "lost-record",
           "One malformed item drops the rest of its batch."),
    BREAKS("metrics-7", "analysis 7", "metrics/open_batch", "proposed", MEMORY, "held-back",
           "Arrivals faster than the poll keep a batch open."),
    BREAKS("metrics-8", "analysis 7", "metrics/bounded_lists", "proposed", MEMORY, "unbounded-list",
           "The proposal's lists of successes grow without bound."),
    BREAKS("metrics-9", "analysis 7", "metrics/slow_consumer", "proposed", MEMORY,
           "unbounded-queue", "The proposal's queue is unbounded."),
    BREAKS("metrics-10", "analysis 7", "metrics/colliding_names", "proposed", MEMORY, "collision",
           "The keys a_b+c and a+b_c collide."),
    BREAKS("store-1", "document 7", "memory_store/lost_append", "naive", MEMORY, "lost-append",
           "Concurrent changes of a provider's list lose requests."),
    HOLDS("store-2", "document 7", "memory_store/lost_append", "proposed", MEMORY, NULL,
          "With a lock for each provider, no request of a known provider is lost."),
    HOLDS("store-3", "document 7", "memory_store/check_then_add", "proposed", MEMORY,
          "over-admission",
          "With a lock for each provider the store admits no more than the limit."),
    BREAKS("store-4", "analysis 2", "memory_store/first_use", "proposed", MEMORY, "lost-insert",
           "The proposal's get-or-create of the lock is itself a race: two callers get two locks."),
    BREAKS("store-5", "analysis 2", "memory_store/reset_against_add", "proposed", MEMORY,
           "lost-append",
           "reset() of everything clears the lock table while waiters hold old locks."),
    BREAKS("store-6", "analysis 2", "memory_store/reset_cancelled", "proposed", MEMORY, "deadlock",
           "A reset() that is cancelled part-way never releases what it took: the next add hangs."),
    HOLDS("testing-1", "document, testing", "sliding_window/all_succeed", "fixed", REDIS, NULL,
          "All of a number of concurrent requests succeed, and a test may assert it."),
    HOLDS("rollback-1", "document, rollback", "rollout/switch_in_flight", "naive", MEMORY, NULL,
          "A flag that just switches stores is a safe roll-out."),
    HOLDS("rollback-2", "analysis, rollback", "rollout/fall_back_charges_once", "fixed", REDIS,
          NULL,
          "With one request id for both arms, falling back to the original after an error charges "
          "once."),
};

const size_t treadle_claim_count = sizeof treadle_claims / sizeof treadle_claims[0];

bool treadle_claim_is_defect(const treadle_claim *claim)
{
    return claim->sense == TREADLE_CLAIM_BREAKS && strncmp(claim->variant, "proposed", 8) == 0;
}
