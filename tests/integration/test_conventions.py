"""REST conventions (spec 2.1): envelope, addresses, languages, error table, CORS."""
import time

import pytest

from support.api import Api, has_chinese

FIRMWARE_QUERY = "/firmware/_query"


def test_success_envelope(api):
    before = int(time.time() * 1000)
    answer = api.call("POST", FIRMWARE_QUERY, {})
    body = answer.json
    assert (body["message"], body["status"]) == ("success", 200)
    assert before - 1000 <= body["timestamp"] <= int(time.time() * 1000) + 1000
    assert "code" not in body
    assert (
        answer.headers["Content-Type"].replace(" ", "").lower() == "application/json;charset=utf-8"
    )


def test_empty_list_is_present_and_empty(api):
    assert (
        api.call(
            "POST", "/firmware/_query/no-paging", {"terms": [{"column": "id", "value": "nobody"}]}
        ).json["result"]
        == []
    )


@pytest.mark.parametrize(
    "path",
    ["/firmware/_query", "/firmware/_query/", "/api/firmware/_query", "/api/firmware/_query/"],
)
def test_every_address_works_with_prefix_and_trailing_slash(api, path):
    assert api.post(path, {})["pageIndex"] == 0


def test_files_work_under_the_prefix_too(api):
    file = api.upload(b"prefix")
    for prefix in ("", "/api"):
        answer = api.call(
            "GET", f"{prefix}/file/{file['id']}?accessKey={file['others']['accessKey']}"
        )
        assert (answer.status, answer.body) == (200, b"prefix")


def test_wrapper_ignore_gives_the_bare_result(api):
    answer = api.call("POST", "/firmware/_count", {}, headers={"X-Response-Wrapper": "Ignore"})
    assert isinstance(answer.json, int)


def test_ndjson_streams_bare_items(api, world):
    product = world.product()
    answer = api.call(
        "POST",
        "/device-product/_query/no-paging",
        {"terms": [{"column": "id", "value": product}]},
        headers={"Accept": "application/x-ndjson"},
    )
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert answer.body.count(b"\n") <= 1 and product.encode() in answer.body


def test_null_members_are_omitted(api, world):
    product = world.product()
    assert None not in api.get(f"/device-product/{product}").values()


def test_enum_text_follows_the_language(api, world):
    device = world.device(world.product(), deploy=False)
    texts = {
        language: api.clone(language=language).get(f"/device-instance/{device}/state")["text"]
        for language in ("zh-CN,zh;q=0.9", "en-US,en;q=0.9", "en;q=0.3,zh;q=0.8", "de-DE")
    }
    assert texts["zh-CN,zh;q=0.9"] == "禁用" == texts["en;q=0.3,zh;q=0.8"] == texts["de-DE"]
    assert not has_chinese(texts["en-US,en;q=0.9"])


def test_without_accept_language_texts_are_chinese(api, world):
    device = world.device(world.product(), deploy=False)
    assert (
        api.call(
            "GET", f"/device-instance/{device}/state", headers={"Accept-Language": None}
        ).result["text"]
        == "禁用"
    )


# -- error table ---------------------------------------------------------------------------------------
def test_no_token_is_401(api):
    body = api.clone(token=None).refused(
        "POST", FIRMWARE_QUERY, {}, status=401, code="unauthorized", zh="未登录"
    )
    assert body["result"]["value"] in ("expired", "offline")


def test_wrong_token_is_401(api):
    body = api.clone(token="0" * 32).refused(
        "POST", FIRMWARE_QUERY, {}, status=401, code="unauthorized"
    )
    assert body["result"]["value"] == "expired"


def test_no_permission_is_403(world):
    person = world.person({"device/Firmware": ["view"]})
    person.refused("POST", "/firmware", {}, status=403, code="access_denied", zh="权限")


@pytest.mark.parametrize(
    "path",
    [
        "/firmware/1",
        "/device-instance/nobody",
        "/device-product/nobody",
        "/firmware/upgrade/task/1",
        "/firmware/upgrade/history/1",
        "/protocol/nobody",
    ],
)
def test_unknown_row_is_404(api, path):
    api.refused("GET", path, status=404, code="not_found", zh="数据不存在")


def test_unknown_path_is_404(api):
    answer = api.call("GET", "/no/such/path/at/all")
    assert (answer.status, answer.json["code"]) == (404, "error.resource_not_found")


def test_validation_is_400_with_the_members(api):
    body = api.refused("POST", "/firmware", {}, code="illegal_argument")
    assert {"name", "productId", "version", "versionOrder"} <= {
        each["property"] for each in body["result"]
    }
    assert body["message"] == body["result"][0]["message"]


@pytest.mark.parametrize("raw", [b"{", b"[1,", b'{"a":}', b"\xff\xfe", b'{"pageIndex":0}x'])
def test_bad_json_is_400(api, raw):
    answer = api.call("POST", FIRMWARE_QUERY, raw=raw, content_type="application/json")
    assert (answer.status, answer.json["code"]) == (400, "illegal_argument")


def test_duplicate_key_is_400(api, world):
    product = world.product()
    api.refused(
        "POST",
        "/device-product",
        {
            "id": product,
            "name": "again",
            "messageProtocol": "jetlinks.v3.0",
            "transportProtocol": "MQTT",
        },
    )


def test_wrong_method_is_406(api):
    answer = api.call("DELETE", "/notifications/_query")
    assert (answer.status, answer.json["code"]) == (406, "method_not_allowed")
    assert answer.json["message"] == "不支持的请求方法"
    assert {"GET", "POST"} <= {each.upper() for each in answer.json["result"]}


def test_wrong_media_type_is_415(api):
    answer = api.call("POST", FIRMWARE_QUERY, raw=b"<a/>", content_type="application/xml")
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


def test_an_error_has_no_success_envelope_even_when_wrapper_is_ignored(api):
    answer = api.call("GET", "/firmware/1", headers={"X-Response-Wrapper": "Ignore"})
    assert answer.status == 404 and answer.json["code"] == "not_found"


@pytest.mark.parametrize(
    "path",
    ["/firmware/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/file/../../etc/passwd", "/api/api/healthz"],
)
def test_odd_paths_are_refused_in_the_envelope(api, path):
    assert api.call("GET", path, check=False).status in (400, 403, 404)


# -- CORS ----------------------------------------------------------------------------------------------
def test_cors_preflight(server):
    asked = {
        "Origin": "http://console.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "x-access-token,content-type",
    }
    answer = Api(server.http).call("OPTIONS", "/firmware", headers=asked)
    assert answer.status in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "http://console.example")
    methods = answer.headers["Access-Control-Allow-Methods"].upper()
    assert all(method in methods for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert allowed == "*" or "x-access-token" in allowed
    assert answer.headers["Access-Control-Max-Age"] == "1800"


@pytest.mark.parametrize("path", ["/system/version", "/firmware/1"])
def test_cors_header_on_answers_and_refusals(api, path):
    answer = api.call("GET", path, headers={"Origin": "http://console.example"})
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "http://console.example")


# -- operations endpoints ------------------------------------------------------------------------------
def test_health_needs_no_sign_in(server):
    for path in ("/healthz", "/readyz"):
        assert Api(server.http).call("GET", path).status == 200


def test_metrics_are_prometheus_text(server):
    answer = Api(server.http).call("GET", "/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.body.decode().splitlines()
    assert any(line.startswith("# TYPE updraft_") for line in lines)
    for line in lines:
        if line and not line.startswith("#"):
            float(line.rsplit(" ", 1)[1])
