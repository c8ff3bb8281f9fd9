"""/metrics: well-formed, true, and what the dashboard draws is there."""
import json
import math
import re

import pytest

from support.api import Api, trusting
from support.builders import FIRMWARE
from support.contract import ROOT
from support.waiting import eventually

DASHBOARD = ROOT / "deploy" / "grafana" / "updraft.json"
SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)$')


class Metrics:
    """One scrape."""

    def __init__(self, api):
        answer = api.call("GET", "/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain;version=0.0.4")
        self.types, self.helps, self.samples = {}, {}, {}
        for line in answer.body.decode().splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"{name} twice"
                self.types[name] = kind
            elif line.startswith("# HELP "):
                _, _, name, text = line.split(" ", 3)
                self.helps[name] = text
            else:
                name, labels, value = SAMPLE.match(line).groups()
                key = (name, tuple(sorted(re.findall(r'(\w+)="([^"]*)"', labels or ""))))
                assert key not in self.samples, f"{key} twice"
                self.samples[key] = float(value)

    def value(self, name, **labels):
        return self.samples[(name, tuple(sorted(labels.items())))]

    def family_of(self, sample):
        """The family that a sample belongs to; None if it has none."""
        if sample in self.types:
            return sample
        base = re.sub("_(bucket|sum|count)$", "", sample)
        return base if self.types.get(base) == "histogram" else None


@pytest.fixture
def stage(private_server):
    server = private_server()
    return server, server.api()


def test_every_sample_has_a_family_with_a_type_and_a_help(stage):
    metrics = Metrics(stage[1])
    assert len(metrics.types) > 30
    assert set(metrics.types) == set(metrics.helps)
    for name, _ in metrics.samples:
        assert metrics.family_of(name), name
    for name, kind in metrics.types.items():
        assert (kind == "counter") == name.endswith("_total"), name
        assert name.startswith(("updraft_", "process_")), name


def test_histograms_add_up(stage):
    metrics = Metrics(stage[1])
    series = {}
    for (name, labels), value in metrics.samples.items():
        if name.endswith("_bucket"):
            bound = dict(labels)["le"]
            rest = tuple(each for each in labels if each[0] != "le")
            bound = math.inf if bound == "+Inf" else float(bound)
            series.setdefault((name[:-7], rest), []).append((bound, value))
    assert {name for name, _ in series} == {
        "updraft_http_request_seconds",
        "updraft_commit_seconds",
        "updraft_commit_operations",
    }
    for (name, rest), buckets in series.items():
        counts = [count for _, count in sorted(buckets)]
        assert counts == sorted(counts), (name, rest)
        assert max(buckets)[0] == math.inf
        assert counts[-1] == metrics.samples[(name + "_count", rest)]


def test_everything_that_the_dashboard_draws_is_there(stage):
    """A panel over a metric that does not exist stays empty for ever, and nobody notices."""
    server, api = stage
    Api(server.http).call("POST", "/authorize/login", {"username": "x", "password": "y"})
    metrics = Metrics(api)
    dashboard = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    drawn = set()
    for expression in expressions:
        for name, labels in re.findall(r"\b((?:updraft|process)_\w+)\{([^}]*)\}", expression):
            drawn.add(name)
            family = metrics.family_of(name)
            assert family, f"{name} in {expression}"
            for label, wanted in re.findall(r'(\w+)="([^"]*)"', labels):
                found = {dict(at).get(label) for (each, at) in metrics.samples if each == name}
                assert wanted in found, f"{label} of {name} is one of {found}"
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            name = re.search(r"\b(?:updraft|process)_\w+", expression).group()
            known = {label for (each, at) in metrics.samples if each == name for label, _ in at}
            assert set(grouped.split(", ")) <= known, expression
    assert len(expressions) > 40
    assert len({name for name in drawn if name.startswith("updraft_")}) > 30


def test_panels_do_not_overlap_and_have_ids_of_their_own():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_requests_are_timed_by_route(stage):
    server, api = stage
    name = "updraft_http_request_seconds_count"
    before = Metrics(api)
    for _ in range(3):
        api.post(f"{FIRMWARE}/_query", {})
        api.post(f"{FIRMWARE}/upgrade/task/_query", {})
    api.call("GET", "/no/such/path")

    after = Metrics(api)

    def more(route):
        return after.value(name, route=route) - before.value(name, route=route)

    assert more("firmware") == 3 and more("firmware/upgrade/task") == 3
    assert more("none") == 1 and more("metrics") == 1
    assert after.value("updraft_http_request_seconds_sum", route="firmware") > 0


def test_artifact_bytes_are_counted_however_they_are_fetched(stage):
    server, api = stage
    file = api.upload(b"x" * 100_000)
    path = f"/file/{file['id']}?accessKey={file['others']['accessKey']}"
    before = Metrics(api).value("updraft_artifact_bytes_total")

    api.call("GET", path)
    api.call("GET", path, headers={"Range": "bytes=0-9"})
    api.call("HEAD", path)

    assert Metrics(api).value("updraft_artifact_bytes_total") - before == 100_010


def test_totals_follow_the_rows(stage):
    from support.builders import World

    world = World(*stage)
    product, devices, firmware, task = world.ready_push(3)

    with world.connected(product, devices[0]) as device:
        device.wait_push()
        eventually(lambda: Metrics(world.api).value("updraft_mqtt_devices") == 1)
        eventually(lambda: Metrics(world.api).value("updraft_devices", state="online") == 1)
        metrics = Metrics(world.api)
        assert metrics.value("updraft_records", state="processing") == 1
        assert metrics.value("updraft_records", state="waiting") == 2
        assert metrics.value("updraft_tasks", state="running") == 1
        assert metrics.value("updraft_pushes_in_flight") == 1
        device.succeed("1.1")
    eventually(lambda: Metrics(world.api).value("updraft_records", state="success") == 1)


def test_commits_are_counted(stage):
    _, api = stage
    before = Metrics(api)
    api.post("/role", {"name": "counted", "grants": []})
    after = Metrics(api)

    written = "updraft_commit_operations_sum"
    assert after.value(written) - before.value(written) >= 1
    assert after.value("updraft_commit_seconds_sum") > before.value("updraft_commit_seconds_sum")
    assert after.value("updraft_commits_failed_total") == 0


def test_sign_ins_are_counted_by_outcome(private_server):
    server = private_server("--access-failures-max", "2")
    stranger = Api(server.http)
    for _ in range(3):
        stranger.call("POST", "/authorize/login", {"username": "x", "password": "y"})
    api = server.api()
    row = {"username": "gone", "name": "gone", "password": "a Long enough passw0rd", "status": 0}
    api.post("/user", row)
    stranger.call("POST", "/authorize/login", {key: row[key] for key in ("username", "password")})

    metrics = Metrics(api)

    outcomes = ("success", "wrong", "limited", "disabled", "busy")
    counted = [metrics.value("updraft_sign_ins_total", outcome=each) for each in outcomes]
    assert counted == [1, 2, 1, 1, 0]


def test_both_listeners_are_counted(private_server, tmp_path):
    import subprocess

    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + ["-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )
    server = private_server(
        "--tls-certificate", str(certificate), "--tls-key", str(key), "--https-listen", "127.0.0.1:0"
    )
    plain = server.api()
    before = Metrics(plain).value("updraft_http_requests_total")

    Api(server.ready["https"], tls=trusting(certificate)).call("GET", "/healthz")

    assert Metrics(plain).value("updraft_http_requests_total") - before == 2
