#!/usr/bin/env python3
"""`make bench`: measures the release binary and its yardsticks in the same run and writes a table, as JSON and
Markdown. The server runs on the first core, the load on the second. Compare ratios, never runs of different days.

--rows takes names of subjects: see SUBJECTS below. --scale N makes the largest fleet N devices: for a smoke run."""
import argparse
import os
import pathlib
import tempfile

from rig import machine
from rig.bench import Bench
from rig.loads import Loads
from rig.report import Report
from rows import files, lag, mqtt, polls, restart, scale, start, uploads

SUBJECTS = {
    "start": start.measure,
    "polls": polls.measure,
    "sessions": mqtt.measure_sessions,
    "messages": mqtt.measure_messages,
    "push": mqtt.measure_push,
    "downloads": files.measure_downloads,
    "readers": files.measure_slow_readers,
    "uploads": uploads.measure,
    "lag": lag.measure,
    "restart": restart.measure,
}
FLEETS = (10_000, 100_000, 1_000_000)  # of "scale", the last subject
ORDINARY_FLEET = 10_000  # devices of every other subject; also the most sockets that are open at once


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/updraft")
    parser.add_argument("--tools", default="build/release/tests/bench", help="folder of our load generators")
    parser.add_argument("--out", default="build/bench")
    parser.add_argument("--rows", default="", help="subjects, by comma: " + ", ".join([*SUBJECTS, "scale"]))
    parser.add_argument("--scale", type=int, default=FLEETS[-1], help="devices of the largest fleet")
    parser.add_argument("--seconds", type=float, default=5, help="of each load")
    parser.add_argument("--upload-mib", type=int, default=4096, help="size of the upload")
    parser.add_argument("--work", help="folder for data; on the disk that is to be measured")
    options = parser.parse_args()
    options.chosen = [name for name in options.rows.replace(" ", "").split(",") if name] or [*SUBJECTS, "scale"]
    unknown = set(options.chosen) - {*SUBJECTS, "scale"}
    if unknown:
        parser.error(f"no such subject: {', '.join(sorted(unknown))}; there are {', '.join([*SUBJECTS, 'scale'])}")
    return options


def command_of(options):
    scale = f" SCALE={options.scale}" if options.scale != FLEETS[-1] else ""
    return "make bench" + (f" ROWS={options.rows}" if options.rows else "") + scale


def fleets_up_to(largest):
    return sorted({size for size in FLEETS if size < largest} | {largest})


def main():
    options = parse()
    machine.raise_descriptor_limit()
    about = {"machine": machine.description(), "versions": machine.versions(options.binary),
             "command": command_of(options)}
    machine.on_core(machine.LOAD_CORE)
    report = Report(about)
    out = pathlib.Path(options.out)
    work = options.work or out
    pathlib.Path(work).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix="data-") as temporary:
        bench = Bench(options.binary, pathlib.Path(temporary).resolve(), Loads(options.tools, options.seconds), report,
                      fleets_up_to(options.scale), min(ORDINARY_FLEET, options.scale), options.upload_mib)
        for name in options.chosen:
            for subject, measure, arguments in parts_of(name, bench):
                report.attempt(subject, measure, *arguments)
                about["load_average_behind"] = round(os.getloadavg()[0], 1)
                report.save(out)
    print(f"\n{out}/report.md, {out}/report.json")
    return 1 if report.failures else 0


def parts_of(name, bench):
    if name != "scale":
        return [(name, SUBJECTS[name], (bench,))]
    return [(f"scale {size:,}", scale.measure, (bench, size)) for size in bench.sizes]


if __name__ == "__main__":
    raise SystemExit(main())
