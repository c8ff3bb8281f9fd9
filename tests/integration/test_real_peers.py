"""Real peers: mosquitto_pub and mosquitto_sub, Eclipse Paho, curl. Nothing of ours on the other side."""
import hashlib
import json
import os
import queue
import subprocess
import threading

import pytest

from support.mqtt_device import credentials
from support.waiting import eventually

VERSIONS = ["mqttv31", "mqttv311", "mqttv5"]


def peer(server, device, *arguments, tool="mosquitto_pub", version="mqttv311"):
    """The command line of a mosquitto client that signs in as the device."""
    host, port = server.mqtt.rsplit(":", 1)
    username, password = credentials()
    return [
        tool,
        "-h",
        host,
        "-p",
        port,
        "-i",
        device,
        "-u",
        username,
        "-P",
        password,
        "-V",
        version,
        *arguments,
    ]


class Subscriber:
    """mosquitto_sub, subscribed to a topic that nothing is published on; every line it prints is a
    message that the server sent by itself."""

    def __init__(self, server, device, version="mqttv311", topic="unrelated/topic", qos=1):
        command = peer(
            server,
            device,
            "-t",
            topic,
            "-q",
            str(qos),
            "-F",
            "%t %q %p",
            tool="mosquitto_sub",
            version=version,
        )
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines = queue.Queue()
        threading.Thread(
            target=lambda: [self._lines.put(line) for line in self.process.stdout], daemon=True
        ).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(5)

    def message(self, tail, seconds=5.0):
        """(topic, QoS, body) of the next message on a topic with this end."""
        while True:
            try:
                topic, qos, body = self._lines.get(timeout=seconds).split(" ", 2)
            except queue.Empty:
                raise AssertionError(f"nothing on …{tail}; {self.process.poll()}") from None
            if topic.endswith(tail):
                return topic, int(qos), json.loads(body)


@pytest.mark.parametrize("version", VERSIONS)
def test_mosquitto_sub_gets_a_push_without_asking_for_it(server, world, version):
    product, (device,), firmware, task = world.ready_push()
    with Subscriber(server, device, version) as subscriber:
        topic, _, push = subscriber.message("/firmware/upgrade")
        assert (
            topic == f"/{product}/{device}/firmware/upgrade"
            and push["firmwareId"] == firmware["id"]
        )
        assert world.state(task) == "processing"
    eventually(lambda: world.device_state(device) == "offline")


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_mosquitto_sub_with_a_subscription_gets_it_by_qos_1(server, world, version):
    product = world.product()
    device = world.device(product)
    firmware = world.foreign_firmware(product)
    with Subscriber(server, device, version, topic=f"/{product}/{device}/#") as subscriber:
        subscriber.message("/firmware/read")  # it is there, and subscribed or about to be
        eventually(lambda: world.device_state(device) == "online")
        world.task(firmware, [device])
        _, qos, push = subscriber.message("/firmware/upgrade")
        assert qos == 1 and push["version"] == "1.1"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_mosquitto_pub_reports_a_version(server, world, version, qos):
    product = world.product()
    device = world.device(product)
    command = peer(
        server,
        device,
        "-t",
        f"/{product}/{device}/firmware/report",
        "-m",
        json.dumps({"version": f"q{qos}"}),
        "-q",
        str(qos),
        version=version,
    )
    subprocess.run(command, check=True, timeout=20, capture_output=True)
    eventually(lambda: world.firmware_version(device) == f"q{qos}")


@pytest.mark.parametrize("version", VERSIONS)
def test_mosquitto_is_refused_with_a_wrong_key(server, world, version):
    device = world.device(world.product())
    host, port = server.mqtt.rsplit(":", 1)
    username, password = credentials(secure_key="wrong")
    command = [
        "mosquitto_pub",
        "-h",
        host,
        "-p",
        port,
        "-i",
        device,
        "-u",
        username,
        "-P",
        password,
        "-V",
        version,
        "-t",
        "a",
        "-m",
        "b",
    ]
    answer = subprocess.run(command, timeout=20, capture_output=True, text=True)
    assert answer.returncode != 0
    assert (
        "refused" in answer.stderr.lower()
        or "bad" in answer.stderr.lower()
        or "authori" in answer.stderr.lower()
    )


@pytest.mark.parametrize("ending", ["success", "failure"])
def test_a_whole_upgrade_by_mosquitto_and_curl(server, world, tmp_path, ending):
    content = os.urandom(700_000)
    product = world.product()
    device = world.device(product)
    file = world.api.upload(content)
    task = world.task(
        world.firmware(product, file=file, signMethod="sha256", sign=file["sha256"]), [device]
    )
    with Subscriber(server, device) as subscriber:
        _, _, push = subscriber.message("/firmware/upgrade")
    target = tmp_path / "fw.bin"
    fetch = ["curl", "-sS", "--fail", "--max-time", "20", "-o", str(target), push["url"]]
    subprocess.run([*fetch, "-r", "0-300000"], check=True)  # cut off ...
    assert target.stat().st_size == 300_001
    subprocess.run([*fetch, "-C", "-"], check=True)  # ... and resumed
    assert target.stat().st_size == push["size"]
    assert hashlib.new(push["signMethod"], target.read_bytes()).hexdigest() == push["sign"]
    body = {"progress": 100, "complete": True, "success": True, "version": push["version"]}
    if ending == "failure":
        body = {
            "progress": 60,
            "complete": True,
            "success": False,
            "version": push["version"],
            "errorReason": "校验失败",
        }
    command = peer(
        server,
        device,
        "-t",
        f"/{product}/{device}/firmware/upgrade/progress",
        "-m",
        json.dumps(body, ensure_ascii=False),
        "-q",
        "1",
    )
    subprocess.run(command, check=True, timeout=20)
    record = world.record(task)
    if ending == "success":
        assert record["state"]["value"] == "success"
    else:
        assert record["state"]["value"] == "failed" and record["errorReason"] == "校验失败"


def test_many_qos_1_messages_of_one_mosquitto_pub(server, world):
    product = world.product()
    device = world.device(product)
    lines = "".join(json.dumps({"version": f"v{number}"}) + "\n" for number in range(300))
    command = peer(server, device, "-t", f"/{product}/{device}/firmware/report", "-l", "-q", "1")
    subprocess.run(command, input=lines, text=True, check=True, timeout=30)
    assert world.firmware_version(device) == "v299"


def test_curl_reads_the_api(server, api):
    command = [
        "curl",
        "-sS",
        "--fail",
        "--compressed",
        "-H",
        f"X-Access-Token: {api.token}",
        f"http://{server.http}/api/firmware/_query/?pageSize=1",
    ]
    assert (
        json.loads(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)[
            "status"
        ]
        == 200
    )
