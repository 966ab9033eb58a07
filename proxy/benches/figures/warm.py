"""Warm answers: manifests a second, and CPU for each GB of blobs, against Distribution and nginx."""

import base64
import json
import os
import shutil
import statistics
import subprocess
import types

import clients
from daemons import Nginx, Registry, Sluicegate
from results import add

SECONDS = 10
# Gets of a 60 MB blob behind one CPU figure: 2.4 GB, some 40 ticks of the cheapest peer.
GETS = 40


def manifest(setup):
    """Manifest by tag with 64 connections."""
    rates = run(setup, lambda daemon, path: clients.wrk(daemon.port, path, SECONDS), "manifests/1")
    add(setup, "warm manifest by tag, requests per second / Distribution's proxy", 50,
        rates["sluicegate"] / rates["distribution"], "{:.0f}",
        "per second: " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()),
        least=True)


def keys(setup):
    """CPU for each manifest by tag, with an access key in each request and without."""
    image, found = setup.images["three"], {}
    path = f"/v2/{image.name}/manifests/1"
    homes = [os.path.join(setup.work, name) for name in ["keys", "keys-nginx"]]
    for home in homes:
        shutil.rmtree(home, ignore_errors=True)
    with Sluicegate(homes[0], setup, setup.upstream.port) as ours, \
            Nginx(homes[1], setup.upstream.port) as nginx:
        held = [f"Authorization: Basic {make_key(setup, homes[0])}"]
        for daemon in [ours, nginx]:
            clients.raw_pull(daemon.port, image)
            clients.raw_pull(daemon.port, image)
        for _ in range(setup.rounds):
            for name, daemon, headers in [("none", ours, []), ("key", ours, held),
                                          ("nginx", nginx, [])]:
                before = daemon.cpu()
                rate = clients.wrk(daemon.port, path, SECONDS, headers)
                cost = (daemon.cpu() - before) / (rate * SECONDS) * 1e6
                found.setdefault(name, []).append((cost, rate))
    costs = {name: statistics.median(cost for cost, _ in each) for name, each in found.items()}
    rates = {name: statistics.median(rate for _, rate in each) for name, each in found.items()}
    detail = "microseconds of CPU: " + ", ".join(f"{n} {cost:.1f}" for n, cost in costs.items())
    add(setup, "warm manifest by tag, CPU with a key / without", 1.1,
        costs["key"] / costs["none"], detail=detail)
    add(setup, "warm manifest by tag with a key, requests per second / nginx", 1,
        rates["key"] / rates["nginx"], least=True,
        detail="per second: " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()))


def hit(setup):
    """What a verdict that is there costs, against another build: CPU of each, and the 99th percentile of
    one client at a time."""
    if not setup.before:
        setup.print("left out: --before names the directory of the other build")
        return
    image, found = setup.images["three"], {}
    path = f"/v2/{image.name}/manifests/1"
    other = types.SimpleNamespace(**{**vars(setup), "bin": os.path.abspath(setup.before),
                                     "index": os.path.join(setup.work, "no index yet")})
    homes = [os.path.join(setup.work, name) for name in ["hit", "hit-before"]]
    with Sluicegate(homes[0], setup, setup.upstream.port) as now, \
            Sluicegate(homes[1], other, setup.upstream.port) as before:
        for daemon in [now, before]:
            clients.raw_pull(daemon.port, image)
            clients.raw_pull(daemon.port, image)
        for _ in range(setup.rounds):
            for name, daemon in [("now", now), ("before", before)]:
                spent = daemon.cpu()
                rate = clients.wrk(daemon.port, path, SECONDS)
                cost = (daemon.cpu() - spent) / (rate * SECONDS) * 1e6
                slowest = clients.wrk_p99(daemon.port, path, SECONDS)
                found.setdefault(name, []).append((cost, slowest, rate))
    cost, p99, rate = ({name: statistics.median(one[at] for one in each)
                        for name, each in found.items()} for at in range(3))
    add(setup, "a verdict hit, CPU / that of another build", 1.1, cost["now"] / cost["before"],
        detail="microseconds: " + ", ".join(f"{name} {it:.1f}" for name, it in cost.items())
               + "; per second: " + ", ".join(f"{name} {it:.0f}" for name, it in rate.items()))
    add(setup, "a verdict hit, 99th percentile over that of another build, us", 20,
        p99["now"] - p99["before"], "{:.0f}",
        detail="one connection, us: " + ", ".join(f"{name} {it:.0f}" for name, it in p99.items()))


def make_key(setup, home):
    """Makes a key where the service runs, and gives what Basic sends of it."""
    made = subprocess.run([os.path.join(setup.bin, "sluicegate"), "keys", "create", "--name", "bench",
                           "--role", "puller", "--data", os.path.join(home, "data"),
                           "--format", "json"], check=True, capture_output=True, text=True)
    key = json.loads(made.stdout)
    pair = f"{key['access_key']}:{key['secret_key']}"
    return base64.b64encode(pair.encode()).decode()


def blob(setup):
    """CPU for each GB of a warm blob."""
    layer = setup.images["three"].layers[0]
    total = layer.size * GETS / 1e9

    def alone(daemon, path):
        return cpu(daemon, lambda: clients.curl(daemon.port, path, GETS)) / total

    def eight(daemon, path):
        return cpu(daemon, lambda: clients.curl(daemon.port, path, GETS // 8, 8)) / total

    for name, measure in [("one client", alone), ("eight clients", eight)]:
        costs = run(setup, measure, f"blobs/{layer.digest}")
        add(setup, f"warm blob, CPU per GB / nginx, {name}", 2, costs["sluicegate"] / costs["nginx"],
            detail="CPU s per GB: " + ", ".join(f"{n} {cost:.2f}" for n, cost in costs.items()))


def run(setup, measure, path):
    """Measures all three after each has pulled the image once; medians of all rounds."""
    image, found = setup.images["three"], {}
    path = f"/v2/{image.name}/{path}"
    homes = {name: os.path.join(setup.work, f"warm-{name}") for name in
             ["sluicegate", "distribution", "nginx"]}
    for home in homes.values():
        shutil.rmtree(home, ignore_errors=True)
    with Sluicegate(homes["sluicegate"], setup, setup.upstream.port) as ours, \
            Registry(homes["distribution"], setup.upstream.port) as theirs, \
            Nginx(homes["nginx"], setup.upstream.port) as nginx:
        daemons = {"sluicegate": ours, "distribution": theirs, "nginx": nginx}
        for daemon in daemons.values():
            clients.raw_pull(daemon.port, image)
            clients.raw_pull(daemon.port, image)
        for _ in range(setup.rounds):
            for name, daemon in daemons.items():
                found.setdefault(name, []).append(measure(daemon, path))
    return {name: statistics.median(values) for name, values in found.items()}


def cpu(daemon, work):
    """Gives the CPU seconds that `work` costs the daemon."""
    before = daemon.cpu()
    work()
    return daemon.cpu() - before
