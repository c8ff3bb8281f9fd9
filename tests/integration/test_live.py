"""Live messages: WebSocket messaging (spec 2.12) and server-sent events."""
import json

import pytest
import websocket

from support.api import Api
from support.builders import TASK
from support.waiting import eventually


class Socket:
    """One messaging connection."""

    def __init__(self, server, token, prefix="", query=""):
        self.ws = websocket.create_connection(
            f"ws://{server.http}{prefix}/messaging/{token}{query}", timeout=5
        )
        self._seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.close()

    def send(self, **message):
        self.ws.send(json.dumps(message))

    def subscribe(self, topic, parameter=None, name="s1"):
        """Subscribes, and waits until that has been read: frames are answered in order."""
        self.send(type="sub", id=name, topic=topic, parameter=parameter or {})
        self.ping()

    def ping(self):
        self.send(type="ping")
        return self.wait(lambda message: message["type"] == "pong")

    def wait(self, wanted):
        """The first message, past or to come, that `wanted` accepts; it is taken."""
        while True:
            for index, message in enumerate(self._seen):
                if wanted(message):
                    return self._seen.pop(index)
            try:
                text = self.ws.recv()
            except websocket.WebSocketTimeoutException:
                raise AssertionError(f"nothing of the kind came; only {self._seen}") from None
            assert text, "closed"
            self._seen.append(json.loads(text))

    def device_state(self, wanted):
        """The next event that says the device is in the state; its activation was an event too."""
        return self.result(lambda message: message["payload"].get("value") == {"type": wanted})

    def result(self, wanted=lambda message: True, name="s1"):
        return self.wait(
            lambda message: message["type"] == "result"
            and message["requestId"] == name
            and wanted(message)
        )


@pytest.fixture
def socket(server, api):
    with Socket(server, api.token) as connected:
        yield connected


def test_ping_pong(socket):
    assert socket.ping() == {"type": "pong"}


@pytest.mark.parametrize("prefix, with_query", [("", False), ("/api", True)])
def test_addresses_of_the_socket(server, api, prefix, with_query):
    with Socket(
        server, api.token, prefix, f"?:X_Access_Token={api.token}" if with_query else ""
    ) as connected:
        connected.ping()


def test_a_wrong_token_is_told_and_closed(server):
    try:
        with Socket(server, "0" * 32) as connected:
            message = json.loads(connected.ws.recv())
            assert message["type"] == "authError" and message["message"]
            assert connected.ws.recv() in ("", b"")
    except websocket.WebSocketBadStatusException as refused:
        assert refused.status_code == 401


def test_without_upgrade_it_is_a_plain_refusal(api):
    assert api.call("GET", f"/messaging/{api.token}", check=False).status in (400, 426)


def test_a_subscription_needs_an_id(socket):
    socket.send(type="sub", topic="/notifications")
    error = socket.wait(lambda message: message["type"] == "error")
    assert "id不能为空" in error["message"]


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"type":"fly","id":"1"}', '{"id":"1"}'])
def test_nonsense_does_not_end_the_connection(socket, text):
    socket.ws.send(text)
    socket.ping()


def test_device_state_in_real_time(world, socket):
    product = world.product()
    device, other = world.devices(product, 2)
    socket.subscribe("/dashboard/device/status/change/realTime", {"deviceId": device})
    with world.connected(product, other), world.connected(product, device):
        assert socket.device_state("online")["payload"]["timestamp"] > 0
        assert not [
            message for message in socket._seen if message["payload"]["value"]["type"] == "online"
        ]
    socket.device_state("offline")


def test_device_events_by_topic(world, socket):
    product, (device,), _, _ = world.ready_push()
    socket.subscribe(f"/device/{product}/*/firmware/**")
    socket.subscribe(f"/device/{product}/{device}/online", name="s2")
    with world.connected(product, device) as connected:
        push = connected.wait_push()
        connected.reply(push["messageId"])
        connected.progress(5, "1.1")
        connected.report("1.0")
        connected.pull("9", currentVersion="1.0")
    assert socket.result(name="s2")["topic"] == f"/device/{product}/{device}/online"
    prefix = f"/device/{product}/{device}/firmware/"
    for tail in ("push", "push/reply", "progress", "report", "pull", "pull/reply"):
        message = socket.result(lambda each: each["topic"] == prefix + tail)
        assert message["payload"], tail


def test_unsub_ends_and_a_repeated_sub_is_ignored(world, socket):
    product = world.product()
    device = world.device(product)
    topic = "/dashboard/device/status/change/realTime"
    for _ in range(2):
        socket.subscribe(topic, {"deviceId": device})
    with world.connected(product, device):
        socket.device_state("online")
        socket.ping()
        assert not [
            message for message in socket._seen if message["payload"]["value"]["type"] == "online"
        ]
    socket.device_state("offline")
    socket.send(type="unsub", id="s1")
    socket.ping()
    socket._seen.clear()
    with world.connected(product, device):
        eventually(lambda: world.device_state(device) == "online")
    socket.ping()
    assert not [message for message in socket._seen if message["type"] == "result"]


def test_task_topic(world, socket):
    _, _, _, task = world.ready_push(2)
    socket.subscribe(f"/firmware/task/{task['id']}")
    world.api.post(f"{TASK}/{task['id']}/_stop")
    payload = socket.result(lambda message: message["payload"].get("canceled") == 2)["payload"]
    assert payload["id"] == task["id"] and payload["state"]["value"] == "canceled"


def test_notifications_topic_is_known(socket):
    socket.subscribe("/notifications")
    assert not [message for message in socket._seen if message["type"] == "error"]


# -- server-sent events --------------------------------------------------------------------------------
def test_events_of_a_task(world):
    product, (device,), _, task = world.ready_push()
    _, _, _, other = world.ready_push()
    with world.api.events(f"?taskId={task['id']}") as events, world.connected(
        product, device
    ) as connected:
        connected.wait_push()
        record = events.wait_for("record", lambda data: data["state"]["value"] == "processing")
        assert record["deviceId"] == device and record["taskId"] == task["id"]
        connected.progress(30, "1.1")
        events.wait_for("record", lambda data: data["progress"] == 30)
        world.api.post(f"{TASK}/{other['id']}/_stop")
        connected.succeed("1.1")
        events.wait_for("record", lambda data: data["state"]["value"] == "success")
        detail = events.wait_for("task", lambda data: data.get("success") == 1)
        assert detail["id"] == task["id"] and detail["progress"] == 100
        assert not [
            data for name, data in events._seen if name == "task" and data["id"] == other["id"]
        ]


def test_a_console_sees_every_record_of_a_burst(world):
    """More records than a slow console's queue once held: the stream was cut in the middle of a rollout."""
    product = world.product()
    devices = [f"{product}-{number}" for number in range(600)]
    world.api.post(
        f"/device-instance/_import?productId={product}",
        raw="\n".join(["id", *devices]).encode(),
        content_type="text/csv",
    )
    task = world.task(world.foreign_firmware(product), devices, mode="pull")
    with world.api.events(f"?taskId={task['id']}") as events:
        world.api.post(f"{TASK}/{task['id']}/_stop", {})
        eventually(
            lambda: {data["deviceId"] for name, data in list(events._seen) if name == "record"}
            == set(devices)
        )


def test_events_of_devices(world):
    product = world.product()
    device = world.device(product)
    with world.api.events() as events:
        with world.connected(product, device):
            events.wait_for(
                "device", lambda data: data["id"] == device and data["state"]["value"] == "online"
            )
        events.wait_for(
            "device", lambda data: data["id"] == device and data["state"]["value"] == "offline"
        )


def test_events_need_a_sign_in_and_the_permission(server, world):
    assert Api(server.http).call("GET", "/events").status == 401
    assert world.person({}).call("GET", "/events").status == 403


def test_a_client_that_leaves_does_not_disturb_the_others(world):
    _, _, _, task = world.ready_push()
    with world.api.events(f"?taskId={task['id']}") as staying:
        with world.api.events(f"?taskId={task['id']}"):
            pass
        world.api.post(f"{TASK}/{task['id']}/_stop")
        staying.wait_for("task", lambda data: data.get("canceled") == 1)
