"""Cold pulls: time against a direct pull, upstream requests, time to the verdict, scan cost."""

import json
import os
import shutil
import statistics
import subprocess
from collections import Counter
from datetime import datetime

import clients
from daemons import Limiter, Registry, Sluicegate
from results import add

# Bytes per second that the limited upstream gives in all.
LIMIT = 50e6
HERD = 50


def limited(setup):
    """Three layers through 50 MB/s with podman: direct, stream, hold."""
    image, times = setup.images["three"], {"direct": [], "stream": [], "hold": []}
    with Limiter(home(setup, "relay"), setup.upstream.port, 0) as free:
        unlimited_relay = clients.skopeo(setup, free.port, image)
    with Limiter(home(setup, "limit"), setup.upstream.port, LIMIT) as limit:
        for _ in range(setup.rounds):
            times["direct"].append(clients.podman(setup, limit.port, image))
            for gate in ["stream", "hold"]:
                with cold_proxy(setup, limit.port, gate) as proxy:
                    times[gate].append(clients.podman(setup, proxy.port, image))
    direct = statistics.median(times["direct"])
    detail = (f"{image.bytes / 1e6:.0f} MB; s: {shown(times)}; the relay without a limit: "
              f"{image.bytes / 1e6 / unlimited_relay:.0f} MB/s")
    for gate, most in [("stream", 1.10), ("hold", 1.45)]:
        ratio = statistics.median(times[gate]) / direct
        add(setup, f"cold pull at 50 MB/s, {gate} / direct", most, ratio, detail=detail)


def unlimited(setup):
    """Three layers over loopback with skopeo against F + D, and Distribution's proxy."""
    image = setup.images["three"]
    costs = scan_cost(setup)
    times = {"direct": [], "distribution": [], "stream": [], "hold": []}
    for _ in range(setup.rounds):
        times["direct"].append(clients.skopeo(setup, setup.upstream.port, image))
        shutil.rmtree(home(setup, "mirror"), ignore_errors=True)
        with Registry(home(setup, "mirror"), setup.upstream.port) as mirror:
            times["distribution"].append(clients.skopeo(setup, mirror.port, image))
        for gate in ["stream", "hold"]:
            with cold_proxy(setup, setup.upstream.port, gate) as proxy:
                times[gate].append(clients.skopeo(setup, proxy.port, image))
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    floor = costs["all_cores_wall"] + middle["direct"]
    detail = f"F {costs['all_cores_wall']:.2f} s; s: {shown(times)}"
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
    image, judged, answered = setup.images["one"], [], []
    with Limiter(home(setup, "limit"), setup.upstream.port, LIMIT) as limit:
        for _ in range(max(5, setup.rounds)):
            with cold_proxy(setup, limit.port, "hold") as proxy:
                answer = clients.raw_pull(proxy.port, image)
                last = limit.last_byte()
                answered.append((answer - last) * 1e3)
                judged.append((log_time(proxy.log, "pull judged") - last) * 1e3)
    add(setup, "verdict after the last byte of 60 MB, ms", 50, statistics.median(judged), "{:.0f}",
        f"each: {rounded(judged)}; manifest in the client's hands: {rounded(answered)}")


def scan(setup):
    """CPU of the scan against gunzip and two hashes."""
    costs = scan_cost(setup)
    add(setup, "scan CPU / (gunzip + two hashes)", 1.3, costs["scan_cpu"] / costs["plain_cpu"],
        detail=f"CPU s: {costs['scan_cpu']:.2f} / {costs['plain_cpu']:.2f}; wall on all cores: "
               f"{costs['scan_wall']:.2f} / {costs['all_cores_wall']:.2f}")


def scan_cost(setup):
    """Runs the scanner's own measurement over the three layers."""
    files = []
    for number, layer in enumerate(setup.images["three"].layers):
        files.append(os.path.join(setup.work, f"layer-{number}.tar.gz"))
        layer.write(files[-1])
    program = os.path.join(setup.bin, "examples", "scan_cost")
    return json.loads(subprocess.run([program, *files], check=True, capture_output=True).stdout)


def cold_proxy(setup, upstream, gate):
    """Starts the program with an empty cache."""
    return Sluicegate(home(setup, "sluicegate"), setup, upstream, gate)


def home(setup, name):
    """Gives a program's directory."""
    return os.path.join(setup.work, name)


def log_time(log, message):
    """Finds when a JSON log says something."""
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            if f'"{message}"' in line:
                return datetime.fromisoformat(
                    json.loads(line)["timestamp"].replace("Z", "+00:00")).timestamp()
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
