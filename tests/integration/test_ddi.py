"""hawkBit's device API: every address of it, as its clients use them (hawkbit-ddi)."""
import json

import pytest

from support.api import has_chinese
from support.builders import RECORD, TASK
from support.ddi_fleet import CONTENT, GATEWAY_TOKEN, TOKEN, error_of
from support.http_device import curl
from support.waiting import eventually

# -- the whole way ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_an_update_from_poll_to_success(world, fleet, mode):
    device = fleet.device()
    assert device.poll()["config"]["polling"]["sleep"] == "00:05:00"
    assert set(device.links) == {"configData"}
    task = fleet.task(device, mode=mode)
    action = device.offered()
    assert world.state(task) == "waiting"  # only shown, not yet fetched
    link = device.links["deploymentBase"]
    assert f"/deploymentBase/{action}?c=" in link
    deployment = device.get(link)
    assert world.state(task) == "processing"
    assert deployment["id"] == action
    assert deployment["deployment"]["download"] == deployment["deployment"]["update"] == "forced"
    assert "actionHistory" not in deployment
    (chunk,) = deployment["deployment"]["chunks"]
    assert (chunk["part"], chunk["name"], chunk["version"]) == ("os", "firmware 1.1", "1.1")
    assert chunk["metadata"] == [{"key": "slot", "value": "B"}]
    (artifact,) = chunk["artifacts"]
    assert artifact["filename"] == "fw 1.swu" and artifact["size"] == len(CONTENT)
    assert set(artifact["hashes"]) == {"sha1", "md5", "sha256"}
    assert set(artifact["_links"]) == {"download-http", "md5sum-http"}
    assert device.download(artifact) == CONTENT
    device.proceed(action, "Installing Update Chunk Artifacts.", progress=(0, 1))
    device.proceed(action, "Installed half.", progress=(1, 2))
    assert world.record(task)["progress"] == 50
    device.proceed(action, "nothing of nothing", progress=(0, 0))
    assert world.record(task)["progress"] == 50
    device.succeed(action, "Update Installed.")
    record = world.record(task)
    assert (record["state"]["value"], record["progress"]) == ("success", 100)
    assert world.firmware_version(device.device) == "1.1"
    assert device.offered() is None
    assert device.links["installedBase"].endswith(f"/installedBase/{action}")
    assert "configData" in device.links  # asked again after an update
    again = device.call(
        "POST", f"deploymentBase/{action}/feedback", device.report("closed", "success")
    )
    assert (again.status, again.body) == (410, b"")


def test_the_device_s_words_are_in_its_timeline(fleet):
    device = fleet.device()
    task, action = fleet.started(device)
    device.proceed(action, "first", "second", progress=(1, 4), code=200)
    device.succeed(action, "third")
    lines = [json.loads(each) for each in fleet.timeline(device, "ddiFeedback")]
    assert lines == [
        {"execution": "closed", "finished": "success", "details": ["third"]},
        {
            "execution": "proceeding",
            "finished": "none",
            "code": 200,
            "progress": 25,
            "details": ["first", "second"],
        },
    ]
    record = fleet.world.record(task)["id"]
    entries = fleet.api.get(f"{RECORD}/{record}/timeline?limit=100")
    assert [each["type"] for each in entries].count("ddiFeedback") == 2


def test_the_action_outlives_reboots_and_repeats(world, fleet):
    device = fleet.device()
    task, action = fleet.started(device)
    for _ in range(3):
        assert device.deployment()[0] == action
        device.proceed(action, "Installed Chunk.", progress=(1, 1))
    assert world.state(task) == "processing"
    device.succeed(action)
    assert world.state(task) == "success"


def test_firmwares_come_one_after_the_other_in_their_order(world, fleet):
    device = fleet.device()
    second = fleet.task(device, firmware=fleet.firmware("1.2", 3))
    first = fleet.task(device, firmware=fleet.firmware("1.1", 2), mode="pull")
    device.upgrade()
    assert (world.state(first), world.state(second)) == ("success", "waiting")
    device.upgrade()
    assert world.state(second) == "success"
    assert world.firmware_version(device.device) == "1.2"


def test_a_device_is_online_by_asking(world, fleet):
    device = fleet.device()
    assert world.device_state(device.device) == "offline"
    device.poll()
    eventually(lambda: world.device_state(device.device) == "online")


# -- what feedback means (hawkbit-ddi 5) --------------------------------------------------------------


@pytest.mark.parametrize("finished", ["success", "none"])
def test_closed_is_success_unless_it_says_failure(world, fleet, finished):
    device = fleet.device()
    task, action = fleet.started(device)
    device.feedback(action, "closed", finished)
    assert world.state(task) == "success"


@pytest.mark.parametrize(
    "execution",
    ["proceeding", "scheduled", "resumed", "download", "downloaded", "rejected", "canceled"],
)
@pytest.mark.parametrize("finished", ["none", "success", "failure"])
def test_everything_else_leaves_the_record_under_way(world, fleet, execution, finished):
    device = fleet.device()
    task, action = fleet.started(device)
    device.feedback(action, execution, finished, "words")
    assert world.state(task) == "processing"
    assert device.offered() == action
    assert json.loads(fleet.timeline(device, "ddiFeedback")[0])["execution"] == execution


@pytest.mark.parametrize(
    "before, last, reason",
    [
        ([], ["No suitable .swu image found"], "No suitable .swu image found"),
        ([], ["Software: s Invalid checksum: a expected b", ""], "Software: s Invalid checksum: a expected b"),
        ([], ["Update Failed."], "Update Failed."),
        (["Installed Chunk."], ["Update Failed."], "Update Failed."),
        (
            ["[main] : no error yet", "ERROR : Image hash mismatch", "[stop] : cleaning up"],
            ["Update Failed."],
            "ERROR : Image hash mismatch; Update Failed.",
        ),
        (["LastError: no space left"], ["Failed to install software bundle."], "LastError: no space left; Failed to install software bundle."),
        ([], [], "升级失败"),
        ([], ["a", "b", "c", "d failed", "e"], "d failed"),
    ],
)
def test_a_failure_has_the_client_s_own_reason(world, fleet, before, last, reason):
    device = fleet.device()
    task, action = fleet.started(device)
    if before:
        device.proceed(action, *before)
    device.fail(action, *last)
    record = world.record(task)
    assert (record["state"]["value"], record["errorReason"]) == ("failed", reason)
    assert device.offered() is None


def test_a_retry_is_another_action(world, fleet):
    device = fleet.device()
    task, action = fleet.started(device)
    device.fail(action, "broken")
    fleet.api.post(f"{TASK}/{task['id']}/_start", ["failed"])
    again, _ = device.deployment()
    assert int(again) > int(action)
    assert device.call("GET", f"deploymentBase/{action}").status == 404
    assert device.call("POST", f"deploymentBase/{action}/feedback", device.report("proceeding")).status == 410
    device.succeed(again)
    assert world.state(task) == "success"


def test_a_late_success_counts_though_the_server_gave_up(world, fleet):
    device = fleet.device()
    task, action = fleet.started(device, timeout=1)
    world.wait_state(task, "failed", seconds=8)
    assert device.offered() is None
    device.succeed(action, "finally")
    assert world.state(task) == "success"
    assert world.firmware_version(device.device) == "1.1"


def test_progress_revives_a_record_that_timed_out_once(world, fleet):
    device = fleet.device()
    task, action = fleet.started(device, timeout=1)
    world.wait_state(task, "failed", seconds=8)
    device.proceed(action, progress=(1, 2))
    assert world.state(task) in ("processing", "failed")  # the deadline runs anew, for a second
    assert world.record(task)["progress"] == 50


def test_numbers_and_texts_as_ids_are_taken_and_unknown_members_ignored(world, fleet):
    device = fleet.device()
    task, action = fleet.started(device)
    for body in (
        device.report("proceeding", id=int(action), time="20261123T031735"),
        device.report("proceeding", id=action, timestamp=1627997501890, more={"a": [1]}),
    ):
        device.say("POST", f"deploymentBase/{action}/feedback", body)
    raw = json.dumps(device.report("closed", "success"), indent=2).encode()
    answer = device.call(
        "POST",
        f"deploymentBase/{action}/feedback",
        raw,
        {"Content-Type": "application/json;charset=UTF-8", "charsets": "utf-8"},
    )
    assert (answer.status, answer.body) == (200, b"")
    assert world.state(task) == "success"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"status":{"result":{"finished":"none"}}}',
        b'{"status":{"execution":"proceeding"}}',
        b'{"status":{"execution":"PROCEEDING","result":{"finished":"none"}}}',
        b'{"status":{"execution":"proceeding","result":{"finished":"maybe"}}}',
        b'{"status":{"execution":"proceeding","result":{"finished":"none"},"details":[[1]]}}',
    ],
)
def test_a_broken_feedback_is_refused(world, fleet, body):
    device = fleet.device()
    task, action = fleet.started(device)
    answer = device.call("POST", f"deploymentBase/{action}/feedback", body)
    assert error_of(answer, 400) == "hawkbit.server.error.rest.body.notReadable"
    assert world.state(task) == "processing"


def test_quotas_of_feedback(own_fleet):
    fleet = own_fleet("--ddi-feedbacks-per-action-max", "3", "--ddi-messages-per-feedback-max", "2")
    device = fleet.device()
    task, action = fleet.started(device)
    path = f"deploymentBase/{action}/feedback"
    many = device.call("POST", path, device.report("proceeding", "none", "1", "2", "3"))
    assert error_of(many, 429) == "hawkbit.server.error.quota.tooManyEntries"
    for _ in range(3):
        device.proceed(action, "1", "2")
    assert error_of(device.call("POST", path, device.report("proceeding")), 429)
    device.succeed(action, "the last word is taken")
    assert fleet.world.state(task) == "success"


def test_a_cancel_is_not_refused_without_end(own_fleet):
    """A refusal that changes nothing, because another record is under way, counts like progress."""
    fleet = own_fleet("--ddi-feedbacks-per-action-max", "3")
    device = fleet.device()
    task, action = fleet.started(device)
    fleet.stop(task)
    other = fleet.task(device, firmware=fleet.firmware("1.2", 3))
    address = f"http://{fleet.world.server.http}/ota/{fleet.product}?device={device.device}"
    assert curl(address, "-H", f"Authorization: Bearer {TOKEN}").status == 200
    assert fleet.world.state(other) == "processing"
    path = f"cancelAction/{action}/feedback"
    answers = [device.call("POST", path, device.report("rejected")).status for _ in range(6)]
    assert answers == [200, 200, 200, 200, 429, 429]
    assert fleet.world.state(task) == "canceled"
    assert device.call("POST", path, device.report("closed", "success")).status == 200


def test_what_the_device_sent_comes_back_as_history(fleet):
    device = fleet.device()
    _, action = fleet.started(device)
    device.proceed(action, "one", "two")
    device.proceed(action, "three")
    history = device.get(f"deploymentBase/{action}?actionHistory=2")["actionHistory"]
    assert history == {"status": "RUNNING", "messages": ["three", "two"]}
    everything = device.get(f"deploymentBase/{action}?actionHistory=-1")["actionHistory"]
    assert everything["messages"] == ["three", "two", "one"]


# -- who may ask (hawkbit-ddi 2) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None,
        f"TargetToken {TOKEN}x",
        f"targettoken {TOKEN}",
        f"TargetToken  {TOKEN}",
        f"TargetToken{TOKEN}",
        "TargetToken ",
        f"TargetToken {GATEWAY_TOKEN}",
        f"GatewayToken {TOKEN}",
        f"Bearer {TOKEN}",
    ],
)
def test_a_wrong_token_is_refused_everywhere_without_a_body(fleet, header):
    device = fleet.device()
    _, action = fleet.started(device)
    artifact = device.get(device.links["deploymentBase"])["deployment"]["chunks"][0]["artifacts"][0]
    stranger = fleet.client(device.device, headers={"Authorization": header} if header else {})
    for method, target, body in (
        ("GET", "", None),
        ("GET", f"deploymentBase/{action}", None),
        ("POST", f"deploymentBase/{action}/feedback", stranger.report("closed", "success")),
        ("PUT", "configData", {"data": {"a": "b"}}),
        ("GET", artifact["_links"]["download-http"]["href"], None),
        ("GET", artifact["_links"]["md5sum-http"]["href"], None),
    ):
        answer = stranger.call(method, target, body)
        assert (answer.status, answer.body) == (401, b""), (method, target, answer)


def test_a_gateway_token_speaks_for_every_device_of_its_product(world, fleet):
    device = fleet.device(token=None, gateway_token=GATEWAY_TOKEN)
    task = fleet.task(device)
    device.upgrade()
    assert world.state(task) == "success"
    other = world.device(world.product())
    assert fleet.client(other, gateway_token=GATEWAY_TOKEN).call("GET", "").status == 401


def test_methods_can_be_switched_off(own_fleet):
    fleet = own_fleet("--ddi-target-token", "false", "--ddi-gateway-token", "false")
    assert fleet.device().call("GET", "").status == 401
    assert fleet.device(token=None, gateway_token=GATEWAY_TOKEN).call("GET", "").status == 401


def test_an_unknown_device_is_registered_by_its_first_poll_if_the_product_allows_it(world, fleet):
    made = fleet.api.post(
        f"/device-product/{fleet.product}/credentials", {"kind": "token", "name": "gateway"}
    )
    unknown = fleet.client(world.name("new"), gateway_token=made["token"])
    assert unknown.call("GET", "").status == 401
    configuration = {"bearer_token": GATEWAY_TOKEN, "registerUnknown": "true"}
    fleet.api.put(f"/device-product/{fleet.product}", {"configuration": configuration})
    assert unknown.call("PUT", "configData", {"data": {"a": "b"}}).status == 401
    assert unknown.call("GET", "deploymentBase/1").status == 401
    assert unknown.call("HEAD", "").status == 401
    assert fleet.client(unknown.device, token=TOKEN).call("GET", "").status == 401
    assert "configData" in unknown.poll()["_links"]
    device = fleet.api.get(f"/device-instance/{unknown.device}")
    assert device["productId"] == fleet.product
    unknown.configure({"serial": "7"})


def test_the_tenant_is_compared_ignoring_case_and_another_one_is_unknown(fleet):
    device = fleet.device()
    other_case = fleet.client(device.device, token=TOKEN, tenant="default")
    assert "/default/controller/v1/" in other_case.poll()["_links"]["configData"]["href"]
    stranger = fleet.client(device.device, token=TOKEN, tenant="ACME")
    error_of(stranger.call("GET", ""), 404)


def test_a_controller_id_has_at_most_256_characters(fleet):
    error_of(fleet.client("d" * 257, token=TOKEN).call("GET", ""), 400)
    assert fleet.client("d" * 256, token=TOKEN).call("GET", "").status == 401


AUTHORITY = "ab" * 32


def with_authority(fleet, name, authority=AUTHORITY, field="X-Authority", cn=None):
    return fleet.client(name, headers={"X-Controller-Id": cn or name, field: authority})


def test_a_certificate_s_authority_counts_behind_a_trusted_proxy(own_fleet):
    fleet = own_fleet("--ddi-trusted-proxies", "10.9.8.7, 127.0.0.0/8")
    fleet.api.post(
        f"/device-product/{fleet.product}/credentials",
        {"kind": "authority", "authority": AUTHORITY},
    )
    name = fleet.device().device
    for authority, field in (
        (AUTHORITY, "X-Authority"),
        (f"{'cd' * 32};{AUTHORITY.upper()}", "X-Authority"),
        (AUTHORITY, "X-Authority-0"),
    ):
        assert with_authority(fleet, name, authority, field).call("GET", "").status == 200
    assert with_authority(fleet, name, cn="other").call("GET", "").status == 401
    assert with_authority(fleet, name, "cd" * 32).call("GET", "").status == 401
    assert with_authority(fleet, name, AUTHORITY, "X-Authority-1").call("GET", "").status == 401
    several = fleet.client(
        name,
        headers={"X-Controller-Id": name, "X-Authority-0": "cd" * 32, "X-Authority-1": AUTHORITY},
    )
    assert several.call("GET", "").status == 200


def test_an_address_that_a_proxy_passes_on_is_one_or_the_proxy_s_own(own_fleet):
    """A proxy that adds nothing passes on what the client says: any bytes."""
    fleet = own_fleet("--ddi-trusted-proxies", "127.0.0.1")
    addresses = ("10.1.2.3", "[2001:db8::1]:4711", "\xff\xfe", "<b>", "9" * 65)
    for said in addresses:
        device = fleet.device(headers={"X-Forwarded-For": f"evil, {said}"})
        device.poll()
        (line,) = eventually(lambda asked=device: fleet.timeline(asked, "online"))
        assert line == said if said in addresses[:2] else line.startswith("127.0.0.1")


@pytest.mark.parametrize("flags", [[], ["--ddi-trusted-proxies", "10.0.0.0/8, ::1"]])
def test_such_headers_from_anybody_else_are_ignored(own_fleet, flags):
    fleet = own_fleet(*flags)
    fleet.api.post(
        f"/device-product/{fleet.product}/credentials",
        {"kind": "authority", "authority": AUTHORITY},
    )
    device = fleet.device()
    assert with_authority(fleet, device.device).call("GET", "").status == 401
    device.headers.update({"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert device.poll()["_links"]["configData"]["href"].startswith(f"http://{device.address}/")


def test_nobody_sees_another_device_s_actions_or_files(fleet):
    device, other = fleet.device(), fleet.device()
    _, action = fleet.started(device)
    artifact = device.get(device.links["deploymentBase"])["deployment"]["chunks"][0]["artifacts"][0]
    path = artifact["_links"]["download-http"]["href"].split(device.device, 1)[1][1:]
    for target in (f"deploymentBase/{action}", f"cancelAction/{action}", path, f"{path}.MD5SUM"):
        assert error_of(other.call("GET", target), 404).endswith("entityNotFound")
    answer = other.call(
        "POST", f"deploymentBase/{action}/feedback", other.report("closed", "success")
    )
    error_of(answer, 404)


# -- links and documents (hawkbit-ddi 1, 3) -----------------------------------------------------------


def test_documents_carry_an_etag_and_are_not_sent_twice(fleet):
    device = fleet.device()
    first = device.call("GET", "")
    etag = first.headers["ETag"]
    assert first.status == 200 and etag.startswith('"0') and len(etag) == 35
    again = device.call("GET", "", headers={"If-None-Match": etag})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    fleet.task(device)
    changed = device.call("GET", "", headers={"If-None-Match": etag})
    assert changed.status == 200 and changed.headers["ETag"] != etag


@pytest.mark.parametrize(
    "accept, status, kind",
    [
        (None, 200, "application/json"),
        ("*/*", 200, "application/json"),
        ("application/json;charset=UTF-8", 200, "application/json"),
        ("application/hal+json", 200, "application/hal+json"),
        ("text/html, application/*;q=0.1", 200, "application/json"),
        ("text/html", 406, "application/json"),
        ("application/cbor", 406, "application/json"),
    ],
)
def test_answers_are_json_and_nothing_else(fleet, accept, status, kind):
    device = fleet.device()
    del device.headers["Accept"]
    answer = device.call("GET", "", headers={"Accept": accept} if accept else None)
    assert answer.status == status
    assert answer.headers["Content-Type"] == f"{kind};charset=UTF-8"


def test_bodies_are_json_and_nothing_else(fleet):
    device = fleet.device()
    body = json.dumps({"data": {"a": "b"}}).encode()
    for kind in ("application/json", "application/json;charset=UTF-8", "Application/JSON"):
        assert device.call("PUT", "configData", body, {"Content-Type": kind}).status == 200
    answer = device.call("PUT", "configData", body, {"Content-Type": "text/plain"})
    error_of(answer, 415)


def test_refusals_speak_both_languages(fleet):
    device = fleet.device()
    for language, chinese in (("zh-CN", True), ("en", False)):
        answer = device.call("GET", "deploymentBase/99999999", headers={"Accept-Language": language})
        error_of(answer, 404)
        assert has_chinese(answer.json["message"]) == chinese


def test_a_wrong_method_is_405(fleet):
    device = fleet.device()
    for method, target in (
        ("DELETE", ""),
        ("POST", "configData"),
        ("PUT", "deploymentBase/1/feedback"),
        ("POST", ""),
        ("PUT", "deploymentBase/1"),
    ):
        body = {} if method != "DELETE" else None
        error_of(device.call(method, target, body), 405)
    error_of(device.call("GET", "nothing/here"), 404)
    error_of(device.call("POST", "nothing/here", {}), 404)


def test_links_follow_a_configured_address(own_fleet):
    fleet = own_fleet(
        "--ddi-public-url", "https://ota.example.com/updraft/", "--ddi-download-http-url", "http://cdn.example.com"
    )
    device = fleet.device()
    fleet.task(device)
    device.poll()
    base = f"https://ota.example.com/updraft/DEFAULT/controller/v1/{device.device}"
    action = device.links["deploymentBase"].removeprefix(f"{base}/deploymentBase/").split("?")[0]
    chunk = device.get(f"deploymentBase/{action}")["deployment"]["chunks"][0]
    links = {rel: link["href"] for rel, link in chunk["artifacts"][0]["_links"].items()}
    path = f"/softwaremodules/{action}01/artifacts/fw%201.swu"
    cdn = f"http://cdn.example.com/DEFAULT/controller/v1/{device.device}{path}"
    assert links == {
        "download": f"{base}{path}",
        "md5sum": f"{base}{path}.MD5SUM",
        "download-http": cdn,
        "md5sum-http": f"{cdn}.MD5SUM",
    }


def test_links_follow_a_trusted_proxy_s_word(own_fleet):
    fleet = own_fleet("--ddi-trusted-proxies", "127.0.0.1")
    device = fleet.device(
        headers={"X-Forwarded-Host": "ota.example.com", "X-Forwarded-Proto": "https"}
    )
    assert device.poll()["_links"]["configData"]["href"].startswith("https://ota.example.com/DEFAULT/")


def test_links_keep_the_prefix_of_the_api(fleet):
    device = fleet.device()
    device.base = "/api" + device.base
    href = device.poll()["_links"]["configData"]["href"]
    assert href.startswith(f"http://{device.address}/api/DEFAULT/")
    device.say("PUT", href, {"data": {"a": "b"}})


def test_the_poll_interval_shortens_while_there_is_something_to_do(own_fleet):
    fleet = own_fleet("--ddi-poll-interval", "23h", "--ddi-poll-interval-active", "45s")
    device = fleet.device()
    assert device.poll()["config"]["polling"]["sleep"] == "23:00:00"
    fleet.task(device)
    assert device.poll()["config"]["polling"]["sleep"] == "00:00:45"
