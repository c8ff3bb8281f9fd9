"""Signing in, tokens, the current user (spec 2.2) and the first set-up."""
import base64
import re
import subprocess
import urllib.parse

import pytest

from support.api import PASSWORD, Api
from support.waiting import eventually, stays


def test_login_answers_what_consoles_read(server):
    api = Api(server.http)
    result = api.login()
    assert re.fullmatch("[0-9a-f]{32}", result["token"])
    assert result["expires"] == 3600000
    assert result["user"]["username"] == "admin" and result["user"]["id"] == result["userId"]
    assert result["user"]["status"] == 1
    by_id = {each["id"]: each["actions"] for each in result["permissions"]}
    assert {"query", "save", "delete"} <= set(by_id["firmware-manager"])
    assert "firmware-manager" in result["currentAuthority"]


def test_extra_members_of_a_login_are_ignored(server):
    Api(server.http).login(remember=True, verifyCode="", verifyKey="", more={"deep": []})


@pytest.mark.parametrize(
    "username, password", [("admin", "wrong"), ("nobody-here", PASSWORD), ("admin", "")]
)
def test_wrong_password_is_400_and_does_not_say_which_was_wrong(server, username, password):
    body = Api(server.http).refused(
        "POST",
        "/authorize/login",
        {"username": username, "password": password},
        zh="用户名密码错误或用户已被禁用",
    )
    assert body["code"] == "illegal_password"


def test_login_without_members_is_400(server):
    assert Api(server.http).call("POST", "/authorize/login", {}).status == 400


def test_repeated_wrong_passwords_are_slowed_down(private_server):
    api = Api(private_server().http)
    for _ in range(30):
        answer = api.call(
            "POST", "/authorize/login", {"username": "admin", "password": "guess"}, check=False
        )
        if answer.json["code"] == "too_many_requests":
            assert "Retry-After" in answer.headers
            return
        assert answer.json["code"] == "illegal_password"
    raise AssertionError("30 guesses in a row were answered")


def test_token_is_taken_from_header_parameter_and_bearer(api):
    token = urllib.parse.quote(api.token)
    bare = api.clone(token=None)
    assert bare.get("/user/detail", headers={"X-Access-Token": api.token})["username"] == "admin"
    assert bare.get(f"/user/detail?:X_Access_Token={token}")["username"] == "admin"
    assert (
        bare.get("/user/detail", headers={"Authorization": f"Bearer {api.token}"})["username"]
        == "admin"
    )


def test_every_use_extends_a_token(server):
    api = Api(server.http)
    api.login(expires=1500)
    stays(lambda: api.call("GET", "/user/detail").status == 200, seconds=2.2, every=0.3)


def test_an_unused_token_ends(server):
    api = Api(server.http)
    token = api.login(expires=300)["token"]
    admin = server.api()
    path = f"/user-token/token/{token}/logged"
    eventually(lambda: admin.get(path) is False, 3)
    answer = api.call("GET", "/user/detail")
    assert answer.status == 401 and answer.result["value"] == "expired"


def test_a_token_may_never_end(server):
    api = Api(server.http)
    assert api.login(expires=-1)["expires"] == -1
    assert api.get("/user/detail")["username"] == "admin"


def test_logout_ends_this_token_only(server):
    first, second = server.api(), server.api()
    assert first.get("/user-token/reset") is True
    assert first.call("GET", "/user/detail").status == 401
    assert second.get("/user/detail")["username"] == "admin"
    assert second.get(f"/user-token/token/{first.token}/logged") is False
    assert second.get(f"/user-token/token/{second.token}/logged") is True


def test_me(api):
    me = api.get("/authorize/me")
    assert me["user"]["username"] == "admin"
    assert "firmware-upgrade-task-manager" in {each["id"] for each in me["permissions"]}


def test_user_detail_of_a_person_with_a_role(world):
    person = world.person({"device/Firmware": ["view"]})
    detail = person.get("/user/detail")
    assert len(detail["roleList"]) == 1 and detail["orgList"] == []
    me = person.get("/authorize/me")
    assert [each["type"]["id"] for each in me["dimensions"]] == ["role"]
    actions = {each["id"]: set(each["actions"]) for each in me["permissions"]}
    assert actions == {
        "firmware-upgrade-task-manager": {"query"},
        "firmware-manager": {"query"},
        "device-instance": {"query"},
    }


def test_a_disabled_user_cannot_sign_in_and_loses_the_token(world):
    person = world.person({"device/Firmware": ["view"]})
    row = person.get("/user/detail")
    world.api.put(f"/user/{row['id']}", {"status": 0})
    assert person.call("GET", "/user/detail").status == 401
    body = person.clone(token=None).refused(
        "POST",
        "/authorize/login",
        {"username": row["username"], "password": "a Long enough passw0rd"},
    )
    assert body["code"] == "user_disabled"


def test_own_password_is_changed(world):
    person = world.person({"device/Firmware": ["view"]})
    other = person.clone(token=None)
    username = person.get("/user/detail")["username"]
    other.login(username, "a Long enough passw0rd")
    assert (
        person.call(
            "POST", "/user/passwd", {"oldPassword": "wrong", "newPassword": "another L0ng password"}
        ).status
        == 400
    )
    person.post(
        "/user/passwd",
        {"oldPassword": "a Long enough passw0rd", "newPassword": "another L0ng password"},
    )
    assert person.get("/user/detail")["username"] == username
    assert other.call("GET", "/user/detail").status == 401
    other.login(username, "another L0ng password")


def test_answers_never_hold_a_password(api):
    answer = api.call("POST", "/user/_query", {})
    assert b"argon2" not in answer.body.lower() and b"password" not in answer.body.lower()


def test_login_encryption(private_server, tmp_path):
    server = private_server("--login-encryption", "true")
    api = Api(server.http)
    encrypt = api.get("/authorize/login/configs")["encrypt"]
    assert encrypt["enabled"] is True
    key = tmp_path / "key.der"
    key.write_bytes(base64.b64decode(encrypt["publicKey"]))
    sealed = subprocess.run(
        [
            "openssl",
            "pkeyutl",
            "-encrypt",
            "-pubin",
            "-keyform",
            "DER",
            "-inkey",
            str(key),
            "-pkeyopt",
            "rsa_padding_mode:pkcs1",
        ],
        input=PASSWORD.encode(),
        capture_output=True,
        check=True,
    ).stdout
    sent = base64.b64encode(sealed).decode()
    assert api.login(password=sent, encryptId=encrypt["id"])["user"]["username"] == "admin"
    plain = {"username": "admin", "password": PASSWORD, "expires": 3600000}
    assert api.call("POST", "/authorize/login", plain).status == 400


def test_no_login_encryption_by_default(server):
    assert Api(server.http).get("/authorize/login/configs")["encrypt"]["enabled"] is False


# -- first start ---------------------------------------------------------------------------------------
def set_up_token(server):
    found = re.search(
        r"/setup[^\s\"']*[?&]token=([0-9a-f]{32})", "".join(server.output) + server.log()
    )
    assert found, "no set-up link:\n" + "".join(server.output) + server.log()
    return found.group(1)


def test_first_start_without_password_prints_a_link_that_works_once(private_server):
    server = private_server(password=None)
    api = Api(server.http)
    assert api.call("POST", "/authorize/login", {"username": "admin", "password": ""}).status == 400
    token = eventually(lambda: set_up_token(server))
    api.refused("POST", "/setup", {"token": "0" * 32, "password": PASSWORD}, status=403)
    api.refused("POST", "/setup", {"token": token, "password": "short"})
    api.post("/setup", {"token": token, "password": PASSWORD})
    assert api.login()["user"]["username"] == "admin"
    Api(server.http).refused(
        "POST", "/setup", {"token": token, "password": "another L0ng password"}, status=403
    )


def test_a_changed_environment_does_not_change_the_password(private_server):
    server = private_server()
    server.stop()
    server.environment["UPDRAFT_ADMIN_PASSWORD"] = "something else entirely"
    server.start()
    Api(server.http).login()


def test_tokens_survive_a_restart(private_server):
    server = private_server()
    api = server.api()
    server.stop()
    server.start()
    assert api.clone().get("/user/detail")["username"] == "admin"
