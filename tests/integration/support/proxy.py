"""A TCP proxy that counts what passes and can cut the line, slow it, or alter what comes over it."""
import socket
import struct
import threading

from support.waiting import patient


class Proxy:
    """Passes connections on to `target`. A context manager; `address` is where it listens."""

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Condition()
        self._open = []
        self._bytes = 0
        self._streams = 0
        self._cut_at = None
        self._refuse = 0
        self._downloads = []  # what waits for its place: (bytes that one connection brought, act)
        self._is_slow = threading.Event()
        self._is_fast = threading.Event()

    @property
    def address(self):
        return "127.0.0.1:%d" % self._listener.getsockname()[1]

    @property
    def uploaded(self):
        """Bytes that clients have sent through it."""
        with self._lock:
            return self._bytes

    def cut_after(self, count, refuse=0):
        """Once so many bytes have come from clients, every connection is cut; the next `refuse`
        connections are closed at once."""
        with self._lock:
            self._cut_at, self._refuse_then = count, refuse

    def cut_download_after(self, count):
        """Cuts the first connection on which so many bytes have come from the server, once."""
        self._at(count, self._cut_download)

    def alter_download_at(self, count):
        """Flips a bit in what comes from the server at this place of a connection, once."""
        self._at(count, self._alter)

    def slow_download_after(self, count, bytes_per_second=50_000):
        """The first connection on which so many bytes have come from the server goes slowly from there
        on, until fast()."""
        self._at(count, lambda *place: self._slow(bytes_per_second, *place))

    def wait_slow(self, seconds=20):
        assert self._is_slow.wait(patient(seconds)), "no connection brought so much"

    def fast(self):
        self._is_fast.set()

    def wait_uploaded(self, count, seconds=20):
        with self._lock:
            assert self._lock.wait_for(
                lambda: self._bytes >= count, patient(seconds)
            ), self._bytes

    def wait_streams(self, count, seconds=20):
        """Until so many connections have brought something from the server."""
        with self._lock:
            assert self._lock.wait_for(
                lambda: self._streams >= count, patient(seconds)
            ), self._streams

    def cut(self):
        """Ends every connection."""
        self._cut()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        self.fast()
        self._cut()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                refused, self._refuse = self._refuse > 0, max(0, self._refuse - 1)
            if refused:
                client.close()
                continue
            server = socket.create_connection(self._target)
            with self._lock:
                self._open += [client, server]
            for source, sink, counted in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._pass, args=(source, sink, counted), daemon=True
                ).start()

    def _pass(self, source, sink, counted):
        try:
            heard, flow = False, _Flow(sink)
            while piece := source.recv(65536):
                if not counted and not heard:
                    heard = True
                    with self._lock:
                        self._streams += 1
                        self._lock.notify_all()
                if counted and self._count(len(piece)):
                    return
                if counted:
                    sink.sendall(piece)
                else:
                    self._bring(piece, flow)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    # -- acts on what comes from the server -----------------------------------------------------------
    def _at(self, count, act):
        with self._lock:
            self._downloads.append((count, act))

    def _bring(self, piece, flow):
        with self._lock:
            due = [each for each in self._downloads if each[0] < flow.brought + len(piece)]
            self._downloads = [each for each in self._downloads if each not in due]
        for count, act in due:
            piece = act(piece, max(0, count - flow.brought), flow)
        flow.brought += len(piece)
        step = 1024 if flow.bytes_per_second else len(piece)
        for start in range(0, len(piece), step):
            if flow.bytes_per_second:
                self._is_fast.wait(step / flow.bytes_per_second)
            flow.sink.sendall(piece[start : start + step])

    @staticmethod
    def _cut_download(piece, at, flow):
        flow.sink.sendall(piece[:at])
        flow.sink.shutdown(socket.SHUT_RDWR)
        raise OSError("cut")

    @staticmethod
    def _alter(piece, at, _flow):
        return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]

    def _slow(self, bytes_per_second, piece, _at, flow):
        flow.bytes_per_second = bytes_per_second
        self._is_slow.set()
        return piece

    def _count(self, size):
        """True if the line was cut here."""
        with self._lock:
            self._bytes += size
            self._lock.notify_all()
            if self._cut_at is None or self._bytes < self._cut_at:
                return False
            self._cut_at, self._refuse = None, self._refuse_then
        self._cut()
        return True

    def _cut(self):
        with self._lock:
            ended, self._open = self._open, []
        for each in ended:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()


class _Flow:
    """What one connection has brought from the server, and how fast it may bring more."""

    def __init__(self, sink):
        self.sink, self.brought, self.bytes_per_second = sink, 0, None


FAULTS = ("cut", "reset", "half_close", "stall", "delay", "dribble", "duplicate", "flip")
# After these the bytes that arrive are the right ones, only later.
HARMLESS = ("delay", "dribble")


class FaultyProxy:
    """Passes connections on to `target` and does one of FAULTS to the first connection on which so many
    bytes have come in one direction; the connections after it are left alone. A context manager.

    cut: both sides see an orderly end. reset: both see RST. half_close: the side that is sent to sees the
    end, the other may go on talking into nothing. stall: nothing more comes, nothing ends. delay: a
    pause. dribble: byte by byte for a while. duplicate: some bytes come twice. flip: one bit."""

    DRIBBLED = 400  # bytes that come one by one
    REPEATED = 1000  # bytes that come twice

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._planned = None
        self._open = []
        self._leaving = threading.Event()
        self.done = threading.Event()  # the fault has happened
        self.connections = 0

    @property
    def address(self):
        return "127.0.0.1:%d" % self._listener.getsockname()[1]

    def plan(self, kind, direction, at):
        """One fault to come: `direction` is "up", towards the server, or "down"."""
        assert kind in FAULTS and direction in ("up", "down")
        with self._lock:
            self._planned = (kind, direction, at)
            self.done.clear()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends it, and every connection. Idempotent."""
        if self._leaving.is_set():
            return
        self._leaving.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            left, self._open = self._open, []
        for each in left:
            each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(self._target)
            with self._lock:
                self._open += [client, server]
            for source, sink, direction in ((client, server, "up"), (server, client, "down")):
                threading.Thread(
                    target=self._pass, args=(source, sink, direction), daemon=True
                ).start()

    def _due(self, direction, brought, size):
        """(kind, place in the piece) if the planned fault is due in it; it is taken."""
        with self._lock:
            if not self._planned or self._planned[1] != direction:
                return None
            kind, _, at = self._planned
            if brought + size <= at:
                return None
            self._planned = None
            return kind, at - brought

    def _pass(self, source, sink, direction):
        brought = 0
        try:
            while piece := source.recv(65536):
                due = self._due(direction, brought, len(piece))
                brought += len(piece)
                if not due:
                    sink.sendall(piece)
                    continue
                kind, place = due
                try:
                    if not getattr(self, "_" + kind)(piece, place, source, sink):
                        return
                finally:
                    self.done.set()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._end(source, sink)

    @staticmethod
    def _end(*sockets):
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # -- the faults: true if the rest goes on as before ---------------------------------------------------
    def _cut(self, piece, place, source, sink):
        sink.sendall(piece[:place])
        self._end(source, sink)
        return False

    def _reset(self, piece, place, source, sink):
        sink.sendall(piece[:place])
        with self._lock:
            self._open = [each for each in self._open if each not in (source, sink)]
        for each in (source, sink):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Wakes the thread that reads from it: only then does close() end it, by RST.
            each.shutdown(socket.SHUT_RD)
            each.close()
        return False

    def _half_close(self, piece, place, source, sink):
        sink.sendall(piece[:place])
        sink.shutdown(socket.SHUT_WR)
        while source.recv(65536):
            pass
        return False

    def _stall(self, piece, place, source, sink):
        sink.sendall(piece[:place])
        self.done.set()
        self._leaving.wait()
        return False

    def _delay(self, piece, place, _source, sink):
        sink.sendall(piece[:place])
        self._leaving.wait(0.3)
        sink.sendall(piece[place:])
        return True

    def _dribble(self, piece, place, _source, sink):
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sink.sendall(piece[:place])
        end = min(place + self.DRIBBLED, len(piece))
        for at in range(place, end):
            sink.sendall(piece[at : at + 1])
        sink.sendall(piece[end:])
        return True

    def _duplicate(self, piece, place, _source, sink):
        sink.sendall(piece[:place] + piece[max(0, place - self.REPEATED) : place] + piece[place:])
        return True

    def _flip(self, piece, place, _source, sink):
        sink.sendall(piece[:place] + bytes([piece[place] ^ 0x10]) + piece[place + 1 :])
        return True
