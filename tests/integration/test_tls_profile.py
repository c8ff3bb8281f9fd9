"""Every TLS listener holds to Mozilla's intermediate profile (version 5.7): each version, suite and
curve is offered alone, and what is accepted is exactly the profile's list."""
import socket
import ssl
import subprocess

import pytest

VERSIONS = {ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}
SUITES_TLS13 = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
}
SUITES_TLS12 = {
    "ec": {
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    },
    "rsa": {
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "DHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-GCM-SHA384",
        "DHE-RSA-CHACHA20-POLY1305",
    },
}
CURVES = {"X25519", "prime256v1", "secp384r1"}
KEYS = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["rsa:2048"]}


@pytest.fixture(scope="module", params=["ec", "rsa"])
def listeners(request, tmp_path_factory):
    """(kind of key, {listener: address}) of one server."""
    from support.server import Server

    folder = tmp_path_factory.mktemp("profile")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", *KEYS[request.param], "-nodes", "-keyout", str(key)]
        + ["-out", str(certificate), "-days", "2", "-subj", "/CN=127.0.0.1"],
        check=True,
        capture_output=True,
    )
    flags = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    flags += ["--https-listen", "127.0.0.1:0", "--mqtts-listen", "127.0.0.1:0"]
    with Server(folder / "data", *flags) as running:
        yield request.param, {name: running.ready[name] for name in ("https", "mqtts")}


def client(version):
    """A context that trusts everybody and refuses nothing, for one version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:COMPLEMENTOFALL@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


def shaken(address, context, session=None):
    """(version, suite, session, was it resumed) of one handshake; None if it was refused."""
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), 10) as plain:
            with context.wrap_socket(plain, server_hostname=host, session=session) as secured:
                if secured.version() == "TLSv1.3":
                    secured.settimeout(0.2)
                    try:
                        secured.recv(1)  # the ticket comes after the handshake
                    except (TimeoutError, ssl.SSLError):
                        pass
                suite = secured.cipher()[0]
                return secured.version(), suite, secured.session, secured.session_reused
    except (ssl.SSLError, ConnectionError):
        return None


def every_suite_of_tls12():
    """What this machine's OpenSSL can speak with a certificate, secure or not."""
    names = {each["name"] for each in client(ssl.TLSVersion.TLSv1_2).get_ciphers()}
    return {name for name in names if not name.startswith("TLS_") and "PSK" not in name}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("listener", ["https", "mqtts"])
def test_versions_and_suites(listeners, listener):
    kind, addresses = listeners
    address = addresses[listener]

    accepted = {version for version in VERSIONS if shaken(address, client(version))}
    assert accepted == {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

    suites = every_suite_of_tls12()
    assert len(suites) > 40 and "AES128-SHA" in suites, "the client must offer bad ones too"
    taken = set()
    for suite in suites:
        context = client(ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(f"{suite}:@SECLEVEL=0")
        if shaken(address, context):
            taken.add(suite)
    assert taken == SUITES_TLS12[kind]


@pytest.mark.parametrize("listener", ["https", "mqtts"])
def test_curves(listeners, listener):
    address = listeners[1][listener]
    taken = set()
    for curve in CURVES | {"secp521r1", "X448", "brainpoolP256r1", "secp224r1"}:
        # In TLS 1.2 the curve would also have to be that of an EC certificate.
        old = curve in ("brainpoolP256r1", "secp224r1")
        done = subprocess.run(
            ["openssl", "s_client", "-connect", address, "-curves", curve]
            + (["-tls1_2", "-cipher", "ECDHE"] if old else ["-tls1_3"]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
        )
        if done.returncode == 0 and b"Cipher is (NONE)" not in done.stdout:
            taken.add(curve)
    assert taken == CURVES


@pytest.mark.parametrize("listener", ["https", "mqtts"])
def test_suites_of_tls13(listeners, listener):
    address = listeners[1][listener]
    taken = set()
    for suite in SUITES_TLS13 | {"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"}:
        done = subprocess.run(
            ["openssl", "s_client", "-connect", address, "-tls1_3", "-ciphersuites", suite],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
        )
        if f"Cipher is {suite}".encode() in done.stdout:
            taken.add(suite)
    assert taken == SUITES_TLS13


@pytest.mark.parametrize("listener", ["https", "mqtts"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_resume(listeners, listener, version):
    """A fleet that reconnects must not sign a million times; the ticket's keys are the server's own."""
    address = listeners[1][listener]
    context = client(version)

    first = shaken(address, context)
    second = shaken(address, context, first[2])

    assert not first[3] and second[3]


def test_a_ticket_that_is_not_ours_means_a_whole_handshake(listeners):
    """Of another server, or sealed with a key that is gone."""
    address = listeners[1]["https"]
    context = client(ssl.TLSVersion.TLSv1_2)
    foreign = shaken(listeners[1]["mqtts"], context)  # another context, other keys

    again = shaken(address, context, foreign[2])

    assert again is not None and not again[3]
