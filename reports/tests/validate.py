#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks files that Treadle wrote against the schema of their format: validate.py KIND FILE…

KIND is check, replay, sarif, junit, perfetto or dot. Exits with 1 and says what is wrong."""
import collections
import json
import pathlib
import subprocess
import sys

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
SCHEMAS = HERE.parent / "schema"


def against(schema, instance):
    validator = jsonschema.validators.validator_for(schema)(schema)
    errors = sorted(validator.iter_errors(instance), key=lambda error: list(error.path))
    if errors:
        first = errors[0]
        raise ValueError(f"at /{'/'.join(map(str, first.path))}: {first.message[:300]}")


def load_schema(path):
    return json.loads(path.read_text())


def check(path):
    schema = load_schema(SCHEMAS / "check.schema.json")
    lines = path.read_text().splitlines()
    if not lines:
        raise ValueError("no lines")
    for line in lines:
        against(schema, json.loads(line))


def replay(path):
    against(load_schema(SCHEMAS / "replay.schema.json"), json.loads(path.read_text()))


def locations_of(result):
    yield from result["locations"]
    yield from result.get("relatedLocations", [])
    for flow in result.get("codeFlows", []):
        for thread in flow["threadFlows"]:
            yield from (step["location"] for step in thread["locations"])


def sarif(path):
    document = json.loads(path.read_text())
    against(load_schema(HERE / "schema" / "sarif-2.1.0.json"), document)
    # What the schema cannot say, and consumers rely on.
    for run in document["runs"]:
        rules = run["tool"]["driver"]["rules"]
        for result in run["results"]:
            if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
                raise ValueError(f"ruleIndex of {result['ruleId']} points to another rule")
            for location in locations_of(result):
                uri = location.get("physicalLocation", {}).get("artifactLocation", {}).get("uri")
                if uri is not None and (uri.startswith("/") or "\\" in uri or " " in uri):
                    raise ValueError(f"{uri} is no URI reference")
            for flow in result.get("codeFlows", []):
                orders = [[step["executionOrder"] for step in thread["locations"]]
                          for thread in flow["threadFlows"]]
                if any(order != sorted(order) for order in orders):
                    raise ValueError("a thread flow is not in the order of execution")


def junit(path):
    found = subprocess.run(["xmllint", "--noout", "--schema", SCHEMAS / "junit.xsd", path],
                           capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise ValueError(found.stderr.strip().splitlines()[0])


def perfetto(path):
    """The rules of the Trace Event Format that its readers insist on."""
    document = json.loads(path.read_text())
    slices = collections.defaultdict(list)
    named, flows = set(), collections.defaultdict(list)
    for event in document["traceEvents"]:
        kind, track = event["ph"], (event["pid"], event["tid"])
        if kind == "M" and event["name"] == "thread_name":
            named.add(track)
        elif kind == "X":
            slices[track].append((event["ts"], event["ts"] + event["dur"]))
        elif kind in "sf":
            flows[event["id"]].append((kind, track, event["ts"]))
        elif kind not in "MiC":
            raise ValueError(f"unknown phase {kind}")
    if not slices or set(slices) - named:
        raise ValueError("a track has no name, or there is none")
    for track, times in slices.items():
        if any(later[0] < earlier[1] for earlier, later in zip(times, times[1:])):
            raise ValueError(f"slices of track {track} overlap")
    for number, ends in flows.items():
        if [kind for kind, *_ in ends] != ["s", "f"] or ends[0][2] > ends[1][2]:
            raise ValueError(f"flow {number} has not one start before one end")
        for _, track, at in ends:
            if not any(begin <= at < end for begin, end in slices[track]):
                raise ValueError(f"flow {number} is bound to no slice")


def dot(path):
    found = subprocess.run(["dot", "-Tcanon", path], capture_output=True, text=True, check=False)
    if found.returncode != 0 or found.stderr:
        raise ValueError(found.stderr.strip() or "not a graph")


def main():
    kind, *files = sys.argv[1:]
    for name in files:
        try:
            globals()[kind](pathlib.Path(name))
        except (ValueError, KeyError, IndexError) as error:
            sys.exit(f"{name}: {error}")
    if not files:
        sys.exit("no files")


main()
