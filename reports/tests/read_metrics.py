# SPDX-License-Identifier: MIT
"""Reads the Prometheus text format with Prometheus' own parser and prints what it understood, as one
JSON object: {name: {"type", "help", "samples": [[name, labels, value], …]}}. Ends with an error when
a family has no HELP or TYPE, a series comes twice, or the buckets of a histogram do not add up."""
import json
import sys

from prometheus_client.parser import text_string_to_metric_families


def check_histogram(samples):
    buckets, counts = {}, {}
    for name, labels, value in samples:
        series = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        if name.endswith("_bucket"):
            buckets.setdefault(series, []).append((float(labels["le"]), value))
        elif name.endswith("_count"):
            counts[series] = value
    assert buckets.keys() == counts.keys(), "buckets without a count, or a count without buckets"
    for series, found in buckets.items():
        assert found == sorted(found), f"bounds out of order: {found}"
        values = [value for _, value in found]
        assert values == sorted(values), f"buckets are not cumulative: {found}"
        assert found[-1] == (float("inf"), counts[series]), f"no count in +Inf: {found}"


families = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    samples = [[sample.name, sample.labels, sample.value] for sample in family.samples]
    assert family.documentation, f"{family.name} has no HELP"
    assert family.type in ("counter", "gauge", "histogram"), f"{family.name} is {family.type}"
    assert family.name not in families, f"{family.name} comes twice"
    series = [json.dumps(sample[:2], sort_keys=True) for sample in samples]
    assert len(series) == len(set(series)), f"{family.name} has a series twice"
    if family.type == "histogram":
        check_histogram(samples)
    families[family.name] = {"type": family.type, "help": family.documentation, "samples": samples}
json.dump(families, sys.stdout)
