"""Files (spec 2.5): uploads by every entrance, downloads with ranges and conditions."""
import email
import hashlib
import http.client
import json
import os
import re
import subprocess

import pytest

from support.api import Api, multipart

HELLO = b"hello firmware"
HELLO_MD5 = "5d99b396caab4bfae4e25207b62b30e2"
HELLO_SHA256 = "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd"


def digests(content):
    return hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest()


def address(file, key=None, suffix=""):
    return f"/file/{file['id']}{suffix}?accessKey={key or file['others']['accessKey']}"


@pytest.fixture
def hello(api):
    return api.upload(HELLO)


@pytest.fixture
def stranger(server):
    """Nobody is signed in."""
    return Api(server.http)


# -- upload --------------------------------------------------------------------------------------------
def test_vector_file_hashes(hello):
    assert (hello["md5"], hello["sha256"], hello["length"]) == (HELLO_MD5, HELLO_SHA256, 14)
    assert (hello["name"], hello["extension"], hello["options"]) == ("fw.bin", "bin", [])
    assert hello["id"] in hello["accessUrl"] and hello["others"]["accessKey"] in hello["accessUrl"]


def test_upload_by_curl(server, api, tmp_path):
    content = os.urandom(3 * 1024 * 1024 + 7)
    path = tmp_path / "固件 1.bin"
    path.write_bytes(content)
    answer = subprocess.run(
        [
            "curl",
            "-sS",
            "--max-time",
            "30",
            "-F",
            f"file=@{path}",
            "-H",
            f"X-Access-Token: {api.token}",
            f"http://{server.http}/api/file/upload",
        ],
        capture_output=True,
        check=True,
    ).stdout
    file = json.loads(answer)["result"]
    assert (file["md5"], file["sha256"]) == digests(content) and file["length"] == len(content)
    assert file["name"] == "固件 1.bin"
    assert api.call("GET", address(file)).body == content


@pytest.mark.parametrize("size", [0, 1, 65536, 1048576 + 1])
def test_sizes(api, size):
    content = os.urandom(size)
    payload, kind = multipart(content)
    answer = api.call("POST", "/file/upload", raw=payload, content_type=kind)
    if size == 0:
        assert answer.status in (200, 400)
        return
    assert answer.result["length"] == size and (
        answer.result["md5"],
        answer.result["sha256"],
    ) == digests(content)


def test_content_that_looks_like_a_boundary(api):
    content = b"\r\n--boundary\r\n--" + os.urandom(100) + b"\r\n----"
    assert api.upload(content)["sha256"] == digests(content)[1]


def test_upload_with_a_suffix_in_the_path(api):
    file = api.upload(HELLO, name="blob", path="/file/upload.img")
    assert file["extension"] == "img" and file["md5"] == HELLO_MD5


def test_batch_upload(api):
    boundary = "b0undary"
    part = '--{b}\r\nContent-Disposition: form-data; name="file"; filename="{n}"\r\n\r\n{c}\r\n'
    body = (
        "".join(part.format(b=boundary, n=f"{n}.bin", c=n) for n in ("one", "two"))
        + f"--{boundary}--\r\n"
    )
    files = api.post(
        "/file/batch/upload",
        raw=body.encode(),
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    assert [(file["name"], file["md5"]) for file in files] == [
        ("one.bin", digests(b"one")[0]),
        ("two.bin", digests(b"two")[0]),
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_sharded_upload_in_any_order(api, world, order):
    content = os.urandom(300_000)
    pieces = [content[:100_000], content[100_000:200_000], content[200_000:]]
    session = world.name("s")
    for index in order:
        payload, kind = multipart(pieces[index])
        result = api.post(
            f"/file/upload/sharding/{session}?offset={index * 100_000}&length={len(content)}",
            raw=payload,
            content_type=kind,
        )
        if index != order[-1]:
            assert not (result or {}).get("md5")
    assert (result["md5"], result["sha256"], result["length"]) == (*digests(content), len(content))
    assert api.call("GET", address(result)).body == content


def test_an_upload_goes_on_where_it_was_cut(api, world, server):
    content = os.urandom(300_000)
    session = f"/file/upload/sharding/{world.name('s')}"
    assert api.call("GET", session).status == 404
    payload, kind = multipart(content[:100_000])
    api.post(f"{session}?offset=0&length=300000", raw=payload, content_type=kind)

    progress = api.get(session)

    assert (progress["length"], progress["received"]) == (300_000, 100_000)
    other = world.person({})
    assert other.call("GET", session).status == 404
    assert Api(server.http).call("GET", session).status == 401
    payload, kind = multipart(content[progress["nextOffset"] :])
    file = api.post(
        f"{session}?offset={progress['nextOffset']}&length=300000", raw=payload, content_type=kind
    )
    assert file["sha256"] == digests(content)[1]
    assert api.call("GET", session).status == 404


def test_a_repeated_piece_changes_nothing(api, world):
    content = b"0123456789"
    session = world.name("s")
    for offset in (0, 0, 5):
        payload, kind = multipart(content[offset : offset + 5])
        result = api.post(
            f"/file/upload/sharding/{session}?offset={offset}&length=10",
            raw=payload,
            content_type=kind,
        )
    assert result["md5"] == digests(content)[0]


@pytest.mark.parametrize(
    "query",
    ["offset=8&length=10", "offset=-1&length=10", "offset=0&length=3", "offset=a&length=10", ""],
)
def test_a_piece_outside_the_file_is_refused(api, world, query):
    payload, kind = multipart(b"01234")
    assert (
        api.call(
            "POST",
            f"/file/upload/sharding/{world.name('s')}?{query}",
            raw=payload,
            content_type=kind,
        ).status
        == 400
    )


def test_update_replaces_the_bytes(api, hello):
    payload, kind = multipart(b"second")
    file = api.put(f"/file/update/{hello['id']}", raw=payload, content_type=kind)
    assert file["id"] == hello["id"] and file["md5"] == digests(b"second")[0]
    assert api.call("GET", address(file)).body == b"second"


def test_upload_needs_a_sign_in(stranger):
    payload, kind = multipart(HELLO)
    assert stranger.call("POST", "/file/upload", raw=payload, content_type=kind).status == 401


@pytest.mark.parametrize(
    "kind, body",
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\nvalue\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut off',
        ),
    ],
)
def test_an_upload_that_is_no_form_is_refused(api, kind, body):
    assert api.call("POST", "/file/upload", raw=body, content_type=kind).status in (400, 415)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "..\\..\\boot.ini", "a/b/c.bin"])
def test_a_path_in_the_file_name_is_only_a_name(api, name):
    file = api.upload(HELLO, name=name)
    assert "/" not in file["name"] and "\\" not in file["name"]


# -- download: who may ---------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", ["", ".bin", ".anything"])
def test_the_access_key_alone_opens_a_file(stranger, hello, suffix):
    answer = stranger.call("GET", address(hello, suffix=suffix))
    assert (answer.status, answer.body) == (200, HELLO)


def test_the_access_key_in_capitals_opens_it_too(stranger, hello):
    assert (
        stranger.call("GET", address(hello, key=hello["others"]["accessKey"].upper())).status == 200
    )


def test_a_wrong_access_key_is_403_even_when_signed_in(stranger, api, hello):
    assert stranger.call("GET", address(hello, key="0" * 32)).status == 403
    assert api.call("GET", address(hello, key="0" * 32)).status == 403


def test_without_a_key_a_sign_in_opens_it(stranger, api, hello):
    assert api.call("GET", f"/file/{hello['id']}").body == HELLO
    assert stranger.call("GET", f"/file/{hello['id']}").status in (401, 403)


def test_public_files_need_no_key(stranger, api):
    payload, kind = multipart(HELLO)
    file = api.post("/file/upload?options=publicAccess", raw=payload, content_type=kind)
    assert file["options"] == ["publicAccess"]
    assert stranger.call("GET", f"/file/{file['id']}").body == HELLO


def test_an_unknown_file_is_404(stranger, api):
    for path in ("/file/" + "0" * 32, "/file/nonsense", f"/file/{'0' * 32}?accessKey={'0' * 32}"):
        assert stranger.call("GET", path).status in (401, 403, 404)
        assert api.call("GET", path).status == 404


# -- download: headers ---------------------------------------------------------------------------------
def test_headers_of_a_download(stranger, hello):
    answer = stranger.call("GET", address(hello))
    headers = answer.headers
    assert headers["Content-Length"] == "14" and headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "application/octet-stream"
    assert (headers["file-md5"], headers["file-sha256"]) == (HELLO_MD5, HELLO_SHA256)
    assert headers["Content-MD5"] == HELLO_MD5
    assert headers["Digest"] == f"sha-256={HELLO_SHA256}"
    assert headers["ETag"] == f'"{HELLO_SHA256}"' and headers["Last-Modified"].endswith("GMT")
    assert (
        headers["Content-Disposition"].startswith("attachment")
        and "filename*=UTF-8''fw.bin" in headers["Content-Disposition"]
    )


def test_attachment_forces_a_name(api, stranger):
    file = api.upload(b"<p>", name="页 1.html")
    plain = stranger.call("GET", address(file))
    assert plain.headers["Content-Type"].startswith("text/html")
    forced = stranger.call("GET", address(file) + "&attachment=true")
    assert "filename*=UTF-8''%E9%A1%B5%201.html" in forced.headers["Content-Disposition"]


def test_head_is_get_without_bytes(stranger, hello):
    head, get = stranger.call("HEAD", address(hello)), stranger.call("GET", address(hello))
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Length", "ETag", "file-sha256", "Accept-Ranges", "Last-Modified"):
        assert head.headers[name] == get.headers[name]


# -- download: ranges ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "asked, span",
    [
        ("bytes=0-3", (0, 3)),
        ("bytes=0-0", (0, 0)),
        ("bytes=6-", (6, 13)),
        ("bytes=-4", (10, 13)),
        ("bytes=13-13", (13, 13)),
        ("bytes=5-500", (5, 13)),
        ("bytes=-500", (0, 13)),
        ("Bytes = 2-3", None),
    ],
)
def test_one_range(stranger, hello, asked, span):
    answer = stranger.call("GET", address(hello), headers={"Range": asked})
    if span is None:
        assert answer.status in (200, 206)
        return
    first, last = span
    assert (answer.status, answer.body) == (206, HELLO[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/14"
    assert answer.headers["Content-Length"] == str(last - first + 1)


def test_several_ranges(stranger, hello):
    answer = stranger.call("GET", address(hello), headers={"Range": "bytes=0-1,6-7,-2"})
    assert answer.status == 206 and answer.headers["Content-Type"].startswith(
        "multipart/byteranges"
    )
    whole = b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" + answer.body
    parts = email.message_from_bytes(whole).get_payload()
    assert [(part["Content-Range"], part.get_payload().encode()) for part in parts] == [
        ("bytes 0-1/14", b"he"),
        ("bytes 6-7/14", b"fi"),
        ("bytes 12-13/14", b"re"),
    ]


@pytest.mark.parametrize("asked", ["bytes=14-", "bytes=20-30", "bytes=-0"])
def test_a_range_outside_is_416(stranger, hello, asked):
    answer = stranger.call("GET", address(hello), headers={"Range": asked})
    assert answer.status == 416 and answer.headers["Content-Range"] == "bytes */14"


@pytest.mark.parametrize("asked", ["bytes=3-1", "bytes=a-b", "lines=0-1", "bytes=", "bytes 0-1"])
def test_a_range_that_is_none_is_ignored(stranger, hello, asked):
    answer = stranger.call("GET", address(hello), headers={"Range": asked})
    assert (answer.status, answer.body) == (200, HELLO)


def test_very_many_ranges_do_not_multiply_the_work(stranger, hello):
    many = "bytes=" + ",".join("0-13" for _ in range(900))
    answer = stranger.call("GET", address(hello), headers={"Range": many})
    assert answer.status in (200, 206, 400, 416) and len(answer.body) < 10_000


def test_if_range(stranger, hello):
    get = stranger.call("GET", address(hello))
    for validator in (get.headers["ETag"], get.headers["Last-Modified"]):
        answer = stranger.call(
            "GET", address(hello), headers={"Range": "bytes=0-3", "If-Range": validator}
        )
        assert answer.status == 206, validator
    answer = stranger.call(
        "GET", address(hello), headers={"Range": "bytes=0-3", "If-Range": '"other"'}
    )
    assert (answer.status, answer.body) == (200, HELLO)


# -- download: conditions ------------------------------------------------------------------------------
def test_conditions(stranger, hello):
    get = stranger.call("GET", address(hello))
    etag, modified = get.headers["ETag"], get.headers["Last-Modified"]

    def status(**headers):
        return stranger.call(
            "GET",
            address(hello),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        ).status

    assert status(If_None_Match=etag) == 304
    assert status(If_None_Match=f'"x", W/{etag}') == 304
    assert status(If_None_Match="*") == 304
    assert status(If_None_Match='"x"') == 200
    assert status(If_Modified_Since=modified) == 304
    assert status(If_Modified_Since="Mon, 01 Jan 2001 00:00:00 GMT") == 200
    assert status(If_None_Match='"x"', If_Modified_Since=modified) == 200
    assert status(If_Match=etag) == 200
    assert status(If_Match='"x"') == 412
    assert status(If_Unmodified_Since="Mon, 01 Jan 2001 00:00:00 GMT") == 412


def test_304_carries_the_etag_and_no_body(stranger, hello):
    answer = stranger.call("GET", address(hello), headers={"If-None-Match": "*"})
    assert (answer.status, answer.body) == (304, b"") and answer.headers[
        "ETag"
    ] == f'"{HELLO_SHA256}"'


def test_curl_resumes_a_download(server, api, tmp_path):
    content = os.urandom(500_000)
    file = api.upload(content)
    target = tmp_path / "fw.bin"
    target.write_bytes(content[:123_456])
    subprocess.run(
        [
            "curl",
            "-sS",
            "--fail",
            "--max-time",
            "20",
            "-C",
            "-",
            "-o",
            str(target),
            f"http://{server.http}{address(file)}",
        ],
        check=True,
    )
    assert target.read_bytes() == content


def test_the_access_url_is_the_address(server, stranger, hello):
    found = re.match(r"https?://([^/]+)(/.*)", hello["accessUrl"])
    assert found.group(1) == server.http
    assert stranger.call("GET", found.group(2)).body == HELLO


def test_several_requests_on_one_connection(server, hello):
    host, port = server.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    for asked, body in (
        ("bytes=0-4", b"hello"),
        ("bytes=6-", b"firmware"),
        ("bytes=99-", None),
        ("bytes=0-0", b"h"),
    ):
        connection.request("GET", address(hello), headers={"Range": asked})
        answer = connection.getresponse()
        read = answer.read()
        assert body is None or read == body
    connection.close()
