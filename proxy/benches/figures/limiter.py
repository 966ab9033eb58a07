"""A TCP relay that lets so many bytes a second through in all: limiter.py FROM TO RATE STATE.

Runs as a process of its own. RATE is in bytes per second, 0 for none. STATE is a file that always
holds the time of the last byte passed on and the bytes so far.
"""

import os
import socket
import sys
import threading
import time

# Small enough that the last piece of a blob is no later than 2 ms after the one before.
PIECE = 64 << 10
# How far a relay that was not scheduled in time may catch up, in seconds.
CATCH_UP = 0.02


class Budget:
    """The bytes that may pass, shared by all connections."""

    def __init__(self, rate, state):
        self.rate, self.next, self.total, self.lock = rate, 0.0, 0, threading.Lock()
        self.state = os.open(state, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)

    def wait(self, count):
        """Sleeps until `count` more bytes are due."""
        if not self.rate:
            return
        with self.lock:
            now = time.monotonic()
            self.next = max(self.next, now - CATCH_UP) + count / self.rate
            pause = self.next - now
        if pause > 0:
            time.sleep(pause)

    def note(self, count):
        """Writes down that bytes have passed."""
        with self.lock:
            self.total += count
            os.pwrite(self.state, f"{time.time():.6f} {self.total:>20}".encode(), 0)


def pump(source, sink, budget):
    """Copies one direction until it ends."""
    buffer = bytearray(PIECE)
    try:
        while count := source.recv_into(buffer):
            if budget:
                budget.wait(count)
            sink.sendall(memoryview(buffer)[:count])
            if budget:
                budget.note(count)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


def main():
    """Relays every connection."""
    here, there = int(sys.argv[1]), int(sys.argv[2])
    budget = Budget(float(sys.argv[3]), sys.argv[4])
    listener = socket.create_server(("127.0.0.1", here), backlog=1024)
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", there))
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=pump, args=(client, server, None), daemon=True).start()
        threading.Thread(target=pump, args=(server, client, budget), daemon=True).start()


main()
