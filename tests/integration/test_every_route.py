"""Every operation of api/openapi.yaml against every permission alone, every button of a role, and
nobody. The document is what the routes are generated from: an operation that asks for another
permission than it says, or for none, fails here."""
import re

import pytest

from support.api import Api
from support.builders import World
from support.contract import check_openapi, contract
from support.server import Server

RESOURCES = [
    "firmware-manager",
    "firmware-upgrade-task-manager",
    "device-product",
    "device-instance",
    "protocol-supports",
    "system_config",
    "user",
    "role",
    "user-token",
    "audit",
]
ACTIONS = ["query", "save", "delete", "deploy"]

# What a machine may not do whatever its scopes: only_a_person() in the services.
ONLY_A_PERSON = {"logout", "changePassword", "createApiToken", "revokeApiToken"}
# Streams have no end to wait for.
STREAMS = {"messaging", "events"}
# Open, with a rule of their own that answers 403: a one-time token, a file's access key.
OWN_RULE = {"setUp", "downloadFile"}


def operations():
    """(operation, method, path) of each operation that people and machines sign in for, or nobody; the
    addresses of devices have sign-ins and tests of their own."""
    for method, template, operation, _ in check_openapi.operations(contract().document):
        security = operation.get("security")
        if operation["operationId"] not in STREAMS and not security:
            yield operation, method, re.sub(r"\{[^}]*\}", "1", template)


OPERATIONS = list(operations())


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A server of its own: whoever may, does."""
    with Server(tmp_path_factory.mktemp("routes") / "data") as running:
        yield World(running, running.api())


def attempt(client, method, path):
    """The status of one harmless attempt: made-up ids, an empty body."""
    body = {} if method in ("POST", "PUT", "PATCH") else None
    return client.call(method, path, body, check=False).status


def wrong_answers(client, permitted, refused_anyway=frozenset()):
    """What `client` is answered otherwise than `permitted` ("resource:action") says."""
    wrong = []
    for operation, method, path in OPERATIONS:
        name = operation["operationId"]
        wanted = {operation.get("x-permission"), operation.get("x-permission-also")} - {None}
        if name == "logout" or name in OWN_RULE:
            continue
        status = attempt(client, method, path)
        refused = not wanted <= permitted or name in refused_anyway
        if status == 401 or status >= 500 or (status == 403) != refused:
            wrong.append((method, path, status, wanted))
    return wrong


def test_the_document_names_only_permissions_that_exist():
    known = {f"{resource}:{action}" for resource in RESOURCES for action in ACTIONS}
    named = {each[0].get("x-permission") for each in OPERATIONS} - {None}
    assert named <= known and len(named) > 20


def test_the_server_grants_what_is_tested_here(stage):
    granted = {each["id"]: each["actions"] for each in stage.api.get("/authorize/me")["permissions"]}
    assert granted == {resource: ACTIONS for resource in RESOURCES}


def test_nobody_may_do_anything_that_is_not_open(stage):
    stranger = Api(stage.server.http)
    wrong = []
    for operation, method, path in OPERATIONS:
        if operation["operationId"] == "downloadFile":
            continue  # open by access key; see test_files
        status = attempt(stranger, method, path)
        if (status == 401) != (operation.get("security") != []):
            wrong.append((method, path, status))
    assert not wrong


def test_nobody_may_speak_for_a_device(stage):
    """The addresses of devices have sign-ins of their own: refused, whatever is told about why."""
    stranger = Api(stage.server.http)
    wrong = []
    for method, template, operation, _ in check_openapi.operations(contract().document):
        if operation.get("security"):
            path = re.sub(r"\{[^}]*\}", "1", template)
            for client in (stranger, stage.api):  # an operator's token is no device's
                status = attempt(client, method, path)
                if not 400 <= status < 500:
                    wrong.append((method, path, status))
    assert not wrong


@pytest.mark.parametrize("token", ["0" * 32, "x", "' or 1=1 --", "updraft_" + "0" * 43])
def test_a_made_up_token_is_nobody(stage, token):
    stranger = Api(stage.server.http, token=token)
    wrong = [
        (method, path)
        for operation, method, path in OPERATIONS[::7]
        if operation.get("security") is None and attempt(stranger, method, path) != 401
    ]
    assert not wrong


@pytest.mark.parametrize("resource", RESOURCES)
def test_one_permission_alone(stage, resource):
    """A machine token's scope is the one way to hold exactly one permission."""
    for action in ACTIONS:
        scopes = [{"id": resource, "actions": [action]}]
        made = stage.api.post("/api-token", {"name": stage.name("t"), "scopes": scopes})
        machine = Api(stage.server.http, token=made["token"])
        assert not wrong_answers(machine, {f"{resource}:{action}"}, ONLY_A_PERSON), action


def buttons():
    """(page, button) of the whole menu, as the console offers them to a role."""
    pages = {
        "device/Firmware": ["view", "add", "update", "delete"],
        "link/Protocol": ["view", "add", "update", "delete", "action"],
        "device/Product": ["view", "add", "update", "delete", "action"],
        "device/Instance": ["view", "add", "update", "delete", "action"],
        "system/User": ["view", "add", "update", "delete", "action"],
        "system/Role": ["view", "add", "update", "delete", "action"],
        "system/Basis": ["view", "update"],
        "system/Audit": ["view"],
    }
    return [(page, button) for page, names in pages.items() for button in names]


def leaves(entries):
    for entry in entries:
        if entry["buttons"]:
            yield entry["code"], [button["id"] for button in entry["buttons"]]
        yield from leaves(entry["children"])


def test_every_button_of_the_menu_is_tested_here(stage):
    menu = dict(leaves(stage.api.post("/menu/_all/tree", {})))
    assert {(page, button) for page, names in menu.items() for button in names} == set(buttons())


@pytest.mark.parametrize("page", sorted({page for page, _ in buttons()}))
def test_one_button_alone(stage, page):
    for button in [name for at, name in buttons() if at == page]:
        person = stage.person({page: [button]})
        permitted = {
            f"{each['id']}:{action}"
            for each in person.get("/authorize/me")["permissions"]
            for action in each["actions"]
        }
        assert permitted, button
        assert not wrong_answers(person, permitted), button


def test_two_permissions_of_one_resource_are_both_needed(stage):
    """What x-permission-also says: making a task is saving and deploying."""
    scopes = [{"id": "firmware-upgrade-task-manager", "actions": ["save", "deploy"]}]
    made = stage.api.post("/api-token", {"name": stage.name("t"), "scopes": scopes})
    machine = Api(stage.server.http, token=made["token"])
    held = {f"firmware-upgrade-task-manager:{action}" for action in ("save", "deploy")}
    assert not wrong_answers(machine, held, ONLY_A_PERSON)


def test_the_stream_of_events_asks_for_a_sign_in(stage):
    """The WebSocket says so inside; see test_live."""
    assert Api(stage.server.http).call("GET", "/events", check=False).status == 401
