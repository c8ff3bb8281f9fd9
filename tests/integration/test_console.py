"""How the server hands out the built console, and how the console becomes a part of the program."""
import gzip
import http.client
import re
import subprocess
import sys

import pytest

from support.contract import ROOT

EMBED = ROOT / "tools" / "embed_console.py"
INDEX = b'<meta name="csp-nonce" content="%CSP_NONCE%">'


@pytest.fixture
def dist(tmp_path):
    """A tiny console, as vite would leave it."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / ".vite").mkdir()
    (folder / "index.html").write_bytes(INDEX)
    (folder / "assets" / "a-1.js").write_bytes(b"let a = 1;\n" * 500)
    (folder / "assets" / "a-1.js.br").write_bytes(b"brotli")
    (folder / "assets" / "a-1.js.map").write_bytes(b"{}")
    (folder / ".vite" / "manifest.json").write_bytes(b"{}")
    return folder


def embed(dist, out):
    return subprocess.run(
        [sys.executable, str(EMBED), str(dist), str(out)], capture_output=True, text=True, timeout=20
    )


def test_a_console_is_embedded_with_its_compressed_forms(dist, tmp_path):
    assert embed(dist, tmp_path / "out").returncode == 0
    blob = (tmp_path / "out" / "console.bin").read_bytes()
    table = (tmp_path / "out" / "console_files.cpp").read_text()
    assert re.findall(r'^    \{"([^"]+)"', table, re.M) == ["assets/a-1.js", "index.html"]
    row = next(line for line in table.splitlines() if "a-1.js" in line)
    raw, brotli, packed = (
        blob[int(at) : int(at) + int(size)]
        for at, size in re.findall(r"console_bytes \+ (\d+), (\d+)", row)
    )
    assert raw == b"let a = 1;\n" * 500 and brotli == b"brotli" and gzip.decompress(packed) == raw


def test_nothing_is_written_again_when_nothing_changed(dist, tmp_path):
    out = tmp_path / "out"
    embed(dist, out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    embed(dist, out)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_no_console_is_an_empty_table(tmp_path):
    assert embed(tmp_path / "nothing", tmp_path / "out").returncode == 0
    assert "std::array<ConsoleFile, 0>" in (tmp_path / "out" / "console_files.cpp").read_text()


def test_a_page_without_the_placeholder_of_the_nonce_is_refused(dist, tmp_path):
    (dist / "index.html").write_bytes(b"<p>")
    answer = embed(dist, tmp_path / "out")
    assert answer.returncode != 0 and "%CSP_NONCE%" in answer.stderr


# -- the program ------------------------------------------------------------------------------------------


@pytest.fixture
def browser(server):
    """get(path, **headers) -> (status, headers, body)."""
    connection = http.client.HTTPConnection(server.http, timeout=20)

    def get(path, method="GET", **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=sent)
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    yield get
    connection.close()


def test_a_page_of_the_console_has_a_strict_policy_and_a_fresh_nonce(browser):
    seen = set()
    for path in ("/console/", "/console/firmware/7"):
        status, headers, body = browser(path)
        policy = headers["Content-Security-Policy"]
        nonce = re.search(r"style-src 'self' 'nonce-([0-9a-f]{32})'", policy).group(1)
        assert status == 200 and nonce.encode() in body and b"%CSP_NONCE%" not in body
        assert "default-src 'none'" in policy and "'unsafe-" not in policy.replace("'wasm-unsafe", "")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY" and headers["Referrer-Policy"] == "no-referrer"
        seen.add(nonce)
    assert len(seen) == 2


def test_head_is_get_without_the_body(browser):
    _, full, body = browser("/console/")
    status, head, nothing = browser("/console/", method="HEAD")
    assert status == 200 and nothing == b"" and head["Content-Length"] == str(len(body))
    assert head["Content-Type"] == full["Content-Type"]


def test_a_missing_asset_is_not_found(browser):
    assert browser("/console/assets/gone-1234.js")[0] == 404


def test_assets_are_compressed_and_kept(browser):
    _, _, page = browser("/console/")
    assets = re.findall(r'"(/console/assets/[^"]+\.js)"', page.decode())
    if not assets:
        pytest.skip("this program was built without the console")
    status, headers, body = browser(assets[0], Accept_Encoding="gzip")
    _, plain_headers, plain = browser(assets[0])
    assert status == 200 and headers["Content-Encoding"] == "gzip" and gzip.decompress(body) == plain
    assert "immutable" in headers["Cache-Control"] and "Content-Encoding" not in plain_headers
    assert headers["Content-Type"].startswith("text/javascript")
    assert browser(assets[0], Accept_Encoding="gzip, br")[1]["Content-Encoding"] == "br"
    assert browser(assets[0], If_None_Match=headers["ETag"])[0] == 304
