"""A device of hawkBit's device API (hawkbit-ddi): polls, follows links, downloads, reports."""
import hashlib
import http.client
import json
import urllib.parse

from support.api import Answer
from support.contract import contract
from support.waiting import patient

TENANT = "DEFAULT"


class DdiDevice:
    """One device with one connection that is kept alive, unless `keep_alive` is off. `headers` come
    with every request; of `token` (TargetToken) and `gateway_token` one makes the sign-in.

    `poll` remembers its links; what takes an action works on the one that they name. Every call that
    reports wants 200 with an empty body, as both known clients do; `call` takes whatever comes."""

    def __init__(
        self,
        address,
        device,
        *,
        token=None,
        gateway_token=None,
        tenant=TENANT,
        headers=None,
        agent="updraft-test-device/1.0",
        keep_alive=True,
    ):
        self.address, self.device = address, device
        self.base = f"/{tenant}/controller/v1/{urllib.parse.quote(device, safe='')}"
        self.headers = {"Accept": "application/json", "User-Agent": agent, **(headers or {})}
        if token:
            self.headers["Authorization"] = f"TargetToken {token}"
        if gateway_token:
            self.headers["Authorization"] = f"GatewayToken {gateway_token}"
        self.keep_alive = keep_alive
        self.links = {}
        self._connection = None

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- any request ----------------------------------------------------------------------------------
    def call(self, method, target, body=None, headers=None):
        """`target`: a whole URL as links have it, or a path below the device's own. `body`: an object,
        sent as JSON, or bytes."""
        sent = {**self.headers, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json;charset=UTF-8")
        if not self.keep_alive:
            sent["Connection"] = "close"
        path = self._path(target)
        for attempt in (1, 2):
            fresh = self._connection is None
            if fresh:
                host, port = self.address.rsplit(":", 1)
                self._connection = http.client.HTTPConnection(host, int(port), timeout=patient(20))
            try:
                self._connection.request(method, path, body, sent)
                response = self._connection.getresponse()
                content = response.read()
            except (http.client.HTTPException, OSError):
                self.close()
                if fresh or attempt == 2:
                    raise  # only a kept-alive connection may have been closed in between
                continue
            if response.will_close or not self.keep_alive:
                self.close()
            if contract().operation(method, path)[1]:
                contract().check(method, path, response.status, response.headers, content)
            return Answer(response.status, response.headers, content)
        raise AssertionError("unreachable")

    def _path(self, target):
        if not target.startswith("http"):
            return self.base + (f"/{target}" if target else "")
        url = urllib.parse.urlsplit(target)
        assert url.netloc == self.address, f"{target} leads away from {self.address}"
        return url.path + (f"?{url.query}" if url.query else "")

    def get(self, target, **headers):
        answer = self.call("GET", target, **headers)
        assert answer.status == 200, f"GET {target}: {answer}"
        return answer.json

    def say(self, method, target, body=None):
        """A report: 200 and nothing else (hawkbit-ddi 1)."""
        answer = self.call(method, target, body)
        assert answer.status == 200 and answer.body == b"", f"{method} {target}: {answer}"

    # -- the poll and what it leads to ----------------------------------------------------------------
    def poll(self):
        """The document; its links are kept."""
        document = self.get("")
        self.links = {
            rel: link["href"] for rel, link in document.get("_links", {}).items()
        }  # hal+json
        return document

    def offered(self, rel="deploymentBase"):
        """Polls; the action's id if it is offered that way, else None."""
        self.poll()
        return self.action_of(self.links[rel]) if rel in self.links else None

    @staticmethod
    def action_of(href):
        return urllib.parse.urlsplit(href).path.rsplit("/", 1)[1]

    def deployment(self):
        """Polls and fetches what is to be done: (action's id, chunks). Wants an offer."""
        action = self.offered()
        assert action, f"{self.device} is offered nothing: {self.links}"
        document = self.get(self.links["deploymentBase"])
        assert document["id"] == action, document
        return action, document["deployment"]["chunks"]

    def download(self, artifact, start=None):
        """The bytes, held to the size and every hash (all of them even if only the rest is fetched)."""
        links = artifact["_links"]
        href = (links.get("download") or links["download-http"])["href"]
        answer = self.call("GET", href, headers={"Range": f"bytes={start}-"} if start else None)
        assert answer.status == (206 if start else 200), answer
        if start:
            return answer.body
        assert len(answer.body) == artifact["size"]
        for name, digest in artifact["hashes"].items():
            assert hashlib.new(name, answer.body).hexdigest() == digest, name
        return answer.body

    # -- reports --------------------------------------------------------------------------------------
    @staticmethod
    def report(execution, finished="none", *details, progress=None, code=None, **more):
        result = {"finished": finished}
        if progress is not None:
            result["progress"] = {"cnt": progress[0], "of": progress[1]}
        status = {"execution": execution, "result": result, "details": list(details)}
        if code is not None:
            status["code"] = code
        return {**more, "status": status}

    def feedback(self, action, execution, finished="none", *details, kind="deploymentBase", **more):
        self.say(
            "POST",
            f"{kind}/{action}/feedback",
            self.report(execution, finished, *details, **more),
        )

    def proceed(self, action, *details, **more):
        self.feedback(action, "proceeding", "none", *details, **more)

    def succeed(self, action, *details, **more):
        self.feedback(action, "closed", "success", *details, **more)

    def fail(self, action, *details, **more):
        self.feedback(action, "closed", "failure", *details, **more)

    def acknowledge_cancel(self, action, *details):
        self.feedback(action, "closed", "success", *details, kind="cancelAction")

    def refuse_cancel(self, action, *details):
        self.feedback(action, "rejected", "none", *details, kind="cancelAction")

    def confirm(self, action, confirmation="confirmed", *details):
        self.say(
            "POST",
            f"confirmationBase/{action}/feedback",
            {"confirmation": confirmation, "details": list(details)},
        )

    def configure(self, data, mode=None):
        self.say("PUT", "configData", {"data": data, **({"mode": mode} if mode else {})})

    # -- a whole upgrade ------------------------------------------------------------------------------
    def upgrade(self, *details):
        """From the poll to the last word; answers the bytes of the first artifact."""
        action, chunks = self.deployment()
        content = self.download(chunks[0]["artifacts"][0])
        self.proceed(action, "downloaded", progress=(1, 2))
        self.succeed(action, *(details or ("installed",)))
        return content
