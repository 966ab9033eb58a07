"""Cold pulls: time against a direct pull, upstream requests, time to the verdict, scan cost."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
from collections import Counter
from datetime import datetime

import clients
import feed
from daemons import Limiter, Registry, Sluicegate
from results import add

# Bytes per second that the limited upstream gives in all.
LIMIT = 50e6
HERD = 50


def limited(setup):
    """Three layers through 50 MB/s: direct, stream, hold."""
    image = setup.images["three"]
    with Limiter(home(setup, "relay"), setup.upstream.port, 0) as free:
        rate = image.bytes / 1e6 / clients.skopeo(setup, free.port, image)
    setup.print(f"the relay without a limit: {rate:.0f} MB/s")
    limited_with(setup, image, "podman", clients.podman, {"stream": 1.10, "hold": 1.45})
    # Without unpacking, which a busy machine makes the longest part.
    limited_with(setup, image, "skopeo", clients.skopeo, {"stream": None, "hold": None})


def limited_with(setup, image, name, client, targets):
    """Pulls with one client."""
    times = {"direct": [], "stream": [], "hold": []}
    with Limiter(home(setup, "limit"), setup.upstream.port, LIMIT) as limit:
        for _ in range(setup.rounds):
            times["direct"].append(client(setup, limit.port, image))
            for gate in targets:
                with cold_proxy(setup, limit.port, gate) as proxy:
                    times[gate].append(client(setup, proxy.port, image))
    direct = statistics.median(times["direct"])
    for gate, most in targets.items():
        ratio = statistics.median(times[gate]) / direct
        add(setup, f"cold pull at 50 MB/s, {name}, {gate} / direct", most, ratio,
            detail=f"{image.bytes / 1e6:.0f} MB; s: {shown(times)}")


def unlimited(setup):
    """Three layers over loopback with skopeo against F + D, and Distribution's proxy."""
    image, cpu = setup.images["three"], {"stream": [], "hold": []}
    times = {"F": [], "direct": [], "distribution": [], "stream": [], "hold": []}
    for _ in range(setup.rounds):
        times["F"].append(scan_cost(setup, 1)["all_cores_wall"])
        times["direct"].append(clients.skopeo(setup, setup.upstream.port, image))
        shutil.rmtree(home(setup, "mirror"), ignore_errors=True)
        with Registry(home(setup, "mirror"), setup.upstream.port) as mirror:
            times["distribution"].append(clients.skopeo(setup, mirror.port, image))
        for gate in ["stream", "hold"]:
            with cold_proxy(setup, setup.upstream.port, gate) as proxy:
                before = proxy.cpu()
                times[gate].append(clients.skopeo(setup, proxy.port, image))
                cpu[gate].append(proxy.cpu() - before)
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    floor = middle["F"] + middle["direct"]
    detail = f"s: {shown(times)}; our CPU s: {shown(cpu)}"
    for gate, most in [("stream", 1.0), ("hold", 1.25)]:
        add(setup, f"cold pull on loopback, {gate} / (F + D)", most, middle[gate] / floor,
            detail=detail)
        add(setup, f"cold pull on loopback, {gate} / Distribution's proxy", None,
            middle[gate] / middle["distribution"])


def herd(setup):
    """Fifty clients on one cold image; what the upstream was asked."""
    image = setup.images["herd"]
    objects = 2 + len(image.layers)

    def asked(port):
        before = len(setup.upstream.requests())
        clients.crowd(port, [image] * HERD)
        return [request for request in setup.upstream.requests(before) if image.name in request[1]]

    with Limiter(home(setup, "limit"), setup.upstream.port, LIMIT) as limit:
        with cold_proxy(setup, limit.port, "hold") as proxy:
            ours = asked(proxy.port)
        with cold_proxy(setup, limit.port, "stream") as proxy:
            streamed = asked(proxy.port)
        shutil.rmtree(home(setup, "mirror"), ignore_errors=True)
        with Registry(home(setup, "mirror"), limit.port) as mirror:
            theirs = asked(mirror.port)
    for gate, requests in [("hold", ours), ("stream", streamed)]:
        add(setup, f"upstream requests per cold object, {HERD} clients, {gate}", 1,
            len(requests) / objects, detail=f"{tally(requests)}; Distribution: "
            f"{len(theirs) / objects:.1f} ({tally(theirs)})")


def verdict(setup):
    """From the last byte of a 60 MB layer at 50 MB/s to the verdict."""
    verdict_with(setup, setup, "the feeds given")
    # The other extreme: hardly a finding.
    small = feed.write(home(setup, "feed"))
    few = argparse.Namespace(bin=setup.bin, feeds=small, index=home(setup, "no index yet"))
    verdict_with(setup, few, "a small feed")


def verdict_with(setup, feeds, name):
    """Measures under one feed."""
    image, judged, answered, findings = setup.images["one"], [], [], 0
    with Limiter(home(setup, "limit"), setup.upstream.port, LIMIT) as limit:
        for _ in range(max(5, setup.rounds)):
            with Sluicegate(home(setup, "sluicegate"), feeds, limit.port) as proxy:
                answer = clients.raw_pull(proxy.port, image)
                last = limit.last_byte()
                answered.append((answer - last) * 1e3)
                line = log_line(proxy.log, "pull judged")
                judged.append((line["time"] - last) * 1e3)
                findings = line["fields"]["findings"]
    add(setup, f"verdict after the last byte of 60 MB, {name}, ms", 50, statistics.median(judged),
        "{:.0f}", f"{findings} findings; each: {rounded(judged)}; manifest in the client's hands: "
        f"{rounded(answered)}")


def scan(setup):
    """CPU of the scan against gunzip and two hashes."""
    costs = scan_cost(setup, 5)
    add(setup, "scan CPU / (gunzip + two hashes)", 1.3, costs["scan_cpu"] / costs["plain_cpu"],
        detail=f"CPU s: {costs['scan_cpu']:.2f} / {costs['plain_cpu']:.2f}; wall on all cores: "
               f"{costs['scan_wall']:.2f} / {costs['all_cores_wall']:.2f}")


def scan_cost(setup, rounds):
    """Runs the scanner's own measurement over the three layers."""
    files = []
    for number, layer in enumerate(setup.images["three"].layers):
        files.append(os.path.join(setup.work, f"layer-{number}.tar.gz"))
        layer.write(files[-1])
    program = os.path.join(setup.bin, "examples", "scan_cost")
    return json.loads(subprocess.run([program, str(rounds), *files], check=True,
                                     capture_output=True).stdout)


def cold_proxy(setup, upstream, gate):
    """Starts the program with an empty cache."""
    return Sluicegate(home(setup, "sluicegate"), setup, upstream, gate)


def home(setup, name):
    """Gives a program's directory."""
    return os.path.join(setup.work, name)


def log_line(log, message):
    """Finds the line where a JSON log says something, with its time in seconds."""
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            if f'"{message}"' in line:
                found = json.loads(line)
                stamp = found["timestamp"].replace("Z", "+00:00")
                return {**found, "time": datetime.fromisoformat(stamp).timestamp()}
    raise RuntimeError(f"{log} does not say {message!r}")


def tally(requests):
    """Counts requests by method and kind."""
    kinds = Counter((method, "manifest" if "/manifests/" in path else "blob")
                    for method, path in requests)
    return ", ".join(f"{count} {method} {kind}" for (method, kind), count in sorted(kinds.items()))


def shown(times):
    """Lists all measurements."""
    return ", ".join(f"{name} {' '.join(f'{second:.2f}' for second in seconds)}"
                     for name, seconds in times.items())


def rounded(values):
    """Lists whole numbers."""
    return " ".join(f"{value:.0f}" for value in values)
