"""A tiny run of `make bench`, so that its scripts do not rot. No figure is held to anything here."""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
# Memory and disk that so small a fleet may not need at all.
MAY_BE_NOTHING = {"task_counters_wrong", "slow_reader_memory", "slow_reader_memory_tls", "upload_memory",
                  "upload_pieces_memory", "memory_device", "disk_device", "disk_record"}
SUBJECTS = "polls,messages,push,readers,uploads,lag,scale"


def test_a_tiny_run_fills_the_table(tmp_path):
    done = subprocess.run(
        [sys.executable, HERE / "bench.py", "--rows", SUBJECTS, "--scale", "300", "--seconds", "0.2",
         "--upload-mib", "2", "--out", tmp_path, "--binary", os.environ["UPDRAFT_BINARY"],
         "--tools", os.environ["UPDRAFT_BENCH_TOOLS"]], capture_output=True, text=True)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["failures"] == [], done.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["id"]: row for row in report["rows"]}
    assert {"ddi_poll", "mqtt_progress", "push_fan_out", "slow_reader_memory", "upload", "live_lag_p99",
            "task_all_records", "record_page_worst"} <= rows.keys()
    not_positive = [id for id, row in rows.items() if row["value"] <= 0 and id not in MAY_BE_NOTHING]
    assert not_positive == []
    assert rows["task_counters_wrong"]["value"] == 0
    table = (tmp_path / "report.md").read_text()
    assert all(f"`{id}`" in table for id in rows)
