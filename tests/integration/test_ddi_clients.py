"""Clients of hawkBit's device API that Debian does not have, played by what was seen of them on the wire
(hawkbit-ddi 12): rauc-hawkbit-updater 1.4 header by header, and one like Zephyr's."""
import hashlib
import itertools
import os

import pytest

from support.builders import DDI_PRODUCT, TASK
from support.ddi_device import DdiDevice

CONTENT = os.urandom(100_000)
STEPS = [f"{5 * step}% Installing step {step}" for step in range(1, 21)]


@pytest.fixture
def deployment(world, tmp_path):
    """deployment(): (device id, its token, the task)."""

    def make(**task):
        product = world.product(**DDI_PRODUCT)
        device = world.device(product)
        told = world.api.post(f"/device-instance/{device}/credentials", {"kind": "token"})
        firmware = world.firmware(product, file=world.api.upload(CONTENT, "bundle-1.1.raucb"))
        return device, told["token"], world.task(firmware, [device], **task)

    return make


class RaucUpdater(DdiDevice):
    """Takes exactly one chunk with one artifact, 200 for reports, and resumes whatever file is there."""

    def __init__(self, address, device, token, folder):
        super().__init__(
            address,
            device,
            token=token,
            agent="rauc-hawkbit-c-agent/1.0",
            headers={"Accept": "application/json;charset=UTF-8"},
        )
        self.file = folder / "bundle.raucb"

    @staticmethod
    def report(execution, finished="none", *details, action="", **_):
        status = {"result": {"finished": finished}, "execution": execution}
        if details:
            status["details"] = list(details)
        legacy = {"id": action, "time": "20261123T032114"}
        return {**legacy, "status": status}

    def say_of(self, action, execution, finished, text, kind="deploymentBase"):
        report = self.report(execution, finished, text, action=action)
        self.say("POST", f"{kind}/{action}/feedback", report)

    def identify(self):
        status = {"result": {"finished": "success"}, "execution": "closed"}
        data = {"product": "board", "serialnumber": self.device}
        body = {"time": "20261123T032114", "status": status, "data": data}
        self.say("PUT", "configData", body)

    def fetch(self):
        """(action, artifact, status of the download)."""
        action, chunks = self.deployment()
        assert isinstance(action, str) and len(chunks) == 1 and len(chunks[0]["artifacts"]) == 1
        artifact = chunks[0]["artifacts"][0]
        links = artifact["_links"]
        href = (links.get("download") or links["download-http"])["href"]
        have = self.file.stat().st_size if self.file.exists() else 0
        headers = {"Accept": "application/octet-stream"}
        headers |= {"Range": f"bytes={have}-"} if have else {}
        answer = self.call("GET", href, headers=headers)
        if answer.status in (200, 206):
            with open(self.file, "ab") as file:
                file.write(answer.body)
        else:
            assert answer.status == 416, answer  # "already complete"
        return action, artifact, answer

    def verified(self, artifact):
        assert self.file.stat().st_size == artifact["size"]
        return hashlib.sha1(self.file.read_bytes()).hexdigest() == artifact["hashes"]["sha1"]


@pytest.fixture
def rauc(server, tmp_path):
    made = []

    def make(device, token):
        made.append(RaucUpdater(server.http, device, token, tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.close()


def install(device, action):
    device.say_of(action, "proceeding", "none", "Download complete. 0.06 MB/s")
    device.say_of(action, "proceeding", "none", "File checksum OK.")
    for step in STEPS:
        device.say_of(action, "proceeding", "none", step)


def test_rauc_installs_without_a_reboot(world, deployment, rauc):
    name, token, task = deployment()
    device = rauc(name, token)
    document = device.poll()
    assert "configData" in device.links
    hours, minutes, seconds = document["config"]["polling"]["sleep"].split(":")
    assert (len(hours), len(minutes), len(seconds)) == (2, 2, 2) and int(hours) < 24
    device.identify()
    action, artifact, answer = device.fetch()
    assert answer.status == 200 and device.verified(artifact)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    install(device, action)
    assert world.state(task) == "processing"
    device.say_of(action, "closed", "success", "Software bundle installed successfully.")
    assert world.wait_state(task, "success")["progress"] == 100
    assert device.offered() is None and "configData" in device.links  # attributes may have changed
    record = world.record(task)
    timeline = str(world.api.get(f"/firmware/upgrade/history/{record['id']}/timeline"))
    assert all(text in timeline for text in ("File checksum OK.", STEPS[0], STEPS[-1]))
    assert device.call("POST", f"deploymentBase/{action}/feedback",
                       device.report("proceeding", action=action)).status == 410  # fmt: skip


@pytest.mark.parametrize("have", [1, 40_000, len(CONTENT)])
def test_rauc_resumes_the_file_that_it_finds(deployment, rauc, have):
    name, token, _ = deployment()
    device = rauc(name, token)
    device.file.write_bytes(CONTENT[:have])
    _, artifact, answer = device.fetch()
    if have == len(CONTENT):
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"
    else:
        assert answer.status == 206
        last = len(CONTENT) - 1
        assert answer.headers["Content-Range"] == f"bytes {have}-{last}/{len(CONTENT)}"
    assert device.verified(artifact)


def test_rauc_s_own_words_are_the_reason_of_a_failure(world, deployment, rauc):
    name, token, task = deployment()
    device = rauc(name, token)
    action, _, _ = device.fetch()
    words = "Software: firmware 1.1 Version: 1.1 Invalid checksum: 00 expected 11"
    device.say_of(action, "closed", "failure", words)
    assert world.wait_state(task, "failed")["errorReason"] == words


def test_rauc_finishes_its_download_before_it_takes_a_cancel(world, deployment, rauc):
    name, token, task = deployment()
    device = rauc(name, token)
    action, _, _ = device.fetch()
    assert world.api.post(f"{TASK}/_stop", [world.record(task)["id"]]) == 1
    assert device.offered("cancelAction") == action
    device.say_of(action, "proceeding", "none", "Download complete. 0.06 MB/s")
    assert device.offered("cancelAction") == action  # progress never ends a cancellation
    device.say_of(action, "closed", "success", "Action canceled.", kind="cancelAction")
    assert device.offered("cancelAction") is None and device.offered() is None
    assert world.state(task) == "canceled"


def test_rauc_does_not_take_a_cancel_while_it_installs(world, deployment, rauc):
    name, token, task = deployment()
    device = rauc(name, token)
    action, _, _ = device.fetch()
    install(device, action)
    assert world.api.post(f"{TASK}/_stop", [world.record(task)["id"]]) == 1
    assert device.offered("cancelAction") == action
    text = "Cancelation impossible, installation already started."
    device.say_of(action, "rejected", "success", text, kind="cancelAction")
    assert device.offered("cancelAction") is None
    device.say_of(action, "closed", "success", "Software bundle installed successfully.")
    world.wait_state(task, "success")


def test_rauc_is_refused_with_a_wrong_token(world, server, deployment, rauc):
    name, token, task = deployment()
    device = rauc(name, "wrong")
    assert (device.call("GET", "").status, device.call("GET", "").body) == (401, b"")
    action, chunks = rauc(name, token).deployment()
    links = chunks[0]["artifacts"][0]["_links"]
    href = (links.get("download") or links["download-http"])["href"]
    for target in (f"deploymentBase/{action}", f"cancelAction/{action}", href):
        assert device.call("GET", target).status == 401, target
    report = device.report("closed", "success", action=action)
    assert device.call("POST", f"deploymentBase/{action}/feedback", report).status == 401
    assert world.state(task) == "processing"


def test_a_small_client_opens_a_connection_a_request_and_reads_small_ranges(
    world, server, deployment
):
    name, token, task = deployment()
    device = DdiDevice(
        server.http, name, token=token, agent="", headers={"Accept": "*/*"}, keep_alive=False
    )
    device.configure({"VIN": "JN8AS5MT6CW253301"})
    action, chunks = device.deployment()
    artifact = chunks[0]["artifacts"][0]
    href = artifact["_links"]["download-http"]["href"]
    content = b""
    for start in itertools.count(0, 8192):
        last = min(start + 8191, artifact["size"] - 1)
        answer = device.call("GET", href, headers={"Range": f"bytes={start}-{last}"})
        assert answer.status == 206 and len(answer.body) == last - start + 1
        content += answer.body
        if last == artifact["size"] - 1:
            break
    assert content == CONTENT
    assert hashlib.sha256(content).hexdigest() == artifact["hashes"]["sha256"]
    device.succeed(action)
    world.wait_state(task, "success")


def test_expect_100_continue_and_members_nobody_knows(world, server, deployment):
    name, token, task = deployment()
    device = DdiDevice(server.http, name, token=token)
    action, _ = device.deployment()
    odd = {
        "id": int(action),
        "time": "20261123T031735",
        "unknown": {"deep": [1, None]},
        "status": {
            "details": [],
            "extra": True,
            "execution": "proceeding",
            "result": {"progress": {"of": 0, "cnt": 0}, "finished": "none", "more": 1},
        },
    }
    headers = {"Expect": "100-continue"}
    answer = device.call("POST", f"deploymentBase/{action}/feedback", odd, headers)
    assert (answer.status, answer.body) == (200, b"")
    assert world.state(task) == "processing"
    device.close()
