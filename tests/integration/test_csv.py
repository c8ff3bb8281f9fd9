"""Devices and upgrade records as CSV files, and devices back from them."""
import csv
import io
import json
import re

from support.api import multipart
from support.builders import World

DEVICE = "/device-instance"
RECORD = "/firmware/upgrade/history"
DEVICE_COLUMNS = (
    "id,name,productId,productName,deviceType,parentId,state,firmwareVersion,firmwareTime,"
    "registerTime,tags,describe"
)
RECORD_COLUMNS = (
    "recordId,deviceId,deviceName,taskName,version,state,progress,attempt,errorReason,"
    "createTime,upgradeTime,completeTime"
)


def exported(api, base, query=None, language="en", method="POST", suffix=""):
    """(the answer, its rows as dictionaries)."""
    answer = api.clone(language=language).call(method, f"{base}/_export{suffix}", query)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "text/csv;charset=UTF-8"
    assert answer.body.startswith(b"\xef\xbb\xbf")
    text = answer.body.decode("utf-8-sig")
    return answer, list(csv.DictReader(io.StringIO(text, newline="")))


def of_product(product):
    return {"pageSize": 1, "terms": [{"column": "productId", "value": product}]}


def imported(api, text, query=""):
    return api.post(f"{DEVICE}/_import{query}", raw=text.encode(), content_type="text/csv")


def test_devices_are_exported_whole_whatever_page_is_asked(api, world):
    product = world.product()
    devices = world.devices(product, 3)

    answer, rows = exported(api, DEVICE, of_product(product))

    assert answer.body.decode("utf-8-sig").split("\r\n")[0] == DEVICE_COLUMNS
    assert sorted(row["id"] for row in rows) == sorted(devices)
    assert {row["state"] for row in rows} == {"offline"}
    time = r"\d{4}-\d\d-\d\dT[\d:]{8}\+08:00"
    assert all(re.fullmatch(time, row["registerTime"]) for row in rows)
    name = answer.headers["Content-Disposition"]
    assert re.search(r'filename="devices-\d{8}T\d{6}\.csv"', name)


def test_a_chinese_export_has_chinese_headers(api, world):
    product = world.product()
    world.devices(product, 1)

    _, rows = exported(
        api, DEVICE, language="zh-CN", method="GET", suffix=f"?where=productId is {product}"
    )

    assert len(rows) == 1
    assert rows[0]["状态"] == "离线" and rows[0]["设备ID"]


def test_a_name_that_is_a_formula_stays_a_text(api, world):
    product = world.product()
    api.post(DEVICE, {"id": world.name("d"), "name": '=cmd|"x"', "productId": product})

    _, rows = exported(api, DEVICE, of_product(product))

    assert rows[0]["name"] == "'=cmd|\"x\""


def test_more_rows_than_one_read_come_all_and_once(api, world):
    product = world.product()
    ids = [f"{product}-{number}" for number in range(4100)]
    report = imported(api, "id\n" + "\n".join(ids), f"?productId={product}")
    assert report["added"] == len(ids)

    _, rows = exported(api, DEVICE, of_product(product))

    assert sorted(row["id"] for row in rows) == sorted(ids)


def test_records_are_exported(api, world):
    _, devices, firmware, task = world.ready_push(count=2)
    query = {"terms": [{"column": "taskId", "value": task["id"]}]}

    answer, rows = exported(api, RECORD, query)

    assert answer.body.decode("utf-8-sig").split("\r\n")[0] == RECORD_COLUMNS
    assert sorted(row["deviceId"] for row in rows) == sorted(devices)
    assert {row["state"] for row in rows} == {"waiting"}
    assert {row["taskName"] for row in rows} == {task["name"]}
    assert {row["version"] for row in rows} == {firmware["version"]}


def test_an_export_over_the_limit_is_refused(private_server):
    running = private_server("--api-export-rows-max", "1")
    api = running.api()
    world = World(running, api)
    world.devices(world.product(), 2)

    api.refused("POST", f"{DEVICE}/_export", {}, status=400, zh="2", en="limit")


def test_a_file_makes_devices_and_names_the_lines_it_refuses(api, world):
    product = world.product()
    good, bad = world.name("d"), "not good"
    text = f'id,name,tags\r\n{good},名称,"a=1;b=2"\r\n{bad},x,\r\n{good},twice,\r\n'

    report = imported(api, text, f"?productId={product}&enable=true")

    assert not report["dryRun"]
    assert (report["lines"], report["added"], report["refusedCount"]) == (3, 1, 2)
    assert [line["line"] for line in report["refused"]] == [3, 4]
    assert report["refused"][0]["text"] == f"{bad},x,"
    detail = api.get(f"{DEVICE}/{good}/detail")
    assert detail["name"] == "名称" and detail["state"]["value"] == "offline"
    assert {tag["key"]: tag["value"] for tag in detail["tags"]} == {"a": "1", "b": "2"}


def test_a_dry_run_stores_nothing_and_an_update_changes(api, world):
    product = world.product()
    device = world.device(product)
    text = f"id,name\n{device},renamed\n{device}-new,x\n"
    query = f"?productId={product}&existing=update"

    tried = imported(api, text, query + "&dryRun=true")
    assert tried["dryRun"] and tried["added"] == 1 and tried["updated"] == 1
    assert api.get(f"{DEVICE}/{device}")["name"] != "renamed"
    assert not api.get(f"{DEVICE}/{device}-new/exists")

    assert imported(api, text, query)["updated"] == 1
    assert api.get(f"{DEVICE}/{device}")["name"] == "renamed"
    assert imported(api, text, query)["unchanged"] == 2


def test_an_export_can_be_imported_again(api, world):
    product = world.product()
    world.devices(product, 2)
    answer, _ = exported(api, DEVICE, of_product(product), language="zh-CN")

    report = imported(api, answer.body.decode(), "?existing=update")

    assert report["unchanged"] == 2 and report["refusedCount"] == 0, json.dumps(report)


def test_a_form_is_taken_too(api, world):
    product = world.product()
    payload, content_type = multipart(f"id\n{world.name('d')}\n".encode(), "devices.csv")

    report = api.post(
        f"{DEVICE}/_import?productId={product}", raw=payload, content_type=content_type
    )

    assert report["added"] == 1


def test_files_that_are_no_list_are_refused(api, private_server):
    def refused(raw, content_type="text/csv", query="", **expected):
        api.refused(
            "POST", f"{DEVICE}/_import{query}", raw=raw, content_type=content_type, **expected
        )

    refused(b"", status=400)
    refused(b"colour\nred\n", status=400, zh="colour", en="colour")
    refused("id\n设备\n".encode("gbk"), status=400, zh="UTF-8", en="UTF-8")
    refused(b"id\n", content_type="application/json", status=415)
    refused(b"id\n", query="?existing=replace", status=400, zh="existing", en="existing")
    small = private_server("--import-bytes-max", "100", "--import-lines-max", "3").api()
    for file in (b"id\n" + b"x" * 200, b"id\n1\n2\n3\n4\n"):
        small.refused("POST", f"{DEVICE}/_import", raw=file, content_type="text/csv", status=413)


def test_the_template_has_the_columns_of_an_import(api):
    answer = api.clone(language="en").call("GET", f"{DEVICE}/_import/template")

    header, example, end = answer.body.decode("utf-8-sig").split("\r\n")
    assert header.split(",")[:2] == ["id", "name"] and example and not end
    report = imported(api, answer.body.decode(), "?dryRun=true")
    assert report["lines"] == 1


def test_rights_are_checked(api, world):
    reader = world.person({"device/Instance": ["view"]})
    nobody = world.person({"system/User": ["view"]})

    assert reader.call("GET", f"{DEVICE}/_export").status == 200
    reader.refused("POST", f"{DEVICE}/_import", raw=b"id\n", content_type="text/csv", status=403)
    nobody.refused("GET", f"{DEVICE}/_export", status=403)
    nobody.refused("GET", f"{RECORD}/_export", status=403)
