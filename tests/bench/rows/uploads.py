"""Uploads of a large file: rate, memory, and the digests that they cannot be faster than."""
import contextlib
import hashlib
import os
import threading
import time

from rig import machine
from rig.rest import Rest
from rows.files import random_file

PIECE_MIB = 64
PASS_BYTES = 1 << 18
DIGESTED_MIB_MAX = 1024


def measure(bench):
    path = random_file(bench.folder / "upload.bin", bench.upload_mib)
    try:
        digests(bench, path)
        disk(bench, path)
        upload(bench, path, "upload", "one form, server on one core", machine.SERVER_CORE)
        upload(bench, path, "upload_two_cores", "one form, server free to use both cores", "0,1")
        pieces(bench, path)
    finally:
        path.unlink()


def size_of(bench):
    return f"{bench.upload_mib / 1024:g} GiB"


def digests(bench, path):
    """OpenSSL's, by Python on the server's core: what one core can do at most."""
    names = ("md5", "sha1", "sha256")
    mib = min(bench.upload_mib, DIGESTED_MIB_MAX)
    machine.on_core(machine.SERVER_CORE)
    try:
        for chosen in (names, *((name,) for name in names)):
            every = [hashlib.new(name) for name in chosen]
            began = time.monotonic()
            with path.open("rb") as data:
                for _ in range(mib * (1 << 20) // PASS_BYTES):
                    block = data.read(PASS_BYTES)
                    for digest in every:
                        digest.update(block)
            rate = mib / (time.monotonic() - began)
            what = "the three digests in one pass, one core" if chosen == names else f"{chosen[0]} alone, one core"
            bench.report.add("digests" if chosen == names else f"digest_{chosen[0]}", f"yardstick: {what}", rate,
                             "MiB/s", note="OpenSSL on a file in the page cache")
    finally:
        machine.on_core(machine.LOAD_CORE)


def disk(bench, path):
    copy = path.with_suffix(".copy")
    began = time.monotonic()
    with path.open("rb") as source, copy.open("wb") as out:
        while os.sendfile(out.fileno(), source.fileno(), None, 1 << 24):
            pass
        os.fsync(out.fileno())
    rate = bench.upload_mib / (time.monotonic() - began)
    copy.unlink()
    bench.report.add("disk_write", f"yardstick: a file of {size_of(bench)} copied and synced", rate, "MiB/s")


@contextlib.contextmanager
def peak_memory(server):
    """Samples the server's memory; gives a list whose one item is its growth in MiB at the end."""
    before, highest, ended = server.resident_mib(), [server.resident_mib()], threading.Event()

    def sample():
        while not ended.wait(0.05):
            highest[0] = max(highest[0], server.resident_mib())

    thread = threading.Thread(target=sample)
    thread.start()
    growth = []
    try:
        yield growth
    finally:
        ended.set()
        thread.join()
        growth.append(highest[0] - before)


def upload(bench, path, id, how, core):
    with bench.fresh("uploads", devices=0, core=core) as server:
        token, began = server.rest.token, time.monotonic()
        with peak_memory(server) as growth:
            stored = bench.loads.curl("-H", f"X-Access-Token: {token}", "-F", f"file=@{path}",
                                      server.url("/file/upload"))["result"]
        seconds, cpu = time.monotonic() - began, server.cpu_seconds()
    check(stored, path)
    bench.report.add(id, f"upload of {size_of(bench)}, stored and synced: {how}", bench.upload_mib / seconds, "MiB/s",
                     yardstick="the three digests in one pass, one core", yardstick_value=bench.report.value("digests"),
                     note=f"{bench.upload_mib / cpu:,.0f} MiB a second of the processor")
    if id == "upload":
        bench.report.add("upload_memory", "highest growth of memory during it", growth[0], "MiB")


def pieces(bench, path):
    size, piece = path.stat().st_size, PIECE_MIB << 20
    with bench.fresh("uploads", devices=0) as server, path.open("rb") as data:
        rest = Rest(server.http, server.rest.token)
        began, answer = time.monotonic(), None
        with peak_memory(server) as growth:
            for offset in range(0, size, piece):
                answer = rest.post(f"/file/upload/sharding/bench?offset={offset}&length={size}&name=upload.bin",
                                   raw=data.read(piece), content_type="application/octet-stream")
        seconds = time.monotonic() - began
    check(answer, path)
    bench.report.add("upload_pieces", f"upload of {size_of(bench)} in pieces of {PIECE_MIB} MiB", bench.upload_mib / seconds,
                     "MiB/s", yardstick="the three digests in one pass, one core",
                     yardstick_value=bench.report.value("digests"))
    bench.report.add("upload_pieces_memory", "highest growth of memory during it", growth[0], "MiB")


def check(stored, path):
    size = path.stat().st_size
    if stored.get("length") != size:
        raise RuntimeError(f"the server stored {stored} instead of {size} bytes")
