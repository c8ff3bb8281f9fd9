"""Devices over plain HTTP (spec 4.6): reports, progress and pulls with a bearer token."""
import pytest

from support.api import Api


class HttpDevice:
    def __init__(self, server, product, device, token="secret"):
        self.api, self.prefix, self.token = Api(server.http), f"/{product}/{device}", token

    def post(self, tail, body, **headers):
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return self.api.call(
            "POST",
            self.prefix + tail,
            body,
            headers={k: v for k, v in sent.items() if v},
            check=False,
        )


@pytest.fixture
def pair(world):
    product = world.product(transportProtocol="HTTP", configuration={"bearer_token": "secret"})
    return product, world.device(product)


@pytest.fixture
def device(server, pair):
    return HttpDevice(server, *pair)


def test_a_report_is_stored(world, pair, device):
    answer = device.post("/firmware/report", {"version": "1.0"})
    assert (answer.status, answer.json) == (200, {"success": True})
    assert world.firmware_version(pair[1]) == "1.0" and world.device_state(pair[1]) == "online"


def test_a_pull_is_answered_with_the_reply(world, pair, device):
    product, device_id = pair
    task = world.task(world.foreign_firmware(product), [device_id], mode="pull")
    reply = device.post("/firmware/pull", {"messageId": "1", "currentVersion": "1.0"}).json
    assert (reply["success"], reply["messageId"], reply["version"]) == (True, "1", "1.1")
    device.post(
        "/firmware/upgrade/progress",
        {"progress": 100, "complete": True, "success": True, "version": "1.1"},
    )
    assert world.state(task) == "success"
    assert device.post("/firmware/pull", {"messageId": "2"}).json["code"] == "NO_FIRMWARE"


def test_A4_a_push_record_is_taken_by_a_pull(world, pair, device):
    product, device_id = pair
    task = world.task(world.foreign_firmware(product), [device_id])
    assert device.post("/firmware/pull", {"messageId": "1"}).json["version"] == "1.1"
    assert world.state(task) == "processing"


def test_time_sync(device):
    answer = device.post("/time-sync", {"messageId": "5"}).json
    assert answer["messageId"] == "5" and answer["timestamp"] > 0


@pytest.mark.parametrize(
    "headers, message",
    [
        ({"Authorization": None}, "Authorization header is required"),
        ({"Authorization": "Basic abc"}, "Illegal token format"),
        ({"Authorization": "Bearer wrong"}, "Device no register or token not match"),
    ],
)
def test_refused_tokens(device, headers, message):
    answer = device.post("/firmware/report", {"version": "1"}, **headers)
    assert (answer.status, answer.json["success"], answer.json["code"], answer.json["message"]) == (
        401,
        False,
        "unauthorized",
        message,
    )


def test_an_unknown_device_is_401(server, pair):
    assert (
        HttpDevice(server, pair[0], "nobody").post("/firmware/report", {"version": "1"}).status
        == 401
    )


def test_an_unknown_topic_is_400_and_a_broken_body_500(device):
    answer = device.post("/no/such/topic", {})
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    answer = device.api.call(
        "POST",
        device.prefix + "/firmware/report",
        raw=b"{",
        content_type="application/json",
        headers={"Authorization": "Bearer secret"},
        check=False,
    )
    assert (answer.status, answer.json["code"]) == (500, "request_body_format_error")


def test_works_below_api_too(server, world, pair):
    answer = Api(server.http).call(
        "POST",
        f"/api/{pair[0]}/{pair[1]}/firmware/report",
        {"version": "2"},
        headers={"Authorization": "Bearer secret"},
        check=False,
    )
    assert answer.status == 200 and world.firmware_version(pair[1]) == "2"
