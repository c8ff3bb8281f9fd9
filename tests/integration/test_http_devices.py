"""JetLinks over HTTP (spec 4.6), asked with curl."""
import json

import pytest

from support.builders import World
from support.http_device import TOKEN, HttpDevice, curl
from support.mqtt_device import SECURE_ID, SECURE_KEY
from support.waiting import eventually

KEYS = {"secureId": SECURE_ID, "secureKey": SECURE_KEY, "bearer_token": TOKEN}


@pytest.fixture
def product(world):
    return world.product(transportProtocol="HTTP", configuration=KEYS)


@pytest.fixture
def device(server, world, product):
    return HttpDevice(server.http, world.device(product), product)


def three_firmwares(world, product):
    """Versions 1.1, 1.2, 1.3 with orders 2, 3, 5, as spec 5.3 has them."""
    return {
        version: world.firmware(product, version, order, content=f"image {version}".encode())
        for version, order in (("1.1", 2), ("1.2", 3), ("1.3", 5))
    }


def test_pull_in_sequence(world, product, device):
    """Spec 5.3."""
    firmwares = three_firmwares(world, product)
    tasks = {
        version: world.task(firmware, [device.device], "pull")
        for version, firmware in firmwares.items()
    }
    current = "1.0"
    for message_id, version in (("1", "1.1"), ("2", "1.2"), ("3", "1.3")):
        reply = device.pull(message_id, currentVersion=current)
        assert reply["success"] is True and reply["version"] == version
        assert reply["messageId"] == message_id and reply["deviceId"] == device.device
        assert reply["messageType"] == "REQUEST_FIRMWARE_REPLY"
        assert curl(reply["url"]).body == f"image {version}".encode()
        assert world.state(tasks[version]) == "processing"
        device.succeed(version)
        assert world.state(tasks[version]) == "success"
        current = version
    reply = device.pull("4", currentVersion="1.3")
    assert (reply["success"], reply["code"], reply["messageId"]) == (False, "NO_FIRMWARE", "4")
    assert "url" not in reply and "version" not in reply


def test_pull_of_the_latest(world, product, device):
    firmwares = three_firmwares(world, product)
    tasks = {
        version: world.task(firmware, [device.device], "pull")
        for version, firmware in firmwares.items()
    }
    assert device.pull("1", latest=True, currentVersion="1.0")["version"] == "1.3"
    device.succeed("1.3")
    assert world.state(tasks["1.3"]) == "success"
    assert [world.state(tasks[each]) for each in ("1.1", "1.2")] == ["canceled", "canceled"]
    assert device.pull("2", latest=True, currentVersion="1.3")["code"] == "NO_FIRMWARE"


def test_a_push_waits_until_the_device_asks(world, product, device):
    """T6 covers it: nothing can be pushed over HTTP."""
    device.accepted("online", {})
    eventually(lambda: world.device_state(device.device) == "online")
    task = world.task(world.firmware(product), [device.device], "push")
    record = world.record(task)
    assert record["state"]["value"] == "waiting"
    assert device.pull(currentVersion="1.0")["version"] == "1.1"
    assert world.state(task) == "processing"
    body = {"progress": 60, "complete": True, "success": False, "errorReason": "校验失败"}
    device.accepted("firmware/upgrade/progress", {**body, "version": "1.1"})
    record = world.record(task)
    assert (record["state"]["value"], record["errorReason"]) == ("failed", "校验失败")


def test_every_uplink_topic_is_accepted(world, device):
    for topic, body in (
        ("firmware/report", {"version": "1.0", "properties": {"hw": "r2"}}),
        ("firmware/upgrade/reply", {"messageId": "m", "success": True}),
        ("firmware/upgrade/progress", {"progress": 1}),
        ("firmware/read/reply", {"messageId": "m", "version": "1.0"}),
        ("properties/report", {"properties": {"t": 1}}),
        ("properties/read/reply", {"messageId": "m", "properties": {}}),
        ("properties/write/reply", {"messageId": "m", "properties": {}}),
        ("function/invoke/reply", {"messageId": "m", "output": 1}),
        ("event/alarm", {"data": 1}),
        ("metadata/derived", {"metadata": "{}", "all": True}),
        ("tags", {"tags": {"a": "b"}}),
        ("log", {"log": "text"}),
        ("direct", b"\x00\x01 any bytes"),
        ("register", {}),
        ("state-check/reply", {"messageId": "m", "state": 1}),
        ("disconnect/reply", {"messageId": "m"}),
        ("online", {}),
        ("online", b""),
        ("offline", {}),
    ):
        assert device.accepted(topic, body) == {"success": True}, topic
    assert world.firmware_version(device.device) == "1.0"


def test_time_sync_is_answered(device):
    reply = device.accepted("time-sync", {"messageId": "9"})
    assert set(reply) == {"messageId", "timestamp"} and reply["messageId"] == "9"


@pytest.mark.parametrize(
    "authorization, message",
    [
        ("", "Authorization header is required"),
        (f"Basic {TOKEN}", "Illegal token format"),
        (TOKEN, "Illegal token format"),
        ("Bearer", "Illegal token format"),
        ("Bearer wrong", "Device no register or token not match"),
    ],
)
def test_refused_sign_ins(device, authorization, message):
    answer = device.say("firmware/pull", {}, authorization=authorization)
    assert answer.status == 401
    assert answer.json == {"success": False, "code": "unauthorized", "message": message}


def test_unknown_and_disabled_devices_are_refused(server, api, world, product, device):
    nobody = HttpDevice(server.http, "nobody-" + product, product)
    answer = nobody.say("online", {})
    assert (answer.status, answer.json["message"]) == (401, "Device no register or token not match")
    api.post(f"/device-instance/{device.device}/undeploy")
    assert device.say("online", {}).status == 401
    api.post(f"/device-instance/{device.device}/deploy")
    device.accepted("online", {})
    eventually(lambda: world.device_state(device.device) == "online")


@pytest.mark.parametrize("topic", ["no/such/topic", "firmware/upgrade", "firmware", "event/a/b"])
def test_a_path_that_is_no_topic_is_a_bad_request(device, topic):
    answer = device.say(topic, {})
    assert (answer.status, answer.json) == (400, {"success": False, "code": "bad_request"})


@pytest.mark.parametrize("topic", ["firmware/pull", "firmware/report", "properties/report", "tags"])
def test_a_body_that_is_no_json_is_told(device, topic):
    answer = device.say(topic, b"{not json")
    assert answer.status == 500
    assert answer.json == {"success": False, "code": "request_body_format_error"}


def test_the_product_of_the_path_is_not_looked_at(world, product, device):
    world.task(world.firmware(product), [device.device], "pull")
    answer = device.say("firmware/pull", {"messageId": "1"}, product="another-product")
    assert answer.json["version"] == "1.1"


def test_a_device_may_not_speak_for_another(server, world, product, device):
    other = world.device(product)
    assert device.accepted(f"child/{other}/firmware/report", {"version": "6.6"}) == {"success": True}
    assert world.firmware_version(other) is None


def test_a_large_body_is_refused(device):
    answer = device.say("properties/report", b'{"a":"' + b"x" * 300_000 + b'"}')
    assert answer.status == 413


def test_children_speak_through_their_gateway(server, world):
    gateway_product = world.product(deviceType="gateway", configuration=KEYS)
    child_product = world.product(deviceType="childrenDevice", configuration={})
    gateway = world.device(gateway_product)
    child = world.device(child_product, parentId=gateway)
    task = world.task(world.firmware(child_product), [child], "pull")
    speaker = HttpDevice(server.http, gateway, gateway_product)
    body = {"messageId": "c7", "currentVersion": "1.0"}
    reply = speaker.accepted(f"child/{child}/firmware/pull", body)
    assert (reply["deviceId"], reply["version"], reply["messageId"]) == (child, "1.1", "c7")
    done = {"progress": 100, "complete": True, "success": True, "version": "1.1"}
    speaker.accepted(f"child-reply/{child}/firmware/upgrade/progress", done)
    assert world.state(task) == "success"
    eventually(lambda: world.device_state(child) == "online")


def test_works_below_api_too(server, world, product, device):
    body = json.dumps({"messageId": "1"}).encode()
    answer = curl(
        f"http://{server.http}/api/{product}/{device.device}/firmware/pull",
        "-H",
        f"Authorization: Bearer {TOKEN}",
        data=body,
    )
    assert answer.json["code"] == "NO_FIRMWARE"


def test_a_device_is_online_as_long_as_it_asks(private_server):
    """Spec 4.6: online for presence.http_online_for after its last request."""
    server = private_server(environment={"UPDRAFT_PRESENCE_HTTP_ONLINE_FOR": "1s"})
    world = World(server, server.api())
    product = world.product(configuration=KEYS)
    device = HttpDevice(server.http, world.device(product), product)
    device.accepted("properties/report", {"properties": {}})
    eventually(lambda: world.device_state(device.device) == "online")
    eventually(lambda: world.device_state(device.device) == "offline", seconds=8)


@pytest.mark.parametrize("path", ["/firmware/nonsense/x", "/device-instance/no/such/path", "/user/a/b/c"])
def test_a_mistake_below_the_api_is_told_as_one(api, path):
    answer = api.call("POST", path, {})
    assert (answer.status, answer.json["code"]) == (404, "error.resource_not_found")
