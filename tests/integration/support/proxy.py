"""A TCP proxy that counts what passes and can cut the line, hold it, or alter what comes over it."""
import socket
import threading


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
        self._held = threading.Event()
        self._released = threading.Event()

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

    def hold_download_after(self, count):
        """Once so many bytes have come on a connection nothing more comes on it until release()."""
        self._at(count, self._hold)

    def wait_held(self, seconds=20):
        assert self._held.wait(seconds), "no connection brought so much"

    def release(self):
        self._released.set()

    def wait_uploaded(self, count, seconds=20):
        with self._lock:
            assert self._lock.wait_for(lambda: self._bytes >= count, seconds), self._bytes

    def wait_streams(self, count, seconds=20):
        """Until so many connections have brought something from the server."""
        with self._lock:
            assert self._lock.wait_for(lambda: self._streams >= count, seconds), self._streams

    def cut(self):
        """Ends every connection."""
        self._cut()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        self.release()
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
            heard, brought = False, 0
            while piece := source.recv(65536):
                if not counted and not heard:
                    heard = True
                    with self._lock:
                        self._streams += 1
                        self._lock.notify_all()
                if counted and self._count(len(piece)):
                    return
                if not counted:
                    came = len(piece)
                    piece = self._pass_acts(piece, brought, sink)
                    brought += came
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    # -- acts on what comes from the server -----------------------------------------------------------
    def _at(self, count, act):
        with self._lock:
            self._downloads.append((count, act))

    def _pass_acts(self, piece, brought, sink):
        """The piece, whose first byte is the connection's `brought`th, after the acts in it."""
        with self._lock:
            due = [each for each in self._downloads if each[0] < brought + len(piece)]
            self._downloads = [each for each in self._downloads if each not in due]
        for count, act in due:
            piece = act(piece, max(0, count - brought), sink)
        return piece

    def _cut_download(self, piece, at, sink):
        sink.sendall(piece[:at])
        sink.shutdown(socket.SHUT_RDWR)
        raise OSError("cut")

    @staticmethod
    def _alter(piece, at, _sink):
        return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]

    def _hold(self, piece, at, sink):
        sink.sendall(piece[:at])
        self._held.set()
        self._released.wait(60)
        sink.sendall(piece[at:])
        return b""

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
