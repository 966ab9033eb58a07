"""Makes ten thousand stored verdicts anew: after a new feed, and after another policy."""

import http.client
import json
import os
import subprocess
import sys
import time

from daemons import POLICY, Sluicegate
from results import add

IMAGES = 10_000
PACKAGES = 300
OTHER_POLICY = POLICY.replace("mode: audit", "mode: audit, feeds: {maxAge: 8d}")


def measure(setup):
    """Fills a store, starts the service over it, and watches its status."""
    home = os.path.join(setup.work, "rejudge")
    with Sluicegate(home, setup, setup.upstream.port,
                    prepare=lambda data: fill(setup, data, IMAGES, PACKAGES)) as proxy:
        requests = len(setup.upstream.requests())
        rows = [("a new feed", *one_pass(proxy))]
        with open(os.path.join(home, "policy.yaml"), "w", encoding="utf-8") as policy:
            policy.write(OTHER_POLICY)
        rows.append(("another policy", *one_pass(proxy)))
        asked = len(setup.upstream.requests()) - requests
        blobs = sum(len(files) for _, _, files in os.walk(os.path.join(home, "data/content/blobs")))
        frequent, rare = search(proxy, "openssl"), search(proxy, "no-such-package")
        memory = proxy.anonymous()
    for cause, wall, cpu, peak in rows:
        add(setup, f"{IMAGES:,} inventories of {PACKAGES} packages judged anew, {cause}, s", 60,
            wall, "{:.1f}", f"CPU s {cpu:.1f}; anonymous memory at most {peak:.0f} MiB; layers "
                            f"kept {blobs}, upstream requests {asked}; afterwards {memory:.0f} MiB")
    add(setup, "which of them hold a package, ms", None, rare * 1000, "{:.0f}",
        f"one that none has; the first hundred places of a frequent one {frequent * 1000:.0f}")


def fill(setup, data, images, packages, *engine):
    """Writes the images, made of this machine's own packages."""
    form = "${Package} ${Version} ${source:Package} ${source:Version}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", form], check=True, capture_output=True)
    with open("/etc/os-release", encoding="utf-8") as release:
        fields = dict(line.strip().split("=", 1) for line in release if "=" in line)
    ecosystem = "Debian:" + fields["VERSION_ID"].strip('"')
    subprocess.run([os.path.join(setup.bin, "examples", "fill_store"), data, str(images),
                    str(packages), ecosystem, *(engine or ["sled"])], input=listed.stdout, check=True, stdout=sys.stderr)


def one_pass(proxy):
    """Waits for a pass over everything; gives its seconds, CPU seconds and memory."""
    started, cpu, peak = None, 0.0, 0.0
    while True:
        state = ask(proxy, "/api/v1/status")["rejudge"]
        peak = max(peak, proxy.anonymous())
        if started is None and state["running"]:
            started, cpu = time.monotonic(), proxy.cpu()
        if started is not None and not state["running"]:
            break
        time.sleep(0.1)
    if state["renewed"] != IMAGES or state["problem"]:
        sys.exit(f"not all were made anew: {state}")
    return time.monotonic() - started, proxy.cpu() - cpu, peak


def search(proxy, name):
    """Searches every inventory for a package; gives the seconds to the first page."""
    started = time.monotonic()
    ask(proxy, f"/api/v1/packages?name={name}")
    return time.monotonic() - started


def ask(proxy, path):
    """Reads a path of the API."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.api, timeout=60)
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())
