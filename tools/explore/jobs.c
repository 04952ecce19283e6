// SPDX-License-Identifier: MIT
#include "tools/explore/jobs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/explore/child.h"
#include "tools/explore/now.h"
#include "tools/redis/redis_server.h"

enum { JOBS_MAX = 64, POLL_MS = 100, IDLE = -1 };

typedef struct job {
    struct pool *pool;
    treadle_journal *journal;
    treadle_child child;
    ssize_t cell;       /* under way, or IDLE */
    uint32_t explorers; /* processes that it may divide a cell among */
    double began;
} job;

typedef struct pool {
    const treadle_jobs_options *options;
    const treadle_cell *cells;
    size_t count;
    size_t next;     /* the first cell that nobody has yet */
    size_t reported; /* the first cell whose result has not been handed on */
    treadle_result *results;
    bool *done;
    job jobs[JOBS_MAX];
    uint32_t job_count;
    bool stopping;
} pool;

/* ---- inside a job process ---------------------------------------------------------------------
 */

/* The server for a cell: the given one; or a private one, started when first needed and again when
 * it has gone. NULL with a reason when there is none. */
static const treadle_redis_target *
server_for(const treadle_cell *cell, const treadle_redis_target *given, treadle_redis_server **own,
           treadle_redis_target *target, char *error, size_t error_size)
{
    if (cell->backend != TREADLE_BACKEND_REDIS || given != NULL) {
        return given;
    }
    if (*own != NULL && !treadle_redis_server_alive(*own)) {
        treadle_redis_server_stop(*own);
        *own = NULL;
    }
    if (*own == NULL) {
        *own = treadle_redis_server_start(error, error_size);
    }
    if (*own == NULL) {
        return NULL;
    }
    *target = (treadle_redis_target){.socket_path = treadle_redis_server_socket(*own),
                                     .own = true,
                                     .clock_path = treadle_redis_server_clock(*own)};
    return target;
}

static void serve(void *context, int ask, int answer)
{
    const job *self = context;
    treadle_journal *journal = self->journal;
    const treadle_jobs_options *options = self->pool->options;
    /* Another job's pipe held open here would keep that job alive. */
    for (uint32_t i = 0; i < self->pool->job_count; i++) {
        const treadle_child *other = &self->pool->jobs[i].child;
        if (other->pid) {
            close(other->ask);
            close(other->answer);
        }
    }
    treadle_redis_server *own = NULL;
    treadle_redis_target target;
    char question;
    while (treadle_child_question(ask, &question)) {
        char error[TREADLE_MESSAGE_MAX] = "";
        const treadle_redis_target *redis =
            server_for(&journal->cell, options->redis, &own, &target, error, sizeof error);
        treadle_check_options check = options->check;
        check.explorers = self->explorers;
        treadle_check_cell(journal, redis, &check);
        if (error[0] != '\0') {
            snprintf(journal->result.outcome.message, sizeof journal->result.outcome.message, "%s",
                     error);
        }
        if (journal->result.environment) {
            /* It may live and be of no use, busy with a script for ever: the next cell gets
             * another. */
            treadle_redis_server_stop(own);
            own = NULL;
        }
        if (!treadle_child_done(answer)) {
            break;
        }
    }
    treadle_redis_server_stop(own);
}

/* ---- outside --------------------------------------------------------------------------------- */

static void hand_on(pool *self)
{
    while (self->reported < self->count && self->done[self->reported]) {
        self->options->result(self->options->context, &self->results[self->reported]);
        self->reported++;
    }
}

static void give_up(pool *self, size_t cell, const char *why)
{
    treadle_result *result = &self->results[cell];
    *result = (treadle_result){
        .cell = self->cells[cell], .verdict = TREADLE_VERDICT_UNKNOWN, .environment = true};
    snprintf(result->outcome.message, sizeof result->outcome.message, "%s", why);
}

static void finish(pool *self, job *from, bool died)
{
    const size_t cell = (size_t)from->cell;
    treadle_result *result = &self->results[cell];
    if (died) {
        give_up(self, cell, "the process that checks this cell ended unexpectedly");
    } else if (treadle_result_take(from->journal, result) != 0) {
        give_up(self, cell, "out of memory");
    }
    self->done[cell] = true;
    from->cell = IDLE;
    if (self->options->finished != NULL) {
        self->options->finished(self->options->context, result);
    }
    hand_on(self);
}

static void give(pool *self, job *to)
{
    if (self->stopping || self->next == self->count) {
        return;
    }
    if (to->child.pid == 0 && treadle_child_start(&to->child, serve, to, SIGTERM) != 0) {
        return;
    }
    to->journal->cell = self->cells[self->next];
    to->cell = (ssize_t)self->next++;
    to->began = treadle_now_s();
    atomic_store(&to->journal->executions, 0);
    atomic_store(&to->journal->share, 0);
    atomic_store(&to->journal->seconds_left, -1);
    treadle_child_put(&to->child, 'c');
}

static void show(pool *self)
{
    for (uint32_t i = 0; i < self->job_count && self->options->progress != NULL; i++) {
        const job *busy = &self->jobs[i];
        if (busy->cell != IDLE) {
            const uint64_t executions = atomic_load(&busy->journal->executions);
            const double elapsed = treadle_now_s() - busy->began;
            size_t done = self->next;
            for (uint32_t j = 0; j < self->job_count; j++) {
                done -= self->jobs[j].cell != IDLE;
            }
            self->options->progress(self->options->context, done, &self->cells[busy->cell],
                                    executions, elapsed > 0 ? (double)executions / elapsed : 0,
                                    atomic_load(&busy->journal->share),
                                    atomic_load(&busy->journal->seconds_left));
            atomic_store(&busy->journal->how_far, true); /* for the next time */
            return;
        }
    }
}

static uint32_t busy_count(const pool *self)
{
    uint32_t busy = 0;
    for (uint32_t i = 0; i < self->job_count; i++) {
        busy += self->jobs[i].cell != IDLE;
    }
    return busy;
}

static void stop_all(pool *self)
{
    self->stopping = true;
    for (uint32_t i = 0; i < self->job_count; i++) {
        atomic_store(&self->jobs[i].journal->stop, true);
    }
}

static void loop(pool *self)
{
    for (;;) {
        for (uint32_t i = 0; i < self->job_count; i++) {
            if (self->jobs[i].cell == IDLE) {
                give(self, &self->jobs[i]);
            }
        }
        if (busy_count(self) == 0) {
            return;
        }
        struct pollfd waits[JOBS_MAX];
        for (uint32_t i = 0; i < self->job_count; i++) {
            waits[i] =
                (struct pollfd){.fd = self->jobs[i].cell != IDLE ? self->jobs[i].child.answer : -1,
                                .events = POLLIN};
        }
        poll(waits, self->job_count, POLL_MS);
        if (*self->options->interrupted && !self->stopping) {
            stop_all(self);
        }
        for (uint32_t i = 0; i < self->job_count; i++) {
            if (waits[i].fd < 0 || waits[i].revents == 0) {
                continue;
            }
            const bool died = !treadle_child_answered(&self->jobs[i].child);
            finish(self, &self->jobs[i], died);
            if (died) {
                treadle_child_end(&self->jobs[i].child);
            }
        }
        show(self);
    }
}

/* `jobs` may be more than there are cells: the others explore inside of cells. */
static int open_journals(pool *self, uint32_t jobs, const char *directory, char *error,
                         size_t error_size)
{
    for (uint32_t i = 0; i < self->job_count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/journal-%u", directory, i + 1);
        self->jobs[i].pool = self;
        self->jobs[i].explorers = jobs / self->job_count + (i < jobs % self->job_count);
        self->jobs[i].cell = IDLE;
        self->jobs[i].journal = treadle_journal_create(path);
        if (self->jobs[i].journal == NULL) {
            snprintf(error, error_size, "cannot write %s: %s", path, strerror(errno));
            return -1;
        }
    }
    return 0;
}

int treadle_jobs_run(const treadle_cell *cells, size_t count, const treadle_jobs_options *options,
                     char *error, size_t error_size)
{
    char *directory = treadle_run_directory_create(error, error_size);
    if (directory == NULL) {
        return -1;
    }
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t jobs = options->jobs ? options->jobs : (cores > 0 ? (uint32_t)cores : 1);
    jobs = jobs > JOBS_MAX ? JOBS_MAX : jobs;
    pool self = {.options = options,
                 .cells = cells,
                 .count = count,
                 .job_count = jobs > count ? (uint32_t)count : jobs,
                 .results = calloc(count, sizeof *self.results),
                 .done = calloc(count, sizeof *self.done)};
    int status = -1;
    if (self.results == NULL || self.done == NULL) {
        snprintf(error, error_size, "out of memory");
    } else if (open_journals(&self, jobs, directory, error, error_size) == 0) {
        loop(&self);
        status = 0;
        if (self.next < count && !self.stopping) {
            snprintf(error, error_size, "cannot start a process to check in");
            status = self.next == 0 ? -1 : 0;
            for (; self.next < count; self.next++) {
                give_up(&self, self.next, error);
                self.done[self.next] = true;
            }
        }
    }
    for (uint32_t i = 0; i < self.job_count; i++) {
        if (self.jobs[i].child.pid) {
            treadle_child_end(&self.jobs[i].child);
        }
        if (self.jobs[i].journal != NULL) {
            treadle_journal_unmap(self.jobs[i].journal);
        }
    }
    /* What was interrupted out of order has not been handed on yet. */
    for (; !status && self.reported < self.count; self.reported++) {
        if (self.done[self.reported]) {
            options->result(options->context, &self.results[self.reported]);
        }
    }
    free(self.results);
    free(self.done);
    treadle_run_directory_remove(directory);
    return status;
}
