#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`treadle replay --gdb` as its user has it, with the commands on standard input: gdb_test.py TREADLE"""
import json
import re
import subprocess
import sys

TREADLE = sys.argv[1]


def token_of(*arguments):
    found = subprocess.run([TREADLE, "check", *arguments, "--format", "json"], capture_output=True,
                           text=True, timeout=120, check=True)
    return next(json.loads(line)["token"] for line in found.stdout.splitlines()
                if json.loads(line)["token"])


def gdb(token, *commands):
    found = subprocess.run([TREADLE, "replay", token, "--gdb"], input="\n".join(commands) + "\n",
                           capture_output=True, text=True, timeout=120, check=False)
    if found.returncode != 0:
        sys.exit(f"status {found.returncode}: {found.stderr}")
    return found.stdout + found.stderr


def wanted(output, *patterns):
    """The patterns, one after another."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern).search(output, at)
        if found is None:
            sys.exit(f"no {pattern!r} (in this order) in:\n{output}")
        at = found.end()


# semaphore/queued_exact naive, at sync: kept here, so that what exploring finds is no matter.
queued = ("tdl1.FnNlbWFwaG9yZS9xdWV1ZWRfZXhhY3QFbmFpdmUAAgEEDHdyb25nLXF1ZXVlZI6oidu7xe-7GBABEF3jK6Ksi07dnQy2"
          "fVGJ3A4GAQEBAQEBDWK-Fg")

# Halted before the last step, on the subject's line; both threads are there, and the parked one has
# a stack of its own down to the scenario.
output = gdb(queued, "treadle threads", "treadle thread 2", "treadle thread 1 frame", "info locals")
wanted(output, r"wrong-queued", r"step (\d+): thread-1 comes next: mutex unlock",
       r"\n\(gdb\) +0 +main", r"\* +1 +thread-1 +mutex unlock", r" 2 +thread-2 +has ended")

# In the middle both are alive.
output = gdb(queued, "treadle goto 5", "treadle threads", "treadle thread 2", "treadle thread 2 frame",
             "treadle thread 1")
wanted(output, r"step 5: thread-1 comes next: mutex lock", r"\* +1 +thread-1",
       r" 2 +thread-2 +mutex lock at fifo_semaphore.c:\d+ \(fifo_semaphore_wait\)",
       r"thread-2: mutex lock", r"#\d+ .*fifo_semaphore_wait", r"#\d+ .*naive_acquire",
       r"#\d+ .*try_and_go", r"#\d+ .*fifo_semaphore_wait .*fifo_semaphore.c",
       r"thread-1: mutex lock", r"#\d+ .*fifo_semaphore_locked")

# Steps lead on, back leads back, also from the end.
output = gdb(queued, "treadle goto 3", "treadle step", "treadle step", "treadle back", "continue",
             "treadle back", "treadle goto 1", "treadle back")
wanted(output, r"\nstep 3: thread-2|\) step 3: thread-2", r"step 4: thread-2", r"step 5: thread-1",
       r"step 4: thread-2", r"after step 13: wrong-queued: 1 requests", r"step 13: thread-1",
       r"step 1: thread-1", r"this is the first step")

# Breakpoints, and time at them, change no schedule: the replay is strict, and says so.
output = gdb(queued, "break fifo_semaphore_locked", "commands", "silent", "shell sleep 0.2",
             "continue", "end", "break slot_deadline_passed", "treadle goto 1", "continue", "continue",
             "delete", "continue", "continue")
wanted(output, r"step 1: thread-1", r"Breakpoint 2, slot_deadline_passed",
       r"The recorded verdict came about again\.")

# Looking at parked threads leaves the running one as it was.
output = gdb(queued, "treadle goto 9", "treadle thread 1", "treadle thread 0", "treadle thread 2",
             "delete", "continue", "continue")
wanted(output, r"The recorded verdict came about again\.")

# A crash is where gdb is at home.
output = gdb(token_of("litmus/misbehaving", "--variant", "segfault"), "continue")
wanted(output, r"SIGSEGV", r"crash_segv")

# Wrong use is one line.
output = gdb(queued, "treadle thread 9", "treadle thread x", "treadle goto")
wanted(output, r"there is no thread 9; `treadle threads` lists them", r"`treadle thread` takes a number",
       r"`treadle goto` takes a number")
