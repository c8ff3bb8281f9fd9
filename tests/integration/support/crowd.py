"""Many sockets that behave badly at once: slow, silent, deaf, or gone without a word."""
import ctypes
import re
import select
import socket
import struct
import threading

from support.api import Api
from support.sanitizers import sanitized

SLICE = 0.002  # seconds


class Crowd:
    """`count` connections that send `opening` (bytes, or bytes of a number) and then, if there is a `drip`,
    one byte of it after the other, and never read. A context manager.

    `receive_buffer`: how little they have room for."""

    def __init__(self, address, count, opening=b"", drip=b"", every=0.05, receive_buffer=None):
        host, port = address.rsplit(":", 1)
        self._address, self._count = (host, int(port)), count
        self._opening, self._drip, self._every = opening, drip, every
        self._receive_buffer = receive_buffer
        self.sockets = []
        self._leaving = threading.Event()
        self._thread = None

    def __enter__(self):
        for number in range(self._count):
            peer = socket.socket()
            if self._receive_buffer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            peer.settimeout(20)
            peer.connect(self._address)
            self.sockets.append(peer)
            self._send(peer, self._opening(number) if callable(self._opening) else self._opening)
        if self._drip:
            self._thread = threading.Thread(target=self._dribble, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_):
        self.leave()

    def leave(self):
        self._leaving.set()
        if self._thread:
            self._thread.join(10)
        for peer in self.sockets:
            peer.close()

    @staticmethod
    def _send(peer, data):
        """All of it, unless the server has had enough."""
        try:
            peer.sendall(data)
        except OSError:
            pass

    def _dribble(self):
        """One byte of each in every interval, as strangers do it: not all at the same moment."""
        slices = max(1, round(self._every / SLICE))
        place = 0
        while True:
            for begin in range(slices):
                if self._leaving.wait(SLICE):
                    return
                for peer in self.sockets[begin::slices]:
                    try:
                        peer.send(self._drip[place : place + 1], socket.MSG_DONTWAIT)
                    except OSError:
                        pass
            place = (place + 1) % len(self._drip)

    def ended(self):
        """How many the server has ended."""
        poll = select.poll()
        for peer in self.sockets:
            poll.register(peer, select.POLLRDHUP)
        return len(poll.poll(0))

    def heard(self, number, seconds=5.0):
        """What one of them was told, until the end of its connection or silence of so many seconds."""
        peer, said = self.sockets[number], b""
        peer.settimeout(seconds)
        try:
            while piece := peer.recv(65536):
                said += piece
        except (ConnectionResetError, TimeoutError):
            pass
        return said


def vanish(peer):
    """From now on nothing that comes for the socket is taken, not even acknowledged: so looks, from
    outside, a device whose battery is empty."""
    SO_ATTACH_FILTER = 26
    drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0
    program = struct.pack("HP", 1, ctypes.addressof(drop))
    peer.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def metrics(server, api=None):
    """{name with labels: value}; over a connection that is open already, if one is given."""
    text = (api or Api(server.http)).call("GET", "/metrics").body.decode()
    return {
        name: float(value)
        for name, value in re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
    }


def resident_bytes(server):
    """What it holds in memory; 0 of a build with sanitizers, which hold much more than the server."""
    if sanitized():
        return 0
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024
