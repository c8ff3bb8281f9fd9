"""Every address of a device against everybody who is not that device: refused with one answer that
says nothing, not even whether the device exists; nothing is written.

The addresses are generated: HTTP from what the binary serves and api/openapi.yaml names, topics from the
table of the dialect. A new one without a row here fails."""
import http.client
import json
import re
import sqlite3
import subprocess
import time

import pytest

from support.api import Api
from support.builders import RECORD, World
from support.contract import ROOT, check_openapi, contract
from support.ddi_device import DdiDevice
from support.http_device import WebSocketDevice
from support.mqtt_device import RawMqtt, connect_packet, credentials, publish_packet, subscribe_packet
from support.server import Server, binary
from support.waiting import eventually

NOBODYS_DEVICE = "no-such-device"
CONTENT = b"the bytes of the victim's firmware " * 30
SECRETS = {"secureId": "configured", "secureKey": "a configured key"}
# Rows that an operator's own requests change.
OPERATORS_TABLES = {"token", "api_token", "app_user", "audit_entry"}
# What is derived from records a while later, whoever asks meanwhile.
DERIVED_TABLES = {"task_counter", "task_progress"}


# -- the addresses ------------------------------------------------------------------------------------
def served():
    """(method, pattern) of every route of the binary that is a device's own."""
    document = contract().document
    for_devices = set()
    for method, path, operation, _ in check_openapi.operations(document):
        if operation.get("security"):
            for_devices.add((method, path.removesuffix(".MD5SUM")))
    known = {(method, path) for method, path, _, _ in check_openapi.operations(document)}
    routes = subprocess.run([binary(), "routes"], capture_output=True, text=True, check=True).stdout
    for line in routes.splitlines():
        method, path = line.split(" ", 1)
        unlisted = (method, path) not in known and re.match(r"/\{[^/]*\}/", path)
        if (method, path) in for_devices or unlisted:
            yield method, path


def ddi(tail="", body=None, method=None):
    return method or ("GET" if body is None else "POST"), "/DEFAULT/controller/v1/{device}" + tail, body


FEEDBACK = DdiDevice.report("closed", "success", "crossed")
REPORT = {"status": "success", "version": "1.1"}
# What is asked of each address; {names} are those of the stage.
ROWS = {
    "GET /{tenant}/controller/v1/{controllerId}": [ddi()],
    "GET /{tenant}/controller/v1/{controllerId}/cancelAction/{actionId}": [ddi("/cancelAction/{action}")],
    "GET /{tenant}/controller/v1/{controllerId}/confirmationBase": [ddi("/confirmationBase")],
    "GET /{tenant}/controller/v1/{controllerId}/confirmationBase/{actionId}": [
        ddi("/confirmationBase/{action}")
    ],
    "GET /{tenant}/controller/v1/{controllerId}/deploymentBase/{actionId}": [
        ddi("/deploymentBase/{action}"),
        ddi("/deploymentBase/{action}?actionHistory=10"),
    ],
    "GET /{tenant}/controller/v1/{controllerId}/installedBase/{actionId}": [
        ddi("/installedBase/{action}")
    ],
    "GET /{tenant}/controller/v1/{controllerId}/softwaremodules/{moduleId}/artifacts": [
        ddi("/softwaremodules/{module}/artifacts")
    ],
    "GET /{tenant}/controller/v1/{controllerId}/softwaremodules/{moduleId}/artifacts/{filename}": [
        ddi("/softwaremodules/{module}/artifacts/{file}"),
        ddi("/softwaremodules/{module}/artifacts/{file}.MD5SUM"),
        ddi("/softwaremodules/{module}/artifacts/{file}", method="HEAD"),
    ],
    "POST /{tenant}/controller/v1/{controllerId}/cancelAction/{actionId}/feedback": [
        ddi("/cancelAction/{action}/feedback", FEEDBACK)
    ],
    "POST /{tenant}/controller/v1/{controllerId}/confirmationBase/activateAutoConfirm": [
        ddi("/confirmationBase/activateAutoConfirm", {"initiator": "me", "remark": "crossed"})
    ],
    "POST /{tenant}/controller/v1/{controllerId}/confirmationBase/deactivateAutoConfirm": [
        ddi("/confirmationBase/deactivateAutoConfirm", {})
    ],
    "POST /{tenant}/controller/v1/{controllerId}/confirmationBase/{actionId}/feedback": [
        ddi("/confirmationBase/{action}/feedback", {"confirmation": "confirmed", "details": []})
    ],
    "POST /{tenant}/controller/v1/{controllerId}/deploymentBase/{actionId}/feedback": [
        ddi("/deploymentBase/{action}/feedback", FEEDBACK)
    ],
    "POST /{tenant}/controller/v1/{rest...}": [],  # no address; it says so to everybody alike
    "PUT /{tenant}/controller/v1/{controllerId}/configData": [
        ddi("/configData", {"data": {"crossed": "yes"}}, "PUT")
    ],
    "PUT /{tenant}/controller/v1/{controllerId}/installedBase": [
        ddi("/installedBase", {"name": "n", "version": "9.9"}, "PUT")
    ],
    "GET /ota/{productId}": [
        ("GET", "/ota/{product}?device={device}&version=1.0", None),
        ("HEAD", "/ota/{product}?device={device}", None),
    ],
    "POST /ota/{productId}/report": [("POST", "/ota/{product}/report?device={device}", REPORT)],
    "GET /{productId}/{deviceId}/socket": [
        ("GET", "/{product}/{device}/socket?token={token}", "upgrade")
    ],
    "POST /{productId}/{deviceId}/{topic...}": "topics",
}


def uplink_topics():
    """{rest of a topic: kind} of the dialect's own table (spec 4.3)."""
    source = (ROOT / "src/protocol/jetlinks/topics.cpp").read_text()
    table = dict(re.findall(r'UplinkRow\{"([^"]+)",\s*\{UplinkKind::(\w+)', source))
    assert len(table) > 15
    return {**table, "event/fire": "other"}


# A body of each kind that would have an effect, were it the device's own.
BODIES = {
    "progress": {"progress": 100, "complete": True, "success": True, "version": "1.1"},
    "upgrade_reply": {"messageId": "{message}", "success": False, "code": "crossed"},
    "pull": {"messageId": "7", "currentVersion": "1.0", "headers": {"force": True, "latest": True}},
    "report": {"version": "9.9", "properties": {"crossed": "yes"}},
    "read_reply": {"messageId": "8", "success": True, "version": "9.9"},
    "online": {},
    "offline": {},
    "time_sync": {"messageId": "9"},
    "register_child": {"headers": {"productId": "{children}", "deviceName": "crossed"}},
    "unregister": {},
    "other": {"messageId": "10", "success": True, "properties": {"crossed": 1}},
}


def body_of(kind, names):
    return json.loads(filled(json.dumps(BODIES[kind]), names))


def filled(template, names):
    return re.sub(r"\{(\w+)\}", lambda found: str(names.get(found[1], found[0])), template)


# -- the stage ----------------------------------------------------------------------------------------
class Stage:
    """Two products and two gateways; who is whom, and what the victim has."""

    def __init__(self, server):
        self.server = server
        self.world = world = World(server, server.api())
        self.api = api = world.api
        self.product = world.product(configuration=SECRETS)
        self.victim, self.other = world.devices(self.product, 2)
        self.foreign_product = world.product(configuration={"bearer_token": "bearer-of-another-product"})
        self.foreign = world.device(self.foreign_product)
        self.gateways = world.product(deviceType="gateway")
        self.parent, self.stranger = world.devices(self.gateways, 2, deviceType="gateway")
        self.children = world.product(deviceType="childrenDevice")
        self.child = world.device(self.children, parentId=self.parent)
        self.firmware = self.firmware_of(self.product)
        self.task = world.task(self.firmware, [self.victim], response=3000)
        world.task(self.firmware_of(self.children), [self.child], mode="pull")
        self.tokens = {
            name: self.made("device-instance", getattr(self, name), "token")["token"]
            for name in ("victim", "other", "foreign", "parent", "stranger", "child")
        }
        self.keys = {
            name: self.made("device-instance", getattr(self, name), "mqttKey")
            for name in ("victim", "other", "foreign", "parent", "stranger", "child")
        }
        self.product_token = self.made("device-product", self.product, "token")["token"]
        self.foreign_token = self.made("device-product", self.foreign_product, "token")["token"]
        self.foreign_key = self.made("device-product", self.foreign_product, "mqttKey")
        self.children_token = self.made("device-product", self.children, "token")["token"]
        self.children_key = self.made("device-product", self.children, "mqttKey")
        self.ended = [self.ended_of("victim"), self.ended_of("child")]
        self.begin_upgrade()

    def firmware_of(self, product):
        body = self.world.firmware_body(product, file=self.api.upload(CONTENT, "victim.bin"))
        return self.api.post("/firmware", body)

    def made(self, base, owner, kind, **members):
        return self.api.post(f"/{base}/{owner}/credentials", {"kind": kind, **members})

    def ended_of(self, name):
        """A revoked and an expired token, and keys that ended so."""
        device, made = getattr(self, name), {}
        soon = int(time.time() * 1000) + 400
        for kind in ("token", "mqttKey"):
            revoked = self.made("device-instance", device, kind)
            self.api.delete(f"/device-instance/{device}/credentials/{revoked['id']}")
            expired = self.made("device-instance", device, kind, expiresAt=soon)
            made[kind] = {"revoked": revoked, "expired": expired}
        base = f"/device-instance/{device}/credentials"
        eventually(lambda: sum(each["expired"] for each in self.api.get(base)) == 2)
        return made

    def begin_upgrade(self):
        """The victim has fetched its update; its record is processing."""
        with DdiDevice(self.server.http, self.victim, token=self.tokens["victim"]) as device:
            self.action, chunks = device.deployment()
            link = chunks[0]["artifacts"][0]["_links"]["download-http"]["href"]
        self.module, self.file = re.search(r"softwaremodules/(\d+)/artifacts/([^/?]+)", link).groups()
        eventually(lambda: self.state(self.victim) == "offline")

    def state(self, device):
        return self.api.get(f"/device-instance/{device}")["state"]["value"]

    def names(self, device, product=None):
        """What the rows' templates mean for one device."""
        message = self.world.record(self.task).get("messageId", "1")
        return {
            "device": device,
            "product": product or self.product,
            "children": self.children,
            "action": self.action,
            "module": self.module,
            "file": self.file,
            "message": message,
        }

    def strangers_tokens(self, victim):
        """Who shows which token for the victim, or for the child of a gateway."""
        ended = self.ended[victim == self.child]["token"]
        tokens = {
            "another device": self.tokens["other"],
            "a device of another product": self.tokens["foreign"],
            "another product": self.foreign_token,
            "another product's configuration": "bearer-of-another-product",
            "revoked": ended["revoked"]["token"],
            "expired": ended["expired"]["token"],
            "an operator": self.api.token,
            "made up": "0123456789abcdef0123456789abcdef",
            "injected": "' or '1'='1",
        }
        if victim == self.child:
            tokens["its gateway"] = self.tokens["parent"]
            tokens["another gateway"] = self.tokens["stranger"]
            tokens["its product, which is not for children"] = self.children_token
        return tokens

    def strangers_keys(self, victim):
        """The same of MQTT: secureId and secureKey."""
        ended = self.ended[victim == self.child]["mqttKey"]
        keys = {
            "another device": self.keys["other"],
            "a device of another product": self.keys["foreign"],
            "another product": self.foreign_key,
            "revoked": ended["revoked"],
            "expired": ended["expired"],
            "made up": {"secureId": "nobody", "secureKey": "nothing"},
            "an operator": {"secureId": "admin", "secureKey": self.api.token},
        }
        if victim == self.child:
            keys["its gateway"] = self.keys["parent"]
            keys["another gateway"] = self.keys["stranger"]
            keys["its product, which is not for children"] = self.children_key
            keys["another product's configuration"] = SECRETS
        return keys

    def stored(self, only=()):
        """Every row of the database, sorted, by table, once everybody is gone and that is written; with
        `only`, those that name one of these."""
        seen = [None]

        def settled():
            before, seen[0] = seen[0], self.rows(only)
            online = "online" in {state for state, _ in self.presence().values()}
            written = any("'online'" in row for row in self.rows(())["device"])
            return before == seen[0] and not online and not written

        eventually(settled, every=0.1)  # several times what presence waits for
        return seen[0]

    def rows(self, only):
        rows = {}
        with sqlite3.connect(f"file:{self.server.data}/updraft.db?mode=ro", uri=True) as db:
            names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            for name in sorted(set(names) - OPERATORS_TABLES - DERIVED_TABLES):
                found = [repr(row) for row in db.execute(f'SELECT * FROM "{name}"')]
                rows[name] = sorted(
                    row for row in found if not only or any(f"'{each}'" in row for each in only)
                )
        return rows

    def presence(self):
        devices = self.api.rows("/device-instance")
        return {row["id"]: (row["state"]["value"], row.get("onlineTime")) for row in devices}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    flags = ["--presence-http-online-for", "300ms", "--presence-flush-after", "20ms"]
    # Every wrong credential is to be looked at; test_device_sign_in_limits.py is about how many may be.
    for limit in ("failures", "address-failures", "device-failures"):
        flags += [f"--devices-{limit}-max", "0"]
    with Server(tmp_path_factory.mktemp("crossed") / "data", *flags) as running:
        yield Stage(running)


class Caller:
    """One connection of nobody in particular."""

    def __init__(self, stage):
        host, port = stage.server.http.rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=20)

    def ask(self, method, path, body, headers):
        sent = dict(headers)
        if body == "upgrade":
            body = None
            sent.update(
                {
                    "Connection": "Upgrade",
                    "Upgrade": "websocket",
                    "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
                }
            )
        payload = None if body is None else json.dumps(body)
        if payload is not None:
            sent["Content-Type"] = "application/json"
        self.connection.request(method, path, payload, sent)
        answer = self.connection.getresponse()
        content = answer.read() if answer.status != 101 else b""
        if answer.status == 101:
            self.connection.close()
        return answer.status, answer.headers, content


def requests_of(stage, device, product):
    """(method, path with {token} in it, body) of each row of each address, for one device."""
    names = stage.names(device, product)
    for address, rows in ROWS.items():
        if rows == "topics":
            rows = [
                ("POST", f"/{{product}}/{{device}}{child}/{rest}", body_of(kind, names))
                for rest, kind in uplink_topics().items()
                for child in ("", f"/child/{stage.child}")
            ]
        for method, path, body in rows:
            yield method, filled(path, names), body


def authorization(path, device, token):
    """The headers by which the token is shown at an address: each way that there is."""
    if "/socket" in path:
        return [{}]
    if "/controller/v1/" in path:
        return [{"Authorization": f"{scheme} {token}"} for scheme in ("TargetToken", "GatewayToken")]
    ways = [{"Authorization": f"Bearer {token}"}]
    if path.startswith("/ota/"):
        ways.append({"Authorization": basic(device, token)})
    return ways


def basic(user, password):
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def without_what_was_asked(status, headers, content, asked):
    """An answer without the time and without what the request itself said."""
    text = content.decode(errors="replace")
    text = re.sub(r'"timestamp":\d+', '"timestamp":0', text)
    for each in sorted(asked, key=len, reverse=True):
        text = text.replace(each, "…")
    kept = sorted((name.lower(), value) for name, value in headers.items() if name.lower() != "date")
    return status, [pair for pair in kept if pair[0] != "content-length"], text


# -- the rows are complete ------------------------------------------------------------------------------
def test_every_address_of_a_device_has_a_row():
    assert {f"{method} {path}" for method, path in served()} == set(ROWS)


def test_every_kind_of_message_has_a_body():
    assert set(uplink_topics().values()) == set(BODIES)


# -- HTTP -----------------------------------------------------------------------------------------------
def test_nobody_else_gets_more_than_one_refusal_over_http(stage):
    before, seen_before = stage.stored(), stage.presence()
    caller, wrong = Caller(stage), []
    asked_for = [
        (stage.victim, stage.product),
        (stage.child, stage.children),
        (NOBODYS_DEVICE, stage.product),
        (NOBODYS_DEVICE, "no-such-product"),
        (stage.victim, stage.foreign_product),
    ]
    answers = {}  # what was asked, whoever it was asked about -> {answer: who}
    for device, product in asked_for:
        for index, (method, path, body) in enumerate(requests_of(stage, device, product)):
            for who, token in stage.strangers_tokens(device).items():
                shown = path.replace("{token}", token.replace(" ", "%20").replace("'", "%27"))
                for way, headers in enumerate(authorization(path, device, token)):
                    answer = caller.ask(method, shown, body, headers)
                    said = without_what_was_asked(*answer, (device, product))
                    if answer[0] != 401:
                        wrong.append((who, method, shown, answer[0], answer[2][:200]))
                    answers.setdefault((index, method, way), {}).setdefault(repr(said), []).append(
                        (who, shown)
                    )
    assert not wrong
    telling = [each for each in answers.values() if len(each) > 1]
    assert not telling, telling[0]
    assert len(answers) > 60
    assert stage.stored() == before
    assert stage.presence() == seen_before


def test_who_shows_nothing_learns_nothing_over_http(stage):
    before, seen_before = stage.stored(), stage.presence()
    caller, answers = Caller(stage), {}
    ways = {
        "nothing": {},
        "no token": {"Authorization": "Bearer"},
        "another scheme": {"Authorization": "Digest username=x"},
        "an operator's header": {"X-Access-Token": stage.api.token},
        "a proxy's word": {"X-Controller-Id": stage.victim, "X-Authority": "a" * 32},
    }
    for device, product in (
        (stage.victim, stage.product),
        (stage.child, stage.children),
        (NOBODYS_DEVICE, stage.product),
    ):
        for index, (method, path, body) in enumerate(requests_of(stage, device, product)):
            for who, headers in ways.items():
                answer = caller.ask(method, path.replace("{token}", ""), body, headers)
                assert answer[0] == 401, (who, method, path, answer)
                said = without_what_was_asked(*answer, (device, product))
                answers.setdefault((index, method, who), {}).setdefault(repr(said), []).append(path)
    telling = [each for each in answers.values() if len(each) > 1]
    assert not telling, telling[0]
    assert stage.stored() == before
    assert stage.presence() == seen_before


def test_an_action_and_a_file_of_another_device_are_none(stage):
    """Signed in as itself, a device finds at another one's numbers what it finds at made-up ones."""
    before = stage.stored(only=(stage.victim,))
    with DdiDevice(stage.server.http, stage.other, token=stage.tokens["other"]) as device:
        device.poll()
    caller, headers = Caller(stage), {"Authorization": f"TargetToken {stage.tokens['other']}"}
    real, made_up = stage.names(stage.other), stage.names(stage.other)
    made_up.update(action="987654321", module="987654321")
    compared = 0
    for rows in ROWS.values():
        for method, template, body in rows if rows != "topics" else ():
            if "{action}" not in template and "{module}" not in template:
                continue
            said = []
            for names in (real, made_up):
                answer = caller.ask(method, filled(template, names), body, headers)
                assert answer[0] == 404, (method, template, answer)
                said.append(without_what_was_asked(*answer, (names["action"], names["module"])))
            assert said[0] == said[1]
            compared += 1
    assert compared > 10
    assert stage.stored(only=(stage.victim,)) == before


def test_a_file_is_for_who_knows_its_key(stage):
    file = stage.api.upload(b"one file")
    other = stage.api.upload(b"another file")
    caller = Caller(stage)
    key, others_key = file["others"]["accessKey"], other["others"]["accessKey"]
    before = stage.stored()

    refusals = {
        caller.ask(method, f"/file/{file['id']}{suffix}{query}", None, headers)[0]
        for method in ("GET", "HEAD")
        for suffix in ("", ".bin")
        for query, headers in (
            ("", {}),
            ("?accessKey=", {}),
            (f"?accessKey={others_key}", {}),
            (f"?accessKey={key[:-1]}", {}),
            (f"?accessKey={key}x", {}),
            ("", {"Authorization": f"Bearer {stage.tokens['victim']}"}),
            ("", {"Authorization": f"TargetToken {stage.tokens['victim']}"}),
            ("", {"Range": "bytes=0-0"}),
            ("", {"If-None-Match": "*"}),
            ("", {"If-Match": '"x"'}),
        )
    }

    assert refusals == {401, 403}
    assert caller.ask("GET", f"/file/{file['id']}?accessKey={key}", None, {})[2] == b"one file"
    assert stage.stored() == before


# -- MQTT -----------------------------------------------------------------------------------------------
def packet_after_greeting(peer):
    """The next packet but for the question for its own version that every device is greeted with."""
    while True:
        first, body = peer.read_packet()
        if first & 0xF0 != 0x30 or b'"READ_FIRMWARE"' not in body:
            return first, body


def connack(stage, device, key, level):
    with RawMqtt(stage.server.mqtt) as peer:
        login = credentials(key["secureId"], key["secureKey"]) if key else (None, None)
        peer.send(connect_packet(device, *login, level=level))
        first, body = peer.read_packet()
        assert first == 0x20
        if body[1] != 0:
            peer.wait_closed()
        return body


@pytest.mark.parametrize("level, refusal", [(3, 4), (4, 4), (5, 0x86)])
def test_nobody_else_signs_in_over_mqtt(stage, level, refusal):
    before, seen_before = stage.stored(), stage.presence()
    said = {}
    for device in (stage.victim, stage.child, NOBODYS_DEVICE):
        for who, key in {**stage.strangers_keys(device), "nobody": None}.items():
            said.setdefault(connack(stage, device, key, level), []).append((device, who))
    assert len(said) == 1, said
    assert next(iter(said))[1] == refusal
    assert stage.stored() == before
    assert stage.presence() == seen_before


def everything_for_another(stage, own_prefix):
    """(topic, body) of each message, about the victim, the child, and about nobody's device."""
    targets = [(stage.product, stage.victim), (stage.children, stage.child)]
    targets.append((stage.product, NOBODYS_DEVICE))
    for product, device in targets:
        names = stage.names(device, product)
        for rest, kind in uplink_topics().items():
            body = body_of(kind, names)
            if device == NOBODYS_DEVICE and kind == "register_child":
                continue  # that is how a child that nobody knows becomes one
            yield f"/{product}/{device}/{rest}", body
            yield f"{product}/{device}/{rest}", body
            for folder in ("child", "child-reply"):
                yield f"{own_prefix}/{folder}/{device}/{rest}", body
            yield f"/{stage.gateways}/{stage.parent}/child/{device}/{rest}", body


@pytest.mark.parametrize("intruder", ["other", "foreign", "stranger"])
def test_a_device_says_nothing_for_another_over_mqtt(stage, intruder):
    protected = (stage.victim, stage.child, stage.parent, NOBODYS_DEVICE)
    before, seen_before = stage.stored(only=protected), stage.presence()
    key, device = stage.keys[intruder], getattr(stage, intruder)
    product = {"other": stage.product, "foreign": stage.foreign_product}.get(intruder, stage.gateways)
    with RawMqtt(stage.server.mqtt) as peer:
        peer.send(connect_packet(device, *credentials(key["secureId"], key["secureKey"])))
        assert peer.connack() == 0
        sent = list(everything_for_another(stage, f"/{product}/{device}"))
        for number, (topic, body) in enumerate(sent, 1):
            peer.send(publish_packet(topic, json.dumps(body).encode(), 1, number))
            first, answer = packet_after_greeting(peer)
            assert first == 0x40, (topic, hex(first), answer)  # acknowledged, and nothing else
        peer.send(b"\xc0\0")
        assert packet_after_greeting(peer)[0] == 0xD0  # no reply came late either
    assert len(sent) > 250
    eventually(lambda: stage.state(device) == "offline")
    assert stage.stored(only=protected) == before
    seen = stage.presence()
    assert {each: seen[each] for each in seen if each != device} == {
        each: seen_before[each] for each in seen_before if each != device
    }


def test_a_device_hears_nothing_of_another_over_mqtt(stage):
    key = stage.keys["other"]
    with RawMqtt(stage.server.mqtt) as peer:
        peer.send(connect_packet(stage.other, *credentials(key["secureId"], key["secureKey"])))
        assert peer.connack() == 0
        for topic in ("#", f"/{stage.product}/{stage.victim}/#", f"/{stage.product}/+/firmware/upgrade"):
            peer.send(subscribe_packet(topic))
            assert packet_after_greeting(peer)[0] == 0x90
        victims = stage.keys["victim"]
        with RawMqtt(stage.server.mqtt) as victim:
            login = credentials(victims["secureId"], victims["secureKey"])
            victim.send(connect_packet(stage.victim, *login))
            assert victim.connack() == 0
            pull = json.dumps({"messageId": "1", "currentVersion": "1.0"}).encode()
            victim.send(publish_packet(f"/{stage.product}/{stage.victim}/firmware/pull", pull))
            first, reply = packet_after_greeting(victim)
            assert first & 0xF0 == 0x30 and b"firmware/pull/reply" in reply
        peer.send(b"\xc0\0")
        assert packet_after_greeting(peer)[0] == 0xD0  # and no message before it
    eventually(lambda: stage.state(stage.victim) == stage.state(stage.other) == "offline")


# -- frames over WebSocket and addresses of gateways ------------------------------------------------------
@pytest.mark.parametrize("intruder", ["other", "stranger"])
def test_a_device_says_nothing_for_another_over_a_websocket(stage, intruder):
    source = (ROOT / "src/protocol/jetlinks/topics.cpp").read_text()
    types = dict(re.findall(r'UplinkKind::(\w+),\s*"(\w+)"', source))
    assert set(types) >= set(BODIES)
    protected = (stage.victim, stage.child, stage.parent, NOBODYS_DEVICE)
    before = stage.stored(only=protected)
    device = getattr(stage, intruder)
    with WebSocketDevice(stage.server.http, device, "any", stage.tokens[intruder]) as peer:
        for target in (stage.victim, stage.child, NOBODYS_DEVICE):
            for kind, body in BODIES.items():
                if kind != "register_child" or target != NOBODYS_DEVICE:
                    peer.say(types[kind], deviceId=target, **body_of(kind, stage.names(target)))
        peer.say("TIME_SYNC", messageId="the-last")  # its own: the first that is answered
        heard = [json.loads(peer.socket.recv())]
        while heard[-1]["messageId"] != "the-last":
            heard.append(json.loads(peer.socket.recv()))
        assert [each["messageType"] for each in heard[:-1]] in ([], ["READ_FIRMWARE"])  # a greeting
    eventually(lambda: stage.state(device) == "offline")
    assert stage.stored(only=protected) == before


def test_a_gateway_says_nothing_for_another_ones_child_over_http(stage):
    """A child of another gateway is answered like one that nobody knows."""
    protected = (stage.victim, stage.child, stage.parent, NOBODYS_DEVICE)
    before, caller = stage.stored(only=protected), Caller(stage)
    headers = {"Authorization": f"Bearer {stage.tokens['stranger']}"}
    for rest, kind in uplink_topics().items():
        said = []
        for target in (stage.child, stage.victim, NOBODYS_DEVICE):
            body = body_of(kind, {**stage.names(target), "children": stage.product})
            path = f"/{stage.gateways}/{stage.stranger}/child/{target}/{rest}"
            said.append(without_what_was_asked(*caller.ask("POST", path, body, headers), (target,)))
        assert said[0] == said[1] == said[2], rest
        assert b"http" not in said[0][2].encode(), said  # no address of a firmware
    eventually(lambda: stage.state(stage.stranger) == "offline")
    assert stage.stored(only=protected) == before
    assert stage.api.count(RECORD, ("deviceId", stage.child), ("state", "waiting")) == 1


def test_an_operator_s_token_is_no_device_s(stage):
    """Neither is a device's token an operator's."""
    for token in (stage.tokens["victim"], stage.product_token, stage.tokens["parent"]):
        assert Api(stage.server.http, token=token).call("GET", "/authorize/me").status == 401


def test_the_device_itself_gets_in_everywhere(stage):
    """Else all of the above would say nothing. The last test: it ends the upgrade."""
    caller, refused = Caller(stage), []
    for method, path, body in requests_of(stage, stage.victim, stage.product):
        token = stage.tokens["victim"]
        statuses = [
            caller.ask(method, path.replace("{token}", token), body, headers)[0]
            for headers in authorization(path, stage.victim, token)
        ]
        if all(status == 401 for status in statuses):
            refused.append((method, path, statuses))
    assert not refused
    assert stage.world.record(stage.task)["state"]["value"] == "success"
