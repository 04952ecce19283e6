// SPDX-License-Identifier: MIT
/*
 * Where the executing thread and its server run. The two never work at the same time, and waking a
 * processor that sleeps costs more than a command does: on one processor together they do 90,000
 * commands a second here, on two about 20,000, and the kernel's own placement changes from run
 * to run. Nothing depends on it: failures are ignored.
 */
#include <sched.h>
#include <sys/socket.h>

#include "tools/redis/redis_internal.h"

static cpu_set_t saved;
static bool placed;

void treadle_redis_place_together(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    const int cpu = sched_getcpu();
    if (placed || cpu < 0 || cpu >= CPU_SETSIZE ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0 ||
        sched_getaffinity(0, sizeof saved, &saved) != 0) {
        return;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (sched_setaffinity(peer.pid, sizeof one, &one) == 0) {
        placed = sched_setaffinity(0, sizeof one, &one) == 0;
    }
}

void treadle_redis_place_restore(void)
{
    if (placed) {
        sched_setaffinity(0, sizeof saved, &saved);
        placed = false;
    }
}
