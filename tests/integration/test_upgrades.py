"""Upgrades end to end over MQTT: the sequences of spec 5, the rows of 3.2 and the bodies of 4.4."""
import hashlib
import time
import urllib.parse

import paho.mqtt.client as paho
import pytest

from support.api import Api
from support.builders import RECORD, TASK
from support.waiting import eventually, stays


def now_ms():
    return int(time.time() * 1000)


def download(url):
    parts = urllib.parse.urlsplit(url)
    return Api(parts.netloc).call("GET", f"{parts.path}?{parts.query}").body


# -- 5.1 push ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "version", [paho.MQTTv31, paho.MQTTv311, paho.MQTTv5], ids=["3.1", "3.1.1", "5"]
)
def test_5_1_push_success(world, version):
    product = world.product()
    device = world.device(product)
    firmware = world.firmware(product)
    with world.connected(product, device, version=version) as connected:
        connected.report("1.0")
        task = world.task(firmware, [device])
        push = connected.wait_push()
        record = world.wait_state(task, "processing")
        connected.reply(push["messageId"])
        assert hashlib.md5(download(push["url"])).hexdigest() == push["sign"]
        connected.progress(30, "1.1", success=True)
        assert world.record(task)["progress"] == 30
    with world.connected(product, device, version=version) as connected:  # rebooted
        assert world.state(task) == "processing"
        connected.succeed("1.1")
    record = world.record(task)
    assert (record["state"]["value"], record["progress"]) == ("success", 100)
    assert record["completeTime"] >= record["upgradeTime"]
    assert world.firmware_version(device) == "1.1"
    assert world.detail(task)["state"]["value"] == "success"


def test_4_4_the_push_message(world):
    product = world.product()
    device = world.device(product)
    firmware = world.firmware(
        product, properties=[{"id": "slot", "value": "B"}, {"id": "n", "value": "7"}]
    )
    with world.connected(product, device) as connected:
        sent = now_ms()
        world.task(firmware, [device])
        push = connected.wait_push()
    assert push.pop("messageId")
    assert sent - 1000 <= push.pop("timestamp") <= now_ms() + 1000
    assert push == {
        "messageType": "UPGRADE_FIRMWARE",
        "replyType": "UPGRADE_FIRMWARE_REPLY",
        "deviceId": device,
        "url": firmware["url"],
        "version": "1.1",
        "parameters": {"slot": "B", "n": "7"},
        "sign": firmware["sign"],
        "signMethod": "md5",
        "firmwareId": firmware["id"],
        "size": 14,
    }


def test_4_4_parameters_are_an_object_even_when_empty(world):
    product, (device,), _, _ = world.ready_push()
    with world.connected(product, device) as connected:
        assert connected.wait_push()["parameters"] == {}


def test_a_push_needs_no_subscription_and_comes_by_qos_1_to_one(world):
    product = world.product()
    device = world.device(product)
    with world.connected(product, device) as connected:
        world.task(world.foreign_firmware(product, "1.1", 1), [device])
        connected.wait_message("/firmware/upgrade", take=False)
        assert connected._messages[-1][2].qos == 0 and not connected._messages[-1][2].retain
        connected.succeed("1.1")
        granted = []
        connected.client.on_subscribe = lambda *_: granted.append(1)
        connected.client.subscribe(f"/{product}/{device}/#", qos=1)
        eventually(lambda: granted)
        world.task(world.foreign_firmware(product, "1.2", 2), [device])
        connected.wait_message(
            "/firmware/upgrade", lambda body: body["version"] == "1.2", take=False
        )
        assert connected._messages[-1][2].qos == 1


# -- 5.2 offline ---------------------------------------------------------------------------------------
def test_5_2_and_T3_an_offline_device_is_served_within_a_second_of_its_return(world):
    product, (device,), _, task = world.ready_push()
    stays(lambda: world.state(task) == "waiting", 0.3)
    with world.connected(product, device) as connected:
        start = time.monotonic()
        connected.wait_push(seconds=1.0)
        assert time.monotonic() - start <= 1.0
        world.wait_state(task, "processing")


def test_T25_an_unanswered_push_is_repeated_once_with_the_same_message_id(world):
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        first = connected.wait_push()
    with world.connected(product, device) as connected:
        again = connected.wait_push()
        assert (again["messageId"], again["firmwareId"]) == (
            first["messageId"],
            first["firmwareId"],
        )
    with world.connected(product, device) as connected:
        stays(lambda: not connected.messages("/firmware/upgrade"), 0.8)
    assert world.state(task) == "processing"


def test_T24_an_answered_push_is_not_repeated(world):
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        connected.reply(connected.wait_push()["messageId"])
    with world.connected(product, device) as connected:
        stays(lambda: not connected.messages("/firmware/upgrade"), 0.6)
    assert world.state(task) == "processing"


# -- endings -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body, state, progress, reason",
    [
        ({"complete": True, "version": "1.1"}, "success", 100, None),
        ({"complete": True, "version": "1.1", "success": "true"}, "success", 100, None),
        ({"complete": True, "version": "1.1", "success": 1}, "success", 100, None),
        ({"complete": True, "version": "1.1", "errorReason": "x"}, "failed", 0, "x"),
        ({"complete": True, "version": "1.1", "message": "m"}, "failed", 0, "m"),
        ({"complete": True, "version": "1.1", "success": False}, "failed", 0, "升级失败"),
        (
            {"complete": "true", "success": "false", "version": "1.1", "errorReason": "校验失败"},
            "failed",
            0,
            "校验失败",
        ),
        (
            {"progress": 30, "complete": False, "success": False, "version": "1.1"},
            "processing",
            30,
            None,
        ),
        ({"success": False, "errorReason": "x", "version": "1.1"}, "failed", 0, "x"),
        ({"progress": "55", "version": 1.1}, "processing", 55, None),
        ({"progress": 101, "version": "1.1"}, "processing", 100, None),
        ({"progress": -5, "version": "1.1"}, "processing", 0, None),
        ({"progress": 100, "version": "1.1", "success": True}, "processing", 100, None),
        ({"progress": 7}, "processing", 7, None),
        (
            {"progress": 8, "version": "1.1", "unknown": {"deep": [1]}, "deviceId": "someone-else"},
            "processing",
            8,
            None,
        ),
    ],
)
def test_vector_progress_messages(world, body, state, progress, reason):
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        connected.wait_push()
        connected.publish("/firmware/upgrade/progress", body)
    record = world.record(task)
    assert (record["state"]["value"], record["progress"], record.get("errorReason")) == (
        state,
        progress,
        reason,
    )


def test_progress_names_the_firmware_by_id(world):
    product, (device,), firmware, task = world.ready_push()
    with world.connected(product, device) as connected:
        connected.wait_push()
        connected.progress(44, firmwareId=firmware["id"])
    assert world.record(task)["progress"] == 44


def test_T9_progress_may_fall(world):
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        connected.wait_push()
        for percent in (50, 10):
            connected.progress(percent, "1.1")
            assert world.record(task)["progress"] == percent


@pytest.mark.parametrize(
    "more, reason",
    [
        ({"code": "LOW_BATTERY", "message": "电量不足"}, "电量不足"),
        ({"code": "LOW_BATTERY"}, "LOW_BATTERY"),
        ({}, "设备拒绝升级"),
    ],
)
def test_T8_a_device_may_refuse(world, more, reason):
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        connected.reply(connected.wait_push()["messageId"], success=False, **more)
    assert world.wait_state(task, "failed")["errorReason"] == reason


def test_T14_a_report_of_the_target_version_completes(world):
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        connected.wait_push()
        connected.report("1.0")
        assert world.state(task) == "processing"  # T15
        connected.report("1.1")
    assert world.state(task) == "success" and world.record(task)["progress"] == 100


def test_T5_a_device_that_has_the_version_already_is_not_flashed(world):
    product = world.product()
    device = world.device(product)
    firmware = world.foreign_firmware(product)
    with world.connected(product, device) as connected:
        connected.report("1.1")
        task = world.task(firmware, [device])
        world.wait_state(task, "success")
        assert not connected.messages("/firmware/upgrade")


def test_one_at_a_time_in_version_order(world):
    product = world.product()
    device = world.device(product)
    high, low = world.foreign_firmware(product, "1.2", 3), world.foreign_firmware(product, "1.1", 2)
    later, sooner = world.task(high, [device]), world.task(low, [device])
    with world.connected(product, device) as connected:
        assert connected.wait_push()["version"] == "1.1"
        stays(lambda: not connected.messages("/firmware/upgrade"), 0.4)
        assert world.state(later) == "waiting"
        connected.succeed("1.1")
        assert connected.wait_push()["version"] == "1.2"
        assert world.state(sooner) == "success"


def test_T21_success_is_final(world):
    product, (device,), firmware, task = world.ready_push()
    with world.connected(product, device) as connected:
        push = connected.wait_push()
        connected.succeed("1.1")
        done = world.record(task)
        connected.progress(60, "1.1", firmwareId=firmware["id"])
        connected.fail("1.1", "late", firmwareId=firmware["id"])
        connected.reply(push["messageId"], success=False)
        assert world.record(task) == done


def test_duplicate_reports_change_nothing(world):
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        connected.wait_push()
        for _ in range(3):
            connected.fail("1.1", "broken")
    assert world.detail(task)["failed"] == 1 == world.detail(task)["total"]


def test_after_success_by_progress_the_version_is_read_once(world):
    product, (device,), _, _ = world.ready_push()
    with world.connected(product, device) as connected:
        connected.wait_push()
        connected.succeed("1.1")
        _, read = connected.wait_message(
            "/firmware/read", lambda body: body["messageType"] == "READ_FIRMWARE"
        )
        assert read["replyType"] == "READ_FIRMWARE_REPLY"


def test_an_unknown_version_is_read_after_connecting(world):
    product = world.product()
    device = world.device(product)
    with world.connected(product, device) as connected:
        topic, read = connected.wait_message("/firmware/read")
        assert topic == f"/{product}/{device}/firmware/read" and read["deviceId"] == device
        connected.publish(
            "/firmware/read/reply",
            {
                "messageId": read["messageId"],
                "success": True,
                "version": "0.7",
                "properties": {"hw": 2},
            },
        )
    assert world.firmware_version(device) == "0.7"


# -- 5.3 pull ------------------------------------------------------------------------------------------
@pytest.fixture
def ladder(world):
    """(product, device, {version: task}): 1.1, 1.2, 1.3 of orders 2, 3, 5 as pull tasks; 1.0 is order 1."""
    product = world.product()
    device = world.device(product)
    world.foreign_firmware(product, "1.0", 1)
    tasks = {
        version: world.task(world.foreign_firmware(product, version, order), [device], mode="pull")
        for version, order in (("1.1", 2), ("1.2", 3), ("1.3", 5))
    }
    return product, device, tasks


def test_5_3_sequential(world, ladder):
    product, device, tasks = ladder
    with world.connected(product, device) as connected:
        current = "1.0"
        for number, version in enumerate(("1.1", "1.2", "1.3"), 1):
            reply = connected.pull(str(number), currentVersion=current)
            assert (reply["success"], reply["version"]) == (True, version)
            assert world.state(tasks[version]) == "processing"
            connected.succeed(version)
            assert world.state(tasks[version]) == "success"
            current = version
        nothing = connected.pull("4", currentVersion="1.3")
    assert (
        nothing["success"] is False
        and nothing["code"] == "NO_FIRMWARE"
        and nothing["messageId"] == "4"
    )
    assert nothing["message"] == "没有可用的固件更新" and nothing["messageType"] == "REQUEST_FIRMWARE_REPLY"
    assert not {"url", "version", "size"} & nothing.keys()


def test_5_3_latest(world, ladder):
    product, device, tasks = ladder
    with world.connected(product, device) as connected:
        assert connected.pull("1", latest=True, currentVersion="1.0")["version"] == "1.3"
        connected.succeed("1.3")
        for version in ("1.1", "1.2"):
            record = world.wait_state(tasks[version], "canceled")
            assert record["errorReason"] == "设备已升级到更高版本"
        assert connected.pull("2")["code"] == "NO_FIRMWARE"


def test_5_3_named(world, ladder):
    product, device, tasks = ladder
    with world.connected(product, device) as connected:
        reply = connected.pull("1", latest=True, requestVersion="1.2")
    assert reply["version"] == "1.2" and world.state(tasks["1.3"]) == "waiting"


def test_4_4_the_pull_reply(world):
    product = world.product()
    device = world.device(product)
    firmware = world.firmware(product)
    world.task(firmware, [device], mode="pull")
    with world.connected(product, device) as connected:
        reply = connected.pull("7")
        assert hashlib.md5(download(reply["url"])).hexdigest() == reply["sign"]
    expected = {
        "success": True,
        "messageType": "REQUEST_FIRMWARE_REPLY",
        "messageId": "7",
        "deviceId": device,
        "url": firmware["url"],
        "version": "1.1",
        "parameters": {"slot": "B"},
        "sign": firmware["sign"],
        "signMethod": "md5",
        "firmwareId": firmware["id"],
        "size": 14,
    }
    assert expected.items() <= reply.items() and reply["timestamp"] > 0


def test_a_pull_without_message_id_is_answered_without_one(world, ladder):
    product, device, _ = ladder
    with world.connected(product, device) as connected:
        connected.publish("/firmware/pull", {"currentVersion": "1.0"})
        _, reply = connected.wait_message("/firmware/pull/reply")
        assert "messageId" not in reply and reply["version"] == "1.1"


def test_a_repeated_pull_gets_the_same_and_does_not_restart_the_timer(world, ladder):
    product, device, tasks = ladder
    with world.connected(product, device) as connected:
        assert connected.pull("1", currentVersion="1.0")["version"] == "1.1"
        first = world.record(tasks["1.1"])
        assert connected.pull("2", currentVersion="1.0")["version"] == "1.1"
        assert (
            connected.pull("3", latest=True, currentVersion="1.0")["version"] == "1.1"
        )  # one at a time
        assert world.record(tasks["1.1"])["upgradeTime"] == first["upgradeTime"]


def test_a_named_other_version_replaces_the_running_one(world, ladder):
    product, device, tasks = ladder
    with world.connected(product, device) as connected:
        connected.pull("1", currentVersion="1.0")
        assert connected.pull("2", requestVersion="1.2")["version"] == "1.2"
    assert world.record(tasks["1.1"])["errorReason"] == "设备请求了其他版本"
    assert world.state(tasks["1.2"]) == "processing"


def test_orders_up_to_the_current_one_are_not_offered(world, ladder):
    product, device, _ = ladder
    with world.connected(product, device) as connected:
        assert connected.pull("1", currentVersion="1.2")["version"] == "1.3"


def test_force_offers_a_failed_record_again(world):
    product = world.product()
    device = world.device(product)
    task = world.task(world.foreign_firmware(product), [device], mode="pull")
    with world.connected(product, device) as connected:
        connected.pull("1")
        connected.fail("1.1", "broken")
        assert connected.pull("2")["code"] == "NO_FIRMWARE"
        assert connected.pull("3", force=True)["version"] == "1.1"
        assert world.state(task) == "processing"


def test_A4_a_named_pull_takes_a_push_record_which_is_then_not_pushed(world):
    product = world.product()
    device = world.device(product)
    running = world.task(world.foreign_firmware(product, "1.1", 2), [device])
    waiting = world.task(world.foreign_firmware(product, "1.2", 3), [device])
    with world.connected(product, device) as connected:
        connected.wait_push()
        assert connected.pull("1", requestVersion="1.2")["version"] == "1.2"
        assert (world.state(running), world.state(waiting)) == ("failed", "processing")
        stays(lambda: not connected.messages("/firmware/upgrade"), 0.4)


def test_5_and_A24_a_pull_task_sends_nothing_by_itself(world):
    product = world.product()
    device = world.device(product)
    with world.connected(product, device) as connected:
        task = world.task(world.foreign_firmware(product), [device], mode="pull")
        stays(
            lambda: not connected.messages("/firmware/upgrade") and world.state(task) == "waiting",
            0.5,
        )


def test_silence_when_nothing_is_there_is_a_switch_of_the_product(world):
    product = world.product(
        configuration={"secureId": "test", "secureKey": "test", "silentWhenNoFirmware": "true"}
    )
    device = world.device(product)
    with world.connected(product, device) as connected:
        connected.publish("/firmware/pull", {"messageId": "1"})
        stays(lambda: not connected.messages("/firmware/pull/reply"), 0.3)


# -- 5.4 failure and retry -----------------------------------------------------------------------------
def test_5_4_retry_of_a_push(world):
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        first = connected.wait_push()
        connected.progress(60, "1.1")
        connected.fail("1.1", "校验失败")
        record = world.record(task)
        assert (record["state"]["value"], record["errorReason"], record["progress"]) == (
            "failed",
            "校验失败",
            60,
        )
        assert world.api.count(RECORD, ("taskId", task["id"]), ("state", "failed")) == 1
        assert world.api.post(f"{TASK}/{task['id']}/_start", ["failed"]) == 1
        second = connected.wait_push()
        assert second["messageId"] != first["messageId"]
        record = world.wait_state(task, "processing")
        assert "errorReason" not in record and record["progress"] == 0
        connected.fail("1.1", "again")
        assert world.api.post(f"{TASK}/_start", [world.record(task)["id"]]) == 1
        connected.wait_push()
        connected.succeed("1.1")
    assert world.state(task) == "success"


def test_5_4_retry_of_a_pull_waits_for_the_next_pull(world):
    product = world.product()
    device = world.device(product)
    task = world.task(world.foreign_firmware(product), [device], mode="pull")
    with world.connected(product, device) as connected:
        connected.pull("1")
        connected.fail("1.1", "broken")
        world.api.post(f"{TASK}/{task['id']}/_start", ["failed"])
        stays(lambda: world.state(task) == "waiting", 0.3)
        assert connected.pull("2")["version"] == "1.1"


# -- 5.5 stop and continue -----------------------------------------------------------------------------
def test_5_5_stop_and_continue(world):
    product, (one, two), _, task = world.ready_push(2)
    with world.connected(product, one) as running:
        running.wait_push()
        assert world.api.post(f"{TASK}/{task['id']}/_stop", {}) == 1
        assert world.detail(task)["state"]["value"] == "canceled"
        running.succeed("1.1")
        assert world.state(task, one) == "success"
        with world.connected(product, two) as stopped:
            stays(lambda: not stopped.messages("/firmware/upgrade"), 0.6)
            assert world.api.post(f"{TASK}/{task['id']}/_start", ["canceled"]) == 1
            stopped.wait_push(seconds=2)
            record = world.wait_state(task, "processing", two)
            world.api.post(f"{TASK}/_stop", [record["id"]])
            assert world.state(task, two) == "canceled"  # T16b: named by id
            stopped.succeed("1.1")
            assert world.state(task, two) == "success"  # T20


# -- 5.6 timeouts --------------------------------------------------------------------------------------
def test_5_6_response_timeout_and_a_late_sign_of_life(world):
    product, (device,), firmware, task = world.ready_push(response=1, timeout=600)
    with world.connected(product, device) as connected:
        connected.wait_push()
        record = world.wait_state(task, "failed", seconds=4)
        assert record["errorReason"] == "响应超时"
        assert 900 <= record["completeTime"] - record["upgradeTime"] <= 2100  # at most 1 s late
        connected.progress(20, "1.1", firmwareId=firmware["id"])
        revived = world.record(task)
        assert revived["state"]["value"] == "processing" and "errorReason" not in revived  # T19
        connected.succeed("1.1")
    assert world.state(task) == "success"


def test_5_6_upgrade_timeout_and_a_late_report(world):
    product, (device,), _, task = world.ready_push(response=2, timeout=2)
    with world.connected(product, device) as connected:
        connected.reply(connected.wait_push()["messageId"])
        connected.progress(10, "1.1")
        record = world.wait_state(task, "failed", seconds=5)
        assert record["errorReason"] == "升级超时" and record["progress"] == 10
        assert 1900 <= record["completeTime"] - record["upgradeTime"] <= 3100
        connected.report("1.1")
    assert world.state(task) == "success"  # T20


def test_any_progress_counts_as_the_answer(world):
    product, (device,), _, task = world.ready_push(response=1, timeout=600)
    with world.connected(product, device) as connected:
        connected.wait_push()
        connected.progress(1, "1.1")
        stays(lambda: world.state(task) == "processing", 2.2, every=0.2)


def test_5_6_pull_has_only_the_upgrade_timeout(world):
    product = world.product()
    device = world.device(product)
    task = world.task(world.foreign_firmware(product), [device], mode="pull", timeout=1)
    with world.connected(product, device) as connected:
        connected.pull("1")
        assert world.wait_state(task, "failed", seconds=4)["errorReason"] == "升级超时"


def test_no_timer_runs_while_a_device_is_offline(world):
    _, _, _, task = world.ready_push(response=1, timeout=1)
    stays(lambda: world.state(task) == "waiting", 2.5, every=0.25)


# -- 5.7 gateways --------------------------------------------------------------------------------------
@pytest.fixture
def family(world):
    """(gateway's product, gateway, child's product, child)."""
    gateways, children = world.product(deviceType="gateway"), world.product(
        deviceType="childrenDevice"
    )
    gateway = world.device(gateways)
    return gateways, gateway, children, world.device(children, parentId=gateway)


@pytest.mark.parametrize("answer", ["child", "child-reply"])
def test_5_7_push_to_a_child(world, family, answer):
    gateways, gateway, children, child = family
    task = world.task(world.foreign_firmware(children), [child])
    with world.connected(gateways, gateway) as connected:
        topic, push = connected.wait_message("/firmware/upgrade")
        assert (
            topic == f"/{gateways}/{gateway}/child/{child}/firmware/upgrade"
            and push["deviceId"] == child
        )
        base = f"/{answer}/{child}/firmware/upgrade"
        connected.publish(base + "/reply", {"messageId": push["messageId"], "success": True})
        connected.publish(
            base + "/progress",
            {"progress": 100, "complete": True, "success": True, "version": "1.1"},
        )
        assert world.state(task) == "success"
        assert world.firmware_version(child) == "1.1" and world.firmware_version(gateway) is None


def test_5_7_pull_of_a_child_is_answered_under_child(world, family):
    gateways, gateway, children, child = family
    task = world.task(world.foreign_firmware(children), [child], mode="pull")
    with world.connected(gateways, gateway) as connected:
        connected.publish(
            f"/child/{child}/firmware/pull", {"messageId": "3", "currentVersion": "1.0"}
        )
        topic, reply = connected.wait_message("/firmware/pull/reply")
        assert topic == f"/{gateways}/{gateway}/child/{child}/firmware/pull/reply"
        assert (reply["messageId"], reply["version"], reply["deviceId"]) == ("3", "1.1", child)
    assert world.state(task) == "processing"


def test_a_child_is_online_while_its_gateway_is_or_says_so(world, family):
    gateways, gateway, _, child = family
    with world.connected(gateways, gateway) as connected:
        connected.publish(f"/child/{child}/online", {})
        eventually(lambda: world.device_state(child) == "online")
        connected.publish(f"/child/{child}/offline", {})
        eventually(lambda: world.device_state(child) == "offline")
        connected.publish(f"/child/{child}/online", {})
        eventually(lambda: world.device_state(child) == "online")
    eventually(lambda: world.device_state(child) == "offline")


# -- ownership -----------------------------------------------------------------------------------------
def test_gap_7_a_device_cannot_speak_for_another(world):
    product, (victim, thief), _, task = world.ready_push(2)
    with world.connected(product, victim) as connected:
        connected.wait_push()
        eventually(lambda: world.device_state(victim) == "online")  # written a moment after
        before = world.record(task, victim)
        with world.connected(product, thief) as other:
            for body in (
                {"progress": 100, "complete": True, "success": True, "version": "1.1"},
                {"progress": 77, "version": "1.1"},
            ):
                other.publish("", body, topic=f"/{product}/{victim}/firmware/upgrade/progress")
            other.publish("", {"version": "6.6"}, topic=f"/{product}/{victim}/firmware/report")
            other.publish("", {"messageId": "1"}, topic=f"/{product}/{victim}/firmware/pull")
            other.publish(f"/child/{victim}/firmware/report", {"version": "6.6"})
            other.publish("", {}, topic=f"/{product}/{victim}/offline")
        assert world.record(task, victim) == before
        assert world.firmware_version(victim) is None and world.device_state(victim) == "online"
        assert not connected.messages("/firmware/pull/reply")


# -- many ----------------------------------------------------------------------------------------------
def test_a_wave_of_devices(world):
    product = world.product()
    devices = world.devices(product, 20)
    task = world.task(world.foreign_firmware(product), devices)
    fleet = [world.connected(product, device) for device in devices]
    try:
        for each in fleet:
            assert each.connect() == 0
        for each in fleet:
            each.wait_push(seconds=10)
            each.succeed("1.1")
    finally:
        for each in fleet:
            each.disconnect()
    detail = world.detail(task)
    assert (detail["success"], detail["progress"]) == (20, 100)


def test_rate_of_a_task(world):
    product = world.product()
    devices = world.devices(product, 6)
    fleet = [world.connected(product, device) for device in devices]
    try:
        for each in fleet:
            assert each.connect() == 0
        world.task(world.foreign_firmware(product), devices, rate=2)
        start = time.monotonic()
        for each in fleet:
            each.wait_push(seconds=10)
        assert time.monotonic() - start > 1.0  # 6 at 2 a second: not all at once
    finally:
        for each in fleet:
            each.disconnect()


def test_force_flashes_a_version_that_is_there(world):
    product = world.product()
    device = world.device(product)
    firmware = world.foreign_firmware(product)
    with world.connected(product, device) as connected:
        connected.report("1.1")
        task = world.task(firmware, [device], force=True)
        push = connected.wait_push()
        assert push["headers"]["force"] is True
        connected.report("1.1")
        assert world.state(task) == "processing"  # T14 is not for forced records
        connected.succeed("1.1")
    assert world.state(task) == "success"
