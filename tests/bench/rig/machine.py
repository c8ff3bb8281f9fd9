"""The machine: cores, processes as the kernel sees them, and the versions of everything."""
import os
import pathlib
import platform
import re
import resource
import shutil
import socket
import sqlite3
import ssl
import subprocess
import time

SERVER_CORE, LOAD_CORE = "0", "1"
MIB = 1 << 20


def pinned(core, command):
    """The command on one core: the server and its load never share one."""
    words = [str(word) for word in command]
    return ["taskset", "-c", core, *words] if os.cpu_count() > 1 else words


def on_core(core):
    """Puts this process on a core: its own yardsticks run where the server does, all else with the load."""
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, {int(core)})


def raise_descriptor_limit():
    """Ten thousand sockets need more than the usual soft limit; children inherit it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


def cpu_seconds(pid):
    """Processor time that a process has used so far, its threads included."""
    after_name = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def folder_mib(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file()) / MIB


def first_line(*command):
    """What a program says about itself; nothing if it is not here."""
    if not shutil.which(command[0]):
        return ""
    out = subprocess.run(command, capture_output=True, text=True, timeout=10)
    lines = (out.stdout + out.stderr).strip().splitlines()
    return re.split(r" [\[(]", lines[0].strip())[0] if lines else ""


def versions(binary):
    return {
        "updraft": first_line(binary, "--version"),
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "sqlite (Python's)": sqlite3.sqlite_version,
        "openssl (Python's)": ssl.OPENSSL_VERSION,
        "nginx": first_line("nginx", "-v"),
        "mosquitto": first_line("mosquitto", "-h"),
        "wrk": first_line("wrk", "-v"),
        "curl": first_line("curl", "--version"),
    }


def description():
    model = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "cores": os.cpu_count(),
        "processor": model.group(1).strip() if model else "unknown",
        "memory_gib": int(memory.group(1)) >> 20,
        "load_average": round(os.getloadavg()[0], 1),
        "began": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
