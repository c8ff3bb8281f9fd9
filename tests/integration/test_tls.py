"""TLS for HTTP and MQTT with a certificate made here."""
import socket
import ssl
import subprocess

import pytest

from support.api import Api, trusting
from support.builders import World
from support.mqtt_device import MqttDevice, credentials


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) for 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
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
            "2",
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
