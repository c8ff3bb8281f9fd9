"""`updraft doctor` finds what is wrong with a data folder, says what to do, and repairs what is safe."""
import os
import pathlib
import sqlite3
import time

import pytest

from support.builders import World
from test_backup import doctor, rows_of, updraft


@pytest.fixture
def stage(private_server):
    server = private_server()
    return server, World(server, server.api())


def found(data, *flags):
    """{code: [where ...]}"""
    codes = {}
    for finding in doctor(data, *flags)[1]:
        codes.setdefault(finding["code"], []).append(finding["where"])
    return codes


def fill(world):
    product = world.product()
    devices = world.devices(product, 4)
    file = world.api.upload(b"bytes to keep" * 100)
    firmware = world.firmware(product, file=file)
    task = world.task(firmware, devices)
    with world.connected(product, devices[0]) as device:
        device.wait_push()
        device.fail("1.1", "坏块")
    return product, devices, file, task


def artifact(server, sha256):
    return pathlib.Path(server.data) / "artifacts" / sha256[:2] / sha256


def sql(server, *statements):
    db = sqlite3.connect(pathlib.Path(server.data) / "updraft.db", timeout=10)
    db.execute("PRAGMA foreign_keys=OFF")
    for statement in statements:
        assert db.execute(statement).rowcount != 0, statement
    db.commit()
    db.close()


def test_a_sound_folder_is_healthy_beside_the_server_and_without(stage):
    server, world = stage
    fill(world)
    assert found(server.data) == {}
    server.stop()
    before = rows_of(server.data)
    code, out, _ = updraft("doctor", "--data", server.data)
    assert code == 0 and out == "healthy: nothing found\n"
    assert found(server.data, "--fix") == {}
    assert rows_of(server.data) == before


@pytest.mark.parametrize(
    "change, code, where",
    [
        ("UPDATE task_counter SET waiting = waiting + 3", "task-counter", "task "),
        ("DELETE FROM task_counter", "task-counter", "task "),
        ("UPDATE task_failure SET records = 7", "failure-count", "task "),
        ("DELETE FROM task_failure", "failure-count", "task "),
        ("DELETE FROM record_text", "record-texts", "task "),
        ("INSERT INTO record_text_gone SELECT task_id, id FROM upgrade_record", "record-texts", "task "),
        ("UPDATE device_count SET devices = devices + 1", "device-count", "product "),
        ("DELETE FROM device_count", "device-count", "product "),
        ("UPDATE sequence SET value = 1 WHERE name = 'device'", "device-sequence", "sequence"),
    ],
)
def test_a_wrong_counter_is_found_and_counted_again(stage, change, code, where):
    server, world = stage
    fill(world)
    server.stop()
    before = rows_of(server.data)
    sql(server, change)

    status, findings = doctor(server.data)
    assert status == 1 and {each["code"] for each in findings} == {code}
    finding = findings[0]
    assert finding["where"].startswith(where) and finding["fixable"] and not finding["fixed"]
    assert "--fix" in finding["todo"]["en"] and "--fix" in finding["todo"]["zh"]

    status, findings = doctor(server.data, "--fix")
    assert status == 0 and {(each["code"], each["fixed"]) for each in findings} == {(code, True)}
    assert found(server.data) == {}
    after = rows_of(server.data)
    if code != "task-counter":  # whose flag `changed` is set, for the chart of the task
        assert {table: rows for table, rows in after.items() if rows != before[table]} == {}


def test_records_of_a_task_that_is_gone_are_found_and_removed(stage):
    server, world = stage
    *_, task = fill(world)
    server.stop()
    sql(server, f"DELETE FROM upgrade_task WHERE id = {task['id']}")
    assert len(found(server.data)["record-without-task"]) == 4
    doctor(server.data, "--fix")
    assert "record-without-task" not in found(server.data)


def test_a_record_that_nothing_would_end_is_told_and_left_alone(stage):
    server, world = stage
    _, devices, _, task = fill(world)
    server.stop()
    sql(
        server,
        f"UPDATE upgrade_record SET state = 'processing' WHERE device_id = '{devices[1]}'",
        "UPDATE task_counter SET waiting = waiting - 1, processing = processing + 1",
    )
    status, findings = doctor(server.data, "--fix")
    assert status == 1 and [each["code"] for each in findings] == ["stuck-record"]
    assert devices[1] in findings[0]["what"]["en"] and "record stop" in findings[0]["todo"]["en"]


def test_altered_and_missing_artifacts_are_found_beside_the_running_server(stage):
    server, world = stage
    *_, file, _ = fill(world)
    other = world.api.upload(b"gone tomorrow")
    path = artifact(server, file["sha256"])
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)
    artifact(server, other["sha256"]).unlink()

    assert found(server.data) == {
        "artifact-damaged": [file["sha256"]],
        "artifact-missing": [other["sha256"]],
    }
    assert list(found(server.data, "--quick")) == ["artifact-missing"], "it reads no bytes"
    finding = next(f for f in doctor(server.data)[1] if f["code"] == "artifact-damaged")
    assert "1 firmwares" in finding["what"]["en"] and "upload the same file" in finding["todo"]["en"]
    code, out, _ = updraft("doctor", "--data", server.data, language="zh")
    assert code == 1 and "重新上传同一文件" in out and "文件内容丢失" in out

    world.api.upload(b"bytes to keep" * 100)
    world.api.upload(b"gone tomorrow")
    assert found(server.data) == {}


def test_fix_takes_damaged_artifacts_out_of_reach_and_removes_old_orphans(stage):
    server, world = stage
    *_, file, _ = fill(world)
    server.stop()
    path = artifact(server, file["sha256"])
    path.write_bytes(b"rotten")
    orphan = pathlib.Path(server.data) / "artifacts" / "ab" / ("ab" * 32)
    young = pathlib.Path(server.data) / "artifacts" / "cd" / ("cd" * 32)
    piece = pathlib.Path(server.data) / "uploads" / ("ef" * 32 + ".part")
    for each in (orphan, young, piece):
        each.parent.mkdir(exist_ok=True)
        each.write_bytes(b"of nobody")
    long_ago = time.time() - 3 * 24 * 3600
    for each in (orphan, piece):
        os.utime(each, (long_ago, long_ago))

    assert set(found(server.data)) == {
        "artifact-damaged",
        "artifact-without-file",
        "abandoned-upload",
    }
    assert orphan.exists() and path.exists(), "looking changes nothing"
    doctor(server.data, "--fix")
    assert not orphan.exists() and not piece.exists() and young.exists() and not path.exists()
    assert found(server.data) == {"artifact-damaged": [file["sha256"]]}
    server.start()
    answer = server.api().call("GET", f"/file/{file['id']}")
    assert answer.status == 404


# The database holds devices' secrets.
def test_what_the_server_writes_is_closed_to_other_users(stage):
    server, world = stage
    *_, file, _ = fill(world)
    for path in (pathlib.Path(server.data) / "updraft.db", artifact(server, file["sha256"])):
        assert path.stat().st_mode & 0o007 == 0
    os.chmod(pathlib.Path(server.data) / "updraft.db", 0o644)
    assert list(found(server.data)) == ["database-open-to-all"]


def test_fix_refuses_the_folder_of_a_running_server(stage):
    server, _ = stage
    code, _, err = updraft("doctor", "--data", server.data, "--fix")
    assert code == 2 and "another server uses" in err


def test_what_cannot_be_checked_is_no_health(stage, tmp_path):
    server, world = stage
    code, out, _ = updraft("doctor", "--data", tmp_path / "nowhere")
    assert code == 2 and "no data folder" in out
    fill(world)
    server.stop()
    sql(server, "INSERT INTO schema_version VALUES (999, 'of the future', 0)")
    code, out, _ = updraft("doctor", "--data", server.data)
    assert code == 2 and "schema version 999" in out


def test_a_damaged_database_is_told(stage):
    server, world = stage
    fill(world)
    server.stop()
    path = pathlib.Path(server.data) / "updraft.db"
    content = bytearray(path.read_bytes())
    for page in range(8, len(content) // 4096, 3):
        content[page * 4096 : page * 4096 + 64] = os.urandom(64)
    path.write_bytes(content)
    code, out, _ = updraft("doctor", "--data", server.data)
    assert code == 1 and "the database is damaged" in out and "updraft restore" in out


def test_an_expired_certificate_a_late_clock_and_an_open_folder_are_told(stage, tmp_path):
    server, world = stage
    fill(world)
    server.stop()
    ahead = int((time.time() + 3600) * 1000)
    sql(server, f"UPDATE upgrade_task SET created_at = {ahead}")
    os.chmod(server.data, 0o777)
    certificate, key = tmp_path / "old.pem", tmp_path / "old.key"
    make = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} "
        "-subj /CN=old -days 1"
    )
    assert os.system(f"{make} >/dev/null 2>&1") == 0
    tls = ("--tls-certificate", certificate, "--tls-key", key)
    codes = found(server.data, *tls)
    assert set(codes) == {"certificate", "clock", "folder-writable-by-all"}
    assert codes["certificate"] == [str(certificate)]
