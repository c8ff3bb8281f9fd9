"""Faults of the machine for one server: killed at the n-th fsync, a disk that is full or fails, a wall
clock that jumps. The other side is tests/support/faults/fault_library.cpp."""
import errno
import mmap
import os
import pathlib
import struct

from support.server import binary

FSYNC, FDATASYNC, RENAME, WRITE, UNLINK, TRUNCATE, MKDIR = (1 << bit for bit in range(7))
SYNCS = FSYNC | FDATASYNC
DURABLE_STEPS = SYNCS | RENAME | WRITE | UNLINK | TRUNCATE
KILL_BEFORE, KILL_AFTER, FAIL = 1, 2, 3
FOR_EVER = -1

_RULE = struct.Struct("<IIiIqqq88s")
_RULES_AT, _RULES = 128, 7
_SIZE = 1024


def library():
    found = pathlib.Path(
        os.environ.get("UPDRAFT_FAULT_LIBRARY", binary().parent / "tests" / "libupdraft_faults.so")
    ).resolve()
    assert found.exists(), f"{found} is not there: build the target updraft_faults"
    return found


class Faults:
    """What befalls the server that is started with `environment`. Faults may be set and taken back
    while it runs; a restarted server meets those that are set still."""

    def __init__(self, folder):
        path = pathlib.Path(folder) / "faults"
        path.write_bytes(bytes(_SIZE))
        with open(path, "r+b") as file:
            self._control = mmap.mmap(file.fileno(), _SIZE)
        self.environment = {"LD_PRELOAD": str(library()), "FAULTS_CONTROL": str(path)}

    def clear(self):
        """Takes back every fault but the clock's."""
        for index in range(_RULES):
            struct.pack_into("<I", self._control, self._at(index), 0)

    def fail(self, operations, error=errno.EIO, path="", skip=0, times=FOR_EVER):
        """Calls on files whose path holds `path`, or ends with it before a `$`, fail. Answers the
        rule's index."""
        return self._set(operations, FAIL, error, path, skip, times)

    def fill_disk(self, path=""):
        """What a full disk answers to, for a test that cannot have one of its own."""
        return self._set(WRITE | TRUNCATE | MKDIR, FAIL, errno.ENOSPC, path, 0, FOR_EVER)

    def kill_at(self, operations, number, after, path=""):
        """The server dies at the `number`-th call from now on (0 is the next), before or after it."""
        return self._set(operations, KILL_AFTER if after else KILL_BEFORE, 0, path, number, 1)

    def hits(self, rule):
        """How many calls met it."""
        return _RULE.unpack_from(self._control, self._at(rule))[6]

    @property
    def clock_seconds(self):
        return struct.unpack_from("<q", self._control, 0)[0] / 1000

    @clock_seconds.setter
    def clock_seconds(self, seconds):
        struct.pack_into("<q", self._control, 0, int(seconds * 1000))

    @staticmethod
    def _at(index):
        return _RULES_AT + index * _RULE.size

    def _set(self, operations, action, error, path, skip, times):
        index = next(
            each
            for each in range(_RULES)
            if struct.unpack_from("<I", self._control, self._at(each))[0] == 0
        )
        rule = _RULE.pack(0, action, error, 0, skip, times, 0, path.encode())
        at = self._at(index)
        self._control[at : at + _RULE.size] = rule
        struct.pack_into("<I", self._control, at, operations)  # last: from now on it counts
        return index
