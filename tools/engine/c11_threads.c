// SPDX-License-Identifier: MIT
/* C11 <threads.h> on top of the pthread models. glibc lays mtx_t, cnd_t, once_flag and tss_t out as
 * their pthread counterparts, but calls internal names, so each is redirected by its own. */
#include <errno.h>
#include <limits.h>
#include <threads.h>

#include "tools/engine/once.h"
#include "tools/engine/tsd.h"

int SEAM(pthread_detach)(pthread_t);
pthread_t SEAM(pthread_self)(void);

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "mtx_t is a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "cnd_t is a pthread_cond_t");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "once_flag is a pthread_once_t");

static int thrd_result(int error)
{
    switch (error) {
    case 0: return thrd_success;
    case ENOMEM: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    case EBUSY: return thrd_busy;
    default: return thrd_error;
    }
}

static pthread_mutex_t *mutex_of(mtx_t *mutex)
{
    return (pthread_mutex_t *)(void *)mutex;
}

static pthread_cond_t *cond_of(cnd_t *condition)
{
    return (pthread_cond_t *)(void *)condition;
}

int SEAM(thrd_create)(thrd_t *handle, thrd_start_t start, void *argument)
{
    if (!treadle_inside()) {
        return thrd_create(handle, start, argument);
    }
    return thrd_result(treadle_thread_create_c11(handle, start, argument, SITE()));
}

int SEAM(thrd_join)(thrd_t handle, int *result)
{
    if (!treadle_inside()) {
        return thrd_join(handle, result);
    }
    void *value = NULL;
    const int error = treadle_thread_join(handle, &value, false, SITE());
    if (error == 0 && result != NULL) {
        treadle_writes(result, sizeof *result, SITE());
        *result = (int)(intptr_t)value;
    }
    return thrd_result(error);
}

int SEAM(thrd_detach)(thrd_t handle)
{
    return treadle_inside() ? thrd_result(SEAM(pthread_detach)(handle)) : thrd_detach(handle);
}

_Noreturn void SEAM(thrd_exit)(int result)
{
    if (!treadle_inside()) {
        thrd_exit(result);
    }
    treadle_thread_exit((void *)(intptr_t)result, SITE());
}

thrd_t SEAM(thrd_current)(void)
{
    return treadle_inside() ? SEAM(pthread_self)() : thrd_current();
}

int SEAM(thrd_equal)(thrd_t one, thrd_t other)
{
    return one == other;
}

int SEAM(thrd_sleep)(const struct timespec *duration, struct timespec *left)
{
    if (!treadle_inside()) {
        return thrd_sleep(duration, left);
    }
    return treadle_sleep_for(duration, SITE()) == 0 ? 0 : -2; /* -1 is "interrupted" */
}

void SEAM(thrd_yield)(void)
{
    if (treadle_inside()) {
        treadle_yield(SITE());
    } else {
        thrd_yield();
    }
}

int SEAM(mtx_init)(mtx_t *mutex, int type)
{
    if (!treadle_inside()) {
        return mtx_init(mutex, type);
    }
    const int kind = type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL;
    return thrd_result(treadle_mutex_init(mutex_of(mutex), kind, SITE()));
}

void SEAM(mtx_destroy)(mtx_t *mutex)
{
    if (treadle_inside()) {
        treadle_mutex_destroy(mutex_of(mutex), SITE());
    } else {
        mtx_destroy(mutex);
    }
}

int SEAM(mtx_lock)(mtx_t *mutex)
{
    return treadle_inside() ? thrd_result(treadle_mutex_lock(mutex_of(mutex), SITE()))
                            : mtx_lock(mutex);
}

int SEAM(mtx_trylock)(mtx_t *mutex)
{
    return treadle_inside() ? thrd_result(treadle_mutex_trylock(mutex_of(mutex), SITE()))
                            : mtx_trylock(mutex);
}

int SEAM(mtx_timedlock)(mtx_t *mutex, const struct timespec *until)
{
    return treadle_inside() ? thrd_result(treadle_mutex_timedlock(mutex_of(mutex), CLOCK_REALTIME,
                                                                  until, SITE()))
                            : mtx_timedlock(mutex, until);
}

int SEAM(mtx_unlock)(mtx_t *mutex)
{
    return treadle_inside() ? thrd_result(treadle_mutex_unlock(mutex_of(mutex), SITE()))
                            : mtx_unlock(mutex);
}

int SEAM(cnd_init)(cnd_t *condition)
{
    return treadle_inside()
               ? thrd_result(treadle_cond_init(cond_of(condition), CLOCK_REALTIME, SITE()))
               : cnd_init(condition);
}

void SEAM(cnd_destroy)(cnd_t *condition)
{
    if (treadle_inside()) {
        treadle_cond_destroy(cond_of(condition), SITE());
    } else {
        cnd_destroy(condition);
    }
}

int SEAM(cnd_wait)(cnd_t *condition, mtx_t *mutex)
{
    return treadle_inside()
               ? thrd_result(treadle_cond_wait(cond_of(condition), mutex_of(mutex), SITE()))
               : cnd_wait(condition, mutex);
}

int SEAM(cnd_timedwait)(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return treadle_inside() ? thrd_result(treadle_cond_timedwait(cond_of(condition),
                                                                 mutex_of(mutex), until, SITE()))
                            : cnd_timedwait(condition, mutex, until);
}

int SEAM(cnd_signal)(cnd_t *condition)
{
    return treadle_inside() ? thrd_result(treadle_cond_signal(cond_of(condition), SITE()))
                            : cnd_signal(condition);
}

int SEAM(cnd_broadcast)(cnd_t *condition)
{
    return treadle_inside() ? thrd_result(treadle_cond_broadcast(cond_of(condition), SITE()))
                            : cnd_broadcast(condition);
}

void SEAM(call_once)(once_flag *flag, void (*function)(void))
{
    if (treadle_inside()) {
        treadle_once(flag, function, SITE());
    } else {
        call_once(flag, function);
    }
}

int SEAM(tss_create)(tss_t *key, tss_dtor_t destructor)
{
    return treadle_inside() ? thrd_result(treadle_tsd_create(key, destructor))
                            : tss_create(key, destructor);
}

void SEAM(tss_delete)(tss_t key)
{
    if (treadle_inside()) {
        treadle_tsd_delete(key);
    } else {
        tss_delete(key);
    }
}

int SEAM(tss_set)(tss_t key, void *value)
{
    return treadle_inside() ? thrd_result(treadle_tsd_set(key, value)) : tss_set(key, value);
}

void *SEAM(tss_get)(tss_t key)
{
    return treadle_inside() ? treadle_tsd_get(key) : tss_get(key);
}
