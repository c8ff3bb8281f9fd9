"""The plain dialect: one stable URL per product (docs/protocols/http.md), asked with curl as shell
scripts, ESP-IDF's esp_https_ota and Arduino's HTTPUpdate do."""
import base64
import hashlib
import os
import re
import subprocess

import pytest

from support.builders import RECORD, World
from support.contract import ROOT
from support.http_device import TOKEN, curl
from support.waiting import eventually

IMAGE = bytes(range(256)) * 40
ETAG = '"' + hashlib.sha256(IMAGE).hexdigest() + '"'
BEARER = ("-H", f"Authorization: Bearer {TOKEN}")


@pytest.fixture
def product(world):
    return world.product(transportProtocol="HTTP", configuration={"bearer_token": TOKEN})


@pytest.fixture
def device(world, product):
    return world.device(product)


@pytest.fixture
def url(server, product):
    return f"http://{server.http}/ota/{product}"


def ready(world, product, device, mode="pull", **firmware):
    return world.task(world.firmware(product, content=IMAGE, **firmware), [device], mode)


def report(url, device, status, **body):
    fields = {"status": status, **body}
    members = ", ".join(f'"{name}": "{value}"' for name, value in fields.items())
    return curl(f"{url}/report?device={device}", *BEARER, data=f"{{{members}}}".encode())


def test_from_nothing_to_the_new_version(world, product, device, url):
    """What a shell script does: ask, install, ask again with the new version."""
    ask = f"{url}?device={device}&version="
    assert curl(ask + "1.0", *BEARER).status == 204
    assert world.firmware_version(device) == "1.0"
    task = ready(world, product, device)
    answer = curl(ask + "1.0", *BEARER)
    assert (answer.status, answer.body) == (200, IMAGE)
    assert answer.headers["etag"] == ETAG
    assert answer.headers["x-firmware-version"] == "1.1"
    assert answer.headers["x-md5"] == hashlib.md5(IMAGE).hexdigest()
    assert answer.headers["content-length"] == str(len(IMAGE))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert world.state(task) == "processing"
    assert curl(ask + "1.1", *BEARER).status == 204
    assert world.state(task) == "success"
    assert world.firmware_version(device) == "1.1"


def test_in_sequence_and_the_latest(world, product, device, url):
    for version, order in (("1.1", 2), ("1.2", 3)):
        world.task(
            world.firmware(product, version, order, content=version.encode()), [device], "pull"
        )
    assert curl(f"{url}?device={device}&version=1.0", *BEARER).body == b"1.1"
    assert curl(f"{url}?device={device}&version=1.1", *BEARER).body == b"1.2"
    assert curl(f"{url}?device={device}&version=1.2", *BEARER).status == 204


def test_the_latest(world, product, device, url):
    for version, order in (("1.1", 2), ("1.2", 3)):
        world.task(
            world.firmware(product, version, order, content=version.encode()), [device], "pull"
        )
    assert curl(f"{url}?device={device}&version=1.0&latest=true", *BEARER).body == b"1.2"


@pytest.mark.parametrize("mode", ["pull", "push"])
def test_reports(world, product, device, url, mode):
    task = ready(world, product, device, mode)
    curl(f"{url}?device={device}&version=1.0", *BEARER)
    assert report(url, device, "progress", progress="40", version="1.1").json == {"success": True}
    assert world.record(task)["progress"] == 40
    assert report(url, device, "failure", message="no room", version="1.1").status == 200
    assert world.record(task)["errorReason"] == "no room"
    world.api.post("/firmware/upgrade/task/" + task["id"] + "/_start", ["failed"])
    curl(f"{url}?device={device}&version=1.0", *BEARER)
    assert report(url, device, "success").status == 200
    assert world.state(task) == "success"


def test_refused_reports(device, url):
    bad = report(url, device, "done")
    assert (bad.status, bad.json["result"][0]["property"]) == (400, "status")
    assert curl(f"{url}/report?device={device}", *BEARER, data=b"[1]").status == 400
    assert curl(f"{url}/report?device={device}", data=b"{}").status == 401


def test_ranges_resume_the_same_image(world, product, device, url):
    ready(world, product, device)
    ask = f"{url}?device={device}&version=1.0"
    first = curl(ask, *BEARER, "-r", "0-99")
    assert (first.status, first.body) == (206, IMAGE[:100])
    rest = curl(ask, *BEARER, "-r", "100-", "-H", f"If-Range: {first.headers['etag']}")
    assert (rest.status, rest.body) == (206, IMAGE[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(IMAGE) - 1}/{len(IMAGE)}"


def test_head_looks_and_changes_nothing(world, product, device, url):
    task = ready(world, product, device)
    head = curl(f"{url}?device={device}&version=1.0", *BEARER, "-I")
    assert head.status == 200 and head.headers["x-firmware-version"] == "1.1"
    assert head.headers["content-length"] == str(len(IMAGE)) and head.headers["etag"] == ETAG
    assert world.state(task) == "waiting"
    assert world.firmware_version(device) is None
    assert curl(f"{url}?device={device}&version=1.1", *BEARER, "-I").status == 204
    assert world.state(task) == "waiting"


def test_a_client_that_has_the_image_gets_304(world, product, device, url):
    task = ready(world, product, device)
    has = ("-H", f"If-None-Match: {ETAG}")
    assert curl(f"{url}?device={device}", *BEARER, *has).status == 304
    assert world.state(task) == "waiting"
    assert curl(f"{url}?device={device}", *BEARER, "-H", 'If-None-Match: "other"').status == 200
    assert world.state(task) == "processing"
    assert curl(f"{url}?device={device}&version=1.1", *BEARER, *has).status == 304


@pytest.mark.parametrize("chip", ["ESP32", "ESP8266"])
def test_arduinos_http_update(world, product, url, chip):
    """x-ESP32-STA-MAC names the device, x-ESP32-version its version; 304 is "no update"."""
    mac = world.name("AA:BB:CC:DD:EE")
    device = world.device(product, id=mac.replace(":", ""))
    headers = (
        "-A", f"{chip}-http-Update",
        "-H", f"x-{chip}-STA-MAC: {mac}",
        "-H", f"x-{chip}-version: 1.0",
        "-H", f"x-{chip}-mode: sketch",
    )  # fmt: skip
    assert curl(url, *BEARER, *headers).status == 304
    task = ready(world, product, device)
    answer = curl(url, *BEARER, *headers)
    assert answer.body == IMAGE and answer.headers["x-md5"] == hashlib.md5(IMAGE).hexdigest()
    newer = [each.replace("version: 1.0", "version: 1.1") for each in headers]
    assert curl(url, *BEARER, *newer).status == 304
    assert world.state(task) == "success"


def test_ways_to_say_who_asks(world, product, device, url):
    ready(world, product, device)
    for arguments in (
        ("-u", f"{device}:{TOKEN}"),
        (*BEARER, "-H", f"X-Device-Id: {device}"),
        (*BEARER, "-H", f"X-Device-Id: {device}", "-H", "X-Firmware-Version: 1.0"),
    ):
        assert curl(url, *arguments).body == IMAGE, arguments


def test_refusals(world, product, device, url, server):
    assert curl(f"{url}?device={device}", "-H", "Authorization: Bearer wrong").status == 401
    nameless = curl(url, *BEARER)
    assert (nameless.status, nameless.json["result"][0]["property"]) == (400, "device")
    anonymous = curl(f"{url}?device={device}", "-H", "Accept-Language: en")
    assert anonymous.status == 401 and "WWW-Authenticate".lower() in anonymous.headers
    assert curl(f"{url}?device=nobody", *BEARER).status == 401
    elsewhere = curl(f"http://{server.http}/ota/another?device={device}", *BEARER)
    assert elsewhere.status == 404
    broken = base64.b64encode(b"no colon").decode()
    assert curl(url, "-H", f"Authorization: Basic {broken}").status == 400
    assert curl(url, "-H", "Authorization: Basic ???").status == 400


def test_bytes_that_lie_elsewhere(world, product, device, url):
    world.task(world.foreign_firmware(product), [device], "pull")
    answer = curl(f"{url}?device={device}&version=1.0", *BEARER)
    assert (answer.status, answer.headers["location"]) == (302, "http://cdn.example/1.1.bin")
    assert answer.headers["x-firmware-version"] == "1.1"


def test_unknown_devices_enroll_where_the_product_allows_it(api, world, url, product):
    token = "an-own-token-of-the-product-" + product
    api.post(f"/device-product/{product}/credentials", {"kind": "token", "token": token})
    stranger = world.name("stranger")
    ask = (f"{url}?device={stranger}&version=1.0", "-H", f"Authorization: Bearer {token}")
    assert curl(*ask).status == 401
    api.patch(
        "/device-product",
        {"id": product, "configuration": {"bearer_token": TOKEN, "registerUnknown": "true"}},
    )
    assert curl(*ask).status == 204
    eventually(lambda: world.device_state(stranger) == "online")
    assert world.firmware_version(stranger) == "1.0"


def operations(server):
    """Write operations that the store has committed since the start."""
    for line in curl(f"http://{server.http}/metrics").body.decode().splitlines():
        if line.startswith("updraft_store_operations_total "):
            return int(float(line.split(" ")[1]))
    raise AssertionError("no such metric")


def settled(server):
    """The counter once it stands still: what the set-up left has been stored, the task's point over
    time included, which is noted every 2 s."""
    last = None

    def still():
        nonlocal last
        before, last = last, operations(server)
        return before == last

    eventually(still, every=3, seconds=30)
    return last


@pytest.fixture
def quiet(private_server):
    """A server of its own, whose counter nobody else moves."""
    server = private_server()
    return World(server, server.api())


def test_asking_without_news_and_ranges_write_nothing(quiet):
    """Issue: the read paths write nothing to the database."""
    server = quiet.server
    product = quiet.product(configuration={"bearer_token": TOKEN})
    device, idle = quiet.devices(product, 2)
    quiet.task(quiet.firmware(product, content=IMAGE), [device], "pull")
    url = f"http://{server.http}/ota/{product}"
    json_pull = b'{"messageId":"1","currentVersion":"1.0"}'
    gateway = quiet.api.post(f"/device-product/{product}/credentials", {"kind": "token"})["token"]

    def pull_over_http():
        address = f"http://{server.http}/{product}/{idle}/firmware/pull"
        return curl(address, "-X", "POST", *BEARER, data=json_pull)

    def poll_as_hawkbit_does():
        address = f"http://{server.http}/DEFAULT/controller/v1/{idle}"
        return curl(address, "-H", f"Authorization: GatewayToken {gateway}")

    # The first request makes a device online, stores its version, and takes the image.
    assert curl(f"{url}?device={device}&version=1.0", *BEARER).status == 200
    assert curl(f"{url}?device={idle}&version=1.0", *BEARER).status == 204
    assert pull_over_http().json["code"] == "NO_FIRMWARE"
    assert poll_as_hawkbit_does().status == 200
    eventually(lambda: quiet.device_state(idle) == quiet.device_state(device) == "online")

    before = settled(server)
    for start in range(0, 1000, 50):
        part = curl(f"{url}?device={device}&version=1.0", *BEARER, "-r", f"{start}-{start + 49}")
        assert part.body == IMAGE[start : start + 50]
        assert curl(f"{url}?device={idle}&version=1.0", *BEARER).status == 204
        assert curl(f"{url}?device={device}&version=1.0", *BEARER, "-I").status == 200
        assert pull_over_http().json["code"] == "NO_FIRMWARE"
        assert "deploymentBase" not in poll_as_hawkbit_does().json.get("_links", {})
    assert operations(server) == before

    # The counter does count: news moves it.
    assert curl(f"{url}?device={idle}&version=1.0.1", *BEARER).status == 204
    assert operations(server) > before


def test_the_commands_of_the_document_work(world, product, device, server, tmp_path):
    """docs/protocols/http.md: every shell block, in order, in one shell."""
    task = ready(world, product, device)
    text = (ROOT / "docs" / "protocols" / "http.md").read_text(encoding="utf-8")
    script = "set -eu\n" + "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S))
    names = {"SERVER": f"http://{server.http}", "PRODUCT": product, "DEVICE": device}
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, **names, "TOKEN": TOKEN},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "image.bin: OK" in done.stdout and '"version":"1.1"' in done.stdout
    assert world.state(task) == "success"


# -- devices that say what nobody can show ------------------------------------------------------------


@pytest.mark.parametrize("version", [b"1.\xff", b"1" * 129])
def test_a_version_that_is_no_text_is_refused(world, device, url, version):
    """A header may hold any bytes; people read versions inside JSON."""
    answer = curl(f"{url}?device={device}", *BEARER, "-H", b"X-Firmware-Version: " + version)
    assert answer.status == 400
    assert world.firmware_version(device) is None


def test_a_long_report_is_cut_between_characters(world, product, device, url):
    task = ready(world, product, device)
    assert curl(f"{url}?device={device}", *BEARER).status == 200
    for blanks in range(3):
        body = f'{{"status": "progress", "message": "{" " * blanks}{"字" * 2000}"}}'
        assert curl(f"{url}/report?device={device}", *BEARER, data=body.encode()).status == 200
    assert report(url, device, "failure", message="字" * 2000).status == 200
    record = world.record(task)
    assert record["errorReason"] == "字" * 341
    lines = world.api.get(f"{RECORD}/{record['id']}/timeline?limit=100")
    assert any("字" in each.get("content", "") for each in lines)
