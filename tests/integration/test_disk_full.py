"""A disk without room: nothing is acknowledged that is not stored, what is stored can be read, and with
room again the server goes on by itself."""
import ctypes
import os
import pathlib
import tempfile

import pytest

from support.api import multipart
from support.builders import TASK, World
from support.faults import Faults
from support.kill_load import Device, HttpTalker, TOKEN
from support.mqtt_device import SECURE_ID, SECURE_KEY
from support.server import Server
from support.waiting import eventually
from test_backup import doctor

CONTENT = b"what can be downloaded" * 1000


class SmallFileSystem:
    """A tmpfs with room for the server and not much more. `full` takes all that is left."""

    def __init__(self, folder):
        self.folder, self.environment = folder, None
        self._ballast = folder / "ballast"

    @staticmethod
    def mount(folder):
        libc = ctypes.CDLL(None, use_errno=True)
        folder.mkdir()
        return libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, b"size=16m") == 0

    @staticmethod
    def unmount(folder):
        ctypes.CDLL(None).umount2(str(folder).encode(), 2)

    def fill(self):
        with open(self._ballast, "wb", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    file.write(b"x" * size)
                except OSError:
                    size //= 2

    def make_room(self):
        self._ballast.unlink()


class RefusingCalls:
    """A file system whose calls say that it is full: where nothing can be mounted."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._faults = Faults(folder.parent)
        self.environment = self._faults.environment

    def fill(self):
        self._faults.fill_disk("/data/")

    def make_room(self):
        self._faults.clear()


def may_mount():
    """Asked once, in a folder that is gone afterwards."""
    folder = pathlib.Path(tempfile.mkdtemp()) / "disk"
    mounted = SmallFileSystem.mount(folder)
    if mounted:
        SmallFileSystem.unmount(folder)
    folder.rmdir()
    folder.parent.rmdir()
    return mounted


KINDS = [SmallFileSystem, RefusingCalls] if may_mount() else [RefusingCalls]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def disk(request, tmp_path):
    folder = tmp_path / "disk"
    if request.param is SmallFileSystem:
        assert SmallFileSystem.mount(folder), os.strerror(ctypes.get_errno())
    yield request.param(folder)
    if request.param is SmallFileSystem:
        SmallFileSystem.unmount(folder)


@pytest.fixture
def server(disk, tmp_path):
    running = Server(disk.folder / "data", environment=disk.environment)
    running.log_path = tmp_path / "log"  # not on the full disk
    running.start()
    yield running
    running.stop()


class Stage:
    """One device of each kind in the middle of an upgrade, and a file."""

    def __init__(self, server):
        self.server, self.api = server, server.api()
        self.world = World(server, self.api)
        keys = {"secureId": SECURE_ID, "secureKey": SECURE_KEY, "bearer_token": TOKEN}
        self.product = self.world.product(configuration=keys)
        self.mqtt, self.http = self.world.devices(self.product, 2)
        self.file = self.api.upload(CONTENT)
        self.firmware = self.world.firmware(self.product, file=self.file)
        self.task = self.world.task(self.firmware, [self.mqtt])
        self.pull_task = self.world.task(self.firmware, [self.http], mode="pull")
        with Device(server, self.product, self.mqtt) as connected:
            connected.wait_message("/firmware/upgrade")
            connected.publish("upgrade/progress", progress=40, version="1.1")
        talker = HttpTalker(server.http, self.product, self.http)
        talker.say("pull", messageId="1", headers={"latest": False})
        talker.say("upgrade/progress", progress=40, version="1.1")

    def progress(self):
        return [self.world.record(task)["progress"] for task in (self.task, self.pull_task)]

    def download(self):
        key = self.file["others"]["accessKey"]
        return self.api.call("GET", f"/file/{self.file['id']}?accessKey={key}")

    def try_upload(self, size=300_000):
        body, content_type = multipart(os.urandom(size))
        return self.api.call("POST", "/file/upload", raw=body, content_type=content_type)


def metric(api, name):
    lines = api.call("GET", "/metrics").body.decode().splitlines()
    return next(float(line.split(" ")[1]) for line in lines if line.startswith(name + " "))


def test_a_full_disk_refuses_writes_alone_and_ends_by_itself(disk, server):
    stage = Stage(server)
    api = stage.api
    disk.fill()

    answer = stage.try_upload()
    assert answer.status == 507 and "磁盘空间不足" in answer.message, answer
    english = api.clone(language="en-US")
    answer = english.call("POST", TASK, stage.world.task_body(stage.firmware, [stage.mqtt]))
    assert answer.status == 507 and "the disk is full" in answer.message, answer
    eventually(lambda: metric(api, "updraft_disk_full") == 1)
    assert b"disk full" in api.call("GET", "/readyz").body
    api.refused("POST", "/device-product", {"id": "p", "name": "p"}, status=507, zh="磁盘", en="disk")

    # A device hears no acknowledgement; over HTTP it hears that it failed.
    with pytest.raises((EOFError, OSError)):
        with Device(server, stage.product, stage.mqtt, seconds=2) as connected:
            connected.publish("upgrade/progress", progress=80, version="1.1")
    with pytest.raises(AssertionError):
        HttpTalker(server.http, stage.product, stage.http).say(
            "upgrade/progress", progress=80, version="1.1"
        )

    # What is stored can be read.
    assert stage.progress() == [40, 40]
    answer = stage.download()
    assert answer.status == 200 and answer.body == CONTENT

    # Whoever keeps trying fills no log.
    before = server.log_path.stat().st_size
    for _ in range(300):
        assert api.call("POST", "/device-product", {"id": "p", "name": "p"}).status == 507
    assert server.log_path.stat().st_size - before < 20_000, server.log()

    disk.make_room()
    eventually(lambda: stage.try_upload().status == 200)
    stage.world.product()
    assert metric(api, "updraft_disk_full") == 0
    assert b"disk full" not in api.call("GET", "/readyz").body
    with Device(server, stage.product, stage.mqtt) as connected:
        connected.publish("upgrade/progress", progress=90, version="1.1")
    HttpTalker(server.http, stage.product, stage.http).say(
        "upgrade/progress", progress=90, version="1.1"
    )
    assert stage.progress() == [90, 90]
    assert stage.world.task(stage.firmware, [stage.mqtt])["total"] == 1
    assert not list((server.data / "uploads").glob("*.upload"))
    server.stop()
    assert [each for each in doctor(server.data)[1] if each["code"] != "disk-full"] == []


def test_what_a_full_disk_cut_short_is_there_after_a_kill(disk, server):
    stage = Stage(server)
    disk.fill()
    for _ in range(5):
        stage.try_upload()
        stage.api.call("POST", "/device-product", {"id": "p", "name": "p"})
    server.kill()
    disk.make_room()
    server.start()
    stage.api = server.api()
    stage.world = World(server, stage.api)
    assert stage.progress() == [40, 40]
    assert stage.download().body == CONTENT
    stage.world.product()
    assert [each for each in doctor(server.data)[1] if each["code"] != "disk-full"] == []
