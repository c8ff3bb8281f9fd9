"""Everything that people and devices do, at once, against a server that is going to be killed; and what
it has acknowledged to them."""
import hashlib
import http.client
import json
import random
import subprocess
import threading
import time
from collections import Counter

from support.builders import FIRMWARE, RECORD, TASK, World
from support.ddi_device import DdiDevice
from support.mqtt_device import SECURE_ID, SECURE_KEY, RawMqtt, publish_packet
from support.server import binary
from support.waiting import eventually

TOKEN = "a-token-of-the-product-0123456789"
PIECE = 20_000
STEADY, CONTESTED, OVER_HTTP, OVER_DDI = 18, 6, 4, 4  # devices a round
CROWD = 900  # devices of the product whose tasks are made in chunks
RESPONSE_SECONDS, UPGRADE_SECONDS = 2, 3
SERVER_GONE = (OSError, EOFError, http.client.HTTPException)


class Device(RawMqtt):
    """A device that waits for each acknowledgement; EOFError or OSError when the server is gone."""

    def __init__(self, server, product, device, seconds=30):  # a canceled one waits for a while
        super().__init__(server.mqtt, seconds=seconds)
        self.prefix = f"/{product}/{device}"
        self.arrived = []
        self._packet_id = 0
        assert self.sign_in(device) == 0

    def publish(self, tail, **body):
        """Returns once the server has acknowledged."""
        self._packet_id += 1
        topic = f"{self.prefix}/firmware/{tail}"
        self.send(publish_packet(topic, json.dumps(body).encode(), 1, self._packet_id))
        self._read_until(lambda first, data: first == 0x40 and packet_id(data) == self._packet_id)

    def wait_message(self, tail):
        """The body of the next message on a topic that ends so."""
        while True:
            for index, (topic, body) in enumerate(self.arrived):
                if topic.endswith(tail):
                    del self.arrived[index]
                    return body
            self._read_until(lambda first, _: first >> 4 == 3)

    def _read_until(self, wanted):
        while True:
            first, data = self.read_packet()
            if first >> 4 == 3:
                self._take(first, data)
            if wanted(first, data):
                return

    def _take(self, first, data):
        end = 2 + packet_id(data)
        topic, payload = data[2:end].decode(), data[end:]
        if first & 6:
            self.send(b"\x40\x02" + payload[:2])
            payload = payload[2:]
        self.arrived.append((topic, json.loads(payload)))


def packet_id(data):
    return int.from_bytes(data[:2], "big")


class HttpTalker:
    """A device over HTTP on one connection (spec 4.6)."""

    def __init__(self, address, product, device):
        host, port = address.rsplit(":", 1)
        self._connection = http.client.HTTPConnection(host, int(port), timeout=20)
        self._base = f"/{product}/{device}/firmware/"

    def say(self, tail, **body):
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self._connection.request("POST", self._base + tail, json.dumps(body), headers)
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)


class Crowd:
    """Many devices of one product: its tasks are made, stopped and continued in chunks."""

    def __init__(self, server, api):
        world = World(server, api)
        self.product = world.product()
        rows = [
            {"id": f"{self.product}-{number}", "name": "crowd", "productId": self.product}
            for number in range(CROWD)
        ]
        api.post("/device-instance/_batch", rows)
        self.firmware = world.foreign_firmware(self.product)


class Load:
    """Writers at work on one server, and what it has acknowledged to them."""

    def __init__(self, server, api, seed, crowd):
        self.server, self.api, self.seed, self.crowd = server, api, seed, crowd
        self.choices = random.Random(seed)
        self.world = World(server, api)
        self.acknowledged = Counter()  # kind: how often
        self.killing = threading.Event()
        self.trouble = []
        self.files = {}  # id: (access key, SHA-256)
        self.pieces = None  # (session, content, offsets without an answer) of the upload under way
        self.devices = set()
        self.removed = {"device": set(), "task": set(), "firmware": set()}
        self.doubtful = set()  # ids whose removal was asked for and not answered
        self.firmwares = {}  # id: version
        self.tasks = {}  # id: (how many devices, the state of all its records or None if unknown)
        self.processing = {}  # device that was told to upgrade: its task
        self.progress = Counter()  # device: last percentage
        self.final = {}  # device: state
        self.backups = []  # folders of backups that were said to be whole

    @property
    def total(self):
        return sum(self.acknowledged.values())

    def start(self):
        self._set_up()
        work = [self._upload, self._upload_pieces, self._create, self._operate, self._retry]
        work += [self._make_firmwares, self._command_the_crowd, self._remove, self._over_http]
        work += [self._over_ddi]
        work += [self._upgrade_steady(part) for part in range(3)]
        work += [self._upgrade_contested(part) for part in range(2)]
        if self.choices.random() < 0.2:
            work.append(self._back_up)
        self._threads = [
            threading.Thread(target=self._guarded, args=(each, index), daemon=True)
            for index, each in enumerate(work)
        ]
        for each in self._threads:
            each.start()

    def kill(self):
        """kill -9, and the end of every writer."""
        self.killing.set()
        self.server.kill()
        for each in self._threads:
            each.join(15)
            assert not each.is_alive()
        assert not self.trouble, "\n".join(self.trouble)

    def _set_up(self):
        world = self.world
        keys = {"secureId": SECURE_ID, "secureKey": SECURE_KEY, "bearer_token": TOKEN}
        self.product = world.product(configuration=keys)
        self.steady = [world.name("steady") for _ in range(STEADY)]
        self.contested = [world.name("contested") for _ in range(CONTESTED)]
        self.over_http = [world.name("http") for _ in range(OVER_HTTP)]
        self.over_ddi = [world.name("ddi") for _ in range(OVER_DDI)]
        names = self.steady + self.contested + self.over_http + self.over_ddi
        rows = [{"id": each, "name": each, "productId": self.product} for each in names]
        self.api.post("/device-instance/_batch", rows)
        self.api.put("/device-instance/batch/_deploy", names)
        self.devices.update(names)
        self.firmware = world.foreign_firmware(self.product)
        self.short = {"timeout": UPGRADE_SECONDS, "response": RESPONSE_SECONDS}
        self.steady_task = self._task(self.steady, mode="pull", **self.short)
        self.contested_task = self._task(self.contested, **self.short)
        self.http_task = self._task(self.over_http, mode="pull")
        content = b"for hawkBit's devices"
        self.ddi_firmware = world.firmware(self.product, "1.2", 3, content)
        self.ddi_task = self._task(self.over_ddi, firmware=self.ddi_firmware)

    def _task(self, devices, mode="push", firmware=None, **limits):
        task = self.world.task(firmware or self.firmware, devices, mode=mode, **limits)
        self.tasks[task["id"]] = (len(devices), None)
        return task

    def _guarded(self, work, index):
        choices = random.Random(self.seed * 100 + index)
        try:
            work(self.api.clone(), choices)
        except SERVER_GONE as error:
            # A server that kills itself at a system call is gone a moment before we know of it.
            if not self.killing.wait(2):
                self.trouble.append(f"{work}: {error!r} before the kill")
        except Exception as error:  # pylint: disable=broad-except
            self.trouble.append(f"{work}: {error!r}")

    def _count(self, kind):
        self.acknowledged[kind] += 1

    # -- writers, each for ever or until its devices are done --------------------------------------------
    def _upload(self, api, choices):
        while True:
            content = choices.randbytes(choices.randint(1, 300_000))
            self._remember(api.upload(content), content)
            self._count("upload")

    def _upload_pieces(self, api, choices):
        while True:
            content = choices.randbytes(choices.randint(1, 5 * PIECE))
            offsets = list(range(0, len(content), PIECE))
            choices.shuffle(offsets)
            self.pieces = (self.world.name("session"), content, offsets)
            while offsets:
                file = self._send_piece(api, offsets[0])
                if len(offsets) == 1:
                    self._remember(file, content)
                del offsets[0]
                self._count("piece")

    def _send_piece(self, api, offset):
        session, content, _ = self.pieces
        path = f"/file/upload/sharding/{session}?offset={offset}&length={len(content)}"
        return api.upload(content[offset : offset + PIECE], path=path)

    def _remember(self, file, content):
        self.files[file["id"]] = (file["others"]["accessKey"], hashlib.sha256(content).hexdigest())

    def _new_device(self, api, kind="created"):
        device = self.world.name(kind)
        api.post("/device-instance", {"id": device, "name": device, "productId": self.product})
        self.devices.add(device)
        self._count("device")
        return device

    def _create(self, api, choices):
        """Devices, a task for them, and now and then the task stopped and continued."""
        while True:
            devices = [self._new_device(api) for _ in range(choices.randint(1, 4))]
            task = api.post(TASK, self.world.task_body(self.firmware, devices))["id"]
            self.tasks[task] = (len(devices), "waiting")
            self._count("task")
            self._stop_and_start(api, choices, task, len(devices))

    def _stop_and_start(self, api, choices, task, devices):
        for verb, state in (("_stop", "canceled"), ("_start", "waiting")):
            if choices.random() < 0.5:
                return
            self.tasks[task] = (devices, None)
            api.post(f"{TASK}/{task}/{verb}", {})
            self.tasks[task] = (devices, state)
            self._count("operation")

    def _command_the_crowd(self, api, choices):
        """What is acknowledged about a thousand records holds for all of them, also for those that
        the server was still at work on."""
        while True:
            body = self.world.task_body(self.crowd.firmware)
            task = api.post(TASK, {**body, "productId": self.crowd.product})["id"]
            self.tasks[task] = (CROWD, "waiting")
            self._count("big task")
            self._stop_and_start(api, choices, task, CROWD)
            if choices.random() < 0.5:
                self._delete(api, "task", f"{TASK}/{task}?force=true", task)
            time.sleep(choices.random() * 0.2)  # a load, not a flood

    def _operate(self, api, choices):
        calls = [("_stop", None), ("_stop", ["processing"]), ("_start", {}), ("_start", ["failed"])]
        while True:
            verb, body = choices.choice(calls)
            api.post(f"{TASK}/{self.contested_task['id']}/{verb}", body)
            self._count("operation")

    def _retry(self, api, choices):
        """Records by their ids, as an operator picks them from a list."""
        while True:
            failed = api.rows(RECORD, ("taskId", self.contested_task["id"]), ("state", "failed"))
            if failed:
                api.post(f"{TASK}/_start", [choices.choice(failed)["id"]])
                self._count("retry")
            time.sleep(0.02)

    def _make_firmwares(self, api, choices):
        for number in range(10, 100_000):
            version = f"9.{number}"
            content = choices.randbytes(choices.randint(1, 30_000))
            file = api.upload(content)
            self._remember(file, content)
            body = self.world.firmware_body(self.product, version, number, file=file)
            firmware = api.post(FIRMWARE, body)["id"]
            self.firmwares[firmware] = version
            self._count("firmware")
            if choices.random() < 0.4:
                del self.firmwares[firmware]
                self._delete(api, "firmware", f"{FIRMWARE}/{firmware}", firmware)

    def _remove(self, api, choices):
        """Devices and tasks that come and go."""
        while True:
            device = self._new_device(api, "passing")
            task = api.post(TASK, self.world.task_body(self.firmware, [device]))["id"]
            self.tasks[task] = (1, "waiting")
            self._count("task")
            if choices.random() < 0.6:
                self.devices.discard(device)
                self.tasks[task] = (1, None)
                self._delete(api, "device", f"/device-instance/{device}", device)
                self.tasks[task] = (1, "failed")  # T22
            if choices.random() < 0.4:
                self._delete(api, "task", f"{TASK}/{task}?force=true", task)

    def _delete(self, api, kind, path, row):
        self.doubtful.add(row)
        self.tasks.pop(row, None)
        api.delete(path)
        self.doubtful.discard(row)
        self.removed[kind].add(row)
        self._count(f"removal of a {kind}")

    def _upgrade_steady(self, part):
        def work(_, choices):
            for device in self.steady[part::3]:
                with Device(self.server, self.product, device) as connected:
                    connected.publish("pull", messageId="1", headers={"latest": False})
                    assert connected.wait_message("/pull/reply")["version"] == "1.1"
                    self.processing[device] = self.steady_task
                    for percent in range(10, choices.randint(20, 100), 10):
                        connected.publish("upgrade/progress", progress=percent, version="1.1")
                        self._note_progress(device, percent, "mqtt")
                    self._finish(connected, device, choices.random() < 0.7)

        return work

    def _upgrade_contested(self, part):
        def work(_, choices):
            for device in self.contested[part::2]:
                with Device(self.server, self.product, device) as connected:
                    connected.wait_message("/firmware/upgrade")
                    connected.publish("upgrade/progress", progress=50, version="1.1")
                    self._count("push")
                    if choices.random() < 0.5:
                        self._finish(connected, device, choices.random() < 0.7)

        return work

    def _finish(self, connected, device, success):
        more = {} if success else {"errorReason": "broken"}
        body = {"progress": 100, "version": "1.1", "complete": True, "success": success, **more}
        connected.publish("upgrade/progress", **body)
        if device in self.steady or success:  # operators retry what fails
            self.final[device] = "success" if success else "failed"
        self._count("final word")

    def _note_progress(self, device, percent, how):
        self.progress[device] = percent
        self._count(f"progress over {how}")

    def _over_http(self, _, choices):
        for device in self.over_http:
            talker = HttpTalker(self.server.http, self.product, device)
            reply = talker.say("pull", messageId="1", headers={"latest": False})
            assert reply["version"] == "1.1", reply
            self.processing[device] = self.http_task
            for percent in range(10, choices.randint(20, 100), 10):
                talker.say("upgrade/progress", progress=percent, version="1.1")
                self._note_progress(device, percent, "http")
            if choices.random() < 0.5:
                talker.say(
                    "upgrade/progress", progress=100, version="1.1", complete=True, success=True
                )
                self.final[device] = "success"
                self._count("final word")

    def _over_ddi(self, _, choices):
        for device in self.over_ddi:
            with DdiDevice(self.server.http, device, gateway_token=TOKEN) as client:
                action, _ = client.deployment()
                self.processing[device] = self.ddi_task
                for step in range(1, choices.randint(2, 6)):
                    client.proceed(action, progress=(step, 10))
                    self._count("progress over ddi")
                if choices.random() < 0.5:
                    client.succeed(action)
                    self.final[device] = "success"
                    self._count("final word")

    def _back_up(self, _, __):
        to = self.server.data.parent / self.world.name("backup")
        command = [binary(), "backup", "--data", self.server.data, "--to", to]
        done = subprocess.run(
            [str(each) for each in command], capture_output=True, env={}, timeout=60
        )
        if done.returncode == 0:
            self.backups.append(to)
            self._count("backup")
        elif not self.killing.wait(2):
            raise AssertionError(done.stderr.decode())

    # -- after the restart -------------------------------------------------------------------------------
    def go_on_with_pieces(self, api, is_stored):
        """What was acknowledged need not be sent again, unless the upload was complete already and only its
        answer was lost: then `is_stored` knows the SHA-256, and the session is a new one."""
        if not self.pieces or not self.pieces[2]:
            return
        _, content, offsets = self.pieces
        stored = len(offsets) == 1 and is_stored(hashlib.sha256(content).hexdigest())
        file = None
        for offset in offsets:
            file = self._send_piece(api, offset)
        if stored and "md5" not in (file or {}):
            for offset in range(0, len(content), PIECE):
                if offset != offsets[0]:
                    file = self._send_piece(api, offset)
        assert file and "md5" in file, f"pieces are lost: {self.pieces[0]} {file}"
        self._remember(file, content)

    def wait_for(self, acknowledgements, seconds):
        eventually(
            lambda: self.total >= acknowledgements
            or self.trouble
            or self.server.process.poll() is not None,
            seconds,
            every=0.001,
        )
