"""The built-in policy on a feed with what Debian's public records have beside fixes.

`shared` feeds know fixed weaknesses only. Beside them stand records made here, of the shape that
OSV's converter gives the states of Debian's tracker: each source package of the image has some, in the
proportions below. The public records carry no word on `no-dsa` and call what is undetermined as
what is open; `status` says it here.
"""

import json
import os
import shutil
import subprocess
import zipfile
from collections import Counter

import rootfs
from results import add

RELEASE = "Debian:12"
# Records for each source package. Public scans of bookworm name about one finding for each binary
# package of a small image, of which most sources have one.
RECORDS = 2
# What a hundred records are. Of 1,020 findings of Grype on a bookworm image (node:24) 730 were neither
# critical, high, medium nor low, for Debian calls them unimportant; of the 290 others 6, 66, 161 and 57
# were that. The rest are assumptions: nobody publishes how many are undetermined or without support.
STATES = (["unimportant"] * 70 + ["open critical"] + ["no-dsa high"] * 4 + ["open high"] * 3
          + ["no-dsa medium"] * 11 + ["open medium"] * 4 + ["no-dsa low"] * 5
          + ["undetermined"] + ["end-of-life"])
VECTORS = {
    "critical": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "high": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
    "medium": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L",
    "low": "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:N/I:N/A:L",
}


def measure(setup):
    """Judges bookworm by what is fixed alone, and with the other states beside it."""
    archives = rootfs.build(setup.work, None)
    archive = next(archive for archive in archives if archive.name == "bookworm minbase")
    judge(os.path.join(setup.bin, "sluicegate"), archive.path, setup.feeds, setup.work,
          lambda figure, count, detail: add(setup, figure, None, count, "{}", detail))


def judge(program, archive, feeds, work, tell):
    """Tells a row for each state, and one for the image."""
    plain = inspect(program, archive, [feeds], work)
    names = sorted(sources(program, archive, work))
    made = os.path.join(work, "tracker")
    states = write(made, names)
    verdict = inspect(program, archive, [feeds, made], work)
    rows, rules = Counter(), {}
    for finding in verdict["findings"]:
        state = states.get(finding["id"], "end of a package" if finding["kind"] == "eol" else "fixed")
        shown = f"{state}: {finding['status']}, {finding['severity']}"
        rows[shown] += 1
        rules.setdefault(shown, set()).update(noted(verdict, finding))
    for shown, count in sorted(rows.items()):
        tell(f"bookworm, {shown}", count, ", ".join(sorted(rules[shown])) or "listed")
    for name, judged in [("fixed ones alone", plain), ("every state", verdict)]:
        reasons = ", ".join(f"{it['action']} {it['rule']}" for it in judged["reasons"])
        tell(f"bookworm, {name}: {judged['decision']}", len(judged["findings"]), reasons)


def noted(verdict, finding):
    """Names the rules that speak of a finding."""
    return [rule["rule"] for rule in verdict["reasons"] if finding["id"] in rule["findings"]]


def write(directory, names):
    """Writes the records; gives the state of each by its CVE."""
    shutil.rmtree(directory, ignore_errors=True)
    folder = os.path.join(directory, RELEASE)
    os.makedirs(folder)
    states = {}
    with zipfile.ZipFile(os.path.join(folder, "all.zip"), "w", zipfile.ZIP_DEFLATED) as zipped:
        for number in range(RECORDS * len(names)):
            # Steps of 37 visit all hundred states in turn and mix them over the packages.
            state = STATES[number * 37 % len(STATES)]
            cve = f"CVE-2026-{90_000 + number}"
            states[cve] = state
            record = tracked(cve, names[number % len(names)], state)
            zipped.writestr(record["id"] + ".json", json.dumps(record))
    return states


def tracked(cve, package, state):
    """Gives a record as OSV's converter makes it of an entry of the tracker."""
    word = state if state in ("unimportant", "end-of-life") else "not yet assigned"
    extra = {"urgency": word}
    if state == "undetermined":
        extra["status"] = state
    severity = VECTORS.get(state.split()[-1], VECTORS["high"])
    return {
        "schema_version": "1.7.0", "id": f"DEBIAN-{cve}", "modified": "2026-11-20T00:00:00Z",
        "published": "2026-06-01T00:00:00Z", "upstream": [cve],
        "severity": [{"type": "CVSS_V3", "score": severity}],
        "affected": [{"package": {"ecosystem": RELEASE, "name": package},
                      "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
                      "ecosystem_specific": extra}],
    }


def sources(program, archive, work):
    """Names the source packages of an image."""
    document = run(program, archive, ["none"], work, "cyclonedx")
    named = set()
    for component in document["components"]:
        properties = {it["name"]: it["value"] for it in component.get("properties", [])}
        source = next((value for name, value in properties.items() if name.endswith(":source")), None)
        if component.get("purl", "").startswith("pkg:deb/"):
            named.add((source or component["name"]).split("@")[0])
    return named


def inspect(program, archive, feeds, work):
    """Gives the verdict of the built-in policy."""
    document = run(program, archive, feeds, work, "json")
    return document.get("verdict", document)


def run(program, archive, feeds, work, form):
    """Inspects an archive and gives the document that is printed."""
    home = os.path.join(work, "tracker data")
    shutil.rmtree(home, ignore_errors=True)
    feeds = [word for feed in feeds for word in ("--feed", feed)]
    command = [program, "inspect-image", "--data", home, *feeds, "--format", form,
               f"oci-archive:{archive}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command}: exit code {done.returncode}")
    return json.loads(done.stdout)
