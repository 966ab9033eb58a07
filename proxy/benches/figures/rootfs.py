"""Root filesystems that the inventories are compared on, each as an OCI archive of one gzip layer."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

import images

# More than 300 packages, with Python, npm and JARs among them.
FULL = ["npm", "git", "curl", "nginx-light", "python3-pip", "python3-venv", "php-cli", "ruby",
        "openjdk-17-jre-headless", "liblog4j2-java", "libspring-core-java", "libguava-java"]
PYTHON = ["flask==2.0.0", "requests==2.25.0", "pyyaml==6.0.1"]
NPM = ["express@4.17.1", "lodash@4.17.20"]


class Archive:
    """An image as an OCI archive on disk."""

    def __init__(self, name, path):
        self.name, self.path = name, path

    def owned(self):
        """Gives the paths that Debian's database lists, in both spellings of a merged /usr."""
        with tarfile.open(self.path) as outer:
            layer = max(outer.getmembers(), key=lambda member: member.size)
            with tarfile.open(fileobj=outer.extractfile(layer), mode="r|gz") as files:
                lists = [files.extractfile(file).read().decode() for file in files
                         if "var/lib/dpkg/info/" in file.name and file.name.endswith(".list")]
        listed = {line.lstrip("/") for text in lists for line in text.splitlines()}
        return listed | {"usr/" + path for path in listed}


def build(work, archives):
    """Builds or reuses every archive; `archives` is a folder of further roots, or None."""
    home = os.path.join(work, "roots")
    os.makedirs(home, exist_ok=True)
    built = [of_tree(home, "bullseye minbase", lambda root: bootstrap(root, "bullseye")),
             of_tree(home, "bookworm minbase", lambda root: bootstrap(root, "bookworm")),
             of_tree(home, "bookworm full", full)]
    for name in sorted(os.listdir(archives)) if archives else []:
        if name.endswith(".tar.gz"):
            with gzip.open(os.path.join(archives, name)) as layer:
                built.append(archive(home, name.removesuffix(".tar.gz"), layer.read))
    return built


def full(root):
    """A distribution with a lot installed, and packages of languages beside it."""
    bootstrap(root, "bookworm")
    install_packages(root)
    subprocess.run(["python3", "-m", "pip", "install", "-q", "--target",
                    os.path.join(root, "opt/app/lib/python3.11/site-packages"), *PYTHON], check=True)
    os.makedirs(os.path.join(root, "opt/web"))
    subprocess.run(["npm", "install", "--silent", "--prefix", os.path.join(root, "opt/web"), *NPM],
                   check=True)


def install_packages(root):
    """Installs with apt: debootstrap's own order does not survive long chains of dependencies."""
    with open(os.path.join(root, "usr/sbin/policy-rc.d"), "w", encoding="ascii") as rule:
        rule.write("#!/bin/sh\nexit 101\n")
    os.chmod(rule.name, 0o755)
    shutil.copy("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))
    # Java's own installation runs Java, which wants /proc.
    subprocess.run(["mount", "-t", "proc", "proc", os.path.join(root, "proc")], check=True)
    try:
        for command in [["update"], ["install", "-y", "--no-install-recommends", *FULL], ["clean"]]:
            subprocess.run(["chroot", root, "apt-get", "-q", *command], stdout=subprocess.DEVNULL,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=True)
    finally:
        subprocess.run(["umount", os.path.join(root, "proc")], check=True)
    os.remove(rule.name)


def bootstrap(root, suite):
    """Installs a Debian release into a folder."""
    subprocess.run(["debootstrap", "--variant=minbase", suite, root],
                   stdout=subprocess.DEVNULL, check=True)
    shutil.rmtree(os.path.join(root, "var/cache/apt"), ignore_errors=True)
    shutil.rmtree(os.path.join(root, "var/lib/apt/lists"), ignore_errors=True)


def of_tree(home, name, fill):
    """Fills a folder once and gives it as an archive."""
    path = path_of(home, name)
    if os.path.exists(path):
        return Archive(name, path)
    print(f"building {name}", flush=True)
    root = os.path.join(home, "root")
    shutil.rmtree(root, ignore_errors=True)
    fill(root)
    packed = subprocess.run(["tar", "-C", root, "--sort=name", "--numeric-owner", "--exclude=./dev/*", "--exclude=./proc/*",
                             "-c", "."], stdout=subprocess.PIPE, check=True).stdout
    shutil.rmtree(root)
    return archive(home, name, lambda: packed)


def archive(home, name, read):
    """Writes an OCI archive around one layer."""
    path = path_of(home, name)
    if not os.path.exists(path):
        write(path, read())
    return Archive(name, path)


def path_of(home, name):
    """Gives an archive's place."""
    return os.path.join(home, name.replace(" ", "-") + ".oci.tar")


def write(path, layer):
    """Writes the archive's files, with entries for the folders, which Syft needs."""
    squeezed = gzip.compress(layer, 6, mtime=0)
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": images.MANIFEST,
        "config": descriptor(images.CONFIG, config),
        "layers": [descriptor(images.LAYER, squeezed)]}).encode()
    index = {"schemaVersion": 2, "manifests": [descriptor(images.MANIFEST, manifest)]}
    with tarfile.open(path + ".new", "w") as tar:
        for folder in ["blobs", "blobs/sha256"]:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for content in [squeezed, config, manifest]:
            add(tar, "blobs/" + digest(content).replace(":", "/"), content)
        add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add(tar, "index.json", json.dumps(index).encode())
    os.rename(path + ".new", path)


def add(tar, name, content):
    """Adds one file."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))


def descriptor(media_type, content):
    """Describes a blob."""
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def digest(content):
    """Gives a blob's digest."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
