"""Bad input: a clear sentence in both languages, and nothing left behind."""
import concurrent.futures
import os
import socket
import subprocess

import pytest

from support.api import Api, has_chinese, multipart
from support.builders import CONTENT, FIRMWARE, TASK, World
from support.server import Server
from support.waiting import eventually


@pytest.fixture
def product(world):
    return world.product()


def test_wrong_digest(api, world, product):
    body = {**world.firmware_body(product), "signMethod": "sha256", "sign": "0" * 64}
    api.refused("POST", FIRMWARE, body, zh="签名不一致，请检查文件是否上传正确")
    assert api.count(FIRMWARE, ("productId", product)) == 0


def test_digest_of_the_wrong_method(api, world, product):
    body = {**world.firmware_body(product), "signMethod": "sha256"}  # with the md5
    api.refused("POST", FIRMWARE, body)


def test_size_mismatch_of_an_own_file_is_corrected(world, product):
    assert world.firmware(product, size=1)["size"] == len(CONTENT)


def test_a_url_of_an_own_file_that_is_gone(api, world, product):
    file = api.upload(CONTENT)
    url = file["accessUrl"].replace(file["id"], "0" * 32)
    api.refused("POST", FIRMWARE, {**world.firmware_body(product, file=file), "url": url})


def test_a_url_of_an_own_file_with_a_wrong_key(api, world, product):
    file = api.upload(CONTENT)
    url = file["accessUrl"].replace(file["others"]["accessKey"], "0" * 32)
    api.refused("POST", FIRMWARE, {**world.firmware_body(product, file=file), "url": url})


def test_duplicate_version_order(api, world, product):
    world.firmware(product, "1.0", 1)
    api.refused("POST", FIRMWARE, world.firmware_body(product, "2.0", 1), zh="版本序号已存在")
    assert api.count(FIRMWARE, ("productId", product)) == 1


def test_unknown_product(api, world, product):
    api.refused("POST", FIRMWARE, {**world.firmware_body(product), "productId": "nobody"})


def test_a_disabled_product(api, world):
    off = world.product(deploy=False)
    api.refused("POST", FIRMWARE, world.firmware_body(off))


def test_name_of_65_characters(api, world, product):
    api.refused(
        "POST",
        FIRMWARE,
        {**world.firmware_body(product), "name": "名" * 65},
        zh="最多可输入64个字符",
        en="64",
    )


def test_empty_device_set(api, world, product):
    world.device(product)
    firmware = world.foreign_firmware(product)
    api.refused("POST", TASK, world.task_body(firmware, []), zh="请选择设备", en="device")


def test_unknown_column_in_the_terms_of_a_task(api, world, product):
    world.device(product)
    body = world.task_body(
        world.foreign_firmware(product), terms=[{"column": "colour", "value": "red"}]
    )
    answer = api.refused("POST", TASK, body)
    assert "colour" in answer["message"]
    assert api.count(TASK, ("productId", product)) == 0


def test_the_same_creation_from_two_people_at_once(server, api, world, product):
    """Unique orders hold when two requests race."""
    file = api.upload(CONTENT)
    bodies = [world.firmware_body(product, f"1.{n}", 1, file=file) for n in range(8)]
    clients = [api.clone() for _ in bodies]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = [
            answer.status
            for answer in pool.map(
                lambda pair: pair[0].call("POST", FIRMWARE, pair[1]), zip(clients, bodies)
            )
        ]
    assert sorted(statuses) == [200] + [400] * 7
    assert api.count(FIRMWARE, ("productId", product)) == 1


# -- broken requests -----------------------------------------------------------------------------------
def raw_request(server, data, seconds=10):
    host, port = server.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=seconds) as raw:
        answer = b""
        try:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already; its answer may still be there
        try:
            while more := raw.recv(65536):
                answer += more
        except OSError:
            pass
        return answer


BROKEN_HTTP = {
    "binary": b"\x00\x01\x02\r\n\r\n",
    "no target": b"GET\r\n\r\n",
    "unknown version": b"GET / HTTP/9.9\r\n\r\n",
    "broken escape": b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "header without colon": b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    "negative length": b"POST /firmware HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\n",
    "two lengths": b"POST /firmware HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "length and chunks": b"POST /firmware HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "broken chunk": b"POST /firmware HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "long target": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n"
    + b"".join(b"X-%d: y\r\n" % n for n in range(5000))
    + b"\r\n",
    "tls": b"\x16\x03\x01\x00\xa5",
}


@pytest.mark.parametrize("data", BROKEN_HTTP.values(), ids=BROKEN_HTTP)
def test_broken_http_closes_only_that_connection(server, api, data):
    answer = raw_request(server, data)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.0 4"))
    assert api.get("/user/detail")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server, api):
    head = f"POST /firmware HTTP/1.1\r\nHost: x\r\nX-Access-Token: {api.token}\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
    assert raw_request(server, head.encode() + b"{").startswith(b"HTTP/1.1 413")


def test_deep_json_is_refused(api):
    deep = b"[" * 100_000 + b"]" * 100_000
    assert api.call("POST", FIRMWARE, raw=deep, content_type="application/json").status == 400


def files_below(folder):
    return sorted(
        str(path)
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part in path.name for part in (".db", ".sqlite", "-wal", "-shm"))
    )


def test_a_cut_upload_leaves_nothing_behind(private_server):
    server = private_server()
    api = server.api()
    before = files_below(server.data)
    for cut in (0, 100, 300_000):
        payload, kind = multipart(os.urandom(1_000_000))
        head = f"POST /file/upload HTTP/1.1\r\nHost: x\r\nX-Access-Token: {api.token}\r\nContent-Type: {kind}\r\nContent-Length: {len(payload)}\r\n\r\n"
        raw_request(server, head.encode() + payload[:cut])
    eventually(lambda: files_below(server.data) == before)
    assert api.upload(CONTENT)["length"] == len(CONTENT)


def test_a_cut_sharded_piece_can_be_sent_again(api, world, server):
    content = os.urandom(200_000)
    session = world.name("s")
    payload, kind = multipart(content[:100_000])
    head = f"POST /file/upload/sharding/{session}?offset=0&length=200000 HTTP/1.1\r\nHost: x\r\nX-Access-Token: {api.token}\r\nContent-Type: {kind}\r\nContent-Length: {len(payload)}\r\n\r\n"
    raw_request(server, head.encode() + payload[:50_000])
    for offset in (0, 100_000):
        payload, kind = multipart(content[offset : offset + 100_000])
        file = api.post(
            f"/file/upload/sharding/{session}?offset={offset}&length=200000",
            raw=payload,
            content_type=kind,
        )
    assert (
        api.call("GET", f"/file/{file['id']}?accessKey={file['others']['accessKey']}").body
        == content
    )


def test_a_file_over_the_limit(private_server):
    server = private_server("--files-file-bytes-max", "10KiB")
    api = server.api()
    payload, kind = multipart(os.urandom(10 * 1024))
    assert api.call("POST", "/file/upload", raw=payload, content_type=kind).status == 200
    before = files_below(server.data)
    payload, kind = multipart(os.urandom(10 * 1024 + 1))
    for language in ("zh", "en"):
        answer = api.clone(language=language).call(
            "POST", "/file/upload", raw=payload, content_type=kind
        )
        assert answer.status == 413 and has_chinese(answer.message) == (language == "zh"), answer
    assert files_below(server.data) == before


# -- full disk -----------------------------------------------------------------------------------------
@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip("cannot mount a tmpfs here: " + mounted.stderr.strip())
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk(small_disk):
    with Server(small_disk / "data") as server:
        api = server.api()
        world = World(server, api)
        product = world.product()
        before = files_below(server.data)
        payload, kind = multipart(os.urandom(60 * 1024 * 1024))
        for language in ("zh", "en"):
            answer = api.clone(language=language).call(
                "POST", "/file/upload", raw=payload, content_type=kind
            )
            assert answer.status == 507 and has_chinese(answer.message) == (
                language == "zh"
            ), answer
        assert files_below(server.data) == before
        assert Api(server.http).call("GET", "/healthz").status == 200
        # the room is free again: work goes on
        assert world.firmware(product)["size"] == len(CONTENT)
