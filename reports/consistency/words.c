// SPDX-License-Identifier: MIT
#include "reports/consistency/words.h"

#include <stddef.h>
#include <string.h>

typedef struct word {
    const char *name;
    const char *meaning;
} word;

/* Each says what must hold, so that "broken" can stand before it. */
static const word properties[] = {
    {"atomicity", "What the calls return and leave behind together is what some serial order of "
                  "them would have given."},
    {"blocked", "A request is not refused because of entries that should not count."},
    {"boundary", "An entry counts, or has expired, by the same rule everywhere."},
    {"charged-error", "A request that ends in an error is not charged."},
    {"charged-twice", "One request is charged once, however often it is tried."},
    {"collision", "Different names are kept apart."},
    {"data-race", "Of two accesses to the same memory, one of them a write, one is ordered before "
                  "the other."},
    {"deadlock", "No threads wait for each other for ever."},
    {"dependence", "What happens to one provider does not change another's."},
    {"different-instances", "Everybody who asks for a provider gets the same instance."},
    {"double-charge", "One request is charged once, whichever variant serves it."},
    {"double-construction", "A provider is constructed once."},
    {"doubled-record", "A request is counted once."},
    {"doubled-slot", "There are never more slots than the maximum."},
    {"early-refill", "A token comes back when its time has passed, and no sooner."},
    {"false-rollback", "The switch goes back only when there were enough errors."},
    {"futile-wakeup", "Whoever is woken for a token finds one."},
    {"half-a-request", "A reader sees all of a request's metrics or none."},
    {"half-rebuilt", "A reader sees a registry before or after its rebuilding, nothing between."},
    {"half-taken", "A request takes its share of the window and of the bucket, or of neither."},
    {"hang", "Every call comes back."},
    {"held-back", "What was recorded can be seen within a bounded time."},
    {"impossible-counts", "What was recorded is what is stored and what was dropped."},
    {"impossible-snapshot", "A snapshot shows a state that there was."},
    {"late-refusal", "Who cannot be served is told before the deadline."},
    {"leaked-instance", "Every instance that lives is registered."},
    {"leaked-slot", "Every slot that is taken is given back."},
    {"linearizability",
     "Every call takes effect at one moment between its beginning and its end: some order of the "
     "calls explains all that they returned."},
    {"lost-append", "Every request that was admitted is in the window."},
    {"lost-insert", "Nothing that was created is lost."},
    {"lost-instance", "An instance that callers hold stays the registered one."},
    {"lost-record", "Whatever was recorded is stored, or counted as dropped."},
    {"lost-room", "A request that was not made gives back its place in the window."},
    {"lost-slot", "A slot that was given back can be taken again."},
    {"lost-token", "No token is lost while somebody waits for one."},
    {"minted-token", "No more tokens are granted than there are."},
    {"missed-provider", "A snapshot leaves out no provider."},
    {"no-rollback", "The switch goes back when there were enough errors."},
    {"no-ttl", "Every key expires."},
    {"over-admission", "No more requests are admitted in one window than the limit allows."},
    {"over-capacity", "No more requests run at once than the maximum."},
    {"over-grant", "No more tokens are granted than the bucket had and was refilled with."},
    {"overtaking", "Who was queued first is served first."},
    {"refused", "Every request succeeds."},
    {"rollback-undone", "A switch that went back stays back."},
    {"round-trips", "A request takes as few round trips as it must."},
    {"snapshot", "A snapshot shows a state that there was."},
    {"starvation", "Whoever keeps asking is served in the end."},
    {"swallowed-error", "An error is reported as one."},
    {"torn-snapshot", "A snapshot shows the parts of one moment."},
    {"two-instances", "There is one instance of a provider."},
    {"unbounded-list", "Memory does not grow with the number of requests."},
    {"unbounded-queue", "A queue has a bound."},
    {"unbounded-retry", "Trying again has a bound."},
    {"under-admission", "Requests below the limit are admitted."},
    {"unstable", "A key stays on its side of the switch."},
    {"use-after-destroy", "Nothing is used after it was destroyed."},
    {"use-after-free", "Memory is not used after it was freed."},
    {"wrong-answer", "Every request is answered as the model answers it."},
    {"wrong-count", "The statistics say what happened."},
    {"wrong-queued", "As many requests are counted as queued as found no slot."},
};

static const word variants[] = {
    {"naive", "the original code, as the document describes it"},
    {"proposed", "the fix that the document proposes, as it is written"},
    {"proposed-lua", "its first form for the window: a Lua script"},
    {"proposed-pipeline", "its second form: a MULTI/EXEC pipeline"},
    {"proposed-pipeline-literal", "the same to the letter, with a field that is never set"},
    {"watch", "neither proposed nor to be rolled out: WATCH, MULTI, EXEC, to compare with"},
    {"counting", "not to be rolled out: a switch that counts on both sides, to compare with"},
    {"fixed", "the solution to roll out (impl/ has all of them)"},
    {"lockfree", "another solution to roll out, without locks"},
};

static const struct {
    const char *name, *title, *meaning;
} components[] = {
    {"sliding_window", "Sliding window on Redis",
     "At most so many requests of a provider in any window of time, counted on a server that all "
     "clients share."},
    {"memory_store", "Sliding window in memory", "The same count, kept inside one process."},
    {"token_bucket", "Token bucket",
     "Requests take tokens, which come back at a steady rate; who finds none waits."},
    {"combined", "Combined limiter",
     "Window, bucket and semaphore together: a request must pass all three."},
    {"semaphore", "Semaphore with statistics",
     "At most so many requests at once, and counters that say how many."},
    {"provider_factory", "Provider factory",
     "A registry that creates each provider once and hands it to everybody."},
    {"metrics", "Metrics collector", "Counts successes and latencies of all requests."},
    {"rollout", "Switches between variants",
     "Turns a component from one variant to another while requests are under way, and back."},
    {"litmus", "Litmus programs", "Tiny programs whose answers are known, to test the tester."},
};

static const char *meaning_of(const word *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].name, name) == 0) {
            return words[i].meaning;
        }
    }
    return NULL;
}

const char *treadle_property_words(const char *property)
{
    return meaning_of(properties, sizeof properties / sizeof properties[0], property);
}

const char *treadle_variant_words(const char *variant)
{
    return meaning_of(variants, sizeof variants / sizeof variants[0], variant);
}

size_t treadle_component_rank(const char *component)
{
    const size_t count = sizeof components / sizeof components[0];
    size_t rank = 0;
    while (rank < count && strcmp(components[rank].name, component) != 0) {
        rank++;
    }
    return rank;
}

const char *treadle_component_title(const char *component)
{
    const size_t rank = treadle_component_rank(component);
    return rank < sizeof components / sizeof components[0] ? components[rank].title : NULL;
}

const char *treadle_component_words(const char *component)
{
    const size_t rank = treadle_component_rank(component);
    return rank < sizeof components / sizeof components[0] ? components[rank].meaning : NULL;
}
