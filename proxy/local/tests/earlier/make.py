#!/usr/bin/env python3
"""Makes a data directory with an early program, and packs it: make.py PROGRAM ARCHIVE.tar.zst

Beside the directory the archive has what that program's API answered last (answers.json). Left out
is what tests need not read: layers, and all that is derived from them again.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
RULES = """apiVersion: sluicegate/v1
kind: Policy
metadata: {name: NAME}
spec:
  onInconclusive: {partial: annotate, unscannable: refuse}
  rules:
    - {id: fixable-critical, when: {severityAtLeast: critical, fixable: true}, action: refuse}
    - {id: other, when: {severityAtLeast: low}, action: ACTION}
---
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: until-june, author: a.lopez, ticket: SEC-1}
spec:
  id: CVE-2026-1111
  images: ["up.test/team/**"]
  statement: not reachable
  expiresAt: 2027-06-01
"""
USUAL = RULES.replace("NAME", "usual").replace("ACTION", "annotate")
STRICTER = RULES.replace("NAME", "stricter").replace("ACTION", "refuse")
served, hooks = {}, []  # path -> (type, bytes); what the webhook was sent


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Upstream(BaseHTTPRequestHandler):
    """A registry and a receiver of events."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind, data = served.get(self.path, ("text/plain", None))
        if self.path == "/v2/":
            data = b""
        self.send_response(404 if data is None else 200)
        data = data or b""
        for name, value in {"Content-Type": kind, "Content-Length": len(data)}.items():
            self.send_header(name, str(value))
        self.send_header("Docker-Content-Digest", digest(data))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET

    def do_POST(self):
        hooks.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def blob(repository, kind, data):
    served[f"/v2/{repository}/blobs/{digest(data)}"] = ("application/octet-stream", data)
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def publish(repository, tag, document):
    data = json.dumps(document).encode()
    for reference in filter(None, (tag, digest(data))):
        served[f"/v2/{repository}/manifests/{reference}"] = (document["mediaType"], data)
    return {"mediaType": document["mediaType"], "digest": digest(data), "size": len(data)}


def manifest(config, layers, **more):
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, **more}


def image(repository, tag, packages, architecture="amd64"):
    """An Alpine with these packages of Python."""
    files = {
        "etc/os-release": "ID=alpine\nVERSION_ID=3.24.0_alpha20260601\n",
        "lib/apk/db/installed": "P:libbad\nV:1.0-r0\nA:x86_64\no:bad\n\n",
    }
    for name in packages:
        path = f"usr/lib/python3/dist-packages/{name}-1.0.dist-info/METADATA"
        files[path] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    layer = gzip.compress(packed.getvalue(), mtime=0)
    rootfs = {"type": "layers", "diff_ids": [digest(packed.getvalue())]}
    config = {"os": "linux", "architecture": architecture, "config": {}, "rootfs": rootfs}
    parts = [blob(repository, OCI + "layer.v1.tar+gzip", layer)]
    made = manifest(blob(repository, CONFIG, json.dumps(config).encode()), parts)
    return publish(repository, tag, made)


def images():
    image("lib/app", "clean", ["goodlib"])
    image("lib/app", "latest", ["goodlib"])
    image("team/copy", "1", ["goodlib"])
    image("lib/app", "flawed", ["badlib"])
    image("lib/app", "dubious", ["iffy"])
    image("team/shop", "excepted", ["badlib", "iffy"])
    image("lib/app", "many", [f"many{number}" for number in range(300)])
    platforms = {"amd64": ["goodlib"], "arm64": ["badlib"]}
    children = [
        {**image("lib/multi", None, ["multi", *packages], name),
         "platform": {"os": "linux", "architecture": name}}
        for name, packages in platforms.items()
    ]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
    publish("lib/multi", "1", index)
    empty = blob("lib/chart", OCI.replace("image", "empty").rstrip(".") + ".v1+json", b"{}")
    kind = "application/vnd.cncf.helm.config.v1+json"
    part = blob("lib/chart", "application/vnd.cncf.helm.chart.provenance.v1.prov", b"x")
    publish("lib/chart", "1", manifest(empty, [part], artifactType=kind))


def advisory(name, ecosystem, package, score, cve=None):
    vector = f"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/{score}"
    events = [{"introduced": "0"}, {"fixed": "2.0"}]
    return ecosystem, {
        "schema_version": "1.6.0", "id": name, "modified": "2026-11-20T00:00:00Z",
        "summary": "written for a test", "aliases": [cve] if cve else [],
        "severity": [{"type": "CVSS_V3", "score": vector}],
        "affected": [{
            "package": {"ecosystem": ecosystem, "name": package},
            "ranges": [{"type": "ECOSYSTEM", "events": events}],
        }],
    }


CRITICAL, HIGH, MEDIUM = "C:H/I:H/A:H", "C:N/I:N/A:H", "C:N/I:N/A:L"
ADVISORIES = [
    advisory("ALPINE-CVE-2026-0001", "Alpine:edge", "nothing", HIGH),
    advisory("GHSA-aaaa-aaaa-aaaa", "PyPI", "badlib", CRITICAL, "CVE-2026-1111"),
    advisory("GHSA-bbbb-bbbb-bbbb", "PyPI", "iffy", HIGH, "CVE-2026-2222"),
    *(advisory(f"PYSEC-2026-{n}", "PyPI", f"many{n}", MEDIUM, f"CVE-2026-{4000 + n}")
      for n in range(300)),
]
NEW = advisory("GHSA-cccc-cccc-cccc", "PyPI", "multi", CRITICAL, "CVE-2026-3333")


def feed(folder, advisories):
    for ecosystem in {ecosystem for ecosystem, _ in advisories}:
        (folder / ecosystem).mkdir(parents=True, exist_ok=True)
        beside = folder / ecosystem / ".all.zip"
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as file:
            for of, record in advisories:
                if of == ecosystem:
                    file.writestr(record["id"] + ".json", json.dumps(record))
        beside.rename(folder / ecosystem / "all.zip")


def ask(url, **headers):
    asked = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(asked) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except urllib.error.URLError:
        return 0, b""


def until(what, condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    sys.exit(f"never happened: {what}")


def pulls(registry):
    said = {}
    for name in [path for path in served if "/manifests/" in path and "sha256:" not in path]:
        for agent in ("docker/28.0", "containerd/2.1"):
            accept = f"{MANIFEST}, {INDEX}"
            status, body = ask(registry + name, **{"User-Agent": agent, "Accept": accept})
            said[name] = status
            if status != 200 or "layers" not in json.loads(body):
                continue
            repository = name.split("/manifests/")[0]
            for part in json.loads(body)["layers"]:
                ask(f"{registry}{repository}/blobs/{part['digest']}", **{"User-Agent": agent})
    return said


def answers(api):
    """All that the API says, page by page."""
    def items(path):
        found, after = [], ""
        while after is not None:
            page = json.loads(ask(f"{api}/api/v1/{path}limit=50{after}")[1])
            found += page["items"]
            after = page["next"] and f"&after={page['next']}"
        return found
    return {
        "verdicts": items("verdicts?"),
        "events": items("events?"),
        "decisions": items("decisions?"),
    }


def run(program, home):
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{upstream.server_port}"
    images()
    feed(home / "feed", ADVISORIES)
    policy = home / "policies" / "policy.yaml"
    policy.parent.mkdir()
    policy.write_text(USUAL)
    listen, api = "127.0.0.1:31500", "127.0.0.1:31580"
    service = subprocess.Popen([
        program, "serve", "--listen", listen, "--api-listen", api, "--data", home / "data",
        "--upstream", f"up.test={url}", "--default-upstream", "up.test",
        "--feed", home / "feed", "--policy", policy.parent, "--webhook", url,
        "--platforms", "linux/amd64", "--platforms", "linux/arm64",
    ], stderr=open(home / "log", "w"))
    ready = lambda: b'"feeds_loaded":true' in ask(f"http://{api}/readyz")[1]
    until("it is ready", ready)
    print(json.dumps(pulls(f"http://{listen}"), indent=1))
    policy.write_text(STRICTER)
    until("the stricter policy is told of", lambda: len(hooks) >= 1)
    told = len(hooks)
    policy.write_text(USUAL)
    until("the usual policy is told of", lambda: len(hooks) > told)
    told = len(hooks)
    feed(home / "feed", [*ADVISORIES, NEW])
    service.send_signal(signal.SIGHUP)
    until("the advisory is told of", lambda: any(b"CVE-2026-3333" in hook for hook in hooks[told:]))
    status = lambda: json.loads(ask(f"http://{api}/api/v1/status")[1])
    until("all is told", lambda: status()["webhook"]["waiting"] == 0
          and not status()["rejudge"]["running"])
    print(json.dumps(pulls(f"http://{listen}"), indent=1))
    (home / "answers.json").write_text(json.dumps(answers(f"http://{api}")))
    service.send_signal(signal.SIGTERM)
    if service.wait(60) != 0:
        sys.exit((home / "log").read_text())


def pack(home, archive):
    layers = {digest(data) for path, (_, data) in served.items() if "/blobs/" in path}
    derived = ("facts", "inventory", "report")

    def kept(entry):
        parts = pathlib.PurePath(entry.name).parts
        is_left = parts[-1] in {layer.split(":")[1] for layer in layers}
        is_left = is_left or parts[1:2] == ("feeds",) or any(part in derived for part in parts)
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return None if is_left else entry
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("data", "answers.json"):
            tar.add(home / name, name, filter=kept)
    for entry in tarfile.open(fileobj=io.BytesIO(packed.getvalue())):
        print(f"{entry.size:10} {entry.name}")
    subprocess.run(["zstd", "-19", "-q", "-f", "-o", archive], input=packed.getvalue(), check=True)


if __name__ == "__main__":
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as made:
        run(sys.argv[1], pathlib.Path(made))
        pack(pathlib.Path(made), sys.argv[2])
