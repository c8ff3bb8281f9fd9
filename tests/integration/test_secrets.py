"""Canaries: every kind of secret goes every way that it goes in a day, at the most talkative log
level, and is then looked for in everything that the server wrote."""
import base64
import hashlib
import http.client
import json
import re
import urllib.parse

import pytest

from support.api import PASSWORD, Api
from support.builders import World
from support.mqtt_device import MqttDevice, credentials
from support.waiting import eventually
from test_backup import backup

DEVICE = "/device-instance"
PRODUCT = "/device-product"


class Canaries:
    """Secrets by the name of what they are."""

    def __init__(self):
        self.kept = {}
        self.stored = b""

    def add(self, name, secret):
        assert len(secret) >= 8 and secret not in self.kept.values(), name
        self.kept[name] = secret
        return secret

    def seen_in(self, data):
        """Names of those that are in `data` (bytes), as they are or the way that protocols write them."""
        return sorted(
            name
            for name, secret in self.kept.items()
            if any(form in data for form in forms_of(secret))
        )


def forms_of(secret):
    plain = secret.encode()
    return {
        plain,
        urllib.parse.quote(secret, safe="").encode(),
        plain.hex().encode(),
        json.dumps(secret)[1:-1].encode(),
        base64.b64encode(plain)[: len(plain) * 4 // 3 // 4 * 4],
    }


def raw(address, method, path, headers, body=None):
    """A request that no contract is checked of: the addresses of devices, and what is not there."""
    host, port = address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def people(server, canaries):
    """Passwords and tokens; answers a client signed in as admin."""
    api = server.api()
    canaries.add("user token", api.token)
    wrong = canaries.add("a wrong password", "canary-wrong-passw0rd")
    typed = canaries.add("a password typed as a name", "canary-typed-as-a-name")
    stranger = Api(server.http)
    for name, password in (("admin", wrong), ("nobody", wrong), (typed, "x")) * 5:
        stranger.call("POST", "/authorize/login", {"username": name, "password": password})
    stranger.call("POST", "/authorize/login", raw=b'{"password":"' + wrong.encode())  # cut JSON

    first = canaries.add("a user's password", "canary-first-passw0rd")
    second = canaries.add("a changed password", "canary-second-passw0rd")
    row = {"username": "canary", "name": "canary", "password": first}
    api.post("/user", row)
    api.call("POST", "/user", row)  # a duplicate, refused with the row at hand
    person = Api(server.http)
    person.login("canary", first)
    canaries.add("another user token", person.token)
    person.call("POST", "/user/passwd", {"oldPassword": wrong, "newPassword": second})
    person.post("/user/passwd", {"oldPassword": first, "newPassword": second})

    scopes = [{"id": "device-instance", "actions": ["query"]}]
    token = api.post("/api-token", {"name": "ci", "scopes": scopes})["token"]
    canaries.add("API token", token)
    for path, headers in (
        ("/user/detail", {"X-Access-Token": token}),
        ("/user/detail", {"Authorization": f"Bearer {token}"}),
        (f"/user/detail?:X_Access_Token={token}", {}),
        (f"/no/such/path?:X_Access_Token={token}", {}),
        (f"/user-token/token/{api.token}/logged", {"X-Access-Token": api.token}),
        (f"/user-token/token/{token}/logged", {"X-Access-Token": token}),
        (f"/messaging/{api.token}", {}),
        (f"/events?:X_Access_Token={token}x", {}),
    ):
        stranger.call("GET", path, headers=headers, check=False)
    person.get("/user-token/reset")
    return api


def files(api, canaries):
    file = api.upload(b"bytes")
    key = canaries.add("access key", file["others"]["accessKey"])
    stranger = api.clone(token=None)
    assert stranger.call("GET", f"/file/{file['id']}?accessKey={key}").status == 200
    stranger.call("GET", f"/file/{file['id']}?accessKey={key}x")
    stranger.call("GET", f"/file/none?accessKey={key}")
    stranger.call("HEAD", f"/file/{file['id']}?accessKey={key}")


def devices(server, api, canaries):
    world = World(server, api)
    shared = canaries.add("product's secureKey", "canary-secure-key")
    bearer = canaries.add("device's bearer token", "canary-bearer-token")
    product = world.product(configuration={"secureId": "canary-id", "secureKey": shared})
    device = world.device(product, configuration={"bearer_token": bearer})
    told = []
    for base, owner in ((PRODUCT, product), (DEVICE, device)):
        path = f"{base}/{owner}/credentials"
        for kind in ("token", "mqttKey"):
            made = api.post(path, {"kind": kind})
            rotated = api.post(f"{path}/{made['id']}/_rotate", {})
            for row in (made, rotated):
                secret = row.get("token") or row["secureKey"]
                told.append((canaries.add(f"{kind} {row['id']}", secret), row))
    own = canaries.add("an own token", "canary-own-device-token")
    api.post(f"{DEVICE}/{device}/credentials", {"kind": "token", "token": own})
    api.call("POST", f"{DEVICE}/{device}/credentials", {"kind": "token", "token": own})  # in use

    for login in [credentials("canary-id", shared)] + [
        credentials(row["secureId"], secret) for secret, row in told if "secureId" in row
    ]:
        canaries.add(f"MQTT password {login[1][:6]}", login[1])
        peer = MqttDevice(server.mqtt, device, product, login=login)
        if peer.connect() == 0:
            peer.disconnect()
    wrong = canaries.add("a wrong MQTT password", hashlib.md5(b"canary").hexdigest())
    peer = MqttDevice(server.mqtt, device, product, login=(credentials()[0], wrong))
    assert peer.connect() != 0

    tokens = [bearer, own] + [secret for secret, row in told if "token" in row]
    for token in tokens:
        for suffix in ("", "x"):
            for method, path, headers in (
                ("POST", f"/{product}/{device}/properties/report", bearer_of(token + suffix)),
                ("POST", f"/{product}/{device}/firmware/pull", basic_of(device, token + suffix)),
                ("GET", f"/{product}/{device}/socket?token={token}{suffix}", {}),
                ("GET", f"/default/controller/v1/{device}", target_of(token + suffix)),
                ("GET", f"/default/controller/v1/{device}", gateway_of(token + suffix)),
                ("GET", f"/ota/{product}", bearer_of(token + suffix)),
                ("GET", f"/ota/{product}?token={token}{suffix}&device={device}", {}),
            ):
                raw(server.http, method, path, headers, b"{}" if method == "POST" else None)


def stored_in(folder):
    return b"".join(
        path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "secret.key"
    )


def bearer_of(token):
    return {"Authorization": f"Bearer {token}"}


def basic_of(user, token):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def target_of(token):
    return {"Authorization": f"TargetToken {token}"}


def gateway_of(token):
    return {"Authorization": f"GatewayToken {token}"}


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """(canaries, everything logged, the data folder) after a day with secrets, and the end of it."""
    from support.server import Server

    canaries = Canaries()
    canaries.add("administrator's password", PASSWORD)
    server = Server(
        tmp_path_factory.mktemp("canary") / "data",
        "--log-level",
        "debug",
        "--access-address-failures-max",
        "1000",
    )
    with server:
        api = people(server, canaries)
        files(api, canaries)
        devices(server, api, canaries)
        metrics = api.clone(token=None).call("GET", "/metrics").body
        backup(server, server.data.parent / "backup", "--without-key")
        canaries.stored = stored_in(server.data) + stored_in(server.data.parent / "backup")
    canaries.stored += stored_in(server.data)
    written = server.log_path.read_bytes() + "".join(server.output).encode()
    return canaries, written, metrics, server.data


def test_no_secret_is_logged(day):
    canaries, written, _, _ = day
    assert written.count(b"http: request method=") > 50, "the log must be talkative to prove anything"
    assert b"access: signed in" in written and b"mqtt: " in written
    assert not canaries.seen_in(written)


def test_the_canaries_would_be_seen(day):
    canaries, _, _, _ = day
    assert canaries.seen_in(b"x " + PASSWORD.encode() + b" y") == ["administrator's password"]
    assert canaries.seen_in(urllib.parse.quote(PASSWORD).encode()) == ["administrator's password"]


def test_no_secret_is_a_metric(day):
    canaries, _, metrics, _ = day
    assert not canaries.seen_in(metrics)


def test_no_secret_can_be_read_in_the_files(day):
    """Of the running server with its write-ahead log, of a backup, and of what a stop leaves: hashes
    (Argon2id, SHA-256) or sealed. The access key of a file opens that file alone, whose bytes lie
    beside it."""
    canaries, _, _, data = day
    assert b"SQLite format 3" in canaries.stored and b"canary-id" not in canaries.stored
    assert b"sealed:1:" in canaries.stored
    assert len(canaries.kept) > 20
    assert canaries.seen_in(canaries.stored) == ["access key"]


def test_the_link_of_the_first_start_is_printed_once_and_its_use_is_not_logged(private_server):
    server = private_server("--log-level", "debug", password=None)

    def printed():
        text = "".join(server.output) + server.log()
        found = re.search(r"/console/setup\?token=([0-9a-f]{32})", text)
        assert found, text
        return found.group(1)

    token = eventually(printed)
    api = Api(server.http)
    assert api.get(f"/setup?token={token}") == {"valid": True}
    api.post("/setup", {"token": token, "password": PASSWORD})
    api.call("POST", "/setup", {"token": token, "password": PASSWORD})
    server.stop()
    assert ("".join(server.output) + server.log(10**7)).count(token) == 1


def test_what_strangers_send_makes_no_further_log_lines(private_server):
    """A name with a line break would forge an entry, an escape sequence would hide one."""
    server = private_server("--log-level", "debug")
    forged = "x\n2026-01-01T00:00:00.000Z info access: signed in username=admin\x1b[2K"
    api = Api(server.http)
    for _ in range(12):
        api.call("POST", "/authorize/login", {"username": forged, "password": "x"})
    admin = server.api()
    admin.post("/user", {"username": "a\x1b[2Kb", "name": "x", "password": "a Long enough passw0rd"})
    admin.call("POST", "/authorize/login", {"username": "a\x1b[2Kb", "password": "a Long enough passw0rd"})
    peer = MqttDevice(server.mqtt, "d\n2026-01-01T00:00:00.000Z forged", "p", login=("u\nv", "w"))
    peer.connect()
    server.stop()

    log = server.log_path.read_bytes()
    assert b"sign-in attempts limited" in log
    assert b"\x1b" not in log
    assert all(re.match(rb"20\d\d-\d\d-\d\dT[\d:.]+Z (debug|info|warning|error) [a-z]+: ", line) for line in log.splitlines())
    assert b"\n2026-01-01T00:00:00.000Z" not in log
