"""Runs the figures and prints one table; see docs/BENCHMARKS.md for what they mean."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

import cold
import engines
import feed
import images
import inspect_image
import linked
import lists
import memory
import rejudge
import replay
import tiny
import tracker
import warm
from daemons import Registry, Sluicegate, free_port

FIGURES = {
    "limited": cold.limited,
    "unlimited": cold.unlimited,
    "herd": cold.herd,
    "verdict": cold.verdict,
    "manifest": warm.manifest,
    "blob": warm.blob,
    "keys": warm.keys,
    "hit": warm.hit,
    "memory": memory.measure,
    "rejudge": rejudge.measure,
    "delta": rejudge.over_many,
    "replay": replay.measure,
    "lists": lists.measure,
    "engines": engines.measure,
    "linked": linked.measure,
    "scan": cold.scan,
    "inspect": inspect_image.measure,
    "tracker": tracker.measure,
    "tiny": tiny.measure,
}


def main():
    """Prepares images and an upstream, then runs what was asked for."""
    setup = arguments()
    setup.print = lambda *words: print(*words, file=sys.stderr, flush=True)
    setup.scratch = tempfile.mkdtemp(prefix="sluicegate-bench-", dir=setup.clients)
    setup.driver = "overlay" if os.getuid() == 0 else "vfs"
    setup.images = images.build(setup.work)
    setup.rows = []
    with Registry(os.path.join(setup.work, "upstream")) as setup.upstream:
        for image in ["three", "one", "herd", "huge"]:
            setup.images[image].push(setup.upstream.port)
        for image in setup.images["many"]:
            image.push(setup.upstream.port)
        build_index(setup)
        for name in setup.only or FIGURES:
            setup.print(f"== {name} (load {os.getloadavg()[0]:.1f})")
            shown = len(setup.rows)
            FIGURES[name](setup)
            for row in setup.rows[shown:]:
                setup.print(" ".join(map(str, row)))
    shutil.rmtree(setup.scratch)
    table(setup)


def arguments():
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="proxy/benches/run", description=__doc__)
    parser.add_argument("--bin", default="target/release", help="where the built programs are")
    parser.add_argument("--before", help="where another build's programs are, to compare hits with")
    parser.add_argument("--feeds", help="a feed directory in OSV's layout; a small one is made")
    parser.add_argument("--archives", help="a folder of root filesystems as *.tar.gz to compare on")
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "sluicegate-bench"),
                        help="keeps images and caches; reused by the next run")
    parser.add_argument("--clients", default="/dev/shm" if os.path.isdir("/dev/shm") else None,
                        help="where clients put what they pull")
    parser.add_argument("--rounds", type=int, default=3, help="pulls behind a median")
    parser.add_argument("--stored", dest="images_stored", type=int, nargs="+", default=engines.IMAGES,
                        help="sizes of the stores that the engines are compared at")
    parser.add_argument("--only", nargs="+", choices=FIGURES, help="some figures only")
    setup = parser.parse_args()
    setup.work, setup.bin = os.path.abspath(setup.work), os.path.abspath(setup.bin)
    os.makedirs(setup.work, exist_ok=True)
    setup.feeds = os.path.abspath(setup.feeds or feed.write(os.path.join(setup.work, "feed")))
    return setup


def build_index(setup):
    """Lets the program index the feeds once; every later start opens the index."""
    setup.index = os.path.join(setup.work, "no index yet")
    started = time.monotonic()
    built = os.path.join(setup.work, "index", "data", "feeds")

    def is_built():
        if not set(os.listdir(built)) - {"build.lock", "unfinished"}:
            raise OSError

    with Sluicegate(os.path.join(setup.work, "index"), setup, free_port()) as proxy:
        # A service is ready before its first load has ended: pulls wait for that, not the start.
        proxy.wait(is_built)
        setup.print(f"feeds indexed in {time.monotonic() - started:.1f} s")
    setup.index = built


def table(setup):
    """Prints the table."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                            check=False).stdout.strip()
    with open("/proc/cpuinfo", encoding="utf-8") as cpus:
        cpu = next((line.split(":")[1].strip() for line in cpus if "model name" in line), "?")
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, commit {commit}, {os.cpu_count()} cores of {cpu}, "
          f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f}\n")
    print("| figure | target | measured | met | detail |\n|---|---|---|---|---|")
    for figure, target, measured, met, detail in setup.rows:
        print(f"| {figure} | {target} | {measured} | {met} | {detail} |")
    with open(os.path.join(setup.work, "rows.json"), "w", encoding="utf-8") as file:
        json.dump(setup.rows, file, indent=1)


main()
