"""Thousands of MQTT devices in one thread: they connect, come back at once whenever they lose the server,
take pushes and report success."""
import errno
import heapq
import json
import select
import socket
import threading
import time
from collections import Counter

from support.mqtt_device import connect_packet, credentials, publish_packet

BACK_AFTER = 0.1  # seconds until a device that was refused tries again


class _Device:
    __slots__ = ("name", "socket", "signed_in", "unread", "unsent")

    def __init__(self, name):
        self.name, self.socket, self.signed_in, self.unread, self.unsent = name, None, False, b"", b""


class Herd:
    """Devices of one product with the official sign-in. A context manager; inside, they stay connected.

    `pushes` is {device: [messageId, ...]}; `signed_in` says how many are in; `refused` counts CONNACKs
    by code, and "closed" for attempts that ended without one."""

    def __init__(self, address, product, devices):
        host, port = address.rsplit(":", 1)
        self._address, self._product = (host, int(port)), product
        self._devices = [_Device(name) for name in devices]
        self._epoll = select.epoll()
        self._by_descriptor = {}
        self._later = []  # (when, number): who tries again
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.pushes = {name: [] for name in devices}
        self.signed_in = 0
        self.acknowledged = 0
        self.refused = Counter()
        self.failure = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._leaving.set()
        self._thread.join(30)
        for device in self._devices:
            if device.socket:
                device.socket.close()
        self._epoll.close()

    def _run(self):
        try:
            for number in range(len(self._devices)):
                self._connect(number)
            while not self._leaving.is_set():
                for descriptor, events in self._epoll.poll(0.02, 512):
                    number = self._by_descriptor.get(descriptor)
                    if number is not None:
                        self._serve(number, events)
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    self._connect(heapq.heappop(self._later)[1])
        except Exception as failure:  # shown by the test
            self.failure = failure
            raise

    def _connect(self, number):
        device = self._devices[number]
        device.socket = socket.socket()
        device.socket.setblocking(False)
        code = device.socket.connect_ex(self._address)
        device.signed_in, device.unread = False, b""
        device.unsent = connect_packet(device.name, *credentials(), keepalive=0)
        self._by_descriptor[device.socket.fileno()] = number
        self._epoll.register(device.socket, select.EPOLLIN | select.EPOLLOUT)
        if code not in (0, errno.EINPROGRESS):
            self._lost(number)

    def _lost(self, number, why="closed"):
        device = self._devices[number]
        if device.signed_in:
            self.signed_in -= 1
        else:
            self.refused[why] += 1
        self._by_descriptor.pop(device.socket.fileno(), None)
        self._epoll.unregister(device.socket)
        device.socket.close()
        device.socket, device.signed_in = None, False
        heapq.heappush(self._later, (time.monotonic() + BACK_AFTER, number))

    def _serve(self, number, events):
        device = self._devices[number]
        try:
            if events & select.EPOLLIN:
                piece = device.socket.recv(65536)
                if not piece:
                    return self._lost(number)
                device.unread += piece
                code = self._take_packets(device)
                if code:
                    return self._lost(number, code)
            elif events & (select.EPOLLHUP | select.EPOLLERR):
                return self._lost(number)
            if device.unsent:
                device.unsent = device.unsent[device.socket.send(device.unsent) :]
                wanted = select.EPOLLIN | (select.EPOLLOUT if device.unsent else 0)
                self._epoll.modify(device.socket, wanted)
        except BlockingIOError:
            pass
        except OSError:
            self._lost(number)
        return None

    def _take_packets(self, device):
        """The code of a CONNACK that says no, or nothing."""
        while True:
            packet = _first_packet(device.unread)
            if packet is None:
                return None
            first, body, size = packet
            device.unread = device.unread[size:]
            if first == 0x20 and body[1]:
                return body[1]
            if first == 0x20:
                device.signed_in = True
                self.signed_in += 1
            elif first == 0x40:
                self.acknowledged += 1
            elif first & 0xF0 == 0x30:
                length = int.from_bytes(body[:2], "big")
                topic, payload = body[2 : 2 + length].decode(), body[2 + length :]
                if topic.endswith("/firmware/upgrade"):
                    self._take_push(device, json.loads(payload))

    def _take_push(self, device, push):
        self.pushes[device.name].append(push["messageId"])
        prefix = f"/{self._product}/{device.name}/firmware/upgrade"
        said = {"messageId": push["messageId"], "success": True}
        done = {"progress": 100, "complete": True, "success": True, "version": push["version"]}
        device.unsent += publish_packet(prefix + "/reply", json.dumps(said).encode())
        device.unsent += publish_packet(prefix + "/progress", json.dumps(done).encode(), 1, 1)


def _first_packet(data):
    """(first byte, body, size of all) or None."""
    length = shift = 0
    for at in range(1, min(len(data), 5)):
        length |= (data[at] & 127) << shift
        shift += 7
        if not data[at] & 128:
            end = at + 1 + length
            return (data[0], data[at + 1 : end], end) if len(data) >= end else None
    return None
