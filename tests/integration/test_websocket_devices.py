"""JetLinks over WebSocket (spec 4.6), with a real WebSocket client."""
import hashlib
import json
import socket

import pytest
import websocket

from support.builders import World
from support.http_device import TOKEN, HttpDevice, WebSocketDevice, curl
from support.mqtt_device import SECURE_ID, SECURE_KEY
from support.waiting import eventually, stays

KEYS = {"secureId": SECURE_ID, "secureKey": SECURE_KEY, "bearer_token": TOKEN}
IMAGE = b"hello firmware"


@pytest.fixture
def product(world):
    return world.product(transportProtocol="WebSocket", configuration=KEYS)


@pytest.fixture
def device(world, product):
    return world.device(product)


@pytest.fixture
def connected(server, device, product):
    with WebSocketDevice(server.http, device, product) as running:
        yield running


def test_connection_is_presence(server, world, product, device):
    with WebSocketDevice(server.http, device, product):
        eventually(lambda: world.device_state(device) == "online")
    eventually(lambda: world.device_state(device) == "offline")


def test_push_to_success(world, product, device, connected):
    """Spec 5.1 over frames."""
    task = world.task(world.firmware(product), [device], "push")
    push = connected.wait("UPGRADE_FIRMWARE")
    assert push["replyType"] == "UPGRADE_FIRMWARE_REPLY" and push["deviceId"] == device
    assert (push["version"], push["size"], push["parameters"]) == ("1.1", 14, {"slot": "B"})
    image = curl(push["url"]).body
    assert hashlib.md5(image).hexdigest() == push["sign"]
    connected.say("UPGRADE_FIRMWARE_REPLY", messageId=push["messageId"], success=True)
    connected.progress(50, "1.1")
    eventually(lambda: world.record(task)["progress"] == 50)
    connected.succeed("1.1")
    world.wait_state(task, "success")


def test_push_to_an_offline_device_comes_when_it_connects(server, world, product, device):
    task = world.task(world.firmware(product), [device], "push")
    assert world.state(task) == "waiting"
    with WebSocketDevice(server.http, device, product) as running:
        assert running.wait("UPGRADE_FIRMWARE")["version"] == "1.1"
        running.progress(60, "1.1", complete=True, success=False, errorReason="校验失败")
        assert world.wait_state(task, "failed")["errorReason"] == "校验失败"


def test_refusal_of_a_push(world, product, device, connected):
    task = world.task(world.firmware(product), [device], "push")
    push = connected.wait("UPGRADE_FIRMWARE")
    connected.say(
        "UPGRADE_FIRMWARE_REPLY",
        messageId=push["messageId"],
        success=False,
        code="LOW_BATTERY",
        message="电量不足",
    )
    assert "电量不足" in world.wait_state(task, "failed")["errorReason"]


def pull_tasks(world, product, device):
    return {
        version: world.task(world.foreign_firmware(product, version, order), [device], "pull")
        for version, order in (("1.1", 2), ("1.2", 3), ("1.3", 5))
    }


def test_pull_in_sequence(world, product, device, connected):
    """Spec 5.3."""
    tasks = pull_tasks(world, product, device)
    current = "1.0"
    for message_id, version in (("1", "1.1"), ("2", "1.2"), ("3", "1.3")):
        reply = connected.pull(message_id, currentVersion=current)
        assert (reply["success"], reply["version"]) == (True, version)
        connected.succeed(version)
        world.wait_state(tasks[version], "success")
        current = version
    assert connected.pull("4", currentVersion="1.3")["code"] == "NO_FIRMWARE"


def test_pull_of_the_latest(world, product, device, connected):
    tasks = pull_tasks(world, product, device)
    assert connected.pull("1", latest=True, currentVersion="1.0")["version"] == "1.3"
    connected.succeed("1.3")
    world.wait_state(tasks["1.3"], "success")
    assert [world.state(tasks[each]) for each in ("1.1", "1.2")] == ["canceled", "canceled"]


def test_version_is_read_after_connecting(world, device, connected):
    """Spec 4.4: the server asks once, because it does not know the version."""
    read = connected.wait("READ_FIRMWARE")
    connected.say("READ_FIRMWARE_REPLY", messageId=read["messageId"], version="1.0")
    eventually(lambda: world.firmware_version(device) == "1.0")


def test_lower_case_types_and_time_sync(world, device, connected):
    connected.say("report_firmware", version="0.9")
    eventually(lambda: world.firmware_version(device) == "0.9")
    connected.say("TIME_SYNC", messageId="9")
    reply = connected.wait("TIME_SYNC_REPLY")
    assert reply["messageId"] == "9" and isinstance(reply["timestamp"], int)


def test_offline_message_and_the_next_sign_of_life(world, device, connected):
    eventually(lambda: world.device_state(device) == "online")
    connected.say("OFFLINE")
    eventually(lambda: world.device_state(device) == "offline")
    connected.say("REPORT_PROPERTY", properties={"t": 1})
    eventually(lambda: world.device_state(device) == "online")


def test_an_operators_command_is_answered(api, device, connected):
    connected.wait("READ_FIRMWARE")
    import threading

    answers = []
    command = {"messageType": "READ_PROPERTY", "properties": ["t"]}
    caller = threading.Thread(
        target=lambda: answers.append(
            api.clone().call("POST", f"/device-instance/{device}/message", command)
        )
    )
    caller.start()
    asked = connected.wait("READ_PROPERTY")
    assert asked["properties"] == ["t"]
    connected.say("READ_PROPERTY_REPLY", messageId=asked["messageId"], properties={"t": 21})
    caller.join(10)
    assert answers and answers[0].status == 200, answers


@pytest.mark.parametrize("frame", ["not json", "[]", '"text"', "{}", '{"messageType":"NO_SUCH"}'])
def test_what_is_no_message_is_ignored(world, device, connected, frame):
    connected.send_text(frame)
    connected.say("REPORT_FIRMWARE", version="2.0")
    eventually(lambda: world.firmware_version(device) == "2.0")


@pytest.mark.parametrize("token", ["", "wrong", TOKEN.upper()])
def test_wrong_token_is_401(server, product, device, token):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        WebSocketDevice(server.http, device, product, token=token)
    assert refused.value.status_code == 401


def test_children_speak_through_their_gateway(server, world):
    gateway_product = world.product(deviceType="gateway", configuration=KEYS)
    child_product = world.product(deviceType="childrenDevice", configuration={})
    gateway = world.device(gateway_product)
    child = world.device(child_product, parentId=gateway)
    with WebSocketDevice(server.http, gateway, gateway_product) as running:
        task = world.task(world.firmware(child_product), [child], "push")
        assert running.wait("UPGRADE_FIRMWARE", deviceId=child)["version"] == "1.1"
        running.say(
            "UPGRADE_FIRMWARE_PROGRESS",
            deviceId=child,
            progress=100,
            complete=True,
            success=True,
            version="1.1",
        )
        world.wait_state(task, "success")


def test_a_device_that_connects_again_takes_over(server, world, product, device, connected):
    eventually(lambda: world.device_state(device) == "online")
    with WebSocketDevice(server.http, device, product) as again:
        connected.wait_closed()
        stays(lambda: world.device_state(device) == "online")
        world.task(world.firmware(product), [device], "push")
        again.wait("UPGRADE_FIRMWARE")


def test_take_over_between_mqtt_and_websocket(server, world, product, device):
    """A carrier is connected to at most one gateway; the older connection is closed."""
    mqtt = world.connected(product, device)
    with mqtt:
        eventually(lambda: world.device_state(device) == "online")
        with WebSocketDevice(server.http, device, product) as running:
            assert mqtt.closed.wait(5)
            stays(lambda: world.device_state(device) == "online")
            task = world.task(world.firmware(product), [device], "push")
            running.wait("UPGRADE_FIRMWARE")
            with world.connected(product, device) as newer:
                running.wait_closed()
                stays(lambda: world.device_state(device) == "online")
                # T25: the unanswered push is repeated over the new connection.
                newer.wait_push()
                newer.succeed("1.1")
                world.wait_state(task, "success")
            eventually(lambda: world.device_state(device) == "offline")


def test_disabled_device_and_product_are_closed(server, api, world, product, device, connected):
    api.post(f"/device-instance/{device}/undeploy")
    connected.wait_closed()
    with pytest.raises(websocket.WebSocketBadStatusException):
        WebSocketDevice(server.http, device, product)
    api.post(f"/device-instance/{device}/deploy")
    with WebSocketDevice(server.http, device, product) as running:
        api.post(f"/device-product/{product}/undeploy")
        running.wait_closed()


def test_deleted_device_is_closed(api, device, connected):
    api.post(f"/device-instance/{device}/undeploy")
    api.delete(f"/device-instance/{device}")
    connected.wait_closed()


def test_many_frames_at_once_are_all_taken(world, product, device, connected):
    """More than may be under way: the socket is read on as they are stored."""
    task = world.task(world.firmware(product), [device], "push")
    connected.wait("UPGRADE_FIRMWARE")
    for percent in range(1, 501):
        connected.progress(percent % 100, "1.1")
    connected.succeed("1.1")
    world.wait_state(task, "success", seconds=15)


def test_a_dead_peer_goes_offline(private_server):
    """A peer that is gone without a word answers no ping."""
    server = private_server(environment={"UPDRAFT_HTTP_WEBSOCKET_PING_AFTER": "300ms"})
    world = World(server, server.api())
    product = world.product(configuration=KEYS)
    device, living = world.device(product), world.device(product)
    host, port = server.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(
            f"GET /{product}/{device}/socket?token={TOKEN} HTTP/1.1\r\nHost: h\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert peer.recv(4096).startswith(b"HTTP/1.1 101")
        eventually(lambda: world.device_state(device) == "online")
        eventually(lambda: world.device_state(device) == "offline")
    with WebSocketDevice(server.http, living, product) as running:
        running.say("TIME_SYNC", messageId="1")
        running.wait("TIME_SYNC_REPLY")  # a client that reads answers pings by itself
        eventually(lambda: world.device_state(living) == "online")


def test_one_task_over_mqtt_http_and_websocket(server, world, product):
    """Devices of one product, each over its own transport."""
    by_mqtt, by_http, by_socket = world.devices(product, 3)
    task = world.task(world.firmware(product), [by_mqtt, by_http, by_socket], "push")
    with world.connected(product, by_mqtt) as mqtt:
        mqtt.wait_push()
        mqtt.succeed("1.1")
    with WebSocketDevice(server.http, by_socket, product) as running:
        running.wait("UPGRADE_FIRMWARE")
        running.succeed("1.1")
        world.wait_state(task, "success", by_socket)
    http = HttpDevice(server.http, by_http, product)
    assert http.pull(currentVersion="1.0")["version"] == "1.1"
    http.succeed("1.1")
    assert [row["state"]["value"] for row in world.records(task)] == ["success"] * 3


def test_golden_frames(world, product, device, connected):
    """The wire, member by member: a change fails here."""
    world.task(world.firmware(product), [device], "pull")
    connected.say("REQUEST_FIRMWARE", messageId="7", currentVersion="1.0")
    reply = connected.wait("REQUEST_FIRMWARE_REPLY")
    assert list(reply) == [
        "success",
        "messageType",
        "messageId",
        "deviceId",
        "timestamp",
        "url",
        "version",
        "parameters",
        "sign",
        "signMethod",
        "firmwareId",
        "size",
    ]
    assert json.loads(json.dumps(reply["parameters"])) == {"slot": "B"}


def test_a_gateway_registers_children_under_ids_that_devices_may_have(server, world):
    """An id is shown to people and is part of topics and addresses (spec 3.1)."""
    gateways = world.product(
        transportProtocol="WebSocket", configuration=KEYS, deviceType="gateway"
    )
    children = world.product(deviceType="childrenDevice")
    gateway = world.device(gateways)
    good = world.name("child")
    with WebSocketDevice(server.http, gateway, gateways) as running:
        for device in ("a/b", "x" * 257, "\u202e\u0007", "..", "a b", good):
            running.say("REGISTER", deviceId=device, headers={"productId": children})
        eventually(lambda: world.device_state(good) == "online")
    rows = world.api.rows("/device-instance", ("productId", children))
    assert [row["id"] for row in rows] == [good]
