"""The wall clock is set by a year, either way: deadlines keep their time, nothing is removed too early,
ids go on increasing (docs/operating/failures.md)."""
import time

import pytest

from support.builders import World
from support.faults import Faults
from support.kill_load import Device
from support.mqtt_device import MqttDevice, credentials
from support.server import Server
from support.waiting import eventually, stays

YEAR = 365 * 86400
JUMPS = pytest.mark.parametrize("years", [1, -1], ids=["a year ahead", "a year back"])
FLAGS = ("--retention-clean-up-every=1s",)


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path)


@pytest.fixture
def server(tmp_path, faults):
    running = Server(tmp_path / "data", *FLAGS, environment=faults.environment)
    running.start()
    yield running
    running.stop()


class Stage:
    """A device that has an hour, one that has a few seconds, and a file that no firmware uses yet."""

    def __init__(self, server, faults):
        self.server, self.faults = server, faults
        self.api = server.api(language="en-US")
        self.world = World(server, self.api)
        self.product = self.world.product()
        self.patient, self.hasty = self.world.devices(self.product, 2)
        self.firmware = self.world.foreign_firmware(self.product)
        self.long = self.world.task(self.firmware, [self.patient], response=3600, timeout=3600)
        self.short = self.world.task(self.firmware, [self.hasty], response=4, timeout=4)
        self.file = self.api.upload(b"used by no firmware yet")
        for device in (self.patient, self.hasty):
            with Device(server, self.product, device) as connected:
                connected.wait_message("/firmware/upgrade")
        self.pushed = time.monotonic()

    def login_now(self):
        """What a device says whose clock is right by the server's."""
        return credentials(at_ms=int((time.time() + self.faults.clock_seconds) * 1000))

    def check(self):
        """Everything is as if the clock had not been set."""
        api = self.api
        assert self.world.state(self.long) == "processing"
        record = self.world.wait_state(self.short, "failed", seconds=12)
        assert record["errorReason"] == "the device did not answer in time"
        assert time.monotonic() - self.pushed > 3
        stays(lambda: self.world.state(self.long) == "processing")
        assert api.get("/authorize/me"), "the session has ended"
        key = self.file["others"]["accessKey"]
        assert api.call("GET", f"/file/{self.file['id']}?accessKey={key}").status == 200
        rows = api.rows("/device-instance", ("productId", self.product))
        assert {self.patient, self.hasty} <= {row["id"] for row in rows}

    def check_new_work(self):
        """Ids go on, new deadlines fire, devices whose clocks agree sign in."""
        task = self.world.task(self.firmware, [self.hasty], response=1, timeout=1)
        assert int(task["id"]) > int(self.short["id"]) > int(self.long["id"])
        with MqttDevice(
            self.server.mqtt, self.hasty, self.product, login=self.login_now()
        ) as connected:
            connected.wait_push()
            self.world.wait_state(task, "failed", seconds=8)
        stored = self.world.record(task)["completeTime"] / 1000
        assert abs(stored - time.time() - self.faults.clock_seconds) < 60


def metric(api, name):
    lines = api.call("GET", "/metrics").body.decode().splitlines()
    return next(float(line.split(" ")[1]) for line in lines if line.startswith(name + " "))


@JUMPS
def test_a_clock_that_is_set_while_the_server_runs_moves_no_deadline(server, faults, years):
    stage = Stage(server, faults)
    faults.clock_seconds = years * YEAR
    eventually(lambda: metric(stage.api, "updraft_clock_jumps_total") == 1)
    stage.check()
    stage.check_new_work()
    assert server.log(10**6).count("the wall clock was set") == 1
    faults.clock_seconds = 0  # and right again
    eventually(lambda: metric(stage.api, "updraft_clock_jumps_total") == 2)
    assert stage.world.state(stage.long) == "processing"
    assert stage.api.get("/authorize/me")
    stage.check_new_work()


@JUMPS
@pytest.mark.parametrize("how", ["SIGTERM", "kill -9"])
def test_a_clock_that_is_set_between_two_runs_moves_no_deadline(server, faults, years, how):
    stage = Stage(server, faults)
    server.stop() if how == "SIGTERM" else server.kill()
    faults.clock_seconds = years * YEAR
    server.start()
    stage.check()
    stage.check_new_work()
    # A second restart finds a clock that went on as it should.
    server.kill()
    server.start()
    task = stage.world.task(stage.firmware, [stage.patient])
    assert int(task["id"]) > int(stage.long["id"])
    assert stage.world.state(stage.long) == "processing"


def test_a_devices_clock_that_is_a_year_off_is_refused_by_name(server, faults):
    """Spec 4.2: the signature holds for five minutes by the server's clock, which is the right one."""
    stage = Stage(server, faults)
    faults.clock_seconds = YEAR
    eventually(lambda: metric(stage.api, "updraft_clock_jumps_total") == 1)
    device = MqttDevice(server.mqtt, stage.patient, stage.product)
    assert device.connect() != 0
