"""The Debian package: what is in it, how it is configured and confined, and that it installs, upgrades
and removes. UPDRAFT_BUILD is the build folder, in which the program is built."""
import os
import pathlib
import re
import shutil
import sqlite3
import stat
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("UPDRAFT_BUILD", ROOT / "build" / "release"))
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from support.server import Server  # noqa: E402  (found through the path above)


def run(*command, **options):
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=600, **options
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    run("cmake", "--build", BUILD, "--target", "package_files")
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder)
    (made,) = folder.glob("*.deb")
    return made


@pytest.fixture(scope="session")
def extracted(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extracted")
    run("dpkg-deb", "-x", package, folder)
    return folder


@pytest.fixture(scope="session")
def control(package, tmp_path_factory):
    """The control files in a folder."""
    folder = tmp_path_factory.mktemp("control")
    run("dpkg-deb", "-e", package, folder)
    return folder


def fields(control):
    text = (control / "control").read_text()
    return dict(re.findall(r"^([A-Z][\w-]*): (.*)$", text, re.M))


@pytest.fixture
def packaged_server(extracted, tmp_path, monkeypatch):
    """Starts the packaged program with the packaged configuration, on a folder and ports of its own."""
    monkeypatch.setenv("UPDRAFT_BINARY", str(extracted / "usr/bin/updraft"))
    started = []

    def start(data=None):
        config = extracted / "etc/updraft/updraft.toml"
        started.append(Server(data or tmp_path / "data", "--config", str(config)).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()


# -- what is in it ---------------------------------------------------------------------------------------
def test_control_names_what_it_is_and_needs(package, control):
    found = fields(control)
    assert package.name == f"updraft_{found['Version']}_{found['Architecture']}.deb"
    assert found["Package"] == "updraft" and found["Section"] == "net"
    assert re.fullmatch(r"\d+\.\d+\.\d+-\d+", found["Version"])
    needed = {entry.split(" ")[0] for entry in found["Depends"].split(", ")}
    assert {"adduser", "tzdata", "libc6", "libssl3", "libsqlite3-0", "libargon2-1"} <= needed
    assert int(found["Installed-Size"]) > 1000


def test_files_are_where_debian_wants_them_and_owned_by_root(package, extracted):
    listed = run("dpkg-deb", "-c", package).splitlines()
    files = {line.split()[-1] if " -> " not in line else line.split()[-3] for line in listed}
    assert {
        "./usr/bin/updraft",
        "./lib/systemd/system/updraft.service",
        "./etc/updraft/updraft.toml",
        "./usr/share/man/man1/updraft.1.gz",
        "./usr/share/doc/updraft/copyright",
        "./usr/share/doc/updraft/changelog.gz",
        "./usr/share/doc/updraft/changelog.Debian.gz",
        "./usr/share/doc/updraft/updraft.json",
        "./usr/share/doc/updraft/updraft.toml.sample",
    } <= files
    for line in listed:
        mode, owner = line.split()[:2]
        assert owner == "root/root", line
        assert "s" not in mode and mode[5] != "w" and mode[8] != "w", line


def test_the_program_is_stripped_and_finds_its_libraries(extracted):
    program = extracted / "usr/bin/updraft"
    assert program.stat().st_mode & stat.S_IXOTH
    assert ".debug_info" not in run("readelf", "-S", "-W", program)
    assert "not found" not in run("ldd", program)
    assert run(program, "--version").strip()


def test_scripts_are_shell_and_configuration_is_a_conffile(control):
    for name in ("postinst", "prerm", "postrm"):
        assert (control / name).stat().st_mode & 0o777 == 0o755
        run("dash", "-n", control / name)
    assert (control / "conffiles").read_text().split() == ["/etc/updraft/updraft.toml"]


def test_lintian_finds_no_errors(package):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    # The one that stays: Updraft is no package of Debian's, with no bug to close.
    run("lintian", "--no-user-dirs", "--fail-on", "error", package)


# -- how it is configured --------------------------------------------------------------------------------
def keys_of(text, commented):
    """Dotted keys; `commented` ones are those behind "# "."""
    prefix = "# " if commented else ""
    keys, table = [], ""
    for line in text.splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            table = found.group(1) + "."
        elif found := re.match(re.escape(prefix) + r"([a-z_][a-z0-9_]*) = ", line):
            keys.append(table + found.group(1))
    return keys


def test_the_packaged_configuration_says_only_what_exists(extracted):
    known = keys_of(run(extracted / "usr/bin/updraft", "config"), commented=True)
    text = (extracted / "etc/updraft/updraft.toml").read_text()
    said = keys_of(text, commented=False)
    assert said == ["data", "listen", "mqtt_listen"] and len(known) > 80
    assert set(said) | set(keys_of(text, commented=True)) <= set(known)


def test_the_sample_in_the_documents_is_the_programs_own(extracted):
    sample = extracted / "usr/share/doc/updraft/updraft.toml.sample"
    assert sample.read_text() == run(extracted / "usr/bin/updraft", "config")


def test_it_listens_to_this_machine_alone_until_it_is_opened(extracted):
    text = (extracted / "etc/updraft/updraft.toml").read_text()
    assert re.findall(r'^\w*listen = "(.*):\d+"', text, re.M) == ["127.0.0.1"] * 2


def test_it_starts_with_the_packaged_configuration(packaged_server):
    server = packaged_server()
    assert server.api().get("/user/detail")["username"] == "admin"


# -- how it is confined ----------------------------------------------------------------------------------
def test_the_unit_is_well_formed_and_confined(extracted):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = extracted / "lib/systemd/system/updraft.service"
    installed = unit.read_text().replace("/usr/bin/updraft", str(extracted / "usr/bin/updraft"))
    installed = re.sub("^Documentation=.*\n", "", installed, flags=re.M)  # man would want a database
    copy = extracted / "updraft.service"
    copy.write_text(installed)
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    assert done.returncode == 0 and "updraft" not in done.stderr, done.stderr
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", copy)


def test_the_unit_leaves_what_the_server_needs(extracted):
    unit = (extracted / "lib/systemd/system/updraft.service").read_text()
    for line in (
        "Type=notify",
        "User=updraft",
        "StateDirectory=updraft",
        "LimitNOFILE=1048576",
        "Restart=on-failure",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
        "SystemCallFilter=seccomp",  # of the process that runs protocol scripts
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    ):
        assert line in unit.splitlines(), line
    assert 'data = "/var/lib/updraft"' in (extracted / "etc/updraft/updraft.toml").read_text()


# -- how it comes and goes -------------------------------------------------------------------------------
def older_data(folder, version):
    """A data folder as the schema of `version` left it."""
    folder.mkdir()
    database = sqlite3.connect(folder / "updraft.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(
        "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "applied_at INTEGER NOT NULL)"
    )
    steps = sorted((ROOT / "src/storage/migrations").glob("*.sql"))
    for number, step in enumerate(steps[:version], 1):
        database.executescript(step.read_text())
        database.execute("INSERT INTO schema_version VALUES (?, ?, 1)", (number, step.stem))
    database.commit()
    database.close()
    return len(steps)


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_an_older_database_is_migrated_at_the_start(packaged_server, tmp_path, version):
    data = tmp_path / "old"
    newest = older_data(data, version)

    server = packaged_server(data)

    assert server.api().get("/user/detail")["username"] == "admin"
    with sqlite3.connect(data / "updraft.db") as database:
        found = database.execute("SELECT max(version) FROM schema_version").fetchone()
    assert found == (newest,)


def test_an_older_program_refuses_a_newer_database(packaged_server, tmp_path):
    data = tmp_path / "newer"
    newest = older_data(data, 99)
    with sqlite3.connect(data / "updraft.db") as database:
        database.execute("INSERT INTO schema_version VALUES (?, 'later', 1)", (newest + 1,))

    with pytest.raises(AssertionError, match="schema version"):
        packaged_server(data)


def test_dpkg_installs_upgrades_removes_and_purges(package, tmp_path):
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root, for a view of the system that dpkg may change")
    older = tmp_path / "older"
    run("dpkg-deb", "-R", package, older)
    text = (older / "DEBIAN/control").read_text()
    (older / "DEBIAN/control").write_text(
        re.sub("^Version: .*$", "Version: 0.0.1-1", text, flags=re.M)
    )
    run("dpkg-deb", "-Znone", "-b", older, tmp_path / "older.deb")

    done = subprocess.run(
        [ROOT / "tests/packaging/install.sh", tmp_path / "older.deb", package],
        capture_output=True,
        text=True,
        timeout=600,
    )

    if done.returncode == 77:
        pytest.skip("no overlay file system here")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[1].rstrip(":") for line in done.stdout.splitlines() if "shown: " in line] == [
        "installs",
        "runs",
        "upgrades",
        "removes",
        "installs",
        "purges",
    ]
