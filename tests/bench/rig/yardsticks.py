"""What the server is measured against, on the server's core and in the same run."""
import contextlib
import os
import pathlib
import sqlite3
import subprocess
import time

from rig import machine


class Certificate:
    """A self-signed one with a P-256 key, for the server and nginx alike."""

    def __init__(self, folder):
        self.chain, self.key = folder / "chain.pem", folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", str(self.key), "-out", str(self.chain), "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)


class Nginx:
    """nginx with one worker on a folder, plain and with TLS. A context manager."""

    def __init__(self, folder, certificate):
        self.port, self.tls_port = machine.free_port(), machine.free_port()
        self.root = folder / "nginx"
        self.root.mkdir()
        config = self.root / "nginx.conf"
        # As root nginx would drop its rights and could not read the folder any more.
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(f"""
{user} worker_processes 1; worker_rlimit_nofile 20000; pid {self.root}/pid; error_log stderr crit; daemon off;
events {{ worker_connections 15000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type application/octet-stream;
  client_body_temp_path {self.root}/body; proxy_temp_path {self.root}/proxy; fastcgi_temp_path {self.root}/fastcgi;
  uwsgi_temp_path {self.root}/uwsgi; scgi_temp_path {self.root}/scgi;
  server {{
    listen 127.0.0.1:{self.port}; listen 127.0.0.1:{self.tls_port} ssl; root {self.root};
    ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_buffer_size 16k;
  }}
}}""")
        (self.root / "small.json").write_text('{"config":{"polling":{"sleep":"00:05:00"}},"_links":{}}' + " " * 300)
        self.process = subprocess.Popen(
            machine.pinned(machine.SERVER_CORE, ["nginx", "-p", self.root, "-c", config]), stderr=subprocess.DEVNULL)
        machine.wait_for_port(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    @property
    def worker(self):
        """The process that does the work."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def url(self, name, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port if scheme == 'http' else self.tls_port}/{name}"


class Mosquitto:
    """The broker without sign-in and without a disk. A context manager."""

    def __init__(self, folder):
        self.port = machine.free_port()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n"
                          f"max_queued_messages 0\npersistence false\nlog_type none\n")
        self.process = subprocess.Popen(
            machine.pinned(machine.SERVER_CORE, ["mosquitto", "-c", config]),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        machine.wait_for_port(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


@contextlib.contextmanager
def reading(data):
    """The server's database, read beside it."""
    path = pathlib.Path(data) / "updraft.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as db:
        yield db


def raw_expansion(data, scratch, devices, chunk=10_000):
    """Seconds that bare SQLite needs for as many records of the same table with the same indexes, in the
    same chunks, each committed and synced."""
    with reading(data) as source:
        statements = [row[0] for row in source.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'upgrade_record' AND sql IS NOT NULL ORDER BY type DESC")]
        names = [row[1] for row in source.execute("PRAGMA table_info(upgrade_record)")]
    values = {"task_id": "1", "device_id": "id", "device_name": "name", "state": "'waiting'", "attempt": "1",
              "created_at": "0", "message_id": "''", "server_id": "''", "error_reason": "''", "id": "?1 + seq",
              "progress": "0", "forced": "0", "acked": "0", "resent": "0", "revived": "0"}
    insert = (f"INSERT INTO upgrade_record ({', '.join(names)}) SELECT {', '.join(values.get(n, 'NULL') for n in names)}"
              " FROM source.device WHERE seq > ?2 ORDER BY seq LIMIT ?3")
    machine.on_core(machine.SERVER_CORE)
    try:
        with contextlib.closing(sqlite3.connect(scratch, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA cache_size = -65536")
            for statement in statements:
                db.execute(statement)
            db.execute("ATTACH ? AS source", (str(pathlib.Path(data) / "updraft.db"),))
            began, made = time.monotonic(), 0
            while made < devices:
                db.execute("BEGIN IMMEDIATE")
                count = db.execute(insert, (10**15, made, chunk)).rowcount
                db.execute("COMMIT")
                if count == 0:
                    break
                made += count
            return time.monotonic() - began
    finally:
        machine.on_core(machine.LOAD_CORE)


def raw_page(data, task, rows=24, rounds=50):
    """Seconds of bare keyset pages of the task's records, one each round from a place of its own."""
    machine.on_core(machine.SERVER_CORE)
    try:
        with reading(data) as db:
            low, high = db.execute("SELECT min(id), max(id) FROM upgrade_record WHERE task_id = ?", (task,)).fetchone()
            times = []
            for number in range(rounds):
                place = low + (high - low) * (number + 1) // rounds
                began = time.monotonic()
                db.execute("SELECT * FROM upgrade_record WHERE task_id = ? AND id <= ? ORDER BY id DESC LIMIT ?",
                           (task, place, rows)).fetchall()
                times.append(time.monotonic() - began)
            return times
    finally:
        machine.on_core(machine.LOAD_CORE)
