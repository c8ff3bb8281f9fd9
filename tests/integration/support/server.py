"""Starts and stops the real binary."""
import atexit
import json
import os
import pathlib
import queue
import signal
import subprocess
import threading

from support.api import PASSWORD, Api
from support.contract import ROOT
from support.waiting import patient

READY_SECONDS = 20
STOP_SECONDS = 10  # design 2: SIGTERM ends the process within this time
LOGS = []  # where every server that was started writes its log


def binary():
    return pathlib.Path(os.environ.get("UPDRAFT_BINARY", ROOT / "build" / "release" / "updraft"))


class Server:
    """One process on a data folder with ports of its own. A context manager: leaving it stops the
    process by SIGTERM and wants exit code 0."""

    def __init__(self, data, *flags, environment=None, password=PASSWORD):
        self.data = pathlib.Path(data)
        self.flags = list(flags)
        self.environment = {"UPDRAFT_ADMIN_PASSWORD": password, **(environment or {})}
        self.log_path = self.data.parent / (self.data.name + ".log")
        self.process = None
        self.ready = None
        self.output = []
        self._listen = {}

    def start(self):
        """Starts and waits for the ready line. After a stop it starts again on the same ports, so
        that devices find it where it was."""
        self._launch()
        try:
            line = self._lines.get(timeout=patient(READY_SECONDS))
        except queue.Empty:
            self.kill()
            raise AssertionError(f"not ready within {READY_SECONDS} s:\n{self.log()}") from None
        assert line is not None, f"ended before it was ready ({self.process.wait()}):\n{self.log()}"
        self.ready = json.loads(line)
        assert self.ready["ready"] is True and self.ready["pid"] == self.process.pid, self.ready
        self._listen = {"http": self.ready["http"], "mqtt": self.ready["mqtt"]}
        return self

    def _launch(self):
        self.data.mkdir(parents=True, exist_ok=True)
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("UPDRAFT_")
        }
        environment = {
            **inherited,
            **{name: value for name, value in self.environment.items() if value is not None},
        }
        command = [
            str(binary()),
            "serve",
            "--data",
            str(self.data),
            "--listen",
            self._listen.get("http", "127.0.0.1:0"),
            "--mqtt-listen",
            self._listen.get("mqtt", "127.0.0.1:0"),
            *self.flags,
        ]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment
            )
        if self.log_path not in LOGS:
            LOGS.append(self.log_path)
        atexit.register(self.kill)
        self._lines = queue.Queue()
        threading.Thread(
            target=self._read_output, args=(self.process, self._lines), daemon=True
        ).start()

    def _read_output(self, process, lines):
        for line in process.stdout:
            self.output.append(line.decode(errors="replace"))
            if line.startswith(b"{"):
                lines.put(line)
        lines.put(None)

    def stop(self):
        """SIGTERM, and the promised end. One that ended although nobody waited for it has crashed."""
        if self.process is None or self.process.returncode is not None:
            return
        code = self.process.poll()
        assert code is None, f"ended by itself, exit code {code}:\n{self.log()}"
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(patient(STOP_SECONDS))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"still running {STOP_SECONDS} s after SIGTERM:\n{self.log()}"
            ) from None
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.log()}"

    def kill(self):
        """kill -9."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            if self.process.poll() is not None and self.process.returncode not in (
                0,
                -signal.SIGKILL,
            ):
                raise AssertionError(
                    f"the server ended with {self.process.returncode}:\n{self.log()}"
                )
            self.stop()
        else:
            self.kill()

    @property
    def http(self):
        return self.ready["http"]

    @property
    def mqtt(self):
        return self.ready["mqtt"]

    def log(self, last=6000):
        return self.log_path.read_text(errors="replace")[-last:] if self.log_path.exists() else ""

    def api(self, **options):
        """A client signed in as admin."""
        api = Api(self.http, **options)
        api.login()
        return api
