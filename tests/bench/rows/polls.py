"""Polls without news over kept connections: three kinds of devices and the console."""
from rig import fleet
from rig.loads import per_cpu

CONNECTIONS = 64


def measure(bench):
    with bench.nginx() as nginx, bench.fresh("polls") as server:
        yardstick = bench.loads.http(nginx.port, "/small.json", connections=CONNECTIONS, pid=nginx.worker)
        half = bench.loads.http(nginx.port, "/small.json", connections=CONNECTIONS, rate=yardstick["per_second"] / 2)
        common = {"connections": CONNECTIONS, "devices": bench.devices, "pid": server.pid}
        for id, what, path, options in device_polls():
            poll(bench, server, id, what, path, {**common, **options}, yardstick, half)
        firmware = fleet.make_firmware(server.rest, 2)
        task = fleet.make_task(server.rest, firmware)
        token = [f"X-Access-Token: {server.rest.token}"]
        poll(bench, server, "console_poll", "console's poll of one task, signed in",
             f"/firmware/upgrade/task/{task['id']}", {**common, "header": token}, yardstick, half)


def device_polls():
    bearer = f"Authorization: Bearer {fleet.TOKEN}"
    yield "ddi_poll", "hawkBit DDI poll without news", "/DEFAULT/controller/v1/bench-{n}", {
        "header": [f"Authorization: GatewayToken {fleet.TOKEN}"]}
    yield "jetlinks_pull", "JetLinks pull over HTTP without news", "/bench/bench-{n}/firmware/pull", {
        "method": "POST", "header": [bearer, "Content-Type: application/json"],
        "body": '{"messageId":"1","currentVersion":"1.0"}'}
    yield "plain_pull", "plain HTTPS dialect's pull without news", f"/ota/{fleet.PRODUCT}?version=1.0", {
        "header": [bearer, "X-Device-Id: bench-{n}"], "wanted": 204}


def poll(bench, server, id, what, path, options, yardstick, half):
    port = server.port("http")
    full = bench.loads.http(port, path, **options)
    bench.report.add(id, what, full["per_second"], "requests/s", yardstick="nginx, small JSON file",
                     yardstick_value=yardstick["per_second"],
                     note=f"{options['connections']} connections, p99 {full['p99_ms']:.1f} ms at full load")
    bench.report.add(f"{id}_cpu", f"{what}, a second of the server's processor", per_cpu(full), "requests",
                     yardstick="nginx", yardstick_value=per_cpu(yardstick))
    open_loop = bench.loads.http(port, path, rate=full["per_second"] / 2, **options)
    bench.report.add(f"{id}_half_p99", f"{what}, p99 at half of that rate", open_loop["p99_ms"], "ms",
                     yardstick="nginx at half of its rate", yardstick_value=half["p99_ms"],
                     note=f"open loop, {open_loop['per_second']:,.0f} requests/s, p50 {open_loop['p50_ms']:.2f} ms")
