#!/usr/bin/env python3
"""Writes the figures of a report into the documents that tell them: README.md and docs/operating/sizing.md, between
their `figures` marks. `python3 tests/bench/publish.py build/bench/report.json` after a run on a quiet machine."""
import json
import pathlib
import re
import sys

from rig.report import about_lines, growth_table, largest, main_table, number
from rig.rules import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- figures: {} -->", "<!-- end of figures -->"

# Of the many rows, those that the README shows.
README_ROWS = (
    "start_empty", "start_fleet", "restart_killed", "memory_idle", "memory_registered", "memory_seen", "ddi_poll",
    "ddi_poll_half_p99", "jetlinks_pull", "plain_pull", "console_poll", "mqtt_sign_ins_cpu", "mqtt_memory",
    "mqtt_memory_tls", "mqtt_report", "mqtt_pull", "mqtt_progress", "mqtt_upgrades", "push_fan_out", "live_lag_p50",
    "live_lag_p99", "download", "download_tls", "ranges_1m", "ranges_64k", "slow_reader_memory",
    "slow_readers_normal_p99", "upload", "upload_two_cores", "upload_memory", "task_answered", "task_first_served",
    "task_all_records", "task_counters_wrong", "record_page_any", "record_page_worst")


def readme_block(report):
    rows = {row["id"]: row for row in largest(report["rows"])}
    # Of the many pages of records the slowest speaks for all.
    missed = [row for row in rows.values() if row.get("met") is False
              and (not row["id"].startswith("record_page_") or row["id"] == "record_page_worst")]
    lines = [*about_lines(report["about"]), "", *main_table([rows[id] for id in README_ROWS if id in rows])]
    if missed:
        lines += ["", "Below its target: " + "; ".join(
            f"{row['what']} ({number(row['value'])} {row['unit']}, wanted {row['target']})" for row in missed) + "."]
    return lines


def sizing_block(report):
    rows = {row["id"]: row for row in largest(report["rows"])}
    lines = [*about_lines(report["about"])[:1], "", "| what | rule of thumb | rows of the report |", "| --- | --- | --- |"]
    for rule in rules():
        if all(id in rows for id in rule.ids):
            said = rule.say(*(rows[id]["value"] for id in rule.ids))
            lines.append(f"| {rule.what} | {said} | {', '.join(f'`{id}`' for id in rule.ids)} |")
    return lines


def growth_block(report):
    return growth_table([row for row in report["rows"] if not row["id"].startswith("record_page_")
                         or row["id"] in ("record_page_first", "record_page_any", "record_page_worst")])


BLOCKS = {"README.md": {"main": readme_block},
          "docs/operating/sizing.md": {"rules": sizing_block, "growth": growth_block}}


def put(text, name, lines):
    """The document with the lines between the marks of that name."""
    begin = BEGIN.format(name)
    marked = re.compile(re.escape(begin) + r"\n.*?" + re.escape(END), re.DOTALL)
    if not marked.search(text):
        raise SystemExit(f"no line {begin}")
    return marked.sub(lambda _: "\n".join([begin, *lines, END]), text)


def main():
    report = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for document, blocks in BLOCKS.items():
        path = ROOT / document
        text = path.read_text()
        for name, block in blocks.items():
            text = put(text, name, block(report))
        path.write_text(text)
        print(path)


if __name__ == "__main__":
    main()
