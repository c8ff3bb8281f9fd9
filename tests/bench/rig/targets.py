"""The targets of the design, by the id of their row."""
from dataclasses import dataclass

FULL_FLEET = 1_000_000


@dataclass(frozen=True)
class Target:
    """What a figure has to be. Rows of a fleet's size are judged at a million devices only."""

    text: str
    at_least: float | None = None
    at_most: float | None = None
    of_ratio: bool = False

    def met(self, value, ratio):
        figure = ratio if self.of_ratio else value
        if figure is None:
            return False
        return (self.at_least is None or figure >= self.at_least) and (self.at_most is None or figure <= self.at_most)

    @staticmethod
    def applies_to(devices):
        return devices is None or devices >= FULL_FLEET


def at_least(value, text):
    return Target(text, at_least=value)


def at_most(value, text):
    return Target(text, at_most=value)


def ratio(value):
    return Target(f"at least {value:.0%} of the yardstick", at_least=value, of_ratio=True)


TARGETS = {
    "slow_readers_normal_p99": Target("at most twice the yardstick", at_most=2, of_ratio=True),
    "ddi_poll": at_least(30_000, "30,000/s"),
    "ddi_poll_half_p99": at_most(10, "10 ms"),
    "jetlinks_pull": at_least(30_000, "30,000/s"),
    "jetlinks_pull_half_p99": at_most(10, "10 ms"),
    "plain_pull": at_least(30_000, "30,000/s"),
    "plain_pull_half_p99": at_most(10, "10 ms"),
    "mqtt_sign_ins_cpu": at_least(10_000, "10,000 a CPU-second"),
    "push_fan_out": at_least(50_000, "50,000/s"),
    "mqtt_pull": at_least(50_000, "50,000/s"),
    "mqtt_report": at_least(50_000, "50,000/s"),
    "mqtt_progress": at_least(20_000, "20,000/s"),
    "mqtt_memory": at_most(4, "4 KiB"),
    "download": ratio(0.95),
    "download_tls": ratio(0.95),
    "ranges_1m": ratio(0.90),
    "ranges_64k": ratio(0.90),
    "ranges_1m_tls": ratio(0.90),
    "ranges_64k_tls": ratio(0.90),
    "upload": at_least(0.4e9 / (1 << 20), "0.4 GB/s (381 MiB/s)"),
    "upload_memory": at_most(16, "16 MiB"),
    "upload_pieces_memory": at_most(16, "16 MiB"),
    "task_answered": at_most(1, "1 s"),
    "task_first_served": at_most(1, "1 s"),
    "task_all_records": at_most(5, "5 s"),
    "task_counters_wrong": at_most(0, "0"),
    "start_empty": at_most(0.3, "0.3 s"),
    "start_fleet": at_most(5, "5 s"),
    "memory_idle": at_most(50, "50 MiB"),
    "memory_registered": at_most(500, "500 MiB"),
    "memory_seen": at_most(500, "500 MiB"),
    "memory_task": at_most(500, "500 MiB"),
    "restart_killed": at_most(2, "2 s"),
}


def target_of(id):
    """The target of a row; every page and filter of records has the same."""
    return at_most(50, "50 ms") if id.startswith("record_page") else TARGETS.get(id)
