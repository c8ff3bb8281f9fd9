"""What the sanitizers say about the programs that the tests start. A report makes the run red,
whichever process it comes from and whether or not a test looked at how that process ended."""
import functools
import mmap
import os
import pathlib
import re

from support import server

OPTIONS = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
STATUS = 77  # cmake/sanitizers.cpp: how a process ends that has reported something
# A script's worker may not write a file: all that is known of its report is how the server saw it end.
LOST_WORKER = re.compile(rf'worker lost .*how="status {STATUS}".*')


@functools.lru_cache(maxsize=None)
def sanitized():
    """Whether the program under test is instrumented."""
    with open(server.binary(), "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as program:
        return any(program.find(name) >= 0 for name in (b"__asan_init", b"__tsan_init"))


class Reports:
    """The reports of every process that inherits this one's environment."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._told = {}  # file: how much of it has been told
        for name in OPTIONS:
            given = os.environ.get(name)
            kept = [given] if given else []
            os.environ[name] = ":".join(kept + [f"log_path={self.folder}/report"])

    def new(self):
        """What was reported since the last call; empty if nothing was."""
        texts = [self._rest(file) for file in sorted(self.folder.iterdir())]
        for log in filter(pathlib.Path.exists, server.LOGS):
            texts += [found.group(0) for found in LOST_WORKER.finditer(self._rest(log))]
        return "\n".join(text for text in texts if text)

    def _rest(self, file):
        """The whole lines that have come since."""
        begin = self._told.get(file, 0)
        with open(file, "rb") as opened:
            opened.seek(begin)
            text = opened.read()
        text = text[: text.rfind(b"\n") + 1]
        self._told[file] = begin + len(text)
        return text.decode(errors="replace")
