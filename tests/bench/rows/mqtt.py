"""The MQTT gateway: sign-ins, messages, pushes, and memory of a connection."""
import time

from rig import fleet
from rig.loads import identity, per_cpu
from rig.yardsticks import Mosquitto

# A push task's own limits would be measured otherwise.
UNLIMITED = ("--dispatch-sends-per-second", "1000000", "--dispatch-task-sends-per-second", "1000000")
TLS_DEVICES_MAX = 2_000  # a full handshake costs the load's core more than the server's
PUSH_SECONDS_MAX = 60


def measure_sessions(bench):
    """Sign-ins and idle connections, each from a fresh start so that memory has not been used before."""
    with Mosquitto(bench.folder) as mosquitto, bench.fresh("sessions") as server:
        theirs = bench.loads.mqtt("connect", mosquitto.port, devices=bench.devices, pid=mosquitto.process.pid)
        ours = bench.loads.mqtt("connect", server.port("mqtt"), devices=bench.devices, pid=server.pid)
        bench.report.add("mqtt_sign_ins", "MQTT sign-ins with credentials", ours["per_second"], "connects/s",
                         yardstick="mosquitto, anonymous", yardstick_value=theirs["per_second"],
                         note="mosquitto's rate by the wall is unsteady: compare the next row")
        bench.report.add("mqtt_sign_ins_cpu", "MQTT sign-ins, a second of the server's processor", per_cpu(ours),
                         "connects", yardstick="mosquitto, anonymous", yardstick_value=per_cpu(theirs))
        tls = bench.loads.mqtt("connect", server.port("mqtts"), devices=min(bench.devices, TLS_DEVICES_MAX), tls=True,
                               pid=server.pid)
        bench.report.add("mqtt_sign_ins_tls_cpu", "MQTT sign-ins with a full TLS handshake, a second of the processor",
                         per_cpu(tls), "connects", note="P-256, TLS 1.3")
    for id, what, listener, count in (("mqtt_memory", "memory of one idle MQTT connection", "mqtt", bench.devices),
                                      ("mqtt_memory_tls", "memory of one idle MQTT connection over TLS", "mqtts",
                                       min(bench.devices, TLS_DEVICES_MAX))):
        with bench.fresh("idle") as server, Mosquitto(bench.folder) as mosquitto:
            held = bench.loads.mqtt("hold", server.port(listener), devices=count, pid=server.pid,
                                    **({"tls": True} if listener == "mqtts" else {}))
            growth = held["rss_growth_bytes"] / count / 1024
            if listener == "mqtts":
                bench.report.add(id, what, growth, "KiB")
                continue
            theirs = bench.loads.mqtt("hold", mosquitto.port, devices=count, pid=mosquitto.process.pid)
            bench.report.add(id, what, growth, "KiB", yardstick="mosquitto",
                             yardstick_value=theirs["rss_growth_bytes"] / count / 1024)


def measure_messages(bench):
    with Mosquitto(bench.folder) as mosquitto, bench.fresh("messages") as server:
        theirs = bench.loads.mqtt("publish", mosquitto.port, devices=bench.devices, pid=mosquitto.process.pid)
        for id, what, mode, unit in (
                ("mqtt_report", "MQTT QoS 1 messages without news in, PUBACK out", "publish", "messages/s"),
                ("mqtt_pull", "MQTT pulls in, replies out, nothing stored", "pull", "pulls/s"),
                ("mqtt_progress", "durable MQTT progress events, PUBACK after the commit", "progress", "events/s")):
            if mode == "progress":  # until now there was nothing to install
                fleet.make_task(server.rest, fleet.make_firmware(server.rest, 2))
            run = bench.loads.mqtt(mode, server.port("mqtt"), devices=bench.devices, pid=server.pid)
            stored = " QoS 1, nothing stored" if mode == "progress" else " QoS 1"
            bench.report.add(id, what, run["per_second"], unit, yardstick="mosquitto" + stored,
                             yardstick_value=theirs["per_second"],
                             note=f"{per_cpu(run):,.0f} a second of the processor, mosquitto {per_cpu(theirs):,.0f}")
        run = bench.loads.mqtt("upgrade", server.port("mqtt"), devices=bench.devices, pid=server.pid, seconds=60)
        bench.report.add("mqtt_upgrades", "whole upgrades of devices: pull, progress, success", run["per_second"],
                         "upgrades/s", note=f"{run['count']:.0f} devices; without the download")


def measure_push(bench):
    """One push task over connected devices: every push is stored before it leaves."""
    with bench.fresh("push", *UNLIMITED) as server:
        firmware = fleet.make_firmware(server.rest, 2)
        with bench.loads.start("mqtt_load", "push", port=server.port("mqtt"), devices=bench.devices, pid=server.pid,
                               seconds=PUSH_SECONDS_MAX, **identity()) as devices:
            began = time.monotonic()
            fleet.make_task(server.rest, firmware, "push")
            served = devices.said()
    if served["served"] < bench.devices:
        raise RuntimeError(f"only {served['served']} of {bench.devices} devices were served in {PUSH_SECONDS_MAX} s")
    bench.report.add("push_fan_out", "push fan-out, each stored before it leaves",
                     served["served"] / (served["last_at"] - began), "pushes/s",
                     note=f"{bench.devices:,} connected devices, from the creation of the task to the last message; "
                          f"the first after {(served['first_at'] - began) * 1000:.0f} ms; the design's target is for "
                          "messages that nothing stores")
