"""Stored bytes are read again in the background; damaged ones are never served and raise an alarm."""
import os
import pathlib

from support.api import Api
from support.waiting import eventually

CONTENT = b"firmware that a disk alters" * 40_000
OFTEN = ("--scrub-every", "1s", "--scrub-bytes-per-second", "1GiB")


def artifact(server, file):
    sha256 = file["sha256"]
    return pathlib.Path(server.data) / "artifacts" / sha256[:2] / sha256


def flip_a_bit(path):
    """As a disk does: size and time stay."""
    facts = path.stat()
    with open(path, "r+b") as file:
        file.seek(facts.st_size // 2)
        byte = file.read(1)[0]
        file.seek(facts.st_size // 2)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def download(api, file):
    return api.call("GET", f"/file/{file['id']}?accessKey={file['others']['accessKey']}")


def metric(server, name):
    for line in Api(server.http).call("GET", "/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError(f"no metric {name}")


def readiness(server):
    answer = Api(server.http).call("GET", "/readyz")
    return answer.status, answer.body.decode().splitlines()


def wait_found(server, count=1):
    eventually(lambda: metric(server, "updraft_artifacts_damaged") == count, 20)


def test_a_flipped_bit_is_found_and_never_served_until_the_file_is_uploaded_again(private_server):
    server = private_server(*OFTEN)
    api = server.api()
    file = api.upload(CONTENT)
    other = api.upload(b"sound")
    assert download(api, file).body == CONTENT
    flip_a_bit(artifact(server, file))
    wait_found(server)

    assert download(api, file).status == 404
    assert download(api, other).body == b"sound"
    status, lines = readiness(server)
    assert status == 200 and lines[0] == "ready" and "artifacts damaged: 1" in lines[1]
    alarm = f"artifact damaged, not served any more: upload the same file again sha256={file['sha256']}"
    eventually(lambda: alarm in server.log())

    server.kill()
    server.start()
    api = server.api()
    assert download(api, file).status == 404
    assert metric(server, "updraft_artifacts_damaged") == 1

    api.upload(CONTENT)
    assert download(api, file).body == CONTENT
    assert metric(server, "updraft_artifacts_damaged") == 0
    assert readiness(server) == (200, ["ready"])


def test_the_scrub_reads_everything_again_and_again(private_server):
    server = private_server(*OFTEN)
    api = server.api()
    api.upload(CONTENT)
    api.upload(b"sound")

    def read_twice():
        assert metric(server, "updraft_scrub_artifacts_total") >= 4
        assert metric(server, "updraft_scrub_read_bytes_total") >= 2 * len(CONTENT)
        return metric(server, "updraft_scrub_ended_seconds") > 1_700_000_000

    eventually(read_twice, 20)
    assert metric(server, "updraft_artifacts_damaged") == 0


# The scrub may come a week later; a file of the wrong size is refused by the look that costs nothing.
def test_an_artifact_that_was_cut_short_is_not_served_even_before_the_scrub(private_server):
    server = private_server("--scrub-every", "0s")
    api = server.api()
    file = api.upload(CONTENT)
    os.truncate(artifact(server, file), len(CONTENT) - 1)
    assert download(api, file).status == 404


def test_a_slow_scrub_does_not_hold_up_the_end_of_the_server(private_server):
    server = private_server("--scrub-every", "1s", "--scrub-bytes-per-second", "1")
    server.api().upload(CONTENT)
    eventually(lambda: metric(server, "updraft_scrub_read_bytes_total") > 0, 20)
    server.stop()
