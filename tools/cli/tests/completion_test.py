#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completions in the real shells, and the manual page, against --help: completion_test.py TREADLE"""
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

TREADLE = sys.argv[1]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True,
                          **options).stdout


def expect(what, found, *words):
    for word in words:
        if word not in found:
            sys.exit(f"{what}: no {word!r} in: {found}")


def bash(script):
    def complete(*words):
        quoted = " ".join(f"'{word}'" for word in words)
        return run("bash", "--norc", "-c", f"source {script}; COMP_WORDS=({quoted}); "
                   f"COMP_CWORD={len(words) - 1}; _treadle; printf '%s\\n' \"${{COMPREPLY[@]}}\"").split()

    expect("bash", complete("treadle", "re"), "replay")
    expect("bash", complete("treadle", "check", "--var"), "--variant")
    expect("bash", complete("treadle", "check", "--format", "s"), "sarif")
    expect("bash", complete("treadle", "replay", "--format", "=", "p"), "perfetto")
    expect("bash", complete("treadle", "check", "litmus/counte"), "litmus/counter")
    expect("bash", complete("treadle", "replay", str(script)[:-2]), str(script))
    if complete("treadle", "check", "--seed", ""):
        sys.exit("bash: words for a number")


def zsh(folder):
    """What TAB puts on the line, in a terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="dumb", PS1="", HOME=str(folder))
        os.execvp("zsh", ["zsh", "-f", "-i"])

    def read_until(word):
        text, end = "", time.monotonic() + 20
        while word not in text and time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                text += os.read(terminal, 4096).decode(errors="replace")
        expect("zsh", text, word)

    os.write(terminal, f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; "
             "print rea''dy\n".encode())
    read_until("ready")
    for typed, completed in (("treadle rep", "replay "), ("treadle check --vari", "--variant="),
                             ("treadle check --format=sar", "sarif "),
                             ("treadle check litmus/publicatio", "publication ")):
        os.write(terminal, f"\x15{typed}\t".encode())
        read_until(completed)
    os.write(terminal, b"\x15exit\n")
    os.waitpid(child, 0)


def fish(script, folder):
    def complete(line):
        found = run("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'",
                    env={**os.environ, "HOME": str(folder)})
        return [word.split("\t")[0] for word in found.splitlines()]

    expect("fish", complete("treadle re"), "replay")
    expect("fish", complete("treadle check --var"), "--variant")
    expect("fish", complete("treadle check --format "), "sarif", "junit")
    expect("fish", complete("treadle replay --format "), "perfetto", "dot")
    expect("fish", complete("treadle check litmus/c"), "litmus/counter")


def manual(page):
    """No warning of groff, and every option of every command."""
    shown = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-c", "-rLL=500n", page],
                           capture_output=True, text=True, timeout=60, check=True)
    if shown.stderr:
        sys.exit(f"the manual page: {shown.stderr}")
    commands = re.findall(r"^  (\w+) ", run(TREADLE, "--help"), re.MULTILINE)
    expect("--help", commands, "check", "replay", "manual")
    text = re.sub("\x1b\\[[0-9;]*m|.\b", "", shown.stdout)
    for command in commands:
        section = re.search(rf"treadle {command} \[OPTION.*?(?=\n   treadle |\nEXIT STATUS)", text,
                            re.DOTALL)
        if section is None:
            sys.exit(f"the manual page has no {command}")
        options = re.findall(r"^  (?:-\w, |    )(--[\w-]+)", run(TREADLE, command, "--help"),
                             re.MULTILINE)
        expect(f"manual of {command}", section.group(0),
               *(option for option in options if option not in ("--help", "--usage")))


with tempfile.TemporaryDirectory() as name:
    place = pathlib.Path(name)
    for shell, file in (("bash", "treadle.bash"), ("zsh", "_treadle"), ("fish", "treadle.fish")):
        (place / file).write_text(run(TREADLE, "completion", shell))
    (place / "treadle.1").write_text(run(TREADLE, "manual"))
    bash(place / "treadle.bash")
    zsh(place)
    fish(place / "treadle.fish", place)
    manual(place / "treadle.1")
