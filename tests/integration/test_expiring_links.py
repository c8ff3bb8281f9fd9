"""Download links that hold for one device, one upgrade and a time (spec 4.9): products with expiringLinks."""
import re
import time

import pytest

from support.builders import World
from support.http_device import TOKEN, HttpDevice, curl
from support.mqtt_device import MqttDevice
from support.waiting import eventually

IMAGE = bytes(range(256)) * 1000
LINK = re.compile(r"/file/([0-9a-f]{32})[^?]*\?d=([^&]+)&r=(\d+)&e=(\d+)&s=([0-9a-f]{32})$")
WANTED = {"expiringLinks": "true"}


def plain(api):
    return api.clone(token=None)


def get(api, url, **headers):
    return plain(api).call("GET", url[url.index("/file/") :], headers=headers, check=False)


@pytest.fixture
def pushed(api, world):
    """(product, device, task, the link that its push carried)"""
    product = world.product(configuration={"secureId": "test", "secureKey": "test", **WANTED})
    device = world.device(product)
    task = world.task(world.firmware(product, content=IMAGE), [device])
    with MqttDevice(world.server.mqtt, device, product) as peer:
        yield product, device, task, peer.wait_push()["url"], peer


def test_a_push_carries_a_link_of_its_own_without_the_access_key(api, pushed):
    product, device, task, url, _ = pushed
    _, said, _, expires, _ = LINK.search(url).groups()
    assert said == device and "accessKey" not in url
    assert 23 * 3600 < int(expires) - time.time() <= 24 * 3600 + 1
    answer = get(api, url)
    assert (answer.status, answer.body) == (200, IMAGE)
    ranged = get(api, url, Range="bytes=100-199")
    assert (ranged.status, ranged.body) == (206, IMAGE[100:200])


def test_a_link_opens_nothing_but_its_file_as_it_was_signed(api, world, pushed):
    product, device, task, url, _ = pushed
    other = api.upload(b"another file")
    file, said, record, expires, signature = LINK.search(url).groups()
    for altered in (
        url.replace(file, other["id"]),
        url.replace(f"d={said}", "d=other"),
        url.replace(f"r={record}", f"r={int(record) + 1}"),
        url.replace(f"e={expires}", f"e={int(expires) + 1}"),
        url.replace(signature, "0" * 32),
        url.replace(signature, signature[:31]),
        url.replace(signature, ""),
        url.replace(f"&s={signature}", ""),
    ):
        refused = get(api, altered)
        assert refused.status in (401, 403) and IMAGE[:50] not in refused.body, altered
        assert refused.json["message"]


def test_a_link_ends_with_its_upgrade_and_lives_again_with_a_retry(api, world, pushed):
    product, device, task, url, peer = pushed
    peer.fail("1.1", "no room")
    world.wait_state(task, "failed")
    assert get(api, url, Range="bytes=0-9").status == 403
    api.post(f"/firmware/upgrade/task/{task['id']}/_start", ["failed"])
    world.wait_state(task, "processing")
    assert get(api, url, Range="bytes=0-9").status == 206
    peer.succeed("1.1")
    world.wait_state(task, "success")
    assert get(api, url).status == 403


def test_a_link_expires(private_server):
    server = private_server("--links-lifetime", "1s")
    world = World(server, server.api())
    product = world.product(configuration={"secureId": "test", "secureKey": "test", **WANTED})
    device = world.device(product)
    world.task(world.firmware(product, content=IMAGE), [device])
    with MqttDevice(server.mqtt, device, product) as peer:
        url = peer.wait_push()["url"]
        refused = eventually(lambda: (answer := get(world.api, url)).status == 403 and answer)
    assert "expired" in refused.json["message"] or "过期" in refused.json["message"]


def test_pulls_over_http_and_mqtt_carry_links_and_other_products_plain_addresses(api, world):
    for wants in (True, False):
        configuration = {"secureId": "test", "secureKey": "test", "bearer_token": TOKEN}
        product = world.product(configuration={**configuration, **(WANTED if wants else {})})
        mqtt, http = world.device(product), world.device(product)
        world.task(world.firmware(product, content=IMAGE), [mqtt, http], mode="pull")
        with MqttDevice(world.server.mqtt, mqtt, product) as peer:
            over_mqtt = peer.pull()["url"]
        over_http = HttpDevice(world.server.http, http, product).say(
            "firmware/pull", {"messageId": "1", "currentVersion": "1.0"}
        )
        for url in (over_mqtt, over_http.json["url"]):
            assert bool(LINK.search(url)) == wants and ("accessKey" in url) != wants, url
            assert get(api, url).body == IMAGE


def test_the_plain_dialect_serves_bytes_and_hands_out_no_address(api, world):
    product = world.product(transportProtocol="HTTP", configuration={"bearer_token": TOKEN, **WANTED})
    device = world.device(product)
    world.task(world.firmware(product, content=IMAGE), [device], "pull")
    url = f"http://{world.server.http}/ota/{product}?device={device}&version=1.0"
    answer = curl(url, "-H", f"Authorization: Bearer {TOKEN}")
    assert (answer.status, answer.body) == (200, IMAGE)
    assert curl(url).status == 401
