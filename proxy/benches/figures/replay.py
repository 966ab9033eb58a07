"""Holds a draft of policies against a million recorded pulls."""

import json
import os
import subprocess
import sys
import time

import rejudge
from daemons import Sluicegate
from results import add

IMAGES = 1_000
PACKAGES = 300
PULLS = 1_000_000
DRAFT = """apiVersion: sluicegate/v1
kind: Policy
metadata: {name: draft}
spec:
  onInconclusive: annotate
  feeds: {maxAge: 3650d}
  rules:
    - {id: any, when: {fixable: true}, action: refuse}
"""


def measure(setup):
    """Fills a store and a log, waits until every verdict is of today, and replays."""
    home = os.path.join(setup.work, "replay")
    with Sluicegate(home, setup, setup.upstream.port,
                    prepare=lambda data: fill(setup, data)) as proxy:
        while (state := rejudge.ask(proxy, "/api/v1/status")["rejudge"])["renewed"] < IMAGES:
            if state["problem"]:
                sys.exit(f"not all were made anew: {state}")
            time.sleep(1)
        before = proxy.anonymous()
        draft = os.path.join(home, "draft.yaml")
        with open(draft, "w", encoding="utf-8") as file:
            file.write(DRAFT)
        started, cpu = time.monotonic(), proxy.cpu()
        told = subprocess.run(
            [os.path.join(setup.bin, "sluicegate"), "policy", "replay", draft, "--since", "3650d",
             "--service", f"http://127.0.0.1:{proxy.api}", "--format", "json"],
            check=True, capture_output=True)
        wall, cpu = time.monotonic() - started, proxy.cpu() - cpu
        replay = json.loads(told.stdout)
        if replay["pulls"] != PULLS or replay["not_known"]:
            sys.exit(f"not all pulls were held against the draft: {replay}")
        add(setup, f"a draft over {PULLS:,} recorded pulls of {IMAGES:,} images, s", 60, wall,
            "{:.1f}", f"CPU s {cpu:.1f}; newly refused {replay['newly_refused']['pulls']:,} pulls "
                      f"of {replay['newly_refused']['images']:,} images; {before:.0f} MiB before, "
                      f"{proxy.anonymous():.0f} after")


def fill(setup, data):
    """Writes images and pulls."""
    rejudge.fill(setup, data, IMAGES, PACKAGES)
    subprocess.run([os.path.join(setup.bin, "examples", "fill_log"), data, str(PULLS)], check=True)
