"""Guesses at devices' credentials are limited (docs/operating/security.md)."""
import re

import pytest

from support.builders import World
from support.ddi_device import DdiDevice
from support.http_device import HttpDevice, curl
from support.mqtt_device import MqttDevice, connect_packet, credentials

MAX = 5


@pytest.fixture
def stage(private_server):
    server = private_server("--devices-failures-max", str(MAX), "--devices-failures-window", "1h")
    world = World(server, server.api())
    product = world.product(
        configuration={"secureId": "test", "secureKey": "test", "bearer_token": "a-right-token-here"}
    )
    return server, world, product


def connack(server, device, product, login):
    return MqttDevice(server.mqtt, device, product, login=login).connect()


def limited(api):
    text = api.clone(token=None).call("GET", "/metrics").body.decode()
    return int(re.search(r'sign_ins_refused_total\{reason="limited"\} (\d+)', text).group(1))


def test_mqtt_is_refused_unread_after_too_many_wrong_keys(stage):
    server, world, product = stage
    device, other = world.device(product), world.device(product)
    for _ in range(MAX):
        assert connack(server, device, product, credentials("test", "wrong")) != 0
    assert limited(world.api) == 0
    assert connack(server, device, product, credentials()) != 0, "even the right key waits, from here"
    assert limited(world.api) == 1
    assert connack(server, other, product, credentials()) == 0


@pytest.mark.parametrize("path", ["/{p}/{d}/properties/report", "/ota/{p}?device={d}", "/default/controller/v1/{d}", "/{p}/{d}/socket?token={t}"])
def test_http_answers_429_and_when_to_come_again(stage, path):
    server, world, product = stage
    device = world.device(product)

    def ask(token):
        scheme = "GatewayToken" if "controller" in path else "Bearer"
        url = f"http://{server.http}" + path.format(p=product, d=device, t=token)
        upgrade = ("-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
        return curl(
            url,
            "-H",
            f"Authorization: {scheme} {token}",
            *(upgrade if "socket" in path else ()),
            data=b"{}" if "properties" in path else None,
        )

    for _ in range(MAX):
        assert ask("a-wrong-token-here").status == 401
    refused = ask("a-right-token-here")
    assert refused.status == 429 and refused.headers["retry-after"] == "3600"
    assert limited(world.api) == 1


def test_a_device_that_asks_without_a_credential_first_does_not_guess(stage):
    server, world, product = stage
    device = world.device(product)
    url = f"http://{server.http}/ota/{product}?device={device}"
    for _ in range(MAX * 2):
        assert curl(url).status == 401
    assert curl(url, "-u", f"{device}:a-right-token-here").status == 204
