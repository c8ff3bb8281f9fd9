"""What each dialect puts on the wire, byte for byte: transcripts/*.txt (support/transcript.py)."""
import base64
import hashlib
import json

import pytest

from support.builders import DDI_PRODUCT, TASK, World
from support.mqtt_device import SECURE_ID, SECURE_KEY
from support.transcript import Transcript
from support.waiting import eventually

TOKEN = "a-token-of-32-characters-exactly"


class Scene:
    """A server of its own with product p1 and device d1, so that every name but ids is the same each
    time; and a transcript."""

    def __init__(self, server, name, product=None, package=None, **configuration):
        self.server, self.api = server, server.api()
        if package:
            self.api.post("/protocol", package)
        self.world = World(server, self.api)
        self.transcript = Transcript(name, server)
        self.product = self.world.product(
            id="p1",
            configuration={"secureId": SECURE_ID, "secureKey": SECURE_KEY, **configuration},
            **(product or {}),
        )
        self.device = self.world.device(self.product, id="d1")

    def firmware(self, version, order, content=b"hello firmware", **members):
        firmware = self.world.firmware(self.product, version, order, content, **members)
        self.transcript.know(f"firmware {version}", firmware["id"])
        return firmware

    def task(self, firmware, mode="push", **members):
        return self.world.task(firmware, [self.device], mode, **members)

    def stop(self, task):
        self.api.post(f"{TASK}/_stop", [self.world.record(task)["id"]])


@pytest.fixture
def scene(private_server):
    def make(name, **options):
        return Scene(private_server(), name, **options)

    return make


def body(**members):
    return json.dumps(members, ensure_ascii=False)


def test_jetlinks_over_mqtt(scene):
    it = scene("jetlinks_mqtt")
    with it.transcript as transcript:
        transcript.part("sign-in; the server asks for the version that it does not know (4.2, 4.4)")
        peer = transcript.mqtt("d1")
        [(_, _, asked)] = peer.receive()
        message = json.loads(asked)["messageId"]
        peer.publish("/p1/d1/firmware/read/reply", body(messageId=message, success=True, version="1.0"))
        peer.receive()

        transcript.part("a pull without news; nothing is subscribed, so the reply has QoS 0 (4.5)")
        peer.publish("/p1/d1/firmware/pull", body(messageId="7", currentVersion="1.0"))
        peer.receive(2)

        transcript.part("a push, its answer, progress and success (4.4)")
        task = it.task(it.firmware("1.1", 2))
        [(_, _, push)] = peer.receive()
        message = json.loads(push)["messageId"]
        peer.publish("/p1/d1/firmware/upgrade/reply", body(messageId=message, success=True))
        peer.receive()
        peer.publish("/p1/d1/firmware/upgrade/progress", body(progress=50, version="1.1"), qos=0)
        done = body(progress=100, complete=True, success=True, version="1.1")
        peer.publish("/p1/d1/firmware/upgrade/progress", done)
        peer.receive(2)
        it.world.wait_state(task, "success")

        transcript.part("a pull of a named version, and a failure")
        task = it.task(it.firmware("1.2", 3, properties=[]), mode="pull")
        pull = body(messageId="8", currentVersion="1.1", requestVersion="1.2")
        peer.publish("p1/d1/firmware/pull", pull)
        peer.receive(2)
        failed = body(progress=60, complete=True, success=False, version="1.2", errorReason="校验失败")
        peer.publish("/p1/d1/firmware/upgrade/progress", failed)
        peer.receive()
        it.world.wait_state(task, "failed")

        transcript.part("a push to a device that has subscribed with QoS 1 (4.2)")
        peer.subscribe("/p1/d1/#", 1)
        peer.receive()
        task = it.task(it.firmware("1.3", 4))
        peer.receive()
        peer.acknowledge(1)
        peer.publish("/p1/d1/firmware/report", body(version="1.3"))
        peer.receive()
        it.world.wait_state(task, "success")

        transcript.part("time, and what is no JSON: acknowledged all the same (4.2, 4.4)")
        peer.publish("/p1/d1/time-sync", body(messageId="9"))
        peer.receive(2)
        peer.publish("/p1/d1/firmware/upgrade/progress", "{")
        peer.receive()

        transcript.part("a wrong key")
        transcript.mqtt("d1", login=("test|1", "wrong"))


def test_jetlinks_over_http(scene):
    it = scene("jetlinks_http", product={"transportProtocol": "HTTP"}, bearer_token=TOKEN)
    with it.transcript as transcript:
        peer = transcript.http()
        token = ("Authorization", f"Bearer {TOKEN}")

        def say(tail, content, *headers):
            content = content if isinstance(content, str) else body(**content)
            return peer.request("POST", f"/p1/d1{tail}", *(headers or (token,)), body=content)

        transcript.part("who does not prove to be the device (4.6)")
        peer.request("POST", "/p1/d1/online", body="{}")
        say("/online", {}, ("Authorization", TOKEN))
        say("/online", {}, ("Authorization", "Bearer another"))
        peer.request("POST", "/p1/nobody/online", token, body="{}")

        transcript.part("what is no topic, and what is no JSON")
        say("/no/such/topic", {})
        say("/firmware/pull", "{")

        transcript.part("news of the device, and the time")
        say("/online", {})
        say("/firmware/report", {"version": "1.0", "properties": {"hw": "r2"}})
        say("/properties/report", {"properties": {"temperature": 20}})
        say("/time-sync", {"messageId": "9"})

        transcript.part("a pull without news, and one of a push task (4.5)")
        say("/firmware/pull", {"messageId": "1", "currentVersion": "1.0"})
        task = it.task(it.firmware("1.1", 2))
        say("/firmware/pull", {"messageId": "2", "currentVersion": "1.0"})
        say("/firmware/upgrade/progress", {"progress": 50, "version": "1.1"})
        done = {"progress": 100, "complete": True, "success": True, "version": "1.1"}
        say("/firmware/upgrade/progress", done)
        it.world.wait_state(task, "success")

        transcript.part("the newest of several, and a failure")
        first, second = (it.task(it.firmware(v, n), mode="pull") for v, n in (("1.2", 3), ("1.3", 4)))
        say("/firmware/pull", {"messageId": "3", "headers": {"latest": True}})
        failed = {"complete": True, "success": False, "version": "1.3", "errorReason": "校验失败"}
        say("/firmware/upgrade/progress", failed)
        it.world.wait_state(second, "failed")
        assert it.world.state(first) == "waiting"

        transcript.part("what only people may call, and below /api as everything else")
        peer.request("GET", "/p1/d1/firmware/pull", token)
        peer.request("POST", "/api/p1/d1/online", token, body="{}")
        say("/offline", {})


def test_jetlinks_over_websocket(scene):
    it = scene("jetlinks_websocket", product={"transportProtocol": "WebSocket"}, bearer_token=TOKEN)
    with it.transcript as transcript:
        transcript.part("a wrong token, none, and a device that is not there (4.6)")
        transcript.websocket("/p1/d1/socket?token=wrong")
        transcript.websocket("/p1/d1/socket")
        transcript.websocket(f"/p1/nobody/socket?token={TOKEN}")

        transcript.part("the connection makes it online; the server asks for the version")
        peer = transcript.websocket(f"/p1/d1/socket?token={TOKEN}")
        assert peer.status == 101
        asked = json.loads(peer.receive())
        eventually(lambda: it.world.device_state("d1") == "online")
        answer = {"messageId": asked["messageId"], "success": True, "version": "1.0"}
        peer.send(body(messageType="READ_FIRMWARE_REPLY", **answer))
        eventually(lambda: it.world.firmware_version("d1") == "1.0")

        transcript.part("a pull without news, in lower case")
        peer.send(body(messageType="request_firmware", messageId="1", currentVersion="1.0"))
        peer.receive()

        transcript.part("a push, its answer, progress and success (4.4)")
        task = it.task(it.firmware("1.1", 2))
        push = json.loads(peer.receive())
        answer = {"messageId": push["messageId"], "success": True}
        peer.send(body(messageType="UPGRADE_FIRMWARE_REPLY", **answer))
        progress = {"messageType": "UPGRADE_FIRMWARE_PROGRESS", "version": "1.1"}
        peer.send(body(**progress, progress=50))
        peer.send(body(**progress, progress=100, complete=True, success=True))
        it.world.wait_state(task, "success")
        peer.receive()

        transcript.part("a pull of the newest")
        it.task(it.firmware("1.2", 3), mode="pull")
        peer.send(body(messageType="REQUEST_FIRMWARE", messageId="2", headers={"latest": True}))
        peer.receive()

        transcript.part("a ping, what is no message, and the end")
        peer.send("are you there", opcode=9)
        peer.receive()
        peer.send("{")
        peer.send(body(messageType="REQUEST_FIRMWARE", messageId="3", currentVersion="1.2"))
        peer.receive()
        peer.send((1000).to_bytes(2, "big"), opcode=8)
        peer.receive()
        eventually(lambda: it.world.device_state("d1") == "offline")


DDI = "/DEFAULT/controller/v1/d1"


def ddi_report(execution, finished="none", *details, **more):
    status = {"execution": execution, "result": {"finished": finished, **more}, "details": details}
    return json.dumps({"status": status})


@pytest.fixture
def ddi(scene):
    """ddi(name): (scene, peer, ask, told): `ask(method, path below the device, body)` on record."""

    def make(name):
        it = scene(name, product=DDI_PRODUCT)
        credential = {"kind": "token", "token": TOKEN}
        it.api.post("/device-instance/d1/credentials", credential)
        peer = it.transcript.http()
        token = ("Authorization", f"TargetToken {TOKEN}")

        def ask(method, path="", content=None, *headers):
            path = path.replace(f"http://{it.server.http}{DDI}", "")
            return peer.request(method, DDI + path, token, *headers, body=content)

        def poll():
            _, answer = ask("GET")
            links = json.loads(answer).get("_links", {})
            return {rel: link["href"] for rel, link in links.items()}

        return it, peer, ask, poll

    return make


def test_hawkbit_ddi_deployment(ddi):
    it, peer, ask, poll = ddi("hawkbit_ddi_deployment")
    with it.transcript as transcript:
        transcript.part("who does not prove to be the device (2)")
        peer.request("GET", DDI)
        peer.request("GET", DDI, ("Authorization", "TargetToken another"))
        peer.request("GET", DDI, ("Authorization", f"GatewayToken {TOKEN}"))
        peer.request("GET", "/OTHER/controller/v1/d1", ("Authorization", f"TargetToken {TOKEN}"))

        transcript.part("a poll without news, and what the device says of itself (3, 8)")
        poll()
        ask("PUT", "/configData", '{"mode":"merge","data":{"hw":"r2","serial":"d1"}}')
        poll()

        transcript.part("a deployment (3, 4)")
        task = it.task(it.firmware("1.1", 2))
        links = poll()
        _, document = ask("GET", links["deploymentBase"])
        ask("GET", links["deploymentBase"], None, ("Accept", "application/hal+json"))
        artifact = json.loads(document)["deployment"]["chunks"][0]["artifacts"][0]

        transcript.part("its artifact (10)")
        href = artifact["_links"]["download-http"]["href"]
        ask("HEAD", href)
        ask("GET", href)
        ask("GET", href, None, ("Range", "bytes=6-"))
        ask("GET", href, None, ("Range", "bytes=14-"))
        ask("GET", href, None, ("If-Match", '"another"'))
        ask("GET", artifact["_links"]["md5sum-http"]["href"])
        ask("GET", href.rsplit("/", 1)[0])

        transcript.part("reports, and what the device itself has said (4, 5)")
        feedback = urlpath(links["deploymentBase"]) + "/feedback"
        ask("POST", feedback, ddi_report("download", "none", "downloading"))
        half = {"progress": {"cnt": 1, "of": 2}}
        ask("POST", feedback, ddi_report("proceeding", "none", "installing", **half))
        it.world.wait_state(task, "processing")
        ask("GET", urlpath(links["deploymentBase"]) + "?actionHistory=-1")
        ask("POST", feedback, ddi_report("closed", "success", "installed"))
        it.world.wait_state(task, "success")

        transcript.part("afterwards (5, 9)")
        ask("POST", feedback, ddi_report("proceeding"))
        links = poll()
        ask("GET", links["installedBase"])
        ask("PUT", "/configData", '{"mode":"replace","data":{"hw":"r3"}}')
        ask("PUT", "/installedBase", '{"name":"firmware 1.1","version":"1.1"}')


def urlpath(href):
    return href.split("?", 1)[0]


def test_hawkbit_ddi_cancel(ddi):
    it, _, ask, poll = ddi("hawkbit_ddi_cancel")
    with it.transcript as transcript:
        transcript.part("a device that takes the cancel (6)")
        ask("PUT", "/configData", '{"data":{"hw":"r2"}}')
        task = it.task(it.firmware("1.1", 2))
        deployment = poll()["deploymentBase"]
        ask("GET", deployment)
        it.stop(task)
        cancel = poll()["cancelAction"]
        ask("GET", cancel)
        ask("GET", deployment)
        ask("POST", urlpath(deployment) + "/feedback", ddi_report("proceeding", "none", "working"))
        ask("POST", cancel + "/feedback", ddi_report("canceled", "none", "seen"))
        poll()
        ask("POST", cancel + "/feedback", ddi_report("closed", "success", "stopped"))
        poll()
        it.world.wait_state(task, "canceled")

        transcript.part("one that refuses it")
        task = it.task(it.firmware("1.2", 3))
        deployment = poll()["deploymentBase"]
        ask("GET", deployment)
        it.stop(task)
        cancel = poll()["cancelAction"]
        ask("POST", cancel + "/feedback", ddi_report("rejected", "none", "too late"))
        poll()
        ask("POST", urlpath(deployment) + "/feedback", ddi_report("closed", "success"))
        it.world.wait_state(task, "success")

        transcript.part("one that has not fetched it yet is not asked")
        task = it.task(it.firmware("1.3", 4))
        poll()
        it.stop(task)
        poll()
        it.world.wait_state(task, "canceled")

        transcript.part("nothing to cancel, and no such action")
        ask("GET", "/cancelAction/999")
        ask("POST", "/cancelAction/999/feedback", ddi_report("closed", "success"))


def test_hawkbit_ddi_confirmation(ddi):
    it, _, ask, poll = ddi("hawkbit_ddi_confirmation")
    with it.transcript as transcript:
        transcript.part("a task that needs consent (7)")
        ask("PUT", "/configData", '{"data":{"hw":"r2"}}')
        task = it.task(it.firmware("1.1", 2), deployment="soft", confirmationRequired=True)
        confirmation = urlpath(poll()["confirmationBase"])
        ask("GET", "/confirmationBase")
        ask("GET", confirmation)
        ask("GET", confirmation.replace("confirmationBase", "deploymentBase"))
        ask("POST", confirmation + "/feedback", '{"confirmation":"denied","details":["not now"]}')
        poll()
        ask("POST", confirmation + "/feedback", '{"confirmation":"confirmed","code":200}')
        deployment = urlpath(poll()["deploymentBase"])
        ask("GET", deployment)
        ask("POST", deployment + "/feedback", ddi_report("closed", "failure", "no space left"))
        assert it.world.wait_state(task, "failed")["errorReason"] == "no space left"

        transcript.part("consent in advance")
        ask("POST", "/confirmationBase/activateAutoConfirm", '{"initiator":"me","remark":"always"}')
        ask("POST", "/confirmationBase/activateAutoConfirm", "{}")
        ask("GET", "/confirmationBase")
        it.task(it.firmware("1.2", 3), confirmationRequired=True)
        poll()
        ask("POST", "/confirmationBase/deactivateAutoConfirm", "{}")
        ask("GET", "/confirmationBase")


def test_hawkbit_ddi_download_only(ddi):
    it, _, ask, poll = ddi("hawkbit_ddi_download_only")
    with it.transcript as transcript:
        transcript.part("a download-only task ends with the download (4, 5)")
        ask("PUT", "/configData", '{"data":{"hw":"r2"}}')
        task = it.task(it.firmware("1.1", 2), deployment="downloadOnly")
        deployment = urlpath(poll()["deploymentBase"])
        ask("GET", deployment)
        ask("POST", deployment + "/feedback", ddi_report("downloaded", "none"))
        it.world.wait_state(task, "success")
        poll()


def test_hawkbit_ddi_refusals(ddi):
    it, peer, ask, poll = ddi("hawkbit_ddi_refusals")
    with it.transcript as transcript:
        it.task(it.firmware("1.1", 2))
        deployment = urlpath(poll()["deploymentBase"])

        transcript.part("bodies that are refused (1, 5, 8)")
        for wrong in ("{", "{}", '{"status":{"execution":"closed"}}', ddi_report("perhaps")):
            ask("POST", deployment + "/feedback", wrong)
        ask("PUT", "/configData", '{"data":{}}')
        ask("PUT", "/configData", '{"data":{"a~b":"1"}}')
        ask("PUT", "/configData", '{"mode":"mix","data":{"a":"1"}}')
        ask("PUT", "/configData", '{"data":{"key":"%s"}}' % ("x" * 129))

        transcript.part("addresses, methods and types")
        for path in ("/deploymentBase/999", "/deploymentBase/x", "/installedBase/1"):
            ask("GET", path)
        ask("GET", "/softwaremodules/999/artifacts/fw.bin")
        ask("DELETE", "/configData")
        ask("GET", "", None, ("Accept", "text/html"))
        fields = (("Authorization", f"TargetToken {TOKEN}"), ("Content-Type", "text/plain"))
        peer.request("PUT", DDI + "/configData", *fields, body="a=b", content_type=None)


def test_plain_https(scene):
    it = scene("plain_https", bearer_token=TOKEN)
    with it.transcript as transcript:
        peer = transcript.http()
        basic = base64.b64encode(f"d1:{TOKEN}".encode()).decode()
        who = ("Authorization", f"Basic {basic}")
        bearer = (("Authorization", f"Bearer {TOKEN}"), ("X-Device-Id", "d1"))

        transcript.part("who does not prove to be the device")
        peer.request("GET", "/ota/p1")
        peer.request("GET", "/ota/p1?device=d1", ("Authorization", "Bearer another"))
        peer.request("GET", "/ota/p2", who)

        transcript.part("no news")
        peer.request("GET", "/ota/p1?version=1.0", who)
        peer.request("GET", "/ota/p1?version=1.0", who, ("If-None-Match", '"anything"'))

        transcript.part("the next image")
        task = it.task(it.firmware("1.1", 2))
        peer.request("HEAD", "/ota/p1?version=1.0", who)
        assert it.world.state(task) == "waiting"
        peer.request("GET", "/ota/p1", *bearer, ("X-Firmware-Version", "1.0"))
        it.world.wait_state(task, "processing")
        peer.request("GET", "/ota/p1?version=1.0", who, ("Range", "bytes=6-"))
        sha256 = hashlib.sha256(b"hello firmware").hexdigest()
        peer.request("GET", "/ota/p1?version=1.0", who, ("If-None-Match", f'"{sha256}"'))

        transcript.part("reports")
        peer.request("POST", "/ota/p1/report", who, body='{"status":"perhaps"}')
        running = '{"status":"progress","progress":40,"version":"1.1"}'
        peer.request("POST", "/ota/p1/report", who, body=running)
        done = '{"status":"success","version":"1.1"}'
        peer.request("POST", "/ota/p1/report", who, body=done)
        it.world.wait_state(task, "success")
        peer.request("GET", "/ota/p1?version=1.1", who)

        transcript.part("a failure")
        task = it.task(it.firmware("1.2", 3))
        peer.request("GET", "/ota/p1?version=1.1", who)
        failed = '{"status":"failure","version":"1.2","message":"flash is worn out"}'
        peer.request("POST", "/ota/p1/report", who, body=failed)
        assert it.world.wait_state(task, "failed")["errorReason"] == "flash is worn out"


# An invented vendor's binary protocol: one byte says what it is.
LUA = """\
local kinds = { [1] = "REPORT_FIRMWARE", [2] = "REQUEST_FIRMWARE", [3] = "UPGRADE_FIRMWARE_PROGRESS" }
return {
  transports = { "MQTT" },
  features = { "supportFirmware" },
  decode = function(topic, payload)
    if topic ~= "acme/up" then return nil end
    local kind = kinds[payload:byte(1)]
    local message = { messageType = kind }
    if kind == "REPORT_FIRMWARE" then
      message.version = payload:sub(2)
    elseif kind == "REQUEST_FIRMWARE" then
      message.messageId, message.currentVersion = string.unpack(">s1s1", payload, 2)
    elseif kind == "UPGRADE_FIRMWARE_PROGRESS" then
      message.progress, message.version = string.unpack(">Bs1", payload, 2)
      message.complete = message.progress == 100
      message.success = message.complete
    end
    return message
  end,
  encode = function(message)
    if message.messageType == "READ_FIRMWARE" then return "acme/down", "\\1" end
    if message.success == false then return "acme/down", "\\0" .. message.code end
    if not message.url then return nil end
    local format = ">Bs1I4s2"
    return "acme/down", string.pack(format, 2, message.version, message.size, message.sign)
  end,
}
"""


def test_a_lua_package_over_mqtt(scene):
    package = {"id": "acme", "name": "acme", "type": "lua", "script": LUA}
    it = scene("lua_mqtt", product={"messageProtocol": "acme"}, package=package)
    with it.transcript as transcript:
        transcript.part("sign-in; the server asks for the version that it does not know")
        peer = transcript.mqtt("d1")
        peer.receive()
        peer.publish("acme/up", b"\x011.0")
        peer.receive()
        eventually(lambda: it.world.firmware_version("d1") == "1.0")

        transcript.part("a pull without news")
        peer.publish("acme/up", b"\x02\x017\x031.0")
        peer.receive(2)

        transcript.part("a push, progress and success")
        task = it.task(it.firmware("1.1", 2))
        peer.receive()
        peer.publish("acme/up", b"\x03\x32\x031.1")
        peer.receive()
        peer.publish("acme/up", b"\x03\x64\x031.1")
        peer.receive(2)
        it.world.wait_state(task, "success")

        transcript.part("a pull that is answered")
        it.task(it.firmware("1.2", 3), mode="pull")
        peer.publish("acme/up", b"\x02\x018\x031.1")
        peer.receive(2)

        transcript.part("what the script has no use for, and what it stumbles over")
        peer.publish("acme/elsewhere", b"\x011.0")
        peer.receive()
        peer.publish("acme/up", b"\x02\xff")
        peer.receive()
