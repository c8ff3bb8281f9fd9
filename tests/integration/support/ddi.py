"""A hawkBit device over plain HTTP: it follows links verbatim, as the real clients do."""
import http.client
import json
import urllib.parse

from support.api import Answer


class DdiDevice:
    """One controller with one token, on one kept-alive connection.

    `call` answers whatever comes; `links` polls; `report` sends a feedback and wants 200."""

    def __init__(self, address, device, token=None, *, scheme="TargetToken", tenant="DEFAULT"):
        self.address, self.device, self.tenant = address, device, tenant
        self.headers = {"Accept": "application/json", "User-Agent": "test-controller/1.0"}
        if token is not None:
            self.headers["Authorization"] = f"{scheme} {token}"
        self._connection = None

    @property
    def base(self):
        return f"/{self.tenant}/controller/v1/{urllib.parse.quote(self.device)}"

    def call(self, method, path="", body=None, *, raw=None, headers=None):
        """`path` is below the controller, or an absolute link of an answer."""
        if path.startswith("http"):
            link = urllib.parse.urlsplit(path)
            assert link.netloc == self.address, path
            path = link.path + (f"?{link.query}" if link.query else "")
        else:
            path = self.base + path
        sent = {**self.headers, **(headers or {})}
        payload = raw
        if body is not None:
            payload = json.dumps(body).encode()
        if payload is not None:
            sent.setdefault("Content-Type", "application/json")
        sent = {name: value for name, value in sent.items() if value is not None}
        if self._connection is None:
            host, port = self.address.rsplit(":", 1)
            self._connection = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            self._connection.request(method, path, payload, sent)
            response = self._connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def get(self, path="", **options):
        answer = self.call("GET", path, **options)
        assert answer.status == 200, answer
        return answer.json

    def links(self):
        """What the poll offers: {rel: href}."""
        return {rel: link["href"] for rel, link in self.get().get("_links", {}).items()}

    def deployment(self):
        """The offered deployment, fetched."""
        return self.get(self.links()["deploymentBase"])

    def send(self, resource, action, execution, finished="none", *details, progress=None, **status):
        """A feedback as SWUpdate words it, numeric id and legacy members included."""
        result = {"finished": finished}
        if progress:
            result["progress"] = {"cnt": progress[0], "of": progress[1]}
        body = {
            "id": int(action),
            "time": "20261123T031735",
            "status": {
                "result": result,
                "execution": execution,
                "details": list(details),
                **status,
            },
        }
        return self.call("POST", f"/{resource}/{action}/feedback", body)

    def report(self, action, execution, finished="none", *details, **more):
        answer = self.send("deploymentBase", action, execution, finished, *details, **more)
        assert (answer.status, answer.body) == (200, b""), answer

    def confirm_cancel(self, action, execution="closed", finished="success", *details):
        answer = self.send("cancelAction", action, execution, finished, *details)
        assert (answer.status, answer.body) == (200, b""), answer
