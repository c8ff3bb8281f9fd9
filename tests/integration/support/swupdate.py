"""Debian's swupdate, unmodified, as a device of its own: suricatta in hawkBit mode in a folder of the test."""
import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

from support.waiting import patient

CONFIGURATION = """\
globals : { verbose = false; loglevel = 5; };
identify : (
  { name = "hwRevision"; value = "board-1.0"; },
  { name = "serial"; value = "%(device)s"; }
);
"""
DESCRIPTION = """\
software = {
  version = "%(version)s";
  hardware-compatibility = [ "1.0" ];
  images: ( { filename = "image.bin"; type = "rawfile"; path = "installed.bin"; sha256 = "%(sha256)s"; } );
};
"""


SECONDS = 30  # how long something may take that may need the watchdog


class Publisher:
    """Who makes the images: a key, and the certificate that devices trust. Debian's swupdate takes
    only images that are signed with it (CMS)."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "certificate.pem"
        self._key = self.folder / "key.pem"
        self._numbers = 0
        self._openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
            "-subj", "/CN=publisher of test images", "-addext", "keyUsage=digitalSignature",
            "-addext", "extendedKeyUsage=emailProtection",
            "-keyout", self._key, "-out", self.certificate,
        )  # fmt: skip

    def image(self, content, version="1.1", sha256=None):
        """The bytes of a .swu that writes `content` into the device's file installed.bin. `sha256` is
        what it says of the content; the truth if it is not given."""
        self._numbers += 1
        folder = self.folder / str(self._numbers)
        folder.mkdir()
        (folder / "image.bin").write_bytes(content)
        sha256 = sha256 or hashlib.sha256(content).hexdigest()
        (folder / "sw-description").write_text(
            DESCRIPTION % {"version": version, "sha256": sha256}
        )
        self._openssl(
            "cms", "-sign", "-binary", "-nosmimecap", "-outform", "DER",
            "-signer", self.certificate, "-inkey", self._key,
            "-in", folder / "sw-description", "-out", folder / "sw-description.sig",
        )  # fmt: skip
        packed = subprocess.run(
            ["cpio", "--create", "--format=crc", "--quiet"],
            input=b"sw-description\nsw-description.sig\nimage.bin\n",
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=20,
        )
        return packed.stdout

    @staticmethod
    def _openssl(*words):
        subprocess.run(
            ["openssl", *map(str, words)], check=True, capture_output=True, timeout=20
        )


class Swupdate:
    """One device. A context manager: entering starts the program, leaving ends it as a power cut does.

    This version sometimes hangs when an installation ends. As on a real board there is a watchdog: it
    starts the program again when it has said nothing for too long (it says something at every poll).

    Everything it writes stays in `folder`. The build has its sockets in /tmp, so that it gets a mount
    namespace where that is the folder; where namespaces are not allowed, one of them runs at a time."""

    def __init__(self, folder, address, device, certificate, *, token=None, gateway_token=None):
        assert (token is None) != (gateway_token is None)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "certificate.pem").write_bytes(pathlib.Path(certificate).read_bytes())
        (self.folder / "swupdate.cfg").write_text(CONFIGURATION % {"device": device})
        self.device = device
        secret = f"-k {token}" if token else f"-g {gateway_token}"
        # -p: seconds between polls until the server has said its own; -w: before a cut download goes on
        self._suricatta = f"-t DEFAULT -i {device} -u http://{address} {secret} -p 1 -w 1 -r 3"
        self._process = None
        self._lines = []
        self._changed = threading.Condition()
        self._off = threading.Event()
        self._alone = contextlib.ExitStack()

    # -- what an owner of the device can see ----------------------------------------------------------
    @property
    def installed(self):
        """What it has installed so far; None if nothing."""
        path = self.folder / "installed.bin"
        return path.read_bytes() if path.exists() else None

    def output(self):
        with self._changed:
            return "\n".join(self._lines)

    def wait_line(self, *texts, seconds=SECONDS):
        """The first line of this run's output that holds all the texts."""

        def found():
            return next((line for line in self._lines if all(each in line for each in texts)), None)

        with self._changed:
            assert self._changed.wait_for(
                found, patient(seconds)
            ), f"{self.device}: no line with {texts} within {seconds} s:\n" + "\n".join(
                self._lines[-60:]
            )
            return found()

    # -- power ----------------------------------------------------------------------------------------
    SILENT_SECONDS_MAX = 6
    INSTALLED = 2  # what its boot loader would tell it after the reboot: the update works
    BROKEN = 3  # the update does not work

    def start(self, after_reboot=None):
        """`after_reboot`: INSTALLED or BROKEN, which it reports to the server first."""
        assert self._process is None, "it runs already"
        suricatta = self._suricatta + (f" -c {after_reboot}" if after_reboot else "")
        command = [
            "swupdate", "-l", "5", "-f", "swupdate.cfg", "-k", "certificate.pem",
            "-H", "board:1.0", "-u", suricatta,
        ]  # fmt: skip
        if _may_mount():
            command = [*NAMESPACE, 'mount --bind "$PWD" /tmp && exec "$@"', "sh", *command]
        else:
            self._alone.enter_context(_only_one())
        with self._changed:
            self._lines = []
        self._off.clear()
        self._run(command)
        self._watchdog = threading.Thread(target=self._watch, args=(command,), daemon=True)
        self._watchdog.start()
        return self

    def _run(self, command):
        self._spoke_at = time.monotonic()
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its children end with it
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _read(self, process):
        for line in process.stdout:
            with self._changed:
                self._spoke_at = time.monotonic()
                self._lines.append(line.decode(errors="replace").rstrip())
                self._changed.notify_all()

    def _watch(self, command):
        while not self._off.wait(0.5):
            if time.monotonic() - self._spoke_at > self.SILENT_SECONDS_MAX:
                self._kill()
                with self._changed:
                    self._lines.append("-- it hung: started again by the watchdog --")
                self._run(command)

    def _kill(self):
        """At once, as a power cut: it does not always end when it is asked to."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        self._reader.join(10)

    def stop(self):
        if self._process is None:
            return
        self._off.set()
        self._watchdog.join(20)
        self._kill()
        self._process = None
        self._alone.close()
        print(f"-- the end of what {self.device} printed --\n" + "\n".join(self._lines[-80:]))

    def reboot(self, outcome=INSTALLED):
        self.stop()
        self.start(after_reboot=outcome)

    def __enter__(self):
        return self.start() if self._process is None else self

    def __exit__(self, *_):
        self.stop()


NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


@functools.lru_cache(maxsize=None)
def _may_mount():
    with tempfile.TemporaryDirectory() as folder:
        command = [*NAMESPACE, 'mount --bind "$PWD" /tmp']
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=20).returncode == 0


@contextlib.contextmanager
def _only_one(seconds=120):
    """Held by one process of this machine at a time: the sockets in /tmp have fixed names."""
    with open(pathlib.Path(tempfile.gettempdir()) / "updraft-test-swupdate.lock", "w") as lock:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < deadline, "another swupdate keeps running"
                time.sleep(0.05)
        yield
