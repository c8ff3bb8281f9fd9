"""hawkBit's device API: every address of it, as its clients use them (hawkbit-ddi)."""
import hashlib

import pytest

from support.ddi import DdiDevice

TOKEN = "a target token of 32 characters."
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def fleet(world):
    """A product, and a way to get devices of it that speak DDI."""
    product = world.product()
    made = []

    def device(**members):
        name = world.device(product, configuration={"bearer_token": TOKEN}, **members)
        made.append(DdiDevice(world.server.http, name, TOKEN))
        return made[-1]

    device.product = product
    yield device
    for each in made:
        each.close()


def firmware(world, product, version="1.1", order=2, content=CONTENT, name="fw 1.swu", **members):
    file = world.api.upload(content, name)
    return world.firmware(product, version, order, file=file, content=content, **members)


# -- the whole way ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_an_update_from_poll_to_success(world, fleet, mode):
    device = fleet()
    assert set(device.links()) == {"configData"}
    task = world.task(firmware(world, fleet.product), [device.device], mode)
    assert world.state(task) == "waiting"
    link = device.links()["deploymentBase"]
    assert world.state(task) == "waiting"  # only seen, not yet fetched
    deployment = device.get(link)
    assert world.state(task) == "processing"
    action = deployment["id"]
    assert isinstance(action, str) and f"/deploymentBase/{action}?c=" in link
    assert deployment["deployment"]["download"] == deployment["deployment"]["update"] == "forced"
    (chunk,) = deployment["deployment"]["chunks"]
    assert (chunk["part"], chunk["version"]) == ("os", "1.1")
    assert chunk["metadata"] == [{"key": "slot", "value": "B"}]
    (artifact,) = chunk["artifacts"]
    assert artifact["filename"] == "fw 1.swu" and artifact["size"] == len(CONTENT)
    assert artifact["hashes"] == {
        name: hashlib.new(name, CONTENT).hexdigest() for name in ("sha1", "md5", "sha256")
    }
    assert set(artifact["_links"]) == {"download-http", "md5sum-http"}
    download = artifact["_links"]["download-http"]["href"]
    assert device.call("GET", download).body == CONTENT
    device.report(action, "proceeding", "none", "Installing Update Chunk Artifacts.", progress=(0, 1))
    device.report(action, "proceeding", "none", "Installed half.", progress=(1, 2))
    assert world.record(task)["progress"] == 50
    device.report(action, "closed", "success", "Update Installed.")
    record = world.record(task)
    assert (record["state"]["value"], record["progress"]) == ("success", 100)
    assert world.firmware_version(device.device) == "1.1"
    links = device.links()
    assert "deploymentBase" not in links
    assert links["installedBase"].endswith(f"/installedBase/{action}")
    assert device.send("deploymentBase", action, "closed", "success").status == 410
