"""Builders of products, devices, firmwares and tasks over the API; every name is new."""
import hashlib
import itertools
import uuid

from support.mqtt_device import SECURE_ID, SECURE_KEY, MqttDevice
from support.waiting import eventually

PROTOCOL = "jetlinks.v3.0"
# Members of a product whose devices speak hawkBit's device API.
DDI_PRODUCT = {"messageProtocol": "hawkbit.ddi", "transportProtocol": "HTTP"}
CONTENT = b"hello firmware"
FIRMWARE = "/firmware"
TASK = "/firmware/upgrade/task"
RECORD = "/firmware/upgrade/history"


class World:
    """Makes rows on one server, and looks at them."""

    def __init__(self, server, api):
        self.server, self.api = server, api
        self._tag = uuid.uuid4().hex[:8]
        self._numbers = itertools.count(1)

    def name(self, kind):
        return f"{kind}-{self._tag}-{next(self._numbers)}"

    # -- products and devices -------------------------------------------------------------------------
    def product(self, deploy=True, **members):
        """A published product over MQTT with the official protocol; answers its id."""
        row = {
            "id": self.name("p"),
            "deviceType": "device",
            "messageProtocol": PROTOCOL,
            "transportProtocol": "MQTT",
            "configuration": {"secureId": SECURE_ID, "secureKey": SECURE_KEY},
            **members,
        }
        row.setdefault("name", row["id"])
        self.api.post("/device-product", row)
        if deploy:
            self.api.post(f"/device-product/{row['id']}/deploy")
        return row["id"]

    def device(self, product, deploy=True, **members):
        """An activated device; answers its id."""
        row = {"id": self.name("d"), "productId": product, **members}
        row.setdefault("name", "name of " + row["id"])
        self.api.post("/device-instance", row)
        if deploy:
            self.api.post(f"/device-instance/{row['id']}/deploy")
        return row["id"]

    def devices(self, product, count, **members):
        return [self.device(product, **members) for _ in range(count)]

    def connected(self, product, device, **options):
        """The device as a context manager that is connected inside."""
        return MqttDevice(self.server.mqtt, device, product, **options)

    def device_state(self, device):
        return self.api.get(f"/device-instance/{device}/state")["value"]

    def firmware_version(self, device):
        """What the server holds the device's version to be; None if it knows none."""
        return (
            self.api.get(f"/device-instance/{device}/detail").get("firmwareInfo", {}).get("version")
        )

    # -- firmwares ------------------------------------------------------------------------------------
    def firmware_body(self, product, version="1.1", order=2, content=CONTENT, file=None, **members):
        """What a console posts: uploads the content unless `file` is given."""
        file = file or self.api.upload(content)
        return {
            "name": f"firmware {version}",
            "productId": product,
            "productName": product,
            "version": version,
            "versionOrder": order,
            "signMethod": "md5",
            "sign": file["md5"],
            "url": file["accessUrl"],
            "size": file["length"],
            "properties": [{"id": "slot", "value": "B", "keyid": 1735689600000}],
            "description": "",
            **members,
        }

    def firmware(self, product, version="1.1", order=2, content=CONTENT, **members):
        return self.api.post(
            FIRMWARE, self.firmware_body(product, version, order, content, **members)
        )

    def foreign_firmware(self, product, version="1.1", order=2, **members):
        """A firmware whose bytes lie elsewhere: quick to make."""
        body = {
            "name": f"firmware {version}",
            "productId": product,
            "version": version,
            "versionOrder": order,
            "signMethod": "md5",
            "sign": hashlib.md5(version.encode()).hexdigest(),
            "url": f"http://cdn.example/{version}.bin",
            "size": 14,
            **members,
        }
        return self.api.post(FIRMWARE, body)

    # -- tasks and records ----------------------------------------------------------------------------
    def task_body(self, firmware, devices=None, mode="push", response=30, timeout=600, **members):
        body = {
            "name": self.name("task"),
            "mode": mode,
            "timeoutSeconds": timeout,
            "releaseType": "all" if devices is None and "terms" not in members else "part",
            "description": "",
            "firmwareId": firmware["id"],
            "productId": firmware["productId"],
            **members,
        }
        if mode == "push":
            body["responseTimeoutSeconds"] = response
        if devices is not None:
            body["deviceId"] = devices
        return body

    def task(self, firmware, devices=None, mode="push", **members):
        """A task whose records are all made."""
        task = self.api.post(TASK, self.task_body(firmware, devices, mode, **members))
        eventually(
            lambda: self.api.count(RECORD, ("taskId", task["id"])) == self.detail(task)["total"]
        )
        return task

    def detail(self, task):
        """The task with its counters."""
        rows = self.api.post(
            f"{TASK}/detail/_query/no-paging", {"terms": [{"column": "id", "value": task["id"]}]}
        )
        assert len(rows) == 1, rows
        return rows[0]

    def records(self, task, *terms):
        return self.api.rows(RECORD, ("taskId", task["id"]), *terms, sorts=[("deviceId", "asc")])

    def record(self, task, device=None):
        """The only record of the task, or that of the device."""
        rows = self.records(task, *([("deviceId", device)] if device else []))
        assert len(rows) == 1, rows
        return rows[0]

    def state(self, task, device=None):
        return self.record(task, device)["state"]["value"]

    def wait_state(self, task, state, device=None, seconds=5.0):
        """The record once it is in the state."""

        def reached():
            record = self.record(task, device)
            assert (
                record["state"]["value"] == state
            ), f"{record['state']['value']} instead of {state}: {record}"
            return record

        return eventually(reached, seconds)

    def ready_push(self, count=1, version="1.1", order=2, **task):
        """(product, [device ids], firmware, task) of a push task over offline devices."""
        product = self.product()
        devices = self.devices(product, count)
        firmware = self.foreign_firmware(product, version, order)
        return product, devices, firmware, self.task(firmware, devices, **task)

    # -- people ---------------------------------------------------------------------------------------
    def person(self, grants):
        """A client signed in as a new user with a role of the given buttons: {menu code: [buttons]}."""
        role = self.api.post(
            "/role",
            {
                "name": self.name("role"),
                "grants": [{"code": code, "buttons": buttons} for code, buttons in grants.items()],
            },
        )
        username = self.name("user")
        self.api.post(
            "/user",
            {
                "username": username,
                "name": username,
                "password": "a Long enough passw0rd",
                "roleIds": [role["id"]],
            },
        )
        person = self.api.clone(token=None)
        person.login(username, "a Long enough passw0rd")
        return person
