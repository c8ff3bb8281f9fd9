"""What a console asks before its first page (spec 2.4, jetlinks-ui-endpoints 2 and 3)."""
import json

import pytest

from support.api import Api
from support.builders import World


@pytest.fixture
def stranger(server):
    return Api(server.http)


def test_version_is_no_community_edition(stranger):
    assert stranger.get("/system/version")["edition"] == "standard"


def test_front_config_is_open(stranger):
    assert isinstance(stranger.get("/system/config/front"), dict)


def test_every_asked_scope_has_an_entry(server, api):
    asked = ["front", "amap", "paths", "media", "no-such-scope"]
    entries = api.post("/system/config/scopes", asked)
    assert [each["scope"] for each in entries] == asked
    by_scope = {each["scope"]: each["properties"] for each in entries}
    assert by_scope["paths"]["base-path"].startswith(f"http://{server.http}")
    assert by_scope["paths"]["mqtt"] == server.mqtt
    assert by_scope["no-such-scope"] == {} == by_scope["amap"]
    assert by_scope["front"].keys() >= api.get("/system/config/front").keys()


def test_captcha_is_off(stranger):
    assert stranger.get("/authorize/captcha/config")["enabled"] is False


def test_no_single_sign_on(stranger):
    assert stranger.get("/application/sso/_all") == []


def test_probe_answers_404(api):
    assert api.call("GET", "/message/preprocessor/product/test/property/test").status == 404


def test_absent_modules(api):
    assert api.get("/command-supports/service/metadataPreprocessor/exists") is False
    assert api.get("/system/resources/ui") == []
    assert api.get("/notify/channel/all") == []
    assert api.post("/notifications/_query", {"terms": []})["total"] == 0


def test_admin_has_been_through_the_first_run_wizard(api):
    assert len(api.get("/user/settings/init")) >= 1


def test_saved_searches(world):
    person, other = world.person({"device/Firmware": ["view"]}), world.person(
        {"device/Firmware": ["view"]}
    )
    content = json.dumps({"terms": [{"column": "name", "value": "闸"}]}, ensure_ascii=False)
    for kind in (
        "search-firmware",
        "search-firmware-task",
        "search-task-detail",
        "search-select-device",
        "firmware-search-select-deviceSelf",
        "firmware-search-select-deviceAll",
    ):
        assert person.get(f"/user/settings/{kind}") == []
        person.post(f"/user/settings/{kind}", {"name": "mine", "content": content})
        saved = person.get(f"/user/settings/{kind}")
        assert [(each["name"], each["content"], each["type"]) for each in saved] == [
            ("mine", content, kind)
        ]
        assert other.get(f"/user/settings/{kind}") == []
        person.patch(
            f"/user/settings/{kind}/{saved[0]['key']}", {"name": "renamed", "content": content}
        )
        assert [each["name"] for each in person.get(f"/user/settings/{kind}")] == ["renamed"]
        person.delete(f"/user/settings/{kind}/{saved[0]['key']}")
        assert person.get(f"/user/settings/{kind}") == []


def test_boot_needs_a_token_where_the_spec_says_so(stranger):
    for method, path in (
        ("POST", "/system/config/scopes"),
        ("GET", "/user/settings/init"),
        ("POST", "/menu/user-own/tree"),
        ("GET", "/notify/channel/all"),
        ("POST", "/notifications/_query"),
    ):
        assert stranger.call(method, path, [] if method == "POST" else None).status == 401, path


def nodes(tree):
    for node in tree:
        yield node
        yield from nodes(node.get("children", []))


UI_MENU_QUERY = {
    "paging": False,
    "terms": [
        {
            "terms": [
                {"column": "owner", "termType": "eq", "value": "iot"},
                {"column": "owner", "termType": "isnull", "value": "1", "type": "or"},
            ]
        },
        {
            "terms": [{"column": "options", "termType": "nlike", "value": '%show":false%'}],
            "type": "and",
        },
    ],
}


def test_row_1_menu_entry(api):
    found = [
        node
        for node in nodes(api.post("/menu/user-own/tree", UI_MENU_QUERY))
        if node["code"] == "device/Firmware"
    ]
    assert len(found) == 1
    assert (found[0]["name"], found[0]["url"], found[0]["icon"]) == (
        "远程升级",
        "/iot/link/firmware",
        "icon-yuanchengshengji",
    )
    assert {button["id"]: button["name"] for button in found[0]["buttons"]} == {
        "view": "查看",
        "update": "编辑",
        "delete": "删除",
        "add": "新增",
    }


def test_row_6_only_granted_buttons_are_in_the_menu(world):
    tree = world.person({"device/Firmware": ["view", "delete"]}).post(
        "/menu/user-own/tree", UI_MENU_QUERY
    )
    found = {node["code"]: node for node in nodes(tree)}
    assert {button["id"] for button in found["device/Firmware"]["buttons"]} == {"view", "delete"}
    assert "device/Product" not in found


def test_a_user_without_a_role_has_an_empty_menu(world):
    assert world.person({}).post("/menu/user-own/tree", UI_MENU_QUERY) == []


def test_base_path_is_what_devices_get(private_server):
    server = private_server()
    api = server.api()
    world = World(server, api)
    base = f"http://ota.example:{server.http.rsplit(':', 1)[1]}/api"
    api.post("/system/config/scope/_save", [{"scope": "paths", "properties": {"base-path": base}}])
    assert api.post("/system/config/scopes", ["paths"])[0]["properties"]["base-path"] == base
    product = world.product()
    device = world.device(product)
    file = api.upload(b"bytes")
    firmware = world.firmware(
        product, file=file, url=f"/file/{file['id']}.bin?accessKey={file['others']['accessKey']}"
    )
    world.task(firmware, [device])
    with world.connected(product, device) as connected:
        assert connected.wait_push()["url"].startswith(base + "/file/")


def test_public_url_flag(private_server):
    server = private_server("--public-url", "http://192.0.2.7:9000")
    api = server.api()
    assert api.post("/system/config/scopes", ["paths"])[0]["properties"]["base-path"].startswith(
        "http://192.0.2.7:9000"
    )
    assert api.upload(b"x")["accessUrl"].startswith("http://192.0.2.7:9000/")


def test_a_public_url_that_is_none_is_refused(api):
    api.refused(
        "POST",
        "/system/config/scope/_save",
        [{"scope": "paths", "properties": {"base-path": "not a url"}}],
    )
