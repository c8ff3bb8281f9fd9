"""The whole way of an upgrade with the command line alone: against the real server, with simulated
devices that download for real."""
import json
import random
import signal
import subprocess

import pytest

from support.builders import World
from support.cli import (
    DONE,
    FAILURES,
    GAVE_UP,
    NOT_ALLOWED,
    REFUSED,
    STOPPED,
    USAGE,
    Cli,
)
from support.proxy import Proxy
from support.server import binary
from support.waiting import eventually

FLEET = 8


@pytest.fixture
def cli(tmp_path, server):
    """A command line of its own home, signed in as admin."""
    made = Cli(tmp_path)
    made.login(server)
    return made


@pytest.fixture
def fleet(server):
    """Starts `updraft simulate` for a product; stopped at the end."""
    running = []

    def start(product, prefix, *flags, count=FLEET):
        command = [str(binary()), "simulate", "--mqtt", server.mqtt, "--product", product]
        command += ["--secure-id", "s", "--secure-key", "k", "--prefix", prefix, "--quiet"]
        command += ["--count", str(count), "--initial-version", "1.0", *flags]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def set_up(cli, world, tmp_path, devices=FLEET):
    """A product, devices by import, and a firmware: (product, device ids, firmware id)."""
    product, prefix = world.name("p"), world.name("d") + "-"
    cli("product", "create", product, "--secure-id", "s", "--secure-key", "k")
    ids = [f"{prefix}{number}" for number in range(devices)]
    rows = "".join(f"{each},name of {each}\n" for each in ids)
    (tmp_path / "devices.csv").write_text("id,name\n" + rows)
    report = cli.json("device", "import", "devices.csv", "--product", product)
    assert report["added"] == devices
    (tmp_path / "1.1.bin").write_bytes(random.Random(product).randbytes(300_000))
    firmware = cli.json("firmware", "upload", "1.1.bin", "--product", product, "--version", "1.1")
    return product, prefix, ids, firmware["id"]


def online(cli, product):
    return len(cli.json("device", "list", "--product", product, "--where", "state = online"))


def states(cli, task):
    return sorted(each["state"]["value"] for each in cli.json("task", "records", task))


def test_the_whole_way(cli, world, fleet, tmp_path):
    product, prefix, ids, firmware = set_up(cli, world, tmp_path)
    wrong = ("firmware", "upload", "1.1.bin", "--product", product, "--version", "1.2")
    assert "nothing was uploaded" in cli(*wrong, "--sign", "0" * 64, status=REFUSED).err
    first_number = ids[0].removeprefix(prefix)
    fleet(product, prefix, "--first", first_number, "--failure-rate", "1", "--fail-once",
          "--pull-interval", "200")  # fmt: skip
    eventually(lambda: online(cli, product) == FLEET)

    # push to all: every device fails once, and the exit status says so
    push = ("task", "create", "--firmware", firmware, "--mode", "push", "--name", "push 1")
    preview = cli.json(*push, "--all", "--dry-run")
    assert (preview["total"], preview["online"], preview["alreadyCurrent"]) == (FLEET, FLEET, 0)
    created = cli.json(*push, "--all", "--timeout", "300", "--response-timeout", "20")
    task = created["id"]
    watched = cli("task", "watch", task, status=FAILURES)
    assert f"failed {FLEET}" in watched.out and "task retry" in watched.err
    assert "push 1  [" in watched.err and "\033" not in watched.err  # plain lines, no terminal
    reasons = cli.json("task", "failures", task)
    assert reasons["failed"] == FLEET == sum(each["count"] for each in reasons["groups"])
    assert len(cli.json("task", "records", task, "--state", "failed")) == FLEET

    # batch retry
    ended = cli("task", "retry", task, "--watch", "--json")
    assert ended.json["outcome"] == "success" and ended.json["task"]["progress"] == 100
    assert states(cli, task) == ["success"] * FLEET
    current = cli.json("device", "list", "--product", product, "--where", "firmwareVersion = 1.1")
    assert len(current) == FLEET

    # pull by two devices
    (tmp_path / "1.2.bin").write_bytes(random.Random("1.2").randbytes(200_000))
    cli("firmware", "upload", "1.2.bin", "--product", product, "--version", "1.2")
    pull = cli("task", "create", "--product", product, "--version", "1.2", "--mode", "pull",
               "--device", ",".join(ids[:2]), "--watch", "--json", status=None)  # fmt: skip
    if pull.status == FAILURES:  # fail-once is of the upgrade: its second try succeeds
        pull = cli("task", "retry", pull.json["task"]["id"], "--watch", "--json")
    assert (pull.status, pull.json["task"]["success"]) == (DONE, 2), pull

    # a firmware with tasks stays; it says which stand in the way
    refused = cli("firmware", "delete", firmware, "--json", status=REFUSED)
    assert refused.error["references"][0]["id"] == task
    cli("task", "delete", task, pull.json["task"]["id"])
    cli("firmware", "delete", firmware)


def test_stop_continue_and_delete(cli, world, tmp_path):
    product, _, ids, firmware = set_up(cli, world, tmp_path, devices=3)
    export = cli("device", "export", "--product", product).out
    assert export.startswith("\ufeff") and all(each in export for each in ids)

    created = cli("task", "create", "--firmware", firmware, "--mode", "push", "--devices-from", "-",
                  "--json", input=export)  # fmt: skip
    task = created.json["id"]
    assert "3 devices to 1.1: 0 online, 3 offline" in created.err
    assert states(cli, task) == ["waiting"] * 3
    cli("task", "watch", task, "--give-up-after", "1", status=GAVE_UP)
    assert cli.json("task", "stop", task)["count"] == 3
    assert "stopped 3" in cli("task", "watch", task, status=STOPPED).out
    assert cli.json("task", "continue", task)["count"] == 3
    assert states(cli, task) == ["waiting"] * 3
    one = cli.json("record", "list", "--task", task, "--device", ids[0])[0]["id"]
    assert cli.json("record", "stop", one)["count"] == 1
    assert cli.json("record", "retry", one)["count"] == 1
    cli("task", "stop", task)
    cli("task", "delete", task)
    assert cli("task", "watch", task, "--json", status=REFUSED).error["code"] == "not_found"


def test_a_task_is_for_whom_it_says(cli, world, tmp_path):
    product, _, ids, firmware = set_up(cli, world, tmp_path, devices=4)
    create = ("task", "create", "--firmware", firmware, "--mode", "pull")

    assert "choose devices" in cli(*create, status=REFUSED).err
    assert "unknown field stat" in cli(*create, "--where", "stat = x", status=REFUSED).err
    assert "--skip-unknown" in cli(*create, "--device", f"{ids[0]},gone", status=REFUSED).err
    some = cli.json(*create, "--device", f"{ids[0]},gone", "--skip-unknown")
    assert some["total"] == 1
    named = cli.json(*create, "--where", f"id in {ids[1]},{ids[2]}")
    assert named["total"] == 2
    asked = cli(*create, "--all", "--confirm-above", "3", status=GAVE_UP)
    assert "--yes" in asked.err
    assert cli.json(*create, "--all", "--confirm-above", "3", "--yes")["total"] == 4
    assert "没有终端可以确认" in cli(
        *create, "--all", "--confirm-above", "3", "--lang", "zh", status=GAVE_UP
    ).err
    assert len(cli.json("task", "list", "--firmware", firmware)) == 3
    cli("task", "create", "--all", status=USAGE)


def test_watching_survives_a_lost_connection(cli, world, server, tmp_path):
    product, _, ids, firmware = set_up(cli, world, tmp_path, devices=1)
    cli_direct = Cli(cli.home)
    task = cli.json("task", "create", "--firmware", firmware, "--mode", "push", "--all")["id"]
    with Proxy(server.http) as proxy:
        cli.environment |= {
            "UPDRAFT_SERVER": f"http://{proxy.address}",
            "UPDRAFT_TOKEN": server.api().token,
        }
        watching = cli.start("task", "watch", task, "--json")
        first = watching.stderr.readline()
        assert "waiting 1" in first
        proxy.wait_streams(2)  # the question and the event stream
        proxy.cut()
        assert "connection to the server is lost" in watching.stderr.readline()
        cli_direct("task", "stop", task)
        out, err = watching.communicate(timeout=30)
    assert watching.returncode == STOPPED, err
    assert json.loads(out)["outcome"] == "stopped"


def test_bad_lines_of_an_import_come_back(cli, world, tmp_path):
    product = world.product()
    good, bad = world.name("d"), "not an id!"
    (tmp_path / "in.csv").write_text(f'id,name\n{good},one\n"{bad}",two\n{good},again\n')

    tried = cli.json("device", "import", "in.csv", "--product", product, "--dry-run", status=FAILURES)
    assert tried["dryRun"] is True and tried["added"] == 1
    assert cli.json("device", "list", "--product", product) == []
    told = cli("device", "import", "in.csv", "--product", product, "--refused-out", "refused.csv",
               status=FAILURES)  # fmt: skip
    assert "1 added" in told.out and "line 3" in told.err
    assert (tmp_path / "refused.csv").read_text().splitlines() == [
        "id,name", f'"{bad}",two', f"{good},again"]  # fmt: skip
    assert [each["id"] for each in cli.json("device", "list", "--product", product)] == [good]
    cli("device", "export", "--product", product, "--out", "out.csv")
    assert good in (tmp_path / "out.csv").read_text()
    cli("device", "import", "nowhere.csv", status=REFUSED)


def test_a_machine_token_instead_of_a_password(cli, world, server, tmp_path):
    product, _, ids, firmware = set_up(cli, world, tmp_path, devices=1)
    made = cli.json("token", "create", "--name", "ci", "--expires", "1h",
                    "--scope", "device-instance:query",
                    "--scope", "firmware-manager:query",
                    "--scope", "firmware-upgrade-task-manager:query,save,deploy")  # fmt: skip
    (tmp_path / "other").mkdir()
    machine = Cli(tmp_path / "other", UPDRAFT_SERVER=f"http://{server.http}",
                  UPDRAFT_TOKEN=made["token"])  # fmt: skip

    assert machine.json("whoami")["user"]["username"] == "admin"
    task = machine.json("task", "create", "--firmware", firmware, "--mode", "push", "--all")
    assert machine.json("task", "stop", task["id"])["count"] == 1
    machine("task", "delete", task["id"], status=NOT_ALLOWED)  # outside its scopes
    machine("device", "delete", ids[0], status=NOT_ALLOWED)
    machine("token", "create", "--name", "x", "--scope", "device-instance:query", status=NOT_ALLOWED)
    # kept as a profile
    kept = Cli(tmp_path / "other")
    kept("login", f"http://{server.http}", "--token-stdin", input=made["token"] + "\n")
    assert kept.json("whoami")["user"]["username"] == "admin"
    assert made["id"] in [each["id"] for each in cli.json("token", "list")]
    assert made["token"] not in cli("token", "list").out
    cli("token", "revoke", made["id"])
    machine("whoami", status=NOT_ALLOWED)


def test_records_and_their_way(cli, world, tmp_path):
    product, _, ids, firmware = set_up(cli, world, tmp_path, devices=2)
    task = cli.json("task", "create", "--firmware", firmware, "--mode", "push", "--all")["id"]
    record = cli.json("record", "list", "--task", task)[0]
    assert cli.json("record", "show", record["id"])["deviceId"] == record["deviceId"]
    assert cli.json("record", "timeline", record["id"])[0]["kind"] == "state"
    exported = cli("record", "export", "--task", task).out
    assert all(each in exported for each in ids)
    assert "2 rows" not in cli("record", "list", "--task", task, "--lang", "zh").out


def test_the_terminal_is_redrawn_and_asked(cli, world, tmp_path):
    product, _, ids, firmware = set_up(cli, world, tmp_path, devices=2)
    create = ("task", "create", "--firmware", firmware, "--mode", "push", "--all")
    question = "Upgrade 2 devices? [y/N]"
    status, shown = cli.in_terminal(*create, "--confirm-above", "1", answers=[(question, "n\n")])
    assert status == GAVE_UP and cli.json("task", "list", "--firmware", firmware) == []
    status, shown = cli.in_terminal(*create, "--confirm-above", "1", answers=[(question, "y\n")])
    task = cli.json("task", "list", "--firmware", firmware)[0]["id"]
    assert status == DONE and task in shown

    cli.environment["NO_COLOR"] = "1"
    status, shown = cli.in_terminal(
        "task", "watch", task, meanwhile=("waiting 2", lambda: cli("task", "stop", task))
    )
    assert status == STOPPED and "\033[2A\r" in shown and "stopped 2" in shown
    assert "\033[3" not in shown  # no colour


def test_watching_goes_on_over_a_restart_of_the_server(private_server, tmp_path):
    server = private_server()
    cli = Cli(tmp_path)
    cli.login(server)
    world = World(server, server.api())
    firmware = world.foreign_firmware(world.product())["id"]
    world.device(world.api.get(f"/firmware/{firmware}")["productId"])
    task = cli.json("task", "create", "--firmware", firmware, "--mode", "push", "--all")["id"]
    watching = cli.start("task", "watch", task)
    assert "waiting 1" in watching.stderr.readline()

    server.stop()
    server.start()
    cli("task", "stop", task)

    out, err = watching.communicate(timeout=30)
    assert watching.returncode == STOPPED and "connected again" in err, err


# -- completion -------------------------------------------------------------------------------------


def completed(cli, *words):
    """What bash would offer for the last word."""
    script = """
source <("$1" completion bash)
shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_updraft
printf '%s\\n' "${COMPREPLY[@]}"
"""
    finished = subprocess.run(
        ["bash", "-c", script, "bash", str(binary().resolve()), *words],
        capture_output=True,
        text=True,
        env=cli.environment,
        timeout=30,
    )
    assert finished.returncode == 0 and not finished.stderr, finished
    return finished.stdout.split()


def test_bash_completes_commands_flags_and_values(tmp_path):
    cli = Cli(tmp_path)

    assert completed(cli, "updraft", "fir") == ["firmware"]
    assert {"list", "create", "watch", "retry"} <= set(completed(cli, "updraft", "task", ""))
    assert completed(cli, "updraft", "task", "create", "--mo") == ["--mode"]
    assert completed(cli, "updraft", "task", "create", "--mode", "pu") == ["push", "pull"]
    assert completed(cli, "updraft", "device", "import", "--dry") == ["--dry-run"]
    assert completed(cli, "updraft", "device", "import", "--product", "x") == []
    assert completed(cli, "updraft", "completion", "f") == ["fish"]
    for shell, word in (("zsh", "#compdef updraft"), ("fish", "complete -c updraft")):
        assert word in cli("completion", shell).out
    cli("completion", "tcsh", status=USAGE)
