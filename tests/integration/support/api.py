"""A client of the REST API that holds every answer to the contract."""
import http.client
import json
import ssl
import urllib.parse
import uuid

from support.contract import contract
from support.waiting import Events, patient

PASSWORD = "correct horse battery staple"


class Answer:
    """One answer: status, headers, body bytes; `json` and `result` when it is JSON."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def result(self):
        return self.json.get("result")

    @property
    def message(self):
        return self.json["message"]

    def __repr__(self):
        return f"<{self.status} {self.body[:600].decode(errors='replace')}>"


class Api:
    """Calls as one user. `post("/x", body)` answers the `result` of a success and fails otherwise;
    `call` answers whatever comes; `refused` wants a refusal. Paths may carry a query string.

    One connection, kept alive; not for several threads."""

    def __init__(self, address, token=None, language="zh-CN,zh;q=0.9", tls=None):
        self.address = address
        self.token = token
        self.language = language
        self._tls = tls
        self._connection = None

    def clone(self, **changes):
        """The same server and sign-in over another connection, with changes: token, language."""
        settings = {"token": self.token, "language": self.language, "tls": self._tls, **changes}
        return Api(self.address, **settings)

    # -- calls ----------------------------------------------------------------------------------------
    def call(
        self, method, path, body=None, *, headers=None, check=True, raw=None, content_type=None
    ):
        """Any call. `body` is sent as JSON, `raw` (bytes) as it is."""
        sent = {"Accept-Language": self.language, **(headers or {})}
        if self.token and "X-Access-Token" not in sent:
            sent["X-Access-Token"] = self.token
        payload = raw
        if body is not None:
            payload = json.dumps(body, ensure_ascii=False).encode()
            sent.setdefault("Content-Type", "application/json")
        if content_type:
            sent["Content-Type"] = content_type
        sent = {name: value for name, value in sent.items() if value is not None}
        answer = self._exchange(method, path, payload, sent)
        if check:
            bare = sent.get("X-Response-Wrapper", "").lower() == "ignore"
            contract().check(method, path, answer.status, answer.headers, answer.body, bare)
        return answer

    def _exchange(self, method, path, payload, headers):
        for attempt in (1, 2):
            fresh = self._connection is None
            if fresh:
                host, port = self.address.rsplit(":", 1)
                if self._tls:
                    self._connection = http.client.HTTPSConnection(
                        host, int(port), timeout=patient(20), context=self._tls
                    )
                else:
                    self._connection = http.client.HTTPConnection(host, int(port), timeout=patient(20))
            try:
                self._send(
                    method, urllib.parse.quote(path, safe="/?&=%:$[],*+.-_~!"), payload, headers
                )
                response = self._connection.getresponse()
                body = response.read()
                if response.will_close:
                    self.close()
                return Answer(response.status, response.headers, body)
            except (http.client.HTTPException, OSError):
                self.close()
                if fresh or attempt == 2:
                    raise  # only a kept-alive connection may have been closed in between
        raise AssertionError("unreachable")

    def _send(self, method, path, payload, headers):
        try:
            self._connection.request(method, path, payload, headers)
        except BrokenPipeError:
            if not payload or len(payload) < 1_000_000:
                raise
            # The server has answered without reading it all, and stopped reading: the answer is there.

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def _ok(self, method, path, body=None, **options):
        answer = self.call(method, path, body, **options)
        assert answer.status == 200, f"{method} {path}: {answer}"
        return answer.result

    def get(self, path, **options):
        return self._ok("GET", path, **options)

    def post(self, path, body=None, **options):
        return self._ok("POST", path, body, **options)

    def put(self, path, body=None, **options):
        return self._ok("PUT", path, body, **options)

    def patch(self, path, body=None, **options):
        return self._ok("PATCH", path, body, **options)

    def delete(self, path, body=None, **options):
        return self._ok("DELETE", path, body, **options)

    def refused(
        self, method, path, body=None, *, status=400, code=None, zh=None, en=None, **options
    ):
        """Wants a refusal with a sentence in both languages; answers the Chinese one's body. `zh` and
        `en` are texts that the sentences must hold."""
        chinese = self.clone(language="zh-CN").call(method, path, body, **options)
        english = self.clone(language="en-US,en;q=0.9").call(method, path, body, **options)
        for answer in (chinese, english):
            assert answer.status == status, f"{method} {path}: wanted {status}: {answer}"
            assert answer.json["status"] == status
            if code:
                assert answer.json["code"] == code
        assert has_chinese(chinese.message), f"no Chinese: {chinese.message}"
        assert not has_chinese(
            english.message.replace(zh or "\0", "")
        ), f"no English: {english.message}"
        if zh:
            assert zh in chinese.message, chinese.message
        if en:
            assert en.lower() in english.message.lower(), english.message
        return chinese.json

    # -- conveniences ---------------------------------------------------------------------------------
    def login(self, username="admin", password=PASSWORD, expires=3600000, **more):
        """Signs in, keeps the token, answers the result."""
        self.token = None
        result = self.post(
            "/authorize/login",
            {"username": username, "password": password, "expires": expires, **more},
        )
        self.token = result["token"]
        return result

    def upload(self, content, name="fw.bin", path="/file/upload"):
        """Uploads bytes as a multipart form; answers the file's row."""
        payload, content_type = multipart(content, name)
        return self.post(path, raw=payload, content_type=content_type)

    def events(self, query=""):
        """The live events, as a context manager."""
        return Events(self.address, "/events" + query, {"X-Access-Token": self.token})

    def rows(self, base, *terms, sorts=None):
        """All rows of a no-paging query; `terms` are (column, value) or (column, termType, value)."""
        query = {"paging": False, "terms": [term(*each) for each in terms]}
        if sorts:
            query["sorts"] = [{"name": name, "order": order} for name, order in sorts]
        return self.post(f"{base}/_query/no-paging", query)

    def count(self, base, *terms):
        return self.post(f"{base}/_count", {"terms": [term(*each) for each in terms]})


def term(column, *rest):
    if len(rest) == 1:
        return {"column": column, "value": rest[0]}
    return {"column": column, "termType": rest[0], "value": rest[1]}


def multipart(content, name="fw.bin", field="file"):
    """(body, content type) of a form with one file."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return (
        head.encode() + content + f"\r\n--{boundary}--\r\n".encode(),
        f"multipart/form-data; boundary={boundary}",
    )


def has_chinese(text):
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def trusting(certificate):
    """A TLS context that trusts one certificate."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    return context
