"""fsync that fails: what did not reach the disk is never acknowledged, and a database of which nobody
knows what the disk holds is not written any more (docs/operating/failures.md)."""
import http.client

import pytest

from support.api import has_chinese
from support.builders import World
from support.faults import FSYNC, SYNCS, Faults
from support.kill_load import Device
from support.server import Server
from support.waiting import eventually
from test_backup import doctor

DISK_FAILED = 74  # EX_IOERR


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path)


@pytest.fixture
def server(tmp_path, faults):
    running = Server(tmp_path / "data", environment=faults.environment)
    running.start()
    yield running
    faults.clear()
    running.stop()


@pytest.fixture
def world(server):
    return World(server, server.api())


def wait_failed(server):
    """It has said why, in both languages, and ended so that a service manager starts it again."""
    assert server.process.wait(15) == DISK_FAILED, server.log()
    assert "fsync failed" in server.log() and has_chinese(server.log())
    assert "dmesg" in server.log()


def come_back(server, faults):
    faults.clear()
    server.start()
    return server.api()


@pytest.mark.parametrize("what", ["updraft.db-wal", ""])
def test_a_commit_that_the_disk_did_not_take_is_refused_and_ends_the_server(
    server, world, faults, what
):
    kept = world.product()
    faults.fail(SYNCS, path=what)
    try:
        row = world.api.get(f"/device-product/{kept}")
        answer = world.api.call("POST", "/device-product", {**row, "id": "refused"})
        assert answer.status == 500 and "磁盘" in answer.message, answer
    except (OSError, http.client.HTTPException):
        pass  # it may end before it answers; either way nothing was acknowledged
    wait_failed(server)
    api = come_back(server, faults)
    assert kept in {row["id"] for row in api.rows("/device-product")}
    World(server, api).product()
    assert doctor(server.data)[1] == []


def test_a_report_that_the_disk_did_not_take_gets_no_acknowledgement(server, world, faults):
    product, (device,), _, task = world.ready_push()
    with Device(server, product, device, seconds=10) as connected:
        connected.wait_message("/firmware/upgrade")
        connected.publish("upgrade/progress", progress=40, version="1.1")
        faults.fail(SYNCS, path="updraft.db-wal")
        with pytest.raises((EOFError, OSError)):
            connected.publish("upgrade/progress", progress=80, version="1.1")
    wait_failed(server)
    world = World(server, come_back(server, faults))
    assert world.record(task)["progress"] >= 40
    with Device(server, product, device) as connected:
        connected.publish("upgrade/progress", progress=90, version="1.1")
    assert world.record(task)["progress"] == 90


def test_a_checkpoint_that_the_disk_did_not_take_ends_the_server_and_loses_nothing(
    server, world, faults
):
    """The commits are safe in the log; the next start copies them to the database once more."""
    product = world.product()
    rule = faults.fail(SYNCS, path="updraft.db$")
    acknowledged = 0
    for batch in range(60):
        rows = [
            {"id": f"{product}-{batch}-{number}", "name": "n" * 60, "productId": product}
            for number in range(1000)
        ]
        try:
            world.api.post("/device-instance/_batch", rows)
            acknowledged += len(rows)
        except (OSError, http.client.HTTPException, AssertionError):
            break
    wait_failed(server)
    assert faults.hits(rule) >= 1 and acknowledged > 0
    api = come_back(server, faults)
    assert api.count("/device-instance", ("productId", product)) >= acknowledged
    assert doctor(server.data)[1] == []


def test_a_start_whose_database_cannot_be_synced_says_so(server, world, faults):
    world.product()
    server.kill()
    faults.fail(SYNCS, path="updraft.db$")
    with pytest.raises(AssertionError, match="ended before it was ready"):
        server.start()
    assert "disk I/O error" in server.log()
    come_back(server, faults)


@pytest.mark.parametrize("where", ["/uploads", "/artifacts"])
def test_an_upload_that_the_disk_did_not_take_is_refused_and_leaves_no_row(
    server, world, faults, where
):
    """One file's trouble is no reason to stop serving the others."""
    kept = world.api.upload(b"bytes that stay" * 100)
    faults.fail(FSYNC, path=where)
    answer = upload(world.api, b"bytes that were not synced")
    assert answer.status == 500 and "磁盘" in answer.message, answer
    assert not list((server.data / "uploads").iterdir())
    faults.clear()
    key = kept["others"]["accessKey"]
    assert world.api.call("GET", f"/file/{kept['id']}?accessKey={key}").status == 200
    assert upload(world.api, b"bytes that were not synced").status == 200
    assert server.process.poll() is None


def upload(api, content):
    from support.api import multipart

    body, content_type = multipart(content)
    return api.call("POST", "/file/upload", raw=body, content_type=content_type)


def test_a_piece_whose_journal_was_not_synced_is_not_taken_for_known(server, world, faults):
    """The page cache shows a line that the disk does not have: the piece must be written again."""
    api, path = world.api, "/file/upload/sharding/journal?offset={}&length=30"
    api.upload(b"a" * 10, path=path.format(0))
    rule = faults.fail(FSYNC, path=".pieces$")
    with pytest.raises(AssertionError, match="磁盘"):
        api.upload(b"b" * 10, path=path.format(10))
    assert faults.hits(rule) == 1
    assert api.get("/file/upload/sharding/journal")["received"] == 10
    faults.clear()
    watched = faults.fail(FSYNC, path=".pieces$", skip=1)  # one sync may pass: it must be asked for
    api.upload(b"b" * 10, path=path.format(10))
    faults.clear()
    assert faults.hits(watched) == 0
    assert api.get("/file/upload/sharding/journal")["received"] == 20
    file = api.upload(b"c" * 10, path=path.format(20))
    assert file["length"] == 30
    eventually(lambda: not list((server.data / "uploads").iterdir()))
