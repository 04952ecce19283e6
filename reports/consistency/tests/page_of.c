// SPDX-License-Identifier: MIT
/* For tests: the page of a report.json, which may have been changed by hand.
 *
 *     page_of REPORT.json >index.html */
#include <stdio.h>

#include "reports/consistency/compare.h"
#include "reports/consistency/page.h"

int main(int argc, char **argv)
{
    char error[512];
    json_t *report = argc == 2 ? treadle_report_read(argv[1], error, sizeof error) : NULL;
    if (report == NULL) {
        fprintf(stderr, "page_of: %s\n", argc == 2 ? error : "takes one report.json");
        return 2;
    }
    const int status = treadle_page_write(report, stdout);
    json_decref(report);
    return status != 0 || fflush(stdout) != 0;
}
