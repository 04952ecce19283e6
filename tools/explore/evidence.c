// SPDX-License-Identifier: MIT
#include "tools/explore/evidence.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/strategies/strategies.h"

/* A probability above this is no guarantee worth the name. */
static const double MISSED_MAX = 0.99;

typedef struct line {
    char *text;
    size_t size;
    size_t used;
} line;

static __attribute__((format(printf, 2, 3))) void add(line *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length =
        vsnprintf(self->text + self->used, self->size - self->used, format, arguments);
    va_end(arguments);
    if (length > 0) {
        self->used += (size_t)length;
        self->used = self->used < self->size ? self->used : self->size - 1;
    }
}

static double rounded(double number, double (*towards)(double))
{
    if (!(number > 0) || !isfinite(number)) {
        return number;
    }
    const double unit = pow(10, floor(log10(number)) - 1);
    const double digits = number / unit;
    /* What is a whole number but for the division is one. */
    const double near = round(digits);
    return (fabs(digits - near) < 1e-9 ? near : towards(digits)) * unit;
}

void treadle_evidence_round_up(char text[32], double number)
{
    /* What underflowed was not zero. */
    snprintf(text, 32, "%.2g", rounded(fmax(number, 1e-300), ceil));
}

/* (1 - p)^n < 5 % for p > 3/n: what shows in a larger share of executions was seen. */
static void add_share_seen(line *self, double executions, const char *of)
{
    if (executions < 4) {
        add(self, "too few of %s were seen to their end to say how rare a violation would be", of);
        return;
    }
    char percent[32];
    treadle_evidence_round_up(percent, 300 / executions);
    add(self, "a violation in over %s %% of %s would have been seen with 95 %% probability",
        percent, of);
}

static void add_guarantee(line *self, const treadle_explore_report *report)
{
    const treadle_guarantee *given = &report->guarantee;
    if (report->cut_short > 0) {
        add(self, "no guarantee, as not all came to their end");
        return;
    }
    if (given->executions == 0) {
        add(self, "too few for a guarantee");
        return;
    }
    const char *threads = given->threads == 1 ? "thread" : "threads";
    if (given->missed > MISSED_MAX) {
        add(self, "too few for a guarantee at depth %u, with %u decisions between %u %s",
            given->depth, given->decisions, given->threads, threads);
        return;
    }
    char missed[32];
    treadle_evidence_round_up(missed, given->missed);
    add(self,
        "a bug of depth %u or less%s would have been missed with probability at most %s (%u %s, "
        "at most %u decisions)",
        given->depth, given->order_only ? " that depends on the order of the threads alone" : "",
        missed, given->threads, threads, given->decisions);
}

static void add_estimate(line *self, const treadle_estimate *estimate)
{
    if (estimate->paths < 2) {
        return;
    }
    if (!isfinite(estimate->interleavings)) {
        add(self, "; more than 1e+308 interleavings");
    } else if (!isfinite(estimate->spread)) {
        add(self, "; an estimated %.2g interleavings, of unknown spread", estimate->interleavings);
    } else {
        add(self, "; an estimated %.2g interleavings, give or take %.2g", estimate->interleavings,
            estimate->spread);
    }
}

const char *treadle_evidence_symmetry(const treadle_explore_request *request)
{
    return request->symmetric ? " but for the threads' numbers" : "";
}

static void add_exhaustive(line *self, const treadle_strategy *strategy,
                           const treadle_explore_request *request,
                           const treadle_explore_report *report)
{
    const unsigned long long executions = report->executions;
    if (strategy->reduces) {
        add(self, "the first %llu traces%s, not all", executions,
            treadle_evidence_symmetry(request));
    } else {
        add(self, "the first %llu interleavings in depth-first order, not all", executions);
    }
    /* A reduction does not know its branches before it comes to them. */
    if (report->share > 0 && !strategy->reduces) {
        add(self, ": %.2g %% of random walks would end among them",
            100 * rounded(report->share, floor));
    }
}

/* "preemptions", of which there may be one. */
static int letters(const treadle_bound *bound, uint32_t number)
{
    return (int)strlen(bound->what) - (number == 1);
}

int treadle_evidence_bound(char *text, size_t size, const treadle_bound *bound)
{
    const uint32_t most = bound->bounds - 1;
    const unsigned long long executions = bound->executions;
    return snprintf(text, size, "holds up to %u %.*s (%llu interleaving%s)", most,
                    letters(bound, most), bound->what, executions, executions == 1 ? "" : "s");
}

static void add_bounded(line *self, const treadle_explore_report *report)
{
    const treadle_bound *bound = &report->bound;
    char text[96] = "";
    if (bound->bounds > 0) {
        treadle_evidence_bound(text, sizeof text, bound);
    }
    add(self, "%s", text);
    if (report->executions > bound->executions) {
        add(self, "%s the first %llu with %u, not all", text[0] ? ";" : "no bound exhausted:",
            (unsigned long long)(report->executions - bound->executions), bound->bounds);
    }
}

void treadle_evidence_describe(char *text, size_t size, const treadle_explore_request *request,
                               const treadle_explore_report *report)
{
    line self = {.text = text, .size = size};
    const double n = (double)report->executions;
    const double early = (double)report->cut_short;
    text[0] = '\0';
    const treadle_strategy *strategy = treadle_strategy_find(request->strategy);
    if (strategy->bound != NULL) {
        add_bounded(&self, report);
    } else if (strategy->exhaustive) {
        add_exhaustive(&self, strategy, request, report);
    } else if (strcmp(request->strategy, "pct") == 0) {
        add(&self, "%.0f executions: ", n);
        add_guarantee(&self, report);
    } else if (strcmp(request->strategy, "mixed") == 0) {
        add(&self, "%.0f executions, random and pct in turns: ", n);
        add_share_seen(&self, ceil(n / 2) - early, "the random ones");
        add(&self, "; ");
        add_guarantee(&self, report);
    } else if (strcmp(request->strategy, "random") == 0) {
        add(&self, "%.0f random executions: ", n);
        add_share_seen(&self, n - early, "them");
    } else {
        add(&self, "%.0f executions by %s: ", n, request->strategy);
        add_share_seen(&self, n - early - (double)report->learning, "them");
    }
    if (early > 0) {
        add(&self, "; %.0f of them ended early, at something that was not looked for", early);
    }
    add_estimate(&self, &report->estimate);
}
