# SPDX-License-Identifier: MIT
"""gdb's view of a replay: `treadle replay TOKEN --gdb` loads it.

The subject's threads are fibers of one OS thread, so that gdb alone shows only the one that runs. A
parked fiber is its stack pointer, with its registers above it as tools/engine/fiber_switch.S saved
them. Nothing here runs code of the program or changes a decision: a replay in gdb, with or without
breakpoints, takes the recorded steps."""
import contextlib
import re

import gdb

HALT = "treadle_debug_stopped"
STOP_AT = "treadle_debug_stop_at"
OURS = re.compile(r" at \S*/?tools/(engine|redis|strategies|explore|checkers|cli|bench)/\S+:\d+$")
TO_THE_END = 0xFFFFFFFF
WORD = 8

# Where the switch saved what, in words above the stack pointer; how much it takes; who returns.
LAYOUTS = {
    "i386:x86-64": ({"r15": 0, "r14": 1, "r13": 2, "r12": 3, "rbx": 4, "rbp": 5, "pc": 6}, 7),
    "aarch64": ({f"x{19 + i}": i for i in range(11)} | {"pc": 11}, 20),
}


class Trouble(gdb.GdbError):
    pass


def engine():
    return gdb.parse_and_eval("E")


def alive():
    return gdb.selected_inferior().pid != 0


def inside():
    """Whether an execution is under way; else it has just ended."""
    return alive() and int(engine()["level"]) != 0


def need_execution():
    if not alive() or int(engine()["thread_count"]) == 0:
        raise Trouble("no execution is under way; `treadle goto 1` starts it")


def step_now():
    return int(engine()["recorded_steps"]) if alive() else 0


def current():
    return int(engine()["self"]["id"])


def thread_at(number):
    state = engine()
    if not 0 <= number < int(state["thread_count"]):
        raise Trouble(f"there is no thread {number}; `treadle threads` lists them")
    return state["threads"][number]


def name_of(thread):
    return thread["name"].string(errors="replace")


def place_of(address):
    """"file.c:12 (function)" for a return address; "" when unknown."""
    where = gdb.find_pc_line(address - 1) if address else None
    if where is None or where.symtab is None:
        return ""
    block = gdb.block_for_pc(address - 1)
    while block is not None and block.function is None:
        block = block.superblock
    function = f" ({block.function.name})" if block is not None else ""
    return f"{where.symtab.filename.rsplit('/', 1)[-1]}:{where.line}{function}"


def operation_of(thread):
    if str(thread["kind"]) == "TREADLE_OP_NONE":
        return "waits for the other threads"
    word = str(thread["kind"]).removeprefix("TREADLE_OP_").lower().replace("_", " ")
    place = place_of(int(thread["site"]))
    return f"{word} at {place}" if place else word


# ---- looking at a parked fiber -------------------------------------------------------------------


@contextlib.contextmanager
def registers_of(number):
    """The registers of a parked thread in the place of the running one's, for a while."""
    thread = thread_at(number)
    gdb.newest_frame().select()
    if (inside() and number == current()) or int(thread["sp"]) == 0:
        yield
        return
    architecture = gdb.newest_frame().architecture().name()
    if architecture not in LAYOUTS:
        raise Trouble(f"cannot read parked threads on {architecture}")
    saved_at, words = LAYOUTS[architecture]
    pointer = int(thread["sp"])
    memory = gdb.selected_inferior().read_memory(pointer, words * WORD)
    values = {name: int.from_bytes(memory[i * WORD:(i + 1) * WORD], "little")
              for name, i in saved_at.items()}
    values["sp"] = pointer + words * WORD
    before = {name: int(gdb.parse_and_eval(f"(unsigned long)${name}")) for name in values}
    try:
        for name, value in values.items():
            gdb.execute(f"set ${name} = {value}", to_string=True)
        yield
    finally:
        gdb.newest_frame().select()
        for name, value in before.items():
            gdb.execute(f"set ${name} = {value}", to_string=True)


def frames():
    """The subject's lines of a backtrace; the engine's are above and below them."""
    lines = gdb.execute("bt 64", to_string=True).splitlines()
    lines = [line for line in lines if line.startswith("#")]
    return [line for line in lines if not OURS.search(line) and " in ?? ()" not in line] or lines


def select_subject():
    """The innermost frame of the subject, so that `list` and `info locals` speak of it."""
    gdb.newest_frame().select()
    frame = gdb.newest_frame()
    lines = frames()
    with_source = [line for line in lines if " at " in line] or lines
    for _ in range(int(re.match(r"#(\d+)", with_source[0]).group(1))):
        frame = frame.older()
    frame.select()


# ---- moving --------------------------------------------------------------------------------------


@contextlib.contextmanager
def breakpoints_off():
    """On the way to a step the user's breakpoints would only be in the way."""
    enabled = [point for point in gdb.breakpoints() if point.enabled and point.visible]
    for point in enabled:
        point.enabled = False
    try:
        yield
    finally:
        for point in enabled:
            point.enabled = True


def quiet_breakpoint(place, **options):
    gdb.Breakpoint(place, internal=True, **options).silent = True


def start():
    gdb.execute("set confirm off")
    quiet_breakpoint("main", temporary=True)
    gdb.execute("run", to_string=True)
    gdb.execute("set confirm on")


def halt_before(step):
    gdb.execute(f"set var {STOP_AT} = {step}")


def tell():
    """Where it stands, after it halted."""
    state = engine()
    if inside():
        thread = thread_at(current())
        print(f"step {step_now()}: {name_of(thread)} comes next: {operation_of(thread)}")
    else:
        outcome = state["outcome"]
        message = re.sub(r"@0x([0-9a-f]+)", lambda found: place_of(int(found.group(1), 16)),
                         outcome["message"].string(errors="replace"))
        print(f"after step {step_now()}: {outcome['property'].string(errors='replace')}: {message}")
    select_subject()
    gdb.execute("frame")


def is_halted():
    return alive() and gdb.newest_frame().name() == HALT


on_the_way = False


def on_stop(_event):
    """`continue` and the like, too, say why they halted."""
    if not on_the_way and is_halted():
        tell()


def go_to(step):
    global on_the_way
    on_the_way = True
    try:
        move_to(step)
    finally:
        on_the_way = False
    if is_halted():
        halt_before(TO_THE_END)  # from now on only a broken property halts
        tell()
    elif alive():
        print("It halted somewhere else:")
        gdb.execute("bt 1")
    else:
        print("The replay has ended.")


def move_to(step):
    with breakpoints_off():
        if not alive() or step <= step_now() or not inside() and step_now() > 0:
            start()
        halt_before(step)
        gdb.execute("continue", to_string=True)


# ---- commands ------------------------------------------------------------------------------------


def number_in(text, what):
    if not re.fullmatch(r"\d+", text.strip()):
        raise Trouble(f"{what} takes a number")
    return int(text)


class Treadle(gdb.Command):
    """Threads and steps of a replay: treadle threads | thread N [COMMAND] | step | back | goto N."""

    def __init__(self):
        super().__init__("treadle", gdb.COMMAND_RUNNING, prefix=True)


class Threads(gdb.Command):
    """List the threads of the subject, what each is about to do, and which one runs (*)."""

    def __init__(self):
        super().__init__("treadle threads", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        need_execution()
        for number in range(int(engine()["thread_count"])):
            thread = thread_at(number)
            mark = "*" if inside() and number == current() else " "
            enabled = int(engine()["enabled"]) >> number & 1
            doing = ("has ended" if int(thread["finished"]) else operation_of(thread))
            parked = int(thread["site"]) and not int(thread["finished"]) and not enabled
            waits = ", has to wait" if parked and mark != "*" else ""
            print(f"{mark} {number:2}  {name_of(thread):16} {doing}{waits}")


class Thread(gdb.Command):
    """treadle thread N [COMMAND]: the stack of thread N, or a command of gdb as if it ran there.

    `treadle thread 2 frame 5` shows a frame of it, `treadle thread 2 bt full` its locals. Nothing of
    the program changes: afterwards the running thread is selected again."""

    def __init__(self):
        super().__init__("treadle thread", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        need_execution()
        number, _, command = argument.strip().partition(" ")
        number = number_in(number, "`treadle thread`")
        thread = thread_at(number)
        if int(thread["finished"]):
            raise Trouble(f"{name_of(thread)} has ended and has no stack")
        with registers_of(number):
            if command:
                select_subject()
                output = gdb.execute(command, to_string=True)
            else:
                output = f"{name_of(thread)}: {operation_of(thread)}\n" + "\n".join(frames()) + "\n"
        print(output, end="")
        select_subject()


class Step(gdb.Command):
    """Go on to the next step of the schedule, whichever thread does it."""

    def __init__(self):
        super().__init__("treadle step", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        if step_now() > 0 and not inside():
            raise Trouble("that was the last step; `treadle back` goes back")
        go_to(step_now() + 1)


class Back(gdb.Command):
    """Go back to the step before: the replay starts again and halts there."""

    def __init__(self):
        super().__init__("treadle back", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        step = step_now() - 1 if inside() else step_now()
        if step < 1:
            raise Trouble("this is the first step")
        go_to(step)


class Goto(gdb.Command):
    """treadle goto N: go to step N, forwards or back."""

    def __init__(self):
        super().__init__("treadle goto", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        go_to(max(number_in(argument, "`treadle goto`"), 1))


for setting in ("set debuginfod enabled off", "set print inferior-events off", "set width 0",
                "set startup-with-shell off",
                # The engine's watch for hangs: time at a prompt is none of the subject's.
                "handle SIGALRM nostop noprint nopass"):
    try:
        gdb.execute(setting, to_string=True)
    except gdb.error:  # an older gdb knows not all of them
        pass
for command in (Treadle, Threads, Thread, Step, Back, Goto):
    command()
quiet_breakpoint(HALT)
gdb.events.stop.connect(on_stop)
