"""Machine tokens: what a pipeline signs in with."""
import pytest

from support.api import Api
from support.builders import FIRMWARE
from support.waiting import eventually

TOKEN = "/api-token"
READ = [{"id": "firmware-manager", "actions": ["query"]}]


def made(api, scopes=None, **members):
    return api.post(TOKEN, {"name": "ci", "scopes": scopes or READ, **members})


def machine(server, token):
    return Api(server.http, token=token)


def test_a_token_is_told_once_and_listed_without_it(api):
    created = made(api, expiresInSeconds=3600)

    listed = next(each for each in api.get(TOKEN) if each["id"] == created["id"])
    assert listed == {name: value for name, value in created.items() if name != "token"}
    assert created["expireTime"] - created["createTime"] == 3600_000
    assert created["username"] == "admin"


@pytest.mark.parametrize(
    "headers",
    [
        lambda token: {"X-Access-Token": token},
        lambda token: {"Authorization": f"Bearer {token}"},
    ],
)
def test_it_is_sent_like_every_token(server, api, headers):
    token = made(api)["token"]

    nobody = Api(server.http)
    answer = nobody.call("POST", f"{FIRMWARE}/_query", {}, headers=headers(token))

    assert answer.status == 200
    assert nobody.call("GET", f"/api{TOKEN}", headers=headers(token)).status == 200


def test_it_may_what_its_scopes_name_and_nothing_else(server, api):
    client = machine(server, made(api)["token"])

    client.post(f"{FIRMWARE}/_query", {})
    client.refused("PATCH", FIRMWARE, {"id": "1"}, status=403, code="access_denied")
    client.refused("POST", "/user/_query", {}, status=403, code="access_denied")
    me = client.get("/authorize/me")
    assert [(each["id"], each["actions"]) for each in me["permissions"]] == [
        ("firmware-manager", ["query"])
    ]
    assert me["user"]["userType"] == "user"


def test_it_makes_no_tokens_sets_no_passwords_and_does_not_sign_out(server, api):
    token = made(api, [{"id": "user", "actions": ["query", "save", "delete"]}])
    client = machine(server, token["token"])
    password = {"oldPassword": "x", "newPassword": "correct horse 2"}
    person = {"username": "made-by-a-machine", "password": "correct horse", "name": "n"}

    for method, path, body in (
        ("POST", TOKEN, {"name": "n", "scopes": READ}),
        ("DELETE", f"{TOKEN}/{token['id']}", None),
        ("GET", f"{TOKEN}?all=true", None),
        ("POST", "/user/passwd", password),
        ("POST", "/user", person),
        ("PATCH", "/user", {"id": token["userId"], "password": "correct horse 2"}),
        ("GET", "/user-token/reset", None),
    ):
        client.refused(method, path, body, status=403, code="access_denied")
    assert client.get(TOKEN)


def test_a_revoked_token_is_signed_out_at_once(server, api):
    token = made(api)
    client = machine(server, token["token"])
    client.post(f"{FIRMWARE}/_query", {})

    assert api.delete(f"{TOKEN}/{token['id']}")["id"] == token["id"]

    client.refused("POST", f"{FIRMWARE}/_query", {}, status=401)
    api.refused("DELETE", f"{TOKEN}/{token['id']}", status=404)


def test_live_events_end_when_the_token_is_revoked(server, api):
    scopes = [{"id": "firmware-upgrade-task-manager", "actions": ["query"]}]
    token = made(api, scopes)
    with machine(server, token["token"]).events() as events:
        api.delete(f"{TOKEN}/{token['id']}")
        eventually(lambda: not events._thread.is_alive(), seconds=6)


def test_tokens_are_their_users_and_the_administrator_sees_all(server, api, world):
    of_admin = made(api)
    person = world.person({"device/Firmware": ["view"]})
    theirs = made(person, [{"id": "firmware-manager", "actions": ["query", "save", "delete"]}])

    assert [each["id"] for each in person.get(TOKEN)] == [theirs["id"]]
    person.refused("GET", f"{TOKEN}?all=true", status=403)
    person.refused("DELETE", f"{TOKEN}/{of_admin['id']}", status=404)
    assert {of_admin["id"], theirs["id"]} <= {each["id"] for each in api.get(f"{TOKEN}?all=true")}
    # The scopes name more than the person may: the token may no more than the person.
    client = machine(server, theirs["token"])
    client.post(f"{FIRMWARE}/_query", {})
    client.refused("PATCH", FIRMWARE, {"id": "1"}, status=403)
    # Without the user there is no token.
    api.delete(f"/user/{theirs['userId']}")
    client.refused("POST", f"{FIRMWARE}/_query", {}, status=401)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "n" * 65},
        {"scopes": []},
        {"scopes": [{"id": "everything", "actions": ["query"]}]},
        {"scopes": [{"id": "user", "actions": ["grant"]}]},
        {"expiresInSeconds": 0},
    ],
)
def test_wrong_forms_name_their_member(api, change):
    refusal = api.refused("POST", TOKEN, {"name": "n", "scopes": READ, **change}, status=400)

    assert refusal["result"][0]["property"] == next(iter(change))


def test_tokens_outlive_a_restart_of_the_server(private_server):
    running = private_server()
    token = made(running.api())["token"]
    running.stop()
    running.start()

    machine(running, token).post(f"{FIRMWARE}/_query", {})
