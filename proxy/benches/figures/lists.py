"""Asks lists of a hundred thousand judged images, and of ten million pulls, for a page."""

import http.client
import os
import statistics
import subprocess
import sys
import time

import rejudge
from daemons import Sluicegate
from results import add

IMAGES = 100_000
PACKAGES = 20
PULLS = 10_000_000
ROUNDS = 5
NOBODY = "sha256:" + "0" * 64
QUESTIONS = {
    "a page of verdicts": [
        "verdicts?limit=100", "verdicts?decision=refuse", "verdicts?vulnerability=CVE-1999-0001",
        "verdicts?package=no-such-package", "verdicts?package=openssl",
        "verdicts?repository=docker.io/library/none", f"verdicts?digest={NOBODY}",
        "verdicts?would_refuse=true", "verdicts?since=1m", "verdicts?until=2020-01-01"],
    "a page of events": [
        "events?limit=100", "events?vulnerability=CVE-1999-0001", "events?direction=worse",
        "events?repository=docker.io/library/none", f"events?digest={NOBODY}"],
    "who holds a package": ["packages?name=no-such-package", "packages?name=openssl"],
    "a page of pulls": [
        "decisions?limit=100", "decisions?decision=refuse", "decisions?after=5000000",
        "decisions?order=oldest&after=5000000", "decisions?client=192.0.2.1",
        f"decisions?digest={NOBODY}", "decisions?until=2020-01-01"],
}


def measure(setup):
    """Fills a store and a log, waits until every verdict is of today, and asks."""
    home = os.path.join(setup.work, "lists")
    with Sluicegate(home, setup, setup.upstream.port,
                    prepare=lambda data: fill(setup, data)) as proxy:
        while (state := rejudge.ask(proxy, "/api/v1/status")["rejudge"])["renewed"] < IMAGES:
            if state["problem"]:
                sys.exit(f"not all were made anew: {state}")
            time.sleep(1)
        memory = proxy.anonymous()
        for figure, questions in QUESTIONS.items():
            times = {question: median(proxy, question) for question in questions}
            worst = max(times, key=times.get)
            each = ", ".join(f"{words(question)} {took * 1000:.1f}"
                             for question, took in times.items())
            add(setup, f"{figure}, the slowest question, ms", None, times[worst] * 1000, "{:.1f}",
                f"{IMAGES:,} images, {PULLS:,} pulls; {each}; {memory:.0f} MiB before")


def fill(setup, data):
    """Writes images and pulls."""
    rejudge.fill(setup, data, IMAGES, PACKAGES)
    subprocess.run([os.path.join(setup.bin, "examples", "fill_log"), data, str(PULLS)], check=True)


def median(proxy, question):
    """Asks a few times; gives the seconds of the one in the middle."""
    return statistics.median(once(proxy, question) for _ in range(ROUNDS))


def once(proxy, question):
    """Asks once, and reads the whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.api, timeout=60)
    started = time.monotonic()
    connection.request("GET", f"/api/v1/{question}")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{question}: {answer.status}")
    return time.monotonic() - started


def words(question):
    """Shortens a question to what tells it from the others."""
    return question.split("?", 1)[1].replace(NOBODY, "sha256:0...")
