"""The calls of the vendor's consoles, in their order and with their bodies (jetlinks-ui-endpoints;
the smoke path at the end of spec 7)."""
import urllib.parse

import pytest

from support.api import PASSWORD, Api
from support.builders import CONTENT, FIRMWARE, RECORD, TASK

PREFIX = "/api"  # a console calls everything under it


class Console(Api):
    """A client that behaves as the console does: prefix, and `success` is `status === 200`."""

    def call(self, method, path, body=None, **options):
        return super().call(method, PREFIX + path, body, **options)

    def clone(self, **changes):
        clone = super().clone(**changes)
        return Console(clone.address, token=clone.token, language=clone.language)


@pytest.fixture
def console(server):
    return Console(server.http)


def group(*leaves, connector=None):
    terms = {"terms": list(leaves)}
    return {**terms, "type": connector} if connector else terms


def find_menu(tree, code):
    for node in tree:
        if node["code"] == code:
            return node
        found = find_menu(node.get("children", []), code)
        if found:
            return found
    return None


def boot(console):
    """Section 2: from the login page to the menu."""
    assert console.get("/system/version")["edition"] != "community"
    front = console.get("/system/config/front")
    assert console.get("/authorize/captcha/config")["enabled"] is False
    assert console.get("/authorize/login/configs")["encrypt"]["enabled"] is False
    assert console.get("/application/sso/_all") == []
    login = {
        "username": "admin",
        "password": PASSWORD,
        "remember": True,
        "expires": 3600000,
        "verifyCode": "",
        "verifyKey": "",
    }
    console.token = console.post("/authorize/login", login)["token"]
    for _ in range(2):
        assert console.get("/user/detail")["name"]
    assert console.get("/user/settings/init")
    scopes = console.post("/system/config/scopes", ["front", "amap", "paths", "media"])
    by_scope = {each["scope"]: each["properties"] for each in scopes}
    assert (
        set(by_scope) == {"front", "amap", "paths", "media"}
        and by_scope["front"].keys() >= front.keys()
    )
    assert console.call("GET", "/message/preprocessor/product/test/property/test").status == 404
    menu = console.post(
        "/menu/user-own/tree",
        {
            "paging": False,
            "terms": [
                group(
                    {"column": "owner", "termType": "eq", "value": "iot"},
                    {"column": "owner", "termType": "isnull", "value": "1", "type": "or"},
                )
            ],
        },
    )
    assert {button["id"] for button in find_menu(menu, "device/Firmware")["buttons"]} == {
        "view",
        "add",
        "update",
        "delete",
    }
    assert console.get("/notify/channel/all") == []
    return by_scope["paths"]["base-path"]


def open_products(console):
    asked = {
        "paging": False,
        "sorts": [{"name": "name", "order": "desc"}],
        "terms": [{"column": "state", "value": 1}],
    }
    products = console.post("/device-product/detail/_query/no-paging", asked)
    return [
        each
        for each in products
        if any(feature["id"] == "supportFirmware" for feature in each["features"])
    ]


def first_page(console, *groups):
    return console.post(
        "/firmware/_query/",
        {
            "pageIndex": 0,
            "pageSize": 12,
            "sorts": [{"name": "createTime", "order": "desc"}],
            "terms": list(groups),
        },
    )


def test_the_console_from_login_to_delete(console, world):
    base_path = boot(console)
    product = world.product()
    devices = world.devices(product, 3)

    # the page, the form, the upload
    assert product in [each["id"] for each in open_products(console)]
    assert len(first_page(console)["data"]) <= 12
    assert console.get(f"/firmware/{product}/2/exists") is False
    file = console.upload(CONTENT)
    url = f"{base_path}/file/{file['id']}?accessKey={file['others']['accessKey']}"  # as the console builds it
    form = {
        "name": "gate 1.1",
        "productId": product,
        "productName": product,
        "version": "1.1",
        "versionOrder": 2,
        "signMethod": "sha256",
        "sign": file["sha256"],
        "url": url,
        "size": file["length"],
        "properties": [{"id": "slot", "value": "B", "keyid": 1735689600000}],
        "description": "",
    }
    firmware = console.post("/firmware", form)
    assert firmware["sign"] == file["sha256"] and firmware["size"] == len(CONTENT)
    assert console.get(f"/firmware/{product}/2/exists") is True
    found = first_page(
        console,
        group(
            {"column": "name", "termType": "like", "value": "%gate%"},
            {"column": "productId", "value": product, "type": "and"},
        ),
    )
    assert [row["id"] for row in found["data"]] == [firmware["id"]]
    assert found["data"][0].keys() >= form.keys()
    assert console.patch("/firmware", {**found["data"][0], "description": "第一版"})["updated"] == 1

    # a device can fetch what the console stored
    path = urllib.parse.urlsplit(url)
    assert Api(path.netloc).call("GET", f"{path.path}?{path.query}").body == CONTENT

    # the drawer, the device picker, the task
    drawer = {
        "paging": False,
        "sorts": [{"name": "createTime", "order": "desc"}],
        "terms": [group({"column": "firmwareId", "value": firmware["id"]})],
    }
    assert console.post("/firmware/upgrade/task/detail/_query/no-paging", drawer) == []
    everything = {
        "context": {"includeTags": False, "includeBind": False, "includeRelations": False},
        "paging": False,
        "terms": [group({"column": "productId", "value": product})],
    }
    assert sorted(
        each["id"] for each in console.post("/device-instance/detail/_query/no-paging", everything)
    ) == sorted(devices)
    page = console.post(
        "/device-instance/detail/_query",
        {
            "pageIndex": 0,
            "pageSize": 10,
            "sorts": [],
            "terms": [
                group({"column": "productId", "value": product}),
                group({"column": "registryTime", "termType": "gt", "value": 0}, connector="and"),
            ],
        },
    )
    assert page["total"] == 3 and all(
        each["registerTime"] and each["state"]["value"] == "offline" for each in page["data"]
    )
    by_version = {
        "column": "id$dev-firmware",
        "value": [{"column": "version", "termType": "like", "value": "%1.0%"}],
    }
    assert (
        console.post(
            "/device-instance/detail/_query",
            {
                "terms": [
                    group(by_version, {"column": "productId", "value": product, "type": "and"})
                ]
            },
        )["total"]
        == 0
    )
    task = console.post(
        "/firmware/upgrade/task",
        {
            "name": "push 1",
            "mode": "push",
            "releaseType": "part",
            "timeoutSeconds": 600,
            "responseTimeoutSeconds": 30,
            "deviceId": devices,
            "description": "",
            "firmwareId": firmware["id"],
            "productId": product,
        },
    )
    shown = console.post("/firmware/upgrade/task/detail/_query/no-paging", drawer)
    assert [(each["id"], each["progress"], sorted(each["deviceId"])) for each in shown] == [
        (task["id"], 0, sorted(devices))
    ]

    # the detail: records, one fails, one succeeds, the third waits
    for device, end in (
        (devices[0], lambda each: each.succeed("1.1")),
        (devices[1], lambda each: each.fail("1.1", "坏块")),
    ):
        with world.connected(product, device) as connected:
            assert connected.wait_push()["url"] == url
            end(connected)
    asked = {
        "paging": False,
        "sorts": [
            {"name": "createTime", "order": "desc"},
            {"name": "upgradeTime", "order": "desc"},
        ],
        "terms": [{"column": "taskId", "value": task["id"]}],
    }
    records = console.post("/firmware/upgrade/history/_query/no-paging", asked)
    assert sorted(each["state"]["value"] for each in records) == ["failed", "success", "waiting"]
    bar = 100 * sum(each["state"]["value"] == "success" for each in records) // len(records)
    assert (
        console.post("/firmware/upgrade/task/detail/_query/no-paging", drawer)[0]["progress"]
        == bar
        == 33
    )

    # 全部暂停, 全部开始, 批量重试
    def states():
        return sorted(
            each["state"]["value"]
            for each in console.post("/firmware/upgrade/history/_query/no-paging", asked)
        )

    console.post(f"/firmware/upgrade/task/{task['id']}/_stop", {})
    assert states() == ["canceled", "failed", "success"]
    console.post(f"/firmware/upgrade/task/{task['id']}/_start", ["canceled", "failed"])
    assert states() == ["success", "waiting", "waiting"]
    console.post(f"/firmware/upgrade/task/{task['id']}/_stop", {})
    console.post(f"/firmware/upgrade/task/{task['id']}/_start", ["failed"])
    assert states() == ["canceled", "canceled", "success"]

    # deleting is refused in words, then the task goes, then the firmware
    refused = console.call("DELETE", f"/firmware/{firmware['id']}")
    assert (refused.status, refused.message) == (400, "当前固件下已有升级任务，不可删除")
    console.delete(f"/firmware/upgrade/task/{task['id']}")
    console.delete(f"/firmware/{firmware['id']}")
    assert console.get("/user-token/reset") is True
    assert console.call("GET", "/user/detail").status == 401


def test_tabs_of_product_and_device(console, world):
    boot(console)
    product, (device, other), firmware, task = world.ready_push(2)
    idle = world.device(product)
    by_product = {"paging": False, "terms": [{"column": "productId", "value": product}]}
    assert [each["id"] for each in console.post("/firmware/_query/no-paging", by_product)] == [
        firmware["id"]
    ]
    records = console.post("/firmware/upgrade/history/_query/no-paging", by_product)
    assert {each["deviceId"] for each in records} == {device, other} and idle not in {
        each["deviceId"] for each in records
    }
    of_device = {
        "paging": False,
        "terms": [
            {"column": "deviceId", "value": device},
            {"column": "taskId", "value": task["id"]},
        ],
    }
    assert [
        each["deviceId"]
        for each in console.post("/firmware/upgrade/history/_query/no-paging", of_device)
    ] == [device]


def test_the_next_console_line(console, world):
    """2.10: detail records, counters, filters as targets, record ids to stop."""
    boot(console)
    product = world.product()
    one, two = world.devices(product, 2)
    firmware = world.foreign_firmware(product)
    body = {
        "name": "g3",
        "mode": "push",
        "releaseType": "part",
        "timeoutSeconds": 600,
        "responseTimeoutSeconds": 30,
        "description": "",
        "firmwareId": firmware["id"],
        "productId": product,
    }
    task = console.post(
        TASK, {**body, "terms": [{"column": "id", "termType": "in", "value": [one, two]}]}
    )
    by_name = {
        "pageIndex": 0,
        "pageSize": 10,
        "terms": [
            group({"column": "name", "termType": "like", "value": "%g3%"}),
            group({"column": "firmwareId", "value": firmware["id"]}, connector="and"),
            {"column": "state"},
        ],
    }
    detail = console.post(f"{TASK}/detail/_query", by_name)["data"][0]
    assert (detail["total"], detail["waiting"]) == (2, 2) and detail["state"][
        "value"
    ] == "processing"
    asked = {
        "paging": False,
        "terms": [{"column": "taskId", "value": task["id"]}, {"column": "deviceId"}],
    }
    records = console.post(f"{RECORD}/detail/_query/no-paging", asked)
    assert all(
        each["hasEditPermission"] is True and each["timeoutSeconds"] == 600 for each in records
    )
    assert console.post(f"{TASK}/_stop", [each["id"] for each in records]) == 2
    assert console.post(f"{TASK}/{task['id']}/_start", ["canceled"]) == 2
    assert console.post(f"{TASK}/{task['id']}/_stop", ["waiting"]) == 2
    assert console.delete(f"{RECORD}/{records[0]['id']}")["id"] == records[0]["id"]
    console.delete(f"{TASK}/{task['id']}")
    assert (
        console.post(
            "/device-instance/detail/_query?permission=save",
            {"terms": [{"column": "productId", "value": product}]},
        )["total"]
        == 2
    )


def test_edit_sends_the_whole_row_back(console, world):
    boot(console)
    row = world.foreign_firmware(world.product())
    whole = console.get(f"{FIRMWARE}/{row['id']}")
    console.patch(FIRMWARE, {**whole, "name": "edited", "productName": "what the browser thinks"})
    assert console.get(f"{FIRMWARE}/{row['id']}")["name"] == "edited"
