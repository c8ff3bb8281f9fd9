"""Rules of thumb for operators, computed from rows of the report."""
from collections.abc import Callable
from dataclasses import dataclass

from rig.report import number

POLL_SECONDS = 300  # hawkBit's and our default
MILLION = 1_000_000
IMAGE_MIB = 50


@dataclass(frozen=True)
class Rule:
    what: str
    ids: tuple
    say: Callable  # of the rows' values


def microseconds(per_second):
    return f"{MILLION / per_second:,.0f} µs of a core"


def rules():
    yield Rule("a DDI poll without news", ("ddi_poll_cpu",), microseconds)
    yield Rule("a JetLinks pull over HTTP without news", ("jetlinks_pull_cpu",), microseconds)
    yield Rule("a pull of the plain HTTPS dialect without news", ("plain_pull_cpu",), microseconds)
    yield Rule(f"devices that poll every {POLL_SECONDS // 60} minutes and keep half a core busy", ("ddi_poll_cpu",),
               lambda rate: f"{rate * POLL_SECONDS / 2:,.0f}")
    yield Rule("a reload of a console's task page", ("console_poll_cpu",), microseconds)
    yield Rule("an MQTT sign-in", ("mqtt_sign_ins_cpu",), microseconds)
    yield Rule("an MQTT sign-in with a full TLS handshake", ("mqtt_sign_ins_tls_cpu",), microseconds)
    yield Rule("100,000 devices that come back at once over TLS", ("mqtt_sign_ins_tls_cpu",),
               lambda rate: f"{100_000 / rate:,.0f} s of a core")
    yield Rule("an idle MQTT connection; over TLS", ("mqtt_memory", "mqtt_memory_tls"),
               lambda plain, tls: f"{number(plain)} KiB; {number(tls)} KiB")
    yield Rule("100,000 MQTT connections; over TLS", ("mqtt_memory", "mqtt_memory_tls"),
               lambda plain, tls: f"{plain * 100_000 / 1024:,.0f} MiB; {tls * 100_000 / 1024:,.0f} MiB")
    yield Rule("progress events that are stored, one core", ("mqtt_progress",), lambda rate: f"{rate:,.0f} a second")
    yield Rule("whole upgrades over MQTT (pull, progress, success), one core", ("mqtt_upgrades",),
               lambda rate: f"{rate:,.0f} a second; a million in {MILLION / rate / 60:,.0f} min")
    yield Rule("pushes, one core, with `dispatch.sends_per_second` out of the way", ("push_fan_out",),
               lambda rate: f"{rate:,.0f} a second; a million in {MILLION / rate / 60:,.0f} min")
    yield Rule("memory of a server on which nothing happens", ("memory_idle",), lambda mib: f"{number(mib)} MiB")
    yield Rule("memory of a device that was heard of since the start", ("memory_device",), lambda kib: f"{number(kib)} KiB")
    yield Rule("memory with a million devices: after the start; once all have polled; after a task over all",
               ("memory_registered", "memory_seen", "memory_task"),
               lambda *mib: "; ".join(f"{each:,.0f} MiB" for each in mib))
    yield Rule("disk of a device; of a record", ("disk_device", "disk_record"),
               lambda device, record: f"{number(device)} KiB; {number(record)} KiB")
    yield Rule("disk of a million devices with ten tasks over all of them, without artifacts and logs",
               ("disk_device", "disk_record"),
               lambda device, record: f"{(device + 10 * record) * MILLION / (1 << 20):,.1f} GiB")
    yield Rule("downloads, one core: plain; over TLS", ("download", "download_tls"),
               lambda plain, tls: f"{plain:,.0f} MiB/s; {tls:,.0f} MiB/s (1 Gbit/s is 119 MiB/s)")
    yield Rule(f"an image of {IMAGE_MIB} MiB to 10,000 devices over TLS, one core, if the network follows",
               ("download_tls",), lambda rate: f"{10_000 * IMAGE_MIB / rate / 60:,.0f} min")
    yield Rule("a slow download: memory; over TLS", ("slow_reader_memory", "slow_reader_memory_tls"),
               lambda plain, tls: f"{number(plain)} KiB; {number(tls)} KiB")
    yield Rule("an upload, one core; two cores", ("upload", "upload_two_cores"),
               lambda one, two: f"{one:,.0f} MiB/s; {two:,.0f} MiB/s")
    yield Rule("a task over a million devices: answered; first device; all records",
               ("task_answered", "task_first_served", "task_all_records"),
               lambda *seconds: "; ".join(f"{each:.2f} s" for each in seconds))
    yield Rule("start with a million devices; after kill -9 under load", ("start_fleet", "restart_killed"),
               lambda *seconds: "; ".join(f"{each:.2f} s" for each in seconds))
    yield Rule("registration by CSV import", ("register",), lambda rate: f"{rate:,.0f} devices a second")
