// SPDX-License-Identifier: MIT
#include "tools/strategies/parcel.h"

#include <stdlib.h>
#include <string.h>

static void make_room(treadle_parcel *to, size_t size)
{
    size_t wanted = to->size ? to->size : 4096;
    while (wanted < to->used + size) {
        wanted *= 2;
    }
    if (wanted != to->size) {
        uint8_t *grown = realloc(to->bytes, wanted);
        to->failed |= grown == NULL;
        to->bytes = grown != NULL ? grown : to->bytes;
        to->size = grown != NULL ? wanted : to->size;
    }
}

static void put(treadle_parcel *to, const void *bytes, size_t size)
{
    make_room(to, size);
    if (size > 0 && !to->failed) {
        memcpy(to->bytes + to->used, bytes, size);
        to->used += size;
    }
}

static void get(treadle_parcel_reader *from, void *bytes, size_t size)
{
    if (size > from->left) {
        memset(bytes, 0, size);
        from->left = 0;
    } else if (size > 0) {
        memcpy(bytes, from->bytes, size);
        from->bytes += size;
        from->left -= size;
    }
}

void treadle_parcel_put_number(treadle_parcel *to, uint32_t number)
{
    put(to, &number, sizeof number);
}

uint32_t treadle_parcel_get_number(treadle_parcel_reader *from)
{
    uint32_t number;
    get(from, &number, sizeof number);
    return number;
}

/* Before each step. */
typedef struct step_head {
    uint32_t touch_count;
    uint16_t value_count;
    uint8_t thread;
} step_head;

void treadle_parcel_put_step(treadle_parcel *to, const treadle_executed *step)
{
    step_head head;
    memset(&head, 0, sizeof head);
    head.touch_count = step->touch_count;
    head.value_count = step->value_count;
    head.thread = step->thread;
    put(to, &head, sizeof head);
    put(to, step->touches, step->touch_count * sizeof step->touches[0]);
    put(to, treadle_executed_values(step), step->value_count * sizeof(treadle_step_value));
}

treadle_executed *treadle_parcel_get_step(treadle_parcel_reader *from, treadle_step_pool *pool)
{
    static treadle_touch touches[TREADLE_FOOTPRINT_MAX];
    static treadle_step_value values[UINT8_MAX];
    step_head head;
    get(from, &head, sizeof head);
    if (head.touch_count > TREADLE_FOOTPRINT_MAX || head.value_count > UINT8_MAX) {
        return NULL;
    }
    get(from, touches, head.touch_count * sizeof touches[0]);
    get(from, values, head.value_count * sizeof values[0]);
    return treadle_executed_new(pool, head.thread, touches, head.touch_count, values,
                                head.value_count);
}

/* Before each item. */
typedef struct item_head {
    uint16_t fixed;
    uint8_t thread;
    bool open;
    bool known; /* a step follows */
} item_head;

void treadle_parcel_put_item(treadle_parcel *to, const treadle_sequence_item *item)
{
    item_head head;
    memset(&head, 0, sizeof head);
    head.fixed = item->fixed;
    head.thread = item->thread;
    head.open = item->open;
    head.known = item->step != NULL;
    put(to, &head, sizeof head);
    if (item->step != NULL) {
        treadle_parcel_put_step(to, item->step);
    }
}

void treadle_parcel_put_sequence(treadle_parcel *to, const treadle_sequence *sequence)
{
    treadle_parcel_put_number(to, sequence->left);
    for (uint32_t i = 0; i < sequence->count; i++) {
        if (!sequence->items[i].gone) {
            treadle_parcel_put_item(to, &sequence->items[i]);
        }
    }
}

bool treadle_parcel_get_sequence(treadle_parcel_reader *from, treadle_step_pool *pool,
                                 treadle_sequence *sequence)
{
    const uint32_t count = treadle_parcel_get_number(from);
    treadle_sequence_clear(sequence);
    if (count > TREADLE_ORDER_STEPS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        item_head head;
        get(from, &head, sizeof head);
        treadle_executed *step = head.known ? treadle_parcel_get_step(from, pool) : NULL;
        if (head.known && step == NULL) {
            treadle_parcel_drop_sequence(pool, sequence);
            return false;
        }
        treadle_sequence_add(sequence, (treadle_sequence_item){.step = step,
                                                               .fixed = head.fixed,
                                                               .thread = head.thread,
                                                               .open = head.open});
    }
    return true;
}

void treadle_parcel_drop_sequence(treadle_step_pool *pool, const treadle_sequence *sequence)
{
    for (uint32_t i = 0; i < sequence->count; i++) {
        if (sequence->items[i].step != NULL) {
            treadle_executed_drop(pool, sequence->items[i].step);
        }
    }
}
