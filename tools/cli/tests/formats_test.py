#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the program really writes, against the schemas: formats_test.py TREADLE VALIDATE

Also: a run that is killed at any moment leaves the old file or the new one."""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
import xml.etree.ElementTree

TREADLE, VALIDATE = sys.argv[1:3]
TRIES = 5
SOME = "litmus/@(publication|counter|check_then_act|plain_increment)"


def treadle(*arguments, status=0, **environment):
    found = subprocess.run([TREADLE, *arguments], capture_output=True, text=True, timeout=120,
                           env={**os.environ, **environment}, check=False)
    if found.returncode != status:
        sys.exit(f"{arguments}: status {found.returncode}, not {status}: {found.stderr}")
    return found


def validate(kind, path):
    subprocess.run([sys.executable, VALIDATE, kind, path], check=True, timeout=120)


def results(folder):
    """Races, violations and deadlocks as expected; and a race that is not found, as it is not looked
    for."""
    for kind, form in (("check", "json"), ("junit", "junit"), ("sarif", "sarif")):
        path = folder / form
        treadle("check", "litmus/publication", "--races", "off", "--format", form, "--output", path,
                status=1)
        validate(kind, path)
        treadle("check", SOME, "--format", form, "--output", path)
        validate(kind, path)
    document = json.loads((folder / "sarif").read_text())
    found = {result["ruleId"]: result for result in document["runs"][0]["results"]}
    race = found["data-race"]
    places = [race["locations"][0], *race["relatedLocations"]]
    lines = {place["physicalLocation"]["region"]["startLine"] for place in places}
    if len(lines) < 2 or not race["codeFlows"][0]["threadFlows"]:
        sys.exit("a data race does not name both of its places")


def replays(folder):
    lines = treadle("check", SOME, "--format", "json", "--variant", "naive").stdout
    tokens = [json.loads(line)["token"] for line in lines.splitlines()]
    for token in [token for token in tokens if token][:4]:
        for kind, form in (("replay", "json"), ("perfetto", "perfetto"), ("dot", "dot")):
            path = folder / form
            treadle("replay", token, "--format", form, "--output", path)
            validate(kind, path)


def annotations():
    found = treadle("check", "litmus/publication", "--variant", "naive", "--races", "off",
                    "--format", "json", status=1, GITHUB_ACTIONS="true")
    if not found.stderr.startswith("::error ") or "title=litmus/publication naive" not in found.stderr:
        sys.exit(f"no annotation: {found.stderr}")
    json.loads(found.stdout.splitlines()[0])
    quiet = treadle("check", "litmus/publication", "--variant", "naive", "--races", "off",
                    status=1, GITHUB_ACTIONS="")
    if "::error" in quiet.stderr + quiet.stdout:
        sys.exit("annotations outside of GitHub Actions")


def harmless(what, text):
    """Any format with the message of foreign bytes: UTF-8, and none of them as they were."""
    if b"reversed" not in text:
        sys.exit(f"{what} does not have the message: {text}")
    for char in text.decode(errors="surrogateescape"):
        kind = unicodedata.category(char)
        if char not in "\n\t" and (kind in ("Cc", "Cn", "Cs") or char == "\u202e"):
            sys.exit(f"{what} passes {char!r}: {text}")


def foreign_bytes(folder):
    """What a message holds is shown by every format, and controls no terminal."""
    subject = ("check", "litmus/misbehaving", "--variant", "says-anything")
    unexpected = (*subject, "--granularity", "await")
    beside = {"--metrics": folder / "metrics", "--log": folder / "log", "--output": folder / "out"}
    made = {}
    for form in ("text", "json", "junit", "sarif", "github", "markdown", "prometheus"):
        command = [TREADLE, *unexpected, "--format", form]
        made[form] = subprocess.run(command, capture_output=True, timeout=120, check=False).stdout
    treadle(*subject, "--format", "json", *(str(part) for pair in beside.items() for part in pair))
    made["log"] = beside["--log"].read_bytes()
    result = json.loads(beside["--output"].read_text())
    for form in ("lanes", "json", "perfetto", "dot"):
        command = [TREADLE, "replay", result["token"], "--format", form]
        made[f"replay {form}"] = subprocess.run(command, capture_output=True, timeout=120,
                                                check=True).stdout
    made["shrink"] = subprocess.run([TREADLE, "shrink", result["token"]], capture_output=True,
                                    timeout=120, check=True).stdout
    gdb = folder / "gdb"  # in place of the real one: what is said before it begins
    gdb.write_text("#!/bin/sh\n")
    gdb.chmod(0o755)
    made["replay --gdb"] = subprocess.run(
        [TREADLE, "replay", result["token"], "--gdb"], capture_output=True, timeout=120, check=True,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}).stdout
    treadle("report", *subject[1:], "--output", folder / "report")
    for path in (folder / "report").iterdir():
        made[path.name] = path.read_bytes()
    # Numbers by property, and graphs of what happened, have no place for a message.
    for form in ("prometheus", "replay perfetto", "replay dot"):
        made[form] += b"reversed"
    for what, text in made.items():
        harmless(what, text)
    if "\x9b31m, reversed \u202e" not in result["message"]:
        sys.exit(f"JSON lost what it could keep: {result['message']!r}")
    suites = xml.etree.ElementTree.fromstring(made["junit"])
    if "C1 \\u{9b}31m" not in suites.find(".//failure").get("message"):
        sys.exit(f"JUnit lost what the message says: {made['junit']}")


def killed(folder):
    """Each format, killed after random times: never half a file."""
    for kind, form in (("sarif", "sarif"), ("junit", "junit"), ("check", "json")):
        path = folder / f"killed.{form}"
        command = [TREADLE, "check", "litmus/counter", "--executions", "2000", "--format", form,
                   "--output", path]
        begin = time.monotonic()
        subprocess.run(command, capture_output=True, timeout=120, check=False)
        took = time.monotonic() - begin
        for _ in range(TRIES):
            path.write_text("old")
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
            time.sleep(random.uniform(0, took))
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            if path.read_text() != "old":
                validate(kind, path)


def unwritable():
    """What does not reach standard output is said; unless its reader has had enough."""
    for command in (["list"], ["manual"], ["completion", "bash"], ["--version"],
                    ["check", "litmus/counter"]):
        with open("/dev/full", "w", encoding="ascii") as full:
            found = subprocess.run([TREADLE, *command], stdout=full, stderr=subprocess.PIPE,
                                   text=True, timeout=120, check=False)
        if found.returncode != 3 or found.stderr.count("No space left on device") != 1:
            sys.exit(f"{command} to a full device: status {found.returncode}, {found.stderr!r}")
        run = subprocess.Popen([TREADLE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        run.stdout.close()
        said = run.communicate(timeout=120)[1]
        if said:
            sys.exit(f"{command} to a reader who is gone: {said}")


with tempfile.TemporaryDirectory() as name:
    results(pathlib.Path(name))
    replays(pathlib.Path(name))
    foreign_bytes(pathlib.Path(name))
    killed(pathlib.Path(name))
annotations()
unwritable()
