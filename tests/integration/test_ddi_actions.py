"""What a hawkBit device may be told besides "install this": cancel, agree, download, describe
yourself (hawkbit-ddi 6-11)."""
import hashlib
import json

import pytest

from support.builders import TASK
from support.ddi_fleet import CONTENT, SHA1, error_of

# -- cancelling (hawkbit-ddi 6) -----------------------------------------------------------------------


def canceling(fleet, device):
    """(task, action) of an update that the device has fetched and an operator has stopped."""
    task, action = fleet.started(device)
    fleet.stop(task)
    assert fleet.world.state(task) == "canceled"
    assert device.offered("cancelAction") == action
    return task, action


def test_a_stop_reaches_the_device_as_a_cancel(world, fleet):
    device = fleet.device()
    task, action = canceling(fleet, device)
    assert "deploymentBase" not in device.links
    cancel = device.get(device.links["cancelAction"])
    assert cancel == {"id": action, "cancelAction": {"stopId": action}}
    error_of(device.call("GET", f"deploymentBase/{action}"), 404)
    device.acknowledge_cancel(action, "cancellation acknowledged.")
    assert set(device.poll()["_links"]) == {"configData"}
    assert world.state(task) == "canceled"
    answer = device.call(
        "POST", f"cancelAction/{action}/feedback", device.report("closed", "success")
    )
    assert answer.status == 410
    assert device.get(f"cancelAction/{action}")["id"] == action  # it was canceled


def test_progress_never_undoes_a_cancel(world, fleet):
    device = fleet.device()
    task, action = canceling(fleet, device)
    device.proceed(action, "Download complete. 0.06 MB/s", progress=(1, 2))
    device.feedback(action, "canceled", "none", kind="cancelAction")
    device.feedback(action, "proceeding", "none", kind="cancelAction")
    assert world.state(task) == "canceled"
    assert device.offered("cancelAction") == action


@pytest.mark.parametrize("execution, finished", [("rejected", "success"), ("closed", "failure")])
def test_a_device_that_refuses_a_cancel_goes_on(world, fleet, execution, finished):
    device = fleet.device()
    task, action = canceling(fleet, device)
    device.feedback(action, execution, finished, "too late", kind="cancelAction")
    assert world.state(task) == "processing"
    assert device.offered() == action
    device.succeed(action)
    assert world.state(task) == "success"


def test_success_of_a_canceled_update_counts_all_the_same(world, fleet):
    device = fleet.device()
    task, action = canceling(fleet, device)
    device.succeed(action, "was faster")
    assert world.state(task) == "success"
    assert world.firmware_version(device.device) == "1.1"
    assert device.offered("cancelAction") is None


def test_failure_of_a_canceled_update_leaves_it_canceled(world, fleet):
    device = fleet.device()
    task, action = canceling(fleet, device)
    device.fail(action, "download aborted")
    assert world.state(task) == "canceled"
    assert device.offered("cancelAction") is None


def test_what_was_never_fetched_disappears_without_a_cancel(world, fleet):
    device = fleet.device()
    task = fleet.task(device)
    action = device.offered()
    fleet.stop(task)
    assert set(device.poll()["_links"]) == {"configData"}
    error_of(device.call("GET", f"cancelAction/{action}"), 404)
    error_of(device.call("GET", f"deploymentBase/{action}"), 404)


def test_a_stopped_update_that_is_continued_is_another_action(world, fleet):
    device = fleet.device()
    task, action = canceling(fleet, device)
    fleet.api.post(f"{TASK}/{task['id']}/_start", ["canceled"])
    again, _ = device.deployment()
    assert int(again) > int(action)
    device.acknowledge_cancel(action)  # of the one before, which it has still to finish
    device.succeed(again)
    assert world.state(task) == "success"


def test_only_what_is_being_canceled_can_be_answered(fleet):
    device = fleet.device()
    _, action = fleet.started(device)
    error_of(device.call("GET", f"cancelAction/{action}"), 404)
    answer = device.call(
        "POST", f"cancelAction/{action}/feedback", device.report("closed", "success")
    )
    assert error_of(answer, 405) == "hawkbit.server.error.action.notCancelable"
    answer = device.call("POST", "cancelAction/9999999/feedback", device.report("closed"))
    error_of(answer, 404)


# -- consent (hawkbit-ddi 7) --------------------------------------------------------------------------


def asked(fleet, device):
    """(task, action) that waits for the device's consent."""
    task = fleet.task(device, confirmationRequired=True)
    action = device.offered("confirmationBase")
    assert action and "deploymentBase" not in device.links
    return task, action


def test_an_update_waits_for_consent(world, fleet):
    device = fleet.device()
    task, action = asked(fleet, device)
    document = device.get(device.links["confirmationBase"])
    assert document["id"] == action and document["confirmation"]["chunks"][0]["version"] == "1.1"
    assert "deployment" not in document
    error_of(device.call("GET", f"deploymentBase/{action}"), 404)
    report = device.report("proceeding")
    error_of(device.call("POST", f"deploymentBase/{action}/feedback", report), 404)
    device.confirm(action, "denied", "not now")
    assert device.offered("confirmationBase") == action
    device.confirm(action, "confirmed", "go on")
    assert world.state(task) == "waiting"
    error_of(device.call("GET", f"confirmationBase/{action}"), 404)
    assert device.offered() == action
    device.upgrade()
    assert world.state(task) == "success"
    answer = device.call(
        "POST", f"confirmationBase/{action}/feedback", {"confirmation": "confirmed"}
    )
    assert answer.status == 410


def test_consent_can_be_taken_back_until_it_is_done(world, fleet):
    device = fleet.device()
    task, action = asked(fleet, device)
    device.confirm(action)
    device.deployment()
    assert world.state(task) == "processing"
    device.confirm(action, "denied")
    assert world.state(task) == "waiting"
    assert device.offered("confirmationBase") == action
    device.confirm(action)
    device.upgrade()
    assert world.state(task) == "success"
    assert world.record(task)["state"]["value"] == "success"


def test_what_needs_no_consent_cannot_be_confirmed(fleet):
    device = fleet.device()
    _, action = fleet.started(device)
    for word in ("confirmed", "denied"):
        body = {"confirmation": word}
        error_of(device.call("POST", f"confirmationBase/{action}/feedback", body), 404)
    for body in ({}, {"confirmation": "perhaps"}):
        error_of(device.call("POST", f"confirmationBase/{action}/feedback", body), 400)


def test_consent_in_advance(world, fleet):
    device = fleet.device()
    task, action = asked(fleet, device)
    consent = device.get("confirmationBase")
    assert consent["autoConfirm"] == {"active": False}
    links = {rel: link["href"] for rel, link in consent["_links"].items()}
    assert set(links) == {"activateAutoConfirm", "confirmationBase"}
    said = {"initiator": "ann", "remark": "always"}
    device.say("POST", links["activateAutoConfirm"], said)
    error_of(device.call("POST", links["activateAutoConfirm"], said), 409)
    consent = device.get("confirmationBase")
    assert consent["autoConfirm"].pop("activatedAt") > 0
    assert consent["autoConfirm"] == {"active": True, **said}
    assert device.offered() == action
    device.upgrade()
    second = fleet.task(device, firmware=fleet.firmware("1.2", 3), confirmationRequired=True)
    device.upgrade()
    assert world.state(second) == "success"
    device.say("POST", consent["_links"]["deactivateAutoConfirm"]["href"])
    assert device.get("confirmationBase")["autoConfirm"] == {"active": False}
    fleet.task(device, firmware=fleet.firmware("1.3", 4), confirmationRequired=True)
    assert device.offered("confirmationBase")


def test_consent_in_advance_needs_no_words(fleet):
    device = fleet.device()
    assert device.call("POST", "confirmationBase/activateAutoConfirm").status == 200
    assert device.get("confirmationBase")["autoConfirm"]["active"] is True


# -- soft, forced, only downloaded (hawkbit-ddi 4, 11) -------------------------------------------------


def test_a_soft_update_is_an_attempt(fleet):
    device = fleet.device()
    fleet.task(device, deployment="soft")
    device.poll()
    deployment = device.get(device.links["deploymentBase"])["deployment"]
    assert (deployment["download"], deployment["update"]) == ("attempt", "attempt")


def test_a_download_only_update_ends_with_the_download(world, fleet):
    device = fleet.device()
    task = fleet.task(device, deployment="downloadOnly")
    device.poll()
    document = device.get(device.links["deploymentBase"])
    assert (document["deployment"]["download"], document["deployment"]["update"]) == (
        "forced",
        "skip",
    )
    device.feedback(document["id"], "downloaded", "success", "Download complete.")
    assert world.state(task) == "success"
    assert world.firmware_version(device.device) is None  # it has it, and does not run it
    assert device.offered() is None and "configData" in device.links
    install = fleet.task(device, firmware=world.api.get(f"/firmware/{task['firmwareId']}"))
    device.upgrade()
    assert world.state(install) == "success"
    assert world.firmware_version(device.device) == "1.1"


def test_a_client_that_would_lie_is_not_offered_a_download_only_update(world, fleet):
    device = fleet.device(agent="libcurl-agent/1.0")
    task = fleet.task(device, deployment="downloadOnly")
    assert device.offered() is None
    assert device.offered() is None
    assert len(fleet.timeline(device, "ddiNotOffered")) == 1
    following = fleet.task(device, firmware=fleet.firmware("1.2", 3))
    device.upgrade()
    assert (world.state(task), world.state(following)) != ("success", "waiting")
    assert world.state(following) == "success"


# -- attributes (hawkbit-ddi 8) -----------------------------------------------------------------------


def attributes(fleet, device):
    return fleet.api.get(f"/device-instance/{device.device}").get("attributes", {})


def test_attributes_are_merged_replaced_and_removed(fleet):
    device = fleet.device()
    device.say(
        "PUT",
        "configData",
        {
            "id": "",
            "time": "20261123T031735",
            "status": {
                "result": {"finished": "success"},
                "execution": "closed",
                "details": [""],
            },
            "data": {"hwRevision": "ixboard-1.0", "serial": "7"},
        },
    )
    assert device.poll().get("_links") is None  # told, so no longer wanted
    assert attributes(fleet, device) == {"hwRevision": "ixboard-1.0", "serial": "7"}
    device.configure({"serial": "8", "colour": "red", "hwRevision": None}, mode="merge")
    assert attributes(fleet, device) == {"serial": "8", "colour": "red"}
    device.configure({"serial": "whatever"}, mode="remove")
    assert attributes(fleet, device) == {"colour": "red"}
    device.configure({"only": "this"}, mode="replace")
    assert attributes(fleet, device) == {"only": "this"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": {}},
        {"data": {"k": "v"}, "mode": "toss"},
        {"data": {"k" * 129: "v"}},
        {"data": {"k": "v" * 129}},
        {"data": {"": "v"}},
        {"data": {"k": "a~b"}},
        {"data": {"k`": "v"}},
        {"data": {"k": "größe"}},
        {"data": {"k": {"a": "b"}}},
    ],
)
def test_attributes_that_break_a_rule_are_refused(fleet, body):
    device = fleet.device()
    device.configure({"a": "b"})
    error_of(device.call("PUT", "configData", body), 400)
    assert attributes(fleet, device) == {"a": "b"}


def test_a_device_has_a_hundred_attributes_at_most(fleet):
    device = fleet.device()
    device.configure({f"k{i}": "v" for i in range(100)})
    device.configure({"k99": "w"})
    assert error_of(device.call("PUT", "configData", {"data": {"more": "v"}}), 429)
    assert len(attributes(fleet, device)) == 100


def test_attributes_are_wanted_again_when_an_operator_asks(fleet):
    device = fleet.device()
    device.configure({"a": "b"})
    assert device.poll().get("_links") is None
    fleet.api.post(f"/device-instance/{device.device}/attributes/_request")
    assert set(device.poll()["_links"]) == {"configData"}


# -- installed (hawkbit-ddi 9) ------------------------------------------------------------------------


def test_what_is_installed_can_be_read(fleet):
    device = fleet.device()
    _, action = fleet.started(device)
    error_of(device.call("GET", f"installedBase/{action}"), 404)
    device.succeed(action)
    device.poll()
    document = device.get(device.links["installedBase"])
    assert document["id"] == action and document["deployment"]["chunks"][0]["version"] == "1.1"


def test_a_device_announces_what_it_runs(world, fleet):
    device = fleet.device()
    task = fleet.task(device)
    said = {"name": "firmware 1.1", "version": "1.1"}
    assert device.call("PUT", "installedBase", said).status == 201
    assert world.firmware_version(device.device) == "1.1"
    assert world.state(task) == "success"  # T14
    assert device.call("PUT", "installedBase", said).status == 200
    for unknown in ({"name": "firmware 1.1", "version": "9"}, {"name": "no", "version": "1.1"}):
        error_of(device.call("PUT", "installedBase", unknown), 404)
    error_of(device.call("PUT", "installedBase", {"name": "firmware 1.1"}), 400)


# -- artifacts (hawkbit-ddi 10) -----------------------------------------------------------------------


@pytest.fixture
def download(fleet):
    """(device, action, link of its artifact) of an update that was fetched."""
    device = fleet.device()
    _, action = fleet.started(device)
    chunks = device.get(device.links["deploymentBase"])["deployment"]["chunks"]
    return device, action, chunks[0]["artifacts"][0]["_links"]["download-http"]["href"]


def test_the_head_of_a_download(download):
    device, _, link = download
    for method in ("GET", "HEAD"):
        answer = device.call(method, link, headers={"Accept": "application/octet-stream"})
        assert answer.status == 200
        assert answer.body == (CONTENT if method == "GET" else b"")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        assert headers["content-length"] == str(len(CONTENT))
        assert headers["content-type"] == "application/octet-stream"
        assert headers["accept-ranges"] == "bytes"
        assert headers["etag"] == f'"{SHA1}"'
        assert headers["content-disposition"] == 'attachment;filename="fw 1.swu"'
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["last-modified"].endswith("GMT")


def test_the_md5_of_a_download(download):
    device, _, link = download
    answer = device.call("GET", link + ".MD5SUM")
    assert answer.body.decode() == f"{hashlib.md5(CONTENT).hexdigest()}  fw 1.swu"
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Content-Disposition"] == 'attachment;filename="fw 1.swu.MD5SUM"'


SIZE = len(CONTENT)


@pytest.mark.parametrize(
    "value, first, last",
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=-7", SIZE - 7, SIZE - 1),
        (f"bytes=10-{SIZE * 2}", 10, SIZE - 1),
    ],
)
def test_a_range(download, value, first, last):
    device, _, link = download
    answer = device.call("GET", link, headers={"Range": value})
    assert answer.status == 206 and answer.body == CONTENT[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"


def test_several_ranges_come_in_order(download):
    device, _, link = download
    answer = device.call("GET", link, headers={"Range": "bytes=100-109,0-4"})
    assert answer.status == 206
    assert answer.headers["Content-Type"].startswith("multipart/byteranges")
    first, second = answer.body.find(CONTENT[100:110]), answer.body.find(CONTENT[0:5])
    assert 0 < first < second


@pytest.mark.parametrize(
    "value",
    [
        f"bytes={SIZE}-",
        "bytes=9-5",
        "bytes=a-b",
        "bytes=",
        "bytes=-",
        "items=0-1",
        "0-1",
        "bytes=0-10,5-20",
        f"bytes=0-1,{SIZE}-",
    ],
)
def test_a_range_that_is_none_is_416(download, value):
    device, _, link = download
    answer = device.call("GET", link, headers={"Range": value})
    error_of(answer, 416)
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_conditions_of_a_download(download):
    device, _, link = download

    def status(**headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return device.call("GET", link, headers=named).status

    etag = f'"{SHA1}"'
    assert status(If_Match=etag) == status(If_Match="*") == 200
    assert status(If_Match='"other"') == 412
    assert status(If_Match='"other"', Range="bytes=9-5") == 412
    assert status(If_None_Match=etag) == 304
    assert status(Range="bytes=0-1", If_Range=etag) == 206
    assert status(Range="bytes=0-1", If_Range='"other"') == 200
    assert status(Range="bytes=9-5", If_Range='"other"') == 200
    assert status(Range="bytes=0-1", If_Range="Thu, 01 Jan 2015 00:00:00 GMT") == 200


def test_a_whole_download_is_noted_and_a_part_is_not(fleet, download):
    device, _, link = download
    device.call("GET", link, headers={"Range": "bytes=5-"})
    device.call("HEAD", link)
    device.call("GET", link, headers={"If-None-Match": f'"{SHA1}"'})
    device.call("GET", link)
    device.proceed(download[1])  # written behind it
    (line,) = fleet.timeline(device, "ddiDownload")
    assert json.loads(line) == {"filename": "fw 1.swu", "size": SIZE}


def test_files_are_visible_while_the_action_is_open(fleet, download):
    device, action, link = download
    folder = link.rsplit("/", 1)[0]
    assert [each["filename"] for each in device.get(folder)] == ["fw 1.swu"]
    error_of(device.call("GET", f"{folder}/other.swu"), 404)
    error_of(device.call("GET", folder.replace("01/artifacts", "02/artifacts")), 404)
    error_of(device.call("GET", "softwaremodules/x/artifacts"), 404)
    device.succeed(action)
    assert device.get(folder)[0]["hashes"]["sha1"] == SHA1  # of the installed one, the list
    error_of(device.call("GET", link), 404)


def test_files_of_a_canceled_action_are_gone(fleet):
    device = fleet.device()
    task, _ = fleet.started(device)
    chunks = device.get(device.links["deploymentBase"])["deployment"]["chunks"]
    link = chunks[0]["artifacts"][0]["_links"]["download-http"]["href"]
    fleet.stop(task)
    error_of(device.call("GET", link), 404)
    error_of(device.call("GET", link.rsplit("/", 1)[0]), 404)


def test_a_firmware_of_several_artifacts(world, fleet):
    further = {name: fleet.api.upload(name.encode() * 50, name) for name in ("a.bin", "b.bin", "c")}
    firmware = fleet.firmware(
        moreArtifacts=[
            {"fileId": further["a.bin"]["id"], "part": "application", "name": "app", "version": "7"},
            {"fileId": further["b.bin"]["id"], "part": "application", "name": "app", "version": "7"},
            {"fileId": further["c"]["id"], "part": "os", "name": "firmware 1.1", "version": "1.1"},
        ]
    )
    device = fleet.device()
    task = fleet.task(device, firmware=firmware)
    action, chunks = device.deployment()
    assert [
        (
            chunk["part"],
            chunk["name"],
            chunk["version"],
            [each["filename"] for each in chunk["artifacts"]],
        )
        for chunk in chunks
    ] == [
        ("os", "firmware 1.1", "1.1", ["fw 1.swu", "c"]),
        ("bApp", "app", "7", ["a.bin", "b.bin"]),
    ]
    for chunk in chunks:
        for artifact in chunk["artifacts"]:
            device.download(artifact)
    device.succeed(action)
    assert world.state(task) == "success"


def test_a_firmware_whose_bytes_lie_elsewhere(world, fleet):
    device = fleet.device()
    fleet.task(device, firmware=world.foreign_firmware(fleet.product))
    _, chunks = device.deployment()
    (artifact,) = chunks[0]["artifacts"]
    assert artifact["filename"] == "1.1.bin" and artifact["size"] == 14
    assert artifact["_links"] == {"download-http": {"href": "http://cdn.example/1.1.bin"}}
    assert artifact["hashes"] == {"md5": hashlib.md5(b"1.1").hexdigest()}
