// SPDX-License-Identifier: MIT
#include "tools/cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli/cli.h"
#include "tools/cli/source.h"
#include "tools/cli/symbols.h"

enum { WIDTH_DEFAULT = 120, WIDTH_MIN = 40 };

/* What is there already and is no plain file (a device, a pipe, a link) stays what it is. */
static bool is_special(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static int open_special(treadle_output *output)
{
    output->stream = fopen(output->path, "we");
    if (output->stream == NULL) {
        treadle_cli_error("cannot write %s: %s", output->path, strerror(errno));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return TREADLE_EXIT_OK;
}

int treadle_output_open(treadle_output *output, const char *path)
{
    *output = (treadle_output){.stream = stdout, .path = path};
    if (path == NULL) {
        return TREADLE_EXIT_OK;
    }
    if (is_special(path)) {
        return open_special(output);
    }
    if (asprintf(&output->temporary, "%s.XXXXXX", path) < 0) {
        output->temporary = NULL;
        treadle_cli_error("out of memory");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    const int fd = mkstemp(output->temporary);
    if (fd < 0) {
        treadle_cli_error("cannot write %s: %s", path, strerror(errno));
        free(output->temporary);
        return TREADLE_EXIT_ENVIRONMENT;
    }
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    output->stream = fdopen(fd, "w");
    if (output->stream == NULL) {
        treadle_cli_error("cannot write %s: %s", path, strerror(errno));
        close(fd);
        unlink(output->temporary);
        free(output->temporary);
        return TREADLE_EXIT_ENVIRONMENT;
    }
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
    const bool whole = output->temporary != NULL;
    failed = failed || (whole && rename(output->temporary, output->path) != 0);
    if (failed) {
        treadle_cli_error("cannot write %s: %s", output->path, strerror(errno));
    }
    if (failed && whole) {
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
    if (output->temporary != NULL) {
        unlink(output->temporary);
    }
    free(output->temporary);
}

void treadle_output_options(const treadle_output *output, treadle_writer_options *options)
{
    *options = (treadle_writer_options){.out = output->stream,
                                        .width = WIDTH_DEFAULT,
                                        .symbolize = treadle_symbolize,
                                        .symbolize_data = treadle_symbolize_data,
                                        .source = treadle_source_line,
                                        .version = TREADLE_VERSION};
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
