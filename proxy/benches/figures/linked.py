"""A linked scanner and the service that it scans for, against the service alone."""

import http.client
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import clients
from daemons import Daemon, Sluicegate, ticks_of, TICKS
from images import Image, Layer
from results import add

IMAGES = 200
BESIDE = 4
NAME = "site"
CONFIG = """upstreams:
  site.bench: {{url: "http://127.0.0.1:{port}", scan_by: {name}}}
"""


class Scanner(Daemon):
    """A linked scanner that reaches the upstream as `site.bench`."""

    def __init__(self, home, setup, service):
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        key = os.path.join(home, "key")
        with open(key, "w", encoding="utf-8") as file:
            file.write(link(setup, service))
        self.setup, self.service = setup, service
        super().__init__(home, [
            os.path.join(setup.bin, "sluicegate"), "scanner", "--service",
            f"http://127.0.0.1:{service.api}", "--linking-key-file", key, "--data",
            os.path.join(home, "data"), "--allow",
            f"site.bench=http://127.0.0.1:{setup.upstream.port}"], service.port)
        self.wait(self.is_there)

    def is_there(self):
        """Raises OSError until it has asked for work."""
        listed = scanners(self.setup, self.service, "list")
        if not any(scanner.get("last_seen") for scanner in listed["items"]):
            raise OSError

    def cpu(self):
        """Gives CPU seconds of the process."""
        return ticks_of(self.process.pid) / TICKS


def link(setup, service):
    """Makes a linking key where the service runs."""
    return scanners(setup, service, "link", "--name", NAME)["linking_key"]


def scanners(setup, service, *arguments):
    """Runs a command about scanners where the service runs, and gives its answer."""
    done = subprocess.run([os.path.join(setup.bin, "sluicegate"), "scanners", *arguments, "--data",
                           os.path.join(service.home, "data"), "--format", "json"],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(setup):
    """Has 200 images judged by the service alone and with a scanner, then pulled whole by both."""
    images = site(setup)
    for image in images:
        image.push(setup.upstream.port)
    layers = len({layer.digest for image in images for layer in image.layers})
    alone, apart = judged(setup, images, manifest), judged_apart(setup, images, manifest)
    row(setup, f"{IMAGES} images judged", 1.25, alone, apart, layers)
    alone, apart = judged(setup, images, clients.raw_pull), judged_apart(setup, images,
                                                                         clients.raw_pull)
    row(setup, f"{IMAGES} images pulled whole", None, alone, apart, layers)


def row(setup, what, target, alone, apart, layers):
    """Adds the CPU of both sides against that of one."""
    (one, one_blobs), (service, scanner, blobs) = alone, apart
    add(setup, f"{what}, CPU of the service and a linked scanner / the service alone", target,
        (service + scanner) / one,
        detail=f"CPU s: alone {one:.1f}, service {service:.1f} and scanner {scanner:.1f}; GETs of "
               f"{layers} layers: alone {one_blobs}, apart {blobs}")


def site(setup):
    """Makes images of a base that all share and two layers of their own."""
    small = setup.images["herd"].layers
    base = Layer(small[0].parts, "site")
    return [Image(f"bench/site-{n}", [base, *(Layer(layer.parts, f"site-{n}")
                                              for layer in small[1:])]) for n in range(IMAGES)]


def manifest(port, image):
    """Asks for the manifest, and so has the image judged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    clients.get(connection, f"/v2/{image.name}/manifests/1")
    connection.close()


def judged(setup, images, pull):
    """Gives the CPU of a service alone, and how often layers were fetched."""
    with Sluicegate(os.path.join(setup.work, "sluicegate"), setup, setup.upstream.port) as proxy:
        before, seen = proxy.cpu(), len(setup.upstream.requests())
        all_of(images, lambda image: pull(proxy.port, image))
        return proxy.cpu() - before, fetched(setup, images, seen)


def judged_apart(setup, images, pull):
    """Gives the CPU of a service and of its scanner, and how often layers were fetched."""
    config = os.path.join(setup.work, "linked.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(port=setup.upstream.port, name=NAME))
    home = os.path.join(setup.work, "sluicegate")
    there = [Named(f"site.bench/{image.name}") for image in images]
    with Sluicegate(home, setup, setup.upstream.port, more=["--config", config]) as proxy, \
            Scanner(os.path.join(setup.work, "scanner"), setup, proxy) as scanner:
        time.sleep(1)
        before, seen = (proxy.cpu(), scanner.cpu()), len(setup.upstream.requests())
        all_of(there, lambda image: pull(proxy.port, image))
        costs = proxy.cpu() - before[0], scanner.cpu() - before[1]
        return (*costs, fetched(setup, images, seen))


class Named:
    """An image by the name under which it is pulled."""

    def __init__(self, name):
        self.name = name


def all_of(images, work):
    """Does something with a few images at a time."""
    with ThreadPoolExecutor(BESIDE) as pool:
        list(pool.map(work, images))


def fetched(setup, images, seen):
    """Counts GETs of layers at the upstream, those in parts as one."""
    layers = {layer.digest for image in images for layer in image.layers}
    gets = Counter(path.rsplit("/", 1)[1] for method, path in setup.upstream.requests(seen)
                   if method == "GET" and "/blobs/" in path)
    return sum(count for digest, count in gets.items() if digest in layers)
