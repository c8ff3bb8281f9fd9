"""`updraft backup` while the server works, and `updraft restore` to an equal state."""
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import threading

import pytest

from support.api import Api
from support.builders import World
from support.server import Server, binary
from support.waiting import eventually


def plain_environment():
    return {name: text for name, text in os.environ.items() if not name.startswith("UPDRAFT_")}


def updraft(*arguments, language="en"):
    """(exit status, standard output, standard error)"""
    done = subprocess.run(
        [str(binary()), *map(str, arguments), "--lang", language],
        capture_output=True,
        env=plain_environment(),
        timeout=120,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def backup(server, to, *flags, status=0):
    code, out, err = updraft("backup", "--data", server.data, "--to", to, "--json", *flags)
    assert code == status, (code, out, err)
    return json.loads(out)


def restore(source, data, *flags, status=0):
    code, out, err = updraft("restore", "--from", source, "--data", data, "--json", *flags)
    assert code == status, (code, out, err)
    return json.loads(out)


def rows_of(data):
    """Every row of every table, read without changing the folder."""
    db = sqlite3.connect(f"file:{data}/updraft.db?mode=ro", uri=True)
    try:
        tables = [
            name
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        return {name: sorted(map(repr, db.execute(f'SELECT * FROM "{name}"'))) for name in tables}
    finally:
        db.close()


def artifacts_of(folder):
    root = pathlib.Path(folder) / "artifacts"
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def doctor(data, *flags):
    code, out, err = updraft("doctor", "--data", data, "--json", *flags)
    assert code in (0, 1), (code, out, err)
    return code, json.loads(out)["findings"]


@pytest.fixture
def stage(private_server):
    server = private_server()
    return server, World(server, server.api())


def fill(world):
    product = world.product()
    devices = world.devices(product, 5)
    firmware = world.firmware(product, file=world.api.upload(b"bytes to keep" * 5000))
    world.api.upload("第二个".encode() * 1000, name="二.bin")
    task = world.task(firmware, devices)
    with world.connected(product, devices[0]) as one, world.connected(product, devices[1]) as two:
        one.wait_push()
        two.wait_push()
        one.succeed("1.1")
        two.fail("1.1", "坏块")
    return product, devices, firmware, task


def test_a_restored_backup_is_equal_table_by_table_and_byte_by_byte(stage, tmp_path):
    server, world = stage
    fill(world)
    server.stop()
    made = backup(server, tmp_path / "backup")
    told = restore(tmp_path / "backup", tmp_path / "restored")

    assert rows_of(tmp_path / "restored") == rows_of(server.data)
    assert artifacts_of(tmp_path / "restored") == artifacts_of(server.data)
    assert made["rows"] == told["rows"] and made["rows"]["upgrade_record"] == 5
    assert made["artifacts"] == 2 and made["lost"] == [] and told["movedTo"] is None
    assert doctor(tmp_path / "restored")[1] == []


def test_the_server_goes_on_where_the_backup_was_made(stage, tmp_path):
    server, world = stage
    product, devices, firmware, task = fill(world)
    backup(server, tmp_path / "backup")
    detail, records = world.detail(task), world.records(task)
    token, http = world.api.token, server.http
    server.stop()
    restore(tmp_path / "backup", tmp_path / "restored")
    with Server(tmp_path / "restored") as again:
        world = World(again, Api(again.http, token=token))
        assert world.detail(task) == detail
        for before, after in zip(records, world.records(task)):
            assert {**before, "serverId": None} == {**after, "serverId": None}
        file = firmware["url"].replace(http, again.http).split(again.http, 1)[1]
        assert world.api.call("GET", file).body == b"bytes to keep" * 5000
        with world.connected(product, devices[2]) as device:
            device.wait_push()
            device.succeed("1.1")
        assert world.state(task, devices[2]) == "success"


def test_a_backup_under_load_is_consistent(private_server, tmp_path):
    """Devices upgrade and files are uploaded without a pause, while three backups are made, each on the
    one before."""
    server = private_server("--dispatch-sends-per-second", "200")
    world = World(server, server.api())
    product = world.product()
    world.devices(product, 60)
    firmware = world.firmware(product, file=world.api.upload(os.urandom(300_000)))
    stop = threading.Event()
    uploaded = []

    def upload():
        api = world.api.clone()
        while not stop.is_set():
            content = os.urandom(50_000)
            uploaded.append(api.upload(content)["sha256"])

    uploader = threading.Thread(target=upload)
    uploader.start()
    task = world.task(firmware)
    targets = [row["deviceId"] for row in world.records(task)]

    def upgrade(device):
        with world.connected(product, device) as one:
            one.wait_push(30)
            for percent in (10, 50, 90):
                one.progress(percent, "1.1")
            one.fail("1.1", "坏块") if device[-1] in "147" else one.succeed("1.1")

    def upgrade_each(part):
        for device in part:
            upgrade(device)

    workers = [threading.Thread(target=upgrade_each, args=(targets[i::6],)) for i in range(6)]
    made = []
    try:
        for worker in workers:
            worker.start()
        base = ()
        for number in range(3):
            to = tmp_path / f"backup-{number}"
            before = list(uploaded)
            made.append((to, before, backup(server, to, *base)))
            base = ("--base", to)
    finally:
        stop.set()
        uploader.join()
        for worker in workers:
            worker.join()
    for number, (to, before, told) in enumerate(made):
        data = tmp_path / f"restored-{number}"
        restore(to, data)
        assert rows_of(data) == rows_of(to) and artifacts_of(data) == artifacts_of(to)
        assert all(name == digest for name, digest in artifacts_of(data).items())
        assert set(before) <= set(artifacts_of(data))
        assert told["lost"] == []
        assert doctor(data)[1] == []
        if number:
            assert told["linkedBytes"] > 0
    assert world.detail(task)["total"] == 60


def test_what_the_backup_names_can_be_checked_without_updraft(stage, tmp_path):
    server, world = stage
    fill(world)
    backup(server, tmp_path / "backup")
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "backup", check=True)
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0, "it holds the devices' secrets"
    settings = (tmp_path / "backup" / "updraft.toml").read_text()
    assert f'data = "{server.data}"' in settings.replace("'", '"')


@pytest.mark.parametrize("victim", ["updraft.db", "artifact"])
@pytest.mark.parametrize("how", ["altered", "missing"])
def test_a_damaged_backup_is_refused_and_nothing_is_changed(stage, tmp_path, victim, how):
    server, world = stage
    fill(world)
    backup(server, tmp_path / "backup")
    path = tmp_path / "backup" / victim
    if victim == "artifact":
        path = next(each for each in (tmp_path / "backup/artifacts").rglob("*") if each.is_file())
    if how == "missing":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    code, out, err = updraft("restore", "--from", tmp_path / "backup", "--data", tmp_path / "data")
    assert code == 2 and path.name in err and out == ""
    assert not (tmp_path / "data").exists()


def test_restore_keeps_what_is_in_the_folder(stage, tmp_path):
    server, world = stage
    fill(world)
    backup(server, tmp_path / "backup")
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").write_text("keep me")
    code, _, err = updraft("restore", "--from", tmp_path / "backup", "--data", other)
    assert code == 2 and "--force" in err
    told = restore(tmp_path / "backup", other, "--force")
    assert (pathlib.Path(told["movedTo"]) / "precious").read_text() == "keep me"
    assert rows_of(other) == rows_of(tmp_path / "backup")


def test_restore_refuses_the_folder_of_a_running_server(stage, tmp_path):
    server, world = stage
    backup(server, tmp_path / "backup")
    before = sorted(path.name for path in pathlib.Path(server.data).iterdir())
    code, _, err = updraft(
        "restore", "--from", tmp_path / "backup", "--data", server.data, "--force"
    )
    assert code == 2 and "another server uses" in err
    assert sorted(path.name for path in pathlib.Path(server.data).iterdir()) == before


def test_a_backup_refuses_a_target_with_something_in_it(stage, tmp_path):
    server, _ = stage
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "old").write_text("x")
    code, _, err = updraft("backup", "--data", server.data, "--to", tmp_path / "backup")
    assert code == 2 and "no empty folder" in err
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup"]


def test_a_lost_artifact_is_told_and_the_rest_is_backed_up(stage, tmp_path):
    server, world = stage
    fill(world)
    lost = world.api.upload(b"this one gets lost")["sha256"]
    altered = world.api.upload(b"this one rots")["sha256"]
    root = pathlib.Path(server.data) / "artifacts"
    (root / lost[:2] / lost).unlink()
    (root / altered[:2] / altered).write_bytes(b"this one rotz")
    told = backup(server, tmp_path / "backup", status=1)
    assert {(each["sha256"], each["reason"]) for each in told["lost"]} == {
        (lost, "missing"),
        (altered, "damaged"),
    }
    assert restore(tmp_path / "backup", tmp_path / "restored", status=1)["lost"] == told["lost"]


def test_a_base_that_has_rotted_is_not_inherited(stage, tmp_path):
    server, world = stage
    fill(world)
    backup(server, tmp_path / "one")
    victim = next(each for each in (tmp_path / "one/artifacts").rglob("*") if each.is_file())
    victim.write_bytes(b"rotten")
    told = backup(server, tmp_path / "two", "--base", tmp_path / "one")
    assert told["lost"] == [] and told["copiedBytes"] > 0 and told["linkedBytes"] > 0
    restore(tmp_path / "two", tmp_path / "restored")


def test_a_base_of_another_installation_is_refused(private_server, tmp_path):
    one, two = private_server(), private_server()
    backup(one, tmp_path / "one")
    code, _, err = updraft(
        "backup", "--data", two.data, "--to", tmp_path / "two", "--base", tmp_path / "one"
    )
    assert code == 2 and "another installation" in err
    assert not (tmp_path / "two").exists()


def test_the_rate_is_kept_and_sigterm_leaves_nothing(stage, tmp_path):
    server, world = stage
    world.api.upload(os.urandom(3_000_000))
    process = subprocess.Popen(
        [str(binary()), "backup", "--data", str(server.data), "--to", str(tmp_path / "slow"),
         "--rate", "1MiB", "-q"],
        stderr=subprocess.PIPE,
        env=plain_environment(),
    )
    eventually(lambda: any(path.name.startswith("slow.partial") for path in tmp_path.iterdir()), 10)
    process.terminate()
    assert process.wait(20) == 2
    assert "interrupted" in process.stderr.read().decode()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("slow")]
