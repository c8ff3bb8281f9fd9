"""A client of the REST API, with one kept connection."""
import http.client
import json
import time
import urllib.parse


class Refused(RuntimeError):
    """The server's answer was no success."""


class Rest:
    """Calls as one user; answers the `result` of an envelope. Not for several threads."""

    def __init__(self, address, token=None, timeout=300):
        self.address, self.token, self.timeout = address, token, timeout
        self.took = 0.0  # seconds of the last call, until its answer was read
        self._connection = None

    def clone(self):
        return Rest(self.address, self.token, self.timeout)

    def call(self, method, path, body=None, raw=None, content_type="application/json", headers=None):
        payload = raw if body is None else json.dumps(body).encode()
        head = {"Content-Type": content_type, **(headers or {})}
        if self.token:
            head["X-Access-Token"] = self.token
        began = time.monotonic()
        answer, text = self._exchange(method, path, payload, head)
        self.took = time.monotonic() - began
        if answer.status != 200:
            raise Refused(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text).get("result")

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None, **options):
        return self.call("POST", path, body, **options)

    def put(self, path, body=None):
        return self.call("PUT", path, body)

    def sign_in(self, password):
        body = {"username": "admin", "password": password, "expires": 3_600_000}
        self.token = self.post("/authorize/login", body)["token"]
        return self

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def _exchange(self, method, path, payload, headers):
        fresh = self._connection is None
        if fresh:
            host, port = self.address.rsplit(":", 1)
            self._connection = http.client.HTTPConnection(host, int(port), timeout=self.timeout)
        try:
            self._connection.request(method, urllib.parse.quote(path, safe="/?&=%:$[],*+.-_~!"), payload, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, OSError):
            self.close()
            if fresh:
                raise
            return self._exchange(method, path, payload, headers)  # the kept connection had ended
        if answer.will_close:
            self.close()
        return answer, text
