"""The operators' command line as people and pipelines run it."""
import fcntl
import json
import os
import select
import subprocess
import termios
import time

from support.api import PASSWORD
from support.server import binary
from support.waiting import patient

DONE, FAILURES, STOPPED, REFUSED, NOT_ALLOWED, UNREACHABLE, GAVE_UP, USAGE = 0, 1, 2, 3, 4, 5, 6, 64


class Answer:
    def __init__(self, command, finished):
        self.command, self.status = command, finished.returncode
        self.out, self.err = finished.stdout, finished.stderr

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        """The error that --json puts on the last line of standard error."""
        return json.loads(self.err.splitlines()[-1])["error"]

    def __repr__(self):
        return f"{self.command} ended with {self.status}\nout: {self.out}\nerr: {self.err}"


class Cli:
    """`updraft` with a home of its own. Calling it wants exit status 0 unless `status` says
    otherwise; `status=None` takes any."""

    def __init__(self, home, language="en", **environment):
        self.home = home
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("UPDRAFT_", "LC_", "LANG"))
        }
        self.environment |= {
            "XDG_CONFIG_HOME": str(home / "config"),
            "HOME": str(home),
            "LANG": {"en": "en_US.UTF-8", "zh": "zh_CN.UTF-8"}[language],
            **environment,
        }

    def command(self, *words):
        return [str(binary().resolve()), *map(str, words)]

    def __call__(self, *words, status=DONE, input="", seconds=60):
        finished = subprocess.run(
            self.command(*words),
            input=input,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=patient(seconds),
            cwd=self.home,
        )
        answer = Answer(words, finished)
        assert status is None or answer.status == status, answer
        return answer

    def start(self, *words):
        """Runs it beside the test: standard output and error are pipes."""
        return subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.home,
        )

    def in_terminal(self, *words, answers=(), meanwhile=None, seconds=30):
        """Runs it in a terminal of its own: (exit status, everything it showed). `answers` are pairs
        of what to wait for and what to type then; `meanwhile` is (what to wait for, what to do)."""
        terminal, inside = os.openpty()
        process = subprocess.Popen(
            self.command(*words),
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=self.environment,
            cwd=self.home,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inside)
        pending = [
            (wait, lambda line=typed: os.write(terminal, line.encode())) for wait, typed in answers
        ]
        pending += [meanwhile] if meanwhile else []
        shown, deadline = "", time.monotonic() + patient(seconds)
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the terminal is gone with its process
                break
            shown += piece.decode(errors="replace")
            if pending and pending[0][0] in shown:
                pending.pop(0)[1]()
        os.close(terminal)
        return process.wait(patient(5)), shown

    def json(self, *words, **options):
        return self(*words, "--json", **options).json

    def login(self, server, *words, password=PASSWORD, **options):
        url = f"http://{server.http}"
        return self("login", url, "--password-stdin", *words, input=password + "\n", **options)
