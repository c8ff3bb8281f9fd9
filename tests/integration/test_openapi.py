"""The contract itself: the document is sound, and the binary serves exactly what it names."""
import pathlib
import subprocess
import sys

import pytest

from support.contract import DOCUMENT, ROOT, Contract, ContractBroken, contract
from support.server import binary

CHECKER = ROOT / "tools" / "check_openapi.py"


def check(*arguments):
    return subprocess.run(
        [sys.executable, str(CHECKER), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_document_is_well_formed():
    answer = check(DOCUMENT)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_binary_serves_what_the_document_names_and_nothing_else():
    answer = check(DOCUMENT, binary())
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_checker_finds_a_route_that_is_not_declared_and_one_that_is_not_served(tmp_path):
    routes = tmp_path / "routes"
    routes.write_text("GET /firmware/{id}\nGET /surprise\nGET /{p}/{d}/{topic...}\n")
    answer = check(DOCUMENT, "--routes", routes)
    assert answer.returncode == 1
    assert "GET /surprise: served, but not in the document" in answer.stdout
    assert "DELETE /firmware/{id}: in the document, but not served" in answer.stdout
    assert "GET /firmware/{id}:" not in answer.stdout
    assert "{p}" not in answer.stdout


@pytest.mark.parametrize(
    "before, after, finding",
    [
        ("#/components/schemas/Envelope'", "#/components/schemas/Envelop'", "names nothing"),
        ("operationId: getFirmware\n", "operationId: queryFirmwares\n", "is taken"),
        ("  /firmware/{id}:\n", "  /firmware/{key}:\n", "path parameter"),
    ],
)
def test_checker_finds_a_broken_document(tmp_path, before, after, finding):
    text = pathlib.Path(DOCUMENT).read_text(encoding="utf-8")
    assert before in text
    broken = tmp_path / "openapi.yaml"
    broken.write_text(text.replace(before, after), encoding="utf-8")
    answer = check(broken)
    assert answer.returncode == 1 and finding in answer.stdout, answer.stdout + answer.stderr


JSON = {"Content-Type": "application/json;charset=UTF-8"}


@pytest.mark.parametrize(
    "method, path, status, headers, body",
    [
        ("GET", "/system/version", 200, JSON, b'{"message":"success","status":200,"timestamp":1}'),
        (
            "GET",
            "/system/version",
            200,
            JSON,
            b'{"message":"success","status":200,"timestamp":1,"result":{"edition":"community","version":"1"}}',
        ),
        ("GET", "/system/version", 201, JSON, b"{}"),
        ("GET", "/system/version", 200, {"Content-Type": "text/html"}, b"<p>"),
        (
            "POST",
            "/firmware/_count",
            200,
            JSON,
            b'{"message":"success","status":200,"timestamp":1,"result":"3"}',
        ),
        ("GET", "/nowhere", 200, JSON, b"{}"),
    ],
)
def test_contract_refuses_what_is_not_declared(method, path, status, headers, body):
    with pytest.raises(ContractBroken):
        contract().check(method, path, status, headers, body)


def test_contract_prefers_literal_segments():
    template, operation = Contract().operation("POST", "/api/firmware/upgrade/task/_start/")
    assert (
        template == "/firmware/upgrade/task/_start" and operation["operationId"] == "startRecords"
    )
