"""What was acknowledged is there after SIGTERM and after kill -9, and deadlines go on (T26)."""
import http.client
import socket
import threading
import time

import pytest

from support.api import Api
from support.builders import RECORD, TASK, World
from support.server import Server
from support.waiting import eventually, stays


@pytest.fixture
def stage(private_server):
    server = private_server()
    return server, World(server, server.api())


def come_back(server, world, how):
    """Ends the process and starts it again on the same data and ports."""
    server.stop() if how == "SIGTERM" else server.kill()
    server.start()
    token = world.api.token
    world.api.close()
    world.api = Api(server.http, token=token)


ENDS = ["SIGTERM", "kill -9"]


@pytest.mark.parametrize("how", ENDS)
def test_everything_acknowledged_is_there(stage, how):
    server, world = stage
    product = world.product()
    devices = world.devices(product, 4)
    file = world.api.upload(b"bytes that stay" * 1000)
    firmware = world.firmware(product, file=file)
    task = world.task(firmware, devices)
    world.api.post(f"{TASK}/_stop", [world.record(task, devices[3])["id"]])
    fleet = [world.connected(product, device) for device in devices[:3]]
    for each in fleet:
        each.connect()
        each.wait_push()
    fleet[0].succeed("1.1")
    fleet[1].fail("1.1", "坏块")
    fleet[2].progress(42, "1.1")
    before = {row["id"]: row for row in world.records(task)}
    detail = world.detail(task)
    come_back(server, world, how)
    for each in fleet:
        each.disconnect()
    after = {row["id"]: row for row in world.records(task)}
    for row in (*before.values(), *after.values()):
        row.pop("serverId", None)
    assert after == before
    assert {key: value for key, value in world.detail(task).items() if key != "timestamp"} == detail
    assert world.firmware_version(devices[0]) == "1.1"
    assert (
        world.api.call("GET", f"/file/{file['id']}?accessKey={file['others']['accessKey']}").body
        == b"bytes that stay" * 1000
    )
    assert world.device_state(devices[0]) == "offline"


@pytest.mark.parametrize("how", ENDS)
def test_a_running_upgrade_goes_on_after_a_restart(stage, how):
    server, world = stage
    product, (device,), _, task = world.ready_push()
    with world.connected(product, device) as connected:
        push = connected.wait_push()
        connected.reply(push["messageId"])
        come_back(server, world, how)
        assert connected.closed.wait(5)
    with world.connected(product, device) as connected:
        connected.progress(70, "1.1")
        assert world.record(task)["progress"] == 70
        connected.succeed("1.1")
    assert world.state(task) == "success"


def test_T26_deadlines_go_on_with_a_grace(stage):
    server, world = stage
    product, (device,), _, task = world.ready_push(response=2, timeout=600)
    with world.connected(product, device) as connected:
        connected.wait_push()
    server.kill()
    server.start()
    booted = time.time() * 1000
    record = world.wait_state(task, "failed", seconds=8)
    assert record["errorReason"] == "响应超时"
    assert (
        record["completeTime"] >= booted + 1000
    )  # moved to at least boot + min(60 s, responseTimeoutSeconds)


def test_T26_an_upgrade_deadline_that_passed_meanwhile_fails_after_the_grace(stage):
    server, world = stage
    product, (device,), _, task = world.ready_push(response=1, timeout=1)
    with world.connected(product, device) as connected:
        connected.reply(connected.wait_push()["messageId"])
    server.kill()
    server.start()
    assert world.wait_state(task, "failed", seconds=8)["errorReason"] == "升级超时"


def test_waiting_records_are_served_after_a_restart(stage):
    server, world = stage
    product, (device,), _, task = world.ready_push()
    come_back(server, world, "kill -9")
    with world.connected(product, device) as connected:
        connected.wait_push()
    assert world.state(task) == "processing"


def test_records_still_to_be_made_are_made_after_a_kill(stage):
    server, world = stage
    product = world.product()
    rows = [{"id": f"{product}-{n}", "name": "n", "productId": product} for n in range(5000)]
    for start in range(0, len(rows), 1000):
        world.api.post("/device-instance/_batch", rows[start : start + 1000])
    firmware = world.foreign_firmware(product)
    task = world.api.post(TASK, world.task_body(firmware))
    come_back(server, world, "kill -9")
    eventually(lambda: world.api.count(RECORD, ("taskId", task["id"])) == 5000, 15)
    assert world.detail(task)["total"] == 5000 == world.detail(task)["waiting"]


def test_kill_in_the_middle_of_reports_loses_nothing_acknowledged(stage):
    server, world = stage
    product, (device,), _, task = world.ready_push()
    acknowledged = 0
    with world.connected(product, device) as connected:
        connected.wait_push()
        for percent in range(1, 60):
            connected.progress(percent, "1.1")  # waits for the PUBACK
            acknowledged = percent
        server.kill()
    server.start()
    assert world.record(task)["progress"] == acknowledged


def test_kill_under_concurrent_writes_loses_nothing_acknowledged(stage):
    server, world = stage
    product = world.product()
    acknowledged, stopped = [], threading.Event()

    def write(name):
        api = world.api.clone()
        for number in range(10_000):
            row = {"id": f"{product}-{name}-{number}", "name": "n", "productId": product}
            try:
                if stopped.is_set() or api.call("POST", "/device-instance", row).status != 200:
                    return
            except (OSError, http.client.HTTPException):
                return
            acknowledged.append(row["id"])

    writers = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for each in writers:
        each.start()
    eventually(lambda: len(acknowledged) > 50, 15)
    server.kill()
    stopped.set()
    for each in writers:
        each.join()
    server.start()
    there = {row["id"] for row in world.api.rows("/device-instance", ("productId", product))}
    assert set(acknowledged) <= there and len(there) <= len(acknowledged) + len(writers)


def test_kill_while_uploading_leaves_nothing(stage):
    server, world = stage
    files_before = stored_files(server)
    host, port = server.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        head = f"POST /file/upload HTTP/1.1\r\nHost: x\r\nX-Access-Token: {world.api.token}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n"
        raw.sendall(
            head.encode()
            + b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            + b"a" * 500_000
        )
        eventually(lambda: stored_files(server) != files_before)  # it has begun to write
        server.kill()
    server.start()
    eventually(lambda: stored_files(server) == files_before)


def stored_files(server):
    """Sizes of all files but the database and its logs."""
    return sorted(
        path.stat().st_size
        for path in server.data.rglob("*")
        if path.is_file()
        and not any(part in path.name for part in (".db", ".sqlite", ".lock", "-wal", "-shm"))
    )


def test_sigterm_with_open_connections_ends_in_time(stage):
    server, world = stage
    product = world.product()
    with world.connected(product, world.device(product)), world.api.events():
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 10


def test_two_servers_do_not_share_a_data_folder(stage):
    server, _ = stage
    with pytest.raises(AssertionError):
        second = Server(server.data)
        try:
            second.start()
        finally:
            second.kill()
    stays(lambda: Api(server.http).call("GET", "/healthz").status == 200, 0.2)


def test_a_fresh_start_is_quick(stage):
    server, _ = stage
    server.stop()
    started = time.monotonic()
    server.start()
    assert time.monotonic() - started < 3
