// SPDX-License-Identifier: MIT
#include "window_model.h"

#include <assert.h>
#include <string.h>

static int64_t microseconds(double seconds)
{
    assert(seconds >= -WINDOW_MODEL_TIME_S_MAX && seconds <= WINDOW_MODEL_TIME_S_MAX);
    double us = seconds * 1e6;
    return (int64_t)(us < 0 ? us - 0.5 : us + 0.5);
}

static bool expired(const struct window_model *model, const struct window_model_entry *entry,
                    int64_t now_us)
{
    return now_us - entry->time_us >= model->window_us;
}

bool window_model_init(struct window_model *model, long long limit, double window_s)
{
    /* Written so that a window that is not a number fails. */
    if (limit < 1 || !(window_s >= 1e-6 && window_s <= WINDOW_MODEL_TIME_S_MAX)) {
        return false;
    }
    model->window_us = microseconds(window_s);
    model->limit = limit;
    model->count = 0;
    return true;
}

static bool holds_id(const struct window_model *model, int64_t now_us, uint64_t id)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->entries[i].id == id && !expired(model, &model->entries[i], now_us)) {
            return true;
        }
    }
    return false;
}

static size_t count_at(const struct window_model *model, int64_t now_us)
{
    size_t live = 0;
    for (size_t i = 0; i < model->count; i++) {
        live += !expired(model, &model->entries[i], now_us);
    }
    return live;
}

static bool later(const struct window_model_entry *a, const struct window_model_entry *b)
{
    return a->time_us != b->time_us ? a->time_us > b->time_us : a->id > b->id;
}

static void insert(struct window_model *model, struct window_model_entry entry)
{
    assert(model->count < WINDOW_MODEL_ENTRIES_MAX);
    size_t at = model->count++;
    for (; at > 0 && later(&model->entries[at - 1], &entry); at--) {
        model->entries[at] = model->entries[at - 1];
    }
    model->entries[at] = entry;
}

enum window_model_answer window_model_acquire(struct window_model *model, double now_s, uint64_t id)
{
    int64_t now_us = microseconds(now_s);

    if (id != 0 && holds_id(model, now_us, id)) {
        return WINDOW_MODEL_ADMIT;
    }
    if ((int64_t)count_at(model, now_us) >= model->limit) {
        return WINDOW_MODEL_REFUSE;
    }
    if (model->count == WINDOW_MODEL_ENTRIES_MAX) {
        return WINDOW_MODEL_FULL;
    }
    insert(model, (struct window_model_entry){.time_us = now_us, .id = id});
    return WINDOW_MODEL_ADMIT;
}

size_t window_model_count(const struct window_model *model, double now_s)
{
    return count_at(model, microseconds(now_s));
}

void window_model_forget(struct window_model *model, double earliest_s)
{
    int64_t earliest_us = microseconds(earliest_s);
    size_t kept = 0;

    for (size_t i = 0; i < model->count; i++) {
        if (!expired(model, &model->entries[i], earliest_us)) {
            model->entries[kept++] = model->entries[i];
        }
    }
    model->count = kept;
}

void window_model_reset(struct window_model *model)
{
    model->count = 0;
}

void window_model_copy(struct window_model *to, const struct window_model *from)
{
    if (to == from) {
        return;
    }
    size_t used = offsetof(struct window_model, entries) + from->count * sizeof from->entries[0];
    memcpy(to, from, used);
}

bool window_model_equal(const struct window_model *a, const struct window_model *b)
{
    if (a->window_us != b->window_us || a->limit != b->limit || a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->entries[i].time_us != b->entries[i].time_us ||
            a->entries[i].id != b->entries[i].id) {
            return false;
        }
    }
    return true;
}

/* FNV-1a, a word at a time, with the finisher of splitmix64 to spread the low bits. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x100000001b3;
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
    return hash ^ hash >> 27;
}

uint64_t window_model_hash(const struct window_model *model)
{
    uint64_t hash = 0xcbf29ce484222325;

    hash = mix(hash, (uint64_t)model->window_us);
    hash = mix(hash, (uint64_t)model->limit);
    for (size_t i = 0; i < model->count; i++) {
        hash = mix(hash, (uint64_t)model->entries[i].time_us);
        hash = mix(hash, model->entries[i].id);
    }
    return hash;
}

bool window_model_over_admitted(const double *admitted_times, size_t n, long long limit,
                                double window_s, size_t *worst)
{
    int64_t window_us = microseconds(window_s);
    size_t most = 0;

    /* A fullest window can be moved right until its first admission is its left end. */
    for (size_t i = 0; i < n; i++) {
        int64_t start_us = microseconds(admitted_times[i]);
        size_t inside = 0;
        for (size_t j = 0; j < n; j++) {
            int64_t age_us = microseconds(admitted_times[j]) - start_us;
            inside += age_us >= 0 && age_us < window_us;
        }
        most = inside > most ? inside : most;
    }
    if (worst != NULL) {
        *worst = most;
    }
    return (long long)most > limit;
}
