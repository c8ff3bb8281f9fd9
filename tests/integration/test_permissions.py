"""What each button of 远程升级 allows, and what it does not (spec 2.13, rows 6, 28, 30, 45). What every
route asks for is in test_every_route."""
import pytest

from support.api import Api
from support.builders import FIRMWARE, RECORD, TASK, World

PAGE = "device/Firmware"


@pytest.fixture(scope="module")
def stage(server, admin_token):
    """(world, firmware, its stopped task)."""
    world = World(server, Api(server.http, token=admin_token))
    _, _, firmware, task = world.ready_push()
    world.api.post(f"{TASK}/{task['id']}/_stop")
    return world, firmware, task


def attempts(firmware, task):
    """name -> (method, path, body): each is harmless and, when allowed, answered with another status
    than 401 and 403."""
    return {
        "firmware query": ("POST", f"{FIRMWARE}/_query", {}),
        "firmware get": ("GET", f"{FIRMWARE}/{firmware['id']}", None),
        "firmware exists": ("GET", f"{FIRMWARE}/{firmware['productId']}/1/exists", None),
        "firmware create": ("POST", FIRMWARE, {}),
        "firmware save": ("PATCH", FIRMWARE, {"id": firmware["id"], "description": "d"}),
        "firmware replace": ("PUT", f"{FIRMWARE}/{firmware['id']}", {"description": "d"}),
        "firmware delete": ("DELETE", f"{FIRMWARE}/1", None),
        "task query": ("POST", f"{TASK}/detail/_query", {}),
        "task get": ("GET", f"{TASK}/{task['id']}", None),
        "task create": ("POST", TASK, {}),
        "task start": ("POST", f"{TASK}/{task['id']}/_start", ["failed"]),
        "task stop": ("POST", f"{TASK}/{task['id']}/_stop", []),
        "records start": ("POST", f"{TASK}/_start", []),
        "records stop": ("POST", f"{TASK}/_stop", []),
        "task delete": ("DELETE", f"{TASK}/1", None),
        "record query": ("POST", f"{RECORD}/_query", {}),
        "record details": ("POST", f"{RECORD}/detail/_query/no-paging", {"pageSize": 1}),
        "record count": ("POST", f"{RECORD}/_count", {}),
        "record delete": ("DELETE", f"{RECORD}/1", None),
        "product query": ("POST", "/device-product/detail/_query/no-paging", {"pageSize": 1}),
        "product create": ("POST", "/device-product", {}),
        "product deploy": ("POST", "/device-product/nobody/deploy", None),
        "device query": ("POST", "/device-instance/detail/_query", {"pageSize": 1}),
        "device create": ("POST", "/device-instance", {}),
        "device delete": ("DELETE", "/device-instance/nobody", None),
        "device deploy": ("POST", "/device-instance/nobody/deploy", None),
        "protocol query": ("POST", "/protocol/_query", {}),
        "protocol create": ("POST", "/protocol", {}),
        "user query": ("POST", "/user/_query", {}),
        "user create": ("POST", "/user", {}),
        "role create": ("POST", "/role", {}),
        "config save": ("POST", "/system/config/scope/_save", []),
        "token check": ("GET", "/user-token/token/x/logged", None),
    }


READ_FIRMWARE = {"firmware query", "firmware get", "firmware exists"}
READ_TASKS = {"task query", "task get", "record query", "record details", "record count"}
RUN_TASKS = {"task create", "task start", "task stop", "records start", "records stop"}
WRITE_FIRMWARE = {"firmware create", "firmware save", "firmware replace"}
DEVICES, PRODUCTS = {"device query"}, {"product query"}

GRANTS = {
    "view": READ_FIRMWARE | READ_TASKS | DEVICES,
    "add": READ_FIRMWARE | WRITE_FIRMWARE | READ_TASKS | RUN_TASKS | PRODUCTS | DEVICES,
    "update": READ_FIRMWARE | WRITE_FIRMWARE | READ_TASKS | RUN_TASKS | PRODUCTS | DEVICES,
    "delete": READ_FIRMWARE | {"firmware delete", "task delete", "record delete"},
}


def allowed(person, stage):
    _, firmware, task = stage
    result = set()
    for name, attempt in attempts(firmware, task).items():
        status = person.call(*attempt).status
        assert status != 401 and status < 500, name
        if status != 403:
            result.add(name)
    return result


@pytest.mark.parametrize("button", ["view", "add", "update", "delete"])
def test_one_button_alone(stage, button):
    person = stage[0].person({PAGE: [button]})
    assert allowed(person, stage) == GRANTS[button]


def test_no_button_allows_nothing(stage):
    assert allowed(stage[0].person({}), stage) == set()


def test_all_buttons_add_up(stage):
    person = stage[0].person({PAGE: ["view", "add", "update", "delete"]})
    assert allowed(person, stage) == set.union(*GRANTS.values())


def test_unknown_codes_and_buttons_grant_nothing(stage):
    assert allowed(stage[0].person({PAGE: ["fly"], "no/such/page": ["view"]}), stage) == set()


def test_admin_may_do_everything(stage):
    _, firmware, task = stage
    names = set(attempts(firmware, task))
    assert allowed(stage[0].api, stage) == names


def test_the_refusal_names_the_permission(stage):
    person = stage[0].person({PAGE: ["view"]})
    body = person.refused("DELETE", f"{FIRMWARE}/1", status=403, code="access_denied")
    assert "[firmware-manager]" in body["message"] and "delete" in body["message"]


def test_a_change_of_a_role_holds_at_once(stage):
    world = stage[0]
    person = world.person({PAGE: ["view"]})
    role = person.get("/user/detail")["roleList"][0]["id"]
    assert person.call("POST", FIRMWARE, {}).status == 403
    world.api.put(f"/role/{role}", {"grants": [{"code": PAGE, "buttons": ["view", "add"]}]})
    assert person.call("POST", FIRMWARE, {}).status == 400
    world.api.put(f"/role/{role}", {"grants": []})
    assert person.call("POST", f"{FIRMWARE}/_query", {}).status == 403


def test_a_deleted_user_is_out(stage):
    world = stage[0]
    person = world.person({PAGE: ["view"]})
    world.api.delete(f"/user/{person.get('/user/detail')['id']}")
    assert person.call("POST", f"{FIRMWARE}/_query", {}).status == 401


def test_nobody_makes_a_second_admin_or_removes_the_first(api):
    admin = api.get("/user/detail")
    assert (
        api.call(
            "POST",
            "/user",
            {"username": "admin", "name": "x", "password": "a Long enough passw0rd"},
        ).status
        == 400
    )
    assert api.call("DELETE", f"/user/{admin['id']}").status == 400
    assert api.get("/user/detail")["username"] == "admin"


def test_roles_and_users_are_rows(world):
    api = world.api
    role = api.post(
        "/role",
        {
            "name": world.name("role"),
            "description": "d",
            "grants": [{"code": PAGE, "buttons": ["view"]}],
        },
    )
    assert api.get(f"/role/{role['id']}")["grants"] == [{"code": PAGE, "buttons": ["view"]}]
    name = world.name("user")
    user = api.post(
        "/user",
        {
            "username": name,
            "name": "A person",
            "password": "a Long enough passw0rd",
            "roleIds": [role["id"]],
        },
    )
    assert [row["username"] for row in api.rows("/user", ("username", name))] == [name]
    assert api.get(f"/user/{user['id']}")["roleList"] == [{"id": role["id"], "name": role["name"]}]
    api.refused(
        "POST", "/user", {"username": name, "name": "again", "password": "a Long enough passw0rd"}
    )
    api.refused(
        "POST", "/user", {"username": world.name("user"), "name": "weak", "password": "short"}
    )


def test_whoever_may_add_a_firmware_may_upload_its_file(stage):
    person = stage[0].person({PAGE: ["add"]})
    assert person.upload(b"bytes")["length"] == 5
