"""The load generators: ours (tests/bench/load), wrk and curl, all on the core that is not the server's."""
import json
import pathlib
import re
import subprocess

from rig import fleet, machine

FAILED_TEXT_MAX = 300


class LoadFailed(RuntimeError):
    """A load generator gave up, or its requests were refused."""


class Loads:
    """The tools of one build."""

    def __init__(self, folder, seconds):
        self.folder = pathlib.Path(folder)
        self.seconds = seconds

    def command(self, tool, *words, **options):
        command = [self.folder / tool, *words]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            for each in value if isinstance(value, list) else [value]:
                command += [flag] if each is True else [flag, each]
        return machine.pinned(machine.LOAD_CORE, command)

    def run(self, tool, *words, timeout=300, **options):
        """Runs a tool to its end; answers the JSON of its last line."""
        command = self.command(tool, *words, **options)
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        if done.returncode != 0:
            raise LoadFailed(f"{tool} {' '.join(map(str, words))}: {done.stderr.strip()[-FAILED_TEXT_MAX:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def mqtt(self, mode, port, **options):
        return self.run("mqtt_load", mode, port=port, **identity(), **{"seconds": self.seconds, **options})

    def http(self, port, path, wanted=200, **options):
        """Requests over kept connections; answers with rate, latencies and the server's processor time."""
        settings = {"seconds": self.seconds, "status": wanted, **options}
        answer = self.run("http_load", port=port, path=path, **settings)
        if answer["wrong"] or not answer["count"]:
            raise LoadFailed(f"{path}: {answer['wrong']} of {answer['count']} answers were not {wanted} "
                             f"but {answer['last_wrong_status']}")
        return answer

    def start(self, tool, *words, **options):
        return RunningLoad(tool, self.command(tool, *words, **options))

    def wrk(self, url, connections, *headers, seconds=None):
        """Bytes a second that one thread of wrk gets."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds or self.seconds))}s"]
        for header in headers:
            command += ["-H", header]
        done = subprocess.run(machine.pinned(machine.LOAD_CORE, [*command, url]), capture_output=True, text=True,
                              check=True)
        if "Non-2xx" in done.stdout:
            raise LoadFailed(f"wrk {url}: {done.stdout[-FAILED_TEXT_MAX:]}")
        units = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
        moved = re.search(r"Transfer/sec:\s+([\d.]+)(GB|MB|KB|B)", done.stdout)
        return float(moved.group(1)) * units[moved.group(2)]

    def curl(self, *words):
        done = subprocess.run(machine.pinned(machine.LOAD_CORE, ["curl", "-sSk", "--fail-with-body", *words]),
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise LoadFailed(f"curl: {done.stderr.strip()} {done.stdout[-FAILED_TEXT_MAX:]}")
        return json.loads(done.stdout)


def per_cpu(run):
    """What a run did in a second of the server's processor, whose clock ticks every 10 ms."""
    return run["count"] / max(run["cpu_seconds"], 0.01)


def identity():
    """Who the devices of the MQTT tools are."""
    return {"product": fleet.PRODUCT, "prefix": f"{fleet.PRODUCT}-", "secure_id": fleet.SECURE_ID,
            "secure_key": fleet.SECURE_KEY}


class RunningLoad:
    """A tool that runs beside us: says on a line that it is ready, and later what it measured."""

    def __init__(self, tool, command):
        self.tool = tool
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        self.said()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        if self.process.poll() is None:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def said(self):
        """The JSON of the next line."""
        line = self.process.stdout.readline()
        if not line:
            raise LoadFailed(f"{self.tool}: {self.process.stderr.read().strip()[-FAILED_TEXT_MAX:]}")
        return json.loads(line)

    def end(self):
        """Tells the tool that it is enough; answers what it measured."""
        self.process.stdin.close()
        return self.said()
