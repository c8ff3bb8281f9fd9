"""The command itself: flags, ready line, refusals at the start (design 2)."""
import os
import re
import subprocess

import pytest

from support.api import PASSWORD, Api
from support.server import binary


def run(*arguments, environment=None):
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("UPDRAFT_")
    }
    return subprocess.run(
        [str(binary()), *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        env={**inherited, **(environment or {})},
    )


def test_ready_line(server):
    assert server.ready["ready"] is True
    for name in ("http", "mqtt"):
        assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", server.ready[name])
    assert Api(server.http).call("GET", "/healthz").status == 200


def test_standard_output_holds_the_ready_line_and_no_logs(server):
    assert sum(line.startswith("{") for line in server.output) == 1


def test_an_unknown_variable_is_named(tmp_path):
    answer = run("serve", "--data", str(tmp_path), environment={"UPDRAFT_LISTN": "127.0.0.1:0"})
    assert (
        answer.returncode != 0
        and "UPDRAFT_LISTN" in answer.stderr
        and "UPDRAFT_LISTEN" in answer.stderr
    )


def test_an_unknown_flag_is_named(tmp_path):
    answer = run("serve", "--data", str(tmp_path), "--liste", "127.0.0.1:0")
    assert answer.returncode != 0 and "liste" in answer.stderr


def test_an_unknown_key_of_the_configuration_names_the_one_it_resembles(tmp_path):
    config = tmp_path / "updraft.toml"
    config.write_text('[http]\nlisen = "127.0.0.1:0"\n')
    answer = run("serve", "--data", str(tmp_path / "data"), "--config", str(config))
    assert (
        answer.returncode != 0
        and "lisen" in answer.stderr
        and "listen" in answer.stderr.replace("lisen", "")
    )


@pytest.mark.parametrize(
    "flags",
    [("--listen", "nonsense"), ("--listen", "127.0.0.1:99999"), ("--mqtt-listen", "300.1.1.1:1")],
)
def test_a_wrong_address_stops_the_start(tmp_path, flags):
    answer = run("serve", "--data", str(tmp_path / "data"), *flags)
    assert answer.returncode != 0 and answer.stderr


def test_an_address_in_use_stops_the_start_and_is_named(server, tmp_path):
    answer = run(
        "serve",
        "--data",
        str(tmp_path / "data"),
        "--listen",
        server.http,
        "--mqtt-listen",
        "127.0.0.1:0",
    )
    assert answer.returncode != 0 and server.http.rsplit(":", 1)[1] in answer.stderr


def test_a_short_password_stops_the_first_start(tmp_path):
    answer = run(
        "serve",
        "--data",
        str(tmp_path / "data"),
        "--listen",
        "127.0.0.1:0",
        "--mqtt-listen",
        "127.0.0.1:0",
        environment={"UPDRAFT_ADMIN_PASSWORD": "x"},
    )
    assert answer.returncode != 0 and "assword" in answer.stderr


def test_help_and_version():
    assert "serve" in run("--help").stdout
    assert re.search(r"\d+\.\d+", run("--version").stdout)


def test_secrets_are_not_in_the_log(server, world):
    log = server.log(10**9)
    assert PASSWORD not in log and world.api.token not in log


def test_setting_by_variable(private_server):
    server = private_server(environment={"UPDRAFT_PUBLIC_URL": "http://192.0.2.9:1"})
    assert server.api().upload(b"x")["accessUrl"].startswith("http://192.0.2.9:1/")


def test_a_browser_is_led_from_the_root(server):
    answer = Api(server.http).call("GET", "/", headers={"Accept": "text/html"}, check=False)
    assert answer.status in (301, 302, 303, 307, 308) and answer.headers["Location"].startswith(
        "/console"
    )
