"""Fixtures of the integration tests: the real binary, a client of its API, builders."""
import pytest

from support.builders import World
from support.ddi_fleet import Fleet
from support.sanitizers import Reports, sanitized
from support.server import Server, binary


def pytest_collection_modifyitems(config, items):
    if not binary().exists():
        pytest.exit(f"{binary()} is not there; build it or set UPDRAFT_BINARY", returncode=3)


@pytest.fixture(scope="session", autouse=True)
def sanitizers_reports(tmp_path_factory):
    """Begins before every server of this worker and ends after it, so that what a sanitizer says of
    its last breath (leaks) is seen, too."""
    if not sanitized():
        yield None
        return
    reports = Reports(tmp_path_factory.mktemp("sanitizers"))
    yield reports
    assert not (report := reports.new()), report


@pytest.fixture(autouse=True)
def no_sanitizer_reports(sanitizers_reports):
    """Fails the test during which a process reported something."""
    yield
    assert not (sanitizers_reports and (report := sanitizers_reports.new())), report


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server that most tests of this worker share; each test makes rows of its own."""
    with Server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def admin_token(server):
    return server.api().token


@pytest.fixture
def api(server, admin_token):
    """A client signed in as admin."""
    from support.api import Api

    client = Api(server.http, token=admin_token)
    yield client
    client.close()


@pytest.fixture
def world(server, api):
    return World(server, api)


@pytest.fixture
def private_server(tmp_path):
    """Makes a server for one test: private_server(*flags, environment=...). Stopped at the end."""
    started = []

    def start(*flags, name="data", **options):
        running = Server(tmp_path / f"{name}-{len(started)}", *flags, **options).start()
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def fleet(world):
    """A product whose devices speak hawkBit's API."""
    made = Fleet(world)
    yield made
    made.close()


@pytest.fixture
def own_fleet(private_server):
    """A fleet on a server of its own with flags."""
    made = []

    def start(*flags):
        running = private_server(*flags)
        made.append(Fleet(World(running, running.api())))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the shared server's log."""
    outcome = yield
    report = outcome.get_result()
    running = item.funcargs.get("server") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and running is not None:
        report.sections.append(("server log", running.log(3000)))
