"""From a device's event to the console's stream, while ten thousand durable events a second come in."""
from rig import fleet
from rig.loads import identity

RATE = 10_000
DEVICES_MAX = 400  # that report at once


def measure(bench):
    devices = min(DEVICES_MAX, bench.devices)
    rate = min(RATE, 25 * devices)
    with bench.fresh("lag") as server:
        task = fleet.make_task(server.rest, fleet.make_firmware(server.rest, 2))
        run = bench.loads.run("live_lag", mqtt_port=server.port("mqtt"), http_port=server.port("http"),
                              token=server.rest.token, task=task["id"], devices=devices, rate=rate,
                              seconds=bench.loads.seconds, pid=server.pid, **identity())
    if run["never_shown"]:
        raise RuntimeError(f"{run['never_shown']} of {run['events'] + run['never_shown']} events were never shown")
    note = (f"{devices} devices, {run['per_second']:,.0f} durable progress events/s, {run['frames_per_second']:,.0f} "
            "frames/s to one console; an event counts as shown with the first frame that has it or a later one")
    for id, what in (("live_lag_p50", "p50"), ("live_lag_p99", "p99"), ("live_lag_max", "max")):
        bench.report.add(id, f"lag from a device's event to the console's stream, {what}", run[f"{what}_ms"], "ms",
                         note=note)
