"""Downloads: large files and ranges, plain and TLS, and many slow readers."""
import dataclasses
import os
import pathlib
import statistics

from rig import fleet, machine

LARGE_MIB = 256
ROUNDS = 5  # the server and nginx take turns: a moment in which the machine is slow hits both
RANGE_1M, RANGE_64K = "Range: bytes=1048576-2097151", "Range: bytes=1048576-1114111"
READER_BYTES = 4096  # a second
NORMAL_CONNECTIONS, NORMAL_RATE = 16, 2_000


def store(bench, server, path):
    """Uploads a file; answers its path on the server."""
    stored = bench.loads.curl("-H", f"X-Access-Token: {server.rest.token}", "-F", f"file=@{path}",
                              server.url("/file/upload"))["result"]
    return f"/file/{stored['id']}.bin?accessKey={stored['others']['accessKey']}"


def measure_downloads(bench):
    with bench.nginx() as nginx, bench.fresh("files", devices=0) as server:
        blob = random_file(nginx.root / "firmware.bin", min(LARGE_MIB, bench.upload_mib))
        path = store(bench, server, blob)
        size = f"{blob.stat().st_size >> 20} MiB"
        for id, what, connections, headers in (
                ("download", f"download of {size}, 16 clients", 16, ()),
                ("ranges_1m", "ranges of 1 MiB, 64 clients", 64, (RANGE_1M,)),
                ("ranges_64k", "ranges of 64 KiB, 64 clients", 64, (RANGE_64K,))):
            for scheme, suffix, how in (("http", "", ""), ("https", "_tls", ", TLS")):
                theirs, ours = in_turns(bench, connections, headers,
                                        (nginx.worker, nginx.url("firmware.bin", scheme)),
                                        (server.pid, server.url(path, scheme)))
                bench.report.add(id + suffix, what + how, ours.rate, "MiB/s", yardstick="nginx",
                                 yardstick_value=theirs.rate,
                                 note=f"medians of {ROUNDS} rounds in turns; of the processor "
                                      f"{ours.cpu:.2f} s/GiB, nginx {theirs.cpu:.2f} s/GiB")


@dataclasses.dataclass
class Served:
    rate: float  # MiB/s that the client got
    cpu: float  # seconds of the server's processor for a GiB


def in_turns(bench, connections, headers, *servers):
    """What each of the servers (its process, a URL of the file) did, median by median."""
    seconds = max(1, round(bench.loads.seconds / ROUNDS))
    seen = [[] for _ in servers]
    for _ in range(ROUNDS):
        for (pid, url), rounds in zip(servers, seen):
            before = machine.cpu_seconds(pid)
            rate = bench.loads.wrk(url, connections, *headers, seconds=seconds) / (1 << 20)
            rounds.append(Served(rate, (machine.cpu_seconds(pid) - before) / (rate * seconds / 1024)))
    return [Served(*(statistics.median(getattr(each, field) for each in rounds) for field in ("rate", "cpu")))
            for rounds in seen]


def measure_slow_readers(bench):
    """Memory of a reader, and what a normal client notices of all of them."""
    readers = min(10_000, bench.devices)
    with bench.nginx() as nginx, bench.fresh("readers", "--http-connections-max", "15000") as server:
        blob = random_file(nginx.root / "firmware.bin", min(64, bench.upload_mib))
        path = store(bench, server, blob)
        # First on its core, or it would wait for the readers' turns there, which no server can help.
        poll = {"connections": NORMAL_CONNECTIONS, "devices": bench.devices, "rate": NORMAL_RATE, "first": True,
                "header": [f"Authorization: GatewayToken {fleet.TOKEN}"]}
        normal = lambda: bench.loads.http(server.port("http"), "/DEFAULT/controller/v1/bench-{n}", **poll)
        normal()  # the first answers of a server take longer: of devices that it has not seen yet
        alone = normal()
        theirs, control, _ = growth_of_readers(bench, nginx.port, "/firmware.bin", nginx.worker, readers, normal)
        ours, beside, ended = growth_of_readers(bench, server.port("http"), path, server.pid, readers, normal)
        bench.report.add("slow_reader_memory", f"memory of one of {readers:,} slow readers", ours / readers / 1024,
                         "KiB", yardstick="nginx", yardstick_value=theirs / readers / 1024,
                         note=f"{READER_BYTES} bytes a second each; {ended['gone']} were cut off")
        bench.report.add("slow_readers_normal_p99", "p99 of a normal client beside them", beside["p99_ms"], "ms",
                         yardstick="the same client alone", yardstick_value=alone["p99_ms"],
                         note=f"{NORMAL_RATE:,} DDI polls a second, open loop; p50 {beside['p50_ms']:.2f} ms, "
                              f"alone {alone['p50_ms']:.2f} ms")
        bench.report.add("slow_readers_normal_p99_nginx", "the same p99 while nginx serves the readers",
                         control["p99_ms"], "ms", yardstick="the same client alone", yardstick_value=alone["p99_ms"],
                         note="what the readers cost a client that shares their core, whoever serves them")
    tls_readers = min(readers, 2_000)
    # A server of its own: what the plain readers gave back would serve these.
    with bench.fresh("readers", devices=0) as server:
        blob = random_file(bench.folder / "firmware.bin", min(64, bench.upload_mib))
        path = store(bench, server, blob)
        tls, *_ = growth_of_readers(bench, server.port("https"), path, server.pid, tls_readers, None, tls=True)
        bench.report.add("slow_reader_memory_tls", f"memory of one of {tls_readers:,} slow readers over TLS",
                         tls / tls_readers / 1024, "KiB")


def growth_of_readers(bench, port, path, pid, readers, meanwhile, **options):
    """(bytes that the server's memory has grown, what `meanwhile` answered, what the readers said)"""
    before = resident_bytes(pid)
    with bench.loads.start("slow_readers", port=port, path=path, readers=readers, bytes_per_second=READER_BYTES,
                           **options) as reading:
        answer = meanwhile() if meanwhile else None
        grown = resident_bytes(pid) - before
        return grown, answer, reading.end()


def resident_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def random_file(path, mib):
    """Bytes that no file system can spare, made from few random ones."""
    block = os.urandom(1 << 20)
    with path.open("wb") as out:
        for number in range(mib):
            out.write(number.to_bytes(8, "big") + block[8:])
    return path
