"""What each dialect puts on the wire, byte for byte: transcripts/*.txt (support/transcript.py)."""
import json

import pytest

from support.builders import TASK, World
from support.mqtt_device import SECURE_ID, SECURE_KEY
from support.transcript import Transcript
from support.waiting import eventually

TOKEN = "a-token-of-32-characters-exactly"


class Scene:
    """A server of its own with product p1 and device d1, so that every name but ids is the same each
    time; and a transcript."""

    def __init__(self, server, name, protocol="jetlinks.v3.0", transport="MQTT", **configuration):
        self.server, self.api = server, server.api()
        self.world = World(server, self.api)
        self.transcript = Transcript(name, server)
        self.product = self.world.product(
            id="p1",
            messageProtocol=protocol,
            transportProtocol=transport,
            configuration={"secureId": SECURE_ID, "secureKey": SECURE_KEY, **configuration},
        )
        self.device = self.world.device(self.product, id="d1")

    def firmware(self, version, order, content=b"hello firmware", **members):
        firmware = self.world.firmware(self.product, version, order, content, **members)
        self.transcript.know(f"firmware {version}", firmware["id"])
        return firmware

    def task(self, firmware, mode="push", **members):
        return self.world.task(firmware, [self.device], mode, **members)

    def stop(self, task):
        self.api.post(f"{TASK}/_stop", [self.world.record(task)["id"]])


@pytest.fixture
def scene(private_server):
    def make(name, **options):
        return Scene(private_server(), name, **options)

    return make


def body(**members):
    return json.dumps(members, ensure_ascii=False)


def test_jetlinks_over_mqtt(scene):
    it = scene("jetlinks_mqtt")
    with it.transcript as transcript:
        transcript.part("sign-in; the server asks for the version that it does not know (4.2, 4.4)")
        peer = transcript.mqtt("d1")
        [(_, _, asked)] = peer.receive()
        message = json.loads(asked)["messageId"]
        peer.publish("/p1/d1/firmware/read/reply", body(messageId=message, success=True, version="1.0"))
        peer.receive()

        transcript.part("a pull without news; nothing is subscribed, so the reply has QoS 0 (4.5)")
        peer.publish("/p1/d1/firmware/pull", body(messageId="7", currentVersion="1.0"))
        peer.receive(2)

        transcript.part("a push, its answer, progress and success (4.4)")
        task = it.task(it.firmware("1.1", 2))
        [(_, _, push)] = peer.receive()
        message = json.loads(push)["messageId"]
        peer.publish("/p1/d1/firmware/upgrade/reply", body(messageId=message, success=True))
        peer.receive()
        peer.publish("/p1/d1/firmware/upgrade/progress", body(progress=50, version="1.1"), qos=0)
        done = body(progress=100, complete=True, success=True, version="1.1")
        peer.publish("/p1/d1/firmware/upgrade/progress", done)
        peer.receive(2)
        it.world.wait_state(task, "success")

        transcript.part("a pull of a named version, and a failure")
        task = it.task(it.firmware("1.2", 3, properties=[]), mode="pull")
        pull = body(messageId="8", currentVersion="1.1", requestVersion="1.2")
        peer.publish("p1/d1/firmware/pull", pull)
        peer.receive(2)
        failed = body(progress=60, complete=True, success=False, version="1.2", errorReason="校验失败")
        peer.publish("/p1/d1/firmware/upgrade/progress", failed)
        peer.receive()
        it.world.wait_state(task, "failed")

        transcript.part("a push to a device that has subscribed with QoS 1 (4.2)")
        peer.subscribe("/p1/d1/#", 1)
        peer.receive()
        task = it.task(it.firmware("1.3", 4))
        peer.receive()
        peer.acknowledge(1)
        peer.publish("/p1/d1/firmware/report", body(version="1.3"))
        peer.receive()
        it.world.wait_state(task, "success")

        transcript.part("time, and what is no JSON: acknowledged all the same (4.2, 4.4)")
        peer.publish("/p1/d1/time-sync", body(messageId="9"))
        peer.receive(2)
        peer.publish("/p1/d1/firmware/upgrade/progress", "{")
        peer.receive()

        transcript.part("a wrong key")
        transcript.mqtt("d1", login=("test|1", "wrong"))
