"""Start on an empty folder, and what the server needs when nothing happens."""
import statistics

ROUNDS = 5


def measure(bench):
    bench.certificate  # made before the clock runs
    first, again, memory = [], [], 0
    for number in range(ROUNDS):
        name = f"empty-{number}"
        with bench.start(name) as server:
            first.append(server.start_seconds)
        with bench.start(name) as server:
            again.append(server.start_seconds)
            memory = server.resident_mib()
        bench.forget(name)
    bench.report.add("start_first", "first start on an empty folder, until ready", statistics.median(first), "s",
                     note="makes the database and hashes the administrator's password")
    bench.report.add("start_empty", "start without devices, until ready", statistics.median(again), "s")
    bench.report.add("memory_idle", "resident memory, idle after the start", memory, "MiB")
