#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`treadle report` as its user runs it: what it writes, what it says, how it ends.

    report_test.py TREADLE PAGE_OF SOURCE_DIR
"""
import copy
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

TREADLE, PAGE_OF, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
SCHEMA = json.loads((SOURCE / "reports/schema/consistency-1.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
WINDOW = "sliding_window/check_then_add"
STORE = "memory_store/check_then_add"


def run(*arguments, **options):
    return subprocess.run([TREADLE, "report", *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, check=False, **options)


class Reports(unittest.TestCase):
    """Two workloads, one on Redis and one in memory, reported once for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="treadle-report-test-"))
        cls.output = cls.root / "out"
        cls.made = run(f"@({WINDOW}|{STORE})", "--output", cls.output)
        cls.report = json.loads((cls.output / "report.json").read_text())
        cls.page = (cls.output / "index.html").read_text()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root)

    def write(self, name, content):
        path = self.root / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def cell(self, report, name):
        return next(cell for cell in report["cells"] if cell["id"] == name)

    # ---- what is written ---------------------------------------------------------------------

    def test_is_as_expected_and_says_where_the_page_is(self):
        self.assertEqual(self.made.returncode, 0, self.made.stderr)
        self.assertIn(f"The report: {self.output}/index.html", self.made.stdout)
        self.assertEqual(sorted(path.name for path in self.output.iterdir()),
                         ["index.html", "report.json"])

    def test_json_is_as_its_schema_says(self):
        VALIDATOR.validate(self.report)

    def test_schema_can_refuse(self):
        broken = copy.deepcopy(self.report)
        broken["cells"][0]["verdict"] = "fine"
        self.assertFalse(VALIDATOR.is_valid(broken))

    def test_page_has_the_cells_of_the_json(self):
        cells = set(re.findall(r'data-cell="([^"]*)"', self.page))
        self.assertEqual(cells, {cell["id"] for cell in self.report["cells"]})
        self.assertNotRegex(self.page, r'(src|href)="https?:')

    def test_counterexample_is_explained(self):
        name = f"{WINDOW} naive redis await"
        found = next(one for one in self.report["counterexamples"] if one["cell"] == name)
        self.assertEqual(found["property"], "over-admission")
        self.assertTrue(found["serial"]["all"])
        self.assertTrue(all(one["passes"] for one in found["serial"]["runs"]))
        commands = [command["command"].split()[0] for event in found["failing"]["events"]
                    for command in event.get("redis") or []]
        self.assertEqual(commands[:3], ["ZCOUNT", "ZCOUNT", "ZADD"])
        self.assertIn("window:openai", {link["object"] for link in found["failing"]["links"]})
        changed = [event for event in found["failing"]["events"] if event.get("changes")]
        self.assertIn("window:openai", changed[0]["changes"])
        self.assertEqual(changed[0]["place"]["file"], "impl/sliding_window/naive.c")
        self.assertIn("ZADD", changed[0]["place"]["code"])
        passing = found["passing"]
        self.assertGreater(passing["common_steps"], 0)
        admitted = [event["text"] for event in passing["events"] if event["note"]]
        self.assertEqual(sorted(text.split()[-1] for text in admitted), ["admitted", "refused"])

    def test_a_naive_variant_is_not_what_makes_a_component_ready(self):
        window = next(one for one in self.report["components"] if one["name"] == "sliding_window")
        self.assertEqual(window["status"], "ready")
        output = self.root / "naive"
        made = run(WINDOW, "--variant", "naive", "--output", output)
        self.assertEqual(made.returncode, 0, made.stderr)
        report = json.loads((output / "report.json").read_text())
        self.assertEqual(report["answer"]["status"], "not-known")
        self.assertEqual(report["claims"], [])
        self.assertIsNotNone(report["no_claims"])

    def test_claims_are_decided_with_evidence(self):
        claims = {claim["id"]: claim for claim in self.report["claims"]}
        self.assertEqual(claims["window-1"]["ruling"], "true")
        ids = {one["id"] for one in self.report["counterexamples"]}
        self.assertIn(claims["window-1"]["counterexample"], ids)

    def test_a_large_seed_is_shown_as_it_is(self):
        output = self.root / "seed"
        made = run(WINDOW, "--seed", 2**64 - 1, "--output", output)
        self.assertEqual(made.returncode, 0, made.stderr)
        page = (output / "index.html").read_text()
        self.assertTrue(f"<dd>{2**64 - 1}</dd>" in page)
        self.assertTrue(f", seed {2**64 - 1}, " in page)

    def test_token_of_the_report_replays(self):
        token = self.report["counterexamples"][0]["token"]
        made = subprocess.run([TREADLE, "replay", token], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)

    def test_same_results_have_the_same_hash(self):
        again = self.root / "again"
        self.assertEqual(run(f"@({WINDOW}|{STORE})", "--output", again).returncode, 0)
        hashes = [json.loads((path / "report.json").read_text())["reproduction"]["results_hash"]
                  for path in (self.output, again)]
        self.assertEqual(hashes[0], hashes[1])

    def test_committed_example_is_as_the_schema_says_and_its_page_is_of_it(self):
        example = SOURCE / "reports/example"
        report = json.loads((example / "report.json").read_text())
        VALIDATOR.validate(report)
        made = subprocess.run([PAGE_OF, example / "report.json"], capture_output=True, timeout=60,
                              check=True)
        self.assertEqual(made.stdout.decode(), (example / "index.html").read_text())
        self.assertEqual({one["name"] for one in report["components"]},
                         {"sliding_window", "memory_store", "token_bucket", "combined", "semaphore",
                          "provider_factory", "metrics", "rollout"})
        self.assertLess((example / "index.html").stat().st_size, 3_000_000)

    def test_what_was_left_out_is_said_where_it_was(self):
        for after, neighbour in ((2, '<li class="t'), (None, '<li class="end')):
            report = copy.deepcopy(self.report)
            failing = report["counterexamples"][0]["failing"]
            failing["left_out"] = 7
            failing["left_out_after"] = len(failing["events"]) if after is None else after
            made = subprocess.run([PAGE_OF, self.write("cut.json", report)], capture_output=True,
                                  timeout=60, check=True).stdout.decode()
            gap, following = re.search('<li class="gap" style="grid-row:(\\d+)">7 operations and notes '
                                       'left out.*\n(.*)', made).groups()
            self.assertEqual(int(gap), 2 + failing["left_out_after"])
            self.assertTrue(following.startswith(neighbour), following)

    # ---- compared with an older one ------------------------------------------------------------

    def against(self, change):
        old = copy.deepcopy(self.report)
        change(old)
        output = self.root / "against"
        made = run(WINDOW, "--against", self.write("old.json", old), "--output", output)
        report = json.loads((output / "report.json").read_text())
        VALIDATOR.validate(report)
        return made, report["comparison"]

    def test_nothing_changed(self):
        made, comparison = self.against(lambda old: None)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual([comparison[key] for key in ("worse", "vanished", "better", "appeared")],
                         [[], [], [], []])

    def test_what_older_reports_and_gates_say_controls_no_terminal(self):
        foreign = "\x1b[2J\u009b31m\n\u202e"
        escaped = r"\x1b[2J\u{9b}31m\n\u{202e}"

        def change(old):
            old["reproduction"]["started"] = f"then {foreign}"
            gone = dict(self.cell(old, f"{WINDOW} fixed redis await"), id=f"gone {foreign}")
            old["cells"].append(gone)
        made, _ = self.against(change)
        self.assertEqual(made.returncode, 1)
        self.assertIn(f"Against the report of then {escaped}: something", made.stdout)
        self.assertIn(f"vanished  gone {escaped}: holds\n", made.stdout)
        gate = self.write("gate\u202e.yaml", 'must-hold: [{scenarios: "a\\e[2J", variant: "b\\x9b"}]')
        made = run(WINDOW, "--gate", gate, "--output", self.root / "gate\u009b31m")
        self.assertEqual(made.returncode, 1, made.stderr)
        self.assertIn(r"gate\u{202e}.yaml: NOT passed", made.stdout)
        self.assertIn(r"no check matches a\x1b[2J b\u{9b}", made.stdout)
        self.assertIn(r"gate\u{9b}31m/index.html", made.stdout)

    def test_what_held_and_breaks_is_worse(self):
        name = f"{WINDOW} naive redis await"
        made, comparison = self.against(lambda old: self.cell(old, name).update(verdict="holds"))
        self.assertEqual(made.returncode, 1)
        self.assertIn(f"worse     {name}: holds -> violated", made.stdout)
        self.assertEqual([one["cell"] for one in comparison["worse"]], [name])

    def test_what_broke_and_holds_is_better(self):
        name = f"{WINDOW} fixed redis await"
        made, comparison = self.against(
            lambda old: self.cell(old, name).update(verdict="violated"))
        self.assertEqual(made.returncode, 0)
        self.assertEqual([one["cell"] for one in comparison["better"]], [name])

    def test_a_check_that_held_and_is_gone_is_a_loss(self):
        def add(old):
            gone = dict(self.cell(old, f"{WINDOW} fixed redis await"))
            gone.update(id=f"{WINDOW} gone redis await", variant="gone")
            old["cells"].append(gone)
        made, comparison = self.against(add)
        self.assertEqual(made.returncode, 1)
        self.assertEqual(len(comparison["vanished"]), 1)

    def test_a_check_with_other_parameters_is_another_check(self):
        name = f"{WINDOW} fixed redis await"

        def smaller(old):
            self.cell(old, name)["parameters"]["threads"] += 1
        made, comparison = self.against(smaller)
        self.assertEqual(made.returncode, 1)
        self.assertEqual([one["cell"] for one in comparison["vanished"]], [name])
        self.assertEqual([one["cell"] for one in comparison["appeared"]], [name])

        def asked(old):
            smaller(old)
            self.cell(old, name).update(verdict="violated")
            old["scope"]["parameters"] = "threads=3"
        made, comparison = self.against(asked)
        self.assertEqual(made.returncode, 0)
        self.assertEqual([comparison["vanished"], comparison["better"]], [[], []])
        self.assertEqual([one["cell"] for one in comparison["appeared"]], [name])

    def test_an_older_report_that_is_none(self):
        for name, content, said in (("no.json", "{", "no.json:1: no JSON"),
                                    ("other.json", {"schema": "else"}, "no report of this version")):
            path = self.write(name, content)
            made = run(WINDOW, "--against", path, "--output", self.root / "never")
            self.assertEqual(made.returncode, 2)
            self.assertIn(said, made.stderr)
            self.assertEqual(made.stderr.count("\n"), 1)
            self.assertFalse((self.root / "never").exists())

    # ---- the gate ------------------------------------------------------------------------------

    def gate(self, text):
        output = self.root / "gated"
        made = run(f"@({WINDOW}|{STORE})", "--gate", self.write("gate.yaml", text), "--output",
                   output)
        path = output / "report.json"
        report = json.loads(path.read_text()) if path.exists() else None
        if report is not None:
            VALIDATOR.validate(report)
        return made, report

    def test_gate_that_passes(self):
        made, report = self.gate("must-hold:\n"
                                 f"  - scenarios: {WINDOW}\n    variant: fixed\n"
                                 f"  - scenarios: {STORE}\n    variant: fixed\n"
                                 "    at-least: no-violation-found\n")
        self.assertEqual(made.returncode, 0, made.stdout)
        self.assertTrue(report["gate"]["passed"])

    def test_gate_that_is_not_met(self):
        made, report = self.gate(f"must-hold:\n  - scenarios: {WINDOW}\n    variant: naive\n")
        self.assertEqual(made.returncode, 1)
        self.assertIn("Gate gate.yaml: NOT passed", made.stdout)
        self.assertIn(f"line 2: {WINDOW} naive redis await is violated", made.stdout)
        self.assertFalse(report["gate"]["passed"])

    def test_gate_with_an_exception(self):
        made, report = self.gate(f"must-hold:\n  - scenarios: {WINDOW}\n    variant: naive\n"
                                 f"allow:\n  - scenarios: {WINDOW}\n    variant: naive\n"
                                 "    reason: being replaced\n")
        self.assertEqual(made.returncode, 0, made.stdout)
        self.assertEqual(report["gate"]["rules"][0]["allowed"][0]["reason"], "being replaced")

    def test_gate_for_what_is_not_run(self):
        made, _ = self.gate("must-hold:\n  - scenarios: semaphore/*\n    variant: fixed\n")
        self.assertEqual(made.returncode, 1)
        self.assertIn("line 2: no check matches semaphore/* fixed", made.stdout)

    def test_bad_gates_are_refused_in_one_line_with_its_number(self):
        for text, line, said in (
                ("must-hold:\n  - scenarios: [\n", 3, ""),
                ("must-hold:\n  - scenario: a\n", 2, 'unknown key "scenario"'),
                ("must-hold:\n  - scenarios: a\n    variant: b\n    at-least: good\n", 4,
                 'at-least is "good"; it takes holds or no-violation-found'),
                ("must-hold:\n  - scenarios: a\n    variant: b\n    backend: mysql\n", 2,
                 'unknown backend "mysql"'),
                ("must-hold: []\n", 1, "lists nothing"),
                ("must-hold:\n  - scenarios: a\n    variant: b\n---\nmust-hold: []\n", 5,
                 "one document, not two"),
                ("must-hold:\n  - scenarios: a\n    variant: b\n---\n{\n", 6, ""),
                ("- a\n", 1, "a gate is a mapping"),
                ("must-hold:\n  - scenarios: a\n    variant: b\nallow:\n  - scenarios: a\n"
                 "    variant: b\n", 5, "needs a reason")):
            with self.subTest(text=text):
                made = run(WINDOW, "--gate", self.write("bad.yaml", text), "--output",
                           self.root / "never")
                self.assertEqual(made.returncode, 2)
                self.assertRegex(made.stderr, rf"^treadle: \S*bad\.yaml:{line}: .*\n$")
                self.assertIn(said, made.stderr)

    # ---- interrupted ---------------------------------------------------------------------------

    def test_what_an_interrupted_run_did_not_come_to_is_no_pass(self):
        output = self.root / "interrupted"
        gate = self.write("gate.yaml", f"must-hold:\n  - scenarios: {WINDOW}\n    variant: fixed\n"
                                       f"  - scenarios: {STORE}\n    variant: fixed\n")
        child = subprocess.Popen([TREADLE, "report", f"@({WINDOW}|{STORE})", "--strategy", "random",
                                  "--time", "60", "--jobs", "1", "--gate", gate, "--against",
                                  self.write("old.json", self.report), "--output", output],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 4, said)
        report = json.loads((output / "report.json").read_text())
        VALIDATOR.validate(report)
        self.assertEqual([cell["id"] for cell in report["cells"]],
                         [cell["id"] for cell in self.report["cells"]])
        self.assertEqual(report["cells"][-1]["how"], "not run: the run was interrupted before")
        self.assertEqual({one["status"] for one in [report["answer"], *report["components"]]},
                         {"not-known"})
        self.assertFalse(report["gate"]["passed"])
        self.assertEqual([report["comparison"][key] for key in ("worse", "vanished", "appeared")],
                         [[], [], []])

    # ---- real threads --------------------------------------------------------------------------

    STRESS = ('{"scenario":"%s","backend":"redis","variant":"naive","rounds":1000,"broken":14,'
              '"first":3,"elapsed_s":0.5}\n' % WINDOW)

    def test_real_threads_stand_beside_the_explorer(self):
        made = run(WINDOW, "--stress", self.write("stress.json", self.STRESS), "--output",
                   self.root / "stressed")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn("14 of 1000 rounds, the first in round 3",
                      (self.root / "stressed/index.html").read_text())

    def test_what_is_no_stress_is_refused_with_its_line(self):
        for text, line in (("", 1), ("{", 1), (self.STRESS + "[]\n", 2), (self.STRESS + "{", 2),
                           (self.STRESS.replace("1000", '"many"'), 1),
                           (self.STRESS.replace('"first":3,', ""), 1)):
            with self.subTest(text=text):
                made = run(WINDOW, "--stress", self.write("bad.json", text), "--output",
                           self.root / "never")
                self.assertEqual(made.returncode, 2)
                self.assertRegex(made.stderr, rf"^treadle: \S*bad\.json:{line}: no result .*\n$")

    # ---- wrong usage, and what can go wrong ----------------------------------------------------

    def test_usage(self):
        self.assertEqual(run(WINDOW).returncode, 2)
        made = run("--output", self.root / "x", "--gat", "y")
        self.assertEqual(made.returncode, 2)
        made = run(WINDOW, "--races", "only", "--output", self.root / "x")
        self.assertEqual(made.returncode, 2)
        self.assertIn("judges by all properties", made.stderr)
        made = run("--output", self.root / "x", "--against", self.root / "nothing.json")
        self.assertEqual(made.returncode, 2)
        self.assertIn("cannot read", made.stderr)

    def test_output_that_cannot_be_written_is_said_before_anything_runs(self):
        for output in (self.root / "no/such/place", self.write("file", "")):
            made = run("--output", output)
            self.assertEqual(made.returncode, 3)
            self.assertIn("cannot write", made.stderr)
            self.assertEqual(made.stdout, "")

    def test_what_else_lies_there_stays(self):
        output = self.root / "shared"
        output.mkdir()
        (output / "notes.txt").write_text("mine")
        self.assertEqual(run(WINDOW, "--output", output).returncode, 0)
        self.assertEqual((output / "notes.txt").read_text(), "mine")
        self.assertEqual(sorted(path.name for path in output.iterdir()),
                         ["index.html", "notes.txt", "report.json"])

    def test_a_run_killed_at_any_moment_leaves_the_old_report_or_the_new_one(self):
        output = self.root / "killed"
        self.assertEqual(run(WINDOW, "--output", output).returncode, 0)
        began = time.monotonic()
        run(WINDOW, "--output", output)
        usual_s = time.monotonic() - began
        random.seed(1)
        for _ in range(25):
            # What a killed run leaves behind goes with the rest.
            child = subprocess.Popen([TREADLE, "report", WINDOW, "--output", output],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     env={**os.environ, "TMPDIR": str(self.root)})
            time.sleep(random.uniform(0, 1.2 * usual_s))
            child.kill()
            child.wait()
            report = json.loads((output / "report.json").read_text())
            page = (output / "index.html").read_text()
            self.assertTrue(page.endswith("</html>\n"))
            self.assertIn(report["reproduction"]["started"], page)
            self.assertIn(report["reproduction"]["results_hash"], page)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
