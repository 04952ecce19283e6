// SPDX-License-Identifier: MIT
/* What the letters and numbers of a diagram stand for: "x1: 16 bytes into the 48 allocated at
 * limiter_new limiter.c:31", "m1: registry_guard". */
#ifndef TREADLE_REPORTS_OBJECTS_H
#define TREADLE_REPORTS_OBJECTS_H

#include "reports/canvas.h"
#include "reports/writer.h"

/* A line for each object that is known and that one of these events acts on, in the order of their
 * first appearance there. 0, or ENOMEM. */
int treadle_objects_write(const treadle_event *const *events, uint32_t count,
                          const treadle_writer_options *options, treadle_canvas *canvas);

#endif
