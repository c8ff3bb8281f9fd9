"""Rounds of load, kill -9, restart and checks on one data folder."""
import random
import time
from collections import Counter

from support.faults import DURABLE_STEPS, RENAME, SYNCS, TRUNCATE, UNLINK, WRITE, Faults
from support.kill_checks import (
    Checks,
    check_deadlines,
    check_no_half_file,
    check_no_orphan,
    is_stored,
    processing,
    processing_of_the_dead,
    short_timeouts_end,
)
from support.kill_load import Crowd, Load
from support.server import Server
from test_backup import doctor, restore

# The clean-up looks every second and takes artifacts at once; the scrub never rests; big tasks are
# made, stopped and continued in many small chunks behind the answer.
FLAGS = (
    "--retention-clean-up-every=1s",
    "--files-keep-artifacts-without-file=1s",
    "--scrub-every=1s",
    "--tasks-expand-chunk=100",
    "--tasks-change-chunk=100",
    "--tasks-answer-within=0s",
)
# Where a call is cut: (operations, a part of the path).
CUTS = [
    (SYNCS, "updraft.db-wal"),
    (SYNCS, "updraft.db-wal"),
    (WRITE, "updraft.db-wal"),
    (WRITE | SYNCS, "updraft.db"),
    (SYNCS, "/artifacts"),
    (SYNCS, "/uploads"),
    (WRITE, "/uploads"),
    (RENAME, "/artifacts"),
    (RENAME | UNLINK | TRUNCATE, ""),
    (DURABLE_STEPS, ""),
]


class Tally:
    """What many rounds have seen."""

    def __init__(self):
        self.rounds = self.kills = 0
        self.ready_seconds = []
        self.acknowledged = Counter()
        self.moments = Counter()

    def add(self, other):
        self.rounds += other.rounds
        self.kills += other.kills
        self.ready_seconds += other.ready_seconds
        self.acknowledged.update(other.acknowledged)
        self.moments.update(other.moments)

    def at(self, share):
        ordered = sorted(self.ready_seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def summary(self):
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.acknowledged.most_common())
        moments = ", ".join(f"{count} {kind}" for kind, count in self.moments.most_common())
        return (
            f"{self.rounds} rounds, {self.kills} kills: {moments}\n"
            f"ready after a kill within {self.at(0.5):.2f} s (p50), {self.at(0.99):.2f} s (p99), "
            f"{max(self.ready_seconds):.2f} s (max)\n"
            f"{sum(self.acknowledged.values())} acknowledgements checked, none lost: {kinds}"
        )


class Part:
    """`rounds` rounds on one new data folder; `seed` decides every choice, not every moment."""

    def __init__(self, folder, seed, rounds, tally):
        self.seed, self.rounds, self.tally = seed, rounds, tally
        self.choices = random.Random(seed)
        self.faults = Faults(folder)
        self.server = Server(folder / "data", *FLAGS, environment=self.faults.environment)
        self.loads = []

    def run(self):
        try:
            self._run()
        except BaseException:
            self.server.kill()
            print(self.server.log())
            raise

    def _run(self):
        self.server.start()
        self.api = self.server.api()
        crowd = Crowd(self.server, self.api)
        for number in range(self.rounds):
            load = Load(self.server, self.api, self.seed * 1000 + number, crowd)
            self.loads.append(load)
            self._round(load)
        self._end()

    def _round(self, load):
        load.start()
        self._kill(load)
        self.tally.rounds += 1
        self.tally.acknowledged.update(load.acknowledged)
        before = processing_of_the_dead(self.server.data)
        started = time.time() * 1000
        self._restart()
        check_deadlines(before, processing(self.server.data), started, time.time() * 1000)
        check_no_half_file(self.server.data)
        load.go_on_with_pieces(self.api, lambda sha256: is_stored(self.server.data, sha256))
        checks = Checks(load, self.api)
        checks.run()
        self.tally.acknowledged["waiting push served"] += checks.waiting_is_dispatched()

    def _kill(self, load):
        """At a random moment, or before or after a durable step, which may be that of a start."""
        moment = "at a random moment"
        load.wait_for(self.choices.randint(3, 200), 20)
        if self.choices.random() < 0.6:
            operations, path = self.choices.choice(CUTS)
            after = self.choices.random() < 0.5
            self.faults.kill_at(operations, self.choices.randint(0, 12), after, path)
            self._wait_dead(load, 1.5)
            if self.server.process.poll() is not None:
                moment = "after a call" if after else "before a call"
        self.tally.moments[moment] += 1
        load.kill()
        self.faults.clear()
        self.tally.kills += 1

    @staticmethod
    def _wait_dead(load, seconds):
        until = time.monotonic() + seconds
        while load.server.process.poll() is None and time.monotonic() < until and not load.trouble:
            time.sleep(0.002)

    def _restart(self):
        self.api.close()
        while self.choices.random() < 0.25:  # a start may be cut, too, and the next one
            self.faults.kill_at(DURABLE_STEPS, self.choices.randint(0, 25), True)
            try:
                self.server.start()
            except AssertionError:
                assert self.server.process.wait(5) == -9, self.server.log()
            self.server.kill()
            self.faults.clear()
            self.tally.kills += 1
            self.tally.moments["during a start"] += 1
        began = time.monotonic()
        self.server.start()
        self.tally.ready_seconds.append(time.monotonic() - began)

    def _end(self):
        short_timeouts_end(self.api, self.loads)
        for load in self.loads:  # and what later kills have done to earlier rounds
            Checks(load, self.api).run()
            for number, backup in enumerate(load.backups):
                restored = backup.with_name(f"{backup.name}-{number}-restored")
                restore(backup, restored)
                assert self._flaws(restored) == []
        self._is_healthy()
        self.server.stop()
        self._is_healthy()
        self.server.flags += ["--files-keep-abandoned-pieces=1s"]
        self.server.start()
        check_no_orphan(self.server.data)
        self.server.stop()

    def _is_healthy(self):
        assert self._flaws(self.server.data) == []

    @staticmethod
    def _flaws(data):
        return [each for each in doctor(data)[1] if each["code"] not in NOT_THE_KILLS_DOING]


# The machine's: a test may run on a full one.
NOT_THE_KILLS_DOING = {"disk-full"}
