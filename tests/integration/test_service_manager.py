"""What a service manager such as systemd is told over NOTIFY_SOCKET (sd_notify(3))."""
import socket
import uuid

import pytest

from support.server import Server


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """(what NOTIFY_SOCKET says, a function that waits for the next message as lines)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = "updraft-" + uuid.uuid4().hex
        address = str(tmp_path / "notify") if request.param == "path" else "\0" + name
        listener.bind(address)
        listener.settimeout(20)
        yield address.replace("\0", "@"), lambda: listener.recv(4096).decode().splitlines()


def test_it_is_told_when_the_server_is_ready_and_when_it_stops(manager, tmp_path):
    address, told = manager
    with Server(tmp_path / "data", environment={"NOTIFY_SOCKET": address}) as server:
        ready = told()
        assert "READY=1" in ready and f"MAINPID={server.ready['pid']}" in ready
        assert any(line.startswith("STATUS=") and server.http in line for line in ready)
    assert told() == ["STOPPING=1"]


def test_the_watchdog_hears_that_the_event_loops_come_round(manager, tmp_path):
    address, told = manager
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    with Server(tmp_path / "data", environment=environment):
        assert "READY=1" in told()
        for _ in range(3):
            assert told() == ["WATCHDOG=1"]


def test_a_watchdog_of_another_process_is_not_ours(manager, tmp_path):
    address, told = manager
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    with Server(tmp_path / "data", environment=environment):
        assert "READY=1" in told()
    assert told() == ["STOPPING=1"]


def test_a_manager_that_is_gone_does_not_matter(tmp_path):
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody")}
    with Server(tmp_path / "data", environment=environment) as server:
        assert server.api().get("/user/detail")
