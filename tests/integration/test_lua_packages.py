"""Protocol packages in Lua: an invented protocol upgrades a device, and hostile scripts hurt nobody."""
import os
import pathlib
import re
import signal
import struct

import pytest

from support.api import Api
from support.cli import REFUSED, Cli
from support.sanitizers import sanitized
from support.waiting import eventually

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "protocols" / "lua.md"
ACME = re.search(r"```lua\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S).group(1)

# Each payload names a harm; anything else is progress.
HOSTILE = """
local harms = {
    loop = function() while true do end end,
    caught = function() while true do pcall(function() while true do end end) end end,
    find = function() return string.find(("a"):rep(1000), ("a-"):rep(8) .. "b") end,
    giant = function() return string.rep("x", 1 << 30) end,
    double = function() local s = "x" while true do s = s .. s end end,
    deep = function() local function f(n) return 1 + f(n + 1) end return f(1) end,
    os = function() return os.execute("id") end,
    io = function() return io.open("/etc/passwd") end,
    endless = function() local t = {} t.t = t return t end,
    flood = function() for i = 1, 1e9 do print(("x"):rep(1000)) end end,
    object = function() error(setmetatable({}, {__tostring = function() while true do end end})) end,
}
return {
    transports = {"MQTT"}, features = {"supportFirmware"},
    decode = function(topic, payload)
        local harm = harms[payload]
        if harm then return harm() end
        return {messageType = "REPORT_FIRMWARE", version = payload}
    end,
    encode = function() return nil end,
}
"""


def package(world, script, **members):
    """A saved package; answers its id."""
    row = {"id": world.name("lua"), "name": "Vendor", "type": "lua", "script": script, **members}
    return world.api.post("/protocol", row)["id"]


def lua_product(world, script, **members):
    return world.product(messageProtocol=package(world, script), **members)


def frame(kind, body):
    head = struct.pack(">BBH", 0xA5, kind, len(body)) + body
    return head + struct.pack(">H", sum(head) & 0xFFFF)


def short(text):
    return bytes([len(text)]) + text.encode()


def poll(number, version):
    return frame(1, struct.pack(">H", number) + short(version))


def progress(percent, state, version, reason=""):
    return frame(2, bytes([percent, state]) + short(version) + short(reason))


def read_offer(payload):
    assert payload[0] == 0xA5 and payload[1] == 0x81
    assert struct.unpack(">H", payload[-2:])[0] == sum(payload[:-2]) & 0xFFFF
    body = payload[4:-2]
    number, found = struct.unpack(">HB", body[:3])
    at = 3
    version = body[at + 1 : at + 1 + body[at]].decode()
    at += 1 + body[at]
    (size,) = struct.unpack(">I", body[at : at + 4])
    at += 4
    sign = body[at + 1 : at + 1 + body[at]].decode()
    at += 1 + body[at]
    (length,) = struct.unpack(">H", body[at : at + 2])
    url = body[at + 2 : at + 2 + length].decode()
    return {
        "number": number,
        "found": found,
        "version": version,
        "size": size,
        "sign": sign,
        "url": url,
    }


def publish(connected, topic, payload, qos=1):
    """Publishes and waits for the PUBACK."""
    sent = connected.client.publish(topic, payload, qos)
    sent.wait_for_publish(30)
    assert sent.is_published()


def wait_raw(connected, tail):
    with connected._changed:
        found = lambda: [p for topic, p, _ in connected._messages if topic.endswith(tail)]
        assert connected._changed.wait_for(found, 10), connected._messages
        payload = found()[0]
        connected._messages.clear()
        return payload


def failures(world, device):
    """Lines of the device's log about the script."""
    rows = world.api.post(
        f"/device-instance/{device}/logs", {"terms": [{"column": "type", "value": "scriptFailed"}]}
    )
    return [row["content"] for row in rows["data"]]


def metric(server, name):
    text = Api(server.http).call("GET", "/metrics").body.decode()
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name)
    )


# -- the invented protocol -------------------------------------------------------------------------------
def test_a_vendors_binary_protocol_upgrades_a_device(world):
    product = lua_product(world, ACME)
    device = world.device(product)
    firmware = world.firmware(product)
    task = world.task(firmware, [device], mode="pull")
    with world.connected(product, device) as connected:
        publish(connected, f"acme/{device}/up", poll(7, "1.0"))
        offer = read_offer(wait_raw(connected, "/down"))
        assert offer == {
            "number": 7,
            "found": 1,
            "version": "1.1",
            "size": 14,
            "sign": firmware["sign"],
            "url": firmware["url"],
        }
        world.wait_state(task, "processing")
        publish(connected, f"acme/{device}/up", progress(40, 0, "1.1"))
        assert world.record(task)["progress"] == 40
        publish(connected, f"acme/{device}/up", progress(100, 1, "1.1"))
        assert world.record(task)["state"]["value"] == "success"
        publish(connected, f"acme/{device}/up", poll(8, "1.1"))
        assert read_offer(wait_raw(connected, "/down"))["found"] == 0
    assert world.firmware_version(device) == "1.1"


def test_a_failure_in_a_vendors_words_is_the_reason(world):
    product = lua_product(world, ACME)
    device = world.device(product)
    task = world.task(world.firmware(product), [device], mode="pull")
    with world.connected(product, device) as connected:
        publish(connected, "up", poll(1, "1.0"))
        wait_raw(connected, "/down")
        publish(connected, "up", progress(60, 2, "1.1", "flash is worn"))
    record = world.record(task)
    assert (record["state"]["value"], record["errorReason"]) == ("failed", "flash is worn")


def test_a_broken_frame_is_in_the_devices_log_and_the_next_one_is_read(world):
    product = lua_product(world, ACME)
    device = world.device(product)
    before = metric(world.server, 'updraft_script_calls_total{outcome="failed"}')
    with world.connected(product, device) as connected:
        publish(connected, "up", b"\xa5\x01\x00\x01x\x00\x00")
        (line,) = eventually(lambda: failures(world, device))
        assert "the sum of the frame is wrong" in line
        publish(connected, "up", poll(1, "1.0"))
        assert read_offer(wait_raw(connected, "/down"))["found"] == 0
    assert metric(world.server, 'updraft_script_calls_total{outcome="failed"}') > before


def test_messages_of_one_device_keep_their_order(world):
    product = lua_product(world, ACME)
    device = world.device(product)
    task = world.task(world.firmware(product), [device], mode="pull")
    with world.connected(product, device) as connected:
        publish(connected, "up", poll(1, "1.0"))
        wait_raw(connected, "/down")
        sent = [
            connected.client.publish("up", progress(percent, 0, "1.1"), 1)
            for percent in range(1, 100)
        ]
        for each in sent:
            each.wait_for_publish(30)
    assert world.record(task)["progress"] == 99


# -- saving and trying -----------------------------------------------------------------------------------
def test_a_package_says_what_products_see(world):
    saved = package(world, ACME)
    row = world.api.get(f"/protocol/{saved}")
    assert row["script"] == ACME
    assert [each["id"] for each in row["transports"]] == ["MQTT", "HTTP"]
    assert row["configKeys"] == [
        {"property": "secureId", "name": "Id", "type": "string"},
        {"property": "secureKey", "name": "Key", "type": "password"},
    ]
    keys = world.api.get(f"/protocol/{saved}/MQTT/configuration")
    assert [each["property"] for each in keys["properties"]] == ["secureId", "secureKey"]
    product = world.product(messageProtocol=saved)
    (listed,) = world.api.post(
        "/device-product/detail/_query/no-paging", {"terms": [{"column": "id", "value": product}]}
    )
    assert [each["id"] for each in listed["features"]] == ["supportFirmware"]
    assert "lua" in world.api.get("/protocol/providers")


@pytest.mark.parametrize("call", ["create", "change", "check"])
def test_an_error_is_told_with_its_line(world, call):
    wrong = "local x = 1\n\nreturn { decode = function( }"
    if call == "create":
        answer = world.api.call("POST", "/protocol", {"name": "x", "type": "lua", "script": wrong})
    elif call == "change":
        saved = package(world, ACME)
        answer = world.api.call("PUT", f"/protocol/{saved}", {"script": wrong})
        assert world.api.get(f"/protocol/{saved}")["script"] == ACME
    else:
        answer = world.api.call("POST", "/protocol/script/_check", {"script": wrong})
    assert answer.status == 400, answer
    (problem,) = answer.result
    assert (problem["property"], problem["detail"]) == ("script", {"line": 3})
    assert problem["message"].startswith("第3行: ")


def test_a_sample_is_tried_before_anything_is_saved(world):
    sample = {"script": ACME, "direction": "decode", "topic": "up", "payloadHex": poll(7, "1.0").hex()}
    tried = world.api.post("/protocol/script/_try", sample)
    assert tried["message"] == {
        "messageType": "REQUEST_FIRMWARE",
        "messageId": "7",
        "currentVersion": "1.0",
    }
    message = {"messageType": "REQUEST_FIRMWARE_REPLY", "messageId": "7", "success": False}
    tried = world.api.post(
        "/protocol/script/_try",
        {"id": package(world, ACME), "direction": "encode", "message": message, "deviceId": "d9"},
    )
    assert tried["topic"] == "acme/d9/down"
    assert read_offer(bytes.fromhex(tried["payloadHex"]))["found"] == 0
    broken = {**sample, "script": "return {decode=function() print('seen')\nerror('no') end}"}
    tried = world.api.post("/protocol/script/_try", broken)
    assert (tried["error"], tried["log"]) == ({"message": "no", "line": 2}, ["seen"])
    hanging = {**sample, "script": HOSTILE, "payload": "find", "payloadHex": None}
    assert "1000" in world.api.post("/protocol/script/_try", hanging)["error"]["message"]


def test_a_product_without_the_feature_gets_no_firmware(world):
    plain = ACME.replace('features = {"supportFirmware"},', "")
    for protocol in (
        package(world, plain),
        world.api.post("/protocol", {"id": world.name("jar"), "name": "J", "type": "jar"})["id"],
    ):
        product = world.product(messageProtocol=protocol)
        body = world.firmware_body(product)
        answer = world.api.call("POST", "/firmware", body)
        assert answer.status == 400, answer


def test_a_feature_that_goes_later_is_gone(world):
    saved = package(world, ACME)
    product = world.product(messageProtocol=saved)
    firmware = world.firmware(product)
    device = world.device(product)
    plain = ACME.replace('features = {"supportFirmware"},', "")
    world.api.put(f"/protocol/{saved}", {"script": plain})
    answer = world.api.call("POST", "/firmware/upgrade/task", world.task_body(firmware, [device]))
    assert answer.status == 400, answer
    answer = world.api.call("POST", "/firmware", world.firmware_body(product, "1.2", 3))
    assert answer.status == 400, answer


def test_a_saved_change_is_used_at_once(world):
    saved = package(world, HOSTILE)
    product = world.product(messageProtocol=saved)
    device = world.device(product)
    with world.connected(product, device) as connected:
        publish(connected, "up", "1.0")
        assert world.firmware_version(device) == "1.0"
        world.api.put(
            f"/protocol/{saved}", {"script": HOSTILE.replace("version = payload", 'version = "new"')}
        )
        publish(connected, "up", "1.0")
        assert world.firmware_version(device) == "new"


def test_the_command_line_checks_tries_saves_and_deletes(world, tmp_path):
    cli = Cli(tmp_path, UPDRAFT_SERVER=f"http://{world.server.http}", UPDRAFT_TOKEN=world.api.token)
    file = tmp_path / "acme.lua"
    file.write_text(ACME, encoding="utf-8")
    assert cli("protocol", "check", str(file), "--json").json["transports"][0]["id"] == "MQTT"
    tried = cli(
        "protocol", "try", str(file), "--topic", "up", "--payload-hex", poll(7, "1.0").hex(), "--json"
    )
    assert tried.json["message"]["messageId"] == "7"
    message = '{"messageType":"REQUEST_FIRMWARE_REPLY","success":false}'
    tried = cli("protocol", "try", str(file), "--encode", message, "--device", "d1", "--json")
    assert tried.json["topic"] == "acme/d1/down"
    saved = world.name("cli")
    cli("protocol", "save", str(file), "--id", saved, "--name", "Acme")
    assert world.api.get(f"/protocol/{saved}")["script"] == ACME
    file.write_text("x = = 1", encoding="utf-8")
    refused = cli("protocol", "save", str(file), "--id", saved, status=REFUSED)
    assert "line 1" in refused.err
    assert cli("protocol", "list", "--where", f"id = {saved}", "--json").json[0]["type"] == "lua"
    cli("protocol", "delete", saved)


# -- hostile scripts -------------------------------------------------------------------------------------
HARMS = ["loop", "caught", "find", "giant", "double", "deep", "os", "io", "endless", "flood", "object"]


@pytest.mark.parametrize("harm", HARMS)
def test_a_hostile_script_is_stopped_and_reported(world, harm):
    hostile = lua_product(world, HOSTILE)
    device = world.device(hostile)
    with world.connected(hostile, device) as connected:
        publish(connected, "up", "1.0")
        publish(connected, "up", harm)
        publish(connected, "up", "2.0")
        assert world.firmware_version(device) == "2.0"
    assert eventually(lambda: failures(world, device))


def test_other_devices_do_not_notice(world):
    hostile = lua_product(world, HOSTILE)
    attacker = world.device(hostile)
    product = world.product()
    device = world.device(product)
    with world.connected(hostile, attacker) as attacking, world.connected(
        product, device
    ) as connected:
        for harm in HARMS:
            attacking.client.publish("up", harm, 1)
        for number in range(20):
            connected.report(f"1.{number}")
            eventually(lambda: world.firmware_version(device) == f"1.{number}", 2)
    text = Api(world.server.http).call("GET", "/metrics").body.decode()
    assert "updraft_script_workers_stopped_total" in text


def test_a_package_that_is_stopped_again_and_again_is_paused(private_server):
    server = private_server(
        "--scripts-call-timeout", "100ms", "--scripts-stops-max", "2", "--scripts-pause-min", "60s"
    )
    from support.builders import World

    world = World(server, server.api())
    hostile = lua_product(world, HOSTILE)
    device = world.device(hostile)
    with world.connected(hostile, device) as connected:
        # The server asks once for the version that it does not know: a call of the script, too.
        eventually(lambda: metric(server, 'updraft_script_calls_total{outcome="answered"}') == 1)
        for _ in range(2):
            publish(connected, "up", "find")
        publish(connected, "up", "1.0")
        assert world.firmware_version(device) is None
        assert metric(server, "updraft_script_packages_paused") == 1
        assert metric(server, 'updraft_script_calls_total{outcome="paused"}') == 1


def children_of(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += [int(each) for each in (task / "children").read_text().split()]
    return found


def test_a_worker_that_is_killed_under_traffic_loses_nothing(private_server):
    server = private_server("--scripts-stops-max", "10")  # three kills are no reason to pause here
    from support.builders import World

    world = World(server, server.api())
    product = lua_product(world, ACME)
    device = world.device(product)
    task = world.task(world.firmware(product), [device], mode="pull")
    with world.connected(product, device) as connected:
        publish(connected, "up", poll(1, "1.0"))
        wait_raw(connected, "/down")
        sent, killed = [], set()
        for percent in range(1, 100):
            sent.append(connected.client.publish("up", progress(percent, 0, "1.1"), 1))
            if percent % 25 == 0:
                # A message is tried three times: those that met the last kill are through. Some are
                # still on their way, or about to be.
                for each in sent[:-20]:
                    each.wait_for_publish(30)
                (worker,) = eventually(lambda: set(children_of(server.process.pid)) - killed)
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
        for each in sent:
            each.wait_for_publish(30)
        publish(connected, "up", progress(100, 1, "1.1"))
        assert len(killed) == 3
        assert world.record(task)["state"]["value"] == "success"
        assert failures(world, device) == []


def test_the_worker_has_no_rights(private_server):
    server = private_server()
    from support.builders import World

    world = World(server, server.api())
    product = lua_product(world, ACME)
    device = world.device(product)
    with world.connected(product, device) as connected:
        publish(connected, "up", poll(1, "1.0"))
        (worker,) = children_of(server.process.pid)
        status = pathlib.Path(f"/proc/{worker}/status").read_text()
        assert re.search(r"^NoNewPrivs:\s*1$", status, re.M)
        assert re.search(r"^Seccomp:\s*2$", status, re.M)
        assert re.search(r"^CapEff:\s*0+$", status, re.M)
        limits = pathlib.Path(f"/proc/{worker}/limits").read_text()
        files = 6 if sanitized() else 4  # UBSan looks through a pipe at types
        assert re.search(rf"^Max open files\s+{files}\s+{files}", limits, re.M)
        assert re.search(r"^Max processes\s+0\s+0", limits, re.M)
    server.stop()
    assert not pathlib.Path(f"/proc/{worker}").exists()
