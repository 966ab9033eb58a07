"""The programs under measurement, as processes with a CPU meter and a memory meter.

Every one listens on a free loopback port and keeps its files in a directory of its own.
"""

import atexit
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")
# Nothing is refused, so that every image is pulled whole; everything is scanned and matched.
POLICY = """apiVersion: sluicegate/v1
kind: Policy
metadata: {name: bench}
spec: {mode: audit}
"""
NGINX = """daemon off; worker_processes auto; pid {home}/pid; error_log {home}/error.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {home}/body; proxy_temp_path {home}/temp;
  fastcgi_temp_path {home}/fcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  proxy_cache_path {home}/cache keys_zone=bench:10m max_size=20g use_temp_path=off;
  upstream registry {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://registry; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache bench; proxy_cache_lock on; proxy_cache_valid 200 1h;
    }}
  }}
}}
"""
running = []


class Daemon:
    """A process that answers on a port."""

    def __init__(self, home, arguments, port, environment=None):
        os.makedirs(home, exist_ok=True)
        self.home, self.port, self.log = home, port, os.path.join(home, "log")
        self.arguments, self.environment = arguments, {**os.environ, **(environment or {})}
        self.start()

    def start(self):
        """Starts it over what is there, and waits until it answers."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdout=log, stderr=log, cwd=self.home,
                                            env=self.environment)
        running.append(self)
        self.wait(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close())

    def wait(self, ready, limit=300):
        """Waits until `ready` raises no OSError."""
        until = time.monotonic() + limit
        while True:
            try:
                ready()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    with open(self.log, encoding="utf-8", errors="replace") as log:
                        sys.exit(f"{self.process.args[0]} is not there: {log.read()[-2000:]}")
                time.sleep(0.02)

    def cpu(self):
        """Gives CPU seconds of the process and its children."""
        return sum(ticks_of(pid) for pid in self.family()) / TICKS

    def anonymous(self):
        """Gives anonymous resident memory, in MiB."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as rollup:
            fields = dict(line.split(":", 1) for line in rollup.readlines()[1:])
        return int(fields["Anonymous"].split()[0]) / 1024

    def resident(self):
        """Gives resident memory, mapped files among it, in MiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
        return int(fields["VmRSS"].split()[0]) / 1024

    def family(self):
        """Gives the process and its direct children."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as children:
            return [self.process.pid, *map(int, children.read().split())]

    def stop(self):
        """Ends it and waits."""
        if self in running:
            running.remove(self)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Registry(Daemon):
    """Debian's docker-registry, with an access log; a proxy of `upstream` where one is given."""

    def __init__(self, home, upstream=None):
        port = free_port()
        os.makedirs(home, exist_ok=True)
        config = os.path.join(home, "config.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"version: 0.1\nlog: {{level: error}}\n"
                       f"storage: {{filesystem: {{rootdirectory: {home}/storage}}}}\n"
                       f"http: {{addr: '127.0.0.1:{port}'}}\n")
            if upstream:
                file.write(f"proxy: {{remoteurl: 'http://127.0.0.1:{upstream}'}}\n")
        super().__init__(home, ["docker-registry", "serve", config], port,
                         {"OTEL_TRACES_EXPORTER": "none"})

    def requests(self, start=0):
        """Gives (method, path) of every request logged after the first `start`."""
        lines = []
        with open(self.log, encoding="utf-8", errors="replace") as log:
            for line in log:
                quoted = line.split('"')
                if len(quoted) > 2 and quoted[1].endswith("HTTP/1.1"):
                    method, path, _ = quoted[1].split(" ")
                    lines.append((method, path))
        return lines[start:]


class Nginx(Daemon):
    """nginx as a caching proxy."""

    def __init__(self, home, upstream):
        port = free_port()
        os.makedirs(home, exist_ok=True)
        config = os.path.join(home, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write("user root;\n" if os.getuid() == 0 else "")
            file.write(NGINX.format(home=home, port=port, upstream=upstream))
        super().__init__(home, ["nginx", "-e", f"{home}/error.log", "-c", config], port)


class Limiter(Daemon):
    """A relay with a rate in bytes per second."""

    def __init__(self, home, upstream, rate):
        port, self.state = free_port(), os.path.join(home, "state")
        super().__init__(home, [sys.executable, os.path.join(HERE, "limiter.py"), str(port),
                                str(upstream), str(rate), self.state], port)

    def last_byte(self):
        """Gives the time at which the last byte was passed on."""
        with open(self.state, encoding="ascii") as state:
            return float(state.read().split()[0])


class Sluicegate(Daemon):
    """The program, ready to serve, with the feeds' index already built."""

    def __init__(self, home, setup, upstream, gate="hold", prepare=None,
                 more=()):
        port, api = free_port(), free_port()
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(os.path.join(home, "data"))
        if os.path.isdir(setup.index):
            shutil.copytree(setup.index, os.path.join(home, "data", "feeds"))
        policy = os.path.join(home, "policy.yaml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(POLICY)
        if prepare:
            prepare(os.path.join(home, "data"))
        self.api = api
        super().__init__(home, [
            os.path.join(setup.bin, "sluicegate"), "serve", "--listen", f"127.0.0.1:{port}",
            "--api-listen", f"127.0.0.1:{api}", "--data", os.path.join(home, "data"),
            "--feed", setup.feeds, "--policy", policy, "--gate", gate, "--log-format", "json",
            "--upstream", f"up.bench=http://127.0.0.1:{upstream}",
            "--default-upstream", "up.bench", "--platforms", "linux/amd64",
            "--tag-ttl", "1h", *more], port)
        self.wait(self.is_ready)

    def restart(self):
        """Stops it and starts it again over the same directory."""
        self.stop()
        self.start()
        self.wait(self.is_ready)

    def is_ready(self):
        """Raises OSError until it is ready."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)
        connection.request("GET", "/readyz")
        if connection.getresponse().status != 200:
            raise OSError


class Peak(threading.Thread):
    """Watches a daemon's anonymous memory while a block runs."""

    def __init__(self, daemon, period=0.05):
        super().__init__(daemon=True)
        self.watched, self.period, self.peak, self.over = daemon, period, 0.0, threading.Event()

    def run(self):
        while not self.over.wait(self.period):
            self.peak = max(self.peak, self.watched.anonymous())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.peak = max(self.peak, self.watched.anonymous())


def ticks_of(pid):
    """Gives user and system time of a process, in ticks."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def free_port():
    """Finds a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@atexit.register
def stop_all():
    """Leaves no process behind."""
    for daemon in list(running):
        daemon.stop()
