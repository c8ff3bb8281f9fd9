"""TLS for HTTP and MQTT with a certificate made here."""
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest

from support.api import Api, trusting
from support.builders import World
from support.mqtt_device import MqttDevice, credentials
from support.waiting import eventually


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) for 127.0.0.1, signed by itself."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def make_certificate(folder, days=2):
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
            "-days",
            str(days),
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def free_address():
    """An address that nobody uses: the ready line names only the plain ones."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


@pytest.fixture
def secure(private_server, certificate):
    """A server with both TLS addresses, which are its attributes `https` and `mqtts`."""
    certificate, key = certificate
    https, mqtts = free_address(), free_address()
    server = private_server(
        "--tls-certificate",
        str(certificate),
        "--tls-key",
        str(key),
        "--https-listen",
        https,
        "--mqtts-listen",
        mqtts,
    )
    server.https, server.mqtts = https, mqtts
    return server


def test_https(secure, certificate):
    api = Api(secure.https, tls=trusting(certificate[0]))
    api.login()
    file = api.upload(b"x" * 300_000)
    path = f"/file/{file['id']}?accessKey={file['others']['accessKey']}"
    assert api.call("GET", path).body == b"x" * 300_000
    ranged = api.call("GET", path, headers={"Range": "bytes=299990-"})
    assert (ranged.status, ranged.body) == (206, b"x" * 10)


def test_curl_verifies_the_certificate(secure, certificate):
    url = f"https://{secure.https}/healthz"
    subprocess.run(
        ["curl", "-sS", "--fail", "--max-time", "10", "--cacert", str(certificate[0]), url],
        check=True,
        capture_output=True,
    )
    assert (
        subprocess.run(["curl", "-sS", "--max-time", "10", url], capture_output=True).returncode
        != 0
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(secure, certificate):
    context = trusting(certificate[0])
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        Api(secure.https, tls=context).call("GET", "/healthz")


def test_mqtts_by_paho_and_mosquitto(secure, certificate):
    world = World(secure, secure.api())
    product, (device,), _, task = world.ready_push()
    with MqttDevice(secure.mqtts, device, product, tls=trusting(certificate[0])) as connected:
        connected.wait_push()
        connected.succeed("1.1")
    assert world.state(task) == "success"
    host, port = secure.mqtts.rsplit(":", 1)
    username, password = credentials()
    command = [
        "mosquitto_pub",
        "-h",
        host,
        "-p",
        port,
        "--cafile",
        str(certificate[0]),
        "-i",
        device,
        "-u",
        username,
        "-P",
        password,
        "-t",
        f"/{product}/{device}/firmware/report",
        "-m",
        '{"version":"2"}',
        "-q",
        "1",
    ]
    subprocess.run(command, check=True, timeout=20, capture_output=True)
    assert world.firmware_version(device) == "2"


def test_plain_text_on_a_tls_port_is_closed(secure):
    with pytest.raises(Exception):
        Api(secure.https).call("GET", "/healthz")
    assert Api(secure.http).call("GET", "/healthz").status == 200


def test_a_missing_certificate_stops_the_start(private_server, tmp_path):
    with pytest.raises(AssertionError):
        private_server(
            "--tls-certificate",
            str(tmp_path / "none.pem"),
            "--tls-key",
            str(tmp_path / "none.key"),
            "--https-listen",
            "127.0.0.1:0",
        )


# -- a new certificate under open connections ------------------------------------------------------


@pytest.fixture
def renewing(private_server, tmp_path):
    """A server whose certificate may be exchanged, with both TLS addresses."""
    certificate, key = make_certificate(tmp_path)

    def start(*flags):
        https, mqtts = free_address(), free_address()
        files = ("--tls-certificate", str(certificate), "--tls-key", str(key))
        server = private_server(*files, "--https-listen", https, "--mqtts-listen", mqtts, *flags)
        server.https, server.mqtts, server.files = https, mqtts, (certificate, key)
        return server

    return start


def shown_by(address):
    host, port = address.rsplit(":", 1)
    return ssl.get_server_certificate((host, int(port)), timeout=10)


def metric(server, name):
    text = Api(server.http).call("GET", "/metrics").body.decode()
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1))


def exchange(server, folder, days=30):
    """Puts another pair in place, as certbot does: each file at once."""
    folder.mkdir()
    for fresh, place in zip(make_certificate(folder, days), server.files):
        fresh.replace(place)
    return server.files[0].read_text()


def test_a_new_certificate_is_shown_without_closing_connections(renewing, tmp_path):
    server = renewing("--tls-check-every", "100ms")
    world = World(server, server.api())
    product, (device,), _, _ = world.ready_push()
    before = server.files[0].read_text()
    expires = metric(server, "updraft_tls_certificate_expires_seconds")
    assert 24 * 3600 < expires - time.time() <= 2 * 24 * 3600
    with MqttDevice(server.mqtts, device, product, tls=trusting(server.files[0])) as peer:
        peer.wait_push()
        after = exchange(server, tmp_path / "new")
        for address in (server.https, server.mqtts):
            eventually(lambda address=address: shown_by(address).split() == after.split())
        assert before != after
        peer.succeed("1.1")
    assert metric(server, "updraft_tls_certificate_expires_seconds") - time.time() > 29 * 24 * 3600
    assert Api(server.https, tls=trusting(server.files[0])).call("GET", "/healthz").status == 200


@pytest.mark.parametrize("broken", ["certificate", "key", "pair", "missing"])
def test_a_broken_pair_keeps_the_one_before(renewing, tmp_path, broken):
    server = renewing("--tls-check-every", "100ms")
    before = shown_by(server.https)
    certificate, key = server.files
    if broken == "pair":
        (tmp_path / "other").mkdir()
        make_certificate(tmp_path / "other")[1].replace(key)
    elif broken == "missing":
        key.unlink()
    else:
        (certificate if broken == "certificate" else key).write_text("no PEM")
    eventually(lambda: metric(server, 'updraft_tls_reloads_total{outcome="failed"}') == 1)
    assert shown_by(server.https) == before
    assert "the one before stays" in server.log()
    after = exchange(server, tmp_path / "right")
    eventually(lambda: shown_by(server.https).split() == after.split())


def test_sighup_reads_the_certificate_again(renewing, tmp_path):
    server = renewing("--tls-check-every", "0s")
    after = exchange(server, tmp_path / "new")
    assert shown_by(server.https).split() != after.split()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: shown_by(server.https).split() == after.split())


def test_sighup_does_not_end_a_server_without_tls(private_server):
    server = private_server()
    server.process.send_signal(signal.SIGHUP)
    server.api().upload(b"it lives")
