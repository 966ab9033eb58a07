"""Builds the images that are pulled, from this machine's own files, and pushes them.

A layer is a gzip file of several members: slices of real files (so that the ratio and the file
sizes are those of a distribution) and the archive's end. Slices are kept in the work directory.
"""

import gzip
import hashlib
import http.client
import io
import json
import os
import random
import tarfile
import zlib

# Where files come from. What a Debian package installs is what images hold.
SOURCES = ["/usr/lib", "/usr/share", "/usr/bin"]
# Files above this would make one slice a single file.
LARGEST_FILE = 24 << 20
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAR_END = bytes(1024)


class Layer:
    """A layer as a list of (gzip file, tar file) pairs, the archive's end implied."""

    def __init__(self, parts, unique=""):
        self.parts, self.head = parts, tar_head(unique)
        digest, diff, self.size = hashlib.sha256(), hashlib.sha256(), 0
        for piece in self.compressed():
            digest.update(piece)
            self.size += len(piece)
        diff.update(self.head)
        for _, tar in parts:
            for piece in pieces(tar):
                diff.update(piece)
        diff.update(TAR_END)
        self.digest, self.diff_id = f"sha256:{digest.hexdigest()}", f"sha256:{diff.hexdigest()}"

    def compressed(self):
        """Yields the layer's stored bytes."""
        if self.head:
            yield gzip.compress(self.head, mtime=0)
        for compressed, _ in self.parts:
            yield from pieces(compressed)
        yield gzip.compress(TAR_END, mtime=0)

    def write(self, path):
        """Writes the layer to a file."""
        with open(path, "wb") as file:
            for piece in self.compressed():
                file.write(piece)


class Image:
    """Layers with their config and manifest."""

    def __init__(self, name, layers):
        self.name, self.layers = name, layers
        self.config = json.dumps({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }).encode()
        self.config_digest = "sha256:" + hashlib.sha256(self.config).hexdigest()
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": self.config_digest, "size": len(self.config)},
            "layers": [{"mediaType": LAYER, "digest": layer.digest, "size": layer.size}
                       for layer in layers],
        }).encode()

    @property
    def bytes(self):
        """Compressed bytes of all layers."""
        return sum(layer.size for layer in self.layers)

    def push(self, port):
        """Pushes the image as NAME:1."""
        connection = http.client.HTTPConnection("127.0.0.1", port)
        push_blob(connection, self.name, self.config_digest, len(self.config), [self.config])
        for layer in self.layers:
            push_blob(connection, self.name, layer.digest, layer.size, layer.compressed())
        ask(connection, "PUT", f"/v2/{self.name}/manifests/1", self.manifest,
            {"Content-Type": MANIFEST})


def build(work):
    """Builds or reuses slices and gives the images by what they are for."""
    files = real_files()
    about = [file for file in ["/etc/os-release", "/var/lib/dpkg/status"] if os.path.exists(file)]
    large = [slice_of(work, f"large-{n}", files, 60_000_000, about if n == 0 else [])
             for n in range(3)]
    small = [slice_of(work, f"small-{n}", files, 4_000_000, about if n == 0 else [])
             for n in range(3)]
    rounds = (2 << 30) // sum(os.path.getsize(gz) for gz, _ in large) + 1
    huge = [part for _ in range(rounds) for part in large]
    return {
        "three": Image("bench/three", [Layer([part]) for part in large]),
        "one": Image("bench/one", [Layer([large[0]], "one")]),
        "herd": Image("bench/herd", [Layer([part], "herd") for part in small]),
        "huge": Image("bench/huge", [Layer(huge, "huge")]),
        "many": [Image(f"bench/many-{n}", [Layer([part], f"many-{n}") for part in small])
                 for n in range(100)],
    }


def slice_of(work, name, files, size, first):
    """Makes a slice of about `size` compressed bytes, eating from `files`."""
    compressed, tar = os.path.join(work, name + ".gz"), os.path.join(work, name + ".tar")
    if os.path.exists(compressed):
        return compressed, tar
    print(f"building {name}", flush=True)
    squeeze, written = zlib.compressobj(6, wbits=31), 0
    with open(compressed + ".new", "wb") as out, open(tar, "wb") as plain:
        queue = list(first)
        while written < size:
            path = queue.pop() if queue else files.pop()
            record = tar_record(path)
            plain.write(record)
            written += out.write(squeeze.compress(record))
        out.write(squeeze.flush())
    os.rename(compressed + ".new", compressed)
    return compressed, tar


def real_files():
    """Lists this machine's files in an order that mixes their kinds and is the same every time."""
    found = []
    for source in SOURCES:
        for folder, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path) and \
                        os.path.getsize(path) <= LARGEST_FILE and os.access(path, os.R_OK):
                    found.append(path)
    random.Random(1).shuffle(found)
    return found


def tar_record(path):
    """Gives a file's header, content and padding, without the archive's end."""
    with open(path, "rb") as file:
        content = file.read()
    return record_of(path.lstrip("/"), content, os.stat(path).st_mode & 0o777)


def tar_head(unique):
    """Gives a record that makes a layer unlike every other of the same slices."""
    return record_of("etc/bench", unique.encode(), 0o644) if unique else b""


def record_of(name, content, mode):
    """Gives one regular file as a tar record."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    padding = bytes(-len(content) % 512)
    return info.tobuf(tarfile.GNU_FORMAT) + content + padding


def pieces(path):
    """Yields a file's bytes."""
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def push_blob(connection, name, digest, size, body):
    """Pushes a blob in one request."""
    if ask(connection, "HEAD", f"/v2/{name}/blobs/{digest}", ok=(200, 404))[0] == 200:
        return
    headers = ask(connection, "POST", f"/v2/{name}/blobs/uploads/")[1]
    location = headers["Location"].split("/v2/", 1)[1]
    stream = io.BytesIO(b"".join(body)) if size < 1 << 26 else body
    ask(connection, "PUT", f"/v2/{location}&digest={digest}", stream,
        {"Content-Length": str(size), "Content-Type": "application/octet-stream"})


def ask(connection, method, path, body=None, headers=None, ok=(200, 201, 202)):
    """Sends a request and gives status and headers; any other status is an error."""
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in ok:
        raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]!r}")
    return answer.status, answer.headers
