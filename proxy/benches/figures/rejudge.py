"""Makes ten thousand stored verdicts anew: after a new feed, after another policy, and after a feed
that differs in ten records.

Images are made of this machine's own packages, which have hundreds of findings together. Those of the
kernel have thousands: images with them are measured beside it."""

import datetime
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
import types
import zipfile

from daemons import POLICY, Sluicegate
from results import add

IMAGES = 10_000
PACKAGES = 300
MANY = 100_000
FEW_PACKAGES = 30
KERNEL = ("linux", "linux-signed-amd64", "linux-signed-arm64")
OTHER_POLICY = POLICY.replace("mode: audit", "mode: audit, feeds: {maxAge: 8d}")


def measure(setup):
    """Measures images with hundreds of findings each, and then with as many as the machine's have."""
    of_hundreds(setup)
    of_thousands(setup)


def over_many(setup):
    """Adds ten records on a package that one of a hundred images holds, of a hundred thousand."""
    home = os.path.join(setup.work, "rejudge-many")
    feeds = os.path.join(setup.work, "changing-feed")
    shutil.rmtree(feeds, ignore_errors=True)
    shutil.copytree(setup.feeds, feeds)
    changing = types.SimpleNamespace(**{**vars(setup), "feeds": feeds})
    with Sluicegate(home, changing, setup.upstream.port,
                    prepare=lambda data: fill(setup, data, MANY, FEW_PACKAGES, "redb",
                                              without=KERNEL), more=("--store", "redb")) as proxy:
        _, cpu, _ = one_pass(proxy, MANY)
        delta, renewed = one_delta(proxy, feeds)
        memory = proxy.anonymous()
    add(setup, f"ten new advisories over {MANY:,} inventories of {FEW_PACKAGES} packages, s",
        1 + 0.005 * renewed, delta, "{:.2f}",
        f"verdicts made anew: {renewed}; the first pass over all {cpu:.0f} CPU s; "
        f"{memory:.0f} MiB of anonymous memory afterwards")


def of_thousands(setup):
    """Does two passes over images some of which hold packages of the kernel."""
    home = os.path.join(setup.work, "rejudge-kernel")
    with Sluicegate(home, setup, setup.upstream.port,
                    prepare=lambda data: fill(setup, data, IMAGES, PACKAGES)) as proxy:
        rows = two_passes(proxy, home)
        findings = mean_of_findings(proxy)
    for cause, wall, cpu, peak in rows:
        add(setup, f"the same with the kernel's packages, {cause}, s", None, wall, "{:.1f}",
            f"CPU s {cpu:.1f}; anonymous memory at most {peak:.0f} MiB; "
            f"{findings:.0f} findings an image")


def two_passes(proxy, home):
    """Waits for the first pass, then changes the policy and waits for another."""
    rows = [("a new feed", *one_pass(proxy))]
    with open(os.path.join(home, "policy.yaml"), "w", encoding="utf-8") as policy:
        policy.write(OTHER_POLICY)
    rows.append(("another policy", *one_pass(proxy)))
    return rows


def mean_of_findings(proxy):
    """Gives the mean over the hundred images that were judged last."""
    listed = ask(proxy, "/api/v1/verdicts?limit=100")["items"]
    return sum(verdict["counts"]["findings"] for verdict in listed) / len(listed)


def of_hundreds(setup):
    """Fills a store, starts the service over it, and watches its status."""
    home = os.path.join(setup.work, "rejudge")
    feeds = os.path.join(setup.work, "changing-feed")
    shutil.rmtree(feeds, ignore_errors=True)
    shutil.copytree(setup.feeds, feeds)
    changing = types.SimpleNamespace(**{**vars(setup), "feeds": feeds})
    with Sluicegate(home, changing, setup.upstream.port,
                    prepare=lambda data: fill(setup, data, IMAGES, PACKAGES,
                                              without=KERNEL)) as proxy:
        requests = len(setup.upstream.requests())
        rows = two_passes(proxy, home)
        findings = mean_of_findings(proxy)
        # That ages nothing: how old the feeds are that are given is nobody's business here.
        with open(os.path.join(home, "policy.yaml"), "w", encoding="utf-8") as policy:
            policy.write(POLICY)
        one_pass(proxy)
        delta, renewed = one_delta(proxy, feeds)
        asked = len(setup.upstream.requests()) - requests
        blobs = sum(len(files) for _, _, files in os.walk(os.path.join(home, "data/content/blobs")))
        frequent, rare = search(proxy, "openssl"), search(proxy, "no-such-package")
        memory = proxy.anonymous()
    for cause, wall, cpu, peak in rows:
        add(setup, f"{IMAGES:,} inventories of {PACKAGES} packages judged anew, {cause}, s", 10,
            wall, "{:.1f}", f"CPU s {cpu:.1f}; anonymous memory at most {peak:.0f} MiB; layers "
                            f"kept {blobs}, upstream requests {asked}; afterwards {memory:.0f} MiB; "
                            f"{findings:.0f} findings an image")
    add(setup, f"ten new advisories over {IMAGES:,} inventories, s", 1 + 0.005 * renewed, delta,
        "{:.2f}", f"from the feed in force to the end, a second of it until that is noticed at most; "
                  f"verdicts made anew: {renewed}, on the images that hold the package")
    add(setup, "which of them hold a package, ms", None, rare * 1000, "{:.0f}",
        f"one that none has; the first hundred places of a frequent one {frequent * 1000:.0f}")


def fill(setup, data, images, packages, *engine, without=()):
    """Writes the images, made of this machine's own packages but those of some sources."""
    form = "${Package} ${Version} ${source:Package} ${source:Version}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", form], check=True, capture_output=True)
    lines = listed.stdout.splitlines(keepends=True)
    kept = b"".join(line for line in lines if line.split()[2].decode() not in without)
    subprocess.run([os.path.join(setup.bin, "examples", "fill_store"), data, str(images),
                    str(packages), debian(), *(engine or ["sled"])], input=kept,
                   check=True, stdout=sys.stderr)


def debian():
    """Names the ecosystem of this machine."""
    with open("/etc/os-release", encoding="utf-8") as release:
        fields = dict(line.strip().split("=", 1) for line in release if "=" in line)
    return "Debian:" + fields["VERSION_ID"].strip('"')


def one_pass(proxy, images=IMAGES):
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
    if state["renewed"] != images or state["problem"]:
        sys.exit(f"not all were made anew: {state}")
    return time.monotonic() - started, proxy.cpu() - cpu, peak


def one_delta(proxy, feeds):
    """Adds ten records on a package that one image of a hundred holds; gives the seconds from when they
    are in force until their images are judged, and how many were."""
    folder = os.path.join(feeds, debian())
    old, new = os.path.join(folder, "all.zip"), os.path.join(folder, "new.zip")
    shutil.copyfile(old, new)
    with zipfile.ZipFile(new, "a", zipfile.ZIP_DEFLATED) as zipped:
        for number in range(10):
            record = {
                "schema_version": "1.6.0", "id": f"DEBIAN-CVE-2026-{99_000_000 + number}",
                "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "affected": [{"package": {"ecosystem": debian(), "name": "rare"},
                              "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}],
            }
            zipped.writestr(record["id"] + ".json", json.dumps(record))
    seen = len(told(proxy))
    os.rename(new, old)
    while True:
        lines = told(proxy)[seen:]
        begun = [at for at, words, _ in lines if words == "feeds loaded"]
        ended = [(at, renewed) for at, words, renewed in lines if words == "verdicts made anew"]
        if begun and ended:
            return ended[-1][0] - begun[0], ended[-1][1]
        time.sleep(0.5)


def told(proxy):
    """Reads the log: seconds, words and how many verdicts were made anew."""
    with open(proxy.log, encoding="utf-8") as log:
        lines = [json.loads(line) for line in log if line.startswith("{") and line.endswith("\n")]
    seconds = [datetime.datetime.fromisoformat(line["timestamp"]).timestamp() for line in lines]
    said = [line["fields"] for line in lines]
    return [(at, fields.get("message"), fields.get("renewed")) for at, fields in zip(seconds, said)]


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
