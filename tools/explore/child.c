// SPDX-License-Identifier: MIT
#include "tools/explore/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool read_byte(int fd, char *byte)
{
    ssize_t count;
    do {
        count = read(fd, byte, 1);
    } while (count < 0 && errno == EINTR);
    return count == 1;
}

static bool write_byte(int fd, char byte)
{
    ssize_t count;
    do {
        count = write(fd, &byte, 1);
    } while (count < 0 && errno == EINTR);
    return count == 1;
}

int treadle_child_start(treadle_child *child, treadle_child_serve *serve, void *context,
                        int last_signal)
{
    int ask[2];
    int answer[2];
    if (pipe(ask) != 0) {
        return errno;
    }
    if (pipe(answer) != 0) {
        const int error = errno;
        close(ask[0]);
        close(ask[1]);
        return error;
    }
    fflush(NULL);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, last_signal);
        if (getppid() != parent) {
            _exit(1);
        }
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_DFL);
        close(ask[1]);
        close(answer[0]);
        serve(context, ask[0], answer[1]);
        _exit(0);
    }
    const int error = pid < 0 ? errno : 0;
    close(ask[0]);
    close(answer[1]);
    if (error) {
        close(ask[1]);
        close(answer[0]);
        return error;
    }
    *child = (treadle_child){.pid = pid, .ask = ask[1], .answer = answer[0]};
    return 0;
}

int treadle_child_end(treadle_child *child)
{
    int status = 0;
    close(child->ask);
    close(child->answer);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    child->pid = 0;
    return status;
}

int treadle_child_kill(treadle_child *child)
{
    kill(child->pid, SIGKILL);
    return treadle_child_end(child);
}

void treadle_child_put(const treadle_child *child, char question)
{
    /* A child that has died says so when its answer is waited for. */
    write_byte(child->ask, question);
}

bool treadle_child_ready(const treadle_child *child, int ms)
{
    struct pollfd answer = {.fd = child->answer, .events = POLLIN};
    return poll(&answer, 1, ms) > 0;
}

bool treadle_child_answered(const treadle_child *child)
{
    char byte;
    return read_byte(child->answer, &byte);
}

bool treadle_child_question(int ask, char *question)
{
    return read_byte(ask, question);
}

bool treadle_child_done(int answer)
{
    return write_byte(answer, '.');
}
