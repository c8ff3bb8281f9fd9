"""Upgrade tasks and records: rows 26 to 52 of the checklist, spec 2.10, 2.11 and 3.3.

Rows without an API side: 30 (button; see test_permissions), 32 (buttons of our own console), 40 (hidden
members of the form; every create sends them)."""
import json

import pytest

from support.api import has_chinese
from support.builders import FIRMWARE, RECORD, TASK
from support.waiting import eventually, stays

STATES = ("waiting", "processing", "success", "failed", "canceled")


def counts(detail):
    return {state: detail[state] for state in STATES}


def only(**some):
    return {**dict.fromkeys(STATES, 0), **some}


@pytest.fixture
def mixed(world):
    """(product, {state: device}, firmware, task): one record in each state, the device of `processing`
    stays connected."""
    product = world.product()
    devices = {state: world.device(product, name=f"{state} one") for state in STATES}
    firmware = world.foreign_firmware(product)
    task = world.task(firmware, list(devices.values()))
    api = world.api
    canceled = world.record(task, devices["canceled"])
    api.post(f"{TASK}/_stop", [canceled["id"]])
    with world.connected(product, devices["success"]) as device:
        device.wait_push()
        device.succeed("1.1")
    with world.connected(product, devices["failed"]) as device:
        device.wait_push()
        device.progress(60, "1.1")
        device.fail("1.1", "校验失败")
    with world.connected(product, devices["processing"]) as device:
        device.wait_push()
        device.progress(40, "1.1")
        yield product, devices, firmware, task


# -- creation (1.5) ------------------------------------------------------------------------------------
def test_rows_26_to_28_what_a_task_shows(api, world, mixed):
    product, devices, firmware, task = mixed
    detail = world.detail(task)
    assert detail["mode"] == {"value": "push", "text": "平台推送"}
    assert (detail["responseTimeoutSeconds"], detail["timeoutSeconds"], detail["releaseType"]) == (
        30,
        600,
        "part",
    )
    assert set(detail["deviceId"]) == set(devices.values())
    assert (detail["productId"], detail["firmwareId"], detail["description"]) == (
        product,
        firmware["id"],
        "",
    )
    assert counts(detail) == only(waiting=1, processing=1, success=1, failed=1, canceled=1)
    assert (detail["total"], detail["progress"]) == (5, 20)
    assert detail["state"] == {"value": "processing", "text": "升级中"}


def test_a_preview_is_what_the_task_becomes(api, world, mixed):
    product, devices, firmware, task = mixed
    idle = world.device(product, deploy=False)
    body = world.task_body(firmware, list(devices.values()) + [idle, "nobody"])
    del body["name"]

    preview = api.post(f"{TASK}/_preview", body)

    assert preview == {
        "total": 6,
        "online": 1,
        "offline": 4,
        "notActive": 1,
        "alreadyCurrent": 1,
        "busy": 2,
        "unknownCount": 1,
        "unknown": ["nobody"],
    }
    everybody = world.task_body(firmware)
    total = api.post(f"{TASK}/_preview", everybody)["total"]
    assert api.post(TASK, everybody)["total"] == total == 6
    api.refused("POST", f"{TASK}/_preview", {**body, "firmwareId": "none"})
    api.refused("POST", f"{TASK}/_preview", {**body, "deviceId": []}, zh="请选择设备")


def test_row_29_newest_first_by_firmware(api, world):
    product = world.product()
    world.device(product)
    firmware = world.foreign_firmware(product)
    made = [world.task(firmware)["id"] for _ in range(3)]
    query = {
        "sorts": [{"name": "createTime", "order": "desc"}, {"name": "id", "order": "desc"}],
        "terms": [{"column": "firmwareId", "value": firmware["id"]}],
    }
    assert [row["id"] for row in api.post(f"{TASK}/detail/_query/no-paging", query)] == made[::-1]
    assert [
        row["id"] for row in api.post(f"{TASK}/detail/_query", {**query, "pageSize": 2})["data"]
    ] == made[::-1][:2]


@pytest.mark.parametrize(
    "member, value, zh",
    [
        ("name", "", ""),
        ("name", "x" * 65, "64"),
        ("mode", None, ""),
        ("mode", "shove", ""),
        ("responseTimeoutSeconds", None, ""),
        ("responseTimeoutSeconds", 0, "99999"),
        ("responseTimeoutSeconds", 100000, "99999"),
        ("timeoutSeconds", None, ""),
        ("timeoutSeconds", 0, "99999"),
        ("timeoutSeconds", 100000, "99999"),
        ("timeoutSeconds", "soon", ""),
        ("description", "x" * 201, "200"),
        ("firmwareId", "nobody", ""),
        ("firmwareId", None, ""),
    ],
)
def test_rows_33_to_39_rules_of_the_form(api, world, member, value, zh):
    product = world.product()
    device = world.device(product)
    body = world.task_body(world.foreign_firmware(product), [device])
    body[member] = value
    sent = {name: each for name, each in body.items() if each is not None}
    if value == "nobody":
        assert api.call("POST", TASK, sent).status in (400, 404)
    else:
        assert zh in api.refused("POST", TASK, sent)["message"]
    assert api.count(TASK, ("productId", product)) == 0


def test_row_35_pull_needs_no_response_timeout(world):
    product = world.product()
    device = world.device(product)
    task = world.task(world.foreign_firmware(product), [device], mode="pull")
    detail = world.detail(task)
    assert "responseTimeoutSeconds" not in detail and detail["mode"] == {
        "value": "pull",
        "text": "设备拉取",
    }


@pytest.mark.parametrize("mode", [{"value": "push", "text": "平台推送"}, {"text": "平台推送"}])
def test_enums_may_come_as_objects(world, mode):
    product = world.product()
    device = world.device(product)
    body = {**world.task_body(world.foreign_firmware(product), [device]), "mode": mode}
    assert world.api.post(TASK, body)["mode"]["value"] == "push"


def test_row_37_all_takes_every_device_of_the_product_and_nothing_of_others(api, world):
    product = world.product()
    disabled = world.device(product, deploy=False)
    offline = world.device(product)
    world.device(world.product())
    task = world.task(world.foreign_firmware(product))
    assert sorted(row["deviceId"] for row in world.records(task)) == sorted([disabled, offline])
    detail = world.detail(task)
    assert detail["releaseType"] == "all" and "deviceId" not in detail and "terms" not in detail


def test_row_42_all_is_a_snapshot(world):
    product = world.product()
    world.device(product)
    task = world.task(world.foreign_firmware(product))
    world.device(product)
    stays(lambda: world.detail(task)["total"] == 1 == len(world.records(task)))


def test_row_38_terms_of_chosen_devices(world):
    product = world.product()
    one, two, _ = world.devices(product, 3)
    terms = [{"column": "id", "termType": "in", "value": [one, two]}]
    task = world.task(world.foreign_firmware(product), terms=terms)
    assert sorted(row["deviceId"] for row in world.records(task)) == sorted([one, two])
    detail = world.detail(task)
    assert detail["terms"] == terms and sorted(detail["deviceId"]) == sorted([one, two])


def test_row_38_terms_of_a_search_stay_in_the_product(world):
    product, other = world.product(), world.product()
    gate = world.device(product, name="north gate")
    world.device(product, name="pump")
    world.device(other, name="south gate")
    terms = [
        {
            "terms": [
                {"type": "or", "column": "name", "termType": "like", "value": "%gate%"},
                {"type": "or", "column": "name", "termType": "eq", "value": "nobody"},
            ]
        }
    ]
    task = world.task(world.foreign_firmware(product), terms=terms)
    assert [row["deviceId"] for row in world.records(task)] == [gate]


def test_row_38_terms_by_reported_version(world):
    product = world.product()
    old, _ = world.devices(product, 2)
    with world.connected(product, old) as device:
        device.report("0.9")
    task = world.task(
        world.foreign_firmware(product),
        terms=[{"column": "id$dev-firmware", "value": [{"column": "version", "value": "0.9"}]}],
    )
    assert [row["deviceId"] for row in world.records(task)] == [old]


def test_empty_terms_are_all_devices_of_the_product(world):
    product = world.product()
    world.devices(product, 2)
    task = world.task(world.foreign_firmware(product), terms=[])
    assert world.detail(task)["total"] == 2


def test_device_ids_and_terms_intersect(world):
    product = world.product()
    one, two, three = world.devices(product, 3)
    task = world.task(
        world.foreign_firmware(product),
        [one, two],
        terms=[{"column": "id", "termType": "in", "value": [two, three]}],
    )
    assert [row["deviceId"] for row in world.records(task)] == [two]


def refused_selection(world, zh="", **selection):
    product = world.product()
    world.device(product, name="only")
    firmware = world.foreign_firmware(product)
    body = {**world.task_body(firmware, []), "releaseType": "part"}
    del body["deviceId"]
    world.api.refused(
        "POST",
        TASK,
        {
            **body,
            **{
                name: value(product) if callable(value) else value
                for name, value in selection.items()
            },
        },
        zh=zh or None,
    )
    assert world.api.count(TASK, ("firmwareId", firmware["id"])) == 0


def test_row_41_an_empty_selection_is_refused(world):
    refused_selection(world, "请选择设备")
    refused_selection(world, "请选择设备", deviceId=[])
    refused_selection(world, "请选择设备", terms=[{"column": "name", "value": "nobody"}])
    refused_selection(world, "请选择设备", terms=[{"column": "name", "termType": "in", "value": []}])


def test_row_41_a_product_without_devices_is_refused(world):
    firmware = world.foreign_firmware(world.product())
    world.api.refused("POST", TASK, world.task_body(firmware), zh="设备")


def test_row_41_a_device_of_another_product_is_refused(world):
    stranger = world.device(world.product())
    refused_selection(world, deviceId=[stranger])
    refused_selection(world, deviceId=["nobody-at-all"])


@pytest.mark.parametrize(
    "term",
    [
        {"column": "noSuchColumn", "value": "x"},
        {"column": "name", "termType": "noSuchType", "value": "x"},
        {"column": "id$no-such-custom", "value": "x"},
        {"terms": [{"column": "alsoNot", "value": 1}]},
    ],
)
def test_unknown_terms_are_refused_where_they_choose_devices(world, term):
    refused_selection(world, terms=[term])


def test_row_43_creating_publishes_at_once(world):
    product = world.product()
    device = world.device(product)
    with world.connected(product, device) as connected:
        world.api.post(TASK, world.task_body(world.foreign_firmware(product), [device]))
        connected.wait_push()


# A task "for tomorrow" must not start today because nobody read its startTime (spec 2.10).
@pytest.mark.parametrize(("name", "value"), [("startTime", 4102444800000), ("retryLimit", 3), ("dynamic", True)])
def test_an_extension_that_is_not_there_is_refused(world, name, value):
    product = world.product()
    world.device(product)
    body = {**world.task_body(world.foreign_firmware(product)), name: value}
    world.api.refused("POST", TASK, body, zh=name, en="not supported")


def test_trailing_slash_of_create(world):
    product = world.product()
    device = world.device(product)
    assert world.api.post(TASK + "/", world.task_body(world.foreign_firmware(product), [device]))[
        "id"
    ]


def test_task_of_a_firmware_of_another_product_is_refused(world):
    product, other = world.product(), world.product()
    device = world.device(other)
    body = {**world.task_body(world.foreign_firmware(product), [device]), "productId": other}
    assert world.api.call("POST", TASK, body).status == 400


def test_a_large_task_answers_with_its_total_at_once(api, world):
    product = world.product()
    rows = [{"id": f"{product}-{n}", "name": f"n{n}", "productId": product} for n in range(3000)]
    for start in range(0, len(rows), 1000):
        api.post("/device-instance/_batch", rows[start : start + 1000])
    task = api.post(TASK, world.task_body(world.foreign_firmware(product)))
    assert world.detail(task)["total"] == 3000 == world.detail(task)["waiting"]
    eventually(lambda: api.count(RECORD, ("taskId", task["id"])) == 3000, 10)
    assert api.post(f"{TASK}/{task['id']}/_stop", {}) == 3000
    assert counts(world.detail(task)) == only(canceled=3000)


# -- records (1.6) -------------------------------------------------------------------------------------
def test_row_44_five_counters(api, world, mixed):
    _, _, _, task = mixed
    for state in STATES:
        body = {
            "terms": [
                {"column": "taskId", "value": task["id"]},
                {"column": "state", "value": state},
            ]
        }
        assert api.post(f"{RECORD}/_count", body) == 1, state


def test_row_46_what_a_record_shows(world, mixed):
    product, devices, firmware, task = mixed
    failed = world.record(task, devices["failed"])
    assert (
        failed["state"] == {"value": "failed", "text": "升级失败"} and failed["errorReason"] == "校验失败"
    )
    assert failed["completeTime"] >= failed["upgradeTime"] >= failed["createTime"]
    assert (failed["deviceName"], failed["productId"], failed["taskName"]) == (
        "failed one",
        product,
        task["name"],
    )
    assert (
        failed["version"],
        failed["versionOrder"],
        failed["progress"],
        failed["mode"]["value"],
    ) == ("1.1", 2, 60, "push")
    assert failed["firmwareId"] == firmware["id"]
    waiting = world.record(task, devices["waiting"])
    assert (
        "completeTime" not in waiting and "upgradeTime" not in waiting and waiting["progress"] == 0
    )
    running = world.record(task, devices["processing"])
    assert running["progress"] == 40 and "upgradeTime" in running and "completeTime" not in running
    done = world.record(task, devices["success"])
    assert done["progress"] == 100 and "errorReason" not in done


def test_row_50_state_texts(world, mixed):
    _, devices, _, task = mixed
    texts = {row["state"]["value"]: row["state"]["text"] for row in world.records(task)}
    assert texts == {
        "waiting": "等待升级",
        "processing": "升级中",
        "success": "升级完成",
        "failed": "升级失败",
        "canceled": "已停止",
    }
    english = world.api.clone(language="en").rows(RECORD, ("taskId", task["id"]))
    assert not any(has_chinese(row["state"]["text"] + row["mode"]["text"]) for row in english)


def test_row_51_record_details_carry_permission_flags(world, mixed):
    _, _, _, task = mixed
    query = {"paging": False, "terms": [{"column": "taskId", "value": task["id"]}]}
    for path in (f"{RECORD}/detail/_query/no-paging",):
        rows = world.api.post(path, query)
        assert len(rows) == 5 and all(
            row["hasEditPermission"] is True and row["hasDeletePermission"] is True for row in rows
        )
    assert world.api.post(f"{RECORD}/detail/_query", query)["total"] == 5
    viewer = world.person({"device/Firmware": ["view"]})
    rows = viewer.post(f"{RECORD}/detail/_query/no-paging", query)
    assert all(
        row["hasEditPermission"] is False and row["hasDeletePermission"] is False for row in rows
    )


def test_sorts_and_filters_of_records(api, world, mixed):
    _, devices, firmware, task = mixed
    for name in ("createTime", "upgradeTime", "id"):
        assert len(api.rows(RECORD, ("taskId", task["id"]), sorts=[(name, "desc")])) == 5
    times = [
        row["upgradeTime"]
        for row in api.rows(
            RECORD,
            ("taskId", task["id"]),
            ("upgradeTime", "notnull", 1),
            sorts=[("upgradeTime", "desc")],
        )
    ]
    assert times == sorted(times, reverse=True) and len(times) == 3

    def found(*terms):
        return {row["state"]["value"] for row in api.rows(RECORD, ("taskId", task["id"]), *terms)}

    assert found(("deviceName", "like", "%failed%")) == {"failed"}
    assert found(("progress", "gte", 60)) == {"failed", "success"}
    assert found(("completeTime", "notnull", 1)) == {"failed", "success"}
    assert found(("firmwareId", firmware["id"])) == set(STATES)
    assert found(("deviceId", devices["waiting"])) == {"waiting"}
    assert found(("state", "in", ["failed", "canceled"])) == {"failed", "canceled"}


# -- stop, continue, retry -----------------------------------------------------------------------------
def test_row_47_stop_touches_waiting_records_only(world, mixed):
    _, devices, _, task = mixed
    assert world.api.post(f"{TASK}/{task['id']}/_stop") == 1
    assert counts(world.detail(task)) == only(processing=1, success=1, failed=1, canceled=2)
    assert "completeTime" not in world.record(task, devices["waiting"])


@pytest.mark.parametrize("body", [None, {}, ["waiting"], [{"value": "waiting", "text": "等待升级"}]])
def test_vector_stop_with_any_default_body(world, body):
    _, _, _, task = world.ready_push(2)
    assert world.api.post(f"{TASK}/{task['id']}/_stop", body) == 2
    assert counts(world.detail(task)) == only(canceled=2)


def test_rule_T16b_stop_of_processing_when_named(world, mixed):
    _, devices, _, task = mixed
    assert world.api.post(f"{TASK}/{task['id']}/_stop", ["processing"]) == 1
    assert (
        world.state(task, devices["processing"]) == "canceled"
        and world.state(task, devices["waiting"]) == "waiting"
    )


def test_row_48_continue_is_the_default_start(world, mixed):
    _, devices, _, task = mixed
    assert world.api.post(f"{TASK}/{task['id']}/_start", {}) == 1
    assert counts(world.detail(task)) == only(waiting=2, processing=1, success=1, failed=1)
    assert world.state(task, devices["canceled"]) == "waiting"


def test_row_45_retry_takes_failed_records(world, mixed):
    _, devices, _, task = mixed
    assert world.api.post(f"{TASK}/{task['id']}/_start", ["failed"]) == 1
    record = world.record(task, devices["failed"])
    assert record["state"]["value"] == "waiting" and record["progress"] == 0
    assert not {"errorReason", "completeTime", "upgradeTime"} & record.keys()


def test_row_49_start_all(world, mixed):
    _, _, _, task = mixed
    assert world.api.post(f"{TASK}/{task['id']}/_start", ["canceled", "failed"]) == 2
    assert counts(world.detail(task)) == only(waiting=3, processing=1, success=1)


def test_row_51_single_records(world, mixed):
    _, devices, _, task = mixed
    api = world.api
    ids = {state: world.record(task, device)["id"] for state, device in devices.items()}
    assert api.post(f"{TASK}/_stop", [ids["waiting"]]) == 1
    assert (
        api.post(
            f"{TASK}/_start", [ids["waiting"], ids["failed"], ids["success"], ids["processing"]]
        )
        == 2
    )
    assert counts(world.detail(task)) == only(waiting=2, processing=1, success=1, canceled=1)
    assert world.record(task, devices["success"])["progress"] == 100


def test_T18_success_is_never_restarted(world, mixed):
    _, devices, _, task = mixed
    assert world.api.post(f"{TASK}/{task['id']}/_start", ["success", "processing", "waiting"]) == 0
    assert world.state(task, devices["success"]) == "success"


def test_unknown_states_and_records_are_refused(api, world):
    _, _, _, task = world.ready_push()
    assert api.call("POST", f"{TASK}/{task['id']}/_start", ["flying"]).status == 400
    assert api.call("POST", f"{TASK}/1/_stop", {}).status == 404
    assert api.call("POST", f"{TASK}/1/_start", ["failed"]).status == 404


# -- derived state (3.3) -------------------------------------------------------------------------------
def test_row_31_and_derived_states(world):
    product, (one, two), _, task = world.ready_push(2)
    api = world.api

    def state():
        return world.detail(task)["state"]["value"], world.detail(task)["state"]["text"]

    assert state() == ("processing", "升级中")
    api.post(f"{TASK}/{task['id']}/_stop")
    assert state() == ("canceled", "已停止")
    api.post(f"{TASK}/_start", [world.record(task, one)["id"]])
    assert state() == ("processing", "升级中")  # waiting and canceled: waiting wins
    with world.connected(product, one) as device:
        device.wait_push()
        assert state() == ("canceled", "已停止")  # processing and canceled: canceled wins
        device.fail("1.1", "x")
    api.post(f"{TASK}/{task['id']}/_start")
    with world.connected(product, two) as device:
        device.wait_push()
        assert state() == ("processing", "升级中")
        device.succeed("1.1")
    assert state() == ("failed", "升级失败")
    api.post(f"{TASK}/{task['id']}/_start", ["failed"])
    with world.connected(product, one) as device:
        device.wait_push()
        device.succeed("1.1")
    assert state() == ("success", "升级完成")
    assert world.detail(task)["progress"] == 100


def test_filter_of_tasks_by_state(world):
    product = world.product()
    firmware = world.foreign_firmware(product)
    device = world.device(product)
    waiting = world.task(firmware, [device])
    stopped = world.task(firmware, [device])
    world.api.post(f"{TASK}/{stopped['id']}/_stop")

    def found(value):
        query = {
            "terms": [
                {"column": "firmwareId", "value": firmware["id"]},
                {"column": "state", "value": value},
            ]
        }
        return {row["id"] for row in world.api.post(f"{TASK}/detail/_query/no-paging", query)}

    assert found("waiting") == {waiting["id"]} == found("processing")
    assert found("canceled") == {stopped["id"]}
    assert found("failed") == found("success") == found("successful") == set()
    with world.connected(product, device) as connected:
        connected.wait_push()
        assert found("waiting") == set() and found("processing") == {waiting["id"]}
        connected.succeed("1.1")
    assert found("success") == found("successful") == {waiting["id"]}


def test_vector_progress_199_of_200(api, world):
    """199 children of a gateway report the target version (T14); one does not."""
    gateways, children = world.product(deviceType="gateway"), world.product(
        deviceType="childrenDevice"
    )
    gateway = world.device(gateways)
    ids = [f"{children}-{number:03}" for number in range(200)]
    api.post(
        "/device-instance/_batch",
        [{"id": each, "name": each, "productId": children, "parentId": gateway} for each in ids],
    )
    assert api.put("/device-instance/batch/_deploy", ids) == 200
    task = world.task(world.foreign_firmware(children), mode="pull")
    with world.connected(gateways, gateway) as connected:
        for number, each in enumerate(ids[:199], 1):
            connected.publish(f"/child/{each}/firmware/report", {"version": "1.1"})
            if number in (1, 2, 100):
                assert world.detail(task)["progress"] == number // 2
        detail = world.detail(task)
        assert (detail["success"], detail["total"], detail["progress"]) == (199, 200, 99)
        assert detail["state"]["value"] == "processing"
        connected.publish(f"/child/{ids[199]}/firmware/report", {"version": "1.1"})
    detail = world.detail(task)
    assert (detail["progress"], detail["state"]["value"]) == (100, "success")


# -- deletion ------------------------------------------------------------------------------------------
def test_row_28_a_task_with_work_left_is_not_deleted(api, world):
    _, _, _, task = world.ready_push()
    api.refused("DELETE", f"{TASK}/{task['id']}", zh="存在等待升级或升级中的设备，不可删除")
    api.post(f"{TASK}/{task['id']}/_stop")
    assert api.delete(f"{TASK}/{task['id']}")["id"] == task["id"]
    assert api.call("GET", f"{TASK}/{task['id']}").status == 404
    assert api.count(RECORD, ("taskId", task["id"])) == 0


def test_row_28_force_deletes_it_all_the_same(api, world):
    _, _, firmware, task = world.ready_push()
    api.delete(f"{TASK}/{task['id']}?force=true")
    assert api.count(RECORD, ("taskId", task["id"])) == 0
    api.delete(f"{FIRMWARE}/{firmware['id']}")


def test_row_51_records_are_deleted_once_they_have_ended(api, world):
    _, (one, two), _, task = world.ready_push(2)
    record = world.record(task, one)
    api.refused("DELETE", f"{RECORD}/{record['id']}")
    api.post(f"{TASK}/_stop", [record["id"]])
    assert api.delete(f"{RECORD}/{record['id']}")["id"] == record["id"]
    assert counts(world.detail(task)) == only(waiting=1) and world.detail(task)["total"] == 1


def test_rows_are_found_by_id(api, world):
    _, _, _, task = world.ready_push()
    assert api.get(f"{TASK}/{task['id']}")["mode"]["value"] == "push"
    record = world.record(task)
    assert api.get(f"{RECORD}/{record['id']}")["taskId"] == task["id"]


def test_T22_a_deleted_device_fails_its_records(api, world):
    _, (device,), _, task = world.ready_push()
    api.post(f"/device-instance/{device}/undeploy")
    assert world.state(task) == "waiting"  # T23
    api.delete(f"/device-instance/{device}")
    record = world.wait_state(task, "failed")
    assert record["errorReason"] == "设备已删除"


def test_ndjson_of_records(world, mixed):
    _, _, _, task = mixed
    answer = world.api.call(
        "POST",
        f"{RECORD}/_query/no-paging",
        {"terms": [{"column": "taskId", "value": task["id"]}]},
        headers={"Accept": "application/x-ndjson"},
    )
    assert len([json.loads(line) for line in answer.body.splitlines()]) == 5
