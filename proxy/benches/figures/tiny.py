"""Pulls many images of a few hundred bytes: what a pull costs apart from its bytes."""

import os
from concurrent.futures import ThreadPoolExecutor

import clients
from daemons import Sluicegate
from images import Image, Layer
from results import add

IMAGES = 1_500
BESIDE = 4


def measure(setup):
    """Measures the CPU of cold pulls by raw clients, and of the same pulls again."""
    images = [Image(f"bench/tiny-{n}", [Layer([], f"tiny-{n}")]) for n in range(IMAGES)]
    for image in images:
        image.push(setup.upstream.port)
    with Sluicegate(os.path.join(setup.work, "tiny"), setup, setup.upstream.port) as proxy:
        cold, warm = (cpu_of_pulls(proxy, images) for _ in range(2))
    add(setup, "cold pulls of tiny images, CPU of the gate each, ms", 5, cold, "{:.2f}",
        f"{IMAGES:,} of them by {BESIDE} raw clients; the same pulls again {warm:.2f}")


def cpu_of_pulls(proxy, images):
    """Pulls all images, a few at a time; gives the mean CPU of one, in ms."""
    before = proxy.cpu()
    with ThreadPoolExecutor(BESIDE) as pool:
        list(pool.map(lambda image: clients.raw_pull(proxy.port, image), images))
    return (proxy.cpu() - before) / len(images) * 1000
