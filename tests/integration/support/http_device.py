"""Devices over HTTP and WebSocket: curl, and a real WebSocket client."""
import json
import subprocess
import time

import websocket

from support.waiting import patient

TOKEN = "a-token-of-the-product-0123456789"


class HttpAnswer:
    """What curl got: status, headers (lower-case names), body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:400]!r}>"


def curl(url, *arguments, data=None):
    """One request by curl; the last answer of it."""
    command = ["curl", "-sS", "--max-time", str(patient(20)), *arguments]
    if "-I" not in arguments:
        command += ["-D", "-"]
    if data is not None:
        command += ["--data-binary", "@-"]
    done = subprocess.run([*command, url], input=data, capture_output=True, timeout=patient(30))
    assert done.returncode == 0, done.stderr.decode()
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.split(b" ", 2)[1].startswith(b"1"):  # 100 Continue
        head, _, body = body.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    return HttpAnswer(int(lines[0].split(" ")[1]), headers, body)


class HttpDevice:
    """A device that asks over HTTP (spec 4.6)."""

    def __init__(self, address, device, product, token=TOKEN):
        self.address, self.device, self.product, self.token = address, device, product, token

    def say(self, topic, body, *, authorization=None, product=None):
        """POSTs a body (JSON, or bytes as they are) to a topic."""
        payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        said = f"Bearer {self.token}" if authorization is None else authorization
        arguments = ["-H", "Content-Type: application/json"]
        if said:
            arguments += ["-H", f"Authorization: {said}"]
        url = f"http://{self.address}/{product or self.product}/{self.device}/{topic}"
        return curl(url, "-X", "POST", *arguments, data=payload)

    def accepted(self, topic, body):
        answer = self.say(topic, body)
        assert answer.status == 200, answer
        assert answer.headers["content-type"] == "application/json"
        return answer.json

    def pull(self, message_id="1", latest=False, force=False, **body):
        headers = {"latest": latest, "force": force}
        return self.accepted("firmware/pull", {"messageId": message_id, "headers": headers, **body})

    def succeed(self, version):
        body = {"progress": 100, "complete": True, "success": True, "version": version}
        assert self.accepted("firmware/upgrade/progress", body) == {"success": True}


class WebSocketDevice:
    """A device that holds a WebSocket. A context manager."""

    def __init__(self, address, device, product, token=TOKEN, seconds=5.0):
        self.device = device
        self._unread = []
        self.socket = websocket.create_connection(
            f"ws://{address}/{product}/{device}/socket?token={token}", timeout=patient(seconds)
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, message_type, **body):
        self.socket.send(json.dumps({"messageType": message_type, **body}, ensure_ascii=False))

    def send_text(self, text):
        self.socket.send(text)

    def wait(self, message_type, **wanted):
        """The next message of that type with these members; others are kept for later."""
        while True:
            for index, body in enumerate(self._unread):
                same = all(body.get(name) == value for name, value in wanted.items())
                if body.get("messageType") == message_type and same:
                    return self._unread.pop(index)
            self._unread.append(json.loads(self.socket.recv()))

    def pull(self, message_id="1", latest=False, **body):
        self.say(
            "REQUEST_FIRMWARE", messageId=message_id, headers={"latest": latest, "force": False}, **body
        )
        return self.wait("REQUEST_FIRMWARE_REPLY", messageId=message_id)

    def progress(self, percent, version, complete=False, **more):
        self.say(
            "UPGRADE_FIRMWARE_PROGRESS",
            timestamp=int(time.time() * 1000),
            progress=percent,
            complete=complete,
            version=version,
            **more,
        )

    def succeed(self, version):
        self.progress(100, version, complete=True, success=True)

    def wait_closed(self):
        """Reads until the server closes."""
        try:
            while self.socket.connected and self.socket.recv() != "":
                pass
        except (websocket.WebSocketConnectionClosedException, ConnectionError):
            pass
