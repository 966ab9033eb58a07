"""Compares the engines under the verdicts: memory, pages, commits and disk, by images stored."""

import os
import subprocess
import time

import lists
import rejudge
from daemons import Sluicegate
from results import add

ENGINES = {"sled": "verdicts", "redb": "verdicts.redb"}
IMAGES = [10_000, 15_000, 200_000, 1_000_000]
PACKAGES = 20
ROUNDS = 20
SECONDS = 10
# Memory at most, in MiB, of the engine that is held to it.
MEMORY = {("redb", 15_000): 48, ("redb", 200_000): 96}
# Kinds of pages whose slowest answers count; those of pulls are not the engine's.
PAGES = ["a page of verdicts", "a page of events", "who holds a package"]


def measure(setup):
    """Fills a store for each engine and size, and starts a service over it."""
    for images in setup.images_stored:
        for engine in ENGINES:
            one(setup, engine, images)


def one(setup, engine, images):
    """Adds the rows of one store."""
    home = os.path.join(setup.work, "engines")
    fill_seconds = []

    def fill(data):
        started = time.monotonic()
        rejudge.fill(setup, data, images, PACKAGES, engine, "bare")
        fill_seconds.append(time.monotonic() - started)

    started = time.monotonic()
    with Sluicegate(home, setup, setup.upstream.port, prepare=fill,
                    more=["--store", engine]) as proxy:
        start = time.monotonic() - started - fill_seconds[0]
        settle(proxy, images)
        after_filling = proxy.resident()
        proxy.restart()
        settle(proxy, images)
        anonymous, resident = proxy.anonymous(), proxy.resident()
        questions = [question for page in PAGES for question in lists.QUESTIONS[page]]
        times = sorted(lists.once(proxy, question)
                       for _ in range(ROUNDS) for question in questions)
    data = os.path.join(home, "data")
    disk = kept(os.path.join(data, ENGINES[engine])) / (1 << 20)
    alone, eight = rate(setup, data, engine, 1), rate(setup, data, engine, 8)
    what = f"{engine}, {images:,} images"
    add(setup, f"{what}: idle memory after a restart, MiB", MEMORY.get((engine, images)),
        anonymous, "{:.0f}", f"anonymous; resident {resident:.0f}, before it {after_filling:.0f}")
    target = 50 if (engine, images) == ("redb", 1_000_000) else None
    add(setup, f"{what}: a page, p99, ms", target, times[len(times) * 99 // 100] * 1000, "{:.1f}",
        f"median {times[len(times) // 2] * 1000:.1f}, slowest {times[-1] * 1000:.1f}")
    add(setup, f"{what}: commits a second, eight writers", None, eight, "{:.0f}",
        f"one writer {alone:.0f}; on disk {disk:.0f} MiB; filled in {fill_seconds[0]:.0f} s, "
        f"started in {start:.1f} s")


def settle(proxy, images):
    """Waits until every verdict was looked at; none has an inventory to be made anew from."""
    while (state := rejudge.ask(proxy, "/api/v1/status")["rejudge"])["skipped"] < images \
            or state["running"]:
        time.sleep(1)


def rate(setup, data, engine, writers):
    """Commits for a while; gives how many a second."""
    program = os.path.join(setup.bin, "examples", "commit_rate")
    done = subprocess.run([program, data, engine, str(writers), str(SECONDS)], check=True,
                          capture_output=True)
    return float(done.stdout)


def kept(folder):
    """Counts the bytes that the files below a folder take of the disk."""
    return sum(os.stat(os.path.join(path, name)).st_blocks * 512
               for path, _, files in os.walk(folder) for name in files)
