"""A task in the middle of its rollout. A million devices would take many minutes to come there by themselves,
so their records are written straight into the database while the server is stopped: half of them waiting, 1 %
processing, 40 % success, 5 % failed for one of twenty reasons, 4 % canceled."""
import contextlib
import pathlib
import sqlite3

from rig import yardsticks

REASONS = ("no space left on device", "signature is not valid", "download broke off", "battery too low",
           "image does not boot", "checksum differs", "watchdog fired", "partition is read-only", "operator refused",
           "wrong hardware", "version is too old", "timeout while writing", "flash is worn out", "network is gone",
           "certificate expired", "memory exhausted", "out of time", "busy with a call", "image too large",
           "rolled back after boot")
COMPLETED_FROM_MS = 1_900_000_000_000
COMPLETED_SPAN_MS = 3_600_000
STATES = ("waiting", "processing", "success", "failed", "canceled")
NO_DEADLINE_MS = 2**62  # far beyond the bench's end

UPDATE = """
UPDATE upgrade_record SET
  state = CASE WHEN share.of < 1 THEN 'processing' WHEN share.of < 41 THEN 'success'
               WHEN share.of < 46 THEN 'failed' ELSE 'canceled' END,
  progress = CASE WHEN share.of < 1 THEN share.seq % 100 WHEN share.of < 41 THEN 100
                  WHEN share.of < 46 THEN share.seq % 90 ELSE 0 END,
  acked = share.of < 46,
  upgrade_at = CASE WHEN share.of < 46 THEN :from + (share.seq * 7919) % :span - 60000 END,
  completed_at = CASE WHEN share.of >= 1 THEN :from + (share.seq * 7919) % :span END,
  next_deadline = CASE WHEN share.of < 1 THEN :later END,
  upgrade_deadline = CASE WHEN share.of < 1 THEN :later END,
  error_reason = coalesce((SELECT text FROM temp.reason WHERE number = share.seq / 100 % :reasons AND share.of BETWEEN 41 AND 45), ''),
  error_group = (SELECT text FROM temp.reason WHERE number = share.seq / 100 % :reasons AND share.of BETWEEN 41 AND 45)
FROM (SELECT id AS device, seq, seq % 100 AS of FROM device) AS share
WHERE share.device = device_id AND task_id = :task AND share.of < 50
"""


def bring_to_the_middle(data, task):
    """The server must be stopped. Its counters follow the records, as they do when devices report."""
    task = int(task)
    with contextlib.closing(sqlite3.connect(pathlib.Path(data) / "updraft.db", isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = -524288")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("CREATE TEMP TABLE reason (number INTEGER PRIMARY KEY, text TEXT)")
        db.executemany("INSERT INTO temp.reason VALUES (?, ?)", enumerate(REASONS))
        db.execute("BEGIN")
        db.execute(UPDATE, {"task": task, "from": COMPLETED_FROM_MS, "span": COMPLETED_SPAN_MS,
                            "later": NO_DEADLINE_MS, "reasons": len(REASONS)})
        counts = states_of(db, task)
        assignments = ", ".join(f"{state} = {counts[state]}" for state in STATES)
        db.execute(f"UPDATE task_counter SET {assignments}, changed = 1 WHERE task_id = ?", (task,))
        db.execute("INSERT INTO task_failure (task_id, error_group, sample, records, first_at, last_at) "
                   "SELECT task_id, error_group, error_reason, count(*), min(completed_at), max(completed_at) "
                   "FROM upgrade_record WHERE task_id = ? AND error_group IS NOT NULL GROUP BY error_group", (task,))
        db.execute("COMMIT")


def states_of(db, task):
    """Records of the task by state, counted one by one."""
    counted = dict(db.execute("SELECT state, count(*) FROM upgrade_record WHERE task_id = ? GROUP BY state", (task,)))
    return {state: counted.get(state, 0) for state in STATES}


def wrong_counters(data, task, detail):
    """How many of the counters that the API tells differ from the records."""
    with yardsticks.reading(data) as db:
        counted = states_of(db, int(task))
    return sum(counted[state] != detail[state] for state in STATES)
