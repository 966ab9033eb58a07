#!/usr/bin/env python3
"""Writes a container image around the program: an OCI layout, and a tar archive of it.

Called by deploy/build. Needs no daemon and nothing beside Python. The same program, certificates and
settings give the same bytes: names are sorted, times are SOURCE_DATE_EPOCH or 1970, owners are
numbers. Sources: OCI image-spec 1.1, "Image Layout", "Image Configuration" and "Image Layer
Filesystem Changeset"; for Healthcheck, which OCI leaves to others, Docker's image specification 1.2.
"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import struct
import sys
import tarfile

# Where the program and what it keeps lie in the image.
PROGRAM = "/sluicegate"
DATA = "/var/lib/sluicegate"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# Nobody: the number that images without a shell have for an ordinary user.
USER = 65532
# ELF machines by the name that images have for them. Source: the ELF gABI, e_machine.
MACHINES = {62: "amd64", 183: "arm64"}
# The program header of a program that needs a loader, and so libraries that the image lacks.
PT_INTERP = 3
NANOSECONDS = 1_000_000_000


def main():
    """Reads the arguments and writes the image."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--ca", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", default="")
    parser.add_argument("--service", default="")
    asked = parser.parse_args()
    program = asked.binary.read_bytes()
    architecture = architecture_of(program)
    time = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    layer = layer_of(program, asked.ca.read_bytes(), time)
    blob = gzip.compress(layer, compresslevel=9, mtime=0)
    config = document(config_of(asked, architecture, digest(layer), time))
    manifest = document(manifest_of(config, blob))
    write(asked, manifest, [config, blob, manifest])


def architecture_of(program):
    """Names the machine of a static ELF program; anything else is an error."""
    if program[:6] != b"\x7fELF\x02\x01" or len(program) < 64:
        sys.exit("deploy/build: the binary is no 64-bit little-endian ELF program")
    machine = struct.unpack_from("<H", program, 18)[0]
    headers_at = struct.unpack_from("<Q", program, 32)[0]
    size, count = struct.unpack_from("<HH", program, 54)
    for number in range(count):
        if struct.unpack_from("<I", program, headers_at + number * size)[0] == PT_INTERP:
            sys.exit("deploy/build: the binary is linked dynamically, and an image from scratch has "
                     "no libraries; deploy/build binary makes a static one")
    if machine not in MACHINES:
        sys.exit(f"deploy/build: no image is made for ELF machine {machine}")
    return MACHINES[machine]


def layer_of(program, authorities, time):
    """Writes the one layer, uncompressed."""
    entries = {
        AUTHORITIES: (authorities, 0o444, 0),
        PROGRAM: (program, 0o555, 0),
        "/tmp": (None, 0o1777, 0),
        DATA: (None, 0o700, USER),
    }
    for path in list(entries):
        for parent in pathlib.PurePosixPath(path).parents:
            if str(parent) != "/":
                entries.setdefault(str(parent), (None, 0o755, 0))
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(entries):
            content, mode, owner = entries[path]
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mode, entry.uid, entry.gid, entry.mtime = mode, owner, owner, time
            if content is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def config_of(asked, architecture, diff_id, time):
    """Describes how the program is run."""
    created = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
    created = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    environment = [f"SLUICEGATE_DATA={DATA}", "SLUICEGATE_LISTEN=0.0.0.0:5000"]
    health = [PROGRAM, "health", "--quiet"]
    if asked.service:
        environment.append(f"SLUICEGATE_SERVICE={asked.service}")
        # Asked for is what runs in the container, not the service that is baked in.
        health += ["--service", "http://127.0.0.1:5080"]
    labels = {
        "org.opencontainers.image.title": "sluicegate",
        "org.opencontainers.image.description": "A pull-through OCI registry proxy that scans on pull",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.version": asked.version,
    }
    if asked.revision:
        labels["org.opencontainers.image.revision"] = asked.revision
    return {
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "ExposedPorts": {"5000/tcp": {}, "5080/tcp": {}},
            "Env": environment,
            "Entrypoint": [PROGRAM],
            "Cmd": ["serve"],
            "Volumes": {DATA: {}},
            "WorkingDir": "/",
            "Labels": labels,
            "StopSignal": "SIGTERM",
            "Healthcheck": {
                "Test": ["CMD", *health],
                "Interval": 30 * NANOSECONDS,
                "Timeout": 10 * NANOSECONDS,
                "StartPeriod": 60 * NANOSECONDS,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": created, "created_by": "deploy/build image"}],
    }


def manifest_of(config, blob):
    """Lists the parts."""
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", blob)],
    }


def write(asked, manifest, blobs):
    """Writes the layout as a directory and as an archive that docker and podman load as well."""
    name = f"sluicegate:{asked.version}"
    listed = []
    for tag in (asked.version, "latest"):
        entry = descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
        entry["annotations"] = {
            "io.containerd.image.name": f"docker.io/library/sluicegate:{tag}",
            "org.opencontainers.image.ref.name": tag,
        }
        listed.append(entry)
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": listed,
    }
    files = {path_of(blob): blob for blob in blobs}
    files["index.json"] = document(index)
    files["oci-layout"] = document({"imageLayoutVersion": "1.0.0"})
    layout = asked.output / "oci"
    shutil.rmtree(layout, ignore_errors=True)
    for path, content in files.items():
        place = layout / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    # What docker load read before it knew the layout, and podman load reads.
    config, layer = blobs[0], blobs[1]
    files["manifest.json"] = document([{
        "Config": path_of(config),
        "RepoTags": [name, "sluicegate:latest"],
        "Layers": [path_of(layer)],
    }])
    with tarfile.open(asked.output / "sluicegate.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.mode, entry.size = 0o644, len(files[path])
            archive.addfile(entry, io.BytesIO(files[path]))
    print(f"{layout}: {name}, {digest(manifest)}")
    print(f"{asked.output / 'sluicegate.tar'}: the same for docker load and podman load")


def document(value):
    """Writes JSON the same each time."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def descriptor(media_type, content):
    """Names content by its digest."""
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def digest(content):
    """Gives the digest of content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def path_of(content):
    """Gives the place of content in the layout."""
    return "blobs/" + digest(content).replace(":", "/")


if __name__ == "__main__":
    main()
