"""Firmwares: rows 2 to 25 of the checklist and spec 2.9.

Rows without an API side: 2 (columns; their members are in the contract), 5 (page size is the client's),
13 (tool tip and widget; the upload is in test_files)."""
import hashlib

import pytest

from support.builders import CONTENT, FIRMWARE


@pytest.fixture
def product(world):
    return world.product()


# -- the list (1.1) ------------------------------------------------------------------------------------
def test_row_3_search(api, world, product):
    first = world.foreign_firmware(product, "1.0", 1, name="boot loader", description="for rack A")
    second = world.foreign_firmware(
        product, "2.0", 2, name="radio", signMethod="sha256", sign="0" * 64
    )

    def found(*terms):
        return [
            row["id"]
            for row in api.rows(
                FIRMWARE, ("productId", product), *terms, sorts=[("versionOrder", "asc")]
            )
        ]

    assert found(("name", "like", "%boot%")) == [first["id"]]
    assert found(("version", "like", "%2.%")) == [second["id"]]
    assert found(("description", "like", "%rack%")) == [first["id"]]
    assert found(("signMethod", "md5")) == [first["id"]]
    assert found(("createTime", "gt", first["createTime"] - 1)) == [first["id"], second["id"]]
    assert found(("createTime", "lt", first["createTime"])) == []


def test_row_4_default_order_of_the_console(api, world, product):
    made = [world.foreign_firmware(product, f"1.{order}", order)["id"] for order in (1, 2, 3)]
    page = api.post(
        f"{FIRMWARE}/_query/",
        {
            "pageIndex": 0,
            "pageSize": 12,
            "sorts": [{"name": "createTime", "order": "desc"}, {"name": "id", "order": "desc"}],
            "terms": [{"column": "productId", "value": product}],
        },
    )
    assert [row["id"] for row in page["data"]] == made[::-1]


# -- the form (1.2) ------------------------------------------------------------------------------------
def refused_form(api, body, zh, member):
    answer = api.refused("POST", FIRMWARE, body, zh=zh, code="illegal_argument")
    assert member in [each["property"] for each in answer["result"]]


@pytest.mark.parametrize(
    "member, value, zh",
    [
        ("name", None, "请输入名称"),
        ("name", "", "请输入名称"),
        ("name", "字" * 65, "最多可输入64个字符"),
        ("productId", None, "请选择所属产品"),
        ("productId", "", "请选择所属产品"),
        ("version", None, "请输入版本号"),
        ("version", "", "请输入版本号"),
        ("version", "v" * 65, "最多可输入64个字符"),
        ("versionOrder", None, "请输入版本序号"),
        ("versionOrder", 0, "请输入1~99999之间的正整数"),
        ("versionOrder", 100000, "请输入1~99999之间的正整数"),
        ("versionOrder", -3, "请输入1~99999之间的正整数"),
        ("signMethod", None, "请选择签名方式"),
        ("signMethod", "crc32", "请选择签名方式"),
        ("sign", None, "请输入签名"),
        ("sign", "", "请输入签名"),
        ("url", None, "请上传文件"),
        ("url", "", "请上传文件"),
        ("description", "x" * 201, "最多可输入200个字符"),
    ],
)
def test_rows_7_to_16_rules_of_the_form(api, world, product, member, value, zh):
    body = {
        "name": "n",
        "productId": product,
        "version": "1",
        "versionOrder": 1,
        "signMethod": "md5",
        "sign": "0" * 32,
        "url": "http://cdn.example/x",
        "size": 1,
    }
    body[member] = value
    refused_form(api, {name: each for name, each in body.items() if each is not None}, zh, member)
    assert api.count(FIRMWARE, ("productId", product)) == 0


@pytest.mark.parametrize(
    "member, value",
    [
        ("name", "字" * 64),
        ("version", "版" * 64),
        ("versionOrder", 1),
        ("versionOrder", 99999),
        ("versionOrder", "7"),
        ("description", "说" * 200),
        ("description", None),
    ],
)
def test_rows_7_to_16_limits_are_inclusive(api, world, product, member, value):
    body = {
        "name": "n",
        "productId": product,
        "version": "1",
        "versionOrder": 1,
        "signMethod": "md5",
        "sign": "0" * 32,
        "url": "http://cdn.example/x",
        "size": 1,
        member: value,
    }
    row = api.post(FIRMWARE, {name: each for name, each in body.items() if each is not None})
    assert str(row.get(member, "")) == str(value if value is not None else row.get(member, ""))


@pytest.mark.parametrize("order", ["abc", 1.5, [], {}])
def test_row_10_an_order_that_is_no_integer(api, world, product, order):
    body = world.firmware_body(product)
    assert api.call("POST", FIRMWARE, {**body, "versionOrder": order}).status == 400


def test_row_8_a_product_that_does_not_exist_is_refused(api, world, product):
    api.refused(
        "POST", FIRMWARE, {**world.firmware_body(product), "productId": "nobody"}, zh="当前产品不存在"
    )


def test_row_8_a_product_whose_package_has_no_firmware_support_is_refused(api, world):
    package = world.name("jar")
    api.post(
        "/protocol",
        {
            "id": package,
            "name": "Vendor",
            "type": "jar",
            "configuration": {"location": "http://x/y.jar", "provider": "a.B"},
        },
    )
    plain = world.product(messageProtocol=package)
    api.refused("POST", FIRMWARE, {**world.firmware_body(plain)}, zh="产品")
    assert api.count(FIRMWARE, ("productId", plain)) == 0


def test_row_10_version_order_is_unique(api, world, product):
    world.firmware(product, "1.0", 7)
    api.refused("POST", FIRMWARE, world.firmware_body(product, "1.1", 7), zh="版本序号已存在")
    assert api.get(f"{FIRMWARE}/{product}/7/exists") is True
    assert api.get(f"{FIRMWARE}/{product}/8/exists") is False
    world.firmware(world.product(), "1.0", 7)


def test_row_10_the_own_order_may_stay_on_edit(api, world, product):
    row = world.firmware(product, "1.0", 7)
    other = world.firmware(product, "1.1", 8)
    assert api.patch(FIRMWARE, {**row, "name": "edited"})["updated"] == 1
    api.refused("PATCH", FIRMWARE, {**other, "versionOrder": 7}, zh="版本序号已存在")


def test_row_19_version_is_unique_in_the_product(api, world, product):
    world.firmware(product, "1.0", 1)
    api.refused("POST", FIRMWARE, world.firmware_body(product, "1.0", 2), zh="版本")
    world.firmware(world.product(), "1.0", 1)


def test_row_12_sign_must_be_that_of_the_uploaded_file(api, world, product):
    body = {**world.firmware_body(product), "sign": hashlib.md5(b"other").hexdigest()}
    api.refused("POST", FIRMWARE, body, zh="签名不一致，请检查文件是否上传正确")
    assert api.count(FIRMWARE, ("productId", product)) == 0


def test_row_20_size_is_overwritten_by_the_true_length(world, product):
    assert world.firmware(product, size=999)["size"] == len(CONTENT)


def test_row_20_foreign_urls_keep_sign_and_size_as_given(world, product):
    row = world.foreign_firmware(product, sign="a" * 32, size=12345)
    assert (row["sign"], row["size"], row["url"]) == ("a" * 32, 12345, "http://cdn.example/1.1.bin")


def test_row_14_size_of_a_foreign_url(api, world, product):
    body = {
        "name": "n",
        "productId": product,
        "version": "1",
        "versionOrder": 1,
        "signMethod": "md5",
        "sign": "0" * 32,
        "url": "http://cdn.example/x",
    }
    api.refused("POST", FIRMWARE, {**body, "size": -1}, zh="请输入文件大小")
    assert api.post(FIRMWARE, {**body, "size": 0})["size"] == 0


@pytest.mark.parametrize("method, length", [("md5", 32), ("sha256", 64)])
def test_row_22_method_and_sign_are_normalised(api, world, product, method, length):
    row = world.foreign_firmware(product, signMethod=method.upper(), sign="AB" * (length // 2))
    assert (row["signMethod"], row["sign"]) == (method, "ab" * (length // 2))


@pytest.mark.parametrize(
    "method, sign", [("md5", "0" * 31), ("md5", "0" * 64), ("sha256", "0" * 32), ("md5", "g" * 32)]
)
def test_row_22_sign_must_be_hex_of_the_right_length(api, world, product, method, sign):
    body = {
        "name": "n",
        "productId": product,
        "version": "1",
        "versionOrder": 1,
        "signMethod": method,
        "sign": sign,
        "url": "http://cdn.example/x",
        "size": 1,
    }
    api.refused("POST", FIRMWARE, body)


def test_row_12_sha256_of_the_uploaded_file(api, world, product):
    file = api.upload(CONTENT)
    row = world.firmware(product, file=file, signMethod="sha256", sign=file["sha256"].upper())
    assert row["sign"] == file["sha256"]


@pytest.mark.parametrize(
    "properties, stored",
    [
        ([], []),
        (None, []),
        ([{"id": "slot", "value": "B", "keyid": 1}], [{"id": "slot", "value": "B"}]),
    ],
)
def test_row_15_and_21_properties_are_always_a_list(api, world, product, properties, stored):
    row = world.foreign_firmware(product, properties=properties)
    for each in (row, api.get(f"{FIRMWARE}/{row['id']}")):
        assert [{"id": item["id"], "value": item["value"]} for item in each["properties"]] == stored
        assert all("keyid" not in item for item in each["properties"])


@pytest.mark.parametrize(
    "item, zh",
    [
        ({"id": "", "value": "x"}, "请输入KEY"),
        ({"id": "k", "value": ""}, "请输入VALUE"),
        ({"value": "x"}, "请输入KEY"),
    ],
)
def test_row_15_both_cells_are_required(api, world, product, item, zh):
    api.refused("POST", FIRMWARE, {**world.firmware_body(product), "properties": [item]}, zh=zh)


def test_row_17_new_and_edit(api, world, product):
    row = world.firmware(product)
    assert row["id"] and row["creatorName"] and row["productName"] == product
    edited = {
        **row,
        "name": "edited",
        "description": "new",
        "properties": [],
        "format": None,
        "mode": None,
        "keyid": 3,
    }
    assert api.patch(FIRMWARE, edited) == {"added": 0, "updated": 1, "total": 1}
    now = api.get(f"{FIRMWARE}/{row['id']}")
    assert (now["name"], now["description"], now["properties"]) == ("edited", "new", [])
    assert (now["createTime"], now["creatorId"], now["id"]) == (
        row["createTime"],
        row["creatorId"],
        row["id"],
    )
    assert api.put(f"{FIRMWARE}/{row['id']}", {**now, "name": "again"}) is True
    assert api.get(f"{FIRMWARE}/{row['id']}")["name"] == "again"


def test_row_17_patch_creates_too(api, world, product):
    assert api.patch(FIRMWARE, world.firmware_body(product)) == {
        "added": 1,
        "updated": 0,
        "total": 1,
    }
    assert api.count(FIRMWARE, ("productId", product)) == 1


def test_batch_insert(api, world, product):
    file = api.upload(CONTENT)
    rows = [world.firmware_body(product, f"1.{order}", order, file=file) for order in (1, 2)]
    assert api.post(f"{FIRMWARE}/_batch", rows) == 2
    clash = [world.firmware_body(product, f"2.{order}", order, file=file) for order in (3, 2)]
    assert api.call("POST", f"{FIRMWARE}/_batch", clash).status == 400
    assert api.count(FIRMWARE, ("productId", product)) == 2


@pytest.mark.parametrize(
    "member, value",
    [
        ("version", "9"),
        ("versionOrder", 9),
        ("url", "http://cdn.example/9"),
        ("sign", "9" * 32),
        ("size", 9),
    ],
)
def test_row_23_members_are_frozen_while_a_task_runs(api, world, member, value):
    _, _, firmware, task = world.ready_push()
    api.refused("PATCH", FIRMWARE, {**firmware, member: value}, zh="当前固件下存在进行中的升级任务，不可修改")
    assert api.get(f"{FIRMWARE}/{firmware['id']}")[member] == firmware[member]
    api.post(f"/firmware/upgrade/task/{task['id']}/_stop", {})
    api.patch(FIRMWARE, {**firmware, member: value})
    assert api.get(f"{FIRMWARE}/{firmware['id']}")[member] == value


def test_row_23_name_description_and_properties_stay_editable(api, world):
    _, _, firmware, _ = world.ready_push()
    api.patch(
        FIRMWARE,
        {
            **firmware,
            "name": "edited",
            "description": "d",
            "properties": [{"id": "a", "value": "b"}],
        },
    )
    now = api.get(f"{FIRMWARE}/{firmware['id']}")
    assert (now["name"], now["description"], now["properties"]) == (
        "edited",
        "d",
        [{"id": "a", "value": "b"}],
    )


# -- delete (1.3) --------------------------------------------------------------------------------------
def test_row_24_a_firmware_with_a_task_is_not_deleted(api, world):
    _, _, firmware, task = world.ready_push()
    api.post(f"/firmware/upgrade/task/{task['id']}/_stop", {})
    body = api.refused(
        "DELETE",
        f"{FIRMWARE}/{firmware['id']}",
        zh="当前固件下已有升级任务，不可删除",
        en="There is an upgrade task under the current firmware, which cannot be deleted",
        code="error.data.referenced",
    )
    assert body["result"] == [
        {
            "dataId": firmware["id"],
            "referenceType": "firmware-upgrade-task",
            "referenceId": task["id"],
            "referenceName": task["name"],
        }
    ]


def test_row_24_a_firmware_without_a_task_is_deleted(api, world, product):
    row = world.firmware(product)
    assert api.delete(f"{FIRMWARE}/{row['id']}")["id"] == row["id"]
    assert api.call("GET", f"{FIRMWARE}/{row['id']}").status == 404
    assert api.get(f"{FIRMWARE}/{product}/2/exists") is False
    api.refused("DELETE", f"{FIRMWARE}/{row['id']}", status=404)


def test_row_25_the_uploaded_file_outlives_the_firmware(api, world, product):
    file = api.upload(CONTENT)
    row = world.firmware(product, file=file)
    api.delete(f"{FIRMWARE}/{row['id']}")
    assert (
        api.call("GET", f"/file/{file['id']}?accessKey={file['others']['accessKey']}").status == 200
    )


def test_the_next_order_is_one_that_the_form_takes(api, world, product):
    assert api.get(f"{FIRMWARE}/{product}/version-order/next") == 1
    world.foreign_firmware(product, "1.5", 5)
    order = api.get(f"{FIRMWARE}/{product}/version-order/next")
    assert order == 6
    world.foreign_firmware(product, "1.6", order)
    assert api.call("GET", f"{FIRMWARE}/none-{product}/version-order/next").status == 404


def test_vector_exists(api, world, product):
    world.firmware(product)
    body = api.call("GET", f"{FIRMWARE}/{product}/2/exists").json
    assert (body["message"], body["result"], body["status"]) == ("success", True, 200)


def test_row_52_firmwares_of_a_product_tab(api, world, product):
    row = world.firmware(product)
    assert [
        each["id"]
        for each in api.post(
            f"{FIRMWARE}/_query/no-paging", {"terms": [{"column": "productId", "value": product}]}
        )
    ] == [row["id"]]
