// SPDX-License-Identifier: MIT
#include "tools/engine/tsd.h"

#include <errno.h>
#include <limits.h>

/* Keys made outside executions are glibc's: numbered apart so that the two are not mixed up. */
enum { KEY_BASE = 1 << 20 };

/* Whether there is a key of this number is shared; its values are each thread's own. */
static void touching_key(uint32_t index, uint32_t flags)
{
    if (index < TSD_KEYS_MAX) {
        treadle_touching_quietly(&E.tsd_keys[index], 1, flags | TREADLE_TOUCH_OBJECT);
    }
}

void treadle_tsd_destroy(thread *ending)
{
    bool again = ending->specific_used > 0;
    for (int round = 0; again && round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        again = false;
        for (uint32_t i = 0; i < ending->specific_used; i++) {
            void *value = ending->specific[i];
            ending->specific[i] = NULL;
            if (value != NULL || round == 0) { /* it may have lost its value with its key */
                touching_key(i, TREADLE_TOUCH_READ);
            }
            if (value != NULL && E.tsd_keys[i].used && E.tsd_keys[i].destructor != NULL) {
                E.tsd_keys[i].destructor(value);
                again = true;
            }
        }
    }
}

int treadle_tsd_create(unsigned *key, void (*destructor)(void *))
{
    treadle_touching_object(&E.tsd_key_count, TREADLE_TOUCH_WRITE);
    uint32_t index = 0;
    while (index < E.tsd_key_count && E.tsd_keys[index].used) {
        index++;
    }
    if (index == TSD_KEYS_MAX) {
        return EAGAIN;
    }
    E.tsd_key_count += index == E.tsd_key_count;
    touching_key(index, TREADLE_TOUCH_WRITE);
    E.tsd_keys[index] = (tsd_key){.used = true, .destructor = destructor};
    treadle_writes(key, sizeof *key, NULL);
    *key = KEY_BASE + index;
    return 0;
}

static tsd_key *key_of(unsigned key)
{
    const uint32_t index = key - KEY_BASE;
    touching_key(index, TREADLE_TOUCH_READ);
    return index < E.tsd_key_count && E.tsd_keys[index].used ? &E.tsd_keys[index] : NULL;
}

int treadle_tsd_delete(unsigned key)
{
    treadle_touching_object(&E.tsd_key_count, TREADLE_TOUCH_WRITE);
    tsd_key *found = key_of(key);
    if (found == NULL) {
        return EINVAL;
    }
    touching_key(key - KEY_BASE, TREADLE_TOUCH_WRITE);
    found->used = false;
    for (uint32_t i = 0; i < E.thread_count; i++) {
        E.threads[i].specific[key - KEY_BASE] = NULL;
    }
    return 0;
}

int treadle_tsd_set(unsigned key, const void *value)
{
    if (key_of(key) == NULL) {
        return EINVAL;
    }
    const uint32_t index = key - KEY_BASE;
    E.self->specific[index] = (void *)(uintptr_t)value;
    if (index >= E.self->specific_used) {
        E.self->specific_used = index + 1;
    }
    return 0;
}

void *treadle_tsd_get(unsigned key)
{
    return key_of(key) != NULL ? E.self->specific[key - KEY_BASE] : NULL;
}

int SEAM(pthread_key_create)(pthread_key_t *key, void (*destructor)(void *))
{
    return treadle_inside() ? treadle_tsd_create(key, destructor)
                            : pthread_key_create(key, destructor);
}

int SEAM(pthread_key_delete)(pthread_key_t key)
{
    return treadle_inside() ? treadle_tsd_delete(key) : pthread_key_delete(key);
}

int SEAM(pthread_setspecific)(pthread_key_t key, const void *value)
{
    return treadle_inside() ? treadle_tsd_set(key, value) : pthread_setspecific(key, value);
}

void *SEAM(pthread_getspecific)(pthread_key_t key)
{
    return treadle_inside() ? treadle_tsd_get(key) : pthread_getspecific(key);
}
