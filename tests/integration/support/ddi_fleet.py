"""Builders for hawkBit's devices: one product, its firmwares, tasks, and what became of them."""
import hashlib

from support.builders import TASK
from support.ddi_device import DdiDevice

TOKEN = "a-target-token-of-32-characters."
GATEWAY_TOKEN = "a-gateway-token-of-32-characters"
CONTENT = bytes(range(256)) * 40
SHA1 = hashlib.sha1(CONTENT).hexdigest()


class Fleet:
    """One product, its firmwares, and devices of it that speak DDI."""

    def __init__(self, world, **product):
        self.world, self.api = world, world.api
        configuration = {"bearer_token": GATEWAY_TOKEN}
        self.product = world.product(configuration=configuration, **product)
        self._made = []

    def device(self, **options):
        name = self.world.device(self.product, configuration={"bearer_token": TOKEN})
        return self.client(name, **{"token": TOKEN, **options})

    def client(self, name, **options):
        self._made.append(DdiDevice(self.world.server.http, name, **options))
        return self._made[-1]

    def firmware(self, version="1.1", order=2, content=CONTENT, name="fw 1.swu", **members):
        file = self.api.upload(content, name)
        body = self.world.firmware_body(self.product, version, order, file=file, **members)
        return self.api.post("/firmware", body)

    def task(self, *devices, mode="push", firmware=None, **members):
        names = [device.device for device in devices]
        return self.world.task(firmware or self.firmware(), names, mode, **members)

    def started(self, device, **members):
        """(task, action) of an update that the device has fetched."""
        task = self.task(device, **members)
        action, _ = device.deployment()
        return task, action

    def stop(self, task):
        """Stops what is under way, too."""
        self.api.post(f"{TASK}/{task['id']}/_stop", ["waiting", "processing"])

    def timeline(self, device, kind):
        """The contents of a device's log lines of one type, newest first."""
        entries = self.api.get(f"/device-instance/{device.device}/timeline?limit=100")
        return [each["content"] for each in entries if each["type"] == kind]

    def close(self):
        for each in self._made:
            each.close()


def error_of(answer, status):
    """The refusal in hawkBit's shape."""
    assert answer.status == status, answer
    body = answer.json
    assert set(body) == {"exceptionClass", "errorCode", "message"}, body
    return body["errorCode"]
