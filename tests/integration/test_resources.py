"""Protocol packages, products and devices (spec 2.6 to 2.8)."""
import threading

import pytest

from support.builders import PROTOCOL
from support.waiting import eventually


# -- protocol packages ---------------------------------------------------------------------------------
def test_the_builtin_package_supports_firmware(api):
    row = api.get(f"/protocol/{PROTOCOL}")
    assert row["name"] == "JetLinks V3.0" and row["state"] == 1
    detail = api.post(f"/protocol/{PROTOCOL}/detail")
    features = {
        each["id"]: [feature["id"] for feature in each["features"]] for each in detail["transports"]
    }
    for transport in ("MQTT", "HTTP"):
        assert "supportFirmware" in features[transport]
    assert {each["id"] for each in api.get(f"/protocol/{PROTOCOL}/transports")} == set(features)
    assert api.get(f"/protocol/{PROTOCOL}/transport/MQTT")["id"] == "MQTT"


def test_protocol_lists(api):
    assert "jar" in api.get("/protocol/providers")
    assert PROTOCOL in [each["id"] for each in api.get("/protocol/supports")]
    assert PROTOCOL in [each["id"] for each in api.get("/protocol/supports/MQTT")]
    assert PROTOCOL not in [each["id"] for each in api.get("/protocol/supports/NoSuchTransport")]
    assert api.get(f"/protocol/{PROTOCOL}/exists") is True
    assert api.get("/protocol/nobody/exists") is False


@pytest.mark.parametrize(
    "transport, title, keys",
    [("MQTT", "MQTT认证配置", {"secureId", "secureKey"}), ("HTTP", "HTTP认证配置", {"bearer_token"})],
)
def test_configuration_keys(api, transport, title, keys):
    metadata = api.get(f"/protocol/{PROTOCOL}/{transport}/configuration")
    assert metadata["name"] == title
    assert keys <= {each["property"] for each in metadata["properties"]}


def test_a_jar_is_metadata_with_a_switch(api, world):
    package = world.name("jar")
    api.post(
        "/protocol",
        {
            "id": package,
            "name": "Vendor",
            "type": "jar",
            "configuration": {"location": "http://x/y.jar", "provider": "a.b.C"},
        },
    )
    api.post(f"/protocol/{package}/_deploy")
    product = world.product(messageProtocol=package)
    details = {"terms": [{"column": "id", "value": product}]}
    assert api.post("/device-product/detail/_query/no-paging", details)[0]["features"] == []
    api.patch(
        "/protocol",
        {
            "id": package,
            "configuration": {
                "location": "http://x/y.jar",
                "provider": "a.b.C",
                "supportFirmware": "true",
            },
        },
    )
    assert [
        each["id"]
        for each in api.post("/device-product/detail/_query/no-paging", details)[0]["features"]
    ] == ["supportFirmware"]


def test_a_package_in_use_is_not_deleted(api, world):
    world.product()
    api.refused("DELETE", f"/protocol/{PROTOCOL}", zh="引用")


# -- products ------------------------------------------------------------------------------------------
def test_row_8_product_list_of_the_firmware_form(api, world):
    on, off = world.product(), world.product(deploy=False)
    asked = {
        "paging": False,
        "sorts": [{"name": "name", "order": "desc"}],
        "terms": [{"column": "state", "value": 1}],
    }
    by_id = {
        each["id"]: each for each in api.post("/device-product/detail/_query/no-paging", asked)
    }
    assert on in by_id and off not in by_id
    assert {"id": "supportFirmware", "name": "支持固件升级"} in by_id[on]["features"]
    assert by_id[on]["deviceCount"] == 0 and by_id[on]["protocolName"] == "JetLinks V3.0"


def test_product_life(api, world):
    product = world.product(
        deploy=False, describe="text", configuration={"secureId": "a", "secureKey": "b"}
    )
    row = api.get(f"/device/product/{product}")
    assert (row["state"], row["describe"], row["configuration"]["secureId"]) == (0, "text", "a")
    assert api.post(f"/device/product/{product}/deploy") == 1
    assert api.get(f"/device-product/{product}")["state"] == 1
    api.put(f"/device-product/{product}", {"name": "renamed"})
    assert api.get(f"/device-product/{product}")["name"] == "renamed"
    assert api.patch("/device-product", {"id": product, "describe": "new"}) == {
        "added": 0,
        "updated": 1,
        "total": 1,
    }
    assert api.get(f"/device-product/{product}")["name"] == "renamed"
    assert api.post(f"/device-product/{product}/undeploy") == 1
    assert api.delete(f"/device-product/{product}")["id"] == product
    assert api.call("GET", f"/device-product/{product}").status == 404


def test_a_product_may_do_without_a_protocol(api, world):
    """As in JetLinks, where the way of access is chosen after the product was made."""
    product = world.name("product")
    api.post("/device-product", {"id": product, "name": "not yet"})
    terms = {"terms": [{"column": "id", "value": product}]}
    for row in (
        api.get(f"/device-product/{product}"),
        api.post("/device-product/detail/_query/no-paging", terms)[0],
    ):
        assert not {"messageProtocol", "transportProtocol", "protocolName"} & set(row)
    api.put(f"/device-product/{product}", {"messageProtocol": PROTOCOL})
    row = api.post("/device-product/detail/_query/no-paging", terms)[0]
    assert (row["messageProtocol"], row["protocolName"]) == (PROTOCOL, "JetLinks V3.0")


def test_product_ids(api, world):
    product = world.product()
    assert api.get(f"/device-product/{product}/exists") is True
    assert api.get("/device-product/nobody/exists") is False
    assert api.get(f"/device-product/id/_validate?id={product}")["passed"] is False
    assert api.get("/device-product/id/_validate?id=fine_1-2")["passed"] is True
    assert api.get("/device-product/id/_validate?id=not%20fine")["passed"] is False
    for wrong in ("with space", "名", "a/b", "x" * 65):
        assert (
            api.call(
                "POST",
                "/device-product",
                {
                    "id": wrong,
                    "name": "n",
                    "messageProtocol": PROTOCOL,
                    "transportProtocol": "MQTT",
                },
            ).status
            == 400
        )


def test_a_product_with_devices_is_not_deleted(api, world):
    product = world.product()
    world.device(product)
    api.refused("DELETE", f"/device-product/{product}", zh="存在关联设备,无法删除!")
    assert api.get(f"/device-product/{product}/exists") is True


def test_config_metadata_of_a_product(api, world):
    metadata = api.get(f"/device-product/{world.product()}/config-metadata")
    assert "MQTT认证配置" in [each["name"] for each in metadata]


def test_aliases_are_the_same_rows(api, world):
    product = world.product()
    device = world.device(product)
    assert api.get(f"/device/product/{product}") == api.get(f"/device-product/{product}")
    assert api.get(f"/device/instance/{device}") == api.get(f"/device-instance/{device}")


# -- devices -------------------------------------------------------------------------------------------
def test_device_life(api, world):
    product = world.product()
    device = world.device(product, deploy=False)
    state = f"/device-instance/{device}/state"
    assert api.get(state) == {"value": "notActive", "text": "禁用"}
    assert api.post(f"/device-instance/{device}/deploy") == {"total": 1, "success": True}
    assert api.get(state) == {"value": "offline", "text": "离线"}
    with world.connected(product, device):
        eventually(lambda: api.get(state) == {"value": "online", "text": "在线"})
    eventually(lambda: api.get(state)["value"] == "offline")
    detail = api.get(f"/device-instance/{device}/detail")
    assert detail["address"].startswith("127.0.0.1")
    assert (
        detail["offlineTime"]
        >= detail["onlineTime"]
        >= detail["registerTime"]
        == detail["registryTime"]
    )
    assert "firmwareInfo" not in detail
    assert api.post(f"/device-instance/{device}/undeploy") == 1
    assert api.get(state)["value"] == "notActive"


def test_undeploy_closes_the_connection(api, world):
    product = world.product()
    device = world.device(product)
    with world.connected(product, device) as connected:
        api.post(f"/device-instance/{device}/undeploy")
        assert connected.closed.wait(5)
    assert world.connected(product, device).connect() == 4


def test_disconnect_button(api, world):
    product = world.product()
    device = world.device(product)
    assert api.post(f"/device-instance/{device}/disconnect") is False
    with world.connected(product, device) as connected:
        eventually(lambda: world.device_state(device) == "online")
        assert api.post(f"/device-instance/{device}/disconnect") is True
        assert connected.closed.wait(5)
    eventually(lambda: world.device_state(device) == "offline")


def test_an_existing_device_id_is_refused(api, world):
    product = world.product()
    device = world.device(product)
    api.refused(
        "POST",
        "/device-instance",
        {"id": device, "name": "again", "productId": product},
        zh="设备ID已存在",
    )
    assert api.get(f"/device-instance/{device}/exists") is True
    assert api.get(f"/device-instance/id/_validate?id={device}")["passed"] is False


def test_a_device_of_an_unknown_product_is_refused(api, world):
    api.refused(
        "POST", "/device-instance", {"id": world.name("d"), "name": "n", "productId": "nobody"}
    )


def test_only_disabled_devices_are_deleted(api, world):
    product = world.product()
    active, disabled = world.device(product), world.device(product, deploy=False)
    api.refused("DELETE", f"/device-instance/{active}")
    assert api.delete(f"/device-instance/{disabled}")["id"] == disabled
    more = world.devices(product, 2)
    assert api.put("/device-instance/batch/_unDeploy", more[:1]) == 1
    assert api.put("/device-instance/batch/_delete", more) == 1
    assert [row["id"] for row in api.rows("/device-instance", ("id", "in", more))] == more[1:]
    assert api.put("/device-instance/batch/_deploy", more[1:]) == 1


def test_batch_insert_is_all_or_nothing(api, world):
    product = world.product()
    rows = [{"id": world.name("d"), "name": "n", "productId": product} for _ in range(3)]
    assert api.post("/device-instance/_batch", rows) == 3
    clash = [{"id": world.name("d"), "name": "n", "productId": product}, rows[0]]
    assert api.call("POST", "/device-instance/_batch", clash).status == 400
    assert api.count("/device-instance", ("productId", product)) == 3


def test_patch_inserts_and_updates(api, world):
    product = world.product()
    known = world.device(product)
    rows = [
        {"id": known, "name": "renamed"},
        {"id": world.name("d"), "name": "new", "productId": product},
    ]
    assert api.patch("/device-instance", rows) == {"added": 1, "updated": 1, "total": 2}
    assert api.get(f"/device-instance/{known}")["name"] == "renamed"
    assert api.get(f"/device-instance/{known}")["productId"] == product


def test_put_of_an_unknown_row_is_404(api):
    assert api.call("PUT", "/device-instance/nobody", {"name": "x"}).status == 404


def test_reported_version_is_in_the_detail(api, world):
    product = world.product()
    device = world.device(product)
    firmware = world.foreign_firmware(product, "1.0", 1)
    with world.connected(product, device) as connected:
        connected.report("1.0", properties={"hw": "r2"})
    info = api.get(f"/device-instance/{device}/detail")["firmwareInfo"]
    assert (info["deviceId"], info["version"], info["versionOrder"], info["properties"]) == (
        device,
        "1.0",
        firmware["versionOrder"],
        {"hw": "r2"},
    )
    assert (
        "firmwareInfo"
        not in api.post(
            "/device-instance/detail/_query",
            {
                "terms": [{"column": "id", "value": device}],
                "context": {"includeFirmwareInfos": False},
            },
        )["data"][0]
    )


def test_context_switches_of_the_detail(api, world):
    device = world.device(world.product(), tags={"site": "north"})
    query = {"terms": [{"column": "id", "value": device}]}
    assert [
        (tag["key"], tag["value"])
        for tag in api.post("/device-instance/detail/_query", query)["data"][0]["tags"]
    ] == [("site", "north")]
    assert (
        "tags"
        not in api.post(
            "/device-instance/detail/_query?permission=save",
            {**query, "context": {"includeTags": False}},
        )["data"][0]
    )


def test_device_log(api, world):
    product, (device,), _, _ = world.ready_push()
    with world.connected(product, device) as connected:
        push = connected.wait_push()
        connected.reply(push["messageId"])
        connected.progress(10, "1.1")
        connected.report("1.0")
        connected.pull("7", currentVersion="1.0")

    def types():
        page = api.post(
            f"/device-instance/{device}/logs",
            {"pageSize": 100, "sorts": [{"name": "timestamp", "order": "desc"}]},
        )
        return {each["type"]["value"]: each["type"]["text"] for each in page["data"]}

    expected = {
        "upgradeFirmware": "推送固件信息",
        "upgradeFirmwareReply": "推送固件信息回复",
        "upgradeFirmwareProgress": "固件更新进度",
        "reportFirmware": "上报固件信息",
        "pullFirmware": "拉取固件信息",
        "pullFirmwareReply": "拉取固件信息回复",
        "online": "上线",
        "offline": "离线",
    }
    eventually(lambda: expected.items() <= types().items())


def test_reset_of_the_configuration(api, world):
    product = world.product()
    device = world.device(product, configuration={"secureKey": "own"})
    assert world.connected(product, device).connect() == 4
    with world.connected(product, device, secure_key="own"):
        pass
    api.put(f"/device-instance/{device}/configuration/_reset")
    with world.connected(product, device):
        pass


def test_a_message_to_a_device_and_its_answer(api, world):
    product = world.product()
    device = world.device(product)
    with world.connected(product, device) as connected:
        _, first = connected.wait_message(
            "/firmware/read"
        )  # the one after connecting; not answered

        def answer():
            _, body = connected.wait_message(
                "/firmware/read", lambda each: each["messageId"] != first["messageId"], seconds=8
            )
            connected.publish(
                "/firmware/read/reply",
                {
                    "messageId": body["messageId"],
                    "success": True,
                    "version": "1.0.1",
                    "properties": {},
                },
            )

        helper = threading.Thread(target=answer)
        helper.start()
        replies = api.post(f"/device-instance/{device}/message", {"messageType": "READ_FIRMWARE"})
        helper.join()
        assert replies[0]["version"] == "1.0.1"
        eventually(lambda: world.firmware_version(device) == "1.0.1")


def test_a_message_to_an_offline_device(api, world):
    device = world.device(world.product())
    body = api.refused(
        "POST",
        f"/device-instance/{device}/message",
        {"messageType": "READ_FIRMWARE"},
        status=500,
        zh="设备已离线",
    )
    assert body["code"] == "client_offline"
