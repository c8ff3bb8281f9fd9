"""Credentials of devices and products: told once, rotated, revoked; never seen again."""
import sqlite3
import string
import time

import pytest
import websocket

from support.builders import World
from support.cli import REFUSED, Cli
from support.ddi_device import DdiDevice
from support.http_device import HttpDevice, WebSocketDevice, curl
from support.mqtt_device import MqttDevice, credentials
from support.waiting import eventually

DEVICE = "/device-instance"
PRODUCT = "/device-product"
AUTHORITY = "0123456789ABCDEF0123456789ABCDEF"


def path(base, owner):
    return f"{base}/{owner}/credentials"


def sign_in(server, device, product, told):
    """The CONNACK's code for an mqttKey: 0 is accepted, 4 refused."""
    peer = MqttDevice(
        server.mqtt, device, product, login=credentials(told["secureId"], told["secureKey"])
    )
    code = peer.connect()
    if code == 0:
        peer.disconnect()
    return code


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


def test_a_token_is_told_once_and_listed_without_it(api, world):
    device = world.device(world.product())

    told = api.post(path(DEVICE, device), {"kind": "token", "name": "line 3"})

    assert len(told["token"]) == 32 and set(told["token"]) <= set(
        string.ascii_letters + string.digits
    )
    assert told["kind"] == {"value": "token", "text": "令牌"}
    assert told["deviceId"] == device and told["hint"] == told["token"][-4:]
    assert told["expired"] is False and "expiresAt" not in told
    assert api.get(path(DEVICE, device)) == [without(told, "token")]
    assert api.get(f"/device/instance/{device}/credentials") == [without(told, "token")]


def test_lists_are_newest_first_and_of_their_owner(api, world):
    product = world.product()
    device = world.device(product)
    first = api.post(path(PRODUCT, product), {"kind": "token"})
    second = api.post(path(PRODUCT, product), {"kind": "authority", "authority": AUTHORITY})
    own = api.post(path(DEVICE, device), {"kind": "mqttKey", "secureId": world.name("key")})

    assert [each["id"] for each in api.get(path(PRODUCT, product))] == [second["id"], first["id"]]
    assert [each["id"] for each in api.get(path(DEVICE, device))] == [own["id"]]
    assert second["authority"] == AUTHORITY.lower() and "token" not in second
    assert "deviceId" not in first and first["productId"] == product
    for base, owner, other in ((PRODUCT, product, own), (DEVICE, device, first)):
        api.refused("DELETE", f"{path(base, owner)}/{other['id']}", status=404)
        api.refused("POST", f"{path(base, owner)}/{other['id']}/_rotate", {}, status=404)
    api.delete(f"{path(PRODUCT, product)}/{second['id']}")


def test_what_is_in_use_or_malformed_is_refused(api, world):
    device = world.device(world.product())
    base = path(DEVICE, device)
    token = world.name("an-own-token")
    api.post(base, {"kind": "token", "token": token})

    api.refused("POST", base, {"kind": "token", "token": token}, code="duplicate_key")
    for body in (
        {},
        {"kind": "password"},
        {"kind": "token", "token": "short"},
        {"kind": "token", "token": "has a blank inside it"},
        {"kind": "token", "token": "t" * 129},
        {"kind": "token", "name": "n" * 65},
        {"kind": "token", "expiresAt": int(time.time() * 1000) - 1000},
        {"kind": "token", "expiresAt": 10**18},
        {"kind": "mqttKey", "secureId": "a|b"},
        {"kind": "authority", "authority": AUTHORITY},
    ):
        api.refused("POST", base, body, code="illegal_argument")
    assert len(api.get(base)) == 1
    for method, suffix, body in (("GET", "", None), ("POST", "", {"kind": "token"})):
        api.refused(method, path(DEVICE, "none") + suffix, body, status=404)
        api.refused(method, path(PRODUCT, "none") + suffix, body, status=404)


def test_an_mqtt_key_signs_in_beside_the_configured_one(server, api, world):
    product = world.product()
    one, other = world.devices(product, 2)
    own = api.post(path(DEVICE, one), {"kind": "mqttKey"})
    shared = api.post(path(PRODUCT, product), {"kind": "mqttKey"})

    assert sign_in(server, one, product, own) == 0
    assert sign_in(server, other, product, own) != 0
    assert sign_in(server, one, product, shared) == 0
    assert sign_in(server, other, product, shared) == 0
    with world.connected(product, one):
        pass


def test_a_childs_gateway_and_product_do_not_lend_it_a_key(server, api, world):
    product = world.product(deviceType="gateway")
    gateway = world.device(product, deviceType="gateway")
    child = world.device(product, parentId=gateway)
    shared = api.post(path(PRODUCT, product), {"kind": "mqttKey"})
    own = api.post(path(DEVICE, child), {"kind": "mqttKey"})

    assert sign_in(server, gateway, product, shared) == 0
    assert sign_in(server, child, product, shared) != 0
    assert sign_in(server, child, product, own) == 0


def test_a_rotated_key_is_good_for_a_while_beside_the_new_one(server, api, world):
    product = world.product()
    device = world.device(product)
    old = api.post(path(DEVICE, device), {"kind": "mqttKey", "name": "k"})

    new = api.post(f"{path(DEVICE, device)}/{old['id']}/_rotate", {})

    assert new["secureKey"] != old["secureKey"] and new["name"] == "k"
    assert sign_in(server, device, product, old) == 0
    assert sign_in(server, device, product, new) == 0
    listed = {each["id"]: each for each in api.get(path(DEVICE, device))}
    assert listed[old["id"]]["expiresAt"] - new["createTime"] == 86_400_000
    # And at once, for a key that leaked.
    last = api.post(f"{path(DEVICE, device)}/{new['id']}/_rotate", {"keepOldSeconds": 0})
    assert sign_in(server, device, product, new) != 0
    assert sign_in(server, device, product, last) == 0
    expired = {each["id"]: each["expired"] for each in api.get(path(DEVICE, device))}
    assert expired == {old["id"]: False, new["id"]: True, last["id"]: False}
    api.refused("POST", f"{path(DEVICE, device)}/{new['id']}/_rotate", {})
    api.refused("POST", f"{path(DEVICE, device)}/{last['id']}/_rotate", {"keepOldSeconds": 2592001})


def test_an_expired_key_is_refused(server, api, world):
    product = world.product()
    device = world.device(product)
    soon = int(time.time() * 1000) + 700
    key = api.post(path(DEVICE, device), {"kind": "mqttKey", "expiresAt": soon})

    assert sign_in(server, device, product, key) == 0
    eventually(lambda: api.get(path(DEVICE, device))[0]["expired"])
    assert sign_in(server, device, product, key) != 0


def test_revoking_ends_a_key_and_its_devices_connection_at_once(server, api, world):
    product = world.product()
    device = world.device(product)
    key = api.post(path(DEVICE, device), {"kind": "mqttKey"})
    peer = MqttDevice(
        server.mqtt, device, product, login=credentials(key["secureId"], key["secureKey"])
    )
    assert peer.connect() == 0

    assert api.delete(f"{path(DEVICE, device)}/{key['id']}") is True

    assert peer.closed.wait(5)
    peer.client.loop_stop()
    assert sign_in(server, device, product, key) != 0
    assert api.get(path(DEVICE, device)) == []
    api.refused("DELETE", f"{path(DEVICE, device)}/{key['id']}", status=404)


@pytest.mark.parametrize("how", ["revoked", "rotated", "expired", "rotated with an overlap"])
def test_the_end_of_a_products_key_closes_what_it_has_let_in_and_nothing_else(server, api, world, how):
    product = world.product(configuration={"secureId": "test", "secureKey": "test"})
    keys = path(PRODUCT, product)
    new = {"kind": "mqttKey"}
    if how == "expired":
        new["expiresAt"] = int(time.time() * 1000) + 3_000
    key, other = api.post(keys, new), api.post(keys, {"kind": "mqttKey"})
    logins = (
        credentials(key["secureId"], key["secureKey"]),
        credentials(other["secureId"], other["secureKey"]),
        credentials(),
    )
    ended, *rest = [
        MqttDevice(server.mqtt, world.device(product), product, login=login) for login in logins
    ]
    assert [peer.connect() for peer in (ended, *rest)] == [0, 0, 0]
    if how == "revoked":
        api.delete(f"{keys}/{key['id']}")
    elif how != "expired":
        overlap = 0 if how == "rotated" else 2
        api.post(f"{keys}/{key['id']}/_rotate", {"keepOldSeconds": overlap})
    assert ended.closed.wait(10)
    assert not any(peer.closed.is_set() for peer in rest)
    for peer in rest:
        peer.disconnect()


def test_the_end_of_a_products_token_closes_its_websockets(server, api, world):
    product = world.product()
    device = world.device(product)
    token = api.post(path(PRODUCT, product), {"kind": "token"})
    with WebSocketDevice(server.http, device, product, token["token"]) as peer:
        assert world.device_state(device) == "online" or eventually(
            lambda: world.device_state(device) == "online"
        )
        api.delete(f"{path(PRODUCT, product)}/{token['id']}")
        eventually(lambda: world.device_state(device) == "offline")


def test_their_number_is_bounded(private_server):
    running = private_server("--credentials-per-owner-max", "2")
    api = running.api()
    World(running, api).product(id="p1")
    for _ in range(2):
        api.post(path(PRODUCT, "p1"), {"kind": "token"})

    api.refused("POST", path(PRODUCT, "p1"), {"kind": "token"}, zh="2", en="at most 2")
    first = api.get(path(PRODUCT, "p1"))[-1]
    api.post(f"{path(PRODUCT, 'p1')}/{first['id']}/_rotate", {"keepOldSeconds": 0})
    assert len(api.get(path(PRODUCT, "p1"))) == 2  # the expired one has made room


@pytest.mark.parametrize(
    "base, grant",
    [(DEVICE, "device/Instance"), (PRODUCT, "device/Product")],
)
def test_who_may_look_may_not_make(api, world, base, grant):
    product = world.product()
    owner = product if base == PRODUCT else world.device(product)
    made = api.post(path(base, owner), {"kind": "token"})
    reader = world.person({grant: ["view"]})
    nobody = world.person({})

    assert [each["id"] for each in reader.get(path(base, owner))] == [made["id"]]
    for method, suffix, body in (
        ("POST", "", {"kind": "token"}),
        ("POST", f"/{made['id']}/_rotate", {}),
        ("DELETE", f"/{made['id']}", None),
    ):
        reader.refused(method, path(base, owner) + suffix, body, status=403)
    nobody.refused("GET", path(base, owner), status=403)


def test_they_go_with_their_owner(private_server):
    running = private_server()
    api = running.api()
    for product in ("p1", "p2"):
        World(running, api).product(id=product)
        api.post(path(PRODUCT, product), {"kind": "token"})
    World(running, api).device("p1", id="d1", deploy=False)
    moved = api.post(path(DEVICE, "d1"), {"kind": "token"})

    # A device that moves keeps its own, also when its old product goes.
    api.put(f"{DEVICE}/d1", {"productId": "p2"})
    api.delete(f"{PRODUCT}/p1")
    assert [each["id"] for each in api.get(path(DEVICE, "d1"))] == [moved["id"]]
    api.delete(f"{DEVICE}/d1")
    api.delete(f"{PRODUCT}/p2")

    running.stop()
    with sqlite3.connect(running.data / "updraft.db") as db:
        assert db.execute("SELECT count(*) FROM device_credential").fetchone() == (0,)


def test_no_secret_is_in_a_log_a_list_or_in_the_clear_where_it_need_not_be(private_server):
    running = private_server("--log-level", "debug")
    api = running.api()
    World(running, api).product(id="p1")
    World(running, api).device("p1", id="d1")
    canary = "canary-in-the-coal-mine"
    own = api.post(path(DEVICE, "d1"), {"kind": "token", "token": canary})
    made = api.post(path(PRODUCT, "p1"), {"kind": "token"})
    key = api.post(path(DEVICE, "d1"), {"kind": "mqttKey"})
    new = api.post(f"{path(PRODUCT, 'p1')}/{made['id']}/_rotate", {})
    assert sign_in(running, "d1", "p1", key) == 0
    assert sign_in(running, "d1", "p1", {**key, "secureKey": key["secureKey"] + "x"}) != 0
    assert polls(running, "d1", token=canary) == 200
    assert polls(running, "d1", token=canary + "!") == 401
    assert HttpDevice(running.http, "d1", "p1", canary).say("firmware/report", {"version": "1"})
    with WebSocketDevice(running.http, "d1", "p1", canary) as peer:
        peer.send_text("no JSON")
    with pytest.raises(websocket.WebSocketBadStatusException):
        WebSocketDevice(running.http, "d1", "p1", canary + "!")
    refused = api.call("POST", path(DEVICE, "d1"), {"kind": "token", "token": canary})
    assert refused.status == 400 and canary.encode() not in refused.body

    lists = b"".join(
        api.call("GET", each).body
        for each in (
            path(DEVICE, "d1"),
            path(PRODUCT, "p1"),
            f"{DEVICE}/d1/detail",
            f"{PRODUCT}/p1",
            f"{DEVICE}/_query/no-paging",
        )
    ).decode()
    api.delete(f"{path(DEVICE, 'd1')}/{own['id']}")
    running.stop()
    log = running.log_path.read_text()
    tokens = [canary, made["token"], new["token"]]
    for secret in [*tokens, key["secureKey"]]:
        assert secret not in lists
        assert secret not in log
    assert "device credential made" in log  # the canary could have been there
    stored = b"".join(each.read_bytes() for each in running.data.glob("updraft.db*"))
    for token in tokens:
        assert token.encode() not in stored


def test_a_hawkbit_device_is_asked_for_its_attributes(api, world):
    device = world.device(world.product())

    assert api.post(f"{DEVICE}/{device}/attributes/_request") is True
    assert api.get(f"{DEVICE}/{device}")["attributes"] == {}
    assert api.get(f"{DEVICE}/{device}/detail")["attributes"] == {}
    api.refused("POST", f"{DEVICE}/none/attributes/_request", status=404)


# -- tokens, as hawkBit's devices show them --------------------------------------------------------
def polls(server, device, **sign_in):
    """The status of a poll: 200 is let in, 401 is not."""
    with DdiDevice(server.http, device, **sign_in) as peer:
        return peer.call("GET", "").status


def test_a_token_is_its_owners_and_no_other_ones(server, api, world):
    product, foreign = world.product(), world.product()
    one, other = world.devices(product, 2)
    stranger = world.device(foreign)
    own = api.post(path(DEVICE, one), {"kind": "token"})["token"]
    shared = api.post(path(PRODUCT, product), {"kind": "token"})["token"]

    assert polls(server, one, token=own) == 200
    assert polls(server, other, token=own) == 401
    assert polls(server, one, gateway_token=own) == 401
    assert polls(server, one, gateway_token=shared) == 200
    assert polls(server, other, gateway_token=shared) == 200
    assert polls(server, stranger, gateway_token=shared) == 401
    assert polls(server, one, token=shared) == 401
    assert polls(server, one, token=own[:-1] + "!") == 401


def test_a_rotated_token_is_good_beside_the_new_one_until_it_is_revoked(server, api, world):
    product = world.product()
    device = world.device(product)
    old = api.post(path(PRODUCT, product), {"kind": "token"})

    new = api.post(f"{path(PRODUCT, product)}/{old['id']}/_rotate", {})

    assert polls(server, device, gateway_token=old["token"]) == 200
    assert polls(server, device, gateway_token=new["token"]) == 200
    api.delete(f"{path(PRODUCT, product)}/{old['id']}")
    assert polls(server, device, gateway_token=old["token"]) == 401
    assert polls(server, device, gateway_token=new["token"]) == 200
    soon = api.post(
        path(DEVICE, device), {"kind": "token", "expiresAt": int(time.time() * 1000) + 500}
    )
    assert polls(server, device, token=soon["token"]) == 200
    eventually(lambda: polls(server, device, token=soon["token"]) == 401)


def test_an_unknown_device_creates_itself_where_its_product_wants_that(server, api, world):
    product = world.product()
    token = api.post(path(PRODUCT, product), {"kind": "token"})["token"]
    device = f"urn:dev:{world.name('AA')}@b.c"
    assert polls(server, device, gateway_token=token) == 401
    configuration = api.get(f"/device-product/{product}")["configuration"]
    api.put(
        f"/device-product/{product}", {"configuration": {**configuration, "registerUnknown": "true"}}
    )

    assert polls(server, device, token=token) == 401
    assert polls(server, device, gateway_token=token) == 200
    assert polls(server, device, gateway_token=token) == 200

    # Its id is none that a person may choose, and yet it is a device like any other.
    row = api.get(f"{DEVICE}/{device}/detail")
    assert (row["id"], row["name"], row["productId"]) == (device, device, product)
    assert [each["id"] for each in api.rows(DEVICE, ("id", device))] == [device]
    api.put(f"{DEVICE}/{device}", {"name": "gate 7"})
    api.patch(DEVICE, {"id": device, "describe": "in the cellar"})
    assert api.get(f"{DEVICE}/{device}")["name"] == "gate 7"
    own = api.post(path(DEVICE, device), {"kind": "token"})["token"]
    assert polls(server, device, token=own) == 200
    api.post(f"{DEVICE}/{device}/undeploy")
    assert polls(server, device, gateway_token=token) == 401
    assert api.delete(f"{DEVICE}/{device}")["id"] == device
    api.refused("POST", DEVICE, {"id": device, "name": "n", "productId": product})


def test_a_product_takes_in_no_more_than_its_limit(private_server):
    running = private_server("--devices-enroll-per-product-max", "2")
    api = running.api()
    product = World(running, api).product(configuration={"registerUnknown": "true"})
    token = api.post(path(PRODUCT, product), {"kind": "token"})["token"]

    assert [polls(running, f"n{i}", gateway_token=token) for i in range(3)] == [200, 200, 401]
    assert polls(running, "..", gateway_token=token) in (400, 401, 404)
    assert polls(running, "a b", gateway_token=token) == 401
    assert polls(running, "n1", gateway_token=token) == 200
    assert len(api.rows(DEVICE)) == 2


def test_a_token_is_good_over_every_address_and_ends_everywhere(server, api, world):
    product = world.product(transportProtocol="HTTP")
    device = world.device(product)
    base = path(DEVICE, device)
    told = api.post(base, {"kind": "token"})
    token = told["token"]
    report = ("firmware/report", {"version": "1.0"})

    def statuses():
        """HTTP, plain HTTPS as a Bearer token and as a password, hawkBit."""
        ota = f"http://{server.http}/ota/{product}?version=1.0"
        bearer = ["-H", f"Authorization: Bearer {token}", "-H", f"X-Device-Id: {device}"]
        return [
            HttpDevice(server.http, device, product, token).say(*report).status,
            curl(ota, *bearer).status,
            curl(ota, "-u", f"{device}:{token}").status,
            polls(server, device, token=token),
        ]

    assert [status < 300 for status in statuses()] == [True] * 4
    with WebSocketDevice(server.http, device, product, token) as open_one:
        eventually(lambda: world.device_state(device) == "online")
        api.delete(f"{base}/{told['id']}")
        open_one.wait_closed()
    assert statuses() == [401] * 4


def test_a_file_of_devices_brings_their_tokens(server, api, world):
    product = world.product()
    one, two = world.name("d"), world.name("d")
    tokens = [world.name("token-of-the-old-server") for _ in range(2)]
    lines = f"id,token\n{one},{tokens[0]}\n{two},{tokens[0]}\n{two}-b,{tokens[1]}\n"

    report = api.post(
        f"{DEVICE}/_import?enable=true&productId={product}",
        raw=lines.encode(),
        content_type="text/csv",
    )

    assert (report["added"], report["refusedCount"]) == (2, 1)
    assert report["refused"][0]["column"] == "token"
    assert polls(server, one, token=tokens[0]) == 200
    assert polls(server, f"{two}-b", token=tokens[1]) == 200
    assert polls(server, f"{two}-b", token=tokens[0]) == 401
    exported = api.call("GET", f"{DEVICE}/_export").body.decode()
    assert one in exported and tokens[0] not in exported


# -- the command line ------------------------------------------------------------------------------
def test_the_command_line_adds_rotates_and_revokes(tmp_path, server, api, world):
    cli = Cli(tmp_path)
    cli.login(server)
    product = world.product()
    device = world.device(product)

    shown = cli("device", "credential", "add", device, "--name", "line 3", "--expires", "90d")
    token = shown.out.strip()
    assert len(token) == 32 and "shown this once" in shown.err
    listed = cli("device", "credential", "list", device).out
    assert "line 3" in listed and token[-4:] in listed and token not in listed
    row = cli.json("device", "credential", "list", device)[0]
    assert 89 * 86_400_000 < row["expiresAt"] - row["createTime"] < 91 * 86_400_000

    new = cli.json("device", "credential", "rotate", device, row["id"], "--keep-old", "7d")
    assert len(new["token"]) == 32 and new["token"] != token
    old = [each for each in api.get(path(DEVICE, device)) if each["id"] == row["id"]][0]
    assert old["expiresAt"] - new["createTime"] == 7 * 86_400_000

    ended = cli.json("device", "credential", "revoke", device, row["id"], new["id"])
    assert ended == [{"id": row["id"], "done": True}, {"id": new["id"], "done": True}]
    assert api.get(path(DEVICE, device)) == []
    cli("device", "credential", "list", "none", status=REFUSED)


def test_the_command_line_of_a_product_knows_keys_and_authorities(tmp_path, server, api, world):
    cli = Cli(tmp_path)
    cli.login(server)
    product = world.product()
    own = world.name("a-token-of-my-own")

    key = cli.json("product", "credential", "add", product, "--kind", "mqtt-key")
    shown = cli("product", "credential", "add", product, "--kind", "mqtt-key").out
    authority = cli.json(
        "product", "credential", "add", product, "--kind", "authority", "--authority", AUTHORITY
    )
    typed = cli.json("product", "credential", "add", product, "--token-stdin", input=own + "\n")

    assert key["secureId"] and len(key["secureKey"]) == 32
    assert shown.startswith("secureId=") and " secureKey=" in shown
    assert authority["authority"] == AUTHORITY.lower()
    assert typed["token"] == own
    now = cli.json("product", "credential", "rotate", product, key["id"], "--keep-old", "0")
    assert now["secureId"] != key["secureId"]
    cli("product", "credential", "rotate", product, authority["id"], status=REFUSED)
    cli("product", "credential", "revoke", product, authority["id"])
