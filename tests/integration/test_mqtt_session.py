"""MQTT sessions (spec 4.2, 4.3): sign-in, take-over, hostile bytes, topics."""
import hashlib
import json
import time

import paho.mqtt.client as paho
import pytest

from support.builders import World
from support.mqtt_device import RawMqtt, connect_packet, credentials, publish_packet
from support.waiting import eventually, stays

ACCEPTED, WRONG_LEVEL, BAD_CREDENTIALS = 0, 1, 4
SUPPORTED = {"MQTTv31": paho.MQTTv31, "MQTTv311": paho.MQTTv311, "MQTTv5": paho.MQTTv5}


@pytest.fixture
def pair(world):
    """(product, an activated device)."""
    product = world.product()
    return product, world.device(product)


@pytest.mark.parametrize("version", SUPPORTED.values(), ids=SUPPORTED)
def test_sign_in_with_each_version(world, pair, version):
    with world.connected(*pair, version=version) as device:
        eventually(lambda: world.device_state(pair[1]) == "online")
        device.report("1.0")
    eventually(lambda: world.device_state(pair[1]) == "offline")
    assert world.firmware_version(pair[1]) == "1.0"


def test_vector_mqtt_password():
    username, password = credentials("test", "test", 1700000000000)
    assert (username, password) == ("test|1700000000000", "d35a253ed29058fa87e05b790a79c9a6")


def sign_in_code(server, device, username, password):
    with RawMqtt(server.mqtt) as raw:
        raw.send(connect_packet(device, username, password))
        return raw.connack()


def test_password_in_capitals_is_accepted(server, pair):
    username, password = credentials()
    assert sign_in_code(server, pair[1], username, password.upper()) == ACCEPTED


def test_more_parts_of_the_user_name_are_hashed_and_ignored(server, pair):
    username = credentials()[0] + "|extra|parts"
    assert (
        sign_in_code(
            server, pair[1], username, hashlib.md5(f"{username}|test".encode()).hexdigest()
        )
        == ACCEPTED
    )


@pytest.mark.parametrize(
    "offset_seconds, code",
    [
        (-295, ACCEPTED),
        (295, ACCEPTED),
        (-305, BAD_CREDENTIALS),
        (305, BAD_CREDENTIALS),
        (-(10**6), BAD_CREDENTIALS),
    ],
)
def test_vector_time_window(server, pair, offset_seconds, code):
    username, password = credentials(at_ms=int(time.time() * 1000) + offset_seconds * 1000)
    assert sign_in_code(server, pair[1], username, password) == code


@pytest.mark.parametrize(
    "username, password",
    [
        ("test", "x"),
        ("test|abc", "x"),
        ("", ""),
        ("|", "x"),
        ("test|", "x"),
        ("test|99999999999999999999999999", "x"),
        (None, None),
        ("test|-1", "x"),
    ],
)
def test_vector_malformed_user_names(server, pair, username, password):
    assert sign_in_code(server, pair[1], username, password) == BAD_CREDENTIALS


def test_wrong_key_unknown_and_disabled_devices_are_refused(server, world, pair):
    username, password = credentials(secure_key="wrong")
    assert sign_in_code(server, pair[1], username, password) == BAD_CREDENTIALS
    assert sign_in_code(server, "nobody-" + pair[1], *credentials()) == BAD_CREDENTIALS
    disabled = world.device(pair[0], deploy=False)
    assert sign_in_code(server, disabled, *credentials()) == BAD_CREDENTIALS
    assert sign_in_code(server, pair[1], *credentials(secure_id="other")) == BAD_CREDENTIALS


def test_a_refused_sign_in_closes_the_connection(server, pair):
    with RawMqtt(server.mqtt) as raw:
        raw.send(connect_packet(pair[1], "a|1", "x"))
        assert raw.connack() == BAD_CREDENTIALS
        raw.wait_closed()


def test_keys_of_the_device_win_over_those_of_the_product(server, world, pair):
    device = world.device(pair[0], configuration={"secureId": "own", "secureKey": "key"})
    assert sign_in_code(server, device, *credentials()) == BAD_CREDENTIALS
    assert sign_in_code(server, device, *credentials("own", "key")) == ACCEPTED


def test_plain_mode_is_a_switch_of_the_product(server, world):
    keys = {"secureId": "me", "secureKey": "secret"}
    off = world.device(world.product(configuration=keys))
    on = world.device(world.product(configuration={**keys, "plainAuth": "true"}))
    assert sign_in_code(server, off, "me", "secret") == BAD_CREDENTIALS
    assert sign_in_code(server, on, "me", "secret") == ACCEPTED
    assert sign_in_code(server, on, "me", "wrong") == BAD_CREDENTIALS


def test_a_second_connection_takes_over_and_the_device_stays_online(world, pair):
    with world.connected(*pair) as first:
        eventually(lambda: world.device_state(pair[1]) == "online")
        with world.connected(*pair) as second:
            assert first.closed.wait(5)
            stays(lambda: world.device_state(pair[1]) == "online")
            second.publish("/time-sync", {"messageId": "1"})
            second.wait_message("/time-sync/reply")


def test_a_power_cut_makes_the_device_offline(world, pair):
    device = world.connected(*pair)
    device.connect()
    eventually(lambda: world.device_state(pair[1]) == "online")
    device.drop()
    eventually(lambda: world.device_state(pair[1]) == "offline")


def test_silence_past_the_keepalive_ends_the_session(private_server):
    server = private_server()
    world = World(server, server.api())
    product = world.product()
    device = world.device(product)
    with RawMqtt(server.mqtt, seconds=20) as raw:
        assert raw.sign_in(device, keepalive=1) == ACCEPTED
        eventually(lambda: world.device_state(device) == "online")
        raw.wait_closed()
    eventually(lambda: world.device_state(device) == "offline")


def test_ping_is_answered(server, pair):
    with RawMqtt(server.mqtt) as raw:
        raw.sign_in(pair[1])
        raw.send(b"\xc0\x00")
        while raw.read_packet() != (0xD0, b""):
            pass


def test_any_subscription_is_granted_with_the_asked_qos(world, pair):
    with world.connected(*pair) as device:
        granted = []
        device.client.on_subscribe = lambda _client, _data, _mid, codes, *_: granted.append(
            tuple(codes)
        )
        device.client.subscribe(
            [(f"/{pair[0]}/{pair[1]}/firmware/upgrade", 1), ("/+/x/#", 0), ("a/b", 2)]
        )
        eventually(lambda: granted == [(1, 0, 2)])


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_time_sync(world, pair, qos):
    with world.connected(*pair) as device:
        before = int(time.time() * 1000)
        device.publish("/time-sync", {"messageId": "9"}, qos=qos)
        topic, body = device.wait_message("/time-sync/reply")
        assert topic == f"/{pair[0]}/{pair[1]}/time-sync/reply" and body["messageId"] == "9"
        assert before - 1000 <= body["timestamp"] <= int(time.time() * 1000) + 1000


def test_vector_topic_without_slash(world, pair):
    product, device_id = pair
    with world.connected(*pair) as device:
        device.publish("", {"messageId": "4"}, topic=f"{product}/{device_id}/firmware/pull")
        topic, body = device.wait_message("/firmware/pull/reply")
        assert topic == f"/{product}/{device_id}/firmware/pull/reply" and body["messageId"] == "4"
        device.publish("", {"messageId": "5"}, topic=f"{product}/{device_id}/time-sync")
        topic, _ = device.wait_message("time-sync/reply")
        assert topic == f"{product}/{device_id}/time-sync/reply"


def test_any_product_segment_is_accepted(world, pair):
    with world.connected(*pair) as device:
        device.publish("", {"version": "3.3"}, topic=f"/whatever/{pair[1]}/firmware/report")
    assert world.firmware_version(pair[1]) == "3.3"


@pytest.mark.parametrize(
    "tail, body",
    [
        ("/no/such/topic", {"a": 1}),
        ("/properties/report", {"properties": {"t": 1}}),
        ("/event/alarm", {"data": 1}),
        ("/tags", {"tags": {"a": "b"}}),
        ("/log", {"log": "x"}),
        ("/direct", b"\x00\xff"),
        ("/state-check/reply", {"messageId": "1", "state": 1}),
        ("/metadata/derived", {"metadata": "{}", "all": True}),
        ("/firmware/report", b"{"),
        ("/firmware/pull", b"\xff\xfe"),
        ("/firmware/upgrade/progress", b"[]"),
        ("/firmware/upgrade/progress", b""),
        ("/online", {}),
        ("", {}),
    ],
)
def test_every_uplink_is_acknowledged_and_harmless(world, pair, tail, body):
    with world.connected(*pair) as device:
        device.publish(tail, body)
        device.publish("/time-sync", {"messageId": "1"})
        device.wait_message("/time-sync/reply")


def test_an_offline_message_of_the_device_itself(world, pair):
    with world.connected(*pair) as device:
        eventually(lambda: world.device_state(pair[1]) == "online")
        device.publish("/online", {"timestamp": 1})
        stays(lambda: world.device_state(pair[1]) == "online", 0.2)


def test_will_is_published_only_on_abnormal_close(server, world, pair):
    will = (f"/{pair[0]}/{pair[1]}/firmware/report", json.dumps({"version": "from-the-grave"}))
    with RawMqtt(server.mqtt) as raw:
        assert raw.sign_in(pair[1], will=will) == ACCEPTED
        eventually(lambda: world.device_state(pair[1]) == "online")
        assert world.firmware_version(pair[1]) is None
        raw.send(b"\xe0\x00")
        raw.wait_closed()
    eventually(lambda: world.device_state(pair[1]) == "offline")
    assert world.firmware_version(pair[1]) is None
    with RawMqtt(server.mqtt) as raw:
        assert raw.sign_in(pair[1], will=will) == ACCEPTED
    eventually(lambda: world.firmware_version(pair[1]) == "from-the-grave")


# -- hostile bytes -------------------------------------------------------------------------------------
BEFORE_SIGN_IN = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01",
    "zeros": b"\x00" * 64,
    "publish first": publish_packet("/a/b/c", b"x"),
    "ping first": b"\xc0\x00",
    "connect cut short": b"\x10\x02\x00\x04",
    "wrong protocol name": b"\x10\x0c\x00\x04MQTX\x04\x02\x00\x3c\x00\x00",
    "reserved connect flag": b"\x10\x0d\x00\x04MQTT\x04\x03\x00\x3c\x00\x01d",
    "length of five bytes": b"\x10\xff\xff\xff\xff\xff\x01",
    "huge length": b"\x10\xff\xff\xff\x7f",
    "name is not UTF-8": b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03\xff\xfe\xfd",
}

AFTER_SIGN_IN = {
    "second connect": connect_packet("d", "a", "b"),
    "qos 3": b"\x36\x05\x00\x01a\x00\x01",
    "wildcard in a publish topic": publish_packet("/a/+/c", b"x"),
    "empty topic": publish_packet("", b"x"),
    "zero packet id": publish_packet("/a/b/c", b"x", qos=1, packet_id=0),
    "reserved type": b"\x00\x00",
    "server packet": b"\x20\x02\x00\x00",
    "subscribe with wrong flags": b"\x80\x06\x00\x01\x00\x01a\x00",
    "subscribe to nothing": b"\x82\x02\x00\x01",
    "topic longer than the packet": b"\x30\x03\x00\xffa",
    "huge length": b"\x30\xff\xff\xff\x7f",
    "zero byte in a topic": publish_packet("/a\0/b", b"x"),
}


@pytest.mark.parametrize("data", BEFORE_SIGN_IN.values(), ids=BEFORE_SIGN_IN)
def test_malformed_bytes_before_sign_in_close_only_that_connection(server, world, pair, data):
    with world.connected(*pair) as bystander:
        with RawMqtt(server.mqtt, seconds=12) as raw:
            raw.send(data)
            raw.socket.shutdown(1)
            raw.wait_closed()
        bystander.publish("/time-sync", {"messageId": "1"})
        bystander.wait_message("/time-sync/reply")


@pytest.mark.parametrize("data", AFTER_SIGN_IN.values(), ids=AFTER_SIGN_IN)
def test_malformed_packets_after_sign_in_close_only_that_connection(server, world, pair, data):
    victim = world.device(pair[0])
    with world.connected(*pair) as bystander:
        with RawMqtt(server.mqtt) as raw:
            assert raw.sign_in(victim) == ACCEPTED
            raw.send(data)
            raw.wait_closed()
        eventually(lambda: world.device_state(victim) == "offline")
        bystander.publish("/time-sync", {"messageId": "1"})
        bystander.wait_message("/time-sync/reply")
        assert not bystander.closed.is_set()


def test_bytes_may_come_one_by_one(server, pair):
    with RawMqtt(server.mqtt) as raw:
        for byte in connect_packet(pair[1], *credentials()):
            raw.send(bytes([byte]))
        assert raw.connack() == ACCEPTED


def test_several_packets_in_one_write_are_answered_in_order(server, pair):
    with RawMqtt(server.mqtt) as raw:
        topic = f"/{pair[0]}/{pair[1]}/firmware/report"
        packets = connect_packet(pair[1], *credentials())
        for number in range(1, 21):
            packets += publish_packet(
                topic, json.dumps({"version": str(number)}).encode(), qos=1, packet_id=number
            )
        raw.send(packets)
        assert raw.connack() == ACCEPTED
        acknowledged = []
        while len(acknowledged) < 20:
            first, body = raw.read_packet()
            if first == 0x40:
                acknowledged.append(int.from_bytes(body[:2], "big"))
        assert acknowledged == list(range(1, 21))


def test_an_unsupported_level_is_refused(server, pair):
    with RawMqtt(server.mqtt) as raw:
        raw.send(connect_packet(pair[1], *credentials(), level=9))
        try:
            assert raw.connack() in (WRONG_LEVEL, 0x84)
        except EOFError:
            pass  # closing without an answer is allowed too
