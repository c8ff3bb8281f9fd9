"""Debian's swupdate, unmodified, against the real server (hawkbit-ddi 11): what it says is what it does."""
import hashlib
import os
import re

import pytest

from support.builders import DDI_PRODUCT, TASK, World
from support.proxy import Proxy
from support.server import Server
from support.swupdate import SECONDS, Publisher, Swupdate
from support.waiting import eventually, stays

CONTENT = os.urandom(600_000)


@pytest.fixture(scope="module")
def quick_server(tmp_path_factory):
    """A server that tells its devices to ask every second."""
    names = ("POLL_INTERVAL_MIN", "POLL_INTERVAL", "POLL_INTERVAL_ACTIVE")
    every_second = {f"UPDRAFT_DDI_{name}": "1s" for name in names}
    folder = tmp_path_factory.mktemp("ddi")
    with Server(folder / "data", environment=every_second) as running:
        yield running


@pytest.fixture(scope="module")
def publisher(tmp_path_factory):
    return Publisher(tmp_path_factory.mktemp("publisher"))


@pytest.fixture
def world(quick_server):
    api = quick_server.api()
    yield World(quick_server, api)
    api.close()


class Stage:
    """A product with a device that runs swupdate, and a task for it."""

    def __init__(self, world, folder, publisher, image=None, address=None, token=None):
        self.world = world
        self.product = world.product(**DDI_PRODUCT)
        self.device = world.device(self.product)
        told = world.api.post(f"/device-instance/{self.device}/credentials", {"kind": "token"})
        self.image = publisher.image(CONTENT) if image is None else image
        file = world.api.upload(self.image, "firmware 1.1.swu")
        self.firmware = world.firmware(self.product, file=file)
        self.task = world.task(self.firmware, [self.device], mode="push")
        self.swupdate = Swupdate(
            folder / self.device,
            address or world.server.http,
            self.device,
            publisher.certificate,
            token=token or told["token"],
        )

    def wait_state(self, state, seconds=SECONDS):
        return self.world.wait_state(self.task, state, self.device, seconds)

    def timeline(self):
        """All that the record's log tells, as one text."""
        record = self.world.record(self.task)
        return str(self.world.api.get(f"/firmware/upgrade/history/{record['id']}/timeline"))


@pytest.fixture
def stage(world, tmp_path, publisher):
    """stage(**how): a Stage whose swupdate is ended after the test."""
    made = []

    def make(**how):
        made.append(Stage(world, tmp_path, publisher, **how))
        return made[-1]

    yield make
    for each in made:
        each.swupdate.stop()


def test_an_update_is_installed_and_confirmed_after_the_reboot(world, stage):
    it = stage()
    with it.swupdate as device:
        device.wait_line("SWUPDATE successful")
        eventually(lambda: "All Chunks Installed." in it.timeline(), SECONDS)
        assert device.installed == CONTENT
        # The action stays open over the reboot.
        assert it.wait_state("processing")["progress"] == 100
        device.reboot()
        record = it.wait_state("success")
        assert record["progress"] == 100 and record["completeTime"]
        assert "Update Installed." in it.timeline()
        assert world.firmware_version(it.device) == "1.1"
        attributes = world.api.get(f"/device-instance/{it.device}/detail")["attributes"]
        assert attributes == {"hwRevision": "board-1.0", "serial": it.device}
        device.wait_line("No pending action to process")  # and it is not offered again
    counters = world.detail(it.task)
    assert (counters["success"], counters["progress"]) == (1, 100)


def test_an_update_that_does_not_start_ends_as_failed(stage):
    it = stage()
    with it.swupdate as device:
        eventually(lambda: "All Chunks Installed." in it.timeline(), SECONDS)
        device.reboot(Swupdate.BROKEN)
        assert it.wait_state("failed")["errorReason"] == "Update Failed."


def test_a_wrong_token_is_refused(world, stage):
    it = stage(token="a-token-that-nobody-has-made")
    with it.swupdate as device:
        device.wait_line("HTTP error code 401")
        stays(lambda: world.state(it.task) == "waiting")
        assert device.installed is None
    assert "hwRevision" not in str(world.api.get(f"/device-instance/{it.device}/detail"))


def test_bytes_altered_on_the_way_end_as_failed_with_the_device_s_words(quick_server, stage):
    with Proxy(quick_server.http) as proxy:
        proxy.alter_download_at(590_000)
        it = stage(address=proxy.address)
        with it.swupdate as device:
            reason = it.wait_state("failed")["errorReason"]
            assert "Checksum does not match" in reason or "HASH mismatch" in reason, reason
            assert device.installed != CONTENT
        assert "No suitable .swu image found" in it.timeline()


def test_an_image_that_lies_about_its_content_ends_as_failed(stage, publisher):
    it = stage(image=publisher.image(CONTENT, sha256=hashlib.sha256(b"other").hexdigest()))
    with it.swupdate as device:
        reason = it.wait_state("failed")["errorReason"]
        assert "HASH mismatch" in reason and "No suitable .swu image found" in reason, reason
        assert device.installed != CONTENT


def test_an_image_of_a_foreign_publisher_ends_as_failed(stage, tmp_path):
    # Small, so that it is refused when all of it has come: 2022.12 sometimes hangs if it refuses in between.
    it = stage(image=Publisher(tmp_path / "foreign").image(CONTENT[:1000]))
    with it.swupdate as device:
        reason = it.wait_state("failed")["errorReason"]
        assert "No suitable .swu image found" in reason, reason
        assert device.installed is None


def test_a_cut_download_resumes(quick_server, stage):
    with Proxy(quick_server.http) as proxy:
        proxy.cut_download_after(350_000)
        it = stage(address=proxy.address)
        with it.swupdate as device:
            asked = device.wait_line("Range: bytes=")
            start = int(re.search(r"bytes=(\d+)-", asked)[1])
            assert 0 < start < len(it.image)
            device.wait_line("SWUPDATE successful")
            eventually(lambda: "All Chunks Installed." in it.timeline(), SECONDS)
            assert device.installed == CONTENT
            device.reboot()
            it.wait_state("success")


def test_a_stop_in_the_middle_reaches_the_device_as_a_cancel(world, quick_server, stage):
    with Proxy(quick_server.http) as proxy:
        proxy.slow_download_after(200_000)
        it = stage(address=proxy.address)
        with it.swupdate as device:
            proxy.wait_slow()
            record = it.wait_state("processing")
            assert world.api.post(f"{TASK}/_stop", [record["id"]]) == 1
            device.wait_line("/cancelAction/")
            proxy.fast()
            eventually(lambda: "cancellation acknowledged." in it.timeline(), SECONDS)
            assert it.wait_state("canceled")
            assert device.installed != CONTENT
    assert world.detail(it.task)["canceled"] == 1


def test_a_gateway_token_brings_an_unknown_device_into_its_product(world, tmp_path, publisher):
    configuration = {"registerUnknown": "true"}
    product = world.product(**DDI_PRODUCT, configuration=configuration)
    told = world.api.post(f"/device-product/{product}/credentials", {"kind": "token"})
    newcomer = world.name("newcomer")
    device = Swupdate(
        tmp_path / "newcomer",
        world.server.http,
        newcomer,
        publisher.certificate,
        gateway_token=told["token"],
    )
    with device:
        device.wait_line("HTTP status code 200")
        row = world.api.get(f"/device-instance/{newcomer}/detail")
        assert row["productId"] == product
        image = publisher.image(CONTENT)
        firmware = world.firmware(product, file=world.api.upload(image, "firmware.swu"))
        task = world.task(firmware)
        device.wait_line("SWUPDATE successful")
        eventually(lambda: world.record(task)["progress"] == 100, SECONDS)
        device.reboot()
        world.wait_state(task, "success", newcomer, SECONDS)
    assert device.installed == CONTENT


def test_a_gateway_token_of_a_product_that_registers_nobody_is_refused(world, tmp_path, publisher):
    product = world.product(**DDI_PRODUCT)
    told = world.api.post(f"/device-product/{product}/credentials", {"kind": "token"})
    stranger = world.name("stranger")
    with Swupdate(
        tmp_path / "stranger",
        world.server.http,
        stranger,
        publisher.certificate,
        gateway_token=told["token"],
    ) as device:
        device.wait_line("HTTP error code 401")
    assert world.api.call("GET", f"/device-instance/{stranger}").status == 404
