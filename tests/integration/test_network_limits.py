"""Peers that take a server's time and memory: each has its limit, and the others are served meanwhile.

How long others wait (p99) is measured on demand: UPDRAFT_P99=1, see test_network_measured.py."""
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from support.api import Api
from support.builders import World
from support.crowd import Crowd, metrics, resident_bytes, vanish
from support.mqtt_device import RawMqtt, connect_packet, credentials
from support.waiting import eventually

MIB = 1 << 20
HEAD = b"POST /p/d/firmware/report HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
CONNECTIONS = "updraft_http_connections"
MQTT_CONNECTIONS = "updraft_mqtt_connections"


@pytest.fixture
def stage(private_server):
    """stage(*flags): a server with limits of its own, and its world."""

    def start(*flags):
        running = private_server(*flags)
        return running, World(running, running.api())

    return start


def others_are_served(server, world, count=20):
    """People and devices get their answers meanwhile."""
    for _ in range(count):
        assert Api(server.http).call("GET", "/healthz").status == 200
    assert world.api.get("/authorize/me")
    product = world.product()
    with world.connected(product, world.device(product)) as device:
        assert device.pull()["success"] is False  # there is nothing, and it is told so


def shared_key_devices(world, count):
    product = world.product()
    return product, world.devices(product, count)


# -- slow senders -------------------------------------------------------------------------------------
def test_heads_that_come_byte_by_byte_are_given_up(stage):
    server, world = stage("--http-header-timeout", "1s")
    with Crowd(server.http, 200, drip=HEAD) as crowd:
        others_are_served(server, world)
        eventually(lambda: crowd.ended() == 200, 15)
    eventually(lambda: metrics(server)[CONNECTIONS] <= 3)


def test_bodies_that_come_byte_by_byte_are_given_up(stage):
    server, world = stage("--http-body-timeout", "1s", "--http-body-rate-min", "1000")
    opening = HEAD + b"Content-Length: 60000\r\n\r\n"
    with Crowd(server.http, 200, opening, drip=b"x") as crowd:
        others_are_served(server, world)
        eventually(lambda: crowd.ended() == 200, 15)


def test_uploads_that_come_byte_by_byte_are_given_up_and_leave_nothing(stage):
    """They take all the threads there are for uploads, but not for long."""
    server, world = stage(
        "--http-body-timeout", "1s", "--http-body-rate-min", "1000", "--upload-workers", "2"
    )
    opening = (
        f"POST /file/upload HTTP/1.1\r\nHost: x\r\nX-Access-Token: {world.api.token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 60000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n\r\n'
    ).encode()
    with Crowd(server.http, 30, opening, drip=b"x") as crowd:
        others_are_served(server, world)
        eventually(lambda: crowd.ended() == 30, 30)
    assert world.api.upload(b"after them")["length"] == 10
    left = [each for each in (server.data / "artifacts").rglob("*") if each.is_file()]
    assert len(left) == 1, left


def test_mqtt_that_comes_byte_by_byte_is_given_up(stage):
    server, world = stage("--mqtt-connect-deadline", "1s", "--mqtt-packet-deadline", "1s")
    product, devices = shared_key_devices(world, 20)
    before = metrics(server)
    with Crowd(server.mqtt, 100, drip=connect_packet("d", *credentials())) as strangers, Crowd(
        server.mqtt, 20, lambda i: connect_packet(devices[i], *credentials()) + b"\x30\x7f", drip=b"\0"
    ) as known:
        others_are_served(server, world)
        eventually(lambda: strangers.ended() == 100, 15)
        eventually(lambda: known.ended() == 20, 15)
    after = metrics(server)
    reason = 'updraft_mqtt_ended_total{reason="packet_timeout"}'
    assert after[reason] - before[reason] == 20


# -- silent and vanished peers ------------------------------------------------------------------------
def test_idle_connections_end(stage):
    server, world = stage(
        "--http-idle-timeout", "1s", "--mqtt-connect-deadline", "1s", "--mqtt-keep-alive-grace", "0s"
    )
    _, devices = shared_key_devices(world, 10)
    opening = lambda i: connect_packet(devices[i], *credentials(), keepalive=1)
    with Crowd(server.http, 100) as http, Crowd(server.mqtt, 100) as mqtt, Crowd(
        server.mqtt, 10, opening
    ) as signed_in:
        eventually(lambda: metrics(server)["updraft_mqtt_devices"] == 10)
        others_are_served(server, world)
        for crowd, count in ((http, 100), (mqtt, 100), (signed_in, 10)):
            eventually(lambda: crowd.ended() == count, 15)
    eventually(lambda: all(world.device_state(each) == "offline" for each in devices))


def test_peers_that_vanished_are_noticed(stage):
    """A device that never promised a sign of life (keep alive 0), and a console that only listens."""
    server, world = stage("--mqtt-loss-after", "2s", "--http-loss-after", "2s")
    _, devices = shared_key_devices(world, 5)
    opening = lambda i: connect_packet(devices[i], *credentials(), keepalive=0)
    events = f"GET /events HTTP/1.1\r\nHost: x\r\nX-Access-Token: {world.api.token}\r\n\r\n".encode()
    with Crowd(server.mqtt, 5, opening) as mqtt, Crowd(server.http, 5, events) as http:
        eventually(lambda: all(world.device_state(each) == "online" for each in devices))
        eventually(lambda: metrics(server)[CONNECTIONS] >= 6)
        for peer in mqtt.sockets + http.sockets:
            vanish(peer)
        eventually(lambda: metrics(server)[MQTT_CONNECTIONS] == 0, 20)
        eventually(lambda: metrics(server)[CONNECTIONS] <= 2, 20)
    eventually(lambda: all(world.device_state(each) == "offline" for each in devices))


FROZEN = """
import sys, time
sys.path.insert(0, sys.argv[1])
from support.mqtt_device import RawMqtt, connect_packet, credentials
peer = RawMqtt(sys.argv[2])
peer.send(connect_packet(sys.argv[3], *credentials(), keepalive=1))
assert peer.connack() == 0
print("in", flush=True)
while True:
    peer.send(b"\\xc0\\0")
    time.sleep(0.2)
"""


def test_a_frozen_device_is_noticed(stage):
    """Its kernel still acknowledges; it says nothing any more."""
    server, world = stage("--mqtt-keep-alive-grace", "0s")
    product = world.product()
    device = world.device(product)
    folder = os.path.dirname(os.path.abspath(__file__))
    process = subprocess.Popen(
        [sys.executable, "-c", FROZEN, folder, server.mqtt, device], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"in\n"
        eventually(lambda: world.device_state(device) == "online")
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: world.device_state(device) == "offline", 15)
    finally:
        process.kill()
        process.wait(10)


# -- deaf peers ---------------------------------------------------------------------------------------
def test_downloads_that_nobody_reads_end_and_hold_no_memory(stage):
    server, world = stage("--http-write-timeout", "1s")
    file = world.api.upload(os.urandom(8 * MIB))
    key = file["others"]["accessKey"]
    before = resident_bytes(server)
    opening = f"GET /file/{file['id']}?accessKey={key} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with Crowd(server.http, 200, opening, receive_buffer=4096):
        eventually(lambda: metrics(server)["updraft_http_requests_total"] > 200)
        most = resident_bytes(server)
        others_are_served(server, world)
        eventually(lambda: metrics(server)[CONNECTIONS] <= 3, 20)
    assert most - before < 32 * MIB


# -- clients that never read what they asked for ----------------------------------------------------------
@pytest.mark.parametrize("way", ["events", "websocket"])
def test_listeners_that_never_read_are_sent_away(stage, way):
    """Who reads gets everything meanwhile."""
    server, world = stage("--http-event-queue-max", "1000", "--live-interval", "10ms")
    product, devices, _, task = world.ready_push(100)
    count, rounds = 8, 0
    before = resident_bytes(server)
    with Crowd(server.http, count, listening(way, world.api.token), receive_buffer=2048) as deaf:
        if way == "websocket":
            subscribe_all(deaf, product)
        eventually(lambda: metrics(server)[CONNECTIONS] >= count)
        with world.connected(product, devices[0]) as peer, world.api.events() as reader:
            while metrics(server)[CONNECTIONS] >= count and rounds < 1000:
                rounds += 1
                say_much(way, world, task, peer, rounds)
            eventually(lambda: metrics(server)[CONNECTIONS] <= 4, 15)
            peer.succeed("1.1")
            reader.wait_for("record", lambda data: data["deviceId"] == devices[0])
    assert resident_bytes(server) - before < 96 * MIB


def say_much(way, world, task, peer, number):
    """Something that everybody hears of who listens to tasks, or to a device."""
    if way == "events":
        verb = "_stop" if number % 2 else "_start"
        world.api.post(f"/firmware/upgrade/task/{task['id']}/{verb}")
        return
    for part in range(10):
        peer.report(f"1.{number}.{part}", properties={"pad": "x" * 100_000})


def listening(way, token):
    if way == "events":
        return f"GET /events HTTP/1.1\r\nHost: x\r\nX-Access-Token: {token}\r\n\r\n".encode()
    return (
        f"GET /messaging/{token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def subscribe_all(crowd, product):
    topic = f"/device/{product}/*/firmware/**"
    message = json.dumps({"type": "sub", "topic": topic, "parameter": {}, "id": "1"}).encode()
    frame = bytes([0x81, 0x80 | 126]) + len(message).to_bytes(2, "big") + b"\0\0\0\0" + message
    if len(message) < 126:
        frame = bytes([0x81, 0x80 | len(message)]) + b"\0\0\0\0" + message
    for peer in crowd.sockets:
        peer.sendall(frame)


# -- what all hold together -----------------------------------------------------------------------------
def test_bodies_together_hold_no_more_than_they_may(stage):
    server, world = stage("--buffer-bytes-max", "8MiB", "--devices-http-body-bytes-max", "2MiB")
    before = resident_bytes(server)
    opening = HEAD + b"Content-Length: 1000001\r\n\r\n" + b"x" * 1_000_000
    with Crowd(server.http, 60, opening) as crowd:
        eventually(lambda: crowd.ended() >= 45, 15)
        now = metrics(server)
        assert now["updraft_buffer_bytes"] <= now["updraft_buffer_bytes_max"] == 8 * MIB
        assert now["updraft_buffer_refused_total"] >= 45
        assert resident_bytes(server) - before < 24 * MIB
        others_are_served(server, world)
        refused = next(number for number in range(60) if crowd.heard(number, 0.2).startswith(b"HTTP"))
        assert refused < 60
    eventually(lambda: metrics(server)["updraft_buffer_bytes"] == 0)
    assert world.api.upload(b"x" * 3_000_000)["length"] == 3_000_000


def test_a_body_without_room_is_told_to_come_later(stage):
    server, world = stage("--buffer-bytes-max", "1MiB", "--devices-http-body-bytes-max", "4MiB")
    opening = HEAD + b"Content-Length: 3000000\r\n\r\n" + b"x" * 2_000_000
    with Crowd(server.http, 1, opening) as crowd:
        said = crowd.heard(0)
    assert said.startswith(b"HTTP/1.1 503 ") and re.search(rb"Retry-After: \d+\r\n", said)
    answer = world.api.call("POST", "/file/upload", raw=b"x", content_type="text/plain", check=False)
    assert answer.status == 503 and len(answer.headers.get_all("Retry-After")) == 1


def test_packets_together_hold_no_more_than_they_may(stage):
    server, world = stage("--buffer-bytes-max", "4MiB")
    product, devices = shared_key_devices(world, 40)
    before = resident_bytes(server)
    large = b"\x30\xc0\x9a\x0c" + b"x" * 199_999  # lacks its last byte
    with Crowd(
        server.mqtt, 40, lambda i: connect_packet(devices[i], *credentials(), level=5) + large
    ) as crowd:
        eventually(lambda: crowd.ended() >= 20, 15)
        now = metrics(server)
        assert now["updraft_buffer_bytes"] <= 4 * MIB
        assert now['updraft_mqtt_ended_total{reason="memory_full"}'] >= 20
        assert resident_bytes(server) - before < 24 * MIB
        others_are_served(server, world)
        last = [crowd.heard(number, 0.2)[-4:] for number in range(40)]
        assert sum(each.startswith(b"\xe0") and b"\x97" in each for each in last) >= 20, last
    eventually(lambda: metrics(server)["updraft_buffer_bytes"] == 0)


# -- how many -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("flag", ["--http-connections-max", "--http-connections-per-address-max"])
def test_http_connections_beyond_the_limit_are_refused_cleanly(stage, flag):
    server, world = stage(flag, "12")
    with Crowd(server.http, 11, b"GET"):
        eventually(lambda: metrics(server, world.api)[CONNECTIONS] == 12)
        with Crowd(server.http, 200, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as beyond:
            eventually(lambda: beyond.ended() == 200, 10)
            told = [said for said in map(beyond.heard, range(200)) if said]
            assert len(told) >= 64  # the rest is closed unheard
            for said in told:
                assert said.startswith(b"HTTP/1.1 503 ") and re.search(rb"Retry-After: \d+\r\n", said)
        assert world.api.get("/authorize/me")  # who was in before stays in
        assert metrics(server, world.api)["updraft_http_refused_total"] == 200
    eventually(lambda: world.api.clone().call("GET", "/healthz").status == 200)


@pytest.mark.parametrize("flag", ["--mqtt-connections-max", "--mqtt-connections-per-address-max"])
def test_mqtt_connections_beyond_the_limit_are_refused_cleanly(stage, flag):
    server, world = stage(flag, "5")
    product, devices = shared_key_devices(world, 6)
    with Crowd(server.mqtt, 5, lambda i: connect_packet(devices[i], *credentials())) as inside:
        eventually(lambda: metrics(server)["updraft_mqtt_devices"] == 5)
        for level, code in ((3, 3), (4, 3), (5, 0x97)):
            with RawMqtt(server.mqtt) as peer:
                peer.send(connect_packet(devices[5], *credentials(), level=level))
                assert peer.connack() == code
                peer.wait_closed()
        with Crowd(server.mqtt, 200, b"\x10") as beyond:
            eventually(lambda: beyond.ended() >= 130, 10)
            assert inside.ended() == 0
            assert metrics(server)[MQTT_CONNECTIONS] <= 5 + 64
        assert metrics(server)['updraft_mqtt_refused_total{reason="limit"}'] == 203
        inside.sockets.pop().close()
        eventually(lambda: signs_in(server, devices[5]))
        assert inside.ended() == 0


def signs_in(server, device):
    with RawMqtt(server.mqtt) as peer:
        return peer.sign_in(device) == 0
