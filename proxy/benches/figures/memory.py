"""Anonymous memory: idle with all feeds, a hundred cold pulls at once, one huge layer."""

import os
import time

import clients
from daemons import Peak, Sluicegate
from results import add


def measure(setup):
    """Measures hold and stream; the worse of both is the figure."""
    idle, crowd, huge = {}, {}, {}
    for gate in ["hold", "stream"]:
        with Sluicegate(os.path.join(setup.work, "sluicegate"), setup, setup.upstream.port,
                        gate) as proxy:
            time.sleep(3)
            idle[gate] = proxy.anonymous()
            with Peak(proxy) as peak:
                clients.crowd(proxy.port, setup.images["many"])
            crowd[gate] = peak.peak
        with Sluicegate(os.path.join(setup.work, "sluicegate"), setup, setup.upstream.port,
                        gate) as proxy:
            with Peak(proxy) as peak:
                clients.raw_pull(proxy.port, setup.images["huge"])
            huge[gate] = peak.peak
    size = os.path.getsize(newest(setup.index)) / (1 << 20)
    add_row(setup, f"memory, idle with a feed index of {size:.0f} MiB, MiB", 64, idle)
    add_row(setup, "memory, 100 concurrent cold pulls, MiB", 256, crowd)
    add_row(setup, f"memory, a layer of {setup.images['huge'].bytes / (1 << 30):.1f} GiB, MiB",
            128, huge)


def add_row(setup, figure, most, found):
    """Adds the worse of both modes."""
    add(setup, figure, most, max(found.values()), "{:.0f}",
        ", ".join(f"{gate} {value:.1f}" for gate, value in found.items()))


def newest(folder):
    """Gives the newest file of a folder."""
    return max((os.path.join(folder, name) for name in os.listdir(folder)), key=os.path.getmtime)
