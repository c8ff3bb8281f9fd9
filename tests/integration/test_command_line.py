"""The operators' command line against the real server: what it prints, refuses and remembers."""
import hashlib
import random
import re
import signal
import socket
import stat
import subprocess

import pytest

from support.api import PASSWORD
from support.cli import DONE, NOT_ALLOWED, REFUSED, UNREACHABLE, USAGE, Cli
from support.proxy import Proxy

MIB = 1024 * 1024


@pytest.fixture
def cli(tmp_path, server):
    """A command line of its own home, signed in as admin."""
    made = Cli(tmp_path)
    made.login(server)
    return made


def random_file(path, size, seed=1):
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


# -- signing in and profiles ------------------------------------------------------------------------


def test_a_sign_in_is_kept_without_its_password_and_for_nobody_else(cli, server):
    kept = cli.home / "config" / "updraft" / "profiles.toml"

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert server.environment["UPDRAFT_ADMIN_PASSWORD"] not in kept.read_text()
    assert cli.json("whoami")["user"]["username"] == "admin"


def test_a_wrong_password_is_said_and_nothing_is_kept(tmp_path, server):
    cli = Cli(tmp_path)

    cli.login(server, password="wrong", status=NOT_ALLOWED)

    assert cli.json("profile", "list") == []
    assert cli("whoami", status=NOT_ALLOWED).err.count("updraft login") == 1


def test_signing_out_ends_the_session(cli, server):
    token = (cli.home / "config/updraft/profiles.toml").read_text().split("token = '")[1][:32]

    cli("logout")

    assert "sign in first" in cli("whoami", status=NOT_ALLOWED).err
    ended = Cli(cli.home / "other", UPDRAFT_SERVER=f"http://{server.http}", UPDRAFT_TOKEN=token)
    ended.home.mkdir()
    assert "updraft login" in ended("whoami", status=NOT_ALLOWED).err


def test_profiles_for_several_servers(cli, server):
    cli.login(server, "--profile", "second")
    names = [each["name"] for each in cli.json("profile", "list")]
    first = next(name for name in names if name != "second")

    assert [each["current"] for each in cli.json("profile", "list")] == [False, True]
    cli("profile", "use", first)
    assert [each["current"] for each in cli.json("profile", "list")] == [True, False]
    cli("profile", "remove", "second")
    assert "no such profile: second" in cli("whoami", "--profile", "second", status=REFUSED).err
    cli("profile", "use", "second", status=REFUSED)


def test_the_environment_is_enough_for_a_pipeline(tmp_path, server, admin_token):
    cli = Cli(tmp_path, UPDRAFT_SERVER=f"http://{server.http}", UPDRAFT_TOKEN=admin_token)

    assert cli.json("whoami")["user"]["username"] == "admin"
    assert not (tmp_path / "config").exists()


def test_the_password_is_asked_for_without_being_shown(tmp_path, server):
    cli = Cli(tmp_path)
    status, shown = cli.in_terminal(
        "login",
        f"http://{server.http}",
        "--profile",
        "mine",
        answers=[("Password of admin", PASSWORD + "\n")],
    )

    assert status == DONE and "profile mine" in shown and PASSWORD not in shown
    cli("whoami")


def test_a_private_certificate_is_named_once(private_server, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subprocess.run(
        ["openssl", *options.split(), "-subj", "/CN=127.0.0.1"]
        + ["-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    private_server(
        "--https-listen", address, "--tls-certificate", str(certificate), "--tls-key", str(key)
    )
    cli = Cli(tmp_path)
    login = ("login", f"https://{address}", "--password-stdin")

    assert "--ca-file" in cli(*login, input=PASSWORD, status=UNREACHABLE).err
    cli(*login, "--ca-file", "cert.pem", input=PASSWORD)
    assert cli.json("whoami")["server"] == f"https://{address}"
    assert "nowhere.pem" in cli("whoami", "--ca-file", "nowhere.pem", status=REFUSED).err


def test_the_server_does_not_mind_the_command_lines_variables(private_server):
    private_server(environment={name: "x" for name in (
        "UPDRAFT_SERVER", "UPDRAFT_TOKEN", "UPDRAFT_PROFILE", "UPDRAFT_ADMIN_PASSWORD")
        } | {"UPDRAFT_ADMIN_PASSWORD": "long enough 1"})


def test_an_encrypted_sign_in(private_server, tmp_path):
    cli = Cli(tmp_path)
    cli.login(private_server("--login-encryption", "true"))

    assert cli.json("whoami")["user"]["username"] == "admin"


# -- languages, errors, usage -----------------------------------------------------------------------


def test_it_speaks_both_languages(cli, tmp_path):
    assert "no such device: nowhere" in cli("device", "show", "nowhere", status=REFUSED).err
    assert "设备" in cli("device", "show", "nowhere", "--lang", "zh", status=REFUSED).err
    chinese = Cli(cli.home, language="zh")
    assert "没有命令 devise" in chinese("devise", status=USAGE).err
    assert "列出设备" in chinese("device", "--help").out
    assert "List devices" in chinese("device", "--help", "--lang", "en").out


def test_usage_says_what_there_is(cli):
    assert "there are list, show" in cli("device", "lst", status=USAGE).err
    assert "updraft device create: --product is required" in cli(
        "device", "create", "d1", status=USAGE
    ).err
    assert cli("firmware", "upload", "--help").out.count("Example:") == 1


def test_every_command_has_an_example_in_both_languages(tmp_path):
    cli = Cli(tmp_path)
    script = cli("completion", "bash").out
    paths = re.findall(r"^        '((?: [a-z]+)+)'\) words=", script, re.MULTILINE)
    groups = {path.rsplit(" ", 1)[0] for path in paths if path.count(" ") >= 2}
    server_side = {" serve", " demo", " simulate", " routes", " config"}
    commands = [path.split() for path in paths if path not in groups | server_side]

    assert len(commands) > 40
    for command in commands:
        shown = cli(*command, "--help").out
        assert "Example:\n" in shown and "updraft " + command[0] in shown, command
        assert "示例:\n" in cli(*command, "--help", "--lang", "zh").out, command


def test_json_errors_are_one_line(cli):
    error = cli("product", "show", "nowhere", "--json", status=REFUSED).error

    assert error["code"] == "not_found" and "nowhere" in error["message"]


def test_a_server_that_is_not_there_is_a_status_of_its_own(cli, server):
    with Proxy(server.http) as gone:
        address = gone.address
    answer = cli("whoami", "--server", f"http://{address}", status=None)
    assert answer.status == NOT_ALLOWED  # the token stays with its own server
    cli.environment |= {"UPDRAFT_SERVER": f"http://{address}", "UPDRAFT_TOKEN": "t"}
    assert address in cli("whoami", status=UNREACHABLE).err


# -- products and devices ---------------------------------------------------------------------------


def test_products_and_devices_from_birth_to_end(cli, world):
    product, device = world.name("p"), world.name("d")

    created = cli.json("product", "create", product, "--secure-id", "a", "--secure-key", "b",
                       "--name", "W-801")
    assert (created["id"], created["state"], created["name"]) == (product, 1, "W-801")
    made = cli.json("device", "create", device, "--product", product, "--name", "gate 1")
    assert made["state"]["value"] == "offline"
    assert cli.json("device", "show", device)["productId"] == product
    listed = cli.json("device", "list", "--product", product, "--where", "name ~ gate")
    assert [each["id"] for each in listed] == [device]
    assert cli.json("device", "list", "--product", product, "--where", "state = online") == []
    assert "unknown field stat;" in cli(
        "device", "list", "--where", "stat = online", status=REFUSED
    ).err
    cli("device", "disable", device)
    assert cli.json("device", "show", device)["state"]["value"] == "notActive"
    cli("device", "enable", device)
    cli("device", "disable", device)
    told = cli("device", "delete", device, "nowhere", "--json", status=REFUSED)
    assert told.json == [{"id": device, "done": True}, {"id": "nowhere", "done": False}]
    cli("product", "disable", product)
    cli("product", "delete", product)
    cli("product", "show", product, status=REFUSED)


def test_lists_are_paged_or_whole(cli, world):
    product = world.product()
    devices = sorted(world.devices(product, 5, deploy=False))
    ask = ("device", "list", "--product", product, "--sort", "id")

    first = cli(*ask, "--limit", "2")
    assert devices[1] in first.out and devices[2] not in first.out and "2 of 5 rows" in first.err
    second = cli.json(*ask, "--limit", "2", "--page", "3")
    assert [each["id"] for each in second] == devices[4:]
    assert cli.json(*ask, "--limit", "2", "--page", "9") == []
    assert [each["id"] for each in cli.json(*ask, "--all")] == devices


# -- firmwares --------------------------------------------------------------------------------------


def test_a_firmware_is_uploaded_with_the_digest_computed_here(cli, world, tmp_path):
    product = world.product()
    file = random_file(tmp_path / "gate 1.1.bin", 700_000)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()

    shown = cli("firmware", "upload", file, "--product", product, "--version", "1.1",
                "--sign", sha256.upper(), "--property", "slot=B", "--json")
    row = shown.json
    assert (row["sign"], row["signMethod"], row["size"]) == (sha256, "sha256", 700_000)
    assert (row["versionOrder"], row["properties"]) == (1, [{"id": "slot", "value": "B"}])
    assert "100 %" in shown.err and "/s" in shown.err  # progress goes to standard error
    second = cli.json("firmware", "upload", file, "--product", product, "--version", "1.2",
                      "--sign-method", "md5", "-q")
    assert second["versionOrder"] == 2
    assert second["sign"] == hashlib.md5(file.read_bytes()).hexdigest()
    listed = cli.json("firmware", "list", "--product", product, "--sort", "-versionOrder")
    assert [each["version"] for each in listed] == ["1.2", "1.1"]
    assert cli.json("firmware", "show", row["id"])["url"] == row["url"]
    cli("firmware", "delete", row["id"], second["id"])
    assert cli.json("firmware", "list", "--product", product) == []


def test_what_can_be_refused_is_refused_before_the_upload(cli, world, server, tmp_path):
    product = world.product()
    file = random_file(tmp_path / "f.bin", 2 * MIB)
    cli("firmware", "upload", file, "--product", product, "--version", "1")
    with Proxy(server.http) as proxy:
        cli.login(server)
        cli.environment |= {
            "UPDRAFT_SERVER": f"http://{proxy.address}",
            "UPDRAFT_TOKEN": server.api().token,
        }
        upload = ("firmware", "upload", file, "--product", product, "--version", "2")
        wrong = cli(*upload, "--sign", "00" * 32, status=REFUSED)
        assert "nothing was uploaded" in wrong.err and "00" * 32 in wrong.err
        assert "version order 1 already" in cli(*upload, "--order", "1", status=REFUSED).err
        cli("firmware", "upload", file, "--product", "nowhere", "--version", "2", status=REFUSED)
        cli("firmware", "upload", tmp_path / "none", "--product", product, "--version", "2",
            status=REFUSED)
        assert proxy.uploaded < MIB


def through(cli, proxy, server):
    """Lets the command line reach the server through the proxy only."""
    cli.environment |= {
        "UPDRAFT_SERVER": f"http://{proxy.address}",
        "UPDRAFT_TOKEN": server.api().token,
    }


def test_a_lost_connection_is_picked_up_where_it_broke(cli, world, server, tmp_path):
    product = world.product()
    file = random_file(tmp_path / "f.bin", 24 * MIB, seed=2)
    with Proxy(server.http) as proxy:
        through(cli, proxy, server)
        proxy.cut_after(12 * MIB, refuse=2)

        answer = cli("firmware", "upload", file, "--product", product, "--version", "1", "--json")

        assert answer.json["size"] == 24 * MIB
        assert "the connection is lost" in answer.err
        assert proxy.uploaded < 24 * MIB + 9 * MIB  # what had arrived was not sent again
    assert cli.json("firmware", "list", "--product", product, "--server", f"http://{server.http}")


def test_a_killed_upload_goes_on_in_the_next_run(cli, world, server, tmp_path):
    product = world.product()
    file = random_file(tmp_path / "f.bin", 48 * MIB, seed=3)
    upload = ("firmware", "upload", file, "--product", product, "--version", "1")
    with Proxy(server.http) as proxy:
        through(cli, proxy, server)
        running = cli.start(*upload)
        proxy.wait_uploaded(20 * MIB)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        sent = proxy.uploaded

        answer = cli(*upload)

        assert "going on with an upload" in answer.err
        assert proxy.uploaded - sent < 48 * MIB - 8 * MIB


def test_a_server_that_stays_away_ends_the_upload_with_its_own_status(cli, world, server, tmp_path):
    product = world.product()
    file = random_file(tmp_path / "f.bin", 8 * MIB, seed=4)
    with Proxy(server.http) as proxy:
        through(cli, proxy, server)
        proxy.cut_after(2 * MIB, refuse=10_000)

        cli("firmware", "upload", file, "--product", product, "--version", "1", "--retry-for", "1",
            status=UNREACHABLE)
