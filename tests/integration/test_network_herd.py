"""All devices come back at once after a restart, with a push waiting for each.

UPDRAFT_HERD says how many (600 here; `make test-network` takes 10,000, the most is 15,000)."""
import json
import os
import re
import resource
import threading
import time

from support.builders import TASK, World
from support.crowd import metrics
from support.herd import Herd
from support.sanitizers import sanitized
from support.server import Server
from support.waiting import eventually, patient

COUNT = int(os.environ.get("UPDRAFT_HERD", "600"))
# Seconds until all are in, and until all have their push: what a machine that does other things needs.
BOUND = 30 + COUNT / 100
BUFFERS = 32 << 20
# What a connection may cost beyond the buffers that all share: the design allows 4 KB when it idles, and
# while it signs in there are its coroutine, its packets and the work that is queued for it.
PER_DEVICE = 24 << 10
# The paths of the pushes are measured, not the brake before them.
FLAGS = ["--buffer-bytes-max", str(BUFFERS)]
FLAGS += ["--dispatch-sends-per-second", "20000", "--dispatch-task-sends-per-second", "20000"]
OPERATORS_WAIT = 15  # seconds: what JetLinks' console gives a request


def enough_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = COUNT + 2_000
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


class Operator:
    """Somebody who looks at the task all the time. A context manager."""

    def __init__(self, api, task):
        self._api, self._task = api.clone(), task
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.waited, self.failure = [], None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._leaving.set()
        self._thread.join(30)

    def _look(self):
        query = {"terms": [{"column": "id", "value": self._task["id"]}]}
        history = {"pageSize": 12, "terms": [{"column": "taskId", "value": self._task["id"]}]}
        try:
            while not self._leaving.wait(0.02):
                for path, body in (
                    (f"{TASK}/detail/_query/no-paging", query),
                    ("/firmware/upgrade/history/_query", history),
                ):
                    began = time.monotonic()
                    assert self._api.call("POST", path, body).status == 200
                    self.waited.append(time.monotonic() - began)
        except Exception as failure:  # shown by the test
            self.failure = failure


def memory(server, name):
    if sanitized():
        return 0  # a sanitizer holds much more than the server
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(name + r":\s+(\d+) kB", status.read())[1]) * 1024


def restart(server, mqtt=None):
    """Another process on the same data and addresses; `mqtt`: another address for devices."""
    address = dict(server._listen)
    if mqtt:
        server._listen["mqtt"] = mqtt
    server.start()
    if mqtt:
        server._listen = address


def test_all_come_back_at_once_and_each_gets_its_push_once(tmp_path):
    enough_descriptors()
    assert COUNT <= 15_000
    server = Server(tmp_path / "data", *FLAGS).start()
    world = World(server, server.api())
    product = world.product()
    devices = [f"{product}-{number}" for number in range(COUNT)]
    for start in range(0, COUNT, 1000):
        lines = "id,name\n" + "".join(f"{each},{each}\n" for each in devices[start : start + 1000])
        report = world.api.post(
            f"/device-instance/_import?enable=true&productId={product}",
            raw=lines.encode(),
            content_type="text/csv",
        )
        assert report["refusedCount"] == 0, report
    with Herd(server.mqtt, product, devices) as herd:
        eventually(lambda: herd.signed_in == COUNT, BOUND)
        server.kill()
        eventually(lambda: herd.signed_in == 0, BOUND)
        # The devices find nobody while an operator makes the task.
        restart(server, mqtt="127.0.0.1:0")
        world = World(server, server.api())
        task = world.task(world.foreign_firmware(product), devices=None, response=600)
        assert world.detail(task)["total"] == COUNT
        server.stop()
        assert not any(herd.pushes.values())
        herd.refused.clear()

        restart(server)
        began = time.monotonic()
        world = World(server, server.api())
        idle = memory(server, "VmRSS")
        with Operator(world.api, task) as operator:
            eventually(lambda: herd.signed_in == COUNT, BOUND)
            all_in = time.monotonic() - began
            eventually(lambda: world.detail(task)["success"] == COUNT, BOUND, every=0.1)
            all_done = time.monotonic() - began
        most = memory(server, "VmHWM")
        seen = metrics(server, world.api)

        assert herd.failure is None and operator.failure is None
        messages = [ids for ids in herd.pushes.values()]
        assert all(len(ids) == 1 for ids in messages), [ids for ids in messages if len(ids) != 1][:5]
        assert len({ids[0] for ids in messages}) == COUNT
        detail = world.detail(task)
        assert (detail["success"], detail["progress"], detail["state"]["value"]) == (
            COUNT,
            100,
            "success",
        )
        assert seen["updraft_mqtt_devices"] == COUNT
        assert most - idle < BUFFERS + COUNT * PER_DEVICE
        assert len(operator.waited) > 5 and max(operator.waited) < patient(OPERATORS_WAIT)
        figures = {
            "devices": COUNT,
            "all in, s": round(all_in, 2),
            "all upgraded, s": round(all_done, 2),
            "memory before, MiB": idle >> 20,
            "most memory, MiB": most >> 20,
            "operator's requests": len(operator.waited),
            "operator's median, ms": round(sorted(operator.waited)[len(operator.waited) // 2] * 1e3, 1),
            "operator's longest, ms": round(max(operator.waited) * 1e3),
            "turned away meanwhile": dict(herd.refused),
        }
        print("\n" + json.dumps(figures))
    server.stop()
