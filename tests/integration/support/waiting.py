"""Waiting for facts, with a deadline; nothing here sleeps for a fixed time."""
import http.client
import json
import os
import threading
import time

PATIENCE = float(os.environ.get("UPDRAFT_TEST_PATIENCE", "1"))


def patient(seconds):
    """The deadline of a wait that is `seconds` long where the server has its usual speed. A build with
    sanitizers is slower: there UPDRAFT_TEST_PATIENCE says how many times as long every wait may take."""
    return seconds * PATIENCE


def eventually(fact, seconds=5.0, every=0.02):
    """Calls `fact` until it returns something true, and returns that. An AssertionError inside counts
    as "not yet"; the last one is raised when the time is up."""
    deadline = time.monotonic() + patient(seconds)
    while True:
        failure = None
        try:
            value = fact()
            if value:
                return value
        except AssertionError as error:
            failure = error
        if time.monotonic() >= deadline:
            raise failure or AssertionError(f"not so within {seconds} s: {fact}")
        time.sleep(every)


def stays(fact, seconds=0.4, every=0.02):
    """Asserts that `fact` is true all the time for `seconds`: for things that must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert fact(), f"did not stay so: {fact}"
        time.sleep(every)


class Events:
    """The server-sent events of a path, collected by a thread. A context manager."""

    def __init__(self, address, path, headers):
        host, port = address.rsplit(":", 1)
        self._connection = http.client.HTTPConnection(host, int(port), timeout=patient(30))
        self._connection.request("GET", path, headers={**headers, "Accept": "text/event-stream"})
        self.answer = self._connection.getresponse()
        self._seen = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.getheader("Content-Type").startswith("text/event-stream")
        self._thread.start()
        return self

    def __exit__(self, *_):
        sock = getattr(self.answer.fp, "raw", None)
        try:
            if sock is not None and getattr(sock, "_sock", None) is not None:
                sock._sock.shutdown(2)
        except OSError:
            pass
        self._thread.join(5)
        self._connection.close()

    def _read(self):
        name, data = "message", []
        try:
            for raw in self.answer:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    data.append(line[5:].strip())
                elif not line and data:
                    with self._changed:
                        self._seen.append((name, json.loads("\n".join(data))))
                        self._changed.notify_all()
                    name, data = "message", []
        except (OSError, http.client.HTTPException, ValueError):
            pass

    def wait_for(self, name, wanted=lambda data: True, seconds=5.0):
        """The data of the first event `name`, past or to come, that `wanted` accepts."""

        def found():
            return next(
                ((data,) for event, data in self._seen if event == name and wanted(data)), None
            )

        with self._changed:
            assert self._changed.wait_for(found, patient(seconds)), f"no event {name} among {self._seen}"
            return found()[0]
