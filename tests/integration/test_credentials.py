"""Credentials of devices and products: told once, rotated, revoked; never seen again."""
import sqlite3
import string
import time

import pytest

from support.builders import World
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
