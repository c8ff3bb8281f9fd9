"""What grows with the fleet: registration, start, memory, disk, tasks, polls and progress at one size."""
import contextlib
import time

from rig import fleet, machine, rollout, yardsticks
from rig.loads import identity, per_cpu
from rows import pages

CONNECTIONS = 64
REPORTING = 200  # devices that report progress at once; they are busy with the first task then
SERVED_SECONDS_MAX = 60
UNLIMITED = ("--dispatch-sends-per-second", "1000000", "--dispatch-task-sends-per-second", "1000000")


def measure(bench, devices):
    Scale(bench, devices).measure()


class Scale:
    """One fleet of one size, from its registration to a rollout half done. Each figure is a row of its
    size."""

    def __init__(self, bench, devices):
        self.bench, self.devices = bench, devices
        self.name = f"fleet-{devices}"
        self.data = bench.folder / self.name
        self.task = None

    def add(self, id, what, value, unit, **more):
        self.bench.report.add(id, what, value, unit, devices=self.devices, **more)

    def start(self):
        return self.bench.start(self.name, *UNLIMITED)

    def measure(self):
        """Step by step; what a step needs of an earlier one that failed fails with it."""
        try:
            self.register()
            for step in (self.restart, self.polls, self.tasks, self.pages):
                self.bench.report.attempt(f"scale {self.devices:,}: {step.__name__}", step)
        finally:
            self.bench.forget(self.name)

    def register(self):
        with self.start():
            pass  # makes the database
        before = machine.folder_mib(self.data)
        with self.start() as server:
            fleet.make_product(server.rest)
            empty, cpu = server.resident_mib(), server.cpu_seconds()
            seconds = fleet.register(server.rest, self.devices)
            work = {"count": self.devices, "cpu_seconds": server.cpu_seconds() - cpu}
            self.add("register", "registration through the API (CSV, enabled)", self.devices / seconds, "devices/s",
                     note=f"{per_cpu(work):,.0f} a second of the processor")
            self.add("memory_register", "resident memory after registering all", server.resident_mib(), "MiB",
                     note=f"before: {empty:.0f} MiB; the database's caches fill up once")
        self.add("disk_device", "disk for a device", (machine.folder_mib(self.data) - before) * 1024 / self.devices, "KiB")

    def restart(self):
        with self.start() as server:
            self.add("start_fleet", "start, until ready", server.start_seconds, "s")
            self.add("memory_registered", "resident memory after the start", server.resident_mib(), "MiB")

    def polls(self):
        """Every device polls once, so that the server has seen all of them."""
        with self.start() as server:
            self.poll_all(server)

    def poll_all(self, server):
        before = server.resident_mib()
        run = self.bench.loads.http(
            server.port("http"), "/DEFAULT/controller/v1/bench-{n}", devices=self.devices, requests=self.devices,
            connections=CONNECTIONS, pid=server.pid, header=[f"Authorization: GatewayToken {fleet.TOKEN}"])
        self.add("fleet_poll", "first poll of every device of the fleet (DDI)", run["per_second"], "requests/s",
                 note=f"{per_cpu(run):,.0f} a second of the processor; "
                      f"p99 {run['p99_ms']:.1f} ms")
        seen = server.resident_mib()
        self.add("memory_seen", "resident memory once every device has polled", seen, "MiB")
        self.add("memory_device", "memory of a device that was seen", (seen - before) * 1024 / self.devices, "KiB")

    def tasks(self):
        """Two tasks over the whole fleet."""
        before = machine.folder_mib(self.data)
        with self.start() as server:
            self.first_task(server)
            self.progress(server)
            self.second_task(server)
        grown = machine.folder_mib(self.data) - before  # now that the write-ahead log is put away
        self.add("disk_record", "disk for a record", grown * 1024 / (2 * self.devices), "KiB")

    def first_task(self, server):
        """A pull task over the whole fleet: answered, all records, counters."""
        rest, firmware = server.rest, fleet.make_firmware(server.rest, 2)
        cpu, began = server.cpu_seconds(), time.monotonic()
        task = fleet.make_task(rest, firmware)
        self.add("task_answered", "task over the whole fleet: answered after", rest.took, "s")
        self.wait_for_last_record(rest, task)
        seconds = time.monotonic() - began
        raw = yardsticks.raw_expansion(self.data, self.data.with_suffix(".raw"), self.devices)
        for path in self.data.parent.glob(f"{self.name}.raw*"):
            path.unlink()
        self.add("task_all_records", "task over the whole fleet: all records after", seconds, "s",
                 yardstick="bare SQLite, same table and indexes, chunks of 10,000", yardstick_value=raw,
                 note=f"{server.cpu_seconds() - cpu:.1f} s of the processor")
        self.add("task_counters_wrong", "counters of the task that differ from its records",
                 rollout.wrong_counters(self.data, task["id"], fleet.task_detail(rest, task)), "states")
        self.add("memory_task", "resident memory after a task over the whole fleet", server.resident_mib(), "MiB")
        self.task = task

    def wait_for_last_record(self, rest, task, seconds=300):
        """Records are made in the order of registration, so the last device's is the last."""
        query = {"terms": [{"column": "deviceId", "value": fleet.device_id(self.devices)},
                           {"column": "taskId", "value": task["id"]}], "pageSize": 1, "total": 1}
        deadline = time.monotonic() + seconds
        while not rest.post("/firmware/upgrade/history/_query", query)["data"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not all records after {seconds} s")
            time.sleep(0.02)

    def progress(self, server):
        run = self.bench.loads.mqtt("progress", server.port("mqtt"), devices=self.devices, active=REPORTING, pid=server.pid)
        self.add("fleet_progress", "durable MQTT progress events", run["per_second"], "events/s",
                 note=f"{per_cpu(run):,.0f} a second of the processor")

    def second_task(self, server):
        """A push task, with two devices connected: how long each waits."""
        firmware = fleet.make_firmware(server.rest, 3)
        places = (("task_first_served", "a device of its first chunk", REPORTING + 1),
                  ("task_middle_served", "a device in the middle of the fleet", max(self.devices // 2, REPORTING + 2)))
        with contextlib.ExitStack() as connected:
            waiting = [connected.enter_context(self.bench.loads.start(
                "mqtt_load", "push", port=server.port("mqtt"), devices=1, first=number, seconds=SERVED_SECONDS_MAX,
                **identity())) for _, _, number in places]
            began = time.monotonic()
            task = fleet.make_task(server.rest, firmware, "push")
            answered = server.rest.took
            for (id, where, _), device in zip(places, waiting):
                served = device.said()
                if not served["served"]:
                    raise TimeoutError(f"{where} was not served within {SERVED_SECONDS_MAX} s")
                self.add(id, f"push task over the whole fleet, {where} is connected: served after",
                         served["first_at"] - began, "s", note=f"the task was answered after {answered:.2f} s")
        self.wait_for_last_record(server.rest, task)

    def pages(self):
        rollout.bring_to_the_middle(self.data, self.task["id"])
        with self.start() as server:
            raw = yardsticks.raw_page(self.data, int(self.task["id"]))
            for id, what, p95, note in pages.measure(server, fleet.task_detail(server.rest, self.task)):
                self.add(id, what, p95, "ms", yardstick="bare keyset page, p95", yardstick_value=pages.p95_ms(raw),
                         note=note)
