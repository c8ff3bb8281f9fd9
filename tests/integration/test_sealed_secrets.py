"""Secrets at rest: sealed with a key that lies beside the database or elsewhere, and what happens
without it."""
import json
import pathlib
import re
import sqlite3
import subprocess

import pytest

from support.builders import World
from support.mqtt_device import MqttDevice, credentials
from support.server import Server, binary
from test_backup import backup, doctor, plain_environment, restore, rows_of, updraft

SECRET = "canary-of-a-product"
KEY = re.compile(r"[0-9a-f]{64}\n")


@pytest.fixture
def stage(private_server):
    server = private_server()
    world = World(server, server.api())
    product = world.product(configuration={"secureId": "canary-id", "secureKey": SECRET})
    return server, product, world.device(product, configuration={"bearer_token": SECRET})


def signs_in(server, product, device):
    peer = MqttDevice(server.mqtt, device, product, login=credentials("canary-id", SECRET))
    code = peer.connect()
    if code == 0:
        peer.disconnect()
    return code == 0


def refused_start(data, *flags):
    """What a server says that does not start."""
    done = subprocess.run(
        [str(binary()), "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", *flags],
        capture_output=True,
        env=plain_environment(),
        timeout=30,
    )
    assert done.returncode == 1 and not done.stdout, done
    return done.stderr.decode()


def everything_in(folder):
    return b"".join(path.read_bytes() for path in pathlib.Path(folder).rglob("*") if path.is_file())


def rotate(data, *flags, status=0):
    code, out, err = updraft("secrets", "rotate", "--data", data, "--json", *flags)
    assert code == status, (out, err)
    return json.loads(out)["key"] if status == 0 else err


def test_the_key_is_made_once_for_its_owner_alone(stage):
    server, product, device = stage
    key = server.data / "secret.key"
    first = key.read_text()
    assert KEY.fullmatch(first) and key.stat().st_mode & 0o777 == 0o600
    server.stop()
    server.start()
    assert key.read_text() == first and signs_in(server, product, device)


@pytest.mark.parametrize("other", [None, "ab" * 32 + "\n", "no key\n", ""])
def test_without_its_key_a_database_is_refused_and_nothing_is_changed(stage, other):
    server, product, device = stage
    server.stop()
    key = server.data / "secret.key"
    right = key.read_text()
    key.unlink()
    if other is not None:
        key.write_text(other)
    before = rows_of(server.data)
    said = refused_start(server.data)
    assert str(key) in said and "密钥" in said and "key" in said
    assert right.strip() not in said and "ab" * 32 not in said
    assert (key.read_text() if key.exists() else None) == other and rows_of(server.data) == before
    assert [finding["code"] for finding in doctor(server.data)[1]] == ["secret-key"]

    key.write_text(right)
    server.start()
    assert signs_in(server, product, device)


def test_an_operator_may_keep_the_key_elsewhere(private_server, tmp_path):
    key = tmp_path / "credential"
    assert str(key) in refused_start(tmp_path / "data", "--secrets-key-file", str(key))
    assert not key.exists()
    key.write_text("# made by openssl rand -hex 32\n" + "1f" * 32 + "\n")
    server = private_server("--secrets-key-file", str(key))
    world = World(server, server.api())
    product = world.product(configuration={"secureId": "canary-id", "secureKey": SECRET})
    assert signs_in(server, product, world.device(product))
    assert not (server.data / "secret.key").exists()

    made = backup(server, tmp_path / "backup", "--secrets-key-file", key)
    assert not made["withKey"] and not (tmp_path / "backup" / "secret.key").exists()
    server.stop()
    rotate(server.data, "--secrets-key-file", key)
    assert "1f" * 32 not in key.read_text() and not (server.data / "secret.key").exists()


def test_a_value_that_was_altered_or_moved_does_not_open_and_doctor_names_it(stage):
    server, product, device = stage
    other = World(server, server.api()).device(product, configuration={"bearer_token": "another-token"})
    assert doctor(server.data)[1] == []
    server.stop()
    db = sqlite3.connect(server.data / "updraft.db")
    db.execute(
        "UPDATE device SET configuration = (SELECT configuration FROM device WHERE id = ?) WHERE id = ?",
        (device, other),
    )
    db.commit()
    db.close()
    server.start()
    api = server.api()
    assert api.call("GET", f"/device-instance/{device}/detail").status == 200
    assert api.call("GET", f"/device-instance/{other}/detail", check=False).status == 500
    findings = [(finding["code"], finding["where"]) for finding in doctor(server.data)[1]]
    assert findings == [("secret-shut", f"device {other}")]


def test_a_backup_has_the_key_and_restores_to_a_working_server(stage, tmp_path):
    server, product, device = stage
    assert backup(server, tmp_path / "backup")["withKey"]
    assert (tmp_path / "backup" / "secret.key").stat().st_mode & 0o777 == 0o600
    server.stop()
    restore(tmp_path / "backup", tmp_path / "restored")
    assert (tmp_path / "restored" / "secret.key").stat().st_mode & 0o777 == 0o600
    with Server(tmp_path / "restored") as again:
        assert signs_in(again, product, device)


def test_a_backup_without_the_key_says_so_and_restores_with_it_alone(stage, tmp_path):
    server, product, device = stage
    code, out, _ = updraft("backup", "--data", server.data, "--to", tmp_path / "backup", "--without-key")
    assert code == 0 and "without the key" in out
    server.stop()
    key = (server.data / "secret.key").read_bytes().strip()
    assert not any(form in everything_in(tmp_path / "backup") for form in (key, bytes.fromhex(key.decode()), SECRET.encode()))

    source, target = tmp_path / "backup", tmp_path / "restored"
    code, _, err = updraft("restore", "--from", source, "--data", target)
    assert code == 2 and "--key-file" in err and not (target / "updraft.db").exists()
    (tmp_path / "wrong").write_text("cd" * 32)
    code, _, err = updraft("restore", "--from", source, "--data", target, "--key-file", tmp_path / "wrong")
    assert code == 2 and not (target / "updraft.db").exists()
    restore(source, target, "--key-file", server.data / "secret.key")
    with Server(target) as again:
        assert signs_in(again, product, device)


def test_a_new_key_takes_over(stage, tmp_path):
    server, product, device = stage
    backup(server, tmp_path / "before")
    assert updraft("secrets", "rotate", "--data", server.data)[0] == 2, "a server runs on it"
    server.stop()
    old = (server.data / "secret.key").read_text()
    rotate(server.data)
    new = (server.data / "secret.key").read_text()
    assert KEY.fullmatch(new) and new != old
    (server.data / "secret.key").write_text(old)
    refused_start(server.data)
    # As if it had been interrupted before the old key was dropped: the next call ends it.
    (server.data / "secret.key").write_text(new + old)
    rotate(server.data)
    assert (server.data / "secret.key").read_text() == new
    server.start()
    assert signs_in(server, product, device) and doctor(server.data)[1] == []

    restore(tmp_path / "before", tmp_path / "restored")  # with the key of its time
    with Server(tmp_path / "restored") as again:
        assert signs_in(again, product, device)
