"""Firmwares of several artifacts, and what a task says to hawkBit devices."""
import hashlib
import sqlite3

import pytest

from support.builders import FIRMWARE, TASK, World
from support.cli import REFUSED, Cli
from support.waiting import eventually

SECOND = b"a second image"


@pytest.fixture
def product(world):
    return world.product()


def artifact(file, **members):
    return {"fileId": file["id"], **members}


def test_each_artifact_is_told_with_its_digests(api, world, product):
    file = api.upload(SECOND, name="app.swu")
    made = world.firmware(
        product,
        part="bApp",
        moreArtifacts=[
            artifact(file, part="os", name="kernel", version="6.1"),
            artifact(file),
        ],
    )

    assert made["part"] == "bApp"
    assert made["moreArtifacts"] == [
        {
            "fileId": file["id"],
            "part": part,
            "name": name,
            "version": version,
            "filename": "app.swu",
            "size": len(SECOND),
            "md5": hashlib.md5(SECOND).hexdigest(),
            "sha1": hashlib.sha1(SECOND).hexdigest(),
            "sha256": hashlib.sha256(SECOND).hexdigest(),
        }
        for part, name, version in (("os", "kernel", "6.1"), ("os", "app.swu", "1.1"))
    ]
    assert api.get(f"{FIRMWARE}/{made['id']}") == made
    listed = api.rows(FIRMWARE, ("id", made["id"]))[0]
    assert "moreArtifacts" not in listed and listed["part"] == "bApp"
    assert file["sha1"] == hashlib.sha1(SECOND).hexdigest()


def test_absent_is_unchanged_and_empty_is_none(api, world, product):
    file = api.upload(SECOND)
    made = world.firmware(product, moreArtifacts=[artifact(file, name="n")])

    api.patch(FIRMWARE, {"id": made["id"], "name": "renamed"})
    api.put(f"{FIRMWARE}/{made['id']}", {"description": "again", "moreArtifacts": None})
    assert api.get(f"{FIRMWARE}/{made['id']}")["moreArtifacts"] == made["moreArtifacts"]
    # A console sends back what it was told.
    api.patch(FIRMWARE, {"id": made["id"], "moreArtifacts": made["moreArtifacts"]})
    assert api.get(f"{FIRMWARE}/{made['id']}")["moreArtifacts"] == made["moreArtifacts"]
    api.put(f"/device-product/{product}", {"name": "renamed"})
    assert api.get(f"{FIRMWARE}/{made['id']}")["moreArtifacts"] == made["moreArtifacts"]
    api.patch(FIRMWARE, {"id": made["id"], "moreArtifacts": []})
    assert api.get(f"{FIRMWARE}/{made['id']}")["moreArtifacts"] == []


def test_a_file_that_is_not_there_is_named(api, world, product):
    body = world.firmware_body(product)
    file = api.upload(SECOND)
    for artifacts, member in (
        ([artifact(file), {"fileId": "0" * 32}], "moreArtifacts[1].fileId"),
        ([{"part": "os"}], "moreArtifacts[0].fileId"),
        ([artifact(file, part="")], "moreArtifacts[0].part"),
        ([artifact(file, name="n" * 129)], "moreArtifacts[0].name"),
        ([artifact(file)] * 33, "moreArtifacts"),
    ):
        answer = api.refused("POST", FIRMWARE, {**body, "moreArtifacts": artifacts})
        assert answer["code"] == "illegal_argument"
        assert member in [each["property"] for each in answer["result"]]


def test_what_a_firmware_names_is_kept_and_frozen(api, world, product):
    file = api.upload(SECOND)
    device = world.device(product)
    firmware = world.firmware(product, moreArtifacts=[artifact(file)])
    api.refused("PUT", f"/file/update/{file['id']}?name=x", raw=b"other bytes")

    world.task(firmware, [device])
    api.refused("PATCH", FIRMWARE, {"id": firmware["id"], "moreArtifacts": []})
    api.refused("PATCH", FIRMWARE, {"id": firmware["id"], "part": "other"})
    api.patch(FIRMWARE, {"id": firmware["id"], "moreArtifacts": firmware["moreArtifacts"]})


def test_files_from_before_get_their_sha1_after_a_start(private_server):
    running = private_server()
    api = running.api()
    world = World(running, api)
    product = world.product()
    content = bytes(range(256)) * 20_000  # more than one step
    file = api.upload(content)
    firmware = world.firmware(product, moreArtifacts=[artifact(file)])
    running.stop()
    with sqlite3.connect(running.data / "updraft.db") as db:
        db.execute("UPDATE stored_file SET sha1 = ''")

    running.start()
    api = running.api()

    def filled_in():
        told = api.get(f"{FIRMWARE}/{firmware['id']}")["moreArtifacts"][0]
        return told.get("sha1") == hashlib.sha1(content).hexdigest()

    eventually(filled_in)


def test_a_task_says_how_hawkbit_devices_take_it(api, world, product):
    device = world.device(product)
    firmware = world.foreign_firmware(product)
    plain = world.task(firmware, [device], mode="pull")
    asked = world.task(
        firmware, [device], mode="pull", deployment="downloadOnly", confirmationRequired=True
    )
    english = api.clone(language="en").get(f"{TASK}/{asked['id']}")

    assert plain["deployment"] == {"value": "forced", "text": "强制"}
    assert plain["confirmationRequired"] is False
    assert english["deployment"] == {"value": "downloadOnly", "text": "Download only"}
    assert world.detail(asked)["confirmationRequired"] is True
    soft = api.post(TASK, world.task_body(firmware, [device], deployment={"value": "soft"}))
    assert soft["deployment"]["value"] == "soft"
    api.refused(
        "POST", TASK, world.task_body(firmware, [device], deployment="later"), en="downloadOnly"
    )


def test_the_command_line_uploads_each_artifact(tmp_path, server, api, world, product):
    cli = Cli(tmp_path)
    cli.login(server)
    for name, content in (("os.swu", b"one"), ("app.swu", b"two"), ("a:b.swu", b"three")):
        (tmp_path / name).write_bytes(content)
    upload = ["firmware", "upload", "os.swu", "--product", product, "--version", "1.1"]

    cli(*upload, "--artifact", "missing.swu:bApp", status=REFUSED)
    made = cli.json(
        *upload,
        *("--part", "os"),
        *("--artifact", "app.swu:bApp:the app:2.0"),
        *("--artifact", "app.swu::second"),
        *("--artifact", "a:b.swu"),
    )

    told = [
        (each["filename"], each["part"], each["name"], each["version"])
        for each in api.get(f"{FIRMWARE}/{made['id']}")["moreArtifacts"]
    ]
    assert told == [
        ("app.swu", "bApp", "the app", "2.0"),
        ("app.swu", "os", "second", "1.1"),
        ("a:b.swu", "os", "a:b.swu", "1.1"),
    ]


def test_the_command_line_says_how_devices_take_a_task(tmp_path, server, api, world, product):
    cli = Cli(tmp_path)
    cli.login(server)
    device = world.device(product)
    firmware = world.foreign_firmware(product)

    made = cli.json(
        *("task", "create", "--firmware", firmware["id"], "--mode", "pull", "--device", device),
        *("--deployment", "soft", "--confirm"),
    )

    assert made["deployment"]["value"] == "soft" and made["confirmationRequired"] is True
