"""Writes a small advisory feed, for machines without one: the layout of OSV's bucket."""

import json
import os
import zipfile

# Ecosystems that this machine's files may belong to; an empty zip says "nothing known".
ECOSYSTEMS = ["Debian:11", "Debian:12", "Debian:13", "PyPI", "npm", "Maven", "Go", "crates.io"]
RECORDS = 5_000


def write(directory):
    """Writes a feed of made-up records and gives its directory."""
    for ecosystem in ECOSYSTEMS:
        folder = os.path.join(directory, ecosystem)
        os.makedirs(folder, exist_ok=True)
        with zipfile.ZipFile(os.path.join(folder, "all.zip"), "w", zipfile.ZIP_DEFLATED) as zipped:
            for number in range(RECORDS):
                record = advisory(ecosystem, number)
                zipped.writestr(record["id"] + ".json", json.dumps(record))
    return directory


def advisory(ecosystem, number):
    """Gives one record; some are on packages that every Debian has."""
    known = ["bash", "dpkg", "zlib", "glibc", "openssl"]
    package = known[number] if number < len(known) else f"made-up-{number}"
    return {
        "schema_version": "1.6.0", "id": f"BENCH-{number}", "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z", "aliases": [f"CVE-2026-{10_000 + number}"],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{"package": {"ecosystem": ecosystem, "name": package},
                      "ranges": [{"type": "ECOSYSTEM",
                                  "events": [{"introduced": "0"}, {"fixed": f"{number}.1"}]}]}],
    }
