// SPDX-License-Identifier: MIT
#include "tools/cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli/cli.h"
#include "tools/cli/symbols.h"

enum { WIDTH_DEFAULT = 120, WIDTH_MIN = 40 };

int treadle_output_open(treadle_output *output, const char *path)
{
    *output = (treadle_output){.stream = stdout, .path = path};
    if (path == NULL) {
        return TREADLE_EXIT_OK;
    }
    if (asprintf(&output->temporary, "%s.XXXXXX", path) < 0) {
        output->temporary = NULL;
        treadle_cli_error("out of memory");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    struct stat status;
    const bool directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    const int fd = directory ? -1 : mkstemp(output->temporary);
    if (fd < 0) {
        treadle_cli_error("cannot write %s: %s", path, strerror(directory ? EISDIR : errno));
        free(output->temporary);
        return TREADLE_EXIT_ENVIRONMENT;
    }
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    output->stream = fdopen(fd, "w");
    return TREADLE_EXIT_OK;
}

int treadle_output_close(treadle_output *output)
{
    if (output->path == NULL) {
        if (fflush(stdout) != 0 && errno != EPIPE) {
            treadle_cli_error("cannot write to standard output: %s", strerror(errno));
            return TREADLE_EXIT_ENVIRONMENT;
        }
        return TREADLE_EXIT_OK;
    }
    bool failed = fflush(output->stream) != 0;
    failed |= fclose(output->stream) != 0;
    failed = failed || rename(output->temporary, output->path) != 0;
    if (failed) {
        treadle_cli_error("cannot write %s: %s", output->path, strerror(errno));
        unlink(output->temporary);
    }
    free(output->temporary);
    return failed ? TREADLE_EXIT_ENVIRONMENT : TREADLE_EXIT_OK;
}

void treadle_output_abandon(treadle_output *output)
{
    if (output->path == NULL) {
        return;
    }
    fclose(output->stream);
    unlink(output->temporary);
    free(output->temporary);
}

void treadle_output_options(const treadle_output *output, treadle_writer_options *options)
{
    *options = (treadle_writer_options){
        .out = output->stream, .width = WIDTH_DEFAULT, .symbolize = treadle_symbolize};
    if (output->path != NULL || !isatty(STDOUT_FILENO)) {
        return;
    }
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        options->width = size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
    }
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    options->colour =
        (no_color == NULL || *no_color == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}
