"""kill -9 under load, and the time until the server is ready again."""
import statistics
import time

from rig import fleet
from rig.loads import identity

ROUNDS = 3
LOADED_SECONDS_MAX = 2  # before the kill


def measure(bench):
    with bench.fresh("killed") as server:
        fleet.make_task(server.rest, fleet.make_firmware(server.rest, 2))
        kill_under_load(bench, server)
        times = []
        for number in range(ROUNDS):
            with bench.start("killed") as again:
                times.append(again.start_seconds)
                if number + 1 < ROUNDS:
                    kill_under_load(bench, again)
    bench.report.add("restart_killed", "restart after kill -9 under load, until ready", max(times), "s",
                     note=f"the slowest of {ROUNDS}, median {statistics.median(times):.2f} s; durable progress events came in")


def kill_under_load(bench, server):
    load = bench.loads.start("mqtt_load", "progress", port=server.port("mqtt"), devices=bench.devices, seconds=60,
                             **identity())
    try:
        time.sleep(min(LOADED_SECONDS_MAX, bench.loads.seconds))
    finally:
        server.kill()
        load.process.wait(10)
