"""Uploads and downloads over a line that cuts, delays and corrupts: every fault, every way.

What arrives is right or refused; a device gets its firmware by going on or by asking again; nothing half
is left on disk. Where on the line it happens is drawn by UPDRAFT_NETWORK_SEED (printed when it fails)."""
import hashlib
import http.client
import json
import os
import random
import subprocess

import pytest

from support.api import multipart, trusting
from support.builders import World
from support.crowd import metrics
from support.proxy import FAULTS, HARMLESS, FaultyProxy
from support.server import Server
from support.waiting import eventually, patient

SEED = int(os.environ.get("UPDRAFT_NETWORK_SEED", "20260731"))
CONTENT = random.Random(1).randbytes(600_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATIENCE = patient(1.0)  # seconds in which a client gives up a line that says nothing


class Line:
    """A server, a proxy before it, and a place for the next fault."""

    def __init__(self, server, proxy, name):
        self.server, self.proxy = server, proxy
        self.random = random.Random(f"{SEED} {name}")
        self.world = World(server, server.api())
        self.api = self.world.api

    def plan(self, kind, direction, size=len(CONTENT)):
        """Somewhere in the bytes, neither in the head before them nor at their very end."""
        self.proxy.plan(kind, direction, self.random.randrange(6_000, size - 20_000))

    def check_disk(self, expected):
        """Only whole files under the names of their digests, and these `expected` among them."""
        names = set()

        def nothing_half():
            names.clear()
            for path in (self.server.data / "artifacts").rglob("*"):
                if path.is_file():
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    assert path.name == digest, f"{path} holds {digest}"
                    names.add(digest)
            return True

        eventually(nothing_half, 10)
        assert set(expected) <= names, names
        return names


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += f" -keyout {made[1]} -out {made[0]} -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(command.split(), check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory, certificate):
    flags = ["--tls-certificate", str(certificate[0]), "--tls-key", str(certificate[1])]
    flags += ["--https-listen", "127.0.0.1:0", "--http-body-timeout", "1s"]
    flags += ["--http-header-timeout", "2s"]
    with Server(tmp_path_factory.mktemp("faults") / "data", *flags) as running:
        yield running


@pytest.fixture
def line(server, request):
    with FaultyProxy(server.http) as proxy:
        yield Line(server, proxy, request.node.name)


@pytest.fixture
def secure_line(server, request):
    with FaultyProxy(server.ready["https"]) as proxy:
        yield Line(server, proxy, request.node.name)


# -- uploads ------------------------------------------------------------------------------------------
def send(line, path, content, patience=2 * PATIENCE):
    """(status, file or None) of one upload over the faulty line; (None, None) if it broke."""
    payload, kind = multipart(content)
    host, port = line.proxy.address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=patience)
    headers = {"X-Access-Token": line.api.token, "Content-Type": kind}
    try:
        connection.request("POST", path, payload, headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return answer.status, None
        return 200, json.loads(body).get("result")
    except (OSError, http.client.HTTPException):
        return None, None
    finally:
        connection.close()


def unique(line, size=len(CONTENT)):
    return line.random.randbytes(size)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_whole_upload_is_right_or_refused(line, kind):
    content = unique(line)
    digest = hashlib.sha256(content).hexdigest()
    line.plan(kind, "up")

    status, file = send(line, "/file/upload", content)

    assert line.proxy.done.wait(5), "the fault did not happen"
    if kind in HARMLESS:
        assert status == 200 and file["sha256"] == digest
    elif kind == "flip":
        # The server cannot know what was meant: it says what it got, and the client compares.
        assert status == 200 and file["sha256"] != digest
    else:
        assert status != 200, file
    line.check_disk([digest] if kind in HARMLESS else [])
    if file:
        line.check_disk([file["sha256"]])


@pytest.mark.parametrize("kind", ["flip", "duplicate"])
def test_a_corrupted_upload_never_becomes_a_firmware(line, kind):
    """The digest that the operator has from the maker is compared before anything is saved."""
    content = unique(line)
    product = line.world.product()
    line.plan(kind, "up")
    _, file = send(line, "/file/upload", content)
    if file:
        body = line.world.firmware_body(product, file=file, sign=hashlib.md5(content).hexdigest())
        line.api.refused("POST", "/firmware", body)
    assert line.api.count("/firmware", ("productId", product)) == 0
    _, again = send(line, "/file/upload", content)
    body = line.world.firmware_body(product, file=again, sign=hashlib.md5(content).hexdigest())
    assert line.api.post("/firmware", body)["id"]
    line.check_disk([hashlib.sha256(content).hexdigest()])


def upload_in_pieces(line, session, content, piece=150_000):
    """As a console does it: asks where to go on, sends the next piece, and again, until it is done."""
    path = f"/file/upload/sharding/{session}"
    for _ in range(40):
        progress = line.api.call("GET", path)
        start = progress.result["nextOffset"] if progress.status == 200 else 0
        part = content[start : start + piece]
        _, file = send(line, f"{path}?offset={start}&length={len(content)}", part)
        if file and file.get("sha256"):
            return file
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize("kind", FAULTS)
def test_an_upload_in_pieces_goes_on(line, kind):
    content = unique(line)
    line.proxy.plan(kind, "up", line.random.randrange(6_000, 100_000))

    file = upload_in_pieces(line, line.world.name("session"), content)

    assert line.proxy.done.wait(5)
    right = hashlib.sha256(content).hexdigest()
    if kind == "flip":
        assert file["sha256"] != right and file["length"] == len(content)  # and it is seen
    else:
        assert file["sha256"] == right
    line.check_disk([file["sha256"]])
    assert line.api.call("GET", f"/file/{file['id']}").body is not None


@pytest.mark.parametrize("kind", ["cut", "reset", "half_close", "stall"])
def test_an_upload_whose_answer_is_lost_was_stored_once(line, kind):
    """The bytes are there, the answer is not: asking again is harmless."""
    content = unique(line)
    line.proxy.plan(kind, "down", 5)

    status, _ = send(line, "/file/upload", content)
    assert status is None
    status, file = send(line, "/file/upload", content)

    assert status == 200 and file["sha256"] == hashlib.sha256(content).hexdigest()
    names = line.check_disk([file["sha256"]])
    assert sum(name == file["sha256"] for name in names) == 1


# -- downloads ----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def image(server):
    file = server.api().upload(CONTENT, "image.bin")
    return f"/file/{file['id']}?accessKey={file['others']['accessKey']}"


class Downloader:
    """What a careful device does: goes on where the line broke, and believes the digest only."""

    def __init__(self, address, path, tls=None):
        self.address, self.path, self.tls = address, path, tls
        self.got, self.etag, self.wanted = b"", None, None
        self.corrupted = self.resumed = 0

    def fetch(self):
        for _ in range(10):
            try:
                self._once()
            except (OSError, http.client.HTTPException):
                continue
            if self.wanted and hashlib.sha256(self.got).hexdigest() == self.wanted:
                return self.got
            self.corrupted += 1
            self.got = b""
        raise AssertionError(f"no firmware after many tries, {len(self.got)} bytes")

    def _once(self):
        host, port = self.address.rsplit(":", 1)
        if self.tls:
            connection = http.client.HTTPSConnection(host, int(port), timeout=PATIENCE, context=self.tls)
        else:
            connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        headers = {}
        if self.got:
            headers = {"Range": f"bytes={len(self.got)}-", "If-Range": self.etag}
        try:
            connection.request("GET", self.path, headers=headers)
            answer = connection.getresponse()
            if answer.status == 416:
                return
            assert answer.status in (200, 206), answer.status
            if answer.status == 200:
                self.got = b""
            else:
                self.resumed += 1
                assert answer.getheader("Content-Range").startswith(f"bytes {len(self.got)}-")
            self.etag = answer.getheader("ETag")
            self.wanted = answer.getheader("Digest").removeprefix("sha-256=")
            assert self.wanted == answer.getheader("file-sha256")
            while piece := answer.read1(65536):
                self.got += piece
            if answer.length:
                raise http.client.IncompleteRead(b"")
        finally:
            connection.close()


@pytest.mark.parametrize("kind", FAULTS)
def test_a_device_gets_its_firmware(line, image, kind):
    line.plan(kind, "down")
    device = Downloader(line.proxy.address, image)

    assert device.fetch() == CONTENT

    assert line.proxy.done.wait(5)
    assert (device.corrupted > 0) == (kind in ("flip", "duplicate"))
    if kind != "reset":  # which may take along what had arrived
        assert (device.resumed > 0) == (kind in ("cut", "half_close", "stall"))


@pytest.mark.parametrize("kind", FAULTS)
def test_a_device_gets_its_firmware_over_tls(secure_line, certificate, image, kind):
    """TLS finds what was altered by itself: nothing wrong ever comes out of it."""
    secure_line.plan(kind, "down")
    device = Downloader(secure_line.proxy.address, image, trusting(certificate[0]))

    assert device.fetch() == CONTENT

    assert secure_line.proxy.done.wait(5)
    assert device.corrupted == 0
    if kind != "reset":  # which may take along what had arrived
        assert (device.resumed > 0) == (kind not in HARMLESS)


def curl(line, url, path, *arguments):
    """curl's exit code of one try that goes on where the file on disk ends."""
    command = ["curl", "-sS", "--fail", "-C", "-", "--speed-limit", "1", "--speed-time", "1"]
    command += ["--max-time", "20", "-o", str(path), *arguments, url]
    return subprocess.run(command, capture_output=True, timeout=30).returncode


def curl_until_right(line, url, path, *arguments):
    tries = []
    while len(tries) < 8:
        tries.append(curl(line, url, path, *arguments))
        if tries[-1] == 0:
            if hashlib.sha256(path.read_bytes()).hexdigest() == SHA256:
                return tries
            path.unlink()
    raise AssertionError(f"curl never got it right: {tries}")


@pytest.mark.parametrize("kind", FAULTS)
def test_curl_gets_a_firmware(line, image, tmp_path, kind):
    line.plan(kind, "down")
    tries = curl_until_right(line, f"http://{line.proxy.address}{image}", tmp_path / "image")
    assert line.proxy.done.wait(5)
    assert (len(tries) == 1) == (kind in HARMLESS)


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind != "stall"])
def test_curl_gets_a_firmware_over_tls(secure_line, certificate, image, tmp_path, kind):
    secure_line.plan(kind, "down")
    url = f"https://{secure_line.proxy.address}{image}"
    tries = curl_until_right(
        secure_line, url, tmp_path / "image", "--cacert", str(certificate[0])
    )
    assert secure_line.proxy.done.wait(5)
    assert (len(tries) == 1) == (kind in HARMLESS)


@pytest.mark.parametrize("kind", FAULTS)
def test_ranges_hold_what_they_say(line, image, kind):
    """Sixteen ranges one after the other, as devices with little memory ask; one of them meets a fault."""
    size = len(CONTENT) // 16
    line.proxy.plan(kind, "down", line.random.randrange(2_000, size - 1_000))
    got = b""
    for number in range(16):
        wanted = CONTENT[number * size : (number + 1) * size if number < 15 else None]
        got += one_range(line, image, number * size, wanted)
    assert got == CONTENT


def one_range(line, image, start, wanted):
    """One range; a device has no digest of it, so that the maker's of each piece stands in for it."""
    for _ in range(4):
        host, port = line.proxy.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        try:
            span = f"bytes={start}-{start + len(wanted) - 1}"
            connection.request("GET", image, headers={"Range": span})
            answer = connection.getresponse()
            assert answer.status == 206
            assert answer.getheader("Content-Range").startswith(span.replace("=", " "))
            body = answer.read()
            if body == wanted:
                return body
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
    raise AssertionError("a range never came right")


# -- a request that breaks -----------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["cut", "reset", "half_close", "stall"])
def test_a_broken_line_leaves_no_connection(line, image, kind):
    """In the middle of a head, of a body, of an answer."""
    before = metrics(line.server, line.api)["updraft_http_connections"]
    for direction, at in (("up", 10), ("up", 50_000), ("down", 10)):
        line.proxy.plan(kind, direction, at)
        send(line, "/file/upload", unique(line, 200_000), patience=0.5)
        assert line.proxy.done.wait(5)
    line.proxy.close()
    eventually(
        lambda: metrics(line.server, line.api)["updraft_http_connections"] <= before, 15
    )
    line.check_disk([SHA256])
