"""Facts that a second look at the running server brought up."""
import http.client
import json

import pytest
import websocket

from support.builders import FIRMWARE, TASK
from support.waiting import stays


@pytest.fixture
def choice(world):
    """(firmware, a device of its product)."""
    product = world.product()
    return world.foreign_firmware(product), world.device(product)


@pytest.mark.parametrize(
    "terms",
    [
        [{"column": "id"}],
        [{"column": "id", "value": None}],
        [{"column": "name", "termType": "like", "value": ""}],
        [{"terms": [{"column": "id", "termType": "in"}]}],
        [{"column": "id", "termType": "nin", "value": []}],
        [{"column": "createTime", "termType": "btw", "value": []}],
        [{"value": "no column"}],
    ],
)
def test_gap_29_a_condition_without_value_never_chooses_all_devices(api, world, choice, terms):
    firmware, _ = choice
    api.refused("POST", TASK, world.task_body(firmware, terms=terms))
    assert api.count(TASK, ("firmwareId", firmware["id"])) == 0


def test_a_condition_without_value_still_filters_nothing_in_a_list(api, choice):
    firmware, _ = choice
    assert api.count(FIRMWARE, ("productId", firmware["productId"]), ("name", None)) == 1


def test_a_huge_pattern_finds_nothing(api):
    assert api.count(FIRMWARE, ("name", "like", "%a" * 30_000)) == 0


@pytest.mark.parametrize("path", ["/firmware/%ff%fe", "/firmware/_count?where=name%20=%20%ff"])
def test_an_address_that_is_not_utf8_gets_an_answer_that_is(server, api, path):
    connection = http.client.HTTPConnection(*server.http.rsplit(":", 1), timeout=5)
    connection.request("GET", path, headers={"X-Access-Token": api.token})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 400
    body.decode()  # raises if it is not UTF-8


def test_a_device_with_an_upgrade_ahead_does_not_change_its_product(api, world):
    _, [device], _, _ = world.ready_push()
    api.post(f"/device-instance/{device}/undeploy")
    move = {"id": device, "productId": world.product()}
    api.refused("PATCH", "/device-instance", move, zh="停止", en="stop")


def test_a_record_is_not_continued_for_a_device_of_another_product(api, world):
    _, [device], _, task = world.ready_push()
    api.post(f"{TASK}/{task['id']}/_stop")
    api.post(f"/device-instance/{device}/undeploy")
    api.patch("/device-instance", {"id": device, "productId": world.product()})
    assert api.post(f"{TASK}/{task['id']}/_start", ["canceled"]) == 0
    assert world.state(task) == "canceled"


def test_a_record_is_not_retried_for_a_new_device_of_the_same_name(api, world):
    _, [device], _, task = world.ready_push()
    api.post(f"/device-instance/{device}/undeploy")
    api.delete(f"/device-instance/{device}")
    world.wait_state(task, "failed")
    api.post("/device-instance", {"id": device, "name": "n", "productId": world.product()})
    assert api.post(f"{TASK}/{task['id']}/_start", ["failed"]) == 0
    assert world.state(task) == "failed"


def end_by_disabling(api, person):
    api.patch("/user", {"id": person.get("/user/detail")["id"], "status": 0})


def end_by_deleting(api, person):
    api.delete(f"/user/{person.get('/user/detail')['id']}")


def end_by_signing_out(_api, person):
    person.get("/user-token/reset")


def end_by_withdrawing_rights(api, person):
    role = person.get("/user/detail")["roleList"][0]["id"]
    api.patch("/role", {"id": role, "grants": []})


ENDINGS = [end_by_disabling, end_by_deleting, end_by_signing_out, end_by_withdrawing_rights]


def watched_topic(server, person):
    """A messaging connection that has subscribed to all tasks."""
    socket = websocket.create_connection(f"ws://{server.http}/messaging/{person.token}", timeout=5)
    socket.send(json.dumps({"type": "sub", "id": "s", "topic": "/firmware/task/*"}))
    socket.send(json.dumps({"type": "ping"}))
    assert json.loads(socket.recv()) == {"type": "pong"}
    return socket


@pytest.mark.parametrize("end", ENDINGS)
def test_an_open_socket_tells_nothing_after_the_right_has_ended(server, api, world, end):
    person = world.person({"device/Firmware": ["view"]})
    socket = watched_topic(server, person)
    end(api, person)
    with api.events() as seen_by_admin:
        _, _, _, task = world.ready_push()
        seen_by_admin.wait_for("task", lambda data: data["id"] == task["id"])
    socket.send(json.dumps({"type": "ping"}))
    told = []
    try:
        while text := socket.recv():
            told.append(json.loads(text)["type"])
            if told[-1] == "pong":
                break
    except websocket.WebSocketConnectionClosedException:
        pass
    socket.close()
    assert "result" not in told


@pytest.mark.parametrize("end", ENDINGS)
def test_open_events_tell_nothing_after_the_right_has_ended(api, world, end):
    person = world.person({"device/Firmware": ["view"]})
    with person.events() as seen_by_person, api.events() as seen_by_admin:
        end(api, person)
        _, _, _, task = world.ready_push()
        seen_by_admin.wait_for("task", lambda data: data["id"] == task["id"])
        stays(lambda: task["id"] not in str(seen_by_person._seen))
