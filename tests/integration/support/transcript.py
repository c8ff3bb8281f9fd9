"""Golden transcripts: a scripted conversation with the real server, compared with a kept file byte for
byte, after what cannot be stable was replaced by names.

    with Transcript("hawkbit_ddi", server) as transcript:
        transcript.part("the poll of a device that has nothing to do")
        peer = transcript.http()
        peer.request("GET", "/DEFAULT/controller/v1/d1", ("Authorization", "TargetToken ..."))

A name stands for the same value wherever it is seen: `{id 1}`, `{firmware}`. Times become `{time}` and
must lie in the conversation. UPDRAFT_WRITE_TRANSCRIPTS=1 writes the files anew: read the difference
before you commit it, devices in the field will."""
import base64
import difflib
import hashlib
import os
import pathlib
import re
import socket
import time

from support.mqtt_device import (
    RawMqtt,
    connect_packet,
    credentials,
    publish_packet,
    subscribe_packet,
)
from support.waiting import patient

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "transcripts"
ID = re.compile(r"(?<![0-9])[0-9]{17,19}(?![0-9])")
TIME = re.compile(r"(?<![0-9.])1[0-9]{12}(?![0-9])")
DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
FILE = re.compile(r"(?<=/file/)[0-9a-f]{32}")
KEY = re.compile(r"(?<=accessKey=)[0-9a-f]{32}")


class Transcript:
    def __init__(self, name, server):
        self.name, self.server = name, server
        self._lines = []
        self._known = [(server.http, "{http}"), (server.mqtt, "{mqtt}")]
        self._numbered = {}
        self._began = time.time()
        self._peers = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for peer in self._peers:
            peer.close()
        if kind is None:
            self.check()

    # -- what is written ------------------------------------------------------------------------------
    def part(self, title):
        self.blank()
        self._lines += [f"## {title}", ""]

    def blank(self):
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def know(self, name, value):
        """From now on the value is written as {name}."""
        self._known.append((value, "{%s}" % name))

    def sent(self, text):
        self._put(">", text)

    def received(self, text):
        self._put("<", text)

    def _put(self, mark, text):
        self._lines += [f"{mark} {line}".rstrip() for line in self.stable(text).split("\n")]

    def stable(self, text):
        for value, name in self._known:
            text = text.replace(value, name)
        text = FILE.sub(lambda found: self._number("file", found[0]), text)
        text = KEY.sub(lambda found: self._number("key", found[0]), text)
        text = ID.sub(lambda found: self._number("id", found[0]), text)
        text = TIME.sub(self._time, text)
        return DATE.sub("{date}", text)

    def _number(self, kind, value):
        names = self._numbered.setdefault(kind, {})
        return names.setdefault(value, "{%s %d}" % (kind, len(names) + 1))

    def _time(self, found):
        told = int(found[0]) / 1000
        assert self._began - 60 <= told <= time.time() + 60, f"{found[0]} is no time of this test"
        return "{time}"

    # -- the kept file --------------------------------------------------------------------------------
    def check(self):
        path = FOLDER / f"{self.name}.txt"
        text = "\n".join(self._lines).strip() + "\n"
        if os.environ.get("UPDRAFT_WRITE_TRANSCRIPTS") == "1":
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text)
            return
        assert path.exists(), f"{path} is not there; UPDRAFT_WRITE_TRANSCRIPTS=1 writes it"
        kept = path.read_text()
        difference = difflib.unified_diff(
            kept.splitlines(), text.splitlines(), f"{path.name} (kept)", "now", lineterm="", n=2
        )
        assert text == kept, "the wire has changed:\n" + "\n".join(difference)

    # -- peers ----------------------------------------------------------------------------------------
    def http(self):
        return self._peer(HttpPeer(self))

    def mqtt(self, device, **options):
        return self._peer(MqttPeer(self, device, **options))

    def websocket(self, path, *headers):
        return self._peer(WebSocketPeer(self, path, headers))

    def _peer(self, peer):
        self._peers.append(peer)
        return peer


def shown(data):
    """Bytes as text where they are text, else in hexadecimal."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "hex " + data.hex(" ")
    return text if all(c.isprintable() or c in "\r\n\t" for c in text) else "hex " + data.hex(" ")


class _Bytes:
    """A socket that is read by piece and by line."""

    def __init__(self, address, seconds=10):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=patient(seconds))
        self._left = b""

    def until(self, end):
        while end not in self._left:
            self._more()
        found, self._left = self._left.split(end, 1)
        return found + end

    def exactly(self, size):
        while len(self._left) < size:
            self._more()
        found, self._left = self._left[:size], self._left[size:]
        return found

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError(f"the server has closed; unread: {self._left!r}")
        self._left += piece

    def close(self):
        self.socket.close()


class HttpPeer:
    """HTTP/1.1 over one connection that is kept alive; every request and answer goes on record."""

    def __init__(self, transcript):
        self._transcript = transcript
        self._bytes = None

    def close(self):
        if self._bytes:
            self._bytes.close()
            self._bytes = None

    def request(self, method, path, *headers, body=None, content_type="application/json"):
        """`headers`: (name, value). Answers (status, body)."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._transcript.server.http}"]
        lines += [f"{name}: {value}" for name, value in headers]
        content = body.encode() if isinstance(body, str) else body
        if content is not None:
            lines += [f"Content-Type: {content_type}"] if content_type else []
            lines += [f"Content-Length: {len(content)}"]
        visible = [line for line in lines if not line.startswith(("Host:", "Content-Length:"))]
        self._transcript.sent("\n".join([*visible, *([shown(content)] if content else [])]))
        self._bytes = self._bytes or _Bytes(self._transcript.server.http)
        head = "\r\n".join(lines) + "\r\n\r\n"
        self._bytes.socket.sendall(head.encode() + (content or b""))
        return self._answer(method)

    def _answer(self, method):
        head = self._bytes.until(b"\r\n\r\n").decode("latin-1")
        found = re.search(r"\r\nContent-Length: (\d+)\r\n", head, re.IGNORECASE)
        status = int(head.split(" ")[1])
        has_body = method != "HEAD" and status not in (204, 304)
        body = self._bytes.exactly(int(found[1])) if has_body and found else b""
        self._transcript.received(self._head(head, body).strip().replace("\r\n", "\n"))
        if body:
            self._transcript.received("\n" + shown(body))
        self._transcript.blank()
        if re.search(r"\r\nConnection: close\r\n", head, re.IGNORECASE):
            self.close()
        return status, body

    @staticmethod
    def _head(head, body):
        """What is derived from the body is named after it, since names stand in the body too."""
        if body:
            for name in ("sha256", "sha1", "md5"):
                digest = hashlib.new(name, body).hexdigest()
                head = head.replace(digest, "{%s of the body}" % name)
                head = head.replace(digest[:32], "{half of %s of the body}" % name)
            head = re.sub(
                rf"(?i)(\r\nContent-Length: ){len(body)}\r\n", r"\1{size of the body}\r\n", head
            )
        return head


class WebSocketPeer:
    """A WebSocket without extensions, whose handshake and frames go on record."""

    KEY = base64.b64encode(b"sixteen bytes!!!").decode()
    MASK = b"\1\2\3\4"

    def __init__(self, transcript, path, headers):
        self._transcript = transcript
        self._bytes = _Bytes(transcript.server.http)
        lines = [f"GET {path} HTTP/1.1", f"Host: {transcript.server.http}"]
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Key: {self.KEY}", *(f"{name}: {value}" for name, value in headers)]
        transcript.sent("\n".join(line for line in lines if not line.startswith("Host:")))
        self._bytes.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = self._bytes.until(b"\r\n\r\n").decode("latin-1")
        self.status = int(head.split(" ")[1])
        found = re.search(r"\r\nContent-Length: (\d+)\r\n", head, re.IGNORECASE)
        body = self._bytes.exactly(int(found[1])) if found and self.status != 101 else b""
        transcript.received(HttpPeer._head(head, body).strip().replace("\r\n", "\n"))
        if body:
            transcript.received("\n" + shown(body))
        transcript.blank()

    def close(self):
        self._bytes.close()

    def send(self, text, opcode=1):
        """One masked frame; nothing is awaited."""
        data = text.encode() if isinstance(text, str) else text
        self._transcript.sent(f"frame {opcode} {shown(data)}")
        size = bytes([0x80 | len(data)])
        if len(data) > 125:
            size = bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
        masked = bytes(byte ^ self.MASK[index % 4] for index, byte in enumerate(data))
        self._bytes.socket.sendall(bytes([0x80 | opcode]) + size + self.MASK + masked)

    def receive(self):
        """The payload of the next frame."""
        first, second = self._bytes.exactly(2)
        assert first & 0x80 and not second & 0x80, "a fragment, or masked"
        size = second
        if size == 126:
            size = int.from_bytes(self._bytes.exactly(2), "big")
        payload = self._bytes.exactly(size)
        self._transcript.received(f"frame {first & 15} {shown(payload)}")
        return payload


class MqttPeer:
    """MQTT 3.1.1 by raw packets, which all go on record."""

    NAMES = {2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP"}
    NAMES |= {9: "SUBACK", 11: "UNSUBACK", 13: "PINGRESP"}

    def __init__(self, transcript, device, login=None):
        self._transcript = transcript
        self._raw = RawMqtt(transcript.server.mqtt)
        self._packets = 0
        username, password = login or credentials()
        transcript.sent(f"CONNECT {device}" + (f" {username} {password}" if login else ""))
        self._raw.send(connect_packet(device, username, password))
        self.receive()

    def close(self):
        self._raw.socket.close()

    def subscribe(self, topic, qos):
        self._packets += 1
        self._transcript.sent(f"SUBSCRIBE id={self._packets} {topic} qos={qos}")
        self._raw.send(subscribe_packet(topic, qos, self._packets))

    def acknowledge(self, packet_id):
        self._transcript.sent(f"PUBACK id={packet_id}")
        self._raw.send(b"\x40\x02" + packet_id.to_bytes(2, "big"))

    def publish(self, topic, payload, qos=1):
        """A PUBLISH; the acknowledgement of QoS 1 is not awaited."""
        self._packets += 1
        data = payload.encode() if isinstance(payload, str) else payload
        number = f" id={self._packets}" if qos else ""
        self._transcript.sent(f"PUBLISH qos={qos}{number} {topic}\n{shown(data)}")
        self._raw.send(publish_packet(topic, data, qos, self._packets))

    def receive(self, count=1):
        """The next packets: [(kind, topic, payload)], topic None unless it is a PUBLISH. Those that
        may overtake each other are read together: acknowledgements are written first, then topics in
        order."""
        packets = sorted((self._packet(*self._raw.read_packet()) for _ in range(count)),
                         key=lambda packet: packet[1] or "")  # fmt: skip
        for kind, topic, payload, head in packets:
            self._transcript.received(head + (f"\n{shown(payload)}" if topic else ""))
        self._transcript.blank()
        return [packet[:3] for packet in packets]

    def _packet(self, first, body):
        kind = self.NAMES.get(first >> 4, hex(first))
        if kind != "PUBLISH":
            return kind, None, body, f"{kind} flags={first & 15} {body.hex(' ')}".strip()
        size = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        qos, number = first >> 1 & 3, ""
        if qos:
            number, rest = f" id={int.from_bytes(rest[:2], 'big')}", rest[2:]
        flags = f"qos={qos} retain={first & 1} dup={first >> 3 & 1}{number}"
        return kind, topic, rest, f"PUBLISH {flags} {topic}"
