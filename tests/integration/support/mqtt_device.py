"""A device over MQTT: Eclipse Paho signing in by the official formula, and raw packets."""
import hashlib
import json
import socket
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.packettypes import PacketTypes

from support.waiting import patient

SECURE_ID, SECURE_KEY = "test", "test"


def credentials(secure_id=SECURE_ID, secure_key=SECURE_KEY, at_ms=None):
    """(username, password) of spec 4.2: {id}|{ms}, md5({id}|{ms}|{key})."""
    username = f"{secure_id}|{int(time.time() * 1000) if at_ms is None else at_ms}"
    return username, hashlib.md5(f"{username}|{secure_key}".encode()).hexdigest()


class MqttDevice:
    """One device. A context manager: entering connects and wants an accepted sign-in."""

    def __init__(
        self,
        address,
        device,
        product,
        *,
        version=paho.MQTTv311,
        secure_key=SECURE_KEY,
        tls=None,
        login=None,
    ):
        self.address, self.device, self.product = address, device, product
        self.prefix = f"/{product}/{device}"
        self._messages = []
        self._changed = threading.Condition()
        self._connack = None
        self.closed = threading.Event()
        options = {"clean_session": True} if version != paho.MQTTv5 else {}
        self.client = paho.Client(
            client_id=device, protocol=version, reconnect_on_failure=False, **options
        )
        self.client.username_pw_set(*(login or credentials(secure_key=secure_key)))
        if tls:
            self.client.tls_set_context(tls)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.closed.set()
        self.client.on_message = self._on_message
        self.version = version

    def _on_connect(self, _client, _data, _flags, code, *_):
        with self._changed:
            self._connack = int(getattr(code, "value", code))
            self._changed.notify_all()

    def _on_message(self, _client, _data, message):
        with self._changed:
            self._messages.append((message.topic, message.payload, message))
            self._changed.notify_all()

    def connect(self, seconds=5.0, keepalive=60):
        """Connects and answers the CONNACK's code: 0 is accepted."""
        host, port = self.address.rsplit(":", 1)
        options = (
            {"clean_start": True, "properties": Properties(PacketTypes.CONNECT)}
            if self.version == paho.MQTTv5
            else {}
        )
        self.client.connect(host, int(port), keepalive=keepalive, **options)
        self.client.loop_start()
        with self._changed:
            answered = self._changed.wait_for(lambda: self._connack is not None, patient(seconds))
            assert answered, "no CONNACK"
        if self._connack != 0:
            self.client.loop_stop()
        return self._connack

    def disconnect(self):
        self.client.disconnect()
        self.client.loop_stop()

    def drop(self):
        """Ends the connection without DISCONNECT, as a power cut does."""
        sock = self.client.socket()
        if sock:
            sock.shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()

    def __enter__(self):
        code = self.connect()
        assert code == 0, f"sign-in refused with {code}"
        return self

    def __exit__(self, *_):
        self.disconnect()

    # -- downlink -------------------------------------------------------------------------------------
    def messages(self, tail=""):
        """Bodies received so far on topics that end with `tail`."""
        with self._changed:
            return [
                json.loads(payload) for topic, payload, _ in self._messages if topic.endswith(tail)
            ]

    def wait_message(self, tail, wanted=lambda body: True, seconds=5.0, take=True):
        """The first message whose topic is the prefix and `tail` (or ends with it) that `wanted`
        accepts: (topic, body). It is taken, so that the next wait gets the next one."""

        def found():
            for index, (topic, payload, _) in enumerate(self._messages):
                if topic.endswith(tail) and wanted(json.loads(payload)):
                    return (index,)
            return None

        with self._changed:
            assert self._changed.wait_for(
                found, patient(seconds)
            ), f"{self.device}: nothing on …{tail} in {self._messages}"
            index = found()[0]
            topic, payload, _ = self._messages.pop(index) if take else self._messages[index]
            return topic, json.loads(payload)

    def wait_push(self, seconds=5.0, **wanted):
        """The body of the next firmware/upgrade message."""
        topic, body = self.wait_message(
            "/firmware/upgrade",
            lambda body: all(body.get(name) == value for name, value in wanted.items()),
            seconds,
        )
        assert topic == self.prefix + "/firmware/upgrade"
        return body

    # -- uplink ---------------------------------------------------------------------------------------
    def publish(self, tail, body, qos=1, topic=None, seconds=5.0):
        """Publishes and waits for the acknowledgement (QoS 1 and 2): by then it is stored."""
        payload = body if isinstance(body, (bytes, str)) else json.dumps(body, ensure_ascii=False)
        info = self.client.publish(topic or f"{self.prefix}{tail}", payload, qos=qos)
        info.wait_for_publish(patient(seconds))
        assert info.is_published(), f"{tail}: not acknowledged within {seconds} s"

    def progress(self, percent, version=None, complete=False, **more):
        body = {
            "timestamp": int(time.time() * 1000),
            "progress": percent,
            "complete": complete,
            **more,
        }
        if version is not None:
            body["version"] = version
        self.publish("/firmware/upgrade/progress", body)

    def succeed(self, version, **more):
        self.progress(100, version, complete=True, success=True, **more)

    def fail(self, version, reason, percent=60, **more):
        self.progress(percent, version, complete=True, success=False, errorReason=reason, **more)

    def reply(self, message_id, success=True, **more):
        self.publish(
            "/firmware/upgrade/reply", {"messageId": message_id, "success": success, **more}
        )

    def report(self, version, **more):
        self.publish(
            "/firmware/report", {"timestamp": int(time.time() * 1000), "version": version, **more}
        )

    def pull(self, message_id="1", seconds=5.0, latest=False, force=False, **body):
        """Asks for firmware and answers the reply's body."""
        headers = {"latest": latest, "force": force}
        self.publish("/firmware/pull", {"messageId": message_id, "headers": headers, **body})
        topic, reply = self.wait_message(
            "/firmware/pull/reply", lambda each: each.get("messageId") == message_id, seconds
        )
        assert topic == self.prefix + "/firmware/pull/reply"
        return reply


# -- raw packets --------------------------------------------------------------------------------------
def _field(data):
    data = data.encode() if isinstance(data, str) else data
    return len(data).to_bytes(2, "big") + data


def _packet(first, body):
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([first]) + length + body


def connect_packet(client_id, username=None, password=None, keepalive=60, level=4, will=None):
    flags = (
        2
        | (0x80 if username is not None else 0)
        | (0x40 if password is not None else 0)
        | (0x04 if will else 0)
    )
    body = (
        _field("MQTT" if level > 3 else "MQIsdp")
        + bytes([level, flags])
        + keepalive.to_bytes(2, "big")
    )
    body += (b"\0" if level == 5 else b"") + _field(client_id)
    if will:
        body += _field(will[0]) + _field(will[1])
    body += b"".join(_field(each) for each in (username, password) if each is not None)
    return _packet(0x10, body)


def publish_packet(topic, payload, qos=0, packet_id=1):
    body = _field(topic) + (packet_id.to_bytes(2, "big") if qos else b"") + payload
    return _packet(0x30 | qos << 1, body)


def subscribe_packet(topic, qos=1, packet_id=1):
    return _packet(0x82, packet_id.to_bytes(2, "big") + _field(topic) + bytes([qos]))


class RawMqtt:
    """A socket that speaks MQTT bytes. A context manager."""

    def __init__(self, address, seconds=5.0):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=patient(seconds))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def sign_in(self, device, **options):
        """Sends CONNECT with right credentials and answers the CONNACK's code."""
        self.send(connect_packet(device, *credentials(), **options))
        return self.connack()

    def connack(self):
        first, body = self.read_packet()
        assert first == 0x20, hex(first)
        return body[1]

    def read_packet(self):
        """(first byte, body) of the next packet. EOFError when the server has closed."""
        first = self._read(1)[0]
        length = shift = 0
        while True:
            digit = self._read(1)[0]
            length |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                return first, self._read(length)

    def _read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def wait_closed(self):
        """Reads until the server closes; a time-out of the socket fails."""
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionResetError:
            pass
