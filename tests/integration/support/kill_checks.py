"""What must be so after a server was killed and started again."""
import hashlib
import pathlib
import shutil
import sqlite3
import tempfile
from collections import Counter

from support.builders import FIRMWARE, RECORD, TASK
from support.kill_load import CROWD, Device
from support.waiting import eventually

STATES = ("waiting", "processing", "success", "failed", "canceled")
GRACE_MS = 60_000  # T26: a deadline is at least this (or the record's time-out) after the start


def _rows(database, sql):
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql)]
    finally:
        db.close()


PROCESSING = (
    "SELECT r.id, r.attempt, r.response_deadline, r.upgrade_deadline, r.next_deadline, t.mode,"
    " t.response_timeout_ms, t.upgrade_timeout_ms"
    " FROM upgrade_record r JOIN upgrade_task t ON t.id = r.task_id WHERE r.state = 'processing'"
)


def processing(data):
    """{record: its deadlines} beside a running server."""
    return {row["id"]: row for row in _rows(pathlib.Path(data) / "updraft.db", PROCESSING)}


def processing_of_the_dead(data):
    """The same of a killed server, read from a copy: the log must be the next start's to recover."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("updraft.db", "updraft.db-wal"):
            if (pathlib.Path(data) / name).exists():
                shutil.copy(pathlib.Path(data) / name, folder)
        db = sqlite3.connect(f"{folder}/updraft.db")
        try:
            db.row_factory = sqlite3.Row
            return {row["id"]: dict(row) for row in db.execute(PROCESSING)}
        finally:
            db.close()


def check_deadlines(before, after, started_ms, ready_ms):
    """T26: no deadline is lost, none begins anew, none is moved but to give the restart its grace."""
    for record, row in after.items():
        assert row["next_deadline"] is not None, f"nothing would end {row}"
        then = before.get(record)
        if not then or then["attempt"] != row["attempt"]:
            continue
        timeout = "response_timeout_ms" if row["mode"] == "push" else "upgrade_timeout_ms"
        grace = min(GRACE_MS, row[timeout])
        for name in ("response_deadline", "upgrade_deadline"):
            if then[name] is None:
                assert row[name] is None, (then, row)
            elif then[name] >= ready_ms + grace:
                assert row[name] == then[name], f"{name} has moved: {then} {row}"
            else:
                earliest = max(then[name], started_ms + grace)
                assert earliest <= row[name] <= max(then[name], ready_ms + grace), (then, row)


def is_stored(data, sha256):
    """Whether a file of these bytes is known."""
    rows = _rows(pathlib.Path(data) / "updraft.db", "SELECT sha256 FROM stored_file")
    return sha256 in {row["sha256"] for row in rows}


def check_no_half_file(data):
    """Right after a start."""
    data = pathlib.Path(data)
    assert not list(data.rglob("*.upload"))
    for part in (data / "uploads").glob("*.part"):
        assert part.with_suffix(".pieces").exists(), f"{part} has no journal"


def check_no_orphan(data):
    """Once the clean-up has run over what is past its time."""

    def clean():
        rows = _rows(pathlib.Path(data) / "updraft.db", "SELECT sha256 FROM stored_file")
        files = {path.name for path in (pathlib.Path(data) / "artifacts").glob("*/*")}
        assert files == {row["sha256"] for row in rows}
        left = list((pathlib.Path(data) / "uploads").iterdir())
        assert not left, left
        return True

    eventually(clean, 15)


class Checks:
    """Of one load, against the server that came back."""

    def __init__(self, load, api):
        self.load, self.api = load, api
        self.product = ("productId", load.product)

    def run(self):
        self._rows_are_there()
        self._files_are_there()
        self._tasks_hold()
        self._reports_hold()

    def _rows_are_there(self):
        load, api = self.load, self.api
        devices = {row["id"] for row in api.rows("/device-instance", self.product)}
        firmwares = {row["id"]: row["version"] for row in api.rows(FIRMWARE, self.product)}
        self._compare("device", load.devices, devices)
        self._compare("firmware", set(load.firmwares), set(firmwares))
        for firmware, version in load.firmwares.items():
            assert firmware in load.doubtful or firmwares[firmware] == version

    def _compare(self, kind, wanted, there):
        load = self.load
        assert wanted - load.doubtful <= there, f"{kind} lost: {wanted - there}"
        back = load.removed[kind] & there
        assert not back, f"{kind} came back: {back}"

    def _files_are_there(self):
        for file, (key, sha256) in self.load.files.items():
            answer = self.api.call("GET", f"/file/{file}?accessKey={key}", check=False)
            assert answer.status == 200, f"{file}: {answer}"
            assert hashlib.sha256(answer.body).hexdigest() == sha256

    def _details(self):
        rows = self.api.rows(f"{TASK}/detail", self.product)
        rows += self.api.rows(f"{TASK}/detail", ("productId", self.load.crowd.product))
        return {row["id"]: row for row in rows}

    def _tasks_hold(self):
        """Also of tasks that the server was still at work on: in the end every record is as told."""
        load = self.load
        self._compare("task", set(load.tasks), set(self._details()))

        def as_told():
            details = self._details()
            for task, (devices, state) in load.tasks.items():
                if task in details:
                    assert details[task]["total"] == devices
                    told = not state or details[task][state] == devices
                    assert told, f"{state} was acknowledged: {details[task]}"
            return True

        eventually(as_told, 10)
        eventually(self._adds_up, 10)

    def _adds_up(self):
        """Counters are the records' numbers. Deadlines may change both between the two queries."""
        details = {
            task: row
            for task, row in self._details().items()
            if row["productId"] == self.load.product or task in self.load.tasks
        }
        for task, row in details.items():
            counted = Counter(
                record["state"]["value"] for record in self.api.rows(RECORD, ("taskId", task))
            )
            counters = {state: row[state] for state in STATES}
            assert counters == {state: counted[state] for state in STATES}, row
            assert sum(counters.values()) == row["total"]
        return True

    def _reports_hold(self):
        load = self.load
        records = {
            (row["taskId"], row["deviceId"]): row for row in self.api.rows(RECORD, self.product)
        }
        for device, state in load.final.items():
            task = load.processing.get(device, load.contested_task)
            record = records[task["id"], device]
            assert record["state"]["value"] == state, record
        for device, task in load.processing.items():
            record = records[task["id"], device]
            assert record["state"]["value"] != "waiting", record
            assert record["progress"] >= load.progress[device], record

    def waiting_is_dispatched(self):
        """A device that comes back is told of the push that waits for it."""
        load = self.load
        waiting = self.api.rows(RECORD, ("taskId", load.contested_task["id"]), ("state", "waiting"))
        for record in waiting[:2]:
            with Device(load.server, load.product, record["deviceId"], seconds=5) as connected:
                connected.wait_message("/firmware/upgrade")
        return len(waiting[:2])


def short_timeouts_end(api, loads):
    """No record is stuck: the short time-outs of every load have fired."""

    def none_left():
        for load in loads:
            for task in (load.steady_task, load.contested_task):
                left = api.count(RECORD, ("taskId", task["id"]), ("state", "processing"))
                assert left == 0, f"{left} records of task {task['id']} are stuck"
        return True

    eventually(none_left, 15)


assert CROWD > 500  # several chunks, or nothing of it is tried
