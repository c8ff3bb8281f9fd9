"""`updraft serve` under test."""
import json
import os
import pathlib
import signal
import subprocess
import time

from rig import machine
from rig.rest import Rest

PASSWORD = "bench-admin-password"


class Server:
    """The server on a data folder, on its core. A context manager; knows how long it took to be ready."""

    def __init__(self, binary, data, *flags, certificate=None, core=machine.SERVER_CORE):
        self.data = pathlib.Path(data)
        command = [binary, "serve", "--data", data, "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"]
        if certificate:
            command += ["--https-listen", "127.0.0.1:0", "--mqtts-listen", "127.0.0.1:0"]
            command += ["--tls-certificate", certificate.chain, "--tls-key", certificate.key]
        self._log = open(self.data.parent / f"{self.data.name}.log", "ab")
        began = time.monotonic()
        self.process = subprocess.Popen(
            machine.pinned(core, [*command, *flags]), stdout=subprocess.PIPE, stderr=self._log,
            text=True, env=environment())
        line = self.process.stdout.readline()
        self.start_seconds = time.monotonic() - began
        if not line:
            raise RuntimeError(f"the server did not start: {self.last_words()}")
        self.ready = json.loads(line)
        self.pid = self.ready["pid"]
        self.http = self.ready["http"]
        self._rest = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def port(self, listener):
        """The port of a listener of the ready line: http, https, mqtt, mqtts."""
        return int(self.ready[listener].rsplit(":", 1)[1])

    def url(self, path, scheme="http"):
        return f"{scheme}://{self.ready[scheme]}{path}"

    @property
    def rest(self):
        """A client signed in as the administrator."""
        if self._rest is None:
            self._rest = Rest(self.http).sign_in(PASSWORD)
        return self._rest

    def resident_mib(self):
        return machine.resident_mib(self.pid)

    def cpu_seconds(self):
        return machine.cpu_seconds(self.pid)

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._rest:
            self._rest.close()
        self._log.close()

    def last_words(self):
        return pathlib.Path(self._log.name).read_text(errors="replace")[-400:]


def environment():
    """Ours without settings of the server: the bench measures its defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UPDRAFT_")}
    return {**kept, "UPDRAFT_ADMIN_PASSWORD": PASSWORD}
