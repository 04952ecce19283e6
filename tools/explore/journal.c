// SPDX-License-Identifier: MIT
#include "tools/explore/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

treadle_journal *treadle_journal_create(const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return NULL;
    }
    treadle_journal *journal = MAP_FAILED;
    if (ftruncate(fd, sizeof *journal) == 0) {
        journal = mmap(NULL, sizeof *journal, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    const int saved = errno;
    close(fd);
    if (journal == MAP_FAILED) {
        unlink(path);
        errno = saved;
        return NULL;
    }
    memcpy(journal->magic, TREADLE_JOURNAL_MAGIC, sizeof journal->magic);
    journal->bytes = sizeof *journal;
    snprintf(journal->path, sizeof journal->path, "%s", path);
    return journal;
}

const treadle_journal *treadle_journal_read(const char *path, char *error, size_t error_size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    struct stat status;
    const treadle_journal *journal = MAP_FAILED;
    if (fstat(fd, &status) == 0 && (size_t)status.st_size == sizeof *journal) {
        journal = mmap(NULL, sizeof *journal, PROT_READ, MAP_SHARED, fd, 0);
    }
    close(fd);
    if (journal != MAP_FAILED &&
        (memcmp(journal->magic, TREADLE_JOURNAL_MAGIC, sizeof journal->magic) != 0 ||
         journal->bytes != sizeof *journal)) {
        treadle_journal_unmap(journal);
        journal = MAP_FAILED;
    }
    if (journal == MAP_FAILED) {
        snprintf(error, error_size, "%s is neither a token nor a journal of this build of treadle",
                 path);
        return NULL;
    }
    return journal;
}

void treadle_journal_unmap(const treadle_journal *journal)
{
    munmap((void *)(uintptr_t)journal, sizeof *journal);
}
