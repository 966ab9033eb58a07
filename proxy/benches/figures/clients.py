"""Those who pull: podman, skopeo, wrk, curl, and a raw client for crowds."""

import http.client
import json
import os
import re
import shutil
import subprocess
import threading
import time

from images import MANIFEST


def podman(setup, port, image):
    """Pulls with a new store and gives the seconds it took."""
    home = os.path.join(setup.scratch, "podman")
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    policy = os.path.join(home, "policy.json")
    with open(policy, "w", encoding="utf-8") as file:
        file.write('{"default": [{"type": "insecureAcceptAnything"}]}')
    took = timed(["podman", "--root", f"{home}/root", "--runroot", f"{home}/run",
                  "--storage-driver", setup.driver, "--events-backend=none", "pull", "-q",
                  "--tls-verify=false", "--signature-policy", policy,
                  f"127.0.0.1:{port}/{image.name}:1"], {"TMPDIR": home})
    subprocess.run(["podman", "--root", f"{home}/root", "--runroot", f"{home}/run",
                    "--storage-driver", setup.driver, "rmi", "-af"], check=False,
                   capture_output=True)
    shutil.rmtree(home, ignore_errors=True)
    return took


def skopeo(setup, port, image):
    """Copies an image to files in memory and gives the seconds it took."""
    target = os.path.join(setup.scratch, "skopeo")
    shutil.rmtree(target, ignore_errors=True)
    took = timed(["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false",
                  f"docker://127.0.0.1:{port}/{image.name}:1", f"dir:{target}"])
    shutil.rmtree(target, ignore_errors=True)
    return took


def raw_pull(port, image):
    """Pulls as a runtime does, layer after layer; gives when the manifest was there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    manifest = json.loads(get(connection, f"/v2/{image.name}/manifests/1"))
    judged = time.time()
    for blob in [manifest["config"], *manifest["layers"]]:
        path = f"/v2/{image.name}/blobs/{blob['digest']}"
        if len(get(connection, path, keep=False)) != blob["size"]:
            raise RuntimeError(f"{path}: cut short")
    connection.close()
    return judged


def crowd(port, images):
    """Pulls all of `images` at the same time."""
    failures = []

    def pull(image):
        try:
            raw_pull(port, image)
        except Exception as error:  # noqa: BLE001 - reported below, from the right thread.
            failures.append(error)

    threads = [threading.Thread(target=pull, args=(image,)) for image in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"{len(failures)} of {len(images)} pulls failed: {failures[0]}")


def get(connection, path, keep=True):
    """Gets a path, following redirects to the same host; without `keep` gives only a length."""
    for _ in range(12):
        connection.request("GET", path, headers={"Accept": MANIFEST})
        answer = connection.getresponse()
        if answer.status == 307:
            answer.read()
            path = answer.headers["Location"]
            continue
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {answer.read()[:300]!r}")
        if keep:
            return answer.read()
        length, buffer = 0, bytearray(256 << 10)
        while count := answer.readinto(buffer):
            length += count
        return range(length)
    raise RuntimeError(f"{path}: too many redirects")


def wrk(port, path, seconds, headers=()):
    """Gives requests per second of 64 connections from 2 threads."""
    more = [part for header in headers for part in ("-H", header)]
    shown = subprocess.run(["wrk", "-t2", "-c64", f"-d{seconds}s", "-H", f"Accept: {MANIFEST}", *more,
                            f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True,
                           text=True).stdout
    if "Non-2xx" in shown:
        raise RuntimeError(f"{path}: {shown}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", shown)[1])


def wrk_p99(port, path, seconds):
    """Gives the 99th percentile of one connection's answers, in microseconds."""
    shown = subprocess.run(["wrk", "-t1", "-c1", f"-d{seconds}s", "--latency", "-H",
                            f"Accept: {MANIFEST}", f"http://127.0.0.1:{port}{path}"], check=True,
                           capture_output=True, text=True).stdout
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", shown).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def curl(port, path, times, beside=1):
    """Gets a path so many times on each of `beside` connections."""
    with open(os.devnull, "wb") as nowhere:
        arguments = ["curl", "-sSf"]
        for _ in range(times):
            arguments += [f"http://127.0.0.1:{port}{path}", "-o", "/dev/null"]
        processes = [subprocess.Popen(arguments, stdout=nowhere) for _ in range(beside)]
        if any(process.wait() for process in processes):
            raise RuntimeError(f"{path}: curl failed")


def timed(arguments, environment=None):
    """Runs a command and gives its seconds."""
    started = time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False,
                          env={**os.environ, **(environment or {})})
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stderr}")
    return time.monotonic() - started
