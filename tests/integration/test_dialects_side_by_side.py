"""One upgrade task, carried out by devices of one product that speak different dialects: each by a real
client of its own, all of them the same records and the same state machine."""
import concurrent.futures
import hashlib
import json
import os
import subprocess

import pytest

from support.builders import RECORD, TASK
from support.ddi_device import DdiDevice
from support.http_device import HttpDevice, WebSocketDevice
from support.waiting import eventually

CONTENT = os.urandom(300_000)
DIALECTS = ("mqtt", "http", "websocket", "ddi", "https")
SECONDS = 20


def curl(*words):
    command = ["curl", "-sS", "--fail-with-body", "--max-time", str(SECONDS), *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, timeout=30).stdout


def fetched(message):
    """The bytes of a push or of a pull's reply, checked as a device does."""
    content = curl(message["url"])
    assert len(content) == message["size"]
    assert hashlib.new(message["signMethod"], content).hexdigest() == message["sign"]
    return content


class Fleet:
    """A product with one device of each dialect, all signed in by the product's one token (MQTT by its
    keys), and a firmware for it. What is named as a dialect carries out one upgrade in it, from the
    offer to the last word, and answers the image."""

    def __init__(self, world, folder):
        self.world, self.folder, self.http_address = world, folder, world.server.http
        self.product = world.product()
        path = f"/device-product/{self.product}/credentials"
        self.token = world.api.post(path, {"kind": "token"})["token"]
        self.ids = {dialect: world.name(dialect) for dialect in DIALECTS}
        for device in self.ids.values():
            world.device(self.product, id=device)
        self.firmware = world.firmware(self.product, content=CONTENT)

    def run(self, **parts):
        """Carries out the parts side by side: {name: what it answered}."""
        with concurrent.futures.ThreadPoolExecutor(len(parts)) as threads:
            running = {name: threads.submit(part) for name, part in parts.items()}
            return {name: each.result(60) for name, each in running.items()}

    def mqtt(self, mode="push", failure=None):
        with self.world.connected(self.product, self.ids["mqtt"]) as device:
            offer = device.wait_push(seconds=SECONDS) if mode == "push" else device.pull()
            content = fetched(offer)
            device.progress(50, offer["version"])
            if failure:
                device.fail(offer["version"], failure)
            else:
                device.succeed(offer["version"])
        return content

    def http_device(self):
        return HttpDevice(self.http_address, self.ids["http"], self.product, self.token)

    def http(self, mode="push"):
        device = self.http_device()
        offer = device.pull(currentVersion="1.0")  # a push is nothing that could reach it
        content = fetched(offer)
        device.accepted("firmware/upgrade/progress", {"progress": 50, "version": "1.1"})
        device.succeed(offer["version"])
        return content

    def websocket(self, mode="push"):
        device = self.ids["websocket"]
        with WebSocketDevice(self.http_address, device, self.product, self.token) as connected:
            connected.socket.settimeout(SECONDS)
            offer = connected.wait("UPGRADE_FIRMWARE") if mode == "push" else connected.pull()
            content = fetched(offer)
            connected.progress(50, offer["version"])
            connected.succeed(offer["version"])
            connected.say("REQUEST_FIRMWARE", messageId="the end")  # answered after what came before
            assert connected.wait("REQUEST_FIRMWARE_REPLY", messageId="the end")["success"] is False
        return content

    def ddi_device(self):
        return DdiDevice(self.http_address, self.ids["ddi"], gateway_token=self.token)

    def ddi(self, mode="push"):
        with self.ddi_device() as device:
            return device.upgrade("everything is installed")

    def https(self, mode="push"):
        target = self.folder / "image.bin"
        who = ("-u", f"{self.ids['https']}:{self.token}")
        url = f"http://{self.http_address}/ota/{self.product}"
        curl(*who, "-o", target, "-r", "0-99999", f"{url}?version=1.0")  # cut off ...
        assert target.stat().st_size == 100_000
        curl(*who, "-o", target, "-C", "-", f"{url}?version=1.0")  # ... and resumed
        report = json.dumps({"status": "success", "version": "1.1"})
        curl(*who, "-H", "Content-Type: application/json", "-d", report, f"{url}/report")
        return target.read_bytes()


@pytest.fixture
def fleet(world, tmp_path):
    return Fleet(world, tmp_path)


def story(world, record):
    return world.api.get(f"{RECORD}/{record['id']}/timeline")


def states(entries):
    return [entry["state"]["value"] for entry in entries if entry["kind"] == "state"]


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_one_task_is_carried_out_over_five_dialects(world, fleet, mode):
    task = world.task(fleet.firmware, mode=mode)
    assert world.detail(task)["total"] == len(DIALECTS)
    parts = {name: lambda name=name: getattr(fleet, name)(mode) for name in DIALECTS}
    got = fleet.run(**parts)
    assert {name: content == CONTENT for name, content in got.items()} == dict.fromkeys(parts, True)
    for name in DIALECTS:
        record = world.wait_state(task, "success", fleet.ids[name], 10)
        assert record["progress"] == 100 and record["completeTime"] >= record["createTime"]
        entries = story(world, record)
        assert states(entries) == ["waiting", "processing", "success"], entries
        times = [entry["timestamp"] for entry in entries]
        assert times == sorted(times)
        assert any(entry["kind"] == "message" for entry in entries), entries
        eventually(lambda device=fleet.ids[name]: world.firmware_version(device) == "1.1")
    detail = world.detail(task)
    assert (detail["success"], detail["progress"]) == (len(DIALECTS), 100)
    assert detail["waiting"] == detail["processing"] == detail["failed"] == detail["canceled"] == 0


def test_a_failure_and_a_stop_leave_the_others_alone(world, fleet):
    task = world.task(fleet.firmware)
    ids = fleet.ids
    with fleet.ddi_device() as ddi:
        action, chunks = ddi.deployment()
        ddi.proceed(action, "started", progress=(1, 4))
        http = fleet.http_device()
        pull = http.pull(currentVersion="1.0")
        ddi_record = world.wait_state(task, "processing", ids["ddi"])
        http_record = world.wait_state(task, "processing", ids["http"])
        assert ddi_record["progress"] == 25
        assert world.api.post(f"{TASK}/_stop", [ddi_record["id"], http_record["id"]]) == 2

        # The device of hawkBit's API is told and agrees; JetLinks has no words for it, and what is
        # done in spite of the stop counts (T16b, T20).
        mqtt = lambda: fleet.mqtt(failure="写入失败")
        fleet.run(websocket=fleet.websocket, https=fleet.https, mqtt=mqtt)
        cancel = ddi.offered("cancelAction")
        assert cancel == action
        assert ddi.get(ddi.links["cancelAction"]) == {
            "id": action,
            "cancelAction": {"stopId": action},
        }
        ddi.acknowledge_cancel(action, "cancellation acknowledged")
        assert ddi.offered("cancelAction") is None and ddi.offered() is None
    http.succeed(pull["version"])

    ends = {name: world.record(task, ids[name]) for name in DIALECTS}
    assert {name: record["state"]["value"] for name, record in ends.items()} == {
        "mqtt": "failed",
        "http": "success",
        "websocket": "success",
        "ddi": "canceled",
        "https": "success",
    }
    assert ends["mqtt"]["errorReason"] == "写入失败"
    assert "cancellation acknowledged" in str(story(world, ends["ddi"]))
    assert states(story(world, ends["http"])) == ["waiting", "processing", "canceled", "success"]
    detail = world.detail(task)
    counters = [detail[name] for name in ("waiting", "processing", "success", "failed", "canceled")]
    assert counters == [0, 0, 3, 1, 1]

    # What was stopped and what has failed is carried out after all.
    assert world.api.post(f"{TASK}/{task['id']}/_start", ["canceled", "failed"]) == 2
    assert fleet.run(ddi=fleet.ddi, mqtt=fleet.mqtt) == {"ddi": CONTENT, "mqtt": CONTENT}
    for name in DIALECTS:
        world.wait_state(task, "success", ids[name])
    assert world.detail(task)["success"] == len(DIALECTS)
