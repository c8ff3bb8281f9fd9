#!/usr/bin/env python3
"""Measures the release binary and its yardsticks in the same run and writes a table (JSON and Markdown).

The server runs on the first core, the load on the second. Each figure stands beside its yardstick:
nginx for HTTP, mosquitto for MQTT, OpenSSL's digests for uploads. Compare ratios, never runs of
different days.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

PASSWORD = "bench-admin-password"
DEVICES = 2000
SERVER_CORE, LOAD_CORE = "0", "1"


def pinned(core, command):
    return ["taskset", "-c", core, *command] if os.cpu_count() > 1 else command


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`updraft serve` on a data folder of its own; knows how long it took to be ready."""

    def __init__(self, binary, data, *flags):
        began = time.monotonic()
        self.process = subprocess.Popen(
            pinned(SERVER_CORE, [binary, "serve", "--data", data, "--listen", "127.0.0.1:0",
                                 "--mqtt-listen", "127.0.0.1:0", *flags]),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "UPDRAFT_ADMIN_PASSWORD": PASSWORD})
        self.ready = json.loads(self.process.stdout.readline())
        self.start_seconds = time.monotonic() - began
        self.base = f"http://{self.ready['http']}"

    def rss_mib(self):
        status = pathlib.Path(f"/proc/{self.ready['pid']}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def call(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        if token:
            request.add_header("X-Access-Token", token)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer).get("result")

    def sign_in(self):
        return self.call("POST", "/authorize/login",
                         {"username": "admin", "password": PASSWORD, "expires": 3600000})["token"]


class Nginx:
    def __init__(self, folder, body):
        self.port = free_port()
        root = folder / "nginx"
        root.mkdir()
        (root / "small.json").write_bytes(body)
        config = root / "nginx.conf"
        # As root nginx would drop its rights and could not read the folder any more.
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(f"""
{user} worker_processes 1; pid {root}/pid; error_log stderr crit; daemon off;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  server {{ listen 127.0.0.1:{self.port}; root {root}; }}
}}""")
        self.root = root
        self.process = subprocess.Popen(pinned(SERVER_CORE, ["nginx", "-p", str(root), "-c", str(config)]),
                                        stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/{name}"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Mosquitto:
    def __init__(self, folder):
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n"
                          f"max_queued_messages 0\npersistence false\nlog_type none\n")
        self.process = subprocess.Popen(pinned(SERVER_CORE, ["mosquitto", "-c", str(config)]),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def wait_for_port(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


def wrk(url, connections, seconds, *headers):
    """(requests per second, bytes per second, p99 in ms)"""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(pinned(LOAD_CORE, [*command, url]), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise RuntimeError(out)
    units = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    moved = re.search(r"Transfer/sec:\s+([\d.]+)(GB|MB|KB|B)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    scale = {"us": 0.001, "ms": 1, "s": 1000}[p99.group(2)]
    return rate, float(moved.group(1)) * units[moved.group(2)], float(p99.group(1)) * scale


def mqtt_load(tool, *arguments):
    out = subprocess.run(pinned(LOAD_CORE, [tool, *map(str, arguments)]), capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


class Report:
    def __init__(self):
        self.rows = []

    def add(self, what, value, unit, yardstick="", yardstick_value=None, note=""):
        ratio = None if not yardstick_value else value / yardstick_value
        self.rows.append({"what": what, "value": value, "unit": unit, "yardstick": yardstick,
                          "yardstick_value": yardstick_value, "ratio": ratio, "note": note})
        beside = f"   {yardstick} {yardstick_value:,.1f}, ratio {ratio:.2f}" if ratio else ""
        print(f"{what:58} {value:>12,.1f} {unit}{beside}", flush=True)

    def markdown(self, machine):
        lines = [f"Machine: {machine}", "", "| what | figure | yardstick in the same run | ratio |", "| --- | --- | --- | --- |"]
        for row in self.rows:
            beside = f"{row['yardstick']}: {row['yardstick_value']:,.1f} {row['unit']}" if row["ratio"] else row["yardstick"]
            ratio = f"{row['ratio']:.2f}" if row["ratio"] else ""
            lines.append(f"| {row['what']} | {row['value']:,.1f} {row['unit']} | {beside} | {ratio} |")
        return "\n".join(lines) + "\n"


def measure_start(report, binary, folder):
    times = []
    for round_number in range(5):
        server = Server(binary, str(folder / f"empty-{round_number}"))
        times.append(server.start_seconds)
        memory = server.rss_mib()
        server.stop()
    report.add("start on an empty folder, until ready", statistics.median(times) * 1000, "ms")
    report.add("resident memory, idle after the start", memory, "MiB")


def measure_polls(report, server, token, nginx, seconds):
    task = server.call("POST", "/firmware/upgrade/task/detail/_query", {"pageSize": 1}, token)["data"][0]
    path = f"/firmware/upgrade/task/{task['id']}"
    yardstick, _, _ = wrk(nginx.url("small.json"), 64, seconds)
    rate, _, p99 = wrk(server.base + path, 64, seconds, f"X-Access-Token: {token}")
    report.add("console poll of one task, signed in, 64 connections", rate, "requests/s", "nginx, small JSON file", yardstick)
    report.add("p99 of that poll at full load", p99, "ms")


def measure_files(report, server, token, nginx, folder, seconds):
    blob = folder / "firmware.bin"
    size = 256 << 20
    with blob.open("wb") as out:
        for _ in range(size >> 20):
            out.write(os.urandom(1 << 20))
    began = time.monotonic()
    digests = hashlib.md5(), hashlib.sha1(), hashlib.sha256()
    with blob.open("rb") as data:
        while piece := data.read(1 << 18):
            for digest in digests:
                digest.update(piece)
    digest_rate = size / (time.monotonic() - began) / (1 << 20)
    before = server.rss_mib()
    began = time.monotonic()
    answer = subprocess.run(
        pinned(LOAD_CORE, ["curl", "-sS", "-H", f"X-Access-Token: {token}", "-F", f"file=@{blob}",
                           f"{server.base}/file/upload"]), capture_output=True, text=True, check=True)
    upload_rate = size / (time.monotonic() - began) / (1 << 20)
    stored = json.loads(answer.stdout)["result"]
    if stored["sha256"] != digests[-1].hexdigest():
        raise RuntimeError("the server computed another digest")
    report.add("upload of 256 MiB, stored and synced", upload_rate, "MiB/s", "its three digests in one pass", digest_rate)
    report.add("growth of resident memory during that upload", server.rss_mib() - before, "MiB")

    shutil.copy(blob, nginx.root / "firmware.bin")
    url = f"{server.base}/file/{stored['id']}.bin?accessKey={stored['others']['accessKey']}"
    for what, connections, headers in (("download of 256 MiB, 16 clients", 16, ()),
                                       ("ranges of 1 MiB, 64 clients", 64, ("Range: bytes=1048576-2097151",)),
                                       ("ranges of 64 KiB, 64 clients", 64, ("Range: bytes=1048576-1114111",))):
        _, theirs, _ = wrk(nginx.url("firmware.bin"), connections, seconds, *headers)
        _, ours, _ = wrk(url, connections, seconds, *headers)
        report.add(what, ours / (1 << 20), "MiB/s", "nginx", theirs / (1 << 20))


def measure_mqtt(report, server, token, tool, folder, seconds):
    mosquitto = Mosquitto(folder)
    ours = server.ready["mqtt"].rsplit(":", 1)[1]
    theirs = mosquitto.port
    common = ("--devices", DEVICES, "--product", "bench", "--prefix", "bench-", "--secure-id", "bench", "--secure-key", "bench")
    try:
        before = server.rss_mib()
        held = mqtt_load(tool, "hold", "--port", ours, "--pid", server.ready["pid"], *common)
        report.add("memory of one idle MQTT connection", held["rss_growth_bytes"] / DEVICES / 1024, "KiB",
                   note=f"resident before: {before:.0f} MiB")
        yardstick = mqtt_load(tool, "connect", "--port", theirs, *common)
        figure = mqtt_load(tool, "connect", "--port", ours, *common)
        report.add("MQTT sign-ins", figure["per_second"], "connects/s", "mosquitto, anonymous", yardstick["per_second"])
        yardstick = mqtt_load(tool, "publish", "--port", theirs, "--seconds", seconds, *common)
        figure = mqtt_load(tool, "publish", "--port", ours, "--seconds", seconds, *common)
        report.add("MQTT QoS 1 messages without news, PUBACK awaited", figure["per_second"], "messages/s",
                   "mosquitto", yardstick["per_second"])
        figure = mqtt_load(tool, "progress", "--port", ours, "--seconds", seconds, *common)
        report.add("MQTT progress events, PUBACK after the commit", figure["per_second"], "events/s",
                   "mosquitto QoS 1, nothing stored", yardstick["per_second"])
        figure = mqtt_load(tool, "pull", "--port", ours, "--seconds", seconds, *common)
        report.add("MQTT pulls without news, answered", figure["per_second"], "pulls/s")
    finally:
        mosquitto.stop()


def prepare(server, token, folder):
    """A product with devices, two firmwares, a pull task that is never asked for and one in progress."""
    server.call("POST", "/device-product", {"id": "bench", "name": "bench", "messageProtocol": "jetlinks.v3.0",
                                            "transportProtocol": "MQTT", "deviceType": "device",
                                            "configuration": {"secureId": "bench", "secureKey": "bench"}}, token)
    server.call("POST", "/device-product/bench/deploy", {}, token)
    ids = [f"bench-{number}" for number in range(1, DEVICES + 1)]
    server.call("POST", "/device-instance/_batch",
                [{"id": id, "name": id, "productId": "bench", "productName": "bench"} for id in ids], token)
    server.call("PUT", "/device-instance/batch/_deploy", ids, token)
    blob = folder / "small.bin"
    blob.write_bytes(b"hello firmware")
    answer = subprocess.run(["curl", "-sS", "-H", f"X-Access-Token: {token}", "-F", f"file=@{blob}",
                             f"{server.base}/file/upload"], capture_output=True, text=True, check=True)
    stored = json.loads(answer.stdout)["result"]
    firmware = server.call("POST", "/firmware", {
        "name": "bench", "productId": "bench", "version": "2.0", "versionOrder": 2, "signMethod": "sha256",
        "sign": stored["sha256"], "url": stored["accessUrl"], "size": stored["length"], "properties": []}, token)
    server.call("POST", "/firmware/upgrade/task", {
        "name": "bench", "mode": "pull", "timeoutSeconds": 99999, "releaseType": "all", "firmwareId": firmware["id"],
        "productId": "bench"}, token)


def machine_class():
    model = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)) >> 20
    return (f"{os.cpu_count()} cores ({model.group(1).strip() if model else 'unknown'}), {memory} GiB, "
            f"loopback, server on one core and load on the other, load average before {os.getloadavg()[0]:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="build/release/updraft")
    parser.add_argument("--tool", default="build/release/tests/bench/mqtt_load")
    parser.add_argument("--out", default="build/bench")
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    options = parser.parse_args()
    report = Report()
    machine = machine_class()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        measure_start(report, options.binary, folder)
        nginx = Nginx(folder, json.dumps({"message": "success", "status": 200, "result": {"id": "1" * 19, "name": "x" * 400}}).encode())
        server = Server(options.binary, str(folder / "data"))
        try:
            token = server.sign_in()
            prepare(server, token, folder)
            measure_polls(report, server, token, nginx, options.seconds)
            measure_files(report, server, token, nginx, folder, options.seconds)
            measure_mqtt(report, server, token, options.tool, folder, options.seconds)
        finally:
            server.stop()
            nginx.stop()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps({"machine": machine, "rows": report.rows}, indent=2))
    (out / "report.md").write_text(report.markdown(machine))
    print(f"\n{out / 'report.md'}")


if __name__ == "__main__":
    sys.exit(main())
