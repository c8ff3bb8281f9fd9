"""How long others wait while peers behave badly: on demand, `make test-network`, on a machine that does
nothing else. The claim is the design's: other clients' p99 at most doubles."""
import json
import os
import statistics

import pytest

from support.builders import World
from support.crowd import Crowd
from support.mqtt_device import connect_packet, credentials
from support.p99 import p99_ms

pytestmark = pytest.mark.skipif(
    not os.environ.get("UPDRAFT_P99"), reason="a measurement: UPDRAFT_P99=1, see make test-network"
)

ROUNDS = 7
RATIO_MAX = 2.0
FLOOR_MS = 2.0  # below that it is the machine's own noise that would be compared

HEAD = b"POST /p/d/firmware/report HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"


def attacks(server, world):
    """{name: how the crowd is made}"""
    product = world.product()
    devices = world.devices(product, 100)
    file = world.api.upload(os.urandom(8 << 20))
    download = f"GET /file/{file['id']}?accessKey={file['others']['accessKey']} HTTP/1.1\r\nHost: x\r\n\r\n"
    events = f"GET /events HTTP/1.1\r\nHost: x\r\nX-Access-Token: {world.api.token}\r\n\r\n"
    publish = lambda i: connect_packet(devices[i], *credentials()) + b"\x30\xff\x7f"
    return {
        "slow heads": lambda: Crowd(server.http, 1000, drip=HEAD * 100),
        "slow bodies": lambda: Crowd(
            server.http, 1000, HEAD + b"Content-Length: 60000\r\n\r\n", drip=b"x"
        ),
        "slow CONNECTs": lambda: Crowd(server.mqtt, 1000, drip=connect_packet("d", *credentials())),
        "slow packets": lambda: Crowd(server.mqtt, 100, publish, drip=b"\0"),
        "idle connections": lambda: Crowd(server.http, 2000),
        "downloads nobody reads": lambda: Crowd(
            server.http, 500, download.encode(), receive_buffer=4096
        ),
        "events nobody reads": lambda: Crowd(server.http, 500, events.encode(), receive_buffer=4096),
    }


@pytest.mark.parametrize(
    "name",
    [
        "slow heads",
        "slow bodies",
        "slow CONNECTs",
        "slow packets",
        "idle connections",
        "downloads nobody reads",
        "events nobody reads",
    ],
)
def test_p99_of_others_at_most_doubles(private_server, name):
    server = private_server()
    world = World(server, server.api())
    make = attacks(server, world)[name]
    p99_ms(server.http, world.api.token)  # warm
    before, during = [], []
    for _ in range(ROUNDS):
        before.append(p99_ms(server.http, world.api.token))
        with make():
            during.append(p99_ms(server.http, world.api.token))
    quiet, attacked = statistics.median(before), statistics.median(during)
    print("\n" + json.dumps({"attack": name, "p99 before, ms": round(quiet, 2), "during": round(attacked, 2)}))
    assert attacked <= max(quiet * RATIO_MAX, FLOOR_MS)
