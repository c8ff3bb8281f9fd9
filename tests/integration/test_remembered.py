"""What is answered from memory is what the store says: nothing that has ended is answered any more."""
import http.client
import os
import pathlib

import pytest
from support.ddi_device import DdiDevice
from support.http_device import curl

ASKED = 3  # the first looks, the others are answered from memory
CONTENT = b"firmware in several ranges" * 10_000


def statuses(peer):
    return {peer.call("GET", "").status for _ in range(ASKED)}


def test_a_revoked_token_ends_with_the_answer_to_its_revocation(server, api, world):
    product = world.product()
    device = world.device(product)
    shared = api.post(f"/device-product/{product}/credentials", {"kind": "token"})
    own = api.post(f"/device-instance/{device}/credentials", {"kind": "token"})

    with (
        DdiDevice(server.http, device, gateway_token=shared["token"]) as by_product,
        DdiDevice(server.http, device, token=own["token"]) as by_itself,
    ):
        assert statuses(by_product) == statuses(by_itself) == {200}
        api.delete(f"/device-product/{product}/credentials/{shared['id']}")
        assert statuses(by_product) == {401}
        assert statuses(by_itself) == {200}
        api.delete(f"/device-instance/{device}/credentials/{own['id']}")
        assert statuses(by_itself) == {401}


@pytest.mark.parametrize("ending", ["device", "product"])
def test_a_device_that_may_not_any_more_is_turned_away_at_once(server, api, world, ending):
    product = world.product()
    device = world.device(product, configuration={"bearer_token": "a-token"})
    with DdiDevice(server.http, device, token="a-token") as peer:
        assert statuses(peer) == {200}
        ended = device if ending == "device" else product
        api.post(f"/device-{'instance' if ending == 'device' else 'product'}/{ended}/undeploy")
        assert statuses(peer) == {401}


def test_the_next_poll_after_a_task_shows_it_and_after_its_stop_the_cancel(fleet):
    device = fleet.device()
    for _ in range(ASKED):
        assert "deploymentBase" not in device.poll()["_links"]
    task = fleet.task(device)
    for _ in range(ASKED):
        assert "deploymentBase" in device.poll()["_links"]
    device.deployment()
    fleet.stop(task)
    for _ in range(ASKED):
        assert "cancelAction" in device.poll()["_links"]


# -- the plain dialect -----------------------------------------------------------------------------------
def test_the_plain_dialect_hears_of_a_task_at_once_and_not_with_a_revoked_token(server, api, world):
    product = world.product()
    device = world.device(product)
    credential = api.post(f"/device-instance/{device}/credentials", {"kind": "token"})

    def asked(*more, of=product):
        url = f"http://{server.http}/ota/{of}?device={device}&version=1.0"
        bearer = ("-H", f"Authorization: Bearer {credential['token']}")
        return {curl(url, *bearer, *more).status for _ in range(ASKED)}

    assert asked() == {204}
    assert asked("-I") == {204}
    assert asked("-H", 'If-None-Match: "x"') == {304}
    assert asked(of=world.product()) == {404}
    task = world.task(world.firmware(product, content=CONTENT), [device], "pull")
    assert asked() == {200}
    api.post(f"/firmware/upgrade/task/{task['id']}/_stop", ["waiting", "processing"])
    assert asked() == {204}
    api.delete(f"/device-instance/{device}/credentials/{credential['id']}")
    assert asked() == {401}


# -- files: ranges over one connection, the second from an open file -----------------------------------
class Ranges:
    def __init__(self, server, file):
        self.connection = http.client.HTTPConnection(server.http)
        self.path = f"/api/file/{file['id']}.bin?accessKey={file['others']['accessKey']}"

    def get(self, first=100, last=199):
        self.connection.request("GET", self.path, headers={"Range": f"bytes={first}-{last}"})
        answer = self.connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def ranges(private_server):
    server = private_server()
    file = server.api().upload(CONTENT)
    asked = Ranges(server, file)
    for _ in range(ASKED):
        assert asked.get() == (206, CONTENT[100:200])
    sha256 = file["sha256"]
    asked.artifact = pathlib.Path(server.data) / "artifacts" / sha256[:2] / sha256
    yield asked
    asked.connection.close()


def test_a_file_whose_bytes_were_set_aside_is_not_served_from_memory(ranges):
    ranges.artifact.rename(ranges.artifact.with_suffix(".aside"))
    assert ranges.get()[0] == 404
    ranges.artifact.with_suffix(".aside").rename(ranges.artifact)
    assert ranges.get(5, 7) == (206, CONTENT[5:8])


def test_a_file_that_was_cut_is_not_served_from_memory(ranges):
    os.truncate(ranges.artifact, 150)
    assert ranges.get()[0] == 404


def test_another_key_opens_nothing_that_is_remembered(ranges):
    ranges.path = ranges.path[:-1] + ("0" if ranges.path[-1] != "0" else "1")
    assert ranges.get()[0] == 403
